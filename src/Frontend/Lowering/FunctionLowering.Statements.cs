// Statements: blocks and the edges between them.
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    /// <summary>Case ranges up to this many values become single cases; wider ones are compared.</summary>
    private const int MaxExpandedRange = 64;

    private void LowerStatement(BoundStatement statement)
    {
        // Behind a jump only a label brings control back.
        if (_builder.IsTerminated && !ContainsLabel(statement))
            return;
        switch (statement)
        {
            case BoundBlock block:
                LowerScope(block);
                return;
            case BoundLocalDeclaration declaration:
                LowerDeclaration(declaration);
                return;
            case BoundExpressionStatement expression:
                LowerDiscarded(expression.Expression);
                return;
            case BoundIf branch:
                LowerIf(branch);
                return;
            case BoundWhile loop:
                LowerWhile(loop);
                return;
            case BoundDo loop:
                LowerDo(loop);
                return;
            case BoundFor loop:
                LowerFor(loop);
                return;
            case BoundSwitch choice:
                LowerSwitch(choice);
                return;
            case BoundCaseLabel label:
                StartBlock(_cases[label.Case]);
                LowerStatement(label.Body);
                return;
            case BoundLabeled label:
                StartBlock(LabelBlock(label.Label));
                LowerStatement(label.Body);
                return;
            case BoundGoto jump:
                RunCleanupsTo(jump.Label);
                Jump(jump, LabelBlock(jump.Label));
                return;
            case BoundBreak:
                RunCleanups(_breakDepth);
                Jump(statement, _breakTarget ?? throw Unexpected(statement));
                return;
            case BoundContinue:
                RunCleanups(_continueDepth);
                Jump(statement, _continueTarget ?? throw Unexpected(statement));
                return;
            case BoundReturn result:
                LowerReturn(result);
                return;
            case BoundComputedGoto jump:
                Fail(LoweringDiagnostics.ComputedGoto, jump.Span);
                _builder.Unreachable();
                return;
            case BoundAsm assembly:
                LowerAsm(assembly);
                return;
            case BoundEmpty:
                return;
            case BoundErrorStatement:
                _failed = true;
                return;
            default:
                throw Unexpected(statement);
        }
    }

    private void Jump(BoundStatement statement, BasicBlock target)
    {
        if (_builder.IsTerminated)
            return;
        _builder.Location = statement.Location;
        _builder.Branch(target);
    }

    private void LowerDeclaration(BoundLocalDeclaration declaration)
    {
        VariableSymbol variable = declaration.Variable;
        if (variable.IsGlobal || variable.IsExternal)
        {
            module.GetGlobal(variable);
            return;
        }
        _builder.Location = declaration.Location;
        Place place = DeclareLocal(variable);
        if (declaration.Initializer is { } initializer)
            LowerInitializer(place, initializer);
        if (declaration.Cleanup is not null)
            _cleanups.Add(declaration);
    }

    private void LowerIf(BoundIf branch)
    {
        if (module.Static.Truth(branch.Condition) is { } known)
        {
            BoundStatement? dead = known ? branch.Else : branch.Then;
            if (dead is null || !ContainsLabel(dead))
            {
                if ((known ? branch.Then : branch.Else) is { } taken)
                    LowerStatement(taken);
                return;
            }
        }
        BasicBlock then = new("if.then"), end = new("if.end");
        BasicBlock otherwise = branch.Else is null ? end : new BasicBlock("if.else");
        LowerCondition(branch.Condition, then, otherwise);
        StartBlock(then);
        LowerStatement(branch.Then);
        BranchIfOpen(end);
        if (branch.Else is not null)
        {
            StartBlock(otherwise);
            LowerStatement(branch.Else);
        }
        StartJoin(end);
    }

    /// <summary>Starts a block behind a construct, unless nothing leads there: then what follows is unreachable.</summary>
    private void StartJoin(BasicBlock block)
    {
        if (_builder.IsTerminated && block.Predecessors.Count == 0)
            return;
        StartBlock(block);
    }

    private void LowerWhile(BoundWhile loop)
    {
        BasicBlock condition = new("while.cond"), body = new("while.body"), end = new("while.end");
        StartLoopHeader(condition, loop);
        LowerCondition(loop.Condition, body, end);
        StartBlock(body);
        LowerLoopBody(loop.Body, end, condition);
        BackTo(condition, loop);
        StartJoin(end);
    }

    private void LowerDo(BoundDo loop)
    {
        BasicBlock body = new("do.body"), condition = new("do.cond"), end = new("do.end");
        StartLoopHeader(body, loop);
        LowerLoopBody(loop.Body, end, condition);
        StartJoin(condition);
        if (!_builder.IsTerminated)
            LowerCondition(loop.Condition, body, end);
        StartJoin(end);
    }

    private void LowerFor(BoundFor loop)
    {
        int depth = _cleanups.Count;
        foreach (BoundStatement initializer in loop.Initializer)
            LowerStatement(initializer);
        BasicBlock condition = new("for.cond"), body = new("for.body"), step = new("for.inc"), end = new("for.end");
        StartLoopHeader(condition, loop);
        if (loop.Condition is not null)
        {
            LowerCondition(loop.Condition, body, end);
            StartBlock(body);
        }
        LowerLoopBody(loop.Body, end, step);
        StartJoin(step);
        if (!_builder.IsTerminated)
        {
            if (loop.Step is not null)
                LowerDiscarded(loop.Step);
            BackTo(condition, loop);
        }
        StartJoin(end);
        EndScope(depth);
    }

    private void StartLoopHeader(BasicBlock header, BoundLoop loop)
    {
        StartBlock(header);
        if (loop.UnrollHint is not null)
            header.LoopHint = new LoopHint(loop.UnrollHint);
    }

    private void BackTo(BasicBlock header, BoundLoop loop)
    {
        if (_builder.IsTerminated)
            return;
        _builder.Location = loop.Location;
        _builder.Branch(header);
    }

    private void LowerLoopBody(BoundStatement body, BasicBlock breakTarget, BasicBlock continueTarget)
    {
        var outer = (_breakTarget, _continueTarget, _breakDepth, _continueDepth);
        (_breakTarget, _continueTarget, _breakDepth, _continueDepth) = (breakTarget, continueTarget, _cleanups.Count, _cleanups.Count);
        LowerStatement(body);
        (_breakTarget, _continueTarget, _breakDepth, _continueDepth) = outer;
    }

    private void LowerSwitch(BoundSwitch choice)
    {
        EnsureOpenBlock();
        Value value = Lower(choice.Value);
        _builder.Location = choice.Location;
        BasicBlock end = new("switch.end"), fallback = choice.Default is null ? end : new BasicBlock("switch.default");
        if (choice.Default is not null)
            _cases[choice.Default] = fallback;
        var single = new List<(Constant, BasicBlock)>(choice.Cases.Count);
        List<(BoundCase Case, BasicBlock Block)>? ranges = null;
        foreach (BoundCase @case in choice.Cases)
        {
            var block = new BasicBlock("switch.case");
            _cases[@case] = block;
            if (@case.Last - @case.First >= MaxExpandedRange)
            {
                (ranges ??= []).Add((@case, block));
                continue;
            }
            for (Int128 number = @case.First; number <= @case.Last; number++)
                single.Add((new Constant(value.Type, unchecked((UInt128)number)), block));
        }
        BasicBlock missed = ranges is null ? fallback : new BasicBlock("switch.range");
        _builder.Switch(value, missed, single);
        if (ranges is not null)
            LowerRanges(value, ranges, missed, fallback);
        (BasicBlock? outerBreak, int outerDepth) = (_breakTarget, _breakDepth);
        (_breakTarget, _breakDepth) = (end, _cleanups.Count);
        LowerStatement(choice.Body);
        (_breakTarget, _breakDepth) = (outerBreak, outerDepth);
        StartJoin(end);
    }

    /// <summary>Wide ranges: value - first is at most last - first, unsigned.</summary>
    private void LowerRanges(Value value, List<(BoundCase Case, BasicBlock Block)> ranges, BasicBlock first, BasicBlock fallback)
    {
        BasicBlock test = first;
        for (int i = 0; i < ranges.Count; i++)
        {
            (BoundCase range, BasicBlock target) = ranges[i];
            StartBlock(test);
            Value distance = _builder.Sub(value, new Constant(value.Type, unchecked((UInt128)range.First)));
            Value inside = _builder.Compare(ComparePredicate.Ule, distance, new Constant(value.Type, unchecked((UInt128)(range.Last - range.First))));
            test = i + 1 < ranges.Count ? new BasicBlock("switch.range") : fallback;
            _builder.CondBranch(inside, target, test);
        }
    }

    private void LowerReturn(BoundReturn result)
    {
        EnsureOpenBlock();
        if (result.Value is null || TypeLowering.ValueType(bound.Symbol.Type.ReturnType) == IrType.Void)
        {
            if (result.Value is not null)
                LowerDiscarded(result.Value);
            RunCleanups(0);
            EnsureOpenBlock();
            _builder.Location = result.Location;
            // "return;" in a function with a result: the caller must not look at it.
            _builder.Return(function.Signature.ReturnType == IrType.Void ? null : new Undef(function.Signature.ReturnType));
            return;
        }
        if (_resultPointer is not null)
        {
            LowerAggregate(result.Value, new Place(_resultPointer, 0, TypeLowering.Alignment(bound.Symbol.Type.ReturnType), false));
            RunCleanups(0);
            EnsureOpenBlock();
            _builder.Location = result.Location;
            _builder.Return();
            return;
        }
        Value value = Lower(result.Value);
        RunCleanups(0);
        EnsureOpenBlock();
        _builder.Location = result.Location;
        _builder.Return(Extend(value, bound.Symbol.Type.ReturnType));
    }

    /// <summary>A scalar in the width in which it crosses a call.</summary>
    private Value Extend(Value value, QualifiedType type)
    {
        IrType target = TypeLowering.CallType(type);
        return target == value.Type || target == IrType.Ptr || target == IrType.Void ? value : _builder.ConvertInteger(value, target, TypeLowering.IsSigned(type));
    }

    /// <summary>A label or case below the statement (not inside statement expressions: nothing may jump into those).</summary>
    private static bool ContainsLabel(BoundStatement? statement) => statement switch
    {
        BoundLabeled or BoundCaseLabel => true,
        BoundBlock block => block.Statements.Any(ContainsLabel),
        BoundIf branch => ContainsLabel(branch.Then) || ContainsLabel(branch.Else),
        BoundWhile loop => ContainsLabel(loop.Body),
        BoundDo loop => ContainsLabel(loop.Body),
        BoundFor loop => ContainsLabel(loop.Body),
        BoundSwitch choice => ContainsLabel(choice.Body),
        _ => false,
    };
}
