// Prints a bound unit as C-like text with every conversion visible (--emit=bound).
//
//     <long><load int>x        an implicit conversion of a loaded int to long
//     (long)...                a conversion that the user wrote
using System.Globalization;
using System.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Binding;

public static class BoundTreePrinter
{
    public static string Print(BoundUnit unit)
    {
        var printer = new Writer();
        foreach (string assembly in unit.FileAssembly)
            printer.Line($"asm({Quote(assembly)})");
        foreach (FunctionSymbol function in unit.ExternalFunctions)
            printer.Line($"extern {TypePrinter.Print(function.Type, function.Name)}{Attributes(function.Attributes)}");
        foreach (VariableSymbol variable in unit.Globals)
            printer.Global(variable);
        foreach (BoundFunction function in unit.Functions)
            printer.Function(function);
        return printer.ToString();
    }

    /// <summary>One expression, for tests and messages.</summary>
    public static string Print(BoundExpression expression) => new Writer().Text(expression);

    private static string Quote(string text) => "\"" + text.Replace("\\", "\\\\").Replace("\n", "\\n").Replace("\"", "\\\"") + "\"";

    private static string Attributes(SymbolAttributes attributes)
    {
        var text = new StringBuilder();
        if (attributes.Section is not null)
            text.Append(CultureInfo.InvariantCulture, $" section({Quote(attributes.Section)})");
        if (attributes.Alignment is { } alignment)
            text.Append(CultureInfo.InvariantCulture, $" aligned({alignment})");
        foreach ((bool isSet, string name) in ((bool, string)[])[
            (attributes.Used, "used"), (attributes.Weak, "weak"), (attributes.Hidden, "hidden"), (attributes.AlwaysInline, "always_inline"),
            (attributes.NoInline, "noinline"), (attributes.Naked, "naked"), (attributes.NoReturn, "noreturn"), (attributes.Cold, "cold")])
        {
            if (isSet)
                text.Append(' ').Append(name);
        }
        foreach (string tag in attributes.DeclTags)
            text.Append(CultureInfo.InvariantCulture, $" tag({Quote(tag)})");
        return text.ToString();
    }

    private sealed class Writer
    {
        private readonly StringBuilder _text = new();
        private int _indent;

        /// <summary>The default label of the switch that is being printed.</summary>
        private BoundCase? _default;

        public override string ToString() => _text.ToString();

        public void Line(string text) => _text.Append(' ', _indent * 4).Append(text).Append('\n');

        public void Global(VariableSymbol variable)
        {
            string linkage = variable.IsExternal ? "extern " : variable.Linkage == SymbolLinkage.Internal ? "static " : "";
            string owner = variable.Owner is { } function ? function.Name + "." : "";
            Line($"{linkage}{TypePrinter.Print(variable.Type, owner + variable.Name)}{Attributes(variable.Attributes)}{(variable.Initializer is { } initializer ? " = " + Text(initializer) : "")}");
        }

        public void Function(BoundFunction function)
        {
            string linkage = function.Symbol.Linkage == SymbolLinkage.Internal ? "static " : function.Symbol.IsInlineDefinitionOnly ? "inline " : "";
            string parameters = string.Join(", ", function.Symbol.Parameters.Select(parameter => TypePrinter.Print(parameter.Type, parameter.Name)));
            Line($"{linkage}{TypePrinter.Print(function.Symbol.Type.ReturnType, $"{function.Symbol.Name}({(parameters.Length == 0 ? "void" : parameters)})")}{Attributes(function.Symbol.Attributes)}");
            Statement(function.Body);
        }

