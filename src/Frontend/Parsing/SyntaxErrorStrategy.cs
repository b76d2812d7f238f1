// Reports each syntax mistake once, in clang's words, and recovers at the next statement, member or declaration: a rule
// that fails passes the exception up until one of those rules catches it and skips to a place where it can go on. A missing
// semicolon or closing bracket at the end of a line is taken as written.
using Antlr4.Runtime;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Parsing.Generated;
using Ebpfcc.Frontend.Preprocessing;

namespace Ebpfcc.Frontend.Parsing;

internal sealed class SyntaxErrorStrategy(DeclarationTokens tokens, NameTable names, DiagnosticBag bag) : DefaultErrorStrategy
{
    /// <summary>Errors in one declaration after which the rest of it is not parsed.</summary>
    private const int MaximumErrors = 50;

    private int _lastReported = -1;
    private int _reports;

    public override void Sync(Parser recognizer)
    {
    }

    public override void ReportError(Parser recognizer, RecognitionException e)
    {
        int offending = IndexOf(e.OffendingToken, recognizer);
        if (offending == _lastReported)
            return;
        _lastReported = offending;
        ReportAt(recognizer, offending, 0);
    }

    public override void Recover(Parser recognizer, RecognitionException e)
    {
        if (recognizer.RuleContext.RuleIndex is not (CParser.RULE_blockItem or CParser.RULE_memberDeclaration or CParser.RULE_externalDeclaration))
            throw e;
        if (recognizer.RuleContext.RuleIndex == CParser.RULE_externalDeclaration)
        {
            recognizer.InputStream.Seek(tokens.Count);
            return;
        }
        int offending = Math.Max(IndexOf(e.OffendingToken, recognizer), recognizer.InputStream.Index);
        int start = recognizer.Context is ParserRuleContext context && context.Start is { TokenIndex: >= 0 } first ? first.TokenIndex : offending;
        int next = SkipStatement(start, offending);
        // Recovery that consumed nothing must not be tried at the same place again.
        if (next <= start && tokens.TypeAt(next) is not CParser.RBRACE)
            next = start + 1;
        recognizer.InputStream.Seek(next);
    }

    public override IToken RecoverInline(Parser recognizer)
    {
        int offending = recognizer.InputStream.Index;
        int expected = Single(recognizer);
        if (expected == CParser.SEMICOLON && CanAssumeSemicolon(offending))
        {
            if (offending != _lastReported)
            {
                _lastReported = offending;
                ReportAt(recognizer, offending, expected);
            }
            return tokens.Conjure(expected);
        }
        throw new InputMismatchException(recognizer);
    }

    private static int IndexOf(IToken? token, Parser recognizer) => token is { TokenIndex: >= 0 } ? token.TokenIndex : recognizer.InputStream.Index;

    private static int Single(Parser recognizer)
    {
        Antlr4.Runtime.Misc.IntervalSet expected = recognizer.Atn.NextTokens(recognizer.Atn.states[recognizer.State]);
        return expected.Count == 1 ? expected.MinElement : 0;
    }

    /// <summary>The next token stands on a new line, or ends the block: the semicolon was forgotten and nothing else.</summary>
    private bool CanAssumeSemicolon(int index)
        => tokens.TypeAt(index) == CParser.RBRACE || (index < tokens.Count && tokens[index].IsStartOfLine && tokens.TypeAt(index) is not (CParser.RPAREN or CParser.RBRACKET or CParser.LBRACE))
            || index == tokens.Count;

    /// <summary>Behind the statement or declaration that the mistake is in.</summary>
    private int SkipStatement(int start, int offending)
    {
        int parens = 0;
        for (int i = start; i < offending; i++)
        {
            if (tokens.TypeAt(i) == CParser.LPAREN)
                parens++;
            else if (tokens.TypeAt(i) == CParser.RPAREN)
                parens--;
        }
        bool inForHeader = parens > 0 && tokens.TypeAt(start) == CParser.FOR;
        for (int i = offending; ; i++)
        {
            switch (tokens.TypeAt(i))
            {
                case TokenConstants.EOF:
                    return tokens.Count;
                case CParser.LPAREN:
                    parens++;
                    break;
                case CParser.RPAREN:
                    parens--;
                    inForHeader &= parens > 0;
                    break;
                case CParser.SEMICOLON when !inForHeader:
                    return i + 1;
                case CParser.RBRACE:
                    return i;
                case CParser.LBRACE:
                    i = SkipBraces(i);
                    if (tokens.TypeAt(i + 1) is not (CParser.ELSE or CParser.ELSE_IF or CParser.SEMICOLON or CParser.RPAREN or CParser.COMMA or CParser.WHILE))
                        return Math.Min(i + 1, tokens.Count);
                    break;
            }
        }
    }

