// Mistakes of users that only the optimiser can see.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Ir.Passes;

public static class IrDiagnostics
{
    public static readonly DiagnosticDescriptor RecursiveAlwaysInline = new(
        "EBC3901", DiagnosticSeverity.Error,
        "always_inline function '{0}' is recursive and cannot be inlined",
        "A function marked always_inline must disappear into its callers, but this one calls itself, directly or through other functions. "
        + "eBPF has no recursion either: the kernel's verifier follows every call. Write a bounded loop instead.");

    public static readonly DiagnosticDescriptor CannotInline = new(
        "EBC3902", DiagnosticSeverity.Error,
        "always_inline function '{0}' cannot be inlined: {1}",
        "A function marked always_inline must disappear into its callers, which is not possible for functions with a variable number of "
        + "arguments and for naked functions, whose bodies are only assembly.");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } = [RecursiveAlwaysInline, CannotInline];
}
