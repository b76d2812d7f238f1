// What 'run' prints: a line for a single run; for captures a line for each packet and the verdicts counted; maps; or JSON.
using System.Globalization;
using System.Text;
using System.Text.Json;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Capture;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.TestRun;

namespace Ebpfcc.Cli.Running;

internal sealed class RunReport(RunSettings settings, CommandContext context)
{
    private readonly List<(RunSession Session, int Number, TestRunResult Result)> _results = [];

    public void Add(RunSession session, int number, CapturedPacket packet, TestRunResult result)
    {
        _results.Add((session, number, result));
        if (settings.Json)
            return;
        string verdict = Verdict.Name(session.Program.ProgramType, result.ReturnValue);
        string engine = settings.Engine == EngineRegistry.All ? session.Engine + ": " : "";
        if (settings.Capture is not null)
        {
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{engine}#{number} {packet.Data.Length} bytes: {verdict}"));
            return;
        }
        string named = verdict == ((uint)result.ReturnValue).ToString(CultureInfo.InvariantCulture) ? "" : $" ({verdict})";
        ulong shown = session.Program.ProgramType == 0 ? result.ReturnValue : (uint)result.ReturnValue;
        string count = result.ExecutedInstructions > 0 ? string.Create(CultureInfo.InvariantCulture, $", {result.ExecutedInstructions} insns") : "";
        context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{engine}{session.Program.Name}: returned {shown}{named}, {result.DurationNs} ns{count}"));
    }

    public void Finish(List<RunSession> sessions)
    {
        if (settings.Json)
        {
            WriteJson(sessions);
            return;
        }
        if (settings.Capture is not null)
            PrintCounts(sessions[0]);
        if (settings.DumpMaps || settings.Capture is not null)
        {
            foreach (IMap map in sessions[0].Maps)
                PrintMap(sessions[0], map);
        }
    }

    private void PrintCounts(RunSession session)
    {
        context.Output.WriteLine();
        foreach (IGrouping<string, (RunSession, int, TestRunResult)> group in _results.Where(entry => entry.Session == session)
            .GroupBy(entry => Verdict.Name(session.Program.ProgramType, entry.Result.ReturnValue)).OrderBy(group => group.Key, StringComparer.Ordinal))
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{group.Key}: {group.Count()}"));
    }

    private void PrintMap(RunSession session, IMap map)
    {
        List<(byte[] Key, byte[] Value)> entries = session.Entries(map);
        if (!settings.DumpMaps && (map.Definition.IsGlobalData || entries.Count == 0))
            return;
        context.Output.WriteLine();
        context.Output.WriteLine($"map {map.Definition.Name} ({MapTypes.Name(map.Definition.Type)}, {entries.Count} {(entries.Count == 1 ? "entry" : "entries")})");
        foreach ((byte[] key, byte[] value) in entries)
        {
            string left = MapText.Format(key, map.Definition.Btf, map.Definition.BtfKeyTypeId);
            context.Output.WriteLine($"  {left}: {string.Join(" | ", Values(map, value).Select(one => MapText.Format(one, map.Definition.Btf, map.Definition.BtfValueTypeId)))}");
        }
    }

    private static IEnumerable<byte[]> Values(IMap map, byte[] value)
    {
        if (!((MapType)map.Definition.Type).IsPerCpu())
        {
            yield return value;
            yield break;
        }
        int stride = (map.Definition.ValueSize + 7) / 8 * 8;
        for (int at = 0; at + map.Definition.ValueSize <= value.Length; at += stride)
            yield return value[at..(at + map.Definition.ValueSize)];
    }

    private void WriteJson(List<RunSession> sessions)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            bool isArray = sessions.Count > 1;
            if (isArray)
                json.WriteStartArray();
            foreach (RunSession session in sessions)
                WriteSession(json, session);
            if (isArray)
                json.WriteEndArray();
        }
        context.Output.WriteLine(Encoding.UTF8.GetString(buffer.ToArray()));
    }

    private void WriteSession(Utf8JsonWriter json, RunSession session)
    {
        List<(RunSession Session, int Number, TestRunResult Result)> results = _results.FindAll(entry => entry.Session == session);
        TestRunResult last = results[^1].Result;
        json.WriteStartObject();
        json.WriteString("program", session.Program.Name);
        json.WriteString("engine", session.Engine);
        WriteResult(json, session, last);
        if (settings.Capture is not null)
        {
            json.WriteStartArray("packets");
            foreach ((_, int number, TestRunResult result) in results)
            {
                json.WriteStartObject();
                json.WriteNumber("number", number);
                WriteResult(json, session, result);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteStartObject("maps");
        foreach (IMap map in session.Maps)
        {
            json.WriteStartArray(map.Definition.Name);
            foreach ((byte[] key, byte[] value) in session.Entries(map))
            {
                json.WriteStartObject();
                json.WritePropertyName("key");
                MapText.Write(json, key, map.Definition.Btf, map.Definition.BtfKeyTypeId);
                bool isPerCpu = ((MapType)map.Definition.Type).IsPerCpu();
                json.WritePropertyName(isPerCpu ? "values" : "value");
                if (isPerCpu)
                    json.WriteStartArray();
                foreach (byte[] one in Values(map, value))
                    MapText.Write(json, one, map.Definition.Btf, map.Definition.BtfValueTypeId);
                if (isPerCpu)
                    json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteResult(Utf8JsonWriter json, RunSession session, TestRunResult result)
    {
        json.WriteNumber("retval", session.Program.ProgramType == 0 ? result.ReturnValue : (uint)result.ReturnValue);
        json.WriteString("verdict", Verdict.Name(session.Program.ProgramType, result.ReturnValue));
        json.WriteNumber("duration_ns", result.DurationNs);
        json.WriteNumber("insns_executed", result.ExecutedInstructions);
        json.WriteString("data_out", Convert.ToHexStringLower(result.Data));
    }
}
