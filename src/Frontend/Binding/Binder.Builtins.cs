// Compiler builtins: operand checks by form, folding, and what is left for later stages. Atomics are in Binder.Atomics.cs,
// CO-RE builtins in Binder.Relocations.cs.
using System.Numerics;
using Ebpfcc.Core.Numerics;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private static readonly QualifiedType s_voidPointer = VoidType.Instance.PointerTo();
    private static readonly QualifiedType s_constVoidPointer = new PointerType(new QualifiedType(VoidType.Instance, TypeQualifiers.Const));

    private BoundExpression BindBuiltin(BuiltinRow row, CallExpressionSyntax syntax)
    {
        switch (row.Form)
        {
            case BuiltinForm.Refused:
                return ReportError(D.BuiltinRefused, syntax, row.Name);
            case BuiltinForm.Copy or BuiltinForm.Set or BuiltinForm.Compare:
                return BindMemory(row, syntax);
            case BuiltinForm.StringLength:
                return BindStringLength(row, syntax);
            case BuiltinForm.StringCompare:
                return BindStringCompare(row, syntax);
            case BuiltinForm.Bits or BuiltinForm.Absolute:
                return BindBits(row, syntax);
            case BuiltinForm.ConstantP:
                return BindConstantP(row, syntax);
            case BuiltinForm.ChooseExpr:
                return BindChooseExpr(row, syntax);
            case BuiltinForm.TypesCompatible:
                if (syntax.Arguments is not [TypeNameSyntax first, TypeNameSyntax second])
                    return WrongArguments(row, syntax, "two types");
                QualifiedType one = BindTypeName(first), other = BindTypeName(second);
                return Literal(IntegerType.Int, TypeRelations.AreCompatible(one.Canonical, other.Canonical) && BothEnumsOrNone(one, other) ? 1 : 0, syntax);
            case BuiltinForm.ObjectSize:
                return BindObjectSize(row, syntax);
            case BuiltinForm.ClassifyType:
                return BindClassifyType(row, syntax);
            case BuiltinForm.Identity:
                return BindIdentity(row, syntax);
            case BuiltinForm.Expect or BuiltinForm.ExpectWithProbability:
                return BindExpect(row, syntax);
            case BuiltinForm.Assume:
                if (Operand(row, syntax, 0, 1, "a condition") is not { } condition)
                    return ErrorAt(syntax);
                return TypeRelations.IsScalar(condition.Type.Type) ? Builtin(row, syntax, VoidType.Instance, condition) : ReportError(D.NotScalarCondition, syntax, Show(condition.Type));
            case BuiltinForm.NoReturn:
                return syntax.Arguments.Count == 0 ? Builtin(row, syntax, VoidType.Instance) : WrongArguments(row, syntax, "no arguments");
            case BuiltinForm.Prefetch:
                return Operand(row, syntax, 0, -1, "an address") is { } address ? Discard(address) : ErrorAt(syntax);
            case BuiltinForm.FrameLevel:
                if (Operand(row, syntax, 0, 1, "a level") is not { } level)
                    return ErrorAt(syntax);
                return level is BoundLiteral ? Builtin(row, syntax, s_voidPointer, Convert(level, IntegerType.UnsignedInt)) : ReportError(D.NotConstantArgument, syntax, row.Name);
            case BuiltinForm.ExtractReturnAddress:
                return Operand(row, syntax, 0, 1, "an address") is { } from ? ConvertAssigned(from, s_voidPointer, syntax, AssignmentKind.Passing) : ErrorAt(syntax);
            case BuiltinForm.Overflow:
                return BindOverflow(row, syntax);
            case BuiltinForm.PreserveAccessIndex or BuiltinForm.PreserveFieldInfo or BuiltinForm.PreserveTypeInfo or BuiltinForm.PreserveEnumValue or BuiltinForm.BtfTypeId:
                return BindRelocationBuiltin(row, syntax);
            default:
                return BindAtomic(row, syntax);
        }
    }

    private static bool BothEnumsOrNone(QualifiedType left, QualifiedType right) => left.Canonical is EnumType == right.Canonical is EnumType;

    private BoundExpression WrongArguments(BuiltinRow row, CallExpressionSyntax syntax, string expected)
    {
        BindArguments(syntax);
        return ReportError(D.BuiltinArguments, syntax, row.Name, expected);
    }

    /// <summary>The value of one operand of a builtin with <paramref name="count"/> operands (-1: at least one more than the index); null after a report.</summary>
    private BoundExpression? Operand(BuiltinRow row, CallExpressionSyntax syntax, int index, int count, string expected)
    {
        if ((count >= 0 ? syntax.Arguments.Count != count : syntax.Arguments.Count <= index) || syntax.Arguments[index] is not ExpressionSyntax argument)
        {
            // Reported once, for the first operand that is asked for.
            if (index == 0)
                WrongArguments(row, syntax, expected);
            return null;
        }
        BoundExpression value = BindValue(argument);
        return value is BoundErrorExpression ? null : value;
    }

    private static BoundBuiltinCall Builtin(BuiltinRow row, SyntaxNode syntax, QualifiedType type, params IReadOnlyList<BoundExpression> arguments)
        => new(row.Kind, arguments, type) { Span = syntax.Span, Location = syntax.Location };

    // ---- memory --------------------------------------------------------------------------------------------------------

    private BoundExpression BindMemory(BuiltinRow row, CallExpressionSyntax syntax)
    {
        if (Operand(row, syntax, 0, 3, "three arguments") is not { } first || Operand(row, syntax, 1, 3, "") is not { } second || Operand(row, syntax, 2, 3, "") is not { } length)
            return ErrorAt(syntax);
        WarnSizeofPointer(row, syntax, first);
        QualifiedType secondType = row.Form == BuiltinForm.Set ? IntegerType.Int : s_constVoidPointer;
        first = ConvertAssigned(first, row.Form == BuiltinForm.Compare ? s_constVoidPointer : s_voidPointer, syntax.Arguments[0], AssignmentKind.Passing);
        second = ConvertAssigned(second, secondType, syntax.Arguments[1], AssignmentKind.Passing);
        length = ConvertAssigned(length, IntegerType.UnsignedLong, syntax.Arguments[2], AssignmentKind.Passing);
        if (first is BoundErrorExpression || second is BoundErrorExpression || length is BoundErrorExpression)
            return ErrorAt(syntax);
        return Builtin(row, syntax, row.Form == BuiltinForm.Compare ? IntegerType.Int : s_voidPointer, first, second, length);
    }

    private void WarnSizeofPointer(BuiltinRow row, CallExpressionSyntax syntax, BoundExpression destination)
    {
        if (syntax.Arguments[2] is TypeQueryExpressionSyntax { Query: TypeQuery.SizeOf, Operand: NameExpressionSyntax measured }
            && syntax.Arguments[0] is NameExpressionSyntax target && target.Name == measured.Name
            && destination is BoundConversion { Kind: ConversionKind.LoadValue } && destination.Type.Canonical is PointerType { Pointee.Canonical: RecordType })
            Report(D.SizeofPointerMemaccess, syntax.Arguments[2], $"'{row.Name}'", "destination");
    }

    private BoundExpression BindStringLength(BuiltinRow row, CallExpressionSyntax syntax)
    {
        if (Operand(row, syntax, 0, 1, "a string") is not { } value)
            return ErrorAt(syntax);
        if (ConstantText(value) is { } text)
            return Literal(IntegerType.UnsignedLong, text.Length, syntax);
        return ReportError(D.BuiltinArguments, syntax, row.Name, "a string constant (eBPF has no strlen to call)");
    }

    private BoundExpression BindStringCompare(BuiltinRow row, CallExpressionSyntax syntax)
    {
        if (Operand(row, syntax, 0, row.Argument, "strings to compare") is not { } left || Operand(row, syntax, 1, row.Argument, "") is not { } right)
            return ErrorAt(syntax);
        Int128 limit = int.MaxValue;
        if (row.Argument == 3 && (Operand(row, syntax, 2, 3, "") is not { } count || !TryGetConstant(count, out limit)))
            return ReportError(D.NotConstantArgument, syntax, row.Name);
        if (ConstantText(left) is not { } first || ConstantText(right) is not { } second)
            return ReportError(D.BuiltinArguments, syntax, row.Name, "string constants (eBPF has no function to call)");
        ReadOnlySpan<byte> a = first, b = second;
        if (limit < a.Length)
            a = a[..(int)Int128.Max(limit, 0)];
        if (limit < b.Length)
            b = b[..(int)Int128.Max(limit, 0)];
        return Literal(IntegerType.Int, Math.Sign(a.SequenceCompareTo(b)), syntax);
    }

    /// <summary>The bytes of a string constant up to its zero; null when the pointer is something else.</summary>
    private static byte[]? ConstantText(BoundExpression pointer)
    {
        if (!ConstantEvaluator.TryEvaluate(pointer, out ConstantValue constant) || constant.Text is not { } text || ((ArrayType)text.Type.Canonical).Element.Type.Size != 1
            || constant.Value < 0 || constant.Value >= text.Bytes.Length)
            return null;
        int start = (int)constant.Value;
        return text.Bytes[start..Array.IndexOf(text.Bytes, (byte)0, start)];
    }

    // ---- bits ----------------------------------------------------------------------------------------------------------

    private BoundExpression BindBits(BuiltinRow row, CallExpressionSyntax syntax)
    {
        if (Operand(row, syntax, 0, 1, "one integer") is not { } value)
            return ErrorAt(syntax);
        if (!TypeRelations.IsInteger(value.Type.Type))
            return ReportError(D.BuiltinArguments, syntax, row.Name, "an integer");
        if (row.Form == BuiltinForm.Absolute)
            return BindAbsolute(row, syntax, value);
        IntegerType type = row.Argument switch { 16 => IntegerType.UnsignedShort, 32 => IntegerType.UnsignedInt, _ => IntegerType.UnsignedLong };
        value = Convert(value, type);
        IntegerType result = row.Kind == BuiltinKind.ByteSwap ? type : IntegerType.Int;
        if (value is BoundLiteral literal && FoldBits(row, (ulong)literal.Value) is { } folded)
            return Literal(new QualifiedType(result), folded, syntax);
        return Builtin(row, syntax, result, value);
    }

    private static Int128? FoldBits(BuiltinRow row, ulong value) => row.Kind switch
    {
        BuiltinKind.ByteSwap => IntegerArithmetic.ByteSwap(value, row.Argument),
        BuiltinKind.PopCount => BitOperations.PopCount(value),
        BuiltinKind.Parity => BitOperations.PopCount(value) & 1,
        BuiltinKind.FindFirstSet => value == 0 ? 0 : BitOperations.TrailingZeroCount(value) + 1,
        // Undefined for zero: left to run time.
        BuiltinKind.CountLeadingZeros => value == 0 ? null : BitOperations.LeadingZeroCount(value) - (64 - row.Argument),
        BuiltinKind.CountTrailingZeros => value == 0 ? null : BitOperations.TrailingZeroCount(value),
        _ => null,
    };

    /// <summary>|x| as ({ T t = x; t &lt; 0 ? -t : t; }).</summary>
    private BoundExpression BindAbsolute(BuiltinRow row, CallExpressionSyntax syntax, BoundExpression value)
    {
        IntegerType type = row.Argument == 32 ? IntegerType.Int : IntegerType.Long;
        value = Convert(value, type);
        if (value is BoundLiteral literal)
            return Literal(new QualifiedType(type), Int128.Abs(literal.Value), syntax);
        if (_function is null)
            return ReportError(D.InitializerNotConstant, syntax);
        VariableSymbol temporary = MakeTemporary(type, syntax.Location);
        var initializer = new BoundInitializer(type, false, [new BoundInitializerEntry(0, null, type, value)]) { Span = syntax.Span, Location = syntax.Location };
        var declaration = new BoundLocalDeclaration(temporary, initializer) { Span = syntax.Span, Location = syntax.Location };
        BoundExpression Read() => Conversion(ConversionKind.LoadValue, new BoundVariable(temporary) { Span = syntax.Span, Location = syntax.Location }, type);
        var isNegative = new BoundBinary(BinaryOperator.Less, Read(), Literal(new QualifiedType(type), 0, syntax), IntegerType.Int) { Span = syntax.Span, Location = syntax.Location };
        var negated = new BoundUnary(BoundUnaryOperator.Minus, Read(), type) { Span = syntax.Span, Location = syntax.Location };
        var result = new BoundConditional(isNegative, negated, Read(), type) { Span = syntax.Span, Location = syntax.Location };
        return new BoundStatementExpression(new BoundBlock([declaration]) { Span = syntax.Span, Location = syntax.Location }, result, type) { Span = syntax.Span, Location = syntax.Location };
    }

    // ---- questions to the compiler -------------------------------------------------------------------------------------

    private BoundExpression BindConstantP(BuiltinRow row, CallExpressionSyntax syntax)
    {
        // The operand is never evaluated, but the optimiser may look at it.
        bool outer = _isAddressOperand;
        if (Operand(row, syntax, 0, 1, "one argument") is not { } value)
            return ErrorAt(syntax);
        _isAddressOperand = outer;
        if (value is BoundLiteral || (ConstantEvaluator.TryEvaluate(value, out ConstantValue constant) && (constant.IsInteger || (constant.Text is not null && constant.Value == 0))))
            return Literal(IntegerType.Int, 1, syntax);
        if (_unevaluated > 0 || _function is null || !TypeRelations.IsScalar(value.Type.Type) || HasSideEffects(value))
            return Literal(IntegerType.Int, 0, syntax);
        return Builtin(row, syntax, IntegerType.Int, value);
    }

    private static bool HasSideEffects(BoundExpression expression) => expression switch
    {
        BoundLiteral or BoundVariable or BoundStringLiteral or BoundFunctionReference or BoundLabelAddress => false,
        BoundConversion conversion => HasSideEffects(conversion.Operand) || (conversion.Kind == ConversionKind.LoadValue && conversion.Operand.Type.IsVolatile),
        BoundDereference dereference => HasSideEffects(dereference.Pointer),
        BoundMember member => HasSideEffects(member.Receiver),
        BoundAddressOf address => HasSideEffects(address.Operand),
        BoundUnary unary => HasSideEffects(unary.Operand),
        BoundBinary binary => HasSideEffects(binary.Left) || HasSideEffects(binary.Right),
        BoundLogical logical => HasSideEffects(logical.Left) || HasSideEffects(logical.Right),
        BoundPointerArithmetic arithmetic => HasSideEffects(arithmetic.Pointer) || HasSideEffects(arithmetic.Index),
        BoundPointerDifference difference => HasSideEffects(difference.Left) || HasSideEffects(difference.Right),
        BoundConditional conditional => HasSideEffects(conditional.Condition) || (conditional.IfTrue is { } then && HasSideEffects(then)) || HasSideEffects(conditional.IfFalse),
        BoundBuiltinCall { Kind: BuiltinKind.ByteSwap or BuiltinKind.ConstantP or BuiltinKind.PopCount or BuiltinKind.Expect or BuiltinKind.Parity or BuiltinKind.FindFirstSet } call => HasSideEffects(call.Arguments[0]),
        _ => true,
    };

    private BoundExpression BindChooseExpr(BuiltinRow row, CallExpressionSyntax syntax)
    {
        if (syntax.Arguments is not [ExpressionSyntax conditionSyntax, ExpressionSyntax first, ExpressionSyntax second])
            return WrongArguments(row, syntax, "a constant and two expressions");
        BoundExpression condition = BindValue(conditionSyntax);
        if (condition is BoundErrorExpression)
            return ErrorAt(syntax);
        if (!TryGetConstant(condition, out Int128 value))
            return ReportError(D.NotConstantArgument, conditionSyntax, row.Name);
        _unevaluated++;
        BindExpression(value != 0 ? second : first);
        _unevaluated--;
        return BindExpression(value != 0 ? first : second);
    }

    /// <summary>Only what is plain from the expression: whole objects and constant places in them.</summary>
    private BoundExpression BindObjectSize(BuiltinRow row, CallExpressionSyntax syntax)
    {
        _unevaluated++;
        BoundExpression? pointer = Operand(row, syntax, 0, 2, "a pointer and a type from 0 to 3");
        BoundExpression? kind = pointer is null ? null : Operand(row, syntax, 1, 2, "");
        _unevaluated--;
        if (pointer is null || kind is null)
            return ErrorAt(syntax);
        if (kind is not BoundLiteral { Value: var mode } || mode < 0 || mode > 3)
            return ReportError(D.NotConstantArgument, syntax, row.Name);
        Int128 unknown = mode < 2 ? ulong.MaxValue : 0;
        return Literal(IntegerType.UnsignedLong, SizeBehind(pointer, (mode & 1) != 0) is { } size ? size : unknown, syntax);
    }

    private static long? SizeBehind(BoundExpression pointer, bool isSubobject)
    {
        switch (pointer)
        {
            case BoundConversion { Kind: ConversionKind.Pointer or ConversionKind.Identity } conversion:
                return SizeBehind(conversion.Operand, isSubobject);
            case BoundConversion { Kind: ConversionKind.ArrayToPointer, Operand: var array }:
                return SizeOfObject(array, isSubobject);
            case BoundAddressOf address:
                return SizeOfObject(address.Operand, isSubobject);
            case BoundPointerArithmetic { Index: BoundLiteral index } arithmetic when SizeBehind(arithmetic.Pointer, isSubobject) is { } whole:
                Int128 rest = whole - (index.Value * arithmetic.ElementSize * (arithmetic.IsSubtraction ? -1 : 1));
                return rest < 0 ? 0 : (long)rest;
            default:
                return null;
        }
    }

    private static long? SizeOfObject(BoundExpression lvalue, bool isSubobject)
    {
        switch (lvalue)
        {
            case BoundVariable or BoundStringLiteral or BoundCompoundLiteral:
                return lvalue.Type.Type.Size is >= 0 and var size ? size : null;
            case BoundMember member when isSubobject && member.Type.Type.Size >= 0:
                return member.Type.Type.Size;
            case BoundMember member when SizeOfObject(member.Receiver, false) is { } whole:
                return Math.Max(0, whole - member.Field.ByteOffset);
            case BoundDereference dereference:
                return SizeBehind(dereference.Pointer, isSubobject);
            default:
                return null;
        }
    }

    /// <summary>The numbers are gcc's.</summary>
    private BoundExpression BindClassifyType(BuiltinRow row, CallExpressionSyntax syntax)
    {
        _unevaluated++;
        BoundExpression? value = Operand(row, syntax, 0, 1, "one argument");
        _unevaluated--;
        if (value is null)
            return ErrorAt(syntax);
        return Literal(IntegerType.Int, value.Type.Canonical switch
        {
            VoidType => 0,
            IntegerType or EnumType => 1,
            PointerType => 5,
            FloatType => 8,
            RecordType { IsUnion: true } => 13,
            RecordType => 12,
            _ => -1,
        }, syntax);
    }

    private BoundExpression BindIdentity(BuiltinRow row, CallExpressionSyntax syntax)
    {
        if (row.Argument == 1)
        {
            return syntax.Arguments is [ExpressionSyntax operand]
                ? BindAddressOf(new UnaryExpressionSyntax(UnaryOperator.AddressOf, operand) { Span = syntax.Span, Location = syntax.Location })
                : WrongArguments(row, syntax, "an object");
        }
        return Operand(row, syntax, 0, -1, "an argument") ?? ErrorAt(syntax);
    }

    private BoundExpression BindExpect(BuiltinRow row, CallExpressionSyntax syntax)
    {
        int count = row.Form == BuiltinForm.Expect ? 2 : 3;
        if (Operand(row, syntax, 0, count, "a value and what is expected of it") is not { } value || Operand(row, syntax, 1, count, "") is not { } expected)
            return ErrorAt(syntax);
        value = ConvertAssigned(value, IntegerType.Long, syntax.Arguments[0], AssignmentKind.Passing);
        expected = ConvertAssigned(expected, IntegerType.Long, syntax.Arguments[1], AssignmentKind.Passing);
        if (value is BoundErrorExpression || expected is BoundErrorExpression)
            return ErrorAt(syntax);
        return value is BoundLiteral ? value : Builtin(row, syntax, IntegerType.Long, value, expected);
    }

    private BoundExpression BindOverflow(BuiltinRow row, CallExpressionSyntax syntax)
    {
        if (Operand(row, syntax, 0, 3, "two integers and a pointer to the result") is not { } left || Operand(row, syntax, 1, 3, "") is not { } right || Operand(row, syntax, 2, 3, "") is not { } result)
            return ErrorAt(syntax);
        IntegerType? fixedType = row.Argument switch
        {
            1 => IntegerType.Int, 2 => IntegerType.Long, 3 => IntegerType.LongLong,
            4 => IntegerType.UnsignedInt, 5 => IntegerType.UnsignedLong, 6 => IntegerType.UnsignedLongLong,
            _ => null,
        };
        if (!TypeRelations.IsInteger(left.Type.Type) || !TypeRelations.IsInteger(right.Type.Type)
            || result.Type.Canonical is not PointerType { Pointee: { IsConst: false } pointee } || pointee.Canonical is not IntegerType { Kind: not IntegerKind.Bool })
            return ReportError(D.BuiltinArguments, syntax, row.Name, "two integers and a pointer to the result");
        if (fixedType is not null)
        {
            left = Convert(left, fixedType);
            right = Convert(right, fixedType);
            result = ConvertAssigned(result, fixedType.PointerTo(), syntax.Arguments[2], AssignmentKind.Passing);
            if (result is BoundErrorExpression)
                return ErrorAt(syntax);
        }
        return Builtin(row, syntax, IntegerType.Bool, left, right, result);
    }
}
