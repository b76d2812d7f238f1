// Diagnostics as gcc and clang print them:
//
//     In file included from main.c:3:
//     util.h:12:9: error: text [EBC2003]
//        12 |     x = y + 1;
//           |         ^~~~~
//     util.h:4:5: note: previous declaration is here
//
// Tabs are widened to the next multiple of eight, so that the marks stand under what they mean.
using System.Globalization;
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Cli.Rendering;

public sealed class TextRenderer(TextWriter output, bool color) : IDiagnosticRenderer
{
    private const int TabWidth = 8;
    private const int MaximumMacroNotes = 6;
    private const string Reset = "\u001b[0m", Bold = "\u001b[1m", Red = "\u001b[1;31m", Magenta = "\u001b[1;35m", Cyan = "\u001b[1;36m", Green = "\u001b[1;32m", Blue = "\u001b[1;34m";

    private int _errors;
    private int _warnings;
    private SourceText? _lastFile;

    public void Render(IReadOnlyList<Diagnostic> diagnostics, SourceMap map)
    {
        foreach (Diagnostic diagnostic in diagnostics)
            Render(diagnostic, map);
    }

    public void Finish()
    {
        string? errors = Count(_errors, "error"), warnings = Count(_warnings, "warning");
        if ((errors ?? warnings) is not null)
            output.WriteLine((errors is not null && warnings is not null ? $"{errors} and {warnings}" : errors ?? warnings) + " generated.");
    }

    private static string? Count(int number, string word) => number switch { 0 => null, 1 => $"1 {word}", _ => $"{number.ToString(CultureInfo.InvariantCulture)} {word}s" };

    private void Render(Diagnostic diagnostic, SourceMap map)
    {
        if (diagnostic.Severity == DiagnosticSeverity.Error)
            _errors++;
        else if (diagnostic.Severity == DiagnosticSeverity.Warning)
            _warnings++;
        bool isVerified = diagnostic.FixIts.Count > 0 && diagnostic.FixIts[0].IsVerified;
        IncludeStack(diagnostic.Span.Start, map);
        string code = diagnostic.Descriptor.WarningGroup is { } group && diagnostic.Severity is DiagnosticSeverity.Warning or DiagnosticSeverity.Error && diagnostic.Descriptor.WarningGroup is not null
            ? $"{diagnostic.Id}, -W{(diagnostic.Severity == DiagnosticSeverity.Error ? "error=" : "")}{diagnostic.Descriptor.WarningGroup}"
            : diagnostic.Id;
        Message(diagnostic.Span, diagnostic.Subject, diagnostic.Severity, $"{diagnostic.Message} [{code}]", map, isVerified ? [] : diagnostic.FixIts);
        MacroNotes(diagnostic.Span.Start, map);
        foreach (DiagnosticNote note in diagnostic.Notes)
            Message(note.Span, null, DiagnosticSeverity.Note, note.Message, map, []);
        if (isVerified)
            Repair(diagnostic.FixIts, map);
    }

    /// <summary>Edits of several lines as a difference: the changed lines with their numbers, new ones marked with a plus.</summary>
    private void Repair(IReadOnlyList<FixIt> edits, SourceMap map)
    {
        foreach (FixIt edit in edits)
        {
            if (map.GetFilePosition(edit.Span.Start) is not { } start || map.GetFilePosition(edit.Span.End) is not { } end)
                continue;
            if (edit == edits[0])
                output.WriteLine($"{start.File.Path}:{start.Line}:{start.Column}: note: this repair was verified: {edit.Description} (--fix makes it)");
            ReadOnlySpan<char> first = start.File.GetLine(start.Line - 1), last = end.File.GetLine(end.Line - 1);
            string text = string.Concat(first[..Math.Min(start.Column - 1, first.Length)], edit.Replacement, last[Math.Min(end.Column - 1, last.Length)..]);
            // Whole lines that were only moved down are not news.
            var before = new List<string>();
            for (int line = start.Line; line <= end.Line; line++)
                before.Add(start.File.GetLine(line - 1).ToString());
            var after = new List<string>(text.TrimEnd('\n').Split('\n'));
            while (before.Count > 0 && after.Count > 0 && before[^1] == after[^1])
            {
                before.RemoveAt(before.Count - 1);
                after.RemoveAt(after.Count - 1);
            }
            for (int i = 0; i < before.Count; i++)
                Changed(start.Line + i, '-', before[i], Red);
            for (int i = 0; i < after.Count; i++)
                Changed(i == 0 || before.Count > 0 ? start.Line + i : null, '+', after[i], Green);
        }
    }

    private void Changed(int? number, char mark, string line, string tint)
    {
        string text = $"{number?.ToString(CultureInfo.InvariantCulture) ?? "",5} {mark} {line.Replace("\t", "        ")}";
        output.WriteLine((color ? tint + text + Reset : text).TrimEnd());
    }

