// CO-RE relocations as lowering describes them: kinds, roots and access paths, for the shapes that clang was compared on.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Debug;
using Xunit;

namespace Ebpfcc.Frontend.Tests.Lowering;

public class CoReTests
{
    private const string Types = """
        #define __pai __attribute__((preserve_access_index))
        typedef unsigned int u32; typedef unsigned long u64;
        struct inner { int a; int arr[4]; struct { int deep; char c; }; } __pai;
        struct outer { u64 first; struct inner in[3]; struct inner *ptr; u32 bits : 5, more : 9; union { int u1; long u2; }; const char *name; } __pai;
        typedef struct { int x, y; } __pai anon_t;
        struct plain { int p; struct inner q; };
        enum e { E_A = 3, E_B = 7 };
        """;

    [Theory]
    [InlineData("struct outer *o", "o->in[2].arr[1]", "outer 0:1:2:1:1 FieldByteOffset 72")]
    [InlineData("struct outer *o", "o->ptr->deep", "outer 0:2 FieldByteOffset 96; inner 0:2:0 FieldByteOffset 20")]
    [InlineData("struct outer *o", "o->u1", "outer 0:5:0 FieldByteOffset 112")]
    [InlineData("struct outer *o", "o[1].first", "outer 1:0 FieldByteOffset 128")]
    [InlineData("struct outer *o, long i", "o->in[i].a", "outer 0:1 FieldByteOffset 8; inner 0:0 FieldByteOffset 0")]
    [InlineData("struct outer *o", "(long)&o->in[1]", "outer 0:1:1 FieldByteOffset 36")]
    [InlineData("struct outer *o", "o->in->c", "outer 0:1:0:2:1 FieldByteOffset 32")]
    [InlineData("anon_t *o", "o->y", "anon_t 0:1 FieldByteOffset 4")]
    [InlineData("struct plain *o", "o->q.arr[1] + o->p", "inner 0:1:1 FieldByteOffset 8")]
    [InlineData("struct plain *o", "*(int *)__builtin_preserve_access_index(&o->q.arr[2])", "plain 0:1:1:2 FieldByteOffset 16")]
    [InlineData("struct outer *o", "__builtin_preserve_field_info(o->more, 1)", "outer 0:4 FieldByteSize 8")]
    [InlineData("struct outer *o", "__builtin_preserve_field_info(o->more, 4)", "outer 0:4 FieldLeftShift 50")]
    [InlineData("struct outer *o", "__builtin_preserve_field_info(o->more, 5)", "outer 0:4 FieldRightShift 55")]
    [InlineData("struct outer *o", "__builtin_preserve_field_info(o->name, 2)", "outer 0:6 FieldExists 1")]
    [InlineData("void *o", "__builtin_preserve_type_info(*(struct outer *)0, 1)", "outer 0 TypeSize 128")]
    [InlineData("void *o", "__builtin_preserve_enum_value(*(enum e *)E_B, 1)", "e 1 EnumValue 7")]
    public void Accesses_become_relocations(string parameters, string expression, string expected)
    {
        string source = $"{Types}\nlong f({parameters}) {{ return {expression}; }}\n";
        Compilation compilation = Compilation.Run(new SourceText("core.c", source), new CompilationOptions { LastStage = CompilationStage.Ir }, new MemoryFileSystem());
        Assert.Empty(compilation.Diagnostics.Items.Select(item => item.Message));
        Function function = compilation.Ir!.Functions.Single(candidate => candidate.Symbol == "f");
        var found = new List<string>();
        foreach (BasicBlock block in function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (instruction is CoreRelocationInstruction relocation)
                    found.Add($"{Name(relocation.Root)} {relocation.AccessPath} {relocation.Kind} {relocation.LocalValue}");
            }
        }
        Assert.Equal(expected, string.Join("; ", found));
    }

    private static string? Name(DebugType type) => type switch
    {
        DebugRecordType record => record.Name,
        DebugTypedef typedef => typedef.Name,
        DebugEnumType enumeration => enumeration.Name,
        _ => type.GetType().Name,
    };
}
