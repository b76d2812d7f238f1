// Format strings of the kernel's tracing helpers against their arguments (kernel: bpf_trace_printk accepts %d %i %u %x %X %p %s %c
// with h, l and ll, and %pI4-like pointer extensions).
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private void CheckFormat(BoundExpression callee, CallExpressionSyntax syntax, BoundExpression[] arguments)
    {
        if (arguments.Length < 2 || syntax.Callee is not NameExpressionSyntax { Name: "bpf_trace_printk" } || arguments[0] is null)
            return;
        _ = callee;
        if (FormatText(arguments[0]) is not { } format)
            return;
        int given = arguments.Length - 2, wanted = 0;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
                continue;
            if (++i < format.Length && format[i] == '%')
                continue;
            while (i < format.Length && format[i] is '-' or '+' or ' ' or '#' or '0' or '.' or >= '1' and <= '9')
                i++;
            while (i < format.Length && format[i] is 'h' or 'l' or 'z')
                i++;
            if (i >= format.Length)
            {
                Report(D.Format, syntax, "incomplete format specifier");
                return;
            }
            char conversion = format[i];
            if (conversion is not ('d' or 'i' or 'u' or 'x' or 'X' or 'p' or 's' or 'c'))
            {
                Report(D.Format, syntax, $"the kernel's printk for eBPF has no conversion '%{conversion}'");
                return;
            }
            if (wanted < given && syntax.Arguments[wanted + 2] is ExpressionSyntax argument)
                CheckFormatArgument(conversion, arguments[wanted + 2], argument);
            wanted++;
        }
        if (wanted > given)
            Report(D.Format, syntax, "more '%' conversions than data arguments");
        else if (wanted < given)
            Report(D.Format, syntax.Arguments[wanted + 2], "data argument not used by format string");
    }

    private void CheckFormatArgument(char conversion, BoundExpression value, ExpressionSyntax syntax)
    {
        bool isPointer = value.Type.Canonical is PointerType;
        if (conversion == 's' && !isPointer)
            Report(D.Format, syntax, $"format specifies a string but the argument has type {Show(value.Type)}");
        else if (conversion is 'd' or 'i' or 'u' or 'c' && isPointer)
            Report(D.Format, syntax, $"format specifies an integer but the argument has type {Show(value.Type)}");
    }

    /// <summary>The constant text behind a format argument: a literal, or a constant array (libbpf's <c>____fmt</c>).</summary>
    private string? FormatText(BoundExpression argument)
    {
        while (argument is BoundConversion { Kind: ConversionKind.Pointer or ConversionKind.Identity } conversion)
            argument = conversion.Operand;
        BoundStringLiteral? text = argument switch
        {
            BoundConversion { Kind: ConversionKind.ArrayToPointer, Operand: BoundStringLiteral literal } => literal,
            BoundConversion { Kind: ConversionKind.ArrayToPointer, Operand: BoundVariable { Symbol: { IsGlobal: true } variable } }
                when TypeRelations.ElementOf(variable.Type).IsConst && variable.Initializer is { Entries: [{ Offset: 0, Value: BoundStringLiteral literal }] } => literal,
            _ => null,
        };
        return text is null ? null : System.Text.Encoding.Latin1.GetString(text.Bytes).TrimEnd('\0');
    }
}
