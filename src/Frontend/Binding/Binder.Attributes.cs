// GNU attributes and _Alignas: read into SymbolAttributes, or applied to types.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private enum AttributeTarget : byte { Variable, Function, Parameter, Field, Typedef, Record, Enumerator }

    /// <summary>ELF alignments beyond 2^28 bytes are meaningless; clang's limit is the same order.</summary>
    private const int MaximumAlignment = 1 << 28;

    private static bool IsTypeAttribute(AttributeAction? action)
        => action is AttributeAction.TypeTag or AttributeAction.AddressSpace or AttributeAction.Mode or AttributeAction.VectorSize;

    /// <summary>Those of a pointer's attributes that belong to the declared name.</summary>
    private static void AddDeclarationAttributes(List<AttributeSyntax> declaration, IReadOnlyList<AttributeSyntax> attributes)
    {
        foreach (AttributeSyntax attribute in attributes)
        {
            if (!IsTypeAttribute(AttributeTable.Find(attribute.Name)))
                declaration.Add(attribute);
        }
    }

    private QualifiedType ApplyTypeAttributes(QualifiedType type, IReadOnlyList<AttributeSyntax> attributes)
    {
        foreach (AttributeSyntax attribute in attributes)
        {
            switch (AttributeTable.Find(attribute.Name))
            {
                case AttributeAction.TypeTag:
                    if (StringArgument(attribute) is { } tag)
                        type = new TaggedType(type, tag);
                    break;
                case AttributeAction.AddressSpace:
                    if (IntegerArgument(attribute) is { } space)
                        type = new TaggedType(type, null, (int)Int128.Clamp(space, 0, int.MaxValue));
                    break;
                case AttributeAction.Mode:
                    type = ApplyMode(type, attribute);
                    break;
                case AttributeAction.VectorSize:
                    Report(D.UnsupportedAttribute, attribute, attribute.Name);
                    type = ErrorType.Instance;
                    break;
            }
        }
        return type;
    }

    private QualifiedType ApplyMode(QualifiedType type, AttributeSyntax attribute)
    {
        string mode = attribute.Arguments is [NameExpressionSyntax name] ? name.Name.Trim('_') : "";
        bool isSigned = TypeRelations.Representation(type.Type)?.IsSigned ?? true;
        IntegerType? result = mode switch
        {
            "QI" or "byte" => isSigned ? IntegerType.SignedChar : IntegerType.UnsignedChar,
            "HI" => isSigned ? IntegerType.Short : IntegerType.UnsignedShort,
            "SI" => isSigned ? IntegerType.Int : IntegerType.UnsignedInt,
            "DI" or "word" or "pointer" => isSigned ? IntegerType.Long : IntegerType.UnsignedLong,
            "TI" => isSigned ? IntegerType.Int128 : IntegerType.UnsignedInt128,
            _ => null,
        };
        if (result is not null && TypeRelations.IsInteger(type.Type))
            return new QualifiedType(result, type.AllQualifiers);
        Report(D.AttributeArgument, attribute, attribute.Name, "the mode of an integer type (QI, HI, SI, DI, TI)");
        return type;
    }

    private SymbolAttributes BindAttributes(Specifiers specifiers, Declarator declarator, AttributeTarget target)
    {
        SymbolAttributes result = SymbolAttributes.None;
        if (specifiers.Syntax.Attributes.Count > 0)
            result = BindAttributeList(result, specifiers.Syntax.Attributes, target);
        if (declarator.Attributes.Count > 0)
            result = BindAttributeList(result, declarator.Attributes, target);
        foreach (AlignasSyntax alignment in specifiers.Syntax.Alignments)
            result = BindAlignas(result, alignment);
        if ((specifiers.Function & FunctionSpecifiers.NoReturn) != 0)
            result = result with { NoReturn = true };
        return result;
    }

    private SymbolAttributes BindRecordAttributes(IReadOnlyList<AttributeSyntax> attributes, RecordType record)
    {
        _ = record;
        return attributes.Count == 0 ? SymbolAttributes.None : BindAttributeList(SymbolAttributes.None, attributes, AttributeTarget.Record);
    }

    private SymbolAttributes BindEnumeratorAttributes(IReadOnlyList<AttributeSyntax> attributes)
        => attributes.Count == 0 ? SymbolAttributes.None : BindAttributeList(SymbolAttributes.None, attributes, AttributeTarget.Enumerator);

    private SymbolAttributes BindAttributeList(SymbolAttributes result, IReadOnlyList<AttributeSyntax> attributes, AttributeTarget target)
    {
        foreach (AttributeSyntax attribute in attributes)
        {
            switch (AttributeTable.Find(attribute.Name))
            {
                case null:
                    Report(D.UnknownAttribute, attribute, attribute.Name);
                    break;
                case AttributeAction.Section:
                    if (StringArgument(attribute) is { } section)
                    {
                        if (target is AttributeTarget.Variable or AttributeTarget.Function)
                            result = result with { Section = section };
                        else
                            Report(D.IgnoredQualifiers, attribute, attribute.Name);
                    }
                    break;
                case AttributeAction.Used:
                    result = result with { Used = true };
                    break;
                case AttributeAction.Unused:
                    result = result with { Unused = true };
                    break;
                case AttributeAction.AlwaysInline:
                    result = result with { AlwaysInline = true };
                    break;
                case AttributeAction.NoInline:
                    result = result with { NoInline = true };
                    break;
                case AttributeAction.Weak:
                    result = result with { Weak = true };
                    break;
                case AttributeAction.Visibility:
                    switch (StringArgument(attribute))
                    {
                        case "hidden" or "internal":
                            result = result with { Hidden = true };
                            break;
                        case "default" or "protected" or null:
                            break;
                        default:
                            Report(D.AttributeArgument, attribute, attribute.Name, "\"default\", \"hidden\", \"internal\" or \"protected\"");
                            break;
                    }
                    break;
                case AttributeAction.Packed:
                    result = result with { Packed = true };
                    break;
                case AttributeAction.Aligned:
                    result = BindAligned(result, attribute);
                    break;
                case AttributeAction.PreserveAccessIndex:
                    result = result with { PreserveAccessIndex = true };
                    break;
                case AttributeAction.DeclTag:
                    if (StringArgument(attribute) is { } tag)
                        result = result with { DeclTags = [.. result.DeclTags, tag] };
                    break;
                case AttributeAction.Naked:
                    result = result with { Naked = true };
                    break;
                case AttributeAction.NoReturn:
                    result = result with { NoReturn = true };
                    break;
                case AttributeAction.Cold:
                    result = result with { Cold = true };
                    break;
                case AttributeAction.Cleanup:
                    if (attribute.Arguments is not [NameExpressionSyntax function])
                        Report(D.AttributeArgument, attribute, attribute.Name, "the name of a function");
                    else if (target != AttributeTarget.Variable || _function is null)
                        Report(D.IgnoredQualifiers, attribute, attribute.Name);
                    else
                        result = result with { Cleanup = function };
                    break;
                case AttributeAction.MayAlias:
                    result = result with { MayAlias = true };
                    break;
                case AttributeAction.Alias:
                    if (StringArgument(attribute) is { } alias)
                        result = result with { Alias = alias };
                    break;
                case AttributeAction.Deprecated:
                    result = result with { Deprecated = attribute.Arguments.Count == 0 ? "" : StringArgument(attribute) ?? "" };
                    break;
                case AttributeAction.GnuInline:
                    result = result with { GnuInline = true };
                    break;
                case AttributeAction.TransparentUnion:
                    result = result with { TransparentUnion = true };
                    break;
                case AttributeAction.WarnUnusedResult:
                    result = result with { WarnUnusedResult = true };
                    break;
                case AttributeAction.Pure:
                    result = result with { IsPure = true };
                    break;
            }
        }
        return result;
    }

    /// <summary>The call <c>function(&amp;variable)</c> of a cleanup attribute; null without one.</summary>
    private BoundExpression? BindCleanup(VariableSymbol variable)
    {
        if (variable.Attributes.Cleanup is not { } function)
            return null;
        var name = new NameExpressionSyntax(variable.Name) { Span = function.Span, Location = function.Location };
        var address = new UnaryExpressionSyntax(UnaryOperator.AddressOf, name) { Span = function.Span, Location = function.Location };
        BoundExpression call = BindExpression(new CallExpressionSyntax(function, [address]) { Span = function.Span, Location = function.Location });
        variable.IsRead = true;
        return call is BoundErrorExpression ? null : Discard(call);
    }

    private SymbolAttributes BindAligned(SymbolAttributes result, AttributeSyntax attribute)
    {
        // Without argument: the largest alignment any type of the target needs.
        int? alignment = attribute.Arguments switch
        {
            [] => 8,
            [ExpressionSyntax] => CheckAlignment(attribute, IntegerArgument(attribute)),
            [TypeNameSyntax type] => BindTypeName(type).Type.Alignment,
            _ => null,
        };
        return alignment is { } bytes ? result with { Alignment = Math.Max(bytes, result.Alignment ?? 0) } : result;
    }

    private SymbolAttributes BindAlignas(SymbolAttributes result, AlignasSyntax syntax)
    {
        int? alignment;
        if (syntax.Operand is TypeNameSyntax type)
        {
            alignment = BindTypeName(type).Type.Alignment;
        }
        else
        {
            BoundExpression value = BindValue((ExpressionSyntax)syntax.Operand);
            if (TypeRelations.IsError(value.Type.Type))
                return result;
            if (!TryGetConstant(value, out Int128 constant))
            {
                Report(D.EnumeratorNotConstant, syntax);
                return result;
            }
            // Zero has no effect (C11 6.7.5p6).
            alignment = constant == 0 ? null : CheckAlignment(syntax, constant);
        }
        return alignment is { } bytes ? result with { Alignment = Math.Max(bytes, result.Alignment ?? 0) } : result;
    }

    private int? CheckAlignment(SyntaxNode at, Int128? value)
    {
        if (value is not { } bytes)
            return null;
        if (bytes <= 0 || (bytes & (bytes - 1)) != 0)
        {
            Report(D.InvalidAlignment, at);
            return null;
        }
        if (bytes > MaximumAlignment)
        {
            Report(D.AlignmentTooLarge, at, MaximumAlignment);
            return null;
        }
        return (int)bytes;
    }

    private string? StringArgument(AttributeSyntax attribute)
    {
        if (attribute.Arguments is [StringExpressionSyntax text, ..])
        {
            var bytes = new List<byte>();
            foreach (string part in text.Parts)
                Literals.Decode(part, IntegerType.Char, bytes);
            return System.Text.Encoding.UTF8.GetString([.. bytes]);
        }
        Report(D.AttributeArgument, attribute, attribute.Name, "a string");
        return null;
    }

    private Int128? IntegerArgument(AttributeSyntax attribute)
    {
        if (attribute.Arguments is [ExpressionSyntax expression, ..])
        {
            BoundExpression value = BindValue(expression);
            if (TypeRelations.IsError(value.Type.Type))
                return null;
            if (TypeRelations.IsInteger(value.Type.Type) && TryGetConstant(value, out Int128 constant))
                return constant;
        }
        Report(D.AttributeArgument, attribute, attribute.Name, "an integer constant");
        return null;
    }

    /// <summary>What a redeclaration adds to what the earlier ones said.</summary>
    private SymbolAttributes MergeAttributes(Symbol symbol, SymbolAttributes added, Declarator declarator)
    {
        SymbolAttributes known = symbol.Attributes;
        if (ReferenceEquals(added, SymbolAttributes.None))
            return known;
        if (ReferenceEquals(known, SymbolAttributes.None))
            return added;
        if (known.Section is not null && added.Section is not null && known.Section != added.Section)
            ReportWithNote(D.SectionMismatch, SourceSpan.At(declarator.Location), "previous declaration is here", symbol.Location, symbol.Name);
        return new SymbolAttributes
        {
            Section = added.Section ?? known.Section,
            Used = known.Used | added.Used,
            Unused = known.Unused | added.Unused,
            AlwaysInline = known.AlwaysInline | added.AlwaysInline,
            NoInline = known.NoInline | added.NoInline,
            Weak = known.Weak | added.Weak,
            Hidden = known.Hidden | added.Hidden,
            Packed = known.Packed | added.Packed,
            Naked = known.Naked | added.Naked,
            NoReturn = known.NoReturn | added.NoReturn,
            Cold = known.Cold | added.Cold,
            MayAlias = known.MayAlias | added.MayAlias,
            PreserveAccessIndex = known.PreserveAccessIndex | added.PreserveAccessIndex,
            GnuInline = known.GnuInline | added.GnuInline,
            TransparentUnion = known.TransparentUnion | added.TransparentUnion,
            WarnUnusedResult = known.WarnUnusedResult | added.WarnUnusedResult,
            IsPure = known.IsPure | added.IsPure,
            Alignment = known.Alignment is { } a && added.Alignment is { } b ? Math.Max(a, b) : known.Alignment ?? added.Alignment,
            Alias = added.Alias ?? known.Alias,
            Deprecated = added.Deprecated ?? known.Deprecated,
            DeclTags = added.DeclTags.Count == 0 ? known.DeclTags : known.DeclTags.Count == 0 ? added.DeclTags : [.. known.DeclTags, .. added.DeclTags],
        };
    }

    private void NoteDeprecated(Symbol symbol, SyntaxNode at)
    {
        if (symbol.Attributes.Deprecated is { } message)
            ReportWithNote(D.DeprecatedUse, SpanOf(at), "it has been marked deprecated here", symbol.Location, symbol.Name, message.Length == 0 ? "" : ": " + message);
    }
}
