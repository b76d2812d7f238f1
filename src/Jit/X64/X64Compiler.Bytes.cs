// Byte-load recombination. Code for packets reads unaligned fields byte by byte, because eBPF's own rules and the C type's
// alignment ask for it; x86 reads them at once:
//
//   r1 = *(u8 *)(r2 + 12)
//   r3 = *(u8 *)(r2 + 13)          →   movzx r1, word [r2 + 12]
//   r3 <<= 8
//   r1 |= r3                            (r3 dead behind it)
//
// A run of byte loads from one base, shifts and ors is evaluated symbolically: each register is a sum of memory bytes at
// shifts. Where one register holds adjacent bytes in ascending order (or in descending order: then swapped) and all other
// registers of the run are dead, the run is one load.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.X64;

public sealed partial class X64Compiler
{
    private const int MaxRun = 24;

    /// <summary>Memory byte at each of the eight byte positions of a register: offset + 1, or 0 for none.</summary>
    private readonly struct ByteSum(long low, long high)
    {
        // Eight 16-bit lanes in two words: lane i is byte i of the value.
        private readonly long _low = low, _high = high;

        public int this[int lane] => (int)((lane < 4 ? _low >> 16 * lane : _high >> 16 * (lane - 4)) & 0xffff);

        public static ByteSum Single(int tag) => new(tag, 0);

        public ByteSum Shift(int bytes)
        {
            UInt128 all = new((ulong)_high, (ulong)_low);
            all = bytes >= 8 ? UInt128.Zero : all << 16 * bytes;
            return new ByteSum((long)(ulong)all, (long)(ulong)(all >> 64));
        }

        public bool Overlaps(ByteSum other)
        {
            for (int lane = 0; lane < 8; lane++)
            {
                if (this[lane] != 0 && other[lane] != 0)
                    return true;
            }
            return false;
        }

        public ByteSum Or(ByteSum other) => new(_low | other._low, _high | other._high);
    }

    private int TryByteLoads(int slot)
    {
        EbpfInstruction first = _shape.Instructions[slot];
        if (_shape.Rows[slot].Opcode != EbpfOpcode.Load8)
            return slot;
        int @base = first.Src, touched = 0, bestEnd = slot, bestRegister = 0, bestOffset = 0, bestBytes = 0;
        bool bestSwapped = false;
        Span<ByteSum> sums = stackalloc ByteSum[EbpfRegisters.Count];
        for (int at = slot; at < Math.Min(slot + MaxRun, _function.End) && (at == slot || IsPlainFollower(at)); at++)
        {
            EbpfInstruction instruction = _shape.Instructions[at];
            int dst = instruction.Dst;
            if (dst == @base)
                break;
            bool isKnown = (touched >> dst & 1) != 0;
            switch (_shape.Rows[at].Opcode)
            {
                case EbpfOpcode.Load8 when instruction.Src == @base && !_options.IsProbing(at) && Tag(first, instruction) is var tag && tag > 0:
                    sums[dst] = ByteSum.Single(tag);
                    break;
                case EbpfOpcode.Lsh64Imm when isKnown && (instruction.Immediate & 7) == 0:
                    sums[dst] = sums[dst].Shift((instruction.Immediate & 63) / 8);
                    break;
                case EbpfOpcode.Lsh32Imm when isKnown && (instruction.Immediate & 7) == 0 && sums[dst].Shift((instruction.Immediate & 31) / 8) is var shifted && shifted[4] == 0 && shifted[5] == 0 && shifted[6] == 0 && shifted[7] == 0:
                    sums[dst] = shifted;
                    break;
                case EbpfOpcode.Or64Reg or EbpfOpcode.Or32Reg when isKnown && (touched >> instruction.Src & 1) != 0 && !sums[dst].Overlaps(sums[instruction.Src]):
                    if (_shape.Rows[at].Width == 32 && (sums[dst][4] | sums[instruction.Src][4] | sums[dst][5] | sums[instruction.Src][5]) != 0)
                        at = int.MaxValue - 1;
                    else
                        sums[dst] = sums[dst].Or(sums[instruction.Src]);
                    break;
                case EbpfOpcode.Mov64Reg when (touched >> instruction.Src & 1) != 0:
                    sums[dst] = sums[instruction.Src];
                    break;
                default:
                    at = int.MaxValue - 1;
                    break;
            }
            if (at == int.MaxValue - 1)
                break;
            touched |= 1 << dst;
            if ((touched & _shape.LiveOut[at]) == 1 << dst && Adjacent(sums[dst], first, out int offset, out int bytes, out bool swapped))
                (bestEnd, bestRegister, bestOffset, bestBytes, bestSwapped) = (at, dst, offset, bytes, swapped);
        }
        if (bestEnd == slot)
            return slot;
        for (int at = slot + 1; at <= bestEnd; at++)
            Bind(at);
        if (IsSandboxed && !(@base == EbpfRegisters.R10 && IsInFrame(bestOffset, bestBytes)))
            EmitCombinedCheck(slot, bestEnd, @base, bestOffset, bestBytes, () => EmitCombinedLoad(Machine(bestRegister), Machine(@base), bestOffset, bestBytes, bestSwapped));
        else
            EmitCombinedLoad(Machine(bestRegister), Machine(@base), bestOffset, bestBytes, bestSwapped);
        SetZeroUpper(bestRegister, bestBytes < 8);
        return bestEnd + 1;
    }

