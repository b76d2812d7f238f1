// Instruction sequences that ARM does in fewer. Each matcher looks at a few slots that no jump leads into and returns the slot
// behind what it translated, or the slot itself when nothing matched.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.Arm32;

public sealed partial class Arm32Compiler
{
    private int TryIdiom(int slot) => TryMoveAndOperate(slot);

    /// <summary>The slot holds an instruction of this function that is reached only from the one before.</summary>
    private bool IsPlainFollower(int slot) => slot < _function.End && !_shape.Leaders[slot];

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
}
