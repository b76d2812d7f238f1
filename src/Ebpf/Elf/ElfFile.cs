// A 64-bit ELF file as its sections, symbols and relocations. Reading checks every offset and size against the file before it
// is used; nothing in a file can make it throw, loop or allocate more than a small multiple of the file's size.
using System.Buffers.Binary;
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Object;

namespace Ebpfcc.Ebpf.Elf;

/// <summary>One section: its header fields and its bytes (none for <see cref="ElfSectionType.NoBits"/>).</summary>
public sealed record ElfSection(int Index, string Name, ElfSectionType Type, ElfSectionFlags Flags, ReadOnlyMemory<byte> Data)
{
    /// <summary>Bytes in memory; for sections with contents the length of <see cref="Data"/>.</summary>
    public ulong Size { get; init; } = (ulong)Data.Length;

    public ulong Address { get; init; }

    /// <summary>Offset of the name in the section name table.</summary>
    public uint NameOffset { get; init; }

    public uint Link { get; init; }

    public uint Info { get; init; }

    public ulong Alignment { get; init; } = 1;

    public ulong EntrySize { get; init; }

    public bool IsCode => Type == ElfSectionType.ProgBits && (Flags & ElfSectionFlags.Execute) != 0;
}

/// <summary>One symbol. <see cref="Section"/> is a section's index, 0 when undefined, or one of the reserved indices.</summary>
public readonly record struct ElfSymbol(
    string Name, ElfSymbolType Type, ElfSymbolBinding Binding, ElfSymbolVisibility Visibility, int Section, ulong Value, ulong Size)
{
    public bool IsUndefined => Section == ElfConstants.SectionUndefined;
}

/// <summary>One relocation; the addend is null where it lies in the place itself (REL).</summary>
public readonly record struct ElfRelocation(ulong Offset, BpfRelocationType Type, int Symbol, long? Addend);

/// <summary>An ELF file in memory.</summary>
public sealed class ElfFile
{
    private const int MaxSections = 1 << 20;

    public bool IsLittleEndian { get; init; } = true;

    public ushort Type { get; init; } = ElfConstants.TypeRelocatable;

    public ushort Machine { get; init; } = ElfConstants.MachineBpf;

    public uint Flags { get; init; }

    /// <summary>Index of the section that holds section names.</summary>
    public int NameTable { get; init; }

    /// <summary>All sections, the null section at index 0 included.</summary>
    public IReadOnlyList<ElfSection> Sections { get; init; } = [];

    /// <summary>All symbols of the symbol table, the null symbol included; empty when there is none.</summary>
    public IReadOnlyList<ElfSymbol> Symbols { get; init; } = [];

    public ElfSection? Find(string name)
    {
        foreach (ElfSection section in Sections)
        {
            if (section.Index != 0 && section.Name == name)
                return section;
        }
        return null;
    }

