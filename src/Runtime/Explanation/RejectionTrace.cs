// The path that led to a rejection, and where values on it came from. Made by walking the program a second time with a
// recorder, because only rejected programs need it; the verifier is deterministic, so the second walk ends at the same place.
//
//   value in R2 at the rejection
//     <- r2 = r6              copy          } HistoryOf(2), newest first, over spills,
//     <- r6 += r1             arithmetic    } calls and returns, up to the instruction
//     <- r6 = *(u32 *)(r1+0)  context load  } that made the value
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Runtime.Explanation;

/// <summary>How an instruction made or passed on a value.</summary>
public enum ValueStepKind : byte
{
    /// <summary>Unchanged, from another register or stack slot.</summary>
    Copy,

    /// <summary>Only the low part was kept: a 32-bit move, a mask, shifts, a narrow spill.</summary>
    Narrow,

    /// <summary>Any other computation with the old value as operand.</summary>
    Arithmetic,

    /// <summary>Made here: a constant or an address.</summary>
    Constant,

    /// <summary>Loaded from memory.</summary>
    Load,

    /// <summary>Loaded from the context.</summary>
    ContextLoad,

    /// <summary>A helper's or kernel function's result.</summary>
    Call,

    /// <summary>The program's or global function's own argument.</summary>
    Argument,
}

/// <summary>One step in the life of a value.</summary>
/// <param name="Index">Position on the path; -1 for arguments.</param>
/// <param name="Slot">The instruction.</param>
/// <param name="Facts">What was known of the value after it.</param>
/// <param name="Operand">For arithmetic with a register: what was known of that register.</param>
/// <param name="OperandRegister">That register; -1 for none.</param>
public readonly record struct ValueStep(ValueStepKind Kind, int Index, int Slot, ValueFacts Facts, ValueFacts Operand, int OperandRegister);

public sealed class RejectionTrace
{
    private const int MaximumHistory = 64;

    private readonly LoadedProgram _program;
    private readonly PathRecorder _recorder;
    private readonly InstructionInfo[] _code;

    private RejectionTrace(LoadedProgram program, PathRecorder recorder)
    {
        _program = program;
        _recorder = recorder;
        _code = recorder.Code;
    }

    /// <summary>Walks a rejected program again and keeps the failing path.</summary>
    public static RejectionTrace Record(LoadedProgram program, VerifierOptions options)
    {
        var recorder = new PathRecorder();
        Verifier.Verify(program, options with { Recorder = recorder, LogLevel = 0 });
        return new RejectionTrace(program, recorder);
    }

    /// <summary>Positions on the path: from <see cref="First"/> up to and without <see cref="End"/>.</summary>
    public int First => _recorder.First;

    public int End => _recorder.Length;

    public int SlotAt(int index) => _recorder[index].Slot;

    /// <summary>The call frame at a position: 0 is the program itself.</summary>
    public int DepthAt(int index) => _recorder[index].Depth;

    public EbpfInstruction InstructionAt(int index) => _program.Instructions[SlotAt(index)];

    public Operation OperationAt(int index) => _code[SlotAt(index)].Operation;

    public Effect EffectAt(int index) => _code[SlotAt(index)].Effect;

    /// <summary>A register before the last instruction of the path.</summary>
    public ValueFacts Register(int number) => ValueFacts.Of(in _recorder.Registers[number]);

    /// <summary>The destination register (of calls: R1) before an instruction of the path.</summary>
    public ValueFacts Destination(int index) => ValueFacts.Of(in _recorder[index].Destination);

    /// <summary>The source register (of calls: R2) before an instruction of the path.</summary>
    public ValueFacts Source(int index) => ValueFacts.Of(in _recorder[index].Source);

    /// <summary>The destination register (of calls: R0) after an instruction of the path.</summary>
    public ValueFacts After(int index) => ValueFacts.Of(in _recorder[index].After);

    /// <summary>How often each slot was walked, over all paths; shorter than the program when nothing was.</summary>
    public IReadOnlyList<int> Visits => _recorder.Visits;

    /// <summary>The frame pointer offset a stack pointer in a register points at; null when that is not known.</summary>
    public int? StackOffset(int register)
    {
        ref RegisterState state = ref _recorder.Registers[register];
        return state.Kind == RegisterKind.Stack && state.Value.IsConst ? state.Offset + (int)state.Value.Bits.Value : null;
    }

    /// <summary>The frame that a stack pointer in a register points into.</summary>
    public int StackFrame(int register) => _recorder.Registers[register].Frame;

    /// <summary>Function that frame <paramref name="depth"/> of the failing path executes; -1 when there is no such frame.</summary>
    public int SubprogramOf(int depth) => _recorder.State?.Frames[depth]?.Subprogram ?? -1;

    /// <summary>The life of the value in a register before the last instruction, newest step first.</summary>
    public IReadOnlyList<ValueStep> HistoryOf(int register) => HistoryOf(register, End - 1);

    /// <summary>The life of the value in a register before the instruction at a position, newest step first.</summary>
    public IReadOnlyList<ValueStep> HistoryOf(int register, int index)
    {
        var steps = new List<ValueStep>();
        if (index < First || index >= End)
            return steps;
        var place = new Place(_recorder[index].Depth, register, 0);
        for (int i = index - 1; i >= First && steps.Count < MaximumHistory; i--)
        {
            if (!Back(i, ref place, steps))
                return steps;
        }
        if (First == 0 && place.Register is >= 1 and <= 5 && place.Depth == 0)
            steps.Add(new ValueStep(ValueStepKind.Argument, -1, 0, default, default, place.Register));
        return steps;
    }