        private void Statement(BoundStatement statement)
        {
            switch (statement)
            {
                case BoundBlock block:
                    Line("{");
                    _indent++;
                    foreach (BoundStatement child in block.Statements)
                        Statement(child);
                    _indent--;
                    Line("}");
                    break;
                case BoundLocalDeclaration local:
                    Line(TypePrinter.Print(local.Variable.Type, local.Variable.Name) + Attributes(local.Variable.Attributes) + (local.Initializer is null ? "" : " = " + Text(local.Initializer)) + (local.Cleanup is null ? "" : " cleanup " + Text(local.Cleanup)));
                    break;
                case BoundExpressionStatement expression:
                    Line(Text(expression.Expression));
                    break;
                case BoundIf conditional:
                    Line($"if {Text(conditional.Condition)}");
                    Nested(conditional.Then);
                    if (conditional.Else is not null)
                    {
                        Line("else");
                        Nested(conditional.Else);
                    }
                    break;
                case BoundWhile loop:
                    Line($"while {Text(loop.Condition)}{Hint(loop)}");
                    Nested(loop.Body);
                    break;
                case BoundDo loop:
                    Line("do" + Hint(loop));
                    Nested(loop.Body);
                    Line($"while {Text(loop.Condition)}");
                    break;
                case BoundFor loop:
                    Line("for" + Hint(loop));
                    _indent++;
                    foreach (BoundStatement first in loop.Initializer)
                        Statement(first);
                    Line("; " + (loop.Condition is null ? "" : Text(loop.Condition)));
                    Line("; " + (loop.Step is null ? "" : Text(loop.Step)));
                    _indent--;
                    Nested(loop.Body);
                    break;
                case BoundSwitch selection:
                    Line($"switch {Text(selection.Value)}");
                    BoundCase? outer = _default;
                    _default = selection.Default;
                    Nested(selection.Body);
                    _default = outer;
                    break;
                case BoundCaseLabel label:
                    Line(ReferenceEquals(label.Case, _default) ? "default:" : label.Case.First == label.Case.Last ? $"case {label.Case.First}:" : $"case {label.Case.First} ... {label.Case.Last}:");
                    Statement(label.Body);
                    break;
                case BoundLabeled labeled:
                    Line(labeled.Label.Name + ":");
                    Statement(labeled.Body);
                    break;
                case BoundGoto jump:
                    Line("goto " + jump.Label.Name);
                    break;
                case BoundComputedGoto jump:
                    Line("goto *" + Text(jump.Target));
                    break;
                case BoundBreak:
                    Line("break");
                    break;
                case BoundContinue:
                    Line("continue");
                    break;
                case BoundReturn back:
                    Line(back.Value is null ? "return" : "return " + Text(back.Value));
                    break;
                case BoundAsm assembly:
                    Line($"asm{(assembly.IsVolatile ? " volatile" : "")}({Quote(assembly.Template)}; out {Operands(assembly.Outputs)}; in {Operands(assembly.Inputs)}; clobber {string.Join(", ", assembly.Clobbers)}; goto {string.Join(", ", assembly.Labels)})");
                    break;
                case BoundEmpty empty:
                    Line(empty.IsFallthrough ? "fallthrough" : ";");
                    break;
                default:
                    Line("<error>");
                    break;
            }
        }

        private static string Hint(BoundLoop loop) => loop.UnrollHint switch { null => "", 0 => " nounroll", int.MaxValue => " unroll", int count => $" unroll({count})" };

        private void Nested(BoundStatement statement)
        {
            if (statement is BoundBlock)
            {
                Statement(statement);
                return;
            }
            _indent++;
            Statement(statement);
            _indent--;
        }

        private string Operands(IReadOnlyList<BoundAsmOperand> operands)
            => string.Join(", ", operands.Select(operand => $"{(operand.SymbolicName is null ? "" : $"[{operand.SymbolicName}]")}{Quote(operand.Constraint)}({Text(operand.Value)})"));

        private string Text(BoundInitializer initializer)
        {
            string entries = string.Join(", ", initializer.Entries.Select(entry =>
                $"{entry.Offset}{(entry.BitField is { } field ? $":{field.BitOffset & 7}+{field.BitWidth}" : "")}={Text(entry.Value)}"));
            return $"{{{(initializer.ZeroFill ? "zero " : "")}{entries}}}";
        }

