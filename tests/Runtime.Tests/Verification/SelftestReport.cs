// Real programs (selftests and samples of Linux 6.1, compiled by clang into a folder as NUMBER.o by line of the baseline) against
// the verifier: prints how many verdicts are the kernel's. Runs only when asked: EBPFCC_SELFTEST_OBJECTS names the folder,
// EBPFCC_VERIFIER_OUT a file for the table.
using System.Text;
using System.Text.Json;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class SelftestReport
{
    [Fact]
    public void Report()
    {
        if (Environment.GetEnvironmentVariable("EBPFCC_SELFTEST_OBJECTS") is not { Length: > 0 } folder || Repository.Shared is null)
            return;
        var text = new StringBuilder();
        int number = -1, both = 0, onlyKernel = 0, onlyUs = 0, neither = 0, environment = 0, unloaded = 0, ratios = 0;
        double ratioSum = 0, time = 0;
        long processedSum = 0;
        foreach (string line in File.ReadLines(Path.Combine(Repository.Shared, "baselines", "selftests-6.1.clang19.jsonl")))
        {
            number++;
            string path = Path.Combine(folder, $"{number}.o");
            if (!File.Exists(path))
                continue;
            using JsonDocument row = JsonDocument.Parse(line);
            string source = Path.GetFileName(row.RootElement.GetProperty("path").GetString()!);
            var bag = new DiagnosticBag();
            LoadedObject? loaded = ObjectReader.Read(File.ReadAllBytes(path), path, bag) is { } read
                ? ProgramLoader.Load(read, new LoadOptions { Subject = path, DescribeUnimplementedMaps = true }, bag) : null;
            foreach (JsonElement expected in row.RootElement.GetProperty("programs").EnumerateArray())
            {
                string name = expected.GetProperty("name").GetString()!, reason = expected.GetProperty("fail_class").GetString() ?? "";
                bool kernel = expected.GetProperty("loads").GetBoolean();
                LoadedProgram? program = loaded?.Programs.FirstOrDefault(each => each.Name == name);
                if (program is null)
                {
                    if (kernel)
                    {
                        unloaded++;
                        text.AppendLine($"! {number} {source}/{name}: {loaded?.Failures.FirstOrDefault(each => each.Name == name)?.Reason.Message ?? string.Join("; ", bag.Items.Select(item => item.Message))}");
                    }
                    continue;
                }
                VerificationResult result;
                try
                {
                    result = Verifier.Verify(program, new VerifierOptions { KernelTypes = KernelInformation.RunningKernelTypes });
                }
                catch (Exception exception)
                {
                    text.AppendLine($"X {number} {source}/{name}: {exception}");
                    continue;
                }
                int processed = expected.GetProperty("processed_insns").GetInt32();
                if (kernel && result.IsAccepted)
                {
                    both++;
                    time += result.Statistics.Time.TotalMilliseconds;
                    processedSum += result.Statistics.ProcessedInstructions;
                    if (processed > 0)
                    {
                        double ratio = (double)result.Statistics.ProcessedInstructions / processed;
                        ratioSum += Math.Log(ratio);
                        ratios++;
                        if (ratio is > 1.2 or < 0.8)
                            text.AppendLine($"p {number} {source}/{name}: {result.Statistics.ProcessedInstructions}, kernel {processed}");
                    }
                }
                else if (kernel)
                {
                    onlyKernel++;
                    text.AppendLine($"R {number} {source}/{name}: slot {result.Rejection!.Slot}: {result.Rejection.Message.Replace("\n", " | ")}");
                }
                else if (result.IsAccepted && reason.StartsWith("env", StringComparison.Ordinal))
                {
                    environment++;
                }
                else if (result.IsAccepted)
                {
                    onlyUs++;
                    text.AppendLine($"A {number} {source}/{name} [{reason}]");
                }
                else
                {
                    neither++;
                }
            }
            loaded?.Dispose();
        }
        text.AppendLine($"both accept {both}, only the kernel {onlyKernel}, only we {onlyUs}, neither {neither}, accepted by us where the machine cannot load {environment}, not loaded {unloaded}");
        text.AppendLine($"processed relative to the kernel: geomean {Math.Exp(ratioSum / Math.Max(1, ratios)):F3} over {ratios}; {processedSum} instructions in {time:F0} ms");
        File.WriteAllText(Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_OUT") ?? Path.Combine(Repository.Cache, "selftest-agreement.txt"), text.ToString());
    }
}
