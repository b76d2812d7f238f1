// Programs on which this verifier once differed from a kernel's, or from what programs do, as 'ebpfcc fuzz' made them small. Each is
// a file of assembly in Differences whose first line says what is right: "# accept" or "# reject: words of the message".
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Fuzzing;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class DifferenceTests
{
    private static readonly string s_folder = Path.Combine(Repository.Root, "tests", "Runtime.Tests", "Verification", "Differences");

    public static TheoryData<string> Names => [.. Directory.GetFiles(s_folder, "*.s").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    private static (GeneratedProgram Program, bool IsAccepted, string Message) Read(string name)
    {
        string text = File.ReadAllText(Path.Combine(s_folder, name + ".s"));
        string first = text[..text.IndexOf('\n')];
        Assert.True(first == "# accept" || first.StartsWith("# reject: ", StringComparison.Ordinal), first);
        return (ProgramText.Read(text), first == "# accept", first == "# accept" ? "" : first["# reject: ".Length..]);
    }

    [Theory, MemberData(nameof(Names))]
    public void Our_verdict_is_right(string name)
    {
        (GeneratedProgram program, bool isAccepted, string message) = Read(name);
        VerificationResult result = Verifier.Verify(program.Load(new ExecutionEnvironment()), new VerifierOptions { LogLevel = 2 });
        Assert.True(result.IsAccepted == isAccepted, result.Log);
        Assert.Contains(message, result.Rejection?.Message ?? "");
    }

    [OracleTheory(Oracle.Kernel), MemberData(nameof(Names))]
    public void The_kernels_verdict_is_the_same(string name)
    {
        (GeneratedProgram program, bool isAccepted, string message) = Read(name);
        using KernelProgram kernel = KernelProgram.Load(program.Load(new ExecutionEnvironment()));
        Assert.Null(kernel.WhyUnknown);
        Assert.True(kernel.IsAccepted == isAccepted, kernel.Log);
        if (KernelVersionIsDefault)
            Assert.Contains(message, kernel.IsAccepted ? "" : kernel.Log);
    }

    private static bool KernelVersionIsDefault => Environment.OSVersion.Version is { Major: > 6 } or { Major: 6, Minor: >= 18 };
}
