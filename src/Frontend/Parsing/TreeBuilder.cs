// From ANTLR's parse tree to our immutable syntax tree: the only reader of generated contexts. Operator chains, which the
// grammar leaves flat, get their shape here by precedence climbing.
using System.Runtime.CompilerServices;
using Antlr4.Runtime;
using Antlr4.Runtime.Tree;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Parsing.Generated;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Parsing;

/// <summary>What the builder asks about the place of a token: pragmas in front of it and in force at it.</summary>
internal interface IPragmaContext
{
    /// <summary>The unroll pragma directly in front of the token, or null.</summary>
    int? UnrollBefore(int unitIndex);

    /// <summary>The packing in force at the token.</summary>
    int PackAt(int unitIndex);

    /// <summary>Attributes that <c>#pragma clang attribute</c> gives to records defined at the token.</summary>
    IReadOnlyList<AttributeSyntax> RecordAttributesAt(int unitIndex);
}

internal sealed partial class TreeBuilder(DeclarationTokens tokens, NameTable names, DiagnosticBag bag, IPragmaContext pragmas)
{
    // ---- places -----------------------------------------------------------------------------------------------------

    private SourceLocation StartOf(IToken token) => tokens[Math.Max(token.TokenIndex, 0)].Location;

    private SourceLocation EndOf(IToken token)
    {
        ref readonly PpToken last = ref tokens[Math.Max(token.TokenIndex, 0)];
        return last.Location + names.GetLength(last);
    }

    private SourceSpan SpanOf(ParserRuleContext context)
    {
        IToken start = context.Start;
        IToken stop = context.Stop is { TokenIndex: >= 0 } last && last.TokenIndex >= start.TokenIndex ? last : start;
        return new SourceSpan(StartOf(start), EndOf(stop));
    }

    private SourceSpan SpanOf(IToken token) => new(StartOf(token), EndOf(token));

    private static IToken TokenOf(IParseTree node) => ((ITerminalNode)node).Symbol;

    private static int TypeOf(IParseTree node) => node is ITerminalNode terminal ? terminal.Symbol.Type : 0;

    private string TextOf(IParseTree node) => tokens.GetText(TokenOf(node).TokenIndex);

