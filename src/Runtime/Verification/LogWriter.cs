// The verifier's log in the kernel's format: instructions with the registers they changed, source lines, where paths begin and
// end. Level 1 keeps the path being walked; level 2 keeps all. Nothing is formatted when the level is 0.
using System.Text;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Runtime.Verification;

internal sealed class LogWriter(Analysis analysis, LoadedProgram program, int level)
{
    private const int Alignment = 40;

    private readonly StringBuilder _text = new();
    private readonly StringBuilder _line = new();
    private uint _touched;
    private readonly ulong[] _touchedSlots = new ulong[AbstractState.MaxFrames];
    private int _lastLine = -1;
    private int _afterInstruction = -1;
    private int _instructionLength;

    public bool IsOn => level > 0;

    public int Length => _text.Length;

    public void Truncate(int length)
    {
        if (length < _text.Length)
            _text.Length = length;
    }

    public override string ToString() => _text.ToString();

    public void Line(string text)
    {
        if (IsOn)
            _text.Append(text).Append('\n');
    }

    public void Touch(int register)
    {
        if (IsOn)
            _touched |= 1u << register;
    }

    public void TouchStack(FrameState frame, int slot)
    {
        if (IsOn)
            _touchedSlots[frame.Number] |= 1UL << slot;
    }

    public void ScratchAll()
    {
        if (!IsOn)
            return;
        _touched = uint.MaxValue;
        Array.Fill(_touchedSlots, ulong.MaxValue);
    }

    private bool IsTouched => _touched != 0 || Array.Exists(_touchedSlots, slots => slots != 0);

    public void Safe(int from, int to, bool isNewPath)
    {
        if (IsOn)
            _text.Append(isNewPath ? $"\nfrom {from} to {to}: safe\n" : $"{to}: safe\n");
    }

    public void From(int from, int to, AbstractState state)
    {
        _text.Append($"\nfrom {from} to {to}:");
        AppendState(state.Current, all: true);
    }

    public void Instruction(int slot, AbstractState state)
    {
        if (IsTouched)
            State(state);
        SourceLine(slot);
        int start = _text.Length;
        _text.Append(slot).Append(": ");
        Disassembler.Append(_text, program.Instructions, slot, DisassemblyOptions.Kernel);
        _instructionLength = _text.Length - start;
        _text.Append('\n');
        _afterInstruction = _text.Length;
    }

    /// <summary>The registers and slots that changed, behind the instruction that changed them.</summary>
    public void State(AbstractState state)
    {
        if (!IsOn)
            return;
        if (_afterInstruction == _text.Length && _text.Length > 0)
        {
            _text.Length--;
            int column = Math.Max(_instructionLength + 4, Alignment);
            _text.Append(' ', Math.Max(1, (column + 7) / 8 * 8 - _instructionLength - 1)).Append(';');
        }
        else
        {
            _text.Append(analysis.Slot).Append(':');
        }
        AppendState(state.Current, all: false);
    }

    /// <summary>All registers and stack slots of a frame, as the log writes them.</summary>
    public string Describe(FrameState frame)
    {
        int start = _text.Length;
        AppendState(frame, all: true);
        string text = _text.ToString(start, _text.Length - start).Trim();
        _text.Length = start;
        return text;
    }

    public void Calling(AbstractState state, FrameState caller, FrameState callee)
    {
        if (!IsOn)
            return;
        _text.Append("caller:\n");
        AppendState(caller, all: true);
        _text.Append("callee:\n");
        AppendState(callee, all: true);
        ScratchAll();
        _ = state;
    }

    public void Returning(AbstractState state, FrameState callee, FrameState caller, int slot)
    {
        if (!IsOn)
            return;
        _text.Append("returning from callee:\n");
        AppendState(callee, all: true);
        _text.Append("to caller at ").Append(slot).Append(":\n");
        AppendState(caller, all: true);
        _ = state;
    }

