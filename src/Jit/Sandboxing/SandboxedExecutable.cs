// Sandboxed programs as native code: the run loop, and the two functions that the code calls. Whatever they find wrong is left
// in the state; the code then unwinds to its entry, and the managed side throws. No exception crosses native frames.
// Processors differ in the code and in how it is entered (X64Sandbox.cs, Arm32Sandbox.cs).
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Jit.Sandboxing;

/// <summary>The managed part of one run; each thread keeps one for its next run, so that running allocates nothing.</summary>
internal sealed class SandboxedRun
{
    [ThreadStatic]
    private static SandboxedRun? t_idle;

    private readonly GCHandle _handle;

    private SandboxedRun(SandboxedExecutable program, Sandbox sandbox)
    {
        (Program, Sandbox) = (program, sandbox);
        // Whoever runs holds the object; the handle must not keep it when its thread has ended.
        _handle = GCHandle.Alloc(this, GCHandleType.Weak);
    }

    ~SandboxedRun() => _handle.Free();

    /// <summary>The program that executes: another one after a tail call.</summary>
    public SandboxedExecutable Program { get; set; }

    public Sandbox Sandbox { get; }

    /// <summary>What a tail call continues with once the code has unwound.</summary>
    public SandboxedExecutable? Next { get; set; }

    /// <summary>An exception on its way past native code.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Callbacks that are being executed, one inside the other.</summary>
    public int Callbacks { get; set; }

    /// <summary>Bytes at the end of the stack that hold zeros or what the program wrote.</summary>
    public int ClearedBytes { get; set; }

    /// <summary>A value for <see cref="SandboxState.Run"/>.</summary>
    public nint Handle => GCHandle.ToIntPtr(_handle);

    public static unsafe SandboxedRun Of(SandboxState* state) => (SandboxedRun)GCHandle.FromIntPtr(state->Run).Target!;

    public static SandboxedRun Take(SandboxedExecutable program, GuestContext context, nint r1, nint r2)
    {
        if (t_idle is not { } run)
            return new SandboxedRun(program, new Sandbox(program, context, r1, r2));
        t_idle = null;
        run.Program = program;
        run.Sandbox.Begin(program, context, r1, r2);
        (run.Next, run.Failure, run.Callbacks, run.ClearedBytes) = (null, null, 0, 0);
        return run;
    }

    public static void Return(SandboxedRun run) => t_idle = run;
}

/// <summary>A sandboxed program as native code. Thread-safe; each call has its own state and stacks.</summary>
internal abstract unsafe class SandboxedExecutable(LoadedProgram program, SandboxOptions options, ExecutionEnvironment environment) : IExecutable, ISandboxedProgram
{
    /// <summary>Functions as values: not addresses, so that programs neither see nor forge any.</summary>
    private const ulong FunctionToken = 0x0fbf_0000_0000_0000;

    private readonly HashSet<int> _functions = [];

    public LoadedProgram Program => program;

    public ExecutionEnvironment Environment => environment;

    public abstract ReadOnlyMemory<byte> Code { get; }

    /// <summary>The value that the wide immediate at a slot loads.</summary>
    protected ulong ConstantAt(ProgramShape shape, int slot)
    {
        EbpfInstruction instruction = shape.Instructions[slot];
        OpcodeRow row = shape.Rows[slot];
        if (row.Opcode != EbpfOpcode.LoadFunction)
            return Decoder.Constant(Program, row, instruction, instruction.WideImmediate(shape.Instructions[slot + 1]), slot);
        int target = slot + 1 + instruction.Immediate;
        _functions.Add(target);
        return FunctionToken | (uint)target;
    }

    public abstract ulong Run(nint r1, nint r2 = 0);

    /// <summary>Executes one function with the registers that the state holds; returns when it does or when the program is left.</summary>
    protected abstract ulong Enter(SandboxState* state, int slot);

    /// <summary>Can a tail call of this program continue in that one with the same state?</summary>
    protected abstract bool ContinuesIn(SandboxedExecutable next);

    /// <summary>Can the code reach these bytes, which the sandbox allows?</summary>
    protected abstract bool IsAddressable(ulong address, ulong size);

    /// <summary>
    /// Executed instructions up to and including this one that the code has not taken from the state's fuel when it asks about the slot.
    /// </summary>
    protected virtual int UnpaidAt(int slot) => 0;

