// Statements about memory: the stack, spilled pointers, the context, the packet behind a check, and whatever pointers there are.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Fuzzing;

public sealed partial class ProgramGenerator
{
    private static readonly OpcodeRow[] s_loads = Rows(row => row.Operation is Operation.Load or Operation.LoadSx);
    private static readonly OpcodeRow[] s_stores = Rows(row => row.Operation == Operation.Store);
    private static readonly OpcodeRow[] s_atomics = Rows(row => row.Effect == Effect.Atomic || row.Operation is Operation.LoadAcquire or Operation.StoreRelease);

    /// <summary>Fields of the contexts whose values test runs determine: offset, and whether programs may write them.</summary>
    private static readonly (ProgramType Type, int Offset, bool IsWritable)[] s_fields =
    [
        (ProgramType.Xdp, 12, false), (ProgramType.Xdp, 16, false),
        (ProgramType.SchedCls, 0, false), (ProgramType.SchedCls, 4, false), (ProgramType.SchedCls, 8, true), (ProgramType.SchedCls, 16, false),
        (ProgramType.SchedCls, 32, true), (ProgramType.SchedCls, 40, false), (ProgramType.SchedCls, 44, true), (ProgramType.SchedCls, 48, true), (ProgramType.SchedCls, 64, true),
        (ProgramType.SocketFilter, 0, false), (ProgramType.SocketFilter, 4, false), (ProgramType.SocketFilter, 8, false), (ProgramType.SocketFilter, 16, false),
        (ProgramType.SocketFilter, 32, false), (ProgramType.SocketFilter, 40, false), (ProgramType.SocketFilter, 48, true), (ProgramType.SocketFilter, 60, true),
    ];

    private bool HasPlainContext => Holding(Holds.Context) >= 0;

    private bool HasPacket => _type is ProgramType.Xdp or ProgramType.SchedCls && Holding(Holds.Context) >= 0;

    private bool HasPacketLoads => IsEntry && _type is ProgramType.SchedCls or ProgramType.SocketFilter && _model.Registers[6].Kind == Holds.Context;

    private bool IsSlotPinned(int slot) => (_pinnedSlots >> slot & 1) != 0;

    private int NumberSlot() => Pick(slot => _model.Slots[slot].IsReadable, _model.Slots.Length);

    private static bool IsPointer(Content content) => content.Kind is Holds.Context or Holds.Memory or Holds.ReadOnly or Holds.Packet;

    private int PointerSlot() => Pick(slot => IsPointer(_model.Slots[slot]), _model.Slots.Length);

    private int SpillSlot() => Pick(slot => !IsSlotPinned(slot), _model.Slots.Length);

    private void WriteStack()
    {
        int slot = Pick(candidate => !IsSlotPinned(candidate) || _model.Slots[candidate].IsReadable, _model.Slots.Length);
        if (slot < 0)
            return;
        bool whole = !_model.Slots[slot].IsReadable && !Slip();
        OpcodeRow row = whole ? OpcodeTable.Get(OneIn(3) ? EbpfOpcode.StoreImm64 : EbpfOpcode.StoreReg64) : s_stores[_random.Next(s_stores.Length)];
        int bytes = row.Width / 8, offset = SlotOffset(slot) + bytes * _random.Next(8 / bytes);
        Emit(row.Opcode, 10, row.IsRegisterForm ? Number() : 0, offset, row.IsRegisterForm ? 0 : AnyImmediate());
        _model.Slots[slot] = Content.Number;
    }

    private void ReadStack()
    {
        OpcodeRow row = s_loads[_random.Next(s_loads.Length)];
        int bytes = row.Width / 8, offset = SlotOffset(NumberSlot()) + bytes * _random.Next(8 / bytes);
        int target = Target();
        Emit(row.Opcode, target, 10, offset);
        Set(target, Content.Number);
    }

