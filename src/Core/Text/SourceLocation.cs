// Locations are 32-bit positions in one address space of characters that a SourceMap lays out, after the design of
// Clang's SourceManager: every file and every macro expansion owns a contiguous range, so that a token, a syntax node
// and an SSA instruction carry four bytes and still know file, line, column and the macros they came through.
//
//     0      1 ............ n   n+1 ........ m   m+1 ..... k
//   +------+------------------+----------------+-------------+---
//   | none | main.c           | header.h       | expansion   | ...
//   +------+------------------+----------------+-------------+---
namespace Ebpfcc.Core.Text;

/// <summary>A position in a <see cref="SourceMap"/>. The default value means "nowhere".</summary>
public readonly record struct SourceLocation(int Position) : IComparable<SourceLocation>
{
    public static readonly SourceLocation None = default;

    public bool IsNone => Position == 0;

    public static SourceLocation operator +(SourceLocation location, int characters) => new(location.Position + characters);

    public int CompareTo(SourceLocation other) => Position.CompareTo(other.Position);
}

/// <summary>A half-open stretch of source, both ends in the same file or expansion in the ordinary case.</summary>
public readonly record struct SourceSpan(SourceLocation Start, SourceLocation End)
{
    public static readonly SourceSpan None = default;

    public bool IsNone => Start.IsNone;

    public static SourceSpan At(SourceLocation location, int length = 1) => new(location, location + length);

    /// <summary>The smallest span that begins where this begins and ends where <paramref name="last"/> ends.</summary>
    public SourceSpan To(SourceSpan last) => last.IsNone ? this : IsNone ? last : new(Start, last.End);
}
