// Translates verified eBPF to A32 code. Values are 64 bits in two 32-bit halves; halves that are known to be zero or that
// nobody reads cost nothing (UpperHalves.cs), and each half has a home of its own (HalfAllocation.cs).
//
// Every function, the program included, has the C type  u64 f(u64, u64, u64, u64, u64)  of AAPCS: R1 in r0:r1, R2 in r2:r3,
// R3 to R5 on the caller's stack, the result in r0:r1; so helpers, subprograms and callbacks are all called alike;
// helpers of words only have a shorter form (Arm32ShortCalls.cs).
//
//   frame:   sp → outgoing R3 R4 R5 (24 bytes, if anything is called)
//                 slots of halves without a register
//                 eBPF stack; R10 points at its end
//                 saved r4-r11 and lr
//                 incoming R3 R4 R5
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution.Interpretation;

namespace Ebpfcc.Jit.Arm32;

/// <summary>What the compiler needs from its surroundings. All addresses are 32 bits wide.</summary>
public sealed record Arm32CompilerOptions
{
    public Arm32Features Features { get; init; } = Arm32Features.V7;

    /// <summary>Address of a helper, of type <c>u64 f(u64, u64, u64, u64, u64)</c>, or with words for arguments (<see cref="Arm32ShortCalls"/>).</summary>
    public required Func<int, uint> ResolveHelper { get; init; }

    /// <summary>The helper is the one that the table describes: an embedder's may have a number of the table's.</summary>
    public Func<int, bool> IsTableHelper { get; init; } = _ => true;

    /// <summary>The helper takes words for arguments (<see cref="Arm32ShortCalls"/>).</summary>
    public bool IsShortCall(int id) => Arm32ShortCalls.Apply(id) && IsTableHelper(id);

    /// <summary>How many of R1 to R5 the helper can look at; all where no row tells.</summary>
    public int HelperArguments(int id) => IsTableHelper(id) ? UpperHalves.HelperArguments(id) : EbpfRegisters.MaxArguments;

    /// <summary>Value that a wide immediate of a map or BTF kind loads.</summary>
    public required Func<EbpfInstruction, EbpfInstruction, ulong> ResolveImmediate { get; init; }

    /// <summary>
    /// Operands of the instruction at a slot that are pointers into memory 1 GiB or more away from the ends of the address space; null
    /// when nothing is known.
    /// </summary>
    public Func<int, ushort>? PointersAt { get; init; }

    /// <summary>The load at a slot goes through a pointer that may lead anywhere.</summary>
    public Func<int, bool> ProbesAt { get; init; } = _ => false;

    /// <summary>Address of the function that such loads call: (address, bytes) to value; see <see cref="ProbingLoads"/>.</summary>
    public uint ResolveProbe { get; init; }

    /// <summary>Address of the function that resolves a tail call: (context, map, index) to an entry or 0.</summary>
    public uint ResolveTailCall { get; init; }

    /// <summary>Address of the packet load of a width: (context, offset) to value or a negative number.</summary>
    public Func<int, uint> ResolvePacketLoad { get; init; } = _ => 0;

    /// <summary>The verifier has proved that R6 is the native context at packet loads, so that they can go through it.</summary>
    public bool HasContextInR6 { get; init; }
}

/// <summary>Translated code: position-independent bytes and where things are in them.</summary>
public sealed record Arm32Code(byte[] Bytes, int EntryOffset, int[] SlotOffsets);

/// <summary>Compiles one program. Use once.</summary>
public sealed partial class Arm32Compiler
{
    private const Arm32Register Ip = Arm32Register.R12, Lr = Arm32Register.Lr, Sp = Arm32Register.Sp;
    private const Arm32Register T0 = Arm32Register.R0, T1 = Arm32Register.R1, T2 = Arm32Register.R2, T3 = Arm32Register.R3;
    private const int OutgoingBytes = 24;

    private readonly ProgramShape _shape;
    private readonly Arm32CompilerOptions _options;
    private readonly UpperHalves _halves;
    private readonly Arm32Emitter _emit;
    private readonly ArmLabel[] _slotLabels;

    private FunctionShape _function = null!;
    private HalfAllocation _allocation = null!;
    private int _savedMask;
    private int _frameBytes;
    private ArmLabel _bodyLabel;
    private int _slot;

    /// <summary>What the slots of halves are addressed from: sp, or in sandboxed code the state.</summary>
    private Arm32Register _slotBase = Sp;

    private Arm32Compiler(ProgramShape shape, Arm32CompilerOptions options, UpperHalves halves)
    {
        _shape = shape;
        _options = options;
        _halves = halves;
        _emit = new Arm32Emitter(options.Features);
        _slotLabels = new ArmLabel[shape.Instructions.Length];
        for (int i = 0; i < _slotLabels.Length; i++)
            _slotLabels[i] = _emit.NewLabel();
        _divide32 = _emit.NewLabel();
        _divide64 = _emit.NewLabel();
    }

