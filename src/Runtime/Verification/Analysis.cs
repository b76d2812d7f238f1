// Who decides: walks every path of the program depth first, applying transfer functions to the current state, forking it at
// branches, cutting paths that an earlier checkpoint covers, until none is left or one breaks a rule.
//
//      Explore: pop a pending branch --> walk instruction by instruction --> exit, or covered by a checkpoint
//                       ^                      | conditional jump: push the other edge
//                       '----------------------'
//
// The parts of this class are in files of their own: Transfer.* (what happens), Refinement (what an edge teaches),
// *Checks (what must hold), StatePruner, Precision and Liveness (when a path need not be walked).
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private const int PendingLimit = 8192;
    private const int StackSize = EbpfRegisters.StackSize;
    private const int MaxVariableOffset = 1 << 29;

    private readonly LoadedProgram _program;
    private readonly VerifierOptions _options;
    private readonly ProgramType _type;
    private readonly AttachType? _attach;
    private readonly InstructionInfo[] _code;
    private readonly ControlFlow _flow;
    private readonly LogWriter _log;
    private readonly StatePool _pool = new();
    private readonly AbstractState?[] _checkpoints;
    private readonly List<AbstractState> _pending = [];
    private readonly List<string> _errors = [];

    private AbstractState _state = null!;
    private RegisterState[] _registers = null!;
    private int _slot, _previousSlot;
    private uint _ids;
    private int _processed, _processedAtCheckpoint, _jumps, _jumpsAtCheckpoint;
    private int _totalStates, _peakStates, _liveStates, _maxStatesPerSlot;

    public Analysis(LoadedProgram program, VerifierOptions options)
    {
        _program = program;
        _options = options;
        _type = (ProgramType)program.ProgramType;
        _attach = Enum.IsDefined((AttachType)program.ExpectedAttachType) ? (AttachType)program.ExpectedAttachType : null;
        _log = new LogWriter(this, program, options.LogLevel);
        if (program.Instructions.Length == 0)
            throw new RejectedException("the program has no instructions") { Slot = 0 };
        _code = StructuralChecks.Decode(program.Instructions, options.Kernel);
        _flow = new ControlFlow(_code, options.IsPrivileged) { FindHelper = FindHelperRow, FindKfunc = FindKfunc };
        _checkpoints = new AbstractState?[program.Instructions.Length];
        InitializeMaps();
        options.Recorder?.Begin(_code);
    }

    public ControlFlow Flow => _flow;

    public InstructionInfo[] Code => _code;

    public LogWriter Log => _log;

    public int ProcessedInstructions => _processed;

    public int TotalStates => _totalStates;

    public int PeakStates => _peakStates;

    public int MaxStatesPerSlot => _maxStatesPerSlot;

    /// <summary>The instruction being analysed.</summary>
    public int Slot => _slot;

    public int CombinedStackDepth { get; private set; }

    /// <summary>Bytes of the program type's UAPI context structure.</summary>
    public int ContextSize => _program.ContextLayout.Size;

    public MapDefinition Map(int index) => _maps[index];

    /// <summary>All lines of the rejection's message, in the kernel's order.</summary>
    public IReadOnlyList<string> Errors => _errors;

    private bool StrictAlignment => _options.StrictAlignment || (_program.Flags & 1) != 0;

    private bool AllowsPointerLeaks => _options is { IsPrivileged: true, RefusesLeaks: false };

    private bool AllowsUninitializedStack => _options is { IsPrivileged: true, RefusesLeaks: false } && _options.Kernel.Has(KernelRule.UninitializedStackReads);

    private bool IsSleepable => (_program.Flags & 16) != 0;

    private bool InSleepable => IsSleepable || _state.InSleepable;

    /// <summary>Verifies the whole program; returns when it is accepted, throws <see cref="RejectedException"/> when not.</summary>
    public void Run()
    {
        _flow.FindSubprograms(_program.Subprograms.Select(subprogram => subprogram.Start));
        NameSubprograms();
        _flow.CheckBoundaries();
        CheckAbnormalReturns();
        CheckProgram();
        CheckMapReferences();
        _flow.Walk(_exceptionCallback);
        NoteKfuncCalls();
        ExploreFunction(0);
        ExploreGlobalFunctions();
        CheckStackDepth();
    }

    private void ExploreFunction(int subprogram)
    {
        SubprogramInfo info = _flow.Subprograms[subprogram];
        Array.Clear(_checkpoints);
        _liveStates = 0;
        _history.Reset();
        _state = _pool.Rent();
        _state.Depth = 0;
        (_state.Frames[0] ??= _pool.RentFrame()).Reset(-1, 0, subprogram);
        _state.ReferenceCount = 0;
        _state.LockOwner = 0;
        _state.LockId = 0;
        _state.RcuDepth = _state.PreemptDepth = 0;
        _state.InSleepable = _state.Speculative = false;
        _state.CallbackUnrolls = _state.MayGotoDepth = 0;
        _state.Parent = null;
        _state.LoopEntry = null;
        _state.Branches = 1;
        _state.TreeDepth = 0;
        _state.FirstSlot = info.Start;
        _state.LastSlot = -1;
        _state.HistoryStart = _state.HistoryEnd = 0;
        _slot = info.Start;
        _options.Recorder?.Begin(_code);
        SetUpArguments(subprogram);
        _log.ScratchAll();
        Explore();
        _pool.Return(_state);
        foreach (AbstractState? first in _checkpoints)
        {
            for (AbstractState? state = first; state is not null;)
            {
                AbstractState? next = state.NextAtSlot;
                _pool.Return(state);
                state = next;
            }
        }
        if (_options.LogLevel < 2)
            _log.Truncate(0);
    }

    private void Explore()
    {
        bool printState = false;
        int previous = -1;
        while (true)
        {
            _historyEntry = -1;
            _previousSlot = previous;
            if ((uint)_slot >= (uint)_code.Length)
                throw Reject($"invalid insn idx {_slot} insn_cnt {_code.Length}");
            ref InstructionInfo instruction = ref _code[_slot];
            if (++_processed > _options.InstructionLimit)
                throw Reject($"BPF program is too large. Processed {_processed} insn");
            _state.LastSlot = previous;
            if (instruction.IsPrunePoint && !_options.IsPruningOff && IsCovered())
            {
                _log.Safe(_previousSlot, _slot, printState);
                if (!NextPath(ref previous))
                    return;
                printState = true;
                continue;
            }
            if (instruction.IsJumpPoint)
                PushHistory(0, 0);
            _registers = _state.Current.Registers;
            if (_log.IsOn)
            {
                if (_options.LogLevel >= 2 && printState)
                    _log.From(_previousSlot, _slot, _state);
                printState = false;
                _log.Instruction(_slot, _state);
            }
            if (instruction.Defect is { } defect)
                throw Reject(defect);
            instruction.IsSeen = true;
            NoteOperands(ref instruction);
            _options.Observer?.Invoke(_slot, _state);
            if (_options.States is { } states && states.Visit(_slot))
                states.Add(_slot, _log.Describe(_state.Current));
            _options.Recorder?.Record(_slot, _state);
            previous = _slot;
            switch (instruction.Effect)
            {
                case Effect.Alu:
                    TransferAlu(ref instruction);
                    _slot++;
                    break;
                case Effect.Load:
                    TransferLoad(ref instruction);
                    _slot++;
                    break;
                case Effect.Store:
                    TransferStore(ref instruction);
                    _slot++;
                    break;
                case Effect.Atomic:
                    TransferAtomic(ref instruction);
                    _slot++;
                    break;
                case Effect.LoadImmediate:
                    TransferWideImmediate(ref instruction);
                    _slot += 2;
                    break;
                case Effect.PacketLoad:
                    TransferPacketLoad(ref instruction);
                    break;
                case Effect.Jump:
                    _jumps++;
                    _slot = instruction.JumpTarget(_slot);
                    break;
                case Effect.Branch:
                    _jumps++;
                    TransferBranch(ref instruction);
                    break;
                case Effect.Call:
                    _jumps++;
                    if (TransferCall(ref instruction))
                        break;
                    // The call does not return (an exception was thrown).
                    if (!NextPath(ref previous))
                        return;
                    printState = true;
                    break;
                case Effect.Exit:
                    _jumps++;
                    CheckNothingHeld(isException: false);
                    CheckReferenceLeak(isException: false);
                    if (_state.Depth > 0)
                    {
                        ReturnFromFrame();
                        printState = true;
                        break;
                    }
                    CheckReturnValue();
                    if (!NextPath(ref previous))
                        return;
                    printState = true;
                    break;
                default:
                    throw Reject($"unknown insn class {(int)_program.Instructions[_slot].Class}");
            }
        }
    }

    /// <summary>Notes which operands are pointers: dst and src, or the arguments of a call.</summary>
    private void NoteOperands(ref InstructionInfo instruction)
    {
        if (instruction.Effect == Effect.Call)
        {
            for (int register = EbpfRegisters.R1; register <= EbpfRegisters.R5; register++)
                NoteOperand(ref instruction, register);
            return;
        }
        NoteOperand(ref instruction, instruction.Dst);
        NoteOperand(ref instruction, instruction.Src);
    }

    private void NoteOperand(ref InstructionInfo instruction, int register)
    {
        if (_registers[register].Kind.IsOwnMemory())
            instruction.ReadPointers |= (ushort)(1 << register);
        else
            instruction.ReadOthers |= (ushort)(1 << register);
    }

    /// <summary>The current path is done; takes up a pending one.</summary>
    private bool NextPath(ref int previous)
    {
        FinishBranch(_state);
        _log.ScratchAll();
        if (_pending.Count == 0)
            return false;
        AbstractState next = _pending[^1];
        _pending.RemoveAt(_pending.Count - 1);
        _pool.Return(_state);
        _state = next;
        if (_options.LogLevel < 2)
            _log.Truncate(next.PendingLogLength);
        _options.Recorder?.Truncate(next.PendingPathLength);
        _slot = next.PendingSlot;
        previous = next.PendingPrevious;
        return true;
    }

    /// <summary>Remembers the current state as a path to be walked later from <paramref name="slot"/>.</summary>
    private AbstractState Fork(int slot)
    {
        AbstractState other = _pool.Rent();
        other.CopyFrom(_state, _pool);
        Enqueue(other, slot);
        if (_pending.Count > PendingLimit)
            throw Reject($"The sequence of {_pending.Count} jumps is too complex.");
        if (other.Parent is { } parent)
            parent.Branches++;
        return other;
    }

    private void Enqueue(AbstractState state, int slot)
    {
        state.PendingSlot = slot;
        state.PendingPrevious = _slot;
        state.PendingLogLength = _log.Length;
        state.PendingPathLength = _options.Recorder?.Length ?? 0;
        _pending.Add(state);
    }

    private uint NewId() => ++_ids;

    /// <summary>Adds a line to the message of the coming rejection.</summary>
    private void Say(string line)
    {
        _errors.Add(line);
        _log.Line(line);
    }

    private RejectedException Reject(string line)
    {
        Say(line);
        return new RejectedException(string.Join('\n', _errors)) { Slot = _slot };
    }

    private HelperRow? FindHelperRow(int id) => _options.ExtraHelpers.TryGetValue(id, out HelperRow? extra) ? extra : id <= KernelRules.LastHelper(_options.Kernel) ? HelperTable.Find(id) : null;
}
