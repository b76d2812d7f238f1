// One of the 2,249 runs that the kernel recorded (test-run-6.1.jsonl): a program of Linux 6.1 compiled by clang, a packet, empty
// maps, what it returned and what the packet was afterwards.
using System.Text.Json;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.TestSupport;

namespace Ebpfcc.Cli.Tests.Selftests;

/// <param name="File">The source's name.</param>
/// <param name="Output">The packet afterwards.</param>
internal sealed record RecordedRun(string File, string Program, string PacketName, byte[] Packet, uint ReturnValue, byte[] Output)
{
    public static IEnumerable<RecordedRun> All()
    {
        string baselines = Path.Combine(Repository.Shared!, "baselines");
        Dictionary<string, byte[]> packets = System.IO.File.ReadLines(Path.Combine(baselines, "packets.txt"))
            .Select(line => line.Split(' ')).Where(words => words.Length == 2).ToDictionary(words => words[0], words => Convert.FromHexString(words[1]));
        foreach (string line in System.IO.File.ReadLines(Path.Combine(baselines, "test-run-6.1.jsonl")))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement row = document.RootElement;
            string name = row.GetProperty("pkt").GetString()!, output = row.GetProperty("out").GetString()!;
            yield return new RecordedRun(row.GetProperty("file").GetString()!, row.GetProperty("prog").GetString()!, name, packets[name],
                (uint)row.GetProperty("retval").GetInt64(), output == "=" ? packets[name] : Convert.FromHexString(output));
        }
    }

    /// <summary>Runs the program of an object under an engine or in the kernel; empty when the result is the recorded one.</summary>
    public string Difference(byte[] image, string engine)
    {
        try
        {
            ISelftestTarget target = engine == "kernel" ? new KernelTarget(image, Program, Called(image)) : new EngineTarget(image, engine, Program);
            using var disposing = (IDisposable)target;
            (int errno, uint value, byte[] data) = target.Run(Packet, 1);
            if (errno != 0 || value != ReturnValue)
                return $"errno {errno}, returned {value}, recorded {ReturnValue}";
            return data.AsSpan().SequenceEqual(Output) ? "" : "the packet differs";
        }
        catch (Exception exception)
        {
            return $"{exception.GetType().Name} {exception.Message.Split('\n')[0]}";
        }
    }

    /// <summary>Programs in the object's tables of programs.</summary>
    private static string[] Called(byte[] image)
    {
        using LoadedObject shapes = ProgramLoader.Load(SelftestObjects.Read(image), new LoadOptions(), new DiagnosticBag())!;
        return [.. shapes.ProgramSlots.Select(slot => slot.Program.Name)];
    }
}
