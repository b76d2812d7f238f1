// Programs of Linux 6.1 that the kernel test-ran for the baseline (compiled by clang, empty maps), compiled by our compiler: the
// results are the same under every engine and in the kernel. A selection that needs system headers only is a test; all
// programs are a report that runs when asked: EBPFCC_TEST_RUN_OUT names the file for the table of differences,
// EBPFCC_TEST_RUN_OPTIONS adds options of the compiler, EBPFCC_TEST_RUN_FOLDERS gives the baseline's {names} as name=folder
// pairs with semicolons between, EBPFCC_TEST_RUN_ENGINES names the engines, EBPFCC_TEST_RUN_COMPILER=clang takes clang's objects.
using System.Text;
using System.Text.Json;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Selftests;

public sealed class TestRunBaselineTests
{
    private static readonly string[] s_engines = Environment.GetEnvironmentVariable("EBPFCC_TEST_RUN_ENGINES") is { Length: > 0 } names ? names.Split(',') : ["kernel", "interp", "x64", "llvm", "arm32"];

    public static TheoryData<string> Files() => new("test_skb_ctx.c", "tailcall2.c", "tailcall_bpf2bpf4.c", "test_check_mtu.c", "test_xdp_adjust_tail_grow.c", "test_global_data.c", "bpf_flow.c");

    [OracleTheory(Oracle.Shared, Oracle.LinuxSource61, Oracle.LibbpfHeaders)]
    [MemberData(nameof(Files))]
    public void InTheInterpreter(string file) => ResultsAreTheKernels(file, "interp");

    [OracleTheory(Oracle.Shared, Oracle.LinuxSource61, Oracle.LibbpfHeaders, Oracle.X64Machine)]
    [MemberData(nameof(Files))]
    public void AsX64Code(string file) => ResultsAreTheKernels(file, "x64");

    [OracleTheory(Oracle.Shared, Oracle.LinuxSource61, Oracle.LibbpfHeaders, Oracle.Llvm)]
    [MemberData(nameof(Files))]
    public void AsLlvmsCode(string file) => ResultsAreTheKernels(file, "llvm");

    [OracleTheory(Oracle.Shared, Oracle.LinuxSource61, Oracle.LibbpfHeaders, Oracle.QemuArm)]
    [MemberData(nameof(Files))]
    public void AsArm32Code(string file) => ResultsAreTheKernels(file, "arm32");

    [OracleTheory(Oracle.Shared, Oracle.LinuxSource61, Oracle.LibbpfHeaders, Oracle.Kernel, Oracle.Libbpf)]
    [MemberData(nameof(Files))]
    public void InTheKernel(string file) => ResultsAreTheKernels(file, "kernel");

    private static void ResultsAreTheKernels(string file, string engine)
    {
        byte[] image = SelftestObjects.Image(Path.GetFileNameWithoutExtension(file), "ebpfcc", "6.1");
        Dictionary<string, byte[]> packets = Packets();
        List<JsonElement> rows = [.. Rows().Where(row => row.GetProperty("file").GetString() == file)];
        Assert.NotEmpty(rows);
        foreach (JsonElement row in rows)
        {
            string packet = row.GetProperty("pkt").GetString()!;
            Assert.Equal((packet, ""), (packet, Difference(image, engine, row, packets[packet])));
        }
    }

    private static IEnumerable<JsonElement> Rows()
        => File.ReadLines(Path.Combine(Repository.Shared!, "baselines", "test-run-6.1.jsonl")).Select(line => JsonDocument.Parse(line).RootElement);

    private static Dictionary<string, byte[]> Packets()
        => File.ReadLines(Path.Combine(Repository.Shared!, "baselines", "packets.txt"))
            .Select(line => line.Split(' ')).Where(words => words.Length == 2).ToDictionary(words => words[0], words => Convert.FromHexString(words[1]));