    /// <summary>The source line an instruction came from; -1 when none is known.</summary>
    public static int FindLine(IReadOnlyList<LineRecord> lines, int slot)
    {
        int low = 0, high = lines.Count - 1, found = -1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (lines[middle].Slot <= slot)
            {
                found = middle;
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }
        return found;
    }

    private void SourceLine(int slot)
    {
        int index = FindLine(program.Lines, slot);
        if (index < 0 || index == _lastLine)
            return;
        LineRecord line = program.Lines[index];
        bool same = _lastLine >= 0 && program.Lines[_lastLine].File == line.File && program.Lines[_lastLine].Line == line.Line;
        if (same)
            return;
        _lastLine = index;
        _text.Append("; ").Append(line.Text.AsSpan().TrimStart()).Append(" @ ").Append(line.File.AsSpan(line.File.LastIndexOf('/') + 1)).Append(':').Append(line.Line).Append('\n');
    }

    private void AppendState(FrameState frame, bool all)
    {
        if (frame.Number != 0)
            _text.Append(" frame").Append(frame.Number).Append(':');
        for (int i = 0; i < frame.Registers.Length; i++)
        {
            if (frame.Registers[i].Kind == RegisterKind.Uninitialized || (!all && (_touched >> i & 1) == 0))
                continue;
            _text.Append(" R").Append(i).Append('=');
            AppendRegister(frame, in frame.Registers[i]);
        }
        for (int i = 0; i < frame.SlotCount; i++)
        {
            if (!all && (_touchedSlots[frame.Number] >> i & 1) == 0)
                continue;
            AppendSlot(frame, i);
        }
        if (frame.InCallback)
            _text.Append(" cb");
        if (frame.InAsyncCallback)
            _text.Append(" async_cb");
        _text.Append('\n');
        if (!all)
        {
            _touched = 0;
            Array.Clear(_touchedSlots);
        }
    }

    private void AppendSlot(FrameState frame, int index)
    {
        ref StackSlot slot = ref frame.Slot(index);
        if (slot.Types == 0)
            return;
        Span<char> types = stackalloc char[8];
        for (int i = 0; i < 8; i++)
            types[i] = "?rm0di"[(int)slot[i]];
        _text.Append(" fp").Append(-(index + 1) * 8).Append('=');
        switch (slot[7])
        {
            case SlotType.Spill:
                _text.Append(types[..types.IndexOf('r')]);
                AppendRegister(frame, in slot.Spill);
                break;
            case SlotType.Iterator when slot.Spill.Reference != 0:
                _text.Append("iter_").Append(analysis.IteratorName(in slot.Spill)).Append("(ref_id=").Append(slot.Spill.Reference)
                    .Append(slot.Spill.Part == 1 ? ",state=active,depth=" : ",state=drained,depth=").Append(slot.Spill.Extra).Append(')');
                break;
            default:
                _text.Append(types);
                break;
        }
    }

