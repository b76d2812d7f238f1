// -E: the tokens as C text again. Line markers ("# 12 "file.h" 1 3", as gcc writes them) tell readers where lines came from;
// blanks are put in only where the source had them or two tokens would otherwise run together.
using System.Globalization;
using System.Text;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

/// <summary>Prints a preprocessed translation unit.</summary>
public static class PreprocessedPrinter
{
    /// <summary>The text of <c>-E</c>; without line markers that of <c>-E -P</c>.</summary>
    public static string Print(PreprocessedSource source, bool lineMarkers = true)
    {
        var text = new StringBuilder(source.Count * 6);
        NameTable names = source.Names;
        SourceMap map = source.Map;
        string? path = null;
        int line = 0;
        bool atLineStart = true;
        PpToken previous = default;

        foreach (ref readonly PpToken token in source.Tokens)
        {
            if (token.Kind == PpTokenKind.EndOfFile)
                break;
            bool isPragma = token.Kind == PpTokenKind.Pragma;
            if (token.IsStartOfLine || isPragma || path is null)
            {
                FilePosition? position = map.GetFilePosition(token.Location);
                int newLine = position?.Line ?? 0;
                string newPath = position?.Path ?? path ?? "";
                if (newPath != path || newLine < line || newLine > line + 8)
                {
                    if (!atLineStart)
                        text.Append('\n');
                    if (lineMarkers)
                    {
                        text.Append("# ").Append(newLine.ToString(CultureInfo.InvariantCulture)).Append(" \"").Append(newPath.Replace("\\", "\\\\").Replace("\"", "\\\"")).Append('"');
                        text.Append((token.Flags & PpTokenFlags.SystemHeader) != 0 ? " 3\n" : "\n");
                    }
                    atLineStart = true;
                    path = newPath;
                    line = newLine;
                }
                else if (newLine > line)
                {
                    if (lineMarkers)
                        text.Append('\n', newLine - line);
                    else if (!atLineStart)
                        text.Append('\n');
                    atLineStart = true;
                    line = newLine;
                }
            }
            if (isPragma)
            {
                if (!atLineStart)
                    text.Append('\n');
                text.Append("#pragma");
                foreach (PpToken word in source.Pragmas[token.Id].Tokens)
                    text.Append(' ').Append(names.GetSpan(word));
                text.Append('\n');
                line++;
                atLineStart = true;
                previous = default;
                continue;
            }
            if (!atLineStart && (token.HasLeadingSpace || RunTogether(names, previous, token)))
                text.Append(' ');
            text.Append(names.GetSpan(token));
            atLineStart = false;
            previous = token;
        }
        if (!atLineStart)
            text.Append('\n');
        return text.ToString();
    }

    /// <summary>One token a line: kind, spelling and place, for <c>--emit=tokens</c>.</summary>
    public static string Dump(PreprocessedSource source)
    {
        var text = new StringBuilder(source.Count * 32);
        foreach (ref readonly PpToken token in source.Tokens)
        {
            string spelling = token.Kind == PpTokenKind.Pragma
                ? string.Join(' ', source.Pragmas[token.Id].Tokens.Select(word => source.Names.GetText(word)))
                : source.Names.GetText(token);
            text.Append(token.IsPunctuator ? "Punctuator" : token.Kind.ToString()).Append(" '").Append(spelling).Append('\'');
            if ((token.Flags & PpTokenFlags.FromMacro) != 0)
                text.Append(" [macro]");
            text.Append(" <").Append(source.Map.GetFilePosition(token.Location)?.ToString() ?? "").Append(">\n");
        }
        return text.ToString();
    }

    /// <summary>True when two tokens printed side by side might be read as one.</summary>
    private static bool RunTogether(NameTable names, in PpToken left, in PpToken right)
    {
        ReadOnlySpan<char> a = names.GetSpan(left), b = names.GetSpan(right);
        if (a.Length == 0 || b.Length == 0)
            return false;
        char end = a[^1], start = b[0];
        if (char.IsLetterOrDigit(start) || start is '_' or '$' or '"' or '\'' or '.')
            return char.IsLetterOrDigit(end) || end is '_' or '$' || (start == '.' && (end == '.' || left.Kind == PpTokenKind.Number)) || (end == '.' && char.IsAsciiDigit(start));
        if (left.Kind == PpTokenKind.Number && start is '+' or '-')
            return true;
        return end == start || start == '=' || (end, start) is ('-', '>') or ('/', '*') or ('<', ':') or ('<', '%') or ('%', '>') or ('%', ':') or (':', '>');
    }
}
