// Instruction sequences that ARM does in fewer. Each matcher looks at a few slots that no jump leads into and returns the slot
// behind what it translated, or the slot itself when nothing matched.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.Arm32;

public sealed partial class Arm32Compiler
{
    /// <summary>Conditional instructions that are cheaper than a branch around them.</summary>
    private const int MaxConditional = 2;

    private int TryIdiom(int slot)
    {
        int next = TryIndexedAccess(slot);
        if (next == slot)
            next = TryRotate(slot);
        if (next == slot)
            next = TryShiftedOperand(slot);
        if (next == slot)
            next = TryJoinWords(slot);
        if (next == slot)
            next = TryMoveAndOperate(slot);
        return next != slot ? next : TryBranch(slot);
    }

    /// <summary>The slot holds an instruction of this function that is reached only from the one before.</summary>
    private bool IsPlainFollower(int slot) => slot < _function.End && !_shape.Leaders[slot];

    private bool IsDeadAfter(int slot, int register) => (_shape.LiveOut[slot] >> register & 1) == 0;

    private bool IsNeededHighAfter(int slot, int register) => _halves.IsNeededAfter(slot, register);

    /// <summary>Slots that an idiom swallowed have the address of what comes next.</summary>
    private void BindThrough(int first, int last)
    {
        for (int slot = first; slot <= last; slot++)
            _emit.Bind(_slotLabels[slot]);
    }

    /// <summary>
    ///   r = s ; r = r op t    →   op r, s, t
    /// eBPF's operations have two operands, ARM's three.
    /// </summary>
    private int TryMoveAndOperate(int slot)
    {
        OpcodeRow moveRow = _shape.Rows[slot];
        if (moveRow.Opcode is not (EbpfOpcode.Mov64Reg or EbpfOpcode.Mov32Reg) || !IsPlainFollower(slot + 1))
            return slot;
        EbpfInstruction move = _shape.Instructions[slot], second = _shape.Instructions[slot + 1];
        OpcodeRow row = _shape.Rows[slot + 1];
        if (row.Effect != Effect.Alu || second.Dst != move.Dst || row.Operation is Operation.Mov or Operation.MovSx or Operation.AddrSpaceCast)
            return slot;
        _left = move.Src;
        _leftShort = moveRow.Width == 32 || IsHighZero(move.Src) || _halves.IsZeroBefore(slot + 1, move.Dst);
        _slot = slot + 1;
        _emit.Bind(_slotLabels[slot + 1]);
        TranslateAluFromLeft(second, row);
        return slot + 2;
    }

    // ---- shifts as second operands ---------------------------------------------------------------------------------------

    /// <summary>A shift by a constant whose result's low half is that of a 32-bit shift of a low half.</summary>
    /// <param name="Slot">Of the shift.</param>
    /// <param name="Source">What is shifted.</param>
    private readonly record struct LowShift(int Slot, int Register, int Source, Arm32Shift Kind, int Count);

    /// <summary>[r = s ;] r &lt;&lt;= k, or >> where only 32 bits are shifted, or where the upper half is empty.</summary>
    private LowShift? FindLowShift(int slot)
    {
        int source = -1;
        bool isShort = false;
        EbpfInstruction instruction = _shape.Instructions[slot];
        if (_shape.Rows[slot].Opcode is EbpfOpcode.Mov64Reg or EbpfOpcode.Mov32Reg)
        {
            if (!IsPlainFollower(slot + 1) || _shape.Instructions[slot + 1].Dst != instruction.Dst || instruction.Src == EbpfRegisters.R10)
                return null;
            source = instruction.Src;
            isShort = _shape.Rows[slot].Width == 32 || _halves.IsZeroBefore(slot, source);
            instruction = _shape.Instructions[++slot];
        }
        OpcodeRow row = _shape.Rows[slot];
        if (row.Effect != Effect.Alu || row.IsRegisterForm || row.Operation is not (Operation.Lsh or Operation.Rsh or Operation.Arsh))
            return null;
        int count = instruction.Immediate & (row.Width - 1);
        isShort |= row.Width == 32 || _halves.IsZeroBefore(slot, instruction.Dst);
        bool isLow = count is > 0 and < 32 && (row.Width == 32 || row.Operation == Operation.Lsh || (isShort && row.Operation == Operation.Rsh));
        return isLow ? new LowShift(slot, instruction.Dst, source < 0 ? instruction.Dst : source, ShiftOf(row.Operation), count) : null;
    }

    /// <summary>A sum, difference or bitwise operation on registers, of whose result at most 32 bits matter.</summary>
    private bool IsLowOperation(int slot)
    {
        OpcodeRow row = _shape.Rows[slot];
        return row.Effect == Effect.Alu && row.IsRegisterForm && row.Operation is Operation.Add or Operation.Sub or Operation.And or Operation.Or or Operation.Xor
            && (row.Width == 32 || !IsNeededHighAfter(slot, _shape.Instructions[slot].Dst));
    }

