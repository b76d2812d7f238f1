// Reads BTF without making an object per type: one array of offsets over the blob, so that a kernel's 150,000 types open in
// milliseconds. All accessors are total: numbers of types and strings that do not exist read as void and as the empty string.
using System.Buffers.Binary;
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Object;

namespace Ebpfcc.Ebpf.Btf;

/// <summary>Type information over the bytes of a .BTF section, possibly on top of another's (split BTF).</summary>
public sealed class BtfReader
{
    private readonly byte[] _types;
    private readonly int[] _offsets;
    private readonly ReadOnlyMemory<byte> _strings;
    private readonly int _stringBase;
    private int[]? _buckets;
    private int[]? _chain;

    private BtfReader(ReadOnlyMemory<byte> blob, byte[] types, int[] offsets, ReadOnlyMemory<byte> strings, BtfReader? baseTypes)
    {
        Blob = blob;
        _types = types;
        _offsets = offsets;
        _strings = strings;
        Base = baseTypes;
        FirstId = baseTypes?.Count ?? 1;
        _stringBase = baseTypes?.StringsEnd ?? 0;
    }

    /// <summary>The bytes as they were given.</summary>
    public ReadOnlyMemory<byte> Blob { get; }

    /// <summary>The types under these, or null.</summary>
    public BtfReader? Base { get; }

    /// <summary>The number of the first type that is not the base's.</summary>
    public int FirstId { get; }

    /// <summary>One more than the highest type number (void, number 0, included).</summary>
    public int Count => FirstId + _offsets.Length;

    private int StringsEnd => _stringBase + _strings.Length;

    /// <summary>A type by number; void for numbers that do not exist.</summary>
    public BtfType this[int id] => id >= FirstId
        ? id < Count ? new BtfType(this, id, _offsets[id - FirstId]) : default
        : id > 0 && Base is not null ? Base[id] : default;

    internal ReadOnlySpan<byte> TypeBytes => _types;

    /// <summary>Opens a blob. Null after a reported error.</summary>
    public static BtfReader? Read(ReadOnlyMemory<byte> blob, string subject, DiagnosticBag diagnostics, BtfReader? baseTypes = null)
    {
        ReadOnlySpan<byte> bytes = blob.Span;
        if (bytes.Length < BtfLayout.HeaderSize)
            return Fail("the header is cut off");
        ushort magic = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        bool swapped = magic == 0x9feb;
        if (magic != BtfLayout.Magic && !swapped)
            return Fail("wrong magic number");
        var header = new Elf.ElfReader(!swapped);
        uint headerLength = header.U32(bytes, 4);
        ulong typeStart = (ulong)headerLength + header.U32(bytes, 8), typeLength = header.U32(bytes, 12);
        ulong stringStart = (ulong)headerLength + header.U32(bytes, 16), stringLength = header.U32(bytes, 20);
        if (bytes[2] != 1 || headerLength < BtfLayout.HeaderSize)
            return Fail("unknown version");
        if (typeStart + typeLength > (ulong)bytes.Length || stringStart + stringLength > (ulong)bytes.Length || typeLength % 4 != 0)
            return Fail("the type or string section lies outside");
        ReadOnlyMemory<byte> strings = blob.Slice((int)stringStart, (int)stringLength);
        if (stringLength == 0 ? baseTypes is null : strings.Span[^1] != 0 || (baseTypes is null && strings.Span[0] != 0))
            return Fail("the string section does not begin and end with zero");
        byte[] types = bytes.Slice((int)typeStart, (int)typeLength).ToArray();
        if (swapped)
        {
            for (int i = 0; i < types.Length; i += 4)
                types.AsSpan(i, 4).Reverse();
        }
        var offsets = new int[types.Length / BtfLayout.TypeSize];
        int count = 0, position = 0;
        while (position < types.Length)
        {
            if (types.Length - position < BtfLayout.TypeSize)
                return Fail($"type {count + 1} is cut off");
            uint info = BinaryPrimitives.ReadUInt32LittleEndian(types.AsSpan(position + 4));
            if (BtfLayout.ExtraSize((BtfKind)(info >> 24 & 31), (int)(info & 0xffff)) is not { } extra)
                return Fail($"type {count + 1} has the unknown kind {info >> 24 & 31}");
            if (extra > types.Length - position - BtfLayout.TypeSize)
                return Fail($"type {count + 1} is cut off");
            offsets[count++] = position;
            position += BtfLayout.TypeSize + extra;
        }
        return new BtfReader(blob, types, offsets[..count], strings, baseTypes);

        BtfReader? Fail(string problem)
        {
            diagnostics.ReportFile(ObjectDiagnostics.CorruptBtf, subject, problem);
            return null;
        }
    }

