// Kernel versions as users write them.
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Options;

public static class KernelVersions
{
    private static readonly (string Text, KernelVersion Version)[] s_rows =
        [("5.15", KernelVersion.V5_15), ("6.1", KernelVersion.V6_1), ("6.6", KernelVersion.V6_6), ("6.12", KernelVersion.V6_12), ("6.18", KernelVersion.V6_18)];

    public static KernelVersion? Parse(string text)
    {
        foreach ((string name, KernelVersion version) in s_rows)
        {
            if (name == text)
                return version;
        }
        return null;
    }

    /// <summary>What to say of a version without rules.</summary>
    public static string Unknown(string text) => $"there are no rules for kernel '{text}'; choose {string.Join(", ", s_rows.Select(row => row.Text))}";
}
