// Reads any compiler's object: clang's and gcc's habits, several programs per section, subprograms in .text, functions that
// are static, global or weak, code without symbols. What relocations leave implicit is made explicit: every call of another
// function carries a relocation to its symbol, also where the file has only a distance.
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Object;

/// <summary>Reads objects.</summary>
public sealed class ObjectReader
{
    private readonly ElfFile _elf;
    private readonly string _subject;
    private readonly DiagnosticBag _diagnostics;
    private readonly EbpfObject _object = new();
    private readonly EbpfSection?[] _sections;
    private readonly EbpfSymbol?[] _symbols;
    private readonly Dictionary<EbpfSection, List<EbpfFunction>> _functions = [];

    private ObjectReader(ElfFile elf, string subject, DiagnosticBag diagnostics)
    {
        _elf = elf;
        _subject = subject;
        _diagnostics = diagnostics;
        _sections = new EbpfSection?[elf.Sections.Count];
        _symbols = new EbpfSymbol?[elf.Symbols.Count];
    }

    /// <summary>Reads an object file. Null after a reported error.</summary>
    /// <param name="subject">The file's name, for diagnostics.</param>
    public static EbpfObject? Read(ReadOnlyMemory<byte> image, string subject, DiagnosticBag diagnostics)
        => ElfFile.Read(image, subject, diagnostics) is { } elf ? Read(elf, subject, diagnostics) : null;

    public static EbpfObject? Read(ElfFile elf, string subject, DiagnosticBag diagnostics)
    {
        if (elf.Machine != ElfConstants.MachineBpf)
        {
            diagnostics.ReportFile(ObjectDiagnostics.NotBpf, subject, elf.Machine);
            return null;
        }
        var reader = new ObjectReader(elf, subject, diagnostics);
        return reader.ReadSections() && reader.ReadFunctions() && reader.ReadSymbols() && reader.ReadRelocations() && reader.ReadTypes()
            ? reader._object : null;
    }

    private bool Fail(DiagnosticDescriptor descriptor, params ReadOnlySpan<object?> arguments)
    {
        _diagnostics.ReportFile(descriptor, _subject, arguments);
        return false;
    }

    private bool ReadSections()
    {
        foreach (ElfSection section in _elf.Sections)
        {
            bool hasContents = section.Type is ElfSectionType.ProgBits or ElfSectionType.NoBits;
            bool allocated = (section.Flags & ElfSectionFlags.Allocate) != 0 || section.Name is "license" or "version" or "maps" or ".maps";
            if (!hasContents || !allocated)
                continue;
            bool executable = section.IsCode;
            // an empty .text is in every object and means nothing
            if (executable && section.Data.Length == 0)
                continue;
            if (section.Size > int.MaxValue)
                return Fail(ObjectDiagnostics.CorruptElf, $"section '{section.Name}' is too large");
            EbpfSectionKind kind = EbpfSection.KindOf(section.Name, executable, (section.Flags & ElfSectionFlags.Write) != 0, section.Type == ElfSectionType.NoBits);
            if (executable && section.Data.Length % EbpfInstruction.Size != 0)
                return Fail(ObjectDiagnostics.CorruptCode, section.Name, "its size is not a whole number of instructions");
            var made = new EbpfSection(section.Name, kind)
            {
                Data = executable ? [] : section.Data.ToArray(),
                Size = (long)section.Size,
                Alignment = (int)Math.Clamp(section.Alignment, 1, 4096),
            };
            _sections[section.Index] = made;
            _object.Sections.Add(made);
            if (kind == EbpfSectionKind.License)
                _object.License = Encoding.UTF8.GetString(made.Data.AsSpan().TrimEnd((byte)0));
        }
        return true;
    }

    /// <summary>The slots of a code section in the host's layout.</summary>
    private EbpfInstruction[] Decode(ElfSection section)
    {
        if (_elf.IsLittleEndian)
            return MemoryMarshal.Cast<byte, EbpfInstruction>(section.Data.Span).ToArray();
        var slots = new EbpfInstruction[section.Data.Length / EbpfInstruction.Size];
        for (int i = 0; i < slots.Length; i++)
        {
            ReadOnlySpan<byte> bytes = section.Data.Span.Slice(i * EbpfInstruction.Size, EbpfInstruction.Size);
            slots[i] = new EbpfInstruction(bytes[0], bytes[1] >> 4, bytes[1] & 15, BinaryPrimitives.ReadInt16BigEndian(bytes[2..]), BinaryPrimitives.ReadInt32BigEndian(bytes[4..]));
        }
        return slots;
    }

