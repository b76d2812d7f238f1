// Translation of programs that nobody verified. The code is the ordinary one except that
//   - every block pays its instructions from the fuel before it runs,
//   - every access is compared with the window found last; a stub behind the code does the rest,
//   - whatever leaves the code (helpers, packet loads, calls by number) goes through one gate that checks it,
//   - eBPF's stack is separate memory: the native one only holds return addresses and saved registers.
//
// r11 is the state (SandboxState), whose copy of the registers holds the halves that have no home in r4 to r10. A local call
// saves R6 to R9 at the caller, so functions have no prologue and jumps between functions need no care. Native stack, in the
// body of any function, sp a multiple of 8:
//
//        r4-r11 ip lr                           pushed at entry; SavedStackPointer points here
//        0, return address into the entry
//        [R9 R8 R7 R6, may_goto's count, return address]    for each local call
//
// A return is  pop {ip, pc}.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Sandboxing;
using Ebpfcc.Runtime.Execution.Interpretation;

namespace Ebpfcc.Jit.Arm32;

/// <summary>What sandboxed code calls; addresses of C functions of AAPCS.</summary>
/// <param name="CheckAccess">(state, address of 64 bits, kind of access, slot) to 0 when allowed.</param>
/// <param name="Gate">(state, slot, operand of 64 bits) to what happens next; see <see cref="GateResult"/>.</param>
/// <param name="ConstantAt">The value that the wide immediate at a slot loads.</param>
internal sealed record Arm32SandboxCalls(uint CheckAccess, uint Gate, Func<int, ulong> ConstantAt);

public sealed partial class Arm32Compiler
{
    private const Arm32Register StateRegister = Arm32Register.R11;
    private const int EntrySaved = 0x1ff0 | 1 << (int)Arm32Register.Lr, ReturnFrame = 1 << (int)Arm32Register.R12 | 1 << (int)Arm32Register.Pc;

    private Arm32SandboxCalls? _calls;
    private readonly List<Action> _stubs = [];
    private ArmLabel _checkRoutine, _gateRoutine, _leaveRoutine, _outOfFuelRoutine;
    private bool _usesMayGoto;

    /// <summary>The register that holds the address which the access at hand was checked for.</summary>
    private Arm32Register? _checkedAddress;

    private bool IsSandboxed => _calls is not null;

    /// <summary>
    /// Compiles a structurally sound program (<see cref="StructuralCheck"/>) with all checks. The entry is
    /// <c>u64 entry(SandboxState *, void *function)</c>; the slots' offsets are the functions to enter.
    /// </summary>
    internal static Arm32Code CompileSandboxed(ProgramShape shape, Arm32Features features, Arm32SandboxCalls calls)
    {
        var options = new Arm32CompilerOptions
        {
            Features = features,
            ResolveHelper = _ => throw new InvalidOperationException("sandboxed code calls helpers through its gate"),
            ResolveImmediate = (_, _) => throw new InvalidOperationException("constants of sandboxed code are resolved by slot"),
        };
        return new Arm32Compiler(shape, options, UpperHalves.AnalyzeSandboxed(shape, calls.ConstantAt)) { _calls = calls }.RunSandboxed();
    }

    private Arm32Code RunSandboxed()
    {
        _function = _shape.Functions[0];
        _allocation = HalfAllocation.ForSandboxed(_shape, _function, _halves);
        _slotBase = StateRegister;
        _usesMayGoto = Array.Exists(_shape.Rows, row => row.Operation == Operation.MayGoto);
        _checkRoutine = _emit.NewLabel();
        _gateRoutine = _emit.NewLabel();
        _leaveRoutine = _emit.NewLabel();
        _outOfFuelRoutine = _emit.NewLabel();
        _bodyLabel = _slotLabels[0];
        ArmLabel entry = _emit.NewLabel();
        _emit.Bind(entry);
        EmitSandboxEntry();
        bool startsBlock = true;
        for (int slot = 0; slot < _function.End;)
        {
            _slot = slot;
            _emit.Bind(_slotLabels[slot]);
            if (startsBlock || _shape.Leaders[slot])
                EmitFuel(slot);
            startsBlock = EndsBlock(_shape.Rows[slot]);
            int next = TryMoveAndOperate(slot);
            if (next == slot)
            {
                TranslateSandboxed(slot);
                next = slot + _shape.Rows[slot].Slots;
            }
            slot = next;
        }
        // Structure forbids falling off the end; should it happen, it is a fault like any other.
        EmitFault(MachineFault.FellOff, _function.End);
        foreach (Action stub in _stubs)
            stub();
        EmitSandboxRoutines();
        return Finish(entry);
    }

