// What descriptors stand for: maps, programs, links. Each counts who holds it (descriptors, programs that use a map, links that hold
// a program, slots of maps); at zero it goes, and what it held with it.
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Syscall;

/// <summary>What a descriptor stands for.</summary>
public enum BpfObjectKind { Map, Program, Link }

/// <summary>What the kernel tells of an object (BPF_OBJ_GET_INFO_BY_FD).</summary>
/// <param name="Kind">Map, program or link.</param>
/// <param name="Id">Unique among objects of the kind.</param>
/// <param name="Type">Map or program type number; of links the attach type.</param>
/// <param name="Name">As given when it was made.</param>
public sealed record BpfObjectInfo(BpfObjectKind Kind, int Id, int Type, string Name)
{
    /// <summary>Of maps.</summary>
    public MapDefinition? Map { get; init; }

    /// <summary>Of programs: ids of the maps it uses. Of links: the program's id.</summary>
    public IReadOnlyList<int> Uses { get; init; } = [];
}

internal abstract class BpfObject(BpfObjectKind kind, int id)
{
    public BpfObjectKind Kind { get; } = kind;

    public int Id { get; } = id;

    /// <summary>Guarded by the system's lock.</summary>
    public int References { get; set; }

    public abstract BpfObjectInfo Info { get; }
}

internal sealed class BpfMap(int id, Map target, BpfMap? inner) : BpfObject(BpfObjectKind.Map, id)
{
    public Map Target { get; } = target;

    /// <summary>The pattern of inner maps; held.</summary>
    public BpfMap? Inner { get; } = inner;

    /// <summary>Of maps of maps and program arrays: what their slots hold, by the key's bytes.</summary>
    public Dictionary<string, BpfObject> Slots { get; } = [];

    /// <summary>Of program arrays: the type of program they took first; all others must be of it.</summary>
    public int? ProgramType { get; set; }

    public override BpfObjectInfo Info => new(Kind, Id, Target.Definition.Type, Target.Definition.Name) { Map = Target.Definition };
}

internal sealed class BpfProgram(int id, LoadedProgram program, IExecutable executable, IReadOnlyList<BpfMap> maps) : BpfObject(BpfObjectKind.Program, id)
{
    public LoadedProgram Program { get; } = program;

    public IExecutable Executable { get; } = executable;

    public IReadOnlyList<BpfMap> Maps { get; } = maps;

    public override BpfObjectInfo Info => new(Kind, Id, Program.ProgramType, Program.Name) { Uses = [.. Maps.Select(map => map.Id)] };
}

internal sealed class BpfLink(int id, string hook, int attachType, BpfProgram program) : BpfObject(BpfObjectKind.Link, id)
{
    public string Hook { get; } = hook;

    public int AttachType { get; } = attachType;

    public BpfProgram? Program { get; set; } = program;

    public override BpfObjectInfo Info => new(Kind, Id, AttachType, Hook) { Uses = Program is null ? [] : [Program.Id] };
}
