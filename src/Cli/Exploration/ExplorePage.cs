// Writes a report as one self-contained page: C, IR, eBPF, the verifier's state and native code in columns side by side. What
// came from the same C line lights up together; without scripts the columns still read from top to bottom.
using System.Globalization;
using System.Net;
using System.Text;

namespace Ebpfcc.Cli.Exploration;

public static class ExplorePage
{
    public static string Write(ExploreReport report, ExploreReportBuilder positions)
    {
        var page = new StringBuilder(1 << 16);
        page.Append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>")
            .Append(Text(report.Title)).Append(" - ebpfcc</title>\n<style>\n").Append(Resource("explore.css")).Append("</style></head>\n<body>\n");
        WriteHeader(page, report);
        page.Append("<main>\n");
        WriteSources(page, report);
        WriteIr(page, report, positions);
        WritePrograms(page, report);
        page.Append("</main>\n<script>\n").Append(Resource("explore.js")).Append("</script>\n</body></html>\n");
        return page.ToString();
    }

    private static void WriteHeader(StringBuilder page, ExploreReport report)
    {
        page.Append("<header><h1>").Append(Text(report.Title)).Append("</h1>\n");
        foreach (ProgramReport program in report.Programs)
        {
            page.Append(CultureInfo.InvariantCulture, $"<p class=\"{(program.IsAccepted ? "accepted" : "rejected")}\"><b>{Text(program.Name)}</b> <code>{Text(program.Section)}</code> {Text(program.Verdict)}</p>\n");
        }
        foreach (LineNote note in report.Notes)
        {
            if (note.Key is null)
                page.Append(CultureInfo.InvariantCulture, $"<p class=\"note {note.Severity}\">{note.Severity}: {Text(note.Text)}</p>\n");
        }
        page.Append("</header>\n");
    }

    private static void WriteSources(StringBuilder page, ExploreReport report)
    {
        Open(page, "C");
        ILookup<string?, LineNote> notes = report.Notes.ToLookup(note => note.Key);
        foreach (SourceListing source in report.Sources)
        {
            page.Append("<h3>").Append(Text(source.Name)).Append("</h3><pre>");
            foreach (SourceLine line in source.Lines)
            {
                Line(page, line.Number == 0 ? "" : line.Number.ToString(CultureInfo.InvariantCulture), line.Text, line.Key, null);
                if (line.Key is null)
                    continue;
                foreach (LineNote note in notes[line.Key])
                    page.Append(CultureInfo.InvariantCulture, $"<div class=\"note {note.Severity}\">{note.Severity}: {Text(note.Text)}</div>");
            }
            page.Append("</pre>");
        }
        Close(page);
    }

    private static void WriteIr(StringBuilder page, ExploreReport report, ExploreReportBuilder positions)
    {
        if (report.Ir.Stages.Count == 0)
            return;
        Open(page, "IR");
        if (report.Ir.LeftOut > 0)
            page.Append(CultureInfo.InvariantCulture, $"<p class=\"note\">{report.Ir.LeftOut} passes are left out, because their text would be too long for a page</p>");
        IReadOnlyList<IrStage> stages = report.Ir.Stages;
        page.Append("<select class=\"pick\" aria-label=\"pass\">");
        for (int i = 0; i < stages.Count; i++)
            page.Append(CultureInfo.InvariantCulture, $"<option{(i == stages.Count - 1 ? " selected" : "")}>after {Text(stages[i].Title)}</option>");
        page.Append("</select>");
        HashSet<string> before = [];
        for (int i = 0; i < stages.Count; i++)
        {
            page.Append(CultureInfo.InvariantCulture, $"<div class=\"choice\"{(i == stages.Count - 1 ? "" : " hidden")}><pre>");
            HashSet<string> now = [];
            foreach (string raw in stages[i].Text.Split('\n'))
            {
                (string text, string? key) = positions.SplitPosition(raw);
                now.Add(text);
                Line(page, "", text, key, null, isNew: i > 0 && text.Length > 0 && !before.Contains(text));
            }
            before = now;
            page.Append("</pre></div>");
        }
        Close(page);
    }

