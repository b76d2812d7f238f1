// Runs a classic filter and what became of it on packets: verdicts, accepted packets, differences between engines, and times.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Ebpfcc.Cli.Output;
using Ebpfcc.Cli.Running;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Classic;
using Ebpfcc.Runtime.Capture;
using Ebpfcc.Runtime.Classic;
using Ebpfcc.Runtime.Execution;

namespace Ebpfcc.Cli.Classic;

internal sealed class ClassicTrial : IDisposable
{
    /// <summary>One way to run the filter; the original has no engine.</summary>
    private sealed record Contestant(string Name, ClassicRunner? Runner, ClassicInterpreter? Original, IExecutionEngine? Engine) : IDisposable
    {
        public uint Run(ClassicPacket packet, bool isSeccomp) => isSeccomp
            ? Runner?.Run(packet.Buffer) ?? Original!.Run(packet.Buffer)
            : Runner?.Run(packet) ?? Original!.Run(packet);

        public void Dispose()
        {
            Runner?.Dispose();
            (Engine as IDisposable)?.Dispose();
        }
    }

    private readonly ClassicSettings _settings;
    private readonly CommandContext _context;
    private readonly ClassicFilter _filter;
    private readonly ClassicConversion _conversion;
    private readonly List<Contestant> _contestants = [];

    public ClassicTrial(ClassicSettings settings, CommandContext context, ClassicFilter filter, ClassicConversion conversion)
        => (_settings, _context, _filter, _conversion) = (settings, context, filter, conversion);

    private bool IsSeccomp => _filter.Dialect == ClassicDialect.Seccomp;

    /// <exception cref="RunRefusedException">The engines differ, an engine or a file cannot be used.</exception>
    public void Run()
    {
        List<CapturedPacket> packets = ReadPackets();
        OpenContestants();
        if (_settings.Bench)
        {
            Measure(packets);
            return;
        }
        var verdicts = new List<uint>(packets.Count);
        var accepted = new List<CapturedPacket>();
        for (int i = 0; i < packets.Count; i++)
        {
            ClassicPacket input = Input(packets[i]);
            uint first = 0;
            foreach (Contestant contestant in _contestants)
            {
                uint verdict = contestant.Run(input, IsSeccomp);
                if (contestant == _contestants[0])
                    first = verdict;
                else if (verdict != first)
                    throw RunRefusedException.Of(RunDiagnostics.EnginesDiffer, $"packet {i + 1}: {_contestants[0].Name} returns {first}, {contestant.Name} {verdict}");
            }
            verdicts.Add(first);
            // The result is how much of the packet to keep.
            if (first != 0)
                accepted.Add(packets[i] with { Data = first < packets[i].Data.Length ? packets[i].Data[..(int)first] : packets[i].Data });
        }
        if (_settings.CaptureOut is { } file && AtomicFile.Write(file, CaptureWriter.Write(accepted)) is { } error)
            throw RunRefusedException.OfFile(CliDiagnostics.CannotWrite, file, error);
        Report(packets, verdicts, accepted.Count);
    }

    /// <summary>A capture's packets begin with their Ethernet header, as a packet socket's do.</summary>
    private ClassicPacket Input(CapturedPacket packet) => IsSeccomp ? new ClassicPacket { Buffer = packet.Data } : ClassicPacket.FromEthernet(packet.Data);

    private List<CapturedPacket> ReadPackets()
    {
        if (_settings.Capture is { } capture)
        {
            var bag = new DiagnosticBag();
            return CaptureReader.Read(RunSource.ReadFile(capture), capture, bag) is { } packets ? [.. packets] : throw new RunRefusedException(bag.Items[0]);
        }
        byte[] data = _settings.DataIn is { } file ? RunSource.ReadFile(file) : _settings.DataHex is { } hex ? RunSource.ParseHex(hex) : new byte[64];
        if (IsSeccomp && data.Length != ClassicFilter.SeccompDataSize)
            throw RunRefusedException.Of(RunDiagnostics.RunRefused, $"struct seccomp_data has {ClassicFilter.SeccompDataSize} bytes, not {data.Length}");
        return [new CapturedPacket(0, data, data.Length)];
    }

    private void OpenContestants()
    {
        bool isAll = _settings.Engine == EngineRegistry.All || _settings.Bench;
        if (isAll || _settings.Engine == ClassicSettings.ClassicEngine)
            _contestants.Add(new Contestant(ClassicSettings.ClassicEngine, null, new ClassicInterpreter(_filter), null));
        foreach (EngineRow row in EngineTable.Rows)
        {
            if (!isAll && row.Name != _settings.Engine)
                continue;
            IExecutionEngine engine = row.Create(_context);
            // Under emulation times say nothing about ARM.
            if (engine.WhyUnavailable is { } reason || (_settings.Bench && row.Name == "arm32" && (reason = "it is emulated here") is not null))
            {
                (engine as IDisposable)?.Dispose();
                if (!isAll)
                    throw RunRefusedException.Of(RunDiagnostics.EngineUnavailable, row.Name, reason);
                _context.Error.WriteLine($"ebpfcc: note: engine '{row.Name}' is left out: {reason}");
                continue;
            }
            var environment = new ExecutionEnvironment { Allocator = EngineTable.AllocatorOf(engine), Helpers = ClassicHelpers.Registry };
            _contestants.Add(new Contestant(row.Name, ClassicRunner.Open(_conversion, engine, environment, _settings.Name), null, engine));
        }
    }

