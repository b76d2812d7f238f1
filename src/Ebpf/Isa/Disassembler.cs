// Instructions to text, by interpreting the format column of the opcode table.
//
// Two styles share the table: LLVM's ("r1 = *(u64 *)(r10 - 0x8)", what llvm-objdump -d prints and its assembler reads) and
// that of the kernel's verifier log and bpftool ("(79) r1 = *(u64 *)(r10 -8)"). They differ in how numbers are written, in
// 32-bit register names of memory accesses, and for a few atomics in wording (the KernelFormat column).
using System.Globalization;
using System.Text;
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Ebpf.Isa;

public enum DisassemblyStyle : byte
{
    /// <summary>llvm-objdump and clang -S.</summary>
    Llvm,

    /// <summary>The kernel's verifier log and bpftool prog dump xlated, opcode in parentheses included.</summary>
    Kernel,
}

/// <summary>How instructions are written. All callbacks may return null for "print the number".</summary>
public sealed record DisassemblyOptions
{
    /// <summary>What <c>llvm-objdump -d</c> prints.</summary>
    public static readonly DisassemblyOptions Default = new();

    /// <summary>The kernel's style with helper names.</summary>
    public static readonly DisassemblyOptions Kernel = new() { Style = DisassemblyStyle.Kernel };

    /// <summary>What <c>clang -S</c> writes: decimal numbers.</summary>
    public static readonly DisassemblyOptions Source = new() { Hexadecimal = false };

    public DisassemblyStyle Style { get; init; }

    /// <summary>Write immediates and offsets in hexadecimal (LLVM's style only).</summary>
    public bool Hexadecimal { get; init; } = true;

    /// <summary>Write 8- to 32-bit loads and stores with w registers, as LLVM does from <c>-mcpu=v3</c> on.</summary>
    public bool Alu32 { get; init; }

    /// <summary>Write helpers by name rather than by number in LLVM's style (the kernel's style always does).</summary>
    public bool HelperNames { get; init; }

    /// <summary>Text that replaces a jump's distance: a label. The argument is the target slot.</summary>
    public Func<int, string?>? Label { get; init; }

    /// <summary>Text put in angle brackets behind a jump's distance. The argument is the target slot.</summary>
    public Func<int, string?>? TargetSymbol { get; init; }

    /// <summary>The symbol that a relocation puts into the slot's immediate: callee, map, variable. The argument is the slot.</summary>
    public Func<int, string?>? Reference { get; init; }

    /// <summary>The name of the kernel function with this BTF id (kernel's style).</summary>
    public Func<int, string?>? KfuncName { get; init; }
}

/// <summary>Prints instructions. Stateless; appends to a caller's builder so that a listing allocates nothing per instruction.</summary>
public static class Disassembler
{
    /// <summary>The text of the instruction at <paramref name="slot"/>.</summary>
    public static string Format(ReadOnlySpan<EbpfInstruction> program, int slot, DisassemblyOptions? options = null)
    {
        var text = new StringBuilder(48);
        Append(text, program, slot, options ?? DisassemblyOptions.Default);
        return text.ToString();
    }

    /// <summary>One instruction alone; a wide immediate's upper half counts as zero.</summary>
    public static string Format(EbpfInstruction instruction, DisassemblyOptions? options = null)
        => Format([instruction, default], 0, options);

