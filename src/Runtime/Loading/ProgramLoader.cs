// From an object file to programs that can be verified: makes the maps, copies every subprogram a program reaches behind it,
// resolves references, applies CO-RE relocations. Follows libbpf's rules, so that an object that loads there loads here and
// the other way round; a program that cannot be loaded does not keep the others from it.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Loading;

/// <summary>Loads objects.</summary>
public sealed partial class ProgramLoader
{
    /// <summary>Instructions of one program, subprograms included (the kernel's BPF_COMPLEXITY_LIMIT_INSNS).</summary>
    private const int MaxInstructions = 1_000_000;

    private readonly EbpfObject _object;
    private readonly LoadOptions _options;
    private readonly DiagnosticBag _diagnostics;
    private readonly List<IMap> _maps = [];
    private readonly List<IMap> _owned = [];
    private readonly Dictionary<(EbpfSection, long), int> _mapAt = [];
    private readonly Dictionary<EbpfSection, int> _dataMaps = [];
    private readonly Dictionary<string, ResolvedExtern> _externs = [];
    private readonly Dictionary<EbpfFunction, RelocatedFunction> _relocated = [];
    private readonly Dictionary<uint, string> _strings = [];
    private BtfReader? _kernelTypes;
    private CoreRelocator? _core;

    private ProgramLoader(EbpfObject source, LoadOptions options, DiagnosticBag diagnostics) => (_object, _options, _diagnostics) = (source, options, diagnostics);

    /// <summary>
    /// Loads all programs of an object. Null when a map cannot be made; programs that cannot be loaded are in
    /// <see cref="LoadedObject.Failures"/>, whose diagnostics are for the caller to report.
    /// </summary>
    public static LoadedObject? Load(EbpfObject source, LoadOptions options, DiagnosticBag diagnostics)
    {
        var loader = new ProgramLoader(source, options, diagnostics);
        LoadedObject? loaded = null;
        try
        {
            return loaded = loader.Load();
        }
        finally
        {
            if (loaded is null)
            {
                foreach (IMap map in loader._owned)
                    map.Dispose();
            }
        }
    }

    /// <summary>Instructions without an object around them, called as <c>u64 prog(void *mem, u64 len)</c>.</summary>
    public static LoadedProgram LoadRaw(string name, EbpfInstruction[] instructions) => new()
    {
        Name = name, ProgramType = (int)ProgramType.Unspec, Instructions = instructions, License = "GPL",
        Subprograms = [new Subprogram(name, 0, IsGlobal: true, BtfTypeId: 0)],
    };

    private LoadedObject? Load()
    {
        if (!MakeMaps() || !ResolveExterns())
            return null;
        var programs = new List<LoadedProgram>();
        var failures = new List<FailedProgram>();
        var bySymbol = new Dictionary<EbpfSymbol, LoadedProgram>();
        bool onlyText = _object.Functions.Count == 1;
        foreach (EbpfFunction function in _object.Functions)
        {
            if (!function.IsProgram && !(onlyText && function.Section.Name == ".text"))
                continue;
            try
            {
                LoadedProgram program = LoadProgram(function);
                programs.Add(program);
                bySymbol[function.Symbol] = program;
            }
            catch (LoadFailure failure)
            {
                failures.Add(new FailedProgram(function.Name, function.Section.Name, failure.Reason));
            }
        }
        if (programs.Count == 0 && failures.Count == 0)
            _diagnostics.Add(LoaderDiagnostics.NoPrograms.About(_options.Subject));
        return new LoadedObject(programs, failures, _maps, _owned, FillSlots(bySymbol), _object.Btf);
    }

    /// <summary>Ends the loading of one program.</summary>
    private sealed class LoadFailure(Diagnostic reason) : Exception
    {
        public Diagnostic Reason { get; } = reason;
    }

    private LoadFailure Fail(DiagnosticDescriptor descriptor, params ReadOnlySpan<object?> arguments) => new(descriptor.About(_options.Subject, arguments));

    private BtfReader KernelTypes(string program)
        => _kernelTypes ??= _options.KernelTypes() ?? throw Fail(LoaderDiagnostics.NoKernelTypes, program, "the running kernel offers none");

