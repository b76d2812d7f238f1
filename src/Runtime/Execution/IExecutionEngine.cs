// Engines run verified programs. Preparing (predecoding, compiling) is separate from running, and running allocates nothing.
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Runtime.Execution;

/// <summary>A way to execute programs: the interpreter, a JIT.</summary>
public interface IExecutionEngine
{
    /// <summary>As <c>--engine</c> names it: interp, x64, arm32, llvm, kernel.</summary>
    string Name { get; }

    /// <summary>Null when the engine works on this machine, otherwise the reason it does not.</summary>
    string? WhyUnavailable { get; }

    /// <summary>A program that the verifier accepted, run without checks that its facts make superfluous.</summary>
    IExecutable Prepare(VerifiedProgram program, ExecutionEnvironment environment);

    /// <summary>A program nobody verified: every access is checked against <see cref="SandboxOptions"/>' regions and fuel is counted.</summary>
    IExecutable PrepareSandboxed(LoadedProgram program, SandboxOptions sandbox, ExecutionEnvironment environment);
}

/// <summary>A prepared program. Thread-safe: each call has its own stack.</summary>
public interface IExecutable : IDisposable
{
    /// <summary>
    /// Runs the program with R1 = <paramref name="r1"/> and R2 = <paramref name="r2"/>. In verified programs R1 is the address of the native context.
    /// </summary>
    /// <exception cref="GuestFaultException">Sandboxed programs only: a bad access, exhausted fuel, an unknown helper.</exception>
    ulong Run(nint r1, nint r2 = 0);

    /// <summary>Native code, where there is any; empty otherwise.</summary>
    ReadOnlyMemory<byte> Code { get; }
}

/// <summary>What a sandboxed program may touch and how long it may run.</summary>
public sealed record SandboxOptions
{
    /// <summary>Instructions before the program is stopped.</summary>
    public long Fuel { get; init; } = 100_000_000;
}

/// <summary>A sandboxed program did something it may not.</summary>
public sealed class GuestFaultException(string message, int slot) : Exception(message)
{
    /// <summary>The instruction at fault.</summary>
    public int Slot { get; } = slot;
}
