// A classic filter as C that people read and ebpfcc compiles. Each straight piece of the program keeps A and X as expressions
// until something needs them in a variable:
//
//   ldh [12]                                       if (load_half(skb, 12) != 0x800)
//   jeq #0x800  jt 2  jf 9            ==>               return 0;
//   ...
//   ret #0                                         (targets that only return are put in the place of the jump)
//
// Packet loads end the program with 0 outside the packet, wherever they are evaluated; moving one past code without other
// effects changes nothing, and one whose value is not used stays as a statement.
using System.Globalization;
using System.Text;
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Ebpf.Classic;

public sealed class ClassicCWriter
{
    /// <summary>A value that is not in its variable yet.</summary>
    /// <param name="IsPrimary">Needs no parentheses beside an operator.</param>
    /// <param name="Loads">Evaluating it may end the program.</param>
    private readonly record struct Pending(string Text, bool IsPrimary, bool Loads);

    private readonly ClassicFilter _filter;
    private readonly ClassicLiveness _liveness;
    private readonly StringBuilder _body = new();
    private readonly SortedSet<string> _variables = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _uses = new(StringComparer.Ordinal);
    private readonly List<ClassicExtension> _internal = [];
    private readonly bool[] _isLabelled;
    private Pending? _a;
    private bool _isAfterEnd;

    private ClassicCWriter(ClassicFilter filter)
    {
        (_filter, _liveness) = (filter, ClassicLiveness.Of(filter));
        _isLabelled = new bool[filter.Instructions.Count];
    }

    /// <summary>The C file.</summary>
    /// <param name="name">The function's name.</param>
    /// <param name="title">What the filter is, for the comment at the top: the expression it was made from.</param>
    public static string Write(ClassicFilter filter, string name, string? title = null) => new ClassicCWriter(filter).Run(name, title);

    private bool IsSeccomp => _filter.Dialect == ClassicDialect.Seccomp;

    private string Run(string name, string? title)
    {
        // What jumps lead to becomes a label only when the jump is not replaced by a return.
        for (int i = 0; i < _isLabelled.Length; i++)
        {
            if (!_liveness.IsReachable(i))
                continue;
            (int first, int second) = ClassicLiveness.Successors(_filter.Instructions[i], i);
            foreach (int next in (ReadOnlySpan<int>)[first, second])
            {
                if (next > i + 1 && !IsConstantReturn(next))
                    _isLabelled[next] = true;
            }
        }
        ClassicRegisters first0 = _liveness.LiveBefore(0);
        for (int i = 0; i < _isLabelled.Length; i++)
        {
            if (!_liveness.IsReachable(i))
                continue;
            if (_isLabelled[i])
            {
                Settle(i);
                _body.Append(CultureInfo.InvariantCulture, $"L{i}:\n");
                _isAfterEnd = false;
            }
            else if (_isAfterEnd)
            {
                continue; // only reached by jumps that return in its place
            }
            Convert(i, _filter.Instructions[i]);
        }
        return Frame(name, title, first0);
    }

