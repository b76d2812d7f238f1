// Finds the maps and externs of an object: BTF-defined maps (.maps; libbpf's conventions), legacy maps (an array of structures
// of 32-bit numbers), and the .ksyms and .kconfig sections of the type information.
using System.Buffers.Binary;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Elf;

namespace Ebpfcc.Ebpf.Object;

internal sealed class MapReader
{
    private const int MaxNesting = 2;

    private readonly EbpfObject _object;
    private readonly string _subject;
    private readonly DiagnosticBag _diagnostics;

    private DataRelocation[]? _relocations;
    private bool[]? _usedRelocations;

    private MapReader(EbpfObject source, string subject, DiagnosticBag diagnostics) => (_object, _subject, _diagnostics) = (source, subject, diagnostics);

    public static bool Read(EbpfObject source, string subject, DiagnosticBag diagnostics)
    {
        var reader = new MapReader(source, subject, diagnostics);
        foreach (EbpfSection section in source.Sections)
        {
            if (section.Kind == EbpfSectionKind.LegacyMaps && !reader.ReadLegacy(section))
                return false;
        }
        return source.Btf is null || (reader.ReadMaps(source.Btf) && reader.ReadExterns(source.Btf));
    }

    private bool Fail(string map, string problem)
    {
        _diagnostics.ReportFile(ObjectDiagnostics.BadMap, _subject, map, problem);
        return false;
    }

    private bool ReadLegacy(EbpfSection section)
    {
        foreach (EbpfSymbol symbol in _object.Symbols)
        {
            if (symbol.Section != section || symbol.Name.Length == 0)
                continue;
            if (symbol.Offset > section.Data.Length - 20)
                return Fail(symbol.Name, "its definition is cut off");
            ReadOnlySpan<byte> words = section.Data.AsSpan((int)symbol.Offset);
            _object.Maps.Add(new MapDefinition(symbol.Name, (MapType)Math.Min(Word(words, 0), 255), Word(words, 1), Word(words, 2), Word(words, 3), (MapFlags)Word(words, 4))
            {
                Section = section, Offset = symbol.Offset, IsLegacy = true,
            });
        }
        return true;

        static uint Word(ReadOnlySpan<byte> words, int index) => BinaryPrimitives.ReadUInt32LittleEndian(words[(index * 4)..]);
    }

    private bool ReadMaps(BtfReader btf)
    {
        if (_object.FindSection(".maps") is not { Kind: EbpfSectionKind.Maps } section)
            return true;
        var symbols = new Dictionary<string, EbpfSymbol>();
        foreach (EbpfSymbol symbol in _object.Symbols)
        {
            if (symbol.Section == section)
                symbols.TryAdd(symbol.Name, symbol);
        }
        int dataSection = btf.Find(".maps", BtfKind.DataSection);
        if (dataSection == 0)
            return symbols.Count == 0 || Fail(symbols.Keys.First(), "the object has no type information for .maps");
        BtfType entries = btf[dataSection];
        for (int i = 0; i < entries.Length; i++)
        {
            BtfType variable = btf[entries.GetEntry(i).TypeId];
            string name = variable.Name;
            if (variable.Kind != BtfKind.Variable || !symbols.TryGetValue(name, out EbpfSymbol? symbol))
                return Fail(name, "its variable is not in the section .maps");
            if (Define(btf, name, variable.TypeId, symbol, 0) is not { } map)
                return false;
            _object.Maps.Add(map);
        }
        return true;
    }

    /// <summary>Reads the members of a map's structure; null after a reported error.</summary>
    private MapDefinition? Define(BtfReader btf, string name, int typeId, EbpfSymbol? symbol, int nesting)
    {
        BtfType type = btf.SkipModifiers(typeId);
        if (type.Kind != BtfKind.Struct)
        {
            Fail(name, "its type is not a structure");
            return null;
        }
        var map = new MapDefinition(name, MapType.Unspec, 0, 0, 0, MapFlags.None) { Section = symbol?.Section, Offset = symbol?.Offset ?? 0 };
        for (int i = 0; i < type.Length; i++)
        {
            BtfMember member = type.GetMember(i);
            string field = btf.GetString(member.NameOffset);
            if (field is "key" or "value")
            {
                BtfType pointer = btf.SkipModifiers(member.TypeId);
                if (pointer.Kind != BtfKind.Pointer || btf.SizeOf(pointer.TypeId) is not (> 0 and <= int.MaxValue and { } size))
                {
                    Fail(name, $"'{field}' must be a pointer to a type with a size");
                    return null;
                }
                uint known = field == "key" ? map.KeySize : map.ValueSize;
                if (known != 0 && known != size)
                {
                    Fail(name, $"'{field}' has {size} bytes but {field}_size says {known}");
                    return null;
                }
                map = field == "key" ? map with { KeySize = (uint)size, KeyTypeId = pointer.TypeId } : map with { ValueSize = (uint)size, ValueTypeId = pointer.TypeId };
                continue;
            }
            if (field == "values")
            {
                if (nesting + 1 >= MaxNesting)
                {
                    Fail(name, "inner maps cannot hold maps");
                    return null;
                }
                if (ReadValues(btf, map, member, symbol, nesting) is not { } filled)
                    return null;
                map = filled;
                continue;
            }
            if (Number(btf, member.TypeId) is not { } number)
            {
                Fail(name, $"'{field}' must be declared with __uint or __ulong");
                return null;
            }
            switch (field)
            {
                case "type" when number <= byte.MaxValue: map = map with { Type = (MapType)number }; break;
                case "max_entries": map = map with { MaxEntries = (uint)number }; break;
                case "map_flags": map = map with { Flags = (MapFlags)number }; break;
                case "numa_node": map = map with { NumaNode = (uint)number }; break;
                case "map_extra": map = map with { Extra = number }; break;
                case "key_size" when map.KeySize == 0 || map.KeySize == number: map = map with { KeySize = (uint)number }; break;
                case "value_size" when map.ValueSize == 0 || map.ValueSize == number: map = map with { ValueSize = (uint)number }; break;
                case "pinning" when number <= 1: map = map with { PinByName = number == 1 }; break;
                default:
                    Fail(name, $"unknown or contradictory member '{field}'");
                    return null;
            }
        }
        if (map.Type == MapType.Unspec)
        {
            Fail(name, "its type is not given");
            return null;
        }
        return map;
    }

