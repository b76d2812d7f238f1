// Builds a relocatable object from sections, symbols and relocations. The layout is clang's: one string table for all names
// at index 1, every section followed by its relocations, the symbol table last, section symbols and local symbols before
// global ones.
using System.Buffers.Binary;
using System.Text;
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Ebpf.Elf;

/// <summary>A section being built.</summary>
public sealed class ElfSectionBuilder
{
    internal ElfSectionBuilder(string name, ElfSectionType type, ElfSectionFlags flags, byte[] data, ulong size)
        => (Name, Type, Flags, Data, Size) = (name, type, flags, data, size);

    public string Name { get; }

    public ElfSectionType Type { get; }

    public ElfSectionFlags Flags { get; }

    /// <summary>The contents, which may be patched until the file is built.</summary>
    public byte[] Data { get; }

    public ulong Size { get; }

    public ulong Alignment { get; init; } = 1;

    public ulong EntrySize { get; init; }

    internal List<(ulong Offset, BpfRelocationType Type, ElfSymbolBuilder Symbol)> Relocations { get; } = [];

    internal ElfSymbolBuilder? SectionSymbol { get; set; }

    internal int Index { get; set; }

    /// <summary>Adds a relocation whose addend is already in the place itself.</summary>
    public void AddRelocation(ulong offset, BpfRelocationType type, ElfSymbolBuilder symbol) => Relocations.Add((offset, type, symbol));
}

/// <summary>A symbol being built.</summary>
public sealed record ElfSymbolBuilder(string Name, ElfSymbolType Type, ElfSymbolBinding Binding, ElfSymbolVisibility Visibility, ElfSectionBuilder? Section, ulong Value, ulong Size)
{
    internal int Index { get; set; }

    /// <summary>Defined as a number, in no section.</summary>
    public bool IsAbsolute { get; init; }

    public bool Equals(ElfSymbolBuilder? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}

/// <summary>Collects sections and symbols and lays them out.</summary>
public sealed class ElfBuilder
{
    private readonly List<ElfSectionBuilder> _sections = [];
    private readonly List<ElfSymbolBuilder> _symbols = [];

    public IReadOnlyList<ElfSectionBuilder> Sections => _sections;

    public ElfSectionBuilder AddSection(string name, ElfSectionType type, ElfSectionFlags flags, byte[] data, ulong alignment = 1, ulong entrySize = 0)
    {
        var section = new ElfSectionBuilder(name, type, flags, data, (ulong)data.Length) { Alignment = alignment, EntrySize = entrySize };
        _sections.Add(section);
        return section;
    }

    /// <summary>A section that only reserves memory.</summary>
    public ElfSectionBuilder AddEmptySection(string name, ElfSectionFlags flags, ulong size, ulong alignment = 1)
    {
        var section = new ElfSectionBuilder(name, ElfSectionType.NoBits, flags, [], size) { Alignment = alignment };
        _sections.Add(section);
        return section;
    }

    /// <param name="section">Null for an undefined symbol.</param>
    public ElfSymbolBuilder AddSymbol(string name, ElfSymbolType type, ElfSymbolBinding binding, ElfSectionBuilder? section, ulong value = 0, ulong size = 0,
        ElfSymbolVisibility visibility = ElfSymbolVisibility.Default, bool isAbsolute = false)
    {
        var symbol = new ElfSymbolBuilder(name, type, binding, visibility, section, value, size) { IsAbsolute = isAbsolute };
        _symbols.Add(symbol);
        return symbol;
    }

    /// <summary>The symbol that stands for a section itself, made on first use.</summary>
    public ElfSymbolBuilder SectionSymbol(ElfSectionBuilder section)
        => section.SectionSymbol ??= new ElfSymbolBuilder("", ElfSymbolType.Section, ElfSymbolBinding.Local, ElfSymbolVisibility.Default, section, 0, 0);