    private static void WritePrograms(StringBuilder page, ExploreReport report)
    {
        Open(page, "eBPF");
        foreach ((int number, ProgramReport program) in report.Programs.Index())
        {
            page.Append("<h3>").Append(Text(program.Name)).Append("</h3><pre>");
            foreach (CodeLine line in program.Code)
            {
                if (line.Heading is { } function)
                    page.Append("<div class=\"head\">").Append(Text(function)).Append(":</div>");
                Line(page, line.Slot.ToString(CultureInfo.InvariantCulture), line.Text, line.Key, Slot(number, line.Slot), isDead: line.Visits == 0 && program.IsAccepted);
            }
            page.Append("</pre>");
        }
        Close(page);

        Open(page, "Verifier");
        page.Append("<p class=\"hint\">What is known in front of each instruction, on the first paths that reach it.</p>");
        foreach ((int number, ProgramReport program) in report.Programs.Index())
        {
            page.Append("<h3>").Append(Text(program.Name)).Append("</h3><pre>");
            foreach (CodeLine line in program.Code)
            {
                for (int i = 0; i < line.States.Count; i++)
                    Line(page, i == 0 ? line.Slot.ToString(CultureInfo.InvariantCulture) : "", line.States[i], line.Key, Slot(number, line.Slot));
                if (line.Visits > 1)
                    page.Append(CultureInfo.InvariantCulture, $"<div class=\"count\">processed {line.Visits} times</div>");
            }
            page.Append("</pre>");
        }
        Close(page);

        if (report.Programs.All(program => program.Native.Count == 0))
            return;
        Open(page, "Native");
        string[] architectures = [.. report.Programs.SelectMany(program => program.Native).Select(native => native.Architecture).Distinct()];
        page.Append("<select class=\"pick\" aria-label=\"architecture\">");
        foreach (string architecture in architectures)
            page.Append("<option>").Append(Text(architecture)).Append("</option>");
        page.Append("</select>");
        foreach ((int choice, string architecture) in architectures.Index())
        {
            page.Append(CultureInfo.InvariantCulture, $"<div class=\"choice\"{(choice == 0 ? "" : " hidden")}>");
            foreach ((int number, ProgramReport program) in report.Programs.Index())
            {
                if (program.Native.FirstOrDefault(native => native.Architecture == architecture) is not { } listing)
                    continue;
                page.Append(CultureInfo.InvariantCulture, $"<h3>{Text(program.Name)} ({listing.Bytes} bytes)</h3><pre>");
                Dictionary<int, string?> keys = program.Code.ToDictionary(line => line.Slot, line => line.Key);
                foreach (NativeLine line in listing.Lines)
                    Line(page, line.Offset.ToString("x", CultureInfo.InvariantCulture), line.Text, keys.GetValueOrDefault(line.Slot), Slot(number, line.Slot));
                page.Append("</pre>");
            }
            page.Append("</div>");
        }
        Close(page);
    }

    private static void Open(StringBuilder page, string title) => page.Append("<section><h2>").Append(title).Append("</h2><div class=\"body\">");

    private static void Close(StringBuilder page) => page.Append("</div></section>\n");

    private static string Slot(int program, int slot) => string.Create(CultureInfo.InvariantCulture, $"{program}:{slot}");

    /// <summary>A line with its number; data-k names the C line, data-s the eBPF instruction it belongs to.</summary>
    private static void Line(StringBuilder page, string number, string text, string? key, string? slot, bool isNew = false, bool isDead = false)
    {
        page.Append("<div class=\"l").Append(isNew ? " new" : "").Append(isDead ? " dead" : "").Append('"');
        if (key is not null)
            page.Append(" data-k=\"").Append(key).Append('"');
        if (slot is not null)
            page.Append(" data-s=\"").Append(slot).Append('"');
        page.Append("><i>").Append(number).Append("</i>").Append(Text(text)).Append("\n</div>");
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private static string Resource(string name)
    {
        using Stream stream = typeof(ExplorePage).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"explore page: '{name}' is missing in the program");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
