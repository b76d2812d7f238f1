// Translates verified eBPF to x86-64, one pass over the instructions after ProgramShape's analysis. What a translator may
// leave out is decided from facts: registers that are dead, halves that are known to be zero, saves of registers nobody uses.
//
// Frame of a translated function (addresses fall downwards); parts that a function does not need are absent:
//
//        return address
//   rbp→ caller's rbp          R10 = rbp: eBPF's frame lies just below
//        eBPF stack            as many bytes as the function can touch, at most 512
//        padding               so that calls find rsp aligned to 16
//        rbx r12 to r15        those that hold a register of the function
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution.Interpretation;

namespace Ebpfcc.Jit.X64;

/// <summary>What the compiler needs from its surroundings.</summary>
public sealed record X64CompilerOptions
{
    public X64CallingConvention Convention { get; init; } = X64CallingConvention.Current;

    public X64Features Features { get; init; } = X64Features.Detect();

    /// <summary>Native address of a helper.</summary>
    public required Func<int, nint> ResolveHelper { get; init; }

    /// <summary>Value that a wide immediate of a map or BTF kind loads: (first slot, second slot) to 64 bits.</summary>
    public required Func<EbpfInstruction, EbpfInstruction, ulong> ResolveImmediate { get; init; }

    /// <summary>What is known of a helper call at a slot: the array map whose lookup can be inlined, or null.</summary>
    public Func<int, InlineArray?> FindInlineArray { get; init; } = _ => null;

    /// <summary>The hash table that a helper call at a slot looks a key up in, or null.</summary>
    public Func<int, Runtime.Maps.HashTableLayout?> FindHashTable { get; init; } = _ => null;

    /// <summary>Address of the function that resolves a tail call; see <see cref="X64Runtime"/>.</summary>
    public nint ResolveTailCall { get; init; }

    /// <summary>Addresses of the packet load functions for 8, 16 and 32 bits.</summary>
    public Func<int, nint> ResolvePacketLoad { get; init; } = _ => 0;

    /// <summary>The verifier has proved that R6 is the native context at packet loads, so that they can go through it.</summary>
    public bool HasContextInR6 { get; init; }

    /// <summary>Loads that may lead anywhere, and the native address of what does them (<see cref="ProbingLoads"/>).</summary>
    public Func<int, bool> IsProbing { get; init; } = static _ => false;

    public nint ProbeLoad { get; init; }

    /// <summary>Slots that control may reach, as the verifier proved.</summary>
    public Func<int, bool> IsReachable { get; init; } = _ => true;
}

/// <summary>Optional parts of the instruction set.</summary>
public readonly record struct X64Features(bool Bmi2, bool Movbe)
{
    /// <summary>What this processor has (every processor with BMI2 and AVX2 has MOVBE).</summary>
    public static X64Features Detect()
        => new(System.Runtime.Intrinsics.X86.Bmi2.IsSupported, System.Runtime.Intrinsics.X86.Bmi2.IsSupported && System.Runtime.Intrinsics.X86.Avx2.IsSupported);
}

/// <summary>Translated code: position-independent bytes and where things are in them.</summary>
/// <param name="Bytes">The code with its constants behind it.</param>
/// <param name="EntryOffset">Where to call it.</param>
/// <param name="SlotOffsets">Offset of each instruction slot's code; -1 for second slots.</param>
public sealed record X64Code(byte[] Bytes, int EntryOffset, int[] SlotOffsets);

/// <summary>Compiles one program. Use once.</summary>
public sealed partial class X64Compiler
{
    private const X64Register Scratch0 = X64Register.R9, Scratch1 = X64Register.R10, Scratch2 = X64Register.R11;

    private readonly ProgramShape _shape;
    private readonly X64CompilerOptions _options;
    private readonly X64Emitter _emit = new();
    private readonly Label[] _slotLabels;
    private readonly bool[] _bound;
    private readonly Dictionary<int, Label> _callbackStubs = [];
    private readonly X64RegisterMap _map;

    /// <summary>What is rarely executed, emitted behind everything else.</summary>
    private readonly List<Action> _stubs = [];

    /// <summary>What is known of upper halves where a branch was not taken, by slot.</summary>
    private readonly short[] _zeroUpperAt;

