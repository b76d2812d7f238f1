// Declarators, type names and initializers.
using Antlr4.Runtime;
using Antlr4.Runtime.Tree;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Parsing.Generated;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Parsing;

internal sealed partial class TreeBuilder
{
    /// <summary>Stars, brackets and parameter lists in one declarator: each is a level of the type.</summary>
    private const int MaximumDerivations = 256;

    private enum NameRule : byte { Required, Optional, Forbidden }

    private InitDeclaratorSyntax InitDeclarator(CParser.InitDeclaratorContext context, List<AttributeSyntax>? attributes)
    {
        DeclaratorSyntax? declarator = null;
        string? asmLabel = null;
        InitializerSyntax? initializer = null;
        foreach (IParseTree child in context.children)
        {
            switch (child)
            {
                case CParser.DeclaratorContext inner:
                    declarator = Declarator(inner, NameRule.Required);
                    break;
                case CParser.DeclaratorTrailerContext trailer:
                    if (trailer.attribute() is { } after)
                        Attribute(after, attributes ??= []);
                    else
                        asmLabel = JoinStrings(trailer.asmLabel());
                    break;
                case CParser.InitializerContext value:
                    initializer = Initializer(value);
                    break;
            }
        }
        return new InitDeclaratorSyntax(declarator!, null, initializer, asmLabel, attributes ?? []) { Span = SpanOf(context), Location = declarator!.Location };
    }

    private DeclaratorSyntax Declarator(CParser.DeclaratorContext context, NameRule rule)
    {
        IToken? name = null;
        SourceSpan span = SpanOf(context);
        DeclaratorSyntax result = Wrap(context, ref name);
        if (name is null && rule == NameRule.Required)
            bag.Report(ParsingDiagnostics.ExpectedDeclarator, GapAfter(context));
        if (name is not null && rule == NameRule.Forbidden)
            bag.Report(ParsingDiagnostics.Unexpected, SpanOf(name), tokens.GetText(name.TokenIndex));
        return name is null ? result : result with { Location = StartOf(name), Span = span };
    }

    private SourceSpan GapAfter(ParserRuleContext context) => SourceSpan.At(SpanOf(context).End);

    /// <summary>
    /// Wraps from the inside out. In <c>*(*f[3])(void)</c> the outermost derivation of the type is the first pointer, so it
    /// is the outermost node: pointers enclose the suffixes, suffixes enclose what is in parentheses.
    /// </summary>
    private DeclaratorSyntax Wrap(CParser.DeclaratorContext context, ref IToken? name)
    {
        GuardStack();
        SourceSpan span = SpanOf(context);
        DeclaratorSyntax result = new NameDeclaratorSyntax(null) { Span = new SourceSpan(span.End, span.End) };
        CParser.DirectDeclaratorContext? direct = context.directDeclarator();
        if (direct is not null)
        {
            List<AttributeSyntax>? attributes = null;
            foreach (IParseTree child in direct.children)
            {
                switch (child)
                {
                    case ITerminalNode { Symbol.Type: CParser.IDENTIFIER } identifier:
                        name = identifier.Symbol;
                        result = new NameDeclaratorSyntax(TextOf(identifier)) { Span = SpanOf(identifier.Symbol) };
                        break;
                    case CParser.AttributeContext attribute:
                        Attribute(attribute, attributes ??= []);
                        break;
                    case CParser.DeclaratorContext inner:
                        result = Wrap(inner, ref name);
                        if (attributes is not null)
                            result = result with { Attributes = [.. attributes, .. result.Attributes] };
                        break;
                    case CParser.DeclaratorSuffixContext suffix:
                        result = Suffix(suffix, result) with { Span = new SourceSpan(span.Start, SpanOf(suffix).End) };
                        break;
                }
            }
        }
        // The pointer nearest to the name is the innermost derivation of the three, and so the inner node.
        CParser.PointerContext[] pointers = context.pointer();
        if (pointers.Length + (direct?.ChildCount ?? 0) > MaximumDerivations)
            throw new NestingException();
        for (int i = pointers.Length - 1; i >= 0; i--)
        {
            TypeQualifiers qualifiers = 0;
            List<AttributeSyntax>? attributes = null;
            foreach (IParseTree child in pointers[i].children)
            {
                if (child is CParser.TypeQualifierContext qualifier)
                    qualifiers |= Qualifier(qualifier.Start.Type);
                else if (child is CParser.AttributeContext attribute)
                    Attribute(attribute, attributes ??= []);
            }
            result = new PointerDeclaratorSyntax(result, qualifiers) { Span = new SourceSpan(StartOf(pointers[i].Start), span.End), Attributes = attributes ?? [] };
        }
        return result;
    }

