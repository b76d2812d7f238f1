// Which registers hold numbers below 2^32, whatever path led to an instruction: interval analysis on unsigned 64-bit values
// (Cousot and Cousot, "Static Determination of Dynamic Properties of Programs", 1976). Intervals that keep growing around a
// loop are widened to the constants that the function compares with, so that counters stop at their bounds:
//
//   r1 = 0 ; loop: ... ; r1 += 1 ; if r1 != 256 goto loop        r1 in [0, 255] at the loop's beginning
//
// The verifier's own ranges do not serve: it cuts paths without regard to numbers that safety does not depend on.
using System.Runtime.CompilerServices;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit;

internal sealed class ValueRanges
{
    /// <summary>Visits of a slot after which its intervals are widened to constants, and to everything.</summary>
    private const int WidenAfter = 3, GiveUpAfter = 12;

    /// <summary>Passes over the function before the analysis gives up.</summary>
    private const int MaxSweeps = 40;

    private readonly record struct Interval(ulong Low, ulong High)
    {
        public static readonly Interval All = new(0, ulong.MaxValue), Word = new(0, uint.MaxValue);

        public static Interval Of(ulong value) => new(value, value);

        public bool IsWord => High <= uint.MaxValue;

        public bool IsEmpty => Low > High;

        public bool IsConstant => Low == High;
    }

    [InlineArray(EbpfRegisters.Count)]
    private struct State
    {
        private Interval _first;
    }

    private readonly ProgramShape _shape;
    private readonly FunctionShape _function;

    /// <summary>At leaders that were reached: intervals over all paths so far, and how often they grew.</summary>
    private readonly Dictionary<int, (State State, int Growths)> _states = [];

    private readonly List<ulong> _thresholds = [0, uint.MaxValue, ulong.MaxValue];
    private bool _changed;

    private ValueRanges(ProgramShape shape, FunctionShape function) => (_shape, _function) = (shape, function);

    /// <summary>Sets, for each slot of a function, the registers that are below 2^32 whenever control reaches it, one bit each.</summary>
    public static void FindWords(ProgramShape shape, FunctionShape function, Span<ushort> wordsBefore)
    {
        var analysis = new ValueRanges(shape, function);
        analysis.CollectThresholds();
        for (int sweep = 0; sweep < MaxSweeps; sweep++)
        {
            analysis._changed = false;
            analysis.Sweep([]);
            if (analysis._changed)
                continue;
            analysis.Sweep(wordsBefore);
            return;
        }
        // Long chains of backward jumps: nothing is known.
        wordsBefore[function.Start..function.End].Clear();
    }

    private void CollectThresholds()
    {
        for (int slot = _function.Start; slot < _function.End; slot++)
        {
            if (_shape.Rows[slot] is not { Effect: Effect.Branch, IsRegisterForm: false } row)
                continue;
            ulong value = row.Width == 32 ? (uint)_shape.Instructions[slot].Immediate : (ulong)(long)_shape.Instructions[slot].Immediate;
            _thresholds.AddRange([value - 1, value, value + 1]);
        }
        _thresholds.Sort();
    }

    /// <summary>One pass in the order of the slots; with a result to write, the states must have settled.</summary>
    private void Sweep(Span<ushort> wordsBefore)
    {
        State state = default;
        for (int register = 0; register < EbpfRegisters.Count; register++)
            state[register] = Interval.All;
        if (_function.Start == 0)
            state[EbpfRegisters.R1] = state[EbpfRegisters.R2] = Interval.Word;
        bool isReached = true;
        for (int slot = _function.Start; slot < _function.End; slot += _shape.Rows[slot].Slots)
        {
            if (_shape.Leaders[slot] || slot == _function.Start)
            {
                if (isReached)
                    Join(slot, state);
                isReached = _states.TryGetValue(slot, out (State State, int) known);
                state = known.State;
            }
            if (!isReached)
            {
                if (!wordsBefore.IsEmpty)
                    wordsBefore[slot] = ushort.MaxValue;
                continue;
            }
            if (!wordsBefore.IsEmpty)
                wordsBefore[slot] = Words(state);
            OpcodeRow row = _shape.Rows[slot];
            EbpfInstruction instruction = _shape.Instructions[slot];
            switch (row.Effect)
            {
                case Effect.Exit:
                    isReached = false;
                    break;
                case Effect.Jump:
                    Join(ProgramShape.JumpTarget(slot, instruction, row), state);
                    isReached = false;
                    break;
                case Effect.Branch:
                    State taken = state;
                    if (Refine(ref taken, instruction, row, isTaken: true))
                        Join(ProgramShape.JumpTarget(slot, instruction, row), taken);
                    isReached = Refine(ref state, instruction, row, isTaken: false);
                    break;
                default:
                    Transfer(ref state, slot, instruction, row);
                    break;
            }
        }
    }

