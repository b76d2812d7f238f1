// Diagnostics in SARIF 2.1.0 (OASIS), which code hosting and editors read.
using System.Text.Json;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Cli.Rendering;

public sealed class SarifRenderer(TextWriter output) : IDiagnosticRenderer
{
    private readonly List<(Diagnostic Diagnostic, SourceMap Map)> _results = [];

    public void Render(IReadOnlyList<Diagnostic> diagnostics, SourceMap map)
    {
        foreach (Diagnostic diagnostic in diagnostics)
            _results.Add((diagnostic, map));
    }

    public void Finish()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("$schema", "https://json.schemastore.org/sarif-2.1.0.json");
            json.WriteString("version", "2.1.0");
            json.WriteStartArray("runs");
            json.WriteStartObject();
            WriteTool(json);
            json.WriteStartArray("results");
            foreach ((Diagnostic diagnostic, SourceMap map) in _results)
                WriteResult(json, diagnostic, map);
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }
        output.WriteLine(System.Text.Encoding.UTF8.GetString(buffer.ToArray()));
    }

    private void WriteTool(Utf8JsonWriter json)
    {
        json.WriteStartObject("tool");
        json.WriteStartObject("driver");
        json.WriteString("name", "ebpfcc");
        json.WriteString("version", VersionText.Number);
        json.WriteStartArray("rules");
        foreach (DiagnosticDescriptor row in _results.Select(result => result.Diagnostic.Descriptor).DistinctBy(row => row.Id).OrderBy(row => row.Id, StringComparer.Ordinal))
        {
            json.WriteStartObject();
            json.WriteString("id", row.Id);
            WriteText(json, "shortDescription", row.Format);
            WriteText(json, "fullDescription", row.Explanation);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteResult(Utf8JsonWriter json, Diagnostic diagnostic, SourceMap map)
    {
        json.WriteStartObject();
        json.WriteString("ruleId", diagnostic.Id);
        json.WriteString("level", diagnostic.Severity switch { DiagnosticSeverity.Error => "error", DiagnosticSeverity.Warning => "warning", _ => "note" });
        WriteText(json, "message", diagnostic.Message);
        json.WriteStartArray("locations");
        WriteLocation(json, diagnostic.Span, map, diagnostic.Subject, null);
        json.WriteEndArray();
        if (diagnostic.Notes.Count > 0)
        {
            json.WriteStartArray("relatedLocations");
            foreach (DiagnosticNote note in diagnostic.Notes)
                WriteLocation(json, note.Span, map, null, note.Message);
            json.WriteEndArray();
        }
        if (diagnostic.FixIts.Count > 0)
            WriteFix(json, diagnostic.FixIts, map);
        json.WriteEndObject();
    }

    /// <summary>The edits of a diagnostic belong together: one fix (SARIF 2.1.0 section 3.55) with a change for each file.</summary>
    private static void WriteFix(Utf8JsonWriter json, IReadOnlyList<FixIt> edits, SourceMap map)
    {
        json.WriteStartArray("fixes");
        json.WriteStartObject();
        WriteText(json, "description", edits[0].Description);
        json.WriteStartArray("artifactChanges");
        foreach (IGrouping<string, FixIt> file in edits.GroupBy(edit => map.GetFilePosition(edit.Span.Start)?.File.Path ?? ""))
        {
            json.WriteStartObject();
            json.WriteStartObject("artifactLocation");
            json.WriteString("uri", file.Key.Replace('\\', '/').Replace(" ", "%20"));
            json.WriteEndObject();
            json.WriteStartArray("replacements");
            foreach (FixIt edit in file)
            {
                json.WriteStartObject();
                if (map.GetFilePosition(edit.Span.Start) is { } start)
                {
                    json.WriteStartObject("deletedRegion");
                    json.WriteNumber("charOffset", start.Offset);
                    json.WriteNumber("charLength", edit.Span.End.Position - edit.Span.Start.Position);
                    json.WriteNumber("startLine", start.Line);
                    json.WriteNumber("startColumn", start.Column);
                    FilePosition end = map.GetFilePosition(edit.Span.End) ?? start;
                    json.WriteNumber("endLine", end.Line);
                    json.WriteNumber("endColumn", end.Column);
                    json.WriteEndObject();
                }
                WriteText(json, "insertedContent", edit.Replacement);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void WriteLocation(Utf8JsonWriter json, SourceSpan span, SourceMap map, string? subject, string? message)
    {
        FilePosition? position = map.GetFilePosition(span.Start);
        json.WriteStartObject();
        if ((position?.File.Path ?? subject) is { } path)
        {
            json.WriteStartObject("physicalLocation");
            json.WriteStartObject("artifactLocation");
            json.WriteString("uri", path.Replace('\\', '/').Replace(" ", "%20"));
            json.WriteEndObject();
            if (position is { } start)
            {
                json.WriteStartObject("region");
                json.WriteNumber("startLine", start.Line);
                json.WriteNumber("startColumn", start.Column);
                if (map.GetFilePosition(span.End) is { } end && end.File == start.File && (end.Line > start.Line || (end.Line == start.Line && end.Column > start.Column)))
                {
                    json.WriteNumber("endLine", end.Line);
                    json.WriteNumber("endColumn", end.Column);
                }
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        if (message is not null)
            WriteText(json, "message", message);
        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, string name, string text)
    {
        json.WriteStartObject(name);
        json.WriteString("text", text);
        json.WriteEndObject();
    }
}
