// Translation of programs that nobody verified. The code is the ordinary one except that
//   - executed instructions are paid for from the fuel (X64Compiler.Fuel.cs),
//   - every access is compared with the stack or with the window found last, whichever its base register looks like; a stub
//     behind the code does the rest,
//   - whatever leaves the code (helpers, packet loads, calls by number) goes through one gate that checks it,
//   - eBPF's stack is separate memory: the native one only holds return addresses and saved registers.
//
// A local call saves R6 to R9 at the caller, so functions have no prologue and jumps between functions need no care. r12 is
// the state (SandboxState), which lies where the stack ends: the frames are the 4 KiB below it. Native stack, body of any
// function, rsp = 8 modulo 16:
//
//        callee-saved registers, padding       pushed at entry; SavedStackPointer points here
//        return address into the entry
//        [R6 R7 R8 R9, may_goto's count, return address]    for each local call; only registers that the program names
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

/// <summary>Sandboxed code.</summary>
/// <param name="UnpaidAt">By slot: executed instructions before it that were not taken from the fuel yet.</param>
/// <param name="StackBytes">How much of the stack must be cleared before the code runs; more than one frame: all of it.</param>
internal sealed record X64SandboxedCode(X64Code Code, int[] UnpaidAt, int StackBytes);

public sealed partial class X64Compiler
{
    private static readonly X64Register[] s_entrySaved =
        [X64Register.Rbx, X64Register.Rbp, X64Register.R12, X64Register.R13, X64Register.R14, X64Register.R15];

    private X64SandboxCalls? _calls;
    private readonly Dictionary<int, Label> _checkRoutines = [];
    private Label _checkRoutine, _gateRoutine, _leaveRoutine;
    private bool _usesMayGoto, _clearsStack;
    private StackPointers _stackPointers = null!;
    private BlockOrder _order = null!;

    private bool IsSandboxed => _calls is not null;

    /// <summary>
    /// Compiles a structurally sound program (<see cref="StructuralCheck"/>) with all checks. The entry is
    /// <c>u64 entry(SandboxState *, void *function)</c>; the slots' offsets are the functions to enter.
    /// </summary>
    internal static X64SandboxedCode CompileSandboxed(ProgramShape shape, X64CompilerOptions options, X64SandboxCalls calls)
    {
        bool isOneFrame = !Array.Exists(shape.Rows, row => row.Opcode is EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction);
        X64RegisterMap map = X64RegisterMap.ForSandbox(shape.Functions[0].UsedRegisters, Array.Exists(shape.Rows, Divides), isOneFrame);
        return new X64Compiler(shape, options, map) { _calls = calls }.RunSandboxed(isOneFrame);
    }

    private X64SandboxedCode RunSandboxed(bool isOneFrame)
    {
        _function = _shape.Functions[0];
        _usesMayGoto = Array.Exists(_shape.Rows, row => row.Operation == Operation.MayGoto);
        _stackPointers = StackPointers.Find(_shape);
        int stackBytes = isOneFrame && !Array.Exists(_shape.Rows, row => row.Effect == Effect.Call) ? StackExtent() : SandboxState.StackBytes;
        _clearsStack = stackBytes > EbpfRegisters.StackSize;
        _checkRoutine = _emit.NewLabel();
        _gateRoutine = _emit.NewLabel();
        _leaveRoutine = _emit.NewLabel();
        _outOfFuelRoutine = _emit.NewLabel();
        Label entry = _emit.NewLabel();
        _emit.Bind(entry);
        EmitSandboxEntry(isOneFrame);
        List<int> roots = Roots();
        _order = BlockOrder.Of(_shape, _function, roots, _ => false, _ => true, threads: false);
        CodeBlock[] blocks = _order.Blocks;
        PlanFuel(roots);
        for (int i = 0; i < blocks.Length; i++)
            EmitSandboxedBlock(blocks[i], i + 1 < blocks.Length ? blocks[i + 1].Start : -1);
        for (int i = 0; i < _stubs.Count; i++)
            _stubs[i]();
        EmitRoutines();
        (byte[] code, int[] offsets) = _emit.Finish();
        var slotOffsets = new int[_slotLabels.Length];
        for (int i = 0; i < slotOffsets.Length; i++)
            slotOffsets[i] = _bound[i] ? offsets[_slotLabels[i].Index] : -1;
        return new X64SandboxedCode(new X64Code(code, offsets[entry.Index], slotOffsets), _debtAt, stackBytes);
    }

