// Signed operations on values that are never negative become unsigned ones, which eBPF does better: zero-extension is free in
// 32-bit arithmetic where sign-extension takes two shifts, unsigned bounds are what the kernel's verifier keeps best, and
// signed division exists only from v4 on. No check is removed; an unsigned check says more than the signed one it replaces.
//
//   sext x       =>  zext x            x >= 0            x sdiv y  =>  x udiv y        x, y >= 0 (likewise srem)
//   cmp slt x y  =>  cmp ult x y       x, y >= 0         x ashr n  =>  x lshr n        x >= 0
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class SignElimination
{
    public static bool Run(Function function)
    {
        if (!HasWork(function))
            return false;
        ValueRanges ranges = ValueRanges.Of(function);
        var replacements = new List<(Instruction Old, IrOpcode Opcode)>();
        bool changed = false;
        foreach (BasicBlock block in function.Blocks)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            {
                IrOpcode? unsigned = instruction.Opcode switch
                {
                    IrOpcode.SExt => IrOpcode.ZExt,
                    IrOpcode.AShr => IrOpcode.LShr,
                    IrOpcode.SDiv => IrOpcode.UDiv,
                    IrOpcode.SRem => IrOpcode.URem,
                    _ => null,
                };
                if (unsigned is { } opcode)
                {
                    if (IsNeverNegative(instruction.GetOperand(0)) && (opcode is IrOpcode.ZExt or IrOpcode.LShr || IsNeverNegative(instruction.GetOperand(1))))
                        replacements.Add((instruction, opcode));
                }
                else if (instruction is CompareInstruction compare && compare.Predicate.IsSigned() && IsNeverNegative(compare.GetOperand(0)) && IsNeverNegative(compare.GetOperand(1)))
                {
                    compare.Predicate = compare.Predicate - ComparePredicate.Slt + ComparePredicate.Ult;
                    changed = true;
                }

                bool IsNeverNegative(Value value)
                {
                    if (value.Type is not (IrType.I8 or IrType.I16 or IrType.I32 or IrType.I64))
                        return false;
                    ValueRange range = ranges.At(value, block);
                    return !range.IsEmpty && range.Min >= 0;
                }
            }
        }
        foreach ((Instruction old, IrOpcode opcode) in replacements)
        {
            Instruction made = old.Block!.InsertBefore(old, new Instruction(opcode, old.Type, old.Operands.ToArray()) { Location = old.Location, Name = old.Name });
            old.ReplaceAllUsesWith(made);
            old.Erase();
        }
        return changed || replacements.Count > 0;
    }

    private static bool HasWork(Function function)
    {
        foreach (BasicBlock block in function.Blocks)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            {
                if (instruction.Opcode is IrOpcode.SExt or IrOpcode.AShr or IrOpcode.SDiv or IrOpcode.SRem || instruction is CompareInstruction { Predicate: >= ComparePredicate.Slt })
                    return true;
            }
        }
        return false;
    }
}
