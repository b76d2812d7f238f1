// Random but meaningful modules, as a front end would lower them: every variable in a stack object, structured control flow,
// bounded loops, arrays with masked indices, calls. They never trap, so a pass must not change anything they do.
namespace Ebpfcc.Ir.Tests;

internal sealed class RandomModule
{
    private static readonly IrType[] s_types = [IrType.I8, IrType.I16, IrType.I32, IrType.I64];
    private static readonly IrOpcode[] s_operations =
    [
        IrOpcode.Add, IrOpcode.Sub, IrOpcode.Mul, IrOpcode.UDiv, IrOpcode.SDiv, IrOpcode.URem, IrOpcode.SRem,
        IrOpcode.And, IrOpcode.Or, IrOpcode.Xor, IrOpcode.Shl, IrOpcode.LShr, IrOpcode.AShr,
    ];

    private const int BufferSize = 64, ArraySize = 16;

    private readonly Random _random;
    private readonly Module _module;
    private readonly IrBuilder _builder = new();
    private readonly List<Function> _callees = [];
    private List<(AllocaInstruction Slot, IrType Type)> _variables = [];
    private List<AllocaInstruction> _arrays = [];
    private Value _buffer = null!;
    private int _budget;
    private bool _isWide;
    private GlobalVariable _constant = null!, _static = null!, _counter = null!;

    private RandomModule(int seed, int statements)
    {
        _random = new Random(seed);
        _module = new Module($"random{seed}", new Core.Text.SourceMap());
        _budget = statements;
    }

    /// <summary>A module whose last function is <c>i64 @main(ptr %buffer, i64 %a, i64 %b)</c>, the buffer of 64 bytes.</summary>
    public static Module Make(int seed, int statements = 40)
    {
        var maker = new RandomModule(seed, statements);
        maker.MakeGlobals();
        for (int i = 0; i < 3; i++)
            maker.MakeFunction($"callee{i}", statements / 4, isMain: false);
        maker.MakeFunction("main", statements, isMain: true);
        return maker._module;
    }

    /// <summary>A module with one large function, for measuring passes: statement after statement, not nested deeply.</summary>
    public static Module MakeWide(int seed, int statements)
    {
        var maker = new RandomModule(seed, statements) { _isWide = true };
        maker.MakeGlobals();
        maker.MakeFunction("main", statements, isMain: true);
        return maker._module;
    }

    private void MakeGlobals()
    {
        var bytes = new byte[ArraySize];
        _random.NextBytes(bytes);
        _constant = new GlobalVariable("constant", ArraySize, 8) { IsConstant = true, InitialBytes = bytes };
        _static = new GlobalVariable("unchanged", ArraySize, 8) { Linkage = Linkage.Internal, InitialBytes = bytes };
        _counter = new GlobalVariable("counter", ArraySize, 8);
        _module.Globals.AddRange([_constant, _static, _counter]);
    }

    private void MakeFunction(string name, int statements, bool isMain)
    {
        var function = new Function(name, new FunctionSignature(IrType.I64, [IrType.Ptr, IrType.I64, IrType.I64]))
        {
            Linkage = isMain ? Linkage.External : Linkage.Internal,
            AlwaysInline = !isMain && _random.Next(3) == 0,
            NoInline = !isMain && _random.Next(4) == 0,
        };
        if (function.AlwaysInline)
            function.NoInline = false;
        _module.Functions.Add(function);
        _builder.PositionAtEnd(function.AddBlock("entry"));
        _buffer = function.Parameters[0];
        _variables = [];
        _arrays = [];
        _budget = statements;
        for (int i = 0; i < 6; i++)
        {
            IrType type = s_types[_random.Next(s_types.Length)];
            AllocaInstruction slot = _builder.Alloca(type.Bytes(), type.Bytes(), $"v{i}");
            _variables.Add((slot, type));
            Value initial = i == 0 ? function.Parameters[1] : i == 1 ? function.Parameters[2] : Number(type);
            _builder.Store(slot, _builder.ConvertInteger(initial, type, _random.Next(2) == 0), slot.Alignment);
        }
        for (int i = 0; i < 2; i++)
        {
            AllocaInstruction array = _builder.Alloca(ArraySize, 8, $"array{i}");
            _arrays.Add(array);
            if (_random.Next(2) == 0)
                _builder.MemSet(array, Constant.Of(IrType.I8, _random.Next(256)), Constant.I64(ArraySize), 8);
            else
                _builder.MemCopy(array, _random.Next(2) == 0 ? _constant : _buffer, Constant.I64(ArraySize), 8, 1);
        }
        Statements(0);
        _builder.Return(Expression(IrType.I64, 3));
        if (!isMain)
            _callees.Add(function);
    }

    private void Statements(int depth)
    {
        int count = _isWide && depth == 0 ? int.MaxValue : _random.Next(1, 6);
        for (int i = 0; i < count && _budget > 0; i++)
        {
            _budget--;
            Statement(depth);
        }
    }

