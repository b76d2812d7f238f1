// What the code generator is told.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Backend.Ebpf;

/// <param name="Cpu">The instruction set version (<c>-mcpu=</c>).</param>
/// <param name="DebugInfo">Emit .BTF and .BTF.ext beyond what map definitions need (<c>-g</c>).</param>
/// <param name="BigEndian">Emit for a big-endian machine (<c>-target bpfeb</c>).</param>
/// <param name="CheckAllocation">Prove every register allocation with the independent checker.</param>
public sealed record BackendOptions(CpuVersion Cpu = CpuVersion.V3, bool DebugInfo = true, bool BigEndian = false, bool CheckAllocation = true)
{
    public static BackendOptions Default { get; } = new();

    /// <summary>Functions compiled without 32-bit registers, as for instruction set version 2, because the verifier lost a value in one.</summary>
    public IReadOnlyCollection<string> WholeRegisterFunctions { get; init; } = [];

    /// <summary>The options for one function.</summary>
    public BackendOptions For(string symbol) => HasAlu32 && WholeRegisterFunctions.Contains(symbol) ? this with { Cpu = CpuVersion.V2 } : this;

    /// <summary>32-bit arithmetic on subregisters, which zero-extends (LLVM's feature alu32).</summary>
    public bool HasAlu32 => Cpu >= CpuVersion.V3;

    /// <summary>32-bit compare-and-branch.</summary>
    public bool HasJump32 => Cpu >= CpuVersion.V3;

    /// <summary>The branches "lower" and "lower or same".</summary>
    public bool HasLessThanJumps => Cpu >= CpuVersion.V2;

    /// <summary>Sign-extending moves and loads, signed division, unconditional byte swap, long jumps.</summary>
    public bool HasV4 => Cpu >= CpuVersion.V4;

    /// <summary>Storing an immediate (LLVM does so from v4 on).</summary>
    public bool HasStoreImmediate => Cpu >= CpuVersion.V4;
}
