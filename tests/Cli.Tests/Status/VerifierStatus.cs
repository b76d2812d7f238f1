// The state of the verifier against the kernel's own programs, in the form of the committed file tests/status/verifier.txt: verdicts
// over the annotated programs compiled by clang and by us, messages, verdicts on whole selftests and samples, work, time and memory
// relative to the running kernel's verifier. tests/status-verifier.sh writes the file; VerifierStatusTests holds a part of it.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;

namespace Ebpfcc.Cli.Tests.Status;

/// <summary>The outcome for the annotated programs of one source.</summary>
internal sealed class SourceStatus
{
    public int Programs, AsAnnotated, KernelAsAnnotated, FalseAccepts, Messages, MessagesFound;
    public List<string> Exceptions { get; } = [];
    public List<double> Work { get; } = [];

    /// <summary>One line: what a change must not make smaller.</summary>
    public string Line => string.Create(CultureInfo.InvariantCulture, $"{AsAnnotated}/{Programs} verdicts, {MessagesFound}/{Messages} messages");
}

internal static class VerifierStatus
{
    private static readonly Lazy<ILookup<string, JsonElement>> s_annotations = new(() => Rows("verifier-6.12.jsonl").ToLookup(row => row.GetProperty("file").GetString()!));

    public static IEnumerable<JsonElement> Rows(string file)
        => File.ReadLines(Path.Combine(Repository.Shared!, "baselines", file)).Select(line => JsonDocument.Parse(line).RootElement);

    public static IEnumerable<string> Sources => s_annotations.Value.Select(group => group.Key).Order(StringComparer.Ordinal);

    /// <summary>The annotated programs of one source.</summary>
    public static SourceStatus OfSource(string source, bool isClang)
    {
        var status = new SourceStatus();
        (byte[]? image, string error) = SelftestBuild.Verifier(source, isClang);
        using LoadedObject? loaded = image is null ? null : Load(image, source, new LoadOptions());
        if (loaded is null)
            status.Exceptions.Add($"does not compile or load: {Path.GetFileName(error)}");
        foreach (JsonElement row in s_annotations.Value[source])
            OfProgram(row, loaded, status);
        return status;
    }

    private static LoadedObject? Load(byte[] image, string name, LoadOptions options)
    {
        var bag = new DiagnosticBag();
        return ObjectReader.Read(image, name, bag) is { } read ? ProgramLoader.Load(read, options with { Subject = name, DescribeUnimplementedMaps = true }, bag) : null;
    }

    private static void OfProgram(JsonElement row, LoadedObject? loaded, SourceStatus status)
    {
        string name = row.GetProperty("prog").GetString()!, expected = row.GetProperty("expect").GetString()!, kernel = row.GetProperty("kernel_6_18").GetString() ?? "";
        string[] messages = expected == "reject" ? [.. row.GetProperty("msgs").EnumerateArray().Select(message => message.GetString()!)] : [];
        status.Programs++;
        status.Messages += messages.Length;
        status.KernelAsAnnotated += kernel == expected ? 1 : 0;
        LoadedProgram? program = loaded?.Programs.FirstOrDefault(each => each.Name == name);
        string verdict = "reject", reason = loaded?.Failures.FirstOrDefault(each => each.Name == name)?.Reason.Message ?? "not there", log = reason;
        if (program is not null)
        {
            uint flags = 0;
            foreach (JsonElement flag in row.GetProperty("flags").EnumerateArray())
                flags |= flag.GetString() switch { "BPF_F_STRICT_ALIGNMENT" => 1u, "BPF_F_ANY_ALIGNMENT" => 2u, "BPF_F_TEST_STATE_FREQ" => 8u, _ => 0u };
            VerificationResult result = Verifier.Verify(WithFlags(program, flags), new VerifierOptions { LogLevel = 2, KernelTypes = KernelInformation.RunningKernelTypes });
            (verdict, reason, log) = (result.IsAccepted ? "accept" : "reject", result.Rejection?.Message.Replace("\n", "; ") ?? "", result.Log);
            int processed = row.TryGetProperty("processed", out JsonElement count) && count.ValueKind == JsonValueKind.Number ? count.GetInt32() : 0;
            // How far a rejected program was walked depends on what was wrong with it, for the kernel often something local.
            if (processed > 0 && verdict == "accept" && kernel == "accept")
                status.Work.Add((double)result.Statistics.ProcessedInstructions / processed);
        }
        bool isRight = verdict == expected && (program is not null || loaded is not null);
        status.AsAnnotated += isRight ? 1 : 0;
        if (!isRight && loaded is not null)
            status.Exceptions.Add($"{name}: {verdict}ed{(verdict == "reject" ? $" ({reason})" : "")}, annotated {expected}, kernel 6.18 {kernel}");
        if (verdict == "accept" && expected == "reject")
            status.FalseAccepts++;
        foreach (string message in messages)
        {
            if (Occurs(message, log))
                status.MessagesFound++;
            else if (isRight)
                status.Exceptions.Add($"{name}: the log lacks \"{message}\"");
        }
    }

