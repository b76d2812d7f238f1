// The helpers of this runtime: number, managed function, native entry.
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Runtime.Helpers;

public sealed unsafe partial class HelperRegistry
{
    private static HelperRegistry? s_default;

    /// <summary>All helpers this runtime implements.</summary>
    public static HelperRegistry Default => s_default ??= BuildDefault();

    private static HelperRegistry BuildDefault()
    {
        var byId = new HelperImplementation?[HelperTable.Rows.Length + 1];
        return new HelperRegistry(byId);
    }
}
