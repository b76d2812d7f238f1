// The machine code of a verified program, cut at the eBPF instructions it came from.
using System.Runtime.InteropServices;
using Ebpfcc.Cli.Output;
using Ebpfcc.Jit.Arm32;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Exploration;

public static class NativeListings
{
    /// <summary>One listing for each architecture that the program can be translated to.</summary>
    public static IReadOnlyList<NativeListing> Of(VerifiedProgram program, ExecutionEnvironment environment)
    {
        var listings = new List<NativeListing>(2);
        Add("x86-64", Architecture.X64, () => X64Engine.Translate(program, environment) is var code ? (code.Bytes, code.SlotOffsets) : default);
        Add("ARM32", Architecture.Arm, () => Arm32Engine.Translate(program) is var code ? (code.Bytes, code.SlotOffsets) : default);
        return listings;

        void Add(string name, Architecture architecture, Func<(byte[] Bytes, int[] Offsets)> translate)
        {
            try
            {
                (byte[] bytes, int[] offsets) = translate();
                using var listing = new MachineListing(architecture, library: null);
                listings.Add(new NativeListing(name, bytes.Length, Cut(listing, bytes, offsets)));
            }
            catch (GuestFaultException)
            {
                // An engine that lacks what the program needs has no listing; 'run' and 'jit' say what is missing.
            }
        }
    }

    private static List<NativeLine> Cut(MachineListing listing, byte[] bytes, int[] offsets)
    {
        var lines = new List<NativeLine>();
        int end = bytes.Length;
        for (int slot = offsets.Length - 1; slot >= 0; slot--)
        {
            if (offsets[slot] < 0)
                continue;
            foreach ((int at, string hex, string text) in listing.Instructions(bytes, offsets[slot], end).Reverse())
                lines.Add(new NativeLine(slot, at, text.Length > 0 ? text : hex));
            end = offsets[slot];
        }
        lines.Reverse();
        return lines;
    }
}
