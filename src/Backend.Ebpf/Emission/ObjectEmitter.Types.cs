// The object's .BTF and .BTF.ext: functions, variables and data sections, lines, CO-RE relocations.
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Emission;

public sealed partial class ObjectEmitter
{
    private const string MapsSection = ".maps";

    private void AddTypes(List<EmittedFunction> compiled)
    {
        AnnounceTypes(compiled);
        foreach (GlobalVariable variable in _module.Globals)
        {
            if (variable is { Section: MapsSection, IsDeclaration: false, DebugType: not null })
                _btf.IdOf(variable.DebugType);
        }
        for (int i = 0; i < compiled.Count; i++)
        {
            Function source = compiled[i].Source;
            BtfLinkage linkage = source.Linkage == Linkage.Internal ? BtfLinkage.Static : BtfLinkage.Global;
            EbpfFunction function = _object.Functions[i];
            function.TypeId = _btf.AddFunction(source.Symbol, source.DebugType, linkage, source.DeclTags);
            AddLines(compiled[i], function);
            AddCoreRelocations(compiled[i], function);
        }
        foreach (Ir.Debug.DebugType type in _module.RetainedTypes)
            _btf.IdOf(type);
        AddDataSections();
        _object.BtfBuilder = _btfBuilder;
    }

    private void AnnounceTypes(List<EmittedFunction> compiled)
    {
        foreach (GlobalVariable variable in _module.Globals)
        {
            if (!variable.IsDeclaration || _referenced.Contains(variable))
                _btf.Announce(variable.DebugType, variable.Section == MapsSection);
        }
        foreach (Function function in _module.Functions)
        {
            if (!function.IsDeclaration || _referenced.Contains(function))
                _btf.Announce(function.DebugType);
        }
        foreach (EmittedFunction code in compiled)
        {
            foreach (CodeCoreRelocation relocation in code.CoreRelocations)
                _btf.Announce(relocation.Relocation.Root);
        }
        foreach (Ir.Debug.DebugType type in _module.RetainedTypes)
            _btf.Announce(type);
    }

    /// <summary>One DATASEC for each section with described variables, and for the sections that external symbols name.</summary>
    private void AddDataSections()
    {
        var sections = new SortedDictionary<string, (uint Size, List<BtfSectionEntry> Entries)>(StringComparer.Ordinal);
        foreach (EbpfSection section in _object.Sections)
        {
            if (!_contents.TryGetValue(section, out List<(GlobalVariable Variable, long Offset)>? contents))
                continue;
            foreach ((GlobalVariable variable, long offset) in contents)
            {
                if (variable.DebugType is null)
                    continue;
                BtfLinkage linkage = variable.Linkage == Linkage.Internal ? BtfLinkage.Static : BtfLinkage.Global;
                Entries(section.Name, (uint)section.Size).Add(new BtfSectionEntry(_btf.AddVariable(variable, linkage), (uint)offset, (uint)variable.Size));
            }
        }
        foreach (GlobalVariable variable in _module.Globals)
        {
            if (!variable.IsDeclaration || variable.DebugType is null || !_referenced.Contains(variable))
                continue;
            int id = _btf.AddVariable(variable, BtfLinkage.Extern);
            if (variable.Section is { } name)
                Entries(name, 0).Add(new BtfSectionEntry(id, 0, (uint)variable.Size));
        }
        foreach (Function function in _module.Functions)
        {
            if (!function.IsDeclaration || function.DebugType is null || !_referenced.Contains(function))
                continue;
            int id = _btf.AddFunction(function.Symbol, function.DebugType, BtfLinkage.Extern, function.DeclTags);
            if (function.Section is { } name)
                Entries(name, 0).Add(new BtfSectionEntry(id, 0, 0));
        }
        foreach ((string name, (uint size, List<BtfSectionEntry> entries)) in sections)
            _btfBuilder.AddDataSection(name, size, [.. entries]);

        List<BtfSectionEntry> Entries(string name, uint size)
        {
            if (!sections.TryGetValue(name, out (uint Size, List<BtfSectionEntry> Entries) known))
                sections[name] = known = (size, []);
            return known.Entries;
        }
    }

    /// <summary>
    /// Line records: one where the line or column changes. The kernel wants one at each function's first instruction, none
    /// in the middle of a wide load, and rising offsets.
    /// </summary>
    private void AddLines(EmittedFunction code, EbpfFunction function)
    {
        if (!_options.DebugInfo)
            return;
        EbpfLine? last = null;
        FilePosition? start = _module.SourceMap.GetFilePosition(code.Source.Location);
        if (start is null && code.Lines.Count > 0)
            start = _module.SourceMap.GetFilePosition(code.Lines[0].Location);
        if (start is null)
            return;
        if (code.Lines.Count == 0 || code.Lines[0].Slot > 0)
            Add(0, start.Value);
        foreach (CodeLine line in code.Lines)
        {
            if (_module.SourceMap.GetFilePosition(line.Location) is { } position)
                Add(line.Slot, position);
            else if (line.Slot == 0)
                Add(0, start.Value);
        }

        void Add(int slot, FilePosition position)
        {
            if (slot >= code.Code.Length)
                return;
            var record = new EbpfLine(slot, _btfBuilder.AddString(position.File.Path), _btfBuilder.AddString(LineText(position)), position.Line, Math.Min(position.Column, 1023));
            if (last is { } known && (known with { Slot = slot } == record))
                return;
            if (last is { } previous && previous.Slot == slot)
                function.Lines[^1] = record;
            else
                function.Lines.Add(record);
            last = record;
        }
    }

    private static string LineText(FilePosition position) => position.File.GetLine(position.Line - 1).ToString();

    private void AddCoreRelocations(EmittedFunction code, EbpfFunction function)
    {
        foreach (CodeCoreRelocation item in code.CoreRelocations)
        {
            int type = _btf.IdOf(item.Relocation.Root);
            function.CoreRelocations.Add(new CoreRelocation(item.Slot, type, _btfBuilder.AddString(item.Relocation.AccessPath), (Ebpfcc.Ebpf.Btf.CoreRelocationKind)item.Relocation.Kind));
            if (item.Relocation.Kind == Ir.CoreRelocationKind.TypeIdLocal)
                function.Instructions[item.Slot] = function.Instructions[item.Slot].WithImmediate(type);
        }
    }
}
