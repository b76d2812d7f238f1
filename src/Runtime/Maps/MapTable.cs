// The process-wide table of live maps. A program holds a map as the address of its descriptor, whose first field is the
// map's index here: one load and one array access lead from the pointer to the object.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Runtime.Maps;

/// <summary>Live maps by id. Reading takes no lock.</summary>
public static unsafe class MapTable
{
    private static readonly Lock s_lock = new();
    private static readonly Stack<int> s_free = new();
    private static IMap?[] s_maps = new IMap?[64];
    private static int s_next = 1;

    internal static int Register(IMap map)
    {
        lock (s_lock)
        {
            if (!s_free.TryPop(out int id))
            {
                id = s_next++;
                if (id == s_maps.Length)
                {
                    var larger = new IMap?[s_maps.Length * 2];
                    s_maps.CopyTo(larger, 0);
                    Volatile.Write(ref s_maps, larger);
                }
            }
            s_maps[id] = map;
            return id;
        }
    }

    internal static void Unregister(int id)
    {
        lock (s_lock)
        {
            s_maps[id] = null;
            s_free.Push(id);
        }
    }

    /// <summary>The map with this id, or null when it is gone.</summary>
    public static IMap? Find(int id)
    {
        IMap?[] maps = Volatile.Read(ref s_maps);
        return (uint)id < (uint)maps.Length ? maps[id] : null;
    }

    /// <summary>The map behind a handle that a program passed; the handle is known to be one.</summary>
    public static IMap Get(ulong handle)
        => Find(((MapDescriptor*)handle)->Id) ?? throw new InternalCompilerException("MapTable", null, "a program holds a map that is disposed");

    /// <summary>The map with this handle inside one of the maps of maps, or null: checks a handle nobody vouches for.</summary>
    internal static IMap? FindInner(IReadOnlyList<IMap> maps, ulong handle)
    {
        foreach (IMap map in maps)
        {
            if (map is IMapOfMaps outer && outer.FindInner(handle) is { } inner)
                return inner;
        }
        return null;
    }
}

/// <summary>A map whose values are maps.</summary>
public interface IMapOfMaps
{
    /// <summary>The inner map with this handle, or null.</summary>
    IMap? FindInner(ulong handle);

    /// <summary>Is there an inner map like this?</summary>
    bool AnyInner(Func<IMap, bool> predicate);
}
