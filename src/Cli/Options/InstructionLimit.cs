// --max-insns: how much work the verifier may do before a program is too complex.
using System.Globalization;

namespace Ebpfcc.Cli.Options;

public static class InstructionLimit
{
    /// <summary>The kernel's limit of processed instructions.</summary>
    public const int Default = 1_000_000;

    private const int Largest = 1_000_000_000;

    public const string Help = "instructions the verifier may process (1000000, the kernel's limit)";

    /// <summary>Reads the option's argument; returns what is wrong with it, or null.</summary>
    public static string? Parse(string text, ref int limit)
    {
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number is < 1 or > Largest)
            return $"'{text}' is no number of instructions from 1 to {Largest}";
        limit = number;
        return null;
    }
}
