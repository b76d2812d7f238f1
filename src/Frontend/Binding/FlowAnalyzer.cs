// Warnings that need control flow: a value-returning function that can reach its end, and variables read before anything was
// stored in them on any path. Structured walk over the bound tree; jumps make it give up silently rather than guess.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

internal sealed partial class FlowAnalyzer
{
    /// <summary>Reachability at the places that break and continue lead to.</summary>
    private sealed class Target
    {
        public bool Reached { get; set; }
    }

    private readonly DiagnosticBag _diagnostics;
    private Target? _break;
    private bool _reachable = true;

    /// <summary>The statement that is visited is the body of a case label: labels in a row are no fall-through.</summary>
    private bool _isBehindLabel;

    private FlowAnalyzer(DiagnosticBag diagnostics) => _diagnostics = diagnostics;

    public static void Analyze(BoundFunction function, DiagnosticBag diagnostics)
    {
        var analyzer = new FlowAnalyzer(diagnostics);
        analyzer.Visit(function.Body);
        new UninitializedReads(diagnostics).Visit(function.Body);
        FunctionSymbol symbol = function.Symbol;
        if (!analyzer._reachable || symbol.Attributes.Naked)
            return;
        if (symbol.Attributes.NoReturn)
            diagnostics.Report(D.NoReturnReturns, function.End, symbol.Name);
        else if (!TypeRelations.IsVoid(symbol.Type.ReturnType.Type) && !TypeRelations.IsError(symbol.Type.ReturnType.Type))
            diagnostics.Report(D.ReturnType, function.End, "");
    }

    private void Visit(BoundStatement statement)
    {
        switch (statement)
        {
            case BoundBlock block:
                foreach (BoundStatement child in block.Statements)
                    Visit(child);
                break;
            case BoundExpressionStatement expression:
                if (NeverReturns(expression.Expression))
                    _reachable = false;
                break;
            case BoundIf conditional:
                VisitIf(conditional);
                break;
            case BoundWhile loop:
                VisitLoop(loop.Body, Decide(loop.Condition) == true, Decide(loop.Condition) == false);
                break;
            case BoundFor loop:
                VisitLoop(loop.Body, loop.Condition is null || Decide(loop.Condition) == true, loop.Condition is not null && Decide(loop.Condition) == false);
                break;
            case BoundDo loop:
                VisitDo(loop);
                break;
            case BoundSwitch selection:
                VisitSwitch(selection);
                break;
            case BoundCaseLabel label:
                if (_reachable && !_isBehindLabel)
                    _diagnostics.Report(D.ImplicitFallthrough, label.Location);
                _reachable = true;
                _isBehindLabel = label.Body is BoundCaseLabel;
                Visit(label.Body);
                _isBehindLabel = false;
                break;
            case BoundEmpty { IsFallthrough: true }:
                // What follows is a label, which is reachable anyway.
                _reachable = false;
                break;
            case BoundLabeled labeled:
                // Some goto leads here, or an asm goto, or a computed one.
                _reachable |= labeled.Label.IsReferenced;
                Visit(labeled.Body);
                break;
            case BoundBreak:
                if (_reachable && _break is not null)
                    _break.Reached = true;
                _reachable = false;
                break;
            case BoundGoto or BoundComputedGoto or BoundContinue or BoundReturn or BoundErrorStatement:
                _reachable = false;
                break;
        }
    }

    private void VisitIf(BoundIf conditional)
    {
        bool before = _reachable;
        bool? decided = Decide(conditional.Condition);
        _reachable = before && decided != false;
        Visit(conditional.Then);
        bool afterThen = _reachable;
        _reachable = before && decided != true;
        if (conditional.Else is not null)
            Visit(conditional.Else);
        _reachable |= afterThen;
    }

    private void VisitLoop(BoundStatement body, bool isEndless, bool neverRuns)
    {
        bool before = _reachable;
        Target? outer = _break;
        _break = new Target();
        _reachable = before && !neverRuns;
        Visit(body);
        _reachable = (before && !isEndless) || _break.Reached;
        _break = outer;
    }

    private void VisitDo(BoundDo loop)
    {
        Target? outer = _break;
        _break = new Target();
        bool before = _reachable;
        Visit(loop.Body);
        // A continue inside reaches the condition even when the end of the body does not.
        bool reachesCondition = _reachable || (before && ContinueFinder.Contains(loop.Body));
        _reachable = (reachesCondition && Decide(loop.Condition) != true) || _break.Reached;
        _break = outer;
    }

    private void VisitSwitch(BoundSwitch selection)
    {
        Target? outer = _break;
        _break = new Target();
        bool before = _reachable;
        _reachable = false;
        Visit(selection.Body);
        _reachable |= _break.Reached || (before && selection.Default is null && !CoversEnum(selection));
        _break = outer;
    }

    /// <summary>As clang: a switch that names every enumerator is taken to be complete.</summary>
    private static bool CoversEnum(BoundSwitch selection)
    {
        BoundExpression value = selection.Value;
        while (value is BoundConversion { IsImplicit: true, Kind: ConversionKind.Integral } conversion)
            value = conversion.Operand;
        if (value.Type.Canonical is not EnumType { Constants.Count: > 0 } enumeration)
            return false;
        IntegerType type = (IntegerType)selection.Value.Type.Canonical;
        foreach (EnumConstantSymbol constant in enumeration.Constants)
        {
            Int128 number = ConstantEvaluator.Wrap(constant.Value, type);
            bool found = false;
            foreach (BoundCase label in selection.Cases)
                found |= label.First <= number && number <= label.Last;
            if (!found)
                return false;
        }
        return true;
    }

    private static bool? Decide(BoundExpression? condition)
        => condition is BoundLiteral literal ? literal.Value != 0 : null;

    private static bool NeverReturns(BoundExpression expression)
    {
        while (expression is BoundConversion { Kind: ConversionKind.ToVoid } conversion)
            expression = conversion.Operand;
        return expression switch
        {
            BoundBuiltinCall { Kind: BuiltinKind.Unreachable or BuiltinKind.Trap } => true,
            BoundCall { Callee: BoundFunctionReference { Symbol.Attributes.NoReturn: true } } => true,
            BoundErrorExpression => true,
            BoundStatementExpression statement => EndsDead(statement),
            _ => false,
        };
    }

    private static bool EndsDead(BoundStatementExpression expression)
    {
        IReadOnlyList<BoundStatement> statements = expression.Body.Statements;
        return expression.Result is null && statements.Count > 0 && statements[^1] is BoundReturn or BoundGoto
            || (statements.Count > 0 && statements[^1] is BoundExpressionStatement last && NeverReturns(last.Expression));
    }

    /// <summary>Is there a continue that belongs to the loop whose body this is?</summary>
    private static class ContinueFinder
    {
        public static bool Contains(BoundStatement statement) => statement switch
        {
            BoundContinue => true,
            BoundBlock block => block.Statements.Any(Contains),
            BoundIf conditional => Contains(conditional.Then) || (conditional.Else is not null && Contains(conditional.Else)),
            BoundSwitch selection => Contains(selection.Body),
            BoundCaseLabel label => Contains(label.Body),
            BoundLabeled labeled => Contains(labeled.Body),
            _ => false,
        };
    }
}
