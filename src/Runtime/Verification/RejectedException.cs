// How a rejection leaves the analysis: thrown where a condition fails, caught by Verifier and turned into a Rejection value.
namespace Ebpfcc.Runtime.Verification;

/// <summary>The program is refused. Never leaves <see cref="Verifier"/>.</summary>
internal sealed class RejectedException(string message) : Exception(message)
{
    /// <summary>The instruction at fault where it is not the one being analysed; -1 otherwise.</summary>
    public int Slot { get; init; } = -1;
}
