// The atomic builtins: __sync_*, __atomic_*, __c11_atomic_*. eBPF has read-modify-write instructions for 4 and 8 bytes; loads
// and stores of 1 to 8 bytes are single-copy atomic.
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private const int SequentiallyConsistent = 5;

    private BoundExpression BindAtomic(BuiltinRow row, CallExpressionSyntax syntax)
    {
        switch (row.Form)
        {
            case BuiltinForm.Fence:
                return syntax.Arguments.Count == 0 ? Builtin(row, syntax, VoidType.Instance) with { Flags = SequentiallyConsistent } : WrongArguments(row, syntax, "no arguments");
            case BuiltinForm.AtomicFence:
                return Operand(row, syntax, 0, 1, "a memory order") is { } fence ? Builtin(row, syntax, VoidType.Instance) with { Flags = Order(fence) } : ErrorAt(syntax);
            case BuiltinForm.AtomicLockFree:
                if (Operand(row, syntax, 0, -1, "a size") is not { } size)
                    return ErrorAt(syntax);
                return size is BoundLiteral { Value: var bytes } ? Literal(IntegerType.Bool, bytes is var b && (b == 1 || b == 2 || b == 4 || b == 8) ? 1 : 0, syntax) : ReportError(D.NotConstantArgument, syntax, row.Name);
        }
        if (Operand(row, syntax, 0, -1, "a pointer") is not { } pointer)
            return ErrorAt(syntax);
        if (row.Form is BuiltinForm.AtomicClear or BuiltinForm.AtomicTestAndSet)
            pointer = Convert(pointer, IntegerType.UnsignedChar.PointerTo());
        if (pointer.Type.Canonical is not PointerType { Pointee: var pointee } || !TypeRelations.IsScalar(pointee.Type) || TypeRelations.IsFloating(pointee.Type))
            return ReportError(D.BuiltinArguments, syntax, row.Name, $"a pointer to an integer or pointer ({Show(pointer.Type)} invalid)");
        QualifiedType type = new(TypeRelations.ValueType(pointee).Type);
        bool isAccess = row.Kind is BuiltinKind.AtomicLoad or BuiltinKind.AtomicStore;
        if (type.Type.Size is not (4 or 8) && !(isAccess && type.Type.Size is 1 or 2))
            return ReportError(D.AtomicSize, syntax, type.Type.Size);
        if (pointee.IsConst && row.Kind != BuiltinKind.AtomicLoad)
            return ReportError(D.ConstAssignment, syntax, "an object", Show(pointee));
        return BindAtomicAccess(row, syntax, pointer, type);
    }

    private BoundExpression BindAtomicAccess(BuiltinRow row, CallExpressionSyntax syntax, BoundExpression pointer, QualifiedType type)
    {
        switch (row.Form)
        {
            case BuiltinForm.SyncFetch:
                // Further arguments are the variables that the barrier protects: historic and ignored.
                return AtomicArgument(row, syntax, 1, type) is { } added ? Atomic(row, syntax, type, SequentiallyConsistent, pointer, added) : ErrorAt(syntax);
            case BuiltinForm.SyncCompareAndSwap:
                if (AtomicArgument(row, syntax, 1, type) is not { } expected || AtomicArgument(row, syntax, 2, type) is not { } desired)
                    return ErrorAt(syntax);
                return Atomic(row, syntax, row.Kind == BuiltinKind.SyncBoolCompareAndSwap ? IntegerType.Bool : type, SequentiallyConsistent, pointer, expected, desired);
            case BuiltinForm.SyncRelease:
                return Atomic(row, syntax, VoidType.Instance, 3, pointer, Literal(type, 0, syntax));
            case BuiltinForm.AtomicFetch:
                return AtomicArgument(row, syntax, 1, type) is { } value ? Atomic(row, syntax, type, OrderAt(syntax, 2), pointer, value) : ErrorAt(syntax);
            case BuiltinForm.AtomicLoadN:
                return Atomic(row, syntax, type, OrderAt(syntax, 1), pointer);
            case BuiltinForm.AtomicStoreN:
                return AtomicArgument(row, syntax, 1, type) is { } stored ? Atomic(row, syntax, VoidType.Instance, OrderAt(syntax, 2), pointer, stored) : ErrorAt(syntax);
            case BuiltinForm.AtomicInit:
                return AtomicArgument(row, syntax, 1, type) is { } initial ? Atomic(row, syntax, VoidType.Instance, 0, pointer, initial) : ErrorAt(syntax);
            case BuiltinForm.AtomicExchangeN:
                return AtomicArgument(row, syntax, 1, type) is { } exchanged ? Atomic(row, syntax, type, OrderAt(syntax, 2), pointer, exchanged) : ErrorAt(syntax);
            case BuiltinForm.AtomicCompareN:
                if (AtomicPointer(row, syntax, 1, type) is not { } expectedAt || AtomicArgument(row, syntax, 2, type) is not { } replacement)
                    return ErrorAt(syntax);
                return Atomic(row, syntax, IntegerType.Bool, OrderAt(syntax, 3 + row.Argument), pointer, expectedAt, replacement);
            case BuiltinForm.AtomicLoad:
                return AtomicPointer(row, syntax, 1, type) is { } result ? StoreThrough(result, Atomic(row, syntax, type, OrderAt(syntax, 2), pointer), type, syntax) : ErrorAt(syntax);
            case BuiltinForm.AtomicStore:
                return AtomicPointer(row, syntax, 1, type) is { } source ? Atomic(row, syntax, VoidType.Instance, OrderAt(syntax, 2), pointer, LoadThrough(source, type, syntax)) : ErrorAt(syntax);
            case BuiltinForm.AtomicExchange:
                if (AtomicPointer(row, syntax, 1, type) is not { } given || AtomicPointer(row, syntax, 2, type) is not { } old)
                    return ErrorAt(syntax);
                return StoreThrough(old, Atomic(row, syntax, type, OrderAt(syntax, 3), pointer, LoadThrough(given, type, syntax)), type, syntax);
            case BuiltinForm.AtomicCompare:
                if (AtomicPointer(row, syntax, 1, type) is not { } compared || AtomicPointer(row, syntax, 2, type) is not { } wanted)
                    return ErrorAt(syntax);
                return Atomic(row, syntax, IntegerType.Bool, OrderAt(syntax, 4), pointer, compared, LoadThrough(wanted, type, syntax));
            case BuiltinForm.AtomicClear:
                return Atomic(row, syntax, VoidType.Instance, OrderAt(syntax, 1), pointer, Literal(type, 0, syntax));
            default:
                return Atomic(row, syntax, type, OrderAt(syntax, 1), pointer, Literal(type, 1, syntax));
        }
    }

    private static BoundExpression Atomic(BuiltinRow row, CallExpressionSyntax syntax, QualifiedType type, long order, params IReadOnlyList<BoundExpression> arguments)
        => Builtin(row, syntax, type, arguments) with { Flags = order };

    private BoundExpression? AtomicArgument(BuiltinRow row, CallExpressionSyntax syntax, int index, QualifiedType type)
    {
        if (syntax.Arguments.Count <= index || syntax.Arguments[index] is not ExpressionSyntax argument)
        {
            Report(D.BuiltinArguments, syntax, row.Name, "more arguments");
            return null;
        }
        BoundExpression value = BindValue(argument);
        if (value is BoundErrorExpression)
            return null;
        value = type.Canonical is PointerType && TypeRelations.IsInteger(value.Type.Type) ? Convert(value, type) : ConvertAssigned(value, type, argument, AssignmentKind.Passing);
        return value is BoundErrorExpression ? null : value;
    }

    private BoundExpression? AtomicPointer(BuiltinRow row, CallExpressionSyntax syntax, int index, QualifiedType type)
    {
        if (syntax.Arguments.Count <= index || syntax.Arguments[index] is not ExpressionSyntax argument)
        {
            Report(D.BuiltinArguments, syntax, row.Name, "more arguments");
            return null;
        }
        BoundExpression value = BindValue(argument);
        if (value is BoundErrorExpression)
            return null;
        if (value.Type.Canonical is PointerType)
            return ConvertAssigned(value, PointerTo(type), argument, AssignmentKind.Passing) is var converted and not BoundErrorExpression ? converted : null;
        Report(D.BuiltinArguments, argument, row.Name, "a pointer");
        return null;
    }

    private static BoundExpression LoadThrough(BoundExpression pointer, QualifiedType type, SyntaxNode at)
        => Conversion(ConversionKind.LoadValue, new BoundDereference(pointer, type) { Span = at.Span, Location = at.Location }, TypeRelations.ValueType(type));

    private static BoundExpression StoreThrough(BoundExpression pointer, BoundExpression value, QualifiedType type, SyntaxNode at)
        => Convert(new BoundAssignment(new BoundDereference(pointer, type) { Span = at.Span, Location = at.Location }, value, TypeRelations.ValueType(type)) { Span = at.Span, Location = at.Location }, VoidType.Instance);

    /// <summary>The C11 memory order of an argument; what is not constant is the strongest.</summary>
    private long OrderAt(CallExpressionSyntax syntax, int index)
        => syntax.Arguments.Count > index && syntax.Arguments[index] is ExpressionSyntax argument ? Order(BindValue(argument)) : SequentiallyConsistent;

    private static long Order(BoundExpression value)
        => value is BoundLiteral { Value: var order } && order >= 0 && order <= SequentiallyConsistent ? (long)order : SequentiallyConsistent;
}