    private FunctionShape _function = null!;
    private X64Register[] _saved = [];
    private int _frameBytes;
    private Label _bodyLabel;
    private bool _hasFramePointer;

    /// <summary>Registers whose upper halves are known to be zero, one bit each.</summary>
    private int _zeroUpper;

    private X64Compiler(ProgramShape shape, X64CompilerOptions options, X64RegisterMap map)
    {
        _shape = shape;
        _options = options;
        _map = map;
        _zeroUpperAt = new short[shape.Instructions.Length + 1];
        _slotLabels = new Label[shape.Instructions.Length];
        _bound = new bool[shape.Instructions.Length];
        for (int i = 0; i < _slotLabels.Length; i++)
            _slotLabels[i] = _emit.NewLabel();
    }

    public static X64Code Compile(ProgramShape shape, X64CompilerOptions options) => new X64Compiler(shape, options, MapFor(shape, options)).Run();

    private static X64RegisterMap MapFor(ProgramShape shape, X64CompilerOptions options)
    {
        if (shape.Functions.Length > 1 || shape.Functions[0].MakesCalls || Array.Exists(shape.Rows, row => row.Opcode == EbpfOpcode.LoadFunction))
            return X64RegisterMap.Standard;
        return X64RegisterMap.ForLeaf(shape.Functions[0].UsedRegisters, Array.Exists(shape.Rows, Divides), Array.Exists(shape.Rows, row => NeedsScratch(row, options)));
    }

    private static bool Divides(OpcodeRow row) => row.Operation is Operation.Div or Operation.Mod or Operation.SDiv or Operation.SMod;

    /// <summary>Translations that need r9 and r10 even when nothing lives in rax and rdx.</summary>
    private static bool NeedsScratch(OpcodeRow row, X64CompilerOptions options)
        => row.Operation is Operation.AtomicFetchOr or Operation.AtomicFetchAnd or Operation.AtomicFetchXor or Operation.AtomicCmpXchg
            || !options.Features.Bmi2 && row.IsRegisterForm && row.Operation is Operation.Lsh or Operation.Rsh or Operation.Arsh;

    private X64Code Run()
    {
        Label entry = EmitEntry(0);
        for (int slot = 0; slot < _slotLabels.Length; slot++)
        {
            if (_shape.Rows[slot].Opcode == EbpfOpcode.LoadFunction)
                CallbackLabel(slot + 1 + _shape.Instructions[slot].Immediate);
        }
        foreach (FunctionShape function in _shape.Functions)
            EmitFunction(function);
        for (int i = 0; i < _stubs.Count; i++)
            _stubs[i]();
        EmitHashLookups();
        (byte[] code, int[] offsets) = _emit.Finish();
        var slotOffsets = new int[_slotLabels.Length];
        for (int i = 0; i < slotOffsets.Length; i++)
            slotOffsets[i] = _bound[i] ? offsets[_slotLabels[i].Index] : -1;
        return new X64Code(code, offsets[entry.Index], slotOffsets);
    }

    /// <summary>
    /// Where native callers enter a function. Under System V that is the function itself; elsewhere a stub moves the arguments
    /// (rcx rdx r8 r9 and the fifth above the shadow space) and keeps what the convention wants kept:
    ///   push rsi ; push rdi ; sub rsp, 8
    ///   mov rdi, rcx ; mov rsi, rdx ; mov rdx, r8 ; mov rcx, r9 ; mov r8, [rsp + 64] ; call function
    ///   add rsp, 8 ; pop rdi ; pop rsi ; ret
    /// </summary>
    private Label EmitEntry(int slot)
    {
        X64CallingConvention convention = _options.Convention;
        if (convention.IsNative)
            return _slotLabels[slot];
        Label entry = _emit.NewLabel();
        _emit.Bind(entry);
        foreach (X64Register register in convention.CalleeSaved)
            _emit.Push(register);
        int padding = convention.CalleeSaved.Length % 2 == 0 ? 8 : 0;
        if (padding > 0)
            _emit.Alu(X64Alu.Sub, X64Register.Rsp, padding, true);
        int fifth = padding + 8 * convention.CalleeSaved.Length + 8 + convention.ShadowSpace;
        for (int i = 0; i < convention.Arguments.Length; i++)
            _emit.Move(X64Registers.Of(EbpfRegisters.R1 + i), convention.Arguments[i], true);
        _emit.Load(64, X64Register.R8, X64Register.Rsp, fifth);
        _emit.Call(_slotLabels[slot]);
        if (padding > 0)
            _emit.Alu(X64Alu.Add, X64Register.Rsp, padding, true);
        for (int i = convention.CalleeSaved.Length - 1; i >= 0; i--)
            _emit.Pop(convention.CalleeSaved[i]);
        _emit.Return();
        return entry;
    }