    /// <summary>Slots that calls lead to.</summary>
    private List<int> Roots()
    {
        var roots = new List<int>();
        for (int slot = 0; slot < _shape.Instructions.Length; slot++)
        {
            if (_shape.Rows[slot].Opcode is EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction)
                roots.Add(slot + 1 + _shape.Instructions[slot].Immediate);
        }
        return roots;
    }

    /// <summary>The bytes below R10 that the program touches; all of the stack when it uses R10 for anything but direct accesses to its frame.</summary>
    private int StackExtent()
    {
        int extent = 0;
        for (int slot = 0; slot < _shape.Instructions.Length; slot++)
        {
            OpcodeRow row = _shape.Rows[slot];
            EbpfInstruction instruction = _shape.Instructions[slot];
            bool readsDst = (row.Dst & RegisterUse.Read) != 0 && instruction.Dst == EbpfRegisters.R10;
            bool readsSrc = (row.Src & RegisterUse.Read) != 0 && instruction.Src == EbpfRegisters.R10;
            if (!readsDst && !readsSrc)
                continue;
            bool isDirect = row.Effect == Effect.Load || row.Effect == Effect.Store && !readsSrc;
            if (!isDirect || !IsInFrame(instruction.Offset, row.Width / 8) || row.Operation is Operation.LoadAcquire or Operation.StoreRelease)
                return SandboxState.StackBytes;
            extent = Math.Max(extent, -instruction.Offset);
        }
        return extent;
    }

    /// <summary>Constant places in the own frame: R10 cannot be written and lies at least one frame above the stack's end.</summary>
    private static bool IsInFrame(int offset, int bytes) => offset >= -EbpfRegisters.StackSize && offset <= -bytes;

    private static int RegisterOffset(int register) => SandboxState.RegistersOffset + 8 * register;

    private void EmitSandboxEntry(bool isOneFrame)
    {
        X64CallingConvention convention = _options.Convention;
        X64Register[] saved = [.. s_entrySaved, .. convention.CalleeSaved];
        foreach (X64Register register in saved)
            _emit.Push(register);
        _emit.Alu(X64Alu.Sub, X64Register.Rsp, saved.Length % 2 == 0 ? 8 : 16, true);
        _emit.Move(X64Register.R12, convention.Arguments[0], true);
        _emit.Move(Scratch2, convention.Arguments[1], true);
        _emit.Store(64, X64Register.R12, SandboxState.SavedStackPointerOffset, X64Register.Rsp);
        // A program without other entries starts with what its first instruction needs; the rest is written before it is read.
        int needed = isOneFrame ? _shape.LiveAtStart : -1;
        Reload(register => register == _map.Fuel || (needed >> _map.HolderOf(register) & 1) != 0);
        _emit.CallRegister(Scratch2);
        // Results, faults and jumps out of the program meet here with rax = R0.
        Label finish = _emit.NewLabel();
        if (_map.Fuel is { } fuel)
            _emit.Store(64, X64Register.R12, SandboxState.FuelOffset, fuel);
        if (Machine(EbpfRegisters.R0) != X64Register.Rax)
            _emit.Move(X64Register.Rax, Machine(EbpfRegisters.R0), true);
        _emit.Bind(finish);
        _emit.Alu(X64Alu.Add, X64Register.Rsp, saved.Length % 2 == 0 ? 8 : 16, true);
        for (int i = saved.Length - 1; i >= 0; i--)
            _emit.Pop(saved[i]);
        _emit.Return();
        _emit.Bind(_leaveRoutine);
        _emit.Load(64, X64Register.Rsp, X64Register.R12, SandboxState.SavedStackPointerOffset);
        _emit.Load(64, X64Register.Rax, X64Register.R12, RegisterOffset(EbpfRegisters.R0));
        _emit.Jump(finish);
    }

