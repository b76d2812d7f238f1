// Bad input of every kind through every command that takes it: one precise coded diagnostic each, the documented exit status,
// no text of an exception, no output file.
using System.Text;
using Xunit;

namespace Ebpfcc.Cli.Tests;

public class BadInputTests
{
    /// <summary>An error that must be reported; the place is "line:column".</summary>
    private sealed record Expected(string Place, string Code, string Message);

    /// <summary>Commands that compile C on the way or read objects.</summary>
    private static readonly string[] s_readers = ["verify", "disasm", "jit", "bench", "run"];

    // ---- C ---------------------------------------------------------------------------------------------------------------

    private static readonly Dictionary<string, (string Source, Expected[] Errors)> s_sources = new()
    {
        ["missing header"] = ("int a;\n#include \"missing.h\"\n", [new("2:10", "EBC1000", "'missing.h' file not found")]),
        ["missing system header"] = ("#include <missing/header.h>\n", [new("1:10", "EBC1000", "'missing/header.h' file not found")]),
        ["folder as header"] = ("#include \".\"\n", [new("1:10", "EBC1000", "'.' file not found")]),
        ["#error and a broken macro"] = ("#error stop here\n#define F(a\n", [new("1:2", "EBC1003", "stop here"), new("2:12", "EBC1015", "missing ')'")]),
        ["open #if"] = ("#if 1\nint x;\n", [new("1:1", "EBC1006", "unterminated conditional")]),
        ["open comment"] = ("/* never ends\nint x;", [new("1:1", "EBC1002", "unterminated /* comment")]),
        ["constants"] = ("int x = 08; int y = 0x;\n", [new("1:9", "EBC2223", "'08'"), new("1:21", "EBC2223", "digits are missing")]),
        ["missing punctuation"] = ("int f(void) { return 1 }\nint g(void) { return (2; }\nint h(int b) { int a[ = 3; return 0; }\n",
            [new("1:23", "EBC1100", "expected ';' after return statement"), new("2:24", "EBC1101", "expected ')'"), new("3:23", "EBC1116", "expected")]),
        ["open block"] = ("int f(void) {\n", [new("1:14", "EBC1101", "expected '}'")]),
        ["stray characters"] = ("int ok(void) { return 0; }\n@@@\n", [new("2:1", "EBC1110", "unexpected character <@>")]),
        ["zero bytes"] = ("\0\u0001\u0002", [new("1:1", "EBC1110", "unexpected character <U+0000>")]),
        ["undeclared names"] = ("int f(void) { return x + y; }\nint g(void) { int z; z = w; return nothing(1); }\n",
            [new("1:22", "EBC2001", "undeclared identifier 'x'"), new("1:26", "EBC2001", "'y'"), new("2:26", "EBC2001", "'w'"), new("2:36", "EBC2003", "undeclared function 'nothing'")]),
        ["undeclared label"] = ("int f(void) { goto nowhere; }\n", [new("1:20", "EBC2407", "undeclared label 'nowhere'")]),
        ["types"] = ("struct s { int a; };\nint f(void) { struct s v = {1}; int *p = v; return v + 1 + v.b + p->c; }\n",
            [new("2:42", "EBC2219", "initializing 'int *'"), new("2:54", "EBC2201", "invalid operands"), new("2:62", "EBC2210", "no member named 'b'"), new("2:69", "EBC2212", "not a structure")]),
        ["argument counts"] = ("static int add(int a, int b) { return a + b; }\nint f(void) { return add(1) + add(1,2,3); }\n",
            [new("2:22", "EBC2302", "too few arguments"), new("2:31", "EBC2303", "too many arguments")]),
        ["six arguments"] = ("int six(int a, int b, int c, int d, int e, int f);\nint g(int x) { return six(x, 2, 3, 4, 5, 6); }\n",
            [new("2:23", "EBC4001", "call passes 6 arguments; eBPF has registers for five")]),
        ["six parameters"] = ("int six(int a, int b, int c, int d, int e, int f) { return a + f; }\n", [new("1:5", "EBC4002", "has 6 parameters")]),
        ["stack"] = ("extern void use(char *);\nint f(void) { char big[1000]; use(big); return big[3]; }\n", [new("2:20", "EBC4012", "'big' of 1000 bytes does not fit")]),
        ["floating point"] = ("int f(int x) { float y = x; return y; }\n", [new("1:26", "EBC2220", "floating point is not available")]),
        ["inline assembly"] = ("int f(int x) {\n  asm volatile(\"r0 = = 1\");\n  asm volatile(\"bogus %0\" : \"=r\"(x));\n  return x;\n}\n",
            [new("2:3", "EBC4009", "unknown instruction 'r0 = = 1'"), new("3:3", "EBC4009", "unknown instruction 'bogus")]),
        ["asm constraint"] = ("int f(int x) { asm volatile(\"%0 = 5\" : \"=Q\"(x)); return x; }\n", [new("1:40", "EBC2412", "'=Q'")]),
        ["variable length array"] = ("int f(int n) { int v[n]; v[0] = 1; return v[n - 1]; }\n", [new("1:22", "EBC2101", "variable length arrays")]),
        ["function pointer"] = ("int f(void *c) { return ((int (*)(int))c)(3); }\n", [new("1:26", "EBC4003", "function pointer")]),
        ["alias that nothing uses"] = ("int a(int x) { return x; }\nint b(int x) __attribute__((alias(\"a\")));\n", [new("2:5", "EBC3006", "alias attributes are not supported")]),
        ["redefinition"] = ("int a;\nchar a;\nint f(void) { return 0; }\nint f(void) { return 1; }\n", [new("2:6", "EBC2012", "conflicting types for 'a'"), new("4:5", "EBC2010", "redefinition of 'f'")]),
    };

