// Builds BTF: types get numbers in the order they are added, equal types get the same number (for structures only when their
// members are given at once, because cyclic ones cannot be compared before they are complete).
using System.Buffers.Binary;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Elf;

namespace Ebpfcc.Ebpf.Btf;

/// <summary>Collects types and strings and writes a .BTF section.</summary>
/// <param name="keepDuplicates">Every type gets a number of its own: for faithful copies.</param>
public sealed class BtfBuilder(bool keepDuplicates = false)
{
    private readonly List<Record> _types = [];
    private readonly Dictionary<Record, int> _known = [];

    /// <summary>The three common words and the kind's own.</summary>
    private sealed class Record(uint name, uint info, uint sizeOrType, uint[] extra) : IEquatable<Record>
    {
        public readonly uint Name = name;
        public readonly uint Info = info;
        public readonly uint SizeOrType = sizeOrType;
        public readonly uint[] Extra = extra;

        public bool Equals(Record? other) => other is not null && Name == other.Name && Info == other.Info && SizeOrType == other.SizeOrType && Extra.AsSpan().SequenceEqual(other.Extra);

        public override bool Equals(object? obj) => Equals(obj as Record);

        public override int GetHashCode()
        {
            uint hash = Name * 31 + Info * 17 + SizeOrType;
            foreach (uint word in Extra)
                hash = hash * 16777619 ^ word;
            return (int)hash;
        }
    }

    /// <summary>The strings; line information uses them too.</summary>
    public StringTable Strings { get; } = new();

    /// <summary>One more than the highest type number.</summary>
    public int Count => _types.Count + 1;

    public uint AddString(string text) => Strings.Add(text);

    private int Add(BtfKind kind, string name, int length, bool flag, uint sizeOrType, uint[] extra, bool unique = true)
    {
        if (length > ushort.MaxValue)
            throw new InternalCompilerException("BtfBuilder", null, $"{length} members are more than BTF can describe; the caller checks this limit");
        unique &= !keepDuplicates;
        var record = new Record(Strings.Add(name), (uint)length | (uint)kind << 24 | (flag ? 1u << 31 : 0), sizeOrType, extra);
        if (unique && _known.TryGetValue(record, out int known))
            return known;
        _types.Add(record);
        if (unique)
            _known.Add(record, _types.Count);
        return _types.Count;
    }

    /// <param name="size">Bytes.</param>
    /// <param name="bits">Significant bits; 0 means all.</param>
    public int AddInt(string name, int size, BtfIntEncoding encoding, int bits = 0)
        => Add(BtfKind.Int, name, 0, false, (uint)size, [(uint)encoding << 24 | (uint)(bits == 0 ? size * 8 : bits)]);

    public int AddFloat(string name, int size) => Add(BtfKind.Float, name, 0, false, (uint)size, []);

    public int AddPointer(int typeId) => Add(BtfKind.Pointer, "", 0, false, (uint)typeId, []);

    public int AddConst(int typeId) => Add(BtfKind.Const, "", 0, false, (uint)typeId, []);

    public int AddVolatile(int typeId) => Add(BtfKind.Volatile, "", 0, false, (uint)typeId, []);

    public int AddRestrict(int typeId) => Add(BtfKind.Restrict, "", 0, false, (uint)typeId, []);

    public int AddTypedef(string name, int typeId) => Add(BtfKind.Typedef, name, 0, false, (uint)typeId, []);

    public int AddTypeTag(string tag, int typeId) => Add(BtfKind.TypeTag, tag, 0, false, (uint)typeId, []);

    /// <param name="componentIndex">A member or parameter, or -1 for the declaration itself.</param>
    public int AddDeclTag(string tag, int typeId, int componentIndex) => Add(BtfKind.DeclTag, tag, 0, false, (uint)typeId, [(uint)componentIndex]);

    public int AddForward(string name, bool isUnion) => Add(BtfKind.Forward, name, 0, isUnion, 0, []);

    public int AddArray(int elementTypeId, int indexTypeId, uint count) => Add(BtfKind.Array, "", 0, false, 0, [(uint)elementTypeId, (uint)indexTypeId, count]);

