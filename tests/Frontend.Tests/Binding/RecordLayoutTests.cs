// Sizes, alignments and offsets against clang for the same target: fixed structures that users write, and random ones.
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Frontend.Tests.Binding;

public sealed class RecordLayoutTests
{
    /// <summary>Writes random structures; the same seed writes the same ones.</summary>
    private sealed class Generator(int seed)
    {
        private static readonly string[] s_types =
            ["char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned", "long", "unsigned long", "long long", "_Bool", "void *", "enum e", "__int128", "float", "double", "aligned_int", "loose_long"];

        private static readonly (string Name, int Bits)[] s_bitTypes =
            [("char", 8), ("unsigned char", 8), ("short", 16), ("unsigned short", 16), ("int", 32), ("unsigned", 32), ("long", 64), ("unsigned long long", 64), ("_Bool", 1), ("enum e", 32)];

        private readonly Random _random = new(seed);
        private readonly StringBuilder _text = new();
        private int _members;

        public string Write(int count)
        {
            _text.Append("enum e { A, B, C = 7 };\ntypedef int aligned_int __attribute__((aligned(8)));\ntypedef long loose_long __attribute__((aligned(2)));\n");
            for (int i = 0; i < count; i++)
            {
                bool hasPack = _random.Next(6) == 0;
                if (hasPack)
                    _text.Append(CultureInfo.InvariantCulture, $"#pragma pack(push, {1 << _random.Next(4)})\n");
                WriteRecord($"s{i}", i, 0);
                _text.Append(";\n");
                if (hasPack)
                    _text.Append("#pragma pack(pop)\n");
            }
            return _text.ToString();
        }

        private void WriteRecord(string tag, int index, int depth)
        {
            _text.Append(_random.Next(5) == 0 ? "union " : "struct ").Append(tag).Append(" { ");
            int members = _random.Next(1, 7);
            for (int i = 0; i < members; i++)
            {
                string name = $"m{index}_{depth}_{_members++}";
                switch (_random.Next(10))
                {
                    case < 4:
                        (string type, int bits) = s_bitTypes[_random.Next(s_bitTypes.Length)];
                        int width = _random.Next(0, bits + 1);
                        _text.Append(CultureInfo.InvariantCulture, $"{type} {(width == 0 || _random.Next(8) == 0 ? "" : name)} : {width}");
                        WriteAttributes(4);
                        _text.Append("; ");
                        break;
                    case 4 when depth < 2:
                        WriteRecord("", index, depth + 1);
                        _text.Append(_random.Next(2) == 0 ? " " : " " + name).Append("; ");
                        break;
                    case 5 when index > 0:
                        _text.Append(CultureInfo.InvariantCulture, $"typeof(*(struct_{_random.Next(index)})0) {name}; ");
                        break;
                    default:
                        string plain = s_types[_random.Next(s_types.Length)];
                        _text.Append(plain).Append(' ').Append(name);
                        // An element's size must be a multiple of its alignment.
                        if (_random.Next(5) == 0 && plain != "aligned_int")
                            _text.Append(CultureInfo.InvariantCulture, $"[{_random.Next(0, 4)}]");
                        WriteAttributes(6);
                        _text.Append("; ");
                        break;
                }
            }
            _text.Append('}');
            WriteAttributes(4);
            if (depth == 0)
                _text.Append(CultureInfo.InvariantCulture, $";\ntypedef typeof({(_text.ToString().LastIndexOf($"union {tag} ", StringComparison.Ordinal) > _text.ToString().LastIndexOf($"struct {tag} ", StringComparison.Ordinal) ? "union" : "struct")} {tag}) *struct_{index}");
        }

        private void WriteAttributes(int rarity)
        {
            if (_random.Next(rarity) == 0)
                _text.Append(" __attribute__((packed))");
            if (_random.Next(rarity * 2) == 0)
                _text.Append(CultureInfo.InvariantCulture, $" __attribute__((aligned({1 << _random.Next(5)})))");
        }
    }

