// Enumerations (C11 6.7.2.2 and what gcc and clang make of it): unsigned int unless a value is negative, 64 bits when a value
// needs them, the smallest type when packed, or the type written behind the colon.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private QualifiedType BindEnumSpecifier(EnumSpecifierSyntax syntax, bool isBare)
    {
        if (_typesOfSpecifiers.TryGetValue(syntax, out TypeSymbol? known))
            return known;
        if (syntax.Enumerators is null)
            return ReferToEnum(syntax, isBare);
        EnumType type;
        if (syntax.Tag is not null && FindTagHere(syntax.Tag) is { } existing)
        {
            if (existing is not EnumType same)
            {
                ReportWithNote(D.WrongTagKind, SpanOf(syntax), "previous use is here", LocationOf(existing), syntax.Tag);
                return ErrorType.Instance;
            }
            if (_tagDefinitions.ContainsKey(same))
            {
                ReportWithNote(D.TagRedefinition, SpanOf(syntax), "previous definition is here", same.Location, syntax.Tag);
                return same;
            }
            type = same;
            type.Location = syntax.Location;
        }
        else
        {
            type = new EnumType(syntax.Tag, syntax.Location);
            if (syntax.Tag is not null)
                TagScope().DeclareTag(syntax.Tag, type);
        }
        _typesOfSpecifiers[syntax] = type;
        _tagDefinitions[type] = syntax;
        DefineEnum(type, syntax);
        return type;
    }

    private QualifiedType ReferToEnum(EnumSpecifierSyntax syntax, bool isBare)
    {
        string tag = syntax.Tag ?? "";
        TypeSymbol? existing = isBare && syntax.UnderlyingType is null ? FindTagHere(tag) : LookupTag(tag);
        if (existing is EnumType type)
            return type;
        if (existing is not null)
        {
            ReportWithNote(D.WrongTagKind, SpanOf(syntax), "previous use is here", LocationOf(existing), tag);
            return ErrorType.Instance;
        }
        foreach (ITopLevelDeclaration declaration in _tree.Find(NameSpaceKind.Tag, tag))
        {
            if (declaration.Order > _order || SyntaxSearch.FindEnum(declaration.Syntax, tag) is not { } definition)
                continue;
            Context saved = Enter(_fileScope, declaration.Order, null);
            QualifiedType found = BindEnumSpecifier(definition, false);
            Leave(saved);
            return found;
        }
        var created = new EnumType(tag, syntax.Location);
        if (syntax.UnderlyingType is not null)
            created.Underlying = BindUnderlying(syntax.UnderlyingType);
        (_scope.Kind == ScopeKind.Prototype ? _fileScope : _scope).DeclareTag(tag, created);
        return created;
    }

    private IntegerType? BindUnderlying(TypeNameSyntax syntax)
    {
        QualifiedType type = BindTypeName(syntax);
        if (type.Canonical is IntegerType integer)
            return integer;
        if (!TypeRelations.IsError(type.Type))
            Report(D.EnumUnderlyingNotInteger, syntax, Show(type));
        return IntegerType.Int;
    }

    private void DefineEnum(EnumType type, EnumSpecifierSyntax syntax)
    {
        IntegerType? fixedType = syntax.UnderlyingType is null ? null : BindUnderlying(syntax.UnderlyingType);
        bool isPacked = false;
        foreach (AttributeSyntax attribute in syntax.Attributes)
            isPacked |= attribute.Name == "packed";
        var constants = new List<EnumConstantSymbol>(syntax.Enumerators!.Count);
        Int128 next = 0, minimum = 0, maximum = 0;
        foreach (EnumeratorSyntax enumerator in syntax.Enumerators)
        {
            Int128 value = next;
            if (enumerator.Value is not null)
            {
                BoundExpression bound = BindValue(enumerator.Value);
                if (!TypeRelations.IsError(bound.Type.Type))
                {
                    if (!TypeRelations.IsInteger(bound.Type.Type) || !TryGetConstant(bound, out value))
                        Report(D.EnumeratorNotConstant, enumerator.Value);
                }
            }
            if (value > ulong.MaxValue || value < long.MinValue || (fixedType is not null && !ConstantEvaluator.Fits(value, fixedType)))
            {
                Report(D.EnumeratorTooLarge, enumerator, value, fixedType is null ? "64 bits" : Show(fixedType));
                value = 0;
            }
            next = value + 1;
            minimum = Int128.Min(minimum, value);
            maximum = Int128.Max(maximum, value);
            var constant = new EnumConstantSymbol(enumerator.Name, unchecked((long)(ulong)(UInt128)value), type, enumerator.Location) { DeclarationOrder = _order };
            // Until the list ends a constant has the type of its value.
            constant.Type = fixedType ?? ValueTypeOfEnumerator(value);
            DeclareEnumerator(enumerator, constant);
            constants.Add(constant);
        }
        type.Underlying = fixedType ?? ChooseUnderlying(minimum, maximum, isPacked);
        foreach (EnumConstantSymbol constant in constants)
        {
            Int128 value = constant.Type.Canonical is IntegerType { IsSigned: false } ? (ulong)constant.Value : constant.Value;
            constant.Type = fixedType ?? (value >= int.MinValue && value <= int.MaxValue ? IntegerType.Int : type.Underlying);
        }
        type.Constants = constants;
    }

    private static IntegerType ValueTypeOfEnumerator(Int128 value)
        => value >= int.MinValue && value <= int.MaxValue ? IntegerType.Int
            : value >= 0 && value <= uint.MaxValue ? IntegerType.UnsignedInt
            : value <= long.MaxValue ? IntegerType.Long : IntegerType.UnsignedLong;

    private static IntegerType ChooseUnderlying(Int128 minimum, Int128 maximum, bool isPacked)
    {
        if (minimum < 0)
        {
            if (isPacked && minimum >= sbyte.MinValue && maximum <= sbyte.MaxValue)
                return IntegerType.SignedChar;
            if (isPacked && minimum >= short.MinValue && maximum <= short.MaxValue)
                return IntegerType.Short;
            return minimum >= int.MinValue && maximum <= int.MaxValue ? IntegerType.Int : IntegerType.Long;
        }
        if (isPacked && maximum <= byte.MaxValue)
            return IntegerType.UnsignedChar;
        if (isPacked && maximum <= ushort.MaxValue)
            return IntegerType.UnsignedShort;
        return maximum <= uint.MaxValue ? IntegerType.UnsignedInt : IntegerType.UnsignedLong;
    }

    private void DeclareEnumerator(EnumeratorSyntax syntax, EnumConstantSymbol constant)
    {
        if (_scope.FindName(syntax.Name) is { } existing)
        {
            ReportWithNote(existing is EnumConstantSymbol ? D.Redefinition : D.RedefinedAsOtherKind, SpanOf(syntax), "previous definition is here", existing.Location, syntax.Name);
            return;
        }
        constant.Attributes = BindEnumeratorAttributes(syntax.Attributes);
        _scope.Declare(syntax.Name, constant);
    }
}
