// Generated programs as assembly that reads back: a header of comments with what the instructions do not say, then LLVM's syntax
// with labels. Maps are named; "name.value+8" is the address of a byte of a map's value. What is no proper instruction is a number.
//
//     # type: xdp
//     # map: table array key 4 value 64 entries 4
//     r1 = table ll
//     call 1
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Fuzzing;

public static class ProgramText
{
    public static string Write(GeneratedProgram program)
    {
        EbpfInstruction[] code = program.Code;
        var text = new StringBuilder();
        text.Append("# type: ").Append(program.Type).Append('\n');
        var used = new SortedSet<int>();
        var targets = new SortedSet<int>();
        HashSet<int> starts = InstructionStarts(code);
        string? Label(int target) => starts.Contains(target) && targets.Add(target) | true ? $"L{target}" : null;
        DisassemblyOptions options = DisassemblyOptions.Source with { Label = Label };
        var lines = new List<(int Slot, string Line)>();
        for (int slot = 0; slot < code.Length; slot += IsWideAt(code, slot) ? 2 : 1)
            lines.Add((slot, Line(program, slot, options, Label, used)));
        foreach (int map in used)
        {
            MapDefinition definition = program.Maps[map];
            text.Append(CultureInfo.InvariantCulture, $"# map: {definition.Name} {MapTypes.Name(definition.Type)} key {definition.KeySize} value {definition.ValueSize} entries {definition.MaxEntries}\n");
        }
        foreach ((int slot, string line) in lines)
        {
            if (targets.Contains(slot))
                text.Append('L').Append(slot).Append(":\n");
            text.Append('\t').Append(line).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>Reads what <see cref="Write"/> writes, and hand-written programs of the same form.</summary>
    /// <exception cref="FormatException">The text is no such program.</exception>
    public static GeneratedProgram Read(string text)
    {
        ProgramType type = ProgramType.SocketFilter;
        var maps = new List<MapDefinition>();
        foreach (string line in text.Split('\n'))
        {
            if (line.StartsWith("# type: ", StringComparison.Ordinal) && !Enum.TryParse(line.AsSpan(8).Trim(), ignoreCase: true, out type))
                throw new FormatException($"no program type: {line}");
            if (line.StartsWith("# map: ", StringComparison.Ordinal))
                maps.Add(ReadMap(line));
        }
        var bag = new DiagnosticBag();
        AssembledCode? code = Assembler.Assemble(text, bag);
        if (code is null)
            throw new FormatException(string.Join('\n', bag.Items.Select(item => item.Message)));
        EbpfInstruction[] instructions = code.Instructions;
        foreach (SymbolReference reference in code.References)
            instructions[reference.Slot] = Resolve(instructions, reference, code, maps);
        return new GeneratedProgram(type, instructions, maps);
    }

    private static EbpfInstruction Resolve(EbpfInstruction[] code, SymbolReference reference, AssembledCode assembled, List<MapDefinition> maps)
    {
        EbpfInstruction instruction = code[reference.Slot];
        if (assembled.Labels.TryGetValue(reference.Symbol, out int target))
            return instruction.WithSrc((int)WideImmediateKind.Function).WithImmediate(target - reference.Slot - 1);
        bool isValue = reference.Symbol.EndsWith(".value", StringComparison.Ordinal);
        string name = isValue ? reference.Symbol[..^6] : reference.Symbol;
        int map = maps.FindIndex(each => each.Name == name);
        if (map < 0)
            throw new FormatException($"nothing is called '{reference.Symbol}'");
        if (isValue)
            code[reference.Slot + 1] = code[reference.Slot + 1].WithImmediate((int)reference.Addend);
        return instruction.WithSrc((int)(isValue ? WideImmediateKind.MapValue : WideImmediateKind.MapFd)).WithImmediate(map);
    }

    private static MapDefinition ReadMap(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is not ["#", "map:", var name, var kind, "key", var key, "value", var value, "entries", var entries])
            throw new FormatException($"no map: {line}");
        foreach (MapType type in Enum.GetValues<MapType>())
        {
            if (MapTypes.Name((int)type) == kind)
                return new MapDefinition(name, (int)type, Number(key), Number(value), Number(entries));
        }
        throw new FormatException($"no type of maps: {line}");

        static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);
    }

    private static bool IsWideAt(EbpfInstruction[] code, int slot) => code[slot].IsWide && slot + 1 < code.Length;