    /// <summary>A register of a frame, or eight bytes of its stack when the register is -1.</summary>
    private record struct Place(int Depth, int Register, int Offset);

    /// <summary>Follows a value backwards over one instruction; false when this instruction made it.</summary>
    private bool Back(int index, ref Place place, List<ValueStep> steps)
    {
        ref PathStep step = ref _recorder[index];
        ref InstructionInfo code = ref _code[step.Slot];
        if (place.Register < 0)
            return BackToStore(index, ref step, ref code, ref place, steps);
        if (step.Depth != place.Depth)
        {
            // Where the function was entered: its arguments are the caller's.
            if (step.Depth == place.Depth - 1 && code.Opcode == EbpfOpcode.CallLocal && place.Register is >= 1 and <= 5)
                place.Depth = step.Depth;
            // A function that was called and returned made R0.
            else if (step.Depth == place.Depth + 1 && code.Effect == Effect.Exit && place.Register == 0)
                place.Depth = step.Depth;
            return true;
        }
        int slot = step.Slot;
        ValueFacts after = ValueFacts.Of(in step.After);
        void Add(ValueStepKind kind, ValueFacts operand = default, int operandRegister = -1) => steps.Add(new ValueStep(kind, index, slot, after, operand, operandRegister));
        switch (code.Effect)
        {
            case Effect.Call when code.Opcode != EbpfOpcode.CallLocal && place.Register == 0:
                Add(ValueStepKind.Call);
                return false;
            case Effect.Call when code.Opcode != EbpfOpcode.CallLocal && place.Register <= 5:
                return false;
            case Effect.LoadImmediate when code.Dst == place.Register:
                Add(ValueStepKind.Constant);
                return false;
            case Effect.PacketLoad when place.Register == 0:
                Add(ValueStepKind.Load);
                return false;
            case Effect.Load when code.Dst == place.Register:
                if (step.Source.Kind == RegisterKind.Stack && step.Source.Value.IsConst)
                {
                    Add(code.Width == 64 ? ValueStepKind.Copy : ValueStepKind.Narrow);
                    place = new Place(step.Source.Frame, -1, step.Source.Offset + (int)step.Source.Value.Bits.Value + code.Offset);
                    return true;
                }
                Add(step.Source.Kind == RegisterKind.Context ? ValueStepKind.ContextLoad : ValueStepKind.Load, ValueFacts.Of(in step.Source), code.Src);
                return false;
            case Effect.Atomic when code.Src == place.Register && code.Operation is not (Operation.AtomicAdd or Operation.AtomicOr or Operation.AtomicAnd or Operation.AtomicXor):
                Add(ValueStepKind.Load);
                return false;
            case Effect.Alu when code.Dst == place.Register:
                if (code.Operation is Operation.Mov or Operation.MovSx)
                {
                    if (!code.IsRegisterForm)
                    {
                        Add(ValueStepKind.Constant);
                        return false;
                    }
                    Add(code.Width == 64 && code.Operation == Operation.Mov ? ValueStepKind.Copy : ValueStepKind.Narrow);
                    place.Register = code.Src;
                    return true;
                }
                // r1 = index; r1 += pointer: the pointer is the value, the number its operand.
                bool swapped = code.IsRegisterForm && step.Destination.IsScalar && step.Source.Kind > RegisterKind.Scalar;
                ValueStepKind kind = code.Operation is Operation.And or Operation.Lsh or Operation.Rsh or Operation.Arsh || (code.Width == 32 && code.Operation is not (Operation.Add or Operation.Sub))
                    ? ValueStepKind.Narrow : ValueStepKind.Arithmetic;
                if (code.IsRegisterForm)
                    Add(kind, ValueFacts.Of(in swapped ? ref step.Destination : ref step.Source), swapped ? code.Dst : code.Src);
                else
                    Add(kind);
                if (swapped)
                    place.Register = code.Src;
                return true;
            default:
                return true;
        }
    }

    private bool BackToStore(int index, ref PathStep step, ref InstructionInfo code, ref Place place, List<ValueStep> steps)
    {
        if (code.Opcode == EbpfOpcode.CallHelper && HelperTable.Find(code.Immediate) is { } helper && (Fills(helper, 0, in step.Destination, place) || Fills(helper, 1, in step.Source, place)))
        {
            steps.Add(new ValueStep(ValueStepKind.Call, index, step.Slot, default, default, -1));
            return false;
        }
        if (code.Effect != Effect.Store || step.Destination.Kind != RegisterKind.Stack || step.Destination.Frame != place.Depth || !step.Destination.Value.IsConst)
            return true;
        int offset = step.Destination.Offset + (int)step.Destination.Value.Bits.Value + code.Offset;
        if (offset > place.Offset || offset + code.Width / 8 <= place.Offset)
            return true;
        if (!code.IsRegisterForm)
        {
            steps.Add(new ValueStep(ValueStepKind.Constant, index, step.Slot, default, default, -1));
            return false;
        }
        steps.Add(new ValueStep(code.Width == 64 ? ValueStepKind.Copy : ValueStepKind.Narrow, index, step.Slot, ValueFacts.Of(in step.Source), default, -1));
        place = new Place(step.Depth, code.Src, 0);
        return true;
    }

    /// <summary>The helper writes memory that begins at or before the place, through this argument.</summary>
    private static bool Fills(HelperRow helper, int argument, in RegisterState register, Place place)
        => helper.Arguments.Length > argument && (helper.Arguments[argument] & HelperArgument.Uninit) != 0 && register.Kind == RegisterKind.Stack
            && register.Frame == place.Depth && register.Offset <= place.Offset;
}