    private string Frame(string name, string? title, ClassicRegisters first)
    {
        var text = new StringBuilder();
        text.Append("// ").Append(title is null ? "A classic BPF filter." : title.Replace('\n', ' ').Replace('\r', ' ').Replace("\\", "")).Append('\n');
        text.Append("// Made by 'ebpfcc cbpf --to c'.\n");
        foreach (string line in ClassicPrinter.Print(_filter.Instructions).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            text.Append("//   ").Append(line.Replace('\t', ' ').TrimEnd()).Append('\n');
        text.Append("#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n");
        if (_uses.Contains("ntohs"))
            text.Append("#include <bpf/bpf_endian.h>\n");
        text.Append('\n');
        if (IsSeccomp)
            text.Append("struct seccomp_data {\n\tint nr;\n\t__u32 arch;\n\t__u64 instruction_pointer;\n\t__u64 args[6];\n};\n\n");
        if (_uses.Any(use => use.StartsWith("load_", StringComparison.Ordinal)))
            text.Append("// Loads outside the packet end the filter with 0. The empty asm keeps each in its place, even where its value is not used.\n");
        foreach (string width in (ReadOnlySpan<string>)["byte", "half", "word"])
        {
            if (!_uses.Contains("load_" + width))
                continue;
            text.Append(CultureInfo.InvariantCulture, $"unsigned long long bpf_load_{width}(void *skb, unsigned long long offset) asm(\"llvm.bpf.load.{width}\");\n");
            text.Append(CultureInfo.InvariantCulture, $"#define load_{width}(skb, offset) ({{ unsigned long long value = bpf_load_{width}(skb, offset); asm volatile(\"\" : \"+r\"(value)); value; }})\n");
        }
        foreach (ClassicExtension extension in _internal)
        {
            Abi.HelperRow row = ClassicExtensions.InternalHelpers[extension.Helper];
            text.Append(CultureInfo.InvariantCulture, $"static {row.ReturnType} (*bpf_{row.Name})({row.Parameters}) = (void *) {row.Id}; // in this runtime only: Linux has no such helper\n");
        }
        if (_uses.Count > 0 || _internal.Count > 0)
            text.Append('\n');
        text.Append(IsSeccomp ? "SEC(\"syscall\")\n" : "SEC(\"socket\")\n");
        text.Append("__u32 ").Append(name).Append(IsSeccomp ? "(struct seccomp_data *data)\n{\n" : "(struct __sk_buff *skb)\n{\n");
        if (_variables.Count > 0)
        {
            IEnumerable<string> declared = _variables.Select(variable => variable switch
            {
                "A" when (first & ClassicRegisters.A) != 0 => "A = 0",
                "X" when (first & ClassicRegisters.X) != 0 => "X = 0",
                _ => variable,
            });
            text.Append("\t__u32 ").AppendJoin(", ", declared).Append(";\n\n");
        }
        return text.Append(_body).Append("}\n\nchar _license[] SEC(\"license\") = \"GPL\";\n").ToString();
    }

    private void Line(string text, int indent = 1) => _body.Append('\t', indent).Append(text).Append('\n');

    private string Variable(string name)
    {
        _variables.Add(name);
        return name;
    }

    /// <summary>A's value as an operand; it stays pending when something reads it later, so ask <see cref="NeedA"/> first then.</summary>
    private string ValueOfA(bool beside = false) => _a is { } value ? (beside && !value.IsPrimary ? $"({value.Text})" : value.Text) : Variable("A");

    /// <summary>Puts A's pending value into its variable.</summary>
    private void NeedA()
    {
        if (_a is not { } value)
            return;
        _a = null;
        if (value.Text != "A")
            Line($"{Variable("A")} = {value.Text};");
    }

    /// <summary>The value of A is not wanted any more: only a load's way out of the program is.</summary>
    private void DropA()
    {
        if (_a is { Loads: true } value)
            Line(value.Text + ";");
        _a = null;
    }

    private void SetA(string text, bool isPrimary, bool loads = false)
    {
        _a = new Pending(text, isPrimary, loads);
    }

    /// <summary>Before a label, or the end of a piece: variables hold what is live.</summary>
    private void Settle(int next)
    {
        if (next < _filter.Instructions.Count && (_liveness.LiveBefore(next) & ClassicRegisters.A) != 0)
            NeedA();
        else
            DropA();
    }

    private void SetX(string text) => Line($"{Variable("X")} = {text};");

    private static string Hex(uint k) => k < 10 ? k.ToString(CultureInfo.InvariantCulture) : $"0x{k:x}";

    /// <summary>A decimal literal beyond 31 bits would be a long; a hexadecimal one is unsigned.</summary>
    private static string Decimal(uint k) => k > int.MaxValue ? $"0x{k:x}" : k.ToString(CultureInfo.InvariantCulture);

    private static string Offset(uint k) => (int)k switch
    {
        >= 0 => Decimal(k),
        >= ClassicInstruction.NetworkOffset => $"-0x100000 + {(int)k - ClassicInstruction.NetworkOffset}",
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)k}"),
    };

    private string Load(ClassicRow row, string offset)
    {
        string function = row.Width switch { 8 => "load_byte", 16 => "load_half", _ => "load_word" };
        _uses.Add(function);
        return $"{function}(skb, {offset})";
    }

    private void Convert(int index, ClassicInstruction instruction)
    {
        ClassicRow row = instruction.Row!;
        uint k = instruction.K;
        bool staysLive = (_liveness.LiveAfter(index) & ClassicRegisters.A) != 0;
        bool setsA = row.Writes == ClassicRegisters.A;
        if (setsA && (row.Reads & ClassicRegisters.A) == 0 && _filter.ExtensionAt(index) is not { Reads: not 0 })
            DropA();
        switch (row.Operation)
        {
            case ClassicOperation.LoadConstant:
                Assign(setsA, Hex(k), isPrimary: true);
                break;
            case ClassicOperation.LoadLength:
                Assign(setsA, IsSeccomp ? "sizeof(*data)" : "skb->len", isPrimary: true);
                break;
            case ClassicOperation.LoadPacket when IsSeccomp:
                SetA(SeccompField(k), isPrimary: true);
                break;
            case ClassicOperation.LoadPacket when _filter.ExtensionAt(index) is { } extension:
                ConvertExtension(extension);
                break;
            case ClassicOperation.LoadPacket:
                SetA(Load(row, Offset(k)), isPrimary: true, loads: true);
                break;
            case ClassicOperation.LoadPacketIndirect:
                SetA(Load(row, k == 0 ? Variable("X") : (int)k < 0 ? $"{Variable("X")} + 0x{k:x}" : $"{Variable("X")} + {k}"), isPrimary: true, loads: true);
                NeedA(); // X may change before A is used
                break;
            case ClassicOperation.LoadHeaderLength:
                SetX($"4 * ({Load(row, Offset(k))} & 0xf)");
                break;
            case ClassicOperation.LoadCell:
                Assign(setsA, Variable($"M{k}"), isPrimary: true);
                if (setsA)
                    NeedA(); // the cell may change before A is used
                break;
            case ClassicOperation.Store when row.Reads == ClassicRegisters.X:
                Line($"{Variable($"M{k}")} = {Variable("X")};");
                break;
            case ClassicOperation.Store:
                if (staysLive)
                    NeedA();
                Line($"{Variable($"M{k}")} = {ValueOfA()};");
                _a = null;
                break;
            case ClassicOperation.Alu:
                ConvertArithmetic(row, k);
                break;
            case ClassicOperation.Jump:
                Settle(index + 1 + (int)k);
                if (k != 0)
                    Line(JumpTo(index + 1 + (int)k));
                _isAfterEnd = k != 0;
                break;
            case ClassicOperation.Branch:
                ConvertBranch(row, index, instruction, staysLive);
                break;
            case ClassicOperation.Return when row.Reads == ClassicRegisters.A:
                Line($"return {ValueOfA()};");
                (_a, _isAfterEnd) = (null, true);
                break;
            case ClassicOperation.Return:
                DropA();
                Line(Return(k));
                _isAfterEnd = true;
                break;
            case ClassicOperation.Transfer when setsA:
                SetA(Variable("X"), isPrimary: true);
                NeedA();
                break;
            case ClassicOperation.Transfer:
                if (staysLive)
                    NeedA();
                SetX(ValueOfA());
                _a = null;
                break;
            default:
                throw new InternalCompilerException(nameof(ClassicCWriter), row.Mnemonic, "no C");
        }
    }

    private void Assign(bool toA, string text, bool isPrimary)
    {
        if (toA)
            SetA(text, isPrimary);
        else
            SetX(text);
    }

    private static string SeccompField(uint offset) => offset switch
    {
        0 => "(__u32)data->nr",
        4 => "data->arch",
        8 => "(__u32)data->instruction_pointer",
        12 => "(__u32)(data->instruction_pointer >> 32)",
        _ when offset % 8 == 0 => $"(__u32)data->args[{offset / 8 - 2}]",
        _ => $"(__u32)(data->args[{offset / 8 - 2}] >> 32)",
    };

    private void ConvertExtension(ClassicExtension extension)
    {
        if (extension.Name == "ALU_XOR_X")
        {
            SetA($"{ValueOfA(beside: true)} ^ {Variable("X")}", isPrimary: false, _a?.Loads ?? false);
            NeedA();
        }
        else if (extension.Name == "IFINDEX")
        {
            NeedA();
            Line("if (skb->ifindex == 0)");
            Line($"return {Variable("A")};", 2);
            SetA("skb->ifindex", isPrimary: true);
        }
        else if (extension.Field is { } field)
        {
            if (extension.IsNetworkOrder)
                _uses.Add("ntohs");
            SetA(extension.IsNetworkOrder ? $"(__u32)bpf_ntohs(skb->{field})" : $"skb->{field}", isPrimary: true);
        }
        else
        {
            if (extension.IsInternal && !_internal.Contains(extension))
                _internal.Add(extension);
            Abi.HelperRow row = ClassicExtensions.InternalHelpers.GetValueOrDefault(extension.Helper) ?? Abi.HelperTable.Find(extension.Helper)!;
            string arguments = extension.TakesRegisters ? $"skb, {ValueOfA()}, {Variable("X")}" : row.Arguments.Length == 0 ? "" : "skb";
            SetA($"{row.FullName}({arguments})", isPrimary: true);
            NeedA(); // calls stay in their order
        }
    }

    private void ConvertArithmetic(ClassicRow row, uint k)
    {
        bool isRegister = row.Operand == ClassicOperand.Index;
        if (_a is { } constant && char.IsAsciiDigit(constant.Text[0]))
            NeedA(); // constants alone would be signed
        string operand = isRegister ? Variable("X") : row.Operand == ClassicOperand.Hexadecimal ? Hex(k) : Decimal(k);
        if (row.Mnemonic == "neg")
        {
            SetA($"-(__u32){ValueOfA(beside: true)}", isPrimary: false, _a?.Loads ?? false);
            return;
        }
        if (isRegister && row.Mnemonic is "div" or "mod")
        {
            NeedA();
            Line("if (X == 0)");
            Line("return 0;", 2);
        }
        if (isRegister && row.Mnemonic is "lsh" or "rsh")
            operand = "(X & 31)";
        string sign = row.Mnemonic switch
        {
            "add" => "+", "sub" => "-", "mul" => "*", "div" => "/", "mod" => "%", "and" => "&", "or" => "|", "xor" => "^", "lsh" => "<<", _ => ">>",
        };
        bool loads = _a?.Loads ?? false;
        // Loads give 64 bits in C: what does not stay within 32 is cut off again.
        string left = ValueOfA(beside: true);
        bool isNarrow = left == "A" || sign is "&" or "|" or "^" or "/" or "%" or ">>";
        string value = $"{left} {sign} {operand}";
        SetA(isNarrow ? value : $"(__u32)({value})", isPrimary: !isNarrow, loads);
        if (isRegister)
            NeedA();
    }

    private bool IsConstantReturn(int index) => _filter.Instructions[index].Row is { Operation: ClassicOperation.Return, Reads: ClassicRegisters.None };

    private static string Return(uint k) => k < 0x8000_0000 ? $"return {Decimal(k)};" : $"return 0x{k:x};";

    private string JumpTo(int target) => IsConstantReturn(target) ? Return(_filter.Instructions[target].K) : string.Create(CultureInfo.InvariantCulture, $"goto L{target};");

    private void ConvertBranch(ClassicRow row, int index, ClassicInstruction instruction, bool staysLive)
    {
        int next = index + 1, whenTrue = next + instruction.JumpTrue, whenFalse = next + instruction.JumpFalse;
        if (whenTrue == whenFalse)
        {
            Settle(whenTrue);
            if (whenTrue != next)
                Line(JumpTo(whenTrue));
            _isAfterEnd = whenTrue != next;
            return;
        }
        if (staysLive)
            NeedA();
        string left = ValueOfA(beside: true), right = row.Operand == ClassicOperand.Index ? Variable("X") : Hex(instruction.K);
        _a = null;
        (string yes, string no) = row.Mnemonic switch
        {
            "jeq" => ($"{left} == {right}", $"{left} != {right}"),
            "jgt" => ($"{left} > {right}", $"{left} <= {right}"),
            "jge" => ($"{left} >= {right}", $"{left} < {right}"),
            _ => ($"{left} & {right}", $"!({left} & {right})"),
        };
        // What continues with the next instruction needs no jump.
        if (whenTrue == next)
        {
            Line($"if ({no})");
            Line(JumpTo(whenFalse), 2);
            return;
        }
        Line($"if ({yes})");
        Line(JumpTo(whenTrue), 2);
        if (whenFalse != next)
            Line(JumpTo(whenFalse));
        _isAfterEnd = whenFalse != next;
    }
}