    public int AddStruct(string name, bool isUnion, uint size, ReadOnlySpan<BtfMember> members)
        => Add(isUnion ? BtfKind.Union : BtfKind.Struct, name, members.Length, HasBitFields(members), size, Encode(members));

    /// <summary>A structure whose members come later with <see cref="SetMembers"/>, because they refer back to it.</summary>
    public int ReserveStruct(string name, bool isUnion, uint size) => Add(isUnion ? BtfKind.Union : BtfKind.Struct, name, 0, false, size, [], unique: false);

    public void SetMembers(int structId, ReadOnlySpan<BtfMember> members)
    {
        Record old = _types[structId - 1];
        if (members.Length > ushort.MaxValue || old.Extra.Length != 0)
            throw new InternalCompilerException("BtfBuilder", null, $"the members of type {structId} are already set or too many");
        uint kind = old.Info & 31u << 24;
        _types[structId - 1] = new Record(old.Name, kind | (uint)members.Length | (HasBitFields(members) ? 1u << 31 : 0), old.SizeOrType, Encode(members));
    }

    private static bool HasBitFields(ReadOnlySpan<BtfMember> members)
    {
        foreach (BtfMember member in members)
        {
            if (member.BitSize != 0)
                return true;
        }
        return false;
    }

    private static uint[] Encode(ReadOnlySpan<BtfMember> members)
    {
        bool bitFields = HasBitFields(members);
        var words = new uint[members.Length * 3];
        for (int i = 0; i < members.Length; i++)
        {
            BtfMember member = members[i];
            if (bitFields && (member.BitOffset > 0xffffff || member.BitSize > 255))
                throw new InternalCompilerException("BtfBuilder", null, "a bit-field lies beyond what BTF can describe; the caller checks this limit");
            words[i * 3] = member.NameOffset;
            words[i * 3 + 1] = (uint)member.TypeId;
            words[i * 3 + 2] = bitFields ? member.BitOffset | member.BitSize << 24 : member.BitOffset;
        }
        return words;
    }

    /// <summary>An enumeration of up to 32 bits per value when <paramref name="size"/> is at most 4, else one of 64 bits.</summary>
    public int AddEnum(string name, int size, bool isSigned, ReadOnlySpan<BtfEnumerator> enumerators)
    {
        bool wide = size > 4;
        var words = new uint[enumerators.Length * (wide ? 3 : 2)];
        for (int i = 0; i < enumerators.Length; i++)
        {
            int at = i * (wide ? 3 : 2);
            words[at] = enumerators[i].NameOffset;
            words[at + 1] = (uint)enumerators[i].Value;
            if (wide)
                words[at + 2] = (uint)(enumerators[i].Value >> 32);
        }
        return Add(wide ? BtfKind.Enum64 : BtfKind.Enum, name, enumerators.Length, isSigned, (uint)size, words);
    }

    /// <summary>A function type; a variadic one ends in a default parameter.</summary>
    public int AddFunctionPrototype(int returnTypeId, ReadOnlySpan<BtfParameter> parameters)
    {
        var words = new uint[parameters.Length * 2];
        for (int i = 0; i < parameters.Length; i++)
        {
            words[i * 2] = parameters[i].NameOffset;
            words[i * 2 + 1] = (uint)parameters[i].TypeId;
        }
        return Add(BtfKind.FunctionPrototype, "", parameters.Length, false, (uint)returnTypeId, words);
    }

    public int AddFunction(string name, int prototypeId, BtfLinkage linkage) => Add(BtfKind.Function, name, (int)linkage, false, (uint)prototypeId, []);

    public int AddVariable(string name, int typeId, BtfLinkage linkage) => Add(BtfKind.Variable, name, 0, false, (uint)typeId, [(uint)linkage]);

    public int AddDataSection(string name, uint size, ReadOnlySpan<BtfSectionEntry> entries)
    {
        var words = new uint[entries.Length * 3];
        for (int i = 0; i < entries.Length; i++)
        {
            words[i * 3] = (uint)entries[i].TypeId;
            words[i * 3 + 1] = entries[i].Offset;
            words[i * 3 + 2] = entries[i].Size;
        }
        return Add(BtfKind.DataSection, name, entries.Length, false, size, words);
    }

