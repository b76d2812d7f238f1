// What the embedding API throws when something is refused: a program, a map operation, C source.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Embedding;

/// <summary>Something was refused. The message says what and why.</summary>
public sealed class EbpfException : Exception
{
    internal EbpfException(string message)
        : base(message)
    {
    }

    internal EbpfException(string message, IReadOnlyList<Diagnostic> diagnostics)
        : base(message)
        => Diagnostics = diagnostics;

    internal EbpfException(int errno, string message)
        : base($"{message} ({Runtime.Maps.Errno.Name(errno)})")
        => Errno = errno;

    /// <summary>The kernel's error number for the same mistake; 0 where it has none.</summary>
    public int Errno { get; }

    /// <summary>What the compiler, the loader or the verifier reported.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; } = [];

    /// <summary>The verifier's log in the kernel's format, when a program was rejected; otherwise empty.</summary>
    public string VerifierLog { get; internal init; } = "";

    internal static EbpfException Of(string what, IReadOnlyList<Diagnostic> diagnostics)
        => new($"{what}: {string.Join("; ", diagnostics.Where(item => item.Severity == DiagnosticSeverity.Error).Select(item => item.Message))}", diagnostics);

    /// <summary>Throws when a result of a map operation is negative.</summary>
    internal static void ThrowIfFailed(int result, IMap map, string operation)
    {
        if (result < 0)
            throw new EbpfException(-result, $"{operation} of map '{map.Definition.Name}' fails");
    }
}