    [Fact]
    public void Report()
    {
        if (Environment.GetEnvironmentVariable("EBPFCC_TEST_RUN_OUT") is not { Length: > 0 } table || Repository.Shared is null)
            return;
        string baselines = Path.Combine(Repository.Shared, "baselines");
        Dictionary<string, byte[]> packets = Packets();
        Dictionary<string, string[]> commands = Commands(baselines);
        var text = new StringBuilder();
        string[] engines = Environment.GetEnvironmentVariable("EBPFCC_TEST_RUN_ENGINES") is { Length: > 0 } named ? named.Split(',') : s_engines;
        bool isClang = Environment.GetEnvironmentVariable("EBPFCC_TEST_RUN_COMPILER") == "clang";
        int[] equal = new int[engines.Length], different = new int[engines.Length];
        foreach (IGrouping<string, JsonElement> file in Rows().GroupBy(row => row.GetProperty("file").GetString()!))
        {
            using var folder = new TemporaryFolder();
            if (!commands.TryGetValue(file.Key, out string[]? command))
                continue;
            CliResult compiled = isClang ? Clang([.. command, "-o", folder["prog.o"]]) : CliRun.Run([.. command, "-o", folder["prog.o"]]);
            if (compiled.ExitCode != ExitStatus.Done)
            {
                text.AppendLine($"{file.Key}: not compiled: {compiled.Error.Split('\n').FirstOrDefault(line => line.Contains(": error: "))}");
                continue;
            }
            byte[] image = File.ReadAllBytes(folder["prog.o"]);
            for (int i = 0; i < engines.Length; i++)
            {
                string? last = null;
                foreach (JsonElement row in file)
                {
                    string wrong = Difference(image, engines[i], row, packets[row.GetProperty("pkt").GetString()!]);
                    if (wrong.Length == 0)
                    {
                        equal[i]++;
                        continue;
                    }
                    different[i]++;
                    string line = $"{engines[i]} {file.Key} {row.GetProperty("prog").GetString()}: {wrong}";
                    if (line != last)
                        text.AppendLine($"{line} [{row.GetProperty("pkt").GetString()}]");
                    last = line;
                }
            }
        }
        for (int i = 0; i < engines.Length; i++)
            text.AppendLine($"{engines[i]}: {equal[i]} equal, {different[i]} not");
        File.WriteAllText(table, text.ToString());
    }

    private static CliResult Clang(string[] command)
    {
        (int code, string output, string error) = Oracles.Run(Oracles.Program(Oracle.Clang), ["-O2", "-g", "-target", "bpf", "-mcpu=v3", .. command, "-c", "-idirafter", "/usr/include/x86_64-linux-gnu"]);
        return new CliResult(code, output, error);
    }

    private static Dictionary<string, string[]> Commands(string baselines)
    {
        var commands = new Dictionary<string, string[]>();
        string[] options = (Environment.GetEnvironmentVariable("EBPFCC_TEST_RUN_OPTIONS") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[][] folders = [.. (Environment.GetEnvironmentVariable("EBPFCC_TEST_RUN_FOLDERS") ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('='))];
        foreach (JsonElement row in File.ReadLines(Path.Combine(baselines, "selftests-6.1.clang19.jsonl")).Select(line => JsonDocument.Parse(line).RootElement))
        {
            string[] command = [row.GetProperty("path").GetString()!, .. row.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()!), "-w", .. options];
            foreach (string[] pair in folders)
                command = [.. command.Select(word => word.Replace($"{{{pair[0]}}}", pair[1]))];
            commands.TryAdd(Path.GetFileName(command[0]), command);
        }
        return commands;
    }

    /// <summary>Empty when the result is the recorded one.</summary>
    private static string Difference(byte[] image, string engine, JsonElement expected, byte[] packet)
    {
        string program = expected.GetProperty("prog").GetString()!, output = expected.GetProperty("out").GetString()!;
        try
        {
            ISelftestTarget target = engine == "kernel" ? new KernelTarget(image, program, Called(image)) : new EngineTarget(image, engine, program);
            using var disposing = (IDisposable)target;
            (int errno, uint value, byte[] data) = target.Run(packet, 1);
            if (errno != 0 || value != (uint)expected.GetProperty("retval").GetInt64())
                return $"errno {errno}, returned {value}, recorded {expected.GetProperty("retval").GetInt64()}";
            string actual = Convert.ToHexString(data).ToLowerInvariant();
            return actual == (output == "=" ? Convert.ToHexString(packet).ToLowerInvariant() : output) ? "" : "the packet differs";
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
