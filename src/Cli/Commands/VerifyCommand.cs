// ebpfcc verify FILE: the kernel's verdict on every program of an object (or of C, compiled on the way), at the C source where
// the object says where that is.
using System.Globalization;
using System.Text;
using System.Text.Json;
using Ebpfcc.Cli.Explaining;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Rendering;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Commands;

public static class VerifyCommand
{
    private sealed class Settings
    {
        public CompileSettings Compile { get; } = new();
        public string? File;
        public string? Program;
        public KernelVersion Kernel = KernelVersion.V6_18;
        public int LogLevel;
        public int MaxInstructions = InstructionLimit.Default;
        public bool StrictAlignment;
        public bool Unprivileged;
        public bool Json;
        public bool Help;
    }

    private static readonly OptionRow<Settings>[] s_options =
    [
        new("Verify", ["--prog"], OptionForm.EqualsOrSeparate, "NAME", "verify only this program", (settings, text) => Set(() => settings.Program = text)),
        new("Verify", ["--kernel"], OptionForm.EqualsOrSeparate, "VERSION", "the rules of 5.15, 6.1, 6.6, 6.12 or 6.18 (default)", SetKernel),
        new("Verify", ["--log-level"], OptionForm.EqualsOrSeparate, "0|1|2", "1: print the kernel's log of the path that fails, 2: of all paths", SetLevel),
        new("Verify", ["--max-insns"], OptionForm.EqualsOrSeparate, "N", InstructionLimit.Help, (settings, text) => InstructionLimit.Parse(text, ref settings.MaxInstructions)),
        new("Verify", ["--flags"], OptionForm.EqualsOrSeparate, "FLAG,...", "strict-alignment, unprivileged", SetFlags),
        new("Verify", ["--json"], OptionForm.Flag, null, "print an array of results", (settings, _) => Set(() => settings.Json = true)),
        new("Verify", ["--help", "-h"], OptionForm.Flag, null, "show this help", (settings, _) => Set(() => settings.Help = true)),
        .. ProgramInput.CompileRows<Settings>(settings => settings.Compile),
    ];

    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new Settings();
        var parser = new OptionParser<Settings>(s_options) { Positional = static (chosen, word) => chosen.File = word, MaximumPositional = 1 };
        if (parser.Parse(arguments, settings) is { } wrong)
            return ProgramInput.Usage(context, "verify", wrong);
        if (settings.Help)
        {
            context.Output.WriteLine("usage: ebpfcc verify FILE.{o,c} [--prog NAME] [--kernel VERSION] [--log-level 0|1|2] [--flags FLAG,...] [--json]");
            OptionHelp.Print(context.Output, s_options);
            return ExitStatus.Done;
        }
        if (settings.File is not { } file)
            return ProgramInput.Usage(context, "verify", "name the object or C file to verify");
        settings.Compile.Verify = settings.Kernel;
        using LoadedObject? loaded = ProgramInput.Load(file, settings.Compile, context, new LoadOptions { DescribeUnimplementedMaps = true }, out RejectionReporter reporter);
        return loaded is null ? ExitStatus.Refused : Verify(file, loaded, reporter, settings, context);
    }

    private static int Verify(string file, LoadedObject loaded, RejectionReporter reporter, Settings settings, CommandContext context)
    {
        var options = new VerifierOptions
        {
            Kernel = settings.Kernel, LogLevel = settings.LogLevel, StrictAlignment = settings.StrictAlignment, IsPrivileged = !settings.Unprivileged,
            InstructionLimit = settings.MaxInstructions, KernelTypes = KernelInformation.RunningKernelTypes,
        };
        int status = ExitStatus.Done, seen = 0;
        using var buffer = new MemoryStream();
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartArray();
        foreach (FailedProgram failed in loaded.Failures)
        {
            if (settings.Program is not null && failed.Name != settings.Program)
                continue;
            seen++;
            status = ExitStatus.Refused;
            if (settings.Json)
                Write(json, failed.Name, failed.Section, false, failed.Reason.Message, null, null, null);
            else
                context.Output.WriteLine($"{failed.Name}: rejected: {failed.Reason.Message} [{failed.Reason.Id}]");
        }
        var results = new List<(LoadedProgram Program, VerificationResult Result)>();
        foreach (LoadedProgram program in loaded.Programs)
        {
            if (settings.Program is null || program.Name == settings.Program)
                results.Add((program, Verifier.Verify(program, options)));
        }
        string[] rejected = [.. results.Where(static entry => !entry.Result.IsAccepted).Select(static entry => entry.Program.Name), .. loaded.Failures.Select(static failed => failed.Name)];
        foreach ((LoadedProgram program, VerificationResult result) in results)
        {
            seen++;
            if (!result.IsAccepted)
                status = ExitStatus.Refused;
            (Diagnostic Diagnostic, SourceMap Map)? reason = result.Rejection is { } rejection ? reporter.Describe(program, rejection, options, rejected) : null;
            LineRecord? line = result.Rejection is { } at ? program.FindLine(at.Slot) : null;
            if (settings.Json)
                Write(json, program.Name, program.Section, result.IsAccepted, result.Rejection?.Message ?? "", result.Statistics, line, reason);
            else
                Print(context, settings, program, result, reason);
        }
        json.WriteEndArray();
        json.Flush();
        // An object without programs is not loaded in the first place.
        if (seen == 0 && settings.Program is { } name)
            return ProgramInput.NoSuchProgram(file, name, loaded.Programs.Select(program => program.Name), settings.Compile, context);
        if (settings.Json)
            context.Output.WriteLine(Encoding.UTF8.GetString(buffer.ToArray()));
        return status;
    }

    private static void Print(CommandContext context, Settings settings, LoadedProgram program, VerificationResult result, (Diagnostic Diagnostic, SourceMap Map)? reason)
    {
        TextWriter output = context.Output;
        if (result.Log.Length > 0)
            output.Write(result.Log);
        if (result.Rejection is not { } rejection || reason is not { } known)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{program.Name}: accepted ({result.Statistics.ProcessedInstructions} insns processed, {result.Statistics.TotalStates} states)"));
            return;
        }
        output.WriteLine($"{program.Name}: rejected: {rejection.Message.Replace("\n", "; ")}");
        // The reasons are this command's result, so that text goes where the verdicts go.
        if (settings.Compile.ErrorFormat == ErrorFormat.Text)
            new TextRenderer(output, settings.Compile.Color == ColorMode.Always).Render([known.Diagnostic], known.Map);
        else
            context.RendererFor(settings.Compile).Render([known.Diagnostic], known.Map);
    }

    private static void Write(Utf8JsonWriter json, string name, string section, bool isAccepted, string message, VerificationStatistics? statistics, LineRecord? line, (Diagnostic Diagnostic, SourceMap Map)? reason)
    {
        json.WriteStartObject();
        json.WriteString("program", name);
        json.WriteString("section", section);
        json.WriteString("verdict", isAccepted ? "accepted" : "rejected");
        json.WriteString("message", message);
        json.WriteNumber("insns_processed", statistics?.ProcessedInstructions ?? 0);
        json.WriteNumber("states", statistics?.TotalStates ?? 0);
        json.WriteNumber("stack_depth", statistics?.StackDepth ?? 0);
        json.WriteNumber("time_us", (long)(statistics?.Time.TotalMicroseconds ?? 0));
        if (line is { } place)
        {
            json.WriteStartObject("location");
            json.WriteString("file", place.File);
            json.WriteNumber("line", place.Line);
            json.WriteNumber("column", place.Column);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("location");
        }
        if (reason is { } known)
        {
            json.WritePropertyName("diagnostic");
            JsonRenderer.Write(json, known.Diagnostic, known.Map);
        }
        json.WriteEndObject();
    }

    private static string? Set(Action apply)
    {
        apply();
        return null;
    }

    private static string? SetKernel(Settings settings, string text)
    {
        KernelVersion? version = KernelVersions.Parse(text);
        settings.Kernel = version ?? settings.Kernel;
        return version is null ? KernelVersions.Unknown(text) : null;
    }

    private static string? SetLevel(Settings settings, string text)
    {
        if (text is not ("0" or "1" or "2"))
            return $"'{text}' is no log level; choose 0, 1 or 2";
        settings.LogLevel = text[0] - '0';
        return null;
    }

    private static string? SetFlags(Settings settings, string text)
    {
        foreach (string flag in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            switch (flag)
            {
                case "strict-alignment":
                    settings.StrictAlignment = true;
                    break;
                case "unprivileged":
                    settings.Unprivileged = true;
                    break;
                default:
                    return $"unknown flag '{flag}'; there are: strict-alignment, unprivileged";
            }
        }
        return null;
    }
}
