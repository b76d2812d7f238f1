// The stage as a whole: order the blocks, allocate, prove, clean up.
using Ebpfcc.Backend.Ebpf.Machine;

namespace Ebpfcc.Backend.Ebpf.Allocation;

public static class RegisterAllocation
{
    /// <param name="check">Prove the result; a wrong allocation throws.</param>
    public static void Run(MachineFunction function, bool check)
    {
        Allocate(function);
        if (check)
            AllocationChecker.Check(function);
        AllocationChecker.DropMarks(function);
    }

    /// <summary>Allocates and leaves the marks in place that <see cref="AllocationChecker.Check"/> needs.</summary>
    public static void Allocate(MachineFunction function)
    {
        ControlFlow.Prepare(function);
        ConstantHoisting.Run(function);
        LinearScanAllocator.Allocate(function);
    }
}
