// Counts what code allocates on its own thread. The runtime allocates now and then while it makes better code of a warm method;
// that is no property of the code measured, so the least of several rounds counts.
namespace Ebpfcc.TestSupport;

public static class Allocations
{
    private const int Rounds = 5;

    /// <summary>Bytes that the round which allocated least has allocated.</summary>
    public static long Least(Action round)
    {
        long least = long.MaxValue;
        for (int i = 0; i < Rounds; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
