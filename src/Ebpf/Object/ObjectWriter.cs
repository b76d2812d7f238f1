// Lays an EbpfObject out as an ELF file in the way clang does, which is what libbpf, bpftool and the kernel's tools expect:
//
//  call of a function in the same section, local     distance in the immediate, no relocation
//  call of a local function elsewhere                R_BPF_64_32 against its section, immediate = slot - 1
//  call of a global function, or of an extern        R_BPF_64_32 against the symbol, immediate = -1
//  64-bit immediate of a local function              R_BPF_64_64 against its section, immediate = offset
//  64-bit immediate of anything else that has a name R_BPF_64_64 against the symbol, immediate = addend
//
// (clang names the section for local variables too; libbpf's linker takes only symbols there, and every loader takes both.)
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Object;

/// <summary>Writes objects. Equal objects give equal bytes.</summary>
public sealed class ObjectWriter
{
    private readonly EbpfObject _object;
    private readonly ElfBuilder _elf = new();
    private readonly Dictionary<EbpfSection, ElfSectionBuilder> _sections = [];
    private readonly Dictionary<EbpfSymbol, ElfSymbolBuilder> _symbols = [];
    private readonly Dictionary<EbpfFunction, long> _offsets = [];

    private ObjectWriter(EbpfObject source) => _object = source;

    /// <summary>The bytes of the object file.</summary>
    public static byte[] Write(EbpfObject source) => Build(source).Write();

    public static ElfFile Build(EbpfObject source)
    {
        var writer = new ObjectWriter(source);
        writer.PlaceFunctions();
        writer.AddSections();
        writer.AddSymbols();
        writer.AddRelocations();
        writer.AddTypes();
        return writer._elf.Build();
    }

    private void PlaceFunctions()
    {
        var sizes = new Dictionary<EbpfSection, long>();
        var known = new HashSet<EbpfSection>(_object.Sections);
        foreach (EbpfFunction function in _object.Functions)
        {
            if (!known.Contains(function.Section))
                throw new InternalCompilerException("ObjectWriter", function.Name, $"section '{function.Section.Name}' is not part of the object");
            long offset = sizes.GetValueOrDefault(function.Section);
            _offsets.Add(function, offset);
            sizes[function.Section] = offset + function.Instructions.Length * EbpfInstruction.Size;
        }
    }

    private void AddSections()
    {
        bool hasLicense = false;
        foreach (EbpfSection section in _object.Sections)
        {
            ElfSectionFlags flags = ElfSectionFlags.Allocate;
            ElfSectionBuilder built;
            switch (section.Kind)
            {
                case EbpfSectionKind.Code:
                    built = _elf.AddSection(section.Name, ElfSectionType.ProgBits, flags | ElfSectionFlags.Execute, Code(section), 8);
                    break;
                case EbpfSectionKind.ZeroData:
                    built = _elf.AddEmptySection(section.Name, flags | ElfSectionFlags.Write, (ulong)section.Size, (ulong)section.Alignment);
                    break;
                default:
                    if (section.Kind != EbpfSectionKind.ReadOnlyData)
                        flags |= ElfSectionFlags.Write;
                    hasLicense |= section.Kind == EbpfSectionKind.License;
                    built = _elf.AddSection(section.Name, ElfSectionType.ProgBits, flags, [.. section.Data], (ulong)section.Alignment);
                    break;
            }
            _sections.Add(section, built);
        }
        if (!hasLicense && _object.License.Length > 0)
        {
            ElfSectionBuilder license = _elf.AddSection("license", ElfSectionType.ProgBits, ElfSectionFlags.Allocate | ElfSectionFlags.Write, [.. Encoding.UTF8.GetBytes(_object.License), 0]);
            _elf.AddSymbol("_license", ElfSymbolType.Object, ElfSymbolBinding.Global, license, 0, license.Size);
        }
    }

    private byte[] Code(EbpfSection section)
    {
        var code = new List<byte>();
        foreach (EbpfFunction function in _object.Functions)
        {
            if (function.Section == section)
                code.AddRange(MemoryMarshal.AsBytes(function.Instructions.AsSpan()));
        }
        return [.. code];
    }

    private void AddSymbols()
    {
        foreach (EbpfFunction function in _object.Functions)
            Symbol(function.Symbol);
        foreach (EbpfSymbol symbol in _object.Symbols)
        {
            if (symbol.Type != ElfSymbolType.Section && symbol.Name.Length > 0)
                Symbol(symbol);
        }
    }

    private ElfSymbolBuilder Symbol(EbpfSymbol symbol)
    {
        if (_symbols.TryGetValue(symbol, out ElfSymbolBuilder? known))
            return known;
        ElfSymbolBuilder built;
        if (symbol.Section is { } section)
        {
            if (!_sections.TryGetValue(section, out ElfSectionBuilder? place))
                throw new InternalCompilerException("ObjectWriter", symbol.Name, $"section '{section.Name}' is not part of the object");
            if (symbol.Type == ElfSymbolType.Section)
                built = _elf.SectionSymbol(place);
            else if (symbol.Function is { } function)
                built = _elf.AddSymbol(symbol.Name, ElfSymbolType.Function, symbol.Binding, place, (ulong)_offsets[function], (ulong)(function.Instructions.Length * EbpfInstruction.Size), symbol.Visibility);
            else
                built = _elf.AddSymbol(symbol.Name, symbol.Type, symbol.Binding, place, (ulong)symbol.Offset, (ulong)symbol.Size, symbol.Visibility);
        }
        else
        {
            // what is defined elsewhere cannot be local
            built = _elf.AddSymbol(symbol.Name, symbol.Type, symbol.Binding == ElfSymbolBinding.Weak ? ElfSymbolBinding.Weak : ElfSymbolBinding.Global, null, visibility: symbol.Visibility);
        }
        _symbols.Add(symbol, built);
        return built;
    }

