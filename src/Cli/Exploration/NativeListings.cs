// The machine code of a verified program, cut at the eBPF instructions it came from.
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
        Add("x86-64", () => X64Engine.Translate(program, environment) is var code ? (code.Bytes, code.SlotOffsets) : default);
        Add("ARM32", () => Arm32Engine.Translate(program) is var code ? (code.Bytes, code.SlotOffsets) : default);
        return listings;

        void Add(string architecture, Func<(byte[] Bytes, int[] Offsets)> translate)
        {
            try
            {
                (byte[] bytes, int[] offsets) = translate();
                listings.Add(new NativeListing(architecture, bytes.Length, Cut(bytes, offsets)));
            }
            catch (GuestFaultException)
            {
                // An engine that lacks what the program needs has no listing; 'run' and 'jit' say what is missing.
            }
        }
    }

    private static List<NativeLine> Cut(byte[] bytes, int[] offsets)
    {
        const int BytesPerLine = 12;
        var lines = new List<NativeLine>();
        int end = bytes.Length;
        for (int slot = offsets.Length - 1; slot >= 0; slot--)
        {
            if (offsets[slot] < 0)
                continue;
            int rows = (end - offsets[slot] + BytesPerLine - 1) / BytesPerLine;
            for (int row = rows - 1; row >= 0; row--)
            {
                int at = offsets[slot] + row * BytesPerLine;
                lines.Add(new NativeLine(slot, at, Convert.ToHexStringLower(bytes.AsSpan(at, Math.Min(BytesPerLine, end - at)))));
            }
            end = offsets[slot];
        }
        lines.Reverse();
        return lines;
    }
}