    /// <summary>
    /// Appends the text of the instruction at <paramref name="slot"/>, without line break, and returns the number of slots it
    /// occupies (1, or 2 for a wide immediate).
    /// </summary>
    public static int Append(StringBuilder text, ReadOnlySpan<EbpfInstruction> program, int slot, DisassemblyOptions options)
    {
        EbpfInstruction instruction = program[slot];
        bool kernel = options.Style == DisassemblyStyle.Kernel;
        if (kernel)
            text.Append(CultureInfo.InvariantCulture, $"({instruction.Code:x2}) ");
        OpcodeRow? row = OpcodeTable.Find(instruction);
        if (row is null || (row.IsWide && slot + 1 >= program.Length))
        {
            text.Append(kernel ? "BUG" : "<unknown>");
            return 1;
        }
        EbpfInstruction second = row.IsWide ? program[slot + 1] : default;
        // LLVM's spelling of the loads that only a loader makes; it has no room for the upper half
        if (!kernel && row.IsWide && row.DiscriminatorValue != 0 && second.Immediate == 0)
        {
            text.Append("ld_pseudo\tr").Append(instruction.Dst).Append(", ");
            Number(text, row.DiscriminatorValue, options);
            text.Append(", ");
            Number(text, (uint)instruction.Immediate, options);
            return 2;
        }
        // narrow loads and stores name a register whose width is a matter of the processor version, or of taste
        bool halfRegister = options.Alu32 && !kernel && row.Width < 64 && row.Operation is (Operation.Load or Operation.Store);
        bool oldAdd = row.Opcode == EbpfOpcode.AtomicAdd32 && !options.Alu32;
        char half = oldAdd || (kernel && row.Effect is (Effect.Atomic or Effect.Load or Effect.Store)) ? 'r' : 'w';
        string format = kernel && row.KernelFormat is { } other ? other : row.Format;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 >= format.Length)
            {
                text.Append(format[i]);
                continue;
            }
            char kind = format[++i];
            switch (kind)
            {
                case '%': text.Append('%'); break;
                case 'd': text.Append(halfRegister && row.Operation == Operation.Load ? 'w' : 'r').Append(instruction.Dst); break;
                case 's': text.Append(halfRegister && row.Operation == Operation.Store ? 'w' : 'r').Append(instruction.Src); break;
                case 'D': text.Append(half).Append(instruction.Dst); break;
                case 'S': text.Append(half).Append(instruction.Src); break;
                case 'i' when kernel && row.Effect == Effect.Branch: text.Append(CultureInfo.InvariantCulture, $"0x{instruction.Immediate:x}"); break;
                case 'i': Number(text, instruction.Immediate, options); break;
                case 'm': Displacement(text, instruction.Offset, options); break;
                case 'o': PacketDisplacement(text, instruction.Immediate, options); break;
                case 'a': Number(text, instruction.Immediate >>> 16, options); break;
                case 'b': Number(text, instruction.Immediate & 0xffff, options); break;
                case 'w': Wide(text, slot, instruction, second, options); break;
                case 'v': WidePair(text, slot, instruction, second, options); break;
                case 'j': Target(text, slot, row.Immediate == ImmediateUse.Jump ? instruction.Immediate : instruction.Offset, options); break;
                default: Callee(text, kind, slot, instruction, options); break;
            }
        }
        return row.Slots;
    }

    private static void Number(StringBuilder text, long value, DisassemblyOptions options)
    {
        if (options.Style == DisassemblyStyle.Kernel || !options.Hexadecimal)
        {
            text.Append(value);
            return;
        }
        if (value < 0)
            text.Append('-');
        text.Append(CultureInfo.InvariantCulture, $"0x{(value < 0 ? 0 - (ulong)value : (ulong)value):x}");
    }

    /// <summary>A number that always shows its sign: <c>+0x4</c>, <c>-8</c>.</summary>
    private static void Signed(StringBuilder text, long value, DisassemblyOptions options)
    {
        if (value >= 0)
            text.Append('+');
        Number(text, value, options);
    }

    /// <summary><c>+ 0x4</c> in LLVM's style, <c>+4</c> in the kernel's.</summary>
    private static void Displacement(StringBuilder text, int offset, DisassemblyOptions options)
    {
        if (options.Style == DisassemblyStyle.Kernel)
        {
            Signed(text, offset, options);
            return;
        }
        text.Append(offset < 0 ? "- " : "+ ");
        Number(text, Math.Abs((long)offset), options);
    }

    /// <summary>LLVM has no such operand and prints nothing; the space before it goes too.</summary>
    private static void PacketDisplacement(StringBuilder text, int offset, DisassemblyOptions options)
    {
        if (offset == 0)
            text.Length--;
        else
            Displacement(text, offset, options);
    }

    private static void Wide(StringBuilder text, int slot, EbpfInstruction first, EbpfInstruction second, DisassemblyOptions options)
    {
        long value = (long)first.WideImmediate(second);
        if (options.Reference?.Invoke(slot) is { } symbol)
        {
            text.Append(symbol);
            if (value != 0)
                Signed(text, value, options);
        }
        else if (options.Style == DisassemblyStyle.Kernel)
        {
            text.Append(CultureInfo.InvariantCulture, $"0x{value:x}");
            return;
        }
        else
        {
            Number(text, value, options);
        }
    }

    /// <summary>The two halves mean different things: <c>map_val(5 + 8)</c>.</summary>
    private static void WidePair(StringBuilder text, int slot, EbpfInstruction first, EbpfInstruction second, DisassemblyOptions options)
    {
        if (options.Reference?.Invoke(slot) is { } symbol)
            text.Append(symbol);
        else
            Number(text, first.Immediate, options);
        text.Append(" + ");
        Number(text, second.Immediate, options);
    }

    private static void Target(StringBuilder text, int slot, int distance, DisassemblyOptions options)
    {
        long target = slot + 1L + distance;
        if (options.Label is { } label && target is >= 0 and <= int.MaxValue && label((int)target) is { } name)
        {
            text.Append(name);
            return;
        }
        if (options.Style == DisassemblyStyle.Kernel)
            text.Append("pc");
        Signed(text, distance, options);
        if (options.TargetSymbol is { } symbolOf && target is >= 0 and <= int.MaxValue && symbolOf((int)target) is { } symbol)
            text.Append(" <").Append(symbol).Append('>');
    }

    private static void Callee(StringBuilder text, char kind, int slot, EbpfInstruction instruction, DisassemblyOptions options)
    {
        int number = instruction.Immediate;
        string? reference = options.Reference?.Invoke(slot);
        if (options.Style == DisassemblyStyle.Kernel)
        {
            if (kind == 'f')
            {
                text.Append("pc");
                Signed(text, number, options);
                return;
            }
            string name = kind == 'c' ? HelperTable.Find(number)?.FullName ?? "unknown" : options.KfuncName?.Invoke(number) ?? "kernel-function";
            text.Append(name).Append('#').Append(number);
        }
        else if (reference is not null)
        {
            text.Append(reference);
        }
        else if (kind == 'f' && options.Label?.Invoke(slot + 1 + number) is { } label)
        {
            text.Append(label);
        }
        else if (kind == 'c' && options.HelperNames && HelperTable.Find(number) is { } helper)
        {
            text.Append(helper.FullName);
        }
        else
        {
            Number(text, number, options);
        }
    }
}