    private void Statement(int depth)
    {
        switch (_random.Next(depth < 4 ? 14 : 9))
        {
            case 0 or 1 or 2 or 3:
                (AllocaInstruction slot, IrType type) = _variables[_random.Next(_variables.Count)];
                _builder.Store(slot, Expression(type, 3), slot.Alignment, _random.Next(30) == 0);
                break;
            case 4 or 5:
                IrType stored = s_types[_random.Next(s_types.Length)];
                _builder.Store(Address(stored), Expression(stored, 2), 1);
                break;
            case 6:
                BlockMemory();
                break;
            case 7:
                Call();
                break;
            case 8:
                Barrier();
                break;
            case 9 or 10:
                If(depth);
                break;
            case 11:
                Switch(depth);
                break;
            default:
                Loop(depth);
                break;
        }
    }

    private void BlockMemory()
    {
        AllocaInstruction array = _arrays[_random.Next(_arrays.Count)];
        int offset = _random.Next(ArraySize), length = _random.Next(ArraySize - offset + 1);
        Value target = _builder.PtrAdd(array, offset);
        switch (_random.Next(3))
        {
            case 0:
                _builder.MemSet(target, Expression(IrType.I8, 1), Constant.I64(length), 1);
                break;
            case 1:
                _builder.MemCopy(target, _builder.PtrAdd(ReferenceEquals(array, _arrays[0]) ? _arrays[1] : _arrays[0], ArraySize - length), Constant.I64(length), 1, 1);
                break;
            default:
                _builder.MemMove(target, _builder.PtrAdd(array, ArraySize - length), Constant.I64(length), 1, 1);
                break;
        }
    }

    private void Call()
    {
        Value result;
        if (_callees.Count > 0 && _random.Next(2) == 0)
        {
            result = _builder.Call(_callees[_random.Next(_callees.Count)], _random.Next(3) == 0 ? _arrays[0].Size >= BufferSize ? _arrays[0] : _buffer : _buffer, Expression(IrType.I64, 2), Expression(IrType.I64, 1));
        }
        else
        {
            var signature = new FunctionSignature(IrType.I64, [IrType.Ptr, IrType.I64]);
            result = _builder.Call(signature, new Constant(IrType.Ptr, (UInt128)_random.Next(1, 9)), [_random.Next(4) == 0 ? _arrays[_random.Next(2)] : _buffer, Expression(IrType.I64, 2)]);
        }
        (AllocaInstruction slot, IrType type) = _variables[_random.Next(_variables.Count)];
        _builder.Store(slot, _builder.ConvertInteger(result, type, false), slot.Alignment);
    }

    private void Barrier()
    {
        (AllocaInstruction slot, IrType type) = _variables[_random.Next(_variables.Count)];
        var asm = new InlineAsmInstruction("", [new AsmOperand("=r", null, type)], [new AsmOperand("0", null, type)], [], true, _builder.Load(type, slot, slot.Alignment));
        _builder.Store(slot, _builder.Insert(asm), slot.Alignment);
    }

    private void If(int depth)
    {
        Function function = _builder.Function;
        BasicBlock then = function.AddBlock("then"), otherwise = function.AddBlock("else"), join = function.AddBlock("endif");
        bool hasElse = _random.Next(2) == 0;
        _builder.CondBranch(Condition(2), then, hasElse ? otherwise : join);
        _builder.PositionAtEnd(then);
        Statements(depth + 1);
        if (_random.Next(10) == 0 && !_isWide)
            _builder.Return(Expression(IrType.I64, 1));
        else
            _builder.Branch(join);
        if (hasElse)
        {
            _builder.PositionAtEnd(otherwise);
            Statements(depth + 1);
            _builder.Branch(join);
        }
        else
        {
            function.Blocks.Remove(otherwise);
        }
        _builder.PositionAtEnd(join);
    }

    private void Switch(int depth)
    {
        Function function = _builder.Function;
        IrType type = s_types[_random.Next(s_types.Length)];
        BasicBlock join = function.AddBlock("break");
        Value value = _builder.And(Expression(type, 2), Constant.Of(type, 7));
        int count = _random.Next(1, 5);
        var targets = new List<BasicBlock>();
        for (int i = 0; i < count; i++)
            targets.Add(function.AddBlock("case"));
        var cases = Enumerable.Range(0, count + 1).Select(i => (Constant.Of(type, i), i < count ? targets[i] : targets[_random.Next(count)])).ToArray();
        if (value is Constant)
            value = _builder.Load(type, Address(type), 1);
        _builder.Switch(value, _random.Next(2) == 0 ? join : targets[0], cases);
        for (int i = 0; i < count; i++)
        {
            _builder.PositionAtEnd(targets[i]);
            Statements(depth + 1);
            _builder.Branch(i + 1 < count && _random.Next(3) == 0 ? targets[i + 1] : join);
        }
        _builder.PositionAtEnd(join);
    }

