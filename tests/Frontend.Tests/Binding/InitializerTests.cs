// Initializers against gcc: random aggregates with random lists (braces left out here and there, designators, ranges, strings,
// bit-fields) must put the same bytes in the same places.
using System.Globalization;
using System.Text;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Frontend.Tests.Binding;

public sealed class InitializerTests
{
    private sealed class Generator(int seed)
    {
        private abstract record Shape;

        private sealed record Scalar : Shape;

        private sealed record Text(int Length) : Shape;

        private sealed record Array(Shape Element, int Length) : Shape;

        private sealed record Aggregate(bool IsUnion, List<(string Name, Shape Shape)> Fields) : Shape;

        private readonly Random _random = new(seed);
        private int _names;

        public string Write(int count)
        {
            var text = new StringBuilder();
            for (int i = 0; i < count; i++)
            {
                var declaration = new StringBuilder();
                Shape shape = _random.Next(4) == 0 ? new Array(Record(declaration, 1), _random.Next(1, 4)) : Record(declaration, 0);
                string bound = shape is Array array ? _random.Next(3) == 0 ? "[]" : $"[{array.Length}]" : "";
                text.Append(CultureInfo.InvariantCulture, $"{declaration} v{i}{bound} = {Braced(shape, bound == "[]")};\n");
            }
            return text.ToString();
        }

        private Aggregate Record(StringBuilder text, int depth)
        {
            bool isUnion = _random.Next(6) == 0;
            text.Append(isUnion ? "union { " : "struct { ");
            var fields = new List<(string, Shape)>();
            int count = _random.Next(1, 5);
            for (int i = 0; i < count; i++)
            {
                string name = $"f{_names++}";
                switch (_random.Next(8))
                {
                    case 0 when depth < 3:
                        Aggregate inner = Record(text, depth + 1);
                        if (_random.Next(3) == 0)
                        {
                            // Anonymous: its members count as ours for designators, itself for order.
                            text.Append("; ");
                            fields.Add(("", inner));
                        }
                        else
                        {
                            text.Append(CultureInfo.InvariantCulture, $" {name}; ");
                            fields.Add((name, inner));
                        }
                        break;
                    case 1:
                        int length = _random.Next(1, 5);
                        text.Append(CultureInfo.InvariantCulture, $"char {name}[{length}]; ");
                        fields.Add((name, new Text(length)));
                        break;
                    case 2:
                        int elements = _random.Next(1, 4);
                        text.Append(CultureInfo.InvariantCulture, $"short {name}[{elements}]; ");
                        fields.Add((name, new Array(new Scalar(), elements)));
                        break;
                    case 3:
                        text.Append(CultureInfo.InvariantCulture, $"unsigned {name} : {_random.Next(1, 20)}; ");
                        fields.Add((name, new Scalar()));
                        break;
                    default:
                        text.Append(CultureInfo.InvariantCulture, $"{(_random.Next(3) switch { 0 => "int", 1 => "long", _ => "unsigned char" })} {name}; ");
                        fields.Add((name, new Scalar()));
                        break;
                }
            }
            text.Append('}');
            return new Aggregate(isUnion, fields);
        }

        private string Braced(Shape shape, bool isUnsized)
        {
            switch (shape)
            {
                case Text text when _random.Next(2) == 0:
                    return $"{{ \"{new string('x', _random.Next(0, text.Length + 1))}\" }}";
                case Text text:
                    return Braced(new Array(new Scalar(), text.Length), false);
                case Array array:
                    var items = new List<string>();
                    int at = 0;
                    while (at < array.Length && (items.Count == 0 || _random.Next(4) != 0))
                    {
                        string prefix = "";
                        if (_random.Next(4) == 0)
                        {
                            at = _random.Next(array.Length);
                            int last = _random.Next(at, array.Length);
                            prefix = last > at && array.Element is Scalar ? $"[{at} ... {last}] = " : $"[{at}] = ";
                            at = last > at && array.Element is Scalar ? last : at;
                        }
                        items.Add(prefix + Item(array.Element));
                        at++;
                    }
                    return isUnsized && items.Count == 0 ? "{ 0 }" : $"{{ {string.Join(", ", items)} }}";
                case Aggregate record:
                    var values = new List<string>();
                    int field = 0;
                    while (field < record.Fields.Count && (values.Count == 0 || _random.Next(5) != 0))
                    {
                        string prefix = "";
                        if (_random.Next(4) == 0 && record.Fields.FindAll(candidate => candidate.Name.Length > 0) is { Count: > 0 } named && !record.IsUnion)
                        {
                            string name = named[_random.Next(named.Count)].Name;
                            field = record.Fields.FindIndex(candidate => candidate.Name == name);
                            prefix = $".{name} = ";
                        }
                        values.Add(prefix + Item(record.Fields[field].Shape));
                        field++;
                        if (record.IsUnion)
                            break;
                    }
                    return $"{{ {string.Join(", ", values)} }}";
                default:
                    return Number();
            }
        }