    /// <summary>The label whose address a function pointer holds: callbacks come from native code.</summary>
    private Label CallbackLabel(int slot)
    {
        if (_options.Convention.IsNative)
            return _slotLabels[slot];
        if (!_callbackStubs.TryGetValue(slot, out Label label))
            _callbackStubs[slot] = label = EmitEntry(slot);
        return label;
    }

    private void EmitFunction(FunctionShape function)
    {
        _function = function;
        Bind(function.Start);
        EmitPrologue();
        _bodyLabel = _emit.NewLabel();
        CodeBlock[] blocks = BlockOrder.Of(_shape, function, [], IsConditionalMove, _options.IsReachable, threads: true).Blocks;
        for (int i = 0; i < blocks.Length; i++)
            EmitBlock(blocks[i], i + 1 < blocks.Length ? blocks[i + 1].Start : -1);
    }

    /// <param name="following">The slot whose code comes behind this block's, -1 for none.</param>
    private void EmitBlock(CodeBlock block, int following)
    {
        if (block.IsLoopHead)
            _emit.AlignLoop();
        if (block.Start == _function.Start)
            _emit.Bind(_bodyLabel);
        else
            Bind(block.Start);
        _zeroUpper = _shape.Leaders[block.Start] ? 0 : _zeroUpperAt[block.Start];
        for (int slot = block.Start; slot < block.End;)
        {
            OpcodeRow row = _shape.Rows[slot];
            if (slot != block.Start)
                Bind(slot);
            if (BlockOrder.Ends(row) && !IsConditionalMove(slot))
            {
                EmitEnd(slot, row, following);
                return;
            }
            int next = TryIdiom(slot);
            if (next == slot)
            {
                Translate(slot);
                next = slot + row.Slots;
            }
            slot = next;
        }
        GoTo(block.End, following);
    }

    /// <summary>Control leaves the block.</summary>
    private void EmitEnd(int slot, OpcodeRow row, int following)
    {
        EbpfInstruction instruction = _shape.Instructions[slot];
        switch (row.Effect)
        {
            case Effect.Exit:
                EmitExit();
                break;
            case Effect.Jump:
                GoTo(ProgramShape.JumpTarget(slot, instruction, row), following);
                break;
            default:
                int target = ProgramShape.JumpTarget(slot, instruction, row), next = slot + 1;
                _zeroUpperAt[next] = (short)_zeroUpper;
                if (!_options.IsReachable(next))
                    GoTo(target, following);
                else if (!_options.IsReachable(target))
                    GoTo(next, following);
                else
                    Choose(EmitCondition(instruction, row), target, next, following);
                break;
        }
    }

    /// <summary>Sets the flags for a conditional jump; returns the condition under which it is taken.</summary>
    private X64Condition EmitCondition(EbpfInstruction instruction, OpcodeRow row)
    {
        if (row.Operation == Operation.MayGoto)
        {
            // The jump is taken once the budget is used up: what ends loops that the verifier let pass because of it.
            _emit.AluMemoryImmediate(X64Alu.Sub, X64Register.Rbp, _function.MayGotoOffset, 1, true);
            return X64Condition.Sign;
        }
        EmitCompare(instruction, row);
        return ConditionOf(row.Operation);
    }

    private void GoTo(int slot, int following)
    {
        slot = BlockOrder.Through(_shape, slot);
        if (slot != following)
            _emit.Jump(JumpLabel(slot));
    }

    private void Choose(X64Condition condition, int target, int next, int following)
    {
        (target, next) = (BlockOrder.Through(_shape, target), BlockOrder.Through(_shape, next));
        if (target == following)
        {
            _emit.JumpIf(condition.Negate(), JumpLabel(next));
            return;
        }
        _emit.JumpIf(condition, JumpLabel(target));
        if (next != following)
            _emit.Jump(JumpLabel(next));
    }

