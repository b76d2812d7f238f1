// Maps filled from JSON files before a run and compared after it.
using System.Text.Json;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Cli.Running;

internal static class MapFiles
{
    /// <summary>Fills the maps that the command line names, and those of the side file: an object with one member for each map.</summary>
    public static void Fill(RunSession session, RunSettings settings, string sideFile)
    {
        if (settings.File != "-" && File.Exists(sideFile))
        {
            using JsonDocument document = Parse(sideFile, sideFile);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw RunRefusedException.Of(RunDiagnostics.BadMapFile, sideFile, "the file is not an object with one member for each map");
            foreach (JsonProperty map in document.RootElement.EnumerateObject())
                Fill(session, map.Name, map.Value);
        }
        foreach ((string map, string file) in settings.Maps)
        {
            using JsonDocument document = Parse(map, file);
            Fill(session, map, document.RootElement);
        }
    }

    private static JsonDocument Parse(string map, string file)
    {
        try
        {
            return JsonDocument.Parse(RunSource.ReadFile(file), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        }
        catch (JsonException exception)
        {
            throw RunRefusedException.Of(RunDiagnostics.BadMapFile, map, $"{file}:{exception.LineNumber + 1}:{exception.BytePositionInLine + 1}: this is not JSON");
        }
    }

    private static void Fill(RunSession session, string name, JsonElement entries)
    {
        IMap map = session.Maps.FirstOrDefault(candidate => candidate.Definition.Name == name)
            ?? throw RunRefusedException.Of(RunDiagnostics.BadMapFile, name, $"the object has no such map; it has: {string.Join(", ", session.Maps.Select(candidate => candidate.Definition.Name))}");
        if (entries.ValueKind != JsonValueKind.Array)
            throw RunRefusedException.Of(RunDiagnostics.BadMapFile, name, "the entries are not an array");
        MapDefinition definition = map.Definition;
        int number = 0;
        foreach (JsonElement entry in entries.EnumerateArray())
        {
            number++;
            byte[] key = new byte[definition.KeySize], value = new byte[definition.ValueSize];
            string? wrong = entry.ValueKind != JsonValueKind.Object ? "it is no object" : null;
            if (wrong is null && definition.KeySize > 0)
                wrong = entry.TryGetProperty("key", out JsonElement keyJson) ? MapText.Encode(keyJson, key, definition.Btf, definition.BtfKeyTypeId) : "it has no key";
            if (wrong is null)
                wrong = entry.TryGetProperty("value", out JsonElement valueJson) ? MapText.Encode(valueJson, value, definition.Btf, definition.BtfValueTypeId) : "it has no value";
            if (wrong is null && session.Update(map, key, value) is < 0 and int error)
                wrong = $"the update fails with {Errno.Name(-error)}";
            if (wrong is not null)
                throw RunRefusedException.Of(RunDiagnostics.BadMapFile, name, $"entry {number}: {wrong}");
        }
    }

    /// <summary>The first difference between the maps of two sessions; null when all are the same. Order does not matter.</summary>
    public static string? FirstDifference(List<RunSession> sessions)
    {
        for (int i = 1; i < sessions.Count; i++)
        {
            for (int m = 0; m < sessions[0].Maps.Count; m++)
            {
                IMap map = sessions[0].Maps[m];
                // Programs and maps inside maps have other numbers in every session.
                if (!IsComparable((MapType)map.Definition.Type))
                    continue;
                if (!Sorted(sessions[0], m).SequenceEqual(Sorted(sessions[i], m)))
                    return $"map '{map.Definition.Name}' of {sessions[0].Engine} and {sessions[i].Engine}";
            }
        }
        return null;

        static List<string> Sorted(RunSession session, int map)
        {
            List<string> entries = session.Entries(session.Maps[map]).ConvertAll(entry => Convert.ToHexString(entry.Key) + "=" + Convert.ToHexString(Merge(session.Maps[map], entry.Value)));
            entries.Sort(StringComparer.Ordinal);
            return entries;
        }
    }

    /// <summary>Which CPU a run was on is chance: values of per-CPU maps are compared as their sum, byte position by byte position.</summary>
    private static byte[] Merge(IMap map, byte[] value)
    {
        if (!((MapType)map.Definition.Type).IsPerCpu())
            return value;
        int stride = (map.Definition.ValueSize + 7) / 8 * 8;
        var sum = new ulong[stride / 8];
        for (int i = 0; i + 8 <= value.Length; i += 8)
            sum[i / 8 % sum.Length] += BitConverter.ToUInt64(value, i);
        return System.Runtime.InteropServices.MemoryMarshal.AsBytes<ulong>(sum).ToArray();
    }

    private static bool IsComparable(MapType type) => type
        is MapType.Hash or MapType.Array or MapType.PerCpuArray or MapType.PerCpuHash or MapType.LruHash or MapType.LruPerCpuHash or MapType.LpmTrie;
}
