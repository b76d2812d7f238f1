// An eBPF object file as data: what a compiler hands to the writer and what the reader hands to a loader. Everything that
// refers to something else refers by object, not by index; offsets of functions are facts of a file, so that they are zero
// in an object that was not read from one.
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Object;

/// <summary>What a section is for.</summary>
public enum EbpfSectionKind : byte
{
    /// <summary>Instructions: programs, or subprograms in .text.</summary>
    Code,

    /// <summary>Writable data (.data, .data.*).</summary>
    Data,

    /// <summary>Constants (.rodata*, string literals).</summary>
    ReadOnlyData,

    /// <summary>Zeroed writable data (.bss*).</summary>
    ZeroData,

    /// <summary>Maps defined through BTF (.maps).</summary>
    Maps,

    /// <summary>Maps as arrays of numbers (maps).</summary>
    LegacyMaps,

    /// <summary>The licence string.</summary>
    License,

    /// <summary>The kernel version number of old objects.</summary>
    Version,

    /// <summary>Operation tables to be registered (.struct_ops, .struct_ops.link).</summary>
    StructOps,
}

/// <summary>A section with contents. Code lies in <see cref="EbpfObject.Functions"/>, not here.</summary>
public sealed class EbpfSection(string name, EbpfSectionKind kind)
{
    public string Name { get; } = name;

    public EbpfSectionKind Kind { get; } = kind;

    /// <summary>The contents; empty for code and zeroed data.</summary>
    public byte[] Data { get; set; } = [];

    /// <summary>Bytes in memory, of data and zeroed data.</summary>
    public long Size { get; set; }

    /// <summary>Bytes.</summary>
    public int Alignment { get; set; } = 8;

    /// <summary>Addresses to be filled in.</summary>
    public List<DataRelocation> Relocations { get; } = [];

    public override string ToString() => Name;

    /// <summary>The kind that a section name says, as libbpf understands names; <paramref name="writable"/> decides for unknown names.</summary>
    public static EbpfSectionKind KindOf(string name, bool executable, bool writable, bool zeroed) => name switch
    {
        _ when executable => EbpfSectionKind.Code,
        ".maps" => EbpfSectionKind.Maps,
        "maps" => EbpfSectionKind.LegacyMaps,
        "license" => EbpfSectionKind.License,
        "version" => EbpfSectionKind.Version,
        ".struct_ops" or ".struct_ops.link" or "?.struct_ops" or "?.struct_ops.link" => EbpfSectionKind.StructOps,
        _ when zeroed => EbpfSectionKind.ZeroData,
        _ => writable ? EbpfSectionKind.Data : EbpfSectionKind.ReadOnlyData,
    };
}

/// <summary>A name with an address: a function, a variable, a map, a section itself, or something defined elsewhere.</summary>
public sealed class EbpfSymbol(string name)
{
    /// <summary>Empty for a section itself.</summary>
    public string Name { get; } = name;

    public ElfSymbolType Type { get; init; }

    public ElfSymbolBinding Binding { get; init; }

    public ElfSymbolVisibility Visibility { get; init; }

    /// <summary>Null when the symbol is defined elsewhere (kernel functions and variables, other objects).</summary>
    public EbpfSection? Section { get; init; }

    /// <summary>The function it names, or null.</summary>
    public EbpfFunction? Function { get; internal set; }

    /// <summary>Bytes from the section's start; of functions see <see cref="EbpfFunction.Offset"/>.</summary>
    public long Offset { get; init; }

    /// <summary>Bytes.</summary>
    public long Size { get; init; }

    public bool IsExtern => Section is null;

    public override string ToString() => Name.Length > 0 ? Name : Section?.Name ?? "";
}

/// <summary>How a relocation fills an instruction.</summary>
public enum CodeRelocationKind : byte
{
    /// <summary>The 64-bit immediate of a two-slot load: the address of a map, a variable or a function.</summary>
    Wide,

    /// <summary>The callee of a call.</summary>
    Call,
}

