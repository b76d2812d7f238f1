// A module becomes an object: code by section, data by section, symbols, relocations, types and line information. Section
// names follow clang, because libbpf and bpftool know programs and maps by them:
//
//   functions                .text or their own section (which says the program type)
//   constants                .rodata, string literals .rodata.str1.1
//   zeroed / initialised     .bss / .data
using System.Runtime.InteropServices;
using Ebpfcc.Backend.Ebpf.Btf;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Numerics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Debug;

namespace Ebpfcc.Backend.Ebpf.Emission;

/// <summary>Emits modules. One instance, one module.</summary>
public sealed partial class ObjectEmitter
{
    private readonly Module _module;
    private readonly BackendOptions _options;
    private readonly DiagnosticBag _diagnostics;
    private readonly EbpfObject _object = new();
    private readonly BtfBuilder _btfBuilder = new();
    private readonly BtfGenerator _btf;
    private readonly Dictionary<GlobalValue, EbpfSymbol> _symbols = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, EbpfSymbol> _foreign = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GlobalValue> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<EbpfSection, List<(GlobalVariable Variable, long Offset)>> _contents = [];
    private readonly HashSet<GlobalValue> _referenced = new(ReferenceEqualityComparer.Instance);

    private ObjectEmitter(Module module, BackendOptions options, DiagnosticBag diagnostics)
    {
        _module = module;
        _options = options;
        _diagnostics = diagnostics;
        _btf = new BtfGenerator(_btfBuilder);
    }

    /// <summary>Compiles a module. Null when something was refused (reported).</summary>
    public static EbpfObject? Emit(Module module, BackendOptions options, DiagnosticBag diagnostics)
        => new ObjectEmitter(module, options, diagnostics).Run();

    /// <summary>Compiles a module to the bytes of an object file. Null when something was refused (reported).</summary>
    public static byte[]? EmitBytes(Module module, BackendOptions options, DiagnosticBag diagnostics)
        => Emit(module, options, diagnostics) is { } result ? ObjectWriter.Write(result) : null;

    private EbpfObject? Run()
    {
        int before = _diagnostics.ErrorCount;
        foreach (GlobalVariable variable in _module.Globals)
            _byName[variable.Symbol] = variable;
        foreach (Function function in _module.Functions)
            _byName[function.Symbol] = function;
        var compiled = new List<EmittedFunction>();
        foreach (Function function in _module.Functions)
        {
            if (!function.IsDeclaration && CodeGenerator.Compile(function, _options.For(function.Symbol), _diagnostics, _byName.GetValueOrDefault) is { } code)
                compiled.Add(code);
        }
        if (_diagnostics.ErrorCount > before)
            return null;
        _object.GetOrAddSection(".text", EbpfSectionKind.Code);
        foreach (EmittedFunction code in compiled)
            DefineFunction(code);
        foreach (GlobalVariable variable in _module.Globals)
            DefineVariable(variable);
        if (_diagnostics.ErrorCount > before)
            return null;
        for (int i = 0; i < compiled.Count; i++)
            Relocate(compiled[i], _object.Functions[i]);
        foreach (GlobalVariable variable in _module.Globals)
            RelocateData(variable);
        AddTypes(compiled);
        return _object;
    }

    // ---------------------------------------------------------------------------------------------- symbols and sections

    private static ElfSymbolBinding Binding(GlobalValue value) => value.Linkage switch
    {
        Linkage.Internal => ElfSymbolBinding.Local,
        Linkage.Weak => ElfSymbolBinding.Weak,
        _ => ElfSymbolBinding.Global,
    };

    private static ElfSymbolVisibility Visibility(GlobalValue value)
        => value.Visibility == SymbolVisibility.Hidden ? ElfSymbolVisibility.Hidden : ElfSymbolVisibility.Default;

    private EbpfSection? Section(string name, EbpfSectionKind kind, SourceLocation location)
    {
        EbpfSection section = _object.GetOrAddSection(name, kind);
        if (section.Kind == EbpfSectionKind.Code == (kind == EbpfSectionKind.Code))
            return section;
        _diagnostics.Report(BackendDiagnostics.SectionConflict, location, name);
        return null;
    }

    private void DefineFunction(EmittedFunction code)
    {
        Function source = code.Source;
        if (Section(source.Section ?? ".text", EbpfSectionKind.Code, source.Location) is not { } section)
            return;
        var symbol = new EbpfSymbol(source.Symbol)
        {
            Type = ElfSymbolType.Function, Binding = Binding(source), Visibility = Visibility(source), Section = section,
            Size = code.Code.Length * EbpfInstruction.Size,
        };
        _symbols[source] = symbol;
        _object.Functions.Add(new EbpfFunction(symbol, code.Code)
        {
            Origins = new FunctionOrigins([.. code.Lines.Select(static line => (line.Slot, line.Location))], code.Stack, code.StackSize),
        });
    }

