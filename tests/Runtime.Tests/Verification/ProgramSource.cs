// Programs for the tests, written in assembly: MAPn is the n-th map given.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.Runtime.Verification;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

internal static class ProgramSource
{
    public static LoadedProgram Assemble(string text, ProgramType type = ProgramType.SocketFilter, params MapDefinition[] maps)
    {
        var bag = new DiagnosticBag();
        AssembledCode? code = Assembler.Assemble(text, bag, options: new AssemblerOptions { AllowOpenJumps = false });
        Assert.True(code is not null && !bag.HasErrors, string.Join('\n', bag.Items.Select(item => item.Message)));
        EbpfInstruction[] instructions = code!.Instructions;
        foreach (SymbolReference reference in code.References)
        {
            Assert.StartsWith("MAP", reference.Symbol);
            instructions[reference.Slot] = instructions[reference.Slot].WithSrc((int)WideImmediateKind.MapFd).WithImmediate(int.Parse(reference.Symbol[3..]));
        }
        return new LoadedProgram
        {
            Name = "test", ProgramType = (int)type, Instructions = instructions, Subprograms = [new Subprogram("test", 0, true, 0)], License = "GPL",
            Maps = [.. maps.Select(map => (IMap)MapFactory.Create(map, GuestHeap.Shared))],
        };
    }

    public static VerificationResult Verify(string text, ProgramType type = ProgramType.SocketFilter, params MapDefinition[] maps)
        => Verifier.Verify(Assemble(text, type, maps), new VerifierOptions { LogLevel = 2 });

    public static void Accepts(string text, ProgramType type = ProgramType.SocketFilter, params MapDefinition[] maps)
    {
        VerificationResult result = Verify(text, type, maps);
        Assert.True(result.IsAccepted, $"{result.Rejection?.Message}\n{result.Log}");
    }

    public static void Rejects(string message, string text, ProgramType type = ProgramType.SocketFilter, params MapDefinition[] maps)
    {
        VerificationResult result = Verify(text, type, maps);
        Assert.False(result.IsAccepted, result.Log);
        Assert.Contains(message, result.Rejection!.Message);
    }
}