    /// <summary>
    /// When the bytes are not all where they probably are, the stub loads them one by one, as written: only then is it certain which
    /// of them, if any, may not be read.
    /// </summary>
    private void EmitCombinedCheck(int first, int last, int @base, int offset, int bytes, Action load)
    {
        int zeroUpper = _zeroUpper;
        Label slow = EmitFastCheck(first, @base, offset, bytes, isWrite: false), back = _emit.NewLabel();
        load();
        _emit.Bind(back);
        _stubs.Add(() =>
        {
            _emit.Bind(slow);
            _zeroUpper = zeroUpper;
            for (int slot = first; slot <= last; slot++)
                TranslateSandboxed(slot);
            _emit.Jump(back);
        });
    }

    /// <summary>Names a byte by its distance from the first one; 0 when it is too far away to be part of one field.</summary>
    private static int Tag(EbpfInstruction first, EbpfInstruction load)
    {
        int distance = load.Offset - first.Offset;
        return distance is > -8 and < 8 ? distance + 0x100 : 0;
    }

    /// <summary>Are the lowest 2, 4 or 8 lanes adjacent memory bytes, and the others empty?</summary>
    private static bool Adjacent(ByteSum sum, EbpfInstruction first, out int offset, out int bytes, out bool swapped)
    {
        offset = 0;
        bytes = 0;
        while (bytes < 8 && sum[bytes] != 0)
            bytes++;
        swapped = bytes > 1 && sum[1] < sum[0];
        if (bytes is not (2 or 4 or 8))
            return false;
        for (int lane = 0; lane < 8; lane++)
        {
            int expected = lane >= bytes ? 0 : swapped ? sum[0] - lane : sum[0] + lane;
            if (sum[lane] != expected)
                return false;
        }
        offset = first.Offset + (swapped ? sum[bytes - 1] : sum[0]) - 0x100;
        return offset is >= short.MinValue and <= short.MaxValue;
    }

    private void EmitCombinedLoad(X64Register destination, X64Register @base, int offset, int bytes, bool swapped)
    {
        if (swapped && bytes >= 4 && _options.Features.Movbe)
        {
            _emit.LoadSwapped(8 * bytes, destination, @base, offset);
            return;
        }
        _emit.Load(8 * bytes, destination, @base, offset);
        if (swapped)
            EmitByteSwap(destination, 8 * bytes);
    }
}
