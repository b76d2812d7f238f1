// Statements and function bodies (C11 6.8).
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private void BindBody(FunctionSymbol symbol, PendingBody pending)
    {
        Context saved = Enter(new Scope(pending.Prototype, ScopeKind.Block), pending.Order, new FunctionContext(symbol));
        // Parameters and the outermost block share a scope (C11 6.2.1p4).
        foreach (ParameterSymbol parameter in symbol.Parameters)
        {
            if (parameter.Name.Length > 0)
                _scope.Declare(parameter.Name, parameter);
        }
        FunctionContext function = _function!;
        var statements = new List<BoundStatement>();
        BindItems(pending.Syntax.Body, statements);
        var body = new BoundBlock(statements) { Span = pending.Syntax.Body.Span, Location = pending.Syntax.Body.Location };
        FinishLabels(function);
        SourceSpan span = pending.Syntax.Body.Span;
        SourceLocation end = span.End.Position > span.Start.Position ? new SourceLocation(span.End.Position - 1) : span.End;
        var bound = new BoundFunction(symbol, body) { End = end };
        Leave(saved);
        _bodies.Add((pending.Order, bound));
        WarnUnusedLocals(function);
        FlowAnalyzer.Analyze(bound, _diagnostics);
    }

    private void FinishLabels(FunctionContext function)
    {
        foreach (LabelSymbol label in function.AllLabels)
        {
            if (!label.IsDefined)
                Report(D.UndeclaredLabel, label.Location, label.Name);
            else if (!label.IsReferenced && !label.Attributes.Unused)
                Report(D.UnusedLabel, label.Location, label.Name);
        }
    }

    private void WarnUnusedLocals(FunctionContext function)
    {
        foreach (VariableSymbol variable in function.Locals)
        {
            if (variable.Attributes.Unused || variable.Attributes.Used || TypeRelations.IsError(variable.Type.Type))
                continue;
            if (!variable.IsMentioned)
                Report(D.UnusedVariable, variable.Location, variable.Name);
            else if (!variable.IsRead && !variable.IsGlobal)
                Report(D.UnusedButSet, variable.Location, variable.Name);
        }
        foreach (ParameterSymbol parameter in function.Symbol.Parameters)
        {
            if (!parameter.IsMentioned && parameter.Name.Length > 0 && !parameter.Attributes.Unused)
                Report(D.UnusedParameter, parameter.Location, parameter.Name);
        }
    }

    // ---- blocks --------------------------------------------------------------------------------------------------------

    private BoundBlock BindBlock(CompoundStatementSyntax syntax, bool wantsResult, out BoundExpression? result)
    {
        Scope outer = _scope;
        _scope = new Scope(outer, ScopeKind.Block);
        var statements = new List<BoundStatement>();
        result = null;
        // The value is the last expression's, also behind labels: ({ ...; done: value; }).
        SyntaxNode? end = wantsResult && syntax.Items.Count > 0 ? syntax.Items[^1] : null;
        while (end is LabeledStatementSyntax label)
            end = label.Body;
        var last = end as ExpressionStatementSyntax;
        if (last is { Expression: null })
            last = null;
        BindItems(syntax, statements, last is null ? null : syntax.Items[^1]);
        if (last is not null)
        {
            for (SyntaxNode item = syntax.Items[^1]; item is LabeledStatementSyntax label; item = label.Body)
                statements.Add(BindStatement(label with { Body = new ExpressionStatementSyntax((ExpressionSyntax?)null) { Span = label.Span, Location = label.Location } }));
            result = BindValue(last.Expression!);
            if (TypeRelations.IsVoid(result.Type.Type))
            {
                statements.Add(new BoundExpressionStatement(Discard(result)) { Span = last.Span, Location = result.Location });
                result = null;
            }
        }
        _scope = outer;
        return new BoundBlock(statements) { Span = syntax.Span, Location = syntax.Location };
    }

    private void BindItems(CompoundStatementSyntax syntax, List<BoundStatement> statements, SyntaxNode? except = null)
    {
        foreach (IdentifierSyntax label in syntax.LocalLabels)
        {
            var symbol = new LabelSymbol(label.Text, label.Location);
            (_scope.LocalLabels ??= [])[label.Text] = symbol;
            _function!.AllLabels.Add(symbol);
        }
        foreach (SyntaxNode item in syntax.Items)
        {
            if (ReferenceEquals(item, except))
                continue;
            switch (item)
            {
                case StatementSyntax statement:
                    statements.Add(BindStatement(statement));
                    break;
                case SimpleDeclarationSyntax { Declarators.Count: 0, Specifiers: { Type: null, Attributes: [{ Name: "fallthrough" }, ..] } } statement:
                    // To the grammar an attribute and a semicolon are a declaration.
                    statements.Add(new BoundEmpty { IsFallthrough = true, Span = statement.Span, Location = statement.Location });
                    break;
                case SimpleDeclarationSyntax declaration:
                    int first = statements.Count;
                    BindSimpleDeclaration(declaration, statements);
                    for (int i = first; i < statements.Count; i++)
                    {
                        if (statements[i] is BoundLocalDeclaration local)
                            statements[i] = local with { Whole = declaration.Span };
                    }
                    break;
                case StaticAssertSyntax assertion:
                    BindStaticAssert(assertion);
                    break;
            }
        }
    }

    private BoundStatement BindStatement(StatementSyntax syntax)
        => _depth >= ComfortableDepth ? Nested<BoundStatement>(syntax, () => BindStatementCore(syntax), new BoundErrorStatement()) : BindStatementCounted(syntax);

    private BoundStatement BindStatementCounted(StatementSyntax syntax)
    {
        _depth++;
        BoundStatement result = BindStatementCore(syntax);
        _depth--;
        return result;
    }

    private BoundStatement BindStatementCore(StatementSyntax syntax)
    {
        BoundStatement statement = syntax switch
        {
            CompoundStatementSyntax block => BindBlock(block, false, out _),
            ExpressionStatementSyntax expression => BindExpressionStatement(expression),
            IfStatementSyntax conditional => BindIf(conditional),
            WhileStatementSyntax loop => BindWhile(loop),
            DoStatementSyntax loop => BindDo(loop),
            ForStatementSyntax loop => BindFor(loop),
            SwitchStatementSyntax selection => BindSwitch(selection),
            CaseStatementSyntax label => BindCase(label),
            DefaultStatementSyntax label => BindDefault(label),
            LabeledStatementSyntax labeled => BindLabeled(labeled),
            GotoStatementSyntax jump => new BoundGoto(ReferToLabel(jump.Label, jump)),
            ComputedGotoStatementSyntax jump => BindComputedGoto(jump),
            BreakStatementSyntax => BindBreak(syntax),
            ContinueStatementSyntax => BindContinue(syntax),
            ReturnStatementSyntax back => BindReturn(back),
            AsmStatementSyntax assembly => BindAsm(assembly),
            _ => new BoundErrorStatement(),
        };
        return statement with { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundStatement BindExpressionStatement(ExpressionStatementSyntax syntax)
    {
        if (syntax.Expression is null)
        {
            foreach (AttributeSyntax attribute in syntax.Attributes)
            {
                if (attribute.Name == "fallthrough")
                    return new BoundEmpty { IsFallthrough = true };
            }
            return new BoundEmpty();
        }
        bool outer = _isDiscarded;
        _isDiscarded = syntax.Expression is AssignmentExpressionSyntax or UnaryExpressionSyntax { Operator: UnaryOperator.PreIncrement or UnaryOperator.PreDecrement or UnaryOperator.PostIncrement or UnaryOperator.PostDecrement };
        BoundExpression expression = BindExpression(syntax.Expression);
        _isDiscarded = outer;
        WarnUnusedValue(expression, syntax.Expression);
        return new BoundExpressionStatement(Discard(expression));
    }

    // ---- selection and iteration ---------------------------------------------------------------------------------------

    private BoundIf BindIf(IfStatementSyntax syntax)
    {
        BoundExpression condition = BindCondition(syntax.Condition);
        if (syntax.Then is ExpressionStatementSyntax { Expression: null } empty && syntax.Else is null && !_map.IsInExpansion(empty.Location))
            Report(D.EmptyBody, empty, "if statement");
        return new BoundIf(condition, BindStatement(syntax.Then), syntax.Else is null ? null : BindStatement(syntax.Else));
    }

    private BoundStatement BindLoopBody(StatementSyntax syntax)
    {
        _function!.LoopDepth++;
        _function.BreakDepth++;
        BoundStatement body = BindStatement(syntax);
        _function.BreakDepth--;
        _function.LoopDepth--;
        return body;
    }

    private BoundWhile BindWhile(WhileStatementSyntax syntax)
    {
        BoundExpression condition = BindCondition(syntax.Condition);
        return new BoundWhile(condition, BindLoopBody(syntax.Body)) { UnrollHint = syntax.UnrollHint };
    }

    private BoundDo BindDo(DoStatementSyntax syntax)
    {
        BoundStatement body = BindLoopBody(syntax.Body);
        return new BoundDo(body, BindCondition(syntax.Condition)) { UnrollHint = syntax.UnrollHint };
    }

    private BoundFor BindFor(ForStatementSyntax syntax)
    {
        Scope outer = _scope;
        _scope = new Scope(outer, ScopeKind.Block);
        var initializer = new List<BoundStatement>();
        switch (syntax.Initializer)
        {
            case SimpleDeclarationSyntax declaration:
                if ((declaration.Specifiers.Storage & (StorageClass.Static | StorageClass.Extern | StorageClass.Typedef)) != 0)
                    Report(D.ForDeclaration, declaration);
                BindSimpleDeclaration(declaration, initializer);
                break;
            case ExpressionSyntax expression:
                initializer.Add(BindStatement(new ExpressionStatementSyntax(expression) { Span = expression.Span, Location = expression.Location }));
                break;
        }
        BoundExpression? condition = syntax.Condition is null ? null : BindCondition(syntax.Condition);
        BoundExpression? step = null;
        if (syntax.Step is not null)
        {
            bool wasDiscarded = _isDiscarded;
            _isDiscarded = syntax.Step is AssignmentExpressionSyntax;
            BoundExpression bound = BindExpression(syntax.Step);
            _isDiscarded = wasDiscarded;
            WarnUnusedValue(bound, syntax.Step);
            step = Discard(bound);
        }
        BoundStatement body = BindLoopBody(syntax.Body);
        _scope = outer;
        return new BoundFor(initializer, condition, step, body) { UnrollHint = syntax.UnrollHint };
    }

    private BoundStatement BindBreak(StatementSyntax syntax)
    {
        if (_function!.BreakDepth > 0)
            return new BoundBreak();
        Report(D.BreakOutside, syntax);
        return new BoundErrorStatement();
    }

    private BoundStatement BindContinue(StatementSyntax syntax)
    {
        if (_function!.LoopDepth > 0)
            return new BoundContinue();
        Report(D.ContinueOutside, syntax);
        return new BoundErrorStatement();
    }

    // ---- labels --------------------------------------------------------------------------------------------------------

    private LabelSymbol FindLabel(string name, SourceLocation location)
    {
        for (Scope? scope = _scope; scope is not null; scope = scope.Parent)
        {
            if (scope.LocalLabels is { } labels && labels.TryGetValue(name, out LabelSymbol? local))
                return local;
        }
        if (!_function!.Labels.TryGetValue(name, out LabelSymbol? label))
        {
            _function.Labels[name] = label = new LabelSymbol(name, location);
            _function.AllLabels.Add(label);
        }
        return label;
    }

    private LabelSymbol ReferToLabel(string name, SyntaxNode syntax)
    {
        LabelSymbol label = FindLabel(name, syntax.Location);
        label.IsReferenced = true;
        return label;
    }

    private BoundLabeled BindLabeled(LabeledStatementSyntax syntax)
    {
        LabelSymbol label = FindLabel(syntax.Label, syntax.Location);
        if (label.IsDefined)
            ReportWithNote(D.DuplicateLabel, SpanOf(syntax), "previous definition is here", label.Location, label.Name);
        label.IsDefined = true;
        label.Location = syntax.Location;
        foreach (AttributeSyntax attribute in syntax.Attributes)
        {
            if (attribute.Name == "unused")
                label.Attributes = label.Attributes with { Unused = true };
        }
        return new BoundLabeled(label, BindStatement(syntax.Body));
    }

    private BoundStatement BindComputedGoto(ComputedGotoStatementSyntax syntax)
    {
        BoundExpression target = BindValue(syntax.Target);
        if (target is BoundErrorExpression)
            return new BoundErrorStatement();
        _function!.HasComputedGoto = true;
        return new BoundComputedGoto(ConvertAssigned(target, s_constVoidPointer, syntax.Target, AssignmentKind.Assigning));
    }

    // ---- switch --------------------------------------------------------------------------------------------------------

    private BoundStatement BindSwitch(SwitchStatementSyntax syntax)
    {
        BoundExpression value = BindValue(syntax.Value);
        TypeSymbol written = value is BoundConversion { Operand.Type.Canonical: EnumType direct } ? direct : value.Type.Canonical;
        if (value is not BoundErrorExpression && !TypeRelations.IsInteger(value.Type.Type))
            value = ReportError(D.SwitchNotInteger, syntax.Value, Show(value.Type));
        IntegerType type = IntegerType.Int;
        if (value is not BoundErrorExpression)
        {
            value = Promote(value);
            type = (IntegerType)value.Type.Canonical;
        }
        var context = new SwitchContext(_function!.Switch, type);
        _function.Switch = context;
        _function.BreakDepth++;
        BoundStatement body = BindStatement(syntax.Body);
        _function.BreakDepth--;
        _function.Switch = context.Outer;
        List<BoundCase> cases = CheckCases(context, type);
        if (written is EnumType enumeration && value is not BoundErrorExpression)
            WarnEnumSwitch(enumeration, context, syntax);
        return new BoundSwitch(value, cases, context.Default, body);
    }

    private List<BoundCase> CheckCases(SwitchContext context, IntegerType type)
    {
        var cases = new List<BoundCase>(context.Cases);
        bool isWide = type.Kind == IntegerKind.UnsignedInt128;
        cases.Sort((a, b) => isWide ? ((UInt128)a.First).CompareTo((UInt128)b.First) : a.First.CompareTo(b.First));
        for (int i = 1; i < cases.Count; i++)
        {
            BoundCase previous = cases[i - 1], current = cases[i];
            if (current.First > previous.Last)
                continue;
            (BoundCase earlier, BoundCase later) = previous.Location.Position <= current.Location.Position ? (previous, current) : (current, previous);
            ReportWithNote(D.DuplicateCase, SourceSpan.At(later.Location), "previous case defined here", earlier.Location, current.First);
            cases.RemoveAt(i--);
        }
        return context.Cases.FindAll(cases.Contains);
    }

    private void WarnEnumSwitch(EnumType enumeration, SwitchContext context, SwitchStatementSyntax syntax)
    {
        if (context.Default is null)
        {
            foreach (EnumConstantSymbol constant in enumeration.Constants)
            {
                Int128 value = ConstantEvaluator.Wrap(constant.Value, context.Type);
                if (!context.Cases.Exists(label => label.First <= value && value <= label.Last))
                {
                    Report(D.SwitchEnum, syntax.Value, constant.Name);
                    break;
                }
            }
        }
        foreach (BoundCase label in context.Cases)
        {
            if (enumeration.Constants.Count > 0 && !enumeration.Constants.Any(constant => ConstantEvaluator.Wrap(constant.Value, context.Type) == label.First))
                Report(D.CaseNotInEnum, label.Location, Show(enumeration));
        }
    }

    private Int128? BindCaseValue(ExpressionSyntax syntax, IntegerType type)
    {
        BoundExpression value = BindValue(syntax);
        if (value is BoundErrorExpression)
            return null;
        if (!TypeRelations.IsInteger(value.Type.Type) || !TryGetConstant(value, out Int128 constant))
        {
            Report(D.EnumeratorNotConstant, syntax);
            return null;
        }
        Int128 wrapped = ConstantEvaluator.Wrap(constant, type);
        if (wrapped != constant && !FitsEither(constant, type.Bits))
            Report(D.CaseOverflow, syntax, constant, wrapped);
        return wrapped;
    }

    private BoundStatement BindCase(CaseStatementSyntax syntax)
    {
        if (_function!.Switch is not { } context)
        {
            Report(D.CaseOutside, syntax, "case");
            return BindStatement(syntax.Body);
        }
        Int128? first = BindCaseValue(syntax.First, context.Type), last = syntax.Last is null ? first : BindCaseValue(syntax.Last, context.Type);
        BoundStatement body = BindStatement(syntax.Body);
        if (first is null || last is null)
            return body;
        if (last < first)
        {
            Report(D.EmptyCaseRange, syntax);
            return body;
        }
        var label = new BoundCase(first.Value, last.Value, syntax.Location);
        context.Cases.Add(label);
        return new BoundCaseLabel(label, body);
    }

    private BoundStatement BindDefault(DefaultStatementSyntax syntax)
    {
        if (_function!.Switch is not { } context)
        {
            Report(D.CaseOutside, syntax, "default");
            return BindStatement(syntax.Body);
        }
        var label = new BoundCase(0, 0, syntax.Location);
        if (context.Default is not null)
            ReportWithNote(D.MultipleDefaults, SpanOf(syntax), "previous case defined here", context.Default.Location);
        context.Default ??= label;
        return new BoundCaseLabel(label, BindStatement(syntax.Body));
    }

    // ---- return --------------------------------------------------------------------------------------------------------

    private BoundStatement BindReturn(ReturnStatementSyntax syntax)
    {
        FunctionSymbol function = _function!.Symbol;
        QualifiedType type = function.Type.ReturnType;
        bool isVoid = TypeRelations.IsVoid(type.Type);
        if (syntax.Value is null)
        {
            if (isVoid || TypeRelations.IsError(type.Type))
                return new BoundReturn(null);
            Report(D.ReturnWithoutValue, syntax, function.Name);
            return new BoundErrorStatement();
        }
        BoundExpression value = BindValue(syntax.Value);
        if (value is BoundErrorExpression || TypeRelations.IsError(type.Type))
            return new BoundErrorStatement();
        if (isVoid)
        {
            if (!TypeRelations.IsVoid(value.Type.Type))
            {
                Report(D.ReturnValueInVoid, syntax, function.Name);
                return new BoundErrorStatement();
            }
            // GNU: return f(); where both are void.
            return new BoundBlock([new BoundExpressionStatement(value) { Span = syntax.Span, Location = syntax.Location }, new BoundReturn(null) { Span = syntax.Span, Location = syntax.Location }]);
        }
        WarnReturnedAddress(value, syntax);
        value = ConvertAssigned(value, type, syntax.Value, AssignmentKind.Returning);
        return value is BoundErrorExpression ? new BoundErrorStatement() : new BoundReturn(value);
    }

    private void WarnReturnedAddress(BoundExpression value, SyntaxNode syntax)
    {
        while (value is BoundConversion { Kind: ConversionKind.Pointer or ConversionKind.Identity } conversion)
            value = conversion.Operand;
        BoundExpression? place = value switch
        {
            BoundAddressOf address => address.Operand,
            BoundConversion { Kind: ConversionKind.ArrayToPointer, Operand: var array } => array,
            _ => null,
        };
        while (place is BoundMember member)
            place = member.Receiver;
        if (place is BoundVariable { Symbol: { IsGlobal: false } local })
            Report(D.ReturnStackAddress, syntax, local.Name);
    }
}
