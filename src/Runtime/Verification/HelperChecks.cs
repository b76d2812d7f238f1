// What must hold of a helper's arguments: every argument kind of the helper table has its rule here.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private const ulong MaxVariableSize = 1 << 29;
    private const RegisterKind Obj = RegisterKind.Object;

    private static readonly RegisterKind[] s_memoryKinds =
    [
        RegisterKind.Stack, RegisterKind.Packet, RegisterKind.PacketMeta, RegisterKind.MapKey, RegisterKind.MapValue, RegisterKind.Memory,
        RegisterKind.Memory | RegisterKind.Ringbuf, RegisterKind.Buffer, Obj | RegisterKind.Trusted,
    ];

    private static readonly RegisterKind[] s_socketKinds = [RegisterKind.SocketCommon, RegisterKind.Socket, RegisterKind.TcpSocket, RegisterKind.XdpSocket];

    private static readonly RegisterKind[] s_anySocketKinds = [.. s_socketKinds, Obj, Obj | RegisterKind.Trusted];

    private static readonly RegisterKind[]?[] s_acceptable = BuildAcceptable();

    private static RegisterKind[]?[] BuildAcceptable()
    {
        var table = new RegisterKind[]?[(int)HelperArgument.Dynptr + 1];
        void Row(HelperArgument argument, params RegisterKind[] kinds) => table[(int)argument] = kinds;
        Row(HelperArgument.MapKey, s_memoryKinds);
        Row(HelperArgument.MapValue, s_memoryKinds);
        Row(HelperArgument.Memory, s_memoryKinds);
        Row(HelperArgument.Size, RegisterKind.Scalar);
        Row(HelperArgument.SizeOrZero, RegisterKind.Scalar);
        Row(HelperArgument.AllocationSize, RegisterKind.Scalar);
        Row(HelperArgument.Scalar, RegisterKind.Scalar);
        Row(HelperArgument.ConstMap, RegisterKind.Map);
        Row(HelperArgument.Context, RegisterKind.Context);
        Row(HelperArgument.SockCommon, s_socketKinds);
        Row(HelperArgument.BtfSockCommon, s_anySocketKinds);
        Row(HelperArgument.Socket, RegisterKind.Socket);
        Row(HelperArgument.BtfPointer, Obj, Obj | RegisterKind.Trusted, Obj | RegisterKind.Rcu);
        Row(HelperArgument.SpinLock, RegisterKind.MapValue, Obj | RegisterKind.Allocated);
        Row(HelperArgument.RingbufMemory, RegisterKind.Memory | RegisterKind.Ringbuf);
        Row(HelperArgument.PercpuBtfPointer, Obj | RegisterKind.Percpu, Obj | RegisterKind.Percpu | RegisterKind.Rcu, Obj | RegisterKind.Percpu | RegisterKind.Trusted);
        Row(HelperArgument.Function, RegisterKind.Function);
        Row(HelperArgument.Stack, RegisterKind.Stack);
        Row(HelperArgument.ConstString, RegisterKind.MapValue);
        Row(HelperArgument.Timer, RegisterKind.MapValue);
        Row(HelperArgument.KptrSlot, RegisterKind.MapValue, Obj | RegisterKind.Allocated);
        Row(HelperArgument.Dynptr, RegisterKind.Stack, RegisterKind.Dynptr);
        return table;
    }

    private void CheckArgument(CallContext call, int index)
    {
        int number = index + 1;
        HelperRow helper = call.Helper;
        HelperArgument argument = helper.Arguments[index];
        RequireReadable(number);
        ref RegisterState register = ref _registers[number];
        if (argument.Kind() == HelperArgument.Anything)
        {
            if (IsSecret(number))
                throw Reject($"R{number} leaks addr into helper function");
            return;
        }
        if (register.Kind.IsPacketData() && !MayPassPacket(helper))
            throw Reject("helper access to the packet is not allowed");
        if (argument.Kind() == HelperArgument.MapValue)
            argument = ResolveMapValueArgument(call, argument);
        bool isNull = register.IsNull && argument.Is(HelperArgument.Nullable);
        if (isNull)
        {
            MarkPrecise(number);
        }
        else
        {
            CheckArgumentKind(call, number, argument, index);
            CheckArgumentOffset(in register, number, argument);
        }
        if (argument.Is(HelperArgument.Release))
        {
            if (argument.Kind() == HelperArgument.Dynptr)
            {
                if (register.Kind != RegisterKind.Stack)
                    throw Reject("cannot release unowned const bpf_dynptr");
                int slot = DynptrSlot(in register);
                if (slot < 0 || FrameOf(in register).Slot(slot).Spill.Reference == 0)
                    throw Reject($"arg {number} is an unacquired reference");
            }
            else if (register.Reference == 0 && !register.IsNull)
            {
                throw Reject($"R{number} must be referenced when passed to release function");
            }
            call.ReleaseRegister = number;
        }
        if (register.Reference != 0 && argument.Kind() != HelperArgument.KptrSlot)
        {
            if (call.Reference != 0)
                throw Reject($"more than one arg with ref_obj_id R{number} {register.Reference} {call.Reference}");
            call.Reference = register.Reference;
        }
        switch (argument.Kind())
        {
            case HelperArgument.ConstMap:
                if (call.Map >= 0 && (call.Map != register.Target || call.MapLookup != register.Extra))
                    throw Reject($"timer pointer in R1 map_uid={call.MapLookup} doesn't match map pointer in R2 map_uid={register.Extra}");
                call.Map = register.Target;
                call.MapLookup = register.Extra;
                break;
            case HelperArgument.MapKey:
                if (call.Map < 0)
                    throw Reject("invalid map_ptr to access map->key");
                call.IsRaw = false;
                call.ConstantKey = ReadConstantKey(in register, _maps[call.Map]);
                CheckMemory(null, number, _maps[call.Map].KeySize, isWrite: false, zeroAllowed: false, isKept: true);
                break;
            case HelperArgument.MapValue:
                if (isNull)
                    return;
                if (call.Map < 0)
                    throw Reject("invalid map_ptr to access map->value");
                call.IsRaw = argument.Is(HelperArgument.Uninit);
                CheckMemory(call, number, _maps[call.Map].ValueSize, argument.Is(HelperArgument.Writes), zeroAllowed: false, isKept: IsKept(helper, index));
                break;
            case HelperArgument.Memory:
                // Checked with the size that follows, unless the size is fixed.
                call.IsRaw = argument.Is(HelperArgument.Uninit);
                if (!argument.Is(HelperArgument.FixedSize))
                    break;
                int size = helper.ArgumentSizes[index];
                CheckMemory(call, number, size, argument.Is(HelperArgument.Writes), zeroAllowed: false, isKept: IsKept(helper, index));
                if (argument.Is(HelperArgument.Aligned))
                    CheckAlignment(in register, 0, size, strictOnce: true);
                break;
            case HelperArgument.Size or HelperArgument.SizeOrZero:
                CheckMemoryAndSize(call, number, helper.Arguments[index - 1].Is(HelperArgument.Writes), argument.Kind() == HelperArgument.SizeOrZero, IsKept(helper, index - 1));
                break;
            case HelperArgument.AllocationSize:
                if (!register.Value.IsConst)
                    throw Reject($"R{number} is not a known constant'");
                call.MemorySize = register.Value.Bits.Value;
                MarkPrecise(number);
                break;
            case HelperArgument.SpinLock:
                ApplySpinLock(number, isLock: helper.Name == "spin_lock");
                break;
            case HelperArgument.Timer:
                CheckTimer(call, number);
                break;
            case HelperArgument.Function:
                call.Function = register.Target;
                break;
            case HelperArgument.Dynptr:
                ApplyDynptrArgument(number, argument);
                break;
            case HelperArgument.ConstString:
                CheckConstantString(number);
                break;
            case HelperArgument.KptrSlot:
                CheckKernelPointerSlot(call, number);
                break;
            case HelperArgument.PercpuBtfPointer:
                if (register.Target == 0)
                    throw Reject($"Helper has invalid btf_id in R{number}");
                call.TypeId = register.Target;
                call.Btf = register.Btf;
                break;
        }
    }

    /// <summary>The key of an array when the program wrote a constant to the stack for it; -1 when it is not known.</summary>
    private long ReadConstantKey(in RegisterState key, MapDefinition map)
    {
        if (!_options.Kernel.Has(KernelRule.ArrayLookupsNeverFail) || !_options.IsPrivileged || TypeOf(map) is not (MapType.Array or MapType.PerCpuArray) || key.Kind != RegisterKind.Stack || !key.Value.IsConst)
            return -1;
        FrameState frame = FrameOf(in key);
        int offset = key.Offset + (int)key.Value.Bits.Value, top = -offset - 1, index = top / 8;
        if (offset >= 0 || index >= frame.SlotCount)
            return -1;
        ref StackSlot slot = ref frame.Slot(index);
        int zeros = 0, spilled = 0;
        for (int i = top % 8; i >= 0 && slot[i] == SlotType.Zero; i--)
            zeros++;
        if (zeros >= map.KeySize)
            return 0;
        if (!slot.IsScalarSpill)
            return -1;
        for (int i = top % 8; i >= 0 && slot[i] == SlotType.Spill; i--)
            spilled++;
        if (spilled != map.KeySize || !slot.Spill.Value.IsConst || slot.Spill.Value.Bits.Value > int.MaxValue)
            return -1;
        MarkSlotPrecise(frame, index);
        return (long)slot.Spill.Value.Bits.Value;
    }

    /// <summary>Values of socket maps are sockets; a bloom filter's peek reads its value.</summary>
    private HelperArgument ResolveMapValueArgument(CallContext call, HelperArgument argument)
    {
        if (call.Map < 0)
            throw Reject("invalid map_ptr to access map->type");
        switch (TypeOf(_maps[call.Map]))
        {
            case MapType.SockMap or MapType.SockHash:
                return argument == HelperArgument.MapValue ? HelperArgument.BtfSockCommon : throw Reject("invalid arg_type for sockmap/sockhash");
            case MapType.BloomFilter when call.Helper.Name == "map_peek_elem":
                return HelperArgument.MapValue;
            default:
                return argument;
        }
    }

    private void CheckArgumentKind(CallContext call, int number, HelperArgument argument, int index)
    {
        ref RegisterState register = ref _registers[number];
        RegisterKind[] acceptable = s_acceptable[(int)argument.Kind()] ?? throw Reject($"unsupported arg type {argument}");
        RegisterKind kind = register.Kind;
        if (argument.Is(HelperArgument.ReadOnly))
            kind &= ~RegisterKind.ReadOnly;
        if (argument.Is(HelperArgument.Nullable))
            kind &= ~RegisterKind.MaybeNull;
        if (argument.Kind() == HelperArgument.Memory)
            kind &= ~(RegisterKind.SkbSlice | RegisterKind.XdpSlice);
        if (call.Helper.Name == "kptr_xchg" && kind.Has(RegisterKind.Allocated) && number == 2)
            kind &= ~(RegisterKind.Allocated | RegisterKind.Percpu);
        if (call.Helper.Name == "kptr_xchg" && number == 2 && kind.Base() == Obj && Array.IndexOf(s_acceptable[(int)HelperArgument.BtfPointer]!, kind) >= 0)
            acceptable = s_acceptable[(int)HelperArgument.BtfPointer]!;
        if (Array.IndexOf(acceptable, kind) < 0)
            throw Reject($"R{number} type={register.Kind.Name()} expected={string.Join(", ", acceptable.Select(each => each.Name()))}");
        if (register.Kind.Base() == Obj)
            CheckObjectArgument(call, number, argument, index, ReferenceEquals(acceptable, s_memoryKinds));
    }

    /// <summary>Which pointers may be passed with an offset.</summary>
    private void CheckArgumentOffset(in RegisterState register, int number, HelperArgument argument)
    {
        if (argument.Is(HelperArgument.Release))
        {
            if (argument.Kind() == HelperArgument.Dynptr && register.Kind == RegisterKind.Stack)
                return;
            if (register.Offset != 0 && register.IsPointer)
                throw Reject($"R{number} must have zero offset when passed to release func or trusted arg to kfunc");
            if (register.IsPointer)
                CheckUnmodified(in register, number, fixedOffsetAllowed: false);
            return;
        }
        switch (register.Kind)
        {
            case RegisterKind.Stack or RegisterKind.Packet or RegisterKind.PacketMeta or RegisterKind.MapKey or RegisterKind.MapValue or RegisterKind.Memory
                or (RegisterKind.Memory | RegisterKind.ReadOnly) or (RegisterKind.Memory | RegisterKind.Ringbuf) or RegisterKind.Buffer
                or (RegisterKind.Buffer | RegisterKind.ReadOnly) or RegisterKind.Arena or RegisterKind.Scalar:
                return;
            case Obj or (Obj | RegisterKind.Allocated) or (Obj | RegisterKind.Trusted) or (Obj | RegisterKind.Rcu)
                or (Obj | RegisterKind.Allocated | RegisterKind.NonOwning) or (Obj | RegisterKind.Allocated | RegisterKind.NonOwning | RegisterKind.Rcu):
                CheckUnmodified(in register, number, fixedOffsetAllowed: true);
                return;
            default:
                CheckUnmodified(in register, number, fixedOffsetAllowed: false);
                return;
        }
    }

    /// <summary>The helper only reads what the argument points at: its row says so, or its C declaration says const.</summary>
    private static bool IsKept(HelperRow helper, int index)
    {
        if (helper.Arguments[index].Is(HelperArgument.Writes))
            return false;
        if (helper.Arguments[index].Is(HelperArgument.ReadOnly))
            return true;
        ReadOnlySpan<char> rest = helper.Parameters;
        for (; index > 0; index--)
            rest = rest[(rest.IndexOf(',') + 1)..];
        return rest.TrimStart().StartsWith("const ", StringComparison.Ordinal);
    }

    /// <summary>A helper touches <paramref name="size"/> bytes at the pointer.</summary>
    /// <param name="isKept">It surely does not change them.</param>
    private void CheckMemory(CallContext? call, int number, int size, bool isWrite, bool zeroAllowed, bool isKept = false)
    {
        ref RegisterState register = ref _registers[number];
        RegisterKind kind = register.Kind;
        switch (kind.Base())
        {
            case RegisterKind.Packet or RegisterKind.PacketMeta:
                CheckPacket(number, register.Offset, size, zeroAllowed);
                return;
            case RegisterKind.MapKey:
                if (isWrite)
                    throw Reject($"R{number} cannot write into {kind.Name()}");
                CheckRegion(number, register.Offset, size, MapOf(in register).KeySize, zeroAllowed: false);
                return;
            case RegisterKind.MapValue when kind == RegisterKind.MapValue:
                CheckMapPermission(MapOf(in register), register.Offset, size, isWrite);
                CheckMapValueRange(number, register.Offset, size, zeroAllowed, isHelper: true);
                return;
            case RegisterKind.Memory when !kind.MayBeNull():
                if (isWrite && kind.Has(RegisterKind.ReadOnly))
                    throw Reject($"R{number} cannot write into {kind.Name()}");
                CheckRegion(number, register.Offset, size, register.Target, zeroAllowed);
                return;
            case RegisterKind.Buffer when !kind.MayBeNull():
                if (isWrite && kind.Has(RegisterKind.ReadOnly))
                    throw Reject($"R{number} cannot write into {kind.Name()}");
                CheckBuffer(kind.Has(RegisterKind.ReadOnly) ? "rdonly" : "rdwr", number, register.Offset, size);
                return;
            case RegisterKind.Stack:
                CheckStackInitialized(number, register.Offset, size, zeroAllowed, isHelper: true, call, isWrite || !isKept);
                return;
            case RegisterKind.Object:
                AccessObject(number, register.Offset, size, isWrite: false, NoRegister, signExtends: false);
                return;
            case RegisterKind.Context when _type == ProgramType.Syscall:
                if (size == 0 && zeroAllowed)
                    return;
                CheckSyscallContext(number, size);
                return;
        }
        if (zeroAllowed && size == 0 && register.IsNull)
            return;
        throw Reject($"R{number} type={kind.Name()} expected={RegisterKind.Stack.Name()}");
    }

    /// <summary>A pointer in the register before and its size in this one.</summary>
    private void CheckMemoryAndSize(CallContext call, int number, bool isWrite, bool zeroAllowed, bool isKept = false)
    {
        ref RegisterState register = ref _registers[number];
        call.LargestSize = register.Value.UMax;
        if (register.Value.SMin < 0)
            throw Reject($"R{number} min value is negative, either use unsigned or 'var &= const'");
        if (register.Value.UMin == 0 && !zeroAllowed)
            throw Reject($"R{number} invalid zero-sized read: u64=[{(long)register.Value.UMin},{(long)register.Value.UMax}]");
        if (register.Value.UMax >= MaxVariableSize)
            throw Reject($"R{number} unbounded memory access, use 'var &= const' or 'if (var < const)'");
        // A size that varies cannot promise to fill memory: it must be initialised already.
        CheckMemory(register.Value.IsConst ? call : null, number - 1, (int)register.Value.UMax, isWrite, zeroAllowed, isKept);
        MarkPrecise(number);
    }

    private void CheckTimer(CallContext call, int number)
    {
        ref RegisterState register = ref _registers[number];
        if (!register.Value.IsConst)
            throw Reject($"R{number} doesn't have constant offset. bpf_timer has to be at the constant offset");
        MapDefinition map = MapOf(in register);
        MapRecord record = RecordOf(in register);
        if (!record.HasBtf)
            throw Reject($"map '{map.Name}' has to have BTF in order to use bpf_timer");
        if (record.Timer < 0)
            throw Reject($"map '{map.Name}' has no valid bpf_timer");
        long at = register.Offset + (long)register.Value.Bits.Value;
        if (record.Timer != at)
            throw Reject($"off {at} doesn't point to 'struct bpf_timer' that is at {record.Timer}");
        call.Map = register.Target;
        call.MapLookup = register.Extra;
    }

    private unsafe void CheckConstantString(int number)
    {
        ref RegisterState register = ref _registers[number];
        if (!IsConstantMap(register.Target))
            throw Reject($"R{number} does not point to a readonly map'");
        if (!register.Value.IsConst)
            throw Reject($"R{number} is not a constant address'");
        MapDefinition map = MapOf(in register);
        if (TypeOf(map) != MapType.Array)
            throw Reject("no direct value access support for this map type");
        CheckMapValueRange(number, register.Offset, map.ValueSize - register.Offset, zeroAllowed: false, isHelper: true);
        int offset = register.Offset + (int)register.Value.Bits.Value;
        byte* text = _program.Maps[register.Target].DirectValue((uint)offset);
        if (text is null)
            throw Reject("direct value access on string failed");
        if (new ReadOnlySpan<byte>(text, map.ValueSize - offset).IndexOf((byte)0) < 0)
            throw Reject("string is not zero-terminated");
    }
}