    /// <summary>Bytes of the stack that the code may touch without asking; they are cleared before it runs, others when it asks.</summary>
    protected virtual int StackBytes => SandboxState.StackBytes;

    public abstract void Dispose();

    /// <param name="state">Room for the state, where the code can address it.</param>
    /// <param name="stack">Room for the frames, <see cref="SandboxState.StackBytes"/>, likewise.</param>
    protected ulong RunOn(SandboxState* state, byte* stack, nint r1, nint r2)
    {
        GuestContext context = GuestContext.Current;
        SandboxedRun run = SandboxedRun.Take(this, context, r1, r2);
        state->Fuel = options.Fuel;
        state->Stack = (ulong)stack;
        state->DeepestCaller = (ulong)stack + 2 * EbpfRegisters.StackSize;
        state->Run = run.Handle;
        state->Fault = 0;
        new Span<ulong>(state->Registers, EbpfRegisters.Count).Clear();
        state->Registers[1] = (ulong)r1;
        state->Registers[2] = (ulong)r2;
        state->Registers[10] = (ulong)stack + SandboxState.StackBytes;
        state->Machine.Fault = MachineFault.None;
        state->Machine.Stack = new MemoryWindow { Start = (ulong)stack, Room = SandboxState.StackBytes };
        ulong result;
        while (true)
        {
            ClearStack(state, run, run.Program.StackBytes);
            ResetWindows(state, run);
            state->MayGoto = MachineState.MayGotoLimit;
            result = run.Program.Enter(state, 0);
            if (run.Next is not { } next)
                break;
            run.Program = next;
            run.Sandbox.Enter(next);
            run.Next = null;
        }
        context.ExecutedInstructions = options.Fuel - state->Fuel;
        (Exception? failure, SandboxedExecutable last) = (run.Failure, run.Program);
        SandboxedRun.Return(run);
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
        if (state->Fault != 0)
            throw Describe(state, last);
        return result;
    }

    /// <summary>Makes so many bytes at the stack's end readable as zeros, unless they were before.</summary>
    private static void ClearStack(SandboxState* state, SandboxedRun run, int bytes)
    {
        if (bytes <= run.ClearedBytes)
            return;
        new Span<byte>((byte*)state->Stack + SandboxState.StackBytes - bytes, bytes - run.ClearedBytes).Clear();
        run.ClearedBytes = bytes;
    }

    private GuestFaultException Describe(SandboxState* state, SandboxedExecutable at)
    {
        int slot = (int)state->FaultSlot;
        OpcodeRow? row = slot < at.Program.Instructions.Length ? OpcodeTable.Find(at.Program.Instructions[slot]) : null;
        int helper = row?.Opcode == EbpfOpcode.CallHelper ? at.Program.Instructions[slot].Immediate : 0;
        return FaultText.Describe((MachineFault)state->Fault, at == this ? slot : null, (row?.Width ?? 0) / 8, state->Machine.FaultAddress, options.Fuel, helper);
    }

    // ---- what the code calls ---------------------------------------------------------------------------------------------

    /// <summary>Native addresses of <see cref="CheckAccess"/> and <see cref="PassGate"/>, in the platform's convention.</summary>
    protected static nint CheckAccessAddress => (nint)(delegate* unmanaged<SandboxState*, ulong, int, int, int>)&CheckAccessNative;

    protected static nint GateAddress => (nint)(delegate* unmanaged<SandboxState*, int, ulong, int>)&PassGateNative;

    [UnmanagedCallersOnly]
    private static int CheckAccessNative(SandboxState* state, ulong address, int kind, int slot) => CheckAccess(state, address, kind, slot);

    [UnmanagedCallersOnly]
    private static int PassGateNative(SandboxState* state, int slot, ulong operand) => PassGate(state, slot, operand);

    private static SandboxedRun RunOf(SandboxState* state) => SandboxedRun.Of(state);

    /// <summary>Nothing is known of the windows any more: they show what most accesses mean.</summary>
    private static void ResetWindows(SandboxState* state, SandboxedRun run)
    {
        MemoryWindow window = run.Sandbox.MainWindow;
        if (window.Room < sizeof(ulong) || !run.Program.IsAddressable(window.Start, window.Room))
        {
            ClearStack(state, run, SandboxState.StackBytes);
            window = state->Machine.Stack;
        }
        state->Machine.Readable = state->Machine.Writable = window;
        state->Readable = state->Writable = window;
    }

