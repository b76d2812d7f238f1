// A program ready to be verified: one entry function with every subprogram it reaches in one instruction array, all
// relocations resolved, maps attached. What the kernel sees at BPF_PROG_LOAD.
//
// How references are written in the instructions of a loaded program (the kernel's pseudo source values):
//   LDDW src=1 MapFd     imm = index into Maps                     LDDW src=2 MapValue  imm = index into Maps, imm2 = offset
//   LDDW src=3 BtfId     imm = type id in KernelBtf                LDDW src=4 Function  imm = distance in slots, as a call's
//   call src=1 Local     imm = distance in slots from the next instruction
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Loading;

/// <summary>A function inside a loaded program.</summary>
/// <param name="Name">Symbol name.</param>
/// <param name="Start">Slot of its first instruction.</param>
/// <param name="IsGlobal">Verified on its own, by its BTF prototype, when a BTF description says so.</param>
/// <param name="BtfTypeId">Type id of its BTF FUNC in the program's BTF, 0 without.</param>
public sealed record Subprogram(string Name, int Start, bool IsGlobal, int BtfTypeId);

/// <summary>One line-information record: the C line an instruction came from.</summary>
public readonly record struct LineRecord(int Slot, string File, string Text, int Line, int Column);

/// <summary>Everything a verifier and an engine need to know of a program. Immutable.</summary>
public sealed class LoadedProgram
{
    public required string Name { get; init; }

    /// <summary>ELF section, e.g. <c>xdp</c> or <c>tp_btf/sched_switch</c>; empty for raw instructions.</summary>
    public string Section { get; init; } = "";

    /// <summary>BPF_PROG_TYPE_* number; the rows are in the program type table.</summary>
    public required int ProgramType { get; init; }

    /// <summary>The host's own program type, when <see cref="ProgramType"/> is <see cref="Ebpf.Abi.ProgramType.Host"/>; otherwise null.</summary>
    public Ebpf.Abi.HostProgramType? HostType { get; init; }

    /// <summary>The context structure of the program's type.</summary>
    public Ebpf.Abi.ContextLayout ContextLayout => HostType?.Context ?? Ebpf.Abi.ContextLayout.For((Ebpf.Abi.ProgramType)ProgramType);

    /// <summary>BPF_* attach type number.</summary>
    public int ExpectedAttachType { get; init; }

    /// <summary>BPF_F_* load flags (strict alignment, sleepable, any alignment, ...).</summary>
    public uint Flags { get; init; }

    public required EbpfInstruction[] Instructions { get; init; }

    /// <summary>Functions by start; the first begins at slot 0 and is the entry.</summary>
    public required IReadOnlyList<Subprogram> Subprograms { get; init; }

    public IReadOnlyList<IMap> Maps { get; init; } = [];

    public IReadOnlyList<LineRecord> Lines { get; init; } = [];

    /// <summary>The object's type information; null without.</summary>
    public BtfReader? Btf { get; init; }

    /// <summary>Opens the kernel's type information, for programs that turn out to need it.</summary>
    public Func<BtfReader?>? KernelTypes { get; init; }

    private BtfReader? _kernelBtf;

    /// <summary>The kernel's type information; null where there is none. Opened at the first use.</summary>
    public BtfReader? KernelBtf
    {
        get => _kernelBtf ??= KernelTypes?.Invoke();
        init => _kernelBtf = value;
    }

    /// <summary>The line that covers a slot: the last record at or before it; null when there is none.</summary>
    public LineRecord? FindLine(int slot)
    {
        int low = 0, high = Lines.Count - 1, found = -1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (Lines[middle].Slot <= slot)
            {
                found = middle;
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }
        return found < 0 ? null : Lines[found];
    }

    public string License { get; init; } = "";

    /// <summary>GPL-only helpers are allowed.</summary>
    public bool IsGplCompatible => License is "GPL" or "GPL v2" or "GPL and additional rights" or "Dual BSD/GPL" or "Dual MIT/GPL" or "Dual MPL/GPL";

    /// <summary>For tracing, LSM, struct_ops and extensions: the BTF id (in KernelBtf) of what it attaches to; 0 for none.</summary>
    public int AttachBtfId { get; init; }
}
