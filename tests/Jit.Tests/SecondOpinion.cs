// Two independent disassemblers must read the same: what Iced or Capstone say of emitted code against what LLVM says of it. They
// spell alike but for sizes of memory operands, the order inside brackets, names of ARM registers and the base of numbers.
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Ebpfcc.Jit.Llvm;
using Xunit;

namespace Ebpfcc.Jit.Tests;

internal static partial class SecondOpinion
{
    /// <summary>Runs all facts of an emitter's test class on an instance whose checks also ask LLVM.</summary>
    public static void Ask<TTests>(Architecture architecture, Action<TTests, LlvmDisassembler> prepare)
        where TTests : new()
    {
        string? library = Environment.GetEnvironmentVariable("EBPFCC_LLVM");
        using LlvmDisassembler? llvm = LlvmDisassembler.TryCreate(architecture, string.IsNullOrEmpty(library) ? null : library, out string? whyNot);
        Assert.True(llvm is not null, whyNot);
        var tests = new TTests();
        prepare(tests, llvm);
        foreach (MethodInfo method in typeof(TTests).GetMethods())
        {
            if (method.GetCustomAttribute<FactAttribute>()?.GetType() == typeof(FactAttribute))
                method.Invoke(tests, []);
        }
    }

    /// <summary>LLVM reads the lines that the first disassembler read.</summary>
    /// <param name="isDiscouraged">Forms that the processor has but LLVM refuses to decode, because the architecture advises against them.</param>
    public static void Agrees(LlvmDisassembler llvm, ReadOnlySpan<byte> code, IReadOnlyList<string> lines, int unit = 0, Func<string, bool>? isDiscouraged = null)
    {
        int at = 0;
        var differences = new List<string>();
        foreach (string line in lines)
        {
            string text = "";
            do
            {
                int length = llvm.Decode(code[at..], (ulong)at, out string part);
                text = (text + ' ' + part).Trim();
                at += length > 0 ? length : unit;
                Assert.True(length > 0 || unit > 0, $"'{line}': LLVM reads nothing from {Convert.ToHexString(code.Slice(at, Math.Min(15, code.Length - at)))}");
            }
            while (text == "lock"); // some versions take the prefix for an instruction
            (string form, List<long> numbers) = Parse(text);
            (string expectedForm, List<long> expectedNumbers) = Parse(line);
            bool isSame = form == expectedForm && numbers.Count == expectedNumbers.Count && numbers.Zip(expectedNumbers).All(pair => AreSame(pair.First, pair.Second));
            if (!isSame && !(text.Length == 0 && isDiscouraged?.Invoke(line) == true))
                differences.Add($"'{line}' is '{text}' to LLVM");
        }
        Assert.True(differences.Count == 0, $"{differences.Count} of {lines.Count}:\n{string.Join("\n", differences.Take(40))}");
    }

    /// <summary>One may print the bits that the other prints as a signed number.</summary>
    private static bool AreSame(long number, long expected)
    {
        foreach (int width in new[] { 8, 16, 32 })
        {
            if (expected >> width == 0 && (number & ((1L << width) - 1)) == expected)
                return true;
        }
        return number == expected;
    }

    private static (string Form, List<long> Numbers) Parse(string text)
    {
        text = Spelling().Replace(text.ToLowerInvariant(), "").Replace("movabs ", "mov ").Replace(" + ", "+").Replace(" - ", "-");
        foreach ((string name, string number) in new[] { ("sb", "r9"), ("sl", "r10"), ("fp", "r11"), ("ip", "r12") })
            text = Regex.Replace(text, $@"\b{name}\b", number);
        text = ScaledIndex().Replace(text, "$2*$1"); // 4*rcx is rcx*4
        text = Product().Replace(text, "imul $1, ");
        if (text.StartsWith("sh", StringComparison.Ordinal) || text.StartsWith("sar", StringComparison.Ordinal) || text.StartsWith("ro", StringComparison.Ordinal))
            text = text.EndsWith(", 1") ? text[..^3] : text;
        var numbers = new List<long>();
        text = Number().Replace(text, match =>
        {
            bool isNegative = match.Value[0] == '-';
            string digits = match.Value.TrimStart('-');
            ulong value = digits.StartsWith("0x", StringComparison.Ordinal) ? ulong.Parse(digits.AsSpan(2), NumberStyles.HexNumber) : ulong.Parse(digits);
            numbers.Add(isNegative ? -(long)value : (long)value);
            return "#";
        });
        return (text, numbers);
    }

    [GeneratedRegex(@"\b(byte|word|dword|qword) ptr ")]
    private static partial Regex Spelling();

    [GeneratedRegex(@"\b([1248])\*(r[a-z0-9]+)")]
    private static partial Regex ScaledIndex();

    [GeneratedRegex(@"^imul ([a-z0-9]+), \1, ")]
    private static partial Regex Product();

    [GeneratedRegex(@"-?\b(0x[0-9a-f]+|[0-9]+)\b")]
    private static partial Regex Number();
}