    private static void Fault(SandboxState* state, MachineFault fault, int slot)
    {
        state->Fault = (long)fault;
        state->FaultSlot = slot;
    }

    /// <summary>Is an access allowed that the cached window does not contain? Then the window is the one that does.</summary>
    public static int CheckAccess(SandboxState* state, ulong address, int kind, int slot)
    {
        bool isWrite = (kind & AccessKinds.Write) != 0;
        ulong size = (ulong)kind & 0xff;
        SandboxedRun run = RunOf(state);
        try
        {
            if ((kind & AccessKinds.Misaligned) == 0)
            {
                if (address - state->Stack < SandboxState.StackBytes)
                    ClearStack(state, run, SandboxState.StackBytes);
                bool isAllowed = isWrite ? run.Sandbox.CanWrite(&state->Machine, address, size) : run.Sandbox.CanRead(&state->Machine, address, size);
                if (isAllowed && run.Program.IsAddressable(address, size))
                {
                    if (isWrite)
                        state->Writable = state->Machine.Writable;
                    else
                        state->Readable = state->Machine.Readable;
                    return 0;
                }
            }
            state->Machine.FaultAddress = address;
            Fault(state, isWrite ? MachineFault.BadWrite : MachineFault.BadRead, slot);
        }
        catch (Exception failure)
        {
            Fail(state, run, failure, slot);
        }
        SettleFuel(state, run.Program.UnpaidAt(slot), slot);
        return 1;
    }

    /// <summary>Takes what the code has not paid yet; whatever else went wrong, a program without fuel is out of fuel.</summary>
    private static bool SettleFuel(SandboxState* state, int unpaid, int slot)
    {
        state->Fuel -= unpaid;
        if (state->Fuel >= 0)
            return true;
        Fault(state, MachineFault.OutOfFuel, slot);
        return false;
    }

    private static void Fail(SandboxState* state, SandboxedRun run, Exception failure, int slot)
    {
        run.Failure ??= failure;
        Fault(state, MachineFault.HelperRefused, slot);
    }

    /// <summary>Everything that leaves the code: helper calls, calls by number, tail calls, packet loads.</summary>
    public static int PassGate(SandboxState* state, int slot, ulong operand)
    {
        SandboxedRun run = RunOf(state);
        int unpaid = run.Program.UnpaidAt(slot);
        if (!SettleFuel(state, unpaid, slot))
            return (int)GateResult.LeaveProgram;
        try
        {
            GateResult result = run.Program.Pass(state, run, slot, operand);
            if (state->Fault != 0)
                return (int)GateResult.LeaveProgram;
            // Helpers may move what the windows show.
            ResetWindows(state, run);
            // Code that goes on pays by itself.
            if (result == GateResult.Continue)
                state->Fuel += unpaid;
            return (int)result;
        }
        catch (Exception failure)
        {
            Fail(state, run, failure, slot);
            return (int)GateResult.LeaveProgram;
        }
    }

    private GateResult Pass(SandboxState* state, SandboxedRun run, int slot, ulong operand)
    {
        EbpfInstruction instruction = Program.Instructions[slot];
        OpcodeRow row = OpcodeTable.Find(instruction)!;
        ulong* r = state->Registers;
        if (row.Effect == Effect.PacketLoad)
        {
            int offset = instruction.Immediate + (row.IsRegisterForm ? (int)operand : 0);
            if (PacketLoads.TryLoad(offset, System.Numerics.BitOperations.Log2((uint)row.Width / 8), out ulong value))
            {
                r[0] = value;
                return GateResult.Continue;
            }
            r[0] = 0;
            return GateResult.LeaveFunction;
        }
        if (row.Opcode == EbpfOpcode.CallReg)
        {
            if (!run.Sandbox.CallByNumber(&state->Machine, this, operand, r))
                Fault(state, MachineFault.BadFunction, slot);
            return GateResult.Continue;
        }
        if (row.Opcode != EbpfOpcode.CallHelper || Environment.Helpers.Find(instruction.Immediate) is not { } helper)
        {
            Fault(state, MachineFault.UnknownHelper, slot);
            return GateResult.LeaveProgram;
        }
        if (helper.UnwindsOnZero)
        {
            r[0] = helper.Managed(r[1], r[2], r[3], r[4], r[5]);
            return r[0] == 0 ? GateResult.LeaveProgram : GateResult.Continue;
        }
        if (!run.Sandbox.AllowsCall(&state->Machine, instruction.Immediate, r))
        {
            Fault(state, state->Machine.Fault, slot);
            return GateResult.LeaveProgram;
        }
        if (instruction.Immediate == HelperRegistry.TailCallId)
            return TailCall(state, run, helper);
        if (helper.Row is { } known && (known.Has(HelperFlags.SyncCallback) || known.Has(HelperFlags.AsyncCallback)))
            CallWithCallback(state, helper, slot);
        else
            r[0] = helper.Managed(r[1], r[2], r[3], r[4], r[5]);
        return GateResult.Continue;
    }

