// memcpy, memmove, memset and memcmp in line. A unit is as wide as both sides are known to be aligned, at most eight bytes;
// short blocks are unrolled, long or variable ones become a loop.
using System.Numerics;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Selection;

public sealed partial class InstructionSelector
{
    /// <summary>Accesses unrolled per side before a loop is shorter (LLVM's limit for this target).</summary>
    private const int UnrollLimit = 128;

    private void SelectBlockMemory(BlockMemoryInstruction block)
    {
        if (block.Length is Constant { IsZero: true })
        {
            if (block.Opcode == IrOpcode.MemCompare)
                EmitConstant(RegisterOf(block), 0, narrow: true);
            return;
        }
        int unit = Unit(block.Alignment);
        switch (block.Opcode)
        {
            case IrOpcode.MemSet:
                SelectMemSet(block, unit);
                break;
            case IrOpcode.MemCompare:
                SelectMemCompare(block, Math.Min(unit, Unit(block.SourceAlignment)));
                break;
            case IrOpcode.MemMove when !IsDisjoint(block):
                SelectMemMove(block, Math.Min(unit, Unit(block.SourceAlignment)));
                break;
            default:
                SelectMemCopy(block, Math.Min(unit, Unit(block.SourceAlignment)));
                break;
        }
    }

    private static int Unit(int alignment) => Math.Clamp(1 << BitOperations.TrailingZeroCount(Math.Max(alignment, 1)), 1, 8);

    /// <summary>Different stack objects or globals never overlap.</summary>
    private bool IsDisjoint(BlockMemoryInstruction block)
    {
        (Value destination, _) = AddressRoot(block.Pointer);
        (Value source, _) = AddressRoot(block.Source);
        bool known = destination is AllocaInstruction or GlobalVariable && source is AllocaInstruction or GlobalVariable;
        return known && !ReferenceEquals(destination, source);
    }

    /// <summary>Cuts a length into accesses: whole units, then halves of them.</summary>
    private static IEnumerable<(int Offset, int Bytes)> Pieces(long length, int unit)
    {
        int offset = 0;
        for (int bytes = unit; bytes > 0; bytes /= 2)
        {
            for (; length - offset >= bytes; offset += bytes)
                yield return (offset, bytes);
        }
    }

    private bool IsUnrolled(BlockMemoryInstruction block, int unit, out long length)
    {
        length = block.Length is Constant constant ? constant.Signed : -1;
        return length >= 0 && length / unit <= UnrollLimit;
    }

    private Address BlockAddress(Value pointer)
    {
        Address address = AddressOf(pointer);
        return address.Core is null ? address : Stable(address, MachineRegister.None);
    }

    private void SelectMemCopy(BlockMemoryInstruction block, int unit)
    {
        if (!IsUnrolled(block, unit, out long length))
        {
            EmitCopyLoop(block, unit, backward: false);
            return;
        }
        Address destination = BlockAddress(block.Pointer), source = BlockAddress(block.Source);
        foreach ((int offset, int bytes) in Pieces(length, unit))
        {
            MachineRegister value = NewRegister();
            EmitLoad(value, bytes, source.Plus(offset));
            EmitStore(bytes, destination.Plus(offset), value);
        }
    }

    /// <summary>Overlap is possible: few units are all read before the first is written, more are copied in the safe direction.</summary>
    private void SelectMemMove(BlockMemoryInstruction block, int unit)
    {
        const int HeldUnits = 4;
        if (IsUnrolled(block, unit, out long length) && Pieces(length, unit).Count() <= HeldUnits)
        {
            Address destination = BlockAddress(block.Pointer), source = BlockAddress(block.Source);
            (int Offset, int Bytes)[] pieces = [.. Pieces(length, unit)];
            var values = new MachineRegister[pieces.Length];
            for (int i = 0; i < pieces.Length; i++)
            {
                values[i] = NewRegister();
                EmitLoad(values[i], pieces[i].Bytes, source.Plus(pieces[i].Offset));
            }
            for (int i = 0; i < pieces.Length; i++)
                EmitStore(pieces[i].Bytes, destination.Plus(pieces[i].Offset), values[i]);
            return;
        }
        MachineBlock forward = NewBlock(), backward = NewBlock(), done = NewBlock();
        MachineRegister target = Use(block.Pointer), origin = Use(block.Source);
        MachineBlock ifTrue = forward, ifFalse = backward;
        EbpfOpcode family = BranchFamily(ComparePredicate.Ule, ref ifTrue, ref ifFalse);
        EmitJump(family, 64, target, origin, ifTrue, ifFalse);
        SwitchTo(forward);
        EmitCopyLoop(block, unit, backward: false);
        ContinueIn(done);
        SwitchTo(backward);
        EmitCopyLoop(block, unit, backward: true);
        ContinueIn(done);
    }

