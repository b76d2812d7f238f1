// The code of one module with the maps it uses: they live as long as any program runs on them, which after a hot swap may be a
// program of another module.
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Embedding;

internal sealed class CodeGroup(Vm vm, IReadOnlyList<IExecutable> executables, IReadOnlyList<IMap> maps)
{
    private int _references = 1;

    /// <summary>False when the code is gone.</summary>
    public bool TryAddReference()
    {
        int count = Volatile.Read(ref _references);
        while (count > 0)
        {
            int seen = Interlocked.CompareExchange(ref _references, count + 1, count);
            if (seen == count)
                return true;
            count = seen;
        }
        return false;
    }

    /// <summary>Gives a reference back; no run that used it is going on any more.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _references) != 0)
            return;
        foreach (IExecutable executable in executables)
            executable.Dispose();
        vm.Release(maps);
    }
}

/// <summary>What a program runs: swapped as one.</summary>
internal sealed record ProgramCode(IExecutable Executable, CodeGroup Group);
