// Encodes A32 instructions (ARM Architecture Reference Manual, ARMv7-A edition, chapters A5 and A8).
//
//   data processing   cond 00 I op(4) S Rn Rd operand2      operand2: rot(4) imm8 | imm5 type 0 Rm | Rs 0 type 1 Rm
//   load/store word   cond 01 I P U B W L Rn Rt offset12
//   load/store half   cond 000 P U 1 W L Rn Rt imm4H 1SH1 imm4L
//   branch            cond 101 L offset24 (words from pc + 8)
using System.Numerics;

namespace Ebpfcc.Jit.Arm32;

/// <summary>A position in the code.</summary>
public readonly record struct ArmLabel(int Index);

/// <summary>The program is longer than its translation can be.</summary>
public sealed class CodeTooLongException(string message) : Exception(message);

public sealed class Arm32Emitter(Arm32Features features)
{
    private readonly CodeBuffer _code = new();
    private readonly List<int> _labels = [];
    private readonly List<(int Offset, ArmLabel Target)> _branches = [];
    private readonly List<(int Offset, ArmLabel Target, int Base)> _addresses = [];

    public Arm32Features Features { get; } = features;

    public int Position => _code.Position;

    public ArmLabel NewLabel()
    {
        _labels.Add(-1);
        return new ArmLabel(_labels.Count - 1);
    }

    public void Bind(ArmLabel label) => _labels[label.Index] = _code.Position;

    public bool IsBound(ArmLabel label) => _labels[label.Index] >= 0;

    public int OffsetOf(ArmLabel label) => _labels[label.Index];

    private void Word(uint word)
    {
        if (_predicate != Arm32Condition.Always)
        {
            _isPredicable &= word >> 28 == (uint)Arm32Condition.Always;
            word = word & 0x0fff_ffff | Head(_predicate);
        }
        _code.Int32((int)word);
    }

    // ---- conditional execution -----------------------------------------------------------------------------------------

    private Arm32Condition _predicate = Arm32Condition.Always;
    private int _predicateStart;
    private bool _isPredicable;

    /// <summary>What follows, up to <see cref="TryEndPredicate"/>, executes under a condition only.</summary>
    public void BeginPredicate(Arm32Condition condition)
    {
        _predicate = condition;
        _predicateStart = _code.Position;
        _isPredicable = true;
    }

    /// <summary>False, and everything since the beginning is taken back, when it was too long or cannot be conditional: branches, changed flags.</summary>
    public bool TryEndPredicate(int maxInstructions)
    {
        _predicate = Arm32Condition.Always;
        if (_isPredicable && _code.Position - _predicateStart <= 4 * maxInstructions)
            return true;
        Rewind(_predicateStart);
        return false;
    }

    /// <summary>Takes back everything from a position on; labels bound there must be bound again.</summary>
    public void Rewind(int position)
    {
        _code.Truncate(position);
        while (_branches.Count > 0 && _branches[^1].Offset >= position)
            _branches.RemoveAt(_branches.Count - 1);
        while (_addresses.Count > 0 && _addresses[^1].Offset >= position)
            _addresses.RemoveAt(_addresses.Count - 1);
    }

    /// <summary>A word of data, for tables and texts.</summary>
    public void Data(uint word) => Word(word);

    // ---- data processing ---------------------------------------------------------------------------------------------

    /// <summary>
    /// The 12-bit encoding of a constant as eight bits rotated right by an even amount, or -1 when it has none.
    /// </summary>
    public static int EncodeImmediate(uint value)
    {
        for (int rotation = 0; rotation < 16; rotation++)
        {
            uint rotated = BitOperations.RotateLeft(value, 2 * rotation);
            if (rotated <= 0xff)
                return rotation << 8 | (int)rotated;
        }
        return -1;
    }

    private static uint Head(Arm32Condition condition) => (uint)condition << 28;

    private void DataProcessing(Arm32Operation operation, Arm32Register d, Arm32Register n, uint operand2, bool isImmediate, bool setFlags, Arm32Condition condition)
    {
        _isPredicable &= !setFlags;
        Word(Head(condition) | (isImmediate ? 1u << 25 : 0) | (uint)operation << 21 | (setFlags ? 1u << 20 : 0) | (uint)n << 16 | (uint)d << 12 | operand2);
    }

    /// <summary>d = n op m, m optionally shifted by a constant.</summary>
    public void Alu(Arm32Operation operation, Arm32Register d, Arm32Register n, Arm32Register m, bool setFlags = false,
        Arm32Condition condition = Arm32Condition.Always, Arm32Shift shift = Arm32Shift.Left, int amount = 0)
        => DataProcessing(operation, d, n, (uint)(amount & 31) << 7 | (uint)shift << 5 | (uint)m, false, setFlags, condition);

