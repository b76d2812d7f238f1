// The command for classic BPF: every form, the C that comes out of it compiled again, objects in the kernel, captures beside tcpdump.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Classic;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Capture;
using Ebpfcc.Runtime.Classic;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Classic;

public sealed class CbpfCommandTests : IDisposable
{
    private const string Arp = "ldh [12]\njeq #0x806, 2, 3\nret #262144\nret #0\n", Seccomp = "ld [4]\njne #0xc000003e, kill\nld [0]\njeq #59, kill\nret #0x7fff0000\nkill: ret #0\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Traffic => Path.Combine(Repository.Root, "examples", "xdp_firewall", "traffic.pcap");

    private static CliResult Cbpf(params string[] arguments) => CliRun.Run(["cbpf", .. arguments]);

    [Theory]
    [InlineData("ebpf")]
    [InlineData("c")]
    [InlineData("asm")]
    [InlineData("d")]
    [InlineData("dd")]
    [InlineData("ddd")]
    public void Every_form_of_a_filter(string form)
    {
        string[] filter = ["ldh [12]", "jeq #0x800, 2, 14", "ldxb 4*([14]&0xf)", "ld [x + 14]", "and #0xffff00", "tax", "ldb [proto]", "div x", "st M[1]", "ld rand", "ldx M[1]", "ja 12", "add x", "ret a", "ret #0"];
        CliResult result = Cbpf("--to", form, _folder.Write("filter.txt", string.Join('\n', filter)));
        Assert.Equal("", result.Error);
        Snapshot.Verify(result.Output.Replace(_folder.Path, "FOLDER"), form);
    }

    [Fact]
    public void Help_and_wrong_usage()
    {
        CliResult help = Cbpf("--help");
        Assert.Equal(0, help.ExitCode);
        foreach (string word in (string[])["--to FORM", "--seccomp", "--pcap", "--bench", "--link-type", "bpf_asm"])
            Assert.Contains(word.Split(' ')[0], help.Output);
        Assert.Equal(2, Cbpf().ExitCode);
        Assert.Equal(2, Cbpf("--to", "elf", "icmp").ExitCode);
        Assert.Equal(2, Cbpf("--to", "obj", "icmp").ExitCode);
        Assert.Equal(2, Cbpf("--engine", "none", "icmp").ExitCode);
        Assert.Equal(2, Cbpf("--pcap-out", "x", "icmp").ExitCode);
    }

    [Fact]
    public void Mistakes_are_shown_in_the_text()
    {
        CliResult result = Cbpf(_folder.Write("bad.txt", "ldh [12]\njeq #0x800, 2, 9\nret #0\n"));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("bad.txt:2:1: error: instruction 1 is refused: the jump leaves the program [EBC8510]", result.Error);
        result = Cbpf(_folder.Write("worse.txt", "ldh [12]\njump #0x800, 2, 9\n"));
        Assert.Contains("worse.txt:2:1: error: unknown instruction 'jump' [EBC8501]", result.Error);
        Assert.Equal(1, Cbpf(_folder["missing.txt"]).ExitCode);
    }

    [Fact]
    public void Standard_input_and_bytes()
    {
        CliResult result = CliRun.Run(["cbpf", "-", "--to", "bytes", "-o", _folder["filter.bin"]], Arp, _ => null);
        Assert.Equal(("", 0), (result.Error, result.ExitCode));
        Assert.Equal(32, new FileInfo(_folder["filter.bin"]).Length);
        Assert.Equal("(000) ldh      [12]\n(001) jeq      #0x806           jt 2\tjf 3\n(002) ret      #262144\n(003) ret      #0\n", Cbpf(_folder["filter.bin"], "--to", "d").Output);
    }

    [Fact]
    public void Assembly_and_object_are_the_same_program()
    {
        string file = _folder.Write("filter.txt", Arp);
        Assert.Equal(0, Cbpf(file, "--to", "asm", "-o", _folder["filter.s"]).ExitCode);
        Assert.Equal(0, Cbpf(file, "--to", "obj", "-o", _folder["filter.o"]).ExitCode);
        CliResult assembled = CliRun.Run("asm", _folder["filter.s"], "-o", _folder["assembled.o"]);
        Assert.Equal(("", 0), (assembled.Error, assembled.ExitCode));
        var bag = new DiagnosticBag();
        EbpfObject first = ObjectReader.Read(File.ReadAllBytes(_folder["filter.o"]), "first", bag)!, second = ObjectReader.Read(File.ReadAllBytes(_folder["assembled.o"]), "second", bag)!;
        Assert.Equal(first.Functions.Single().Instructions, second.Functions.Single().Instructions);
        Assert.Contains("filter: accepted", CliRun.Run("verify", _folder["filter.o"]).Output);
    }

