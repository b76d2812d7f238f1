// Sandboxed programs as native code: the run loop, and the two functions that the code calls. Whatever they find wrong is left
// in the state; the code then unwinds to its entry, and the managed side throws. No exception crosses native frames.
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Memory;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Jit.X64;

/// <summary>The managed part of one run.</summary>
internal sealed class X64SandboxRun(X64SandboxedExecutable program, Sandbox sandbox)
{
    /// <summary>The program that executes: another one after a tail call.</summary>
    public X64SandboxedExecutable Program { get; set; } = program;

    public Sandbox Sandbox { get; } = sandbox;

    /// <summary>What a tail call continues with once the code has unwound.</summary>
    public X64SandboxedExecutable? Next { get; set; }

    /// <summary>An exception on its way past native code.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Callbacks that are being executed, one inside the other.</summary>
    public int Callbacks { get; set; }
}

/// <summary>A sandboxed program as x86-64 code. Thread-safe; each call has its own state and stacks.</summary>
internal sealed unsafe class X64SandboxedExecutable : IExecutable, ISandboxedProgram
{
    /// <summary>Functions as values: not addresses, so that programs neither see nor forge any.</summary>
    private const ulong FunctionToken = 0x0fbf_0000_0000_0000;

    private readonly SandboxOptions _options;
    private readonly ExecutableMemory _memory;
    private readonly X64Code _code;
    private readonly HashSet<int> _functions = [];

    public X64SandboxedExecutable(LoadedProgram program, SandboxOptions options, ExecutionEnvironment environment)
    {
        (Program, Environment, _options) = (program, environment, options);
        ProgramShape shape = ProgramShape.AnalyzeUnverified(program.Instructions);
        var compilerOptions = new X64CompilerOptions
        {
            ResolveHelper = _ => throw new InvalidOperationException("sandboxed code calls helpers through its gate"),
            ResolveImmediate = (_, _) => throw new InvalidOperationException("constants of sandboxed code are resolved by slot"),
        };
        nint checkAccess = (nint)(delegate* unmanaged<X64SandboxState*, ulong, int, int, int>)&CheckAccess;
        nint gate = (nint)(delegate* unmanaged<X64SandboxState*, int, ulong, int>)&PassGate;
        _code = X64Compiler.CompileSandboxed(shape, compilerOptions, new X64SandboxCalls(checkAccess, gate, slot => ConstantAt(shape, slot)));
        _memory = ExecutableMemory.Create(_code.Bytes.Length, (span, _) => _code.Bytes.CopyTo(span));
    }

    public LoadedProgram Program { get; }

    public ExecutionEnvironment Environment { get; }

    public ReadOnlyMemory<byte> Code => _code.Bytes;

    private ulong ConstantAt(ProgramShape shape, int slot)
    {
        EbpfInstruction instruction = shape.Instructions[slot];
        OpcodeRow row = shape.Rows[slot];
        if (row.Opcode != EbpfOpcode.LoadFunction)
            return Decoder.Constant(Program, row, instruction, instruction.WideImmediate(shape.Instructions[slot + 1]), slot);
        int target = slot + 1 + instruction.Immediate;
        _functions.Add(target);
        return FunctionToken | (uint)target;
    }

    public ulong Run(nint r1, nint r2 = 0)
    {
        byte* stack = stackalloc byte[X64SandboxState.StackBytes + 16];
        stack = (byte*)(((nint)stack + 15) & ~15);
        new Span<byte>(stack, X64SandboxState.StackBytes).Clear();
        GuestContext context = GuestContext.Current;
        var run = new X64SandboxRun(this, new Sandbox(this, context, r1, r2));
        GCHandle handle = GCHandle.Alloc(run);
        X64SandboxState state = default;
        state.Fuel = _options.Fuel;
        state.Stack = (ulong)stack;
        state.DeepestCaller = (ulong)stack + 2 * EbpfRegisters.StackSize;
        state.Run = GCHandle.ToIntPtr(handle);
        state.Registers[1] = (ulong)r1;
        state.Registers[2] = (ulong)r2;
        state.Registers[10] = (ulong)stack + X64SandboxState.StackBytes;
        state.Machine.Stack = new MemoryWindow { Start = (ulong)stack, Room = X64SandboxState.StackBytes };
        ulong result;
        try
        {
            do
            {
                if (run.Next is { } next)
                {
                    run.Program = next;
                    run.Sandbox.Enter(next);
                    run.Next = null;
                }
                ForgetWindows(&state);
                state.MayGoto = MachineState.MayGotoLimit;
                result = run.Program.Enter(&state, 0);
            }
            while (run.Next is not null);
        }
        finally
        {
            handle.Free();
        }
        context.ExecutedInstructions = _options.Fuel - state.Fuel;
        if (run.Failure is not null)
            ExceptionDispatchInfo.Throw(run.Failure);
        if (state.Fault != 0)
            throw Describe(&state, run.Program);
        return result;
    }