    public static Arm32Code Compile(ProgramShape shape, Arm32CompilerOptions options) 
        => new Arm32Compiler(shape, options, UpperHalves.Analyze(shape, options)).Run();

    private Arm32Code Run()
    {
        foreach (FunctionShape function in _shape.Functions)
            EmitFunction(function);
        return Finish(_slotLabels[0]);
    }

    private Arm32Code Finish(ArmLabel entry)
    {
        EmitDivisionRoutines();
        byte[] code = _emit.Finish();
        var offsets = new int[_slotLabels.Length];
        for (int i = 0; i < offsets.Length; i++)
            offsets[i] = _emit.IsBound(_slotLabels[i]) ? _emit.OffsetOf(_slotLabels[i]) : -1;
        return new Arm32Code(code, _emit.OffsetOf(entry), offsets);
    }

    private void EmitFunction(FunctionShape function)
    {
        _function = function;
        int slotBase = function.MakesCalls ? OutgoingBytes : 0;
        _allocation = HalfAllocation.For(_shape, function, _halves, slotBase, isLinkFree: !function.MakesCalls && !UsesLink(function));
        int stack = (function.StackBytes + 7) & ~7;
        _savedMask = _allocation.UsedRegisters | 1 << (int)Lr;
        if (System.Numerics.BitOperations.PopCount((uint)_savedMask) % 2 != 0)
            _savedMask |= 1 << (int)Ip; // keeps sp a multiple of 8
        _frameBytes = slotBase + _allocation.SlotBytes + stack;

        _slot = function.Start;
        _emit.Bind(_slotLabels[function.Start]);
        _emit.Push(_savedMask);
        AddToSp(-_frameBytes);
        if (function.MayGotoOffset != 0)
        {
            _emit.MoveImmediate(Ip, (uint)MachineState.MayGotoLimit);
            _emit.Store(32, Ip, Sp, _frameBytes + function.MayGotoOffset);
        }
        ReceiveArguments();
        for (int slot = function.Start; slot < function.End;)
        {
            _slot = slot;
            if (slot == function.Start)
                _emit.Bind(_bodyLabel = _emit.NewLabel());
            else
                _emit.Bind(_slotLabels[slot]);
            int next = TryIdiom(slot);
            if (next == slot)
            {
                Translate(slot);
                next = slot + _shape.Rows[slot].Slots;
            }
            slot = next;
        }
    }

    /// <summary>Division calls a routine, probing loads a function, and atomic operations keep their address in lr.</summary>
    private bool UsesLink(FunctionShape function)
    {
        for (int slot = function.Start; slot < function.End; slot++)
        {
            OpcodeRow row = _shape.Rows[slot];
            if (row.Effect == Effect.Atomic || _options.ProbesAt(slot) || row.Operation is Operation.Div or Operation.SDiv or Operation.Mod or Operation.SMod)
                return true;
        }
        return false;
    }

    /// <summary>Where a jump leads: to a slot's code, but never through the prologue again.</summary>
    private ArmLabel JumpLabel(int slot) => slot == _function.Start ? _bodyLabel : _slotLabels[slot];

    private void AddToSp(int bytes)
    {
        if (bytes == 0)
            return;
        Arm32Operation operation = bytes > 0 ? Arm32Operation.Add : Arm32Operation.Sub;
        uint magnitude = (uint)Math.Abs(bytes);
        if (_emit.TryAluImmediate(operation, Sp, Sp, magnitude))
            return;
        _emit.MoveImmediate(Ip, magnitude);
        _emit.Alu(operation, Sp, Sp, Ip);
    }

    /// <summary>Moves incoming arguments to their homes; only those that are live.</summary>
    private void ReceiveArguments()
    {
        int live = LiveAtStart();
        int incoming = _frameBytes + 4 * System.Numerics.BitOperations.PopCount((uint)_savedMask);
        for (int argument = 0; argument < EbpfRegisters.MaxArguments; argument++)
        {
            int register = EbpfRegisters.R1 + argument;
            if ((live >> register & 1) == 0)
                continue;
            for (int half = 0; half < 2; half++)
            {
                if (argument < 2)
                {
                    StoreHalf(register, half, (Arm32Register)(2 * argument + half));
                }
                else
                {
                    _emit.Load(32, false, Ip, Sp, incoming + 8 * (argument - 2) + 4 * half);
                    StoreHalf(register, half, Ip);
                }
            }
        }
    }

    private int LiveAtStart()
    {
        int slot = _function.Start;
        (int reads, int writes) = ProgramShape.Effects(_shape.Instructions[slot], _shape.Rows[slot]);
        return reads | _shape.LiveOut[slot] & ~writes;
    }

    private void EmitTeardown(bool returns)
    {
        AddToSp(_frameBytes);
        _emit.Pop(returns ? _savedMask & ~(1 << (int)Lr) | 1 << (int)Arm32Register.Pc : _savedMask);
    }