    private void Spill()
    {
        int slot = SpillSlot(), register = Pick(candidate => IsPointer(_model.Registers[candidate]) || _model.Registers[candidate].Kind == Holds.Number, 10);
        if (register < 0)
            return;
        Emit(EbpfOpcode.StoreReg64, 10, register, SlotOffset(slot));
        _model.Slots[slot] = _model.Registers[register];
    }

    private void Fill()
    {
        int slot = PointerSlot(), target = Target();
        Emit(EbpfOpcode.Load64, target, 10, SlotOffset(slot));
        Set(target, _model.Slots[slot]);
    }

    /// <summary>A pointer to numbers on the stack; what it covers stays numbers from now on.</summary>
    private void StackPointer()
    {
        int slot = NumberSlot(), count = 1;
        while (count <= slot && _model.Slots[slot - count].IsReadable)
            count++;
        int target = Target();
        PointAtSlot(target, slot);
        Set(target, new Content(Holds.Memory, 8 * count, Origin.Stack));
        for (int i = 0; i < count; i++)
        {
            _pinnedSlots |= 1u << (slot - i);
            _model.Slots[slot - i] = Content.Number;
        }
    }

    private void PointAtSlot(int register, int slot)
    {
        Emit(EbpfOpcode.Mov64Reg, register, 10);
        Emit(EbpfOpcode.Add64Imm, register, 0, 0, SlotOffset(slot));
    }

    /// <summary>
    /// Makes a run of slots hold numbers; returns the one at the lowest address, from which <c>8 * count</c> bytes reach upwards, or
    /// -1 when pinned pointers are in the way everywhere.
    /// </summary>
    private int NumberSlots(int count)
    {
        int lowest = Pick(slot =>
        {
            for (int i = 0; i < count; i++)
            {
                if (slot - i < 0 || (!_model.Slots[slot - i].IsReadable && IsSlotPinned(slot - i)))
                    return false;
            }
            return true;
        }, _model.Slots.Length);
        for (int i = 0; lowest >= 0 && i < count; i++)
        {
            int slot = lowest - i;
            if (_model.Slots[slot].IsReadable || Slip())
                continue;
            if (OneIn(2))
                Emit(EbpfOpcode.StoreImm64, 10, 0, SlotOffset(slot), AnyImmediate());
            else
                Emit(EbpfOpcode.StoreReg64, 10, Number(), SlotOffset(slot));
            _model.Slots[slot] = Content.Number;
        }
        return lowest;
    }

    private void UseContext()
    {
        (ProgramType Type, int Offset, bool IsWritable)[] fields = Array.FindAll(s_fields, field => field.Type == _type);
        (_, int offset, bool isWritable) = fields[_random.Next(fields.Length)];
        if (Slip())
            offset = _random.Next(50) * 4;
        int context = Holding(Holds.Context);
        if (isWritable && OneIn(2))
        {
            Emit(EbpfOpcode.StoreReg32, context, Number(), offset);
            return;
        }
        int target = Target(context);
        // XDP's fields are read whole.
        int width = OneIn(4) && _type != ProgramType.Xdp ? _random.Next(2) : 2;
        Emit(width switch { 0 => EbpfOpcode.Load8, 1 => EbpfOpcode.Load16, _ => EbpfOpcode.Load32 }, target, context, offset);
        Set(target, Content.Number);
    }

