// Translation of programs that nobody verified. The code is the ordinary one except that
//   - every block pays its instructions from the fuel before it runs,
//   - every access is compared with the window found last; a stub behind the code does the rest,
//   - whatever leaves the code (helpers, packet loads, calls by number) goes through one gate that checks it,
//   - eBPF's stack is separate memory: the native one only holds return addresses and saved registers.
//
// A local call saves R6 to R9 at the caller, so functions have no prologue and jumps between functions need no care. r12 is
// the state (SandboxState). Native stack, body of any function, rsp = 8 modulo 16:
//
//        callee-saved registers, padding       pushed at entry; SavedStackPointer points here
//        return address into the entry
//        [R6 R7 R8 R9, may_goto's count, return address]    for each local call
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Sandboxing;
using Ebpfcc.Runtime.Execution.Interpretation;

namespace Ebpfcc.Jit.X64;

/// <summary>What sandboxed code calls.</summary>
/// <param name="CheckAccess">(state, address, kind of access, slot) to 0 when allowed.</param>
/// <param name="Gate">(state, slot, operand) to what happens next; see <see cref="GateResult"/>.</param>
/// <param name="ConstantAt">The value that the wide immediate at a slot loads.</param>
internal sealed record X64SandboxCalls(nint CheckAccess, nint Gate, Func<int, ulong> ConstantAt);

public sealed partial class X64Compiler
{
    private static readonly X64Register[] s_entrySaved =
        [X64Register.Rbx, X64Register.Rbp, X64Register.R12, X64Register.R13, X64Register.R14, X64Register.R15];

    private X64SandboxCalls _calls = null!;
    private readonly List<Action> _stubs = [];
    private readonly Dictionary<int, Label> _checkRoutines = [];
    private Label _checkRoutine, _gateRoutine, _leaveRoutine, _outOfFuelRoutine;
    private bool _usesMayGoto;

    /// <summary>
    /// Compiles a structurally sound program (<see cref="StructuralCheck"/>) with all checks. The entry is
    /// <c>u64 entry(SandboxState *, void *function)</c>; the slots' offsets are the functions to enter.
    /// </summary>
    internal static X64Code CompileSandboxed(ProgramShape shape, X64CompilerOptions options, X64SandboxCalls calls)
        => new X64Compiler(shape, options) { _calls = calls }.RunSandboxed();

    private X64Code RunSandboxed()
    {
        _function = _shape.Functions[0];
        _usesMayGoto = Array.Exists(_shape.Rows, row => row.Operation == Operation.MayGoto);
        _checkRoutine = _emit.NewLabel();
        _gateRoutine = _emit.NewLabel();
        _leaveRoutine = _emit.NewLabel();
        _outOfFuelRoutine = _emit.NewLabel();
        _bodyLabel = _slotLabels[0];
        Label entry = _emit.NewLabel();
        _emit.Bind(entry);
        EmitSandboxEntry();
        bool startsBlock = true;
        for (int slot = 0; slot < _function.End;)
        {
            OpcodeRow row = _shape.Rows[slot];
            Bind(slot);
            if (_shape.Leaders[slot])
                _zeroUpper = 0;
            if (startsBlock || _shape.Leaders[slot])
                EmitFuel(slot);
            startsBlock = EndsBlock(row);
            int next = TryThreeOperandAdd(slot);
            if (next == slot)
            {
                TranslateSandboxed(slot);
                next = slot + row.Slots;
            }
            slot = next;
        }
        // Structure forbids falling off the end; should it happen, it is a fault like any other.
        EmitFault(MachineFault.FellOff, _function.End);
        for (int i = 0; i < _stubs.Count; i++)
            _stubs[i]();
        EmitRoutines();
        (byte[] code, int[] offsets) = _emit.Finish();
        var slotOffsets = new int[_slotLabels.Length];
        for (int i = 0; i < slotOffsets.Length; i++)
            slotOffsets[i] = _bound[i] ? offsets[_slotLabels[i].Index] : -1;
        return new X64Code(code, offsets[entry.Index], slotOffsets);
    }

    private static int RegisterOffset(int register) => SandboxState.RegistersOffset + 8 * register;

