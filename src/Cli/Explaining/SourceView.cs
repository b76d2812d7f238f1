// From instructions back to the source: the place of an instruction, and its text. Two sources know it: the compilation that made
// the code (exact expressions, names, types; CompiledSource) and the line information of an object (ObjectSource).
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Cli.Explaining;

internal abstract class SourceView
{
    public abstract SourceMap Map { get; }

    /// <summary>The expression an instruction belongs to; none when nothing says it.</summary>
    public abstract SourceSpan SpanOf(LoadedProgram program, int slot);

    /// <summary>The C text of that expression; null when it has none that could be shown.</summary>
    public abstract string? TextOf(LoadedProgram program, int slot);

    /// <summary>The stack frame of a function of a program, when the compiler said it.</summary>
    public virtual FunctionOrigins? Origins(LoadedProgram program, int subprogram) => null;

    /// <summary>The index of the function that holds a slot.</summary>
    public static int SubprogramAt(LoadedProgram program, int slot)
    {
        int found = 0;
        for (int i = 0; i < program.Subprograms.Count; i++)
        {
            if (program.Subprograms[i].Start <= slot)
                found = i;
        }
        return found;
    }
}

/// <summary>
/// Line records only. The files need not exist: what the records quote is laid out as files of otherwise empty lines.
/// </summary>
internal sealed class ObjectSource : SourceView
{
    /// <summary>Lines beyond this are not quoted: the layout costs one character per line.</summary>
    private const int MaximumLine = 200_000;

    private readonly Dictionary<string, SourceLocation> _files = new(StringComparer.Ordinal);

    public ObjectSource(IEnumerable<LoadedProgram> programs)
    {
        var lines = new Dictionary<string, SortedDictionary<int, string>>(StringComparer.Ordinal);
        foreach (LoadedProgram program in programs)
        {
            foreach (LineRecord record in program.Lines)
            {
                if (record.File.Length == 0 || record.Line is < 1 or > MaximumLine)
                    continue;
                if (!lines.TryGetValue(record.File, out SortedDictionary<int, string>? file))
                    lines[record.File] = file = [];
                file.TryAdd(record.Line, record.Text);
            }
        }
        foreach ((string path, SortedDictionary<int, string> known) in lines)
        {
            var text = new System.Text.StringBuilder();
            int at = 1;
            foreach ((int number, string line) in known)
            {
                text.Append('\n', number - at).Append(line.ReplaceLineEndings(" "));
                at = number;
            }
            _files[path] = Map.AddFile(new SourceText(path, text.ToString()));
        }
    }

    public override SourceMap Map { get; } = new();

    public override SourceSpan SpanOf(LoadedProgram program, int slot)
    {
        if (program.FindLine(slot) is not { } record || !_files.TryGetValue(record.File, out SourceLocation start))
            return SourceSpan.None;
        SourceText file = Map.GetFile(start)!;
        if (file.GetOffset(record.Line, record.Column) is not { } offset)
            return SourceSpan.None;
        (int first, int last) = Postfix(file.Content, offset);
        return new SourceSpan(start + offset, start + Math.Max(last, offset + 1)) is var span && first < offset ? span with { Start = start + offset } : span;
    }

    public override string? TextOf(LoadedProgram program, int slot)
    {
        if (program.FindLine(slot) is not { } record || !_files.TryGetValue(record.File, out SourceLocation start))
            return null;
        SourceText file = Map.GetFile(start)!;
        if (file.GetOffset(record.Line, record.Column) is not { } offset)
            return null;
        (int first, int last) = Postfix(file.Content, offset);
        string text = file.Content[first..last];
        return text.Length is > 1 and < 60 && (char.IsLetter(text[0]) || text[0] == '_') ? text : null;
    }

    /// <summary>
    /// The name, member or index expression around a position: back over names, dots and arrows, on over the same and balanced
    /// brackets.
    /// </summary>
    private static (int First, int Last) Postfix(string text, int at)
    {
        int first = at;
        while (first > 0 && (IsName(text[first - 1]) || text[first - 1] == '.' || (text[first - 1] == '>' && first > 1 && text[first - 2] == '-') || (text[first - 1] == '-' && text[first] == '>')))
            first--;
        int last = at;
        while (last < text.Length)
        {
            if (IsName(text[last]) || text[last] == '.')
            {
                last++;
            }
            else if (text[last] == '-' && last + 1 < text.Length && text[last + 1] == '>')
            {
                last += 2;
            }
            else if (text[last] is '[' or '(' && Closing(text, last) is { } close)
            {
                last = close + 1;
            }
            else
            {
                break;
            }
        }
        return (first, last);
    }

    private static int? Closing(string text, int open)
    {
        int depth = 0;
        for (int i = open; i < text.Length && text[i] != '\n'; i++)
        {
            depth += text[i] is '[' or '(' ? 1 : text[i] is ']' or ')' ? -1 : 0;
            if (depth == 0)
                return i;
        }
        return null;
    }

    private static bool IsName(char c) => char.IsAsciiLetterOrDigit(c) || c == '_';
}
