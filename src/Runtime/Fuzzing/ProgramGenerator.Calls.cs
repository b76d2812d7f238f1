// Statements that call: helpers, functions of the program, and helpers that call functions of the program back.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Fuzzing;

public sealed partial class ProgramGenerator
{
    private bool HasSkb => _type is ProgramType.SchedCls or ProgramType.SocketFilter && Holding(Holds.Context) >= 0;

    private bool HasChecksums => _type is ProgramType.Xdp or ProgramType.SchedCls;

    private bool MayCallBack => IsEntry && _loops == 0 && _functions.Count < MaxFunctions;

    private static HelperRow Helper(string name) => HelperTable.Find(name) ?? throw new InternalCompilerException("ProgramGenerator", name, "the helper table has no such row");

    /// <summary>Calls a helper whose arguments are in place; R0 is a number afterwards, or what is said.</summary>
    private void Call(string helper, Content? result = null)
    {
        EmitCall(Helper(helper));
        _model.ForgetArguments();
        Set(0, result ?? Content.Number);
    }

    private void PassMap(int map) => EmitWide(EbpfOpcode.LoadMapFd, 1, map);

    /// <summary>Writes a key to the stack and points R2 at it; false when the stack has no place.</summary>
    private bool PassKey(int map)
    {
        int slot = NumberSlots(1);
        if (slot < 0)
            return false;
        int key = _random.Next(map == Hash ? 8 : 6);
        Emit(map == Hash ? EbpfOpcode.StoreImm64 : EbpfOpcode.StoreImm32, 10, 0, SlotOffset(slot), key);
        _model.Slots[slot] = Content.Number;
        PointAtSlot(2, slot);
        return true;
    }

    private void Lookup()
    {
        int map = OneIn(2) ? Table : Hash;
        if (!PassKey(map))
            return;
        PassMap(map);
        Call("map_lookup_elem", Content.Nothing);
        var value = new Content(Holds.Memory, Maps[map].ValueSize, map == Hash ? Origin.Hash : Origin.Plain);
        if (Slip())
        {
            Set(0, value);
        }
        else if (OneIn(2) || _nesting >= MaxNesting)
        {
            // Nothing found: the function ends.
            Emit(EbpfOpcode.Jne64Imm, 0, 0, 2);
            Emit(EbpfOpcode.Mov64Imm, 0);
            Emit(EbpfOpcode.Exit);
            Set(0, value);
            Keep();
            SetSomeNumbers();
        }
        else
        {
            int skip = Jump(EbpfOpcode.Jeq64Imm, 0);
            ProgramModel before = _model.Copy();
            Set(0, value);
            Keep();
            SetSomeNumbersBut(0);
            Nested(_random.Next(1, 4));
            Land(skip);
            before.Registers[0] = Content.Number;
            _model.Join(before);
        }
    }

    /// <summary>Copies the pointer in R0 where calls leave it alone.</summary>
    private void Keep()
    {
        int safe = Pick(register => register >= 7 && !IsPinned(register) && _model.Registers[register].Kind != Holds.Counter, 10);
        if (safe < 0 || OneIn(4))
            return;
        Emit(EbpfOpcode.Mov64Reg, safe, 0);
        Set(safe, _model.Registers[0]);
    }

    private void SetSomeNumbersBut(int except)
    {
        for (int i = _random.Next(1, 3); i > 0; i--)
            SetNumber(Target(except));
    }

    /// <summary>The address of a global variable.</summary>
    private void LoadData()
    {
        int target = Target();
        LoadDataInto(target, 8 * _random.Next(6));
    }

    private void LoadDataInto(int register, int offset)
    {
        EmitWide(EbpfOpcode.LoadMapValue, register, Data, offset);
        Set(register, new Content(Holds.Memory, Maps[Data].ValueSize - offset));
    }

    private void UpdateMap()
    {
        int map = OneIn(2) ? Table : Hash, size = Maps[map].ValueSize;
        int source = Pick(register => _model.Registers[register] is { Kind: Holds.Memory, Origin: Origin.Plain } content && content.Room >= size, 10);
        if (source < 0 || OneIn(2))
        {
            int slot = NumberSlots(size / 8);
            if (slot < 0)
                return;
            PointAtSlot(3, slot);
            Set(3, new Content(Holds.Memory, size, Origin.Stack));
        }
        else
        {
            Emit(EbpfOpcode.Mov64Reg, 3, source);
            Set(3, _model.Registers[source]);
        }
        // Whatever it takes to write the key must leave R3 alone.
        uint pinned = _pinnedRegisters;
        _pinnedRegisters |= 1 << 3;
        bool hasKey = PassKey(map);
        _pinnedRegisters = pinned;
        if (!hasKey)
            return;
        PassMap(map);
        Emit(EbpfOpcode.Mov64Imm, 4, 0, 0, OneIn(3) ? _random.Next(4) : 0);
        Call("map_update_elem");
        if (map == Hash)
            _model.ForgetHashValues();
        SetSomeNumbers();
    }

