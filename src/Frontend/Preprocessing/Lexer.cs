// Translation phases 1-3 (C11 5.1.1.2) over one buffer: white space, comments, line splices and preprocessing tokens.
// The fast path never copies; a token with a line splice inside takes the slow path, which spells it without the splice.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

/// <summary>A restartable scanner: its whole state is <see cref="Position"/> and two flags.</summary>
internal sealed partial class Lexer(NameTable names, string text, SourceLocation start, PpTokenFlags fileFlags)
{
    private const byte Letter = 1, Digit = 2, Space = 4;

    private static readonly byte[] s_classes = MakeClasses();

    private readonly string _text = text;

    public int Position { get; set; }

    /// <summary>The next token begins a line.</summary>
    public bool AtLineStart { get; set; } = true;

    /// <summary>Inside a directive: the line's end is a token.</summary>
    public bool InDirective { get; set; }

    /// <summary>Flags that every token of the file carries.</summary>
    public PpTokenFlags FileFlags { get; set; } = fileFlags;

    public string Text => _text;

    public SourceLocation Start => start;

    public SourceLocation Here => start + Position;

    /// <summary>Where a block comment without its end began; none ordinarily.</summary>
    public SourceLocation UnterminatedComment { get; private set; }

    private static byte[] MakeClasses()
    {
        var classes = new byte[128];
        for (char c = 'a'; c <= 'z'; c++)
            classes[c] = classes[c - 32] = Letter;
        for (char c = '0'; c <= '9'; c++)
            classes[c] = Digit;
        classes['_'] = classes['$'] = Letter;
        classes[' '] = classes['\t'] = classes['\v'] = classes['\f'] = Space;
        return classes;
    }

    private static bool IsIdentifierStart(char c) => c < 128 ? s_classes[c] == Letter : char.IsLetter(c) || char.IsSurrogate(c);

    private static bool IsIdentifierPart(char c) => c < 128 ? (s_classes[c] & (Letter | Digit)) != 0 : char.IsLetterOrDigit(c) || char.IsSurrogate(c);

    private char At(int position) => (uint)position < (uint)_text.Length ? _text[position] : '\0';

    /// <summary>The length of a backslash and line break at the position (GNU lets blanks stand between them), or 0.</summary>
    private int SpliceLength(int position)
    {
        if (At(position) != '\\')
            return 0;
        int i = position + 1;
        while (At(i) is ' ' or '\t' or '\f' or '\v')
            i++;
        if (At(i) == '\r' && At(i + 1) == '\n')
            return i + 2 - position;
        return At(i) == '\n' ? i + 1 - position : 0;
    }

    public void Next(out PpToken token)
    {
        string text = _text;
        int i = Position;
        PpTokenFlags flags = FileFlags;
        if (AtLineStart)
            flags |= PpTokenFlags.StartOfLine;
        while (true)
        {
            if ((uint)i >= (uint)text.Length)
            {
                Position = i;
                token = new PpToken { Kind = InDirective ? PpTokenKind.EndOfDirective : PpTokenKind.EndOfFile, Flags = flags, Location = start + Math.Min(i, text.Length) };
                return;
            }
            char c = text[i];
            if (c is ' ' or '\t')
            {
                flags |= PpTokenFlags.LeadingSpace;
                i++;
                continue;
            }
            if (c == '\n')
            {
                if (InDirective)
                {
                    Position = i;
                    token = new PpToken { Kind = PpTokenKind.EndOfDirective, Flags = flags, Location = start + i };
                    return;
                }
                i++;
                flags = (flags | PpTokenFlags.StartOfLine) & ~PpTokenFlags.LeadingSpace;
                continue;
            }
            if (c is '\r' or '\v' or '\f')
            {
                flags |= PpTokenFlags.LeadingSpace;
                i++;
                continue;
            }
            if (c == '/' && At(i + 1) is '/' or '*' || (c == '/' && SpliceLength(i + 1) > 0 && SplicedCommentStart(i)))
            {
                i = SkipComment(i);
                flags |= PpTokenFlags.LeadingSpace;
                continue;
            }
            if (c == '\\' && SpliceLength(i) is > 0 and int splice)
            {
                i += splice;
                continue;
            }
            break;
        }
        AtLineStart = false;
        token = default;
        token.Flags = flags;
        token.Location = start + i;
        Scan(text, i, ref token);
    }

    private bool SplicedCommentStart(int i)
    {
        int next = SkipSplices(i + 1);
        return At(next) is '/' or '*';
    }

    private int SkipSplices(int i)
    {
        while (SpliceLength(i) is > 0 and int splice)
            i += splice;
        return i;
    }

