// The difference of two texts as replacements of characters: lines by their longest common subsequence, and within a stretch of
// lines the common beginning and end left out, so that an insertion is an insertion.
namespace Ebpfcc.Cli.Explaining;

internal static class LineDifference
{
    /// <summary>Beyond this many changed lines one replacement has to do.</summary>
    private const int MaximumWindow = 600;

    /// <summary>Replacements (place and length in the old text, new text) in rising order.</summary>
    public static IReadOnlyList<(int Start, int Length, string Text)> Of(string before, string after)
    {
        List<string> old = Lines(before), now = Lines(after);
        int head = 0;
        while (head < old.Count && head < now.Count && old[head] == now[head])
            head++;
        int tail = 0;
        while (tail < old.Count - head && tail < now.Count - head && old[^(tail + 1)] == now[^(tail + 1)])
            tail++;
        int rows = old.Count - head - tail, columns = now.Count - head - tail;
        var changes = new List<(int Start, int Length, string Text)>();
        int offset = old.Take(head).Sum(static line => line.Length);
        if (rows == 0 && columns == 0)
            return changes;
        if (rows > MaximumWindow || columns > MaximumWindow)
        {
            changes.Add(Trim(offset, string.Concat(old.Skip(head).Take(rows)), string.Concat(now.Skip(head).Take(columns))));
            return changes;
        }
        // common[i, j]: length of the longest common subsequence of the lines from i and from j on.
        var common = new int[rows + 1, columns + 1];
        for (int i = rows - 1; i >= 0; i--)
        {
            for (int j = columns - 1; j >= 0; j--)
                common[i, j] = old[head + i] == now[head + j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
        }
        for (int i = 0, j = 0; i < rows || j < columns;)
        {
            if (i < rows && j < columns && old[head + i] == now[head + j])
            {
                offset += old[head + i].Length;
                i++;
                j++;
                continue;
            }
            var removed = new System.Text.StringBuilder();
            var added = new System.Text.StringBuilder();
            while ((i < rows || j < columns) && !(i < rows && j < columns && old[head + i] == now[head + j]))
            {
                if (j < columns && (i == rows || common[i, j + 1] >= common[i + 1, j]))
                    added.Append(now[head + j++]);
                else
                    removed.Append(old[head + i++]);
            }
            string gone = removed.ToString();
            changes.Add(Trim(offset, gone, added.ToString()));
            offset += gone.Length;
        }
        return changes;
    }

    private static (int Start, int Length, string Text) Trim(int offset, string removed, string added)
    {
        int head = 0;
        while (head < removed.Length && head < added.Length && removed[head] == added[head])
            head++;
        int tail = 0;
        while (tail < removed.Length - head && tail < added.Length - head && removed[^(tail + 1)] == added[^(tail + 1)])
            tail++;
        return (offset + head, removed.Length - head - tail, added[head..^tail]);
    }

    private static List<string> Lines(string text)
    {
        var lines = new List<string>();
        for (int start = 0; start < text.Length;)
        {
            int end = text.IndexOf('\n', start);
            end = end < 0 ? text.Length : end + 1;
            lines.Add(text[start..end]);
            start = end;
        }
        return lines;
    }
}
