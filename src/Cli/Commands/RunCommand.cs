// ebpfcc run FILE: compiles when needed, verifies, and runs a program on packets or memory under one engine or all of them.
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Output;
using Ebpfcc.Cli.Running;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Capture;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.TestRun;

namespace Ebpfcc.Cli.Commands;

public static class RunCommand
{
    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new RunSettings();
        string? surplus = null;
        var parser = new OptionParser<RunSettings>(RunSettings.Options)
        {
            Positional = (chosen, word) =>
            {
                if (chosen.File is not null)
                    surplus ??= word;
                chosen.File ??= word;
            },
        };
        if (parser.Parse(arguments, settings) is { } wrong)
            return Usage(context, wrong);
        if (settings.Help)
        {
            context.Output.WriteLine("usage: ebpfcc run FILE.{c,o,bin,hex} [--prog NAME] [--engine interp|x64|arm32|kernel|all] [options]");
            OptionHelp.Print(context.Output, RunSettings.Options);
            return ExitStatus.Done;
        }
        if (settings.File is null)
            return Usage(context, "name the program to run");
        if (settings.Packets is not null && settings.Capture is null)
            return Usage(context, "--packets needs --pcap");
        if (surplus is not null)
            return Usage(context, $"one program at a time: '{surplus}' is surplus");
        if (settings.Engine is not (EngineRegistry.All or EngineRegistry.Kernel) && !EngineRegistry.Names.Contains(settings.Engine))
            return Usage(context, $"there is no engine '{settings.Engine}'; there are: {string.Join(", ", EngineRegistry.Names)}, kernel, all");
        var sessions = new List<RunSession>();
        try
        {
            RunSource? source = RunSource.Open(settings, context);
            if (source is null)
                return ExitStatus.Refused;
            List<CapturedPacket> packets = ReadPackets(settings, context);
            OpenSessions(source, settings, context, sessions);
            foreach (RunSession session in sessions)
                MapFiles.Fill(session, settings, source.SideFile);
            if (settings.Packets is not null)
            {
                Throughput.Run(settings, context, sessions, packets);
                return ExitStatus.Done;
            }
            return Execute(settings, context, sessions, packets);
        }
        catch (RunRefusedException refusal)
        {
            context.RendererFor(settings.Compile).Render([refusal.Diagnostic], refusal.Map);
            return ExitStatus.Refused;
        }
        catch (GuestFaultException fault)
        {
            Render(Diagnostic.Create(RunDiagnostics.Fault, SourceSpan.None, settings.Program ?? settings.File, fault.Message));
            return ExitStatus.Refused;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            string name = exception is FileNotFoundException { FileName: { } missing } ? Path.GetRelativePath(".", missing) : settings.File;
            Render(Diagnostic.Create(CliDiagnostics.CannotRead, SourceSpan.None, InputFile.Describe(exception)) with { Subject = name });
            return ExitStatus.Refused;
        }
        finally
        {
            foreach (RunSession session in sessions)
                session.Dispose();
        }