    private static ushort Words(in State state)
    {
        int words = 0;
        for (int register = 0; register < EbpfRegisters.Count; register++)
            words |= state[register].IsWord ? 1 << register : 0;
        return (ushort)words;
    }

    private void Join(int slot, in State state)
    {
        if (!_states.TryGetValue(slot, out (State State, int Growths) known))
        {
            _states[slot] = (state, 0);
            _changed = true;
            return;
        }
        bool grows = false;
        for (int register = 0; register < EbpfRegisters.Count; register++)
        {
            Interval old = known.State[register], added = state[register];
            if (added.Low >= old.Low && added.High <= old.High)
                continue;
            grows = true;
            known.State[register] = new Interval(
                added.Low >= old.Low ? old.Low : Widen(added.Low, known.Growths, up: false),
                added.High <= old.High ? old.High : Widen(added.High, known.Growths, up: true));
        }
        if (!grows)
            return;
        _states[slot] = (known.State, known.Growths + 1);
        _changed = true;
    }

    private ulong Widen(ulong bound, int growths, bool up)
    {
        if (growths < WidenAfter)
            return bound;
        if (growths >= GiveUpAfter)
            return up ? ulong.MaxValue : 0;
        int index = _thresholds.BinarySearch(bound);
        return index >= 0 ? bound : _thresholds[up ? ~index : ~index - 1];
    }

    // ---- what an edge teaches ----------------------------------------------------------------------------------------------

    /// <summary>Narrows the operands of a branch; false when the edge cannot be taken.</summary>
    private static bool Refine(ref State state, EbpfInstruction instruction, OpcodeRow row, bool isTaken)
    {
        if (row.Operation is Operation.MayGoto or Operation.Jset)
            return true;
        Interval left = state[instruction.Dst];
        Interval right = row.IsRegisterForm ? state[instruction.Src]
            : Interval.Of(row.Width == 32 ? (uint)instruction.Immediate : (ulong)(long)instruction.Immediate);
        bool isSigned = row.Operation is Operation.Jsgt or Operation.Jsge or Operation.Jslt or Operation.Jsle;
        // Of operands that fit, narrower and signed comparisons are unsigned ones of 64 bits.
        ulong limit = (row.Width, isSigned) switch { (32, false) => uint.MaxValue, (32, true) => int.MaxValue, (_, true) => long.MaxValue, _ => ulong.MaxValue };
        if (left.High > limit || right.High > limit)
            return true;
        (Interval newLeft, Interval newRight) = Relation(row.Operation, isTaken) switch
        {
            '=' => (Meet(left, right), Meet(left, right)),
            '!' => (Without(left, right), Without(right, left)),
            '<' => (right.High == 0 ? Empty : Meet(left, new Interval(0, right.High - 1)), left.Low == ulong.MaxValue ? Empty : Meet(right, new Interval(left.Low + 1, ulong.MaxValue))),
            '[' => (Meet(left, new Interval(0, right.High)), Meet(right, new Interval(left.Low, ulong.MaxValue))),
            '>' => (right.Low == ulong.MaxValue ? Empty : Meet(left, new Interval(right.Low + 1, ulong.MaxValue)), left.High == 0 ? Empty : Meet(right, new Interval(0, left.High - 1))),
            _ => (Meet(left, new Interval(right.Low, ulong.MaxValue)), Meet(right, new Interval(0, left.High))),
        };
        if (newLeft.IsEmpty || newRight.IsEmpty)
            return false;
        state[instruction.Dst] = newLeft;
        if (row.IsRegisterForm && instruction.Src != instruction.Dst)
            state[instruction.Src] = newRight;
        return true;
    }

    private static readonly Interval Empty = new(1, 0);

    /// <summary>= ! &lt; > as they are, [ for at most, ] for at least.</summary>
    private static char Relation(Operation operation, bool isTaken) => operation switch
    {
        Operation.Jeq => isTaken ? '=' : '!',
        Operation.Jne => isTaken ? '!' : '=',
        Operation.Jlt or Operation.Jslt => isTaken ? '<' : ']',
        Operation.Jle or Operation.Jsle => isTaken ? '[' : '>',
        Operation.Jgt or Operation.Jsgt => isTaken ? '>' : '[',
        _ => isTaken ? ']' : '<',
    };

    private static Interval Meet(Interval a, Interval b) => new(Math.Max(a.Low, b.Low), Math.Min(a.High, b.High));

    private static Interval Without(Interval a, Interval b)
    {
        if (!b.IsConstant)
            return a;
        if (a.IsConstant)
            return a == b ? Empty : a;
        return a.Low == b.Low ? a with { Low = a.Low + 1 } : a.High == b.High ? a with { High = a.High - 1 } : a;
    }

