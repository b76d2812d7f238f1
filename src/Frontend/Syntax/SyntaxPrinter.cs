// --emit=syntax: the tree as indented lines, one node each, with what distinguishes it and the place it begins.
using System.Text;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Syntax;

/// <summary>Prints syntax nodes. With a map, each line ends with the node's line and column.</summary>
public sealed class SyntaxPrinter(SourceMap? map = null)
{
    private readonly StringBuilder _text = new();
    private int _depth;

    /// <summary>The lines of one node and everything below it.</summary>
    public static string Print(SyntaxNode node, SourceMap? map = null)
    {
        var printer = new SyntaxPrinter(map);
        printer.Node(node);
        return printer._text.ToString();
    }

    private void Line(SyntaxNode node, string words)
    {
        _text.Append(' ', _depth * 2).Append(words);
        if (map?.GetFilePosition(node.Location) is { } position)
            _text.Append(" <").Append(position.Line).Append(':').Append(position.Column).Append('>');
        _text.Append('\n');
    }

    private void Open(SyntaxNode node, string words, params ReadOnlySpan<SyntaxNode?> children)
    {
        Line(node, words);
        _depth++;
        foreach (SyntaxNode? child in children)
            Node(child);
        _depth--;
    }

    private void List(SyntaxNode node, string words, IReadOnlyList<SyntaxNode> children)
    {
        Line(node, words);
        Nodes(children);
    }

    private void Nodes(IReadOnlyList<SyntaxNode> children)
    {
        _depth++;
        foreach (SyntaxNode child in children)
            Node(child);
        _depth--;
    }

    private static string Words(params ReadOnlySpan<string?> words)
    {
        var text = new StringBuilder();
        foreach (string? word in words)
        {
            if (!string.IsNullOrEmpty(word))
                text.Append(text.Length > 0 ? " " : "").Append(word);
        }
        return text.ToString();
    }

    private static string Flags<T>(T flags) where T : struct, Enum
        => EqualityComparer<T>.Default.Equals(flags, default) ? "" : flags.ToString().ToLowerInvariant().Replace(", ", " ");

    private void Node(SyntaxNode? node)
    {
        switch (node)
        {
            case null: break;
            case ExpressionSyntax expression: Expression(expression); break;
            case StatementSyntax statement: Statement(statement); break;
            case DeclarationSyntax declaration: Declaration(declaration); break;
            case TypeSpecifierSyntax type: Type(type); break;
            case DeclaratorSyntax declarator: Declarator(declarator); break;
            default: Part(node); break;
        }
    }

    private void Declaration(DeclarationSyntax node)
    {
        switch (node)
        {
            case SimpleDeclarationSyntax simple:
                Open(node, "Declaration", simple.Specifiers);
                Nodes(simple.Declarators);
                break;
            case FunctionDefinitionSyntax function:
                Open(node, "FunctionDefinition", function.Specifiers, function.Declarator);
                Nodes(function.Attributes);
                Nodes(function.OldStyleParameters);
                Nodes([function.Body]);
                break;
            case StaticAssertSyntax assertion: Open(node, Words("StaticAssert", assertion.Message), assertion.Condition); break;
            case FileAsmSyntax assembly: Line(node, $"FileAsm {Quote(assembly.Text)}"); break;
            default: Line(node, "ErrorDeclaration"); break;
        }
    }

    private void Type(TypeSpecifierSyntax node)
    {
        switch (node)
        {
            case BuiltinTypeSyntax builtin: Line(node, $"Type {string.Join(' ', builtin.Keywords)}"); break;
            case TypedefNameSyntax name: Line(node, $"TypedefName {name.Name}"); break;
            case TypeofSyntax type: Open(node, type.Operand is null ? "AutoType" : type.IsUnqualified ? "TypeofUnqualified" : "Typeof", type.Operand); break;
            case RecordSpecifierSyntax record:
                Line(node, Words(record.Keyword.ToString(), record.Tag, record.Members is null ? "" : "definition", record.PragmaPack > 0 ? $"pack {record.PragmaPack}" : ""));
                Nodes(record.Attributes);
                Nodes(record.Members ?? []);
                break;
            case EnumSpecifierSyntax enumeration:
                Line(node, Words("Enum", enumeration.Tag, enumeration.Enumerators is null ? "" : "definition"));
                Nodes(enumeration.Attributes);
                Nodes(enumeration.UnderlyingType is { } underlying ? [underlying] : []);
                Nodes(enumeration.Enumerators ?? []);
                break;
        }
    }

