// The preprocessor's product: the tokens of a translation unit with their locations, the pragmas among them, the files read.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

/// <summary>Pragmas that later stages use.</summary>
public enum PragmaKind : byte
{
    /// <summary>Unroll the next loop: <see cref="PragmaDirective.Value"/> is 0 never, int.MaxValue fully, else the count.</summary>
    Unroll,
    /// <summary>Packing in force from here on: <see cref="PragmaDirective.Value"/> bytes, 0 none.</summary>
    Pack,
    /// <summary><c>clang attribute push</c>: the tokens between the outer parentheses of <see cref="PragmaDirective.Tokens"/>.</summary>
    AttributePush,
    AttributePop,
    /// <summary><c>#pragma weak name</c>.</summary>
    Weak,
    /// <summary>Has had its effect in the preprocessor or has none; kept for printing.</summary>
    Other,
}

/// <summary>One pragma.</summary>
/// <param name="Tokens">The words after <c>#pragma</c>.</param>
public sealed record PragmaDirective(PragmaKind Kind, SourceLocation Location, int Value, PpToken[] Tokens);

/// <summary>A preprocessed translation unit.</summary>
public sealed class PreprocessedSource
{
    internal PreprocessedSource(NameTable names, PpToken[] tokens, int count, List<PragmaDirective> pragmas, List<string> dependencies, SourceMap map, SourceText main)
    {
        Names = names;
        Buffer = tokens;
        Count = count;
        Pragmas = pragmas;
        Dependencies = dependencies;
        Map = map;
        Main = main;
    }

    public NameTable Names { get; }

    internal PpToken[] Buffer { get; }

    /// <summary>Tokens without the end-of-file token, which stands behind them in the buffer.</summary>
    public int Count { get; }

    /// <summary>The tokens; the last one is the end of the file.</summary>
    public ReadOnlySpan<PpToken> Tokens => Buffer.AsSpan(0, Count + 1);

    public IReadOnlyList<PragmaDirective> Pragmas { get; }

    /// <summary>The files read, in the order of first use, the main file first.</summary>
    public IReadOnlyList<string> Dependencies { get; }

    /// <summary>The subset of <see cref="Dependencies"/> that are system headers (left out by <c>-MMD</c>).</summary>
    public IReadOnlySet<string> SystemDependencies { get; internal init; } = new HashSet<string>();

    public SourceMap Map { get; }

    public SourceText Main { get; }
}