    /// <summary>Lays everything out.</summary>
    public ElfFile Build()
    {
        var strings = new StringTable();
        var result = new List<ElfSection> { new(0, "", ElfSectionType.Null, 0, default) { Alignment = 0 } };
        result.Add(null!);
        foreach (ElfSectionBuilder section in _sections)
        {
            section.Index = result.Count;
            result.Add(null!);
            if (section.Relocations.Count > 0)
                result.Add(null!);
        }
        int symbolTable = result.Count;
        var symbols = new List<ElfSymbolBuilder>(_symbols.Count + _sections.Count);
        foreach (ElfSymbolBuilder symbol in _symbols)
        {
            if (symbol.Binding == ElfSymbolBinding.Local)
                symbols.Add(symbol);
        }
        int insertAt = 0;
        foreach (ElfSectionBuilder section in _sections)
        {
            if (section.SectionSymbol is { } symbol)
                symbols.Insert(insertAt++, symbol);
        }
        int firstGlobal = symbols.Count + 1;
        foreach (ElfSymbolBuilder symbol in _symbols)
        {
            if (symbol.Binding != ElfSymbolBinding.Local)
                symbols.Add(symbol);
        }
        var symbolData = new byte[(symbols.Count + 1) * ElfConstants.SymbolSize];
        for (int i = 0; i < symbols.Count; i++)
        {
            ElfSymbolBuilder symbol = symbols[i];
            symbol.Index = i + 1;
            Span<byte> entry = symbolData.AsSpan((i + 1) * ElfConstants.SymbolSize);
            BinaryPrimitives.WriteUInt32LittleEndian(entry, strings.Add(symbol.Name));
            entry[4] = (byte)((int)symbol.Type | (int)symbol.Binding << 4);
            entry[5] = (byte)symbol.Visibility;
            BinaryPrimitives.WriteUInt16LittleEndian(entry[6..], symbol.IsAbsolute ? ElfConstants.SectionAbsolute : checked((ushort)(symbol.Section?.Index ?? 0)));
            BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], symbol.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], symbol.Size);
        }
        if (symbolTable >= ElfConstants.SectionReserved)
            throw new InternalCompilerException("ElfBuilder", null, $"{symbolTable} sections are more than the format's ordinary indices can name");
        foreach (ElfSectionBuilder section in _sections)
        {
            result[section.Index] = new ElfSection(section.Index, section.Name, section.Type, section.Flags, section.Data)
            {
                NameOffset = strings.Add(section.Name), Size = section.Size, Alignment = section.Alignment, EntrySize = section.EntrySize,
            };
            if (section.Relocations.Count == 0)
                continue;
            var data = new byte[section.Relocations.Count * ElfConstants.RelSize];
            for (int i = 0; i < section.Relocations.Count; i++)
            {
                (ulong offset, BpfRelocationType type, ElfSymbolBuilder symbol) = section.Relocations[i];
                Span<byte> entry = data.AsSpan(i * ElfConstants.RelSize);
                BinaryPrimitives.WriteUInt64LittleEndian(entry, offset);
                BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], (ulong)symbol.Index << 32 | (uint)type);
            }
            string name = ".rel" + section.Name;
            result[section.Index + 1] = new ElfSection(section.Index + 1, name, ElfSectionType.Rel, ElfSectionFlags.InfoLink, data)
            {
                NameOffset = strings.Add(name), Link = (uint)symbolTable, Info = (uint)section.Index, Alignment = 8, EntrySize = ElfConstants.RelSize,
            };
        }
        uint symtabName = strings.Add(".symtab"), strtabName = strings.Add(".strtab");
        result.Add(new ElfSection(symbolTable, ".symtab", ElfSectionType.SymTab, 0, symbolData)
        {
            NameOffset = symtabName, Link = 1, Info = (uint)firstGlobal, Alignment = 8, EntrySize = ElfConstants.SymbolSize,
        });
        result[1] = new ElfSection(1, ".strtab", ElfSectionType.StrTab, 0, strings.ToArray()) { NameOffset = strtabName };
        var elfSymbols = new ElfSymbol[symbols.Count + 1];
        for (int i = 0; i < symbols.Count; i++)
        {
            ElfSymbolBuilder symbol = symbols[i];
            elfSymbols[i + 1] = new ElfSymbol(symbol.Name, symbol.Type, symbol.Binding, symbol.Visibility,
                symbol.IsAbsolute ? ElfConstants.SectionAbsolute : symbol.Section?.Index ?? 0, symbol.Value, symbol.Size);
        }
        elfSymbols[0] = new ElfSymbol("", 0, 0, 0, 0, 0, 0);
        return new ElfFile { NameTable = 1, Sections = result, Symbols = elfSymbols };
    }
}

/// <summary>A table of zero-terminated strings without duplicates, the empty string first.</summary>
public sealed class StringTable
{
    private readonly Dictionary<string, uint> _offsets = new() { [""] = 0 };
    private byte[] _bytes = new byte[256];
    private int _length = 1;

    public int Length => _length;

    public uint Add(string text)
    {
        if (_offsets.TryGetValue(text, out uint known))
            return known;
        int size = Encoding.UTF8.GetByteCount(text);
        if (_length + size + 1 > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + size + 1));
        uint offset = (uint)_length;
        Encoding.UTF8.GetBytes(text, _bytes.AsSpan(_length));
        _length += size;
        _bytes[_length++] = 0;
        _offsets.Add(text, offset);
        return offset;
    }

    public byte[] ToArray() => _bytes[.._length];
}