    private static int RegisterOffset(int register, int half) => SandboxState.RegistersOffset + 8 * register + 4 * half;

    private void EmitSandboxEntry()
    {
        _emit.Push(EntrySaved);
        _emit.Move(StateRegister, T0);
        _emit.Move(Ip, T1);
        _emit.Store(32, Sp, StateRegister, SandboxState.SavedStackPointerOffset);
        ForEachHome((home, offset) => _emit.Load(32, false, home, StateRegister, offset));
        EmitCallFrame(() => _emit.BranchExchange(Ip));
        // Results, faults and jumps out of the program meet here with R0 in r0:r1.
        Copy(T0, ReadHalf(EbpfRegisters.R0, 0, T0));
        Copy(T1, ReadHalf(EbpfRegisters.R0, 1, T1));
        ArmLabel finish = _emit.NewLabel();
        _emit.Branch(finish);
        _emit.Bind(_leaveRoutine);
        _emit.Load(32, false, Sp, StateRegister, SandboxState.SavedStackPointerOffset);
        _emit.Load(32, false, T0, StateRegister, RegisterOffset(EbpfRegisters.R0, 0));
        _emit.Load(32, false, T1, StateRegister, RegisterOffset(EbpfRegisters.R0, 1));
        _emit.Bind(finish);
        _emit.Pop(EntrySaved & ~(1 << (int)Lr) | 1 << (int)Arm32Register.Pc);
    }

    /// <summary>add lr, pc, #4 ; push {r0, lr} ; the jump, one instruction ; the return comes here.</summary>
    private void EmitCallFrame(Action jump)
    {
        _emit.TryAluImmediate(Arm32Operation.Add, Lr, Arm32Register.Pc, 4);
        _emit.Push(1 << (int)T0 | 1 << (int)Lr);
        jump();
    }

