// Every law of the IR, broken once.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ir.Passes;
using Ebpfcc.Ir.Text;
using Ebpfcc.Ir.Verification;
using Xunit;

namespace Ebpfcc.Ir.Tests;

public class VerifierTests
{
    [Theory]
    [InlineData("e:\n  %x = add i32 %a, 1", "has no terminator")]
    [InlineData("e:\n  br f\nf:\n  %x = alloca 4 align 4\n  ret i32 0", "stands outside the entry block")]
    [InlineData("e:\n  br f\nf:\n  condbr true, f, e\n", "the entry block has predecessors")]
    [InlineData("e:\n  br f\nf:\n  %x = phi i32 [1, e], [2, e]\n  ret i32 %x", "has 2 operands for 1 edges")]
    [InlineData("e:\n  condbr true, f, f\nf:\n  %x = phi i32 [1, e], [2, e]\n  ret i32 %x", "takes two values from e")]
    [InlineData("e:\n  condbr true, f, g\nf:\n  br h\ng:\n  br h\nh:\n  %x = phi i32 [1, f], [2, f]\n  ret i32 %x", "has no value for the edge from g")]
    [InlineData("e:\n  br f\nf:\n  %y = add i32 1, 2\n  %x = phi i32 [1, e]\n  ret i32 %x", "stands behind other instructions")]
    [InlineData("e:\n  condbr true, f, g\nf:\n  %x = add i32 %a, 1\n  br g\ng:\n  ret i32 %x", "is not defined on every path here")]
    [InlineData("e:\n  %x = add i32 %y, 1\n  %y = add i32 %a, 1\n  ret i32 %x", "is not defined on every path here")]
    [InlineData("e:\n  %x = zext i32 %a to i16\n  ret i32 0", "does not widen")]
    [InlineData("e:\n  %x = trunc i32 %a to i32\n  ret i32 0", "does not narrow")]
    [InlineData("e:\n  %x = bswap i8 1\n  ret i32 0", "has no bytes to swap")]
    [InlineData("e:\n  ret i64 1", "the function returns i32")]
    [InlineData("e:\n  ret", "the function returns i32")]
    [InlineData("e:\n  switch i32 %a, f [1: f, 1: f]\nf:\n  ret i32 0", "case 1 occurs twice")]
    [InlineData("e:\n  %x = call i32 (i32) ptr 1()\n  ret i32 %x", "has 0 arguments for 1 parameters")]
    [InlineData("e:\n  %p = alloca 4 align 3\n  ret i32 0", "has a bad size or alignment")]
    [InlineData("e:\n  %x = packetload 24 null, i32 0\n  ret i32 0", "the width is not 8, 16 or 32")]
    [InlineData("e:\n  %x = cmp eq i32 %a, 1\n  %y = and i1 %x, true\n  %z = select %y, i32 %a, 1\n  ret i32 %z", null)]
    public void Laws(string body, string? problem)
    {
        List<string> problems = IrVerifier.Check(ModuleParser.Parse($"define i32 @f(i32 %a) {{\n{body}\n}}"));
        if (problem is null)
            Assert.Empty(problems);
        else
            Assert.Contains(problems, text => text.Contains(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void Operand_types_follow_the_table()
    {
        var function = new Function("f", new FunctionSignature(IrType.I32, [IrType.I32, IrType.I64]));
        var builder = new IrBuilder(function.AddBlock());
        Value mixed = builder.Insert(new Instruction(IrOpcode.Add, IrType.I32, function.Parameters[0], function.Parameters[1]));
        builder.Insert(new Instruction(IrOpcode.Load, IrType.I32, function.Parameters[0]));
        builder.Return(mixed);
        List<string> problems = IrVerifier.Check(function);
        Assert.Contains(problems, text => text.Contains("operand 1 is i64, not SameAsResult", StringComparison.Ordinal));
        Assert.Contains(problems, text => text.Contains("operand 0 is i32, not Ptr", StringComparison.Ordinal));
    }

    [Fact]
    public void A_broken_pass_is_named()
    {
        Module module = ModuleParser.Parse("define i32 @victim(i32 %a) {\ne:\n  ret i32 %a\n}");
        var context = new PassContext(module, new OptimizationOptions { VerifyEach = true });
        var breaking = new PassRow("breaking", "", (function, _) =>
        {
            function.Entry.Terminator!.Erase();
            return true;
        });
        var throwing = new PassRow("throwing", "", (_, _) => throw new InvalidOperationException("oops"));
        Assert.Contains("breaking", Assert.Throws<InternalCompilerException>(() => Optimizer.RunPass(breaking, context)).Message);
        InternalCompilerException thrown = Assert.Throws<InternalCompilerException>(() => Optimizer.RunPass(throwing, context));
        Assert.Equal(("throwing", "victim"), (thrown.Pass, thrown.Function));
    }

    [Theory]
    [InlineData("define internal alwaysinline void @f() {\ne:\n  call void () @f()\n  ret\n}\ndefine void @main() {\ne:\n  call void () @f()\n  ret\n}", "EBC3901")]
    [InlineData("define internal alwaysinline void @f() {\ne:\n  call void () @g()\n  ret\n}\ndefine internal alwaysinline void @g() {\ne:\n  call void () @f()\n  ret\n}\ndefine void @main() {\ne:\n  call void () @f()\n  ret\n}", "EBC3901")]
    [InlineData("define internal alwaysinline void @f(...) {\ne:\n  ret\n}\ndefine void @main() {\ne:\n  call void (...) @f(i32 1)\n  ret\n}", "EBC3902")]
    public void What_must_be_inlined_and_cannot_be_is_the_users_mistake(string text, string code)
    {
        Module module = ModuleParser.Parse(text);
        var diagnostics = new DiagnosticBag();
        Optimizer.Run(module, new OptimizationOptions { VerifyEach = true }, diagnostics: diagnostics);
        Assert.NotEmpty(diagnostics.Items);
        Assert.All(diagnostics.Items, item => Assert.Equal(code, item.Id));
    }
}
