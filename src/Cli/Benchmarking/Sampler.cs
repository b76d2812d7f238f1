// Timing something that can be repeated, on machines that are never quiet: a sample is the fastest of a few slices, because
// whatever interferes only adds; samples of competitors are taken in turns, because clocks drift.
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Ebpfcc.Cli.Benchmarking;

/// <summary>Times one action.</summary>
/// <param name="run">Does the work as often as it is told.</param>
internal sealed class Sampler(Action<int> run) : IDisposable
{
    private const int Slices = 4, MaxRepeat = 1 << 28;

    private int _repeat;

    /// <summary>What must live as long as the sampler is used.</summary>
    public List<IDisposable> Owned { get; } = [];

    /// <summary>ns of one repetition.</summary>
    public double Sample(int milliseconds)
    {
        double slice = milliseconds * 1e6 / Slices;
        if (_repeat == 0)
        {
            Warm(() => run(1));
            _repeat = 1;
            while (Time() < slice && _repeat < MaxRepeat)
                _repeat *= 2;
        }
        double best = double.MaxValue;
        for (int i = 0; i < Slices; i++)
            best = Math.Min(best, Time());
        return best / _repeat;
    }

    /// <summary>
    /// Repeats something until the runtime has translated the code around it well; code that was compiled ahead of time is warm at once.
    /// </summary>
    public static void Warm(Action action)
    {
        const int Milliseconds = 400;
        if (!RuntimeFeature.IsDynamicCodeCompiled)
            return;
        long begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin).TotalMilliseconds < Milliseconds)
            action();
    }

    private double Time()
    {
        long start = Stopwatch.GetTimestamp();
        run(_repeat);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds;
    }

    public static double Median(ReadOnlySpan<double> values)
    {
        double[] sorted = values.ToArray();
        Array.Sort(sorted);
        return sorted.Length == 0 ? double.NaN : sorted[sorted.Length / 2];
    }

    /// <summary>Median of a number of single measurements.</summary>
    public static double Median(int count, Func<double> measure)
    {
        var values = new double[count];
        for (int i = 0; i < count; i++)
            values[i] = measure();
        return Median(values);
    }

    public void Dispose()
    {
        for (int i = Owned.Count - 1; i >= 0; i--)
            Owned[i].Dispose();
    }
}
