// The context: which fields a program type may read and write, how wide, and what it finds there; and what a program of the type
// may return. All of it read from the tables of the ABI.
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private void CheckProgram()
    {
        if (_type == ProgramType.Unspec || (int)_type >= ProgramTypeTable.Rows.Length)
            throw Reject($"unknown program type {_program.ProgramType}");
        if (_type == ProgramType.StructOps && !_program.IsGplCompatible)
            throw Reject("struct ops programs must have a GPL compatible license");
        if (_type == ProgramType.Lsm && !_program.IsGplCompatible)
            throw Reject("LSM programs must have a GPL compatible license");
        if (_type is ProgramType.StructOps or ProgramType.Ext)
            throw NoKernelTypes($"program type {ProgramTypeTable.Get(_type).Name}");
        if (IsSleepable && _type is not (ProgramType.Tracing or ProgramType.Lsm or ProgramType.Kprobe or ProgramType.Syscall))
            throw Reject("Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable");
    }

    private bool ReturnsNothing() => false;

    private ReturnRange? AllowedReturn() => ProgramTypeTable.GetReturnRange(_type, _attach);

    private void AccessContext(ref InstructionInfo instruction, int number, int offset, int size, bool isWrite, int value, bool signExtends)
    {
        ref RegisterState pointer = ref _registers[number];
        CheckUnmodified(in pointer, number, fixedOffsetAllowed: false);
        RegisterKind? kind = ContextField(offset, size, isWrite, signExtends, ref instruction);
        if (kind is not { } loaded)
            throw Reject($"invalid bpf_context access off={offset} size={size}");
        if (isWrite || value < 0)
            return;
        if (loaded == RegisterKind.Scalar)
        {
            SetLoaded(value, size, signExtends);
            return;
        }
        ref RegisterState register = ref _registers[value];
        register = RegisterState.Pointer(loaded);
        if (loaded.MayBeNull())
            register.Id = NewId();
        _log.Touch(value);
    }

    private RegisterKind? ContextField(int offset, int size, bool isWrite, bool signExtends, ref InstructionInfo instruction)
    {
        bool buffer = _type is ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.SocketFilter or ProgramType.CgroupSkb or ProgramType.LwtIn or ProgramType.LwtOut;
        if (offset < 0 || offset % size != 0)
            return null;
        if (_type == ProgramType.Xdp)
        {
            if (offset + size > 24 || size != 4 || isWrite)
                return null;
            RegisterKind kind = offset switch { 0 => RegisterKind.Packet, 4 => RegisterKind.PacketEnd, 8 => RegisterKind.PacketMeta, _ => RegisterKind.Scalar };
            if (kind != RegisterKind.Scalar && signExtends)
                return null;
            instruction.LoadsContextPointer |= kind != RegisterKind.Scalar;
            return kind;
        }
        if (!buffer || offset + size > 192)
            return null;
        if (offset is 76 or 80 or 140)
        {
            if (size != 4 || isWrite || _type == ProgramType.SocketFilter || signExtends)
                return null;
            instruction.LoadsContextPointer = true;
            return offset switch { 76 => RegisterKind.Packet, 80 => RegisterKind.PacketEnd, _ => RegisterKind.PacketMeta };
        }
        return RegisterKind.Scalar;
    }

    private void CheckSocketAccess(int number, int offset, int size)
    {
        ref RegisterState pointer = ref _registers[number];
        if (pointer.Value.SMin < 0)
            throw Reject($"R{number} min value is negative, either use unsigned index or do a if (index >=0) check.");
        int limit = pointer.Kind switch { RegisterKind.SocketCommon => 44, RegisterKind.TcpSocket => 116, RegisterKind.XdpSocket => 4, _ => 80 };
        if (!pointer.Value.IsZero || offset < 0 || offset + size > limit || offset % size != 0)
            throw Reject($"R{number} invalid {pointer.Kind.Name()} access off={offset} size={size}");
    }

    private void CheckSyscallContext(int number, int size)
    {
        _ = size;
        CheckUnmodified(in _registers[number], number, fixedOffsetAllowed: false);
    }
}
