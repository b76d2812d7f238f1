// Arguments of kernel functions: the BTF type of the parameter, its name's suffix and what the register holds decide together
// what is asked of it.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private static bool IsNumber(BtfType type) => type.Kind is BtfKind.Int or BtfKind.Enum or BtfKind.Enum64;

    private static bool HasSuffix(string name, string suffix) => name.EndsWith(suffix, StringComparison.Ordinal);

    private void CheckKfuncArguments(Kfunc kfunc, ref KfuncCall call)
    {
        BtfReader types = KernelTypes!;
        int count = kfunc.Prototype.Length;
        if (count > 5)
            throw Reject($"Function {kfunc.Name} has {count} > 5 args");
        for (int i = 0; i < count; i++)
        {
            int number = i + 1;
            string name = ParameterName(kfunc, i);
            if (HasSuffix(name, "__ign"))
                continue;
            _log.Touch(number);
            BtfType type = types.SkipModifiers(kfunc.Prototype.GetParameter(i).TypeId);
            if (IsNumber(type))
                CheckKfuncNumber(number, name, ref call);
            else if (type.Kind != BtfKind.Pointer)
                throw Reject($"Unrecognized arg#{i} type {KindWord(type)}");
            else if (CheckKfuncPointer(kfunc, i, name, type, ref call))
                i++;
        }
        if (kfunc.Has(KfuncFlags.Release) && call.ReleaseRegister == 0)
            throw Reject($"release kernel function {kfunc.Name} expects refcounted PTR_TO_BTF_ID");
    }

    private static string ParameterName(Kfunc kfunc, int index)
        => index < kfunc.Prototype.Length ? kfunc.Prototype.GetString(kfunc.Prototype.GetParameter(index).NameOffset) : "";

    private void CheckKfuncNumber(int number, string name, ref KfuncCall call)
    {
        ref RegisterState register = ref _registers[number];
        if (!register.IsScalar)
            throw Reject($"R{number} is not a scalar");
        if (HasSuffix(name, "__k"))
        {
            if (!register.Value.IsConst)
                throw Reject($"R{number} must be a known constant");
            MarkPrecise(number);
            call.Constant = register.Value.Bits.Value;
        }
        else if (name is "rdonly_buf_size" or "rdwr_buf_size")
        {
            if (!register.Value.IsConst)
                throw Reject($"R{number} is not a const");
            if (register.Value.Bits.Value > int.MaxValue)
                throw Reject($"R{number} rdonly/rdwr_buf_size exceeds u32 max");
            MarkPrecise(number);
            call.ResultSize = (long)register.Value.Bits.Value;
            call.IsResultReadOnly = name == "rdonly_buf_size";
        }
    }

    /// <summary>True when the next argument, the size of this one, was checked along.</summary>
    private bool CheckKfuncPointer(Kfunc kfunc, int index, string name, BtfType type, ref KfuncCall call)
    {
        BtfReader types = KernelTypes!;
        int number = index + 1;
        ref RegisterState register = ref _registers[number];
        bool isNullable = HasSuffix(name, "__nullable");
        if ((kfunc.TrustsArguments || kfunc.Has(KfuncFlags.Rcu)) && (register.IsNull || register.Kind.MayBeNull()) && !isNullable)
            throw Reject($"Possibly NULL pointer passed to trusted arg{index}");
        if (register.Reference != 0)
        {
            if (kfunc.Has(KfuncFlags.Release) && call.Reference != 0)
                throw Reject($"more than one arg with ref_obj_id R{number} {register.Reference} {call.Reference}");
            call.Reference = register.Reference;
            if (kfunc.Has(KfuncFlags.Release))
                call.ReleaseRegister = number;
        }
        BtfType target = types.SkipModifiers(type.TypeId);
        HelperArgument release = kfunc.Has(KfuncFlags.Release) && register.Reference != 0 ? HelperArgument.BtfPointer | HelperArgument.Release : HelperArgument.Anything;
        if (kfunc.Name == "bpf_cast_to_kern_ctx" || IsContextParameter(types, type.TypeId, target))
        {
            CheckArgumentOffset(in register, number, release);
            if (register.Kind != RegisterKind.Context)
                throw Reject($"arg#{index} expected pointer to ctx, but got {register.Kind.Name()}");
            return false;
        }
        if (isNullable && register.IsNull)
        {
            MarkPrecise(number);
            return false;
        }
        if (HasSuffix(name, "__alloc") || HasSuffix(name, "__refcounted_kptr") || HasSuffix(name, "__iter") || HasSuffix(name, "__irq_flag") || HasSuffix(name, "__prog")
            || target is { Kind: BtfKind.Struct, Name: "bpf_list_head" or "bpf_list_node" or "bpf_rb_root" or "bpf_rb_node" or "bpf_wq" or "bpf_res_spin_lock" }
            || target.Kind == BtfKind.FunctionPrototype)
        {
            throw Reject($"kernel function {kfunc.Name} args#{index} is not supported");
        }
        if (target is { Kind: BtfKind.Struct, Name: "bpf_dynptr" })
        {
            CheckArgumentOffset(in register, number, HelperArgument.Dynptr);
            CheckKfuncDynptr(kfunc, number, HasSuffix(name, "__uninit"), ref call);
            return false;
        }
        if (kfunc.Has(KfuncFlags.Iterator) && index == 0)
        {
            CheckIterator(kfunc, number, target, ref call);
            return false;
        }
        if (HasSuffix(name, "__str"))
        {
            if (register.Kind != RegisterKind.MapValue)
                throw Reject($"arg#{index} doesn't point to a const string");
            CheckConstantString(number);
            return false;
        }
        bool isMap = HasSuffix(name, "__map");
        if (isMap && register.Kind.Base() is not (RegisterKind.Map or RegisterKind.Object))
            throw Reject($"pointer in R{number} isn't map pointer");
        if (isMap || register.Kind.Base() == RegisterKind.Object || KernelTypeBehind(register.Kind) is not null)
        {
            if (!isMap && target.Kind is not (BtfKind.Struct or BtfKind.Union))
                throw Reject($"kernel function {kfunc.Name} args#{index} pointer type {KindWord(target)} {target.Name} is not supported");
            CheckKfuncObject(kfunc, index, isMap ? types[FindKernelType("bpf_map")] : target, release);
            return false;
        }
        return CheckKfuncMemory(kfunc, index, name, target, ref call);
    }

    private bool IsContextParameter(BtfReader types, int typeId, BtfType target)
        => IsContextStructure(types, typeId) || (target.Kind == BtfKind.Struct && IsProjection(ProgramTypeTable.Get(_type).Context ?? "", target.Name));

    /// <summary>The program's view of a context is a projection of the kernel's structure.</summary>
    private static bool IsProjection(string view, string structure) => (view, structure) is ("__sk_buff", "sk_buff") or ("xdp_md", "xdp_buff");

    /// <summary>The kernel's structure behind pointers of kinds with a fixed one.</summary>
    private static string? KernelTypeBehind(RegisterKind kind) => kind.Base() switch
    {
        RegisterKind.Map => "bpf_map",
        RegisterKind.Socket => "sock",
        RegisterKind.SocketCommon => "sock_common",
        RegisterKind.TcpSocket => "tcp_sock",
        _ => null,
    };

    private void CheckKfuncObject(Kfunc kfunc, int index, BtfType wanted, HelperArgument release)
    {
        BtfReader types = KernelTypes!;
        int number = index + 1;
        ref RegisterState register = ref _registers[number];
        if ((kfunc.TrustsArguments || kfunc.Has(KfuncFlags.Rcu)) && !IsTrusted(in register))
        {
            if (!kfunc.Has(KfuncFlags.Rcu))
                throw Reject($"R{number} must be referenced or trusted");
            if (!register.Kind.Has(RegisterKind.Rcu))
                throw Reject($"R{number} must be a rcu pointer");
        }
        CheckArgumentOffset(in register, number, release);
        const RegisterKind Safe = RegisterKind.Trusted | RegisterKind.Allocated | RegisterKind.NonOwning;
        RegisterKind flags = register.Kind & RegisterKind.FlagMask;
        string? behind = KernelTypeBehind(register.Kind);
        bool isUsable = behind is not null ? flags == 0 : (flags & ~Safe) == 0 || (register.Kind.Has(RegisterKind.Rcu) && (flags & ~(Safe | RegisterKind.Rcu)) == 0);
        if (!isUsable)
        {
            const RegisterKind Shown = RegisterKind.KindMask | RegisterKind.Trusted | RegisterKind.Allocated | RegisterKind.NonOwning;
            throw Reject($"arg#{index} is {register.Kind.Name()} expected {(register.Kind & Shown).Name()} or socket");
        }
        if (register.Btf != 0)
            throw Reject($"arg#{index} is an object of the program's own types, which kernel function {kfunc.Name} does not take");
        int have = behind is not null ? FindKernelType(behind) : register.Target;
        bool isStrict = kfunc.Has(KfuncFlags.Release) && register.Reference != 0;
        if (wanted.IsVoid || have == 0 || (!IsProjection(wanted.Name, types.SkipModifiers(have).Name) && !IsObjectOf(types, have, register.Offset, wanted.Id, isStrict)))
        {
            throw Reject($"kernel function {kfunc.Name} args#{index} expected pointer to {KindWord(wanted)} {wanted.Name} but R{number} has a pointer to "
                + $"{KindWord(types.SkipModifiers(have))} {types.SkipModifiers(have).Name}");
        }
    }

    /// <summary>Plain memory, read and written, of the size of the type or of the size in the next argument (then true).</summary>
    private bool CheckKfuncMemory(Kfunc kfunc, int index, string name, BtfType target, ref KfuncCall call)
    {
        BtfReader types = KernelTypes!;
        int number = index + 1;
        string next = ParameterName(kfunc, index + 1);
        bool hasConstantSize = HasSuffix(next, "__szk");
        bool hasSize = (hasConstantSize || HasSuffix(next, "__sz")) && _registers[number + 1].IsScalar
            && IsNumber(types.SkipModifiers(kfunc.Prototype.GetParameter(index + 1).TypeId));
        if (!IsNumber(target) && !IsPlainStructure(types, target, 0) && !(hasSize && target.IsVoid))
            throw Reject($"arg#{index} pointer type {KindWord(target)} {target.Name} must point to {(hasSize ? "void, " : "")}scalar, or struct with scalar");
        ref RegisterState register = ref _registers[number];
        CheckArgumentOffset(in register, number, HelperArgument.Anything);
        if (register.Kind.IsPacketData() && !MayWritePacket())
            throw Reject("helper access to the packet is not allowed");
        RegisterState saved = register;
        bool mayBeNull = saved.Kind.MayBeNull();
        if (mayBeNull)
            MarkNotNull(ref register);
        if (!hasSize)
        {
            if (types.SizeOf(target.Id) is not { } size || size > int.MaxValue)
                throw Reject($"arg#{index} reference type('{KindWord(target)} {target.Name}') size cannot be determined: -22");
            if (!register.IsNull)
            {
                CheckMemory(null, number, (int)size, isWrite: false, zeroAllowed: true);
                CheckMemory(null, number, (int)size, isWrite: true, zeroAllowed: true);
            }
        }
        else if (!register.IsNull || !HasSuffix(name, "__opt"))
        {
            _call.IsRaw = false;
            try
            {
                CheckMemoryAndSize(_call, number + 1, isWrite: false, zeroAllowed: true);
                CheckMemoryAndSize(_call, number + 1, isWrite: true, zeroAllowed: true);
            }
            catch (RejectedException)
            {
                throw Reject($"arg#{index} arg#{index + 1} memory, len pair leads to invalid memory access");
            }
        }
        if (register.IsNull)
            MarkPrecise(number);
        if (mayBeNull)
            register = saved;
        if (hasSize && hasConstantSize)
        {
            ref RegisterState size = ref _registers[number + 1];
            if (!size.Value.IsConst)
                throw Reject($"R{number + 1} must be a known constant");
            MarkPrecise(number + 1);
            call.Constant = size.Value.Bits.Value;
        }
        return hasSize;
    }

    /// <summary>Made of numbers and arrays of numbers, a few levels deep.</summary>
    private static bool IsPlainStructure(BtfReader types, BtfType type, int depth)
    {
        if (type.Kind is not (BtfKind.Struct or BtfKind.Union) || depth > 3)
            return false;
        for (int i = 0; i < type.Length; i++)
        {
            BtfType member = types.SkipModifiers(type.GetMember(i).TypeId);
            bool isPlain = member.Kind switch
            {
                BtfKind.Struct or BtfKind.Union => IsPlainStructure(types, member, depth + 1),
                BtfKind.Array => member.ArrayCount > 0 && IsNumber(types.SkipModifiers(member.ElementTypeId)),
                _ => IsNumber(member),
            };
            if (!isPlain)
                return false;
        }
        return true;
    }

    private void CheckKfuncDynptr(Kfunc kfunc, int number, bool isResult, ref KfuncCall call)
    {
        ref RegisterState register = ref _registers[number];
        if (isResult)
        {
            int kind = kfunc.Name switch
            {
                "bpf_dynptr_from_skb" => DynptrSkb,
                "bpf_dynptr_from_xdp" => DynptrXdp,
                "bpf_dynptr_clone" when call.DynptrId != 0 => call.DynptrKind,
                _ => throw Reject($"kernel function {kfunc.Name} args#{number - 1} is not supported"),
            };
            if (register.Kind is not (RegisterKind.Stack or RegisterKind.Dynptr))
                throw Reject($"arg#{number - 1} expected pointer to stack or const struct bpf_dynptr");
            ReserveDynptr(number, kind, call.DynptrReference);
            return;
        }
        ApplyDynptrArgument(number, HelperArgument.Dynptr | HelperArgument.ReadOnly);
        ref RegisterState dynptr = ref DynptrState(number);
        call.DynptrId = dynptr.Id;
        call.DynptrKind = dynptr.Target;
        call.DynptrReference = dynptr.Reference;
    }
}