    private void EmitSandboxEntry()
    {
        X64CallingConvention convention = _options.Convention;
        X64Register[] saved = [.. s_entrySaved, .. convention.CalleeSaved];
        foreach (X64Register register in saved)
            _emit.Push(register);
        _emit.Alu(X64Alu.Sub, X64Register.Rsp, saved.Length % 2 == 0 ? 8 : 16, true);
        _emit.Move(X64Register.R12, convention.Arguments[0], true);
        _emit.Move(Scratch2, convention.Arguments[1], true);
        _emit.Store(64, X64Register.R12, SandboxState.SavedStackPointerOffset, X64Register.Rsp);
        for (int register = EbpfRegisters.R0; register <= EbpfRegisters.R10; register++)
            _emit.Load(64, Machine(register), X64Register.R12, RegisterOffset(register));
        _emit.CallRegister(Scratch2);
        // Results, faults and jumps out of the program meet here with rax = R0.
        Label finish = _emit.NewLabel();
        _emit.Jump(finish);
        _emit.Bind(_leaveRoutine);
        _emit.Load(64, X64Register.Rsp, X64Register.R12, SandboxState.SavedStackPointerOffset);
        _emit.Load(64, X64Register.Rax, X64Register.R12, RegisterOffset(EbpfRegisters.R0));
        _emit.Bind(finish);
        _emit.Alu(X64Alu.Add, X64Register.Rsp, saved.Length % 2 == 0 ? 8 : 16, true);
        for (int i = saved.Length - 1; i >= 0; i--)
            _emit.Pop(saved[i]);
        _emit.Return();
    }

    /// <summary>Behind jumps, and behind everything that may leave the function or the program: so the count is exact.</summary>
    private static bool EndsBlock(OpcodeRow row)
        => row.Effect is Effect.Branch or Effect.Jump or Effect.Exit or Effect.Call or Effect.PacketLoad;

    /// <summary>Pays for the instructions up to the next leader or the end of the block.</summary>
    private void EmitFuel(int start)
    {
        int count = 0, slot = start;
        while (slot < _function.End && (slot == start || !_shape.Leaders[slot]))
        {
            count++;
            if (EndsBlock(_shape.Rows[slot]))
                break;
            slot += _shape.Rows[slot].Slots;
        }
        _emit.AluMemoryImmediate(X64Alu.Sub, X64Register.R12, SandboxState.FuelOffset, count, true);
        Label stub = _emit.NewLabel();
        _emit.JumpIf(X64Condition.Sign, stub);
        _stubs.Add(() =>
        {
            _emit.Bind(stub);
            _emit.MoveImmediate(Scratch1, (uint)start);
            _emit.Jump(_outOfFuelRoutine);
        });
    }

    private void TranslateSandboxed(int slot)
    {
        EbpfInstruction instruction = _shape.Instructions[slot];
        OpcodeRow row = _shape.Rows[slot];
        switch (row.Effect)
        {
            case Effect.Load:
                EmitCheck(slot, instruction.Src, row, row.Operation == Operation.LoadAcquire, isWrite: false);
                TranslateLoad(instruction, row);
                break;
            case Effect.Store:
                EmitCheck(slot, instruction.Dst, row, row.Operation == Operation.StoreRelease, isWrite: true);
                TranslateStore(instruction, row);
                break;
            case Effect.Atomic:
                EmitCheck(slot, instruction.Dst, row, isAtomic: true, isWrite: true);
                TranslateAtomic(instruction, row);
                break;
            case Effect.LoadImmediate:
                ulong value = _calls.ConstantAt(slot);
                _emit.MoveImmediate(Machine(instruction.Dst), value);
                SetZeroUpper(instruction.Dst, value <= uint.MaxValue);
                break;
            case Effect.Branch when row.Operation == Operation.MayGoto:
                _emit.AluMemoryImmediate(X64Alu.Sub, X64Register.R12, SandboxState.MayGotoOffset, 1, true);
                _emit.JumpIf(X64Condition.Sign, _slotLabels[ProgramShape.JumpTarget(slot, instruction, row)]);
                break;
            case Effect.Call when row.Opcode == EbpfOpcode.CallLocal:
                EmitLocalCall(slot, slot + 1 + instruction.Immediate);
                _zeroUpper = 0;
                break;
            case Effect.Call:
            case Effect.PacketLoad:
                // The operand: the number that callx calls, or the index of an indirect packet load.
                if (row.Opcode == EbpfOpcode.CallReg)
                    _emit.Move(Scratch2, Machine(instruction.Dst), true);
                else if (row.Effect == Effect.PacketLoad && row.IsRegisterForm)
                    _emit.Move(Scratch2, Machine(instruction.Src), true);
                _emit.MoveImmediate(Scratch1, (uint)slot);
                _emit.Call(_gateRoutine);
                _zeroUpper &= ~1;
                break;
            case Effect.Exit:
                _emit.Return();
                break;
            case Effect.Alu or Effect.Branch or Effect.Jump:
                Translate(slot);
                break;
            default:
                throw new InternalCompilerException("x86-64 sandbox compiler", null, $"slot {slot}: no translation of {row.Opcode}");
        }
    }

