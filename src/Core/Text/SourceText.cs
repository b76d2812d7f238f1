// The text of one source file and its line table.
namespace Ebpfcc.Core.Text;

/// <summary>An immutable source file: a display path, its characters, and the offsets at which its lines begin.</summary>
public sealed class SourceText
{
    private int[]? _lineStarts;

    public SourceText(string path, string content)
    {
        Path = path;
        Content = content;
    }

    /// <summary>The path as the user wrote it (or as an include search composed it); what diagnostics print.</summary>
    public string Path { get; }

    public string Content { get; }

    public int Length => Content.Length;

    public int LineCount => LineStarts.Length;

    /// <summary>Offset of the first character of every line; computed on first use, because most files are never asked.</summary>
    private int[] LineStarts => _lineStarts ??= ComputeLineStarts(Content);

    /// <summary>The zero-based line that holds <paramref name="offset"/> (an offset past the end belongs to the last line).</summary>
    public int GetLineIndex(int offset)
    {
        int index = Array.BinarySearch(LineStarts, offset);
        return index >= 0 ? index : ~index - 1;
    }

    /// <summary>One-based line and column (in UTF-16 code units) of an offset.</summary>
    public (int Line, int Column) GetLineAndColumn(int offset)
    {
        int line = GetLineIndex(offset);
        return (line + 1, offset - LineStarts[line] + 1);
    }

    /// <summary>The offset of a one-based line and column; null when the text has no such line.</summary>
    public int? GetOffset(int line, int column)
        => line < 1 || line > LineCount ? null : Math.Min(LineStarts[line - 1] + Math.Max(column - 1, 0), Length);

    /// <summary>The text of a zero-based line, without its line break.</summary>
    public ReadOnlySpan<char> GetLine(int lineIndex)
    {
        int start = LineStarts[lineIndex];
        int end = lineIndex + 1 < LineStarts.Length ? LineStarts[lineIndex + 1] : Content.Length;
        return Content.AsSpan(start, end - start).TrimEnd("\r\n");
    }

    public override string ToString() => Path;

    private static int[] ComputeLineStarts(string content)
    {
        var starts = new List<int>(content.Length / 32 + 1) { 0 };
        for (int i = 0; i < content.Length; i++)
        {
            int step = content.AsSpan(i).IndexOf('\n');
            if (step < 0)
                break;
            i += step;
            starts.Add(i + 1);
        }
        return [.. starts];
    }
}
