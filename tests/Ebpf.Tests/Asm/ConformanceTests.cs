// The public conformance suite: all programs assemble to their known bytes, raw ones decode, malformed ones are refused.
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Asm;

public class ConformanceTests
{
    private static string Folder => Path.Combine(Repository.Shared!, "bpf_conformance");

    private static Dictionary<string, string> Sections(string path)
    {
        var sections = new Dictionary<string, string>();
        string? name = null;
        foreach (string line in File.ReadLines(path))
        {
            if (line.StartsWith("-- ", StringComparison.Ordinal) && line.Length > 3)
                sections[name = line[3..].Trim()] = "";
            else if (name is not null)
                sections[name] += line + "\n";
        }
        return sections;
    }

    private static byte[] Words(string raw)
        => [.. raw.Split(['\n', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(word => !word.StartsWith('#'))
            .SelectMany(word => BitConverter.GetBytes(ulong.Parse(word.Replace("0x", "", StringComparison.Ordinal), NumberStyles.HexNumber, CultureInfo.InvariantCulture)))];

    [OracleFact(Oracle.Shared)]
    public void All_programs_assemble_to_their_bytes()
    {
        using JsonDocument programs = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "programs.json")));
        int count = 0;
        foreach (JsonElement element in programs.RootElement.EnumerateArray())
        {
            string name = element.GetProperty("name").GetString()!;
            byte[] expected = Convert.FromHexString(element.GetProperty("program").GetString()!);
            string[] files = Directory.GetFiles(Path.Combine(Folder, "tests"), name + ".data", SearchOption.AllDirectories);
            Assert.True(files.Length > 0, name);
            Dictionary<string, string> sections = Sections(files[0]);
            byte[] actual;
            if (sections.TryGetValue("asm", out string? assembly))
            {
                var diagnostics = new DiagnosticBag();
                AssembledCode? code = Assembler.Assemble(assembly, diagnostics);
                Assert.True(code is not null, name + ": " + string.Join("; ", diagnostics.Items.Select(item => item.Message)));
                Assert.Empty(code.References);
                actual = MemoryMarshal.AsBytes(code.Instructions.AsSpan()).ToArray();
            }
            else
            {
                actual = Words(sections["raw"]);
            }
            Assert.True(actual.AsSpan().SequenceEqual(expected), $"{name}:\n{Convert.ToHexString(actual)}\n{Convert.ToHexString(expected)}");
            count++;
        }
        Assert.Equal(313, count);
    }

    [OracleFact(Oracle.Shared)]
    public void Malformed_assembly_is_refused()
    {
        // one of them is about the runner (its program assembles and must fail when run), two have no code
        foreach (string path in Directory.GetFiles(Path.Combine(Folder, "negative"), "invalid_*.data"))
        {
            Dictionary<string, string> sections = Sections(path);
            var diagnostics = new DiagnosticBag();
            if (!sections.TryGetValue("asm", out string? assembly) || Path.GetFileName(path) is "invalid_unknown_directive.data")
                continue;
            Assert.True(Assembler.Assemble(assembly, diagnostics) is null, path);
            Assert.NotEmpty(diagnostics.Items);
        }
    }
}