    /// <summary>d = n op (m shifted by the low byte of a register).</summary>
    public void AluShifted(Arm32Operation operation, Arm32Register d, Arm32Register n, Arm32Register m, Arm32Shift shift, Arm32Register amount,
        bool setFlags = false, Arm32Condition condition = Arm32Condition.Always)
        => DataProcessing(operation, d, n, (uint)amount << 8 | (uint)shift << 5 | 0x10 | (uint)m, false, setFlags, condition);

    /// <summary>d = n op constant; false, and nothing written, when the constant has no encoding.</summary>
    public bool TryAluImmediate(Arm32Operation operation, Arm32Register d, Arm32Register n, uint value, bool setFlags = false, Arm32Condition condition = Arm32Condition.Always)
    {
        int encoded = EncodeImmediate(value);
        if (encoded < 0)
            return false;
        DataProcessing(operation, d, n, (uint)encoded, true, setFlags, condition);
        return true;
    }

    public void Move(Arm32Register d, Arm32Register m, Arm32Condition condition = Arm32Condition.Always)
        => Alu(Arm32Operation.Mov, d, 0, m, false, condition);

    /// <summary>Loads a constant: mov, mvn, movw/movt, or a mov and up to three orrs before ARMv6T2.</summary>
    public void MoveImmediate(Arm32Register d, uint value, Arm32Condition condition = Arm32Condition.Always)
    {
        if (TryAluImmediate(Arm32Operation.Mov, d, 0, value, false, condition) || TryAluImmediate(Arm32Operation.Mvn, d, 0, ~value, false, condition))
            return;
        if (Features.HasThumb2Moves)
        {
            Word(Head(condition) | 0x03000000 | (value & 0xf000) << 4 | (uint)d << 12 | value & 0xfff);
            if (value > 0xffff)
                Word(Head(condition) | 0x03400000 | (value >> 28) << 16 | (uint)d << 12 | (value >> 16) & 0xfff);
            return;
        }
        bool first = true;
        for (int shift = 0; shift < 32; shift += 8)
        {
            uint part = value & 0xffu << shift;
            if (part == 0)
                continue;
            TryAluImmediate(first ? Arm32Operation.Mov : Arm32Operation.Orr, d, first ? 0 : d, part, false, condition);
            first = false;
        }
    }

    // ---- multiplication, division, bits ---------------------------------------------------------------------------------

    public void Multiply(Arm32Register d, Arm32Register n, Arm32Register m) => Word(0xe0000090 | (uint)d << 16 | (uint)m << 8 | (uint)n);

    /// <summary>d = n * m + a.</summary>
    public void MultiplyAdd(Arm32Register d, Arm32Register n, Arm32Register m, Arm32Register a)
        => Word(0xe0200090 | (uint)d << 16 | (uint)a << 12 | (uint)m << 8 | (uint)n);

    /// <summary>high:low = n * m, unsigned.</summary>
    public void MultiplyLong(Arm32Register low, Arm32Register high, Arm32Register n, Arm32Register m)
        => Word(0xe0800090 | (uint)high << 16 | (uint)low << 12 | (uint)m << 8 | (uint)n);

    /// <summary>udiv or sdiv; only where the features say so.</summary>
    public void Divide(Arm32Register d, Arm32Register n, Arm32Register m, bool isSigned)
        => Word((isSigned ? 0xe710f010 : 0xe730f010) | (uint)d << 16 | (uint)m << 8 | (uint)n);

    public void CountLeadingZeros(Arm32Register d, Arm32Register m) => Word(0xe16f0f10 | (uint)d << 12 | (uint)m);

    /// <summary>Reverses the four bytes.</summary>
    public void Reverse(Arm32Register d, Arm32Register m) => Word(0xe6bf0f30 | (uint)d << 12 | (uint)m);

    /// <summary>Reverses the bytes of both halfwords.</summary>
    public void Reverse16(Arm32Register d, Arm32Register m) => Word(0xe6bf0fb0 | (uint)d << 12 | (uint)m);

    /// <summary>uxtb, uxth, sxtb, sxth.</summary>
    public void Extend(Arm32Register d, Arm32Register m, int bits, bool isSigned)
        => Word((isSigned ? 0xe6a00070 : 0xe6e00070) | (bits == 16 ? 0x100000u : 0) | 0xf0000 | (uint)d << 12 | (uint)m);

    /// <summary>ubfx: bits of m from a position on, zero-extended (ARMv6T2).</summary>
    public void ExtractField(Arm32Register d, Arm32Register m, int position, int bits)
        => Word(0xe7e00050 | (uint)(bits - 1) << 16 | (uint)d << 12 | (uint)position << 7 | (uint)m);