    private void Declarator(DeclaratorSyntax node)
    {
        switch (node)
        {
            case NameDeclaratorSyntax name: Line(node, Words("Name", name.Name ?? "(none)")); break;
            case PointerDeclaratorSyntax pointer: Open(node, Words("Pointer", Flags(pointer.Qualifiers)), pointer.Inner); break;
            case ArrayDeclaratorSyntax array: Open(node, Words("Array", array.IsStatic ? "static" : "", Flags(array.Qualifiers)), array.Length, array.Inner); break;
            case FunctionDeclaratorSyntax function:
                Line(node, Words("Function", function.HasPrototype ? "" : "without prototype", function.IsVariadic ? "variadic" : ""));
                Nodes(function.Parameters);
                Nodes(function.IdentifierList);
                Nodes([function.Inner]);
                break;
        }
        Nodes(node.Attributes);
    }

    private void Part(SyntaxNode node)
    {
        switch (node)
        {
            case DeclarationSpecifiersSyntax specifiers:
                Open(node, Words("Specifiers", Flags(specifiers.Storage), Flags(specifiers.FunctionSpecifiers), Flags(specifiers.Qualifiers)), specifiers.Type);
                Nodes(specifiers.Attributes);
                Nodes(specifiers.Alignments);
                break;
            case InitDeclaratorSyntax declarator:
                Open(node, Words("Declarator", declarator.AsmLabel is null ? "" : "asm " + Quote(declarator.AsmLabel)), declarator.Declarator, declarator.BitWidth, declarator.Initializer);
                Nodes(declarator.Attributes);
                break;
            case ParameterSyntax parameter: Open(node, "Parameter", parameter.Specifiers, parameter.Declarator); break;
            case TypeNameSyntax type: Open(node, "TypeName", type.Specifiers, type.Declarator); break;
            case AlignasSyntax alignment: Open(node, "Alignas", alignment.Operand); break;
            case AttributeSyntax attribute: List(node, $"Attribute {attribute.Name}", attribute.Arguments); break;
            case EnumeratorSyntax enumerator:
                Open(node, $"Enumerator {enumerator.Name}", enumerator.Value);
                Nodes(enumerator.Attributes);
                break;
            case ExpressionInitializerSyntax initializer: Node(initializer.Expression); break;
            case ListInitializerSyntax list: List(node, "InitializerList", list.Items); break;
            case InitializerItemSyntax item:
                if (item.Designators.Count == 0)
                {
                    Node(item.Value);
                    break;
                }
                List(node, "Designated", item.Designators);
                Nodes([item.Value]);
                break;
            case FieldDesignatorSyntax field: Line(node, $"Field {field.Name}"); break;
            case IndexDesignatorSyntax index: Open(node, "Index", index.First, index.Last); break;
            case GenericAssociationSyntax association: Open(node, association.Type is null ? "Default" : "Association", association.Type, association.Value); break;
            case AsmOperandSyntax operand: Open(node, Words("Operand", operand.SymbolicName, Quote(operand.Constraint)), operand.Value); break;
            case IdentifierSyntax identifier: Line(node, $"Identifier {identifier.Text}"); break;
            default: Line(node, node.GetType().Name); break;
        }
    }