    public static TheoryData<string> Sources => [.. s_sources.Keys];

    [Theory]
    [MemberData(nameof(Sources))]
    public void Bad_C_is_refused_at_its_place_by_every_command(string name)
    {
        (string source, Expected[] errors) = s_sources[name];
        using var folder = new TemporaryFolder();
        string file = folder.Write("bad.c", source);
        CliResult compiled = CliRun.Run("-c", file, "-o", folder["bad.o"]);
        CheckRefused(compiled);
        CheckErrors(compiled.Error, file, source, errors);
        Assert.Contains($"{errors.Length} error{(errors.Length == 1 ? "" : "s")} ", compiled.Error);
        foreach (string command in s_readers)
        {
            CliResult result = CliRun.Run(command, file);
            CheckRefused(result);
            CheckErrors(result.Error, file, source, errors);
        }
        Assert.Equal(["bad.c"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
    }

    private static void CheckErrors(string text, string file, string source, Expected[] errors)
    {
        string[] lines = text.Split('\n'), sourceLines = source.Split('\n');
        Assert.Equal(errors.Length, lines.Count(line => line.Contains(": error: ", StringComparison.Ordinal)));
        foreach (Expected error in errors)
        {
            int at = Array.FindIndex(lines, line => line.StartsWith($"{file}:{error.Place}: error: ", StringComparison.Ordinal) && line.Contains(error.Message, StringComparison.Ordinal));
            Assert.True(at >= 0, $"no error '{error.Message}' at {error.Place} in\n{text}");
            Assert.EndsWith($"[{error.Code}]", lines[at]);
            string[] place = error.Place.Split(':');
            int line = int.Parse(place[0]), column = int.Parse(place[1]);
            if (!sourceLines[line - 1].Any(char.IsControl))
                Assert.Equal($"{line,5} | {sourceLines[line - 1]}", lines[at + 1]);
            Assert.StartsWith($"      | {new string(' ', column - 1)}^", lines[at + 2]);
        }
    }

    [Fact]
    public void An_unreadable_header_is_refused_where_it_is_included()
    {
        using var folder = new TemporaryFolder();
        using (FileStream huge = File.Create(folder["huge.h"]))
            huge.SetLength(257L << 20);
        string file = folder.Write("bad.c", "int a;\n#include \"huge.h\"\n#include \"huge.h\"\n");
        CliResult result = CliRun.Run("-c", file, "-o", folder["bad.o"]);
        CheckRefused(result);
        Assert.Contains($"{file}:2:10: error: cannot read '{folder["huge.h"]}': it is larger than 256 MiB [EBC1001]", result.Error);
        Assert.Contains($"{file}:3:10: error: cannot read", result.Error);
        Assert.DoesNotContain("not found", result.Error);
    }

    [Fact]
    public void A_file_that_includes_itself_is_refused_with_a_short_trace()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("bad.c", "#include \"bad.c\"\n");
        CliResult result = CliRun.Run("-c", file, "-o", folder["bad.o"]);
        CheckRefused(result);
        Assert.Contains("bad.c:1:10: error: #include nested too deeply [EBC1022]", result.Error);
        Assert.Contains(" further files)", result.Error);
        Assert.True(result.Error.Split('\n').Length < 30, result.Error);
    }

    [Fact]
    public void Notes_lead_to_what_an_error_refers_to()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("bad.c", "static int one(int a) { return a; }\nint f(void) { return one(); }\n");
        Assert.Contains($"{file}:1:12: note: declared here", CliRun.Run("-c", file, "-o", folder["bad.o"]).Error);
        file = folder.Write("bad.c", "int f(void) {\n  return (1;\n}\n");
        Assert.Contains($"{file}:2:10: note: to match this '('", CliRun.Run("-c", file, "-o", folder["bad.o"]).Error);
    }