    private int SkipBraces(int i)
    {
        int depth = 0;
        for (; i < tokens.Count; i++)
        {
            if (tokens.TypeAt(i) == CParser.LBRACE)
                depth++;
            else if (tokens.TypeAt(i) == CParser.RBRACE && --depth == 0)
                return i;
        }
        return i;
    }

    // ---- words ------------------------------------------------------------------------------------------------------

    private SourceSpan SpanOf(int index) => SourceSpan.At(tokens[index].Location, Math.Max(1, names.GetLength(tokens[index])));

    /// <summary>Just behind the token in front of <paramref name="index"/>: where something is missing.</summary>
    private SourceSpan GapBefore(int index)
    {
        if (index == 0)
            return SpanOf(0);
        ref readonly PpToken previous = ref tokens[index - 1];
        return SourceSpan.At(previous.Location + names.GetLength(previous), 1);
    }

    private void ReportAt(Parser recognizer, int index, int expected)
    {
        if (++_reports > MaximumErrors)
            throw new TooManyErrorsException();
        if (index < tokens.Count && tokens.TypeAt(index) == CParser.UNKNOWN)
        {
            ReportUnknown(bag, tokens, names, index);
            return;
        }
        int rule = recognizer.RuleContext.RuleIndex;
        if (expected == 0)
            expected = Single(recognizer);

        if (index == tokens.Count && expected != CParser.SEMICOLON && FindOpen(index, CParser.LBRACE, CParser.RBRACE) is >= 0 and int brace)
        {
            ReportExpected(index, "}", brace);
            return;
        }
        if (ReportSpecial(recognizer, rule, index, expected))
            return;
        switch (expected)
        {
            case CParser.SEMICOLON:
                bag.Report(ParsingDiagnostics.ExpectedAfter, GapBefore(index), ";", Construct(recognizer.RuleContext, index));
                return;
            case CParser.RPAREN:
                ReportExpected(index, ")", FindOpen(index, CParser.LPAREN, CParser.RPAREN));
                return;
            case CParser.RBRACKET:
                ReportExpected(index, "]", FindOpen(index, CParser.LBRACKET, CParser.RBRACKET));
                return;
            case CParser.RBRACE:
                ReportExpected(index, "}", FindOpen(index, CParser.LBRACE, CParser.RBRACE));
                return;
            case CParser.IDENTIFIER:
                bag.Report(ParsingDiagnostics.ExpectedIdentifier, SpanOf(index));
                return;
            case CParser.LPAREN when index > 0:
                bag.Report(ParsingDiagnostics.ExpectedAfter, SpanOf(index), "(", $"'{tokens.GetText(index - 1)}'");
                return;
            case CParser.COLON when rule == CParser.RULE_label:
                bag.Report(ParsingDiagnostics.ExpectedAfter, GapBefore(index), ":", "'case'");
                return;
            case > 0 when TokenTypes.Spellings[expected] is { } spelling:
                bag.Report(ParsingDiagnostics.Expected, SpanOf(index), spelling);
                return;
        }
        ReportRule(recognizer, rule, index);
    }

