// The statements a program is made of, one row each, and those about numbers and control flow.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Fuzzing;

public sealed partial class ProgramGenerator
{
    /// <param name="Name">For readers.</param>
    /// <param name="Weight">How often, relative to the others.</param>
    /// <param name="Parts">What the program must be allowed to have.</param>
    /// <param name="IsPossible">What the place must offer.</param>
    /// <param name="Write">Writes it and updates the model.</param>
    private sealed record StatementRow(string Name, int Weight, ProgramParts Parts, Func<ProgramGenerator, bool> IsPossible, Action<ProgramGenerator> Write);

    private static readonly StatementRow[] s_statements =
    [
        new("arithmetic", 30, ProgramParts.Numbers, _ => true, generator => generator.Arithmetic(generator._random.Next(1, 5))),
        new("tangle", 10, ProgramParts.Numbers | ProgramParts.Branches, _ => true, generator => generator.Tangle()),
        new("if", 12, ProgramParts.Branches, generator => generator._nesting < MaxNesting, generator => generator.If()),
        new("loop", 6, ProgramParts.Loops, generator => generator._nesting < MaxNesting && generator._loops < 2, generator => generator.Loop()),
        new("may_goto loop", 1, ProgramParts.Loops | ProgramParts.MayGoto, generator => generator._nesting < MaxNesting && generator._loops < 1, generator => generator.MayGotoLoop()),
        new("stack write", 10, ProgramParts.Stack, _ => true, generator => generator.WriteStack()),
        new("stack read", 8, ProgramParts.Stack, generator => generator.NumberSlot() >= 0, generator => generator.ReadStack()),
        new("spill", 4, ProgramParts.Stack | ProgramParts.Spills, generator => generator.SpillSlot() >= 0, generator => generator.Spill()),
        new("fill", 6, ProgramParts.Stack | ProgramParts.Spills, generator => generator.PointerSlot() >= 0, generator => generator.Fill()),
        new("stack pointer", 4, ProgramParts.Stack, generator => generator.NumberSlot() >= 0, generator => generator.StackPointer()),
        new("context", 5, ProgramParts.Context, generator => generator.HasPlainContext, generator => generator.UseContext()),
        new("packet", 10, ProgramParts.Packet, generator => generator.HasPacket, generator => generator.UsePacket()),
        new("packet again", 4, ProgramParts.Packet, generator => generator.Holding(Holds.Packet) >= 0, generator => generator.AccessSomewhere(generator.Holding(Holds.Packet))),
        new("packet load", 2, ProgramParts.Packet, generator => generator.HasPacketLoads, generator => generator.PacketLoad()),
        new("memory", 16, ProgramParts.Numbers, generator => generator.Holding(Holds.Memory) >= 0, generator => generator.AccessSomewhere(generator.Holding(Holds.Memory))),
        new("read-only memory", 4, ProgramParts.Numbers, generator => generator.Holding(Holds.ReadOnly) >= 0, generator => generator.AccessSomewhere(generator.Holding(Holds.ReadOnly))),
        new("indexed memory", 10, ProgramParts.Numbers, generator => generator.Holding(Holds.Memory) >= 0, generator => generator.AccessIndexed()),
        new("atomic", 8, ProgramParts.Atomics, generator => generator.Holding(Holds.Memory) >= 0 || generator.NumberSlot() >= 0, generator => generator.Atomic()),
        new("lookup", 10, ProgramParts.Maps, generator => generator.HasMaps, generator => generator.Lookup()),
        new("map data", 4, ProgramParts.Maps, generator => generator.HasMaps, generator => generator.LoadData()),
        new("update", 4, ProgramParts.Maps, generator => generator.HasMaps, generator => generator.UpdateMap()),
        new("delete", 2, ProgramParts.Maps, generator => generator.HasMaps, generator => generator.DeleteFromMap()),
        new("bytes of the packet", 4, ProgramParts.Helpers, generator => generator.HasSkb, generator => generator.LoadBytes()),
        new("change of the packet", 3, ProgramParts.Helpers | ProgramParts.Packet, generator => generator.HasPacket, generator => generator.ChangePacket()),
        new("checksum", 2, ProgramParts.Helpers, generator => generator.HasChecksums, generator => generator.Checksum()),
        new("record", 2, ProgramParts.Records, generator => generator.HasMaps, generator => generator.Record()),
        new("tail call", 1, ProgramParts.TailCalls, generator => generator.HasMaps && generator.IsEntry, generator => generator.TailCall()),
        new("call", 6, ProgramParts.Functions, generator => generator._functions.Count < MaxFunctions || generator.CallableFunction() >= 0, generator => generator.CallFunction()),
        new("callback loop", 2, ProgramParts.Callbacks, generator => generator.HasMaps && generator.MayCallBack, generator => generator.CallbackLoop()),
        new("iteration over a map", 2, ProgramParts.Callbacks | ProgramParts.Maps, generator => generator.HasMaps && generator.MayCallBack, generator => generator.IterateMap()),
    ];