    /// <summary>Deep trees must not exhaust the stack here either.</summary>
    private static void GuardStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new NestingException();
    }

    private string NameText(CParser.NameContext context) => tokens.GetText(context.Start.TokenIndex);

    private IdentifierSyntax Identifier(CParser.NameContext context) => new(NameText(context)) { Span = SpanOf(context) };

    /// <summary>The values of adjacent string literals joined, quotes and prefixes removed, escapes kept as written.</summary>
    private string JoinStrings(ParserRuleContext context)
    {
        string? single = null;
        System.Text.StringBuilder? text = null;
        foreach (IParseTree child in context.children)
        {
            if (TypeOf(child) != CParser.STRING)
                continue;
            string value = StringLiterals.Unescape(TextOf(child));
            if (single is null)
                single = value;
            else
                (text ??= new System.Text.StringBuilder(single)).Append(value);
        }
        return text?.ToString() ?? single ?? "";
    }

    // ---- top level --------------------------------------------------------------------------------------------------

    public DeclarationSyntax External(CParser.ExternalDeclarationContext context)
    {
        if (context.exception is not null)
            return new ErrorDeclarationSyntax { Span = context.Start is null ? default : SpanOf(context) };
        SourceSpan span = SpanOf(context);
        DeclarationSpecifiersSyntax? specifiers = null;
        var declarators = new List<InitDeclaratorSyntax>();
        List<AttributeSyntax>? leading = null;
        foreach (IParseTree child in context.children)
        {
            switch (child)
            {
                case CParser.AttributeContext attribute:
                    Attribute(attribute, leading ??= []);
                    break;
                case CParser.StaticAssertContext assertion:
                    return StaticAssert(assertion);
                case CParser.FileAsmContext assembly:
                    return new FileAsmSyntax(JoinStrings(assembly)) { Span = span };
                case CParser.DeclarationSpecifiersContext list:
                    specifiers = Specifiers(list);
                    break;
                case CParser.InitDeclaratorContext declarator:
                    declarators.Add(InitDeclarator(declarator, leading));
                    leading = null;
                    break;
                case CParser.FunctionTailContext tail:
                    return Function(specifiers ?? NoSpecifiers(context), declarators[0], tail, span);
            }
        }
        return new SimpleDeclarationSyntax(specifiers ?? NoSpecifiers(context), declarators) { Span = span };
    }

    private DeclarationSpecifiersSyntax NoSpecifiers(ParserRuleContext context)
        => new(StorageClass.None, TypeQualifiers.None, FunctionSpecifiers.None, null, [], []) { Span = SpanOf(context.Start) };

    private FunctionDefinitionSyntax Function(DeclarationSpecifiersSyntax specifiers, InitDeclaratorSyntax declarator, CParser.FunctionTailContext tail, SourceSpan span)
    {
        var parameters = new List<DeclarationSyntax>();
        CompoundStatementSyntax? body = null;
        foreach (IParseTree child in tail.children)
        {
            if (child is CParser.DeclarationContext parameter)
                parameters.Add(Declaration(parameter));
            else if (child is CParser.CompoundStatementContext block)
                body = Compound(block);
        }
        return new FunctionDefinitionSyntax(specifiers, declarator.Declarator, declarator.Attributes, parameters, body!) { Span = span, Location = declarator.Location };
    }

    private StaticAssertSyntax StaticAssert(CParser.StaticAssertContext context)
        => new(Assignment(context.assignmentExpression()), context.COMMA() is null ? null : JoinStrings(context)) { Span = SpanOf(context) };

    // ---- declarations -----------------------------------------------------------------------------------------------

    public DeclarationSyntax Declaration(CParser.DeclarationContext context)
    {
        if (context.staticAssert() is { } assertion)
            return StaticAssert(assertion);
        DeclarationSpecifiersSyntax? specifiers = null;
        var declarators = new List<InitDeclaratorSyntax>();
        List<AttributeSyntax>? leading = null;
        foreach (IParseTree child in context.children)
        {
            if (child is CParser.DeclarationSpecifiersContext list)
                specifiers = Specifiers(list);
            else if (child is CParser.AttributeContext attribute)
                Attribute(attribute, leading ??= []);
            else if (child is CParser.InitDeclaratorContext declarator)
            {
                declarators.Add(InitDeclarator(declarator, leading));
                leading = null;
            }
        }
        return new SimpleDeclarationSyntax(specifiers!, declarators) { Span = SpanOf(context) };
    }

    private DeclarationSpecifiersSyntax Specifiers(CParser.DeclarationSpecifiersContext context)
    {
        GuardStack();
        StorageClass storage = 0;
        TypeQualifiers qualifiers = 0;
        FunctionSpecifiers functions = 0;
        TypeSpecifierSyntax? type = null;
        List<string>? keywords = null;
        IToken? firstKeyword = null, lastKeyword = null;
        List<AttributeSyntax>? attributes = null;
        List<AlignasSyntax>? alignments = null;

        // Attributes directly behind the brace of a definition are the definition's.
        List<AttributeSyntax>? ofDefinition = null;
        bool afterDefinition = false;
        foreach (IParseTree item in context.children)
        {
            IParseTree child = ((ParserRuleContext)item).GetChild(0);
            afterDefinition &= child is CParser.AttributeContext;
            switch (child)
            {
                case CParser.StorageClassContext word:
                    storage |= word.Start.Type switch
                    {
                        CParser.TYPEDEF => StorageClass.Typedef,
                        CParser.EXTERN => StorageClass.Extern,
                        CParser.STATIC => StorageClass.Static,
                        CParser.AUTO => StorageClass.Auto,
                        CParser.REGISTER => StorageClass.Register,
                        _ => StorageClass.ThreadLocal,
                    };
                    break;
                case CParser.FunctionSpecifierContext word:
                    functions |= word.Start.Type switch
                    {
                        CParser.INLINE => FunctionSpecifiers.Inline,
                        CParser.NORETURN => FunctionSpecifiers.NoReturn,
                        _ => FunctionSpecifiers.Extension,
                    };
                    break;
                case CParser.TypeQualifierContext word:
                    qualifiers |= Qualifier(word.Start.Type);
                    break;
                case CParser.AlignasContext alignment:
                    (alignments ??= []).Add(Alignas(alignment));
                    break;
                case CParser.AttributeContext attribute:
                    Attribute(attribute, afterDefinition ? ofDefinition ??= [] : attributes ??= []);
                    break;
                case CParser.TypeSpecifierContext specifier:
                    if (specifier.builtinType() is { } builtin)
                    {
                        (keywords ??= []).Add(TokenTypes.Spellings[builtin.Start.Type]!);
                        firstKeyword ??= builtin.Start;
                        lastKeyword = builtin.Start;
                        if (type is not null)
                            bag.Report(ParsingDiagnostics.TwoTypes, SpanOf(builtin), Describe(type));
                        break;
                    }
                    TypeSpecifierSyntax next = TypeSpecifier(specifier, ref qualifiers);
                    if (type is not null || keywords is not null)
                        bag.Report(ParsingDiagnostics.TwoTypes, SpanOf(specifier), type is null ? string.Join(' ', keywords!) : Describe(type));
                    type ??= next;
                    afterDefinition = ReferenceEquals(type, next) && next is RecordSpecifierSyntax { Members: not null } or EnumSpecifierSyntax { Enumerators: not null };
                    break;
            }
        }
        if (ofDefinition is not null)
            type = WithAttributes(type!, ofDefinition);
        if (keywords is not null)
            type ??= new BuiltinTypeSyntax(keywords) { Span = SpanOf(firstKeyword!).To(SpanOf(lastKeyword!)) };
        return new DeclarationSpecifiersSyntax(storage, qualifiers, functions, type, attributes ?? [], alignments ?? []) { Span = SpanOf(context) };
    }

    private static TypeSpecifierSyntax WithAttributes(TypeSpecifierSyntax type, List<AttributeSyntax> attributes) => type switch
    {
        RecordSpecifierSyntax record => record with { Attributes = [.. record.Attributes, .. attributes], Span = record.Span.To(attributes[^1].Span) },
        EnumSpecifierSyntax enumeration => enumeration with { Attributes = [.. enumeration.Attributes, .. attributes], Span = enumeration.Span.To(attributes[^1].Span) },
        _ => type,
    };

    private static string Describe(TypeSpecifierSyntax type) => type switch
    {
        TypedefNameSyntax name => name.Name,
        RecordSpecifierSyntax record => (record.Keyword == RecordKeyword.Struct ? "struct " : "union ") + (record.Tag ?? "{...}"),
        EnumSpecifierSyntax enumeration => "enum " + (enumeration.Tag ?? "{...}"),
        TypeofSyntax => "typeof",
        _ => "type",
    };

    private static TypeQualifiers Qualifier(int type) => type switch
    {
        CParser.CONST => TypeQualifiers.Const,
        CParser.VOLATILE => TypeQualifiers.Volatile,
        CParser.RESTRICT => TypeQualifiers.Restrict,
        _ => TypeQualifiers.Atomic,
    };

    private AlignasSyntax Alignas(CParser.AlignasContext context)
        => new(context.typeName() is { } type ? TypeName(type) : Assignment(context.assignmentExpression())) { Span = SpanOf(context) };

    private TypeSpecifierSyntax TypeSpecifier(CParser.TypeSpecifierContext context, ref TypeQualifiers qualifiers)
    {
        switch (context.GetChild(0))
        {
            case CParser.RecordSpecifierContext record:
                return Record(record);
            case CParser.EnumSpecifierContext enumeration:
                return Enum(enumeration);
            case CParser.TypeofKeywordContext keyword:
                SyntaxNode operand = context.typeName() is { } type ? TypeName(type) : Expression(context.expression());
                return new TypeofSyntax(operand) { Span = SpanOf(context), IsUnqualified = keyword.Start.Type == CParser.TYPEOF_UNQUAL };
            case ITerminalNode { Symbol.Type: CParser.ATOMIC_OF }:
                qualifiers |= TypeQualifiers.Atomic;
                return new TypeofSyntax(TypeName(context.typeName())) { Span = SpanOf(context), IsUnqualified = true };
            case ITerminalNode { Symbol.Type: CParser.AUTO_TYPE }:
                return new TypeofSyntax(null) { Span = SpanOf(context) };
            case ITerminalNode { Symbol.Type: CParser.BITINT }:
                // Kept as its keyword: the binder refuses the type by name.
                return new BuiltinTypeSyntax(["_BitInt"]) { Span = SpanOf(context) };
            default:
                return new TypedefNameSyntax(TextOf(context.GetChild(0))) { Span = SpanOf(context) };
        }
    }

    private RecordSpecifierSyntax Record(CParser.RecordSpecifierContext context)
    {
        List<AttributeSyntax> attributes = [];
        string? tag = null;
        List<DeclarationSyntax>? members = null;
        SourceSpan location = SpanOf(context.Start);
        foreach (IParseTree child in context.children)
        {
            switch (child)
            {
                case CParser.AttributeContext attribute:
                    Attribute(attribute, attributes);
                    break;
                case ITerminalNode { Symbol.Type: CParser.IDENTIFIER } name:
                    tag = TextOf(name);
                    location = SpanOf(name.Symbol);
                    break;
                case CParser.RecordBodyContext body:
                    members = [];
                    foreach (IParseTree part in body.children)
                    {
                        if (part is CParser.MemberDeclarationContext member)
                            Member(member, members);
                    }
                    break;
            }
        }
        int place = tokens.ToUnitIndex(context.Start.TokenIndex);
        if (members is not null)
            attributes.AddRange(pragmas.RecordAttributesAt(place));
        return new RecordSpecifierSyntax(context.Start.Type == CParser.STRUCT ? RecordKeyword.Struct : RecordKeyword.Union, tag, members, attributes)
        {
            Span = SpanOf(context),
            Location = location.Start,
            PragmaPack = members is null ? 0 : pragmas.PackAt(place),
        };
    }

    private void Member(CParser.MemberDeclarationContext context, List<DeclarationSyntax> members)
    {
        if (context.exception is not null)
        {
            members.Add(new ErrorDeclarationSyntax { Span = SpanOf(context) });
            return;
        }
        if (context.staticAssert() is { } assertion)
        {
            members.Add(StaticAssert(assertion));
            return;
        }
        if (context.declarationSpecifiers() is not { } specifiers)
            return;
        var declarators = new List<InitDeclaratorSyntax>();
        List<AttributeSyntax> leading = [];
        foreach (IParseTree child in context.children)
        {
            if (child is CParser.AttributeContext attribute)
                Attribute(attribute, leading);
            else if (child is CParser.MemberDeclaratorContext declarator)
            {
                declarators.Add(MemberDeclarator(declarator, leading));
                leading = [];
            }
        }
        members.Add(new SimpleDeclarationSyntax(Specifiers(specifiers), declarators) { Span = SpanOf(context) });
    }

    private InitDeclaratorSyntax MemberDeclarator(CParser.MemberDeclaratorContext context, List<AttributeSyntax> attributes)
    {
        DeclaratorSyntax? declarator = null;
        ExpressionSyntax? width = null;
        foreach (IParseTree child in context.children)
        {
            if (child is CParser.DeclaratorContext inner)
                declarator = Declarator(inner, NameRule.Required);
            else if (child is CParser.AssignmentExpressionContext bits)
                width = Assignment(bits);
            else if (child is CParser.AttributeContext attribute)
                Attribute(attribute, attributes);
        }
        SourceSpan span = SpanOf(context);
        declarator ??= new NameDeclaratorSyntax(null) { Span = new SourceSpan(span.Start, span.Start) };
        return new InitDeclaratorSyntax(declarator, width, null, null, attributes) { Span = span, Location = declarator.Location };
    }

    private EnumSpecifierSyntax Enum(CParser.EnumSpecifierContext context)
    {
        List<AttributeSyntax> attributes = [];
        string? tag = null;
        List<EnumeratorSyntax>? enumerators = null;
        TypeNameSyntax? underlying = null;
        SourceSpan location = SpanOf(context.Start);
        foreach (IParseTree child in context.children)
        {
            switch (child)
            {
                case CParser.AttributeContext attribute:
                    Attribute(attribute, attributes);
                    break;
                case ITerminalNode { Symbol.Type: CParser.IDENTIFIER } name:
                    tag = TextOf(name);
                    location = SpanOf(name.Symbol);
                    break;
                case CParser.EnumBaseContext type:
                    underlying = EnumBase(type);
                    break;
                case CParser.EnumBodyContext body:
                    enumerators = [];
                    foreach (IParseTree part in body.children)
                    {
                        if (part is CParser.EnumeratorContext enumerator)
                            enumerators.Add(Enumerator(enumerator));
                    }
                    break;
            }
        }
        return new EnumSpecifierSyntax(tag, enumerators, attributes) { Span = SpanOf(context), Location = location.Start, UnderlyingType = underlying };
    }

    private TypeNameSyntax EnumBase(CParser.EnumBaseContext context)
    {
        TypeQualifiers qualifiers = 0;
        var keywords = new List<string>();
        TypeSpecifierSyntax? type = null;
        SourceSpan span = SpanOf(context);
        foreach (IParseTree child in context.children)
        {
            if (child is CParser.TypeQualifierContext qualifier)
                qualifiers |= Qualifier(qualifier.Start.Type);
            else if (child is CParser.BuiltinTypeContext builtin)
                keywords.Add(TokenTypes.Spellings[builtin.Start.Type]!);
            else if (TypeOf(child) == CParser.TYPEDEF_NAME)
                type = new TypedefNameSyntax(TextOf(child)) { Span = SpanOf(TokenOf(child)) };
        }
        if (keywords.Count > 0)
            type ??= new BuiltinTypeSyntax(keywords) { Span = span };
        var specifiers = new DeclarationSpecifiersSyntax(StorageClass.None, qualifiers, FunctionSpecifiers.None, type, [], []) { Span = span };
        return new TypeNameSyntax(specifiers, new NameDeclaratorSyntax(null) { Span = new SourceSpan(span.End, span.End) }) { Span = span };
    }

    private EnumeratorSyntax Enumerator(CParser.EnumeratorContext context)
    {
        List<AttributeSyntax>? attributes = null;
        ExpressionSyntax? value = null;
        foreach (IParseTree child in context.children)
        {
            if (child is CParser.AttributeContext attribute)
                Attribute(attribute, attributes ??= []);
            else if (child is CParser.AssignmentExpressionContext expression)
                value = Assignment(expression);
        }
        return new EnumeratorSyntax(TextOf(context.GetChild(0)), value, attributes ?? []) { Span = SpanOf(context) };
    }

    // ---- attributes -------------------------------------------------------------------------------------------------

    public void Attribute(CParser.AttributeContext context, List<AttributeSyntax> into)
    {
        foreach (IParseTree child in context.children)
        {
            if (child is not CParser.AttributeItemContext item)
                continue;
            string name = tokens.GetText(item.Start.TokenIndex);
            if (name.Length > 4 && name.StartsWith("__", StringComparison.Ordinal) && name.EndsWith("__", StringComparison.Ordinal))
                name = name[2..^2];
            else if (TokenTypes.Spellings[item.Start.Type] is { } spelling)
                name = spelling;
            into.Add(new AttributeSyntax(name, item.arguments() is { } list ? Arguments(list) : []) { Span = SpanOf(item) });
        }
    }
}