    private LoadedProgram LoadProgram(EbpfFunction entry)
    {
        string section = entry.Section.Name;
        HostProgramType? host = _options.HostTypes.FirstOrDefault(type => type.Matches(section));
        SectionRow? found = host is null ? ProgramTypeTable.FindSection(section) : new SectionRow(section, ProgramType.Host, null, SectionFlags.None);
        if (found is null && _options.TakesUntypedPrograms && section == ".text")
            found = new SectionRow(section, ProgramType.Unspec, null, SectionFlags.None);
        if (found is null && _options.OtherwiseType is { } otherwise)
            found = new SectionRow(section, otherwise, null, SectionFlags.None);
        if (found is not { } row)
            throw Fail(LoaderDiagnostics.UnknownSection, entry.Name, section);

        // Depth first, each function where it is first called: the order libbpf gives them.
        var functions = new List<EbpfFunction>();
        var starts = new Dictionary<EbpfFunction, int>();
        int length = 0;
        Append(entry);

        var instructions = new EbpfInstruction[length];
        var subprograms = new List<Subprogram>(functions.Count);
        var lines = new List<LineRecord>();
        foreach (EbpfFunction function in functions)
        {
            int start = starts[function];
            Relocate(entry, function).Instructions.CopyTo(instructions, start);
            foreach (EbpfLine line in function.Lines)
                lines.Add(new LineRecord(start + line.Slot, Text(line.FileName), Text(line.LineText), line.Line, line.Column));
            // A global function that the file hides is static for the kernel, as libbpf has it.
            bool isGlobal = function.Symbol.Binding != ElfSymbolBinding.Local && function.Symbol.Visibility is not (ElfSymbolVisibility.Hidden or ElfSymbolVisibility.Internal);
            subprograms.Add(new Subprogram(function.Name, start, isGlobal, function.TypeId));
        }
        foreach (EbpfFunction function in functions)
        {
            foreach ((int slot, EbpfFunction target) in Relocate(entry, function).Calls)
            {
                int from = starts[function] + slot;
                instructions[from] = instructions[from].WithImmediate(starts[target] - from - 1);
            }
        }
        (int attach, int attachId) = row.Type == ProgramType.StructOps ? OperationOf(entry) : AttachPoint(entry, row);
        return new LoadedProgram
        {
            Name = entry.Name, Section = section, ProgramType = (int)row.Type, HostType = host, ExpectedAttachType = attach, AttachBtfId = attachId,
            Flags = _options.ProgramFlags | ((row.Flags & SectionFlags.Sleepable) != 0 ? 1u << 4 : 0) | ((row.Flags & SectionFlags.XdpFragments) != 0 ? 1u << 5 : 0),
            Instructions = instructions, Subprograms = subprograms, Maps = _maps, Lines = lines, License = _object.License,
            Btf = _object.Btf, KernelBtf = _kernelTypes, KernelTypes = _options.KernelTypes,
        };

        void Append(EbpfFunction function)
        {
            starts.Add(function, length);
            functions.Add(function);
            length += function.Instructions.Length;
            if (length > MaxInstructions)
                throw Fail(LoaderDiagnostics.TooLarge, entry.Name, MaxInstructions);
            foreach ((_, EbpfFunction target) in Relocate(entry, function).Calls)
            {
                if (!starts.ContainsKey(target))
                    Append(target);
            }
        }
    }

    private string Text(uint offset)
    {
        if (!_strings.TryGetValue(offset, out string? text))
            _strings[offset] = text = _object.GetString(offset);
        return text;
    }

    /// <summary>Attach type and BTF id of what the section name says.</summary>
    private (int Attach, int BtfId) AttachPoint(EbpfFunction entry, SectionRow row)
    {
        int attach = row.Attach is { } type ? (int)type : 0;
        string section = entry.Section.Name.TrimStart('?');
        int slash = section.IndexOf('/');
        if ((row.Flags & SectionFlags.AttachBtf) == 0 || slash < 0)
            return (attach, 0);
        string target = section[(slash + 1)..];
        BtfReader kernel = KernelTypes(entry.Name);
        int id = row.Attach switch
        {
            AttachType.TraceRawTp => kernel.Find("btf_trace_" + target, BtfKind.Typedef),
            AttachType.LsmMac or AttachType.LsmCgroup => kernel.Find("bpf_lsm_" + target, BtfKind.Function),
            AttachType.TraceIter => kernel.Find("bpf_iter_" + target, BtfKind.Function),
            _ => kernel.Find(target, BtfKind.Function),
        };
        return (attach, id);
    }
}
