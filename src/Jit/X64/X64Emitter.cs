// Encodes x86-64 instructions (Intel SDM volume 2). One method per instruction form that the compiler needs.
//
//   [66] [REX 0100WRXB] opcode [ModRM mod|reg|rm] [SIB] [disp8/32] [imm8/32]
//
// Branches are written with 32-bit displacements and recorded; Finish shortens those that fit in eight bits (all start
// short and grow until nothing changes, which terminates because they only grow).
namespace Ebpfcc.Jit.X64;

/// <summary>A position in the code that branches refer to.</summary>
public readonly record struct Label(int Index);

public sealed partial class X64Emitter
{
    private const int MaxShorteningPasses = 16;

    private readonly CodeBuffer _code = new();
    private readonly List<int> _labels = [];
    private readonly List<Branch> _branches = [];
    private readonly List<ulong> _pool = [];
    private readonly List<(int Offset, int PoolIndex)> _poolUses = [];
    private readonly List<(int Offset, Label Label)> _addressUses = [];

    /// <summary>Something whose final length is decided at the end: a jump, a call (always long), or padding to a multiple of <see cref="LoopAlignment"/>.</summary>
    private readonly record struct Branch(int Offset, int Length, X64Condition? Condition, BranchKind Kind, Label Target);

    private enum BranchKind : byte { Jump, Call, Padding }

    /// <summary>Where loops start: no more than half a fetch window away.</summary>
    private const int LoopAlignment = 16;

