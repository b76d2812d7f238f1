// The entries of a map as user space sees them.
namespace Ebpfcc.Runtime.Maps;

public static class MapEntries
{
    /// <summary>Keys and values in iteration order; queues have values only.</summary>
    public static unsafe List<(byte[] Key, byte[] Value)> Of(IMap map)
    {
        var entries = new List<(byte[], byte[])>();
        if (map is QueueMap queue)
        {
            foreach (byte[] value in queue.Snapshot())
                entries.Add(([], value));
            return entries;
        }
        byte[] next = new byte[Math.Max(map.Definition.KeySize, 1)];
        fixed (byte* key = next)
        {
            for (int result = map.GetNextKey(null, key); result == 0; result = map.GetNextKey(key, key))
            {
                byte[] value = new byte[map.UserValueSize];
                if (map.UserLookup(next.AsSpan(0, map.Definition.KeySize), value) == 0)
                    entries.Add((next[..map.Definition.KeySize], value));
            }
        }
        return entries;
    }
}
