// Expressions: names, literals, casts, types as expressions, and the steps between lvalues, values and types.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    /// <summary>Nesting up to here is bound without asking how much stack is left.</summary>
    private const int ComfortableDepth = 128;

    /// <summary>Binds an expression; the result may designate an object or a function.</summary>
    private BoundExpression BindExpression(ExpressionSyntax syntax)
    {
        if (_depth >= ComfortableDepth)
            return Nested(syntax, () => BindExpressionCore(syntax), ErrorAt(syntax));
        _depth++;
        BoundExpression result = BindExpressionCore(syntax);
        _depth--;
        return result;
    }

    /// <summary>Binds an expression and takes its value: loads, decays arrays and functions.</summary>
    private BoundExpression BindValue(ExpressionSyntax syntax) => ValueOf(BindExpression(syntax));

    private BoundExpression BindExpressionCore(ExpressionSyntax syntax)
    {
        switch (syntax)
        {
            case NameExpressionSyntax name: return BindName(name);
            case NumberExpressionSyntax number: return BindNumber(number);
            case CharacterExpressionSyntax character: return BindCharacter(character);
            case StringExpressionSyntax text: return BindString(text);
            case UnaryExpressionSyntax unary: return BindUnary(unary);
            case BinaryExpressionSyntax binary: return BindBinary(binary);
            case AssignmentExpressionSyntax assignment: return BindAssignment(assignment);
            case ConditionalExpressionSyntax conditional: return BindConditional(conditional);
            case CommaExpressionSyntax comma: return BindComma(comma);
            case CallExpressionSyntax call: return BindCall(call);
            case IndexExpressionSyntax index: return BindIndex(index);
            case MemberExpressionSyntax member: return BindMember(member);
            case CastExpressionSyntax cast: return BindCast(cast);
            case CompoundLiteralSyntax literal: return BindCompoundLiteral(literal);
            case TypeQueryExpressionSyntax query: return BindTypeQuery(query);
            case OffsetofExpressionSyntax offset: return BindOffsetof(offset);
            case StatementExpressionSyntax statement: return BindStatementExpression(statement);
            case GenericExpressionSyntax generic: return BindGeneric(generic);
            case LabelAddressSyntax label: return BindLabelAddress(label);
            default: return ErrorAt(syntax);
        }
    }

    // ---- values --------------------------------------------------------------------------------------------------------

    /// <summary>Lvalue conversion, array and function decay (C11 6.3.2.1).</summary>
    private BoundExpression ValueOf(BoundExpression expression)
    {
        switch (expression.Type.Canonical)
        {
            case ErrorType:
                return expression;
            case FunctionType when expression is BoundFunctionReference or BoundDereference:
                return Conversion(ConversionKind.FunctionToPointer, expression, expression.Type.Type.PointerTo());
            case ArrayType:
                // An array in the value of a structure is part of an object that lives for the expression (C11 6.2.4p8).
                if (expression.IsLValue)
                    MarkAddressTaken(expression);
                return Conversion(ConversionKind.ArrayToPointer, expression, PointerTo(TypeRelations.ElementOf(expression.Type)));
        }
        if (!expression.IsLValue)
            return expression;
        if (TypeRelations.IsVoid(expression.Type.Type))
            return expression;
        if (!IsCompleteHere(expression.Type.Type))
        {
            Report(D.DereferenceVoid, expression.Location, Show(expression.Type));
            return s_error;
        }
        if (_unevaluated == 0 && (expression.Type.AllQualifiers & TypeQualifiers.Atomic) != 0)
        {
            Report(D.AtomicAccess, expression.Location);
            return s_error;
        }
        if (RefusesFloat(expression.Type, expression.Location))
            return s_error;
        return Conversion(ConversionKind.LoadValue, expression, TypeRelations.ValueType(expression.Type));
    }

    private static BoundConversion Conversion(ConversionKind kind, BoundExpression operand, QualifiedType type, bool isImplicit = true)
        => new(kind, operand, type, isImplicit) { Span = operand.Span, Location = operand.Location };

    /// <summary>Reports floating point once per function where it would have to be computed.</summary>
    private bool RefusesFloat(QualifiedType type, SourceLocation location)
    {
        if (_unevaluated > 0 || !TypeRelations.IsFloating(type.Type))
            return false;
        if (_function is not { HasReportedFloat: true })
            Report(D.FloatingPoint, location);
        if (_function is not null)
            _function.HasReportedFloat = true;
        return true;
    }

    private static BoundLiteral Literal(TypeSymbol type, Int128 value, BoundExpression at)
        => new(type, ConstantEvaluator.Wrap(value, type)) { Span = at.Span, Location = at.Location };

    private static BoundLiteral Literal(QualifiedType type, Int128 value, SyntaxNode at)
        => new(type, ConstantEvaluator.Wrap(value, type.Type)) { Span = at.Span, Location = at.Location };

    /// <summary>An integer constant, folded from literals or (GNU) from const variables.</summary>
    private static bool TryGetConstant(BoundExpression expression, out Int128 value)
    {
        if (expression is BoundLiteral literal)
        {
            value = literal.Value;
            return TypeRelations.IsInteger(literal.Type.Type);
        }
        value = 0;
        if (!TypeRelations.IsInteger(expression.Type.Type) || !ConstantEvaluator.TryEvaluate(expression, out ConstantValue constant) || !constant.IsInteger)
            return false;
        value = constant.Value;
        return true;
    }

    private static bool IsNullConstant(BoundExpression expression)
        => expression is BoundLiteral { Value: var value } literal && value == 0
            && (literal.Type.Canonical is IntegerType or EnumType
                || (literal.Type.Canonical is PointerType { Pointee: { AllQualifiers: 0 } pointee } && TypeRelations.IsVoid(pointee.Type)));

    /// <summary>Converts a scalar value to a scalar type (or anything to void) without judging; folds literals.</summary>
    private static BoundExpression Convert(BoundExpression value, QualifiedType type, bool isImplicit = true)
    {
        TypeSymbol from = value.Type.Canonical, to = type.Canonical;
        if (from is ErrorType || to is ErrorType)
            return from is ErrorType ? value : s_error with { Span = value.Span, Location = value.Location };
        QualifiedType target = TypeRelations.ValueType(type);
        if (to is VoidType)
            return from is VoidType ? value : Conversion(ConversionKind.ToVoid, value, to, isImplicit);
        if (ReferenceEquals(from, to))
            return isImplicit ? value : value is BoundLiteral same ? same with { Type = target } : Conversion(ConversionKind.Identity, value, target, false);
        IntegerType? source = TypeRelations.Representation(from), result = TypeRelations.Representation(to);
        if (value is BoundLiteral literal && (result is not null || to is PointerType) && from is not FloatType)
            return literal with { Type = target, Value = ConstantEvaluator.Wrap(literal.Value, result ?? IntegerType.UnsignedLong) };
        if (result is { Kind: IntegerKind.Bool } && to is IntegerType)
            return Conversion(ConversionKind.ToBool, value, target, isImplicit);
        if (source is not null && result is not null)
            return Conversion(ConversionKind.Integral, value, target, isImplicit);
        if (from is PointerType && to is PointerType)
            return Conversion(ConversionKind.Pointer, value, target, isImplicit);
        if (source is not null && to is PointerType)
        {
            // First to 64 bits by the source's own sign, then the bits are the pointer.
            if (source.Size != 8)
                value = Conversion(ConversionKind.Integral, value, source.IsSigned ? IntegerType.Long : IntegerType.UnsignedLong);
            return Conversion(ConversionKind.IntegralToPointer, value, target, isImplicit);
        }
        if (from is PointerType && result is not null)
        {
            if (result.Size == 8)
                return Conversion(ConversionKind.PointerToIntegral, value, target, isImplicit);
            value = Conversion(ConversionKind.PointerToIntegral, value, IntegerType.UnsignedLong);
            return Conversion(ConversionKind.Integral, value, target, isImplicit);
        }
        // Floating operands reach this only where nothing is evaluated.
        return Conversion(ConversionKind.Integral, value, target, isImplicit);
    }

    // ---- names ---------------------------------------------------------------------------------------------------------

    private BoundExpression BindName(NameExpressionSyntax syntax)
    {
        Symbol? symbol = LookupName(syntax.Name);
        if (symbol is null)
        {
            if (syntax.Name is "__func__" or "__FUNCTION__" or "__PRETTY_FUNCTION__")
                return FunctionName(syntax);
            if (BuiltinTable.Find(syntax.Name) is not null)
                return ReportError(D.BuiltinArguments, syntax, syntax.Name, "to be called");
            symbol = Suggest(syntax.Name);
            if (symbol is null)
            {
                Report(D.UndeclaredIdentifier, syntax, syntax.Name);
                // One mistake, one message: the name now exists with an unknown type.
                _scope.Declare(syntax.Name, new VariableSymbol(syntax.Name, ErrorType.Instance, syntax.Location) { IsMentioned = true, IsRead = true });
                return ErrorAt(syntax);
            }
            ReportWithNote(D.UndeclaredSuggestion, SpanOf(syntax), $"'{symbol.Name}' declared here", symbol.Location, syntax.Name, symbol.Name);
        }
        return ReferTo(symbol, syntax);
    }

    private BoundExpression ReferTo(Symbol symbol, SyntaxNode syntax)
    {
        NoteDeprecated(symbol, syntax);
        switch (symbol)
        {
            case VariableSymbol variable:
                Mention(variable);
                variable.IsRead = true;
                if (TypeRelations.IsError(variable.Type.Type))
                    return ErrorAt(syntax);
                return new BoundVariable(variable) { Span = syntax.Span, Location = syntax.Location };
            case FunctionSymbol function:
                Mention(function);
                return new BoundFunctionReference(function) { Span = syntax.Span, Location = syntax.Location };
            case EnumConstantSymbol constant:
                constant.IsMentioned = true;
                Int128 value = constant.Type.Canonical is IntegerType { IsSigned: false } ? (ulong)constant.Value : constant.Value;
                return Literal(constant.Type, value, syntax);
            case TypedefSymbol:
                return ReportError(D.UnexpectedTypeName, syntax, symbol.Name);
            default:
                return ErrorAt(syntax);
        }
    }

    private BoundExpression FunctionName(SyntaxNode syntax)
    {
        byte[] bytes = [.. System.Text.Encoding.UTF8.GetBytes(_function?.Symbol.Name ?? ""), 0];
        return new BoundStringLiteral(new ArrayType(new QualifiedType(IntegerType.Char, TypeQualifiers.Const), bytes.Length), bytes) { Span = syntax.Span, Location = syntax.Location };
    }

    // ---- literals ------------------------------------------------------------------------------------------------------

    private BoundExpression BindNumber(NumberExpressionSyntax syntax)
    {
        NumberProblem problem = Literals.ParseNumber(syntax.Text, out ulong value, out TypeSymbol type);
        switch (problem)
        {
            case NumberProblem.None:
                return Literal(type, value, syntax);
            case NumberProblem.ImplicitlyUnsigned:
                Report(D.LiteralUnsigned, syntax);
                return Literal(type, value, syntax);
            case NumberProblem.Floating:
                return new BoundFloatConstant(type, Literals.ParseFloating(syntax.Text)) { Span = syntax.Span, Location = syntax.Location };
            default:
                return ReportError(D.InvalidNumber, syntax, syntax.Text, problem switch
                {
                    NumberProblem.InvalidDigit => "a digit does not belong to the base",
                    NumberProblem.InvalidSuffix => "unknown suffix",
                    NumberProblem.NoDigits => "digits are missing",
                    _ => "it does not fit 64 bits",
                });
        }
    }

    private BoundExpression BindCharacter(CharacterExpressionSyntax syntax)
    {
        IntegerType element = Literals.ElementType(syntax.Text, out _);
        var bytes = new List<byte>();
        if (!Literals.Decode(syntax.Text, element, bytes))
            return ReportError(D.InvalidEscape, syntax);
        if (bytes.Count == 0)
            return ReportError(D.EmptyCharacter, syntax);
        if (element.Size == 1)
        {
            if (bytes.Count == 1)
                return Literal(IntegerType.Int, (sbyte)bytes[0], syntax);
            Report(D.MultiCharacter, syntax);
            Int128 packed = 0;
            foreach (byte part in bytes)
                packed = (packed << 8) | part;
            return Literal(IntegerType.Int, packed, syntax);
        }
        Int128 value = 0;
        for (int i = (int)element.Size - 1; i >= 0; i--)
            value = (value << 8) | bytes[bytes.Count - (int)element.Size + i];
        return Literal(element, value, syntax);
    }

    private BoundExpression BindString(StringExpressionSyntax syntax)
    {
        IntegerType element = IntegerType.Char;
        foreach (string part in syntax.Parts)
        {
            IntegerType own = Literals.ElementType(part, out int quote);
            if (quote == 0 || ReferenceEquals(own, element))
                continue;
            if (!ReferenceEquals(element, IntegerType.Char))
                return ReportError(D.MixedStringPrefixes, syntax);
            element = own;
        }
        var bytes = new List<byte>();
        bool valid = true;
        foreach (string part in syntax.Parts)
            valid &= Literals.Decode(part, element, bytes);
        if (!valid)
            Report(D.InvalidEscape, syntax);
        for (int i = 0; i < element.Size; i++)
            bytes.Add(0);
        return new BoundStringLiteral(new ArrayType(element, bytes.Count / element.Size), [.. bytes]) { Span = syntax.Span, Location = syntax.Location };
    }

    // ---- casts and comma ------------------------------------------------------------------------------------------------

    private BoundExpression BindCast(CastExpressionSyntax syntax)
    {
        QualifiedType type = BindTypeName(syntax.Type);
        BoundExpression operand = BindExpression(syntax.Operand);
        if (TypeRelations.IsVoid(type.Type))
            return operand is BoundErrorExpression ? operand : Convert(operand.Type.Canonical is ArrayType or FunctionType ? ValueOf(operand) : DropValue(operand), VoidType.Instance, false);
        operand = ValueOf(operand);
        if (TypeRelations.IsError(type.Type) || TypeRelations.IsError(operand.Type.Type))
            return ErrorAt(syntax);
        if (operand.Type.Canonical is RecordType && ReferenceEquals(operand.Type.Canonical, type.Canonical))
            return Conversion(ConversionKind.Identity, operand, TypeRelations.ValueType(type), false);
        if (type.Canonical is RecordType { IsUnion: true } union)
            return BindUnionCast(syntax, union, type, operand);
        if (!TypeRelations.IsScalar(type.Type) || !TypeRelations.IsScalar(operand.Type.Type))
        {
            if (TypeRelations.IsVoid(operand.Type.Type))
                return ReportError(D.VoidValue, syntax);
            return ReportError(D.InvalidCast, syntax, Show(operand.Type), Show(type));
        }
        if (FoldFloatConversion(operand, type) is { } folded)
            return folded with { Span = syntax.Span, Location = syntax.Location };
        if (RefusesFloat(type, syntax.Location) || RefusesFloat(operand.Type, syntax.Location))
            return ErrorAt(syntax);
        if (operand is not BoundLiteral)
        {
            if (type.Canonical is PointerType && TypeRelations.Representation(operand.Type.Type) is { Size: < 8 } and not { Kind: IntegerKind.Bool })
                Report(TypeRelations.IsVoid(((PointerType)type.Canonical).Pointee.Type) ? D.IntToVoidPointerCast : D.IntToPointerCast, syntax, Show(operand.Type), Show(type));
            else if (operand.Type.Canonical is PointerType && TypeRelations.Representation(type.Type) is { Size: < 8, Kind: not IntegerKind.Bool })
                Report(D.PointerToIntCast, syntax, Show(operand.Type), Show(type));
        }
        return Convert(operand, type, false) with { Span = syntax.Span, Location = syntax.Location };
    }

    /// <summary>The object is named but its value not needed: reads only what is volatile.</summary>
    private BoundExpression DropValue(BoundExpression expression)
        => expression.IsLValue && expression.Type.IsVolatile ? ValueOf(expression) : expression;

    /// <summary>GNU: a cast to a union makes one whose member of the operand's type has that value.</summary>
    private BoundExpression BindUnionCast(CastExpressionSyntax syntax, RecordType union, QualifiedType type, BoundExpression operand)
    {
        foreach (FieldSymbol field in union.Fields)
        {
            if (!TypeRelations.AreCompatible(field.Type.Canonical, operand.Type.Canonical))
                continue;
            VariableSymbol storage = MakeTemporary(type, syntax.Location);
            var initializer = new BoundInitializer(type, true, [new BoundInitializerEntry(0, field.IsBitField ? field : null, field.Type, operand)]) { Span = syntax.Span, Location = syntax.Location };
            return ValueOf(new BoundCompoundLiteral(storage, initializer) { Span = syntax.Span, Location = syntax.Location });
        }
        return ReportError(D.InvalidCast, syntax, Show(operand.Type), Show(type));
    }

    private VariableSymbol MakeTemporary(QualifiedType type, SourceLocation location)
        => new(".compoundliteral", type, location) { Owner = _function?.Symbol, IsDefined = true, IsMentioned = true, IsReferenced = true, IsRead = true, DeclarationOrder = _order };

    private BoundExpression BindComma(CommaExpressionSyntax syntax)
    {
        BoundExpression left = BindDiscarded(syntax.Left);
        BoundExpression right = BindValue(syntax.Right);
        if (left is BoundErrorExpression || right is BoundErrorExpression)
            return ErrorAt(syntax);
        return new BoundComma(left, right) { Span = syntax.Span, Location = syntax.Location };
    }

    /// <summary>An expression whose value is dropped: converted to void.</summary>
    private BoundExpression BindDiscarded(ExpressionSyntax syntax)
    {
        BoundExpression expression = BindExpression(syntax);
        WarnUnusedValue(expression, syntax);
        return Discard(expression);
    }

    private BoundExpression Discard(BoundExpression expression)
    {
        if (expression is BoundErrorExpression)
            return expression;
        if (expression is BoundFloatConstant)
            return RefusesFloat(expression.Type, expression.Location) ? s_error : Literal(IntegerType.Int, 0, expression);
        expression = expression.Type.Canonical is ArrayType or FunctionType ? expression : DropValue(expression);
        return Convert(expression, VoidType.Instance);
    }

    // ---- types as expressions ------------------------------------------------------------------------------------------

    private BoundExpression BindTypeQuery(TypeQueryExpressionSyntax syntax)
    {
        string name = syntax.Query == TypeQuery.SizeOf ? "sizeof" : "_Alignof";
        QualifiedType type;
        int? alignment = null;
        if (syntax.Operand is TypeNameSyntax typeName)
        {
            type = BindTypeName(typeName);
        }
        else
        {
            _unevaluated++;
            BoundExpression operand = BindExpression((ExpressionSyntax)syntax.Operand);
            _unevaluated--;
            if (operand is BoundMember { Field.IsBitField: true })
                return ReportError(D.SizeofBitField, syntax, name);
            type = operand.Type;
            alignment = operand switch
            {
                BoundVariable variable => variable.Symbol.Attributes.Alignment,
                BoundMember member => member.Field.Attributes.Alignment,
                _ => null,
            };
        }
        if (TypeRelations.IsError(type.Type))
            return ErrorAt(syntax);
        // GNU: void and functions count one byte.
        if (type.Canonical is VoidType or FunctionType)
            return Literal(IntegerType.UnsignedLong, syntax.Query == TypeQuery.AlignOf && type.Canonical is FunctionType ? 8 : 1, syntax);
        TypeSymbol measured = type.Type;
        if (syntax.Query == TypeQuery.AlignOf)
        {
            while (measured.Canonical is ArrayType array)
                measured = array.Element.Type;
        }
        if (!IsCompleteHere(measured))
            return ReportError(D.SizeofIncomplete, syntax, name, Show(type));
        return Literal(IntegerType.UnsignedLong, syntax.Query == TypeQuery.SizeOf ? type.Type.Size : Math.Max(alignment ?? 0, type.Type.Alignment), syntax);
    }

    private BoundExpression BindOffsetof(OffsetofExpressionSyntax syntax)
    {
        QualifiedType type = BindTypeName(syntax.Type);
        if (TypeRelations.IsError(type.Type))
            return ErrorAt(syntax);
        if (type.Canonical is not RecordType)
            return ReportError(D.OffsetofNotRecord, syntax, Show(type));
        var steps = new Stack<ExpressionSyntax>();
        ExpressionSyntax current = syntax.Designator;
        while (current is MemberExpressionSyntax or IndexExpressionSyntax)
        {
            steps.Push(current);
            current = current is MemberExpressionSyntax member ? member.Receiver : ((IndexExpressionSyntax)current).Array;
        }
        steps.Push(current);
        Int128 offset = 0;
        var path = new List<FieldSymbol>();
        while (steps.TryPop(out ExpressionSyntax? step))
        {
            if (step is IndexExpressionSyntax index)
            {
                if (type.Canonical is not ArrayType array)
                    return ReportError(D.SubscriptNotPointer, index);
                BoundExpression at = BindValue(index.Index);
                if (at is BoundErrorExpression)
                    return at;
                if (!TryGetConstant(at, out Int128 value))
                    return ReportError(D.OffsetofNotConstant, index.Index);
                offset += value * array.Element.Type.Size;
                type = array.Element;
                continue;
            }
            string? name = step is NameExpressionSyntax first ? first.Name : (step as MemberExpressionSyntax)?.Member;
            if (name is null)
                return ErrorAt(syntax);
            if (type.Canonical is not RecordType record)
                return ReportError(D.MemberOfNonRecord, step, Show(type));
            if (!IsCompleteHere(record))
                return ReportError(D.SizeofIncomplete, syntax, "offsetof", Show(type));
            path.Clear();
            if (!FindMember(record, name, path, 0))
                return ReportError(D.NoSuchMember, step, name, TypePrinter.Print(type.Type));
            foreach (FieldSymbol field in path)
            {
                if (field.IsBitField)
                    return ReportError(D.OffsetofBitField, step, name);
                offset += field.ByteOffset;
                type = field.Type;
            }
        }
        return Literal(IntegerType.UnsignedLong, offset, syntax);
    }

    private BoundExpression BindGeneric(GenericExpressionSyntax syntax)
    {
        _unevaluated++;
        BoundExpression control = BindValue(syntax.Control);
        _unevaluated--;
        if (control is BoundErrorExpression)
            return ErrorAt(syntax);
        QualifiedType type = new(control.Type.Canonical);
        GenericAssociationSyntax? chosen = null, fallback = null;
        var seen = new List<QualifiedType>();
        foreach (GenericAssociationSyntax association in syntax.Associations)
        {
            if (association.Type is null)
            {
                if (fallback is not null)
                    return ReportError(D.GenericDuplicate, association, "'default'");
                fallback = association;
                continue;
            }
            QualifiedType candidate = BindTypeName(association.Type);
            if (TypeRelations.IsError(candidate.Type))
                return ErrorAt(syntax);
            if (seen.Exists(other => TypeRelations.AreCompatible(other, candidate)))
                return ReportError(D.GenericDuplicate, association, Show(candidate));
            seen.Add(candidate);
            if (TypeRelations.AreCompatible(candidate, type))
                chosen ??= association;
        }
        // The others are checked, not evaluated.
        _unevaluated++;
        foreach (GenericAssociationSyntax association in syntax.Associations)
        {
            if (!ReferenceEquals(association, chosen ?? fallback))
                BindExpression(association.Value);
        }
        _unevaluated--;
        chosen ??= fallback;
        return chosen is null ? ReportError(D.GenericNoMatch, syntax.Control, Show(type)) : BindExpression(chosen.Value);
    }

    private BoundExpression BindCompoundLiteral(CompoundLiteralSyntax syntax)
    {
        QualifiedType type = BindTypeName(syntax.Type);
        if (TypeRelations.IsError(type.Type))
            return ErrorAt(syntax);
        bool isStatic = _function is null;
        BoundInitializer? initializer = BindInitializer(type, syntax.Initializer, isStatic, out QualifiedType completed);
        if (initializer is null || TypeRelations.IsError(completed.Type))
            return ErrorAt(syntax);
        if (!IsCompleteHere(completed.Type))
            return ErrorAt(syntax);
        VariableSymbol storage = MakeTemporary(completed, syntax.Location);
        if (isStatic && _unevaluated == 0)
        {
            storage.IsGlobal = true;
            storage.Linkage = SymbolLinkage.Internal;
            storage.Initializer = initializer;
            _globals.Add(storage);
            Require(storage);
        }
        return new BoundCompoundLiteral(storage, initializer) { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundExpression BindLabelAddress(LabelAddressSyntax syntax)
    {
        if (_function is null)
            return ReportError(D.UnsupportedExpression, syntax, "the address of a label at file scope");
        LabelSymbol label = ReferToLabel(syntax.Label, syntax);
        return new BoundLabelAddress(label, VoidType.Instance.PointerTo()) { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundExpression BindStatementExpression(StatementExpressionSyntax syntax)
    {
        if (_function is null)
            return ReportError(D.StatementExpressionOutside, syntax);
        BoundBlock block = BindBlock(syntax.Body, true, out BoundExpression? result);
        QualifiedType type = result?.Type ?? VoidType.Instance;
        if (result is BoundErrorExpression || RefusesFloat(type, syntax.Location))
            return ErrorAt(syntax);
        return new BoundStatementExpression(block, result, type) { Span = syntax.Span, Location = syntax.Location };
    }
}