    /// <summary>
    ///   [r = s ;] r &lt;&lt;= k ; t = t op r     →  op t, t, s, lsl #k      (r dead behind it)
    ///   [r = s ;] r &lt;&lt;= k ; r = r op t     →  op r, t, s, lsl #k      (op commutes; sub becomes rsb)
    /// </summary>
    private int TryShiftedOperand(int slot)
    {
        if (FindLowShift(slot) is not { } shift || !IsPlainFollower(shift.Slot + 1) || !IsLowOperation(shift.Slot + 1))
            return slot;
        int at = shift.Slot + 1;
        EbpfInstruction operation = _shape.Instructions[at];
        Arm32Operation plain = Plain(_shape.Rows[at].Operation);
        int other;
        if (operation.Src == shift.Register && operation.Dst != shift.Register && IsDeadAfter(at, shift.Register))
        {
            other = operation.Dst;
        }
        else if (operation.Dst == shift.Register && operation.Src != shift.Register)
        {
            other = operation.Src;
            if (plain == Arm32Operation.Sub)
                plain = Arm32Operation.Rsb;
        }
        else
        {
            return slot;
        }
        BindThrough(slot + 1, at);
        _slot = at;
        Arm32Register d = Target(operation.Dst, 0, T0);
        _emit.Alu(plain, d, ReadLow(other, T1), ReadLow(shift.Source, T2), false, Always, shift.Kind, shift.Count);
        StoreLow(operation.Dst, d);
        ClearHigh(operation.Dst);
        return at + 1;
    }

    /// <summary>
    ///   [a = x ;] a >>= 32 - k ; [b = x ;] b &lt;&lt;= k ; b |= a    →   ror b, x, #(32 - k)     (32 bits wide, a dead behind it)
    /// and the other way round; where then  t = t op b  is the last use of b, the rotation is its operand.
    /// </summary>
    private int TryRotate(int slot)
    {
        if (FindLowShift(slot) is not { } first || !IsPlainFollower(first.Slot + 1) || FindLowShift(first.Slot + 1) is not { } second)
            return slot;
        int at = second.Slot + 1;
        for (int inside = slot + 1; inside <= at; inside++)
        {
            if (!IsPlainFollower(inside))
                return slot;
        }
        EbpfInstruction join = _shape.Instructions[at];
        bool isPair = first.Kind == Arm32Shift.Left && second.Kind == Arm32Shift.RightLogical || first.Kind == Arm32Shift.RightLogical && second.Kind == Arm32Shift.Left;
        if (!isPair || first.Count + second.Count != 32 || first.Source != second.Source || first.Register == second.Register || first.Register == first.Source
            || !IsLowOperation(at) || _shape.Rows[at].Operation is not (Operation.Or or Operation.Xor or Operation.Add))
            return slot;
        bool isForward = join.Dst == second.Register && join.Src == first.Register, isBackward = join.Dst == first.Register && join.Src == second.Register;
        if (!(isForward || isBackward) || !IsDeadAfter(at, join.Src))
            return slot;
        int right = first.Kind == Arm32Shift.RightLogical ? first.Count : second.Count;
        int use = at + 1;
        if (IsPlainFollower(use) && IsLowOperation(use) && _shape.Instructions[use] is var last && last.Src == join.Dst && last.Dst != join.Dst && IsDeadAfter(use, join.Dst))
        {
            BindThrough(slot + 1, use);
            _slot = use;
            Arm32Register t = Target(last.Dst, 0, T0);
            _emit.Alu(Plain(_shape.Rows[use].Operation), t, ReadLow(last.Dst, T1), ReadLow(first.Source, T2), false, Always, Arm32Shift.Rotate, right);
            StoreLow(last.Dst, t);
            ClearHigh(last.Dst);
            return use + 1;
        }
        BindThrough(slot + 1, at);
        _slot = at;
        Arm32Register d = Target(join.Dst, 0, T0);
        _emit.Alu(Arm32Operation.Mov, d, 0, ReadLow(first.Source, T2), false, Always, Arm32Shift.Rotate, right);
        StoreLow(join.Dst, d);
        ClearHigh(join.Dst);
        return at + 1;
    }

    /// <summary>
    ///   h &lt;&lt;= 32 ; h |= l    →   the low half of h moves up, that of l takes its place     (l without an upper half)
    /// </summary>
    private int TryJoinWords(int slot)
    {
        EbpfInstruction shift = _shape.Instructions[slot];
        if (_shape.Rows[slot].Opcode != EbpfOpcode.Lsh64Imm || (shift.Immediate & 63) != 32 || !IsPlainFollower(slot + 1))
            return slot;
        EbpfInstruction join = _shape.Instructions[slot + 1];
        if (_shape.Rows[slot + 1].Opcode is not (EbpfOpcode.Or64Reg or EbpfOpcode.Add64Reg or EbpfOpcode.Xor64Reg) || join.Dst != shift.Dst || join.Src == join.Dst
            || join.Src == EbpfRegisters.R10 || !_halves.IsZeroBefore(slot + 1, join.Src))
            return slot;
        BindThrough(slot + 1, slot + 1);
        _slot = slot + 1;
        StoreHigh(join.Dst, ReadLow(join.Dst, Target(join.Dst, 1, T1)));
        StoreLow(join.Dst, ReadLow(join.Src, Target(join.Dst, 0, T0)));
        return slot + 2;
    }

