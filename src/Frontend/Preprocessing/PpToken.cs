// Preprocessing tokens (C11 6.4) as 12-byte values: what it is, where it is, and the number of its spelling in a NameTable.
//
//   byte 0     1       2-3   4..7   8..11
//   +------+-------+-------+------+----------+
//   | kind | flags |       | id   | location |
//   +------+-------+-------+------+----------+
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

/// <summary>The kind of a preprocessing token. Punctuators come last, in the order of <see cref="Punctuators.Spellings"/>.</summary>
public enum PpTokenKind : byte
{
    EndOfFile,
    /// <summary>The end of a directive's line.</summary>
    EndOfDirective,
    Identifier,
    /// <summary>A preprocessing number: whatever starts like a number.</summary>
    Number,
    Character,
    String,
    /// <summary>A character that is no C token, or a quote without its partner (spelled to the end of the line).</summary>
    Other,
    /// <summary>A pragma that the parser or a later stage uses; the id is an index into <see cref="PreprocessedSource.Pragmas"/>.</summary>
    Pragma,
    /// <summary>The empty operand of <c>##</c> (C11 6.10.3.3), never seen outside macro expansion.</summary>
    Placemarker,
    /// <summary>A parameter in a macro's body; the id is its index.</summary>
    MacroParameter,

    LeftParen, RightParen, LeftBracket, RightBracket, LeftBrace, RightBrace, Dot, Arrow, PlusPlus, MinusMinus, Ampersand, Star,
    Plus, Minus, Tilde, Exclamation, Slash, Percent, LessLess, GreaterGreater, Less, Greater, LessEqual, GreaterEqual,
    EqualEqual, ExclamationEqual, Caret, Bar, AmpersandAmpersand, BarBar, Question, Colon, Semicolon, Ellipsis, Equal,
    StarEqual, SlashEqual, PercentEqual, PlusEqual, MinusEqual, LessLessEqual, GreaterGreaterEqual, AmpersandEqual, CaretEqual,
    BarEqual, Comma, Hash, HashHash,
}

[Flags]
public enum PpTokenFlags : byte
{
    None = 0,
    /// <summary>White space stands in front of the token.</summary>
    LeadingSpace = 1,
    /// <summary>The token is the first of its line.</summary>
    StartOfLine = 2,
    /// <summary>The name of a macro that was being expanded when the token was read: never expanded again (C11 6.10.3.4p2).</summary>
    NoExpand = 4,
    /// <summary>The token came out of a macro.</summary>
    FromMacro = 8,
    /// <summary>The token was written in a system header.</summary>
    SystemHeader = 16,
}

/// <summary>One preprocessing token.</summary>
public struct PpToken
{
    public PpTokenKind Kind;
    public PpTokenFlags Flags;

    /// <summary>The spelling in the compilation's <see cref="NameTable"/>; 0 for punctuators spelled the ordinary way.</summary>
    public int Id;

    public SourceLocation Location;

    public readonly bool HasLeadingSpace => (Flags & PpTokenFlags.LeadingSpace) != 0;

    public readonly bool IsStartOfLine => (Flags & PpTokenFlags.StartOfLine) != 0;

    public readonly bool IsPunctuator => Kind >= PpTokenKind.LeftParen;
}

/// <summary>The spellings of punctuators.</summary>
public static class Punctuators
{
    public static readonly string[] Spellings =
    [
        "(", ")", "[", "]", "{", "}", ".", "->", "++", "--", "&", "*", "+", "-", "~", "!", "/", "%", "<<", ">>", "<", ">", "<=", ">=",
        "==", "!=", "^", "|", "&&", "||", "?", ":", ";", "...", "=", "*=", "/=", "%=", "+=", "-=", "<<=", ">>=", "&=", "^=", "|=", ",", "#", "##",
    ];

    public static string Spelling(PpTokenKind kind) => Spellings[kind - PpTokenKind.LeftParen];
}
