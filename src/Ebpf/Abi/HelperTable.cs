// The helper functions of the kernel (numbers 1 to 211): one row each, read by the verifier, the registry of implementations,
// assembler and disassembler, and the documentation.
namespace Ebpfcc.Ebpf.Abi;

/// <summary>The helper table and its searches.</summary>
public static partial class HelperTable
{
    private static readonly HelperRow[] s_rows = [.. RowsLow(), .. RowsHigh()];
    private static Dictionary<string, HelperRow>? s_byName;

    /// <summary>All rows in order of their numbers, which begin at 1.</summary>
    public static ReadOnlySpan<HelperRow> Rows => s_rows;

    /// <summary>The helper with this number, or null.</summary>
    public static HelperRow? Find(int id) => (uint)(id - 1) < (uint)s_rows.Length ? s_rows[id - 1] : null;

    /// <summary>The helper of this name, with or without <c>bpf_</c>, or null.</summary>
    public static HelperRow? Find(string name)
    {
        Dictionary<string, HelperRow> byName = s_byName ??= s_rows.ToDictionary(row => row.Name);
        return byName.GetValueOrDefault(name) ?? (name.StartsWith("bpf_", StringComparison.Ordinal) ? byName.GetValueOrDefault(name[4..]) : null);
    }
}
