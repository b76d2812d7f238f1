// Atomic builtins and operators on _Atomic objects. The machine has 32- and 64-bit add, and, or, xor (each also fetching), exchange and
// compare-exchange; the IR's AtomicRmw covers nand by a loop of the backend's.
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    private Value LowerAtomic(BoundBuiltinCall call)
    {
        Value pointer = Lower(call.Arguments[0]);
        QualifiedType type = ((PointerType)call.Arguments[0].Type.Canonical).Pointee;
        switch (call.Kind)
        {
            case BuiltinKind.AtomicLoad:
                _builder.Location = call.Location;
                LoadInstruction load = _builder.Load(TypeLowering.ValueType(type), pointer, TypeLowering.Alignment(type), TypeLowering.IsVolatileObject(type));
                load.Order = Order(call.Flags);
                return load;
            case BuiltinKind.AtomicStore:
                Value stored = Lower(call.Arguments[1]);
                _builder.Location = call.Location;
                _builder.Store(pointer, stored, TypeLowering.Alignment(type), TypeLowering.IsVolatileObject(type)).Order = Order(call.Flags);
                return s_nothing;
        }
        if (type.Type.Size is not (4 or 8))
            return Fail(LoweringDiagnostics.AtomicSize, call, type.Type.Size);
        switch (call.Kind)
        {
            case BuiltinKind.SyncValueCompareAndSwap or BuiltinKind.SyncBoolCompareAndSwap or BuiltinKind.AtomicCompareExchange:
                return LowerCompareExchange(call, pointer, type);
        }
        Value operand = AsWord(Lower(call.Arguments[1]));
        _builder.Location = call.Location;
        (AtomicOperation operation, bool yieldsNew) = Operation(call);
        Value old = _builder.AtomicRmw(operation, pointer, operand, Order(call.Flags));
        Value result = yieldsNew ? Apply(operation, old, operand) : old;
        return FromWord(result, call.Type);
    }

    private static (AtomicOperation Operation, bool YieldsNew) Operation(BoundBuiltinCall call) => call.Kind switch
    {
        BuiltinKind.AtomicFetchAdd => (AtomicOperation.Add, false),
        BuiltinKind.AtomicFetchSub => (AtomicOperation.Sub, false),
        BuiltinKind.AtomicFetchAnd => (AtomicOperation.And, false),
        BuiltinKind.AtomicFetchOr => (AtomicOperation.Or, false),
        BuiltinKind.AtomicFetchXor => (AtomicOperation.Xor, false),
        BuiltinKind.AtomicFetchNand => (AtomicOperation.Nand, false),
        BuiltinKind.AtomicAddFetch => (AtomicOperation.Add, true),
        BuiltinKind.AtomicSubFetch => (AtomicOperation.Sub, true),
        BuiltinKind.AtomicAndFetch => (AtomicOperation.And, true),
        BuiltinKind.AtomicOrFetch => (AtomicOperation.Or, true),
        BuiltinKind.AtomicXorFetch => (AtomicOperation.Xor, true),
        BuiltinKind.AtomicNandFetch => (AtomicOperation.Nand, true),
        _ => (AtomicOperation.Exchange, false),
    };

    /// <summary>What memory holds after the operation.</summary>
    private Value Apply(AtomicOperation operation, Value old, Value operand) => operation switch
    {
        AtomicOperation.Add => _builder.Add(old, operand),
        AtomicOperation.Sub => _builder.Sub(old, operand),
        AtomicOperation.And => _builder.And(old, operand),
        AtomicOperation.Or => _builder.Or(old, operand),
        AtomicOperation.Xor => _builder.Xor(old, operand),
        AtomicOperation.Nand => _builder.Not(_builder.And(old, operand)),
        _ => operand,
    };

    private Value LowerCompareExchange(BoundBuiltinCall call, Value pointer, QualifiedType type)
    {
        Value? expectedPointer = null;
        Value expected;
        if (call.Kind == BuiltinKind.AtomicCompareExchange)
        {
            expectedPointer = Lower(call.Arguments[1]);
            expected = _builder.Load(TypeLowering.ValueType(type), expectedPointer, TypeLowering.Alignment(type));
        }
        else
        {
            expected = Lower(call.Arguments[1]);
        }
        expected = AsWord(expected);
        Value replacement = AsWord(Lower(call.Arguments[2]));
        _builder.Location = call.Location;
        Value old = _builder.CompareExchange(pointer, expected, replacement, Order(call.Flags));
        if (call.Kind == BuiltinKind.SyncValueCompareAndSwap)
            return FromWord(old, call.Type);
        Value success = _builder.Compare(ComparePredicate.Eq, old, expected);
        if (expectedPointer is not null)
        {
            BasicBlock failed = new("cmpxchg.failed"), end = new("cmpxchg.end");
            _builder.CondBranch(success, end, failed);
            StartBlock(failed);
            _builder.Store(expectedPointer, FromWord(old, type), TypeLowering.Alignment(type));
            StartBlock(end);
        }
        return _builder.ZExt(success, TypeLowering.ValueType(call.Type));
    }

    /// <summary>Pointers are exchanged as numbers: the machine's atomics know nothing else.</summary>
    private Value AsWord(Value value) => value.Type == IrType.Ptr ? _builder.PtrToInt(value) : value;

    private Value FromWord(Value value, QualifiedType type)
        => TypeLowering.ValueType(type) == IrType.Ptr && value.Type != IrType.Ptr ? _builder.IntToPtr(value) : value;

    private static MemoryOrder Order(long c11) => c11 switch
    {
        0 => MemoryOrder.Relaxed,
        1 or 2 => MemoryOrder.Acquire,
        3 => MemoryOrder.Release,
        4 => MemoryOrder.AcquireRelease,
        _ => MemoryOrder.SequentiallyConsistent,
    };

    // ---- operators on _Atomic objects ---------------------------------------------------------------------------------

    private Value LowerAtomicAssignment(BoundCompoundAssignment assignment, Place place, Value operand)
    {
        AtomicOperation? operation = assignment.Operator switch
        {
            BinaryOperator.Add => AtomicOperation.Add,
            BinaryOperator.Subtract => AtomicOperation.Sub,
            BinaryOperator.BitwiseAnd => AtomicOperation.And,
            BinaryOperator.BitwiseOr => AtomicOperation.Or,
            BinaryOperator.BitwiseXor => AtomicOperation.Xor,
            _ => null,
        };
        QualifiedType type = assignment.Target.Type;
        if (operation is not { } known || type.Canonical is PointerType || TypeLowering.IsBool(type))
            return Fail(LoweringDiagnostics.AtomicOperation, assignment);
        if (type.Type.Size is not (4 or 8))
            return Fail(LoweringDiagnostics.AtomicSize, assignment, type.Type.Size);
        operand = ConvertScalar(operand, assignment.Value.Type, type);
        Value old = _builder.AtomicRmw(known, Address(place), operand, MemoryOrder.SequentiallyConsistent);
        return Apply(known, old, operand);
    }

    private Value LowerAtomicIncrement(BoundIncrement increment, Place place)
    {
        QualifiedType type = increment.Target.Type;
        if (type.Canonical is PointerType || TypeLowering.IsBool(type))
            return Fail(LoweringDiagnostics.AtomicOperation, increment);
        if (type.Type.Size is not (4 or 8))
            return Fail(LoweringDiagnostics.AtomicSize, increment, type.Type.Size);
        Value step = Constant.Of(TypeLowering.ValueType(type), increment.IsDecrement ? -1 : 1);
        Value old = _builder.AtomicRmw(AtomicOperation.Add, Address(place), step, MemoryOrder.SequentiallyConsistent);
        return increment.IsPrefix ? _builder.Add(old, step) : old;
    }
}
