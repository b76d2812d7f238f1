// Our verdict on every program of a folder of objects beside a given one. Runs only when asked: EBPFCC_VERDICT_OBJECTS is the folder,
// EBPFCC_VERDICTS a file with lines "file program accept|reject processed last line of the log" (the kernel's, by a loader that loads
// one program at a time), EBPFCC_VERIFIER_OUT a file for the differences.
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class ObjectReport
{
    [Fact]
    public void Compare()
    {
        if (Environment.GetEnvironmentVariable("EBPFCC_VERDICT_OBJECTS") is not { Length: > 0 } folder || Environment.GetEnvironmentVariable("EBPFCC_VERDICTS") is not { Length: > 0 } verdicts)
            return;
        var text = new StringBuilder();
        int same = 0, onlyUs = 0, onlyKernel = 0, otherMessage = 0;
        string current = "";
        LoadedObject? loaded = null;
        foreach (string line in File.ReadLines(verdicts))
        {
            string[] fields = line.Split(' ', 5);
            if (fields.Length < 4 || fields[2] is not ("accept" or "reject"))
                continue;
            if (fields[0] != current)
            {
                current = fields[0];
                string path = Path.Combine(folder, current);
                var bag = new DiagnosticBag();
                loaded = ObjectReader.Read(File.ReadAllBytes(path), path, bag) is { } read
                    ? ProgramLoader.Load(read, new LoadOptions { Subject = path, DescribeUnimplementedMaps = true }, bag) : null;
                foreach (Diagnostic diagnostic in bag.Items)
                    text.AppendLine($"# {current}: {diagnostic.Message}");
            }
            LoadedProgram? program = loaded?.Programs.FirstOrDefault(each => each.Name == fields[1]);
            bool kernel = fields[2] == "accept";
            string theirs = fields.Length > 4 ? fields[4] : "";
            if (program is null)
            {
                text.AppendLine($"! {current} {fields[1]}: not loaded; kernel {fields[2]} {theirs}");
                continue;
            }
            VerificationResult result;
            try
            {
                result = Verifier.Verify(program, new VerifierOptions { KernelTypes = KernelInformation.RunningKernelTypes });
            }
            catch (Exception exception)
            {
                text.AppendLine($"X {current} {fields[1]}: {exception}");
                continue;
            }
            string ours = result.Rejection?.Message.Replace("\n", " | ") ?? "";
            if (result.IsAccepted == kernel)
            {
                same++;
                if (!kernel && !ours.EndsWith(theirs, StringComparison.Ordinal))
                {
                    otherMessage++;
                    text.AppendLine($"m {current} {fields[1]}: {ours}; kernel: {theirs}");
                }
                else if (kernel && result.Statistics.ProcessedInstructions.ToString() != fields[3])
                {
                    text.AppendLine($"p {current} {fields[1]}: {result.Statistics.ProcessedInstructions}, kernel {fields[3]}");
                }
                continue;
            }
            onlyUs += result.IsAccepted ? 1 : 0;
            onlyKernel += kernel ? 1 : 0;
            text.AppendLine($"{(kernel ? "R" : "A")} {current} {fields[1]}: slot {result.Rejection?.Slot}: {ours}; kernel: {theirs}");
        }
        text.AppendLine($"same verdict {same} (other message {otherMessage}), only we accept {onlyUs}, only the kernel accepts {onlyKernel}");
        File.WriteAllText(Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_OUT") ?? Path.Combine(Repository.Cache, "verifier-objects.txt"), text.ToString());
    }
}
