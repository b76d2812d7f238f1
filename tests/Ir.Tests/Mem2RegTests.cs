// Promotion of stack objects.
using Ebpfcc.Ir.Passes;
using Ebpfcc.Ir.Text;
using Ebpfcc.Ir.Verification;
using Xunit;

namespace Ebpfcc.Ir.Tests;

public class Mem2RegTests
{
    private static string Run(string text)
    {
        Module module = ModuleParser.Parse(text);
        Optimizer.RunPass(PassTable.Get("mem2reg"), new PassContext(module, new OptimizationOptions { VerifyEach = true }));
        return ModulePrinter.Print(module).Replace("module \"text\"\n\n", "");
    }

    [Fact]
    public void A_diamond_gets_one_phi()
        => Assert.Equal("""
            define i32 @f(i1 %c) {
            entry:
              condbr %c, then, join
            then:
              br join
            join:
              %x = phi i32 [1, entry], [2, then]
              ret i32 %x
            }

            """, Run("""
            define i32 @f(i1 %c) {
            entry:
              %x = alloca 4 align 4
              store i32 1, %x align 4
              condbr %c, then, join
            then:
              store i32 2, %x align 4
              br join
            join:
              %v = load i32 %x align 4
              ret i32 %v
            }
            """));

    [Fact]
    public void A_loop_counter_becomes_a_phi_and_dead_objects_get_none()
        => Assert.Equal("""
            define i32 @f(i32 %n) {
            entry:
              br head
            head:
              %i = phi i32 [0, entry], [%i.1, body]
              %c = cmp ult i32 %i, %n
              condbr %c, body, done
            body:
              %i.1 = add i32 %i, 1
              br head
            done:
              ret i32 %i
            }

            """, Run("""
            define i32 @f(i32 %n) {
            entry:
              %i = alloca 4 align 4
              %dead = alloca 4 align 4
              store i32 0, %i align 4
              br head
            head:
              %0 = load i32 %i align 4
              %c = cmp ult i32 %0, %n
              condbr %c, body, done
            body:
              %1 = load i32 %i align 4
              %2 = add i32 %1, 1
              store i32 %2, %i align 4
              store i32 %2, %dead align 4
              br head
            done:
              %3 = load i32 %i align 4
              ret i32 %3
            }
            """));

    [Theory]
    [InlineData("%v = load i32 %x align 4 volatile\n  ret i32 %v")]
    [InlineData("%p = ptrtoint %x\n  %v = trunc i64 %p to i32\n  ret i32 %v")]
    [InlineData("%b = load i8 %x align 1\n  %v = zext i8 %b to i32\n  ret i32 %v")]
    [InlineData("store ptr %x, %q align 8\n  ret i32 0")]
    public void Objects_with_other_uses_stay(string body)
        => Assert.Contains("alloca", Run($"define i32 @f(ptr %q) {{\nentry:\n  %x = alloca 8 align 8\n  store i32 1, %x align 8\n  {body}\n}}"));

    [Fact]
    public void Pointers_and_words_share_an_object()
        => Assert.Contains("%0 = ptrtoint %p", Run("define i64 @f(ptr %p) {\nentry:\n  %x = alloca 8 align 8\n  store ptr %p, %x align 8\n  %v = load i64 %x align 8\n  ret i64 %v\n}"));

    [Fact]
    public void Reading_before_writing_is_undefined()
        => Assert.Contains("ret i32 undef", Run("define i32 @f() {\nentry:\n  %x = alloca 4 align 4\n  %v = load i32 %x align 4\n  ret i32 %v\n}"));
}