    /// <summary>The bytes of a string without its zero; empty for an offset that does not exist.</summary>
    public ReadOnlySpan<byte> GetStringBytes(uint offset)
    {
        if (offset < (uint)_stringBase)
            return Base!.GetStringBytes(offset);
        offset -= (uint)_stringBase;
        ReadOnlySpan<byte> strings = _strings.Span;
        if (offset >= (uint)strings.Length)
            return default;
        strings = strings[(int)offset..];
        int end = strings.IndexOf((byte)0);
        return end < 0 ? default : strings[..end];
    }

    public string GetString(uint offset) => Encoding.UTF8.GetString(GetStringBytes(offset));

    /// <summary>The offset of a whole string of this text; null when there is none.</summary>
    public uint? FindString(string text)
    {
        if (text.Length == 0)
            return 0;
        byte[] wanted = [0, .. Encoding.UTF8.GetBytes(text), 0];
        int at = _strings.Span.IndexOf(wanted);
        return at >= 0 ? (uint)(_stringBase + at + 1) : Base?.FindString(text);
    }

    /// <summary>True when a string begins at this offset or inside one.</summary>
    public bool IsValidString(uint offset) => offset < (uint)_stringBase ? Base!.IsValidString(offset) : offset - (uint)_stringBase < (uint)Math.Max(_strings.Length, 1);

    /// <summary>The lowest-numbered type of this name and kind; 0 when there is none. Types of the base are searched first.</summary>
    public int Find(string name, BtfKind kind)
    {
        foreach (int id in FindAll(name))
        {
            if (this[id].Kind == kind)
                return id;
        }
        return 0;
    }

    /// <summary>All types of this name in order of their numbers.</summary>
    public IEnumerable<int> FindAll(string name)
    {
        if (Base is not null)
        {
            foreach (int id in Base.FindAll(name))
                yield return id;
        }
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length == 0)
            yield break;
        IndexNames();
        for (int index = _buckets![Hash(bytes) & (_buckets.Length - 1)]; index != 0; index = _chain![index - 1])
        {
            BtfType type = this[FirstId + index - 1];
            if (type.NameBytes.SequenceEqual(bytes))
                yield return type.Id;
        }
    }

    /// <summary>Chains of a hash table: bucket and links hold one more than a type's index, 0 ends a chain.</summary>
    private void IndexNames()
    {
        if (_buckets is not null)
            return;
        var buckets = new int[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, _offsets.Length))];
        _chain = new int[_offsets.Length];
        for (int i = _offsets.Length - 1; i >= 0; i--)
        {
            ReadOnlySpan<byte> name = this[FirstId + i].NameBytes;
            if (name.IsEmpty)
                continue;
            ref int bucket = ref buckets[Hash(name) & (buckets.Length - 1)];
            _chain[i] = bucket;
            bucket = i + 1;
        }
        _buckets = buckets;
    }

    /// <summary>FNV-1a: the same on every machine.</summary>
    private static int Hash(ReadOnlySpan<byte> bytes)
    {
        uint hash = 2166136261;
        foreach (byte b in bytes)
            hash = (hash ^ b) * 16777619;
        return (int)(hash ^ hash >> 15) & int.MaxValue;
    }

    /// <summary>The type behind typedefs, qualifiers and type tags; gives up (returns void) on a cycle.</summary>
    public BtfType SkipModifiers(int id)
    {
        for (int steps = 0; steps < 64; steps++)
        {
            BtfType type = this[id];
            if (type.Kind is not (BtfKind.Typedef or BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.TypeTag))
                return type;
            id = type.TypeId;
        }
        return default;
    }

    /// <summary>Bytes an object of the type takes; null for void, functions, incomplete types and cycles.</summary>
    public long? SizeOf(int id)
    {
        long factor = 1;
        for (int steps = 0; steps < 64; steps++)
        {
            BtfType type = SkipModifiers(id);
            switch (type.Kind)
            {
                case BtfKind.Int or BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Float or BtfKind.DataSection:
                    return factor * type.Size;
                case BtfKind.Pointer:
                    return factor * 8;
                case BtfKind.Array:
                    if (type.ArrayCount != 0 && factor > uint.MaxValue / type.ArrayCount)
                        return null;
                    factor *= type.ArrayCount;
                    id = type.ElementTypeId;
                    break;
                case BtfKind.Variable:
                    id = type.TypeId;
                    break;
                default:
                    return null;
            }
        }
        return null;
    }
}
