// Walks bound trees generically: the direct parts of a node, in source order, and the way from a function to a node.
namespace Ebpfcc.Frontend.Binding;

public static class BoundNodes
{
    /// <summary>The direct parts of a statement or expression; initializers count as nodes of their own.</summary>
    public static IEnumerable<BoundNode> Children(BoundNode node)
    {
        switch (node)
        {
            case BoundDereference dereference: return [dereference.Pointer];
            case BoundMember member: return [member.Receiver];
            case BoundAddressOf address: return [address.Operand];
            case BoundConversion conversion: return [conversion.Operand];
            case BoundUnary unary: return [unary.Operand];
            case BoundIncrement increment: return [increment.Target];
            case BoundBinary binary: return [binary.Left, binary.Right];
            case BoundLogical logical: return [logical.Left, logical.Right];
            case BoundPointerArithmetic arithmetic: return [arithmetic.Pointer, arithmetic.Index];
            case BoundPointerDifference difference: return [difference.Left, difference.Right];
            case BoundAssignment assignment: return [assignment.Target, assignment.Value];
            case BoundCompoundAssignment compound: return [compound.Target, compound.Value];
            case BoundConditional conditional: return Present(conditional.Condition, conditional.IfTrue, conditional.IfFalse);
            case BoundComma comma: return [comma.Left, comma.Right];
            case BoundCall call: return [call.Callee, .. call.Arguments];
            case BoundBuiltinCall builtin: return builtin.Arguments;
            case BoundCompoundLiteral literal: return [literal.Initializer];
            case BoundStatementExpression expression: return Present(expression.Body, expression.Result);
            case BoundInitializer initializer: return initializer.Entries.Select(static entry => entry.Value);
            case BoundBlock block: return block.Statements;
            case BoundLocalDeclaration declaration: return Present(declaration.Initializer);
            case BoundExpressionStatement statement: return [statement.Expression];
            case BoundIf choice: return Present(choice.Condition, choice.Then, choice.Else);
            case BoundWhile loop: return [loop.Condition, loop.Body];
            case BoundDo loop: return [loop.Body, loop.Condition];
            case BoundFor loop: return [.. loop.Initializer, .. Present(loop.Condition, loop.Step, loop.Body)];
            case BoundSwitch choice: return [choice.Value, choice.Body];
            case BoundCaseLabel label: return [label.Body];
            case BoundLabeled label: return [label.Body];
            case BoundComputedGoto jump: return [jump.Target];
            case BoundReturn result: return Present(result.Value);
            case BoundAsm assembly: return [.. assembly.Outputs.Select(static operand => operand.Value), .. assembly.Inputs.Select(static operand => operand.Value)];
            default: return [];
        }
    }

    /// <summary>A node and everything below it, the node first.</summary>
    public static IEnumerable<BoundNode> Descendants(BoundNode node)
    {
        var pending = new Stack<BoundNode>();
        pending.Push(node);
        while (pending.TryPop(out BoundNode? next))
        {
            yield return next;
            foreach (BoundNode child in Children(next).Reverse())
                pending.Push(child);
        }
    }

    /// <summary>The nodes from <paramref name="root"/> down to <paramref name="target"/>, both included; empty when it is not below.</summary>
    public static IReadOnlyList<BoundNode> PathTo(BoundNode root, BoundNode target)
    {
        var path = new List<BoundNode>();
        return Find(root) ? path : [];

        bool Find(BoundNode node)
        {
            path.Add(node);
            if (ReferenceEquals(node, target))
                return true;
            foreach (BoundNode child in Children(node))
            {
                if (Find(child))
                    return true;
            }
            path.RemoveAt(path.Count - 1);
            return false;
        }
    }

    private static IEnumerable<BoundNode> Present(params BoundNode?[] nodes) => nodes.OfType<BoundNode>();
}