    private void Bind(int slot)
    {
        _emit.Bind(_slotLabels[slot]);
        _bound[slot] = true;
    }

    /// <summary>Where a jump leads: to a slot's code, but never through the prologue again.</summary>
    private Label JumpLabel(int slot) => slot == _function.Start ? _bodyLabel : _slotLabels[slot];

    private void EmitPrologue()
    {
        int used = _function.UsedRegisters;
        Span<X64Register> saved = stackalloc X64Register[EbpfRegisters.Count];
        int count = 0;
        for (int register = 0; register < EbpfRegisters.R10; register++)
        {
            if ((used >> register & 1) != 0 && _map[register] is X64Register.Rbx or >= X64Register.R12)
                saved[count++] = _map[register];
        }
        _saved = saved[..count].ToArray();
        _hasFramePointer = (used >> EbpfRegisters.R10 & 1) != 0;
        _frameBytes = _hasFramePointer ? (_function.StackBytes + 7) & ~7 : 0;
        // At entry rsp is 8 off a multiple of 16; every push and the frame change that.
        int below = (_hasFramePointer ? 8 : 0) + _frameBytes + 8 * _saved.Length;
        if (_function.MakesCalls && (below + 8) % 16 != 0)
            _frameBytes += 8;
        if (_hasFramePointer)
        {
            _emit.Push(X64Register.Rbp);
            _emit.Move(X64Register.Rbp, X64Register.Rsp, true);
        }
        if (_frameBytes > 0)
            _emit.Alu(X64Alu.Sub, X64Register.Rsp, _frameBytes, true);
        if (_function.MayGotoOffset != 0)
            _emit.StoreImmediate(64, X64Register.Rbp, _function.MayGotoOffset, (int)MachineState.MayGotoLimit);
        foreach (X64Register register in _saved)
            _emit.Push(register);
    }

    /// <summary>Undoes the prologue; what follows is a return or a jump to another program.</summary>
    private void EmitTeardown()
    {
        for (int i = _saved.Length - 1; i >= 0; i--)
            _emit.Pop(_saved[i]);
        if (_hasFramePointer)
            _emit.Leave();
        else if (_frameBytes > 0)
            _emit.Alu(X64Alu.Add, X64Register.Rsp, _frameBytes, true);
    }

    private void EmitExit()
    {
        if (Machine(EbpfRegisters.R0) != X64Register.Rax)
            _emit.Move(X64Register.Rax, Machine(EbpfRegisters.R0), true);
        EmitTeardown();
        _emit.Return();
    }

    private void Translate(int slot)
    {
        EbpfInstruction instruction = _shape.Instructions[slot];
        OpcodeRow row = _shape.Rows[slot];
        switch (row.Effect)
        {
            case Effect.Alu:
                TranslateAlu(slot, instruction, row);
                break;
            case Effect.LoadImmediate:
                TranslateWide(slot, instruction, row);
                break;
            case Effect.Load when _options.IsProbing(slot):
                EmitProbingLoad(instruction, row);
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
            case Effect.Call:
                TranslateCall(slot, instruction, row);
                _zeroUpper &= ~ProgramShape.CallerSaved;
                break;
            case Effect.PacketLoad:
                TranslatePacketLoad(instruction, row);
                break;
            default:
                throw new InternalCompilerException("x86-64 compiler", null, $"slot {slot}: no translation of {row.Opcode}");
        }
    }

    // ---- facts about upper halves -------------------------------------------------------------------------------------

    private void SetZeroUpper(int register, bool isZero)
    {
        if (isZero)
            _zeroUpper |= 1 << register;
        else
            _zeroUpper &= ~(1 << register);
    }

    private bool IsZeroUpper(int register) => (_zeroUpper >> register & 1) != 0;

    private bool IsLiveAfter(int slot, int register) => (_shape.LiveOut[slot] >> register & 1) != 0;

    private X64Register Machine(int register) => _map[register];

    /// <summary>An instruction that overwrites this machine register must put it back: it holds something that is needed behind it.</summary>
    private bool MustKeep(X64Register machine, int slot, int destination)
        => _map.HolderOf(machine) is var holder && holder >= 0 && holder != destination && IsLiveAfter(slot, holder);
}
