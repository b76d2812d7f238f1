// The objects of a kernel's eBPF subsystem behind descriptors, in the shape of bpf(2): every operation returns a descriptor, a count or
// zero, or a negative errno of the kernel's, with a message in words. Beside the object-oriented interface, over the same classes.
using System.Diagnostics.CodeAnalysis;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Syscall;

/// <summary>One such subsystem. Thread-safe.</summary>
public sealed partial class BpfSystem : IDisposable
{
    /// <summary>Descriptors of one system (RLIMIT_NOFILE of a usual process).</summary>
    private const int MaxDescriptors = 1 << 16, FirstDescriptor = 3;

    [ThreadStatic]
    private static string? t_message;

    private readonly Lock _lock = new();
    private readonly List<BpfObject?> _descriptors = [];
    private readonly Dictionary<string, BpfObject> _pins = [];
    private readonly Dictionary<(BpfObjectKind, int), BpfObject> _byId = [];
    private readonly Dictionary<string, List<BpfLink>> _hooks = [];
    private readonly IExecutionEngine _engine;
    private readonly int[] _nextId = new int[3];

    /// <param name="engine">Runs the programs; the interpreter when null.</param>
    /// <param name="environment">Clock, helpers, memory; defaults when null.</param>
    public BpfSystem(IExecutionEngine? engine = null, ExecutionEnvironment? environment = null)
        => (_engine, Environment) = (engine ?? new Interpreter(), environment ?? new ExecutionEnvironment());

    public ExecutionEnvironment Environment { get; }

    /// <summary>The kernel whose verifier's rules apply.</summary>
    public Verification.KernelVersion Kernel { get; init; } = Verification.KernelVersion.V6_18;

    /// <summary>The message of the last operation on this thread that failed.</summary>
    public static string LastMessage => t_message ?? "";

    private static int Fail(int errno, string message)
    {
        t_message = message;
        return -errno;
    }

    /// <summary>Closes a descriptor; what nobody holds any more goes.</summary>
    public int Close(int descriptor)
    {
        lock (_lock)
        {
            if (Find(descriptor) is not { } found)
                return Fail(Errno.EBADF, $"{descriptor} is no descriptor");
            _descriptors[descriptor - FirstDescriptor] = null;
            Release(found);
            return 0;
        }
    }

    /// <summary>A second descriptor of the same object.</summary>
    public int Duplicate(int descriptor)
    {
        lock (_lock)
            return Find(descriptor) is { } found ? Open(found) : Fail(Errno.EBADF, $"{descriptor} is no descriptor");
    }

    /// <summary>Descriptors that are open.</summary>
    public int DescriptorCount
    {
        get
        {
            lock (_lock)
                return _descriptors.Count(entry => entry is not null);
        }
    }

    /// <summary>Objects that live, of all kinds.</summary>
    public int ObjectCount
    {
        get
        {
            lock (_lock)
                return _byId.Count;
        }
    }

    /// <summary>BPF_OBJ_GET_INFO_BY_FD.</summary>
    public int GetInfo(int descriptor, [NotNull] out BpfObjectInfo? info)
    {
        lock (_lock)
        {
            BpfObject? found = Find(descriptor);
            info = found?.Info ?? new BpfObjectInfo(BpfObjectKind.Map, 0, 0, "");
            return found is null ? Fail(Errno.EBADF, $"{descriptor} is no descriptor") : 0;
        }
    }

    /// <summary>BPF_*_GET_FD_BY_ID.</summary>
    public int OpenById(BpfObjectKind kind, int id)
    {
        lock (_lock)
            return _byId.TryGetValue((kind, id), out BpfObject? found) ? Open(found) : Fail(Errno.ENOENT, $"no {kind} has the id {id}");
    }

    /// <summary>BPF_*_GET_NEXT_ID: the smallest id above one, or -ENOENT.</summary>
    public int NextId(BpfObjectKind kind, int id)
    {
        lock (_lock)
        {
            int next = int.MaxValue;
            foreach ((BpfObjectKind other, int candidate) in _byId.Keys)
            {
                if (other == kind && candidate > id)
                    next = Math.Min(next, candidate);
            }
            return next < int.MaxValue ? next : Fail(Errno.ENOENT, $"no {kind} has an id above {id}");
        }
    }

    /// <summary>BPF_OBJ_PIN: the object stays until it is unpinned.</summary>
    public int Pin(int descriptor, string path)
    {
        lock (_lock)
        {
            if (Find(descriptor) is not { } found)
                return Fail(Errno.EBADF, $"{descriptor} is no descriptor");
            if (!_pins.TryAdd(path, found))
                return Fail(Errno.EEXIST, $"'{path}' exists");
            found.References++;
            return 0;
        }
    }

    /// <summary>BPF_OBJ_GET.</summary>
    public int OpenPinned(string path)
    {
        lock (_lock)
            return _pins.TryGetValue(path, out BpfObject? found) ? Open(found) : Fail(Errno.ENOENT, $"'{path}' does not exist");
    }

    /// <summary>Removes a pin.</summary>
    public int Unpin(string path)
    {
        lock (_lock)
        {
            if (!_pins.Remove(path, out BpfObject? found))
                return Fail(Errno.ENOENT, $"'{path}' does not exist");
            Release(found);
            return 0;
        }
    }

    /// <summary>The map behind a descriptor, for direct use; null when it is none.</summary>
    public IMap? MapOf(int descriptor)
    {
        lock (_lock)
            return (Find(descriptor) as BpfMap)?.Target;
    }

    private BpfObject? Find(int descriptor)
    {
        int index = descriptor - FirstDescriptor;
        return (uint)index < (uint)_descriptors.Count ? _descriptors[index] : null;
    }

    private int NewId(BpfObjectKind kind) => ++_nextId[(int)kind];

    /// <summary>A descriptor for an object; takes a reference.</summary>
    private int Open(BpfObject target)
    {
        int index = _descriptors.IndexOf(null);
        if (index < 0)
        {
            if (_descriptors.Count == MaxDescriptors)
                return Fail(Errno.EMFILE, $"{MaxDescriptors} descriptors are open");
            index = _descriptors.Count;
            _descriptors.Add(null);
        }
        _descriptors[index] = target;
        target.References++;
        _byId[(target.Kind, target.Id)] = target;
        return index + FirstDescriptor;
    }

    private void Release(BpfObject target)
    {
        if (--target.References > 0)
            return;
        _byId.Remove((target.Kind, target.Id));
        switch (target)
        {
            case BpfMap map:
                foreach (BpfObject held in map.Slots.Values)
                    Release(held);
                map.Slots.Clear();
                if (map.Inner is { } inner)
                    Release(inner);
                // Operations of other threads may be under way: the memory goes with the last reference to the map.
                map.Target.Retire();
                break;
            case BpfProgram program:
                // So may runs: the code goes with the last reference to the executable.
                foreach (BpfMap map in program.Maps)
                    Release(map);
                break;
            case BpfLink link:
                if (_hooks.TryGetValue(link.Hook, out List<BpfLink>? links))
                    links.Remove(link);
                if (link.Program is { } held2)
                    Release(held2);
                break;
        }
    }

    /// <summary>Closes everything.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (string path in _pins.Keys.ToArray())
                Unpin(path);
            for (int i = 0; i < _descriptors.Count; i++)
            {
                if (_descriptors[i] is not null)
                    Close(i + FirstDescriptor);
            }
        }
    }
}