    /// <summary>Annotations may hold pieces of regular expressions in double braces.</summary>
    private static bool Occurs(string message, string log)
    {
        if (!message.Contains("{{", StringComparison.Ordinal))
            return log.Contains(message, StringComparison.Ordinal);
        string pattern = string.Concat(Regex.Split(message, @"(\{\{.*?\}\})").Select(part => part.StartsWith("{{", StringComparison.Ordinal) ? part[2..^2] : Regex.Escape(part)));
        return Regex.IsMatch(log, pattern, RegexOptions.Multiline);
    }

    private static LoadedProgram WithFlags(LoadedProgram program, uint flags) => new()
    {
        Name = program.Name, Section = program.Section, ProgramType = program.ProgramType, ExpectedAttachType = program.ExpectedAttachType, Flags = program.Flags | flags,
        Instructions = program.Instructions, Subprograms = program.Subprograms, Maps = program.Maps, Lines = program.Lines, License = program.License,
        AttachBtfId = program.AttachBtfId, Btf = program.Btf, KernelBtf = program.KernelBtf,
    };

    private static LoadedProgram WithoutTypes(LoadedProgram program) => new()
    {
        Name = program.Name, Section = program.Section, ProgramType = program.ProgramType, ExpectedAttachType = program.ExpectedAttachType, Flags = program.Flags,
        Instructions = program.Instructions, Subprograms = [.. program.Subprograms.Select(function => function with { BtfTypeId = 0 })], Maps = program.Maps, License = program.License,
    };

    /// <summary>Types that programs of sections without a meaning are loaded with by whoever loads them.</summary>
    private static readonly ProgramType[] s_otherwise =
    [
        ProgramType.SchedCls, ProgramType.Xdp, ProgramType.LwtXmit, ProgramType.LwtSeg6Local, ProgramType.SkSkb, ProgramType.SkMsg, ProgramType.CgroupSkb, ProgramType.Tracepoint, ProgramType.SocketFilter,
    ];

    /// <summary>Whole selftests and samples (sets A and B) by clang: our verdict against the baseline's.</summary>
    public sealed class SetStatus
    {
        public int Same, Outside, Compared;
        public List<string> Exceptions { get; } = [];
        public List<double> Work { get; } = [];
        public List<double> Time { get; } = [];
    }

    public static void OfRow(JsonElement row, SetStatus status, bool withTime)
    {
        string path = row.GetProperty("path").GetString()!, file = Path.GetFileName(path);
        (byte[]? image, string error) = SelftestBuild.Row(row, isClang: true);
        if (image is null)
        {
            status.Outside += row.GetProperty("programs").GetArrayLength();
            return;
        }
        LoadOptions options = OptionsFor(row, path);
        using LoadedObject? loaded = Load(image, file, options);
        foreach (JsonElement expected in row.GetProperty("programs").EnumerateArray())
        {
            string name = expected.GetProperty("name").GetString()!, reason = expected.GetProperty("fail_class").GetString() ?? "";
            bool kernel = expected.GetProperty("loads").GetBoolean();
            if (!kernel && !reason.StartsWith("verifier", StringComparison.Ordinal))
            {
                status.Outside++;
                continue;
            }
            status.Compared++;
            (VerificationResult? result, LoadedProgram? program) = Verify(image, file, name, loaded, options, out string why);
            bool isAccepted = result?.IsAccepted ?? false;
            if (isAccepted != kernel)
            {
                status.Exceptions.Add($"{file}/{name}: {(isAccepted ? "accepted" : $"rejected ({why.Replace("\n", "; ")})")}, kernel 6.18 {(kernel ? "accepts" : "rejects")}");
                continue;
            }
            status.Same++;
            int processed = expected.GetProperty("processed_insns").GetInt32();
            if (!kernel || processed == 0 || result is null)
                continue;
            status.Work.Add((double)result.Statistics.ProcessedInstructions / processed);
            if (withTime && processed >= 2000 && TimeRatio(program!) is { } ratio)
                status.Time.Add(ratio);
        }
    }

