// Maps of an object: the declared ones, one for each section of global data, one for the kernel's configuration.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Maps;
using MapDefinition = Ebpfcc.Runtime.Maps.MapDefinition;
using ObjectMap = Ebpfcc.Ebpf.Object.MapDefinition;

namespace Ebpfcc.Runtime.Loading;

public sealed partial class ProgramLoader
{
    private bool MakeMaps()
    {
        foreach (ObjectMap declared in _object.Maps)
        {
            if (Add(Define(declared)) is not { } map)
                return false;
            if (declared.Section is not null)
                _mapAt[(declared.Section, declared.Offset)] = _maps.Count - 1;
        }
        foreach (EbpfSection section in _object.Sections)
        {
            if (section.Kind is not (EbpfSectionKind.Data or EbpfSectionKind.ReadOnlyData or EbpfSectionKind.ZeroData) || section.Size == 0)
                continue;
            bool isConstant = section.Kind == EbpfSectionKind.ReadOnlyData;
            if (Add(DataDefinition(section.Name, (int)section.Size, isConstant)) is not { } map)
                return false;
            _dataMaps[section] = _maps.Count - 1;
            if (section.Data.Length > 0)
                section.Data.CopyTo(((ArrayMap)map).Values);
            if (isConstant)
                ((Map)map).Freeze();
        }
        return FillInnerMaps();
    }

    private MapDefinition DataDefinition(string name, int size, bool isConstant)
    {
        int types = _object.Btf?.Find(name, BtfKind.DataSection) ?? 0;
        return new MapDefinition(name, (int)MapType.Array, 4, size, 1, (uint)MapFlags.Mappable | (isConstant ? (uint)MapFlags.ReadOnlyProgram : 0))
        {
            IsGlobalData = true, IsFrozen = isConstant, Btf = _object.Btf, BtfValueTypeId = types, SpecialFields = SpecialFields.Find(_object.Btf, types),
        };
    }

    private MapDefinition Define(ObjectMap map)
    {
        int entries = (int)Math.Min(map.MaxEntries, int.MaxValue);
        if (map.Type == MapType.PerfEventArray && entries == 0)
            entries = _options.Environment.CpuCount;
        // libbpf rounds ring buffers up to what the kernel takes.
        if (map.Type is MapType.RingBuffer or MapType.UserRingBuffer && entries > 0)
            entries = (int)Math.Min(System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(entries, 4096)), 1u << 30);
        return new MapDefinition(map.Name, (int)map.Type, (int)Math.Min(map.KeySize, int.MaxValue), (int)Math.Min(map.ValueSize, int.MaxValue), entries, (uint)map.Flags)
        {
            Inner = map.Inner is null ? null : Define(map.Inner), MapExtra = map.Extra, IsPinned = map.PinByName,
            Btf = _object.Btf, BtfKeyTypeId = map.KeyTypeId, BtfValueTypeId = map.ValueTypeId,
            SpecialFields = SpecialFields.Find(_object.Btf, map.ValueTypeId), SpinLockOffset = SpecialFields.FindSpinLock(_object.Btf, map.ValueTypeId),
        };
    }

    /// <summary>Makes a map or takes the one that exists under its name; null after a reported error.</summary>
    private IMap? Add(MapDefinition definition)
    {
        if (_options.ExistingMaps.TryGetValue(definition.Name, out IMap? existing))
        {
            if (existing.Definition.Type != definition.Type || existing.Definition.KeySize != definition.KeySize || existing.Definition.ValueSize != definition.ValueSize)
            {
                _diagnostics.Add(LoaderDiagnostics.MapRefused.About(_options.Subject, definition.Name, "an existing map of this name has another shape", nameof(Errno.EINVAL)));
                return null;
            }
            _maps.Add(existing);
            return existing;
        }
        if (MapFactory.WhyRefused(definition) is { } refusal)
        {
            if (_options.DescribeUnimplementedMaps && (definition.MaxEntries == 0 || !MapFactory.IsImplemented((MapType)definition.Type)))
            {
                var described = new DescribedMap(definition);
                _maps.Add(described);
                return described;
            }
            _diagnostics.Add(LoaderDiagnostics.MapRefused.About(_options.Subject, definition.Name, refusal.Reason, Errno.Name(refusal.Errno)));
            return null;
        }
        Map map;
        try
        {
            map = MapFactory.Create(definition, _options.Environment.Allocator, _options.Environment.CpuCount);
        }
        catch (OutOfMemoryException)
        {
            _diagnostics.Add(LoaderDiagnostics.MapRefused.About(_options.Subject, definition.Name, "there is not enough memory", nameof(Errno.ENOMEM)));
            return null;
        }
        _maps.Add(map);
        _owned.Add(map);
        return map;
    }

    /// <summary>Puts the maps that the object names into its maps of maps.</summary>
    private bool FillInnerMaps()
    {
        for (int i = 0; i < _object.Maps.Count; i++)
        {
            foreach (MapInitialValue value in _object.Maps[i].Values)
            {
                if (value.Symbol.Section is null || !_mapAt.TryGetValue((value.Symbol.Section, value.Symbol.Offset), out int inner))
                    continue;
                if (_maps[i] is ArrayOfMaps array)
                    array.Set((uint)value.Index, _maps[inner]);
                else if (_maps[i] is HashOfMaps table && _maps[inner] is Map map)
                    table.Set(BitConverter.GetBytes(value.Index), map);
            }
        }
        return true;
    }

    private List<ProgramSlot> FillSlots(Dictionary<EbpfSymbol, LoadedProgram> programs)
    {
        var slots = new List<ProgramSlot>();
        for (int i = 0; i < _object.Maps.Count; i++)
        {
            foreach (MapInitialValue value in _object.Maps[i].Values)
            {
                if (_maps[i] is ProgramArrayMap array && programs.TryGetValue(value.Symbol, out LoadedProgram? program))
                    slots.Add(new ProgramSlot(array, (uint)value.Index, program));
            }
        }
        return slots;
    }
}