    /// <summary>The recommended no-operations of 1 to 9 bytes (Intel SDM volume 2B, NOP).</summary>
    private static readonly byte[][] s_nops =
    [
        [], [0x90], [0x66, 0x90], [0x0f, 0x1f, 0x00], [0x0f, 0x1f, 0x40, 0x00], [0x0f, 0x1f, 0x44, 0x00, 0x00], [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
        [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00], [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00], [0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    ];

    /// <summary>Bytes written so far, before branches are shortened.</summary>
    public int Position => _code.Position;

    public Label NewLabel()
    {
        _labels.Add(-1);
        return new Label(_labels.Count - 1);
    }

    public void Bind(Label label) => _labels[label.Index] = _code.Position;

    // ---- encoding ----------------------------------------------------------------------------------------------------

    private void Rex(bool wide, int reg, int index, int rm, bool force = false)
    {
        int rex = 0x40 | (wide ? 8 : 0) | (reg >> 3 << 2) | (index >> 3 << 1) | (rm >> 3);
        if (rex != 0x40 || force)
            _code.Byte(rex);
    }

    private void ModRegister(int reg, int rm) => _code.Byte(0xc0 | (reg & 7) << 3 | (rm & 7));

    /// <summary>[base + displacement]: rsp and r12 need a SIB byte, rbp and r13 a displacement.</summary>
    private void ModMemory(int reg, int @base, int displacement)
    {
        int rm = @base & 7;
        int mod = displacement == 0 && rm != 5 ? 0 : displacement is >= -128 and <= 127 ? 1 : 2;
        _code.Byte(mod << 6 | (reg & 7) << 3 | rm);
        if (rm == 4)
            _code.Byte(0x24);
        if (mod == 1)
            _code.Byte(displacement);
        else if (mod == 2)
            _code.Int32(displacement);
    }

    /// <summary>An instruction with two register operands; bytes sil, dil, bpl, spl need a REX prefix.</summary>
    private void RegisterForm(int opcode, int reg, int rm, bool wide, bool isByte = false)
    {
        Rex(wide, reg, 0, rm, isByte && (reg >= 4 || rm >= 4));
        Opcode(opcode);
        ModRegister(reg, rm);
    }

    private void MemoryForm(int opcode, int reg, X64Register @base, int displacement, bool wide, bool isByte = false, int prefix = 0)
    {
        if (prefix != 0)
            _code.Byte(prefix);
        Rex(wide, reg, 0, (int)@base, isByte && reg >= 4);
        Opcode(opcode);
        ModMemory(reg, (int)@base, displacement);
    }

    /// <summary>One-, two- (0f xx) or three-byte (0f 38 xx) opcodes, written as one number.</summary>
    private void Opcode(int opcode)
    {
        if (opcode > 0xffff)
            _code.Byte(opcode >> 16);
        if (opcode > 0xff)
            _code.Byte(opcode >> 8);
        _code.Byte(opcode);
    }

    // ---- branches ----------------------------------------------------------------------------------------------------

    public void Jump(Label target)
    {
        _branches.Add(new Branch(_code.Position, 5, null, BranchKind.Jump, target));
        _code.Byte(0xe9);
        _code.Int32(0);
    }

    public void JumpIf(X64Condition condition, Label target)
    {
        _branches.Add(new Branch(_code.Position, 6, condition, BranchKind.Jump, target));
        _code.Byte(0x0f);
        _code.Byte(0x80 | (int)condition);
        _code.Int32(0);
    }

    /// <summary>Pads with no-operations so that the loop that starts here is fetched in one go.</summary>
    public void AlignLoop()
    {
        _branches.Add(new Branch(_code.Position, LoopAlignment - 1, null, BranchKind.Padding, default));
        for (int i = 1; i < LoopAlignment; i++)
            _code.Byte(0x90);
    }

    public void Call(Label target)
    {
        _branches.Add(new Branch(_code.Position, 5, null, BranchKind.Call, target));
        _code.Byte(0xe8);
        _code.Int32(0);
    }

    /// <summary>Calls an absolute address through a constant behind the code: one instruction, wherever the callee lies.</summary>
    public void CallAbsolute(nint address)
    {
        _code.Byte(0xff);
        _code.Byte(0x15);
        UsePool((ulong)address);
    }

    /// <summary>Jumps to the address in a register.</summary>
    public void JumpRegister(X64Register target)
    {
        Rex(false, 0, 0, (int)target);
        _code.Byte(0xff);
        ModRegister(4, (int)target);
    }

    /// <summary>Calls the address in a register.</summary>
    public void CallRegister(X64Register target)
    {
        Rex(false, 0, 0, (int)target);
        _code.Byte(0xff);
        ModRegister(2, (int)target);
    }

    /// <summary>Loads the run-time address of a label.</summary>
    public void LoadAddress(X64Register destination, Label label)
    {
        Rex(true, (int)destination, 0, 0);
        _code.Byte(0x8d);
        _code.Byte(((int)destination & 7) << 3 | 5);
        _addressUses.Add((_code.Position, label));
        _code.Int32(0);
    }

    private void UsePool(ulong value)
    {
        int index = _pool.IndexOf(value);
        if (index < 0)
        {
            index = _pool.Count;
            _pool.Add(value);
        }
        _poolUses.Add((_code.Position, index));
        _code.Int32(0);
    }

    // ---- final layout ------------------------------------------------------------------------------------------------

    /// <summary>The finished, position-independent code and the final offset of every label.</summary>
    public (byte[] Code, int[] LabelOffsets) Finish()
    {
        (bool[] isLong, int[] savedBefore) = ShortenBranches();
        ReadOnlySpan<byte> source = _code.Written;
        var output = new CodeBuffer();
        int copied = 0;
        for (int i = 0; i < _branches.Count; i++)
        {
            Branch branch = _branches[i];
            output.Bytes(source[copied..branch.Offset]);
            copied = branch.Offset + branch.Length;
            if (branch.Kind == BranchKind.Padding)
            {
                Pad(output, branch.Length - (savedBefore[i + 1] - savedBefore[i]));
                continue;
            }
            int target = Final(_labels[branch.Target.Index], savedBefore);
            if (isLong[i])
            {
                output.Bytes(source.Slice(branch.Offset, branch.Length - 4));
                output.Int32(target - (output.Position + 4));
            }
            else
            {
                output.Byte(branch.Condition is { } condition ? 0x70 | (int)condition : 0xeb);
                output.Byte(target - (output.Position + 1));
            }
        }
        output.Bytes(source[copied..]);
        foreach ((int offset, Label label) in _addressUses)
        {
            int at = Final(offset, savedBefore);
            output.PatchInt32(at, Final(_labels[label.Index], savedBefore) - (at + 4));
        }
        output.Align(8, 0xcc);
        int poolStart = output.Position;
        foreach (ulong value in _pool)
            output.Int64((long)value);
        foreach ((int offset, int poolIndex) in _poolUses)
        {
            int at = Final(offset, savedBefore);
            output.PatchInt32(at, poolStart + 8 * poolIndex - (at + 4));
        }
        var offsets = new int[_labels.Count];
        for (int i = 0; i < offsets.Length; i++)
            offsets[i] = _labels[i] < 0 ? -1 : Final(_labels[i], savedBefore);
        return (output.Written.ToArray(), offsets);
    }

    /// <summary>
    /// Which branches stay long, and the bytes saved before each one. Distances are measured with all padding at its longest: the
    /// final padding only brings branches nearer to their targets.
    /// </summary>
    private (bool[] IsLong, int[] SavedBefore) ShortenBranches()
    {
        int count = _branches.Count;
        var isLong = new bool[count];
        var savedBefore = new int[count + 1];
        for (int i = 0; i < count; i++)
            isLong[i] = _branches[i].Kind != BranchKind.Jump;
        bool changed;
        int passes = 0;
        do
        {
            changed = false;
            // Chains of branches can grow one by one; after a few rounds the rest stays long, so that no program costs more than linear time.
            if (++passes > MaxShorteningPasses)
                Array.Fill(isLong, true);
            for (int i = 0; i < count; i++)
                savedBefore[i + 1] = savedBefore[i] + (isLong[i] ? 0 : _branches[i].Length - 2);
            for (int i = 0; i < count; i++)
            {
                if (isLong[i])
                    continue;
                int end = _branches[i].Offset + _branches[i].Length - savedBefore[i + 1];
                int distance = Final(_labels[_branches[i].Target.Index], savedBefore) - end;
                if (distance is < -128 or > 127)
                    isLong[i] = changed = true;
            }
        }
        while (changed);
        for (int i = 0; i < count; i++)
        {
            int saved = isLong[i] ? 0 : _branches[i].Length - 2;
            if (_branches[i].Kind == BranchKind.Padding)
                saved = _branches[i].Length - (-(_branches[i].Offset - savedBefore[i]) & (LoopAlignment - 1));
            savedBefore[i + 1] = savedBefore[i] + saved;
        }
        return (isLong, savedBefore);
    }

    private static void Pad(CodeBuffer output, int bytes)
    {
        for (; bytes > 0; bytes -= Math.Min(bytes, s_nops.Length - 1))
            output.Bytes(s_nops[Math.Min(bytes, s_nops.Length - 1)]);
    }

    /// <summary>Where an offset of the unshortened code ends up.</summary>
    private int Final(int offset, int[] savedBefore)
    {
        int low = 0, high = _branches.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_branches[middle].Offset < offset)
                low = middle + 1;
            else
                high = middle;
        }
        return offset - savedBefore[low];
    }
}
