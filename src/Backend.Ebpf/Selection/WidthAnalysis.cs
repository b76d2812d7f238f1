// Decides for every narrow value what its 64-bit register looks like above the value's width.
//
// A register is wider than most C types. Extending after every operation would be correct and slow; instead bits above a
// value's width may be garbage until somebody needs them:
//   1. backward: a value is *demanded* when a user reads it wider than it is (zero extension, unsigned comparison, ...);
//      demand flows through phis and selects, which only copy;
//   2. forward: each operation's number of possibly non-zero bits is bounded from its operands ("w" arithmetic and loads
//      clear the upper half by themselves); a demanded value whose bound exceeds its width is extended where it is defined.
// Extending at the definition means one register per value: the register that is compared is the register that is used,
// which is what the kernel's verifier needs to carry a learned range to the use.
using System.Numerics;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Selection;

internal sealed class WidthAnalysis
{
    private readonly HashSet<Value> _demanded = [];
    private readonly Dictionary<Value, int> _width = [];
    private readonly bool _alu32;

    /// <param name="order">Reachable blocks so that definitions precede uses, phis excepted.</param>
    public WidthAnalysis(Function function, IReadOnlyList<BasicBlock> order, bool alu32)
    {
        _alu32 = alu32;
        foreach (BasicBlock block in order)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
                Seed(instruction);
        }
        foreach (Parameter parameter in function.Parameters)
            _width[parameter] = Final(parameter, 64);
        foreach (BasicBlock block in order)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            {
                if (instruction.Type != IrType.Void)
                    _width[instruction] = Final(instruction, Natural(instruction));
            }
        }
    }

    /// <summary>Width in bits of the arithmetic that computes on this type: 64, or 32 where the machine has it.</summary>
    public int OperationWidth(IrType type) => type.Bits() <= 32 && _alu32 ? 32 : 64;

    /// <summary>Upper bound on the number of low register bits that may be set.</summary>
    public int SignificantBits(Value value) => value switch
    {
        Constant constant => BitLength(constant.Unsigned),
        Undef => 0,
        _ => _width.GetValueOrDefault(value, 64),
    };

    /// <summary>True when the value must be zero-extended where it is defined, its operation not doing so.</summary>
    public bool NeedsExtension(Value value) => NeedsExtension(value, value is Instruction instruction ? Natural(instruction) : 64);

    private bool NeedsExtension(Value value, int natural) => natural > value.Type.Bits() && _demanded.Contains(value);

    private int Final(Value value, int natural) => NeedsExtension(value, natural) ? value.Type.Bits() : natural;

    private static int BitLength(ulong value) => 64 - BitOperations.LeadingZeroCount(value);

    private void Seed(Instruction user)
    {
        switch (user.Opcode)
        {
            case IrOpcode.ZExt or IrOpcode.CountLeadingZeros or IrOpcode.CountTrailingZeros or IrOpcode.PopCount or IrOpcode.InlineAsm or IrOpcode.MemSet:
                DemandAll(user);
                break;
            case IrOpcode.UDiv or IrOpcode.URem when Narrow(user.Type):
                DemandAll(user);
                break;
            case IrOpcode.LShr when Narrow(user.Type):
                Demand(user.GetOperand(0));
                break;
            case IrOpcode.Compare when Narrow(user.GetOperand(0).Type) && !IsSigned(((CompareInstruction)user).Predicate):
                DemandAll(user);
                break;
            case IrOpcode.Switch when Narrow(user.GetOperand(0).Type):
                DemandAll(user);
                break;
            case IrOpcode.Store when user.GetOperand(1).Type == IrType.I1:
                Demand(user.GetOperand(1));
                break;
            case IrOpcode.Return when user.OperandCount > 0 && user.GetOperand(0).Type.Bits() < 32:
                Demand(user.GetOperand(0));
                break;
            case IrOpcode.Call:
                var call = (CallInstruction)user;
                bool foreign = call.Callee is not Function { IsDeclaration: false };
                for (int i = 0; i < call.ArgumentCount; i++)
                {
                    int bits = call.GetArgument(i).Type.Bits();
                    if (bits < 32 || (bits == 32 && foreign))
                        Demand(call.GetArgument(i));
                }
                break;
        }
    }

    private bool Narrow(IrType type) => type.Bits() < OperationWidth(type);

    private static bool IsSigned(ComparePredicate predicate) => predicate >= ComparePredicate.Slt;

    private void DemandAll(Instruction user)
    {
        foreach (Value operand in user.Operands)
            Demand(operand);
    }

    private void Demand(Value value)
    {
        var pending = new Stack<Value>();
        pending.Push(value);
        while (pending.TryPop(out Value? next))
        {
            if (!next.Type.IsInteger() || next.Type.Bits() >= 64 || next is Constant or Undef || !_demanded.Add(next))
                continue;
            if (next is PhiInstruction phi)
            {
                foreach (Value operand in phi.Operands)
                    pending.Push(operand);
            }
            else if (next is Instruction { Opcode: IrOpcode.Select } select)
            {
                pending.Push(select.GetOperand(1));
                pending.Push(select.GetOperand(2));
            }
        }
    }

    /// <summary>Bits the operation may leave set, given what is known of its operands.</summary>
    private int Natural(Instruction instruction)
    {
        int limit = OperationWidth(instruction.Type);
        // A negative narrow constant is sign-extended into the immediate of an addition or multiplication.
        if (instruction.Opcode is IrOpcode.Add or IrOpcode.Mul && (IsNegative(instruction.GetOperand(0)) || IsNegative(instruction.GetOperand(1))))
            return limit;
        switch (instruction.Opcode)
        {
            case IrOpcode.Add:
                return Math.Min(limit, Math.Max(Width(instruction, 0), Width(instruction, 1)) + 1);
            case IrOpcode.Mul:
                return Math.Min(limit, Width(instruction, 0) + Width(instruction, 1));
            case IrOpcode.And:
                return Math.Min(limit, Math.Min(Width(instruction, 0), Width(instruction, 1)));
            case IrOpcode.Or or IrOpcode.Xor:
                return Math.Min(limit, Math.Max(Width(instruction, 0), Width(instruction, 1)));
            case IrOpcode.Shl when instruction.GetOperand(1) is Constant amount && amount.Unsigned < 64:
                return Math.Min(limit, Width(instruction, 0) + (int)amount.Unsigned);
            case IrOpcode.LShr when instruction.GetOperand(1) is Constant amount && amount.Unsigned < 64:
                return Math.Max(0, Math.Min(limit, Width(instruction, 0)) - (int)amount.Unsigned);
            case IrOpcode.LShr or IrOpcode.UDiv or IrOpcode.URem:
                return Math.Min(limit, Width(instruction, 0));
            case IrOpcode.Sub or IrOpcode.SDiv or IrOpcode.SRem or IrOpcode.Shl or IrOpcode.AShr:
                return limit;
            case IrOpcode.Compare:
                return 1;
            case IrOpcode.ZExt or IrOpcode.Trunc or IrOpcode.PtrToInt or IrOpcode.IntToPtr:
                return Width(instruction, 0);
            case IrOpcode.SExt:
                int source = instruction.GetOperand(0).Type.Bits();
                return Width(instruction, 0) < source ? Width(instruction, 0) : limit;
            case IrOpcode.Select:
                return Math.Max(Width(instruction, 1), Width(instruction, 2));
            case IrOpcode.Phi:
                return _demanded.Contains(instruction) ? instruction.Type.Bits() : 64;
            case IrOpcode.Load or IrOpcode.ByteSwap or IrOpcode.AtomicRmw or IrOpcode.CompareExchange:
                return Math.Max(8, Math.Min(64, instruction.Type.Bits()));
            case IrOpcode.CountLeadingZeros or IrOpcode.CountTrailingZeros or IrOpcode.PopCount:
                return 7;
            case IrOpcode.PacketLoad:
                return ((PacketLoadInstruction)instruction).Width;
            case IrOpcode.MemCompare or IrOpcode.CoreRelocation:
                return limit;
            default:
                return 64;
        }
    }

    private static bool IsNegative(Value value) => value is Constant { Signed: < 0 };

    private int Width(Instruction instruction, int operand) => SignificantBits(instruction.GetOperand(operand));
}
