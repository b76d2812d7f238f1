// Constant expressions against gcc: random integer expressions are folded here, and gcc must agree with each value and type.
using System.Globalization;
using System.Text;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Frontend.Tests.Binding;

public sealed class ConstantExpressionTests
{
    private sealed class Generator(int seed)
    {
        private static readonly string[] s_operators = ["+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^", "<", ">", "<=", ">=", "==", "!=", "&&", "||"];
        private static readonly string[] s_types = ["char", "unsigned char", "short", "unsigned short", "int", "unsigned", "long", "unsigned long", "_Bool", "long long", "unsigned long long", "__int128", "unsigned __int128"];
        private static readonly string[] s_leaves = ["0", "1", "2", "7", "-1", "0x7fffffff", "0x80000000", "0xffffffff", "4294967296", "9223372036854775807", "0x8000000000000000", "1u", "3ul", "'a'", "sizeof(int)", "E1", "E2", "E3", "0b101", "077"];

        private readonly Random _random = new(seed);

        public string Next(int depth)
        {
            if (depth == 0 || _random.Next(6) == 0)
                return s_leaves[_random.Next(s_leaves.Length)];
            switch (_random.Next(8))
            {
                case 0:
                    return $"({s_types[_random.Next(s_types.Length)]})({Next(depth - 1)})";
                case 1:
                    return (_random.Next(4) switch { 0 => "-", 1 => "~", 2 => "!", _ => "+" }) + $"({Next(depth - 1)})";
                case 2:
                    return $"({Next(depth - 1)}) ? ({Next(depth - 1)}) : ({Next(depth - 1)})";
                default:
                    string operation = s_operators[_random.Next(s_operators.Length)];
                    string right = operation is "<<" or ">>" ? _random.Next(31).ToString(CultureInfo.InvariantCulture) : operation is "/" or "%" ? $"(({Next(depth - 1)}) | 1)" : $"({Next(depth - 1)})";
                    return $"({Next(depth - 1)}) {operation} {right}";
            }
        }
    }

    [OracleTheory(Oracle.Gcc)]
    [InlineData(1), InlineData(2)]
    public void Folded_values_and_types_are_gccs(int seed)
    {
        const int count = 400;
        const string types = "char: 1, signed char: 2, unsigned char: 3, short: 4, unsigned short: 5, int: 6, unsigned: 7, long: 8, unsigned long: 9, long long: 10, unsigned long long: 11, __int128: 12, unsigned __int128: 13, _Bool: 14";
        var generator = new Generator(seed);
        var source = new StringBuilder("enum { E1 = -5, E2 = 3, E3 = 0x7fffffff };\n");
        var expressions = new List<string>();
        for (int i = 0; i < count; i++)
        {
            expressions.Add(generator.Next(4));
            source.Append(CultureInfo.InvariantCulture, $"__int128 value_{i} = {expressions[i]};\nint type_{i} = _Generic(({expressions[i]}), {types});\n");
        }
        BinderRun run = BinderRun.Bind(source.ToString());
        Assert.False(run.Bag.HasErrors, run.Diagnostics);
        var check = new StringBuilder("enum { E1 = -5, E2 = 3, E3 = 0x7fffffff };\n#define WIDE(high, low) ((__int128)(((unsigned __int128)(high) << 64) | (low)))\n");
        foreach (var variable in run.Unit.Globals)
        {
            int index = int.Parse(variable.Name.AsSpan(variable.Name.IndexOf('_') + 1), CultureInfo.InvariantCulture);
            var value = (UInt128)((BoundLiteral)variable.Initializer!.Entries[0].Value).Value;
            // gcc warns about overflow and does not take such an expression for constant in an assertion: compare objects instead.
            check.Append(variable.Name[0] == 't'
                ? $"_Static_assert(_Generic(({expressions[index]}), {types}) == {value}, \"{variable.Name}\");\n"
                : $"__int128 a_{index} = {expressions[index]}; unsigned long h_{index} = {(ulong)(value >> 64)}ul, l_{index} = {(ulong)value}ul;\n");
        }
        check.Append("int printf(const char *, ...);\nint main(void) { int bad = 0;\n");
        for (int i = 0; i < count; i++)
            check.Append(CultureInfo.InvariantCulture, $"if (a_{i} != WIDE(h_{i}, l_{i})) {{ bad = 1; printf(\"value_%d: %lx %lx\\n\", {i}, (unsigned long)(a_{i} >> 64), (unsigned long)a_{i}); }}\n");
        check.Append("return bad; }\n");
        string program = Path.Combine(Repository.Cache, $"constants-{seed}-{Environment.ProcessId}");
        try
        {
            (int exit, _, string error) = Oracles.Run(Oracles.Program(Oracle.Gcc), ["-w", "-O0", "-x", "c", "-", "-o", program], check.ToString());
            Assert.True(exit == 0, error);
            (exit, string output, _) = Oracles.Run(program, []);
            Assert.True(exit == 0, output + "\n" + string.Join('\n', expressions.Select((text, i) => $"{i}: {text}")));
        }
        finally
        {
            File.Delete(program);
        }
    }
}