    private bool ReadFunctions()
    {
        for (int index = 0; index < _sections.Length; index++)
        {
            if (_sections[index] is not { Kind: EbpfSectionKind.Code } section)
                continue;
            EbpfInstruction[] code = Decode(_elf.Sections[index]);
            var functions = new List<EbpfFunction>();
            _functions.Add(section, functions);
            List<int> starts = FunctionSymbols(index);
            long covered = 0;
            for (int i = 0; i < starts.Count; i++)
            {
                ElfSymbol symbol = _elf.Symbols[starts[i]];
                long begin = (long)symbol.Value;
                if (begin % EbpfInstruction.Size != 0 || symbol.Value >= (ulong)code.Length * EbpfInstruction.Size)
                    return Fail(ObjectDiagnostics.CorruptCode, section.Name, $"function '{symbol.Name}' does not begin at an instruction");
                if (i > 0 && (ulong)begin == _elf.Symbols[starts[i - 1]].Value)
                    continue; // another name of the same function
                if (begin > covered)
                    Add(new EbpfSymbol(section.Name) { Type = ElfSymbolType.Function, Section = section, Offset = covered }, covered, begin);
                int next = i + 1;
                while (next < starts.Count && _elf.Symbols[starts[next]].Value == symbol.Value)
                    next++;
                long end = next < starts.Count ? (long)Math.Min(_elf.Symbols[starts[next]].Value, (ulong)code.Length * EbpfInstruction.Size) : code.Length * (long)EbpfInstruction.Size;
                end &= -EbpfInstruction.Size;
                EbpfSymbol named = MakeSymbol(symbol, section, ElfSymbolType.Function);
                _symbols[starts[i]] = named;
                Add(named, begin, end);
                covered = end;
            }
            if (covered < code.Length * (long)EbpfInstruction.Size)
                Add(new EbpfSymbol(section.Name) { Type = ElfSymbolType.Function, Section = section, Offset = covered }, covered, code.Length * (long)EbpfInstruction.Size);

            void Add(EbpfSymbol symbol, long begin, long end)
            {
                var function = new EbpfFunction(symbol, code[(int)(begin / EbpfInstruction.Size)..(int)(end / EbpfInstruction.Size)]) { Offset = begin };
                functions.Add(function);
                _object.Functions.Add(function);
            }
        }
        return true;
    }

    /// <summary>Symbols that begin functions, by offset; globals first among equals. Untyped symbols count where no typed one exists.</summary>
    private List<int> FunctionSymbols(int section)
    {
        var typed = new List<int>();
        var untyped = new List<int>();
        for (int i = 1; i < _elf.Symbols.Count; i++)
        {
            ElfSymbol symbol = _elf.Symbols[i];
            if (symbol.Section != section)
                continue;
            if (symbol.Type == ElfSymbolType.Function)
                typed.Add(i);
            else if (symbol.Type == ElfSymbolType.None && symbol.Name.Length > 0 && symbol.Binding != ElfSymbolBinding.Local)
                untyped.Add(i);
        }
        List<int> chosen = typed.Count > 0 ? typed : untyped;
        chosen.Sort((a, b) =>
        {
            ElfSymbol left = _elf.Symbols[a], right = _elf.Symbols[b];
            int order = left.Value.CompareTo(right.Value);
            if (order == 0)
                order = (left.Binding == ElfSymbolBinding.Local).CompareTo(right.Binding == ElfSymbolBinding.Local);
            return order == 0 ? a.CompareTo(b) : order;
        });
        return chosen;
    }

    private static EbpfSymbol MakeSymbol(ElfSymbol symbol, EbpfSection? section, ElfSymbolType type) => new(symbol.Name)
    {
        Type = type,
        Binding = symbol.Binding,
        Visibility = symbol.Visibility,
        Section = section,
        Offset = (long)Math.Min(symbol.Value, long.MaxValue),
        Size = (long)Math.Min(symbol.Size, int.MaxValue),
    };

