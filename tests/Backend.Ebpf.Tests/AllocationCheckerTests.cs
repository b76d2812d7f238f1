// The checker catches wrong allocations: code is damaged on purpose, one operand or move at a time. Whatever the checker
// still accepts must still compute the right result.
using Ebpfcc.Backend.Ebpf.Allocation;
using Ebpfcc.Backend.Ebpf.Emission;
using Ebpfcc.Backend.Ebpf.Layout;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Backend.Ebpf.Selection;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Evaluation;
using Ebpfcc.Ir.Text;
using Xunit;

namespace Ebpfcc.Backend.Ebpf.Tests;

public class AllocationCheckerTests
{
    private static MachineFunction Allocated(Module module)
    {
        MachineFunction function = InstructionSelector.Select(module.Functions[^1], BackendOptions.Default, new DiagnosticBag());
        RegisterAllocation.Allocate(function);
        return function;
    }

    private static List<(MachineBlock Block, int Index)> Places(MachineFunction function, Func<MachineInstruction, bool> wanted)
        => [.. function.Blocks.SelectMany(block => Enumerable.Range(0, block.Instructions.Count).Where(i => wanted(block.Instructions[i])).Select(i => (block, i)))];

    private static bool Accepts(MachineFunction function)
    {
        try
        {
            AllocationChecker.Check(function);
            return true;
        }
        catch (InternalCompilerException)
        {
            return false;
        }
    }

    [Fact]
    public void Sound_allocations_pass() => Assert.True(Accepts(Allocated(ModuleParser.Parse(IrCases.Get("pressure")))));

    [Fact]
    public void A_lost_spill_is_caught()
    {
        int count = Places(Allocated(ModuleParser.Parse(IrCases.Get("pressure"))), IsStore).Count;
        Assert.True(count > 4);
        for (int i = 0; i < count; i++)
        {
            MachineFunction function = Allocated(ModuleParser.Parse(IrCases.Get("pressure")));
            (MachineBlock block, int index) = Places(function, IsStore)[i];
            block.Instructions.RemoveAt(index);
            Assert.False(Accepts(function));
        }

        static bool IsStore(MachineInstruction instruction) => instruction is { IsAllocatorMove: true, Opcode: EbpfOpcode.StoreReg64 };
    }

    [Fact]
    public void A_value_left_in_a_register_that_a_call_destroys_is_caught()
    {
        // %1 lives across the call but is given r1.
        var function = new MachineFunction(new Function("f", new FunctionSignature(IrType.I64, [IrType.I64])));
        MachineBlock block = function.NewBlock();
        MachineRegister value = function.NewRegister();
        block.Instructions.Add(new MachineInstruction(EbpfOpcode.Mov64Reg) { Dst = MachineRegister.R1, Src = MachineRegister.R1, VirtualDst = value, VirtualSrc = MachineRegister.R1 });
        block.Instructions.Add(new MachineInstruction(EbpfOpcode.CallHelper) { Immediate = 5, ImplicitDefs = 1, Clobbers = 0x3e });
        block.Instructions.Add(new MachineInstruction(EbpfOpcode.Mov64Reg) { Dst = MachineRegister.R0, Src = MachineRegister.R1, VirtualDst = MachineRegister.R0, VirtualSrc = value });
        block.Instructions.Add(new MachineInstruction(EbpfOpcode.Exit) { ImplicitUses = 1 });
        InternalCompilerException caught = Assert.Throws<InternalCompilerException>(() => AllocationChecker.Check(function));
        Assert.Contains("r1 does not hold %0", caught.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_checker_accepts_computes_the_right_result()
    {
        var random = new Random(3);
        int rejected = 0;
        foreach (string name in new[] { "pressure", "calls", "wide", "bits", "narrow" })
        {
            for (int round = 0; round < 60; round++)
            {
                Module module = ModuleParser.Parse(IrCases.Get(name));
                MachineFunction function = Allocated(module);
                Damage(function, random);
                if (!Accepts(function))
                {
                    rejected++;
                    continue;
                }
                Compare(module, function);
            }
        }
        Assert.True(rejected > 100, $"only {rejected} damages were caught");
    }

    private static void Damage(MachineFunction function, Random random)
    {
        List<(MachineBlock, int)> places = Places(function, item => !item.IsCoalesced && item.Pseudo == PseudoOpcode.None);
        while (true)
        {
            (MachineBlock block, int index) = places[random.Next(places.Count)];
            MachineInstruction instruction = block.Instructions[index];
            var other = MachineRegister.Physical(random.Next(10));
            switch (random.Next(3))
            {
                case 0 when instruction.SrcUse != RegisterUse.None && instruction.Src.Number != 10 && instruction.VirtualSrc.IsVirtual:
                    instruction.Src = other;
                    return;
                case 1 when instruction.DstUse != RegisterUse.None && instruction.Dst.Number != 10 && instruction.VirtualDst.IsVirtual:
                    instruction.Dst = other;
                    return;
                case 2 when instruction.IsAllocatorMove:
                    block.Instructions.RemoveAt(index);
                    return;
            }
        }
    }

    private static void Compare(Module module, MachineFunction function)
    {
        AllocationChecker.DropMarks(function);
        var diagnostics = new DiagnosticBag();
        FrameLayout.Run(function, diagnostics);
        BlockLayout.Run(function, CpuVersion.V3);
        EmittedFunction emitted = CodeEmitter.Emit(function, BackendOptions.Default, diagnostics, _ => null)!;
        var code = new List<EmittedFunction> { emitted };
        foreach (Function other in module.Functions.SkipLast(1))
            code.Add(CodeGenerator.Compile(other, BackendOptions.Default, diagnostics)!);
        var evaluator = new IrEvaluator(module);
        var machine = new TestMachine(module, code);
        Function entry = module.Functions[^1];
        var expected = new UInt128[entry.Parameters.Count];
        var actual = new ulong[entry.Parameters.Count];
        for (int i = 0; i < expected.Length; i++)
        {
            bool pointer = entry.Parameters[i].Type == IrType.Ptr;
            int bits = entry.Parameters[i].Type.Bits();
            ulong value = 0x9e37_79b9_7f4a_7c15 >> (64 - bits);
            expected[i] = pointer ? evaluator.Allocate(new byte[96]) : value;
            actual[i] = pointer ? machine.Allocate(new byte[96]) : value;
        }
        int width = entry.Signature.ReturnType.Bits();
        Assert.Equal((ulong)evaluator.Run(entry, expected).Value, machine.Run(entry.Symbol, actual) & (width == 64 ? ulong.MaxValue : (1UL << width) - 1));
    }
}
