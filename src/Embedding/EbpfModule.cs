// A loaded object: its programs, ready to run, and its maps.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Embedding;

/// <summary>The programs and maps of one object.</summary>
public sealed class EbpfModule : IDisposable
{
    private readonly Vm _vm;
    private readonly CodeGroup _code;
    private readonly Dictionary<string, Program> _programs = [];
    private readonly Dictionary<string, Map> _maps = [];
    private int _disposed;

    internal EbpfModule(Vm vm, string name, LoadedObject loaded)
    {
        (_vm, Name) = (vm, name);
        var executables = new Dictionary<LoadedProgram, IExecutable>();
        try
        {
            foreach (LoadedProgram program in loaded.Programs)
                executables.Add(program, vm.Prepare(program));
        }
        catch
        {
            foreach (IExecutable executable in executables.Values)
                executable.Dispose();
            throw;
        }
        _code = new CodeGroup(vm, [.. executables.Values], loaded.Maps);
        foreach ((LoadedProgram program, IExecutable executable) in executables)
            _programs[program.Name] = new Program(vm, program, new ProgramCode(executable, _code));
        foreach (ProgramSlot slot in loaded.ProgramSlots)
            slot.Map.Set(slot.Index, executables[slot.Program]);
        foreach (IMap map in loaded.Maps)
            _maps[map.Definition.Name] = new Map(map);
    }

    /// <summary>Its name in messages.</summary>
    public string Name { get; }

    /// <summary>In no particular order.</summary>
    public IReadOnlyCollection<Program> Programs => _programs.Values;

    /// <summary>Declared maps and, under their section's name, global data.</summary>
    public IReadOnlyCollection<Map> Maps => _maps.Values;

    /// <summary>The program with this function name, or with this section name when there is only one of it.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public Program Program(string name)
    {
        if (_programs.TryGetValue(name, out Program? found))
            return found;
        Program[] inSection = [.. _programs.Values.Where(program => program.Section == name)];
        return inSection.Length == 1 ? inSection[0]
            : throw new KeyNotFoundException($"{Name} has no program '{name}'; it has: {string.Join(", ", _programs.Keys)}");
    }

    /// <summary>A map as bytes.</summary>
    /// <exception cref="KeyNotFoundException">There is none of this name.</exception>
    public Map Map(string name)
        => _maps.TryGetValue(name, out Map? found) ? found : throw new KeyNotFoundException($"{Name} has no map '{name}'; it has: {string.Join(", ", _maps.Keys)}");

    /// <summary>A map with typed keys and values.</summary>
    /// <exception cref="KeyNotFoundException">There is none of this name.</exception>
    /// <exception cref="ArgumentException">The types have other sizes than the map's keys and values.</exception>
    public Map<TKey, TValue> Map<TKey, TValue>(string name)
        where TKey : unmanaged
        where TValue : unmanaged
        => new(Map(name));

    /// <summary>A ring buffer.</summary>
    /// <exception cref="KeyNotFoundException">There is none of this name.</exception>
    /// <exception cref="ArgumentException">The map is no ring buffer.</exception>
    public RingBuffer RingBuffer(string name) => new(Map(name));

    /// <summary>
    /// Puts the programs of another module into the places of this one's: calls of <see cref="Embedding.Program.Run(ReadOnlySpan{byte})"/>
    /// that begin afterwards run the new code, those that have begun end with the old. Programs go by name; the maps stay where the new
    /// module was loaded with them (<see cref="ModuleOptions.Maps"/>).
    /// </summary>
    /// <exception cref="ArgumentException">A program has no counterpart of its type in the other module.</exception>
    public void ReplaceBy(EbpfModule newer)
    {
        ArgumentNullException.ThrowIfNull(newer);
        var pairs = new List<(Program, Program)>();
        foreach (Program program in _programs.Values)
        {
            if (!newer._programs.TryGetValue(program.Name, out Program? successor) || !program.CanBecome(successor))
                throw new ArgumentException($"{newer.Name} has no program '{program.Name}' of the same type", nameof(newer));
            pairs.Add((program, successor));
        }
        foreach ((Program program, Program successor) in pairs)
            program.ReplaceBy(successor);
    }

    /// <summary>Waits for runs that are going on, then frees code; maps that no other module uses go with their last reference.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        foreach (Program program in _programs.Values)
            program.Retire();
        _vm.Gate.WaitForRuns();
        foreach (Program program in _programs.Values)
            program.Free();
        _code.Release();
        _vm.Forget(this);
    }
}