    private void Report(List<CapturedPacket> packets, List<uint> verdicts, int accepted)
    {
        if (_settings.Json)
        {
            WriteJson(json =>
            {
                json.WriteStartArray("verdicts");
                foreach (uint verdict in verdicts)
                    json.WriteNumberValue(verdict);
                json.WriteEndArray();
                json.WriteNumber("accepted", accepted);
                json.WriteNumber("packets", packets.Count);
            });
            return;
        }
        for (int i = 0; i < packets.Count; i++)
        {
            string verdict = IsSeccomp ? SeccompAction(verdicts[i]) : verdicts[i] == 0 ? "dropped" : string.Create(CultureInfo.InvariantCulture, $"accepted ({verdicts[i]})");
            _context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"#{i + 1} {packets[i].Data.Length} bytes: {verdict}"));
        }
        if (_settings.Capture is not null)
            _context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{accepted} of {packets.Count} packets accepted"));
    }

    /// <summary>SECCOMP_RET_* by name, with the data in the low 16 bits.</summary>
    private static string SeccompAction(uint value)
    {
        string name = (value & 0xffff0000) switch
        {
            0x80000000 => "KILL_PROCESS", 0 => "KILL_THREAD", 0x00030000 => "TRAP", 0x00050000 => "ERRNO", 0x7fc00000 => "USER_NOTIF",
            0x7ff00000 => "TRACE", 0x7ffc0000 => "LOG", 0x7fff0000 => "ALLOW", _ => "unknown action, KILL_PROCESS",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{name} (0x{value:x})");
    }

    private void WriteJson(Action<Utf8JsonWriter> body)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("program", _settings.Name);
            json.WriteString("engine", _settings.Bench ? "all" : _settings.Engine);
            json.WriteNumber("classic_insns", _filter.Instructions.Count);
            json.WriteNumber("ebpf_insns", _conversion.Instructions.Length);
            body(json);
            json.WriteEndObject();
        }
        _context.Output.WriteLine(Encoding.UTF8.GetString(buffer.ToArray()));
    }

    /// <summary>
    /// Nanoseconds a packet for each contestant, measured in turns; each packet is put in place once and run often, so that what
    /// counts is the program.
    /// </summary>
    private void Measure(List<CapturedPacket> packets)
    {
        const int Rounds = 7;
        ClassicPacket[] inputs = [.. packets.Take(64).Select(Input)];
        var samples = _contestants.ToDictionary(contestant => contestant.Name, _ => new List<double>());
        for (int round = 0; round <= Rounds; round++)
        {
            foreach (Contestant contestant in _contestants)
            {
                double time = Measure(contestant, inputs);
                if (round > 0) // the first warms up
                    samples[contestant.Name].Add(time);
            }
        }
        double original = Median(samples[ClassicSettings.ClassicEngine]);
        if (_settings.Json)
        {
            WriteJson(json =>
            {
                json.WriteStartObject("ns_per_packet");
                foreach (Contestant contestant in _contestants)
                    json.WriteNumber(contestant.Name, Math.Round(Median(samples[contestant.Name]), 2));
                json.WriteEndObject();
            });
            return;
        }
        _context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_filter.Instructions.Count} classic instructions, {_conversion.Instructions.Length} eBPF instructions, {inputs.Length} packets"));
        foreach (Contestant contestant in _contestants)
        {
            double time = Median(samples[contestant.Name]);
            _context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{contestant.Name,-8} {time,9:0.0} ns/packet  {time / original,6:0.00} x the original"));
        }
    }

    private double Measure(Contestant contestant, ClassicPacket[] inputs)
    {
        const int Batch = 200;
        long ticks = 0, runs = 0;
        long limit = Stopwatch.Frequency * _settings.Milliseconds / 1000;
        while (ticks < limit)
        {
            foreach (ClassicPacket input in inputs)
            {
                contestant.Run(input, IsSeccomp);
                long start = Stopwatch.GetTimestamp();
                if (contestant.Runner is { } runner)
                {
                    runner.RunAgain(Batch);
                }
                else
                {
                    for (int i = 0; i < Batch; i++)
                        contestant.Run(input, IsSeccomp);
                }
                ticks += Stopwatch.GetTimestamp() - start;
                runs += Batch;
            }
        }
        return ticks * 1e9 / Stopwatch.Frequency / runs;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    public void Dispose()
    {
        foreach (Contestant contestant in _contestants)
            contestant.Dispose();
    }
}
