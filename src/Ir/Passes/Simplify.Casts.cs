// Rules for integer conversions and byte swaps.
using System.Numerics;
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public sealed partial class Simplify
{
    // zext (zext x)            =>  zext x
    // zext (trunc x to n) to w =>  x & (2^n - 1)       x of type w, n = 1, 8 or 16 (a mask is one instruction; 32 bits stay a move)
    // zext (trunc x to n) to w =>  x                   x of type w whose upper bits are known to be 0
    private Value? RewriteZExt(Instruction zext)
    {
        if (zext.GetOperand(0) is not Instruction inner)
            return null;
        if (inner.Opcode == IrOpcode.ZExt)
            return _builder.ZExt(inner.GetOperand(0), zext.Type);
        if (inner.Opcode != IrOpcode.Trunc)
            return null;
        Value source = inner.GetOperand(0);
        int bits = inner.Type.Bits();
        if (source.Type.Bits() > 64 || zext.Type.Bits() > 64)
            return null;
        bool fits = (~KnownBits.Of(source).Zeros >> bits) == 0;
        if (source.Type == zext.Type && fits)
            return source;
        if (bits >= 32)
            return null;
        // A mask on the common width, then the rest of the conversion.
        if (source.Type.Bits() >= zext.Type.Bits())
        {
            Value low = source.Type == zext.Type ? source : _builder.Trunc(source, zext.Type);
            return _builder.And(low, new Constant(zext.Type, Constant.Mask(inner.Type)));
        }
        return _builder.ZExt(_builder.And(source, new Constant(source.Type, Constant.Mask(inner.Type))), zext.Type);
    }

    // sext (sext x)  =>  sext x        sext x  =>  zext x       the sign is known to be 0
    // sext (zext x)  =>  zext x
    // sext (x << c >>s k) from n to w bits  =>  zext x << c + w - n >>s k + w - n         a signed bit-field of a narrow type
    private Value? RewriteSExt(Instruction sext)
    {
        Value value = sext.GetOperand(0);
        if (Match(value, IrOpcode.SExt) is { } inner)
            return _builder.SExt(inner.GetOperand(0), sext.Type);
        int widening = sext.Type.Bits() - value.Type.Bits();
        if (sext.Type.Bits() <= 64 && value.Type.Bits() > 1 && IsOneUse(value) && Match(value, IrOpcode.AShr) is { } right && right.GetOperand(1) is Constant rightBy
            && Match(right.GetOperand(0), IrOpcode.Shl) is { } left && left.GetOperand(1) is Constant leftBy
            && Math.Max(rightBy.Unsigned, leftBy.Unsigned) < (ulong)value.Type.Bits())
        {
            Value top = _builder.Shl(_builder.ZExt(left.GetOperand(0), sext.Type), new Constant(sext.Type, leftBy.Unsigned + (ulong)widening));
            return _builder.AShr(top, new Constant(sext.Type, rightBy.Unsigned + (ulong)widening));
        }
        int width = value.Type.Bits();
        return width <= 64 && (KnownBits.Of(value).Zeros >> (width - 1) & 1) != 0 ? _builder.ZExt(value, sext.Type) : null;
    }

    // trunc (trunc x)            =>  trunc x
    // trunc (zext x), (sext x)   =>  x, or a smaller extension, or trunc x
    // trunc (x & m)              =>  trunc x           m covers the kept bits
    // trunc to i1 of (zext c)    =>  c                 (one case of the above)
    private Value? RewriteTrunc(Instruction trunc)
    {
        if (trunc.GetOperand(0) is not Instruction inner)
            return null;
        switch (inner.Opcode)
        {
            case IrOpcode.Trunc:
                return _builder.Trunc(inner.GetOperand(0), trunc.Type);
            case IrOpcode.ZExt or IrOpcode.SExt:
                Value source = inner.GetOperand(0);
                return source.Type == trunc.Type ? source
                    : source.Type.Bits() > trunc.Type.Bits() ? _builder.Trunc(source, trunc.Type)
                    : _builder.Cast(inner.Opcode, source, trunc.Type);
            case IrOpcode.And when inner.GetOperand(1) is Constant mask && (mask.Bits & Constant.Mask(trunc.Type)) == Constant.Mask(trunc.Type):
                return _builder.Trunc(inner.GetOperand(0), trunc.Type);
            default:
                return null;
        }
    }

    // bswap (bswap x)        =>  x
    private static Value? RewriteByteSwap(Instruction swap)
        => Match(swap.GetOperand(0), IrOpcode.ByteSwap)?.GetOperand(0);

    // (x << 8 | x >>u 8) in 16 bits, and its relatives in 32 and 64 bits with masks: every byte of the result is followed to a
    // byte of one source. If they come in reversed order it is a byte swap, possibly of the source's low part.
    //
    //   result byte   3  2  1  0              result byte   3  2  1  0
    //   source byte   0  1  2  3  => bswap    source byte   .  .  0  1   => zext (bswap (trunc x to 16))
    private Value? RecogniseByteSwap(Instruction or)
    {
        // Only the root of a tree of ors is worth looking at.
        if (or.Type.Bits() is not (16 or 32 or 64) || (IsOneUse(or) && or.Users[0].Opcode == IrOpcode.Or))
            return null;
        int count = or.Type.Bytes();
        Span<sbyte> bytes = stackalloc sbyte[8];
        Value? source = null;
        int budget = 40;
        if (!FollowBytes(or, bytes, ref source, ref budget) || source is null)
            return null;
        int swapped = count;
        while (swapped > 0 && bytes[swapped - 1] < 0)
            swapped--;
        if (swapped is not (2 or 4 or 8) || source.Type.Bytes() < swapped)
            return null;
        for (int i = 0; i < swapped; i++)
        {
            if (bytes[i] != swapped - 1 - i)
                return null;
        }
        IrType type = IrTypes.Integer(swapped * 8);
        Value part = source.Type == type ? source : _builder.Trunc(source, type);
        Value result = _builder.ByteSwap(part);
        return type == or.Type ? result : _builder.ZExt(result, or.Type);
    }

    /// <summary>For each byte of a value, the byte of the source it is, or -1 for zero. False when a byte is neither.</summary>
    private static bool FollowBytes(Value value, Span<sbyte> bytes, ref Value? source, ref int budget)
    {
        if (--budget < 0 || value.Type.Bits() is not (8 or 16 or 32 or 64))
            return false;
        int count = value.Type.Bytes();
        if (value is Instruction instruction)
        {
            Span<sbyte> inner = stackalloc sbyte[8];
            switch (instruction.Opcode)
            {
                case IrOpcode.Or:
                    if (!FollowBytes(instruction.GetOperand(0), bytes, ref source, ref budget) || !FollowBytes(instruction.GetOperand(1), inner, ref source, ref budget))
                        return false;
                    for (int i = 0; i < count; i++)
                    {
                        if (bytes[i] >= 0 && inner[i] >= 0)
                            return false;
                        bytes[i] = Math.Max(bytes[i], inner[i]);
                    }
                    return true;
                case IrOpcode.Shl or IrOpcode.LShr when instruction.GetOperand(1) is Constant shift && shift.Unsigned % 8 == 0 && shift.Unsigned < (ulong)value.Type.Bits():
                    if (!FollowBytes(instruction.GetOperand(0), inner, ref source, ref budget))
                        return false;
                    int distance = (int)shift.Unsigned / 8 * (instruction.Opcode == IrOpcode.Shl ? 1 : -1);
                    for (int i = 0; i < count; i++)
                        bytes[i] = i - distance >= 0 && i - distance < count ? inner[i - distance] : (sbyte)-1;
                    return true;
                case IrOpcode.And when instruction.GetOperand(1) is Constant mask && IsByteMask(mask.Unsigned):
                    if (!FollowBytes(instruction.GetOperand(0), bytes, ref source, ref budget))
                        return false;
                    for (int i = 0; i < count; i++)
                    {
                        if ((mask.Unsigned >> (8 * i) & 0xFF) == 0)
                            bytes[i] = -1;
                    }
                    return true;
                case IrOpcode.ZExt when instruction.GetOperand(0).Type.Bits() >= 8:
                    bytes[..count].Fill(-1);
                    return FollowBytes(instruction.GetOperand(0), bytes, ref source, ref budget);
                case IrOpcode.Trunc when instruction.GetOperand(0).Type.Bits() <= 64 && instruction.Type.Bits() >= 8:
                    if (!FollowBytes(instruction.GetOperand(0), inner, ref source, ref budget))
                        return false;
                    inner[..count].CopyTo(bytes);
                    return true;
            }
        }
        if (value is Constant || (source is not null && !ReferenceEquals(source, value)))
            return false;
        source = value;
        for (int i = 0; i < count; i++)
            bytes[i] = (sbyte)i;
        return true;
    }

    private static bool IsByteMask(ulong mask)
    {
        for (; mask != 0; mask >>= 8)
        {
            if ((mask & 0xFF) is not (0 or 0xFF))
                return false;
        }
        return true;
    }
}
