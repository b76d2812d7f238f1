// The scanner's rarer parts: punctuators, tokens broken by line splices, header names, skipped groups.
namespace Ebpfcc.Frontend.Preprocessing;

internal sealed partial class Lexer
{
    private void ScanPunctuator(string text, int i, ref PpToken token)
    {
        (PpTokenKind kind, int length, bool digraph) = MatchPunctuator(text[i], At(i + 1), At(i + 2), At(i + 3));
        token.Kind = kind;
        if (kind == PpTokenKind.Other || digraph)
            token.Id = names.Intern(text, i, length, NameTable.Hash(text.AsSpan(i, length)));
        Position = i + length;
    }

    /// <summary>The longest punctuator that four characters begin with (C11 6.4.6).</summary>
    private static (PpTokenKind Kind, int Length, bool Digraph) MatchPunctuator(char c, char c1, char c2, char c3)
    {
        switch (c)
        {
            case '(': return (PpTokenKind.LeftParen, 1, false);
            case ')': return (PpTokenKind.RightParen, 1, false);
            case '[': return (PpTokenKind.LeftBracket, 1, false);
            case ']': return (PpTokenKind.RightBracket, 1, false);
            case '{': return (PpTokenKind.LeftBrace, 1, false);
            case '}': return (PpTokenKind.RightBrace, 1, false);
            case ';': return (PpTokenKind.Semicolon, 1, false);
            case ',': return (PpTokenKind.Comma, 1, false);
            case '?': return (PpTokenKind.Question, 1, false);
            case '~': return (PpTokenKind.Tilde, 1, false);
            case ':': return c1 == '>' ? (PpTokenKind.RightBracket, 2, true) : (PpTokenKind.Colon, 1, false);
            case '.': return c1 == '.' && c2 == '.' ? (PpTokenKind.Ellipsis, 3, false) : (PpTokenKind.Dot, 1, false);
            case '#': return c1 == '#' ? (PpTokenKind.HashHash, 2, false) : (PpTokenKind.Hash, 1, false);
            case '+': return c1 == '+' ? (PpTokenKind.PlusPlus, 2, false) : c1 == '=' ? (PpTokenKind.PlusEqual, 2, false) : (PpTokenKind.Plus, 1, false);
            case '-':
                return c1 switch
                {
                    '-' => (PpTokenKind.MinusMinus, 2, false),
                    '=' => (PpTokenKind.MinusEqual, 2, false),
                    '>' => (PpTokenKind.Arrow, 2, false),
                    _ => (PpTokenKind.Minus, 1, false),
                };
            case '*': return c1 == '=' ? (PpTokenKind.StarEqual, 2, false) : (PpTokenKind.Star, 1, false);
            case '/': return c1 == '=' ? (PpTokenKind.SlashEqual, 2, false) : (PpTokenKind.Slash, 1, false);
            case '^': return c1 == '=' ? (PpTokenKind.CaretEqual, 2, false) : (PpTokenKind.Caret, 1, false);
            case '=': return c1 == '=' ? (PpTokenKind.EqualEqual, 2, false) : (PpTokenKind.Equal, 1, false);
            case '!': return c1 == '=' ? (PpTokenKind.ExclamationEqual, 2, false) : (PpTokenKind.Exclamation, 1, false);
            case '&': return c1 == '&' ? (PpTokenKind.AmpersandAmpersand, 2, false) : c1 == '=' ? (PpTokenKind.AmpersandEqual, 2, false) : (PpTokenKind.Ampersand, 1, false);
            case '|': return c1 == '|' ? (PpTokenKind.BarBar, 2, false) : c1 == '=' ? (PpTokenKind.BarEqual, 2, false) : (PpTokenKind.Bar, 1, false);
            case '%':
                return (c1, c2, c3) switch
                {
                    ('=', _, _) => (PpTokenKind.PercentEqual, 2, false),
                    ('>', _, _) => (PpTokenKind.RightBrace, 2, true),
                    (':', '%', ':') => (PpTokenKind.HashHash, 4, true),
                    (':', _, _) => (PpTokenKind.Hash, 2, true),
                    _ => (PpTokenKind.Percent, 1, false),
                };
            case '<':
                return (c1, c2) switch
                {
                    ('<', '=') => (PpTokenKind.LessLessEqual, 3, false),
                    ('<', _) => (PpTokenKind.LessLess, 2, false),
                    ('=', _) => (PpTokenKind.LessEqual, 2, false),
                    (':', _) => (PpTokenKind.LeftBracket, 2, true),
                    ('%', _) => (PpTokenKind.LeftBrace, 2, true),
                    _ => (PpTokenKind.Less, 1, false),
                };
            case '>':
                return (c1, c2) switch
                {
                    ('>', '=') => (PpTokenKind.GreaterGreaterEqual, 3, false),
                    ('>', _) => (PpTokenKind.GreaterGreater, 2, false),
                    ('=', _) => (PpTokenKind.GreaterEqual, 2, false),
                    _ => (PpTokenKind.Greater, 1, false),
                };
            default: return (PpTokenKind.Other, 1, false);
        }
    }