    /// <summary>
    /// From the entry function execution continues in the target with what is left of the fuel. From inside a function the target takes the
    /// place of that function: it runs on a stack of its own and its result is the function's.
    /// </summary>
    private static GateResult TailCall(SandboxState* state, SandboxedRun run, HelperImplementation helper)
    {
        ulong* r = state->Registers;
        GuestContext context = GuestContext.Current;
        helper.Managed(r[1], r[2], r[3], r[4], r[5]);
        IExecutable? target = context.TailCallTarget;
        context.TailCallTarget = null;
        if (target is null)
            return GateResult.Continue;
        if (run.Callbacks == 0 && r[10] == state->Stack + SandboxState.StackBytes && target is SandboxedExecutable next && run.Program.ContinuesIn(next))
        {
            run.Next = next;
            return GateResult.LeaveProgram;
        }
        r[0] = target.Run((nint)r[1]);
        return GateResult.LeaveFunction;
    }

    /// <summary>Calls a helper that may call functions of this program back; the registers survive it.</summary>
    private static void CallWithCallback(SandboxState* state, HelperImplementation helper, int slot)
    {
        GuestContext context = GuestContext.Current;
        SandboxState outer = *state;
        ulong* r = outer.Registers;
        void* outerState = context.EngineState;
        delegate*<ulong, ulong, ulong, ulong, ulong, ulong, ulong> outerInvoker = context.CallbackInvoker;
        var call = new CallbackCall { State = state, StackTop = r[10], Slot = slot };
        context.EngineState = &call;
        context.CallbackInvoker = &Invoke;
        ulong result;
        try
        {
            result = helper.Managed(r[1], r[2], r[3], r[4], r[5]);
        }
        finally
        {
            context.EngineState = outerState;
            context.CallbackInvoker = outerInvoker;
            new Span<ulong>(r, EbpfRegisters.Count).CopyTo(new Span<ulong>(state->Registers, EbpfRegisters.Count));
            state->SavedStackPointer = outer.SavedStackPointer;
            state->MayGoto = outer.MayGoto;
        }
        state->Registers[0] = result;
    }

    private struct CallbackCall
    {
        public SandboxState* State;
        public ulong StackTop;
        public int Slot;
    }

    /// <summary>A helper calls a function of the program. Any result but zero ends its loop, so faults end it too.</summary>
    private static ulong Invoke(ulong function, ulong a1, ulong a2, ulong a3, ulong a4, ulong a5)
    {
        var call = (CallbackCall*)GuestContext.Current.EngineState;
        SandboxState* state = call->State;
        if (state->Fault != 0)
            return 1;
        SandboxedRun run = RunOf(state);
        SandboxedExecutable program = run.Program;
        bool isFunction = (function & ~(ulong)uint.MaxValue) == FunctionToken && program._functions.Contains((int)(uint)function);
        if (!isFunction || call->StackTop < state->DeepestCaller)
        {
            Fault(state, isFunction ? MachineFault.CallDepth : MachineFault.BadFunction, call->Slot);
            return 1;
        }
        ulong* r = state->Registers;
        new Span<ulong>(r, EbpfRegisters.Count).Clear();
        (r[1], r[2], r[3], r[4], r[5]) = (a1, a2, a3, a4, a5);
        r[10] = call->StackTop - EbpfRegisters.StackSize;
        state->MayGoto = MachineState.MayGotoLimit;
        ResetWindows(state, run);
        run.Callbacks++;
        ulong result = program.Enter(state, (int)(uint)function);
        run.Callbacks--;
        return state->Fault == 0 ? result : 1;
    }
}