    private static HashSet<int> InstructionStarts(EbpfInstruction[] code)
    {
        var starts = new HashSet<int>();
        for (int slot = 0; slot < code.Length; slot += IsWideAt(code, slot) ? 2 : 1)
            starts.Add(slot);
        return starts;
    }

    private static string Line(GeneratedProgram program, int slot, DisassemblyOptions options, Func<int, string?> label, SortedSet<int> used)
    {
        EbpfInstruction[] code = program.Code;
        EbpfInstruction instruction = code[slot];
        EbpfOpcode opcode = OpcodeTable.Classify(instruction);
        bool isMap = opcode is EbpfOpcode.LoadMapFd or EbpfOpcode.LoadMapValue && (uint)instruction.Immediate < (uint)program.Maps.Count;
        if (!IsProper(instruction, opcode, slot + 1 < code.Length ? code[slot + 1] : default))
        {
            if (isMap)
                used.UnionWith(Enumerable.Range(0, program.Maps.Count));
            return IsWideAt(code, slot) ? $".8byte {Hex(instruction)}\n\t.8byte {Hex(code[slot + 1])}" : $".8byte {Hex(instruction)}";
        }
        switch (opcode)
        {
            case EbpfOpcode.LoadMapFd when isMap && code[slot + 1].Immediate == 0:
                used.Add(instruction.Immediate);
                return $"r{instruction.Dst} = {program.Maps[instruction.Immediate].Name} ll";
            case EbpfOpcode.LoadMapValue when isMap && code[slot + 1].Immediate >= 0:
                used.Add(instruction.Immediate);
                return $"r{instruction.Dst} = {program.Maps[instruction.Immediate].Name}.value+{code[slot + 1].Immediate} ll";
            case EbpfOpcode.LoadFunction when label(slot + 1 + instruction.Immediate) is { } function && code[slot + 1].Immediate == 0:
                return $"r{instruction.Dst} = {function} ll";
            case EbpfOpcode.CallLocal when label(slot + 1 + instruction.Immediate) is { } function:
                return $"call {function}";
            case EbpfOpcode.LoadImm64:
                return Disassembler.Format(code, slot, options);
        }
        // A map's number in a bare number means something only beside all maps.
        if (isMap)
            used.UnionWith(Enumerable.Range(0, program.Maps.Count));
        return OpcodeTable.Get(opcode) is { IsWide: true }
            ? $".8byte {Hex(instruction)}\n\t.8byte {Hex(code[slot + 1])}"
            : opcode is EbpfOpcode.CallLocal or EbpfOpcode.CallKfunc || HasFarTarget(instruction, opcode, slot, label) ? $".8byte {Hex(instruction)}" : Disassembler.Format(code, slot, options);
    }

    /// <summary>A jump to where no instruction begins.</summary>
    private static bool HasFarTarget(EbpfInstruction instruction, EbpfOpcode opcode, int slot, Func<int, string?> label)
    {
        OpcodeRow row = OpcodeTable.Get(opcode);
        return row.IsJump && label(slot + 1 + (row.Immediate == ImmediateUse.Jump ? instruction.Immediate : instruction.Offset)) is null;
    }

    /// <summary>The text of an instruction says only the fields it uses: the others must be what encoding makes them.</summary>
    private static bool IsProper(EbpfInstruction instruction, EbpfOpcode opcode, EbpfInstruction second)
    {
        if (opcode == EbpfOpcode.Invalid)
            return false;
        OpcodeRow row = OpcodeTable.Get(opcode);
        if (instruction.Dst > 10 || row.Src != RegisterUse.None && instruction.Src > 10)
            return false;
        if (row.IsWide)
            return instruction.Offset == 0 && second.Code == 0 && second.Dst == 0 && second.Src == 0 && second.Offset == 0;
        return instruction == OpcodeTable.Encode(opcode, row.Dst != RegisterUse.None ? instruction.Dst : 0, row.Src != RegisterUse.None ? instruction.Src : 0,
            row.Offset is OffsetUse.Memory or OffsetUse.Jump ? instruction.Offset : 0,
            row.Immediate is ImmediateUse.Zero or ImmediateUse.Discriminator ? 0 : instruction.Immediate);
    }

    private static string Hex(EbpfInstruction instruction)
    {
        Span<byte> bytes = stackalloc byte[8];
        System.Runtime.InteropServices.MemoryMarshal.Write(bytes, in instruction);
        return string.Create(CultureInfo.InvariantCulture, $"0x{BinaryPrimitives.ReadUInt64LittleEndian(bytes):x}");
    }
}
