// A decoded program and its runs: sets up registers, stack and frames, enters the loop, turns faults into exceptions.
//
// The stacks of all frames are one piece, the entry function's at the top; a callee's R10 is 512 below its caller's.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Runtime.Execution.Interpretation;

internal sealed unsafe class InterpretedProgram : IExecutable, ISandboxedProgram
{
    private const int StackBytes = EbpfRegisters.StackSize * EbpfRegisters.MaxCallFrames;

    private readonly SandboxOptions? _sandbox;
    private readonly bool _counts;
    private readonly int _clearedStack;
    private readonly int[] _slotOf;
    private readonly int _count;
    private nint _code;

    /// <param name="stackDepth">Bytes of stack that the program may reach, where that is known.</param>
    public InterpretedProgram(LoadedProgram program, Decoder decoder, SandboxOptions? sandbox, ExecutionEnvironment environment, int stackDepth = EbpfRegisters.StackSize)
    {
        _clearedStack = Math.Min((stackDepth + 7) & ~7, EbpfRegisters.StackSize);
        (Program, Environment, _sandbox, _counts) = (program, environment, sandbox, environment.CountsInstructions);
        (_code, _count, _slotOf) = (decoder.Code, decoder.Count, decoder.SlotOf);
    }

    ~InterpretedProgram() => Free();

    public LoadedProgram Program { get; }

    public ExecutionEnvironment Environment { get; }

    public DecodedInstruction* Code => (DecodedInstruction*)_code;

    public DecodedInstruction* CodeEnd => Code + _count;

    ReadOnlyMemory<byte> IExecutable.Code => default;

    /// <summary>Sees every step of verified runs; makes them slow.</summary>
    public StepObserver? Observer { get; init; }

    public void Observe(DecodedInstruction* at, ulong* registers, MachineState* state)
    {
        if (at < CodeEnd)
            Observer!(_slotOf[(int)(at - Code)], registers, state->Depth);
    }

    /// <summary>Loops of the same mode can continue each other's runs.</summary>
    public bool IsSameMode(InterpretedProgram other) => _sandbox is null == other._sandbox is null && _counts == other._counts;

    [SkipLocalsInit]
    public ulong Run(nint r1, nint r2 = 0)
    {
        ObjectDisposedException.ThrowIf(_code == 0, this);
        byte* stack = stackalloc byte[StackBytes + 16];
        stack = (byte*)(((nint)stack + 15) & ~15);
        CallFrame* frames = stackalloc CallFrame[EbpfRegisters.MaxCallFrames];
        ulong* registers = stackalloc ulong[EbpfRegisters.Count];
        new Span<ulong>(registers, EbpfRegisters.Count).Clear();
        registers[1] = (ulong)r1;
        registers[2] = (ulong)r2;
        registers[10] = (ulong)(stack + StackBytes);

        MachineState state = default;
        state.Frames = frames;
        state.MaxDepth = EbpfRegisters.MaxCallFrames;
        state.IsEntry = true;
        state.Code = Code;
        state.Fuel = long.MaxValue / 2;
        ulong result;
        if (_sandbox is not null)
        {
            GuestContext context = GuestContext.Current;
            new Span<byte>(stack, StackBytes).Clear();
            state.Fuel = _sandbox.Fuel;
            state.Stack = state.Readable = state.Writable = new MemoryWindow { Start = (ulong)stack, Room = StackBytes };
            Sandbox sandbox = Sandbox.Take(this, context, r1, r2);
            result = InterpreterLoop.Execute<SandboxedMode>(Code, registers, &state, this, sandbox);
            Sandbox.Return(sandbox);
            context.ExecutedInstructions = _sandbox.Fuel - state.Fuel;
        }
        else
        {
            // Privileged programs may read stack they never wrote; they see zeros here, so that runs repeat.
            new Span<byte>(stack + StackBytes - _clearedStack, _clearedStack).Clear();
            if (Observer is not null)
            {
                result = InterpreterLoop.Execute<ObservedMode>(Code, registers, &state, this, null);
            }
            else if (_counts)
            {
                result = InterpreterLoop.Execute<CountedMode>(Code, registers, &state, this, null);
                GuestContext.Current.ExecutedInstructions = long.MaxValue / 2 - state.Fuel;
            }
            else
            {
                result = InterpreterLoop.Execute<VerifiedMode>(Code, registers, &state, this, null);
            }
        }
        GC.KeepAlive(this);
        if (state.Fault != MachineFault.None)
            throw Describe(&state);
        return result;
    }

