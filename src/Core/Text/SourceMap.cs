// Lays out files and macro expansions in one 31-bit space of positions and translates positions back.
// Lookup is a binary search over range starts (ranges are appended in increasing order).
namespace Ebpfcc.Core.Text;

/// <summary>
/// Where a location lies in a file: what is printed. <see cref="Line"/> and <see cref="Path"/> obey <c>#line</c>; the source line itself is
/// found by <see cref="Offset"/> in <see cref="File"/>.
/// </summary>
public readonly record struct FilePosition(SourceText File, int Offset, int Line, int Column)
{
    /// <summary>The file's name, or the one that a <c>#line</c> directive gave.</summary>
    public string Path { get; init; } = File.Path;

    public override string ToString() => $"{Path}:{Line}:{Column}";
}

/// <summary>One level of macro expansion above a location: the macro's name and where it was invoked.</summary>
public readonly record struct MacroFrame(string MacroName, SourceLocation Invocation, SourceLocation Spelling);

/// <summary>
/// The table of all source positions of one compilation. Not thread-safe: one compilation owns one map.
/// </summary>
public sealed class SourceMap
{
    /// <summary>The end of the position space; reaching it is a user-visible limit (two billion characters of input).</summary>
    public const int MaxPosition = int.MaxValue - 1;

    private readonly List<int> _starts = [0];
    private readonly List<Entry> _entries = [default];
    private int _next = 1;
    private int _lastHit;
    private List<LineDirective>? _lineDirectives;

    private readonly record struct LineDirective(int Position, int FileStart, int Line, string? Path);

    private readonly record struct Entry(
        SourceText? File, SourceLocation IncludedFrom, string? MacroName, SourceLocation Spelling, SourceLocation Invocation, bool IsArgument);

    /// <summary>Positions handed out so far; a preprocessor refuses further input before this reaches <see cref="MaxPosition"/>.</summary>
    public int UsedPositions => _next;

    /// <summary>Adds a file; its first character lies at the returned location, its end (one past the last) is addressable too.</summary>
    /// <param name="includedFrom">The location of the <c>#include</c> directive, or none for the main file.</param>
    public SourceLocation AddFile(SourceText file, SourceLocation includedFrom = default)
        => Add(new Entry(file, includedFrom, null, default, default, false), file.Length + 1);

    /// <summary>
    /// Adds a range of <paramref name="length"/> positions for text that a macro produced: position i of the range is spelled
    /// at <paramref name="spelling"/> + i and stands, for the user, at <paramref name="invocation"/>.
    /// </summary>
    /// <param name="isArgument">The text was written by the user as a macro argument (diagnostics point at the spelling).</param>
    public SourceLocation AddExpansion(string macroName, SourceLocation spelling, SourceLocation invocation, int length, bool isArgument)
        => Add(new Entry(null, default, macroName, spelling, invocation, isArgument), Math.Max(length, 1));

    private SourceLocation Add(Entry entry, int length)
    {
        if (length > MaxPosition - _next)
            throw new InvalidOperationException("SourceMap: the position space is used up; callers check UsedPositions first.");
        var start = new SourceLocation(_next);
        _starts.Add(_next);
        _entries.Add(entry);
        _next += length;
        return start;
    }

    /// <summary>
    /// From <paramref name="location"/> (the start of a line of a file) on, lines of that file count from <paramref name="line"/>, and the file is
    /// called <paramref name="path"/> if that is not null.
    /// </summary>
    public void AddLineDirective(SourceLocation location, int line, string? path)
        => (_lineDirectives ??= []).Add(new LineDirective(location.Position, _starts[Find(location)], line, path));

    /// <summary>The first position of the file or macro expansion that holds the location.</summary>
    public SourceLocation GetRangeStart(SourceLocation location) => new(_starts[Find(location)]);

    /// <summary>The place that brought about the range of the location: the macro's invocation or the <c>#include</c>; none for the main file.</summary>
    public SourceLocation GetParent(SourceLocation location)
    {
        Entry entry = _entries[Find(location)];
        return entry.File is null ? entry.Invocation : entry.IncludedFrom;
    }

    /// <summary>True when the location lies in text that a macro produced.</summary>
    public bool IsInExpansion(SourceLocation location) => !location.IsNone && _entries[Find(location)].File is null;

    /// <summary>Where the characters themselves are written (inside the macro's definition for expanded text).</summary>
    public SourceLocation GetSpelling(SourceLocation location)
    {
        while (!location.IsNone)
        {
            int index = Find(location);
            Entry entry = _entries[index];
            if (entry.File is not null)
                return location;
            location = entry.Spelling + (location.Position - _starts[index]);
        }
        return location;
    }