    // ---- files -----------------------------------------------------------------------------------------------------------

    [Theory]
    [InlineData("none.c", "no such file")]
    [InlineData("folder.c", "it is a directory")]
    [InlineData("none.o", "no such file")]
    [InlineData("folder.o", "it is a directory")]
    [InlineData("no/such/folder.o", "no such")]
    [InlineData("huge.c", "it is larger than 256 MiB")]
    [InlineData("huge.o", "it is larger than 256 MiB")]
    public void A_file_that_cannot_be_read_is_named_with_the_reason(string name, string reason)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["folder.c"]);
        Directory.CreateDirectory(folder["folder.o"]);
        if (name.StartsWith("huge", StringComparison.Ordinal))
        {
            using FileStream huge = File.Create(folder[name]);
            huge.SetLength(257L << 20);
        }
        foreach (string[] command in name.EndsWith(".c", StringComparison.Ordinal) ? [["-c"], .. s_readers.Select(reader => new[] { reader })] : s_readers.Append("asm").Select(reader => new[] { reader }))
        {
            CliResult result = CliRun.Run([.. command, folder[name]]);
            CheckRefused(result);
            string line = Assert.Single(result.Error.Split('\n'), line => line.Contains(": error: ", StringComparison.Ordinal));
            Assert.StartsWith($"{folder[name]}: error: cannot read the file: {reason}", line);
            Assert.EndsWith("[EBC0002]", line);
        }
    }

    [Fact]
    public void An_empty_name_is_no_file()
    {
        foreach (string[] words in new[] { new[] { "-c", "" }, ["verify", ""], ["disasm", ""], ["jit", ""], ["bench", ""], ["asm", ""] })
        {
            CliResult result = CliRun.Run(words);
            CheckRefused(result);
            Assert.Contains("cannot read the file: this is no name of a file [EBC0002]", result.Error);
        }
    }

    [Fact]
    public void An_empty_source_is_an_empty_object_without_programs()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("empty.c", "");
        Assert.Equal(0, CliRun.Run("-c", file, "-o", folder["empty.o"]).ExitCode);
        foreach (string command in new[] { "verify", "jit", "bench" })
        {
            foreach (string input in new[] { file, folder["empty.o"] })
            {
                CliResult result = CliRun.Run(command, input);
                CheckRefused(result);
                Assert.Contains($"{input}: error: the object holds no programs [EBC6205]", result.Error);
            }
        }
    }

    [Fact]
    public void Output_that_cannot_be_written_is_refused_and_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("good.c", GoodSource), assembly = folder.Write("good.s", "f:\n\texit\n"), good = folder["good.o"];
        Assert.Equal(0, CliRun.Run("-c", source, "-o", good).ExitCode);
        Directory.CreateDirectory(folder["sub"]);
        string[] before = [.. Directory.GetFileSystemEntries(folder.Path).Order()];
        foreach ((string output, string reason) in new[] { (folder["none/x"], "no such directory"), (folder["sub"], "it is a directory"), ("", "this is no name of a file"), (folder["good.c/x"], "") })
        {
            string[][] commands = [["-c", source, "-o", output], ["-S", source, "-o", output], ["asm", assembly, "-o", output], ["jit", good, "--prog", "good", "-o", output]];
            foreach (string[] words in commands)
            {
                CliResult result = CliRun.Run(words);
                CheckRefused(result);
                Assert.Contains($"{output}: error: cannot write the file: {reason}", result.Error);
                Assert.Contains("[EBC0003]", result.Error);
            }
        }
        CliResult dependencies = CliRun.Run("-c", source, "-MD", "-MF", folder["none/x.d"], "-o", folder["other.o"]);
        CheckRefused(dependencies);
        Assert.Equal(before, Directory.GetFileSystemEntries(folder.Path).Order());
    }

    // ---- objects ---------------------------------------------------------------------------------------------------------

    private const string GoodSource = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); } counts SEC(".maps");
        struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16); __type(key, __u64); __type(value, __u64); } flows SEC(".maps");
        const volatile int limit = 7;
        static __u64 total;
        static __attribute__((noinline)) int count(__u32 key, int step) {
            __u64 *value = bpf_map_lookup_elem(&counts, &key);
            if (value)
                __sync_fetch_and_add(value, step);
            return value ? 1 : 0;
        }
        SEC("xdp") int good(struct xdp_md *ctx) {
            unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
            __u64 key = 0;
            if (data + 14 > end)
                return XDP_DROP;
            for (int i = 0; i < 14; i++)
                key = key * 31 + data[i];
            bpf_map_update_elem(&flows, &key, &key, BPF_ANY);
            total += limit;
            return count(key & 3, data[12]) ? XDP_PASS : XDP_ABORTED;
        }
        SEC("socket") int other(struct __sk_buff *skb) { return skb->len > 60 ? count(1, 2) : 0; }
        char LICENSE[] SEC("license") = "GPL";
        """;

    private static readonly Lazy<byte[]> s_good = new(() =>
    {
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run("-c", folder.Write("good.c", GoodSource), "-o", folder["good.o"]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(0, CliRun.Run("verify", folder["good.o"]).ExitCode);
        return File.ReadAllBytes(folder["good.o"]);
    });

    /// <summary>Where .BTF, and behind it .BTF.ext, begin: both with the magic number EB9F and version 1.</summary>
    private static int Btf(byte[] file, int which)
    {
        int at = -1;
        for (int i = 0; i <= which; i++)
            at += 1 + file.AsSpan(at + 1).IndexOf((ReadOnlySpan<byte>)[0x9f, 0xeb, 1, 0]);
        return at;
    }

    private static byte[] With(byte[] file, int at, params byte[] bytes)
    {
        byte[] changed = [.. file];
        bytes.CopyTo(changed, at);
        return changed;
    }

    private static readonly Dictionary<string, (Func<byte[], byte[]> Change, string Code, string Message)> s_objects = new()
    {
        ["empty"] = (_ => [], "EBC6001", "too short"),
        ["text"] = (_ => "this is no object but a text that is long enough to be one, at least as long as a header"u8.ToArray(), "EBC6001", "no ELF magic number"),
        ["truncated header"] = (file => file[..40], "EBC6001", "too short"),
        ["truncated sections"] = (file => file[..300], "EBC6002", "lies outside of the file"),
        ["truncated table"] = (file => file[..^1], "EBC6002", "section headers do not fit"),
        ["32 bits"] = (file => With(file, 4, 1), "EBC6001", "not a 64-bit file"),
        ["another machine"] = (file => With(file, 18, 62, 0), "EBC6003", "machine 62"),
        ["magic number of BTF"] = (file => With(file, Btf(file, 0), 0), "EBC6006", "wrong magic number"),
        ["types of BTF outside"] = (file => With(file, Btf(file, 0) + 12, 0xff, 0xff), "EBC6006", "lies outside"),
        ["kind of BTF"] = (file => With(file, Btf(file, 0) + 24 + 7, 0xff), "EBC6006", "unknown kind 31"),
        ["magic number of BTF.ext"] = (file => With(file, Btf(file, 1), 0), "EBC6008", "wrong magic number"),
        ["part of BTF.ext outside"] = (file => With(file, Btf(file, 1) + 12, 0xff, 0xff), "EBC6008", "lies outside"),
    };

    public static TheoryData<string> Objects => [.. s_objects.Keys];

    [Theory]
    [MemberData(nameof(Objects))]
    public void A_bad_object_is_refused_by_every_command(string name)
    {
        (Func<byte[], byte[]> change, string code, string message) = s_objects[name];
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["bad.o"], change(s_good.Value));
        foreach (string command in s_readers)
        {
            CliResult result = CliRun.Run(command, folder["bad.o"]);
            CheckRefused(result);
            string line = Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
            Assert.StartsWith($"{folder["bad.o"]}: error: ", line);
            Assert.Contains(message, line);
            Assert.EndsWith($"[{code}]", line);
        }
    }

    [Fact]
    public void A_section_that_says_no_program_type_fails_its_program_only()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("unknown.c", """
            __attribute__((section("nonsense/foo"), used)) int f(void *c) { return 0; }
            __attribute__((section("xdp"), used)) int g(void *c) { return 2; }
            """);
        foreach (string command in new[] { "verify", "jit", "bench" })
        {
            CliResult result = CliRun.Run(command, file);
            CheckRefused(result);
            Assert.Contains("the section name 'nonsense/foo' says no program type [EBC6200]", result.Output + result.Error);
        }
        Assert.Contains("g: accepted", CliRun.Run("verify", file).Output);
        Assert.Equal(0, CliRun.Run("verify", file, "--prog", "g").ExitCode);
        Assert.Equal(0, CliRun.Run("jit", file, "--prog", "g").ExitCode);
    }

    [Fact]
    public void A_program_that_is_not_there_is_refused_with_the_names_that_are()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("good.c", GoodSource);
        foreach (string command in s_readers.Where(command => command != "run"))
        {
            CliResult result = CliRun.Run(command, file, "--prog", "none");
            CheckRefused(result);
            Assert.Contains("error: there is no program 'none'; there are: ", result.Error);
            Assert.Contains("good", result.Error);
            Assert.Contains("[EBC0009]", result.Error);
        }
    }

    // ---- assembly --------------------------------------------------------------------------------------------------------

    [Theory]
    [InlineData("f:\n\tr0 = = 1\n", "2:2", "EBC8001")]
    [InlineData("f:\n\tr11 = 3\n", "2:2", "EBC8002")]
    [InlineData("f:\n\tr1 = *(u24 *)(r2 + 0)\n", "2:14", "EBC8004")]
    [InlineData("f:\n\tgoto nowhere\n\texit\n", "2:7", "EBC8006")]
    [InlineData("f:\n\tr1 = 99999999999999999999 ll\n", "2:7", "EBC8004")]
    [InlineData("f:\n\t.bogus 3\n", "2:2", "EBC8008")]
    [InlineData("\t.section ,\"ax\"\n", "1:11", "EBC8004")]
    [InlineData("\t.section x,\"ax\",@\n", "1:19", "EBC8004")]
    [InlineData("\u0001\u0002", "1:1", "EBC8012")]
    public void Bad_assembly_is_refused_at_its_place(string text, string place, string code)
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("bad.s", text);
        CliResult result = CliRun.Run("asm", file, "-o", folder["bad.o"]);
        CheckRefused(result);
        string line = Assert.Single(result.Error.Split('\n'), line => line.Contains(": error: ", StringComparison.Ordinal));
        Assert.StartsWith($"{file}:{place}: error: ", line);
        Assert.EndsWith($"[{code}]", line);
        Assert.False(File.Exists(folder["bad.o"]));
    }

    // ---- usage -----------------------------------------------------------------------------------------------------------

    [Theory]
    [InlineData("no input files [EBC0004]", "-c")]
    [InlineData("unknown option '--nonsense' [EBC0001]", "--nonsense", "x.c")]
    [InlineData("unknown option '--versoin'; did you mean '--version'? [EBC0001]", "--versoin")]
    [InlineData("option '-o' needs an argument (FILE) [EBC0001]", "x.c", "-o")]
    [InlineData("unknown instruction set 'v9'", "-mcpu=v9", "x.c")]
    [InlineData("unknown language standard 'c77'", "-std=c77", "x.c")]
    [InlineData("not 'nonsense' [EBC0001]", "--emit=nonsense", "x.c")]
    [InlineData("target 'x86' is not supported", "-target", "x86", "x.c")]
    [InlineData("language 'c++' is not supported", "-x", "c++", "x.c")]
    [InlineData("not 'xml' [EBC0001]", "--error-format=xml", "x.c")]
    [InlineData("there is no pass 'nonsense'", "--print-after=nonsense", "x.c")]
    [InlineData("'x' is not a number of errors", "-ferror-limit=x", "x.c")]
    [InlineData("there is no diagnostic 'EBC9999'", "--explain", "EBC9999")]
    [InlineData("name the object or C file to verify [EBC0001]", "verify")]
    [InlineData("name the object or C file to list [EBC0001]", "disasm")]
    [InlineData("name the object or C file to translate [EBC0001]", "jit")]
    [InlineData("name the assembly file [EBC0001]", "asm")]
    [InlineData("unknown option '--nonsense'", "verify", "--nonsense", "x.o")]
    [InlineData("unknown option '--nonsense'", "disasm", "--nonsense", "x.o")]
    [InlineData("unknown option '--nonsense'", "jit", "--nonsense", "x.o")]
    [InlineData("unknown option '--nonsense'", "bench", "--nonsense", "x.o")]
    [InlineData("unknown option '--nonsense'", "asm", "--nonsense", "x.s")]
    [InlineData("one file at a time: 'y.o' is surplus", "verify", "x.o", "y.o")]
    [InlineData("one file at a time: 'y.o' is surplus", "disasm", "x.o", "y.o")]
    [InlineData("one file at a time: 'y.o' is surplus", "jit", "x.o", "--", "y.o")]
    [InlineData("one file at a time: 'y.s' is surplus", "asm", "x.s", "y.s")]
    [InlineData("there is no style 'intel'", "disasm", "x.o", "--style", "intel")]
    [InlineData("there is no translation to 'mips'", "jit", "x.o", "--arch=mips")]
    [InlineData("there is no engine 'none'", "bench", "x.o", "--engine", "none")]
    [InlineData("no number of milliseconds", "bench", "x.o", "--time=never")]
    [InlineData("there is no instruction set 'v9'", "asm", "x.s", "-mcpu=v9")]
    public void Wrong_usage_is_answered_with_status_2(string message, params string[] words)
    {
        CliResult result = CliRun.Run(words);
        Assert.Equal(ExitStatus.Usage, result.ExitCode);
        Assert.Contains(message, result.Error);
        Assert.Contains("[EBC000", result.Error);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("EBC0002", "{folder}/none.o: error: cannot read the file: no such file", "{folder}/none.o")]
    [InlineData("EBC0002", "{folder}: error: cannot read the file: it is a directory", "{folder}")]
    [InlineData("EBC0002", "{folder}/none.bin: error: cannot read the file: no such file", "{folder}/none.bin")]
    [InlineData("EBC0002", "{folder}: error: cannot read the file: it is a directory", "{good}", "--prog", "good", "--data-in", "{folder}")]
    [InlineData("EBC0002", "{folder}/none: error: cannot read the file: no such file", "{good}", "--prog", "good", "--ctx-in", "{folder}/none")]
    [InlineData("EBC0002", "{folder}/none: error: cannot read the file: no such file", "{good}", "--prog", "good", "--pcap", "{folder}/none")]
    [InlineData("EBC0002", "{folder}/none: error: cannot read the file: no such file", "{good}", "--prog", "good", "--map", "counts={folder}/none")]
    [InlineData("EBC0003", "{folder}/none/x: error: cannot write the file: no such directory", "{good}", "--prog", "good", "--data-out", "{folder}/none/x")]
    [InlineData("EBC7000", "not a packet capture", "{good}", "--prog", "good", "--pcap", "{good}")]
    [InlineData("EBC702", "{good}:1:1: this is not JSON", "{good}", "--prog", "good", "--map", "counts={good}")]
    [InlineData("EBC7027", "not hexadecimal: zz", "{good}", "--prog", "good", "--data-hex", "zz")]
    [InlineData("EBC7020", "there is no program 'none'", "{good}", "--prog", "none")]
    public void Bad_input_of_run_is_refused_by_name(string code, string message, params string[] words)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["good.o"], s_good.Value);
        string Fill(string text) => text.Replace("{folder}", folder.Path).Replace("{good}", folder["good.o"]);
        CliResult result = CliRun.Run(["run", .. words.Select(Fill)]);
        CheckRefused(result);
        string line = Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(Fill(message), line);
        Assert.Contains($"[{code}", line);
    }

    [Fact]
    public void No_inline_defines_its_macro()
    {
        string Expand(params string[] words) => CliRun.Run(["-E", "-P", .. words, "-"], "#ifdef __NO_INLINE__\nyes\n#else\nno\n#endif\n", _ => null).Output.Trim();
        Assert.Equal("no", Expand());
        Assert.Equal("yes", Expand("-fno-inline"));
        Assert.Equal("no", Expand("-fno-inline", "-finline"));
        Assert.Equal("yes", Expand("-O0"));
    }

    [Fact]
    public void No_inline_keeps_calls()
    {
        const string Source = "static int twice(int x) { return 2 * x; }\nint f(int x) { return twice(x) + 1; }\n";
        Assert.DoesNotContain("call ", CliRun.Run(["-S", "-o", "-", "-"], Source, _ => null).Output);
        Assert.Contains("call twice", CliRun.Run(["-fno-inline", "-S", "-o", "-", "-"], Source, _ => null).Output);
    }

    // ---- mutations -------------------------------------------------------------------------------------------------------

    private const int Mutations = 300;

    [Fact]
    public void No_mutation_of_an_object_is_a_defect()
    {
        using var folder = new TemporaryFolder();
        string file = folder["mutant.o"];
        for (int seed = 0; seed < Mutations; seed++)
        {
            File.WriteAllBytes(file, Mutate(s_good.Value, new Random(seed)));
            foreach (string[] words in new[] { new[] { "verify", file }, ["disasm", "-S", file], ["jit", file], ["jit", "--arch", "arm32", file], ["run", "--engine", "interp", "--prog", "good", file] })
                CheckNoDefect(RunTraced(words), $"mutation {seed}, {words[0]}");
        }
    }

    [Fact]
    public void No_mutation_of_a_source_is_a_defect()
    {
        using var folder = new TemporaryFolder();
        for (int seed = 0; seed < Mutations; seed++)
        {
            string text = Encoding.UTF8.GetString(MutateText(Encoding.UTF8.GetBytes(GoodSource), new Random(seed)));
            CheckNoDefect(RunTraced("-c", folder.Write("mutant.c", text), "-o", folder["mutant.o"]), $"mutation {seed}");
        }
    }

    [Fact]
    public void No_mutation_of_assembly_is_a_defect()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(0, CliRun.Run("-S", folder.Write("good.c", GoodSource), "-o", folder["good.s"]).ExitCode);
        byte[] good = File.ReadAllBytes(folder["good.s"]);
        for (int seed = 0; seed < Mutations; seed++)
        {
            File.WriteAllBytes(folder["mutant.s"], MutateText(good, new Random(seed)));
            CheckNoDefect(RunTraced("asm", folder["mutant.s"], "-o", folder["mutant.o"]), $"mutation {seed}");
        }
    }

    /// <summary>A file cut off, or with a few bits turned over.</summary>
    private static byte[] Mutate(byte[] file, Random random)
    {
        if (random.Next(4) == 0)
            return file[..random.Next(file.Length)];
        byte[] changed = [.. file];
        for (int count = 1 << random.Next(5); count > 0; count--)
            changed[random.Next(file.Length)] ^= (byte)(1 << random.Next(8));
        return changed;
    }

    /// <summary>Text with pieces removed, repeated elsewhere, or single characters replaced by others of it.</summary>
    private static byte[] MutateText(byte[] text, Random random)
    {
        List<byte> changed = [.. text];
        for (int count = 1 + random.Next(4); count > 0; count--)
        {
            int at = random.Next(changed.Count), length = Math.Min(1 + random.Next(12), changed.Count - at);
            switch (random.Next(3))
            {
                case 0:
                    changed.RemoveRange(at, length);
                    break;
                case 1:
                    changed.InsertRange(random.Next(changed.Count), changed.GetRange(at, length));
                    break;
                default:
                    changed[at] = text[random.Next(text.Length)];
                    break;
            }
        }
        return [.. changed];
    }

    /// <summary>As users who want the stack trace of a defect.</summary>
    private static CliResult RunTraced(params string[] words) => CliRun.Run(words, "", name => name == "EBPFCC_DEBUG" ? "1" : null);

    private static void CheckNoDefect(CliResult result, string what)
    {
        Assert.True(result.ExitCode is ExitStatus.Done or ExitStatus.Refused, $"{what}: exit status {result.ExitCode}\n{result.Error}");
        Assert.True(result.ExitCode == ExitStatus.Done || (result.Error + result.Output).Contains("[EBC", StringComparison.Ordinal) || result.Output.Contains(": rejected: "), $"{what}: refused without a code\n{result.Error}");
        CheckNoException(result);
    }

    private static void CheckRefused(CliResult result)
    {
        Assert.True(result.ExitCode == ExitStatus.Refused, $"exit status {result.ExitCode}\n{result.Error}");
        CheckNoException(result);
    }

    private static void CheckNoException(CliResult result)
    {
        Assert.DoesNotContain("Exception", result.Error);
        Assert.DoesNotContain("   at ", result.Error);
        Assert.DoesNotContain("(Parameter '", result.Error);
    }
}