    [OracleTheory(Oracle.Clang)]
    [InlineData(1), InlineData(2), InlineData(3)]
    public void Random_records_are_laid_out_as_clang_does(int seed)
    {
        const int count = 150;
        string text = new Generator(seed).Write(count);
        var source = new StringBuilder(text);
        for (int i = 0; i < count; i++)
            source.Append(CultureInfo.InvariantCulture, $"unsigned long size_{i} = sizeof(*(struct_{i})0), align_{i} = _Alignof(typeof(*(struct_{i})0));\n");
        // Offsets of what has one; bit-fields are compared through the bytes of an object with only that field set.
        foreach (Match match in Regex.Matches(text, @"m(\d+)_0_\d+\b(?! *:)"))
        {
            if (!text[(match.Index + match.Length)..].StartsWith(" :", StringComparison.Ordinal))
                source.Append(CultureInfo.InvariantCulture, $"unsigned long offset_{match.Value} = __builtin_offsetof(typeof(*(struct_{match.Groups[1].Value})0), {match.Value});\n");
        }
        BinderRun run = BinderRun.Bind(source.ToString());
        Assert.False(run.Bag.HasErrors, run.Diagnostics);
        var check = new StringBuilder(text);
        foreach (var variable in run.Unit.Globals)
        {
            Int128 value = ((BoundLiteral)variable.Initializer!.Entries[0].Value).Value;
            string[] parts = variable.Name.Split('_', 2);
            string expression = parts[0] switch
            {
                "size" => $"sizeof(*(struct_{parts[1]})0)",
                "align" => $"_Alignof(typeof(*(struct_{parts[1]})0))",
                _ => $"__builtin_offsetof(typeof(*(struct_{parts[1][1..parts[1].IndexOf('_')]})0), {parts[1]})",
            };
            check.Append(CultureInfo.InvariantCulture, $"_Static_assert({expression} == {value}, \"{variable.Name} is not {value}\");\n");
        }
        (int exit, _, string error) = Oracles.Run(Oracles.Program(Oracle.Clang), ["-target", "bpf", "-fsyntax-only", "-ferror-limit=20", "-w", "-x", "c", "-"], check.ToString());
        Assert.True(exit == 0, error + text);
    }

    [OracleTheory(Oracle.Clang)]
    [InlineData(11), InlineData(12)]
    public void Bit_fields_lie_where_clang_puts_them(int seed)
    {
        const int count = 120;
        string text = new Generator(seed).Write(count);
        BinderRun run = BinderRun.Bind(text + string.Concat(Enumerable.Range(0, count).Select(i => $"typeof(*(struct_{i})0) object_{i};\n")));
        Assert.False(run.Bag.HasErrors, run.Diagnostics);
        string dump = string.Concat(Enumerable.Range(0, count).Select(i => $"unsigned long size_{i} = sizeof(*(struct_{i})0);\n"));
        (int exit, string output, string error) = Oracles.Run(Oracles.Program(Oracle.Clang),
            ["-target", "bpf", "-fsyntax-only", "-w", "-Xclang", "-fdump-record-layouts-simple", "-x", "c", "-"], text + dump);
        Assert.True(exit == 0, error);
        // Type: struct s3 ... FieldOffsets: [0, 32, 40]
        var offsets = new Dictionary<string, string>();
        foreach (Match match in Regex.Matches(output, @"Type: (?:struct|union) (s\d+)\s.*?FieldOffsets: \[([^\]]*)\]", RegexOptions.Singleline))
            offsets[match.Groups[1].Value] = match.Groups[2].Value;
        Assert.NotEmpty(offsets);
        foreach (var variable in run.Unit.Globals)
        {
            var record = (Symbols.RecordType)variable.Type.Canonical;
            if (offsets.TryGetValue(record.Tag!, out string? expected))
                Assert.Equal($"{record.Tag}: {expected}", $"{record.Tag}: {string.Join(", ", record.Fields.Select(field => field.BitOffset))}");
        }
    }
}