    /// <summary>The number N in <c>int (*member)[N]</c>, or the only value of an enumeration.</summary>
    private static ulong? Number(BtfReader btf, int typeId)
    {
        BtfType type = btf.SkipModifiers(typeId);
        if (type.Kind == BtfKind.Pointer)
        {
            BtfType array = btf.SkipModifiers(type.TypeId);
            return array.Kind == BtfKind.Array ? array.ArrayCount : null;
        }
        return type.Kind is BtfKind.Enum or BtfKind.Enum64 && type.Length == 1 ? (ulong)type.GetEnumerator(0).Value : null;
    }

    /// <summary><c>values</c>: an array of pointers to an inner map's structure or to functions; relocations fill it.</summary>
    private MapDefinition? ReadValues(BtfReader btf, MapDefinition map, BtfMember member, EbpfSymbol? symbol, int nesting)
    {
        BtfType array = btf.SkipModifiers(member.TypeId);
        BtfType pointer = array.Kind == BtfKind.Array ? btf.SkipModifiers(array.ElementTypeId) : default;
        if (pointer.Kind != BtfKind.Pointer)
        {
            Fail(map.Name, "'values' must be an array of pointers");
            return null;
        }
        BtfType element = btf.SkipModifiers(pointer.TypeId);
        if (element.Kind == BtfKind.Struct)
        {
            if (Define(btf, map.Name + ".inner", element.Id, null, nesting + 1) is not { } inner)
                return null;
            map = map with { Inner = inner };
        }
        else if (element.Kind is not (BtfKind.FunctionPrototype or BtfKind.Void))
        {
            Fail(map.Name, "'values' must point at maps or functions");
            return null;
        }
        var values = new List<MapInitialValue>();
        if (symbol?.Section is { } section)
        {
            long first = symbol.Offset + member.BitOffset / 8, end = symbol.Offset + symbol.Size;
            _relocations ??= [.. section.Relocations.OrderBy(relocation => relocation.Offset)];
            int at = LowerBound(_relocations, first);
            // every place belongs to one map; overlapping maps of a broken file would multiply them
            _usedRelocations ??= new bool[_relocations.Length];
            for (; at < _relocations.Length && _relocations[at].Offset < end; at++)
            {
                if (_usedRelocations[at])
                {
                    Fail(map.Name, "it overlaps another map");
                    return null;
                }
                _usedRelocations[at] = true;
                values.Add(new MapInitialValue((int)((_relocations[at].Offset - first) / 8), _relocations[at].Symbol));
            }
        }
        return map with { Values = values, KeySize = map.KeySize == 0 ? 4 : map.KeySize, ValueSize = map.ValueSize == 0 ? 4 : map.ValueSize };
    }

    private static int LowerBound(DataRelocation[] relocations, long offset)
    {
        int low = 0, high = relocations.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (relocations[middle].Offset < offset)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private bool ReadExterns(BtfReader btf)
    {
        var undefined = new Dictionary<string, EbpfSymbol>();
        foreach (EbpfSymbol symbol in _object.Symbols)
        {
            if (symbol.IsExtern && symbol.Name.Length > 0)
                undefined.TryAdd(symbol.Name, symbol);
        }
        if (undefined.Count == 0)
            return true;
        foreach (string name in (ReadOnlySpan<string>)[".ksyms", ".kconfig"])
        {
            BtfType section = btf[btf.Find(name, BtfKind.DataSection)];
            for (int i = 0; i < section.Length; i++)
            {
                BtfType declared = btf[section.GetEntry(i).TypeId];
                if (undefined.TryGetValue(declared.Name, out EbpfSymbol? symbol))
                    _object.Externs.Add(new EbpfExtern(symbol.Name, name, declared.Id, symbol.Binding == ElfSymbolBinding.Weak));
            }
        }
        return true;
    }
}