    /// <summary>
    ///   lea r11, [base + offset] ; [test r11b, n - 1 ; jnz misaligned]
    ///   sub r11, [r12 + Start] ; cmp r11, [r12 + Limit n] ; ja slow
    ///   back: the access
    /// Constant places in the own frame need no check: R10 cannot be written and lies at least one frame above the stack's end.
    /// </summary>
    private void EmitCheck(int slot, int @base, OpcodeRow row, bool isAtomic, bool isWrite)
    {
        int bytes = row.Width / 8, offset = _shape.Instructions[slot].Offset;
        if (@base == EbpfRegisters.R10 && !isAtomic && offset >= -EbpfRegisters.StackSize && offset <= -bytes)
            return;
        int kind = bytes | (isWrite ? AccessKinds.Write : 0);
        int window = isWrite ? SandboxState.WritableOffset : SandboxState.ReadableOffset;
        int limit = window + 8 * (1 + System.Numerics.BitOperations.Log2((uint)bytes));
        Label slow = _emit.NewLabel(), back = _emit.NewLabel();
        _emit.LoadEffectiveAddress(Scratch2, Machine(@base), offset);
        if (isAtomic && bytes > 1)
        {
            Label misaligned = _emit.NewLabel();
            _emit.Test(Scratch2, bytes - 1, true);
            _emit.JumpIf(X64Condition.NotEqual, misaligned);
            _stubs.Add(() =>
            {
                _emit.Bind(misaligned);
                _emit.MoveImmediate(Scratch1, (uint)slot);
                _emit.MoveImmediate(Scratch0, (uint)(kind | AccessKinds.Misaligned));
                _emit.Call(_checkRoutine); // does not come back
                _emit.Trap();
            });
        }
        _emit.AluMemory(X64Alu.Sub, Scratch2, X64Register.R12, window, true);
        _emit.AluMemory(X64Alu.Cmp, Scratch2, X64Register.R12, limit, true);
        _emit.JumpIf(X64Condition.Above, slow);
        _emit.Bind(back);
        if (!_checkRoutines.TryGetValue(kind, out Label routine))
            _checkRoutines[kind] = routine = _emit.NewLabel();
        _stubs.Add(() =>
        {
            _emit.Bind(slow);
            _emit.LoadEffectiveAddress(Scratch2, Machine(@base), offset);
            _emit.MoveImmediate(Scratch1, (uint)slot);
            _emit.Call(routine);
            _emit.Jump(back);
        });
    }

    private void EmitLocalCall(int slot, int target)
    {
        Label tooDeep = _emit.NewLabel();
        _emit.AluMemory(X64Alu.Cmp, X64Register.Rbp, X64Register.R12, SandboxState.DeepestCallerOffset, true);
        _emit.JumpIf(X64Condition.Below, tooDeep);
        _stubs.Add(() =>
        {
            _emit.Bind(tooDeep);
            EmitFault(MachineFault.CallDepth, slot);
        });
        for (int register = EbpfRegisters.R6; register <= EbpfRegisters.R9; register++)
            _emit.Push(Machine(register));
        if (_usesMayGoto)
        {
            _emit.Load(64, Scratch2, X64Register.R12, SandboxState.MayGotoOffset);
            _emit.Push(Scratch2);
            _emit.StoreImmediate(64, X64Register.R12, SandboxState.MayGotoOffset, (int)MachineState.MayGotoLimit);
        }
        else
        {
            _emit.Push(Scratch2); // alignment
        }
        _emit.Alu(X64Alu.Sub, X64Register.Rbp, EbpfRegisters.StackSize, true);
        _emit.Call(_slotLabels[target]);
        _emit.Alu(X64Alu.Add, X64Register.Rbp, EbpfRegisters.StackSize, true);
        _emit.Pop(Scratch2);
        if (_usesMayGoto)
            _emit.Store(64, X64Register.R12, SandboxState.MayGotoOffset, Scratch2);
        for (int register = EbpfRegisters.R9; register >= EbpfRegisters.R6; register--)
            _emit.Pop(Machine(register));
    }