    /// <summary>
    /// What a relocation names and what it adds: for local functions and nameless places the section and the place in it, for
    /// everything else the symbol itself.
    /// </summary>
    private (ElfSymbolBuilder Symbol, long Addend) Target(EbpfSymbol symbol, long addend)
    {
        bool bySection = symbol.Section is { } section
            && (symbol.Type == ElfSymbolType.Section || symbol.Name.Length == 0 || (symbol.Binding == ElfSymbolBinding.Local && section.Kind == EbpfSectionKind.Code));
        if (!bySection)
            return (Symbol(symbol), addend);
        long offset = symbol.Function is { } function ? _offsets[function] : symbol.Offset;
        return (_elf.SectionSymbol(_sections[symbol.Section!]), offset + addend);
    }

    private void AddRelocations()
    {
        foreach (EbpfFunction function in _object.Functions)
        {
            ElfSectionBuilder section = _sections[function.Section];
            foreach (CodeRelocation relocation in function.Relocations)
            {
                long place = _offsets[function] + relocation.Slot * EbpfInstruction.Size;
                if ((uint)relocation.Slot >= (uint)function.Instructions.Length)
                    throw new InternalCompilerException("ObjectWriter", function.Name, $"a relocation at slot {relocation.Slot} is outside of the function");
                Span<byte> immediate = section.Data.AsSpan((int)place + 4, 4);
                if (relocation.Kind == CodeRelocationKind.Wide)
                {
                    (ElfSymbolBuilder symbol, long addend) = Target(relocation.Symbol, relocation.Addend);
                    BinaryPrimitives.WriteInt32LittleEndian(immediate, checked((int)addend));
                    section.AddRelocation((ulong)place, BpfRelocationType.Wide, symbol);
                    continue;
                }
                if (relocation.Symbol is { Binding: ElfSymbolBinding.Local, Function: { } callee } && callee.Section == function.Section)
                {
                    BinaryPrimitives.WriteInt32LittleEndian(immediate, (int)((_offsets[callee] + relocation.Addend - place) / EbpfInstruction.Size - 1));
                    continue;
                }
                (ElfSymbolBuilder target, long offset) = Target(relocation.Symbol, relocation.Addend);
                BinaryPrimitives.WriteInt32LittleEndian(immediate, (int)(offset / EbpfInstruction.Size - 1));
                section.AddRelocation((ulong)place, BpfRelocationType.Call, target);
            }
        }
        foreach (EbpfSection section in _object.Sections)
        {
            ElfSectionBuilder built = _sections[section];
            foreach (DataRelocation relocation in section.Relocations)
            {
                (ElfSymbolBuilder symbol, long addend) = Target(relocation.Symbol, relocation.Addend);
                Span<byte> place = built.Data.AsSpan((int)relocation.Offset);
                if (relocation.Type == BpfRelocationType.Abs64)
                    BinaryPrimitives.WriteInt64LittleEndian(place, addend);
                else
                    BinaryPrimitives.WriteInt32LittleEndian(place, (int)addend);
                built.AddRelocation((ulong)relocation.Offset, relocation.Type, symbol);
            }
        }
    }

    private void AddTypes()
    {
        if (_object.BtfBuilder is null && _object.Btf is null)
            return;
        var extended = new BtfExt();
        foreach (EbpfFunction function in _object.Functions)
        {
            uint start = (uint)_offsets[function];
            BtfExtSection section = extended.GetOrAdd(function.Section.Name);
            if (function.TypeId != 0)
                section.Functions.Add(new BtfFunctionInfo(start, function.TypeId));
            foreach (EbpfLine line in function.Lines)
                section.Lines.Add(new BtfLineInfo(start + (uint)line.Slot * EbpfInstruction.Size, line.FileName, line.LineText, BtfLineInfo.Pack(line.Line, line.Column)));
            foreach (CoreRelocation core in function.CoreRelocations)
                section.CoreRelocations.Add(new BtfCoreRelocation(start + (uint)core.Slot * EbpfInstruction.Size, core.TypeId, core.AccessString, core.Kind));
        }
        byte[] extension;
        byte[] types;
        if (_object.BtfBuilder is { } builder)
        {
            extension = extended.Build(builder.AddString);
            types = builder.Build();
        }
        else
        {
            BtfReader reader = _object.Btf!;
            extension = extended.Build(name => reader.FindString(name)
                ?? throw new InternalCompilerException("ObjectWriter", null, $"the type information that was read has no string '{name}'"));
            types = reader.Blob.ToArray();
        }
        _elf.AddSection(".BTF", ElfSectionType.ProgBits, 0, types, 4);
        if (extended.Sections.Any(section => section.Functions.Count + section.Lines.Count + section.CoreRelocations.Count > 0))
            _elf.AddSection(".BTF.ext", ElfSectionType.ProgBits, 0, extension, 4);
    }
}