    private void AppendRegister(FrameState frame, in RegisterState register)
    {
        bool isScalar = register.IsScalar;
        if (isScalar && register.Precise)
            _text.Append('P');
        if (isScalar && register.Value.IsConst)
        {
            AppendSigned((long)register.Value.Bits.Value);
            return;
        }
        _text.Append(register.Kind.Name());
        if (register.Kind == RegisterKind.Arena)
            return;
        if (register.Kind == RegisterKind.Stack)
        {
            if (register.Frame != frame.Number)
                _text.Append('[').Append(register.Frame).Append(']');
            if (register.Value.IsConst)
            {
                AppendSigned((long)register.Value.Bits.Value + register.Offset);
                return;
            }
        }
        if (register.Kind.Base() == RegisterKind.Object)
            _text.Append(analysis.TypeName(in register));
        _line.Clear();
        if (register.Id != 0)
        {
            Attribute("id=").Append(register.Id & ~RegisterState.LinkedWithDelta);
            if ((register.Id & RegisterState.LinkedWithDelta) != 0)
                _line.Append(register.Offset >= 0 ? "+" : "").Append(register.Offset);
        }
        if (register.Reference != 0)
            Attribute("ref_obj_id=").Append(register.Reference);
        if (register.Kind.Has(RegisterKind.NonOwning))
            Attribute("non_own_ref");
        RegisterKind kind = register.Kind.Base();
        if (kind is RegisterKind.Map or RegisterKind.MapKey or RegisterKind.MapValue)
        {
            Maps.MapDefinition map = analysis.Map(register.Target);
            if (map.Name.Length > 0)
                Attribute("map=").Append(map.Name.AsSpan(0, Math.Min(15, map.Name.Length)));
            Attribute("ks=").Append(map.KeySize).Append(",vs=").Append(map.ValueSize);
        }
        if (!isScalar && register.Offset != 0)
            AppendSigned(Attribute("off="), register.Offset);
        if (register.Kind.IsPacketData())
            AppendUnsigned(Attribute("r="), (ulong)(long)register.Target);
        if (kind == RegisterKind.Memory)
            AppendUnsigned(Attribute("sz="), (uint)register.Target);
        if (register.Value.IsConst)
        {
            if (register.Value.Bits.Value != 0)
                AppendSigned(Attribute("imm="), (long)register.Value.Bits.Value);
        }
        else
        {
            AppendRanges(in register.Value);
            if (!register.Value.Bits.IsUnknown)
                Attribute("var_off=").Append(register.Value.Bits.ToString());
        }
        _text.Append('(').Append(_line).Append(')');
    }

    private StringBuilder Attribute(string name)
    {
        if (_line.Length > 0)
            _line.Append(',');
        return _line.Append(name);
    }

    /// <summary>Bounds that say something; equal ones of the same sign are written together: <c>smin=umin=5</c>.</summary>
    private void AppendRanges(in ScalarBounds value)
    {
        Span<ulong> values = [(ulong)value.SMin, (ulong)value.SMax, value.UMin, value.UMax, Low(value.SMin32), Low(value.SMax32), value.UMin32, value.UMax32];
        Span<bool> omit = [value.SMin == long.MinValue, value.SMax == long.MaxValue, value.UMin == 0, value.UMax == ulong.MaxValue,
            value.SMin32 == int.MinValue, value.SMax32 == int.MaxValue, value.UMin32 == 0, value.UMax32 == uint.MaxValue];
        ReadOnlySpan<string> names = ["smin", "smax", "umin", "umax", "smin32", "smax32", "umin32", "umax32"];
        for (int i = 0; i < values.Length; i++)
        {
            if (omit[i])
                continue;
            bool signed = names[i][0] == 's', negative = signed && (long)values[i] < 0;
            Attribute(names[i]).Append('=');
            for (int j = i + 2; j < values.Length; j += 2)
            {
                if (omit[j] || values[j] != values[i] || (names[j][0] == 's' && (long)values[j] < 0) != negative)
                    continue;
                omit[j] = true;
                _line.Append(names[j]).Append('=');
            }
            if (signed)
                AppendSigned(_line, (long)values[i]);
            else
                AppendUnsigned(_line, values[i]);
        }

        static ulong Low(int number) => number is >= short.MinValue and <= short.MaxValue ? (ulong)(long)number : (uint)number;
    }

    private void AppendSigned(long value) => AppendSigned(_text, value);

    private static void AppendSigned(StringBuilder text, long value)
    {
        if (value is >= short.MinValue and <= short.MaxValue)
            text.Append(value);
        else
            text.Append("0x").Append(value.ToString("x", System.Globalization.CultureInfo.InvariantCulture));
    }

    private static void AppendUnsigned(StringBuilder text, ulong value)
    {
        if (value <= ushort.MaxValue)
            text.Append(value);
        else
            text.Append("0x").Append(value.ToString("x", System.Globalization.CultureInfo.InvariantCulture));
    }
}
