// States what is known of quotients and remainders in the verifier's language. The kernel's verifier knows nothing of the result
// of a division, not even that its upper half is zero; a comparison whose other way is never taken teaches it.
//
//   i = urem x, 10                   i = urem x, 10
//                              =>    w = zext i to i64
//                                    condbr (w >u 9), never, on
//   ... zext i to i64 ...      on:   ... w ...              never: return 0
//
// What is stated follows from ValueRanges, so that no run ever gets to "never".
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class RangeStatement
{
    public static bool Run(Function function)
    {
        ValueRanges ranges = ValueRanges.Of(function);
        var stated = new List<(Instruction Division, long Maximum)>();
        foreach (BasicBlock block in function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (instruction is { Opcode: IrOpcode.UDiv or IrOpcode.URem or IrOpcode.SDiv or IrOpcode.SRem, Type: IrType.I32 or IrType.I64 } && MaximumOf(instruction, ranges) is { } maximum)
                    stated.Add((instruction, maximum));
            }
        }
        foreach ((Instruction division, long maximum) in stated)
            State(function, division, maximum);
        return stated.Count > 0;
    }

    /// <summary>The largest result, when it is not negative and says more than the type.</summary>
    private static long? MaximumOf(Instruction division, ValueRanges ranges)
    {
        // An unsigned operation by a constant is bounded whatever the sign of its first operand as ValueRanges sees it.
        if (division.GetOperand(1) is Constant { IsZero: false } divisor && division.Opcode is IrOpcode.URem && divisor.Signed > 0)
            return divisor.Signed - 1;
        if (division.GetOperand(1) is Constant { IsZero: false } by && division.Opcode is IrOpcode.UDiv && by.Signed > 1 && ranges.At(division, division.Block!) is { IsEmpty: false, Min: >= 0 } quotient)
            return quotient.Max;
        ValueRange range = ranges.At(division, division.Block!);
        return !range.IsEmpty && range.Min >= 0 && range.Max < ValueRange.Full(division.Type).Max ? range.Max : null;
    }

    private static void State(Function function, Instruction division, long maximum)
    {
        BasicBlock before = division.Block!;
        BasicBlock after = ControlFlow.SplitBehind(division, "on");
        var never = new BasicBlock("never");
        function.PlaceBlockAfter(before, never);
        function.PlaceBlockAfter(before, after);
        IrType result = function.Signature.ReturnType;
        var leave = new IrBuilder(never) { Location = division.Location };
        leave.Return(result == IrType.Void ? null : Constant.Of(result, 0));
        var builder = new IrBuilder(before) { Location = division.Location };
        Instruction[] users = [.. division.Users];
        Value wide = division.Type == IrType.I64 ? division : builder.ZExt(division, IrType.I64);
        builder.CondBranch(builder.Compare(ComparePredicate.Ugt, wide, Constant.I64(maximum)), never, after, likely: false);
        foreach (Instruction user in users)
        {
            if (user is { Opcode: IrOpcode.ZExt, Type: IrType.I64 } && !ReferenceEquals(user, wide))
            {
                user.ReplaceAllUsesWith(wide);
                user.Erase();
            }
        }
    }
}
