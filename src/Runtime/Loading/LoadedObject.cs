// The result of loading an object: its programs, ready to be verified, and its live maps.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Loading;

/// <summary>A slot of a program array that the object fills.</summary>
public readonly record struct ProgramSlot(ProgramArrayMap Map, uint Index, LoadedProgram Program);

/// <summary>A program that could not be loaded, and why. The object's other programs are not affected.</summary>
public sealed record FailedProgram(string Name, string Section, Diagnostic Reason);

/// <summary>A loaded object. Owns the maps that were made for it.</summary>
public sealed class LoadedObject : IDisposable
{
    private readonly IReadOnlyList<IMap> _owned;

    internal LoadedObject(IReadOnlyList<LoadedProgram> programs, IReadOnlyList<FailedProgram> failures, IReadOnlyList<IMap> maps, IReadOnlyList<IMap> owned,
        IReadOnlyList<ProgramSlot> slots, BtfReader? btf)
        => (Programs, Failures, Maps, _owned, ProgramSlots, Btf) = (programs, failures, maps, owned, slots, btf);

    /// <summary>One program without an object around it.</summary>
    public static LoadedObject OfRaw(LoadedProgram program) => new([program], [], program.Maps, [], [], null);

    /// <summary>In the order of the object.</summary>
    public IReadOnlyList<LoadedProgram> Programs { get; }

    public IReadOnlyList<FailedProgram> Failures { get; }

    /// <summary>Declared maps, then global data; what map references in instructions index.</summary>
    public IReadOnlyList<IMap> Maps { get; }

    /// <summary>Tail call targets that the object declares; to be set once an engine has prepared the programs.</summary>
    public IReadOnlyList<ProgramSlot> ProgramSlots { get; }

    public BtfReader? Btf { get; }

    /// <summary>The program with this name, or with this section name when no program is called so; null when there is none.</summary>
    public LoadedProgram? FindProgram(string name)
        => Programs.FirstOrDefault(program => program.Name == name) ?? Programs.FirstOrDefault(program => program.Section == name);

    public IMap? FindMap(string name) => Maps.FirstOrDefault(map => map.Definition.Name == name);

    /// <summary>Maps that were made for this object.</summary>
    public IReadOnlyList<IMap> OwnedMaps => _owned;

    public void Dispose()
    {
        foreach (IMap map in _owned)
            map.Dispose();
    }
}