    /// <summary>Skips a comment that starts at <paramref name="i"/>; returns the position behind it.</summary>
    private int SkipComment(int i)
    {
        int begin = i;
        i = SkipSplices(i + 1);
        if (_text[i] == '/')
        {
            while (true)
            {
                int step = _text.AsSpan(i).IndexOfAny('\n', '\\');
                if (step < 0)
                    return _text.Length;
                i += step;
                if (_text[i] == '\n')
                    return i;
                i += Math.Max(SpliceLength(i), 1);
            }
        }
        i++;
        while (true)
        {
            int step = i < _text.Length ? _text.AsSpan(i).IndexOf('*') : -1;
            if (step < 0)
            {
                UnterminatedComment = start + begin;
                return _text.Length;
            }
            i += step + 1;
            if (At(i) == '/' || (At(i) == '\\' && At(SkipSplices(i)) == '/'))
                return SkipSplices(i) + 1;
        }
    }

    private void Scan(string text, int i, ref PpToken token)
    {
        char c = text[i];
        if (c < 128 && s_classes[c] == Letter || (c >= 128 && IsIdentifierStart(c)))
        {
            int first = i;
            uint hash = NameTable.HashSeed;
            do
            {
                hash = NameTable.HashStep(hash, c);
                i++;
                c = (uint)i < (uint)text.Length ? text[i] : '\0';
            }
            while (c < 128 ? (s_classes[c] & (Letter | Digit)) != 0 : IsIdentifierPart(c));
            if (c is '"' or '\'' && IsLiteralPrefix(text.AsSpan(first, i - first)))
            {
                ScanLiteral(text, first, i, c, ref token);
                return;
            }
            if (c == '\\' && SpliceLength(i) > 0)
            {
                ScanSpliced(first, ref token);
                return;
            }
            token.Kind = PpTokenKind.Identifier;
            token.Id = names.Intern(text, first, i - first, hash);
            Position = i;
            return;
        }
        if (c is >= '0' and <= '9' || (c == '.' && At(i + 1) is >= '0' and <= '9'))
        {
            int first = i;
            uint hash = NameTable.HashSeed;
            do
            {
                hash = NameTable.HashStep(hash, c);
                i++;
                char previous = c;
                c = At(i);
                if (c is '+' or '-' && previous is 'e' or 'E' or 'p' or 'P' && c is '+' or '-')
                    continue;
                if (c != '.' && !IsIdentifierPart(c))
                    break;
            }
            while (true);
            if (c == '\\' && SpliceLength(i) > 0)
            {
                ScanSpliced(first, ref token);
                return;
            }
            token.Kind = PpTokenKind.Number;
            token.Id = names.Intern(text, first, i - first, hash);
            Position = i;
            return;
        }
        if (c is '"' or '\'')
        {
            ScanLiteral(text, i, i, c, ref token);
            return;
        }
        if (SpliceLength(i + 1) > 0)
        {
            ScanSpliced(i, ref token);
            return;
        }
        ScanPunctuator(text, i, ref token);
    }

    private static bool IsLiteralPrefix(ReadOnlySpan<char> text) => text is "L" or "u" or "U" or "u8";

    /// <summary>A string or character constant: prefix at <paramref name="first"/>, opening quote at <paramref name="i"/>.</summary>
    private void ScanLiteral(string text, int first, int i, char quote, ref PpToken token)
    {
        bool spliced = false;
        i++;
        while (true)
        {
            char c = At(i);
            if (c == quote)
            {
                i++;
                token.Kind = quote == '"' ? PpTokenKind.String : PpTokenKind.Character;
                break;
            }
            if (c == '\n' || i >= text.Length || (c == '\r' && At(i + 1) == '\n'))
            {
                token.Kind = PpTokenKind.Other;
                break;
            }
            if (c == '\\')
            {
                int splice = SpliceLength(i);
                spliced |= splice > 0;
                i += splice;
                if (splice == 0)
                {
                    i++;
                    if (SpliceLength(i) is > 0 and int inner)
                    {
                        spliced = true;
                        i += inner;
                    }
                    if (i < text.Length && text[i] != '\n')
                        i++;
                }
                continue;
            }
            i++;
        }
        Position = i;
        if (spliced)
            token.Id = names.Intern(WithoutSplices(first, i));
        else
            token.Id = names.Intern(text, first, i - first, NameTable.Hash(text.AsSpan(first, i - first)));
    }

    private string WithoutSplices(int first, int end)
    {
        var clean = new System.Text.StringBuilder(end - first);
        for (int i = first; i < end;)
        {
            if (SpliceLength(i) is > 0 and int splice)
            {
                i += splice;
                continue;
            }
            clean.Append(_text[i++]);
        }
        return clean.ToString();
    }
}