    private static LoadOptions OptionsFor(JsonElement row, string path)
    {
        // The relocation tests are relocated against types of their own, as the kernel's test runner does.
        string file = Path.GetFileNameWithoutExtension(path);
        if (!file.StartsWith("test_core_reloc_", StringComparison.Ordinal))
            return new LoadOptions();
        string target = path.Replace(file + ".c", $"btf__core_reloc_{file["test_core_reloc_".Length..]}.c");
        JsonElement like = JsonDocument.Parse($"{{\"path\":{JsonSerializer.Serialize(target)},\"flags\":{row.GetProperty("flags").GetRawText()}}}").RootElement;
        (byte[]? image, _) = SelftestBuild.Row(like, isClang: true);
        return image is not null && ObjectReader.Read(image, target, new DiagnosticBag())?.Btf is { } types ? new LoadOptions { KernelTypes = () => types } : new LoadOptions();
    }

    private static (VerificationResult?, LoadedProgram?) Verify(byte[] image, string file, string name, LoadedObject? loaded, LoadOptions options, out string why)
    {
        var verifier = new VerifierOptions { KernelTypes = KernelInformation.RunningKernelTypes };
        if (loaded?.FindProgram(name) is { } program)
        {
            VerificationResult result = Verifier.Verify(program, verifier);
            why = result.Rejection?.Message ?? "";
            return (result, program);
        }
        Diagnostic? failure = loaded?.Failures.FirstOrDefault(each => each.Name == name)?.Reason;
        why = failure?.Message ?? "not loaded";
        if (failure?.Id != LoaderDiagnostics.UnknownSection.Id)
            return default;
        // Whoever loads it must say the type; the first that the verifier accepts is taken for it.
        foreach (ProgramType type in s_otherwise)
        {
            LoadedObject? typed = Load(image, file, options with { OtherwiseType = type });
            if (typed?.FindProgram(name) is { } candidate && Verifier.Verify(candidate, verifier) is { IsAccepted: true } result)
                return (result, candidate);
        }
        return default;
    }

    /// <summary>
    /// Our time per processed instruction, warm, relative to the kernel's; null when the kernel cannot load the program from here. Types
    /// that the kernel does not take as they are (libbpf would mend them first) are left out on both sides.
    /// </summary>
    private static double? TimeRatio(LoadedProgram program)
    {
        using (KernelProgram first = KernelProgram.Load(program))
        {
            if (first.WhyUnknown is not null)
                program = WithoutTypes(program);
        }
        double theirs = double.MaxValue, ours = double.MaxValue;
        for (int i = 0; i < 3; i++)
        {
            using KernelProgram kernel = KernelProgram.Load(program);
            if (!kernel.IsAccepted || Regex.Match(kernel.Log, "verification time ([0-9]+) usec") is not { Success: true } time)
                return null;
            theirs = Math.Min(theirs, double.Parse(time.Groups[1].Value, CultureInfo.InvariantCulture) / kernel.Processed);
        }
        for (int i = 0; i < 5; i++)
        {
            VerificationResult result = Verifier.Verify(program, new VerifierOptions { KernelTypes = KernelInformation.RunningKernelTypes });
            ours = Math.Min(ours, result.Statistics.Time.TotalMicroseconds / result.Statistics.ProcessedInstructions);
        }
        return ours / theirs;
    }