    /// <summary>Executes one function with the registers that the state holds; returns when it does or when the program is left.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong Enter(X64SandboxState* state, int slot)
    {
        nint code = _memory.Address;
        ulong result = ((delegate* unmanaged<X64SandboxState*, nint, ulong>)(code + _code.EntryOffset))(state, code + _code.SlotOffsets[slot]);
        GC.KeepAlive(this);
        return result;
    }

    private GuestFaultException Describe(X64SandboxState* state, X64SandboxedExecutable at)
    {
        int slot = (int)state->FaultSlot;
        OpcodeRow? row = slot < at.Program.Instructions.Length ? OpcodeTable.Find(at.Program.Instructions[slot]) : null;
        int helper = row?.Opcode == EbpfOpcode.CallHelper ? at.Program.Instructions[slot].Immediate : 0;
        return FaultText.Describe((MachineFault)state->Fault, at == this ? slot : null, (row?.Width ?? 0) / 8, state->Machine.FaultAddress, _options.Fuel, helper);
    }

    public void Dispose() => _memory.Dispose();

    // ---- what the code calls ---------------------------------------------------------------------------------------------

    private static X64SandboxRun RunOf(X64SandboxState* state) => (X64SandboxRun)GCHandle.FromIntPtr(state->Run).Target!;

    private static void ForgetWindows(X64SandboxState* state)
    {
        state->Machine.Readable = state->Machine.Writable = state->Machine.Stack;
        state->Readable = state->Writable = state->Machine.Stack;
    }

    private static void Fault(X64SandboxState* state, MachineFault fault, int slot)
    {
        state->Fault = (long)fault;
        state->FaultSlot = slot;
    }

    /// <summary>Is an access allowed that the cached window does not contain? Then the window is the one that does.</summary>
    [UnmanagedCallersOnly]
    private static int CheckAccess(X64SandboxState* state, ulong address, int kind, int slot)
    {
        bool isWrite = (kind & X64Compiler.WriteAccess) != 0;
        ulong size = (ulong)kind & 0xff;
        X64SandboxRun run = RunOf(state);
        try
        {
            if ((kind & X64Compiler.MisalignedAccess) == 0)
            {
                if (isWrite ? run.Sandbox.CanWrite(&state->Machine, address, size) : run.Sandbox.CanRead(&state->Machine, address, size))
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
        return 1;
    }

    private static void Fail(X64SandboxState* state, X64SandboxRun run, Exception failure, int slot)
    {
        run.Failure ??= failure;
        Fault(state, MachineFault.HelperRefused, slot);
    }

    /// <summary>Everything that leaves the code: helper calls, calls by number, tail calls, packet loads.</summary>
    [UnmanagedCallersOnly]
    private static int PassGate(X64SandboxState* state, int slot, ulong operand)
    {
        X64SandboxRun run = RunOf(state);
        try
        {
            GateResult result = run.Program.Pass(state, run, slot, operand);
            if (state->Fault != 0)
                return (int)GateResult.LeaveProgram;
            // Helpers may move what the windows show.
            ForgetWindows(state);
            return (int)result;
        }
        catch (Exception failure)
        {
            Fail(state, run, failure, slot);
            return (int)GateResult.LeaveProgram;
        }
    }

    private GateResult Pass(X64SandboxState* state, X64SandboxRun run, int slot, ulong operand)
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
    private static GateResult TailCall(X64SandboxState* state, X64SandboxRun run, HelperImplementation helper)
    {
        ulong* r = state->Registers;
        GuestContext context = GuestContext.Current;
        helper.Managed(r[1], r[2], r[3], r[4], r[5]);
        IExecutable? target = context.TailCallTarget;
        context.TailCallTarget = null;
        if (target is null)
            return GateResult.Continue;
        if (run.Callbacks == 0 && r[10] == state->Stack + X64SandboxState.StackBytes && target is X64SandboxedExecutable next)
        {
            run.Next = next;
            return GateResult.LeaveProgram;
        }
        r[0] = target.Run((nint)r[1]);
        return GateResult.LeaveFunction;
    }

    /// <summary>Calls a helper that may call functions of this program back; the registers survive it.</summary>
    private static void CallWithCallback(X64SandboxState* state, HelperImplementation helper, int slot)
    {
        GuestContext context = GuestContext.Current;
        X64SandboxState outer = *state;
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
        public X64SandboxState* State;
        public ulong StackTop;
        public int Slot;
    }

    /// <summary>A helper calls a function of the program. Any result but zero ends its loop, so faults end it too.</summary>
    private static ulong Invoke(ulong function, ulong a1, ulong a2, ulong a3, ulong a4, ulong a5)
    {
        var call = (CallbackCall*)GuestContext.Current.EngineState;
        X64SandboxState* state = call->State;
        if (state->Fault != 0)
            return 1;
        X64SandboxRun run = RunOf(state);
        X64SandboxedExecutable program = run.Program;
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
        ForgetWindows(state);
        run.Callbacks++;
        ulong result = program.Enter(state, (int)(uint)function);
        run.Callbacks--;
        return state->Fault == 0 ? result : 1;
    }
}