    private DeclaratorSyntax Suffix(CParser.DeclaratorSuffixContext context, DeclaratorSyntax inner)
    {
        if (context.Start.Type == CParser.LBRACKET)
        {
            TypeQualifiers qualifiers = 0;
            bool isStatic = false;
            ExpressionSyntax? length = null;
            foreach (IParseTree child in context.children)
            {
                if (child is CParser.TypeQualifierContext qualifier)
                    qualifiers |= Qualifier(qualifier.Start.Type);
                else if (child is CParser.AssignmentExpressionContext expression)
                    length = Assignment(expression);
                else if (TypeOf(child) == CParser.STATIC)
                    isStatic = true;
            }
            return new ArrayDeclaratorSyntax(inner, length, qualifiers, isStatic);
        }

        var parameters = new List<ParameterSyntax>();
        List<IdentifierSyntax>? identifiers = null;
        bool isVariadic = false;
        foreach (IParseTree child in context.children)
        {
            if (child is CParser.ParameterContext parameter)
                parameters.Add(Parameter(parameter));
            else if (TypeOf(child) == CParser.ELLIPSIS)
                isVariadic = true;
            else if (TypeOf(child) == CParser.IDENTIFIER)
                (identifiers ??= []).Add(new IdentifierSyntax(TextOf(child)) { Span = SpanOf(TokenOf(child)) });
        }
        bool hasPrototype = parameters.Count > 0 || isVariadic;
        // "(void)" alone is the empty prototype.
        if (parameters.Count == 1 && !isVariadic && parameters[0] is { Declarator: NameDeclaratorSyntax { Name: null }, Specifiers: { Storage: 0, Qualifiers: 0, Type: BuiltinTypeSyntax { Keywords: ["void"] } } })
            parameters.Clear();
        return new FunctionDeclaratorSyntax(inner, parameters, isVariadic, hasPrototype, identifiers ?? (IReadOnlyList<IdentifierSyntax>)[]);
    }

    private ParameterSyntax Parameter(CParser.ParameterContext context)
    {
        DeclarationSpecifiersSyntax? specifiers = null;
        DeclaratorSyntax? declarator = null;
        List<AttributeSyntax>? attributes = null;
        foreach (IParseTree child in context.children)
        {
            if (child is CParser.DeclarationSpecifiersContext list)
                specifiers = Specifiers(list);
            else if (child is CParser.DeclaratorContext inner)
                declarator = Declarator(inner, NameRule.Optional);
            else if (child is CParser.AttributeContext attribute)
                Attribute(attribute, attributes ??= []);
        }
        SourceSpan span = SpanOf(context);
        declarator ??= new NameDeclaratorSyntax(null) { Span = new SourceSpan(span.End, span.End) };
        if (attributes is not null)
            declarator = declarator with { Attributes = [.. declarator.Attributes, .. attributes] };
        return new ParameterSyntax(specifiers!, declarator) { Span = span, Location = declarator is NameDeclaratorSyntax { Name: null } ? span.Start : declarator.Location };
    }

    public TypeNameSyntax TypeName(CParser.TypeNameContext context)
    {
        DeclarationSpecifiersSyntax specifiers = Specifiers(context.declarationSpecifiers());
        SourceSpan span = SpanOf(context);
        if (specifiers.Storage != 0)
            bag.Report(ParsingDiagnostics.StorageInType, specifiers.Span, "a storage class");
        DeclaratorSyntax declarator = context.declarator() is { } inner
            ? Declarator(inner, NameRule.Forbidden)
            : new NameDeclaratorSyntax(null) { Span = new SourceSpan(span.End, span.End) };
        return new TypeNameSyntax(specifiers, declarator) { Span = span };
    }

    // ---- initializers -----------------------------------------------------------------------------------------------

    private InitializerSyntax Initializer(CParser.InitializerContext context)
    {
        if (context.bracedInitializer() is { } list)
            return Braced(list);
        ExpressionSyntax expression = Assignment(context.assignmentExpression());
        return new ExpressionInitializerSyntax(expression) { Span = expression.Span, Location = expression.Location };
    }

    private ListInitializerSyntax Braced(CParser.BracedInitializerContext context)
    {
        GuardStack();
        var items = new List<InitializerItemSyntax>();
        foreach (IParseTree child in context.children)
        {
            if (child is CParser.InitializerItemContext item)
                items.Add(InitializerItem(item));
        }
        return new ListInitializerSyntax(items) { Span = SpanOf(context) };
    }

    private InitializerItemSyntax InitializerItem(CParser.InitializerItemContext context)
    {
        List<DesignatorSyntax>? designators = null;
        InitializerSyntax? value = null;
        foreach (IParseTree child in context.children)
        {
            switch (child)
            {
                case CParser.DesignatorContext designator:
                    (designators ??= []).Add(Designator(designator));
                    break;
                case CParser.NameContext name:
                    (designators ??= []).Add(new FieldDesignatorSyntax(NameText(name)) { Span = SpanOf(name) });
                    break;
                case CParser.InitializerContext initializer:
                    value = Initializer(initializer);
                    break;
            }
        }
        return new InitializerItemSyntax(designators ?? (IReadOnlyList<DesignatorSyntax>)[], value!) { Span = SpanOf(context) };
    }

    private DesignatorSyntax Designator(CParser.DesignatorContext context)
    {
        if (context.name() is { } name)
            return new FieldDesignatorSyntax(NameText(name)) { Span = SpanOf(context), Location = StartOf(name.Start) };
        CParser.AssignmentExpressionContext[] bounds = context.assignmentExpression();
        return new IndexDesignatorSyntax(Assignment(bounds[0]), bounds.Length > 1 ? Assignment(bounds[1]) : null) { Span = SpanOf(context) };
    }
}