    private void EmitSandboxedBlock(CodeBlock block, int following)
    {
        if (block.IsLoopHead)
            _emit.AlignLoop();
        Bind(block.Start);
        _zeroUpper = _shape.Leaders[block.Start] ? 0 : _zeroUpperAt[block.Start];
        int debt = NoteDebts(block);
        for (int slot = block.Start; slot < block.End;)
        {
            OpcodeRow row = _shape.Rows[slot];
            if (slot != block.Start)
                Bind(slot);
            if (BlockOrder.Ends(row))
            {
                EmitSandboxEnd(slot, row, following);
                return;
            }
            int next = TryIdiom(slot);
            if (next == slot)
            {
                TranslateSandboxed(slot);
                next = slot + row.Slots;
            }
            slot = next;
        }
        if (block.End == _function.End)
        {
            // Structure forbids falling off the end; should it happen, it is a fault like any other.
            EmitFault(MachineFault.FellOff, _function.End);
            return;
        }
        PayEdge(block.End - 1, block.End, debt);
        if (block.End != following)
            _emit.Jump(_slotLabels[block.End]);
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
                ulong value = _calls!.ConstantAt(slot);
                _emit.MoveImmediate(Machine(instruction.Dst), value);
                SetZeroUpper(instruction.Dst, value <= uint.MaxValue);
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
            case Effect.Alu:
                Translate(slot);
                break;
            default:
                throw new InternalCompilerException("x86-64 sandbox compiler", null, $"slot {slot}: no translation of {row.Opcode}");
        }
    }

    private void EmitCheck(int slot, int @base, OpcodeRow row, bool isAtomic, bool isWrite)
    {
        int bytes = row.Width / 8, offset = _shape.Instructions[slot].Offset;
        if (@base == EbpfRegisters.R10 && !isAtomic && IsInFrame(offset, bytes))
            return;
        int kind = bytes | (isWrite ? AccessKinds.Write : 0);
        if (isAtomic && bytes > 1)
        {
            Label misaligned = _emit.NewLabel();
            _emit.LoadEffectiveAddress(Scratch2, Machine(@base), offset);
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
        Label slow = EmitFastCheck(slot, @base, offset, bytes, isWrite), back = _emit.NewLabel();
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

    /// <summary>
    /// Compares with the range that the access probably means. Jumps to the returned label when it is not that one:
    ///   stack:   lea r11, [base + offset + 4096] ; sub r11, r12                cmp r11, 4096 - n ; ja slow
    ///   window:  lea r11, [base + offset] ; sub r11, [r12 + Start]             cmp r11, [r12 + Limit n] ; ja slow
    /// </summary>
    private Label EmitFastCheck(int slot, int @base, int offset, int bytes, bool isWrite)
    {
        Label slow = _emit.NewLabel();
        if (_clearsStack && _stackPointers.IsLikely(slot, @base))
        {
            _emit.LoadEffectiveAddress(Scratch2, Machine(@base), offset + SandboxState.StackBytes);
            _emit.Alu(X64Alu.Sub, Scratch2, X64Register.R12, true);
            _emit.Alu(X64Alu.Cmp, Scratch2, SandboxState.StackBytes - bytes, true);
        }
        else
        {
            int window = isWrite ? SandboxState.WritableOffset : SandboxState.ReadableOffset;
            if (offset == 0)
                _emit.Move(Scratch2, Machine(@base), true);
            else
                _emit.LoadEffectiveAddress(Scratch2, Machine(@base), offset);
            _emit.AluMemory(X64Alu.Sub, Scratch2, X64Register.R12, window, true);
            _emit.AluMemory(X64Alu.Cmp, Scratch2, X64Register.R12, window + 8 * (1 + System.Numerics.BitOperations.Log2((uint)bytes)), true);
        }
        _emit.JumpIf(X64Condition.Above, slow);
        return slow;
    }

    private void EmitLocalCall(int slot, int target)
    {
        Pay(_debtAt[slot] + 1, isChecked: true);
        Label tooDeep = _emit.NewLabel();
        _emit.AluMemory(X64Alu.Cmp, X64Register.Rbp, X64Register.R12, SandboxState.DeepestCallerOffset, true);
        _emit.JumpIf(X64Condition.Below, tooDeep);
        _stubs.Add(() =>
        {
            _emit.Bind(tooDeep);
            EmitFault(MachineFault.CallDepth, slot);
        });
        int pushed = 0;
        for (int register = EbpfRegisters.R6; register <= EbpfRegisters.R9; register++)
        {
            if ((_map.Mapped >> register & 1) == 0)
                continue;
            _emit.Push(Machine(register));
            pushed++;
        }
        if (_usesMayGoto)
        {
            _emit.Load(64, Scratch2, X64Register.R12, SandboxState.MayGotoOffset);
            _emit.Push(Scratch2);
            _emit.StoreImmediate(64, X64Register.R12, SandboxState.MayGotoOffset, (int)MachineState.MayGotoLimit);
            pushed++;
        }
        // With the return address the stack pointer moves by a multiple of 16.
        bool isPadded = pushed % 2 == 0;
        if (isPadded)
            _emit.Push(Scratch2);
        _emit.Alu(X64Alu.Sub, X64Register.Rbp, EbpfRegisters.StackSize, true);
        _emit.Call(_slotLabels[target]);
        _emit.Alu(X64Alu.Add, X64Register.Rbp, EbpfRegisters.StackSize, true);
        if (isPadded)
            _emit.Pop(Scratch2);
        if (_usesMayGoto)
        {
            _emit.Pop(Scratch2);
            _emit.Store(64, X64Register.R12, SandboxState.MayGotoOffset, Scratch2);
        }
        for (int register = EbpfRegisters.R9; register >= EbpfRegisters.R6; register--)
        {
            if ((_map.Mapped >> register & 1) != 0)
                _emit.Pop(Machine(register));
        }
    }

    private void EmitFault(MachineFault fault, int slot)
    {
        if (_map.Fuel is { } fuel)
            _emit.Store(64, X64Register.R12, SandboxState.FuelOffset, fuel);
        _emit.StoreImmediate(64, X64Register.R12, SandboxState.FaultOffset, (int)fault);
        _emit.StoreImmediate(64, X64Register.R12, SandboxState.FaultSlotOffset, slot);
        _emit.Jump(_leaveRoutine);
    }

    // ---- common routines -----------------------------------------------------------------------------------------------

    private void EmitRoutines()
    {
        _emit.Bind(_outOfFuelRoutine);
        EmitFault(MachineFault.OutOfFuel, 0);

        // Accesses that were not where they probably are, r11 = address, r10 = slot: the window and the stack need no call.
        foreach ((int kind, Label routine) in _checkRoutines)
        {
            int bytes = kind & 0xff, window = (kind & AccessKinds.Write) != 0 ? SandboxState.WritableOffset : SandboxState.ReadableOffset;
            Label notStack = _emit.NewLabel(), elsewhere = _emit.NewLabel();
            _emit.Bind(routine);
            if (_clearsStack)
            {
                _emit.LoadEffectiveAddress(Scratch0, Scratch2, SandboxState.StackBytes);
                _emit.Alu(X64Alu.Sub, Scratch0, X64Register.R12, true);
                _emit.Alu(X64Alu.Cmp, Scratch0, SandboxState.StackBytes - bytes, true);
                _emit.JumpIf(X64Condition.Above, notStack);
                _emit.Return();
            }
            _emit.Bind(notStack);
            _emit.Move(Scratch0, Scratch2, true);
            _emit.AluMemory(X64Alu.Sub, Scratch0, X64Register.R12, window, true);
            _emit.AluMemory(X64Alu.Cmp, Scratch0, X64Register.R12, window + 8 * (1 + System.Numerics.BitOperations.Log2((uint)bytes)), true);
            _emit.JumpIf(X64Condition.Above, elsewhere);
            _emit.Return();
            _emit.Bind(elsewhere);
            _emit.MoveImmediate(Scratch0, (uint)kind);
            _emit.Jump(_checkRoutine);
        }

        _emit.Bind(_checkRoutine);
        EmitCallOut(_calls!.CheckAccess, [X64Register.R12, Scratch2, Scratch0, Scratch1], IsVolatile);
        _emit.Test(X64Register.Rax, X64Register.Rax, false);
        _emit.JumpIf(X64Condition.NotEqual, _leaveRoutine);
        Reload(IsVolatile);
        _emit.Return();

        _emit.Bind(_gateRoutine);
        EmitCallOut(_calls!.Gate, [X64Register.R12, Scratch1, Scratch2], _ => true);
        Label leaveFunction = _emit.NewLabel();
        _emit.Alu(X64Alu.Cmp, X64Register.Rax, (int)GateResult.LeaveProgram, false);
        _emit.JumpIf(X64Condition.Equal, _leaveRoutine);
        _emit.JumpIf(X64Condition.Above, leaveFunction);
        // The result, and registers that the callee need not keep; whatever else the gate changed is of no program's concern.
        Reload(register => IsVolatile(register) || register == Machine(EbpfRegisters.R0) || register == _map.Fuel);
        _emit.Return();
        // As an exit: the return address into the body is dropped, the function's own is next.
        _emit.Bind(leaveFunction);
        Reload(register => IsVolatile(register) || register == Machine(EbpfRegisters.R0) || register == _map.Fuel);
        _emit.Alu(X64Alu.Add, X64Register.Rsp, 8, true);
        _emit.Return();
    }

    /// <summary>Native functions may overwrite it.</summary>
    private bool IsVolatile(X64Register register)
        => Array.IndexOf(s_entrySaved, register) < 0 && Array.IndexOf(_options.Convention.CalleeSaved, register) < 0;

    /// <summary>Calls a native function with the state's copy of some registers brought up to date; rsp is a multiple of 16 here.</summary>
    private void EmitCallOut(nint function, ReadOnlySpan<X64Register> arguments, Func<X64Register, bool> saves)
    {
        X64CallingConvention convention = _options.Convention;
        for (int register = EbpfRegisters.R0; register <= EbpfRegisters.R10; register++)
        {
            if ((_map.Mapped >> register & 1) != 0 && saves(Machine(register)))
                _emit.Store(64, X64Register.R12, RegisterOffset(register), Machine(register));
        }
        if (_map.Fuel is { } fuel)
            _emit.Store(64, X64Register.R12, SandboxState.FuelOffset, fuel);
        // Sources are scratch registers; of these Windows passes arguments in r9, the last one to be written.
        for (int i = 0; i < arguments.Length; i++)
            _emit.Move(convention.Arguments[i], arguments[i], true);
        if (convention.ShadowSpace > 0)
            _emit.Alu(X64Alu.Sub, X64Register.Rsp, convention.ShadowSpace, true);
        _emit.CallAbsolute(function);
        if (convention.ShadowSpace > 0)
            _emit.Alu(X64Alu.Add, X64Register.Rsp, convention.ShadowSpace, true);
    }

    private void Reload(Func<X64Register, bool> which)
    {
        for (int register = EbpfRegisters.R0; register <= EbpfRegisters.R10; register++)
        {
            if ((_map.Mapped >> register & 1) != 0 && Machine(register) != X64Register.R12 && which(Machine(register)))
                _emit.Load(64, Machine(register), X64Register.R12, RegisterOffset(register));
        }
        if (_map.Fuel is { } fuel && which(fuel))
            _emit.Load(64, fuel, X64Register.R12, SandboxState.FuelOffset);
    }
}
