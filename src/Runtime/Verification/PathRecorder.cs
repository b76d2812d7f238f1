// What the path that is being walked has done so far, for explanations: the executed instructions with the registers they
// read and wrote. Like the log at level 1 it is cut back when the analysis takes up another branch, so that at a rejection
// it holds the path that failed. Only asked for after a rejection; a ring keeps the last steps of long paths.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

/// <summary>One executed instruction.</summary>
internal struct PathStep
{
    public int Slot;

    /// <summary>Index of the frame it ran in.</summary>
    public int Depth;

    /// <summary>Destination and source register before it; of calls R1 and R2.</summary>
    public RegisterState Destination, Source;

    /// <summary>The destination after it; of calls R0.</summary>
    public RegisterState After;
}

internal sealed class PathRecorder
{
    private const int Capacity = 1 << 14;

    private PathStep[] _ring = new PathStep[256];
    private InstructionInfo[] _code = [];
    private int[] _visits = [];
    private bool _isOpen;

    /// <summary>Steps of the path, those that the ring has lost included.</summary>
    public int Length { get; private set; }

    /// <summary>The first step that is still known.</summary>
    public int First { get; private set; }

    /// <summary>The registers and frames before the last recorded instruction.</summary>
    public RegisterState[] Registers { get; } = new RegisterState[11];

    /// <summary>The state of the path; what the rejected instruction changed before it failed is changed here.</summary>
    public AbstractState? State { get; private set; }

    /// <summary>The decoded program; empty when it was not even well-formed.</summary>
    public InstructionInfo[] Code => _code;

    /// <summary>How often each slot was walked, over all paths.</summary>
    public IReadOnlyList<int> Visits => _visits;

    public ref PathStep this[int index] => ref _ring[index & (_ring.Length - 1)];

    public void Begin(InstructionInfo[] code) => (_code, Length, First, _isOpen) = (code, 0, 0, false);

    /// <summary>Another branch is taken up, which left the path after this many steps.</summary>
    public void Truncate(int length)
    {
        Length = length;
        First = Math.Min(First, length);
        _isOpen = length > First;
    }

    public void Record(int slot, AbstractState state)
    {
        if (_visits.Length < _code.Length)
            _visits = new int[_code.Length];
        _visits[slot]++;
        RegisterState[] registers = state.Current.Registers;
        if (_isOpen)
            Close(state);
        if (Length - First == _ring.Length)
        {
            if (_ring.Length < Capacity)
                Grow();
            else
                First++;
        }
        ref PathStep step = ref this[Length++];
        bool isCall = _code[slot].Effect == Effect.Call;
        step.Slot = slot;
        step.Depth = state.Depth;
        step.Destination = registers[isCall ? EbpfRegisters.R1 : Math.Min((int)_code[slot].Dst, EbpfRegisters.R10)];
        step.Source = registers[isCall ? EbpfRegisters.R2 : Math.Min((int)_code[slot].Src, EbpfRegisters.R10)];
        step.After = default;
        registers.AsSpan().CopyTo(Registers);
        State = state;
        _isOpen = true;
    }

    /// <summary>Notes what the last step left in its destination.</summary>
    private void Close(AbstractState state)
    {
        ref PathStep last = ref this[Length - 1];
        int written = _code[last.Slot].Effect == Effect.Call ? EbpfRegisters.R0 : Math.Min((int)_code[last.Slot].Dst, EbpfRegisters.R10);
        if (last.Depth <= state.Depth)
            last.After = state.Frames[last.Depth]!.Registers[written];
    }

    private void Grow()
    {
        var larger = new PathStep[_ring.Length * 2];
        for (int i = First; i < Length; i++)
            larger[i & (larger.Length - 1)] = this[i];
        _ring = larger;
    }
}
