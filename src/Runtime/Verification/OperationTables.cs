// Programs that are operations of a kernel table (struct_ops): which tables there are, what their operations are called with, and
// what of the kernel's objects they may write. The tables are those that the kernel's types say can be registered; a
// structure S is one when there is a structure bpf_struct_ops_S.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    /// <summary>Fields that congestion control may write: in which structure that struct tcp_sock begins with, and the field's path there.</summary>
    private static readonly (string Structure, string Field)[] s_congestionFields =
    [
        ("sock", "sk_pacing_rate"), ("sock", "sk_pacing_status"), ("inet_connection_sock", "icsk_ca_priv"), ("inet_connection_sock", "icsk_ack.pending"),
        ("tcp_sock", "snd_cwnd"), ("tcp_sock", "snd_cwnd_cnt"), ("tcp_sock", "snd_cwnd_stamp"), ("tcp_sock", "snd_ssthresh"), ("tcp_sock", "ecn_flags"), ("tcp_sock", "app_limited"),
    ];

    private string OperationTable => KernelTypes?[_program.AttachBtfId].Name ?? "";

    /// <summary>The program must be an operation of a table that the kernel knows.</summary>
    private void CheckOperation()
    {
        if (_program.AttachBtfId == 0 || KernelTypes is not { } types || types.Find("bpf_struct_ops_" + OperationTable, BtfKind.Struct) == 0)
            throw Reject($"attach_btf_id {_program.AttachBtfId} is not a supported struct");
        if ((uint)_program.ExpectedAttachType >= (uint)types[_program.AttachBtfId].Length)
            throw Reject($"attach to invalid member idx {_program.ExpectedAttachType} of struct {OperationTable}");
        if (OperationPrototype() is null)
            throw Reject($"attach to invalid member {OperationName}({_program.ExpectedAttachType}) of struct {OperationTable}");
        if (OperationTable == "tcp_congestion_ops" && OperationName == "get_info")
            throw Reject($"attach to unsupported member {OperationName} of struct {OperationTable}");
    }

    /// <summary>A socket that is going away takes no more options.</summary>
    private bool IsForOperation(HelperRow helper) => _type != ProgramType.StructOps || helper.Name != "setsockopt" || OperationTable != "tcp_congestion_ops" || OperationName != "release";

    private string OperationName => KernelTypes is { } types ? types.GetString(types[_program.AttachBtfId].GetMember(_program.ExpectedAttachType).NameOffset) : "";

    private BtfType? OperationPrototype()
    {
        if (KernelTypes is not { } types || (uint)_program.ExpectedAttachType >= (uint)types[_program.AttachBtfId].Length)
            return null;
        BtfType type = types.SkipModifiers(types[_program.AttachBtfId].GetMember(_program.ExpectedAttachType).TypeId);
        if (type.Kind == BtfKind.Pointer)
            type = types.SkipModifiers(type.TypeId);
        return type.Kind == BtfKind.FunctionPrototype ? type : null;
    }

    /// <summary>The kernel's stand-in for an operation says by its parameters' names which of them may be null.</summary>
    private bool IsOperationArgumentNullable(int index)
    {
        BtfReader types = KernelTypes!;
        int stub = types.Find($"{OperationTable}__{OperationName}", BtfKind.Function);
        if (stub == 0)
            return false;
        BtfType prototype = types[types[stub].TypeId];
        return index < prototype.Length && types.GetString(prototype.GetParameter(index).NameOffset).EndsWith("__nullable", StringComparison.Ordinal);
    }

    /// <summary>What the register is that holds an operation's argument of a structure type.</summary>
    private RegisterState OperationArgument(int index, BtfType target)
    {
        RegisterState argument = RegisterState.Pointer(RegisterKind.Object | RegisterKind.Trusted);
        argument.Target = target.Id;
        // Sockets of congestion control are TCP's.
        if (OperationTable == "tcp_congestion_ops" && target.Name == "sock")
            argument.Target = FindKernelType("tcp_sock");
        if (IsOperationArgumentNullable(index))
        {
            argument.Kind |= RegisterKind.MaybeNull;
            argument.Id = NewId();
        }
        return argument;
    }

    /// <summary>A store into a kernel object by an operation.</summary>
    private void CheckOperationWrite(in RegisterState pointer, int offset, int size)
    {
        BtfReader types = KernelTypes!;
        string structure = types[pointer.Target].Name;
        switch (pointer.Kind.Has(RegisterKind.Untrusted) ? "" : OperationTable)
        {
            case "bpf_dummy_ops" when structure == "bpf_dummy_ops_state":
                if (offset + size > types[pointer.Target].Size)
                    throw Reject($"write access at off {offset} with size {size}");
                return;
            case "tcp_congestion_ops" when structure == "tcp_sock":
                foreach ((string owner, string field) in s_congestionFields)
                {
                    if (FieldRange(types, FindKernelType(owner), field) is not { } range || (field == "icsk_ca_priv" ? offset < range.Start || offset >= range.End : offset != range.Start))
                        continue;
                    if (offset + size > range.End)
                        throw Reject($"write access at off {offset} with size {size} beyond the member of tcp_sock ended at {range.End}");
                    return;
                }
                throw Reject($"no write support to tcp_sock at off {offset}");
            default:
                throw Reject("only read is supported");
        }
    }

    /// <summary>The bytes of a field by its path; null when the kernel has none of that name.</summary>
    private static (int Start, int End)? FieldRange(BtfReader types, int structure, string path)
    {
        int start = 0;
        foreach (string name in path.Split('.'))
        {
            if (structure == 0 || FindMember(types, structure, name) is not { } found)
                return null;
            start += found.Offset;
            structure = found.Type;
        }
        return (start, start + (int)(types.SizeOf(structure) ?? 0));
    }

    /// <summary>A member by name, inside structures without a name too.</summary>
    private static (int Offset, int Type)? FindMember(BtfReader types, int structure, string name)
    {
        BtfType type = types.SkipModifiers(structure);
        if (type.Kind is not (BtfKind.Struct or BtfKind.Union))
            return null;
        for (int i = 0; i < type.Length; i++)
        {
            BtfMember member = type.GetMember(i);
            string its = types.GetString(member.NameOffset);
            if (its == name)
                return ((int)(member.BitOffset / 8), member.TypeId);
            if (its.Length == 0 && FindMember(types, member.TypeId, name) is { } inner)
                return ((int)(member.BitOffset / 8) + inner.Offset, inner.Type);
        }
        return null;
    }
}