    private void Statement(StatementSyntax node)
    {
        switch (node)
        {
            case CompoundStatementSyntax block:
                Line(node, "Block");
                Nodes(block.LocalLabels);
                Nodes(block.Items);
                break;
            case ExpressionStatementSyntax expression: Open(node, expression.Expression is null ? "Empty" : "Expression", expression.Expression); break;
            case IfStatementSyntax choice: Open(node, "If", choice.Condition, choice.Then, choice.Else); break;
            case WhileStatementSyntax loop: Open(node, Words("While", Unroll(loop)), loop.Condition, loop.Body); break;
            case DoStatementSyntax loop: Open(node, Words("Do", Unroll(loop)), loop.Body, loop.Condition); break;
            case ForStatementSyntax loop: Open(node, Words("For", Unroll(loop)), loop.Initializer, loop.Condition, loop.Step, loop.Body); break;
            case SwitchStatementSyntax choice: Open(node, "Switch", choice.Value, choice.Body); break;
            case CaseStatementSyntax label: Open(node, label.Last is null ? "Case" : "CaseRange", label.First, label.Last, label.Body); break;
            case DefaultStatementSyntax label: Open(node, "Default", label.Body); break;
            case LabeledStatementSyntax label: Open(node, $"Label {label.Label}", label.Body); break;
            case GotoStatementSyntax jump: Line(node, $"Goto {jump.Label}"); break;
            case ComputedGotoStatementSyntax jump: Open(node, "ComputedGoto", jump.Target); break;
            case BreakStatementSyntax: Line(node, "Break"); break;
            case ContinueStatementSyntax: Line(node, "Continue"); break;
            case ReturnStatementSyntax result: Open(node, "Return", result.Value); break;
            case AsmStatementSyntax assembly:
                Line(node, Words("Asm", assembly.IsVolatile ? "volatile" : "", assembly.IsGoto ? "goto" : "", assembly.IsBasic ? "basic" : "", Quote(assembly.Template)));
                Nodes(assembly.Outputs);
                Nodes(assembly.Inputs);
                _depth++;
                foreach (string clobber in assembly.Clobbers)
                    _text.Append(' ', _depth * 2).Append("Clobber ").Append(Quote(clobber)).Append('\n');
                _depth--;
                Nodes(assembly.Labels);
                break;
            default: Line(node, "ErrorStatement"); break;
        }
        Nodes(node.Attributes);
    }

    private static string Unroll(LoopStatementSyntax loop) => loop.UnrollHint switch { null => "", 0 => "nounroll", int.MaxValue => "unroll", int count => $"unroll {count}" };

    private void Expression(ExpressionSyntax node)
    {
        switch (node)
        {
            case NameExpressionSyntax name: Line(node, $"Name {name.Name}"); break;
            case NumberExpressionSyntax number: Line(node, $"Number {number.Text}"); break;
            case CharacterExpressionSyntax character: Line(node, $"Character {character.Text}"); break;
            case StringExpressionSyntax text: Line(node, $"String {string.Join(' ', text.Parts)}"); break;
            case UnaryExpressionSyntax unary: Open(node, unary.Operator.ToString(), unary.Operand); break;
            case BinaryExpressionSyntax binary: Open(node, binary.Operator.ToString(), binary.Left, binary.Right); break;
            case AssignmentExpressionSyntax assignment: Open(node, Words("Assign", assignment.Operator?.ToString()), assignment.Target, assignment.Value); break;
            case ConditionalExpressionSyntax choice: Open(node, choice.IfTrue is null ? "Elvis" : "Conditional", choice.Condition, choice.IfTrue, choice.IfFalse); break;
            case CommaExpressionSyntax comma: Open(node, "Comma", comma.Left, comma.Right); break;
            case CallExpressionSyntax call:
                Open(node, "Call", call.Callee);
                Nodes(call.Arguments);
                break;
            case IndexExpressionSyntax index: Open(node, "Index", index.Array, index.Index); break;
            case MemberExpressionSyntax member: Open(node, $"Member {(member.IsArrow ? "->" : ".")}{member.Member}", member.Receiver); break;
            case CastExpressionSyntax cast: Open(node, "Cast", cast.Type, cast.Operand); break;
            case CompoundLiteralSyntax literal: Open(node, "CompoundLiteral", literal.Type, literal.Initializer); break;
            case TypeQueryExpressionSyntax query: Open(node, query.Query.ToString(), query.Operand); break;
            case OffsetofExpressionSyntax offset: Open(node, "OffsetOf", offset.Type, offset.Designator); break;
            case StatementExpressionSyntax statement: Open(node, "StatementExpression", statement.Body); break;
            case GenericExpressionSyntax generic:
                Open(node, "Generic", generic.Control);
                Nodes(generic.Associations);
                break;
            case LabelAddressSyntax label: Line(node, $"LabelAddress {label.Label}"); break;
            default: Line(node, "ErrorExpression"); break;
        }
    }

    private static string Quote(string text) => "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n").Replace("\t", "\\t") + "\"";
}
