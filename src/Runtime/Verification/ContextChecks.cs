// The context: which fields a program type may read and write, how wide, and what it finds there; and what a program of the type
// may return. All of it read from the tables of the ABI.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private const int MaxTracedArguments = 12;

    /// <summary>A declaration tag of the program's function names a function that is called when an exception is thrown.</summary>
    private bool HasExceptionCallback()
    {
        int function = _flow.Subprograms[0].BtfTypeId;
        if (_program.Btf is not { } types || function == 0)
            return false;
        for (int id = types.FirstId; id < types.Count; id++)
        {
            BtfType tag = types[id];
            if (tag.Kind == BtfKind.DeclTag && tag.TypeId == function && tag.ComponentIndex < 0 && tag.Name.StartsWith("exception_callback:", StringComparison.Ordinal))
                return true;
        }
        return false;
    }

    private void CheckProgram()
    {
        if (HasExceptionCallback())
            throw Reject("exception callbacks are not supported");
        if (_type == ProgramType.Unspec || (int)_type >= ProgramTypeTable.Rows.Length && _program.HostType is null)
            throw Reject($"unknown program type {_program.ProgramType}");
        if (_type == ProgramType.StructOps && !_program.IsGplCompatible)
            throw Reject("struct ops programs must have a GPL compatible license");
        if (_type == ProgramType.Lsm && !_program.IsGplCompatible)
            throw Reject("LSM programs must have a GPL compatible license");
        if (_type == ProgramType.Ext)
            throw Reject($"program type {ProgramTypeTable.Get(_type).Name} is not supported");
        if (_type == ProgramType.StructOps)
            CheckOperation();
        if (IsSleepable && _type is not (ProgramType.Tracing or ProgramType.Lsm or ProgramType.Kprobe or ProgramType.Syscall or ProgramType.StructOps))
            throw Reject("Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable");
        CheckHook();
    }

    /// <summary>Programs attached to functions without a result need not set R0.</summary>
    private bool ReturnsNothing() => _type is ProgramType.Lsm or ProgramType.StructOps && _attach != AttachType.LsmCgroup && TracedPrototype() is { } prototype && prototype.TypeId == 0;

    private ReturnRange? AllowedReturn()
    {
        if (_program.HostType is { } host)
            return host.Returns;
        if (_type != ProgramType.Lsm || _attach == AttachType.LsmCgroup)
            return ProgramTypeTable.GetReturnRange(_type, _attach);
        // Hooks answer with an error number, a few with yes or no.
        return TracedName() is "bpf_lsm_xfrm_state_pol_flow_match" or "bpf_lsm_audit_rule_known" or "bpf_lsm_inode_xattr_skipcap"
            ? new ReturnRange(0, 1) : new ReturnRange(-MaxErrno, 0);
    }

    private void CheckHook()
    {
        if (_type == ProgramType.Lsm && TracedName() is "bpf_lsm_vm_enough_memory" or "bpf_lsm_inode_need_killpriv" or "bpf_lsm_inode_getsecurity"
            or "bpf_lsm_inode_listsecurity" or "bpf_lsm_inode_copy_up_xattr" or "bpf_lsm_getselfattr" or "bpf_lsm_getprocattr" or "bpf_lsm_setprocattr"
            or "bpf_lsm_key_getsecurity" or "bpf_lsm_audit_rule_match" or "bpf_lsm_xfrm_decode_session" or "bpf_lsm_ismaclabel")
            throw Reject($"{_program.AttachBtfId} points to disabled hook {TracedName()}");
    }

    private void AccessContext(ref InstructionInfo instruction, int number, int offset, int size, bool isWrite, int value, bool signExtends)
    {
        ref RegisterState pointer = ref _registers[number];
        CheckUnmodified(in pointer, number, fixedOffsetAllowed: false);
        if (_type is ProgramType.Tracing or ProgramType.Lsm or ProgramType.StructOps)
        {
            AccessTracedArgument(offset, size, isWrite, value, signExtends);
            return;
        }
        if (_type == ProgramType.RawTracepointWritable && offset == 0)
        {
            if (size != 8 || isWrite)
                throw Reject($"invalid bpf_context access off={offset} size={size}");
            if (value >= 0)
            {
                _registers[value] = RegisterState.Pointer(RegisterKind.TracepointBuffer);
                _log.Touch(value);
            }
            return;
        }
        ContextLayout layout = _program.ContextLayout;
        if (offset < 0 || layout.Access(offset, size, isWrite, _attach, signExtends) is not { } field)
            throw Reject($"invalid bpf_context access off={offset} size={size}");
        if (isWrite || value < 0)
            return;
        if (field.Pointer == ContextPointer.None)
        {
            SetLoaded(value, size, signExtends);
            return;
        }
        if (size == 4)
            instruction.LoadsContextPointer = true;
        ref RegisterState register = ref _registers[value];
        register = RegisterState.Pointer(field.Pointer switch
        {
            ContextPointer.Packet => RegisterKind.Packet,
            ContextPointer.PacketEnd => RegisterKind.PacketEnd,
            ContextPointer.PacketMeta => RegisterKind.PacketMeta,
            ContextPointer.Socket => RegisterKind.Socket,
            ContextPointer.SocketOrNull => RegisterKind.Socket | RegisterKind.MaybeNull,
            ContextPointer.SockCommonOrNull => RegisterKind.SocketCommon | RegisterKind.MaybeNull,
            ContextPointer.FlowKeys => RegisterKind.FlowKeys,
            _ => RegisterKind.Object | RegisterKind.Trusted,
        });
        if (register.Kind.Base() == RegisterKind.Object)
            register.Target = FindKernelType(field.BtfType ?? "");
        if (register.Kind.MayBeNull())
            register.Id = NewId();
        _log.Touch(value);
    }

    /// <summary>The fields of the sockets that helpers and contexts hand out; packet types do not matter to them.</summary>
    private void CheckSocketAccess(int number, int offset, int size)
    {
        ref RegisterState pointer = ref _registers[number];
        if (pointer.Value.SMin < 0)
            throw Reject($"R{number} min value is negative, either use unsigned index or do a if (index >=0) check.");
        if (!pointer.Value.IsZero || offset < 0 || !IsSocketField(pointer.Kind, offset, size))
            throw Reject($"R{number} invalid {pointer.Kind.Name()} access off={offset} size={size}");
    }

    private static bool IsSocketField(RegisterKind kind, int offset, int size)
    {
        if (offset % size != 0)
            return false;
        return kind switch
        {
            // Of any socket what every socket has: neither type, protocol, mark nor priority.
            RegisterKind.SocketCommon => offset is < 8 or >= 24 && IsBpfSockField(offset, size),
            RegisterKind.Socket => IsBpfSockField(offset, size),
            // struct bpf_tcp_sock: 32-bit numbers, two 64-bit counters among them.
            RegisterKind.TcpSocket => offset + size <= 112 && size == (offset is 80 or 88 ? 8 : 4),
            RegisterKind.XdpSocket => offset == 0 && size == 4,
            _ => false,
        };
    }

    private static bool IsBpfSockField(int offset, int size)
    {
        if (offset + size > 80)
            return false;
        return offset switch
        {
            4 or 8 or 12 or 44 or 72 or 76 => size <= 4,
            >= 24 and < 44 or >= 52 and < 72 => offset % 4 + size <= 4,
            48 => size <= 4,
            49 => size == 1,
            50 or 51 => false,
            _ => size == 4,
        };
    }

    private void CheckSyscallContext(int number, int size)
    {
        CheckUnmodified(in _registers[number], number, fixedOffsetAllowed: false);
        if (ContextLayout.For(_type).Access(size - 1, 1, isWrite: false) is null)
            throw Reject($"invalid bpf_context access off={size - 1} size=1");
    }

    /// <summary>The prototype of the function (or tracepoint) a tracing program attaches to; null when the kernel's BTF does not say.</summary>
    private BtfType? TracedPrototype()
    {
        if (_type == ProgramType.StructOps)
            return OperationPrototype();
        if (KernelTypes is not { } types || _program.AttachBtfId == 0)
            return null;
        BtfType type = types[_program.AttachBtfId];
        if (type.Kind == BtfKind.Typedef)
        {
            // A raw tracepoint: typedef of a pointer to the function that takes its arguments behind a void *.
            type = types.SkipModifiers(type.Id);
            type = type.Kind == BtfKind.Pointer ? types.SkipModifiers(type.TypeId) : default;
        }
        else if (type.Kind == BtfKind.Function)
        {
            type = types[type.TypeId];
        }
        return type.Kind == BtfKind.FunctionPrototype ? type : null;
    }

    private void AccessTracedArgument(int offset, int size, bool isWrite, int value, bool signExtends)
    {
        if (offset < 0 || isWrite || offset % size != 0 || offset >= MaxTracedArguments * 8 || TracedPrototype() is not { } prototype)
            throw Reject($"invalid bpf_context access off={offset} size={size}");
        BtfReader types = KernelTypes!;
        bool isRawTracepoint = _attach == AttachType.TraceRawTp;
        int skipped = isRawTracepoint && types[_program.AttachBtfId].Kind == BtfKind.Typedef ? 1 : 0;
        int index = offset / 8, count = prototype.Length - skipped;
        if (offset % 8 != 0 && size == 8)
            throw Reject($"func '{TracedName()}' offset {offset} is not multiple of 8");
        bool isResult = index == count && _attach is AttachType.TraceFexit or AttachType.ModifyReturn && index == count;
        if (index > count || (index == count && !isResult))
            throw Reject($"func '{TracedName()}' doesn't have {index + 1}-th argument");
        int typeId = isResult ? prototype.TypeId : prototype.GetParameter(index + skipped).TypeId;
        BtfType type = types.SkipModifiers(typeId);
        if (type.Kind is BtfKind.Int or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Void && type.Kind != BtfKind.Void)
        {
            if (value >= 0)
                SetLoaded(value, size, signExtends);
            return;
        }
        if (type.Kind != BtfKind.Pointer)
            throw Reject($"func '{TracedName()}' arg{index} type {type.Kind} is not supported");
        if (size != 8)
            throw Reject($"func '{TracedName()}' size {size} must be 8");
        BtfType target = types.SkipModifiers(type.TypeId);
        if (value < 0)
            return;
        ref RegisterState register = ref _registers[value];
        if (_attach == AttachType.TraceIter && target.IsVoid && IteratorBuffer(index) is { } buffer)
        {
            register = RegisterState.Pointer(RegisterKind.Buffer | RegisterKind.MaybeNull | buffer);
            register.Id = NewId();
            _log.Touch(value);
            return;
        }
        if (target.Kind is not (BtfKind.Struct or BtfKind.Union))
        {
            // A pointer to a number is a number to the program: it may be read with probe helpers only.
            SetLoaded(value, size, signExtends);
            return;
        }
        if (_type == ProgramType.StructOps)
        {
            register = OperationArgument(index, target);
            _log.Touch(value);
            return;
        }
        RegisterKind flags = isRawTracepoint || _attach is AttachType.TraceFentry or AttachType.TraceFexit or AttachType.ModifyReturn || _type == ProgramType.Lsm || _attach == AttachType.TraceIter
            ? RegisterKind.Trusted : 0;
        register = RegisterState.Pointer(RegisterKind.Object | flags);
        register.Target = target.Id;
        bool isIteratedMap = index == 1 && TracedName() is "bpf_iter_bpf_map_elem" or "bpf_iter_sockmap" or "bpf_iter_bpf_sk_storage_map" && index == 1;
        if (_attach == AttachType.TraceIter && index > 0 && !isIteratedMap)
        {
            register.Kind |= RegisterKind.MaybeNull;
            register.Id = NewId();
        }
        _log.Touch(value);
    }

    /// <summary>Keys and values that iterators over maps hand out as bytes: keys may only be read.</summary>
    private RegisterKind? IteratorBuffer(int index) => (TracedName(), index) switch
    {
        ("bpf_iter_bpf_map_elem", 2) or ("bpf_iter_sockmap", 2) => RegisterKind.ReadOnly,
        ("bpf_iter_bpf_map_elem", 3) or ("bpf_iter_bpf_sk_storage_map", 3) => 0,
        _ => null,
    };

    private string TracedName() => _type == ProgramType.StructOps ? OperationName : KernelTypes?[_program.AttachBtfId].Name ?? "";
}