    private static readonly OpcodeRow[] s_arithmetic = Rows(row => row.Effect == Effect.Alu && row.Operation != Operation.AddrSpaceCast);
    private static readonly OpcodeRow[] s_branches = Rows(row => row.Effect == Effect.Branch && row.Operation != Operation.MayGoto);

    private static OpcodeRow[] Rows(Func<OpcodeRow, bool> which)
    {
        var found = new List<OpcodeRow>();
        foreach (OpcodeRow row in OpcodeTable.Rows)
        {
            if (row.Opcode != EbpfOpcode.Invalid && which(row))
                found.Add(row);
        }
        return [.. found];
    }

    private bool IsEntry => _functions.Count > 0 && ReferenceEquals(_body, _functions[0]);

    private bool HasMaps => _type != ProgramType.Unspec;

    private void Arithmetic(int count)
    {
        for (; count > 0; count--)
            OneOperation();
    }

    private void OneOperation()
    {
        OpcodeRow row = s_arithmetic[_random.Next(s_arithmetic.Length)];
        if (OneIn(3))
            row = OpcodeTable.Get(s_common[_random.Next(s_common.Length)] + _random.Next(4));
        int immediate = row.Operation switch
        {
            Operation.Lsh or Operation.Rsh or Operation.Arsh when !Slip() => _random.Next(row.Width),
            Operation.Div or Operation.Mod or Operation.SDiv or Operation.SMod when !Slip() => OneIn(3) ? -_random.Next(1, 100) : _random.Next(1, 1000),
            _ => AnyImmediate(),
        };
        if (row.Operation is Operation.Mov or Operation.MovSx && OneIn(2))
        {
            // A move may begin a new number.
            int source = row.IsRegisterForm ? Number() : 0, target = Target();
            Emit(row.Opcode, target, source, 0, row.IsRegisterForm ? 0 : immediate);
            Set(target, Content.Number);
            return;
        }
        Emit(row.Opcode, Variable(), row.IsRegisterForm ? Number() : 0, 0, row.Immediate == ImmediateUse.Value ? immediate : 0);
    }

    /// <summary>Operations whose ranges verifiers track; each has four forms in the table, one behind the other.</summary>
    private static readonly EbpfOpcode[] s_common =
    [
        EbpfOpcode.Add64Imm, EbpfOpcode.Sub64Imm, EbpfOpcode.Mul64Imm, EbpfOpcode.Or64Imm, EbpfOpcode.And64Imm, EbpfOpcode.Xor64Imm,
        EbpfOpcode.Mov64Imm, EbpfOpcode.Lsh64Imm, EbpfOpcode.Rsh64Imm, EbpfOpcode.Arsh64Imm,
    ];

    /// <summary>Forward jumps over a few number instructions, in any arrangement.</summary>
    private void Tangle()
    {
        // Everything a jump may miss must exist before.
        int first = Variable(), second = Variable();
        int start = _body.Code.Count, length = _random.Next(4, 16);
        var jumps = new List<int>();
        while (_body.Code.Count - start < length)
        {
            if (OneIn(3))
            {
                OpcodeRow row = s_branches[_random.Next(s_branches.Length)];
                jumps.Add(Jump(row.Opcode, Number(), row.IsRegisterForm ? Number() : 0, row.IsRegisterForm ? 0 : AnyImmediate()));
                continue;
            }
            OpcodeRow alu = s_arithmetic[_random.Next(s_arithmetic.Length)];
            int immediate = alu.Operation is Operation.Lsh or Operation.Rsh or Operation.Arsh ? _random.Next(alu.Width)
                : alu.Operation is Operation.Div or Operation.Mod or Operation.SDiv or Operation.SMod ? _random.Next(1, 100) : AnyImmediate();
            Emit(alu.Opcode, OneIn(2) ? first : second, alu.IsRegisterForm ? Number() : 0, 0, alu.Immediate == ImmediateUse.Value ? immediate : 0);
        }
        int end = _body.Code.Count;
        foreach (int jump in jumps)
            _body.Code[jump] = _body.Code[jump].WithOffset((short)_random.Next(0, Math.Min(end - jump, 8)));
    }

