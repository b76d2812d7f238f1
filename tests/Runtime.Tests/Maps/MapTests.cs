// Maps against models and the kernel's error numbers.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Memory;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Maps;

public sealed unsafe class MapTests
{
    private static Map Create(MapType type, int key, int value, int entries, MapFlags flags = MapFlags.None)
        => MapFactory.Create(new MapDefinition("m", (int)type, key, value, entries, (uint)flags), GuestHeap.Shared, cpus: 4);

    private static byte[] U32(uint value) => BitConverter.GetBytes(value);

    private static byte[] U64(ulong value) => BitConverter.GetBytes(value);

    private static int Update(IMap map, byte[] key, byte[] value, UpdateMode mode = UpdateMode.Any)
    {
        fixed (byte* k = key)
        fixed (byte* v = value)
            return map.Update(k, v, mode);
    }

    private static int Delete(IMap map, byte[] key)
    {
        fixed (byte* k = key)
            return map.Delete(k);
    }

    private static ulong? Lookup(IMap map, byte[] key)
    {
        fixed (byte* k = key)
            return map.Lookup(k) is var found && found is not null ? *(ulong*)found : null;
    }

    private static List<byte[]> Keys(IMap map)
    {
        var keys = new List<byte[]>();
        byte[] next = new byte[map.Definition.KeySize];
        fixed (byte* n = next)
        {
            for (int result = map.GetNextKey(null, n); result == 0; result = map.GetNextKey(n, n))
            {
                keys.Add((byte[])next.Clone());
                Assert.True(keys.Count <= map.Definition.MaxEntries, "iteration does not end");
            }
        }
        return keys;
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(13)]
    [InlineData(16)]
    public void HashMapBehavesLikeADictionary(int keySize)
    {
        using Map map = Create(MapType.Hash, keySize, 8, 100);
        var model = new Dictionary<uint, ulong>();
        var random = new Random(keySize);
        byte[] Key(uint number) => [.. U32(number), .. new byte[keySize - 4]];
        for (int step = 0; step < 20_000; step++)
        {
            uint number = (uint)random.Next(150);
            switch (random.Next(4))
            {
                case 0:
                    Assert.Equal(model.Remove(number) ? 0 : -Errno.ENOENT, Delete(map, Key(number)));
                    break;
                case 1:
                    Assert.Equal(model.TryGetValue(number, out ulong value) ? value : null, Lookup(map, Key(number)));
                    break;
                default:
                    var mode = (UpdateMode)random.Next(3);
                    bool exists = model.ContainsKey(number);
                    int expected = exists && mode == UpdateMode.NoExist ? -Errno.EEXIST : !exists && mode == UpdateMode.Exist ? -Errno.ENOENT
                        : !exists && model.Count == 100 ? -Errno.E2BIG : 0;
                    Assert.Equal(expected, Update(map, Key(number), U64((ulong)step), mode));
                    if (expected == 0)
                        model[number] = (ulong)step;
                    break;
            }
        }
        Assert.Equal(model.Keys.Order(), Keys(map).Select(key => BitConverter.ToUInt32(key)).Order());
    }

    [Fact]
    public void HashMapIteratesInOrderOfInsertionAcrossUpdates()
    {
        using Map map = Create(MapType.Hash, 4, 8, 10);
        foreach (uint key in new uint[] { 7, 3, 9, 1 })
            Update(map, U32(key), U64(key));
        Update(map, U32(3), U64(33));
        Assert.Equal([7u, 3u, 9u, 1u], Keys(map).Select(key => BitConverter.ToUInt32(key)));
    }

    [Fact]
    public void AnUpdateLeavesTheValueThatAProgramHolds()
    {
        using Map map = Create(MapType.Hash, 4, 8, 10);
        Update(map, U32(1), U64(11));
        fixed (byte* key = U32(1))
        {
            ulong* held = (ulong*)map.Lookup(key);
            Update(map, U32(1), U64(22));
            Assert.Equal(11ul, *held);
            Assert.Equal(22ul, *(ulong*)map.Lookup(key));
        }
    }

    [Fact]
    public void HashMapSurvivesManyThreads()
    {
        using Map map = Create(MapType.Hash, 4, 8, 64);
        Parallel.For(0, 8, thread =>
        {
            var random = new Random(thread);
            for (int i = 0; i < 20_000; i++)
            {
                uint key = (uint)random.Next(48);
                int what = random.Next(3);
                if (what == 0)
                    Delete(map, U32(key));
                else if (what == 1)
                    Update(map, U32(key), U64(key * 0x100000001ul));
                else if (Lookup(map, U32(key)) is { } value)
                    Assert.True((uint)value == value >> 32, "a torn value");
            }
        });
        Assert.Equal(((HashMap)map).Count, Keys(map).Count);
        Assert.Equal(Keys(map).Count, Keys(map).Select(key => BitConverter.ToUInt32(key)).Distinct().Count());
    }

