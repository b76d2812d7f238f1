// Describes C types for BTF as clang does: one object per type node, qualifiers nested const(volatile(restrict(T))), qualifiers of
// arrays moved to their elements, typedefs and type tags kept. Structures stay unexamined until somebody asks for their members
// (a kernel header defines thousands and a program describes few).
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using Ebpfcc.Ir.Debug;

namespace Ebpfcc.Frontend.Lowering;

internal sealed class DebugTypeBuilder
{
    private readonly Dictionary<TypeSymbol, DebugType> _types = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<(DebugType?, DebugQualifierKind), DebugType> _qualified = [];
    private readonly Dictionary<DebugType, Dictionary<TypeQualifiers, DebugType>> _arrays = new(ReferenceEqualityComparer.Instance);

    /// <summary>The description of a type; null for plain void.</summary>
    public DebugType? Describe(QualifiedType type)
    {
        if (type.Type is ArrayType array && type.Qualifiers != 0)
            return DescribeQualifiedArray(array, type.Qualifiers);
        DebugType? described = DescribeUnqualified(type.Type);
        // Innermost first, so that const ends up outermost.
        if ((type.Qualifiers & TypeQualifiers.Restrict) != 0)
            described = Qualify(described, DebugQualifierKind.Restrict);
        if ((type.Qualifiers & TypeQualifiers.Volatile) != 0)
            described = Qualify(described, DebugQualifierKind.Volatile);
        if ((type.Qualifiers & TypeQualifiers.Const) != 0)
            described = Qualify(described, DebugQualifierKind.Const);
        return described;
    }

    /// <summary>The prototype of a function itself, with the names of its parameters where they are known.</summary>
    public DebugFunctionType DescribeFunction(FunctionType type, IReadOnlyList<ParameterSymbol>? parameters)
    {
        var described = new DebugParameter[type.Parameters.Count];
        for (int i = 0; i < described.Length; i++)
        {
            string name = parameters is not null && i < parameters.Count ? parameters[i].Name : "";
            described[i] = new DebugParameter(name, DescribeParameter(type.Parameters[i].Type));
        }
        return new DebugFunctionType(Describe(type.ReturnType), described, type.IsVariadic);
    }

    private DebugType? DescribeParameter(QualifiedType type) => Describe(new QualifiedType(type.Type));

    private DebugType Qualify(DebugType? type, DebugQualifierKind kind)
    {
        if (!_qualified.TryGetValue((type, kind), out DebugType? qualified))
            _qualified.Add((type, kind), qualified = new DebugQualifiedType(kind, type));
        return qualified;
    }

    private DebugType DescribeQualifiedArray(ArrayType array, TypeQualifiers qualifiers)
    {
        DebugType plain = DescribeUnqualified(array)!;
        if (!_arrays.TryGetValue(plain, out Dictionary<TypeQualifiers, DebugType>? variants))
            _arrays.Add(plain, variants = []);
        if (!variants.TryGetValue(qualifiers, out DebugType? described))
            variants.Add(qualifiers, described = new DebugArrayType(Describe(array.Element.With(qualifiers)), array.Length ?? 0));
        return described;
    }

    private DebugType? DescribeUnqualified(TypeSymbol type)
    {
        if (type is VoidType or ErrorType)
            return null;
        if (_types.TryGetValue(type, out DebugType? known))
            return known;
        switch (type)
        {
            case RecordType record:
                return DescribeRecord(record);
            case PointerType pointer:
                // Entered before its pointee is described: types may refer to themselves through pointers.
                var described = new DebugPointerType(null);
                _types.Add(type, described);
                described.Pointee = Describe(pointer.Pointee);
                return described;
            case TypedefType typedef:
                return DescribeTypedef(typedef);
            default:
                DebugType? made = type switch
                {
                    IntegerType integer => new DebugBaseType(integer.Name, (int)integer.Size, Encoding(integer)),
                    FloatType real => new DebugBaseType(real.Name, (int)real.Size, DebugEncoding.Float),
                    EnumType enumeration => DescribeEnum(enumeration),
                    ArrayType array => new DebugArrayType(Describe(array.Element), array.Length ?? 0),
                    FunctionType function => DescribeFunction(function, null),
                    TaggedType { Tag: { } tag } tagged => new DebugTypeTag(tag, Describe(tagged.Target)),
                    TaggedType tagged => Describe(tagged.Target),
                    _ => null,
                };
                if (made is not null)
                    _types[type] = made;
                return made;
        }
    }

    private DebugTypedef DescribeTypedef(TypedefType typedef)
    {
        var described = new DebugTypedef(typedef.Symbol.Name, null);
        _types.Add(typedef, described);
        described.DeclTags.AddRange(typedef.Symbol.Attributes.DeclTags);
        described.Type = Describe(typedef.Target);
        return described;
    }

    private DebugRecordType DescribeRecord(RecordType record)
    {
        var described = new DebugRecordType(record.Tag, record.IsUnion);
        _types.Add(record, described);
        described.Completer = _ => Complete(record, described);
        return described;
    }

    private void Complete(RecordType record, DebugRecordType described)
    {
        described.DeclTags.AddRange(record.Attributes.DeclTags);
        described.IsForward = !record.IsComplete;
        described.Size = Math.Max(record.Size, 0);
        described.MembersProvider = () => DescribeMembers(record);
    }

    private List<DebugMember> DescribeMembers(RecordType record)
    {
        var members = new List<DebugMember>(record.Fields.Count);
        foreach (FieldSymbol field in record.Fields)
        {
            if (field is { Name: null, IsBitField: true })
                continue;
            members.Add(new DebugMember(field.Name, Describe(field.Type), field.BitOffset, field.BitWidth ?? 0, field.Attributes.DeclTags));
        }
        return members;
    }

    private static DebugEnumType DescribeEnum(EnumType enumeration)
        => new(enumeration.Tag, (int)Math.Max(enumeration.Size, 0), enumeration.Underlying?.IsSigned ?? false,
            [.. enumeration.Constants.Select(constant => (constant.Name, constant.Value))]);

    private static DebugEncoding Encoding(IntegerType type) => type.Kind switch
    {
        IntegerKind.Bool => DebugEncoding.Bool,
        IntegerKind.Char or IntegerKind.SignedChar => DebugEncoding.SignedChar,
        _ => type.IsSigned ? DebugEncoding.Signed : DebugEncoding.Unsigned,
    };
}