    /// <summary>A comparison of a number; returns the jump that is taken where it holds.</summary>
    private int Compare()
    {
        OpcodeRow row = s_branches[_random.Next(s_branches.Length)];
        return Jump(row.Opcode, Number(), row.IsRegisterForm ? Number() : 0, row.IsRegisterForm ? 0 : AnyImmediate());
    }

    private void If()
    {
        int jump = Compare();
        ProgramModel before = _model.Copy();
        Nested(_random.Next(1, 4));
        if (OneIn(2))
        {
            Land(jump);
            _model.Join(before);
            return;
        }
        int end = Jump(OneIn(8) ? EbpfOpcode.JaLong : EbpfOpcode.Ja);
        Land(jump);
        ProgramModel then = _model;
        _model = before;
        Nested(_random.Next(1, 4));
        if (OpcodeTable.Classify(_body.Code[end]) == EbpfOpcode.JaLong)
            _body.Code[end] = _body.Code[end].WithImmediate(_body.Code.Count - end - 1);
        else
            Land(end);
        _model.Join(then);
    }

    private void Nested(int count)
    {
        _nesting++;
        Statements(count);
        _nesting--;
    }

    /// <summary>Makes the model hold for every round of a loop that begins here; what the loop must not change is pinned until the result is given back.</summary>
    private (uint, uint, ProgramModel) EnterLoop()
    {
        (uint, uint, ProgramModel) outer = (_pinnedRegisters, _pinnedSlots, null!);
        _model.ForgetArguments();
        _model.Registers[0] = Content.Nothing;
        _model.ForgetPackets();
        _model.ForgetHashValues();
        for (int register = 6; register < 10; register++)
            _pinnedRegisters |= _model.Registers[register].Kind == Holds.Nothing ? 0 : 1u << register;
        for (int slot = 0; slot < _model.Slots.Length; slot++)
            _pinnedSlots |= _model.Slots[slot].Kind == Holds.Nothing ? 0 : 1u << slot;
        outer.Item3 = _model.Copy();
        return outer;
    }

    private void LeaveLoop((uint, uint, ProgramModel) outer)
    {
        (_pinnedRegisters, _pinnedSlots, _) = outer;
        _model.Join(outer.Item3);
    }

    /// <summary>Counts a register up to, or down from, a small number.</summary>
    private void Loop()
    {
        int counter = Pick(register => register >= 7 && !IsPinned(register) && _model.Registers[register].Kind is not Holds.Counter, 10);
        if (counter < 0)
        {
            Arithmetic(2);
            return;
        }
        int rounds = _random.Next(1, 6);
        bool down = OneIn(2);
        Emit(EbpfOpcode.Mov64Imm, counter, 0, 0, down ? rounds : 0);
        Set(counter, new Content(Holds.Counter));
        (uint, uint, ProgramModel) outer = EnterLoop();
        int head = _body.Code.Count;
        _loops++;
        SetSomeNumbers();
        Nested(_random.Next(1, 4));
        _loops--;
        bool narrow = OneIn(3);
        Emit(narrow ? EbpfOpcode.Add32Imm : EbpfOpcode.Add64Imm, counter, 0, 0, down ? -1 : 1);
        if (down)
            JumpBack(narrow ? EbpfOpcode.Jne32Imm : OneIn(2) ? EbpfOpcode.Jne64Imm : EbpfOpcode.Jsgt64Imm, head, counter);
        else
            JumpBack(narrow ? EbpfOpcode.Jlt32Imm : OneIn(2) ? EbpfOpcode.Jlt64Imm : EbpfOpcode.Jslt64Imm, head, counter, 0, rounds);
        LeaveLoop(outer);
        Set(counter, Content.Number);
    }

    /// <summary>A loop that may_goto ends for the verifier and a comparison ends in truth, long before the budget is used up.</summary>
    private void MayGotoLoop()
    {
        int counter = Pick(register => register >= 7 && !IsPinned(register) && _model.Registers[register].Kind is not Holds.Counter, 10);
        if (counter < 0)
        {
            Arithmetic(2);
            return;
        }
        Emit(EbpfOpcode.Mov64Imm, counter);
        Set(counter, new Content(Holds.Counter));
        (uint, uint, ProgramModel) outer = EnterLoop();
        int head = _body.Code.Count;
        int budget = Jump(EbpfOpcode.MayGoto);
        int end = Jump(EbpfOpcode.Jgt64Imm, counter, 0, _random.Next(1, 8));
        _loops++;
        SetSomeNumbers();
        Nested(_random.Next(1, 3));
        _loops--;
        Emit(EbpfOpcode.Add64Imm, counter, 0, 0, 1);
        JumpBack(EbpfOpcode.Ja, head);
        Land(budget);
        Land(end);
        LeaveLoop(outer);
        Set(counter, Content.Number);
    }
}
