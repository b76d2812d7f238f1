// Stack objects that are never live together share their bytes: 512 are all a program has, and inlining brings many keys and
// buffers into one frame. Greedy colouring of the interference graph, largest objects first.
//
//   %k1 = alloca 16 ; %k2 = alloca 16                      %k1 = alloca 16
//   ...%k1... call(%k1) ; ...%k2... call(%k2)      =>      ...%k1... call(%k1) ; ...%k1... call(%k1)
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class StackSharing
{
    // More objects than fit the stack are an error anyway; comparing all pairs must stay cheap.
    private const int MaxObjects = 256;

    public static bool Run(Function function)
    {
        var allocas = new List<AllocaInstruction>();
        foreach (Instruction instruction in function.Entry.Instructions)
        {
            if (instruction is AllocaInstruction { HasUsers: true } alloca && allocas.Count < MaxObjects)
                allocas.Add(alloca);
        }
        if (allocas.Count < 2)
            return false;
        StackLiveness liveness = StackLiveness.Of(function, allocas);
        // A stable sort, so that equal sizes keep the order of the source.
        List<AllocaInstruction> bySize = [.. liveness.Objects.OrderByDescending(alloca => alloca.Size)];
        var slots = new List<List<AllocaInstruction>>();
        foreach (AllocaInstruction alloca in bySize)
        {
            List<AllocaInstruction>? slot = slots.Find(members => Fits(members, alloca, liveness));
            if (slot is null)
                slots.Add([alloca]);
            else
                slot.Add(alloca);
        }
        bool changed = false;
        foreach (List<AllocaInstruction> slot in slots)
        {
            for (int i = 1; i < slot.Count; i++)
            {
                slot[0].DebugType = null;
                slot[i].ReplaceAllUsesWith(slot[0]);
                slot[i].Erase();
                changed = true;
            }
        }
        return changed;
    }

    private static bool Fits(List<AllocaInstruction> members, AllocaInstruction alloca, StackLiveness liveness)
    {
        // Sharing with a less aligned object would move it.
        if (members[0].Alignment < alloca.Alignment)
            return false;
        foreach (AllocaInstruction member in members)
        {
            if (liveness.Interfere(member, alloca))
                return false;
        }
        return true;
    }
}