    /// <summary>
    /// <c>i = 0; while (i != n) { d[i] = s[i]; i += unit }</c>, or from the end down. A constant length is rounded down to
    /// units and its rest copied behind the loop (before it, when going down).
    /// </summary>
    private void EmitCopyLoop(BlockMemoryInstruction block, int unit, bool backward)
    {
        var constant = block.Length as Constant;
        if (constant is null)
            unit = 1;
        long whole = constant is null ? 0 : constant.Signed / unit * unit;
        Address destination = BlockAddress(block.Pointer), source = BlockAddress(block.Source);
        MachineRegister target = NewRegister(), origin = NewRegister();
        MachineRegister? end = constant is null ? Use(block.Length) : null;
        EmitAddress(target, destination);
        EmitAddress(origin, source);

        void Rest()
        {
            if (constant is null)
                return;
            foreach ((int offset, int bytes) in Pieces(constant.Signed - whole, unit))
            {
                MachineRegister value = NewRegister();
                EmitLoad(value, bytes, new Address(origin, null, offset, null));
                EmitStore(bytes, new Address(target, null, offset, null), value);
            }
        }

        MachineRegister index = NewRegister();
        if (!backward)
        {
            EmitConstant(index, 0, narrow: true);
        }
        else
        {
            if (end is { } all)
            {
                EmitAlu(EbpfOpcode.Add64Imm, 64, target, all);
                EmitAlu(EbpfOpcode.Add64Imm, 64, origin, all);
                EmitCopy(index, all);
            }
            else
            {
                EmitAlu(EbpfOpcode.Add64Imm, 64, target, whole);
                EmitAlu(EbpfOpcode.Add64Imm, 64, origin, whole);
                Rest();
                EmitConstant(index, whole, narrow: true);
            }
        }
        MachineBlock head = NewBlock(), body = NewBlock(), done = NewBlock();
        ContinueIn(head);
        if (backward)
            EmitJump(EbpfOpcode.Jeq64Imm, 64, index, 0, done, body);
        else if (end is { } last)
            EmitJump(EbpfOpcode.Jge64Imm, 64, index, last, done, body);
        else
            EmitJump(EbpfOpcode.Jge64Imm, 64, index, whole, done, body);
        SwitchTo(body);
        int step = backward ? -unit : unit;
        MachineRegister moved = NewRegister();
        if (backward)
        {
            EmitAlu(EbpfOpcode.Add64Imm, 64, target, step);
            EmitAlu(EbpfOpcode.Add64Imm, 64, origin, step);
        }
        EmitLoad(moved, unit, new Address(origin, null, 0, null));
        EmitStore(unit, new Address(target, null, 0, null), moved);
        if (!backward)
        {
            EmitAlu(EbpfOpcode.Add64Imm, 64, target, step);
            EmitAlu(EbpfOpcode.Add64Imm, 64, origin, step);
        }
        EmitAlu(EbpfOpcode.Add64Imm, 64, index, step);
        _current.AppendJump(head);
        SwitchTo(done);
        if (!backward)
            Rest();
    }

    private void EmitAddress(MachineRegister dst, Address address)
    {
        if (address.Object is { } item)
        {
            Emit(new MachineInstruction(PseudoOpcode.FrameAddress) { Dst = dst, Object = item, Immediate = address.Offset });
            return;
        }
        EmitCopy(dst, address.Base);
        if (address.Offset != 0)
            EmitAlu(EbpfOpcode.Add64Imm, 64, dst, address.Offset);
    }

