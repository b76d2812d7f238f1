// Our own mistakes: a broken invariant, never a user's error.
namespace Ebpfcc.Core.Diagnostics;

/// <summary>An invariant of ebpfcc is broken. Names the pass and the function being compiled or run.</summary>
public sealed class InternalCompilerException(string pass, string? function, string problem, Exception? inner = null)
    : Exception(function is null ? $"{pass}: {problem}" : $"{pass} (function '{function}'): {problem}", inner)
{
    public string Pass { get; } = pass;

    public string? Function { get; } = function;
}