    /// <summary>Reads a file. Null after a reported error.</summary>
    /// <param name="subject">The file's name, for diagnostics.</param>
    public static ElfFile? Read(ReadOnlyMemory<byte> image, string subject, DiagnosticBag diagnostics)
    {
        ReadOnlySpan<byte> bytes = image.Span;
        if (bytes.Length < ElfConstants.HeaderSize || !bytes.StartsWith("\u007fELF"u8))
            return Fail(ObjectDiagnostics.NotElf, bytes.Length < ElfConstants.HeaderSize ? "the file is too short" : "no ELF magic number");
        if (bytes[4] != 2)
            return Fail(ObjectDiagnostics.NotElf, "it is not a 64-bit file");
        if (bytes[5] is not (1 or 2) || bytes[6] != 1)
            return Fail(ObjectDiagnostics.NotElf, "unknown byte order or version");
        var reader = new ElfReader(bytes[5] == 1);
        ulong tableOffset = reader.U64(bytes, 40);
        int entrySize = reader.U16(bytes, 58);
        uint count = reader.U16(bytes, 60);
        uint nameTable = reader.U16(bytes, 62);
        var file = new List<ElfSection>();
        if (tableOffset != 0)
        {
            if (entrySize != ElfConstants.SectionHeaderSize)
                return Fail(ObjectDiagnostics.CorruptElf, $"section headers of {entrySize} bytes");
            if (!Fits(tableOffset, ElfConstants.SectionHeaderSize, bytes.Length))
                return Fail(ObjectDiagnostics.CorruptElf, "the section header table lies outside of the file");
            ReadOnlySpan<byte> first = bytes[(int)tableOffset..];
            if (count == 0)
                count = (uint)Math.Min(reader.U64(first, 32), MaxSections + 1);
            if (nameTable == ElfConstants.SectionExtended)
                nameTable = reader.U32(first, 40);
            if (count > MaxSections || !Fits(tableOffset, (ulong)count * ElfConstants.SectionHeaderSize, bytes.Length))
                return Fail(ObjectDiagnostics.CorruptElf, $"{count} section headers do not fit into the file");
            for (uint i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> header = bytes[(int)(tableOffset + i * ElfConstants.SectionHeaderSize)..];
                var type = (ElfSectionType)reader.U32(header, 4);
                ulong offset = reader.U64(header, 24), size = reader.U64(header, 32);
                bool hasData = type is not (ElfSectionType.Null or ElfSectionType.NoBits);
                if (hasData && !Fits(offset, size, bytes.Length))
                    return Fail(ObjectDiagnostics.CorruptElf, $"section {i} lies outside of the file");
                file.Add(new ElfSection((int)i, "", type, (ElfSectionFlags)reader.U64(header, 8), hasData ? image.Slice((int)offset, (int)size) : default)
                {
                    NameOffset = reader.U32(header, 0),
                    Address = reader.U64(header, 16),
                    Size = size,
                    Link = reader.U32(header, 40),
                    Info = reader.U32(header, 44),
                    Alignment = reader.U64(header, 48),
                    EntrySize = reader.U64(header, 56),
                });
            }
        }
        if (nameTable != 0 && (nameTable >= file.Count || file[(int)nameTable].Type != ElfSectionType.StrTab))
            return Fail(ObjectDiagnostics.CorruptElf, "the section name table is no string table");
        ReadOnlyMemory<byte> names = nameTable == 0 ? default : file[(int)nameTable].Data;
        for (int i = 1; i < file.Count; i++)
        {
            if (StringAt(names.Span, file[i].NameOffset) is not { } name)
                return Fail(ObjectDiagnostics.CorruptElf, $"section {i} has no name");
            file[i] = file[i] with { Name = name };
        }
        if (ReadSymbols(reader, file, out string? problem) is not { } symbols)
            return Fail(ObjectDiagnostics.CorruptElf, problem!);
        return new ElfFile
        {
            IsLittleEndian = reader.IsLittleEndian,
            Type = reader.U16(bytes, 16),
            Machine = reader.U16(bytes, 18),
            Flags = reader.U32(bytes, 48),
            NameTable = (int)nameTable,
            Sections = file,
            Symbols = symbols,
        };

        ElfFile? Fail(DiagnosticDescriptor descriptor, string problem)
        {
            diagnostics.ReportFile(descriptor, subject, problem);
            return null;
        }
    }

    private static bool Fits(ulong offset, ulong size, int length) => offset <= (ulong)length && size <= (ulong)length - offset;

    /// <summary>The zero-terminated string at an offset; null when it begins outside or does not end.</summary>
    internal static string? StringAt(ReadOnlySpan<byte> table, uint offset)
    {
        if (offset == 0 && table.IsEmpty)
            return "";
        if (offset >= (uint)table.Length)
            return null;
        ReadOnlySpan<byte> rest = table[(int)offset..];
        int end = rest.IndexOf((byte)0);
        return end < 0 ? null : Encoding.UTF8.GetString(rest[..end]);
    }

    private static ElfSymbol[]? ReadSymbols(ElfReader reader, List<ElfSection> sections, out string? problem)
    {
        problem = null;
        int tableIndex = sections.FindIndex(section => section.Type == ElfSectionType.SymTab);
        if (tableIndex < 0)
            return [];
        ElfSection table = sections[tableIndex];
        if (table.EntrySize != ElfConstants.SymbolSize || table.Data.Length % ElfConstants.SymbolSize != 0)
        {
            problem = "the symbol table has entries of a wrong size";
            return null;
        }
        if (table.Link >= sections.Count || sections[(int)table.Link].Type != ElfSectionType.StrTab)
        {
            problem = "the symbol table has no string table";
            return null;
        }
        ElfSection? extended = sections.Find(section => section.Type == ElfSectionType.SymTabExtended && section.Link == tableIndex);
        ReadOnlySpan<byte> names = sections[(int)table.Link].Data.Span;
        var symbols = new ElfSymbol[table.Data.Length / ElfConstants.SymbolSize];
        for (int i = 0; i < symbols.Length; i++)
        {
            ReadOnlySpan<byte> entry = table.Data.Span.Slice(i * ElfConstants.SymbolSize, ElfConstants.SymbolSize);
            int section = reader.U16(entry, 6);
            if (section == ElfConstants.SectionExtended && extended is not null && extended.Data.Length >= (i + 1) * 4)
                section = (int)Math.Min(reader.U32(extended.Data.Span, i * 4), int.MaxValue);
            if (section < ElfConstants.SectionReserved ? section >= sections.Count : extended is not null && section > ElfConstants.SectionExtended && section >= sections.Count)
            {
                problem = $"symbol {i} is in section {section}, which does not exist";
                return null;
            }
            if (StringAt(names, reader.U32(entry, 0)) is not { } name)
            {
                problem = $"symbol {i} has no name";
                return null;
            }
            symbols[i] = new ElfSymbol(name, (ElfSymbolType)(entry[4] & 15), (ElfSymbolBinding)(entry[4] >> 4), (ElfSymbolVisibility)(entry[5] & 3),
                section, reader.U64(entry, 8), reader.U64(entry, 16));
        }
        return symbols;
    }

