// What the sandbox needs to know of the program it guards, whichever engine runs it.
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Runtime.Execution.Interpretation;

/// <summary>A program prepared to run in a <see cref="Sandbox"/>.</summary>
internal interface ISandboxedProgram
{
    /// <summary>Its maps are among the memory it may touch; its type decides what helpers take.</summary>
    LoadedProgram Program { get; }

    ExecutionEnvironment Environment { get; }
}
