// A whole assembly file to an ELF object: sections, symbols and relocations as clang makes them from the same text.
using System.Buffers.Binary;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Asm;

public sealed partial class Assembler
{
    /// <summary>
    /// Assembles a source file with its sections and directives. Null after reported errors. <c>Write()</c> of the result
    /// gives the object file; an <c>ObjectReader</c> reads it.
    /// </summary>
    /// <param name="start">Where the text's first character lies, for positions.</param>
    public static ElfFile? AssembleFile(string text, DiagnosticBag diagnostics, SourceLocation start = default, AssemblerOptions? options = null)
    {
        int before = diagnostics.ErrorCount;
        var assembler = new Assembler(text, start, diagnostics, options ?? AssemblerOptions.Default, wholeFile: true);
        assembler.ReadStatements(inBlock: false);
        ElfBuilder? elf = diagnostics.ErrorCount == before ? assembler.BuildObject() : null;
        return diagnostics.ErrorCount == before ? elf!.Build() : null;
    }

    private ElfBuilder BuildObject()
    {
        var elf = new ElfBuilder();
        var sections = new Dictionary<AsmSection, ElfSectionBuilder>();
        var open = new List<(AsmSection Section, Fixup Fixup)>();
        foreach (AsmSection section in _sectionOrder)
        {
            if (section.IsCode && section.Length % EbpfInstruction.Size != 0)
                _diagnostics.Report(AssemblerDiagnostics.PartialInstruction, section.Lines.Count > 0 ? section.Lines[^1].Span : SourceSpan.None, section.Length);
            foreach (Fixup fixup in section.Fixups)
            {
                if (!Resolve(section, fixup))
                    open.Add((section, fixup));
            }
        }
        foreach (AsmSection section in _sectionOrder)
        {
            ElfSectionFlags flags = 0;
            foreach (char flag in section.Flags)
            {
                flags |= flag switch
                {
                    'a' => ElfSectionFlags.Allocate, 'w' => ElfSectionFlags.Write, 'x' => ElfSectionFlags.Execute,
                    'M' => ElfSectionFlags.Merge, 'S' => ElfSectionFlags.Strings, 'e' => ElfSectionFlags.Exclude, _ => 0,
                };
            }
            int alignment = Math.Max(section.Alignment, section.IsCode && section.Length > 0 ? EbpfInstruction.Size : 1);
            sections.Add(section, section.IsNoBits
                ? elf.AddEmptySection(section.Name, flags, (ulong)section.Length, (ulong)alignment)
                : elf.AddSection(section.Name, ElfSectionType.ProgBits, flags, section.Bytes.ToArray(), (ulong)alignment, (ulong)section.EntrySize));
        }
        var symbols = new Dictionary<AsmSymbol, ElfSymbolBuilder>();
        foreach (AsmSymbol symbol in _symbols.Values)
        {
            if (!symbol.IsTemporary && (symbol.IsDefined || symbol.IsGlobal || symbol.IsWeak))
                symbols.Add(symbol, AddSymbol(elf, sections, symbol));
        }
        foreach ((AsmSection section, Fixup fixup) in open)
            AddRelocation(elf, sections, symbols, section, fixup);
        return elf;
    }

    private ElfSymbolBuilder AddSymbol(ElfBuilder elf, Dictionary<AsmSection, ElfSectionBuilder> sections, AsmSymbol symbol)
    {
        long size = 0;
        if (symbol.Size is { } expression)
        {
            if (Constant(expression) is { } known)
                size = known;
            else
                _diagnostics.Report(AssemblerDiagnostics.NotConstant, symbol.SizeSpan, "the size of a symbol");
        }
        ElfSymbolType type = symbol.Type switch { "function" or "STT_FUNC" => ElfSymbolType.Function, "object" or "STT_OBJECT" => ElfSymbolType.Object, _ => ElfSymbolType.None };
        ElfSymbolBinding binding = symbol.IsWeak ? ElfSymbolBinding.Weak : symbol.IsGlobal || !symbol.IsDefined ? ElfSymbolBinding.Global : ElfSymbolBinding.Local;
        return elf.AddSymbol(symbol.Name, type, binding, symbol.Section is { } section ? sections[section] : null, (ulong)symbol.Value, (ulong)size,
            symbol.IsHidden ? ElfSymbolVisibility.Hidden : ElfSymbolVisibility.Default, symbol.IsAbsolute);
    }