    // ---- what an instruction does ------------------------------------------------------------------------------------------

    private void Transfer(ref State state, int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        switch (row.Effect)
        {
            case Effect.Alu:
                state[instruction.Dst] = Compute(state, instruction, row);
                break;
            case Effect.LoadImmediate:
                state[instruction.Dst] = row.Opcode == EbpfOpcode.LoadImm64 ? Interval.Of(instruction.WideImmediate(_shape.Instructions[slot + 1])) : Interval.All;
                break;
            case Effect.Load:
                state[instruction.Dst] = row.Operation != Operation.LoadSx && row.Width < 64 ? new Interval(0, (1ul << row.Width) - 1) : Interval.All;
                break;
            case Effect.Atomic:
                int written = row.Operation == Operation.AtomicCmpXchg ? EbpfRegisters.R0 : (row.Src & RegisterUse.Write) != 0 ? instruction.Src : -1;
                if (written >= 0)
                    state[written] = row.Width == 32 ? Interval.Word : Interval.All;
                break;
            case Effect.Call:
            case Effect.PacketLoad:
                for (int register = EbpfRegisters.R0; register <= EbpfRegisters.R5; register++)
                    state[register] = Interval.All;
                break;
        }
    }

    private static Interval Compute(in State state, EbpfInstruction instruction, OpcodeRow row)
    {
        Interval left = state[instruction.Dst];
        bool isSwap = row.Operation is Operation.ToLe or Operation.ToBe or Operation.Bswap;
        if (isSwap)
            return row.Width < 64 ? new Interval(0, (1ul << row.Width) - 1) : row.Operation == Operation.ToLe ? left : Interval.All;
        Interval right = row.IsRegisterForm ? state[instruction.Src] : Interval.Of((ulong)(long)instruction.Immediate);
        if (row.Width == 64)
            return Compute64(left, right, instruction, row);
        // Operands are the lower halves; results that do not fit are anything.
        left = left.IsWord ? left : Interval.Word;
        right = !row.IsRegisterForm ? Interval.Of((uint)instruction.Immediate) : right.IsWord ? right : Interval.Word;
        if (row.Operation is Operation.Arsh or Operation.SDiv or Operation.SMod or Operation.MovSx or Operation.Neg)
            return Interval.Word;
        Interval result = Compute64(left, right, instruction, row);
        return result.IsWord ? result : Interval.Word;
    }

    private static Interval Compute64(Interval left, Interval right, EbpfInstruction instruction, OpcodeRow row)
    {
        int count = instruction.Immediate & (row.Width - 1);
        switch (row.Operation)
        {
            case Operation.Mov:
                return right;
            case Operation.Add when !row.IsRegisterForm && row.Width == 64 && instruction.Immediate < 0:
                return Subtract(left, Interval.Of((ulong)-(long)instruction.Immediate));
            case Operation.Add:
                return left.High + right.High >= left.High ? new Interval(left.Low + right.Low, left.High + right.High) : Interval.All;
            case Operation.Sub:
                return Subtract(left, right);
            case Operation.Mul:
                return Math.BigMul(left.High, right.High, out ulong high) == 0 ? new Interval(left.Low * right.Low, high) : Interval.All;
            case Operation.And:
                return new Interval(0, Math.Min(left.High, right.High));
            case Operation.Or:
                return new Interval(Math.Max(left.Low, right.Low), Ones(left.High | right.High));
            case Operation.Xor:
                return new Interval(0, Ones(left.High | right.High));
            case Operation.Lsh when !row.IsRegisterForm:
                return left.High << count >> count == left.High ? new Interval(left.Low << count, left.High << count) : Interval.All;
            case Operation.Rsh when !row.IsRegisterForm:
                return new Interval(left.Low >> count, left.High >> count);
            case Operation.Arsh when !row.IsRegisterForm && left.High <= long.MaxValue:
                return new Interval(left.Low >> count, left.High >> count);
            case Operation.Rsh:
            case Operation.Div:
            case Operation.Arsh when left.High <= long.MaxValue:
                return new Interval(0, left.High);
            case Operation.Mod:
                // A zero divisor leaves the dividend.
                return new Interval(0, right.Low > 0 ? Math.Min(left.High, right.High - 1) : left.High);
            default:
                return Interval.All;
        }
    }

    private static Interval Subtract(Interval left, Interval right)
        => left.Low >= right.High ? new Interval(left.Low - right.High, left.High - right.Low) : Interval.All;

    /// <summary>All bits up to the highest one.</summary>
    private static ulong Ones(ulong value) => value == 0 ? 0 : ulong.MaxValue >> System.Numerics.BitOperations.LeadingZeroCount(value);
}