    /// <summary>
    /// The relocations of a REL or RELA section in file order; null after a reported error (wrong entry size, or a symbol that
    /// does not exist).
    /// </summary>
    public ElfRelocation[]? ReadRelocations(ElfSection section, string subject, DiagnosticBag diagnostics)
    {
        bool isRela = section.Type == ElfSectionType.Rela;
        int size = isRela ? ElfConstants.RelaSize : ElfConstants.RelSize;
        if ((section.Type != ElfSectionType.Rel && !isRela) || section.EntrySize != (ulong)size || section.Data.Length % size != 0)
        {
            diagnostics.ReportFile(ObjectDiagnostics.CorruptElf, subject, $"section '{section.Name}' has relocations of a wrong size");
            return null;
        }
        var reader = new ElfReader(IsLittleEndian);
        var relocations = new ElfRelocation[section.Data.Length / size];
        for (int i = 0; i < relocations.Length; i++)
        {
            ReadOnlySpan<byte> entry = section.Data.Span.Slice(i * size, size);
            ulong info = reader.U64(entry, 8);
            uint symbol = (uint)(info >> 32);
            if (symbol >= Symbols.Count)
            {
                diagnostics.ReportFile(ObjectDiagnostics.CorruptElf, subject, $"relocation {i} of section '{section.Name}' names symbol {symbol}, which does not exist");
                return null;
            }
            relocations[i] = new ElfRelocation(reader.U64(entry, 0), (BpfRelocationType)(uint)info, (int)symbol, isRela ? (long)reader.U64(entry, 16) : null);
        }
        return relocations;
    }

    /// <summary>
    /// The file's bytes: header, section contents in order of index, section headers. Only for little-endian files; equal
    /// models give equal bytes.
    /// </summary>
    public byte[] Write()
    {
        if (!IsLittleEndian)
            throw new InternalCompilerException("ElfFile", null, "big-endian objects are read but not written");
        var offsets = new long[Sections.Count];
        long position = ElfConstants.HeaderSize;
        for (int i = 1; i < Sections.Count; i++)
        {
            long alignment = Math.Clamp((long)Math.Min(Sections[i].Alignment, 4096), 1, 4096);
            position = (position + alignment - 1) / alignment * alignment;
            offsets[i] = position;
            position += Sections[i].Data.Length;
        }
        long table = (position + 7) & ~7L;
        var image = new byte[table + (long)Sections.Count * ElfConstants.SectionHeaderSize];
        Span<byte> header = image;
        "\u007fELF"u8.CopyTo(header);
        header[4] = 2;
        header[5] = 1;
        header[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], Type);
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], Machine);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteInt64LittleEndian(header[40..], table);
        BinaryPrimitives.WriteUInt32LittleEndian(header[48..], Flags);
        BinaryPrimitives.WriteUInt16LittleEndian(header[52..], ElfConstants.HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[58..], ElfConstants.SectionHeaderSize);
        bool many = Sections.Count >= ElfConstants.SectionReserved;
        BinaryPrimitives.WriteUInt16LittleEndian(header[60..], many ? (ushort)0 : (ushort)Sections.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(header[62..], NameTable >= ElfConstants.SectionReserved ? ElfConstants.SectionExtended : (ushort)NameTable);
        for (int i = 0; i < Sections.Count; i++)
        {
            ElfSection section = Sections[i];
            Span<byte> entry = image.AsSpan((int)table + i * ElfConstants.SectionHeaderSize, ElfConstants.SectionHeaderSize);
            if (i == 0)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(entry[32..], many ? (ulong)Sections.Count : 0);
                BinaryPrimitives.WriteUInt32LittleEndian(entry[40..], NameTable >= ElfConstants.SectionReserved ? (uint)NameTable : 0);
                continue;
            }
            section.Data.Span.CopyTo(image.AsSpan((int)offsets[i]));
            BinaryPrimitives.WriteUInt32LittleEndian(entry, section.NameOffset);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], (uint)section.Type);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], (ulong)section.Flags);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], section.Address);
            BinaryPrimitives.WriteInt64LittleEndian(entry[24..], offsets[i]);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[32..], section.Size);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[40..], section.Link);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[44..], section.Info);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[48..], section.Alignment);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[56..], section.EntrySize);
        }
        return image;
    }
}

/// <summary>Reads numbers of either byte order.</summary>
internal readonly struct ElfReader(bool isLittleEndian)
{
    public bool IsLittleEndian { get; } = isLittleEndian;

    public ushort U16(ReadOnlySpan<byte> bytes, int offset)
        => IsLittleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]) : BinaryPrimitives.ReadUInt16BigEndian(bytes[offset..]);

    public uint U32(ReadOnlySpan<byte> bytes, int offset)
        => IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]) : BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..]);

    public ulong U64(ReadOnlySpan<byte> bytes, int offset)
        => IsLittleEndian ? BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]) : BinaryPrimitives.ReadUInt64BigEndian(bytes[offset..]);
}
