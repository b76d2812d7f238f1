// Which registers of a classic program are read before they are written again, and which instructions can be reached. Because
// jumps lead forward, one pass from the end and one from the start are exact:
//
//   live before i = reads(i) | (live after i & ~writes(i))         live after i = union of live before its successors
namespace Ebpfcc.Ebpf.Classic;

public sealed class ClassicLiveness
{
    private readonly ClassicRegisters[] _before, _after;
    private readonly bool[] _reachable;
    private readonly bool[] _isTarget;

    private ClassicLiveness(int length)
        => (_before, _after, _reachable, _isTarget) = (new ClassicRegisters[length], new ClassicRegisters[length], new bool[length], new bool[length]);

    public ClassicRegisters LiveBefore(int index) => _before[index];

    public ClassicRegisters LiveAfter(int index) => _after[index];

    public bool IsReachable(int index) => _reachable[index];

    /// <summary>A reachable jump leads here, other than by falling through.</summary>
    public bool IsTarget(int index) => _isTarget[index];

    public static ClassicLiveness Of(ClassicFilter filter)
    {
        int length = filter.Instructions.Count;
        var result = new ClassicLiveness(length);
        result._reachable[0] = true;
        for (int i = 0; i < length; i++)
        {
            if (!result._reachable[i])
                continue;
            (int first, int second) = Successors(filter.Instructions[i], i);
            foreach (int next in (ReadOnlySpan<int>)[first, second])
            {
                if (next < 0)
                    continue;
                result._reachable[next] = true;
                result._isTarget[next] |= next != i + 1 || second >= 0;
            }
        }
        for (int i = length - 1; i >= 0; i--)
        {
            ClassicRow row = filter.Instructions[i].Row!;
            (int first, int second) = Successors(filter.Instructions[i], i);
            result._after[i] = (first >= 0 ? result._before[first] : 0) | (second >= 0 ? result._before[second] : 0);
            ClassicRegisters reads = row.Reads | (filter.ExtensionAt(i)?.Reads ?? ClassicRegisters.None);
            result._before[i] = reads | (result._after[i] & ~row.Writes);
        }
        return result;
    }

    /// <summary>Where execution goes on; -1 for no (second) place.</summary>
    public static (int First, int Second) Successors(ClassicInstruction instruction, int index) => instruction.Row!.Operation switch
    {
        ClassicOperation.Return => (-1, -1),
        ClassicOperation.Jump => (index + 1 + (int)instruction.K, -1),
        ClassicOperation.Branch when instruction.JumpTrue != instruction.JumpFalse => (index + 1 + instruction.JumpTrue, index + 1 + instruction.JumpFalse),
        ClassicOperation.Branch => (index + 1 + instruction.JumpTrue, -1),
        _ => (index + 1, -1),
    };
}