    /// <summary>Places where the one token that fits is not what is really missing.</summary>
    private bool ReportSpecial(Parser recognizer, int rule, int index, int expected)
    {
        int previous = tokens.TypeAt(index - 1);
        switch (expected)
        {
            case CParser.RPAREN or CParser.RBRACKET when previous is CParser.LPAREN or CParser.LBRACKET or CParser.COMMA && rule == CParser.RULE_postfixOperator:
                bag.Report(ParsingDiagnostics.ExpectedExpression, SpanOf(index));
                return true;
            case CParser.RBRACE when rule == CParser.RULE_enumBody && previous is CParser.COMMA or CParser.LBRACE && index < tokens.Count:
                bag.Report(ParsingDiagnostics.ExpectedIdentifier, SpanOf(index));
                return true;
            case CParser.RPAREN when rule == CParser.RULE_declaratorSuffix && previous == CParser.COMMA:
                bag.Report(ParsingDiagnostics.ExpectedParameters, SpanOf(index));
                return true;
            case CParser.LBRACE when recognizer.RuleContext.Parent is CParser.FunctionTailContext tail:
                int start = tail.Start.TokenIndex;
                if (tokens.TypeAt(start - 1) == CParser.RPAREN)
                    bag.Report(ParsingDiagnostics.ExpectedFunctionBody, GapBefore(start));
                else
                    bag.Report(ParsingDiagnostics.ExpectedAfter, GapBefore(start), ";", "top level declarator");
                return true;
            case CParser.SEMICOLON when recognizer.Context is ParserRuleContext { ChildCount: > 0 } context && context.GetChild(context.ChildCount - 1) is CParser.DeclarationSpecifiersContext:
                if (previous == CParser.RBRACE)
                    bag.Report(ParsingDiagnostics.MissingSemicolonAfterTag, GapBefore(index), TagKeyword(index));
                else
                    ReportDeclarator(index, tokens.TypeAt(index), index == tokens.Count ? GapBefore(index) : SpanOf(index));
                return true;
            default:
                return false;
        }
    }

    private void ReportExpected(int index, string what, int open)
    {
        SourceSpan span = index == tokens.Count ? GapBefore(index) : SpanOf(index);
        Diagnostic diagnostic = Diagnostic.Create(ParsingDiagnostics.Expected, span, what);
        if (open >= 0)
            diagnostic = diagnostic with { Notes = [new DiagnosticNote($"to match this '{tokens.GetText(open)}'", SpanOf(open))] };
        bag.Add(diagnostic);
    }

    /// <summary>The innermost bracket of this kind that is open at the index, or -1.</summary>
    private int FindOpen(int index, int open, int close)
    {
        int depth = 0;
        for (int i = Math.Min(index, tokens.Count) - 1; i >= 0; i--)
        {
            int type = tokens.TypeAt(i);
            if (type == close)
                depth++;
            else if (type == open && depth-- == 0)
                return i;
        }
        return -1;
    }

    /// <summary>A token that is no token of C: a stray character or a literal without its end.</summary>
    public static void ReportUnknown(DiagnosticBag bag, DeclarationTokens tokens, NameTable names, int index)
    {
        string text = tokens.GetText(index);
        var span = SourceSpan.At(tokens[index].Location, Math.Max(1, names.GetLength(tokens[index])));
        if (text.AsSpan().IndexOfAny('"', '\'') is >= 0 and int quote)
            bag.Report(ParsingDiagnostics.UnterminatedLiteral, span, text[quote] == '"' ? "'\"'" : "'");
        else if (tokens[index].Kind != PpTokenKind.Other)
            bag.Report(ParsingDiagnostics.Unexpected, span, text);
        else
            bag.Report(ParsingDiagnostics.StrayCharacter, span, text.Length == 1 && text[0] is > ' ' and < '\x7f' ? text : $"U+{(int)text[0]:X4}");
    }

    /// <summary>What a missing semicolon would end.</summary>
    private string Construct(RuleContext context, int index)
    {
        switch (context.RuleIndex)
        {
            case CParser.RULE_returnStatement: return "return statement";
            case CParser.RULE_gotoStatement: return "goto statement";
            case CParser.RULE_breakStatement: return "break statement";
            case CParser.RULE_continueStatement: return "continue statement";
            case CParser.RULE_doStatement: return "do/while statement";
            case CParser.RULE_asmStatement or CParser.RULE_fileAsm: return "asm statement";
            case CParser.RULE_staticAssert: return "static_assert";
            case CParser.RULE_forInitializer or CParser.RULE_forCondition: return "expression in 'for'";
            case CParser.RULE_expressionStatement: return "expression";
            case CParser.RULE_memberDeclaration: return "end of declaration list";
            case CParser.RULE_externalDeclaration:
                return tokens.TypeAt(index - 1) == CParser.RBRACE ? "definition" : "top level declarator";
            default: return context.Parent?.RuleIndex == CParser.RULE_forInitializer ? "declaration in 'for'" : "end of declaration";
        }
    }