        /// <summary>A value with braces, or without them as many values as the shape takes.</summary>
        private string Item(Shape shape)
        {
            if (shape is Scalar)
                return Number();
            if (shape is Text text && _random.Next(2) == 0)
                return $"\"{new string('y', _random.Next(0, text.Length + 1))}\"";
            return _random.Next(2) == 0 ? Braced(shape, false) : Flat(shape);
        }

        private string Flat(Shape shape) => shape switch
        {
            Scalar => Number(),
            Text text => string.Join(", ", Enumerable.Range(0, text.Length).Select(_ => Number())),
            Array array => string.Join(", ", Enumerable.Range(0, array.Length).Select(_ => Flat(array.Element))),
            Aggregate { IsUnion: true } union => Flat(union.Fields[0].Shape),
            Aggregate record => string.Join(", ", record.Fields.Select(field => Flat(field.Shape))),
            _ => throw new InvalidOperationException(),
        };

        private string Number() => _random.Next(1, 100).ToString(CultureInfo.InvariantCulture);
    }

    [OracleTheory(Oracle.Gcc)]
    [InlineData(1), InlineData(2), InlineData(3)]
    public void Bytes_are_gccs(int seed)
    {
        const int count = 150;
        string text = new Generator(seed).Write(count);
        BinderRun run = BinderRun.Bind(text);
        Assert.False(run.Bag.HasErrors, run.Diagnostics + text);
        var source = new StringBuilder(text + "int printf(const char *, ...);\nint main(void) {\n");
        for (int i = 0; i < count; i++)
            source.Append(CultureInfo.InvariantCulture, $"for (unsigned i = 0; i < sizeof(v{i}); i++) printf(\"%02x\", ((unsigned char *)&v{i})[i]); printf(\"\\n\");\n");
        source.Append("}\n");
        string program = Path.Combine(Repository.Cache, $"initializers-{seed}-{Environment.ProcessId}");
        try
        {
            (int exit, _, string error) = Oracles.Run(Oracles.Program(Oracle.Gcc), ["-w", "-O0", "-x", "c", "-", "-o", program], source.ToString());
            Assert.True(exit == 0, error);
            string[] expected = Oracles.Run(program, []).Output.Split('\n');
            string[] lines = text.Split('\n');
            for (int i = 0; i < count; i++)
                Assert.Equal(lines[i] + "\n" + expected[i], lines[i] + "\n" + Convert.ToHexStringLower(Bytes(run.Unit.Globals.Single(variable => variable.Name == $"v{i}"))));
        }
        finally
        {
            File.Delete(program);
        }
    }

    /// <summary>Plays an initializer's stores.</summary>
    private static byte[] Bytes(VariableSymbol variable)
    {
        BoundInitializer initializer = variable.Initializer!;
        byte[] bytes = new byte[initializer.ObjectSize];
        foreach (BoundInitializerEntry entry in initializer.Entries)
        {
            if (entry.Value is BoundStringLiteral text)
            {
                // An array is as long as its type says; the rest of it is zero.
                bytes.AsSpan((int)entry.Offset, (int)entry.Type.Type.Size).Clear();
                text.Bytes.CopyTo(bytes, (int)entry.Offset);
                continue;
            }
            var value = (UInt128)((BoundLiteral)entry.Value).Value;
            int width = entry.BitField?.BitWidth ?? (int)entry.Type.Type.Size * 8;
            int first = entry.BitField is { } field ? (int)(field.BitOffset & 7) : 0;
            for (int bit = 0; bit < width; bit++)
            {
                int position = first + bit;
                ref byte target = ref bytes[entry.Offset + (position / 8)];
                target = (byte)((target & ~(1 << (position % 8))) | ((int)((value >> bit) & 1) << (position % 8)));
            }
        }
        return bytes;
    }
}
