// Maps: what a pointer to one may be used for, accesses to values and their special fields (locks, timers, kernel pointers), which
// helper takes which type of map, and which maps a program type may use at all.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private const uint ReadOnlyForPrograms = (uint)MapFlags.ReadOnlyProgram, WriteOnlyForPrograms = (uint)MapFlags.WriteOnlyProgram;

    /// <summary>The program's maps, then the prototypes of maps inside maps as they are met.</summary>
    private readonly List<MapDefinition> _maps = [];
    private readonly List<MapRecord> _records = [];
    private bool _hasArena;

    private void InitializeMaps()
    {
        foreach (IMap map in _program.Maps)
            AddMap(map.Definition);
    }

    private int AddMap(MapDefinition definition)
    {
        _maps.Add(definition);
        _records.Add(MapRecord.Read(definition));
        _hasArena |= TypeOf(definition) == MapType.Arena;
        return _maps.Count - 1;
    }

    private static MapType TypeOf(MapDefinition map) => (MapType)map.Type;

    private MapDefinition MapOf(in RegisterState register) => _maps[register.Target];

    private MapRecord RecordOf(in RegisterState register) => _records[register.Target];

    /// <summary>Every map a wide immediate names exists, and its type goes with the program's.</summary>
    private void CheckMapReferences()
    {
        for (int slot = 0; slot < _code.Length; slot += _code[slot].Slots)
        {
            _slot = slot;
            if (_code[slot].Opcode == EbpfOpcode.LoadBtfId && _code[slot].Defect is null)
                KernelVariable(_code[slot].Immediate);
            if (_code[slot].Opcode is not (EbpfOpcode.LoadMapFd or EbpfOpcode.LoadMapValue))
                continue;
            int index = _code[slot].Immediate;
            if ((uint)index >= (uint)_program.Maps.Count)
                throw Reject($"fd {index} is not pointing to valid bpf_map");
            MapDefinition map = _maps[index];
            CheckMapForProgram(map, _records[index]);
            if (_code[slot].Opcode == EbpfOpcode.LoadMapFd)
                continue;
            uint offset = (uint)_program.Instructions[slot + 1].Immediate;
            if (offset >= MaxVariableOffset)
                throw Reject($"direct value offset of {offset} is not allowed");
            if (TypeOf(map) is not (MapType.Array or MapType.Arena))
                throw Reject("no direct value access support for this map type");
            if (TypeOf(map) == MapType.Array && (map.MaxEntries != 1 || offset >= (uint)map.ValueSize))
                throw Reject($"invalid access to map value pointer, value_size={map.ValueSize} off={offset}");
        }
        _slot = 0;
    }

    private void CheckMapForProgram(MapDefinition map, MapRecord record)
    {
        bool tracing = _type is ProgramType.Kprobe or ProgramType.Tracepoint or ProgramType.PerfEvent or ProgramType.RawTracepoint or ProgramType.RawTracepointWritable;
        if (record.HasCollections && tracing)
            throw Reject("tracing progs cannot use bpf_{list_head,rb_root} yet");
        if (record.SpinLock >= 0 && _type == ProgramType.SocketFilter)
            throw Reject("socket filter progs cannot use bpf_spin_lock yet");
        if (record.SpinLock >= 0 && tracing)
            throw Reject("tracing progs cannot use bpf_spin_lock yet");
        if (record.Timer >= 0 && tracing)
            throw Reject("tracing progs cannot use bpf_timer yet");
        if (record.Workqueue >= 0 && tracing)
            throw Reject("tracing progs cannot use bpf_wq yet");
        if (TypeOf(map) == MapType.StructOps)
            throw Reject("bpf_struct_ops map cannot be used in prog");
        if (IsSleepable && TypeOf(map) is not (MapType.Hash or MapType.LruHash or MapType.Array or MapType.PerCpuHash or MapType.PerCpuArray or MapType.LruPerCpuHash
            or MapType.ArrayOfMaps or MapType.HashOfMaps or MapType.RingBuffer or MapType.UserRingBuffer or MapType.InodeStorage or MapType.SkStorage
            or MapType.TaskStorage or MapType.CgrpStorage or MapType.Queue or MapType.Stack or MapType.Arena))
            throw Reject("Sleepable programs can only use array, hash, ringbuf and local storage maps");
    }

    private void TransferWideImmediate(ref InstructionInfo instruction)
    {
        RequireWritable(instruction.Dst);
        ref RegisterState dst = ref _registers[instruction.Dst];
        switch (instruction.Opcode)
        {
            case EbpfOpcode.LoadImm64:
                dst = RegisterState.Constant(_program.Instructions[_slot].WideImmediate(_program.Instructions[_slot + 1]));
                break;
            case EbpfOpcode.LoadMapFd:
                dst = RegisterState.Pointer(RegisterKind.Map);
                dst.Target = instruction.Immediate;
                break;
            case EbpfOpcode.LoadMapValue:
                if (TypeOf(_maps[instruction.Immediate]) == MapType.Arena)
                {
                    MarkUnknown(ref dst);
                    break;
                }
                dst = RegisterState.Pointer(RegisterKind.MapValue);
                dst.Target = instruction.Immediate;
                dst.Offset = _program.Instructions[_slot + 1].Immediate;
                break;
            case EbpfOpcode.LoadFunction:
                int function = _flow.FindSubprogram(_slot + 1 + instruction.Immediate);
                if (function == 0)
                    throw Reject("callback function cannot be the main program");
                if (_flow.Subprograms[function].IsGlobal)
                    throw Reject("callback function not static");
                dst = RegisterState.Pointer(RegisterKind.Function);
                dst.Target = function;
                break;
            case EbpfOpcode.LoadBtfId:
                dst = KernelVariable(instruction.Immediate);
                break;
            default:
                throw Reject("unrecognized bpf_ld_imm64 insn");
        }
    }

    private void AccessMapValue(ref InstructionInfo instruction, int number, int offset, int size, bool isWrite, int value, bool signExtends)
    {
        ref RegisterState pointer = ref _registers[number];
        MapDefinition map = MapOf(in pointer);
        CheckMapPermission(map, offset, size, isWrite);
        CheckMapValueRange(number, offset, size, zeroAllowed: false, isHelper: false);
        if (pointer.Value.IsConst && RecordOf(in pointer).FindKernelPointer(offset + (int)pointer.Value.Bits.Value) is { } field)
        {
            AccessKernelPointer(ref instruction, isWrite, value, field);
            return;
        }
        if (isWrite || value < 0)
            return;
        if (pointer.Value.IsConst && ReadConstant(pointer.Target, offset + (int)pointer.Value.Bits.Value, size, signExtends) is { } constant)
        {
            _registers[value] = RegisterState.Constant(constant);
            _log.Touch(value);
            return;
        }
        SetLoaded(value, size, signExtends);
    }

    /// <summary>Contents of a map that nobody can change any more (.rodata): constants for the program.</summary>
    private unsafe ulong? ReadConstant(int index, int offset, int size, bool signExtends)
    {
        if (index >= _program.Maps.Count)
            return null;
        MapDefinition map = _maps[index];
        if (!map.IsFrozen || (map.Flags & ReadOnlyForPrograms) == 0 || TypeOf(map) != MapType.Array)
            return null;
        byte* bytes = _program.Maps[index].DirectValue((uint)offset);
        if (bytes is null)
            return null;
        ulong result = 0;
        for (int i = size - 1; i >= 0; i--)
            result = result << 8 | bytes[i];
        return signExtends ? Core.Numerics.IntegerArithmetic.SignExtend(result, size * 8) : result;
    }

    private bool IsConstantMap(int index) => index < _program.Maps.Count && _maps[index].IsFrozen && (_maps[index].Flags & ReadOnlyForPrograms) != 0;

    private void CheckMapPermission(MapDefinition map, int offset, int size, bool isWrite)
    {
        if (isWrite && (map.Flags & ReadOnlyForPrograms) != 0)
            throw Reject($"write into map forbidden, value_size={map.ValueSize} off={offset} size={size}");
        if (!isWrite && (map.Flags & WriteOnlyForPrograms) != 0)
            throw Reject($"read from map forbidden, value_size={map.ValueSize} off={offset} size={size}");
    }

    /// <summary>Inside the value, and not on one of its special fields.</summary>
    private void CheckMapValueRange(int number, int offset, int size, bool zeroAllowed, bool isHelper)
    {
        ref RegisterState pointer = ref _registers[number];
        CheckRegion(number, offset, size, MapOf(in pointer).ValueSize, zeroAllowed);
        foreach (MapField field in RecordOf(in pointer).Fields)
        {
            if (pointer.Value.SMin + offset >= field.Offset + field.Size || field.Offset >= (long)pointer.Value.UMax + offset + size)
                continue;
            if (!field.IsKernelPointer)
                throw Reject($"{field.Name} cannot be accessed directly by load/store");
            if (isHelper)
                throw Reject("kptr cannot be accessed indirectly by helper");
            if (!pointer.Value.IsConst)
                throw Reject("kptr access cannot have variable offset");
            long at = offset + (long)pointer.Value.Bits.Value;
            if (field.Offset != at)
                throw Reject($"kptr access misaligned expected={field.Offset} off={at}");
            if (size != 8)
                throw Reject("kptr access size must be BPF_DW");
        }
    }

    /// <summary>A lookup's result is known not to be null: what the value is depends on the map.</summary>
    private void NullCheckedMapValue(ref RegisterState register)
    {
        MapDefinition map = MapOf(in register);
        if (map.Inner is { } inner)
        {
            int outer = register.Target;
            register.Kind = RegisterKind.Map;
            register.Target = InnerMap(outer, inner);
            // Timers and work queues must be started with the very map they lie in; every lookup may give another one.
            if (_records[register.Target].Timer >= 0 || _records[register.Target].Workqueue >= 0)
                register.Extra = register.Id;
        }
        else if (TypeOf(map) == MapType.XskMap)
        {
            register.Kind = RegisterKind.XdpSocket;
        }
        else if (TypeOf(map) is MapType.SockMap or MapType.SockHash)
        {
            register.Kind = RegisterKind.Socket;
        }
        else
        {
            register.Kind = RegisterKind.MapValue;
        }
    }

    private readonly Dictionary<int, int> _innerMaps = [];

    private int InnerMap(int outer, MapDefinition inner)
    {
        if (!_innerMaps.TryGetValue(outer, out int index))
            _innerMaps[outer] = index = AddMap(inner);
        return index;
    }

    private bool PointsAtSpinLock(in RegisterState register)
        => register.Kind == RegisterKind.MapValue ? RecordOf(in register).SpinLock >= 0
            : register.Kind.IsOwnObject() && ObjectRecord(in register).SpinLock >= 0;

    /// <summary>The two-way table: which helpers a map type allows, which map type a helper needs.</summary>
    private void CheckMapForHelper(int index, HelperRow helper)
    {
        if (index < 0)
            return;
        MapDefinition map = _maps[index];
        string name = helper.Name;
        bool allowed = TypeOf(map) switch
        {
            MapType.ProgArray => name is "tail_call",
            MapType.PerfEventArray => name is "perf_event_read" or "perf_event_output" or "skb_output" or "perf_event_read_value" or "xdp_output",
            MapType.RingBuffer => name is "ringbuf_output" or "ringbuf_reserve" or "ringbuf_query" or "ringbuf_reserve_dynptr" or "ringbuf_submit_dynptr" or "ringbuf_discard_dynptr",
            MapType.UserRingBuffer => name is "user_ringbuf_drain",
            MapType.StackTrace => name is "get_stackid",
            MapType.CgroupArray => name is "skb_under_cgroup" or "current_task_under_cgroup",
            MapType.CgroupStorage or MapType.PerCpuCgroupStorage => name is "get_local_storage",
            MapType.DevMap or MapType.DevMapHash or MapType.XskMap => name is "redirect_map" or "map_lookup_elem",
            MapType.CpuMap => name is "redirect_map",
            MapType.ArrayOfMaps or MapType.HashOfMaps => name is "map_lookup_elem",
            MapType.SockMap => name is "sk_redirect_map" or "sock_map_update" or "msg_redirect_map" or "sk_select_reuseport" or "map_lookup_elem" || MayUpdateSockmap(name),
            MapType.SockHash => name is "sk_redirect_hash" or "sock_hash_update" or "msg_redirect_hash" or "sk_select_reuseport" or "map_lookup_elem" || MayUpdateSockmap(name),
            MapType.ReuseportSockArray => name is "sk_select_reuseport",
            MapType.Queue or MapType.Stack => name is "map_peek_elem" or "map_pop_elem" or "map_push_elem",
            MapType.SkStorage => name is "sk_storage_get" or "sk_storage_delete" or "kptr_xchg",
            MapType.InodeStorage => name is "inode_storage_get" or "inode_storage_delete" or "kptr_xchg",
            MapType.TaskStorage => name is "task_storage_get" or "task_storage_delete" or "kptr_xchg",
            MapType.CgrpStorage => name is "cgrp_storage_get" or "cgrp_storage_delete" or "kptr_xchg",
            MapType.BloomFilter => name is "map_peek_elem" or "map_push_elem",
            _ => true,
        };
        allowed &= name switch
        {
            "tail_call" => TypeOf(map) == MapType.ProgArray,
            "perf_event_read" or "perf_event_output" or "perf_event_read_value" or "skb_output" or "xdp_output" => TypeOf(map) == MapType.PerfEventArray,
            "ringbuf_output" or "ringbuf_reserve" or "ringbuf_query" or "ringbuf_reserve_dynptr" or "ringbuf_submit_dynptr" or "ringbuf_discard_dynptr" => TypeOf(map) == MapType.RingBuffer,
            "user_ringbuf_drain" => TypeOf(map) == MapType.UserRingBuffer,
            "get_stackid" => TypeOf(map) == MapType.StackTrace,
            "current_task_under_cgroup" or "skb_under_cgroup" => TypeOf(map) == MapType.CgroupArray,
            "redirect_map" => TypeOf(map) is MapType.DevMap or MapType.DevMapHash or MapType.CpuMap or MapType.XskMap,
            "sk_redirect_map" or "msg_redirect_map" or "sock_map_update" => TypeOf(map) == MapType.SockMap,
            "sk_redirect_hash" or "msg_redirect_hash" or "sock_hash_update" => TypeOf(map) == MapType.SockHash,
            "get_local_storage" => TypeOf(map) is MapType.CgroupStorage or MapType.PerCpuCgroupStorage,
            "sk_select_reuseport" => TypeOf(map) is MapType.ReuseportSockArray or MapType.SockMap or MapType.SockHash,
            "map_pop_elem" => TypeOf(map) is MapType.Queue or MapType.Stack,
            "map_peek_elem" or "map_push_elem" => TypeOf(map) is MapType.Queue or MapType.Stack or MapType.BloomFilter,
            "map_lookup_percpu_elem" => TypeOf(map) is MapType.PerCpuArray or MapType.PerCpuHash or MapType.LruPerCpuHash,
            "sk_storage_get" or "sk_storage_delete" => TypeOf(map) == MapType.SkStorage,
            "inode_storage_get" or "inode_storage_delete" => TypeOf(map) == MapType.InodeStorage,
            "task_storage_get" or "task_storage_delete" => TypeOf(map) == MapType.TaskStorage,
            "cgrp_storage_get" or "cgrp_storage_delete" => TypeOf(map) == MapType.CgrpStorage,
            _ => true,
        };
        if (!allowed)
            throw Reject($"cannot pass map_type {map.Type} into func {helper.FullName}#{helper.Id}");
    }

    private bool MayUpdateSockmap(string helper)
    {
        if (helper is not ("map_update_elem" or "map_delete_elem"))
            return false;
        bool may = _type switch
        {
            ProgramType.Tracing => _attach == AttachType.TraceIter,
            ProgramType.SockOps => helper == "map_delete_elem",
            ProgramType.SocketFilter or ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.Xdp or ProgramType.SkReuseport or ProgramType.FlowDissector
                or ProgramType.SkLookup => true,
            _ => false,
        };
        if (!may)
            Say("cannot update sockmap in this context");
        return may;
    }
}