    private void Loop(int depth)
    {
        Function function = _builder.Function;
        AllocaInstruction counter = _builder.Alloca(4, 4, "i");
        _builder.Store(counter, Constant.I32(0), 4);
        BasicBlock head = function.AddBlock("head"), body = function.AddBlock("body"), latch = function.AddBlock("latch"), done = function.AddBlock("done");
        if (_random.Next(4) == 0)
            head.LoopHint = new LoopHint(_random.Next(2) == 0 ? int.MaxValue : _random.Next(5));
        _builder.Branch(head);
        _builder.PositionAtEnd(head);
        Value limit = _random.Next(3) == 0 ? _builder.And(Expression(IrType.I32, 1), Constant.I32(7)) : Constant.I32(_random.Next(9));
        Value i = _builder.Load(IrType.I32, counter, 4);
        _builder.CondBranch(_builder.Compare(_random.Next(2) == 0 ? ComparePredicate.Ult : ComparePredicate.Slt, i, limit), body, done);
        _builder.PositionAtEnd(body);
        _variables.Add((counter, IrType.I32));
        int known = _variables.Count;
        Statements(depth + 1);
        _variables.RemoveRange(known - 1, _variables.Count - known + 1);
        if (_random.Next(3) == 0)
            _builder.CondBranch(Condition(1), latch, done);
        else
            _builder.Branch(latch);
        _builder.PositionAtEnd(latch);
        // Whatever the body did to the counter, it grows: loops end.
        Value next = _builder.Add(_builder.And(_builder.Load(IrType.I32, counter, 4), Constant.I32(15)), Constant.I32(_random.Next(1, 4)));
        _builder.Store(counter, _builder.Select(_builder.Compare(ComparePredicate.Ugt, next, i), next, _builder.Add(i, Constant.I32(1))), 4);
        _builder.Branch(head);
        _builder.PositionAtEnd(done);
    }

    private Value Number(IrType type) => Constant.Of(type, _random.Next(4) switch
    {
        0 => _random.Next(-2, 10),
        1 => 1L << _random.Next(64),
        2 => _random.NextInt64(),
        _ => _random.Next(256),
    });

    /// <summary>The address of a value of the type inside some object.</summary>
    private Value Address(IrType type)
    {
        (Value target, int size) = _random.Next(6) switch
        {
            0 or 1 => (_buffer, BufferSize),
            2 => ((Value)_counter, ArraySize),
            _ => (_arrays[_random.Next(_arrays.Count)], ArraySize),
        };
        int last = size - type.Bytes();
        if (_random.Next(3) != 0)
            return _builder.PtrAdd(target, _random.Next(2) == 0 ? _random.Next(last + 1) : last / type.Bytes() * type.Bytes());
        int mask = 1;
        while (mask * 2 + 1 <= last)
            mask = mask * 2 + 1;
        return _builder.PtrAdd(target, _builder.And(Expression(IrType.I64, 1), Constant.I64(mask)));
    }

    private Value Condition(int depth)
    {
        IrType type = s_types[_random.Next(s_types.Length)];
        Value compare = _builder.Compare((ComparePredicate)_random.Next(10), Expression(type, depth), Expression(type, depth));
        return depth == 0 || _random.Next(3) != 0 ? compare : _random.Next(3) switch
        {
            0 => _builder.And(compare, Condition(depth - 1)),
            1 => _builder.Or(compare, Condition(depth - 1)),
            _ => _builder.Not(compare),
        };
    }

    private Value Expression(IrType type, int depth)
    {
        if (depth == 0 || _random.Next(6) == 0)
            return Leaf(type);
        switch (_random.Next(10))
        {
            case 0:
                IrType other = s_types[_random.Next(s_types.Length)];
                return _builder.ConvertInteger(Expression(other, depth - 1), type, _random.Next(2) == 0);
            case 1:
                return _builder.Select(Condition(depth - 1), Expression(type, depth - 1), Expression(type, depth - 1));
            case 2:
                return _builder.ZExt(Condition(depth - 1), type);
            case 3:
                return _builder.Unary(type == IrType.I8 || _random.Next(3) != 0 ? (IrOpcode)_random.Next((int)IrOpcode.CountLeadingZeros, (int)IrOpcode.PopCount + 1) : IrOpcode.ByteSwap, Expression(type, depth - 1));
            default:
                IrOpcode operation = s_operations[_random.Next(s_operations.Length)];
                Value left = Expression(type, depth - 1);
                Value right = _random.Next(3) == 0 ? Number(type) : Expression(type, depth - 1);
                if (operation is IrOpcode.Shl or IrOpcode.LShr or IrOpcode.AShr)
                    right = _builder.And(right, Constant.Of(type, type.Bits() - 1));
                return _builder.Binary(operation, left, right);
        }
    }

    private Value Leaf(IrType type)
    {
        switch (_random.Next(8))
        {
            case 0:
                return Number(type);
            case 1:
                return _builder.Load(type, Address(type), 1, _random.Next(20) == 0);
            case 2:
                return _builder.Load(type, _builder.PtrAdd(_random.Next(2) == 0 ? _constant : _static, _random.Next(ArraySize - type.Bytes() + 1)), 1);
            default:
                (AllocaInstruction slot, IrType slotType) = _variables[_random.Next(_variables.Count)];
                Value value = _builder.Load(slotType, slot, slot.Alignment);
                return _builder.ConvertInteger(value, type, _random.Next(2) == 0);
        }
    }
}
