// Instruction sequences that x86 does in one go. Each matcher looks at a few slots that no jump leads into and returns the
// slot behind what it translated, or the slot itself when nothing matched.
using System.Numerics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.X64;

public sealed partial class X64Compiler
{
    private int TryIdiom(int slot)
    {
        int next = TryThreeOperandAdd(slot);
        if (next == slot)
            next = TryConditionalMove(slot);
        return next != slot ? next : TryByteLoads(slot);
    }

    /// <summary>The slot holds an instruction of this function that is reached only from the one before.</summary>
    private bool IsPlainFollower(int slot) => slot < _function.End && !_shape.Leaders[slot];

    /// <summary>
    ///   r = s ; r += imm        →  lea r, [s + imm]
    ///   r = s ; r += t          →  lea r, [s + t]
    ///   r = s ; r &lt;&lt;= k ; r += t →  lea r, [t + s * 2^k]     (k = 1, 2, 3)
    /// for 64-bit operations, r different from s and t.
    /// </summary>
    private int TryThreeOperandAdd(int slot)
    {
        EbpfInstruction move = _shape.Instructions[slot];
        if (_shape.Rows[slot].Opcode != EbpfOpcode.Mov64Reg || move.Dst == move.Src || !IsPlainFollower(slot + 1))
            return slot;
        X64Register d = Machine(move.Dst), s = Machine(move.Src);
        EbpfInstruction second = _shape.Instructions[slot + 1];
        if (second.Dst != move.Dst)
            return slot;
        switch (_shape.Rows[slot + 1].Opcode)
        {
            case EbpfOpcode.Add64Imm when second.Immediate != 0:
                Bind(slot + 1);
                _emit.LoadEffectiveAddress(d, s, second.Immediate);
                break;
            case EbpfOpcode.Add64Reg when second.Src != move.Dst:
                Bind(slot + 1);
                _emit.LoadEffectiveAddress(d, s, Machine(second.Src), 1, 0);
                break;
            case EbpfOpcode.Lsh64Imm when second.Immediate is >= 1 and <= 3 && IsPlainFollower(slot + 2)
                && _shape.Rows[slot + 2].Opcode == EbpfOpcode.Add64Reg && _shape.Instructions[slot + 2] is var third && third.Dst == move.Dst && third.Src != move.Dst:
                Bind(slot + 1);
                Bind(slot + 2);
                _emit.LoadEffectiveAddress(d, Machine(third.Src), s, 1 << second.Immediate, 0);
                SetZeroUpper(move.Dst, false);
                return slot + 3;
            default:
                return slot;
        }
        SetZeroUpper(move.Dst, false);
        return slot + 2;
    }

    /// <summary>
    ///   if c goto +1 ; r = v     →  compare ; cmov(not c) r, v
    /// A branch around one move becomes a conditional move; constants go through r11, without touching the flags. A 32-bit move
    /// copies a value whose upper half is empty, so that the untaken case keeps all of r.
    /// </summary>
    private int TryConditionalMove(int slot)
    {
        OpcodeRow row = _shape.Rows[slot];
        if (row.Effect != Effect.Branch || row.Operation == Operation.MayGoto || _shape.Instructions[slot].Offset != 1 || !IsPlainFollower(slot + 1))
            return slot;
        EbpfInstruction move = _shape.Instructions[slot + 1];
        OpcodeRow moveRow = _shape.Rows[slot + 1];
        if (moveRow.Operation != Operation.Mov || move.Dst == EbpfRegisters.R10)
            return slot;
        bool isConstant = !moveRow.IsRegisterForm;
        X64Condition condition = ConditionOf(row.Operation).Negate();
        Bind(slot + 1);
        EmitCompare(_shape.Instructions[slot], row);
        bool sourceZeroUpper;
        X64Register source = Scratch2;
        if (isConstant)
        {
            bool sign = moveRow.Width == 64 && move.Immediate < 0;
            sourceZeroUpper = !sign;
            _emit.MoveImmediateKeepFlags(Scratch2, (uint)move.Immediate);
            if (sign)
                _emit.SignExtend(Scratch2, Scratch2, 32, true);
        }
        else if (moveRow.Width == 32 && !IsZeroUpper(move.Src))
        {
            sourceZeroUpper = true;
            _emit.Move(Scratch2, Machine(move.Src), false);
        }
        else
        {
            source = Machine(move.Src);
            sourceZeroUpper = IsZeroUpper(move.Src);
        }
        bool bothZeroUpper = sourceZeroUpper && IsZeroUpper(move.Dst);
        _emit.ConditionalMove(condition, Machine(move.Dst), source, !bothZeroUpper);
        SetZeroUpper(move.Dst, bothZeroUpper);
        return slot + 2;
    }
}