    private void IncludeStack(SourceLocation location, SourceMap map)
    {
        SourceText? file = map.GetFile(location);
        if (file is null || file == _lastFile)
            return;
        _lastFile = file;
        const int MaximumShown = 16;
        int depth = 0;
        for (SourceLocation from = map.GetIncludedFrom(location); map.GetFilePosition(from) is { } position; from = map.GetIncludedFrom(from))
        {
            if (depth++ < MaximumShown)
                output.WriteLine($"{(depth == 1 ? "In file included from" : "                 from")} {position.File.Path}:{position.Line}:");
        }
        if (depth > MaximumShown)
            output.WriteLine($"                 ({depth - MaximumShown} further files)");
    }

    private void Message(SourceSpan span, string? subject, DiagnosticSeverity severity, string text, SourceMap map, IReadOnlyList<FixIt> fixIts)
    {
        FilePosition? position = map.GetFilePosition(span.Start);
        string place = position is { } known ? known.ToString() : subject ?? "ebpfcc";
        (string word, string tint) = severity switch
        {
            DiagnosticSeverity.Error => ("error", Red),
            DiagnosticSeverity.Warning => ("warning", Magenta),
            DiagnosticSeverity.Remark => ("remark", Blue),
            _ => ("note", Cyan),
        };
        output.WriteLine(color ? $"{Bold}{place}:{Reset} {tint}{word}:{Reset} {Bold}{text}{Reset}" : $"{place}: {word}: {text}");
        if (position is { } shown)
            Excerpt(shown, span, map, fixIts);
    }

    private void Excerpt(FilePosition start, SourceSpan span, SourceMap map, IReadOnlyList<FixIt> fixIts)
    {
        ReadOnlySpan<char> line = start.File.GetLine(start.Line - 1);
        if (line.Length > 400)
            return;
        int first = Math.Min(start.Column - 1, line.Length);
        int last = first + 1;
        // The end of the span, if it lies in the same line of the same text; a span ends behind its last character.
        if (span.End.Position > span.Start.Position && map.IsInExpansion(span.Start) == map.IsInExpansion(span.End)
            && map.GetFilePosition(span.End) is { } end && end.File == start.File && end.Line == start.Line)
            last = Math.Max(last, Math.Min(end.Column - 1, line.Length));
        else if (!map.IsInExpansion(span.Start) && map.GetFilePosition(span.End) is { } later && later.File == start.File && later.Line > start.Line)
            last = Math.Max(last, line.Length);
        var text = new StringBuilder();
        var marks = new StringBuilder();
        Widen(line, first, last, text, marks);
        string number = start.Line.ToString(CultureInfo.InvariantCulture);
        output.WriteLine($"{number,5} | {text}");
        string caret = marks.ToString().TrimEnd();
        output.WriteLine($"      | {(color ? Green + caret + Reset : caret)}");
        foreach (FixIt fix in fixIts)
        {
            if (map.GetFilePosition(fix.Span.Start) is { } at && at.File == start.File && at.Line == start.Line && fix.Replacement.Length > 0 && !fix.Replacement.Contains('\n'))
                output.WriteLine($"      | {new string(' ', Width(line[..Math.Min(at.Column - 1, line.Length)]))}{(color ? Green + fix.Replacement + Reset : fix.Replacement)}");
        }
    }

    private static void Widen(ReadOnlySpan<char> line, int first, int last, StringBuilder text, StringBuilder marks)
    {
        for (int i = 0; i <= line.Length; i++)
        {
            char mark = i == first ? '^' : i > first && i < last ? '~' : ' ';
            if (i == line.Length)
            {
                marks.Append(mark);
                break;
            }
            if (char.IsLowSurrogate(line[i]))
            {
                text.Append(line[i]);
                continue;
            }
            int width = line[i] == '\t' ? TabWidth - marks.Length % TabWidth : 1;
            text.Append(line[i] == '\t' ? new string(' ', width) : char.IsControl(line[i]) ? "?" : line[i].ToString());
            marks.Append(mark).Append(mark == '^' && last > i + 1 ? '~' : mark == '^' ? ' ' : mark, width - 1);
        }
    }

    private static int Width(ReadOnlySpan<char> text)
    {
        int width = 0;
        foreach (char c in text)
            width += c == '\t' ? TabWidth - width % TabWidth : char.IsLowSurrogate(c) ? 0 : 1;
        return width;
    }

    private void MacroNotes(SourceLocation location, SourceMap map)
    {
        IReadOnlyList<MacroFrame> frames = map.GetMacroFrames(location);
        for (int i = frames.Count - 1, shown = 0; i >= 0; i--, shown++)
        {
            if (shown == MaximumMacroNotes)
            {
                output.WriteLine($"note: ({i + 1} further macro expansions)");
                return;
            }
            MacroFrame frame = frames[i];
            if (map.GetSpellingPosition(frame.Spelling) is { } position)
                Message(SourceSpan.At(map.GetSpelling(frame.Spelling)), null, DiagnosticSeverity.Note, $"expanded from macro '{frame.MacroName}'", map, []);
        }
    }
}