    /// <summary>String literals and other unnamed character data may be kept apart from named constants.</summary>
    private static bool IsLiteral(GlobalVariable variable)
        => variable is { DebugType: null, IsConstant: true, Linkage: Linkage.Internal, Alignment: <= 1, Relocations.Count: 0, InitialBytes: { Length: > 0 } bytes }
            && bytes.Length == variable.Size && Array.IndexOf(bytes, (byte)0) == bytes.Length - 1;

    private static string SectionName(GlobalVariable variable)
    {
        if (variable.Section is { } named)
            return named;
        if (variable.IsConstant)
            return IsLiteral(variable) ? ".rodata.str1.1" : ".rodata";
        bool zero = variable.Relocations.Count == 0 && (variable.InitialBytes is null || Array.TrueForAll(variable.InitialBytes, value => value == 0));
        return zero ? ".bss" : ".data";
    }

    private void DefineVariable(GlobalVariable variable)
    {
        if (variable.IsDeclaration)
            return;
        string name = SectionName(variable);
        bool zeroed = name == ".bss" || name.StartsWith(".bss.", StringComparison.Ordinal);
        EbpfSectionKind kind = EbpfSection.KindOf(name, executable: false, writable: !variable.IsConstant && !name.StartsWith(".rodata", StringComparison.Ordinal), zeroed);
        if (Section(name, kind, variable.Location) is not { } section)
            return;
        if (!_contents.TryGetValue(section, out List<(GlobalVariable, long)>? contents))
        {
            _contents[section] = contents = [];
            section.Alignment = 1;
        }
        int alignment = Math.Max(variable.Alignment, 1);
        long offset = IntegerArithmetic.AlignUp(section.Size, alignment);
        section.Alignment = Math.Max(section.Alignment, alignment);
        section.Size = offset + variable.Size;
        if (!zeroed)
        {
            byte[] data = section.Data;
            Array.Resize(ref data, checked((int)section.Size));
            variable.InitialBytes?.AsSpan(0, (int)Math.Min(variable.InitialBytes.Length, variable.Size)).CopyTo(data.AsSpan((int)offset));
            section.Data = data;
        }
        contents.Add((variable, offset));
        var symbol = new EbpfSymbol(variable.Symbol)
        {
            Type = ElfSymbolType.Object, Binding = Binding(variable), Visibility = Visibility(variable), Section = section, Offset = offset, Size = variable.Size,
        };
        _symbols[variable] = symbol;
        // Literals are reached through their section; a name for each would only be noise.
        if (!IsLiteral(variable))
            _object.Symbols.Add(symbol);
    }

    private EbpfSymbol SymbolOf(GlobalValue value)
    {
        _referenced.Add(value);
        if (_symbols.TryGetValue(value, out EbpfSymbol? known))
            return known;
        return _symbols[value] = Foreign(value.Symbol, value.Linkage == Linkage.Weak);
    }

    private EbpfSymbol Foreign(string name, bool weak)
    {
        if (_foreign.TryGetValue(name, out EbpfSymbol? known))
            return known;
        var symbol = new EbpfSymbol(name) { Type = ElfSymbolType.None, Binding = weak ? ElfSymbolBinding.Weak : ElfSymbolBinding.Global };
        _foreign[name] = symbol;
        _object.Symbols.Add(symbol);
        return symbol;
    }

    private void Relocate(EmittedFunction code, EbpfFunction function)
    {
        foreach (CodeReference reference in code.References)
        {
            EbpfSymbol symbol = reference.Symbol is { } known ? SymbolOf(known) : Foreign(reference.Name, weak: false);
            function.Relocations.Add(new CodeRelocation(reference.Slot, reference.IsCall ? CodeRelocationKind.Call : CodeRelocationKind.Wide, symbol, reference.Addend));
        }
    }

    private void RelocateData(GlobalVariable variable)
    {
        if (variable.Relocations.Count == 0 || !_symbols.TryGetValue(variable, out EbpfSymbol? place) || place.Section is not { } section)
            return;
        foreach (InitializerRelocation relocation in variable.Relocations)
            section.Relocations.Add(new DataRelocation(place.Offset + relocation.Offset, BpfRelocationType.Abs64, SymbolOf(relocation.Target), relocation.Addend));
    }
}
