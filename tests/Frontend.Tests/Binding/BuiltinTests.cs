// What builtins fold to, and that every row of the table is bound without falling over, whatever it is given.
using Ebpfcc.Frontend.Binding;
using Xunit;

namespace Ebpfcc.Frontend.Tests.Binding;

public sealed class BuiltinTests
{
    [Theory]
    [InlineData("__builtin_strlen(\"four\")", 4)]
    [InlineData("__builtin_strcmp(\"==\", \"==\")", 0)]
    [InlineData("__builtin_strcmp(\"<=\", \"<\") > 0", 1)]
    [InlineData("__builtin_strncmp(\"abc\", \"abd\", 2)", 0)]
    [InlineData("__builtin_bswap16(0x1234)", 0x3412)]
    [InlineData("__builtin_bswap32(0x12345678)", 0x78563412)]
    [InlineData("__builtin_bswap64(1) == 0x0100000000000000", 1)]
    [InlineData("__builtin_clz(1)", 31)]
    [InlineData("__builtin_clzll(1)", 63)]
    [InlineData("__builtin_ctz(8)", 3)]
    [InlineData("__builtin_popcountl(-1)", 64)]
    [InlineData("__builtin_ffs(0)", 0)]
    [InlineData("__builtin_parity(7)", 1)]
    [InlineData("__builtin_abs(-3)", 3)]
    [InlineData("__builtin_constant_p(3)", 1)]
    [InlineData("__builtin_constant_p(\"text\")", 1)]
    [InlineData("__builtin_constant_p(object)", 0)]
    [InlineData("__builtin_constant_p(!!&weak)", 0)]
    [InlineData("__builtin_constant_p(!!&object)", 1)]
    [InlineData("__builtin_choose_expr(1, 2, 3)", 2)]
    [InlineData("__builtin_types_compatible_p(int, const int)", 1)]
    [InlineData("__builtin_types_compatible_p(int *, const int *)", 0)]
    [InlineData("__builtin_object_size(array + 1, 0)", 12)]
    [InlineData("__builtin_offsetof(struct s, b[2].c)", 20)]
    [InlineData("__builtin_expect(3, 1)", 3)]
    [InlineData("__atomic_always_lock_free(8, 0)", 1)]
    [InlineData("(int)2.5e1", 25)]
    [InlineData("sizeof(1.0f + 1)", 4)]
    public void Folds(string expression, long expected)
    {
        BinderRun run = BinderRun.Bind($"int object; extern int weak __attribute__((weak)); int array[4]; struct s {{ int a; struct {{ int c; int d; }} b[4]; }}; long result = {expression};");
        Assert.Equal("", run.Diagnostics);
        Assert.Equal(expected, ((BoundLiteral)run.Unit.Globals.Single(variable => variable.Name == "result").Initializer!.Entries[0].Value).Value);
    }

    public static TheoryData<string> Names => [.. BuiltinTable.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_row_survives_any_operands(string name)
    {
        foreach (string operands in new[] { "", "1", "p", "p, 1", "p, p", "1, 2, &i", "p, 1, 5", "p, p, 8", "p, 0, 1, 5", "p, &i, 1, 0, 5, 5", "p, &i, &i, 0, 5, 5", "s, s", "int, int", "\"a\", \"b\"", "undeclared", "*p, 0", "1.5" })
        {
            BinderRun run = BinderRun.Bind($"void *memcpy(void *, const void *, unsigned long); struct s {{ int a; }}; int f(int *p, int i, struct s s) {{ {name}({operands}); return i; }}");
            BoundTreePrinter.Print(run.Unit);
        }
    }
}