    private void SelectMemSet(BlockMemoryInstruction block, int unit)
    {
        MachineRegister? pattern = null;
        long bits = 0;
        if (Strip(block.Source) is Constant value)
        {
            bits = unchecked((long)((value.Unsigned & 0xff) * 0x0101_0101_0101_0101UL));
        }
        else
        {
            // Spreads the byte over the unit by a multiplication.
            MachineRegister spread = CopyToNew(Use(block.Source));
            if (_widths.SignificantBits(block.Source) > 8)
                EmitAlu(EbpfOpcode.And64Imm, 64, spread, 0xff);
            if (unit == 8)
                EmitAlu(EbpfOpcode.Mul64Imm, 64, spread, UseConstant(0x0101_0101_0101_0101, narrow: false));
            else if (unit > 1)
                EmitAlu(EbpfOpcode.Mul64Imm, 64, spread, unit == 4 ? 0x0101_0101 : 0x0101);
            pattern = spread;
        }

        void Store(int bytes, Address address)
        {
            if (pattern is { } register)
                EmitStore(bytes, address, register);
            else
                EmitStoreConstant(bytes, address, bytes == 8 ? bits : bits & ((1L << (8 * bytes)) - 1));
        }

        Address destination = BlockAddress(block.Pointer);
        if (IsUnrolled(block, unit, out long length))
        {
            // One register serves all widths: a narrower store takes its low bytes.
            if (pattern is null && !_options.HasStoreImmediate)
                pattern = UseConstant(unit == 8 ? bits : bits & ((1L << (8 * unit)) - 1), narrow: unit <= 4 || bits == 0);
            foreach ((int offset, int bytes) in Pieces(length, unit))
                Store(bytes, destination.Plus(offset));
            return;
        }
        var constant = block.Length as Constant;
        if (constant is null)
            unit = 1;
        long whole = constant is null ? 0 : constant.Signed / unit * unit;
        pattern ??= UseConstant(unit == 8 ? bits : bits & ((1L << (8 * unit)) - 1), narrow: unit <= 4 || bits == 0);
        MachineRegister? end = constant is null ? Use(block.Length) : null;
        MachineRegister target = NewRegister(), index = NewRegister();
        EmitAddress(target, destination);
        EmitConstant(index, 0, narrow: true);
        MachineBlock head = NewBlock(), body = NewBlock(), done = NewBlock();
        ContinueIn(head);
        if (end is { } last)
            EmitJump(EbpfOpcode.Jge64Imm, 64, index, last, done, body);
        else
            EmitJump(EbpfOpcode.Jge64Imm, 64, index, whole, done, body);
        SwitchTo(body);
        Store(unit, new Address(target, null, 0, null));
        EmitAlu(EbpfOpcode.Add64Imm, 64, target, unit);
        EmitAlu(EbpfOpcode.Add64Imm, 64, index, unit);
        _current.AppendJump(head);
        SwitchTo(done);
        if (constant is not null)
        {
            foreach ((int offset, int bytes) in Pieces(constant.Signed - whole, unit))
                Store(bytes, new Address(target, null, offset, null));
        }
    }

    /// <summary>
    /// Compares unit by unit and leaves at the first difference; when the order matters, the differing units are brought
    /// into memory order (most significant byte first) and compared as numbers.
    /// </summary>
    private void SelectMemCompare(BlockMemoryInstruction block, int unit)
    {
        MachineRegister dst = RegisterOf(block), left = NewRegister(), right = NewRegister();
        bool ordered = false;
        foreach (Instruction user in block.Users)
            ordered |= user is not CompareInstruction { Predicate: ComparePredicate.Eq or ComparePredicate.Ne } test || test.GetOperand(1) is not Constant { IsZero: true };
        MachineBlock differ = NewBlock(), done = NewBlock();
        if (IsUnrolled(block, unit, out long length))
        {
            Address first = BlockAddress(block.Pointer), second = BlockAddress(block.Source);
            foreach ((int offset, int bytes) in Pieces(length, unit))
            {
                EmitLoad(left, bytes, first.Plus(offset));
                EmitLoad(right, bytes, second.Plus(offset));
                MachineBlock next = NewBlock();
                EmitJump(EbpfOpcode.Jne64Imm, 64, left, right, differ, next);
                SwitchTo(next);
            }
        }
        else
        {
            unit = 1;
            MachineRegister end = Use(block.Length), index = NewRegister(), first = NewRegister(), second = NewRegister();
            EmitAddress(first, BlockAddress(block.Pointer));
            EmitAddress(second, BlockAddress(block.Source));
            EmitConstant(index, 0, narrow: true);
            MachineBlock head = NewBlock(), body = NewBlock(), next = NewBlock(), equal = NewBlock();
            ContinueIn(head);
            EmitJump(EbpfOpcode.Jge64Imm, 64, index, end, equal, body);
            SwitchTo(body);
            EmitLoad(left, 1, new Address(first, null, 0, null));
            EmitLoad(right, 1, new Address(second, null, 0, null));
            EmitJump(EbpfOpcode.Jne64Imm, 64, left, right, differ, next);
            SwitchTo(next);
            EmitAlu(EbpfOpcode.Add64Imm, 64, first, 1);
            EmitAlu(EbpfOpcode.Add64Imm, 64, second, 1);
            EmitAlu(EbpfOpcode.Add64Imm, 64, index, 1);
            _current.AppendJump(head);
            SwitchTo(equal);
        }
        EmitConstant(dst, 0, narrow: true);
        _current.AppendJump(done);
        SwitchTo(differ);
        EmitConstant(dst, 1, narrow: true);
        if (ordered)
        {
            if (unit > 1 && !_options.BigEndian)
            {
                EbpfOpcode swap = _options.HasV4 ? EbpfOpcode.Bswap64 : EbpfOpcode.ToBe64;
                Emit(swap, left);
                Emit(swap, right);
            }
            MachineBlock below = NewBlock();
            EmitJump(EbpfOpcode.Jgt64Imm, 64, left, right, done, below);
            SwitchTo(below);
            EmitConstant(dst, _options.HasAlu32 ? uint.MaxValue : -1, narrow: true);
        }
        ContinueIn(done);
    }
}
