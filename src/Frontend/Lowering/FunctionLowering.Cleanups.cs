// Variables with __attribute__((cleanup(function))): the function is called with the variable's address wherever control leaves
// the variable's scope - at the scope's end and on break, continue, goto and return, innermost variable first.
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    /// <summary>The declarations whose variables live now and wait for their cleanup, outermost first.</summary>
    private readonly List<BoundLocalDeclaration> _cleanups = [];

    /// <summary>The statement expressions around the current place, and how many cleanups waited where each began.</summary>
    private readonly List<(BoundBlock Body, int Depth)> _statementExpressions = [];

    private int _breakDepth, _continueDepth;

    /// <summary>Calls the cleanups of a scope that ends here, and forgets them.</summary>
    private void EndScope(int depth)
    {
        RunCleanups(depth);
        _cleanups.RemoveRange(depth, _cleanups.Count - depth);
    }

    /// <summary>Calls the cleanups of the scopes that a jump leaves; they still wait on other paths.</summary>
    private void RunCleanups(int depth)
    {
        for (int i = _cleanups.Count - 1; i >= depth && !_builder.IsTerminated; i--)
            LowerDiscarded(_cleanups[i].Cleanup!);
    }

    /// <summary>Calls the cleanups of the scopes that a goto leaves.</summary>
    private void RunCleanupsTo(LabelSymbol label)
    {
        if (_cleanups.Count > 0)
            RunCleanups(DepthOf(label));
    }

    /// <summary>How many of the waiting cleanups also wait at a label.</summary>
    private int DepthOf(LabelSymbol label)
    {
        for (int i = _statementExpressions.Count - 1; i >= -1; i--)
        {
            (BoundBlock body, int depth) = i < 0 ? (bound.Body, 0) : _statementExpressions[i];
            var active = new List<BoundLocalDeclaration>();
            if (!FindLabel(body, label, active))
                continue;
            int common = 0;
            while (common < active.Count && depth + common < _cleanups.Count && ReferenceEquals(active[common], _cleanups[depth + common]))
                common++;
            return depth + common;
        }
        return 0;
    }

    /// <summary>Finds a label and the cleanups that wait at it.</summary>
    private static bool FindLabel(BoundStatement? statement, LabelSymbol label, List<BoundLocalDeclaration> active)
    {
        int depth = active.Count;
        bool found = statement switch
        {
            BoundLabeled labeled => ReferenceEquals(labeled.Label, label) || FindLabel(labeled.Body, label, active),
            BoundCaseLabel choice => FindLabel(choice.Body, label, active),
            BoundIf branch => FindLabel(branch.Then, label, active) || FindLabel(branch.Else, label, active),
            BoundWhile loop => FindLabel(loop.Body, label, active),
            BoundDo loop => FindLabel(loop.Body, label, active),
            BoundFor loop => FindIn([.. loop.Initializer, loop.Body]),
            BoundSwitch choice => FindLabel(choice.Body, label, active),
            BoundBlock block => FindIn(block.Statements),
            _ => false,
        };
        if (!found)
            active.RemoveRange(depth, active.Count - depth);
        return found;

        bool FindIn(IReadOnlyList<BoundStatement> statements)
        {
            foreach (BoundStatement child in statements)
            {
                if (child is BoundLocalDeclaration { Cleanup: not null } declaration)
                    active.Add(declaration);
                else if (FindLabel(child, label, active))
                    return true;
            }
            return false;
        }
    }

    private void LowerScope(BoundBlock block)
    {
        int depth = _cleanups.Count;
        foreach (BoundStatement child in block.Statements)
            LowerStatement(child);
        EndScope(depth);
    }

    /// <summary>The body of a statement expression, then its value, then the cleanups of its variables.</summary>
    private T LowerStatementExpression<T>(BoundBlock body, Func<T> value)
    {
        int depth = _cleanups.Count;
        _statementExpressions.Add((body, depth));
        foreach (BoundStatement child in body.Statements)
            LowerStatement(child);
        EnsureOpenBlock();
        T result = value();
        EndScope(depth);
        _statementExpressions.RemoveAt(_statementExpressions.Count - 1);
        EnsureOpenBlock();
        return result;
    }
}