    private void DeleteFromMap()
    {
        int map = OneIn(4) ? Table : Hash;
        if (!PassKey(map))
            return;
        PassMap(map);
        Call("map_delete_elem");
        _model.ForgetHashValues();
        SetSomeNumbers();
    }

    /// <summary>Points R3 at a buffer on the stack; its size in bytes, or 0 when there is no place.</summary>
    private int PassBuffer()
    {
        int count = _random.Next(1, 5), slot = NumberSlots(count);
        if (slot < 0)
            return 0;
        PointAtSlot(3, slot);
        Set(3, new Content(Holds.Memory, 8 * count, Origin.Stack));
        return 8 * count;
    }

    private void LoadBytes()
    {
        int size = PassBuffer(), context = Holding(Holds.Context);
        if (size == 0 || context < 0)
            return;
        Emit(EbpfOpcode.Mov64Reg, 1, context);
        Emit(EbpfOpcode.Mov64Imm, 2, 0, 0, _random.Next(60));
        Emit(EbpfOpcode.Mov64Imm, 4, 0, 0, _random.Next(1, size + 1) + (Slip() ? 8 : 0));
        Call("skb_load_bytes");
        SetSomeNumbers();
    }

    /// <summary>Helpers that move or rewrite the packet.</summary>
    private void ChangePacket()
    {
        int context = Holding(Holds.Context);
        string helper;
        if (_type == ProgramType.Xdp)
        {
            Emit(EbpfOpcode.Mov64Reg, 1, context);
            (helper, int delta) = _random.Next(3) switch
            {
                0 => ("xdp_adjust_head", _random.Next(-40, 30)),
                1 => ("xdp_adjust_tail", _random.Next(-30, 30)),
                _ => ("xdp_adjust_meta", 4 * _random.Next(-9, 3)),
            };
            Emit(EbpfOpcode.Mov64Imm, 2, 0, 0, delta);
        }
        else if (OneIn(2))
        {
            int size = PassBuffer();
            if (size == 0)
                return;
            context = Holding(Holds.Context);
            if (context < 0)
                return;
            Emit(EbpfOpcode.Mov64Reg, 1, context);
            Emit(EbpfOpcode.Mov64Imm, 2, 0, 0, _random.Next(60));
            Emit(EbpfOpcode.Mov64Imm, 4, 0, 0, _random.Next(1, size + 1));
            Emit(EbpfOpcode.Mov64Imm, 5);
            helper = "skb_store_bytes";
        }
        else
        {
            Emit(EbpfOpcode.Mov64Reg, 1, context);
            Emit(EbpfOpcode.Mov64Imm, 2, 0, 0, _random.Next(14, 90));
            Emit(EbpfOpcode.Mov64Imm, 3);
            helper = OneIn(2) ? "skb_change_tail" : "skb_pull_data";
        }
        Call(helper);
        if (!Slip())
            _model.ForgetPackets();
        SetSomeNumbers();
    }

    private void Checksum()
    {
        int size = PassBuffer();
        if (size == 0)
            return;
        Emit(EbpfOpcode.Mov64Reg, 1, 3);
        Emit(EbpfOpcode.Mov64Imm, 2, 0, 0, 4 * _random.Next(size / 4 + 1));
        Emit(EbpfOpcode.Mov64Imm, 4, 0, 0, 4 * _random.Next(size / 4 + 1));
        Emit(EbpfOpcode.Mov64Imm, 5, 0, 0, AnyImmediate());
        Call("csum_diff");
        SetSomeNumbers();
    }

    /// <summary>A record is reserved, filled, and submitted or discarded: a reference between the two.</summary>
    private void Record()
    {
        int size = 8 * _random.Next(1, 5);
        PassMap(Records);
        Emit(EbpfOpcode.Mov64Imm, 2, 0, 0, size);
        Emit(EbpfOpcode.Mov64Imm, 3);
        Call("ringbuf_reserve", Content.Nothing);
        int skip = Slip() ? -1 : Jump(EbpfOpcode.Jeq64Imm, 0);
        SetNumber(1);
        for (int i = _random.Next(1, 4); i > 0; i--)
            Emit(EbpfOpcode.StoreReg64, 0, 1, 8 * _random.Next(size / 8) + (Slip() ? 8 : 0));
        Emit(EbpfOpcode.Mov64Reg, 1, 0);
        Emit(EbpfOpcode.Mov64Imm, 2);
        if (!Slip())
            Call(OneIn(2) ? "ringbuf_submit" : "ringbuf_discard", Content.Nothing);
        if (skip >= 0)
            Land(skip);
        Set(0, Content.Nothing);
        SetSomeNumbers();
    }

    /// <summary>The table of programs is empty: execution goes on.</summary>
    private void TailCall()
    {
        int context = Holding(Holds.Context);
        if (context < 0)
            return;
        Emit(EbpfOpcode.Mov64Reg, 1, context);
        EmitWide(EbpfOpcode.LoadMapFd, 2, Programs);
        Emit(EbpfOpcode.Mov64Imm, 3, 0, 0, _random.Next(4));
        Call("tail_call", Content.Nothing);
        SetSomeNumbers();
    }