    // ---- loads and stores -----------------------------------------------------------------------------------------------

    /// <summary>Largest offset magnitude of a load or store of this width and kind.</summary>
    public static int MaxOffset(int bits, bool isSigned) => bits == 16 || isSigned ? 255 : 4095;

    /// <summary>ldr, ldrb, ldrh, ldrsb, ldrsh with an offset in range.</summary>
    public void Load(int bits, bool isSigned, Arm32Register t, Arm32Register n, int offset, Arm32Condition condition = Arm32Condition.Always)
    {
        if (bits == 16 || (isSigned && bits == 8))
            Halfword(true, bits == 8 ? 0xd0u : isSigned ? 0xf0u : 0xb0u, t, n, offset, condition);
        else
            SingleTransfer(true, bits == 8, t, n, offset, condition);
    }

    /// <summary>The same with an address of n + m * 2^shift; halfwords and signed bytes take no shift.</summary>
    public void LoadIndexed(int bits, bool isSigned, Arm32Register t, Arm32Register n, Arm32Register m, int shift)
    {
        if (bits == 16 || (isSigned && bits == 8))
            HalfwordIndexed(true, bits == 8 ? 0xd0u : isSigned ? 0xf0u : 0xb0u, t, n, m, shift);
        else
            TransferIndexed(true, bits == 8, t, n, m, shift);
    }

    public void StoreIndexed(int bits, Arm32Register t, Arm32Register n, Arm32Register m, int shift)
    {
        if (bits == 16)
            HalfwordIndexed(false, 0xb0, t, n, m, shift);
        else
            TransferIndexed(false, bits == 8, t, n, m, shift);
    }

    private void TransferIndexed(bool load, bool isByte, Arm32Register t, Arm32Register n, Arm32Register m, int shift)
        => Word(0xe7800000 | (isByte ? 1u << 22 : 0) | (load ? 1u << 20 : 0) | (uint)n << 16 | (uint)t << 12 | (uint)shift << 7 | (uint)m);

    private void HalfwordIndexed(bool load, uint kind, Arm32Register t, Arm32Register n, Arm32Register m, int shift)
    {
        Check(shift == 0, shift);
        Word(0xe1800000 | (load ? 1u << 20 : 0) | (uint)n << 16 | (uint)t << 12 | kind | (uint)m);
    }

    public void Store(int bits, Arm32Register t, Arm32Register n, int offset, Arm32Condition condition = Arm32Condition.Always)
    {
        if (bits == 16)
            Halfword(false, 0xb0, t, n, offset, condition);
        else
            SingleTransfer(false, bits == 8, t, n, offset, condition);
    }

    private void SingleTransfer(bool load, bool isByte, Arm32Register t, Arm32Register n, int offset, Arm32Condition condition)
    {
        Check(Math.Abs(offset) <= 4095, offset);
        Word(Head(condition) | 0x05000000 | (offset >= 0 ? 1u << 23 : 0) | (isByte ? 1u << 22 : 0) | (load ? 1u << 20 : 0)
            | (uint)n << 16 | (uint)t << 12 | (uint)Math.Abs(offset));
    }

    private void Halfword(bool load, uint kind, Arm32Register t, Arm32Register n, int offset, Arm32Condition condition)
    {
        Check(Math.Abs(offset) <= 255, offset);
        uint magnitude = (uint)Math.Abs(offset);
        Word(Head(condition) | 0x01400000 | (offset >= 0 ? 1u << 23 : 0) | (load ? 1u << 20 : 0) | (uint)n << 16 | (uint)t << 12
            | (magnitude & 0xf0) << 4 | kind | magnitude & 0xf);
    }

    /// <summary>ldrd: t even, t:t+1 loaded from an address that is a multiple of 4 (ARMv6: of 8), offset magnitude at most 255.</summary>
    public void LoadPair(Arm32Register t, Arm32Register n, int offset) => Pair(0xd0, t, n, offset);

    /// <summary>strd, with the same conditions.</summary>
    public void StorePair(Arm32Register t, Arm32Register n, int offset) => Pair(0xf0, t, n, offset);

    private void Pair(uint kind, Arm32Register t, Arm32Register n, int offset)
    {
        Check(((int)t & 1) == 0, (int)t);
        Halfword(false, kind, t, n, offset, Arm32Condition.Always);
    }

    private static void Check(bool isInRange, int offset)
    {
        if (!isInRange)
            throw new ArgumentOutOfRangeException(nameof(offset), offset, "The instruction's offset field is too short.");
    }

    /// <summary>push (stmdb sp!) of a set of registers, one bit each.</summary>
    public void Push(int registers) => Word(0xe92d0000 | (uint)registers);