    /// <summary>
    /// <code>
    /// data = ctx->data, end = ctx->data_end; [data += index;] probe = data + N; if (probe > end) goto skip; accesses; skip:
    /// </code>
    /// </summary>
    private void UsePacket()
    {
        int context = Holding(Holds.Context), index = OneIn(3) ? Variable() : -1;
        Span<int> free = stackalloc int[3];
        int found = 0;
        for (int register = _random.Next(10), i = 0; i < 10 && found < 3; i++, register = (register + 1) % 10)
        {
            if (register != 6 && register != index && register != context && !IsPinned(register) && _model.Registers[register].Kind != Holds.Counter)
                free[found++] = register;
        }
        if (found < 3)
            return;
        (int data, int end, int probe) = (free[0], free[1], free[2]);
        int first = _type == ProgramType.Xdp ? 0 : 76;
        Emit(EbpfOpcode.Load32, data, context, first);
        Emit(EbpfOpcode.Load32, end, context, first + 4);
        if (index >= 0)
        {
            BoundNumber(index, _random.Next(1, 6));
            Emit(EbpfOpcode.Add64Reg, data, index);
        }
        int room = _random.Next(1, 40), said = Slip() ? _random.Next(40) : room;
        Emit(EbpfOpcode.Mov64Reg, probe, data);
        Emit(EbpfOpcode.Add64Imm, probe, 0, 0, said);
        foreach (int register in free)
            Set(register, Content.Nothing);
        ProgramModel before = _model.Copy();
        int skip = -1;
        if (!Slip())
        {
            switch (_random.Next(4))
            {
                case 0:
                    skip = Jump(EbpfOpcode.Jgt64Reg, probe, end);
                    break;
                case 1:
                    skip = Jump(EbpfOpcode.Jlt64Reg, end, probe);
                    break;
                case 2:
                    Emit(EbpfOpcode.Jle64Reg, probe, end, 1);
                    skip = Jump(EbpfOpcode.Ja);
                    break;
                default:
                    Emit(EbpfOpcode.Jge64Reg, end, probe, 1);
                    skip = Jump(EbpfOpcode.Ja);
                    break;
            }
        }
        Set(data, new Content(Holds.Packet, room));
        for (int i = _random.Next(1, 4); i > 0; i--)
            AccessSomewhere(data);
        if (_nesting < MaxNesting && OneIn(3))
            Nested(_random.Next(1, 3));
        if (skip >= 0)
            Land(skip);
        _model.Join(before);
    }

    /// <summary>Puts a number into 0 to 2^bits - 1, in one of the ways programs do that.</summary>
    private void BoundNumber(int register, int bits)
    {
        if (Slip())
            return;
        switch (_random.Next(4))
        {
            case 0:
                Emit(EbpfOpcode.And32Imm, register, 0, 0, (1 << bits) - 1);
                break;
            case 1:
                Emit(EbpfOpcode.Rsh64Imm, register, 0, 0, 64 - bits);
                break;
            case 2:
                // What is too large becomes small.
                Emit(OneIn(2) ? EbpfOpcode.Jlt64Imm : EbpfOpcode.Jle64Imm, register, 0, 1, (1 << bits) - 1);
                Emit(EbpfOpcode.Mov64Imm, register, 0, 0, _random.Next(1 << bits));
                break;
            default:
                Emit(EbpfOpcode.And64Imm, register, 0, 0, (1 << bits) - 1);
                break;
        }
    }

    /// <summary>A load or store through a pointer, at a constant place.</summary>
    private void AccessSomewhere(int pointer)
    {
        Content content = _model.Registers[pointer];
        bool store = content.Kind != Holds.ReadOnly && OneIn(2);
        OpcodeRow row = (store ? s_stores : s_loads)[_random.Next((store ? s_stores : s_loads).Length)];
        int offset = Place(content, row.Width / 8);
        if (offset < 0)
            return;
        if (store)
        {
            Emit(row.Opcode, pointer, row.IsRegisterForm ? Number(pointer) : 0, offset, row.IsRegisterForm ? 0 : AnyImmediate());
            return;
        }
        int target = Target(pointer);
        Emit(row.Opcode, target, pointer, offset);
        Set(target, Content.Number);
    }

    /// <summary>An offset for an access of so many bytes, or -1 when there is no room.</summary>
    private int Place(Content content, int bytes, bool isAligned = false)
    {
        if (content.Room < bytes)
            return -1;
        if (Slip())
            return _random.Next(content.Room + 8);
        return isAligned || content.Origin == Origin.Stack || OneIn(2) ? bytes * _random.Next(content.Room / bytes) : _random.Next(content.Room - bytes + 1);
    }

