// Code generation, seen: for each small C program of the folder Cases its optimised IR, its assembly at the instruction sets it
// names, and its object are compared with verified snapshots and with what its first comment expects; the object must be the same
// when compiled again, equal to what its assembly assembles to, and acceptable to our verifier and to the kernel's.
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.CodeGeneration;

public class CodeGenerationTests
{
    public static TheoryData<string> Cases => [.. CodeGenerationCase.Names];

    /// <summary>Each case at each of its instruction sets.</summary>
    public static TheoryData<string, string> Versions
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string name in CodeGenerationCase.Names)
            {
                foreach (string cpu in new CodeGenerationCase(name).Cpus)
                    data.Add(name, cpu);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Every_case_says_what_to_expect(string name)
    {
        var test = new CodeGenerationCase(name);
        Assert.True(test.Expectations.Count >= 3, "three lines of expectations are the least");
        Assert.All(test.Expectations, row => Assert.True(row.Cpu is null || test.Cpus.Contains(row.Cpu), $"{row} is never looked at"));
        Assert.StartsWith("// ", test.Source);
    }

    [Fact]
    public void An_expectation_is_held_against_the_code()
    {
        const string Code = "f:\n\t# r2 = 1 in a comment\n\tr0 = r1\n\texit\ng:\n\tr0 = 2\n.Lg_1:\n\texit\n";
        Assert.Equal("f:\n\tr0 = r1\n\texit\n", CodeGenerationCase.Part(Code, "asm", "f"));
        Assert.Equal("g:\n\tr0 = 2\n.Lg_1:\n\texit\n\n", CodeGenerationCase.Part(Code, "asm", "g"));
        Assert.Null(new Expectation("asm", null, null, "contains", "r0 = 2", 0).WhyNot(Code));
        Assert.NotNull(new Expectation("asm", null, null, "contains", "r9", 0).WhyNot(Code));
        Assert.NotNull(new Expectation("asm", null, null, "lacks", "r0 = 2", 0).WhyNot(Code));
        Assert.Null(new Expectation("asm", null, null, "counts", "exit", 2).WhyNot(Code));
        Assert.NotNull(new Expectation("asm", null, null, "counts", "exit", 1).WhyNot(Code));
    }

    [Theory, MemberData(nameof(Cases))]
    public void Ir(string name)
    {
        var test = new CodeGenerationCase(name);
        string ir = test.Compile("--emit=ir");
        Check(test, "ir", "v3", ir);
        Snapshot.Verify(ir, name);
    }

    [Theory, MemberData(nameof(Versions))]
    public void Assembly(string name, string cpu)
    {
        var test = new CodeGenerationCase(name);
        string assembly = test.Compile("-S", "-mcpu=" + cpu, "-o", "-");
        Check(test, "asm", cpu, assembly);
        Snapshot.Verify(assembly, $"{name}_{cpu}");
    }

    [Theory, MemberData(nameof(Cases))]
    public void Object(string name)
    {
        using var folder = new TemporaryFolder();
        var test = new CodeGenerationCase(name);
        string text = ObjectText.Print(test.CompileObject(folder, "v3")), types = test.Compile("--emit=btf");
        Check(test, "object", "v3", text);
        Check(test, "btf", "v3", types);
        Snapshot.Verify(text + "types:\n" + types, name);
    }

    [Theory, MemberData(nameof(Versions))]
    public void The_same_input_gives_the_same_bytes(string name, string cpu)
    {
        using var folder = new TemporaryFolder();
        var test = new CodeGenerationCase(name);
        Assert.Equal(test.CompileObject(folder, cpu, "first.o"), test.CompileObject(folder, cpu, "second.o"));
    }

    [Theory, MemberData(nameof(Versions))]
    public void The_assembly_assembles_to_the_same_instructions(string name, string cpu)
    {
        using var folder = new TemporaryFolder();
        var test = new CodeGenerationCase(name);
        ElfFile direct = ObjectText.Read(test.CompileObject(folder, cpu));
        string source = folder.Write("case.s", test.Compile("-S", "-mcpu=" + cpu, "-o", "-"));
        CliResult result = CliRun.Run("asm", source, "-mcpu=" + cpu, "-o", folder["assembled.o"]);
        Assert.True(result.ExitCode == 0, result.Error);
        ElfFile assembled = ObjectText.Read(File.ReadAllBytes(folder["assembled.o"]));
        string[] sections = [.. direct.Sections.Where(section => section.IsCode && section.Size > 0).Select(section => section.Name)];
        Assert.NotEmpty(sections);
        foreach (string section in sections)
        {
            Assert.NotNull(assembled.Find(section));
            Assert.Equal(Slots(direct.Find(section)!), Slots(assembled.Find(section)!));
        }
    }

    [Theory, MemberData(nameof(Versions))]
    public void Our_verifier_accepts_every_program(string name, string cpu)
    {
        using var folder = new TemporaryFolder();
        new CodeGenerationCase(name).CompileObject(folder, cpu);
        CliResult result = CliRun.Run("verify", folder["case.o"]);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        Assert.Contains(": accepted (", result.Output);
        Assert.DoesNotContain("rejected", result.Output);
    }

    [OracleTheory(Oracle.Kernel, Oracle.Bpftool), MemberData(nameof(Versions))]
    public void The_kernel_loads_every_object(string name, string cpu)
    {
        using var folder = new TemporaryFolder();
        new CodeGenerationCase(name).CompileObject(folder, cpu);
        using var mount = new BpfMount(folder["bpffs"]);
        (int code, string output, string error) = Oracles.Run(Oracles.Program(Oracle.Bpftool), ["prog", "loadall", folder["case.o"], Path.Combine(mount.Path, "case")]);
        Assert.True(code == 0, output + error);
    }

    private static void Check(CodeGenerationCase test, string form, string cpu, string text)
    {
        foreach (Expectation expectation in test.Expectations.Where(row => row.Form == form && (row.Cpu ?? cpu) == cpu))
        {
            string part = CodeGenerationCase.Part(text, form, expectation.Function);
            Assert.True(part.Length > 0, $"{test.Name}.c has no function {expectation.Function}");
            if (expectation.WhyNot(part) is { } reason)
                Assert.Fail($"{test.Name}.c at {cpu}: {reason}");
        }
    }

    /// <summary>The bytes of a section, a slot a line.</summary>
    private static string[] Slots(ElfSection section)
        => [.. Convert.ToHexString(section.Data.Span).Chunk(16).Select((slot, index) => $"{index}: {new string(slot)}")];
}

/// <summary>A file system of pinned programs for one test; what is pinned goes away with it.</summary>
internal sealed class BpfMount : IDisposable
{
    public string Path { get; }

    public BpfMount(string path)
    {
        Path = Directory.CreateDirectory(path).FullName;
        Run("mount", "-t", "bpf", "ebpfcc-test", Path);
    }

    public void Dispose() => Run("umount", Path);

    private static void Run(string program, params string[] arguments)
    {
        (int code, _, string error) = Oracles.Run(program, arguments);
        if (code != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {error}");
    }
}
