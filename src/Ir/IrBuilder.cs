// Makes instructions at an insertion point. Pure operations on constants are folded at once (lowering C constant expressions
// then needs no special cases); nothing cleverer happens here.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Ir;

public sealed class IrBuilder
{
    private Instruction? _before;

    public IrBuilder() { }

    public IrBuilder(BasicBlock block) => PositionAtEnd(block);

    /// <summary>The block instructions go into.</summary>
    public BasicBlock Block { get; private set; } = null!;

    public Function Function => Block.Function ?? throw new InvalidOperationException("The insertion block is in no function.");

    /// <summary>Given to every instruction made.</summary>
    public SourceLocation Location { get; set; }

    /// <summary>The block has its terminator: what would be appended now cannot be reached.</summary>
    public bool IsTerminated => Block.Terminator is not null;

    public void PositionAtEnd(BasicBlock block) => (Block, _before) = (block, null);

    public void PositionBefore(Instruction instruction) => (Block, _before) = (instruction.Block!, instruction);

    public void PositionAfter(Instruction instruction)
    {
        if (instruction.Next is { } next)
            PositionBefore(next);
        else
            PositionAtEnd(instruction.Block!);
    }

    /// <summary>Puts a ready-made instruction at the insertion point.</summary>
    public T Insert<T>(T instruction, string? name = null) where T : Instruction
    {
        if (instruction.Location.IsNone)
            instruction.Location = Location;
        if (name is not null)
            instruction.Name = name;
        return _before is null ? Block.Append(instruction) : Block.InsertBefore(_before, instruction);
    }

    public Value Binary(IrOpcode opcode, Value left, Value right, string? name = null)
    {
        if (!opcode.IsBinary())
            throw new ArgumentOutOfRangeException(nameof(opcode), opcode, "Not a two-operand operation.");
        if (left.Type != right.Type)
            throw new ArgumentException($"{opcode} of {left.Type.Name()} and {right.Type.Name()}.");
        return ConstantFolder.Fold(opcode, left.Type, left, right) as Value ?? Insert(new Instruction(opcode, left.Type, left, right), name);
    }

    public Value Add(Value left, Value right, string? name = null) => Binary(IrOpcode.Add, left, right, name);

    public Value Sub(Value left, Value right, string? name = null) => Binary(IrOpcode.Sub, left, right, name);

    public Value Mul(Value left, Value right, string? name = null) => Binary(IrOpcode.Mul, left, right, name);

    public Value UDiv(Value left, Value right, string? name = null) => Binary(IrOpcode.UDiv, left, right, name);

    public Value SDiv(Value left, Value right, string? name = null) => Binary(IrOpcode.SDiv, left, right, name);

    public Value URem(Value left, Value right, string? name = null) => Binary(IrOpcode.URem, left, right, name);

    public Value SRem(Value left, Value right, string? name = null) => Binary(IrOpcode.SRem, left, right, name);

    public Value And(Value left, Value right, string? name = null) => Binary(IrOpcode.And, left, right, name);

    public Value Or(Value left, Value right, string? name = null) => Binary(IrOpcode.Or, left, right, name);

    public Value Xor(Value left, Value right, string? name = null) => Binary(IrOpcode.Xor, left, right, name);

    public Value Shl(Value left, Value right, string? name = null) => Binary(IrOpcode.Shl, left, right, name);

    public Value LShr(Value left, Value right, string? name = null) => Binary(IrOpcode.LShr, left, right, name);

    public Value AShr(Value left, Value right, string? name = null) => Binary(IrOpcode.AShr, left, right, name);

    /// <summary>0 - value.</summary>
    public Value Neg(Value value, string? name = null) => Binary(IrOpcode.Sub, Constant.Of(value.Type, 0), value, name);

    /// <summary>All bits inverted.</summary>
    public Value Not(Value value, string? name = null) => Binary(IrOpcode.Xor, value, Constant.Of(value.Type, -1), name);

    public Value Compare(ComparePredicate predicate, Value left, Value right, string? name = null)
    {
        if (left.Type != right.Type)
            throw new ArgumentException($"Comparison of {left.Type.Name()} and {right.Type.Name()}.");
        return ConstantFolder.FoldCompare(predicate, left, right) as Value ?? Insert(new CompareInstruction(predicate, left, right), name);
    }

    /// <summary>ByteSwap, CountLeadingZeros, CountTrailingZeros or PopCount.</summary>
    public Value Unary(IrOpcode opcode, Value value, string? name = null)
        => ConstantFolder.FoldUnary(opcode, value.Type, value) as Value ?? Insert(new Instruction(opcode, value.Type, value), name);

    public Value ByteSwap(Value value, string? name = null) => Unary(IrOpcode.ByteSwap, value, name);

    public Value Cast(IrOpcode opcode, Value value, IrType to, string? name = null)
        => ConstantFolder.FoldCast(opcode, to, value) as Value ?? Insert(new Instruction(opcode, to, value), name);

    public Value ZExt(Value value, IrType to, string? name = null) => Cast(IrOpcode.ZExt, value, to, name);

    public Value SExt(Value value, IrType to, string? name = null) => Cast(IrOpcode.SExt, value, to, name);

    public Value Trunc(Value value, IrType to, string? name = null) => Cast(IrOpcode.Trunc, value, to, name);

    public Value PtrToInt(Value value, string? name = null) => Cast(IrOpcode.PtrToInt, value, IrType.I64, name);