    private void AddRelocation(ElfBuilder elf, Dictionary<AsmSection, ElfSectionBuilder> sections, Dictionary<AsmSymbol, ElfSymbolBuilder> symbols, AsmSection section, Fixup fixup)
    {
        if (fixup.Kind is FixupKind.Jump16 or FixupKind.Jump32 or FixupKind.Data8 or FixupKind.Data16)
        {
            bool isJump = fixup.Kind <= FixupKind.Jump32;
            AsmSymbol? there = fixup.Value.Symbol is { } jumpTo ? Symbol(jumpTo) : null;
            if (isJump && there is { IsDefined: true })
                _diagnostics.Report(AssemblerDiagnostics.BadTarget, fixup.Span, there.Name, "in another section");
            else if (!Unresolvable(fixup))
                _diagnostics.Report(AssemblerDiagnostics.UndefinedSymbol, fixup.Span, fixup.Value.Symbol);
            return;
        }
        if (Unresolvable(fixup))
            return;
        AsmSymbol target = Symbol(fixup.Value.Symbol!);
        if (target.IsTemporary && !target.IsDefined)
        {
            _diagnostics.Report(AssemblerDiagnostics.UndefinedSymbol, fixup.Span, target.Name);
            return;
        }
        long addend = fixup.Value.Constant;
        ElfSymbolBuilder? symbol;
        // what is local is reached through its section
        if (!target.IsDefined && _sections.TryGetValue(target.Name, out AsmSection? named))
        {
            symbol = elf.SectionSymbol(sections[named]);
        }
        else if (target is { IsDefined: true, IsGlobal: false, IsWeak: false, Section: { } home })
        {
            symbol = elf.SectionSymbol(sections[home]);
            addend += target.Value;
        }
        else if (!symbols.TryGetValue(target, out symbol))
        {
            symbols.Add(target, symbol = AddSymbol(elf, sections, target));
        }
        Span<byte> place = sections[section].Data.AsSpan(fixup.Offset);
        BpfRelocationType type;
        switch (fixup.Kind)
        {
            case FixupKind.Call:
                type = BpfRelocationType.Call;
                if (addend % EbpfInstruction.Size != 0)
                {
                    _diagnostics.Report(AssemblerDiagnostics.BadTarget, fixup.Span, target.Name, "inside an instruction");
                    return;
                }
                BinaryPrimitives.WriteInt32LittleEndian(place[4..], (int)(addend / EbpfInstruction.Size - 1));
                break;
            case FixupKind.Wide:
                type = BpfRelocationType.Wide;
                BinaryPrimitives.WriteInt32LittleEndian(place[4..], (int)addend);
                BinaryPrimitives.WriteInt32LittleEndian(place[12..], (int)(addend >> 32));
                break;
            default:
                bool isQuad = fixup.Kind == FixupKind.Data64;
                // LLVM takes such places for those of .BTF (variables) and .BTF.ext (code), which loading must not change
                bool isType = target.Section is { } owner && (owner.IsCode || (!target.IsTemporary && owner.Flags.Contains('w')));
                type = isQuad ? BpfRelocationType.Abs64 : isType ? BpfRelocationType.NoDyld32 : BpfRelocationType.Abs32;
                WriteData(place, fixup.Kind, addend);
                break;
        }
        sections[section].AddRelocation((ulong)fixup.Offset, type, symbol);
    }
}