    private void ForEachHome(Action<Arm32Register, int> apply)
    {
        for (int register = EbpfRegisters.R0; register <= EbpfRegisters.R10; register++)
        {
            for (int half = 0; half < 2; half++)
            {
                if (_allocation[register, half].Register is { } home)
                    apply(home, RegisterOffset(register, half));
            }
        }
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
        _emit.LoadPair(T0, StateRegister, SandboxState.FuelOffset);
        AluConstant(Arm32Operation.Sub, T0, T0, (uint)count, setFlags: true);
        _emit.TryAluImmediate(Arm32Operation.Sbc, T1, T1, 0, setFlags: true);
        _emit.StorePair(T0, StateRegister, SandboxState.FuelOffset);
        ArmLabel stub = _emit.NewLabel();
        _emit.Branch(stub, Arm32Condition.Minus);
        _stubs.Add(() =>
        {
            _emit.Bind(stub);
            _emit.MoveImmediate(T1, (uint)start);
            _emit.Branch(_outOfFuelRoutine);
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
                ulong value = _calls!.ConstantAt(slot);
                StoreLow(instruction.Dst, Constant((uint)value, Target(instruction.Dst, 0, T0)));
                SetHigh(instruction.Dst, (uint)(value >> 32));
                break;
            case Effect.Branch when row.Operation == Operation.MayGoto:
                _emit.Load(32, false, Ip, StateRegister, SandboxState.MayGotoOffset);
                _emit.TryAluImmediate(Arm32Operation.Sub, Ip, Ip, 1, setFlags: true);
                _emit.Store(32, Ip, StateRegister, SandboxState.MayGotoOffset, Arm32Condition.Plus);
                _emit.Branch(_slotLabels[ProgramShape.JumpTarget(slot, instruction, row)], Arm32Condition.Minus);
                break;
            case Effect.Call when row.Opcode == EbpfOpcode.CallLocal:
                EmitLocalCall(slot, slot + 1 + instruction.Immediate);
                break;
            case Effect.Call:
            case Effect.PacketLoad:
                EmitGateCall(slot, instruction, row);
                break;
            case Effect.Exit:
                _emit.Pop(ReturnFrame);
                break;
            case Effect.Alu or Effect.Branch or Effect.Jump:
                Translate(slot);
                break;
            default:
                throw new InternalCompilerException("ARM32 sandbox compiler", null, $"slot {slot}: no translation of {row.Opcode}");
        }
        _checkedAddress = null;
    }

    /// <summary>
    ///   adds r2, base, offset ; bcs slow                    (no carry where the base has an upper half: then that must come to 0)
    ///   [tst r2, n - 1 ; bne misaligned]
    ///   ldr r0, [r11, Start] ; ldr r1, [r11, Limit n] ; sub r0, r2, r0 ; cmp r0, r1 ; bhi slow
    ///   back: the access at [r2]
    /// Windows lie below 4 GiB. Constant places in the own frame need no check: R10 cannot be written and lies at least one frame
    /// above the stack's end.
    /// </summary>
    private void EmitCheck(int slot, int @base, OpcodeRow row, bool isAtomic, bool isWrite)
    {
        int bytes = row.Width / 8, offset = _shape.Instructions[slot].Offset;
        if (@base == EbpfRegisters.R10 && !isAtomic && offset >= -EbpfRegisters.StackSize && offset <= -bytes)
            return;
        int kind = bytes | (isWrite ? AccessKinds.Write : 0);
        int window = isWrite ? SandboxState.WritableOffset : SandboxState.ReadableOffset;
        int limit = window + 8 * (1 + System.Numerics.BitOperations.Log2((uint)bytes));
        ArmLabel slow = _emit.NewLabel(), back = _emit.NewLabel();
        Arm32Register address = ReadLow(@base, T2);
        bool isShort = IsHighZero(@base);
        if (offset != 0)
        {
            AluConstant(offset > 0 ? Arm32Operation.Add : Arm32Operation.Sub, T2, address, (uint)Math.Abs(offset), setFlags: true);
            address = T2;
            if (isShort)
            {
                _emit.Branch(slow, offset > 0 ? Arm32Condition.CarrySet : Arm32Condition.CarryClear);
            }
            else
            {
                _emit.TryAluImmediate(offset > 0 ? Arm32Operation.Adc : Arm32Operation.Sbc, T3, ReadHigh(@base, T3), 0, setFlags: true);
                _emit.Branch(slow, Arm32Condition.NotEqual);
            }
        }
        else if (!isShort)
        {
            _emit.TryAluImmediate(Arm32Operation.Cmp, 0, ReadHigh(@base, T3), 0, setFlags: true);
            _emit.Branch(slow, Arm32Condition.NotEqual);
        }
        if (isAtomic && bytes > 1)
        {
            ArmLabel misaligned = _emit.NewLabel();
            _emit.TryAluImmediate(Arm32Operation.Tst, 0, address, (uint)bytes - 1, setFlags: true);
            _emit.Branch(misaligned, Arm32Condition.NotEqual);
            AddCheckStub(misaligned, slot, @base, kind | AccessKinds.Misaligned, _emit.Undefined); // does not come back
        }
        _emit.Load(32, false, T0, StateRegister, window);
        _emit.Load(32, false, T1, StateRegister, limit);
        _emit.Alu(Arm32Operation.Sub, T0, address, T0);
        _emit.Alu(Arm32Operation.Cmp, 0, T0, T1, setFlags: true);
        _emit.Branch(slow, Arm32Condition.Higher);
        _emit.Bind(back);
        AddCheckStub(slow, slot, @base, kind, () => _emit.Branch(back));
        _checkedAddress = address;
    }

    /// <summary>r0 = kind, r1 = slot, r2:r3 = address; the routine keeps r2.</summary>
    private void AddCheckStub(ArmLabel label, int slot, int @base, int kind, Action then) => _stubs.Add(() =>
    {
        _slot = slot;
        int offset = _shape.Instructions[slot].Offset;
        _emit.Bind(label);
        AluConstant(offset >= 0 ? Arm32Operation.Add : Arm32Operation.Sub, T2, ReadLow(@base, T2), (uint)Math.Abs(offset), setFlags: true);
        _emit.TryAluImmediate(offset >= 0 ? Arm32Operation.Adc : Arm32Operation.Sbc, T3, ReadHigh(@base, T3), 0);
        _emit.MoveImmediate(T0, (uint)kind);
        _emit.MoveImmediate(T1, (uint)slot);
        _emit.BranchAndLink(_checkRoutine);
        then();
    });

    private void EmitLocalCall(int slot, int target)
    {
        ArmLabel tooDeep = _emit.NewLabel();
        _emit.Load(32, false, T1, StateRegister, SandboxState.DeepestCallerOffset);
        _emit.Alu(Arm32Operation.Cmp, 0, ReadLow(EbpfRegisters.R10, T0), T1, setFlags: true);
        _emit.Branch(tooDeep, Arm32Condition.CarryClear);
        _stubs.Add(() =>
        {
            _emit.Bind(tooDeep);
            EmitFault(MachineFault.CallDepth, slot);
        });
        const int scratch = 0b1111;
        for (int register = EbpfRegisters.R6; register < EbpfRegisters.R10; register += 2)
        {
            for (int half = 0; half < 4; half++)
                Copy((Arm32Register)half, ReadHalf(register + half / 2, half % 2, (Arm32Register)half));
            _emit.Push(scratch);
        }
        if (_usesMayGoto)
        {
            _emit.Load(32, false, T0, StateRegister, SandboxState.MayGotoOffset);
            _emit.MoveImmediate(T1, (uint)MachineState.MayGotoLimit);
            _emit.Store(32, T1, StateRegister, SandboxState.MayGotoOffset);
        }
        MoveFrame(Arm32Operation.Sub);
        EmitCallFrame(() => _emit.Branch(_slotLabels[target]));
        // The return has put the count into ip.
        if (_usesMayGoto)
            _emit.Store(32, Ip, StateRegister, SandboxState.MayGotoOffset);
        MoveFrame(Arm32Operation.Add);
        for (int register = EbpfRegisters.R8; register >= EbpfRegisters.R6; register -= 2)
        {
            _emit.Pop(scratch);
            for (int half = 0; half < 4; half++)
                StoreHalf(register + half / 2, half % 2, (Arm32Register)half);
        }
    }

    private void MoveFrame(Arm32Operation operation)
    {
        Arm32Register framePointer = Target(EbpfRegisters.R10, 0, T1);
        _emit.TryAluImmediate(operation, framePointer, ReadLow(EbpfRegisters.R10, T1), EbpfRegisters.StackSize);
        StoreHalf(EbpfRegisters.R10, 0, framePointer);
    }

    /// <summary>r2:r3 = operand: the number that callx calls, or the index of an indirect packet load.</summary>
    private void EmitGateCall(int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        int operand = row.Opcode == EbpfOpcode.CallReg ? instruction.Dst : row.Effect == Effect.PacketLoad && row.IsRegisterForm ? instruction.Src : -1;
        if (operand >= 0)
        {
            Copy(T2, ReadLow(operand, T2));
            Copy(T3, row.Opcode == EbpfOpcode.CallReg ? ReadHigh(operand, T3) : T3);
        }
        _emit.MoveImmediate(T1, (uint)slot);
        _emit.BranchAndLink(_gateRoutine);
    }

    private void EmitFault(MachineFault fault, int slot)
    {
        _emit.MoveImmediate(T1, (uint)slot);
        EmitFault(fault);
    }

    /// <summary>Leaves with a fault at the slot in r1.</summary>
    private void EmitFault(MachineFault fault)
    {
        _emit.MoveImmediate(T0, (uint)fault);
        _emit.Store(32, T0, StateRegister, SandboxState.FaultOffset);
        _emit.Store(32, T1, StateRegister, SandboxState.FaultSlotOffset);
        _emit.Branch(_leaveRoutine);
    }

    // ---- common routines -----------------------------------------------------------------------------------------------

    private void EmitSandboxRoutines()
    {
        _emit.Bind(_outOfFuelRoutine);
        EmitFault(MachineFault.OutOfFuel);

        // Accesses outside the cached window: the stack is the usual case and needs no call.
        //   address - Stack <= StackBytes - size
        ArmLabel elsewhere = _emit.NewLabel();
        _emit.Bind(_checkRoutine);
        _emit.TryAluImmediate(Arm32Operation.Tst, 0, T0, AccessKinds.Misaligned, setFlags: true);
        _emit.TryAluImmediate(Arm32Operation.Cmp, 0, T3, 0, setFlags: true, Arm32Condition.Equal);
        _emit.Branch(elsewhere, Arm32Condition.NotEqual);
        _emit.Load(32, false, T3, StateRegister, SandboxState.StackOffset);
        _emit.Alu(Arm32Operation.Sub, T3, T2, T3);
        _emit.TryAluImmediate(Arm32Operation.And, Ip, T0, 0xff);
        _emit.TryAluImmediate(Arm32Operation.Rsb, Ip, Ip, SandboxState.StackBytes);
        _emit.Alu(Arm32Operation.Cmp, 0, T3, Ip, setFlags: true);
        _emit.BranchExchange(Lr, Arm32Condition.LowerOrSame);
        _emit.MoveImmediate(T3, 0);
        _emit.Bind(elsewhere);
        _emit.Push(1 << (int)T2 | 1 << (int)Lr);
        _emit.Push(1 << (int)T0 | 1 << (int)T1); // kind and slot are the arguments on the stack
        _emit.Move(T0, StateRegister);
        _emit.MoveImmediate(Ip, _calls!.CheckAccess);
        _emit.BranchLinkExchange(Ip);
        AddToSp(8);
        _emit.Pop(1 << (int)T2 | 1 << (int)Lr);
        _emit.TryAluImmediate(Arm32Operation.Cmp, 0, T0, 0, setFlags: true);
        _emit.Branch(_leaveRoutine, Arm32Condition.NotEqual);
        _emit.BranchExchange(Lr);

        _emit.Bind(_gateRoutine);
        _emit.Push(1 << (int)Ip | 1 << (int)Lr);
        ForEachHome((home, offset) => _emit.Store(32, home, StateRegister, offset));
        _emit.Move(T0, StateRegister);
        _emit.MoveImmediate(Ip, _calls.Gate);
        _emit.BranchLinkExchange(Ip);
        _emit.TryAluImmediate(Arm32Operation.Cmp, 0, T0, (uint)GateResult.LeaveProgram, setFlags: true);
        _emit.Branch(_leaveRoutine, Arm32Condition.Equal);
        for (int half = 0; half < 2; half++)
        {
            if (_allocation[EbpfRegisters.R0, half].Register is { } home)
                _emit.Load(32, false, home, StateRegister, RegisterOffset(EbpfRegisters.R0, half));
        }
        // To leave the function is to exit it: the return into the body is dropped, the function's own is next.
        ArmLabel back = _emit.NewLabel();
        _emit.Branch(back, Arm32Condition.LowerOrSame);
        AddToSp(8);
        _emit.Bind(back);
        _emit.Pop(ReturnFrame);
    }
}
