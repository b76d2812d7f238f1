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
        {
            _json.WriteStartObject();
            _json.WriteString("id", diagnostic.Id);
            _json.WriteString("severity", SeverityName(diagnostic.Severity));
            _json.WriteString("message", diagnostic.Message);
            if (diagnostic.Descriptor.WarningGroup is { } group)
                _json.WriteString("group", group);
            WriteSpan(_json, diagnostic.Span, map, diagnostic.Subject);
            _json.WriteStartArray("notes");
            foreach (DiagnosticNote note in diagnostic.Notes)
            {
                _json.WriteStartObject();
                _json.WriteString("message", note.Message);
                WriteSpan(_json, note.Span, map, null);
                _json.WriteEndObject();
            }
            _json.WriteEndArray();
            _json.WriteStartArray("fixits");
            foreach (FixIt fix in diagnostic.FixIts)
            {
                _json.WriteStartObject();
                _json.WriteString("description", fix.Description);
                WriteSpan(_json, fix.Span, map, null);
                _json.WriteString("replacement", fix.Replacement);
                _json.WriteEndObject();
            }
            _json.WriteEndArray();
            _json.WriteStartArray("macros");
            foreach (MacroFrame frame in map.GetMacroFrames(diagnostic.Span.Start))
            {
                _json.WriteStartObject();
                _json.WriteString("name", frame.MacroName);
                WriteSpan(_json, SourceSpan.At(map.GetSpelling(frame.Spelling)), map, null);
                _json.WriteEndObject();
            }
            _json.WriteEndArray();
            _json.WriteEndObject();
        }
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