    // Functions of the program.

    /// <summary>One that may be called from here without recursion, or -1. Calls lead to functions that began later.</summary>
    private int CallableFunction()
    {
        int own = _functions.IndexOf(_body);
        return Pick(i => i > own && _functions[i].IsCallable, _functions.Count);
    }

    private void CallFunction()
    {
        int callee = OneIn(2) || _functions.Count >= MaxFunctions ? CallableFunction() : -1;
        if (callee < 0)
        {
            if (_functions.Count >= MaxFunctions)
                return;
            var parameters = new Content[_random.Next(1, 5)];
            for (int i = 0; i < parameters.Length; i++)
            {
                parameters[i] = _random.Next(4) switch
                {
                    0 => new Content(Holds.Memory, 8 * _random.Next(1, 9), Origin.Stack),
                    1 when _model.Registers[6].Kind == Holds.Context && OneIn(2) => new Content(Holds.Context),
                    _ => Content.Number,
                };
            }
            callee = WriteFunction(parameters, WriteCallee);
            _functions[callee].IsCallable = true;
        }
        Content[] wanted = _functions[callee].Parameters;
        for (int i = 0; i < wanted.Length; i++)
        {
            if (!Pass(1 + i, wanted[i]))
                return;
        }
        _body.References.Add((_body.Code.Count, callee));
        Emit(EbpfOpcode.CallLocal);
        AfterFunctions(Content.Number);
    }

    private void WriteCallee()
    {
        Statements(_random.Next(1, 6));
        Fold();
        Emit(EbpfOpcode.Exit);
    }

    private void AfterFunctions(Content result)
    {
        _model.ForgetArguments();
        _model.ForgetPackets();
        _model.ForgetHashValues();
        Set(0, result);
        SetSomeNumbers();
    }

    /// <summary>Puts an argument into its register; those below it are already in place.</summary>
    private bool Pass(int register, Content wanted)
    {
        bool IsIntact(int candidate) => candidate == 0 || candidate >= register;
        int source;
        switch (wanted.Kind)
        {
            case Holds.Context:
                source = _model.Registers[6].Kind == Holds.Context ? 6 : -1;
                break;
            case Holds.Memory:
                source = Pick(candidate => IsIntact(candidate) && _model.Registers[candidate] is { Kind: Holds.Memory } content && content.Room >= wanted.Room && content.Origin != Origin.Hash, 10);
                if (source < 0 && HasMaps)
                {
                    LoadDataInto(register, Maps[Data].ValueSize - wanted.Room);
                    return true;
                }
                break;
            default:
                source = Pick(candidate => IsIntact(candidate) && _model.Registers[candidate].IsReadable, 10);
                if (source < 0)
                {
                    SetNumber(register);
                    return true;
                }
                break;
        }
        if (source < 0)
            return false;
        if (source != register)
            Emit(EbpfOpcode.Mov64Reg, register, source);
        Set(register, _model.Registers[source]);
        return true;
    }

    /// <summary>R3 becomes what a callback gets as its context: numbers on this stack, or null. Tells the callback's view of it.</summary>
    private Content PassCallbackContext()
    {
        int count = _random.Next(0, 4), slot = count > 0 ? NumberSlots(count) : -1;
        if (slot < 0)
        {
            Emit(EbpfOpcode.Mov64Imm, 3);
            return Content.Nothing;
        }
        PointAtSlot(3, slot);
        return new Content(Holds.Memory, 8 * count, Origin.Stack);
    }

    private void PassCallback(int function)
    {
        _body.References.Add((_body.Code.Count, function));
        EmitWide(EbpfOpcode.LoadFunction, 2, 0);
    }

    /// <summary>0 goes on with the iteration, 1 ends it.</summary>
    private void WriteCallback()
    {
        Statements(_random.Next(1, 5));
        if (OneIn(2))
        {
            Emit(EbpfOpcode.Mov64Imm, 0, 0, 0, _random.Next(8) == 0 ? 1 : 0);
        }
        else
        {
            Fold();
            Emit(EbpfOpcode.And64Imm, 0, 0, 0, 1);
        }
        Emit(EbpfOpcode.Exit);
    }

    private void CallbackLoop()
    {
        Content context = PassCallbackContext();
        int callback = WriteFunction([Content.Number, context], WriteCallback);
        int count = _random.Next(7);
        Emit(EbpfOpcode.Mov64Imm, 1, 0, 0, count);
        PassCallback(callback);
        Emit(EbpfOpcode.Mov64Imm, 4);
        EmitCall(Helper("loop"));
        AfterFunctions(Content.Number);
    }

    private void IterateMap()
    {
        Content context = PassCallbackContext();
        int callback = WriteFunction([Content.Nothing, new Content(Holds.ReadOnly, 4), new Content(Holds.Memory, Maps[Table].ValueSize), context], WriteCallback);
        PassMap(Table);
        PassCallback(callback);
        Emit(EbpfOpcode.Mov64Imm, 4);
        EmitCall(Helper("for_each_map_elem"));
        AfterFunctions(Content.Number);
    }
}
