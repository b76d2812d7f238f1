// Instruction sequences that x86 does in one go. Each matcher looks at a few slots that no jump leads into and returns the
// slot behind what it translated, or the slot itself when nothing matched.
using System.Numerics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.X64;

public sealed partial class X64Compiler
{
    private int TryIdiom(int slot)
    {
        OpcodeRow row = _shape.Rows[slot];
        return row.Effect switch
        {
            Effect.Alu when row.Operation == Operation.Mov => TryRotate(slot) is var next && next != slot ? next : TryThreeOperandAdd(slot),
            Effect.Alu when row.Opcode == EbpfOpcode.Add64Imm => TryAddTwice(slot),
            Effect.Branch => TryConditionalMove(slot),
            Effect.Load when row.Width == 8 => TryByteLoads(slot),
            _ => slot,
        };
    }

    /// <summary>The slot holds an instruction of this function that is reached only from the one before.</summary>
    private bool IsPlainFollower(int slot) => slot < _function.End && !_shape.Leaders[slot];

    /// <summary>
    ///   r = s ; r += imm        →  lea r, [s + imm]
    ///   r = s ; r += t          →  lea r, [s + t]
    ///   r = s ; r += imm ; r += t, and with the sums the other way round  →  lea r, [s + t + imm]
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
            case EbpfOpcode.Add64Imm when IsSum(slot + 2, move.Dst, EbpfOpcode.Add64Reg) && _shape.Instructions[slot + 2].Src != move.Dst:
                return EmitThreeOperandSum(slot, d, s, Machine(_shape.Instructions[slot + 2].Src), second.Immediate);
            case EbpfOpcode.Add64Reg when second.Src != move.Dst && IsSum(slot + 2, move.Dst, EbpfOpcode.Add64Imm):
                return EmitThreeOperandSum(slot, d, s, Machine(second.Src), _shape.Instructions[slot + 2].Immediate);
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

    private bool IsSum(int slot, int register, EbpfOpcode opcode)
        => IsPlainFollower(slot) && _shape.Rows[slot].Opcode == opcode && _shape.Instructions[slot].Dst == register;

    private int EmitThreeOperandSum(int slot, X64Register d, X64Register s, X64Register t, int immediate)
    {
        Bind(slot + 1);
        Bind(slot + 2);
        _emit.LoadEffectiveAddress(d, s, t, 1, immediate);
        SetZeroUpper(_shape.Instructions[slot].Dst, false);
        return slot + 3;
    }

    /// <summary>
    ///   if c goto +1 ; r = v     →  compare ; cmov(not c) r, v
    /// A branch around one move becomes a conditional move; constants go through r11, without touching the flags. A 32-bit move
    /// copies a value whose upper half is empty, so that the untaken case keeps all of r.
    /// </summary>
    private int TryConditionalMove(int slot)
    {
        if (!IsConditionalMove(slot))
            return slot;
        OpcodeRow row = _shape.Rows[slot], moveRow = _shape.Rows[slot + 1];
        EbpfInstruction move = _shape.Instructions[slot + 1];
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

    /// <summary>In sandboxed code the two ways differ in the fuel they cost, so that a jump is as good.</summary>
    private bool IsConditionalMove(int slot)
    {
        OpcodeRow row = _shape.Rows[slot];
        return row.Effect == Effect.Branch && row.Operation != Operation.MayGoto && _shape.Instructions[slot].Offset == 1 && IsPlainFollower(slot + 1)
            && _shape.Rows[slot + 1].Operation == Operation.Mov && !IsSandboxed && _options.IsReachable(slot + 1) && _options.IsReachable(slot + 2);
    }

    /// <summary>r += a ; r += b  →  add r, a + b</summary>
    private int TryAddTwice(int slot)
    {
        EbpfInstruction first = _shape.Instructions[slot];
        if (!IsPlainFollower(slot + 1) || _shape.Rows[slot + 1].Opcode != EbpfOpcode.Add64Imm || _shape.Instructions[slot + 1].Dst != first.Dst)
            return slot;
        long sum = (long)first.Immediate + _shape.Instructions[slot + 1].Immediate;
        if (sum != (int)sum)
            return slot;
        Bind(slot + 1);
        if (sum != 0)
        {
            _emit.Alu(X64Alu.Add, Machine(first.Dst), (int)sum, true);
            SetZeroUpper(first.Dst, false);
        }
        return slot + 2;
    }

    /// <summary>
    /// Rotations, which C and eBPF write as two shifts:
    ///   t = x ; t >>= a ; y = x ; y &lt;&lt;= b ; y |= t     a + b = width, t dead behind it     →  rotate y, x, b
    /// in either order, with the first or second result kept, and with x itself as one of the two.
    /// </summary>
    private int TryRotate(int slot)
    {
        EbpfInstruction move = _shape.Instructions[slot];
        if (!_shape.Rows[slot].IsRegisterForm || !IsPlainFollower(slot + 1))
            return slot;
        int x = move.Src, first = move.Dst, at = slot + 1;
        OpcodeRow shift = _shape.Rows[at];
        int width = shift.Width;
        if (first == x || !IsShift(at, first, width) || (_shape.Rows[slot].Width == 32 && width == 64))
            return slot;
        int firstCount = _shape.Instructions[at].Immediate;
        bool firstIsLeft = shift.Operation == Operation.Lsh;
        int second = x;
        if (IsPlainFollower(++at) && _shape.Rows[at].Operation == Operation.Mov && _shape.Rows[at].IsRegisterForm && _shape.Instructions[at].Src == x)
        {
            second = _shape.Instructions[at].Dst;
            if (second == x || second == first || _shape.Rows[at].Width < width)
                return slot;
            at++;
        }
        if (!IsPlainFollower(at) || !IsShift(at, second, width) || (_shape.Rows[at].Operation == Operation.Lsh) == firstIsLeft
            || firstCount + _shape.Instructions[at].Immediate != width || !IsPlainFollower(++at))
            return slot;
        EbpfInstruction join = _shape.Instructions[at];
        OpcodeRow joinRow = _shape.Rows[at];
        int other = join.Dst == first ? second : first;
        if (joinRow.Operation is not (Operation.Or or Operation.Add or Operation.Xor) || !joinRow.IsRegisterForm || joinRow.Width < width
            || !(join.Dst == first && join.Src == second || join.Dst == second && join.Src == first) || IsLiveAfter(at, other))
            return slot;
        // 64-bit addition of 32-bit halves gives the same: their bits do not overlap.
        for (int covered = slot + 1; covered <= at; covered++)
            Bind(covered);
        int left = firstIsLeft ? firstCount : width - firstCount;
        X64Register d = Machine(join.Dst), s = Machine(x);
        if (d == s)
            _emit.Shift(X64Shift.RotateLeft, d, left, width == 64);
        else if (_options.Features.Bmi2)
            _emit.RotateRightTo(d, s, width - left, width == 64);
        else
        {
            _emit.Move(d, s, width == 64);
            _emit.Shift(X64Shift.RotateLeft, d, left, width == 64);
        }
        SetZeroUpper(join.Dst, width == 32);
        return at + 1;
    }

    /// <summary>A logical shift of the register by a constant inside the width.</summary>
    private bool IsShift(int slot, int register, int width)
    {
        OpcodeRow row = _shape.Rows[slot];
        EbpfInstruction instruction = _shape.Instructions[slot];
        return row.Operation is Operation.Lsh or Operation.Rsh && !row.IsRegisterForm && row.Width == width && instruction.Dst == register
            && instruction.Immediate > 0 && instruction.Immediate < width;
    }
}