    /// <summary>
    /// A token with a line splice inside. Its characters are gathered without splices as far as a token could reach, scanned
    /// there, and the position is advanced over as many characters here.
    /// </summary>
    private void ScanSpliced(int first, ref PpToken token)
    {
        var clean = new System.Text.StringBuilder();
        var ends = new List<int>();
        for (int i = SkipSplices(first); i < _text.Length && _text[i] != '\n'; i = SkipSplices(i))
        {
            char c = _text[i++];
            clean.Append(c);
            ends.Add(i);
            // Enough once the character cannot belong to the same identifier or number and no punctuator is that long.
            if (clean.Length > 4 && !IsIdentifierPart(c) && c is not ('.' or '+' or '-'))
                break;
        }
        string text = clean.ToString();
        var scanner = new Lexer(names, text, start + first, default);
        scanner.Scan(text, 0, ref token);
        if (token.Kind is PpTokenKind.String or PpTokenKind.Character || (token.Kind == PpTokenKind.Other && text.AsSpan().ContainsAny('"', '\'')))
        {
            // A literal prefix with a splice before the quote: scan the literal where it really is.
            int quote = text.AsSpan().IndexOfAny('"', '\'');
            ScanLiteral(_text, first, ends[quote] - 1, text[quote], ref token);
            token.Id = names.Intern(WithoutSplices(first, Position));
            return;
        }
        Position = ends[scanner.Position - 1];
    }

    /// <summary>
    /// The rest of an <c>#include</c> line read as a header name: returns true with the name between the brackets or quotes,
    /// or false with nothing consumed when something else stands there.
    /// </summary>
    public bool TryHeaderName(out string name, out bool angled, out int nameStart)
    {
        int i = Position;
        while (At(i) is ' ' or '\t' || (At(i) == '/' && At(i + 1) == '*') || SpliceLength(i) > 0)
            i = At(i) == '/' ? SkipComment(i) : At(i) == '\\' ? i + SpliceLength(i) : i + 1;
        angled = At(i) == '<';
        nameStart = i;
        name = "";
        if (!angled && At(i) != '"')
            return false;
        char close = angled ? '>' : '"';
        int end = i + 1;
        while (end < _text.Length && _text[end] != close && _text[end] != '\n')
            end++;
        if (At(end) != close)
            return false;
        name = _text.Substring(i + 1, end - i - 1);
        Position = end + 1;
        return true;
    }

    /// <summary>Moves to the end of the current line (of splices and comments as one line), without making tokens.</summary>
    public void SkipLine()
    {
        InDirective = true;
        int i = Position;
        while (i < _text.Length)
        {
            int step = _text.AsSpan(i).IndexOfAny("\n\\/\"'");
            if (step < 0)
            {
                i = _text.Length;
                break;
            }
            i += step;
            char c = _text[i];
            if (c == '\n')
                break;
            if (c == '\\')
                i += Math.Max(SpliceLength(i), 1);
            else if (c == '/')
                i = At(i + 1) is '/' or '*' ? SkipComment(i) : i + 1;
            else
                i = SkipQuoted(i);
        }
        Position = Math.Min(i, _text.Length);
        InDirective = false;
    }

    private int SkipQuoted(int i)
    {
        char quote = _text[i++];
        while (i < _text.Length && _text[i] != quote && _text[i] != '\n')
            i += _text[i] == '\\' ? Math.Max(SpliceLength(i), _text.Length > i + 1 && _text[i + 1] == '\n' ? 1 : 2) : 1;
        return i < _text.Length && _text[i] == quote ? i + 1 : Math.Min(i, _text.Length);
    }

    /// <summary>
    /// In a group that is not compiled: moves behind the <c>#</c> of the next directive line, or to the end of the file (false).
    /// </summary>
    public bool SkipToDirective()
    {
        while (Position < _text.Length)
        {
            int i = Position;
            if (At(i) == '\n')
                i++;
            while (true)
            {
                char c = At(i);
                if (c is ' ' or '\t' or '\r' or '\f' or '\v')
                    i++;
                else if (c == '/' && At(i + 1) == '*')
                    i = SkipComment(i);
                else if (c == '\\' && SpliceLength(i) is > 0 and int splice)
                    i += splice;
                else
                    break;
            }
            Position = i;
            if (At(i) == '#' || (At(i) == '%' && At(i + 1) == ':'))
            {
                Position = i + (At(i) == '#' ? 1 : 2);
                AtLineStart = false;
                return true;
            }
            if (At(i) != '\n')
                SkipLine();
        }
        AtLineStart = true;
        return false;
    }
}
