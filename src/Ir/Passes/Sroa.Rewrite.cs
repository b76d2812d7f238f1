// Rewriting of single accesses to the pieces of a split object.
namespace Ebpfcc.Ir.Passes;

public sealed partial class Sroa
{
    private void Rewrite(Access access)
    {
        if (access.User is BlockMemoryInstruction block && access.IsSplittable)
        {
            foreach (Piece piece in _pieces)
            {
                long begin = Math.Max(access.Begin, piece.Begin), end = Math.Min(access.End, piece.End);
                if (begin < end)
                    RewriteBlock(block, access, piece, begin, end - begin);
            }
            block.Erase();
            return;
        }
        Piece target = _pieces.Find(piece => piece.Begin <= access.Begin && access.End <= piece.End && !piece.IsGap)!;
        long offset = access.Begin - target.Begin;
        if (target.Scalar == IrType.Void)
        {
            Value address = _builder.PtrAdd(target.Slot!, offset);
            access.User.SetOperand(access.IsSource ? 1 : 0, address);
            return;
        }
        if (access.User is LoadInstruction load)
        {
            Value value = ReadBits(target, offset, load.Type);
            load.ReplaceAllUsesWith(value);
            if (value is Instruction { Name: null } named)
                named.Name = load.Name;
        }
        else
        {
            WriteBits(target, offset, ((StoreInstruction)access.User).StoredValue);
        }
        access.User.Erase();
    }

    private void RewriteBlock(BlockMemoryInstruction block, Access access, Piece piece, long begin, long size)
    {
        long inPiece = begin - piece.Begin, inBlock = begin - access.Begin;
        if (block.Opcode == IrOpcode.MemSet)
        {
            if (piece.Scalar == IrType.Void)
                _builder.MemSet(_builder.PtrAdd(piece.Slot!, inPiece), block.Source, Constant.I64(size), AlignmentAt(piece.Slot!.Alignment, inPiece));
            else
                WriteBytes(piece, inPiece, block.Source, size);
            return;
        }
        Value other = access.IsSource ? block.Pointer : block.Source;
        int otherAlignment = AlignmentAt(access.IsSource ? block.Alignment : block.SourceAlignment, inBlock);
        Value otherAddress = _builder.PtrAdd(other, inBlock);
        if (Analysis.MemoryAddress.Of(other).Base is AllocaInstruction partner)
            _partners.Add(partner);
        if (piece.Scalar == IrType.Void)
        {
            Value own = _builder.PtrAdd(piece.Slot!, inPiece);
            int ownAlignment = AlignmentAt(piece.Slot!.Alignment, inPiece);
            if (access.IsSource)
                _builder.MemCopy(otherAddress, own, Constant.I64(size), otherAlignment, ownAlignment);
            else
                _builder.MemCopy(own, otherAddress, Constant.I64(size), ownAlignment, otherAlignment);
            return;
        }
        IrType type = size == piece.Size ? piece.Scalar : IrTypes.Integer((int)size * 8);
        if (access.IsSource)
            _builder.Store(otherAddress, ReadBits(piece, inPiece, type), otherAlignment);
        else
            WriteBits(piece, inPiece, _builder.Load(type, otherAddress, otherAlignment));
    }

    /// <summary>piece >> offset, cut to the type.</summary>
    private Value ReadBits(Piece piece, long offset, IrType type)
    {
        Value whole = _builder.Load(piece.Scalar, piece.Slot!, piece.Slot!.Alignment);
        if (type == piece.Scalar)
            return whole;
        Value bits = ToInteger(whole);
        if (offset > 0)
            bits = _builder.LShr(bits, Constant.Of(bits.Type, offset * 8));
        if (type.Bits() < bits.Type.Bits())
            bits = _builder.Trunc(bits, type == IrType.I1 ? IrType.I1 : IrTypes.Integer(type.Bits()));
        return type == IrType.Ptr ? _builder.IntToPtr(bits) : bits;
    }

    /// <summary>piece = (piece &amp; ~(ones &lt;&lt; offset)) | value &lt;&lt; offset.</summary>
    private void WriteBits(Piece piece, long offset, Value value)
    {
        if (value.Type == piece.Scalar)
        {
            _builder.Store(piece.Slot!, value, piece.Slot!.Alignment);
            return;
        }
        Value bits = ToInteger(value);
        if (bits.Type == IrType.I1)
            bits = _builder.ZExt(bits, IrType.I8);
        int width = bits.Type.Bits();
        if (width < piece.Scalar.Bits() && piece.Scalar.IsInteger())
        {
            UInt128 ones = Constant.Mask(bits.Type) << (int)(offset * 8);
            Value old = _builder.Load(piece.Scalar, piece.Slot!, piece.Slot!.Alignment);
            Value widened = _builder.Shl(_builder.ZExt(bits, piece.Scalar), Constant.Of(piece.Scalar, offset * 8));
            bits = _builder.Or(_builder.And(old, new Constant(piece.Scalar, ~ones)), widened);
        }
        else if (piece.Scalar == IrType.Ptr && width == 64)
        {
            bits = _builder.IntToPtr(bits);
        }
        else if (piece.Scalar == IrType.I1)
        {
            bits = _builder.Trunc(bits, IrType.I1);
        }
        _builder.Store(piece.Slot!, bits, piece.Slot!.Alignment);
    }

    /// <summary>Sets bytes of a scalar piece to one value: the byte times 0x0101...01.</summary>
    private void WriteBytes(Piece piece, long offset, Value value, long size)
    {
        IrType type = piece.Scalar.IsInteger() && piece.Scalar != IrType.I1 ? piece.Scalar : IrTypes.Integer((int)piece.Size * 8);
        UInt128 ones = 0;
        for (int i = 0; i < size; i++)
            ones |= UInt128.One << (int)((offset + i) * 8);
        Value wide = type == IrType.I8 ? value : _builder.Mul(_builder.ZExt(value, type), new Constant(type, ones));
        if (size < piece.Size)
        {
            Value old = ToInteger(_builder.Load(piece.Scalar, piece.Slot!, piece.Slot!.Alignment));
            wide = _builder.Or(_builder.And(old, new Constant(type, ~(ones * 0xFF))), wide);
        }
        WriteBits(piece, 0, wide);
    }

    private Value ToInteger(Value value) => value.Type == IrType.Ptr ? _builder.PtrToInt(value) : value;
}