    /// <summary>pop (ldmia sp!).</summary>
    public void Pop(int registers) => Word(0xe8bd0000 | (uint)registers);

    // ---- exclusive access ---------------------------------------------------------------------------------------------------

    public void LoadExclusive(Arm32Register t, Arm32Register n) => Word(0xe1900f9f | (uint)n << 16 | (uint)t << 12);

    /// <summary>d = 0 when the store happened.</summary>
    public void StoreExclusive(Arm32Register d, Arm32Register t, Arm32Register n) => Word(0xe1800f90 | (uint)n << 16 | (uint)d << 12 | (uint)t);

    /// <summary>t even, and t:t+1 is loaded.</summary>
    public void LoadExclusivePair(Arm32Register t, Arm32Register n) => Word(0xe1b00f9f | (uint)n << 16 | (uint)t << 12);

    public void StoreExclusivePair(Arm32Register d, Arm32Register t, Arm32Register n) => Word(0xe1a00f90 | (uint)n << 16 | (uint)d << 12 | (uint)t);

    /// <summary>A full barrier: dmb ish, or the ARMv6 coprocessor operation (the scratch register becomes 0).</summary>
    public void Barrier(Arm32Register scratch)
    {
        if (Features.HasBarriers)
        {
            Word(0xf57ff05b);
            return;
        }
        MoveImmediate(scratch, 0);
        Word(0xee070fba | (uint)scratch << 12);
    }

    // ---- control flow ---------------------------------------------------------------------------------------------------------

    public void Branch(ArmLabel target, Arm32Condition condition = Arm32Condition.Always)
    {
        _isPredicable = false;
        _branches.Add((_code.Position, target));
        Word(Head(condition) | 0x0a000000);
    }

    public void BranchAndLink(ArmLabel target)
    {
        _isPredicable = false;
        _branches.Add((_code.Position, target));
        Word(0xeb000000);
    }

    public void BranchExchange(Arm32Register target, Arm32Condition condition = Arm32Condition.Always) => Word(Head(condition) | 0x012fff10 | (uint)target);

    public void BranchLinkExchange(Arm32Register target)
    {
        _isPredicable = false; // who is called changes the flags
        Word(0xe12fff30 | (uint)target);
    }

    public void SupervisorCall() => Word(0xef000000);

    public void Undefined() => Word(0xe7f000f0);

    /// <summary>
    /// The run-time address of a label, position-independent: the distance is loaded as a constant and added to pc.
    ///   movw/movt (or mov, orr ...) d, #(label - here - 8) ; here: add d, pc, d
    /// </summary>
    public void LoadAddress(Arm32Register d, ArmLabel label)
    {
        int start = _code.Position;
        _isPredicable = false;
        if (Features.HasThumb2Moves)
        {
            Word(0xe3000000 | (uint)d << 12);
            Word(0xe3400000 | (uint)d << 12);
        }
        else
        {
            for (int i = 0; i < 4; i++)
                Word((i == 0 ? 0xe3a00000 : 0xe3800000 | (uint)d << 16) | (uint)d << 12);
        }
        _addresses.Add((start, label, _code.Position));
        Alu(Arm32Operation.Add, d, Arm32Register.Pc, d);
    }

    /// <summary>Resolves branches and addresses and returns the position-independent code.</summary>
    public byte[] Finish()
    {
        byte[] code = _code.Written.ToArray();
        Span<byte> bytes = code;
        foreach ((int offset, ArmLabel target) in _branches)
        {
            int words = (_labels[target.Index] - (offset + 8)) / 4;
            if (words is < -0x800000 or > 0x7fffff)
                throw new CodeTooLongException("a branch of ARM32 code cannot span more than 32 MiB");
            Patch(bytes, offset, (uint)words & 0xffffff);
        }
        foreach ((int offset, ArmLabel target, int @base) in _addresses)
        {
            uint distance = (uint)(_labels[target.Index] - (@base + 8));
            if (Features.HasThumb2Moves)
            {
                Patch(bytes, offset, (distance & 0xf000) << 4 | distance & 0xfff);
                Patch(bytes, offset + 4, (distance >> 28) << 16 | (distance >> 16) & 0xfff);
            }
            else
            {
                for (int i = 0; i < 4; i++)
                    Patch(bytes, offset + 4 * i, (distance >> 8 * i & 0xff) | (i == 0 ? 0 : (uint)(16 - 4 * i) << 8));
            }
        }
        return code;

        static void Patch(Span<byte> bytes, int offset, uint bits)
        {
            Span<byte> at = bytes.Slice(offset, 4);
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(at, System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(at) | bits);
        }
    }
}