    [Fact]
    public void Filters_of_system_calls_run_on_their_structure()
    {
        string file = _folder.Write("seccomp.txt", Seccomp);
        string data = "3b0000003e0000c0".PadRight(128, '0'), other = "270000003e0000c0".PadRight(128, '0');
        Assert.Equal("#1 64 bytes: KILL_THREAD (0x0)\n", Cbpf("--seccomp", file, "--data-hex", data, "--engine", "interp").Output);
        Assert.Equal("#1 64 bytes: ALLOW (0x7fff0000)\n", Cbpf("--seccomp", file, "--data-hex", other, "--engine", "all").Output);
        Assert.Equal(1, Cbpf("--seccomp", file, "--data-hex", "00").ExitCode);
        Assert.Equal(1, Cbpf("--seccomp", _folder.Write("packet.txt", Arp)).ExitCode);
        Assert.Contains("data->arch != 0xc000003e", Cbpf("--seccomp", file, "--to", "c").Output);
    }

    [Fact]
    public void What_linux_cannot_load_is_refused_as_object()
    {
        string file = _folder.Write("filter.txt", "ld poff\nret a\n");
        CliResult result = Cbpf(file, "--to", "obj", "-o", _folder["filter.o"]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("SKF_AD_PAY_OFFSET", result.Error);
        Assert.Contains("EBC8520", result.Error);
        Assert.Contains("in this runtime only", Cbpf(file, "--to", "c").Output);
        Assert.Contains("call bpf_skb_get_pay_offset", Cbpf(file).Output);
        Assert.Equal("#1 64 bytes: dropped\n", Cbpf(file, "--data-hex", new string('0', 128), "--engine", "all").Output);
    }

    [OracleTheory(Oracle.Tcpdump)]
    [InlineData("udp")]
    [InlineData("tcp port 80 or icmp")]
    [InlineData("ip[8] > 60 and len < 100")]
    [InlineData("not ip")]
    public void Captures_are_filtered_as_by_tcpdump(string expression)
    {
        if (LibPcap.WhyMissing is not null)
            return;
        CliResult result = Cbpf(expression, "--pcap", Traffic, "--pcap-out", _folder["ours.pcap"], "--engine", "all");
        Assert.Equal(0, result.ExitCode);
        (int code, _, string error) = Oracles.Run(Oracles.Program(Oracle.Tcpdump), ["-r", Traffic, "-w", _folder["theirs.pcap"], expression]);
        Assert.True(code == 0, error);
        var bag = new DiagnosticBag();
        IReadOnlyList<CapturedPacket> ours = CaptureReader.Read(File.ReadAllBytes(_folder["ours.pcap"]), "ours", bag)!;
        IReadOnlyList<CapturedPacket> theirs = CaptureReader.Read(File.ReadAllBytes(_folder["theirs.pcap"]), "theirs", bag)!;
        Assert.Equal(theirs.Select(packet => Convert.ToHexString(packet.Data)), ours.Select(packet => Convert.ToHexString(packet.Data)));
        Assert.Contains($"{theirs.Count} of ", result.Output);
    }

    /// <summary>The object does in 'run' what the filter does in 'cbpf', when it gets the packets of a packet socket.</summary>
    [Fact]
    public void Objects_of_filters_run_on_captures()
    {
        string file = _folder.Write("filter.txt", "ldh [12]\njne #0x800, drop\nldb [23]\njeq #17, keep\ndrop: ret #0\nkeep: ret #-1\n");
        Assert.Equal(0, Cbpf(file, "--to", "obj", "-o", _folder["filter.o"]).ExitCode);
        string accepted = Cbpf(file, "--pcap", Traffic).Output.Split('\n').Single(line => line.Contains(" packets accepted")).Split(' ')[0];
        Assert.NotEqual("0", accepted);
        CliResult result = CliRun.Run("run", _folder["filter.o"], "--pcap", Traffic, "--packet-socket");
        Assert.Contains($"KEEP: {accepted}", result.Output);
        Assert.DoesNotContain($"KEEP: {accepted}", CliRun.Run("run", _folder["filter.o"], "--pcap", Traffic).Output);
        Assert.Contains("EBC7023", CliRun.Run("run", _folder["filter.o"], "--pcap", Traffic, "--packet-socket", "--engine", "kernel").Error);
    }

    [Fact]
    public void Expressions_need_libpcap()
    {
        CliResult good = Cbpf("icmp", "or", "arp", "--to", "ddd"), bad = Cbpf("icmp or or");
        if (LibPcap.WhyMissing is { } reason)
        {
            Assert.Contains(reason, good.Error);
            return;
        }
        Assert.Equal(0, good.ExitCode);
        Assert.StartsWith("7\n40 0 0 12\n", good.Output);
        Assert.Equal(1, bad.ExitCode);
        Assert.Contains("EBC8531", bad.Error);
        Assert.Contains("no link type 'NOTHING'", Cbpf("icmp", "--link-type", "NOTHING").Error);
        Assert.NotEqual(Cbpf("icmp", "--link-type", "RAW").Output, Cbpf("icmp").Output);
        Assert.Contains("ret      #96", Cbpf("icmp", "--snaplen", "96", "--to", "d").Output);
        // Backward jumps are libpcap's own.
        Assert.Contains("EBC8510", Cbpf("ip6 protochain 6").Error);
    }

    [Fact]
    public void Bench_names_every_contestant()
    {
        CliResult result = Cbpf(_folder.Write("filter.txt", Arp), "--bench", "--time", "1");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("classic ", result.Output);
        Assert.Contains("interp ", result.Output);
    }

    /// <summary>Anything is converted or refused: bytes, damaged text, and words that are no expression.</summary>
    [Fact]
    public void Any_input_is_converted_or_refused()
    {
        string[] forms = ["ebpf", "c", "asm", "d", "dd", "ddd"];
        for (int seed = 0; seed < 600; seed++)
        {
            var random = new Random(seed);
            byte[] bytes;
            if (seed % 3 == 0)
            {
                bytes = new byte[random.Next(80)];
                random.NextBytes(bytes);
            }
            else
            {
                ClassicFilter filter = RandomClassic.Program(random, seed % 2 == 0 ? ClassicDialect.Socket : ClassicDialect.Seccomp);
                bytes = seed % 3 == 1 ? ClassicPrinter.ToBytes(filter.Instructions) : System.Text.Encoding.ASCII.GetBytes(ClassicPrinter.Print(filter.Instructions, (ClassicForm)random.Next(3)));
                for (int n = random.Next(4); n > 0; n--)
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }
            string file = _folder["input"];
            File.WriteAllBytes(file, bytes);
            string[] seccomp = random.Next(3) == 0 ? ["--seccomp"] : [];
            CliResult result = Cbpf([file, "--to", forms[random.Next(forms.Length)], .. seccomp]);
            Assert.True(result.ExitCode == 0 ? result.Error.Length == 0 && result.Output.Length > 0 : result.ExitCode == 1 && result.Error.Contains("EBC85"), $"seed {seed}: {result.ExitCode} {result.Error}");
        }
    }

    /// <summary>Another compiler understands the C as we do.</summary>
    [OracleTheory(Oracle.Clang, Oracle.LibbpfHeaders)]
    [InlineData(5, 40)]
    public void Clang_compiles_the_c_to_the_same_filter(int seed, int count)
    {
        for (int i = 0; i < count; i++)
        {
            var random = new Random(seed * 1_000_003 + i);
            ClassicFilter filter = RandomClassic.Program(random, i % 4 == 0 ? ClassicDialect.Seccomp : ClassicDialect.Socket, extension => extension.Name != "RANDOM");
            string source = ClassicCWriter.Write(filter, "filter");
            byte[] image = ClangCompiler.CompileFile(_folder.Write("filter.c", source));
            using ClassicRunner runner = OpenCompiled(image, source, $"seed {seed}, program {i}");
            Compare(filter, runner, random, $"seed {seed}, program {i}\n{source}");
        }
    }

    private static ClassicRunner OpenCompiled(byte[] image, string source, string which)
    {
        var bag = new DiagnosticBag();
        using LoadedObject loaded = ProgramLoader.Load(ObjectReader.Read(image, "filter", bag)!, new LoadOptions(), bag)!;
        VerificationResult verdict = Verifier.Verify(loaded.Programs[0], new VerifierOptions { ExtraHelpers = ClassicExtensions.InternalHelpers });
        Assert.True(verdict.IsAccepted, $"{which}: {verdict.Rejection?.Message}\n{source}");
        var environment = new ExecutionEnvironment { Helpers = ClassicHelpers.Registry };
        return new ClassicRunner(new Interpreter().Prepare(verdict.Program!, environment), environment);
    }

    private static void Compare(ClassicFilter filter, ClassicRunner runner, Random random, string which)
    {
        var reference = new ClassicInterpreter(filter);
        for (int n = 0; n < 6; n++)
        {
            uint expected, actual;
            if (filter.Dialect == ClassicDialect.Seccomp)
            {
                byte[] data = new byte[ClassicFilter.SeccompDataSize];
                random.NextBytes(data);
                (expected, actual) = (reference.Run(data), runner.Run(data));
            }
            else
            {
                ClassicPacket packet = ClassicPacket.FromEthernet(RandomClassic.Frame(random)) with { Mark = (uint)random.NextInt64(), Hash = (uint)random.NextInt64(), Queue = 9, VlanProtocol = 0x8100, VlanTag = 0xfff };
                (expected, actual) = (reference.Run(packet), runner.Run(packet));
            }
            Assert.True(expected == actual, $"input {n}: expected {expected:x}, got {actual:x}, {which}");
        }
    }

    /// <summary>The C is compiled by us, verified, and gives what the original gives.</summary>
    [Theory]
    [InlineData(ClassicDialect.Socket, 1, 120)]
    [InlineData(ClassicDialect.Seccomp, 2, 40)]
    public void C_of_random_filters_behaves_the_same(ClassicDialect dialect, int seed, int count)
    {
        for (int i = 0; i < count; i++)
        {
            var random = new Random(seed * 1_000_003 + i);
            ClassicFilter filter = RandomClassic.Program(random, dialect, extension => extension.Name != "RANDOM");
            string source = ClassicCWriter.Write(filter, "filter");
            CliResult compiled = CliRun.Run("-c", _folder.Write("filter.c", source), "-o", _folder["filter.o"], "-O" + random.Next(3), "-w");
            Assert.True(compiled.ExitCode == 0, $"seed {seed}, program {i}\n{compiled.Error}\n{source}");
            using ClassicRunner runner = OpenCompiled(File.ReadAllBytes(_folder["filter.o"]), source, $"seed {seed}, program {i}");
            Compare(filter, runner, random, $"seed {seed}, program {i}\n{source}");
        }
    }

    /// <summary>Newer kernels refuse test runs on packets that end within the header they announce.</summary>
    private static byte[] Complete(byte[] frame) => frame.Length >= 54 ? frame : [.. frame, .. new byte[54 - frame.Length]];

    /// <summary>The kernel loads the objects and returns what our test run returns.</summary>
    [OracleTheory(Oracle.Kernel, Oracle.Libbpf)]
    [InlineData(ClassicDialect.Socket, 3, 120)]
    [InlineData(ClassicDialect.Seccomp, 4, 40)]
    public void The_kernel_agrees_on_random_filters(ClassicDialect dialect, int seed, int count)
    {
        for (int i = 0; i < count; i++)
        {
            var random = new Random(seed * 1_000_003 + i);
            ClassicFilter filter = RandomClassic.Program(random, dialect, extension => extension.Name is not ("RANDOM" or "CPU") && !extension.IsInternal);
            ClassicConversion conversion = ClassicConverter.Convert(filter);
            byte[] image = ClassicOutput.ObjectFile(conversion, "filter", new DiagnosticBag())!;
            KernelObject kernel;
            try
            {
                kernel = KernelObject.Load(image, ["filter"]);
            }
            catch (KernelRefusalException refusal)
            {
                Assert.Fail($"seed {seed}, program {i}: {refusal.Message}\n{ClassicOutput.Listing(filter, conversion)}");
                throw;
            }
            using KernelObject loaded = kernel;
            var environment = new ExecutionEnvironment();
            VerifiedProgram verified = ClassicRunner.Verify(conversion);
            using IExecutable executable = new Interpreter().Prepare(verified, environment);
            using var runner = new TestRunner(verified.Program, executable, environment);
            for (int n = 0; n < 4; n++)
            {
                byte[] data = new byte[ClassicFilter.SeccompDataSize];
                random.NextBytes(data);
                TestRunInput input = dialect == ClassicDialect.Seccomp ? new TestRunInput { Context = data } : new TestRunInput { Data = Complete(RandomClassic.Frame(random)) };
                TestRunResult theirs = kernel.Run("filter", input), ours = runner.Run(input);
                Assert.True((theirs.Errno, (uint)theirs.ReturnValue) == (ours.Errno, (uint)ours.ReturnValue),
                    $"seed {seed}, program {i}, input {n}: kernel {theirs.Errno} {(uint)theirs.ReturnValue:x}, we {ours.Errno} {(uint)ours.ReturnValue:x}\n{ClassicOutput.Listing(filter, conversion)}");
            }
        }
    }
}
