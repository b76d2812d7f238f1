// The stack: eight-byte slots that hold a spilled register or bytes that are unwritten, zero, or data. What may be read back,
// what a store leaves behind, what a helper may see.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private FrameState FrameOf(in RegisterState stackPointer) => _state.Frames[stackPointer.Frame]!;

    private void CheckStackBounds(int number, int offset, int size, bool isHelper, bool isWrite)
    {
        ref RegisterState pointer = ref _registers[number];
        FrameState frame = FrameOf(in pointer);
        string action = isHelper ? " indirect access to" : isWrite ? " write to" : " read from";
        long min, max;
        bool isFixed = pointer.Value.IsConst;
        if (isFixed)
        {
            min = (long)pointer.Value.Bits.Value + offset;
            max = min + size;
        }
        else
        {
            if (pointer.Value.SMax >= MaxVariableOffset || pointer.Value.SMin <= -MaxVariableOffset)
                throw Reject($"invalid unbounded variable-offset{action} stack R{number}");
            min = pointer.Value.SMin + offset;
            max = pointer.Value.SMax + offset + size;
        }
        long least = isWrite || AllowsUninitializedStack ? -StackSize : -frame.SlotCount * 8L;
        if (min < least || min > -1 || max > 0 || size < 0)
        {
            throw Reject(isFixed
                ? $"invalid{action} stack R{number} off={offset} size={size}"
                : $"invalid variable-offset{action} stack R{number} var_off={pointer.Value.Bits} off={offset} size={size}");
        }
        int slots = (int)(-min + 7) / 8;
        frame.Grow(slots);
        SubprogramInfo subprogram = _flow.Subprograms[frame.Subprogram];
        subprogram.StackDepth = Math.Max(subprogram.StackDepth, slots * 8);
    }

    private void WriteStack(ref InstructionInfo instruction, int number, int offset, int size, int value)
    {
        ref RegisterState pointer = ref _registers[number];
        FrameState frame = FrameOf(in pointer);
        bool storesZero = value >= 0 ? _registers[value].IsNull : instruction.Operation == Operation.Store && !instruction.IsRegisterForm && instruction.Immediate == 0;
        if (pointer.Value.IsConst)
            WriteFixed(ref instruction, frame, offset + (int)pointer.Value.Bits.Value, size, value, storesZero);
        else
            WriteVariable(frame, (int)pointer.Value.SMin + offset, (int)pointer.Value.SMax + offset + size, value, storesZero);
    }

    private void WriteFixed(ref InstructionInfo instruction, FrameState frame, int offset, int size, int value, bool storesZero)
    {
        int top = -offset - 1, index = top / 8;
        ref StackSlot slot = ref frame.Slot(index);
        if (!AllowsPointerLeaks && slot.IsSpill && !slot.IsScalarSpill && size != 8)
            throw Reject("attempt to corrupt spilled pointer on stack");
        DestroyDynptrAt(frame, index);
        _log.TouchStack(frame, index);
        bool atBottom = offset % 8 == 0;
        if (value >= 0 && atBottom && _registers[value].IsScalar && _options.IsPrivileged)
        {
            ref RegisterState register = ref _registers[value];
            bool fits = register.Value.Width <= 8 * size;
            if (fits)
                LinkBeforeCopy(ref register);
            Spill(frame, index, in register, size);
            if (!fits)
                slot.Spill.Id = 0;
        }
        else if (value < 0 && atBottom && instruction.Operation == Operation.Store && !instruction.IsRegisterForm && _options.IsPrivileged)
        {
            Spill(frame, index, RegisterState.Constant((ulong)(long)instruction.Immediate), size);
        }
        else if (value >= 0 && _registers[value].Kind.IsSpillable())
        {
            if (size != 8)
                throw Reject("invalid size of register spill");
            if (frame != _state.Current && _registers[value].Kind == RegisterKind.Stack)
                throw Reject("cannot spill pointers to stack into stack frame of the caller");
            Spill(frame, index, in _registers[value], size);
        }
        else
        {
            ScrubSpecial(ref slot);
            if (size == 8)
                frame.Written |= 1UL << index;
            SlotType type = SlotType.Misc;
            if (storesZero)
            {
                if (value >= 0)
                    MarkPrecise(value);
                type = SlotType.Zero;
            }
            for (int i = 0; i < size; i++)
                slot.Set((top - i) % 8, type);
            return;
        }
        PushHistory(StackFlags(frame, index), 0);
    }

    private void Spill(FrameState frame, int index, in RegisterState register, int size)
    {
        ref StackSlot slot = ref frame.Slot(index);
        slot.Spill = register;
        if (size == 8)
        {
            frame.Written |= 1UL << index;
            slot.SetAll(SlotType.Spill);
            return;
        }
        for (int i = 7; i >= 8 - size; i--)
            slot.Set(i, SlotType.Spill);
        for (int i = 7 - size; i >= 0; i--)
        {
            if (slot[i] is not (SlotType.Zero or SlotType.Invalid))
                slot.Set(i, SlotType.Misc);
        }
    }

    private static void ScrubSpecial(ref StackSlot slot)
    {
        bool special = slot.IsSpecial;
        slot.Spill.Kind = RegisterKind.Uninitialized;
        if (special)
            slot.Scrub();
    }

    /// <summary>A store somewhere in [min, max): every byte there may have changed, none is sure to have.</summary>
    private void WriteVariable(FrameState frame, int min, int max, int value, bool storesZero)
    {
        bool zeroUsed = false;
        for (int i = min; i < max; i++)
            DestroyDynptrAt(frame, (-i - 1) / 8);
        for (int i = min; i < max; i++)
        {
            int top = -i - 1, index = top / 8;
            ref StackSlot slot = ref frame.Slot(index);
            SlotType type = slot[top % 8];
            _log.TouchStack(frame, index);
            if (!AllowsPointerLeaks && type is not (SlotType.Misc or SlotType.Zero))
                throw Reject($"spilled ptr in range of var-offset stack write; insn {_slot}, ptr off: {i}");
            if (storesZero && type == SlotType.Spill && slot.IsScalarSpill && slot.Spill.Value.IsZero)
            {
                zeroUsed = true;
                continue;
            }
            ScrubSpecial(ref slot);
            SlotType result = SlotType.Misc;
            if (storesZero && type == SlotType.Zero)
            {
                result = SlotType.Zero;
                zeroUsed = true;
            }
            if (type == SlotType.Invalid && !AllowsUninitializedStack)
                throw Reject($"uninit stack in range of var-offset write prohibited for !root; insn {_slot}, off: {i}");
            slot.Set(top % 8, result);
        }
        if (zeroUsed && value >= 0)
            MarkPrecise(value);
    }

    private void ReadStack(int number, int offset, int size, int value, bool signExtends)
    {
        ref RegisterState pointer = ref _registers[number];
        FrameState frame = FrameOf(in pointer);
        if (pointer.Value.IsConst)
        {
            ReadFixed(frame, offset + (int)pointer.Value.Bits.Value, size, value);
        }
        else
        {
            if (value < 0)
                throw Reject($"variable offset stack pointer cannot be passed into helper function; var_off={pointer.Value.Bits} off={offset} size={size}");
            ScalarBounds variable = pointer.Value;
            CheckStackInitialized(number, offset, size, zeroAllowed: false, isHelper: false, raw: null);
            SetFromBytes(frame, (int)variable.SMin + offset, (int)variable.SMax + offset + size, value);
        }
        if (value >= 0)
            Extend(ref _registers[value], size, signExtends);
    }

    /// <summary>Reads a slot's bytes at a known place; a whole spilled register comes back as it was.</summary>
    private void ReadFixed(FrameState frame, int offset, int size, int value)
    {
        int top = -offset - 1, index = top / 8;
        ref StackSlot slot = ref frame.Slot(index);
        _log.TouchStack(frame, index);
        MarkStackRead(frame, index);
        if (!slot.IsSpill)
        {
            for (int i = 0; i < size; i++)
                RequireData(in slot, (top - i) % 8, offset, i, size);
            if (value >= 0)
                SetFromBytes(frame, offset, offset + size, value);
            return;
        }
        int spillSize = 1;
        for (int i = 7; i > 0 && slot[i - 1] == SlotType.Spill; i--)
            spillSize++;
        if (size == 8 && spillSize == 8)
        {
            if (value >= 0)
            {
                _registers[value] = slot.Spill;
                _log.Touch(value);
            }
            else if (!AllowsPointerLeaks && slot.Spill.IsPointer)
            {
                throw Reject($"leaking pointer from stack off {offset}");
            }
            PushHistory(StackFlags(frame, index), 0);
            return;
        }
        if (!slot.Spill.IsScalar)
            throw Reject("invalid size of register fill");
        if (value < 0)
            return;
        ref RegisterState register = ref _registers[value];
        _log.Touch(value);
        if (size <= spillSize && offset % 8 == 0)
        {
            // The low part of the register that was spilled.
            bool narrows = slot.Spill.Value.Width > size * 8;
            register = slot.Spill;
            if (narrows)
                register.Unlink();
            PushHistory(StackFlags(frame, index), 0);
            return;
        }
        int spilled = 0, zeros = 0;
        for (int i = 0; i < size; i++)
        {
            int part = (top - i) % 8;
            if (slot[part] == SlotType.Spill)
            {
                spilled++;
                continue;
            }
            RequireData(in slot, part, offset, i, size);
            if (slot[part] == SlotType.Zero)
                zeros++;
        }
        if (spilled == size && slot.Spill.Value.IsZero)
        {
            SetZero(ref register);
            PushHistory(StackFlags(frame, index), 0);
        }
        else if (zeros == size)
        {
            SetZero(ref register);
        }
        else
        {
            MarkUnknown(ref register);
        }
    }

    private void SetZero(ref RegisterState register)
    {
        register = RegisterState.Constant(0);
        register.Precise = !_options.IsPrivileged;
    }

    private void RequireData(in StackSlot slot, int part, int offset, int index, int size)
    {
        SlotType type = slot[part];
        if (type is SlotType.Misc or SlotType.Zero || (type == SlotType.Invalid && AllowsUninitializedStack))
            return;
        throw Reject($"invalid read from stack off {offset}+{index} size {size}");
    }

    /// <summary>Zero when all bytes are zero, otherwise some number.</summary>
    private void SetFromBytes(FrameState frame, int min, int max, int value)
    {
        ref RegisterState register = ref _registers[value];
        _log.Touch(value);
        for (int i = min; i < max; i++)
        {
            int top = -i - 1;
            if (frame.Slot(top / 8)[top % 8] != SlotType.Zero)
            {
                MarkUnknown(ref register);
                return;
            }
        }
        SetZero(ref register);
    }

    /// <summary>A helper (or a load at an unknown place) reads these bytes: all must be written data.</summary>
    private void CheckStackInitialized(int number, int offset, int size, bool zeroAllowed, bool isHelper, CallContext? raw, bool isWrite = true)
    {
        bool clobbers = isHelper && (isWrite || !_options.Kernel.Has(KernelRule.HelperReadsKeepStack));
        ref RegisterState pointer = ref _registers[number];
        FrameState frame = FrameOf(in pointer);
        string action = isHelper ? " indirect" : "";
        if (size == 0 && !zeroAllowed)
            throw Reject("invalid zero-sized read");
        CheckStackBounds(number, offset, size, isHelper, isWrite: isHelper);
        int min, max;
        if (pointer.Value.IsConst)
        {
            min = max = (int)pointer.Value.Bits.Value + offset;
        }
        else
        {
            if (!_options.IsPrivileged)
                throw Reject($"R{number}{action} variable offset stack access prohibited for !root, var_off={pointer.Value.Bits}");
            raw = null;
            min = (int)pointer.Value.SMin + offset;
            max = (int)pointer.Value.SMax + offset;
        }
        if (raw is { IsRaw: true })
        {
            for (int i = min; i < max + size; i++)
            {
                int top = -i - 1;
                if (top / 8 < frame.SlotCount && frame.Slot(top / 8)[top % 8] == SlotType.Dynptr)
                    throw Reject($"potential write to dynptr at off={i} disallowed");
            }
            raw.RawSize = size;
            raw.RawRegister = number;
            return;
        }
        for (int i = min; i < max + size; i++)
        {
            int top = -i - 1, index = top / 8;
            ref StackSlot slot = ref frame.Slot(index);
            SlotType type = slot[top % 8];
            if (type == SlotType.Misc)
            {
            }
            else if (type == SlotType.Zero || (type == SlotType.Invalid && AllowsUninitializedStack))
            {
                if (clobbers)
                    slot.Set(top % 8, SlotType.Misc);
            }
            else if (slot.IsSpill && (slot.Spill.IsScalar || AllowsPointerLeaks))
            {
                if (clobbers)
                {
                    MarkUnknown(ref slot.Spill);
                    slot.Scrub();
                }
            }
            else
            {
                throw Reject(pointer.Value.IsConst
                    ? $"invalid{action} read from stack R{number} off {min}+{i - min} size {size}"
                    : $"invalid{action} read from stack R{number} var_off {pointer.Value.Bits}+{i - min} size {size}");
            }
            MarkStackRead(frame, index);
            _log.TouchStack(frame, index);
        }
    }

    /// <summary>Unprivileged programs may only make pointers that stay in what they point at.</summary>
    private void CheckUnprivilegedArithmetic(int number, in RegisterState register)
    {
        switch (register.Kind)
        {
            case RegisterKind.Stack:
                int offset = register.Offset + (int)register.Value.Bits.Value;
                if (!register.Value.IsConst)
                    throw Reject($"R{number} variable stack access prohibited for !root, var_off={register.Value.Bits} off={offset}");
                if (offset is >= 0 or < -StackSize)
                    throw Reject($"R{number} stack pointer arithmetic goes out of range, prohibited for !root; off={offset}");
                break;
            case RegisterKind.MapValue:
                try
                {
                    CheckRegion(number, register.Offset, 1, MapOf(in register).ValueSize, zeroAllowed: false);
                }
                catch (RejectedException)
                {
                    throw Reject($"R{number} pointer arithmetic of map value goes out of range, prohibited for !root");
                }
                break;
        }
    }
}