    /// <summary>Calls a helper that may call functions of this program back.</summary>
    public ulong CallWithCallback<TMode>(delegate*<ulong, ulong, ulong, ulong, ulong, ulong> helper, ulong* r, MachineState* state, Sandbox? sandbox)
        where TMode : struct, IInterpreterMode
    {
        GuestContext context = GuestContext.Current;
        var callback = new CallbackState { State = state, StackTop = r[10], Program = GCHandle.Alloc(this), Sandbox = GCHandle.Alloc(sandbox) };
        void* outerState = context.EngineState;
        delegate*<ulong, ulong, ulong, ulong, ulong, ulong, ulong> outerInvoker = context.CallbackInvoker;
        context.EngineState = &callback;
        context.CallbackInvoker = &Invoke<TMode>;
        try
        {
            return helper(r[1], r[2], r[3], r[4], r[5]);
        }
        finally
        {
            context.EngineState = outerState;
            context.CallbackInvoker = outerInvoker;
            callback.Program.Free();
            callback.Sandbox.Free();
        }
    }

    private struct CallbackState
    {
        public MachineState* State;
        public ulong StackTop;
        public GCHandle Program, Sandbox;
    }

    private static ulong Invoke<TMode>(ulong function, ulong a1, ulong a2, ulong a3, ulong a4, ulong a5)
        where TMode : struct, IInterpreterMode
    {
        var callback = (CallbackState*)GuestContext.Current.EngineState;
        MachineState* state = callback->State;
        var program = (InterpretedProgram)callback->Program.Target!;
        if (state->Fault != MachineFault.None)
            return 1; // the loop above ends at the first result that is not zero
        bool isFunction = function >= (ulong)program.Code && function < (ulong)program.CodeEnd
            && (function - (ulong)program.Code) % (ulong)sizeof(DecodedInstruction) == 0;
        if (!isFunction || state->Depth + 1 >= state->MaxDepth)
        {
            state->Fault = isFunction ? MachineFault.CallDepth : MachineFault.BadFunction;
            return 1;
        }
        ulong* r = stackalloc ulong[EbpfRegisters.Count];
        r[1] = a1; r[2] = a2; r[3] = a3; r[4] = a4; r[5] = a5;
        r[10] = callback->StackTop - EbpfRegisters.StackSize;
        bool isEntry = state->IsEntry;
        state->IsEntry = false;
        state->Depth++;
        ulong result = InterpreterLoop.Execute<TMode>((DecodedInstruction*)function, r, state, program, (Sandbox?)callback->Sandbox.Target);
        state->Depth--;
        state->IsEntry = isEntry;
        return state->Fault == MachineFault.None ? result : 1;
    }

    /// <summary>The program that a tail call continues with, or null when the call fails and execution goes on.</summary>
    public IExecutable? ResolveTailCall(ulong* r)
    {
        GuestContext context = GuestContext.Current;
        HelperImplementation helper = Environment.Helpers.Find(HelperRegistry.TailCallId)!;
        helper.Managed(r[1], r[2], r[3], r[4], r[5]);
        IExecutable? target = context.TailCallTarget;
        context.TailCallTarget = null;
        return target;
    }

    private GuestFaultException Describe(MachineState* state)
    {
        DecodedInstruction* at = state->FaultAt;
        bool isOurs = at >= Code && at <= CodeEnd;
        int helper = at->Code == (ushort)EbpfOpcode.CallKfunc ? 0 : at->Operand;
        return FaultText.Describe(state->Fault, isOurs ? _slotOf[(int)(at - Code)] : null, Width(at), state->FaultAddress, _sandbox?.Fuel ?? long.MaxValue, helper);
    }

    private static int Width(DecodedInstruction* at)
        => at->Code <= (ushort)EbpfOpcode.Exit ? OpcodeTable.Get((EbpfOpcode)at->Code).Width / 8 : 0;

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree((void*)Interlocked.Exchange(ref _code, 0));
    }
}
