// Type specifiers: keywords, typedef names, typeof. Structures and enumerations are in Binder.Records.cs and Binder.Enums.cs.
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private QualifiedType BindTypeSpecifier(DeclarationSpecifiersSyntax specifiers, bool isBare)
    {
        switch (specifiers.Type)
        {
            case null:
                Report(D.MissingTypeSpecifier, specifiers);
                return IntegerType.Int;
            case BuiltinTypeSyntax builtin:
                return BindKeywords(builtin);
            case TypedefNameSyntax name:
                return BindTypedefName(name);
            case TypeofSyntax typeof_:
                return BindTypeof(typeof_);
            case RecordSpecifierSyntax record:
                return BindRecordSpecifier(record, isBare && specifiers.Storage == 0);
            case EnumSpecifierSyntax enumeration:
                return BindEnumSpecifier(enumeration, isBare);
            default:
                return ErrorType.Instance;
        }
    }

    private QualifiedType BindTypedefName(TypedefNameSyntax syntax)
    {
        Symbol? symbol = LookupName(syntax.Name);
        if (symbol is TypedefSymbol typedef)
        {
            typedef.IsMentioned = true;
            NoteDeprecated(typedef, syntax);
            return typedef.AsType;
        }
        if (syntax.Name is "__int128_t" or "__uint128_t")
            return syntax.Name == "__int128_t" ? IntegerType.Int128 : IntegerType.UnsignedInt128;
        if (syntax.Name == "__builtin_va_list")
            return VoidType.Instance.PointerTo();
        Report(D.UnknownTypeName, syntax, syntax.Name);
        return ErrorType.Instance;
    }

    private QualifiedType BindTypeof(TypeofSyntax syntax)
    {
        QualifiedType type = TypeofOperand(syntax);
        return syntax.IsUnqualified ? TypeRelations.ValueType(type) : type;
    }

    private QualifiedType TypeofOperand(TypeofSyntax syntax)
    {
        if (syntax.Operand is TypeNameSyntax name)
            return BindTypeName(name);
        _unevaluated++;
        BoundExpression operand = BindExpression((ExpressionSyntax)syntax.Operand!);
        _unevaluated--;
        if (operand is BoundMember { Field.IsBitField: true })
            Report(D.SizeofBitField, syntax, "typeof");
        return operand.Type;
    }

    /// <summary>C11 6.7.2p2: the multiset of keywords, in any order.</summary>
    private QualifiedType BindKeywords(BuiltinTypeSyntax syntax)
    {
        int longs = 0, shorts = 0, signs = 0, unsigneds = 0, ints = 0, chars = 0;
        string? other = null;
        foreach (string keyword in syntax.Keywords)
        {
            switch (keyword)
            {
                case "long": longs++; break;
                case "short": shorts++; break;
                case "signed" or "__signed" or "__signed__": signs++; break;
                case "unsigned": unsigneds++; break;
                case "int": ints++; break;
                case "char": chars++; break;
                case "_Complex" or "__complex__" or "__complex" or "_Imaginary" or "_Decimal32" or "_Decimal64" or "_Decimal128" or "_Float16" or "__fp16" or "__bf16"
                    or "_Float32" or "_Float64" or "_Float128" or "_Float32x" or "_Float64x" or "__float128" or "__ibm128":
                    Report(D.UnsupportedType, syntax, string.Join(' ', syntax.Keywords));
                    return ErrorType.Instance;
                default:
                    if (other is not null)
                        return InvalidKeywords(syntax);
                    other = keyword;
                    break;
            }
        }
        if (signs + unsigneds > 1 || ints > 1 || chars > 1 || shorts > 1 || longs > 2)
            return InvalidKeywords(syntax);
        bool isUnsigned = unsigneds > 0;
        if (other is not null)
        {
            bool isPlain = longs + shorts + signs + unsigneds + ints + chars == 0;
            switch (other)
            {
                case "void" when isPlain: return VoidType.Instance;
                case "_Bool" or "bool" when isPlain: return IntegerType.Bool;
                case "float" when isPlain: return FloatType.Float;
                case "double" when isPlain: return FloatType.Double;
                case "double" when longs == 1 && shorts + signs + unsigneds + ints + chars == 0: return FloatType.LongDouble;
                case "__int128" or "__int128_t" when longs + shorts + ints + chars == 0: return isUnsigned ? IntegerType.UnsignedInt128 : IntegerType.Int128;
                case "__uint128_t" when isPlain: return IntegerType.UnsignedInt128;
                case "__builtin_va_list" when isPlain: return VoidType.Instance.PointerTo();
                default:
                    return InvalidKeywords(syntax);
            }
        }
        if (chars > 0)
        {
            if (longs + shorts + ints > 0)
                return InvalidKeywords(syntax);
            return isUnsigned ? IntegerType.UnsignedChar : signs > 0 ? IntegerType.SignedChar : IntegerType.Char;
        }
        if (shorts > 0 && longs > 0)
            return InvalidKeywords(syntax);
        if (shorts > 0)
            return isUnsigned ? IntegerType.UnsignedShort : IntegerType.Short;
        return longs switch
        {
            0 => isUnsigned ? IntegerType.UnsignedInt : IntegerType.Int,
            1 => isUnsigned ? IntegerType.UnsignedLong : IntegerType.Long,
            _ => isUnsigned ? IntegerType.UnsignedLongLong : IntegerType.LongLong,
        };
    }

    private QualifiedType InvalidKeywords(BuiltinTypeSyntax syntax)
    {
        Report(D.InvalidTypeCombination, syntax, string.Join(' ', syntax.Keywords));
        return ErrorType.Instance;
    }

    /// <summary>
    /// Complete for code at the current place: a structure that is defined further down the file is not. (Records complete themselves
    /// lazily from wherever the definition is.)
    /// </summary>
    private bool IsCompleteHere(TypeSymbol type)
    {
        type = type.Canonical;
        while (type is ArrayType { Length: not null } array)
            type = array.Element.Canonical;
        return type.IsComplete && (type is not RecordType record || record.DefinitionOrder <= _order);
    }
}
