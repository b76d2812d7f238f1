// What two addresses can have in common. An address is a base plus an offset, constant or not:
//
//   ptradd (ptradd %base, 8), 4   =   %base + 12
//
// Distinct stack objects and globals do not overlap; a stack object whose address goes nowhere is touched only through it; the
// same base with constant offsets overlaps as the intervals do. Everything else may alias.
namespace Ebpfcc.Ir.Analysis;

/// <param name="Base">What the address is computed from.</param>
/// <param name="Offset">Bytes from the base; meaningless without <paramref name="IsConstant"/>.</param>
/// <param name="IsConstant">All steps from the base are constants.</param>
public readonly record struct MemoryAddress(Value Base, long Offset, bool IsConstant)
{
    public static MemoryAddress Of(Value pointer)
    {
        long offset = 0;
        bool constant = true;
        while (pointer is Instruction { Opcode: IrOpcode.PtrAdd } add)
        {
            if (add.GetOperand(1) is Constant step)
                offset = unchecked(offset + step.Signed);
            else
                constant = false;
            pointer = add.GetOperand(0);
        }
        return new MemoryAddress(pointer, offset, constant);
    }
}

/// <summary>Valid while no pass changes the function's pointers.</summary>
public sealed class AliasAnalysis
{
    private readonly Dictionary<AllocaInstruction, bool> _escapes = new(ReferenceEqualityComparer.Instance);

    /// <summary>The address of a stack object becomes visible to somebody else: stored, passed, converted, merged or returned.</summary>
    public bool Escapes(AllocaInstruction alloca)
    {
        if (!_escapes.TryGetValue(alloca, out bool escapes))
            _escapes[alloca] = escapes = ComputeEscape(alloca);
        return escapes;
    }

    private static bool ComputeEscape(Value address)
    {
        foreach (Instruction user in address.Users)
        {
            switch (user)
            {
                case LoadInstruction or CompareInstruction or AtomicRmwInstruction or CompareExchangeInstruction or BlockMemoryInstruction
                    when !(user.OperandCount > 1 && user is AtomicRmwInstruction or CompareExchangeInstruction && !ReferenceEquals(user.GetOperand(0), address)):
                    break;
                case StoreInstruction store when !ReferenceEquals(store.StoredValue, address):
                    break;
                case { Opcode: IrOpcode.PtrAdd } when !ComputeEscape(user):
                    break;
                default:
                    return true;
            }
        }
        return false;
    }

    /// <summary>Whether two accesses can touch a common byte. Sizes are in bytes; negative means unknown.</summary>
    public bool MayAlias(MemoryAddress a, long sizeA, MemoryAddress b, long sizeB)
    {
        if (ReferenceEquals(a.Base, b.Base))
        {
            if (!a.IsConstant || !b.IsConstant)
                return true;
            return (sizeA < 0 || a.Offset + sizeA > b.Offset) && (sizeB < 0 || b.Offset + sizeB > a.Offset);
        }
        bool objectA = IsObject(a.Base), objectB = IsObject(b.Base);
        if (objectA && objectB)
            return false;
        // What a caller handed over is older than this activation's stack objects.
        if ((a.Base is AllocaInstruction && b.Base is Parameter) || (a.Base is Parameter && b.Base is AllocaInstruction))
            return false;
        // A pointer from elsewhere cannot point into a stack object nobody was told of, nor at a constant null page.
        return !(a.Base is AllocaInstruction left && !Escapes(left)) && !(b.Base is AllocaInstruction right && !Escapes(right));
    }

    /// <summary>Whether code outside this function (a call, assembly) can reach an address.</summary>
    public bool IsVisibleOutside(MemoryAddress address) => address.Base is not AllocaInstruction alloca || Escapes(alloca);

    private static bool IsObject(Value value) => value is AllocaInstruction or GlobalValue;
}
