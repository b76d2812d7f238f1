// The interpreter engine: decodes once, then one switch in a loop (Interpreter.Loop.cs). Two modes: verified programs run
// without checks, because the verifier's proof is the check; sandboxed programs have every access checked and fuel counted.
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Runtime.Execution.Interpretation;

/// <summary>Runs programs instruction by instruction on any machine.</summary>
public sealed class Interpreter : IExecutionEngine
{
    public string Name => "interp";

    public string? WhyUnavailable => null;

    public IExecutable Prepare(VerifiedProgram program, ExecutionEnvironment environment) => Prepare(program, environment, null);

    /// <summary>A verified program whose every step someone sees; null for nobody.</summary>
    internal static IExecutable Prepare(VerifiedProgram program, ExecutionEnvironment environment, StepObserver? observer)
    {
        RequiredSupport.Check(program, environment, probesMemory: true);
        return new InterpretedProgram(program.Program, new Decoder(program.Program, program.Instructions, program.Facts, environment), null, environment, program.StackDepth) { Observer = observer };
    }

    /// <exception cref="GuestFaultException">The instructions are malformed: an unknown operation, a used reserved field, a jump out of the program.</exception>
    public IExecutable PrepareSandboxed(LoadedProgram program, SandboxOptions sandbox, ExecutionEnvironment environment)
    {
        StructuralCheck.RequireSandboxable(program.Instructions);
        return new InterpretedProgram(program, new Decoder(program, program.Instructions, null, environment), sandbox, environment);
    }
}
