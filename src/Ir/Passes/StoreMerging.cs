// Neighbouring stores of constants become wide ones, where the alignment of object and offset allows: what the front end writes
// byte by byte into packed structures, strings and initialisers. Only stores with nothing between them that touches memory.
//
//   store i8 2, %s ; store i8 0, %s+1 ; store i16 5, %s+2      =>      store i32 0x00050002, %s
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class StoreMerging
{
    private const int MaxSpan = 512;

    public static bool Run(Function function)
    {
        bool changed = false;
        var run = new List<(StoreInstruction Store, long Offset)>();
        foreach (BasicBlock block in function.Blocks)
        {
            Value? target = null;
            Instruction? next;
            for (Instruction? instruction = block.First; instruction is not null; instruction = next)
            {
                next = instruction.Next;
                if (instruction is StoreInstruction { IsVolatile: false, Order: MemoryOrder.NotAtomic, StoredValue: Constant constant } store
                    && constant.Type is IrType.I8 or IrType.I16 or IrType.I32 or IrType.I64
                    && MemoryAddress.Of(store.Pointer) is { IsConstant: true, Base: AllocaInstruction } address)
                {
                    if (!ReferenceEquals(address.Base, target))
                    {
                        changed |= Merge(run);
                        run.Clear();
                        target = address.Base;
                    }
                    run.Add((store, address.Offset));
                }
                else if (instruction.MayReadMemory() || instruction.MayWriteMemory() || instruction is Terminator)
                {
                    changed |= Merge(run);
                    run.Clear();
                    target = null;
                }
            }
        }
        return changed;
    }

    private static bool Merge(List<(StoreInstruction Store, long Offset)> run)
    {
        if (run.Count < 2)
            return false;
        long begin = long.MaxValue, end = long.MinValue;
        foreach ((StoreInstruction store, long offset) in run)
        {
            begin = Math.Min(begin, offset);
            end = Math.Max(end, offset + store.StoredValue.Type.Bytes());
        }
        var alloca = (AllocaInstruction)MemoryAddress.Of(run[0].Store.Pointer).Base;
        if (begin < 0 || end > alloca.Size || end - begin > MaxSpan)
            return false;
        var bytes = new byte?[end - begin];
        foreach ((StoreInstruction store, long offset) in run)
        {
            UInt128 bits = ((Constant)store.StoredValue).Bits;
            for (int i = 0; i < store.StoredValue.Type.Bytes(); i++)
                bytes[offset - begin + i] = (byte)(bits >> (8 * i));
        }
        List<(long Offset, int Size)> words = Cover(bytes, begin, alloca.Alignment);
        if (words.Count >= run.Count)
            return false;
        StoreInstruction last = run[^1].Store;
        var builder = new IrBuilder { Location = run[0].Store.Location };
        builder.PositionBefore(last);
        foreach ((long offset, int size) in words)
        {
            UInt128 bits = 0;
            for (int i = size - 1; i >= 0; i--)
                bits = (bits << 8) | bytes[offset - begin + i]!.Value;
            builder.Store(builder.PtrAdd(alloca, offset), new Constant(IrTypes.Integer(size * 8), bits), size);
        }
        foreach ((StoreInstruction store, _) in run)
        {
            Value pointer = store.Pointer;
            store.Erase();
            if (pointer is Instruction address)
                DeadCode.EraseIfUnused(address);
        }
        return true;
    }

    /// <summary>The fewest aligned words over the bytes that are set; an eight-byte constant must be cheap (a sign-extended immediate).</summary>
    private static List<(long Offset, int Size)> Cover(byte?[] bytes, long begin, int alignment)
    {
        var words = new List<(long Offset, int Size)>();
        for (long i = 0; i < bytes.Length;)
        {
            if (bytes[i] is null)
            {
                i++;
                continue;
            }
            int size = 8;
            while (size > 1 && !(size <= alignment && (begin + i) % size == 0 && IsSet(bytes, i, size) && (size < 8 || IsImmediate(bytes, i))))
                size /= 2;
            words.Add((begin + i, size));
            i += size;
        }
        return words;
    }

    private static bool IsSet(byte?[] bytes, long from, int count)
    {
        if (from + count > bytes.Length)
            return false;
        for (long i = from; i < from + count; i++)
        {
            if (bytes[i] is null)
                return false;
        }
        return true;
    }

    private static bool IsImmediate(byte?[] bytes, long from)
    {
        ulong value = 0;
        for (int i = 7; i >= 0; i--)
            value = value << 8 | bytes[from + i]!.Value;
        return (long)value == (int)value;
    }
}
