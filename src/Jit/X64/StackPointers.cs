// Which registers probably point into the stack: a guess that decides what an access is compared with first, never whether it is
// allowed. Copies and sums of R10, forward over the instructions until nothing is new, or for a few rounds.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.X64;

internal sealed class StackPointers
{
    private readonly ushort[] _before;

    private StackPointers(ushort[] before) => _before = before;

    public bool IsLikely(int slot, int register) => (_before[slot] >> register & 1) != 0;

    public static StackPointers Find(ProgramShape shape)
    {
        const int Rounds = 8, Frame = 1 << EbpfRegisters.R10;
        int count = shape.Instructions.Length;
        var before = new ushort[count + 1];
        Array.Fill(before, (ushort)Frame);
        bool isNew = true;
        for (int round = 0; round < Rounds && isNew; round++)
        {
            isNew = false;
            int known = Frame;
            for (int slot = 0; slot < count; slot += shape.Rows[slot].Slots)
            {
                OpcodeRow row = shape.Rows[slot];
                EbpfInstruction instruction = shape.Instructions[slot];
                before[slot] |= (ushort)known;
                known = before[slot];
                (_, int writes) = ProgramShape.Effects(instruction, row);
                bool isSum = row.Operation is Operation.Add or Operation.Sub && row.Width == 64;
                bool fromSource = row.IsRegisterForm && (known >> instruction.Src & 1) != 0 && (isSum || row.Operation == Operation.Mov && row.Width == 64);
                bool isPointer = row.Effect == Effect.Alu && (fromSource || isSum && (known >> instruction.Dst & 1) != 0);
                known = known & ~writes | (isPointer ? 1 << instruction.Dst : 0) | Frame;
                if (row.IsJump)
                {
                    ref ushort there = ref before[ProgramShape.JumpTarget(slot, instruction, row)];
                    isNew |= (known & ~there) != 0;
                    there |= (ushort)known;
                }
                if (row.Effect is Effect.Jump or Effect.Exit)
                    known = Frame;
            }
        }
        return new StackPointers(before);
    }
}
