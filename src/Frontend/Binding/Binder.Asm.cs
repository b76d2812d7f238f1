// Inline assembly: operands are bound by their constraints. The text itself is read by the backend, which knows the instructions.
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private BoundStatement BindAsm(AsmStatementSyntax syntax)
    {
        bool isValid = true;
        var outputs = new List<BoundAsmOperand>(syntax.Outputs.Count);
        foreach (AsmOperandSyntax operand in syntax.Outputs)
            isValid &= BindAsmOutput(operand, outputs);
        var inputs = new List<BoundAsmOperand>(syntax.Inputs.Count);
        foreach (AsmOperandSyntax operand in syntax.Inputs)
            isValid &= BindAsmInput(operand, outputs, inputs);
        var labels = new List<LabelSymbol>(syntax.Labels.Count);
        foreach (IdentifierSyntax label in syntax.Labels)
            labels.Add(ReferToLabel(label.Text, label));
        if (!isValid)
            return new BoundErrorStatement();
        // Without outputs an asm is volatile by definition (gcc manual, Extended Asm).
        bool isVolatile = syntax.IsVolatile || syntax.IsBasic || syntax.IsGoto || outputs.Count == 0;
        return new BoundAsm(syntax.Template, isVolatile, syntax.IsBasic, outputs, inputs, syntax.Clobbers, labels);
    }

    private bool BindAsmOutput(AsmOperandSyntax operand, List<BoundAsmOperand> outputs)
    {
        BoundExpression value = BindTarget(operand.Value, out bool wasRead);
        if (operand.Constraint.Contains('+') && value is BoundVariable { Symbol: var symbol })
            symbol.IsRead = true;
        _ = wasRead;
        if (value is BoundErrorExpression)
            return false;
        if (operand.Constraint.Length < 2 || operand.Constraint[0] is not ('=' or '+'))
        {
            Report(D.AsmOutput, operand, $"constraint '{operand.Constraint}' lacks '=' or '+'");
            return false;
        }
        if (!IsKnownConstraint(operand.Constraint, false))
        {
            Report(D.AsmConstraint, operand, "output", operand.Constraint);
            return false;
        }
        if (!CheckModifiable(value, operand.Value))
            return false;
        bool isMemory = operand.Constraint.Contains('m');
        if (!isMemory && !TypeRelations.IsScalar(value.Type.Type))
        {
            Report(D.AsmOutput, operand, $"{Show(value.Type)} does not fit a register");
            return false;
        }
        if (isMemory)
            MarkAddressTaken(value);
        outputs.Add(new BoundAsmOperand(operand.SymbolicName, operand.Constraint, value));
        return true;
    }

    private bool BindAsmInput(AsmOperandSyntax operand, List<BoundAsmOperand> outputs, List<BoundAsmOperand> inputs)
    {
        BoundExpression value = BindExpression(operand.Value);
        if (value is BoundErrorExpression)
            return false;
        if (!IsKnownConstraint(operand.Constraint, true))
        {
            Report(D.AsmConstraint, operand, "input", operand.Constraint);
            return false;
        }
        bool isMemoryOnly = operand.Constraint.Contains('m') && operand.Constraint.AsSpan().IndexOfAny("rwing0123456789".AsSpan()) < 0;
        if (isMemoryOnly)
        {
            if (!value.IsLValue)
            {
                Report(D.AddressOfRvalue, operand, Show(value.Type));
                return false;
            }
            MarkAddressTaken(value);
        }
        else
        {
            value = ValueOf(value);
            if (value is BoundErrorExpression)
                return false;
            if (!TypeRelations.IsScalar(value.Type.Type))
            {
                Report(D.AsmConstraint, operand, "input", $"{operand.Constraint}\" for {Show(value.Type)}");
                return false;
            }
            bool isImmediate = operand.Constraint.AsSpan().IndexOfAny('i', 'n') >= 0 && operand.Constraint.AsSpan().IndexOfAny('r', 'w', 'g') < 0;
            if (isImmediate && value is not BoundLiteral && ConstantEvaluator.TryEvaluate(value, out ConstantValue constant) && constant.IsInteger)
                value = Literal(value.Type, constant.Value, operand);
        }
        inputs.Add(new BoundAsmOperand(operand.SymbolicName, operand.Constraint, value));
        return true;
    }

    private static bool IsKnownConstraint(string constraint, bool isInput)
    {
        bool inBrackets = false;
        foreach (char letter in constraint)
        {
            if (letter == '[')
                inBrackets = isInput;
            else if (letter == ']')
                inBrackets = false;
            else if (!inBrackets && letter is not ('r' or 'w' or 'p' or 'm' or 'i' or 'n' or 'g' or 'X' or 'o' or 's' or 'I' or '=' or '+' or '&' or '%' or ',' or ' ') && !(isInput && char.IsAsciiDigit(letter)))
                return false;
        }
        return true;
    }
}