    public Value IntToPtr(Value value, string? name = null) => Cast(IrOpcode.IntToPtr, value, IrType.Ptr, name);

    /// <summary>Extends, truncates or leaves an integer so that it has the type.</summary>
    public Value ConvertInteger(Value value, IrType to, bool isSigned, string? name = null)
    {
        int from = value.Type.Bits(), bits = to.Bits();
        return from == bits ? value
            : from > bits ? Trunc(value, to, name)
            : isSigned ? SExt(value, to, name) : ZExt(value, to, name);
    }

    public Value PtrAdd(Value pointer, Value offset, string? name = null)
    {
        if (offset is Constant { IsZero: true })
            return pointer;
        return pointer is Constant a && offset is Constant b
            ? new Constant(IrType.Ptr, unchecked(a.Bits + b.Bits))
            : Insert(new Instruction(IrOpcode.PtrAdd, IrType.Ptr, pointer, offset), name);
    }

    public Value PtrAdd(Value pointer, long offset, string? name = null) => PtrAdd(pointer, Constant.I64(offset), name);

    public Value Select(Value condition, Value ifTrue, Value ifFalse, string? name = null) => condition is Constant known
        ? known.IsZero ? ifFalse : ifTrue
        : Insert(new Instruction(IrOpcode.Select, ifTrue.Type, condition, ifTrue, ifFalse), name);

    /// <summary>A stack object; wherever the builder stands, it goes behind the allocas at the start of the entry block.</summary>
    public AllocaInstruction Alloca(long size, int alignment, string? name = null, Debug.DebugType? debugType = null)
    {
        var alloca = new AllocaInstruction(size, alignment) { Name = name, DebugType = debugType, Location = Location };
        BasicBlock entry = Function.Entry;
        Instruction? position = entry.First;
        while (position is AllocaInstruction)
            position = position.Next;
        return position is null ? entry.Append(alloca) : entry.InsertBefore(position, alloca);
    }

    public LoadInstruction Load(IrType type, Value pointer, int alignment, bool isVolatile = false, string? name = null)
        => Insert(new LoadInstruction(type, pointer, alignment, isVolatile), name);

    public StoreInstruction Store(Value pointer, Value value, int alignment, bool isVolatile = false)
        => Insert(new StoreInstruction(pointer, value, alignment, isVolatile));

    public BlockMemoryInstruction MemCopy(Value destination, Value source, Value length, int destinationAlignment, int sourceAlignment, bool isVolatile = false)
        => Insert(new BlockMemoryInstruction(IrOpcode.MemCopy, destination, source, length, destinationAlignment, isVolatile) { SourceAlignment = sourceAlignment });

    public BlockMemoryInstruction MemMove(Value destination, Value source, Value length, int destinationAlignment, int sourceAlignment, bool isVolatile = false)
        => Insert(new BlockMemoryInstruction(IrOpcode.MemMove, destination, source, length, destinationAlignment, isVolatile) { SourceAlignment = sourceAlignment });

    /// <param name="value">The byte, an I8.</param>
    public BlockMemoryInstruction MemSet(Value destination, Value value, Value length, int alignment, bool isVolatile = false)
        => Insert(new BlockMemoryInstruction(IrOpcode.MemSet, destination, value, length, alignment, isVolatile));

    public BlockMemoryInstruction MemCompare(Value left, Value right, Value length, int leftAlignment, int rightAlignment, string? name = null)
        => Insert(new BlockMemoryInstruction(IrOpcode.MemCompare, left, right, length, leftAlignment) { SourceAlignment = rightAlignment }, name);

    public AtomicRmwInstruction AtomicRmw(AtomicOperation operation, Value pointer, Value value, MemoryOrder order, string? name = null)
        => Insert(new AtomicRmwInstruction(operation, pointer, value, order), name);

    public CompareExchangeInstruction CompareExchange(Value pointer, Value expected, Value replacement, MemoryOrder order, string? name = null)
        => Insert(new CompareExchangeInstruction(pointer, expected, replacement, order), name);

    public Instruction Fence() => Insert(new Instruction(IrOpcode.Fence, IrType.Void));

    public CallInstruction Call(FunctionSignature signature, Value callee, ReadOnlySpan<Value> arguments, string? name = null)
        => Insert(new CallInstruction(signature, callee, arguments), name);

    public CallInstruction Call(Function callee, params ReadOnlySpan<Value> arguments) => Insert(new CallInstruction(callee.Signature, callee, arguments));

    public PhiInstruction Phi(IrType type, string? name = null)
    {
        var phi = new PhiInstruction(type) { Location = Location, Name = name };
        return Block.FirstNonPhi is { } position ? Block.InsertBefore(position, phi) : Block.Append(phi);
    }

    public BranchInstruction Branch(BasicBlock target) => Insert(new BranchInstruction(target));

    public CondBranchInstruction CondBranch(Value condition, BasicBlock ifTrue, BasicBlock ifFalse, bool? likely = null)
        => Insert(new CondBranchInstruction(condition, ifTrue, ifFalse) { Likely = likely });

    public SwitchInstruction Switch(Value value, BasicBlock defaultTarget, IReadOnlyList<(Constant Value, BasicBlock Target)> cases)
        => Insert(new SwitchInstruction(value, defaultTarget, cases));

    public ReturnInstruction Return(Value? value = null) => Insert(new ReturnInstruction(value));

    public UnreachableInstruction Unreachable() => Insert(new UnreachableInstruction());
}
