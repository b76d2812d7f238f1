// Diagnostics for programs: one JSON array of
//   {"id","severity","message","group","file","line","column","endLine","endColumn","notes":[...],"fixits":[...],"macros":[...]}
// Lines and columns count from 1; columns in UTF-16 units; ends are exclusive.
using System.Text.Json;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Cli.Rendering;

public sealed class JsonRenderer : IDiagnosticRenderer
{
    private readonly TextWriter _output;
    private readonly MemoryStream _buffer = new();
    private readonly Utf8JsonWriter _json;

    public JsonRenderer(TextWriter output)
    {
        _output = output;
        _json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        _json.WriteStartArray();
    }

    public void Render(IReadOnlyList<Diagnostic> diagnostics, SourceMap map)
    {
        foreach (Diagnostic diagnostic in diagnostics)
            Write(_json, diagnostic, map);
    }

    /// <summary>One diagnostic as an object.</summary>
    public static void Write(Utf8JsonWriter json, Diagnostic diagnostic, SourceMap map)
    {
        json.WriteStartObject();
        json.WriteString("id", diagnostic.Id);
        json.WriteString("severity", SeverityName(diagnostic.Severity));
        json.WriteString("message", diagnostic.Message);
        if (diagnostic.Descriptor.WarningGroup is { } group)
            json.WriteString("group", group);
        WriteSpan(json, diagnostic.Span, map, diagnostic.Subject);
        json.WriteStartArray("notes");
        foreach (DiagnosticNote note in diagnostic.Notes)
        {
            json.WriteStartObject();
            json.WriteString("message", note.Message);
            WriteSpan(json, note.Span, map, null);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("fixits");
        foreach (FixIt fix in diagnostic.FixIts)
        {
            json.WriteStartObject();
            json.WriteString("description", fix.Description);
            WriteSpan(json, fix.Span, map, null);
            json.WriteString("replacement", fix.Replacement);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("macros");
        foreach (MacroFrame frame in map.GetMacroFrames(diagnostic.Span.Start))
        {
            json.WriteStartObject();
            json.WriteString("name", frame.MacroName);
            WriteSpan(json, SourceSpan.At(map.GetSpelling(frame.Spelling)), map, null);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public void Finish()
    {
        _json.WriteEndArray();
        _json.Flush();
        _output.WriteLine(System.Text.Encoding.UTF8.GetString(_buffer.ToArray()));
    }

    public static string SeverityName(DiagnosticSeverity severity) => severity switch
    {
        DiagnosticSeverity.Error => "error",
        DiagnosticSeverity.Warning => "warning",
        DiagnosticSeverity.Remark => "remark",
        _ => "note",
    };

    private static void WriteSpan(Utf8JsonWriter json, SourceSpan span, SourceMap map, string? subject)
    {
        if (map.GetFilePosition(span.Start) is not { } start)
        {
            if (subject is not null)
                json.WriteString("file", subject);
            return;
        }
        json.WriteString("file", start.File.Path);
        json.WriteNumber("line", start.Line);
        json.WriteNumber("column", start.Column);
        FilePosition end = map.GetFilePosition(span.End) is { } found && found.File == start.File && (found.Line, found.Column).CompareTo((start.Line, start.Column)) >= 0 ? found : start;
        json.WriteNumber("endLine", end.Line);
        json.WriteNumber("endColumn", end.Column);
    }
}
