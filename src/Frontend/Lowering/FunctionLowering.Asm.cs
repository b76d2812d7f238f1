// Inline assembly: C operands become values. "+r" is an output tied to an input; memory operands are passed as addresses, outputs
// in memory too, and the template is renumbered because they move behind the register outputs.
using System.Text;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    private void LowerAsm(BoundAsm assembly)
    {
        EnsureOpenBlock();
        var outputs = new List<AsmOperand>();
        var inputs = new List<AsmOperand>();
        var values = new List<Value>();
        var results = new List<(Place Place, QualifiedType Type)>();
        var numbers = new int[assembly.Outputs.Count + assembly.Inputs.Count];
        var tied = new List<(int Output, int Operand)>();
        var memoryOutputs = new List<int>();
        for (int i = 0; i < assembly.Outputs.Count; i++)
        {
            BoundAsmOperand operand = assembly.Outputs[i];
            if (IsMemoryConstraint(operand.Constraint))
            {
                memoryOutputs.Add(i);
                continue;
            }
            Place place = Materialize(PlaceOf(operand.Value));
            QualifiedType type = operand.Value.Type;
            numbers[i] = outputs.Count;
            if (operand.Constraint.Contains('+'))
                tied.Add((outputs.Count, i));
            outputs.Add(new AsmOperand("=" + operand.Constraint.Replace("+", "").Replace("=", ""), operand.SymbolicName, RegisterType(type)));
            results.Add((place, type));
        }
        int next = outputs.Count;
        foreach (int i in memoryOutputs)
        {
            numbers[i] = next++;
            Place place = Materialize(PlaceOf(assembly.Outputs[i].Value));
            inputs.Add(new AsmOperand("m", assembly.Outputs[i].SymbolicName, TypeLowering.ValueType(assembly.Outputs[i].Value.Type)));
            values.Add(Address(place));
        }
        for (int i = 0; i < assembly.Inputs.Count; i++)
        {
            numbers[assembly.Outputs.Count + i] = next++;
            if (!AddInput(assembly.Inputs[i], numbers, inputs, values))
                return;
        }
        foreach ((int output, int operand) in tied)
        {
            (Place place, QualifiedType type) = results[output];
            _builder.Location = assembly.Location;
            inputs.Add(new AsmOperand(output.ToString(System.Globalization.CultureInfo.InvariantCulture), null, RegisterType(type)));
            values.Add(Widen(Load(place, type), type));
        }
        List<string> clobbers = [.. assembly.Clobbers];
        if (memoryOutputs.Count > 0 && !clobbers.Contains("memory"))
            clobbers.Add("memory");
        string template = memoryOutputs.Count > 0 ? Renumber(assembly.Template, numbers) : assembly.Template;
        _builder.Location = assembly.Location;
        bool hasSideEffects = assembly.IsVolatile || assembly.IsBasic || outputs.Count == 0 || memoryOutputs.Count > 0;
        InlineAsmInstruction instruction = _builder.Insert(new InlineAsmInstruction(template, outputs, inputs, clobbers, hasSideEffects, [.. values]));
        if (assembly.Labels.Count > 0)
        {
            LowerAsmGoto(assembly, instruction);
            return;
        }
        // All results are taken before any is stored, because storing may need instructions of its own.
        var taken = new Value[results.Count];
        for (int i = 0; i < taken.Length; i++)
            taken[i] = i == 0 ? instruction : _builder.Insert(new ResultInstruction(instruction, i));
        for (int i = 0; i < taken.Length; i++)
        {
            Value value = taken[i];
            IrType type = TypeLowering.ValueType(results[i].Type);
            Store(results[i].Place, type == value.Type ? value : _builder.ConvertInteger(value, type, false));
        }
    }

    private void LowerAsmGoto(BoundAsm assembly, InlineAsmInstruction instruction)
    {
        if (assembly.Labels.Count > 1 || instruction.Outputs.Count > 0)
        {
            Fail(LoweringDiagnostics.AsmGoto, assembly.Span, assembly.Labels.Count > 1 ? "several labels" : "outputs in registers");
            return;
        }
        var next = new BasicBlock("asm.next");
        LabelSymbol label = assembly.Labels[0];
        bool leavesScopes = _cleanups.Count > 0 && DepthOf(label) < _cleanups.Count;
        BasicBlock target = leavesScopes ? new BasicBlock("asm.cleanup") : LabelBlock(label);
        _builder.Insert(new AsmBranchInstruction(instruction, next, [(label.Name, target)]));
        if (leavesScopes)
        {
            StartBlock(target);
            RunCleanupsTo(label);
            BranchIfOpen(LabelBlock(label));
        }
        StartBlock(next);
    }

    private bool AddInput(BoundAsmOperand operand, int[] numbers, List<AsmOperand> inputs, List<Value> values)
    {
        string constraint = operand.Constraint;
        BoundExpression expression = operand.Value;
        _builder.Location = expression.Location;
        if (IsMemoryConstraint(constraint))
        {
            Place place = Materialize(PlaceOf(expression));
            inputs.Add(new AsmOperand("m", operand.SymbolicName, TypeLowering.ValueType(expression.Type)));
            values.Add(Address(place));
            return true;
        }
        if (constraint.AsSpan().TrimStart("%&") is [>= '0' and <= '9', ..] digits && int.TryParse(digits, out int tiedTo) && tiedTo < numbers.Length)
            constraint = numbers[tiedTo].ToString(System.Globalization.CultureInfo.InvariantCulture);
        bool immediate = constraint.AsSpan().IndexOfAny("ing") >= 0, register = constraint.AsSpan().IndexOfAny("rwgXp") >= 0 || constraint is [>= '0' and <= '9' or '[', ..];
        if (!immediate && !register)
        {
            Fail(LoweringDiagnostics.AsmConstraint, expression.Span, operand.Constraint);
            return false;
        }
        if (immediate && module.Static.Evaluate(expression) is { } known)
        {
            IrType type = TypeLowering.ValueType(expression.Type);
            inputs.Add(new AsmOperand("i", operand.SymbolicName, type));
            values.Add(known.Base is { } global
                ? _builder.PtrAdd(global, (long)known.Offset)
                : new Constant(type, unchecked((UInt128)known.Offset)));
            return true;
        }
        // What only may be an immediate may still become one by inlining; the code generator has the last word.
        inputs.Add(new AsmOperand(!register ? "i" : immediate ? "r" : constraint, operand.SymbolicName, RegisterType(expression.Type)));
        values.Add(Widen(TypeLowering.IsAggregate(expression.Type) ? LoadBytes(PlaceOf(expression), (int)Math.Clamp(expression.Type.Type.Size, 1, 8)) : Lower(expression), expression.Type));
        return true;
    }

    private static bool IsMemoryConstraint(string constraint)
        => constraint.AsSpan().IndexOfAny("mQo") >= 0 && constraint.AsSpan().IndexOfAny("rwgX0123456789") < 0;

    /// <summary>Registers hold at least 32 bits.</summary>
    private static IrType RegisterType(QualifiedType type) => TypeLowering.IsAggregate(type) ? IrType.I64 : TypeLowering.CallType(type);

    private Value Widen(Value value, QualifiedType type)
        => value.Type.Bits() < 32 ? _builder.ConvertInteger(value, IrType.I32, TypeLowering.IsSigned(type)) : value;

    /// <summary>Replaces operand numbers (%0, %w1) by their new ones; names and escapes stay.</summary>
    private static string Renumber(string template, int[] numbers)
    {
        var text = new StringBuilder(template.Length);
        for (int i = 0; i < template.Length; i++)
        {
            text.Append(template[i]);
            if (template[i] != '%' || i + 1 == template.Length)
                continue;
            if (template[i + 1] is '%' or '[' or '=')
            {
                text.Append(template[++i]);
                continue;
            }
            if (char.IsAsciiLetter(template[i + 1]))
                text.Append(template[++i]);
            int start = i + 1, end = start;
            while (end < template.Length && char.IsAsciiDigit(template[end]))
                end++;
            if (end == start)
                continue;
            int number = int.Parse(template.AsSpan(start, end - start), System.Globalization.CultureInfo.InvariantCulture);
            text.Append(number < numbers.Length ? numbers[number] : number);
            i = end - 1;
        }
        return text.ToString();
    }
}
