// The helpers that the public conformance suite expects of a runtime: number 5 unwinds when its argument is zero.
namespace Ebpfcc.Runtime.Helpers;

public static unsafe class ConformanceHelpers
{
    /// <summary>The default helpers with the suite's unwind function in the place of number 5.</summary>
    public static HelperRegistry Registry { get; } = HelperRegistry.Default.With(
        new HelperImplementation { Id = 5, Managed = &HelperFunctions.First, Native = &NativeHelpers.First, UnwindsOnZero = true });
}
