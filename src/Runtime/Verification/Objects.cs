// Kernel objects described by BTF: walking their fields, passing them to helpers, and what is known of a pointer found in one.
// Without the kernel's BTF nothing is known of them, and programs that need them are refused.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private BtfReader? _kernelTypes;
    private bool _kernelTypesAsked;

    /// <summary>The kernel's BTF: the program's own, or what the options offer; null without.</summary>
    private BtfReader? KernelTypes
    {
        get
        {
            if (!_kernelTypesAsked)
            {
                _kernelTypesAsked = true;
                _kernelTypes = _program.KernelBtf ?? _options.KernelTypes?.Invoke();
            }
            return _kernelTypes;
        }
    }

    private RejectedException NoKernelTypes(string what) => Reject($"{what} not supported without the kernel's BTF");

    /// <summary>Id of a structure in the kernel's BTF; 0 when unknown.</summary>
    private int FindKernelType(string name) => KernelTypes is { } types && name.Length > 0 ? types.Find(name, BtfKind.Struct) : 0;

    public string TypeName(in RegisterState register) => register.Btf == 0 ? KernelTypes?[register.Target].Name ?? "" : _program.Btf?[register.Target].Name ?? "";

    /// <summary>The address of a kernel variable or function (an extern with __ksym).</summary>
    private RegisterState KernelVariable(int typeId)
    {
        if (KernelTypes is not { } types)
            throw NoKernelTypes($"ldimm64 of kernel symbol {typeId}");
        BtfType symbol = types[typeId];
        if (symbol.Kind == BtfKind.Function)
            return ReadOnlyMemory(0);
        if (symbol.Kind != BtfKind.Variable)
            throw Reject($"pseudo btf_id {typeId} in ldimm64 isn't KIND_VAR or KIND_FUNC");
        BtfType type = types.SkipModifiers(symbol.TypeId);
        if (IsPercpu(types, typeId))
        {
            RegisterState percpu = RegisterState.Pointer(RegisterKind.Object | RegisterKind.Percpu);
            percpu.Target = symbol.TypeId;
            return percpu;
        }
        if (type.Kind is BtfKind.Struct or BtfKind.Union)
        {
            RegisterState structure = RegisterState.Pointer(RegisterKind.Object);
            structure.Target = type.Id;
            return structure;
        }
        return ReadOnlyMemory(types.SizeOf(type.Id) is { } size ? (int)Math.Min(size, int.MaxValue)
            : throw Reject($"ldimm64 unable to resolve the size of type '{type.Name}': -22"));
    }

    private static RegisterState ReadOnlyMemory(int size)
    {
        RegisterState memory = RegisterState.Pointer(RegisterKind.Memory | RegisterKind.ReadOnly);
        memory.Target = size;
        return memory;
    }

    private static bool IsPercpu(BtfReader types, int variable)
    {
        int section = types.Find(".data..percpu", BtfKind.DataSection);
        if (section == 0)
            return false;
        BtfType entries = types[section];
        for (int i = 0; i < entries.Length; i++)
        {
            if (entries.GetEntry(i).TypeId == variable)
                return true;
        }
        return false;
    }

    private RegisterState KernelObject(string structure)
    {
        int type = FindKernelType(structure);
        if (type == 0)
            throw NoKernelTypes($"'struct {structure}' access");
        RegisterState pointer = RegisterState.Pointer(RegisterKind.Object);
        pointer.Target = type;
        return pointer;
    }

    /// <summary>Whether the pointer is guaranteed to be valid as long as the program holds it.</summary>
    private static bool IsTrusted(in RegisterState register)
    {
        if (register.Reference != 0)
            return true;
        if (register.Kind is RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.Map)
            return true;
        const RegisterKind Safe = RegisterKind.Allocated | RegisterKind.Trusted | RegisterKind.NonOwning;
        return register.Kind.Has(Safe) && (register.Kind & RegisterKind.FlagMask & ~Safe) == 0;
    }

    private static MapRecord ObjectRecord(in RegisterState register)
    {
        _ = register.Target;
        return MapRecord.None;
    }

    private bool InRcuSection => _state.RcuDepth != 0 || _state.LockOwner != 0 || !InSleepable;

    /// <summary>A load from a kernel object: a number, or a pointer to another object, trusted as far as this one is.</summary>
    private void AccessObject(int number, int offset, int size, bool isWrite, int value, bool signExtends)
    {
        ref RegisterState pointer = ref _registers[number];
        string name = TypeName(in pointer);
        if (!AllowsPointerLeaks)
            throw Reject($"'struct {name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN");
        if (!_program.IsGplCompatible)
            throw Reject($"Cannot access kernel 'struct {name}' from non-GPL compatible program");
        if (offset < 0)
            throw Reject($"R{number} is ptr_{name} invalid negative access: off={offset}");
        if (!pointer.Value.IsZero)
            throw Reject($"R{number} is ptr_{name} invalid variable offset: off={offset}, var_off={pointer.Value.Bits}");
        if (pointer.Kind.Has(RegisterKind.User))
            throw Reject($"R{number} is ptr_{name} access user memory: off={offset}");
        if (pointer.Kind.Has(RegisterKind.Percpu))
            throw Reject($"R{number} is ptr_{name} access percpu memory: off={offset}");
        if (isWrite && _type == ProgramType.StructOps && pointer.Btf == 0 && KernelTypes is not null)
        {
            CheckOperationWrite(in pointer, offset, size);
            return;
        }
        if (isWrite)
            throw Reject("only read is supported");
        if (KernelTypes is not { } types)
            throw NoKernelTypes($"R{number} is ptr_ access");
        FieldWalk found = WalkField(types, pointer.Target, offset, size);
        if (found.Error is { } error)
            throw Reject(error);
        if (value < 0)
            return;
        if (found.Target == 0)
        {
            SetLoaded(value, size, signExtends);
            return;
        }
        RegisterKind flags = Trust(in pointer, found, types);
        RegisterState loaded = RegisterState.Pointer(RegisterKind.Object | flags);
        loaded.Target = found.Target;
        if (flags.MayBeNull())
            loaded.Id = NewId();
        _registers[value] = loaded;
        _log.Touch(value);
    }

    private RegisterKind Trust(in RegisterState pointer, FieldWalk found, BtfReader types)
    {
        if (pointer.Kind.Has(RegisterKind.Untrusted))
            return RegisterKind.Untrusted;
        if (!IsTrusted(in pointer) && !pointer.Kind.Has(RegisterKind.Rcu))
            return found.Flags & ~(RegisterKind.Allocated | RegisterKind.Trusted | RegisterKind.NonOwning | RegisterKind.Rcu);
        string field = $"{types[pointer.Target].Name}.{found.Member}";
        if (field is "bpf_iter_meta.seq" or "bpf_iter__task.meta" or "bpf_iter__task.task" or "linux_binprm.file" or "file.f_inode" or "dentry.d_inode")
            return found.Flags | RegisterKind.Trusted;
        if (field is "socket.sk")
            return found.Flags | RegisterKind.Trusted | RegisterKind.MaybeNull;
        if (!InRcuSection || pointer.Kind.MayBeNull())
            return RegisterKind.Untrusted;
        if (field is "task_struct.cpus_ptr" or "task_struct.cgroups" or "task_struct.real_parent" or "task_struct.group_leader" or "cgroup.kn" or "css_set.dfl_cgrp")
            return found.Flags | RegisterKind.Rcu;
        bool rcuOrNull = field is "mm_struct.exe_file" or "sk_buff.sk" or "request_sock.sk";
        if (found.Flags.Has(RegisterKind.Rcu) || rcuOrNull)
            return (rcuOrNull ? found.Flags & ~RegisterKind.Untrusted : found.Flags) | RegisterKind.Rcu | RegisterKind.MaybeNull;
        if (found.Flags.Has(RegisterKind.Percpu | RegisterKind.User))
            return found.Flags;
        return found.Flags & ~(RegisterKind.Allocated | RegisterKind.Trusted | RegisterKind.NonOwning | RegisterKind.Rcu);
    }

    /// <summary>What lies at an offset of a structure.</summary>
    /// <param name="Target">The structure a pointer there points at; 0 for numbers.</param>
    /// <param name="Flags">What the pointer's type tags say.</param>
    /// <param name="Owner">The structure the field belongs to, <paramref name="Member"/> its name.</param>
    private readonly record struct FieldWalk(int Target, RegisterKind Flags, int Owner, string Member, string? Error);

    private static FieldWalk WalkField(BtfReader types, int typeId, int offset, int size)
    {
        RegisterKind flags = 0;
        int owner = types.SkipModifiers(typeId).Id, within = offset;
        for (int depth = 0; depth < 16; depth++)
        {
            BtfType structure = types[owner];
            if (structure.Kind is not (BtfKind.Struct or BtfKind.Union))
                return new FieldWalk(0, 0, owner, "", $"Type '{structure.Name}' is not a struct");
            if ((long)within + size > structure.Size && !(structure.Length > 0 && IsFlexible(types, structure)))
                return Fail($"access beyond struct {structure.Name} at off {within} size {size}");
            bool descended = false;
            for (int i = 0; i < structure.Length && !descended; i++)
            {
                BtfMember member = structure.GetMember(i);
                long start = member.BitOffset / 8;
                if (member.BitSize != 0)
                {
                    long end = (member.BitOffset + member.BitSize + 7) / 8;
                    if (within + size <= start)
                        break;
                    if (within >= end)
                        continue;
                    return new FieldWalk(0, 0, owner, structure.GetString(member.NameOffset), null);
                }
                if (within + size <= start && structure.Kind == BtfKind.Struct)
                    break;
                BtfType type = types.SkipModifiers(member.TypeId);
                long length = types.SizeOf(type.Id) ?? 0;
                if (type.Kind == BtfKind.Array && type.ArrayCount == 0 && i == structure.Length - 1)
                    length = long.MaxValue - start;
                if (within >= start + length)
                    continue;
                string name = structure.GetString(member.NameOffset);
                if (within < start)
                    return Fail($"cannot access ptr member {name} with moff {start} in struct {structure.Name} with off {within} size {size}");
                if (type.Kind == BtfKind.Array)
                {
                    BtfType element = types.SkipModifiers(type.ElementTypeId);
                    while (element.Kind == BtfKind.Array)
                        element = types.SkipModifiers(element.ElementTypeId);
                    long elementSize = types.SizeOf(element.Id) ?? 0;
                    if (elementSize == 0)
                        return Fail($"cannot access ptr member {name} with moff {start} in struct {structure.Name} with off {within} size {size}");
                    long inside = (within - start) % elementSize;
                    if (element.Kind is BtfKind.Struct or BtfKind.Union)
                    {
                        if (inside + size > elementSize)
                            return Fail($"access beyond struct {structure.Name} at off {within} size {size}");
                        owner = element.Id;
                        within = (int)inside;
                        descended = true;
                        break;
                    }
                    if (element.Kind == BtfKind.Pointer && inside == 0 && size == 8)
                        return PointerField(types, element, owner, name, flags);
                    if (within + size > start + length)
                        return Fail($"access beyond the end of member {name} (mend:{start + length}) in struct {structure.Name} with off {within} size {size}");
                    return new FieldWalk(0, 0, owner, name, null);
                }
                if (type.Kind is BtfKind.Struct or BtfKind.Union)
                {
                    if (type.Kind == BtfKind.Union && type.Length > 1)
                        flags |= RegisterKind.Untrusted;
                    owner = type.Id;
                    within -= (int)start;
                    descended = true;
                    break;
                }
                if (type.Kind == BtfKind.Pointer)
                {
                    if (within != start || size != 8)
                        return Fail($"cannot access ptr member {name} with moff {start} in struct {structure.Name} with off {within} size {size}");
                    return PointerField(types, type, owner, name, flags);
                }
                if (within + size > start + length)
                    return Fail($"access beyond the end of member {name} (mend:{start + length}) in struct {structure.Name} with off {within} size {size}");
                return new FieldWalk(0, 0, owner, name, null);
            }
            if (!descended)
                return Fail($"struct {structure.Name} doesn't have field at offset {within}");
        }
        return Fail("the structure is nested too deeply");

        static FieldWalk Fail(string message) => new(0, 0, 0, "", message);
    }

    private static bool IsFlexible(BtfReader types, BtfType structure)
        => types.SkipModifiers(structure.GetMember(structure.Length - 1).TypeId) is { Kind: BtfKind.Array, ArrayCount: 0 or 1 };

    private static FieldWalk PointerField(BtfReader types, BtfType pointer, int owner, string member, RegisterKind flags)
    {
        BtfType target = types[pointer.TypeId];
        if (target.Kind == BtfKind.TypeTag)
        {
            flags |= target.Name switch { "user" => RegisterKind.User, "percpu" => RegisterKind.Percpu, "rcu" => RegisterKind.Rcu, _ => 0 };
        }
        target = types.SkipModifiers(pointer.TypeId);
        return target.Kind == BtfKind.Struct ? new FieldWalk(target.Id, flags, owner, member, null) : new FieldWalk(0, 0, owner, member, null);
    }

    /// <summary>Fields of the kernel's own structure behind a map pointer may be read.</summary>
    private void AccessMapStructure(int number, int offset, int size, bool isWrite, int value, bool signExtends)
    {
        string name = (MapType)MapOf(in _registers[number]).Type switch
        {
            MapType.Array or MapType.PerCpuArray or MapType.ArrayOfMaps or MapType.ProgArray or MapType.PerfEventArray or MapType.CgroupArray => "bpf_array",
            MapType.Hash or MapType.LruHash or MapType.PerCpuHash or MapType.LruPerCpuHash or MapType.HashOfMaps => "bpf_htab",
            MapType.LpmTrie => "lpm_trie",
            MapType.Queue or MapType.Stack => "bpf_queue_stack",
            MapType.RingBuffer => "bpf_ringbuf_map",
            _ => "bpf_map",
        };
        if (!AllowsPointerLeaks)
            throw Reject($"'struct {name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN");
        if (offset < 0)
            throw Reject($"R{number} is {name} invalid negative access: off={offset}");
        if (isWrite)
            throw Reject($"only read from {name} is supported");
        int type = FindKernelType(name);
        if (type == 0)
            throw NoKernelTypes("map_ptr access");
        FieldWalk found = WalkField(KernelTypes!, type, offset, size);
        if (found.Error is { } error)
            throw Reject(error);
        if (value < 0)
            return;
        if (found.Target == 0)
        {
            SetLoaded(value, size, signExtends);
            return;
        }
        _registers[value] = RegisterState.Pointer(RegisterKind.Object | (found.Flags & ~RegisterKind.Rcu));
        _registers[value].Target = found.Target;
        _log.Touch(value);
    }

    /// <summary>An object of type <paramref name="have"/> at an offset is (or begins with) one of type <paramref name="need"/>.</summary>
    private static bool IsObjectOf(BtfReader types, int have, int offset, int need, bool strict)
    {
        for (int depth = 0; depth < 16; depth++)
        {
            BtfType type = types.SkipModifiers(have);
            if (offset == 0 && (type.Id == need || (type.Name.Length > 0 && type.Name == types[need].Name && type.Kind == types[need].Kind)))
                return true;
            if (strict || type.Kind is not (BtfKind.Struct or BtfKind.Union))
                return false;
            bool found = false;
            for (int i = 0; i < type.Length && !found; i++)
            {
                BtfMember member = type.GetMember(i);
                int start = (int)(member.BitOffset / 8);
                if (types.SizeOf(member.TypeId) is not { } size || offset < start || offset >= start + size)
                    continue;
                have = member.TypeId;
                offset -= start;
                found = true;
            }
            if (!found)
                return false;
        }
        return false;
    }

    private void CheckObjectArgument(CallContext call, int number, HelperArgument argument, int index, bool isMemory)
    {
        ref RegisterState register = ref _registers[number];
        if (isMemory)
        {
            if (!argument.Is(HelperArgument.ReadOnly))
                throw Reject($"{call.Helper.FullName}() may write into memory pointed by R{number} type={register.Kind.Name()}");
            return;
        }
        if (register.Kind.Has(RegisterKind.Percpu) || register.Kind.Has(RegisterKind.Allocated))
            return;
        if (register.Kind.MayBeNull() && (!argument.Is(HelperArgument.Nullable) || argument.Is(HelperArgument.Release)))
            throw Reject($"Possibly NULL pointer passed to helper arg{number}");
        if (KernelTypes is not { } types)
            throw NoKernelTypes($"R{number} type={register.Kind.Name()}");
        string wanted = "sock_common";
        if (argument.Kind() == HelperArgument.BtfPointer)
        {
            int ordinal = 0;
            for (int i = 0; i < index; i++)
                ordinal += call.Helper.Arguments[i].Kind() == HelperArgument.BtfPointer ? 1 : 0;
            wanted = ordinal < call.Helper.ArgumentTypes.Length ? call.Helper.ArgumentTypes[ordinal] : "";
        }
        int need = FindKernelType(wanted);
        bool strict = argument.Is(HelperArgument.Release) && call.Helper.Name != "sk_release";
        if (need == 0 || !IsObjectOf(types, register.Target, register.Offset, need, strict))
            throw Reject($"R{number} is of type {types[register.Target].Name} but {wanted} is expected");
    }

    private RegisterState ObjectResult(CallContext call, RegisterKind flags)
    {
        HelperRow helper = call.Helper;
        if (helper.Return.Kind() == HelperReturn.MemoryOrBtfPointer)
        {
            if (KernelTypes is not { } types)
                throw NoKernelTypes($"func {helper.FullName}#{helper.Id}");
            BtfType type = types.SkipModifiers(call.TypeId);
            RegisterState result;
            if (type.Kind is BtfKind.Struct or BtfKind.Union)
            {
                result = RegisterState.Pointer(RegisterKind.Object | (flags & ~RegisterKind.ReadOnly));
                result.Target = type.Id;
                return result;
            }
            result = RegisterState.Pointer(RegisterKind.Memory | flags);
            result.Target = types.SizeOf(type.Id) is { } size ? (int)size : throw Reject($"unable to resolve the size of type '{type.Name}': -22");
            return result;
        }
        if (helper.Name == "kptr_xchg" || helper.ReturnBtfType is not { } name)
            throw Reject($"invalid return type {(int)helper.Return.Kind()} of func {helper.FullName}#{helper.Id}");
        RegisterState pointer = KernelObject(name);
        pointer.Kind |= flags;
        return pointer;
    }

    /// <summary>Kernel pointers in map values: those of the kernel's types load as untrusted objects.</summary>
    private void AccessKernelPointer(ref InstructionInfo instruction, bool isWrite, int value, MapField field)
    {
        if (isWrite)
        {
            if (field.IsOwned)
                throw Reject("store to referenced kptr disallowed");
            if (value < 0 && instruction.Immediate == 0 && !instruction.IsRegisterForm)
                return;
            if (value >= 0 && _registers[value].IsNull)
            {
                MarkPrecise(value);
                return;
            }
            throw Reject(value < 0 ? $"BPF_ST imm must be 0 when storing to kptr at off={field.Offset}"
                : $"invalid kptr access, R{value} type={_registers[value].Kind.Name()}{(_registers[value].Kind.Base() == RegisterKind.Object ? TypeName(in _registers[value]) : "")} ");
        }
        if (value < 0)
            return;
        int type = FindKernelType(_program.Btf?[field.TypeId].Name ?? "");
        if (type == 0)
            throw NoKernelTypes($"kptr at off={field.Offset}");
        ref RegisterState register = ref _registers[value];
        register = RegisterState.Pointer(RegisterKind.Object | RegisterKind.MaybeNull | RegisterKind.Untrusted);
        register.Target = type;
        register.Id = NewId();
        _log.Touch(value);
    }

    private void CheckKernelPointerSlot(CallContext call, int number)
        => throw Reject($"func {call.Helper.FullName}#{call.Helper.Id} is not supported for R{number}");
}