    /// <summary>A mistake where several things could follow: the rule says what was being looked for.</summary>
    private void ReportRule(Parser recognizer, int rule, int index)
    {
        int type = tokens.TypeAt(index);
        SourceSpan span = index == tokens.Count ? GapBefore(index) : SpanOf(index);
        switch (rule)
        {
            case CParser.RULE_expression or CParser.RULE_assignmentExpression or CParser.RULE_castExpression or CParser.RULE_unaryExpression or CParser.RULE_primaryExpression
                or CParser.RULE_postfixOperator or CParser.RULE_argument or CParser.RULE_arguments or CParser.RULE_initializer or CParser.RULE_initializerItem
                or CParser.RULE_unaryOperator or CParser.RULE_expressionStatement or CParser.RULE_forCondition or CParser.RULE_forInitializer or CParser.RULE_returnStatement
                or CParser.RULE_bracedInitializer or CParser.RULE_designator or CParser.RULE_offsetDesignator:
                bag.Report(ParsingDiagnostics.ExpectedExpression, span);
                return;
            case CParser.RULE_statement or CParser.RULE_unlabeledStatement or CParser.RULE_blockItem:
                if (type is CParser.RBRACE or TokenConstants.EOF)
                    bag.Report(ParsingDiagnostics.ExpectedStatement, span);
                else
                    bag.Report(ParsingDiagnostics.ExpectedExpression, span);
                return;
            case CParser.RULE_declarator or CParser.RULE_directDeclarator or CParser.RULE_initDeclarator or CParser.RULE_memberDeclarator or CParser.RULE_memberDeclaration
                or CParser.RULE_declaration:
                ReportDeclarator(index, type, span);
                return;
            case CParser.RULE_declaratorSuffix or CParser.RULE_parameter:
                bag.Report(ParsingDiagnostics.ExpectedParameters, span);
                return;
            case CParser.RULE_typeName or CParser.RULE_typeSpecifier or CParser.RULE_declarationSpecifiers or CParser.RULE_declarationSpecifier or CParser.RULE_builtinType:
                bag.Report(ParsingDiagnostics.ExpectedType, span);
                return;
            case CParser.RULE_name or CParser.RULE_attributeName or CParser.RULE_attributeItem or CParser.RULE_enumerator or CParser.RULE_enumBody or CParser.RULE_recordSpecifier
                or CParser.RULE_enumSpecifier or CParser.RULE_gotoStatement or CParser.RULE_localLabels:
                bag.Report(ParsingDiagnostics.ExpectedIdentifier, span);
                return;
            case CParser.RULE_externalDeclaration or CParser.RULE_functionTail:
                ReportTopLevel(index, type, span);
                return;
            default:
                bag.Report(ParsingDiagnostics.Unexpected, span, tokens.GetText(index));
                return;
        }
    }

    /// <summary>The keyword of the definition whose brace closes just before the index.</summary>
    private string TagKeyword(int index)
    {
        int open = FindOpen(index - 1, CParser.LBRACE, CParser.RBRACE);
        for (int i = open - 1; i >= 0; i--)
        {
            if (tokens.TypeAt(i) is CParser.STRUCT or CParser.UNION or CParser.ENUM)
                return tokens.GetText(i);
        }
        return "definition";
    }

    private void ReportDeclarator(int index, int type, SourceSpan span)
    {
        if (type == CParser.TYPEDEF_NAME && index > 0)
            bag.Report(ParsingDiagnostics.TwoTypes, span, tokens.GetText(index - 1));
        else
            bag.Report(ParsingDiagnostics.ExpectedDeclarator, span);
    }

    private void ReportTopLevel(int index, int type, SourceSpan span)
    {
        int previous = tokens.TypeAt(index - 1);
        if (type == CParser.RBRACE && index == 0)
            bag.Report(ParsingDiagnostics.ExtraneousBrace, span);
        else if (index > 0 && previous == CParser.RPAREN)
            bag.Report(ParsingDiagnostics.ExpectedFunctionBody, GapBefore(index));
        else if (index > 0 && previous == CParser.RBRACE)
            bag.Report(ParsingDiagnostics.MissingSemicolonAfterTag, GapBefore(index), TagKeyword(index));
        else if (index == 0 && type is CParser.IF or CParser.FOR or CParser.WHILE or CParser.DO or CParser.SWITCH or CParser.RETURN or CParser.GOTO or CParser.BREAK or CParser.CONTINUE)
            bag.Report(ParsingDiagnostics.NotADeclaration, span);
        else if (index > 0 && previous is CParser.IDENTIFIER)
            bag.Report(ParsingDiagnostics.ExpectedAfter, GapBefore(index), ";", "top level declarator");
        else
            bag.Report(ParsingDiagnostics.ExpectedDeclarator, span);
    }
}
