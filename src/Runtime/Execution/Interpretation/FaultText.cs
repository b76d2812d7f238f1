// The words for what sandboxed programs do wrong: the same from every engine.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Helpers;

namespace Ebpfcc.Runtime.Execution.Interpretation;

internal static class FaultText
{
    /// <summary>The exception for a fault; takes a refusal's reason out of the current context.</summary>
    /// <param name="slot">The instruction at fault; null in a program that a tail call entered.</param>
    /// <param name="width">Bytes of the access, for bad accesses.</param>
    /// <param name="helper">Number of the called helper, 0 for kernel functions.</param>
    public static GuestFaultException Describe(MachineFault fault, int? slot, int width, ulong address, long fuel, int helper)
    {
        GuestContext.Current.PendingFault = fault == MachineFault.HelperRefused ? GuestContext.Current.PendingFault : null;
        // Engines count at different places, but they agree on the number: where they noticed is not worth telling.
        if (fault == MachineFault.OutOfFuel)
            return new GuestFaultException($"the program did not finish within {fuel} instructions", slot ?? 0);
        string where = slot is { } known ? $"insn {known}" : "a program reached by a tail call";
        string what = fault switch
        {
            MachineFault.BadRead => $"invalid read of {width} bytes at 0x{address:x}",
            MachineFault.BadWrite => $"invalid write of {width} bytes at 0x{address:x}",
            MachineFault.FellOff => "execution ran off the end of the program",
            MachineFault.CallDepth => $"calls are nested deeper than {EbpfRegisters.MaxCallFrames} frames",
            MachineFault.UnknownHelper => helper == 0 ? "kernel functions cannot be called here" : HelperRegistry.WhyMissing(helper),
            MachineFault.HelperRefused => GuestContext.Current.PendingFault?.Message ?? "a helper refused its arguments",
            MachineFault.BadFunction => "call of something that is no function",
            _ => fault.ToString(),
        };
        GuestContext.Current.PendingFault = null;
        return new GuestFaultException($"{where}: {what}", slot ?? 0);
    }
}