    private void Translate(int slot)
    {
        EbpfInstruction instruction = _shape.Instructions[slot];
        OpcodeRow row = _shape.Rows[slot];
        switch (row.Effect)
        {
            case Effect.Alu:
                TranslateAlu(instruction, row);
                break;
            case Effect.LoadImmediate:
                TranslateWide(slot, instruction, row);
                break;
            case Effect.Load when _options.ProbesAt(slot):
                TranslateProbe(instruction, row);
                break;
            case Effect.Load:
                TranslateLoad(instruction, row);
                break;
            case Effect.Store:
                TranslateStore(instruction, row);
                break;
            case Effect.Atomic:
                TranslateAtomic(instruction, row);
                break;
            case Effect.Branch when row.Operation == Operation.MayGoto:
                // The jump is taken once the budget is used up: what ends loops that the verifier let pass because of it.
                _emit.Load(32, false, Ip, Sp, _frameBytes + _function.MayGotoOffset);
                _emit.TryAluImmediate(Arm32Operation.Sub, Ip, Ip, 1, setFlags: true);
                _emit.Store(32, Ip, Sp, _frameBytes + _function.MayGotoOffset, Arm32Condition.Plus);
                _emit.Branch(JumpLabel(ProgramShape.JumpTarget(slot, instruction, row)), Arm32Condition.Minus);
                break;
            case Effect.Branch:
                Arm32Condition condition = EmitCompare(instruction, row);
                _emit.Branch(JumpLabel(ProgramShape.JumpTarget(slot, instruction, row)), condition);
                break;
            case Effect.Jump:
                if (ProgramShape.JumpTarget(slot, instruction, row) is var target && target != slot + 1)
                    _emit.Branch(JumpLabel(target));
                break;
            case Effect.Call:
                TranslateCall(slot, instruction, row);
                break;
            case Effect.PacketLoad:
                TranslatePacketLoad(instruction, row);
                break;
            case Effect.Exit:
                Copy(T0, ReadLow(EbpfRegisters.R0, T0));
                Copy(T1, ReadHigh(EbpfRegisters.R0, T1));
                EmitTeardown(returns: true);
                break;
            default:
                throw new InternalCompilerException("ARM32 compiler", null, $"slot {slot}: no translation of {row.Opcode}");
        }
    }

    // ---- halves ---------------------------------------------------------------------------------------------------------

    private bool NeedsHigh(int register) => _halves.IsNeededAfter(_slot, register);

    private bool IsHighZero(int register) => _halves.IsZeroBefore(_slot, register);

    private void Copy(Arm32Register d, Arm32Register s)
    {
        if (d != s)
            _emit.Move(d, s);
    }

    /// <summary>A register that holds the low half: its home, or the scratch register it was loaded into.</summary>
    private Arm32Register ReadLow(int register, Arm32Register scratch)
    {
        if (register == EbpfRegisters.R10 && !IsSandboxed)
        {
            if (!_emit.TryAluImmediate(Arm32Operation.Add, scratch, Sp, (uint)_frameBytes))
            {
                _emit.MoveImmediate(scratch, (uint)_frameBytes);
                _emit.Alu(Arm32Operation.Add, scratch, Sp, scratch);
            }
            return scratch;
        }
        return ReadHalf(register, 0, scratch);
    }

    private Arm32Register ReadHigh(int register, Arm32Register scratch)
    {
        if (IsHighZero(register))
        {
            _emit.MoveImmediate(scratch, 0);
            return scratch;
        }
        return ReadHalf(register, 1, scratch);
    }

    private Arm32Register ReadHalf(int register, int half, Arm32Register scratch)
    {
        HalfHome home = _allocation[register, half];
        if (home.Register is { } there)
            return there;
        _emit.Load(32, false, scratch, _slotBase, home.Slot);
        return scratch;
    }

    /// <summary>Where to compute a half: its home register, or the scratch register that <see cref="StoreHalf"/> then stores.</summary>
    private Arm32Register Target(int register, int half, Arm32Register scratch) => _allocation[register, half].Register ?? scratch;

    private void StoreHalf(int register, int half, Arm32Register value)
    {
        HalfHome home = _allocation[register, half];
        if (home.Register is { } there)
            Copy(there, value);
        else
            _emit.Store(32, value, _slotBase, home.Slot);
    }

    private void StoreLow(int register, Arm32Register value) => StoreHalf(register, 0, value);

    private void StoreHigh(int register, Arm32Register value)
    {
        if (NeedsHigh(register))
            StoreHalf(register, 1, value);
    }

    /// <summary>Clears the upper half, where anybody will look at it.</summary>
    private void ClearHigh(int register) => SetHigh(register, 0);

    private void SetHigh(int register, uint value)
    {
        if (!NeedsHigh(register))
            return;
        Arm32Register target = Target(register, 1, Ip);
        _emit.MoveImmediate(target, value);
        StoreHalf(register, 1, target);
    }
}
