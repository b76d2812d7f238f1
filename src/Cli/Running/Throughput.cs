// run --packets N: replays a capture, repeated until it has N packets, on one thread, and reports packets a second and verdicts in the
// place of a line for each packet. The packets lie one behind the other in memory, as a capture's do, so that a long replay reads
// them from memory and not from the processor's cache; each is copied once, into the buffer that the program sees.
using System.Diagnostics;
using System.Globalization;
using Ebpfcc.Runtime.Capture;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.TestRun;

namespace Ebpfcc.Cli.Running;

internal static class Throughput
{
    /// <summary>Runs before the measurement, so that everything is compiled and in place.</summary>
    private const int WarmUp = 20_000;

    private const int CountedVerdicts = 16;

    /// <summary>Packets of a replay in one piece of memory.</summary>
    private sealed class Batch
    {
        public required byte[] Bytes { get; init; }

        /// <summary>Where each packet begins; one more entry for the end.</summary>
        public required int[] Starts { get; init; }

        public int Count => Starts.Length - 1;

        public ReadOnlySpan<byte> this[int index] => Bytes.AsSpan(Starts[index], Starts[index + 1] - Starts[index]);

        public static Batch Of(List<CapturedPacket> packets, int count)
        {
            var starts = new int[count + 1];
            long end = 0;
            for (int i = 0; i < count; i++)
                end += packets[i % packets.Count].Data.Length;
            if (end > Array.MaxLength)
                throw RunRefusedException.Of(RunDiagnostics.RunRefused, $"{count} packets of this capture have more than {Array.MaxLength} bytes");
            byte[] bytes = new byte[end];
            int at = 0;
            for (int i = 0; i < count; i++)
            {
                byte[] packet = packets[i % packets.Count].Data;
                packet.CopyTo(bytes, at);
                at += packet.Length;
                starts[i + 1] = at;
            }
            return new Batch { Bytes = bytes, Starts = starts };
        }
    }

    public static void Run(RunSettings settings, CommandContext context, List<RunSession> sessions, List<CapturedPacket> packets)
    {
        if (packets.Count == 0)
            throw RunRefusedException.Of(RunDiagnostics.RunRefused, "the capture is empty");
        Batch batch = Batch.Of(packets, settings.Packets!.Value);
        foreach (RunSession session in sessions)
        {
            if (session is not LocalSession local)
                continue;
            TestRunner runner = local.Runner;
            var counts = new long[CountedVerdicts + 1];
            Replay(runner, batch, Math.Min(WarmUp, batch.Count), counts);
            Array.Clear(counts);
            TimeSpan processor = Processor();
            long start = Stopwatch.GetTimestamp();
            Replay(runner, batch, batch.Count, counts);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Print(settings, context, session, batch, counts, seconds, (Processor() - processor).TotalSeconds);
        }
    }

    private static void Replay(TestRunner runner, Batch batch, int count, long[] counts)
    {
        runner.Enter();
        for (int i = 0; i < count; i++)
        {
            if (runner.RunPacket(batch[i], out ulong verdict) is not 0 and var error)
                throw RunRefusedException.Of(RunDiagnostics.RunRefused, $"{Errno.Name(error)} (packet {i + 1})");
            counts[Math.Min((uint)verdict, CountedVerdicts)]++;
        }
        runner.Leave();
    }

    /// <summary>Processor time of this process: what the replay would take with the machine to itself.</summary>
    private static TimeSpan Processor()
    {
        using Process self = Process.GetCurrentProcess();
        return self.TotalProcessorTime;
    }

    private static void Print(RunSettings settings, CommandContext context, RunSession session, Batch batch, long[] counts, double seconds, double processor)
    {
        CultureInfo invariant = CultureInfo.InvariantCulture;
        var verdicts = new List<string>();
        for (int i = 0; i <= CountedVerdicts; i++)
        {
            if (counts[i] > 0)
                verdicts.Add(string.Create(invariant, $"{(i == CountedVerdicts ? "other" : Verdict.Name(session.Program.ProgramType, (ulong)i))}: {counts[i]}"));
        }
        if (settings.Json)
        {
            context.Output.WriteLine(string.Create(invariant, $$"""
                {"program":"{{session.Program.Name}}","engine":"{{session.Engine}}","packets":{{batch.Count}},"bytes":{{batch.Bytes.Length}},"seconds":{{seconds:F6}},"processor_seconds":{{processor:F6}},"packets_per_second":{{batch.Count / seconds:F0}}}
                """));
            return;
        }
        context.Output.WriteLine(string.Create(invariant,
            $"{session.Engine}: {session.Program.Name}: {batch.Count} packets in {seconds * 1000:F1} ms, {batch.Count / seconds / 1e6:F2} million a second, {seconds * 1e9 / batch.Count:F1} ns each, {processor * 1e9 / batch.Count:F1} ns of processor time ({string.Join(", ", verdicts)})"));
    }
}