    /// <summary>
    /// Copies a type of a reader. <paramref name="mapType"/> translates the numbers of the types it refers to (void is never asked).
    /// </summary>
    public int AddCopy(BtfReader reader, int id, Func<int, int> mapType)
    {
        BtfType type = reader[id];
        int length = type.Length;
        switch (type.Kind)
        {
            case BtfKind.Int: return AddInt(type.Name, (int)type.Size, type.Encoding, type.Bits);
            case BtfKind.Float: return AddFloat(type.Name, (int)type.Size);
            case BtfKind.Forward: return AddForward(type.Name, type.KindFlag);
            case BtfKind.Array: return AddArray(Map(type.ElementTypeId), Map(type.IndexTypeId), type.ArrayCount);
            case BtfKind.Struct or BtfKind.Union:
                int reserved = ReserveStruct(type.Name, type.Kind == BtfKind.Union, type.Size);
                var members = new BtfMember[length];
                for (int i = 0; i < length; i++)
                {
                    BtfMember member = type.GetMember(i);
                    members[i] = member with { NameOffset = Text(member.NameOffset), TypeId = Map(member.TypeId) };
                }
                if (length > 0)
                    SetMembers(reserved, members);
                return reserved;
            case BtfKind.Enum or BtfKind.Enum64:
                var enumerators = new BtfEnumerator[length];
                for (int i = 0; i < length; i++)
                    enumerators[i] = type.GetEnumerator(i) with { NameOffset = Text(type.GetEnumerator(i).NameOffset) };
                return AddEnum(type.Name, (int)type.Size, type.KindFlag, enumerators);
            case BtfKind.FunctionPrototype:
                var parameters = new BtfParameter[length];
                for (int i = 0; i < length; i++)
                    parameters[i] = new BtfParameter(Text(type.GetParameter(i).NameOffset), Map(type.GetParameter(i).TypeId));
                return AddFunctionPrototype(Map(type.TypeId), parameters);
            case BtfKind.Function: return AddFunction(type.Name, Map(type.TypeId), type.Linkage);
            case BtfKind.Variable: return AddVariable(type.Name, Map(type.TypeId), type.Linkage);
            case BtfKind.DeclTag: return AddDeclTag(type.Name, Map(type.TypeId), type.ComponentIndex);
            case BtfKind.DataSection:
                var entries = new BtfSectionEntry[length];
                for (int i = 0; i < length; i++)
                    entries[i] = type.GetEntry(i) with { TypeId = Map(type.GetEntry(i).TypeId) };
                return AddDataSection(type.Name, type.Size, entries);
            case BtfKind.Void: return 0;
            default: return Add(type.Kind, type.Name, 0, type.KindFlag, (uint)Map(type.TypeId), []);
        }

        int Map(int referred) => referred == 0 ? 0 : mapType(referred);

        uint Text(uint offset) => Strings.Add(reader.GetString(offset));
    }

    /// <summary>The section's bytes.</summary>
    public byte[] Build()
    {
        int typeLength = 0;
        foreach (Record type in _types)
            typeLength += BtfLayout.TypeSize + type.Extra.Length * 4;
        byte[] strings = Strings.ToArray();
        var blob = new byte[BtfLayout.HeaderSize + typeLength + strings.Length];
        Span<byte> output = blob;
        BinaryPrimitives.WriteUInt16LittleEndian(output, BtfLayout.Magic);
        output[2] = 1;
        BinaryPrimitives.WriteInt32LittleEndian(output[4..], BtfLayout.HeaderSize);
        BinaryPrimitives.WriteInt32LittleEndian(output[12..], typeLength);
        BinaryPrimitives.WriteInt32LittleEndian(output[16..], typeLength);
        BinaryPrimitives.WriteInt32LittleEndian(output[20..], strings.Length);
        output = output[BtfLayout.HeaderSize..];
        foreach (Record type in _types)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(output, type.Name);
            BinaryPrimitives.WriteUInt32LittleEndian(output[4..], type.Info);
            BinaryPrimitives.WriteUInt32LittleEndian(output[8..], type.SizeOrType);
            output = output[12..];
            foreach (uint word in type.Extra)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(output, word);
                output = output[4..];
            }
        }
        strings.CopyTo(output);
        return blob;
    }
}