/// <summary>An instruction refers to a symbol.</summary>
/// <param name="Slot">Slot of the instruction within its function.</param>
/// <param name="Addend">Bytes past the symbol; for a symbol that is a section, the place in it.</param>
public sealed record CodeRelocation(int Slot, CodeRelocationKind Kind, EbpfSymbol Symbol, long Addend = 0);

/// <summary>A place in data holds the address of a symbol.</summary>
/// <param name="Offset">Bytes from the section's start.</param>
/// <param name="Type">Width and meaning: <see cref="BpfRelocationType.Abs64"/>, <see cref="BpfRelocationType.Abs32"/>.</param>
public sealed record DataRelocation(long Offset, BpfRelocationType Type, EbpfSymbol Symbol, long Addend = 0);

/// <summary>From a slot on, code comes from this source line. Strings are offsets into the object's BTF strings.</summary>
public readonly record struct EbpfLine(int Slot, uint FileName, uint LineText, int Line, int Column);

/// <summary>A slot depends on the layout of a type of the running kernel.</summary>
public readonly record struct CoreRelocation(int Slot, int TypeId, uint AccessString, CoreRelocationKind Kind);

/// <summary>A variable's place in a function's stack frame.</summary>
/// <param name="Name">Null for spilled registers and temporaries.</param>
/// <param name="Offset">Bytes from the frame pointer, negative.</param>
/// <param name="Size">Bytes.</param>
public readonly record struct StackVariable(string? Name, SourceLocation Location, int Offset, int Size);

/// <summary>
/// What a compiler knows of a function beyond what the file format can say; stays in memory.
/// </summary>
/// <param name="Places">From a slot on, code comes from exactly this place, inside macros too; rising slots.</param>
/// <param name="Stack">Who uses the frame.</param>
/// <param name="StackSize">Bytes of the frame.</param>
public sealed record FunctionOrigins(IReadOnlyList<(int Slot, SourceLocation Location)> Places, IReadOnlyList<StackVariable> Stack, int StackSize)
{
    /// <summary>The place that covers a slot; none when nothing says it.</summary>
    public SourceLocation PlaceOf(int slot)
    {
        SourceLocation found = SourceLocation.None;
        foreach ((int from, SourceLocation location) in Places)
        {
            if (from > slot)
                break;
            found = location;
        }
        return found;
    }
}

/// <summary>A program or subprogram.</summary>
public sealed class EbpfFunction
{
    public EbpfFunction(EbpfSymbol symbol, EbpfInstruction[] instructions)
    {
        Symbol = symbol;
        Instructions = instructions;
        symbol.Function = this;
    }

    /// <summary>Its name, binding and section.</summary>
    public EbpfSymbol Symbol { get; }

    public string Name => Symbol.Name;

    public EbpfSection Section => Symbol.Section!;

    /// <summary>
    /// The slots. Immediates that a relocation fills hold nothing that matters: -1 for calls, the addend for wide loads.
    /// </summary>
    public EbpfInstruction[] Instructions { get; set; }

    /// <summary>Bytes from the section's start in the file it was read from.</summary>
    public long Offset { get; init; }

    /// <summary>True for a program, which a section name describes; false for subprograms in .text.</summary>
    public bool IsProgram => Section.Name != ".text" && Symbol.Binding != ElfSymbolBinding.Local;

    public List<CodeRelocation> Relocations { get; } = [];

    public List<EbpfLine> Lines { get; } = [];

    public List<CoreRelocation> CoreRelocations { get; } = [];

    /// <summary>The BTF function that describes it; 0 when there is none.</summary>
    public int TypeId { get; set; }

    /// <summary>Set by the compiler; null in objects that were read.</summary>
    public FunctionOrigins? Origins { get; set; }

    /// <summary>The line that the instruction at a slot comes from; null when nothing says it.</summary>
    public EbpfLine? FindLine(int slot)
    {
        int low = 0, high = Lines.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Lines[middle].Slot <= slot)
                low = middle + 1;
            else
                high = middle;
        }
        return low == 0 ? null : Lines[low - 1];
    }

    public override string ToString() => $"{Section.Name}:{Name}";
}