    /// <summary>Megabytes that a process of ours takes to verify a program of a million processed instructions, compiling included.</summary>
    public static (double Megabytes, string Verdict) MemoryOfAMillion()
    {
        // Every round leaves another value in r2 that the sum depends on, so that no state covers another.
        const string Source = """
            #include <linux/bpf.h>
            #include <bpf/bpf_helpers.h>
            SEC("socket") int million(struct __sk_buff *skb)
            {
                unsigned long sum = 0;
                unsigned mark = skb->mark;
            #pragma clang loop unroll(disable)
                for (int i = 0; i < 90000; i++) {
                    asm volatile("" : "+r"(i));
                    if (mark & (1u << (i & 31)))
                        sum += i;
                    else
                        sum ^= i;
                    if (i == 30000 && sum == 7)
                        return 1;
                }
                return sum > 5;
            }
            char LICENSE[] SEC("license") = "GPL";
            """;
        using var folder = new TemporaryFolder();
        string file = folder.Write("million.c", Source);
        using Process process = Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "ebpfcc"), ["verify", file]) { RedirectStandardOutput = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        double most = 0;
        while (!process.WaitForExit(20))
        {
            try
            {
                foreach (string line in File.ReadLines($"/proc/{process.Id}/status"))
                {
                    if (line.StartsWith("VmHWM:", StringComparison.Ordinal))
                        most = Math.Max(most, double.Parse(line[6..].Replace("kB", ""), CultureInfo.InvariantCulture) / 1024);
                }
            }
            catch (IOException)
            {
                break;
            }
        }
        process.WaitForExit();
        return (most, output.Result.Trim().Split('\n')[0]);
    }

    public static double Geomean(IReadOnlyCollection<double> values) => values.Count == 0 ? 0 : Math.Exp(values.Sum(Math.Log) / values.Count);

    /// <summary>The whole file.</summary>
    public static string Write(Action<string> progress)
    {
        var text = new StringBuilder();
        var bySource = new List<(string Source, SourceStatus Clang, SourceStatus Ours)>();
        foreach (string source in Sources)
        {
            progress(source);
            bySource.Add((source, OfSource(source, isClang: true), OfSource(source, isClang: false)));
        }
        var sets = new SetStatus();
        foreach (JsonElement row in Rows("selftests-6.1.clang19.jsonl"))
        {
            progress(row.GetProperty("path").GetString()!);
            OfRow(row, sets, withTime: Oracles.Has(Oracle.Kernel));
        }
        progress("a million instructions");
        (double megabytes, string verdict) = MemoryOfAMillion();
        int programs = bySource.Sum(each => each.Clang.Programs);
        List<double> work = [.. bySource.SelectMany(each => each.Clang.Work), .. sets.Work];
        void Row(string what, string value, string reference, string must) => text.Append(CultureInfo.InvariantCulture, $"{what,-86} {value,-22} {reference,-14} {must}\n");
        text.Append("# Written by tests/status-verifier.sh; the tests hold the lines of sources. Exceptions are indented below their source.\n");
        Row("", "value", "reference", "must reach");
        Row($"verdicts as annotated, {programs} programs by clang-19", $"{bySource.Sum(each => each.Clang.AsAnnotated)}", $"{bySource.Sum(each => each.Clang.KernelAsAnnotated)} (6.18)", "1250");
        Row("annotated rejections that we accept", $"{bySource.Sum(each => each.Clang.FalseAccepts)}", "3 (6.18)", "no more than the kernel's");
        int messages = bySource.Sum(each => each.Clang.Messages), found = bySource.Sum(each => each.Clang.MessagesFound);
        Row("annotated messages in our log", $"{found} of {messages} ({100.0 * found / messages:F1} %)", "all", "85 %");
        Row("verdicts as annotated, the same programs by ebpfcc", $"{bySource.Sum(each => each.Ours.AsAnnotated)}", "", "1200");
        Row("selftests and samples of Linux 6.1 by clang-19: our verdict is the kernel's", $"{sets.Same} of {sets.Compared} ({100.0 * sets.Same / sets.Compared:F1} %)", "", "97 %");
        Row("  (left out, because the machine cannot load them for other reasons)", $"{sets.Outside}", "", "");
        Row("instructions processed relative to the kernel's: geomean / worst", $"{Geomean(work):F3} / {work.DefaultIfEmpty().Max():F2}", "1", "1.2 / 3");
        Row($"time per processed instruction relative to the kernel's, {sets.Time.Count} programs, warm: geomean", sets.Time.Count == 0 ? "not measured" : $"{Geomean(sets.Time):F2}", "1", "1.5");
        Row("memory of a process for a million processed instructions", $"{megabytes:F0} MB", "", "512 MB");
        text.Append(CultureInfo.InvariantCulture, $"  ({verdict})\n\n# annotated programs by source\n");
        foreach ((string source, SourceStatus clang, SourceStatus ours) in bySource)
        {
            text.Append(CultureInfo.InvariantCulture, $"{source}: clang {clang.Line}; ebpfcc {ours.Line}\n");
            foreach (string exception in clang.Exceptions)
                text.Append("    clang: ").Append(exception).Append('\n');
            foreach (string exception in ours.Exceptions.Except(clang.Exceptions))
                text.Append("    ebpfcc: ").Append(exception).Append('\n');
        }
        text.Append("\n# selftests and samples whose verdict differs\n");
        foreach (string exception in sets.Exceptions)
            text.Append(exception).Append('\n');
        return text.ToString();
    }
}