    private void AccessIndexed()
    {
        int pointer = Holding(Holds.Memory);
        Content content = _model.Registers[pointer];
        int index = Pick(register => register != pointer && _model.Registers[register].Kind == Holds.Number, 10);
        if (index < 0 || content.Room < 2)
            return;
        bool store = OneIn(3);
        OpcodeRow[] rows = store ? s_stores : s_loads;
        OpcodeRow row = rows[_random.Next(rows.Length)];
        // Stack accesses must be aligned, whatever the index is.
        if (content.Origin == Origin.Stack)
            row = OpcodeTable.Get(store ? EbpfOpcode.StoreReg8 : EbpfOpcode.Load8);
        int bytes = row.Width / 8, most = content.Room - bytes;
        if (most < 1)
            return;
        int bits = _random.Next(1, System.Numerics.BitOperations.Log2((uint)most + 1) + 1);
        BoundNumber(index, bits);
        int moved = Pick(register => register != 6 && register != pointer && register != index && !IsPinned(register) && _model.Registers[register].Kind != Holds.Counter, 10);
        if (moved < 0)
            return;
        Emit(EbpfOpcode.Mov64Reg, moved, pointer);
        Emit(EbpfOpcode.Add64Reg, moved, index);
        Set(moved, Content.Nothing);
        int offset = _random.Next(most - ((1 << bits) - 1) + 1) + (Slip() ? _random.Next(-8, 9) : 0);
        if (store)
            Emit(row.Opcode, moved, row.IsRegisterForm ? Number(moved) : 0, offset, row.IsRegisterForm ? 0 : AnyImmediate());
        else
        {
            int target = Target(moved);
            Emit(row.Opcode, target, moved, offset);
            Set(target, Content.Number);
        }
    }

    private void Atomic()
    {
        OpcodeRow row = s_atomics[_random.Next(s_atomics.Length)];
        int @base = Pick(register => _model.Registers[register].Kind == Holds.Memory, 10), bytes = row.Width / 8, offset;
        bool onStack = @base < 0 || OneIn(3) && NumberSlot() >= 0;
        if (onStack)
        {
            @base = 10;
            int slot = NumberSlot();
            if (slot < 0)
                return;
            offset = SlotOffset(slot) + bytes * _random.Next(8 / bytes);
        }
        else
        {
            offset = Place(_model.Registers[@base], bytes, isAligned: true);
            if (offset < 0)
                return;
        }
        if (row.Operation == Operation.LoadAcquire)
        {
            int target = Target(@base);
            Emit(row.Opcode, target, @base, offset);
            Set(target, Content.Number);
            return;
        }
        if (row.Operation == Operation.AtomicCmpXchg && _model.Registers[0].Kind != Holds.Number)
        {
            if (@base == 0)
                return;
            SetNumber(0);
        }
        bool fetches = (row.Src & RegisterUse.Write) != 0;
        int operand = Pick(register => register != @base && (_model.Registers[register].Kind == Holds.Number || !fetches && _model.Registers[register].IsReadable), 10);
        if (operand >= 0)
            Emit(row.Opcode, @base, operand, offset);
    }

    /// <summary>LD_ABS and LD_IND: outside the packet they end the program.</summary>
    private void PacketLoad()
    {
        EbpfOpcode[] loads = [EbpfOpcode.LoadAbs8, EbpfOpcode.LoadAbs16, EbpfOpcode.LoadAbs32, EbpfOpcode.LoadInd8, EbpfOpcode.LoadInd16, EbpfOpcode.LoadInd32];
        OpcodeRow row = OpcodeTable.Get(loads[_random.Next(loads.Length)]);
        int index = 0;
        if (row.Operation == Operation.LoadPacketIndirect)
        {
            index = Variable();
            BoundNumber(index, _random.Next(1, 6));
        }
        Emit(row.Opcode, 0, index, 0, _random.Next(24));
        _model.ForgetArguments();
        Set(0, Content.Number);
        SetSomeNumbers();
    }
}