    [Theory]
    [InlineData(MapType.LruHash)]
    [InlineData(MapType.LruPerCpuHash)]
    public void LruMapEvictsWhatWasNotLookedUp(MapType type)
    {
        using Map map = Create(type, 4, 8, 100);
        for (uint key = 0; key < 100; key++)
            Assert.Equal(0, Update(map, U32(key), U64(key)));
        for (uint key = 0; key < 50; key++)
            Assert.NotNull(Lookup(map, U32(key)));
        for (uint key = 1000; key < 1050; key++)
            Assert.Equal(0, Update(map, U32(key), U64(key)));
        Assert.All(Enumerable.Range(0, 50), key => Assert.NotNull(Lookup(map, U32((uint)key))));
        Assert.Equal(100, Keys(map).Count);
    }

    [Fact]
    public void LruMapNeverRefusesUnderThreads()
    {
        using Map map = Create(MapType.LruHash, 4, 8, 16);
        Parallel.For(0, 4, thread =>
        {
            for (uint i = 0; i < 20_000; i++)
                Assert.Equal(0, Update(map, U32(i * 4 + (uint)thread), U64(i)));
        });
        Assert.Equal(16, Keys(map).Count);
    }

    [Fact]
    public void ArrayFollowsTheKernelsRules()
    {
        using Map map = Create(MapType.Array, 4, 8, 3);
        Assert.Equal(0ul, Lookup(map, U32(2)));
        Assert.Null(Lookup(map, U32(3)));
        Assert.Equal(0, Update(map, U32(2), U64(5)));
        Assert.Equal(0, Update(map, U32(2), U64(6), UpdateMode.Exist));
        Assert.Equal(6ul, Lookup(map, U32(2)));
        Assert.Equal(-Errno.EEXIST, Update(map, U32(2), U64(5), UpdateMode.NoExist));
        Assert.Equal(-Errno.E2BIG, Update(map, U32(3), U64(5)));
        Assert.Equal(-Errno.EINVAL, Update(map, U32(2), U64(5), (UpdateMode)8));
        Assert.Equal(-Errno.EINVAL, Delete(map, U32(2)));
        Assert.Equal([0u, 1u, 2u], Keys(map).Select(key => BitConverter.ToUInt32(key)));
    }

    [Theory]
    [InlineData(MapType.PerCpuArray)]
    [InlineData(MapType.PerCpuHash)]
    public void PerCpuMapsHaveOneValuePerCpu(MapType type)
    {
        using Map map = Create(type, 4, 12, 3);
        Assert.Equal(64, map.UserValueSize);
        byte[] all = new byte[64];
        for (int cpu = 0; cpu < 4; cpu++)
            all[cpu * 16] = (byte)(cpu + 1);
        Assert.Equal(0, map.UserUpdate(U32(1), all, UpdateMode.Any));
        fixed (byte* key = U32(1))
        {
            Assert.Equal(1, *map.Lookup(key));
            Assert.Equal(3, *map.LookupPerCpu(key, 2));
            Assert.True(map.LookupPerCpu(key, 4) is null);
            Update(map, U32(1), new byte[12], UpdateMode.Exist);
            Assert.Equal(0, *map.Lookup(key));
            Assert.Equal(3, *map.LookupPerCpu(key, 2));
        }
        byte[] read = new byte[64];
        Assert.Equal(0, map.UserLookup(U32(1), read));
        all[0] = 0;
        Assert.Equal(all, read);
    }

    [Fact]
    public void LpmTrieFindsTheLongestPrefix()
    {
        using Map map = Create(MapType.LpmTrie, 8, 8, 300, MapFlags.NoPreallocation);
        var model = new Dictionary<(int Length, uint Prefix), ulong>();
        var random = new Random(3);
        byte[] Key(int length, uint address) => [.. U32((uint)length), (byte)(address >> 24), (byte)(address >> 16), (byte)(address >> 8), (byte)address];
        uint Mask(int length) => length == 0 ? 0 : uint.MaxValue << (32 - length);
        uint Address() => (uint)random.Next(4) << 30 | (uint)random.Next(4) << 16 | (uint)random.Next(16);
        for (int step = 0; step < 10_000; step++)
        {
            int length = random.Next(33);
            uint address = Address();
            switch (random.Next(3))
            {
                case 0 when model.Count < 300:
                    Assert.Equal(0, Update(map, Key(length, address), U64((ulong)step)));
                    model[(length, address & Mask(length))] = (ulong)step;
                    break;
                case 1:
                    Assert.Equal(model.Remove((length, address & Mask(length))) ? 0 : -Errno.ENOENT, Delete(map, Key(length, address)));
                    break;
                default:
                    ulong? expected = null;
                    for (int l = 32; l >= 0 && expected is null; l--)
                        expected = model.TryGetValue((l, address & Mask(l)), out ulong value) ? value : null;
                    Assert.Equal(expected, Lookup(map, Key(32, address)));
                    break;
            }
        }
        Assert.Equal(model.Count, Keys(map).Count);
        Assert.Equal(-Errno.EINVAL, Update(map, Key(33, 0), U64(0)));
    }

