// Reads of local scalars that no path can have assigned. One walk in order of evaluation with the set of variables that may
// have been assigned so far: branches start from the same set and join by union, a loop's own assignments count from its start,
// and a label makes everything assigned. What is reported is wrong on every path; the rest is the verifier's business.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Frontend.Symbols;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

internal sealed partial class FlowAnalyzer
{
    private sealed class UninitializedReads(DiagnosticBag diagnostics)
    {
        /// <summary>Declared without initializer and not assigned on any path up to here.</summary>
        private HashSet<VariableSymbol> _unassigned = [];

        /// <summary>Set while a loop is searched for assignments instead of reads.</summary>
        private bool _onlyAssigns;

        public void Visit(BoundStatement statement)
        {
            switch (statement)
            {
                case BoundBlock block:
                    foreach (BoundStatement child in block.Statements)
                        Visit(child);
                    break;
                case BoundLocalDeclaration local:
                    if (local.Initializer is not null)
                        Visit(local.Initializer);
                    else if (!_onlyAssigns && !local.Variable.IsAddressTaken && !local.Variable.Type.IsVolatile && TypeRelations.IsScalar(local.Variable.Type.Type))
                        _unassigned.Add(local.Variable);
                    break;
                case BoundExpressionStatement expression:
                    Visit(expression.Expression);
                    break;
                case BoundIf conditional:
                    Visit(conditional.Condition);
                    Branch(() => Visit(conditional.Then), () =>
                    {
                        if (conditional.Else is not null)
                            Visit(conditional.Else);
                    });
                    break;
                case BoundWhile loop:
                    Loop(() =>
                    {
                        Visit(loop.Condition);
                        Visit(loop.Body);
                    });
                    break;
                case BoundDo loop:
                    Loop(() =>
                    {
                        Visit(loop.Body);
                        Visit(loop.Condition);
                    });
                    break;
                case BoundFor loop:
                    foreach (BoundStatement first in loop.Initializer)
                        Visit(first);
                    Loop(() =>
                    {
                        Visit(loop.Condition);
                        Visit(loop.Body);
                        Visit(loop.Step);
                    });
                    break;
                case BoundSwitch selection:
                    Visit(selection.Value);
                    // Any case may follow the head: what one assigns, the next has not, but it is not worth telling them apart.
                    Visit(selection.Body);
                    break;
                case BoundCaseLabel label:
                    Visit(label.Body);
                    break;
                case BoundLabeled labeled:
                    _unassigned.Clear();
                    Visit(labeled.Body);
                    break;
                case BoundComputedGoto jump:
                    Visit(jump.Target);
                    break;
                case BoundReturn back:
                    Visit(back.Value);
                    break;
                case BoundAsm assembly:
                    foreach (BoundAsmOperand operand in assembly.Inputs)
                        Visit(operand.Value);
                    foreach (BoundAsmOperand operand in assembly.Outputs)
                        Assign(operand.Value);
                    break;
            }
        }

        private void Branch(Action first, Action second)
        {
            HashSet<VariableSymbol> before = _unassigned;
            _unassigned = [.. before];
            first();
            HashSet<VariableSymbol> afterFirst = _unassigned;
            _unassigned = before;
            second();
            _unassigned.IntersectWith(afterFirst);
        }

        private void Loop(Action body)
        {
            bool outer = _onlyAssigns;
            _onlyAssigns = true;
            body();
            _onlyAssigns = outer;
            if (!outer)
                body();
        }

        private void Assign(BoundExpression target)
        {
            if (target is BoundVariable variable)
                _unassigned.Remove(variable.Symbol);
            else
                Visit(target);
        }

        private void Visit(BoundInitializer initializer)
        {
            foreach (BoundInitializerEntry entry in initializer.Entries)
                Visit(entry.Value);
        }

        private void Visit(BoundExpression? expression)
        {
            switch (expression)
            {
                case BoundConversion { Kind: ConversionKind.LoadValue, Operand: BoundVariable variable }:
                    Read(variable);
                    break;
                case BoundConversion conversion:
                    Visit(conversion.Operand);
                    break;
                case BoundDereference dereference:
                    Visit(dereference.Pointer);
                    break;
                case BoundMember member:
                    Visit(member.Receiver);
                    break;
                case BoundAddressOf address:
                    Assign(address.Operand);
                    break;
                case BoundUnary unary:
                    Visit(unary.Operand);
                    break;
                case BoundIncrement increment:
                    if (increment.Target is BoundVariable counter)
                        Read(counter);
                    Assign(increment.Target);
                    break;
                case BoundBinary binary:
                    Visit(binary.Left);
                    Visit(binary.Right);
                    break;
                case BoundLogical logical:
                    Visit(logical.Left);
                    Visit(logical.Right);
                    break;
                case BoundPointerArithmetic arithmetic:
                    Visit(arithmetic.Pointer);
                    Visit(arithmetic.Index);
                    break;
                case BoundPointerDifference difference:
                    Visit(difference.Left);
                    Visit(difference.Right);
                    break;
                case BoundAssignment assignment:
                    Visit(assignment.Value);
                    Assign(assignment.Target);
                    break;
                case BoundCompoundAssignment assignment:
                    Visit(assignment.Value);
                    if (assignment.Target is BoundVariable accumulated)
                        Read(accumulated);
                    Assign(assignment.Target);
                    break;
                case BoundConditional conditional:
                    Visit(conditional.Condition);
                    Branch(() => Visit(conditional.IfTrue), () => Visit(conditional.IfFalse));
                    break;
                case BoundComma comma:
                    Visit(comma.Left);
                    Visit(comma.Right);
                    break;
                case BoundCall call:
                    Visit(call.Callee);
                    foreach (BoundExpression argument in call.Arguments)
                        Visit(argument);
                    break;
                case BoundBuiltinCall { Kind: not BuiltinKind.ConstantP } call:
                    foreach (BoundExpression argument in call.Arguments)
                        Visit(argument);
                    break;
                case BoundCompoundLiteral literal:
                    Visit(literal.Initializer);
                    break;
                case BoundStatementExpression statement:
                    Visit(statement.Body);
                    Visit(statement.Result);
                    break;
            }
        }

        private void Read(BoundVariable variable)
        {
            if (_onlyAssigns || !_unassigned.Remove(variable.Symbol))
                return;
            Diagnostic diagnostic = Diagnostic.Create(D.Uninitialized, Core.Text.SourceSpan.At(variable.Location, variable.Symbol.Name.Length), variable.Symbol.Name);
            diagnostics.Add(diagnostic with { Notes = [new DiagnosticNote($"'{variable.Symbol.Name}' is declared here", Core.Text.SourceSpan.At(variable.Symbol.Location))] });
        }
    }
}
