// What the interpreter's loop does besides executing. Modes are types, so that each has machine code of its own and what is off
// costs nothing.
namespace Ebpfcc.Runtime.Execution.Interpretation;

/// <summary>What a loop does besides executing.</summary>
internal interface IInterpreterMode
{
    /// <summary>Every access is checked against the sandbox's windows.</summary>
    static abstract bool Checks { get; }

    /// <summary>Executed instructions are counted against the fuel.</summary>
    static abstract bool Counts { get; }

    /// <summary>Someone sees every instruction before it is executed.</summary>
    static abstract bool Observes { get; }
}

internal readonly struct VerifiedMode : IInterpreterMode
{
    public static bool Checks => false;
    public static bool Counts => false;
    public static bool Observes => false;
}

internal readonly struct CountedMode : IInterpreterMode
{
    public static bool Checks => false;
    public static bool Counts => true;
    public static bool Observes => false;
}

internal readonly struct SandboxedMode : IInterpreterMode
{
    public static bool Checks => true;
    public static bool Counts => true;
    public static bool Observes => false;
}

internal readonly struct ObservedMode : IInterpreterMode
{
    public static bool Checks => false;
    public static bool Counts => false;
    public static bool Observes => true;
}

/// <summary>Sees the machine before an instruction: its slot, the registers, and how many calls are active.</summary>
internal unsafe delegate void StepObserver(int slot, ulong* registers, int depth);
