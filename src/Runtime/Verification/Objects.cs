// Kernel objects described by BTF: walking their fields, passing them to helpers. Without the kernel's BTF nothing is known of
// them, and programs that need them are refused.
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private RejectedException NoKernelTypes(string what) => Reject($"{what} not supported without the kernel's BTF");

    /// <summary>Id of a structure in the kernel's BTF; 0 when unknown.</summary>
    private int FindKernelType(string name)
        => _program.KernelBtf is { } types ? types.Find(name, Ebpf.Btf.BtfKind.Struct) : 0;

    private RegisterState KernelVariable(int typeId) => throw NoKernelTypes($"ldimm64 of kernel symbol {typeId}");

    private RegisterState KernelObject(string structure) => throw NoKernelTypes($"'struct {structure}' access");

    /// <summary>Whether the pointer is guaranteed to be valid as long as the program holds it.</summary>
    private static bool IsTrusted(in RegisterState register)
    {
        if (register.Reference != 0)
            return true;
        const RegisterKind Unsafe = RegisterKind.FlagMask & ~(RegisterKind.Allocated | RegisterKind.Trusted | RegisterKind.NonOwning);
        if (register.Kind is RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.Map)
            return true;
        return register.Kind.Has(RegisterKind.Allocated | RegisterKind.Trusted) && (register.Kind & Unsafe) == 0;
    }

    private MapRecord ObjectRecord(in RegisterState register)
    {
        _ = register;
        return MapRecord.None;
    }

    private void AccessObject(int number, int offset, int size, bool isWrite, int value, bool signExtends)
    {
        _ = (offset, size, isWrite, value, signExtends);
        throw NoKernelTypes($"R{number} is ptr_ access");
    }

    private void AccessMapStructure(int number, int offset, int size, bool isWrite, int value, bool signExtends)
    {
        _ = (offset, size, value, signExtends);
        if (!AllowsPointerLeaks)
            throw Reject("'struct bpf_map' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN");
        if (offset < 0)
            throw Reject($"R{number} is bpf_map invalid negative access: off={offset}");
        if (isWrite)
            throw Reject("only read from bpf_map is supported");
        throw NoKernelTypes("map_ptr access");
    }

    private void CheckObjectArgument(CallContext call, int number, HelperArgument argument, int index, bool isMemory)
    {
        ref RegisterState register = ref _registers[number];
        if (isMemory && !argument.Is(HelperArgument.ReadOnly))
            throw Reject($"{call.Helper.FullName}() may write into memory pointed by R{number} type={register.Kind.Name()}");
        _ = index;
        throw NoKernelTypes($"R{number} type={register.Kind.Name()}");
    }

    private RegisterState ObjectResult(CallContext call, RegisterKind flags)
    {
        _ = flags;
        throw NoKernelTypes($"func {call.Helper.FullName}#{call.Helper.Id}");
    }

    private void AccessKernelPointer(ref InstructionInfo instruction, bool isWrite, int value, MapField field)
    {
        _ = (instruction.Opcode, isWrite, value);
        throw NoKernelTypes($"kptr at off={field.Offset}");
    }

    private void CheckKernelPointerSlot(CallContext call, int number)
    {
        _ = call;
        throw NoKernelTypes($"R{number} kptr");
    }
}