    private bool ReadSymbols()
    {
        for (int i = 1; i < _elf.Symbols.Count; i++)
        {
            ElfSymbol symbol = _elf.Symbols[i];
            if (_symbols[i] is not null || symbol.Section >= _sections.Length)
                continue;
            EbpfSection? section = _sections[symbol.Section];
            if (section is null && !symbol.IsUndefined)
                continue;
            if (section is not null && symbol.Value > (ulong)section.Size)
                return Fail(ObjectDiagnostics.CorruptElf, $"symbol '{symbol.Name}' lies outside of section '{section.Name}'");
            EbpfSymbol made = MakeSymbol(symbol, section, symbol.Type);
            _symbols[i] = made;
            if (symbol.Type is not (ElfSymbolType.Section or ElfSymbolType.File))
                _object.Symbols.Add(made);
        }
        return true;
    }

    private bool ReadRelocations()
    {
        foreach (ElfSection table in _elf.Sections)
        {
            if (table.Type is not (ElfSectionType.Rel or ElfSectionType.Rela))
                continue;
            if (table.Info >= _sections.Length)
                return Fail(ObjectDiagnostics.CorruptElf, $"section '{table.Name}' relocates section {table.Info}, which does not exist");
            if (_sections[table.Info] is not { } section)
                continue;
            if (_elf.ReadRelocations(table, _subject, _diagnostics) is not { } relocations)
                return false;
            foreach (ElfRelocation relocation in relocations)
            {
                if (_symbols[relocation.Symbol] is not { } symbol)
                    return Fail(ObjectDiagnostics.BadRelocation, section.Name, (uint)relocation.Type, $"at {relocation.Offset:x}: its symbol '{_elf.Symbols[relocation.Symbol].Name}' lies in no section that is loaded");
                if (!(section.Kind == EbpfSectionKind.Code ? ReadCode(section, relocation, symbol) : ReadData(section, relocation, symbol)))
                    return false;
            }
        }
        foreach (EbpfFunction function in _object.Functions)
            ExplainDirectCalls(function);
        return true;
    }

