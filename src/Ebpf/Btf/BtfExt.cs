// The .BTF.ext section: which function begins where, which source line each instruction comes from, and CO-RE relocations.
// Layout: a header with three (offset, length) pairs; each part is a record size and blocks of (section name, count, records).
using System.Buffers.Binary;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Object;

namespace Ebpfcc.Ebpf.Btf;

/// <summary>A function begins at a byte offset of its section; the type is its BTF function.</summary>
public readonly record struct BtfFunctionInfo(uint Offset, int TypeId);

/// <summary>From a byte offset of the section on, code comes from this line. Strings are offsets into the BTF strings.</summary>
public readonly record struct BtfLineInfo(uint Offset, uint FileName, uint LineText, uint LineColumn)
{
    public int Line => (int)(LineColumn >> 10);

    public int Column => (int)(LineColumn & 0x3ff);

    public static uint Pack(int line, int column) => (uint)line << 10 | (uint)Math.Clamp(column, 0, 0x3ff);
}

/// <summary>The instruction at a byte offset depends on the layout of a type of the running kernel.</summary>
/// <param name="AccessString">Offset of the member path (<c>0:1:2</c>) in the BTF strings.</param>
public readonly record struct BtfCoreRelocation(uint Offset, int TypeId, uint AccessString, CoreRelocationKind Kind);

/// <summary>The records of one code section.</summary>
public sealed record BtfExtSection(string Name)
{
    public List<BtfFunctionInfo> Functions { get; } = [];

    public List<BtfLineInfo> Lines { get; } = [];

    public List<BtfCoreRelocation> CoreRelocations { get; } = [];
}

/// <summary>All records, by section in the order of first mention.</summary>
public sealed class BtfExt
{
    private const int HeaderSize = 32;

    private readonly List<BtfExtSection> _sections = [];
    private readonly Dictionary<string, BtfExtSection> _byName = [];

    public IReadOnlyList<BtfExtSection> Sections => _sections;

    public BtfExtSection? Find(string name) => _byName.GetValueOrDefault(name);

    public BtfExtSection GetOrAdd(string name)
    {
        if (Find(name) is { } known)
            return known;
        var section = new BtfExtSection(name);
        _sections.Add(section);
        _byName.Add(name, section);
        return section;
    }

    /// <summary>Reads the section of an object. Null after a reported error.</summary>
    public static BtfExt? Read(ReadOnlyMemory<byte> blob, BtfReader types, string subject, DiagnosticBag diagnostics)
    {
        ReadOnlySpan<byte> bytes = blob.Span;
        if (bytes.Length < 24)
            return Fail("the header is cut off");
        ushort magic = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        if (magic is not (BtfLayout.Magic or 0x9feb))
            return Fail("wrong magic number");
        var reader = new Elf.ElfReader(magic == BtfLayout.Magic);
        uint headerLength = reader.U32(bytes, 4);
        if (bytes[2] != 1 || headerLength < 24 || headerLength > (uint)bytes.Length)
            return Fail("unknown version");
        var result = new BtfExt();
        for (int part = 0; part < 3; part++)
        {
            int field = 8 + part * 8;
            if (field + 8 > headerLength)
                break;
            ulong start = (ulong)headerLength + reader.U32(bytes, field), length = reader.U32(bytes, field + 4);
            if (start + length > (ulong)bytes.Length)
                return Fail("a part lies outside of the section");
            if (length == 0)
                continue;
            if (length < 4)
                return Fail("a part is cut off");
            ReadOnlySpan<byte> rest = bytes.Slice((int)start, (int)length);
            uint size = reader.U32(rest, 0);
            uint minimum = part == 0 ? 8u : 16u;
            if (size < minimum || size % 4 != 0)
                return Fail($"records of {size} bytes");
            rest = rest[4..];
            while (rest.Length > 0)
            {
                if (rest.Length < 8)
                    return Fail("a block is cut off");
                string name = types.GetString(reader.U32(rest, 0));
                uint count = reader.U32(rest, 4);
                rest = rest[8..];
                if ((ulong)count * size > (ulong)rest.Length || name.Length == 0)
                    return Fail(name.Length == 0 ? "a block has no section name" : "a block is cut off");
                BtfExtSection section = result.GetOrAdd(name);
                for (uint i = 0; i < count; i++, rest = rest[(int)size..])
                {
                    uint offset = reader.U32(rest, 0), second = reader.U32(rest, 4);
                    int typeId = (int)Math.Min(second, int.MaxValue);
                    if (part == 0)
                        section.Functions.Add(new BtfFunctionInfo(offset, typeId));
                    else if (part == 1)
                        section.Lines.Add(new BtfLineInfo(offset, second, reader.U32(rest, 8), reader.U32(rest, 12)));
                    else
                        section.CoreRelocations.Add(new BtfCoreRelocation(offset, typeId, reader.U32(rest, 8), (CoreRelocationKind)reader.U32(rest, 12)));
                }
            }
        }
        return result;

        BtfExt? Fail(string problem)
        {
            diagnostics.ReportFile(ObjectDiagnostics.CorruptBtfExt, subject, problem);
            return null;
        }
    }

    /// <summary>The section's bytes; section names are added to <paramref name="addString"/>'s table, which must be written afterwards.</summary>
    public byte[] Build(Func<string, uint> addString)
    {
        var words = new List<uint>();
        Span<(uint Offset, uint Length)> parts = stackalloc (uint, uint)[3];
        for (int part = 0; part < 3; part++)
        {
            uint start = (uint)words.Count * 4;
            foreach (BtfExtSection section in Sections)
            {
                int count = part == 0 ? section.Functions.Count : part == 1 ? section.Lines.Count : section.CoreRelocations.Count;
                if (count == 0)
                    continue;
                if (words.Count * 4 == start)
                    words.Add(part == 0 ? 8u : 16u);
                words.Add(addString(section.Name));
                words.Add((uint)count);
                for (int i = 0; i < count; i++)
                {
                    if (part == 0)
                        words.AddRange([section.Functions[i].Offset, (uint)section.Functions[i].TypeId]);
                    else if (part == 1)
                        words.AddRange([section.Lines[i].Offset, section.Lines[i].FileName, section.Lines[i].LineText, section.Lines[i].LineColumn]);
                    else
                        words.AddRange([section.CoreRelocations[i].Offset, (uint)section.CoreRelocations[i].TypeId, section.CoreRelocations[i].AccessString, (uint)section.CoreRelocations[i].Kind]);
                }
            }
            parts[part] = (start, (uint)words.Count * 4 - start);
        }
        var blob = new byte[HeaderSize + words.Count * 4];
        BinaryPrimitives.WriteUInt16LittleEndian(blob, BtfLayout.Magic);
        blob[2] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(blob.AsSpan(4), HeaderSize);
        for (int part = 0; part < 3; part++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(blob.AsSpan(8 + part * 8), parts[part].Offset);
            BinaryPrimitives.WriteUInt32LittleEndian(blob.AsSpan(12 + part * 8), parts[part].Length);
        }
        for (int i = 0; i < words.Count; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(blob.AsSpan(HeaderSize + i * 4), words[i]);
        return blob;
    }
}