    private void EmitFault(MachineFault fault, int slot)
    {
        _emit.StoreImmediate(64, X64Register.R12, SandboxState.FaultOffset, (int)fault);
        _emit.StoreImmediate(64, X64Register.R12, SandboxState.FaultSlotOffset, slot);
        _emit.Jump(_leaveRoutine);
    }

    // ---- common routines -----------------------------------------------------------------------------------------------

    private void EmitRoutines()
    {
        _emit.Bind(_outOfFuelRoutine);
        _emit.StoreImmediate(64, X64Register.R12, SandboxState.FaultOffset, (int)MachineFault.OutOfFuel);
        _emit.Store(64, X64Register.R12, SandboxState.FaultSlotOffset, Scratch1);
        _emit.Jump(_leaveRoutine);

        // Accesses outside the cached window, r11 = address, r10 = slot: the stack is the usual case and needs no call.
        foreach ((int kind, Label routine) in _checkRoutines)
        {
            Label elsewhere = _emit.NewLabel();
            _emit.Bind(routine);
            _emit.Move(Scratch0, Scratch2, true);
            _emit.AluMemory(X64Alu.Sub, Scratch0, X64Register.R12, SandboxState.StackOffset, true);
            _emit.Alu(X64Alu.Cmp, Scratch0, SandboxState.StackBytes - (kind & 0xff), true);
            _emit.JumpIf(X64Condition.Above, elsewhere);
            _emit.Return();
            _emit.Bind(elsewhere);
            _emit.MoveImmediate(Scratch0, (uint)kind);
            _emit.Jump(_checkRoutine);
        }

        _emit.Bind(_checkRoutine);
        EmitCallOut(_calls.CheckAccess, [X64Register.R12, Scratch2, Scratch0, Scratch1], lastSaved: EbpfRegisters.R5);
        _emit.Test(X64Register.Rax, X64Register.Rax, false);
        _emit.JumpIf(X64Condition.NotEqual, _leaveRoutine);
        EmitReload();
        _emit.Return();

        _emit.Bind(_gateRoutine);
        EmitCallOut(_calls.Gate, [X64Register.R12, Scratch1, Scratch2], lastSaved: EbpfRegisters.R10);
        Label leaveFunction = _emit.NewLabel();
        _emit.Alu(X64Alu.Cmp, X64Register.Rax, (int)GateResult.LeaveProgram, false);
        _emit.JumpIf(X64Condition.Equal, _leaveRoutine);
        _emit.JumpIf(X64Condition.Above, leaveFunction);
        EmitReload();
        _emit.Return();
        // As an exit: the return address into the body is dropped, the function's own is next.
        _emit.Bind(leaveFunction);
        EmitReload();
        _emit.Alu(X64Alu.Add, X64Register.Rsp, 8, true);
        _emit.Return();
    }

    /// <summary>Calls a native function with the state's copy of the registers brought up to date; rsp is a multiple of 16 here.</summary>
    private void EmitCallOut(nint function, ReadOnlySpan<X64Register> arguments, int lastSaved)
    {
        X64CallingConvention convention = _options.Convention;
        for (int register = EbpfRegisters.R0; register <= lastSaved; register++)
            _emit.Store(64, X64Register.R12, RegisterOffset(register), Machine(register));
        // Sources are scratch registers; of these Windows passes arguments in r9, the last one to be written.
        for (int i = 0; i < arguments.Length; i++)
            _emit.Move(convention.Arguments[i], arguments[i], true);
        if (convention.ShadowSpace > 0)
            _emit.Alu(X64Alu.Sub, X64Register.Rsp, convention.ShadowSpace, true);
        _emit.CallAbsolute(function);
        if (convention.ShadowSpace > 0)
            _emit.Alu(X64Alu.Add, X64Register.Rsp, convention.ShadowSpace, true);
    }

    private void EmitReload()
    {
        for (int register = EbpfRegisters.R0; register <= EbpfRegisters.R5; register++)
            _emit.Load(64, Machine(register), X64Register.R12, RegisterOffset(register));
    }
}