    [Theory]
    [InlineData(MapType.Queue, new ulong[] { 1, 2, 3 })]
    [InlineData(MapType.Stack, new ulong[] { 3, 2, 1 })]
    public void QueueAndStackOrder(MapType type, ulong[] expected)
    {
        using var map = (QueueMap)Create(type, 0, 8, 3);
        ulong value = 1;
        for (; value <= 3; value++)
            Assert.Equal(0, map.Push((byte*)&value, 0));
        Assert.Equal(-Errno.E2BIG, map.Push((byte*)&value, 0));
        foreach (ulong next in expected)
        {
            Assert.Equal(0, map.Peek((byte*)&value));
            Assert.Equal(next, value);
            Assert.Equal(0, map.Pop((byte*)&value));
            Assert.Equal(next, value);
        }
        Assert.Equal(-Errno.ENOENT, map.Pop((byte*)&value));
    }

    [Fact]
    public void RingBufferKeepsOrderAndSkipsDiscarded()
    {
        using var map = (RingBufferMap)Create(MapType.RingBuffer, 0, 0, 4096);
        for (int round = 0; round < 100; round++)
        {
            byte* first = map.Reserve(600);
            byte* second = map.Reserve(600);
            byte* third = map.Reserve(600);
            *first = 1;
            *third = 3;
            RingBufferMap.Commit((ulong)third, discard: false);
            Assert.False(map.TryConsume(out _));
            RingBufferMap.Commit((ulong)second, discard: true);
            RingBufferMap.Commit((ulong)first, discard: false);
            Assert.True(map.TryConsume(out byte[] record));
            Assert.Equal((600, 1), (record.Length, record[0]));
            Assert.True(map.TryConsume(out record));
            Assert.Equal(3, record[0]);
            Assert.False(map.TryConsume(out _));
        }
        Assert.True(map.Reserve(5000) is null);
        Assert.Equal(4096ul, map.Query(1));
        Assert.Equal(0ul, map.Query(0));
    }

    [Theory]
    [InlineData(MapType.Array, 8, 8, 1, MapFlags.None, Errno.EINVAL)]
    [InlineData(MapType.Hash, 0, 8, 1, MapFlags.None, Errno.EINVAL)]
    [InlineData(MapType.Hash, 4, 8, 0, MapFlags.None, Errno.EINVAL)]
    [InlineData(MapType.LpmTrie, 8, 8, 1, MapFlags.None, Errno.EINVAL)]
    [InlineData(MapType.RingBuffer, 0, 0, 5000, MapFlags.None, Errno.EINVAL)]
    [InlineData(MapType.LruHash, 4, 4, 1, MapFlags.NoPreallocation, Errno.ENOTSUPP)]
    [InlineData(MapType.Hash, 4, int.MaxValue, int.MaxValue, MapFlags.None, Errno.E2BIG)]
    [InlineData(MapType.Hash, 4, 4, int.MaxValue, MapFlags.None, Errno.ENOMEM)]
    [InlineData(MapType.ProgArray, 4, 4, int.MaxValue, MapFlags.None, Errno.ENOMEM)]
    [InlineData(MapType.StructOps, 4, 4, 1, MapFlags.None, Errno.ENOTSUPP)]
    public void CreationIsRefused(MapType type, int key, int value, int entries, MapFlags flags, int errno)
        => Assert.Equal(errno, MapFactory.WhyRefused(new MapDefinition("m", (int)type, key, value, entries, (uint)flags))?.Errno);

    [Fact]
    public void HandlesLeadToTheirMapsWhileTheyLive()
    {
        Map map = Create(MapType.Array, 4, 4, 1);
        int id = map.Id;
        Assert.Same(map, MapTable.Get((ulong)map.Handle));
        map.Dispose();
        Assert.Null(MapTable.Find(id));
        map.Dispose();
    }

    [Fact]
    public void SpecialFieldsSurviveUpdates()
    {
        using Map map = MapFactory.Create(new MapDefinition("m", (int)MapType.Hash, 4, 16, 4) { SpecialFields = [(4, 4)] }, GuestHeap.Shared);
        Update(map, U32(1), [.. Enumerable.Repeat((byte)0xff, 16)]);
        byte[] value = new byte[16];
        map.UserLookup(U32(1), value);
        Assert.Equal([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], value);
    }
}