    /// <summary>
    /// Where the user sees the location: the outermost macro invocation, except that macro arguments keep the place where the
    /// user wrote them.
    /// </summary>
    public SourceLocation GetFileLocation(SourceLocation location)
    {
        while (!location.IsNone)
        {
            int index = Find(location);
            Entry entry = _entries[index];
            if (entry.File is not null)
                return location;
            location = entry.IsArgument ? entry.Spelling + (location.Position - _starts[index]) : entry.Invocation;
        }
        return location;
    }

    /// <summary>File, line and column of <see cref="GetFileLocation"/>; null for "nowhere".</summary>
    public FilePosition? GetFilePosition(SourceLocation location) => Position(GetFileLocation(location));

    /// <summary>File, line and column of <see cref="GetSpelling"/>; null for "nowhere".</summary>
    public FilePosition? GetSpellingPosition(SourceLocation location) => Position(GetSpelling(location));

    /// <summary>The file that holds the location (after leaving expansions), or null.</summary>
    public SourceText? GetFile(SourceLocation location)
    {
        location = GetFileLocation(location);
        return location.IsNone ? null : _entries[Find(location)].File;
    }

    /// <summary>The <c>#include</c> directive through which the file of this location was entered, or none.</summary>
    public SourceLocation GetIncludedFrom(SourceLocation location)
    {
        location = GetFileLocation(location);
        return location.IsNone ? default : _entries[Find(location)].IncludedFrom;
    }

    /// <summary>The chain of macro expansions that produced the location, innermost first; empty for plain text.</summary>
    public IReadOnlyList<MacroFrame> GetMacroFrames(SourceLocation location)
    {
        List<MacroFrame>? frames = null;
        while (!location.IsNone)
        {
            int index = Find(location);
            Entry entry = _entries[index];
            if (entry.File is not null)
                break;
            SourceLocation spelling = entry.Spelling + (location.Position - _starts[index]);
            if (!entry.IsArgument)
                (frames ??= []).Add(new MacroFrame(entry.MacroName!, entry.Invocation, spelling));
            location = entry.IsArgument ? spelling : entry.Invocation;
        }
        return frames ?? (IReadOnlyList<MacroFrame>)[];
    }

    private FilePosition? Position(SourceLocation location)
    {
        if (location.IsNone)
            return null;
        int index = Find(location);
        SourceText file = _entries[index].File!;
        int offset = location.Position - _starts[index];
        (int line, int column) = file.GetLineAndColumn(offset);
        var position = new FilePosition(file, offset, line, column);
        return _lineDirectives is null ? position : Renumber(position, _starts[index], location.Position);
    }

    /// <summary>Applies the last <c>#line</c> in front of the position; a name given by an earlier one stays.</summary>
    private FilePosition Renumber(FilePosition position, int fileStart, int absolute)
    {
        bool isLineSet = false;
        for (int i = _lineDirectives!.Count - 1; i >= 0; i--)
        {
            LineDirective directive = _lineDirectives[i];
            if (directive.FileStart != fileStart || directive.Position > absolute)
                continue;
            if (!isLineSet)
            {
                int first = position.File.GetLineIndex(directive.Position - fileStart);
                position = position with { Line = directive.Line + position.Line - 1 - first };
                isLineSet = true;
            }
            if (directive.Path is not null)
                return position with { Path = directive.Path };
        }
        return position;
    }

    private int Find(SourceLocation location)
    {
        int position = location.Position;
        int hit = _lastHit;
        if (hit > 0 && _starts[hit] <= position && (hit + 1 == _starts.Count || position < _starts[hit + 1]))
            return hit;
        int low = 1, high = _starts.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            if (_starts[middle] <= position)
                low = middle;
            else
                high = middle - 1;
        }
        return _lastHit = low;
    }

    /// <summary>The location of the first character of the file with this path; none when it was not read.</summary>
    public SourceLocation StartOf(string path)
    {
        for (int index = 1; index < _entries.Count; index++)
        {
            if (_entries[index].File is { } file && file.Path == path)
                return new SourceLocation(_starts[index]);
        }
        return SourceLocation.None;
    }

    /// <summary>The location of a line and column in the file of this path; none when no such place was read.</summary>
    public SourceLocation Find(string path, int line, int column)
    {
        for (int index = 1; index < _entries.Count; index++)
        {
            if (_entries[index].File is { } file && file.Path == path && file.GetOffset(line, column) is { } offset)
                return new SourceLocation(_starts[index]) + offset;
        }
        return SourceLocation.None;
    }
}
