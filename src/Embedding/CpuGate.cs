// The CPUs of a machine. A run holds one from its beginning to its end, so that values of per-CPU maps have one user at a time, as
// in the kernel, and so that "no run that began before this moment is still going on" can be waited for (RCU's grace period): what
// is taken out of use is freed after it.
//
//   counter of a CPU:   even = free     odd = a run holds it     every run adds two
using System.Runtime.InteropServices;

namespace Ebpfcc.Embedding;

internal sealed class CpuGate
{
    /// <summary>One cache line each.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Counter
    {
        [FieldOffset(0)]
        public long Value;
    }

    [ThreadStatic]
    private static Holding? t_holding;

    /// <summary>The CPU that the current thread holds, and of which machine; runs inside runs share it.</summary>
    private sealed class Holding
    {
        public CpuGate? Gate;
        public int Cpu;
        public int Depth;
    }

    private readonly Counter[] _counters;

    public CpuGate(int count) => _counters = new Counter[count];

    public int Count => _counters.Length;

    /// <summary>Takes a CPU, the one this thread had last if it can; waits while all are taken.</summary>
    /// <param name="isNested">The thread holds it already: a helper of the host runs another program.</param>
    public int Enter(out bool isNested)
    {
        Holding holding = t_holding ??= new Holding();
        isNested = holding.Gate == this && holding.Depth > 0;
        if (isNested)
        {
            holding.Depth++;
            return holding.Cpu;
        }
        if (holding.Depth > 0)
            throw new InvalidOperationException("a helper of one machine cannot run a program of another");
        int first = holding.Gate == this ? holding.Cpu : Environment.CurrentManagedThreadId % _counters.Length;
        var wait = new SpinWait();
        while (true)
        {
            for (int i = 0; i < _counters.Length; i++)
            {
                int cpu = first + i < _counters.Length ? first + i : first + i - _counters.Length;
                ref long counter = ref _counters[cpu].Value;
                long value = Volatile.Read(ref counter);
                if ((value & 1) != 0 || Interlocked.CompareExchange(ref counter, value + 1, value) != value)
                    continue;
                (holding.Gate, holding.Cpu, holding.Depth) = (this, cpu, 1);
                return cpu;
            }
            wait.SpinOnce();
        }
    }

    public void Leave(int cpu)
    {
        Holding holding = t_holding!;
        if (--holding.Depth == 0)
            Volatile.Write(ref _counters[cpu].Value, _counters[cpu].Value + 1);
    }

    /// <summary>The calling thread is inside a run.</summary>
    public bool IsInside => t_holding is { Depth: > 0 } holding && holding.Gate == this;

    /// <summary>Returns when every run that was going on has ended.</summary>
    /// <exception cref="InvalidOperationException">The calling thread is inside a run, which would wait for itself.</exception>
    public void WaitForRuns()
    {
        if (IsInside)
            throw new InvalidOperationException("a program that is running cannot be replaced or disposed of from inside its own run");
        Interlocked.MemoryBarrier();
        for (int cpu = 0; cpu < _counters.Length; cpu++)
        {
            long seen = Volatile.Read(ref _counters[cpu].Value);
            var wait = new SpinWait();
            while ((seen & 1) != 0 && Volatile.Read(ref _counters[cpu].Value) == seen)
                wait.SpinOnce();
        }
    }
}