    // ---- accesses ----------------------------------------------------------------------------------------------------------

    /// <summary>
    ///   [r = a ;] r += b ; access at [r + 0]                       →   access at [a, b]               (r dead behind it, or loaded)
    ///   [r = i ;] r &lt;&lt;= k ; r += b ; access at [r + 0]         →   access at [b, i, lsl #k]
    /// Addresses are low halves.
    /// </summary>
    private int TryIndexedAccess(int slot)
    {
        int at = slot, shift = 0, @base;
        if (FindLowShift(slot) is { Kind: Arm32Shift.Left } scaled)
        {
            (@base, shift, at) = (scaled.Source, scaled.Count, scaled.Slot + 1);
            if (!IsPlainFollower(at))
                return slot;
        }
        else
        {
            @base = _shape.Instructions[slot].Dst;
            if (_shape.Rows[slot].Opcode == EbpfOpcode.Mov64Reg)
            {
                @base = _shape.Instructions[slot].Src;
                if (!IsPlainFollower(++at) || _shape.Instructions[at].Dst != _shape.Instructions[slot].Dst)
                    return slot;
            }
        }
        EbpfInstruction sum = _shape.Instructions[at];
        int address = _shape.Instructions[slot].Dst;
        if (_shape.Rows[at].Opcode != EbpfOpcode.Add64Reg || sum.Dst != address || sum.Src == address || !IsPlainFollower(at + 1))
            return slot;
        int access = at + 1;
        EbpfInstruction instruction = _shape.Instructions[access];
        OpcodeRow row = _shape.Rows[access];
        bool isLoad = row.Operation is Operation.Load or Operation.LoadSx, isStore = row.Operation is Operation.Store && row.IsRegisterForm;
        if (!(isLoad || isStore) || row.Width == 64 || _options.ProbesAt(access) || instruction.Offset != 0 || (isLoad ? instruction.Src : instruction.Dst) != address
            || (isStore && instruction.Src == address) || !(IsDeadAfter(access, address) || (isLoad && instruction.Dst == address)))
            return slot;
        bool isSigned = row.Operation == Operation.LoadSx && row.Width < 32;
        if (shift != 0 && (row.Width == 16 || isSigned))
            return slot;
        BindThrough(slot + 1, access);
        Arm32Register n = ReadLow(@base, T2), m = ReadLow(sum.Src, T1);
        if (shift != 0)
            (n, m) = (m, n);
        _slot = access;
        if (isStore)
        {
            _emit.StoreIndexed(row.Width, ReadLow(instruction.Src, T0), n, m, shift);
            return access + 1;
        }
        Arm32Register d = Target(instruction.Dst, 0, T0);
        _emit.LoadIndexed(row.Width, isSigned, d, n, m, shift);
        StoreLow(instruction.Dst, d);
        if (row.Operation == Operation.LoadSx)
            SpreadSign(instruction.Dst, d);
        else
            ClearHigh(instruction.Dst);
        return access + 1;
    }

    // ---- branches ----------------------------------------------------------------------------------------------------------

    /// <summary>
    ///   if c goto +1 ; goto L         →   the opposite branch to L
    ///   if c goto +n ; n operations   →   the operations under the opposite condition, where they are few
    /// </summary>
    private int TryBranch(int slot)
    {
        OpcodeRow row = _shape.Rows[slot];
        EbpfInstruction branch = _shape.Instructions[slot];
        if (row.Effect != Effect.Branch || row.Operation == Operation.MayGoto || branch.Offset is < 1 or > 3)
            return slot;
        int end = slot + 1 + branch.Offset;
        for (int inside = slot + 1; inside < end; inside++)
        {
            if (!IsPlainFollower(inside) || _shape.Rows[inside].Effect is Effect.None or Effect.LoadImmediate)
                return slot;
        }
        OpcodeRow next = _shape.Rows[slot + 1];
        if (branch.Offset == 1 && next.Effect == Effect.Jump)
        {
            Arm32Condition condition = EmitCompare(branch, row);
            BindThrough(slot + 1, slot + 1);
            _emit.Branch(JumpLabel(ProgramShape.JumpTarget(slot + 1, _shape.Instructions[slot + 1], next)), condition.Negate());
            return slot + 2;
        }
        for (int inside = slot + 1; inside < end; inside++)
        {
            if (_shape.Rows[inside] is not { Effect: Effect.Alu } && _shape.Rows[inside].Operation is not (Operation.Load or Operation.Store))
                return slot;
        }
        int start = _emit.Position;
        Arm32Condition skip = EmitCompare(branch, row);
        _emit.BeginPredicate(skip.Negate());
        for (int inside = slot + 1; inside < end;)
        {
            _slot = inside;
            _emit.Bind(_slotLabels[inside]);
            int after = TryMoveAndOperate(inside);
            if (after == inside)
            {
                Translate(inside);
                after = inside + 1;
            }
            inside = after > end ? end : after;
        }
        _slot = slot;
        if (_emit.TryEndPredicate(MaxConditional))
            return end;
        _emit.Rewind(start);
        return slot;
    }
}
