// The state of a program on one path: call frames, held references and locks, and its place in the tree of checkpoints.
namespace Ebpfcc.Runtime.Verification;

/// <summary>A reference the program must give back.</summary>
/// <param name="Id">Its number, which the registers that carry it share.</param>
/// <param name="Slot">The instruction that acquired it.</param>
/// <param name="CallbackFrame">The callback frame it was acquired in; 0 outside callbacks.</param>
internal record struct HeldReference(uint Id, int Slot, int CallbackFrame);

/// <summary>A path's state, a pending branch, or a checkpoint.</summary>
internal sealed class AbstractState
{
    public const int MaxFrames = 8;

    public readonly FrameState?[] Frames = new FrameState?[MaxFrames];

    /// <summary>Index of the innermost frame.</summary>
    public int Depth;

    public HeldReference[] References = [];
    public int ReferenceCount;

    /// <summary>Held spin lock: 1 + map index (or 1 + object type, negative for objects); 0 for none.</summary>
    public int LockOwner;
    public uint LockId;
    public int RcuDepth;
    public int PreemptDepth;
    public bool InSleepable;
    public bool Speculative;

    public int CallbackUnrolls;
    public int MayGotoDepth;

    // The tree of checkpoints.
    public AbstractState? Parent;

    /// <summary>Paths through this state not yet walked to their end, the current one included.</summary>
    public int Branches;
    public int FirstSlot, LastSlot;
    public int HistoryStart, HistoryEnd;
    public int TreeDepth;
    public AbstractState? LoopEntry;
    public bool IsLoopEntry;

    // Of checkpoints.
    public int AtSlot;
    public bool IsCleaned;
    public int Hits, Misses;
    public AbstractState? NextAtSlot;

    // Of pending branches.
    public int PendingSlot, PendingPrevious;
    public int PendingLogLength, PendingPathLength;

    public FrameState Current => Frames[Depth]!;

    public void CopyFrom(AbstractState source, StatePool pool)
    {
        for (int i = source.Depth + 1; i <= Depth; i++)
        {
            if (Frames[i] is { } extra)
                pool.Return(extra);
            Frames[i] = null;
        }
        for (int i = 0; i <= source.Depth; i++)
            (Frames[i] ??= pool.RentFrame()).CopyFrom(source.Frames[i]!);
        Depth = source.Depth;
        if (References.Length < source.ReferenceCount)
            References = new HeldReference[Math.Max(4, source.ReferenceCount)];
        Array.Copy(source.References, References, source.ReferenceCount);
        ReferenceCount = source.ReferenceCount;
        LockOwner = source.LockOwner;
        LockId = source.LockId;
        RcuDepth = source.RcuDepth;
        PreemptDepth = source.PreemptDepth;
        InSleepable = source.InSleepable;
        Speculative = source.Speculative;
        CallbackUnrolls = source.CallbackUnrolls;
        MayGotoDepth = source.MayGotoDepth;
        Parent = source.Parent;
        Branches = source.Branches;
        FirstSlot = source.FirstSlot;
        LastSlot = source.LastSlot;
        HistoryStart = source.HistoryStart;
        HistoryEnd = source.HistoryEnd;
        TreeDepth = source.TreeDepth;
        LoopEntry = source.LoopEntry;
        IsLoopEntry = source.IsLoopEntry;
        IsCleaned = false;
    }
}

/// <summary>Recycles states and frames, so that walking a path allocates nothing once the pool is warm.</summary>
internal sealed class StatePool
{
    private readonly Stack<FrameState> _frames = new();
    private readonly Stack<AbstractState> _states = new();

    public FrameState RentFrame() => _frames.TryPop(out FrameState? frame) ? frame : new FrameState();

    public void Return(FrameState frame) => _frames.Push(frame);

    public AbstractState Rent() => _states.TryPop(out AbstractState? state) ? state : new AbstractState();

    public void Return(AbstractState state)
    {
        for (int i = 0; i < AbstractState.MaxFrames; i++)
        {
            if (state.Frames[i] is { } frame)
                _frames.Push(frame);
            state.Frames[i] = null;
        }
        state.Depth = 0;
        state.Parent = null;
        state.LoopEntry = null;
        state.NextAtSlot = null;
        state.IsLoopEntry = false;
        state.IsCleaned = false;
        state.Hits = state.Misses = 0;
        state.ReferenceCount = 0;
        _states.Push(state);
    }
}
