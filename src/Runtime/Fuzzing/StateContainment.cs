// Accepted means safe, checked step by step: the concrete machine of the interpreter must lie inside an abstract state that the
// verifier had at the same instruction. With pruning off every path has its states, so one of them must contain each step:
//
//     numbers   known bits and all four ranges
//     pointers  concrete address = base + fixed offset + variable part, the variable part inside its ranges; not null unless said;
//               bytes said to lie before the packet's end do
//     stack     spilled registers like registers, zero bytes zero
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Runtime.Fuzzing;

/// <summary>Collects the verifier's states of one program and holds concrete machines against them.</summary>
internal sealed unsafe class StateContainment(int slots)
{
    private sealed record Frame(RegisterState[] Registers, StackSlot[] Slots);

    private readonly List<Frame[]>?[] _states = new List<Frame[]>?[slots];
    private IReadOnlyList<IMap> _maps = [];
    private GuestContext _context = null!;
    private string _reason = "";

    /// <summary>The first step outside all states, in words; null while there is none.</summary>
    public string? Violation { get; private set; }

    /// <summary>Steps that were compared.</summary>
    public long Steps { get; private set; }

    public void Collect(int slot, AbstractState state)
    {
        var frames = new Frame[state.Depth + 1];
        for (int i = 0; i < frames.Length; i++)
            frames[i] = new Frame([.. state.Frames[i]!.Registers], state.Frames[i]!.Slots.ToArray());
        (_states[slot] ??= []).Add(frames);
    }

    /// <summary>The observer for runs of a program with these maps.</summary>
    public Execution.Interpretation.StepObserver Watch(IReadOnlyList<IMap> maps)
    {
        _maps = maps;
        return Check;
    }

    private void Check(int slot, ulong* registers, int depth)
    {
        if (Violation is not null)
            return;
        Steps++;
        _context = GuestContext.Current;
        if (_states[slot] is not { } states)
        {
            Violation = $"instruction {slot} is executed, but the verifier never walked it";
            return;
        }
        _reason = $"no state has {depth + 1} frames";
        // Consecutive steps tend to be in states that were walked one after the other; the newest are as good a start as any.
        for (int i = states.Count - 1; i >= 0; i--)
        {
            if (states[i].Length == depth + 1 && Contains(states[i], registers, depth))
                return;
        }
        Violation = $"instruction {slot}: {_reason} ({states.Count} states; {Describe(registers)})";
    }

    private static string Describe(ulong* registers)
    {
        var words = new string[10];
        for (int i = 0; i < words.Length; i++)
            words[i] = $"r{i}={registers[i]:x}";
        return string.Join(' ', words);
    }

    private bool Contains(Frame[] frames, ulong* registers, int depth)
    {
        ulong top = registers[EbpfRegisters.R10];
        Frame current = frames[depth];
        for (int register = 0; register < 10; register++)
        {
            if (!Contains(current.Registers[register], registers[register], top, depth))
            {
                _reason = $"r{register} = 0x{registers[register]:x} is outside {Text(current.Registers[register])}";
                return false;
            }
        }
        for (int frame = 0; frame <= depth; frame++)
        {
            byte* stackTop = (byte*)(top + (ulong)(depth - frame) * EbpfRegisters.StackSize);
            for (int i = 0; i < frames[frame].Slots.Length; i++)
            {
                if (!Contains(in frames[frame].Slots[i], stackTop - 8 * i, top, depth))
                {
                    _reason = $"the stack of frame {frame} at {-8 * (i + 1)} holds 0x{*(ulong*)(stackTop - 8 * i - 8):x}, outside {Text(frames[frame].Slots[i].Spill)}";
                    return false;
                }
            }
        }
        return true;
    }

    private static string Text(in RegisterState register) => register.IsScalar
        ? $"scalar {register.Value.Bits} u {register.Value.UMin:x}..{register.Value.UMax:x} s {register.Value.SMin}..{register.Value.SMax} u32 {register.Value.UMin32:x}..{register.Value.UMax32:x} s32 {register.Value.SMin32}..{register.Value.SMax32}"
        : $"{register.Kind.Name()} off {register.Offset} var {register.Value.Bits} {register.Value.SMin}..{register.Value.SMax}";

    private bool Contains(in StackSlot slot, byte* top, ulong stack, int depth)
    {
        int spilled = 0;
        for (int i = 0; i < 8; i++)
        {
            if (slot[i] == SlotType.Zero && *(top - 1 - i) != 0)
                return false;
            spilled += slot[i] == SlotType.Spill ? 1 : 0;
        }
        if (!slot.IsSpill)
            return true;
        ulong word = *(ulong*)(top - 8);
        if (spilled < 8)
        {
            // The register is remembered whole; what is in memory are its low bytes.
            if (!slot.Spill.IsScalar || spilled is not (1 or 2 or 4))
                return true;
            ScalarBounds low = slot.Spill.Value;
            low.Truncate(spilled);
            return low.Contains(word & ((1UL << (8 * spilled)) - 1));
        }
        return Contains(slot.Spill, word, stack, depth);
    }

    private bool Contains(in RegisterState register, ulong value, ulong top, int depth)
    {
        if (register.Kind == RegisterKind.Scalar)
            return register.Value.Contains(value);
        if (register.Kind.Base() == RegisterKind.Uninitialized)
            return true;
        if (value == 0)
            return register.Kind.MayBeNull();
        ulong moved = value - (ulong)(long)register.Offset;
        switch (register.Kind.Base())
        {
            case RegisterKind.Stack:
                return register.Value.Contains(moved - (top + (ulong)(depth - register.Frame) * EbpfRegisters.StackSize));
            case RegisterKind.Context:
                return register.Value.Contains(moved - (ulong)_context.Context);
            case RegisterKind.Packet when _context.Packet is { } packet:
                return register.Value.Contains(moved - (ulong)packet.Data) && (register.Target <= 0 || moved + (ulong)register.Target <= (ulong)packet.End);
            case RegisterKind.PacketMeta when _context.Packet is { } packet:
                return register.Value.Contains(moved - (ulong)packet.Meta) && (register.Target <= 0 || moved + (ulong)register.Target <= (ulong)packet.Data);
            case RegisterKind.PacketEnd when _context.Packet is { } packet:
                return value == (ulong)packet.End;
            case RegisterKind.MapValue:
                return IsInMap(register, moved);
            default:
                return true;
        }
    }

    /// <summary>Some value of the map begins where base and variable part say.</summary>
    private bool IsInMap(in RegisterState register, ulong moved)
    {
        if ((uint)register.Target >= (uint)_maps.Count)
            return false;
        IMap map = _maps[register.Target];
        if (register.Value.Bits.IsConst)
            return map.FindRegion((byte*)(moved - register.Value.Bits.Value), (nuint)map.Definition.ValueSize, out _, out _);
        var key = stackalloc byte[Math.Max(8, map.Definition.KeySize)];
        for (int result = map.GetNextKey(null, key); result == 0; result = map.GetNextKey(key, key))
        {
            byte* element = map.Lookup(key);
            if (element is not null && register.Value.Contains(moved - (ulong)element))
                return true;
        }
        // A value that was deleted keeps its memory while a program points at it.
        return (Ebpf.Abi.MapType)map.Definition.Type == Ebpf.Abi.MapType.Hash;
    }
}