        void Render(Diagnostic diagnostic) => context.RendererFor(settings.Compile).Render([diagnostic], new SourceMap());
    }

    private static void OpenSessions(RunSource source, RunSettings settings, CommandContext context, List<RunSession> sessions)
    {
        SandboxOptions? sandbox = settings.Unverified || source.Raw is not null ? new SandboxOptions { Fuel = settings.Fuel } : null;
        bool isAll = settings.Engine == EngineRegistry.All;
        foreach (string name in isAll ? EngineRegistry.Names : settings.Engine == EngineRegistry.Kernel ? [] : [settings.Engine])
        {
            IExecutionEngine engine = EngineRegistry.Create(name, context)!;
            Action<string>? trace = settings.Trace && sessions.Count == 0 ? text => context.Error.WriteLine("trace: " + text.TrimEnd('\n')) : null;
            try
            {
                sessions.Add(LocalSession.Open(source.Object, source.Raw, settings.File!, engine, EngineRegistry.EnvironmentFor(engine, trace, settings.Packets is null), settings.Program, sandbox, source.Reporter));
            }
            catch (RunRefusedException refusal) when (isAll && sessions.Count > 0)
            {
                // The interpreter has taken the program: what another engine cannot do is no mistake of the user's.
                context.Error.WriteLine($"ebpfcc: note: engine '{name}' is left out: {refusal.Message}");
            }
        }
        if (!isAll && settings.Engine != EngineRegistry.Kernel || source.Object is null)
            return;
        try
        {
            if (settings.IsFromPacketSocket)
                throw RunRefusedException.Of(RunDiagnostics.EngineUnavailable, EngineRegistry.Kernel, "its test runs are not those of packet sockets");
            sessions.Add(KernelSession.Open(source.Image!, source.Object, settings.File!, settings.Program));
        }
        catch (RunRefusedException refusal) when (isAll)
        {
            context.Error.WriteLine($"ebpfcc: note: engine 'kernel' is left out: {refusal.Message}");
        }
    }

    /// <summary>The inputs: a capture's packets, or one packet from a file, from hexadecimal text, or an empty one of zeros.</summary>
    private static List<CapturedPacket> ReadPackets(RunSettings settings, CommandContext context)
    {
        if (settings.Capture is { } capture)
        {
            var bag = new DiagnosticBag();
            return CaptureReader.Read(RunSource.ReadFile(capture), capture, bag) is { } packets ? [.. packets] : throw new RunRefusedException(bag.Items[0]);
        }
        byte[] data = [];
        if (settings.DataIn == "-")
        {
            using Stream input = context.OpenInput();
            data = InputFile.ReadAll(input, out string? error) ?? throw RunRefusedException.OfFile(CliDiagnostics.CannotRead, "<stdin>", error);
        }
        else if (settings.DataIn is { } file)
        {
            data = RunSource.ReadFile(file);
        }
        else if (settings.DataHex is { } hex)
        {
            data = RunSource.ParseHex(hex);
        }
        return [new CapturedPacket(0, data, data.Length)];
    }

    private static int Execute(RunSettings settings, CommandContext context, List<RunSession> sessions, List<CapturedPacket> packets)
    {
        byte[]? contextIn = settings.ContextIn is { } path ? RunSource.ReadFile(path) : null;
        var report = new RunReport(settings, context);
        var outputs = new List<CapturedPacket>();
        string? difference = null;
        int number = 0;
        foreach (CapturedPacket packet in packets)
        {
            number++;
            byte[] data = packet.Data;
            // A context program needs no packet; a packet program without one gets zeros.
            if (data.Length == 0 && settings.Capture is null && TestRunner.ShapeOf((Ebpf.Abi.ProgramType)sessions[0].Program.ProgramType) != Runtime.Contexts.ContextShape.Raw)
                data = new byte[64];
            var input = new TestRunInput { Data = data, Context = contextIn, Repeat = settings.Repeat, IsFromPacketSocket = settings.IsFromPacketSocket };
            TestRunResult? first = null;
            foreach (RunSession session in sessions)
            {
                TestRunResult result = session.Run(input);
                if (result.Errno != 0)
                    throw RunRefusedException.Of(RunDiagnostics.RunRefused, $"{Errno.Name(result.Errno)}{(settings.Capture is null ? "" : $" (packet {number})")}");
                first ??= result;
                if ((uint)result.ReturnValue != (uint)first.ReturnValue || !result.Data.AsSpan().SequenceEqual(first.Data))
                    difference ??= $"packet {number}: {sessions[0].Engine} returns {(uint)first.ReturnValue}, {session.Engine} {(uint)result.ReturnValue}{(result.Data.AsSpan().SequenceEqual(first.Data) ? "" : ", and the packets differ")}";
                report.Add(session, number, packet, result);
            }
            string verdict = Verdict.Name(sessions[0].Program.ProgramType, first!.ReturnValue);
            if (settings.FilterVerdict is null || Verdict.Matches(verdict, first.ReturnValue, settings.FilterVerdict))
                outputs.Add(packet with { Data = first.Data, OriginalLength = first.Data.Length });
            if (number == packets.Count)
                WriteOutputs(settings, context, first, outputs);
        }
        difference ??= MapFiles.FirstDifference(sessions);
        report.Finish(sessions);
        if (difference is null)
            return ExitStatus.Done;
        context.RendererFor(settings.Compile).Render([Diagnostic.Create(RunDiagnostics.EnginesDiffer, SourceSpan.None, difference)], new SourceMap());
        return ExitStatus.Refused;
    }

    private static void WriteOutputs(RunSettings settings, CommandContext context, TestRunResult last, List<CapturedPacket> packets)
    {
        byte[] data = settings.DataSizeOut is { } limit && limit < last.Data.Length ? last.Data[..limit] : last.Data;
        if (settings.DataOut == "-")
            context.Output.WriteLine(Convert.ToHexStringLower(data));
        else if (settings.DataOut is { } dataFile)
            Write(dataFile, data);
        if (settings.ContextOut is { } contextFile)
            Write(contextFile, last.Context);
        if (settings.CaptureOut is { } capture)
            Write(capture, CaptureWriter.Write(packets));

        static void Write(string path, byte[] bytes)
        {
            if (AtomicFile.Write(path, bytes) is { } error)
                throw RunRefusedException.OfFile(CliDiagnostics.CannotWrite, path, error);
        }
    }

    private static int Usage(CommandContext context, string message)
    {
        Report(context, Diagnostic.Create(CliDiagnostics.Usage, SourceSpan.None, message));
        return ExitStatus.Usage;
    }

    internal static void Report(CommandContext context, Diagnostic diagnostic)
        => context.Error.WriteLine($"{diagnostic.Subject ?? "ebpfcc"}: {diagnostic.Severity.ToString().ToLowerInvariant()}: {diagnostic.Message} [{diagnostic.Id}]");
}