/// <summary>A value that a map holds when it is made: an inner map or a program at a position.</summary>
public readonly record struct MapInitialValue(int Index, EbpfSymbol Symbol);

/// <summary>A map as its object defines it.</summary>
public sealed record MapDefinition(string Name, MapType Type, uint KeySize, uint ValueSize, uint MaxEntries, MapFlags Flags)
{
    /// <summary>The section and the place in it that relocations name; null for inner maps.</summary>
    public EbpfSection? Section { get; init; }

    public long Offset { get; init; }

    /// <summary>BTF types of key and value; 0 when only sizes are given.</summary>
    public int KeyTypeId { get; init; }

    public int ValueTypeId { get; init; }

    /// <summary>Pin under /sys/fs/bpf by name and reuse an existing one.</summary>
    public bool PinByName { get; init; }

    public uint NumaNode { get; init; }

    public ulong Extra { get; init; }

    /// <summary>The shape of inner maps of an array or hash of maps.</summary>
    public MapDefinition? Inner { get; init; }

    public IReadOnlyList<MapInitialValue> Values { get; init; } = [];

    public bool IsLegacy { get; init; }
}

/// <summary>A variable or function that the loader provides (<c>extern ... __ksym</c>, <c>__kconfig</c>).</summary>
/// <param name="Section"><c>.ksyms</c> or <c>.kconfig</c>.</param>
/// <param name="TypeId">Its BTF variable or function.</param>
public sealed record EbpfExtern(string Name, string Section, int TypeId, bool IsWeak);

/// <summary>The contents of an object.</summary>
public sealed class EbpfObject
{
    public List<EbpfSection> Sections { get; } = [];

    /// <summary>Programs and subprograms; those of one section in the order of their offsets.</summary>
    public List<EbpfFunction> Functions { get; } = [];

    /// <summary>Named variables, maps and external symbols (functions have their own).</summary>
    public List<EbpfSymbol> Symbols { get; } = [];

    /// <summary>Filled by the reader; the writer writes .maps as the section and the types it is.</summary>
    public List<MapDefinition> Maps { get; } = [];

    /// <summary>Filled by the reader.</summary>
    public List<EbpfExtern> Externs { get; } = [];

    /// <summary>Type information as read, or null.</summary>
    public BtfReader? Btf { get; set; }

    /// <summary>Type information being built; takes precedence over <see cref="Btf"/> when writing.</summary>
    public BtfBuilder? BtfBuilder { get; set; }

    /// <summary>The licence, empty when the object says none.</summary>
    public string License { get; set; } = "";

    /// <summary>The section of this name, made when it does not exist.</summary>
    public EbpfSection GetOrAddSection(string name, EbpfSectionKind kind)
    {
        if (FindSection(name) is { } known)
            return known;
        var section = new EbpfSection(name, kind);
        Sections.Add(section);
        return section;
    }

    public EbpfSection? FindSection(string name)
    {
        foreach (EbpfSection section in Sections)
        {
            if (section.Name == name)
                return section;
        }
        return null;
    }

    public EbpfFunction? FindFunction(string name)
    {
        foreach (EbpfFunction function in Functions)
        {
            if (function.Name == name)
                return function;
        }
        return null;
    }

    /// <summary>The function that begins at an offset of a section (of an object that was read).</summary>
    public EbpfFunction? FindFunction(EbpfSection section, long offset)
    {
        foreach (EbpfFunction function in Functions)
        {
            if (function.Section == section && function.Offset == offset)
                return function;
        }
        return null;
    }

    /// <summary>The map at an offset of its section.</summary>
    public MapDefinition? FindMap(EbpfSection section, long offset)
    {
        foreach (MapDefinition map in Maps)
        {
            if (map.Section == section && map.Offset == offset)
                return map;
        }
        return null;
    }

    /// <summary>The text of a BTF string, for lines and access strings.</summary>
    public string GetString(uint offset) => Btf?.GetString(offset) ?? "";
}
