// Reads case files of the public conformance suite: sections "-- asm", "-- raw", "-- mem", "-- result", "-- error".
using System.Globalization;
using System.Runtime.InteropServices;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.TestSupport;

namespace Ebpfcc.Runtime.Tests.Execution;

internal sealed record ConformanceCase(string? Asm, byte[]? Raw, byte[] Memory, ulong? Result, string? Error)
{
    public static string[] Files(string folder)
        => Repository.Shared is null ? [] : Directory.GetFiles(Path.Combine(Repository.Shared, "bpf_conformance", folder), "*.data").Order(StringComparer.Ordinal).ToArray();

    public static ConformanceCase Read(string path)
    {
        var sections = new Dictionary<string, List<string>>();
        List<string>? current = null;
        foreach (string line in File.ReadLines(path))
        {
            if (line.StartsWith("-- ", StringComparison.Ordinal))
                sections[line[3..].Trim()] = current = [];
            else
                current?.Add(line);
        }
        string? Text(string name) => sections.TryGetValue(name, out List<string>? lines) ? string.Join('\n', lines) : null;
        string? result = Text("result")?.Trim();
        return new ConformanceCase(Text("asm"), Text("raw") is { } raw ? Bytes(raw) : null, Bytes(Text("mem") ?? ""),
            result is null ? null : Number(result), Text("error"));
    }

    /// <summary>The instructions; null, with diagnostics, when the assembly is malformed or there is none.</summary>
    public EbpfInstruction[]? Assemble(DiagnosticBag diagnostics)
    {
        if (Raw is not null)
            return Raw.Length % EbpfInstruction.Size == 0 ? MemoryMarshal.Cast<byte, EbpfInstruction>(Raw).ToArray() : null;
        return Asm is null ? null : Assembler.Assemble(Asm, diagnostics) is { } code && !diagnostics.HasErrors ? [.. code.Instructions] : null;
    }

    private static ulong Number(string text)
        => text.StartsWith("0x", StringComparison.Ordinal) ? ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber) : ulong.Parse(text);

    /// <summary>Hex bytes, or 64-bit words when they begin with 0x.</summary>
    private static byte[] Bytes(string text)
    {
        var bytes = new List<byte>();
        foreach (string line in text.Split('\n'))
        {
            foreach (string word in line.Split('#')[0].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            {
                if (word.StartsWith("0x", StringComparison.Ordinal))
                    bytes.AddRange(BitConverter.GetBytes(ulong.Parse(word.AsSpan(2), NumberStyles.HexNumber)));
                else
                    bytes.Add(byte.Parse(word, NumberStyles.HexNumber));
            }
        }
        return [.. bytes];
    }
}
