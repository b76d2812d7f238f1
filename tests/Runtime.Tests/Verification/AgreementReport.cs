// The kernel's own verifier programs (selftests' verifier_*.c, compiled by clang into a folder) against the verifier: prints how
// many verdicts are as annotated. Runs only when asked: EBPFCC_VERIFIER_OBJECTS names the folder of the objects; EBPFCC_VERIFIER_OUT a
// file for the table; EBPFCC_VERIFIER_FILTER restricts to programs whose "file/name" contains it (with logs).
using System.Text;
using System.Text.Json;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class AgreementReport
{
    [Fact]
    public void Report()
    {
        if (Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_OBJECTS") is not { Length: > 0 } folder || Repository.Shared is null)
            return;
        string filter = Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_FILTER") ?? "";
        int level = filter.Length > 0 ? 2 : 1;
        var text = new StringBuilder();
        int total = 0, agree = 0, kernelAgrees = 0, falseAccepts = 0, messages = 0, messagesFound = 0, crashes = 0, notLoaded = 0;
        double logRatio = 0, worst = 0;
        int ratios = 0;
        var objects = new Dictionary<string, LoadedObject?>();
        foreach (string line in File.ReadLines(Path.Combine(Repository.Shared, "baselines", "verifier-6.12.jsonl")))
        {
            using JsonDocument row = JsonDocument.Parse(line);
            string file = row.RootElement.GetProperty("file").GetString()!, name = row.RootElement.GetProperty("prog").GetString()!;
            string expect = row.RootElement.GetProperty("expect").GetString()!, kernel = row.RootElement.GetProperty("kernel_6_18").GetString() ?? "?";
            if (!$"{file}/{name}".Contains(filter, StringComparison.Ordinal))
                continue;
            total++;
            if (kernel == expect)
                kernelAgrees++;
            if (!objects.TryGetValue(file, out LoadedObject? loaded))
                objects[file] = loaded = Load(Path.Combine(folder, Path.ChangeExtension(file, ".o")), text);
            LoadedProgram? program = loaded?.Programs.FirstOrDefault(each => each.Name == name);
            if (program is null)
            {
                notLoaded++;
                FailedProgram? failed = loaded?.Failures.FirstOrDefault(each => each.Name == name);
                bool fine = expect == "reject";
                if (fine)
                    agree++;
                text.AppendLine($"{(fine ? "=" : "!")} {file}/{name}: not loaded: {failed?.Reason.Message}");
                continue;
            }
            uint flags = 0;
            foreach (JsonElement flag in row.RootElement.GetProperty("flags").EnumerateArray())
                flags |= flag.GetString() switch { "BPF_F_STRICT_ALIGNMENT" => 1u, "BPF_F_ANY_ALIGNMENT" => 2u, "BPF_F_TEST_STATE_FREQ" => 8u, "BPF_F_SLEEPABLE" => 16u, _ => 0u };
            VerificationResult result;
            try
            {
                result = Verifier.Verify(With(program, flags), new VerifierOptions { LogLevel = level, KernelTypes = KernelInformation.RunningKernelTypes });
            }
            catch (Exception exception)
            {
                crashes++;
                text.AppendLine($"X {file}/{name}: {exception}");
                continue;
            }
            string verdict = result.IsAccepted ? "accept" : "reject";
            if (verdict == expect)
                agree++;
            if (expect == "reject" && result.IsAccepted)
                falseAccepts++;
            string message = result.Rejection?.Message.Replace("\n", " | ") ?? "";
            bool allMessages = true;
            if (expect == "reject")
            {
                foreach (JsonElement wanted in row.RootElement.GetProperty("msgs").EnumerateArray())
                {
                    messages++;
                    bool found = result.Log.Contains(wanted.GetString()!, StringComparison.Ordinal);
                    messagesFound += found ? 1 : 0;
                    allMessages &= found;
                }
            }
            int processed = row.RootElement.TryGetProperty("processed", out JsonElement count) && count.ValueKind == JsonValueKind.Number ? count.GetInt32() : 0;
            double ratio = processed > 0 && verdict == kernel ? (double)result.Statistics.ProcessedInstructions / processed : 0;
            if (ratio > 0)
            {
                logRatio += Math.Log(ratio);
                ratios++;
                worst = Math.Max(worst, ratio);
            }
            string wantedText = string.Join(" & ", row.RootElement.GetProperty("msgs").EnumerateArray().Select(each => each.GetString()));
            if (verdict != expect)
                text.AppendLine($"{(expect == "reject" ? "A" : "R")}{(kernel == expect ? " " : "k")} {file}/{name}: {verdict}ed (slot {result.Rejection?.Slot}): {message}   wanted: {wantedText}");
            else if (!allMessages)
                text.AppendLine($"m {file}/{name}: {message}   wanted: {wantedText}");
            if (ratio is > 1.2 or < 0.8 && ratio > 0)
                text.AppendLine($"p {file}/{name}: processed {result.Statistics.ProcessedInstructions}, kernel {processed}");
            if (filter.Length > 0)
                text.AppendLine(result.Log);
        }
        text.AppendLine($"total {total}, as annotated {agree}, kernel as annotated {kernelAgrees}, false accepts {falseAccepts}, crashes {crashes}, not loaded {notLoaded}");
        text.AppendLine($"messages found {messagesFound} of {messages}; processed relative to the kernel: geomean {Math.Exp(logRatio / Math.Max(1, ratios)):F3}, worst {worst:F2} over {ratios}");
        File.WriteAllText(Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_OUT") ?? Path.Combine(Repository.Cache, "verifier-agreement.txt"), text.ToString());
    }

    /// <summary>Median time of warm runs for the objects in EBPFCC_VERIFIER_SPEED, separated by colons.</summary>
    [Fact]
    public void Speed()
    {
        if (Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_SPEED") is not { Length: > 0 } paths)
            return;
        var text = new StringBuilder();
        foreach (string path in paths.Split(':'))
        {
            foreach (LoadedProgram program in Load(path, text)?.Programs ?? [])
            {
                var times = new List<double>();
                VerificationResult result = Verifier.Verify(program);
                for (int i = 0; i < 400; i++)
                    times.Add((result = Verifier.Verify(program)).Statistics.Time.TotalMicroseconds);
                times.Sort();
                text.AppendLine($"{Path.GetFileName(path)} {program.Name}: {(result.IsAccepted ? "accepted" : result.Rejection!.Message)}, {result.Statistics.ProcessedInstructions} insns, {result.Statistics.TotalStates} states, "
                    + $"median {times[times.Count / 2]:F0} us, least {times[0]:F0} us");
            }
        }
        File.WriteAllText(Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_OUT") ?? Path.Combine(Repository.Cache, "verifier-speed.txt"), text.ToString());
    }

    private static LoadedObject? Load(string path, StringBuilder text)
    {
        var bag = new DiagnosticBag();
        EbpfObject? source = File.Exists(path) ? ObjectReader.Read(File.ReadAllBytes(path), path, bag) : null;
        LoadedObject? loaded = source is null ? null : ProgramLoader.Load(source, new LoadOptions { Subject = path, DescribeUnimplementedMaps = true }, bag);
        foreach (Diagnostic diagnostic in bag.Items)
            text.AppendLine($"# {Path.GetFileName(path)}: {diagnostic.Message}");
        return loaded;
    }

    private static LoadedProgram With(LoadedProgram program, uint flags) => new()
    {
        Name = program.Name, Section = program.Section, ProgramType = program.ProgramType, ExpectedAttachType = program.ExpectedAttachType, Flags = program.Flags | flags,
        Instructions = program.Instructions, Subprograms = program.Subprograms, Maps = program.Maps, Lines = program.Lines, License = program.License,
        AttachBtfId = program.AttachBtfId, Btf = program.Btf, KernelBtf = program.KernelBtf,
    };
}