    private EbpfFunction? FunctionAt(EbpfSection section, long offset)
    {
        if (!_functions.TryGetValue(section, out List<EbpfFunction>? functions))
            return null;
        int low = 0, high = functions.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (functions[middle].Offset <= offset)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == 0)
            return null;
        EbpfFunction found = functions[low - 1];
        return offset < found.Offset + found.Instructions.Length * (long)EbpfInstruction.Size ? found : null;
    }

    private bool ReadCode(EbpfSection section, ElfRelocation relocation, EbpfSymbol symbol)
    {
        EbpfFunction? function = relocation.Offset % EbpfInstruction.Size == 0 && relocation.Offset <= int.MaxValue ? FunctionAt(section, (long)relocation.Offset) : null;
        if (function is null)
            return Fail(ObjectDiagnostics.BadRelocation, section.Name, (uint)relocation.Type, $"at {relocation.Offset:x}: there is no instruction");
        int slot = (int)(((long)relocation.Offset - function.Offset) / EbpfInstruction.Size);
        EbpfInstruction instruction = function.Instructions[slot];
        long addend;
        CodeRelocationKind kind;
        if (relocation.Type == BpfRelocationType.Wide && instruction.IsWide && slot + 1 < function.Instructions.Length)
        {
            kind = CodeRelocationKind.Wide;
            addend = relocation.Addend ?? instruction.Immediate;
        }
        else if (relocation.Type == BpfRelocationType.Call && instruction.Code == 0x85)
        {
            kind = CodeRelocationKind.Call;
            // gcc leaves the immediate of a call of an undefined symbol at -1, too
            addend = relocation.Addend ?? (instruction.Immediate + 1L) * EbpfInstruction.Size;
        }
        else
        {
            return Fail(ObjectDiagnostics.BadRelocation, section.Name, (uint)relocation.Type, $"at {relocation.Offset:x}: it does not fit the instruction there");
        }
        (symbol, addend) = Precise(symbol, addend);
        function.Relocations.Add(new CodeRelocation(slot, kind, symbol, addend));
        return true;
    }

    /// <summary>A place in a code section becomes the function that begins there.</summary>
    private (EbpfSymbol Symbol, long Addend) Precise(EbpfSymbol symbol, long addend)
    {
        if (symbol.Section is { Kind: EbpfSectionKind.Code } code)
        {
            long offset = symbol.Offset + addend;
            if (FunctionAt(code, offset) is { } target && target.Offset == offset)
                return (target.Symbol, 0);
        }
        return (symbol, addend);
    }

    private bool ReadData(EbpfSection section, ElfRelocation relocation, EbpfSymbol symbol)
    {
        int width = relocation.Type switch { BpfRelocationType.Abs64 => 8, BpfRelocationType.Abs32 or BpfRelocationType.NoDyld32 => 4, _ => 0 };
        if (width == 0)
            return Fail(ObjectDiagnostics.BadRelocation, section.Name, (uint)relocation.Type, $"at {relocation.Offset:x}: it is not for data");
        if (relocation.Offset > (ulong)section.Data.Length || (ulong)section.Data.Length - relocation.Offset < (ulong)width)
            return Fail(ObjectDiagnostics.BadRelocation, section.Name, (uint)relocation.Type, $"at {relocation.Offset:x}: it lies outside of the section");
        var reader = new ElfReader(_elf.IsLittleEndian);
        long addend = relocation.Addend ?? (width == 8 ? (long)reader.U64(section.Data, (int)relocation.Offset) : (int)reader.U32(section.Data, (int)relocation.Offset));
        (symbol, addend) = Precise(symbol, addend);
        section.Relocations.Add(new DataRelocation((long)relocation.Offset, relocation.Type, symbol, addend));
        return true;
    }

    /// <summary>Adds relocations for calls that reach another function of the section by distance alone.</summary>
    private void ExplainDirectCalls(EbpfFunction function)
    {
        HashSet<int>? known = null;
        EbpfInstruction[] code = function.Instructions;
        for (int slot = 0; slot < code.Length; slot++)
        {
            if (code[slot].IsWide)
            {
                slot++;
                continue;
            }
            if (code[slot].Code != 0x85 || code[slot].Src != (int)CallKind.Local)
                continue;
            known ??= [.. function.Relocations.Select(relocation => relocation.Slot)];
            if (known.Contains(slot))
                continue;
            long target = function.Offset + (slot + 1L + code[slot].Immediate) * EbpfInstruction.Size;
            if (FunctionAt(function.Section, target) is { } callee && callee.Offset == target)
                function.Relocations.Add(new CodeRelocation(slot, CodeRelocationKind.Call, callee.Symbol));
        }
        if (known is not null)
            function.Relocations.Sort((a, b) => a.Slot.CompareTo(b.Slot));
    }

    private bool ReadTypes()
    {
        if (_elf.Find(".BTF") is { Data.Length: > 0 } types)
        {
            if (BtfReader.Read(types.Data, _subject, _diagnostics) is not { } btf)
                return false;
            _object.Btf = btf;
            if (_elf.Find(".BTF.ext") is { Data.Length: > 0 } extension)
            {
                if (BtfExt.Read(extension.Data, btf, _subject, _diagnostics) is not { } extended)
                    return false;
                foreach (BtfExtSection section in extended.Sections)
                    Distribute(section);
            }
        }
        return MapReader.Read(_object, _subject, _diagnostics);
    }

    /// <summary>Gives the records of a section to its functions. Records for code that does not exist are dropped.</summary>
    private void Distribute(BtfExtSection records)
    {
        if (_object.FindSection(records.Name) is not { Kind: EbpfSectionKind.Code } section)
            return;
        foreach (BtfFunctionInfo info in records.Functions)
        {
            if (FunctionAt(section, info.Offset) is { } function && function.Offset == info.Offset)
                function.TypeId = info.TypeId;
        }
        foreach (BtfLineInfo info in records.Lines)
        {
            if (FunctionAt(section, info.Offset) is { } function)
                function.Lines.Add(new EbpfLine(Slot(function, info.Offset), info.FileName, info.LineText, info.Line, info.Column));
        }
        foreach (BtfCoreRelocation info in records.CoreRelocations)
        {
            if (FunctionAt(section, info.Offset) is { } function)
                function.CoreRelocations.Add(new CoreRelocation(Slot(function, info.Offset), info.TypeId, info.AccessString, info.Kind));
        }
        foreach (EbpfFunction function in _functions[section])
        {
            if (!IsSorted(function.Lines))
                function.Lines.Sort((a, b) => a.Slot.CompareTo(b.Slot));
        }

        static int Slot(EbpfFunction function, uint offset) => (int)((offset - function.Offset) / EbpfInstruction.Size);

        static bool IsSorted(List<EbpfLine> lines)
        {
            for (int i = 1; i < lines.Count; i++)
            {
                if (lines[i].Slot < lines[i - 1].Slot)
                    return false;
            }
            return true;
        }
    }
}