        public string Text(BoundExpression expression)
        {
            switch (expression)
            {
                case BoundLiteral literal:
                    return literal.Type.Canonical is IntegerType { Kind: IntegerKind.Int } ? literal.Value.ToString(CultureInfo.InvariantCulture) : $"({TypePrinter.Print(literal.Type)}){literal.Value}";
                case BoundStringLiteral text:
                    return Quote(Encoding.Latin1.GetString(text.Bytes).TrimEnd('\0'));
                case BoundVariable variable:
                    return variable.Symbol.Name;
                case BoundFunctionReference function:
                    return function.Symbol.Name;
                case BoundDereference dereference:
                    return $"*{Text(dereference.Pointer)}";
                case BoundMember member:
                    return $"{Text(member.Receiver)}.{member.Field.Name ?? "<anonymous>"}";
                case BoundAddressOf address:
                    return $"&{Text(address.Operand)}";
                case BoundConversion { Kind: ConversionKind.LoadValue } load:
                    return $"<load>{Text(load.Operand)}";
                case BoundConversion conversion:
                    string type = TypePrinter.Print(conversion.Type);
                    return (conversion.IsImplicit ? $"<{type}>" : $"({type})") + Text(conversion.Operand);
                case BoundUnary unary:
                    return (unary.Operator switch { BoundUnaryOperator.Minus => "-", BoundUnaryOperator.BitwiseNot => "~", _ => "!" }) + Text(unary.Operand);
                case BoundIncrement increment:
                    string sign = increment.IsDecrement ? "--" : "++";
                    return increment.IsPrefix ? sign + Text(increment.Target) : Text(increment.Target) + sign;
                case BoundBinary binary:
                    return $"({Text(binary.Left)} {OperatorTable.Of(binary.Operator).Text} {Text(binary.Right)})";
                case BoundLogical logical:
                    return $"({Text(logical.Left)} {(logical.IsAnd ? "&&" : "||")} {Text(logical.Right)})";
                case BoundPointerArithmetic arithmetic:
                    return $"({Text(arithmetic.Pointer)} {(arithmetic.IsSubtraction ? "-" : "+")} {Text(arithmetic.Index)} * {arithmetic.ElementSize})";
                case BoundPointerDifference difference:
                    return $"(({Text(difference.Left)} - {Text(difference.Right)}) / {difference.ElementSize})";
                case BoundAssignment assignment:
                    return $"({Text(assignment.Target)} = {Text(assignment.Value)})";
                case BoundCompoundAssignment assignment:
                    return $"({Text(assignment.Target)} {OperatorTable.Of(assignment.Operator).Text}= {Text(assignment.Value)} as {TypePrinter.Print(assignment.ComputationType)})";
                case BoundConditional conditional:
                    return $"({Text(conditional.Condition)} ? {(conditional.IfTrue is null ? "" : Text(conditional.IfTrue))} : {Text(conditional.IfFalse)})";
                case BoundComma comma:
                    return $"({Text(comma.Left)}, {Text(comma.Right)})";
                case BoundCall call:
                    return $"{Text(call.Callee)}({string.Join(", ", call.Arguments.Select(Text))})";
                case BoundBuiltinCall call:
                    return BuiltinText(call);
                case BoundCompoundLiteral literal:
                    return $"({TypePrinter.Print(literal.Type)}){Text(literal.Initializer)}";
                case BoundStatementExpression statement:
                    return StatementText(statement);
                case BoundLabelAddress label:
                    return "&&" + label.Label.Name;
                default:
                    return "<error>";
            }
        }

        private string BuiltinText(BoundBuiltinCall call)
        {
            var parts = new List<string>();
            if (call.TypeArgument is { } type)
                parts.Add(TypePrinter.Print(type));
            if (call.EnumConstant is { } constant)
                parts.Add(constant.Name);
            parts.AddRange(call.Arguments.Select(Text));
            if (call.Flags != 0)
                parts.Add($"flags {call.Flags}");
            return $"{call.Kind}({string.Join(", ", parts)})";
        }

        private string StatementText(BoundStatementExpression expression)
        {
            var inner = new Writer { _indent = _indent + 1 };
            foreach (BoundStatement statement in expression.Body.Statements)
                inner.Statement(statement);
            if (expression.Result is not null)
                inner.Line("=> " + inner.Text(expression.Result));
            return "({\n" + inner + new string(' ', _indent * 4) + "})";
        }
    }
}
