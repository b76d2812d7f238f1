// Wrong programs as users write them: where the rejection is reported, what explains it, and whether the repair that is offered
// holds before the running kernel.
using System.Text.Json;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Rejections;

public class RejectionTests
{
    public static TheoryData<string> All => [.. RejectionProgram.Names];

    public static TheoryData<string> Repairable => [.. RejectionProgram.Names.Where(static name => RejectionProgram.Read(name).Fix is not null)];

    /// <summary>The families that the explanations promise; each has programs here.</summary>
    [Fact]
    public void Every_family_has_a_program()
    {
        var seen = RejectionProgram.Names.Select(static name => RejectionProgram.Read(name).Error.Code).ToHashSet();
        IEnumerable<string> missing = Explaining.ExplanationFamilies.Codes.Where(code => !seen.Contains(code));
        Assert.Empty(missing);
        Assert.True(RejectionProgram.Names.Count() >= 60);
    }

    [OracleTheory(Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    [MemberData(nameof(All))]
    public void Is_explained(string name)
    {
        RejectionProgram program = RejectionProgram.Read(name);
        CliResult run = CliRun.Run([.. program.Options, "-o", "-", program.Path]);
        Assert.Equal(ExitStatus.Refused, run.ExitCode);
        string text = run.Error.Replace(RejectionProgram.Folder + Path.DirectorySeparatorChar, "");
        string[] lines = text.Split('\n');
        Assert.Contains(lines, line => line.StartsWith($"{name}.c:{program.Error.Line}:") && line.Contains(": error: ") && line.Contains(program.Error.Text) && line.EndsWith($"[{program.Error.Code}]"));
        foreach ((int at, string note) in program.Notes)
            Assert.Contains(lines, line => line.StartsWith($"{name}.c:{at}:") && line.Contains(": note: ") && line.Contains(note));
        Assert.Equal(program.Fix is not null, text.Contains("note: this repair was verified: "));
        if (program.Fix is { } fix)
            Assert.Contains($"note: this repair was verified: {fix}", text);
        Snapshot.Verify(text, name);
    }

    /// <summary>Machines get the notes and the repair too: as arrays of JSON, as related locations and fixes of SARIF.</summary>
    [OracleFact(Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    public void Is_told_to_machines()
    {
        string path = RejectionProgram.Read("packet_check_too_short").Path;
        using JsonDocument json = JsonDocument.Parse(CliRun.Run("--verify", "--error-format=json", "-o", "-", path).Error);
        JsonElement error = json.RootElement.EnumerateArray().Single();
        Assert.Equal("EBC5001", error.GetProperty("id").GetString());
        Assert.True(error.GetProperty("notes").GetArrayLength() >= 3);
        JsonElement edit = error.GetProperty("fixits").EnumerateArray().Single();
        Assert.Contains("> data_end)", edit.GetProperty("replacement").GetString());
        using JsonDocument sarif = JsonDocument.Parse(CliRun.Run("--verify", "--error-format=sarif", "-o", "-", path).Error);
        JsonElement result = sarif.RootElement.GetProperty("runs")[0].GetProperty("results")[0];
        Assert.True(result.GetProperty("relatedLocations").GetArrayLength() >= 3);
        JsonElement replacement = result.GetProperty("fixes")[0].GetProperty("artifactChanges")[0].GetProperty("replacements")[0];
        Assert.Equal(0, replacement.GetProperty("deletedRegion").GetProperty("charLength").GetInt32());
        Assert.Contains("> data_end)", replacement.GetProperty("insertedContent").GetProperty("text").GetString());
        using JsonDocument verdicts = JsonDocument.Parse(CliRun.Run("verify", "--json", path).Output);
        Assert.Equal("EBC5001", verdicts.RootElement[0].GetProperty("diagnostic").GetProperty("id").GetString());
    }

    /// <summary>Every command that verifies gives the same reasons, in the format that was asked for.</summary>
    [OracleTheory(Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    [InlineData("run")]
    [InlineData("jit")]
    [InlineData("bench")]
    public void Is_told_by_every_command(string command)
    {
        string path = RejectionProgram.Read("null_lookup").Path;
        CliResult text = CliRun.Run(command, path);
        Assert.Equal(ExitStatus.Refused, text.ExitCode);
        Assert.Contains("comes from bpf_map_lookup_elem here", text.Error);
        using JsonDocument json = JsonDocument.Parse(CliRun.Run(command, "--error-format=json", path).Error);
        Assert.Equal("EBC5002", json.RootElement[0].GetProperty("id").GetString());
    }

    /// <summary>clang's objects have lines and columns; the notes stand there, and no repair is offered.</summary>
    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    public void Is_explained_for_objects_of_clang()
    {
        using var folder = new TemporaryFolder();
        foreach (string name in (string[])["packet_check_too_short", "index_too_large", "null_ringbuf", "packet_dangling_pull", "stack_two_frames"])
        {
            File.WriteAllBytes(folder[name + ".o"], ClangCompiler.CompileFile(RejectionProgram.Read(name).Path));
            CliResult run = CliRun.Run("verify", folder[name + ".o"]);
            Assert.Equal(ExitStatus.Refused, run.ExitCode);
            Snapshot.Verify(run.Output.Replace(RejectionProgram.Folder + Path.DirectorySeparatorChar, ""), name);
        }
    }

    /// <summary>A repair goes where the mistake is: into a header of the user's, and for two mistakes into two places.</summary>
    [OracleFact(Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    public void Is_repaired_in_several_places()
    {
        const string header = """
            static __always_inline __u32 source_of(struct iphdr *ip, void *data_end)
            {
                return ip->saddr;
            }

            """;
        const string program = """
            #include <linux/bpf.h>
            #include <linux/if_ether.h>
            #include <linux/ip.h>
            #include <bpf/bpf_helpers.h>
            #include "parse.h"

            struct {
                __uint(type, BPF_MAP_TYPE_HASH);
                __uint(max_entries, 16);
                __type(key, __u32);
                __type(value, __u64);
            } hits SEC(".maps");

            SEC("xdp")
            int count(struct xdp_md *ctx)
            {
                void *data = (void *)(long)ctx->data;
                void *data_end = (void *)(long)ctx->data_end;
                __u32 source = source_of(data + sizeof(struct ethhdr), data_end);
                __u64 *hit = bpf_map_lookup_elem(&hits, &source);

                *hit += 1;
                return XDP_PASS;
            }

            char LICENSE[] SEC("license") = "GPL";

            """;
        using var folder = new TemporaryFolder();
        string parse = folder.Write("parse.h", header), source = folder.Write("count.c", program);
        CliResult run = CliRun.Run("--fix", "-o", folder["count.o"], source);
        Assert.True(run.ExitCode == ExitStatus.Done, run.Error);
        Assert.Contains("    if ((void *)(ip + 1) > data_end)\n        return 0;\n    return ip->saddr;", File.ReadAllText(parse));
        Assert.Contains("    if (!hit)\n        return XDP_PASS;\n    *hit += 1;", File.ReadAllText(source));
        Assert.Equal(program.Length + "    if (!hit)\n        return XDP_PASS;\n".Length, File.ReadAllText(source).Length);
    }

    [Fact]
    public void Standard_input_cannot_be_repaired()
    {
        CliResult run = CliRun.Run(["--fix", "-o", "-", "-"], "int x;", _ => null);
        Assert.Equal(ExitStatus.Refused, run.ExitCode);
        Assert.Contains("[EBC0010]", run.Error);
    }

    /// <summary>--fix makes a program that is accepted here and by the kernel.</summary>
    [OracleTheory(Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    [MemberData(nameof(Repairable))]
    public void Is_repaired(string name)
    {
        RejectionProgram program = RejectionProgram.Read(name);
        using var folder = new TemporaryFolder();
        string source = folder.Write(name + ".c", File.ReadAllText(program.Path)), output = folder[name + ".o"];
        CliResult run = CliRun.Run([.. program.Options, "--fix", "-o", output, source]);
        Assert.True(run.ExitCode == ExitStatus.Done, run.Error + File.ReadAllText(source));
        Assert.Contains("[EBC0011]", run.Error);
        if (Oracles.Has(Oracle.Kernel) && Oracles.Has(Oracle.Libbpf))
        {
            KernelVerdict verdict = KernelVerdict.Of(File.ReadAllBytes(output));
            Assert.True(verdict.IsAccepted, verdict.Log + File.ReadAllText(source));
        }
    }

    /// <summary>What is rejected here is rejected by the kernel with the same words: our object, and clang's of the same text.</summary>
    [OracleTheory(Oracle.Kernel, Oracle.Libbpf, Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    [MemberData(nameof(All))]
    public void The_kernel_says_the_same(string name)
    {
        RejectionProgram program = RejectionProgram.Read(name);
        using var folder = new TemporaryFolder();
        string output = folder[name + ".o"];
        Assert.Equal(ExitStatus.Done, CliRun.Run("-o", output, program.Path).ExitCode);
        Compare(KernelVerdict.Of(File.ReadAllBytes(output)), program.Kernel, "our object");
        if (Oracles.Has(Oracle.Clang))
            Compare(KernelVerdict.Of(ClangCompiler.CompileFile(program.Path)), program.Clang ?? program.Kernel, "clang's object");

        static void Compare(KernelVerdict verdict, string? expected, string what)
        {
            Assert.NotNull(expected);
            if (expected == "accepts")
                Assert.True(verdict.IsAccepted, $"{what}: {verdict.Log}");
            else
                Assert.True(!verdict.IsAccepted && verdict.Log.Contains(expected), $"{what}: accepted: {verdict.IsAccepted}; {verdict.Log}");
        }
    }
}
