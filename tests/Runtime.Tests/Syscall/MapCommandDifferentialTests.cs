// Random map commands on the running kernel and on ours: the same errors, the same values, the same elements at the end.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Syscall;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Syscall;

public sealed class MapCommandDifferentialTests
{
    private const int Steps = 400;

    public static TheoryData<MapType, int, int, int, MapFlags> Maps() => new()
    {
        { MapType.Hash, 4, 8, 6, MapFlags.None },
        { MapType.Hash, 4, 8, 6, MapFlags.NoPreallocation },
        { MapType.Hash, 7, 3, 5, MapFlags.ZeroSeed },
        { MapType.Hash, 4, 8, 6, MapFlags.ReadOnly },
        { MapType.Hash, 4, 8, 6, MapFlags.WriteOnly },
        { MapType.PerCpuHash, 4, 12, 6, MapFlags.None },
        { MapType.LruHash, 4, 8, 512, MapFlags.None },
        { MapType.LruPerCpuHash, 4, 8, 512, MapFlags.None },
        { MapType.Array, 4, 8, 6, MapFlags.None },
        { MapType.Array, 4, 5, 6, MapFlags.Mappable },
        { MapType.PerCpuArray, 4, 12, 6, MapFlags.None },
        { MapType.LpmTrie, 6, 4, 5, MapFlags.NoPreallocation },
        { MapType.Queue, 0, 8, 4, MapFlags.None },
        { MapType.Stack, 0, 8, 4, MapFlags.None },
        { MapType.BloomFilter, 0, 8, 400, MapFlags.None },
        { MapType.RingBuffer, 0, 0, 4096, MapFlags.None },
        { MapType.UserRingBuffer, 0, 0, 4096, MapFlags.None },
        { MapType.ProgArray, 4, 4, 4, MapFlags.None },
        { MapType.PerfEventArray, 4, 4, 4, MapFlags.None },
        { MapType.CgroupArray, 4, 4, 4, MapFlags.None },
        { MapType.StackTrace, 4, 64, 4, MapFlags.None },
        { MapType.SockMap, 4, 4, 4, MapFlags.None },
        { MapType.SockMap, 4, 8, 4, MapFlags.None },
        { MapType.SockHash, 4, 8, 4, MapFlags.None },
        { MapType.ReuseportSockArray, 4, 4, 4, MapFlags.None },
        { MapType.ReuseportSockArray, 4, 8, 4, MapFlags.None },
        { MapType.DevMap, 4, 4, 4, MapFlags.None },
        { MapType.DevMap, 4, 8, 4, MapFlags.None },
        { MapType.DevMapHash, 4, 4, 4, MapFlags.None },
        { MapType.CpuMap, 4, 4, 4, MapFlags.None },
        { MapType.XskMap, 4, 4, 4, MapFlags.None },
        { MapType.Arena, 0, 0, 4, MapFlags.Mappable },
    };

    private static ExecutionEnvironment Surroundings() => new() { CpuCount = KernelBpf.PossibleCpus };

    [OracleTheory(Oracle.Kernel)]
    [MemberData(nameof(Maps))]
    public void Commands_answer_as_the_kernels(MapType type, int keySize, int valueSize, int entries, MapFlags flags)
    {
        var definition = new MapDefinition("m", (int)type, keySize, valueSize, entries, (uint)flags);
        for (int seed = 0; seed < 3; seed++)
        {
            using var kernel = new KernelBpf();
            using var ours = new BpfSystem(environment: Surroundings());
            int theirMap = kernel.MapCreate(definition), ourMap = ours.MapCreate(definition);
            Assert.True(theirMap >= 0 && ourMap >= 0, $"the kernel answers {theirMap}, we {ourMap}: {BpfSystem.LastMessage}");
            var run = new Comparison(kernel, theirMap, ours, ourMap, definition, seed);
            for (int step = 0; step < Steps; step++)
                run.Step(step);
            run.CompareContents();
        }
    }

    /// <summary>One pair of maps.</summary>
    private sealed class Comparison(KernelBpf kernel, int theirs, BpfSystem system, int ours, MapDefinition definition, int seed)
    {
        private readonly Random _random = new(seed * 7919 + definition.Type);
        private readonly MapType _type = (MapType)definition.Type;
        private readonly int _userSize = system.MapOf(ours)!.UserValueSize;
        private bool _frozen;

        private byte[] Key()
        {
            byte[] key = new byte[definition.KeySize];
            if (key.Length == 0)
                return key;
            if (_type == MapType.LpmTrie)
            {
                BitConverter.TryWriteBytes(key, _random.Next(0, 18));
                key[4] = (byte)(_random.Next(4) << 6);
                key[5] = (byte)(_random.Next(2) << 7);
                return key;
            }
            key[0] = (byte)_random.Next(9);
            if (_random.Next(20) == 0)
                key[^1] = 0x80;
            return key;
        }

        private byte[] Value()
        {
            byte[] value = new byte[_userSize];
            _random.NextBytes(value);
            if (_type is MapType.DevMap or MapType.DevMapHash)
            {
                // The loopback device, or none; no program.
                Array.Clear(value);
                value[0] = (byte)_random.Next(2);
                if (value.Length == 8)
                    value.AsSpan(4).Fill(0xff);
            }
            else if (_type == MapType.CpuMap)
            {
                BitConverter.TryWriteBytes(value, _random.Next(3) * 9000);
            }
            else if (_type is MapType.ProgArray or MapType.PerfEventArray or MapType.CgroupArray or MapType.XskMap or MapType.SockMap or MapType.SockHash or MapType.ReuseportSockArray)
            {
                Array.Clear(value);
                BitConverter.TryWriteBytes(value, 0x3ffffff0); // no descriptor
            }
            return value;
        }

        private ulong Flags() => _random.Next(12) switch { < 5 => 0, < 8 => 1, < 10 => 2, 10 => 4, _ => 8 };

        public void Step(int step)
        {
            byte[] key = Key(), value = Value(), theirValue = (byte[])value.Clone(), ourValue = (byte[])value.Clone();
            ulong flags = Flags();
            string what;
            int expected, actual;
            switch (_random.Next(step > Steps - 20 && seed == 2 ? 9 : 8))
            {
                case 0 or 1 or 2:
                    what = $"update {Convert.ToHexString(key)} flags {flags}";
                    expected = kernel.MapUpdate(theirs, key, value, flags);
                    actual = system.MapUpdate(ours, key, value, flags);
                    break;
                case 3 or 4:
                    flags = flags is 4 or 8 ? flags : 0;
                    what = $"lookup {Convert.ToHexString(key)} flags {flags}";
                    expected = kernel.MapLookup(theirs, key, theirValue, flags);
                    actual = system.MapLookup(ours, key, ourValue, flags);
                    if (_type == MapType.BloomFilter && expected == 0 != (actual == 0))
                        return; // a false positive of one of the filters
                    break;
                case 5:
                    what = $"delete {Convert.ToHexString(key)}";
                    expected = kernel.MapDelete(theirs, key);
                    actual = system.MapDelete(ours, key);
                    break;
                case 6:
                {
                    bool first = _random.Next(3) == 0 || key.Length == 0;
                    what = $"next key after {(first ? "nothing" : Convert.ToHexString(key))}";
                    byte[] theirNext = new byte[Math.Max(key.Length, 4)], ourNext = new byte[Math.Max(key.Length, 4)];
                    expected = kernel.MapNextKey(theirs, first ? null : key, theirNext);
                    actual = system.MapNextKey(ours, first ? default : key, ourNext);
                    // Hash tables have orders of their own.
                    if (_type is MapType.Hash or MapType.PerCpuHash or MapType.LruHash or MapType.LruPerCpuHash or MapType.DevMapHash or MapType.SockHash)
                    {
                        if (!first)
                            return;
                        break;
                    }
                    Assert.Equal((what, Convert.ToHexString(theirNext)), (what, Convert.ToHexString(ourNext)));
                    break;
                }
                case 7:
                    flags = flags is 4 or 8 ? flags : 0;
                    what = $"lookup and delete {Convert.ToHexString(key)} flags {flags}";
                    expected = kernel.MapLookupAndDelete(theirs, key, theirValue, flags);
                    actual = system.MapLookupAndDelete(ours, key, ourValue, flags);
                    break;
                default:
                    if (_frozen)
                        return;
                    _frozen = true;
                    what = "freeze";
                    expected = kernel.MapFreeze(theirs);
                    actual = system.MapFreeze(ours);
                    break;
            }
            what = $"{definition.Type} seed {seed} step {step}: {what}";
            Assert.Equal((what, Errno.Name(-expected)), (what, Errno.Name(-actual)));
            if (expected == 0)
                Assert.Equal((what, Convert.ToHexString(Visible(theirValue))), (what, Convert.ToHexString(Visible(ourValue))));
        }

        /// <summary>The bytes between a CPU's value and the next one's are nobody's; devmaps tell program ids behind the interface.</summary>
        private byte[] Visible(byte[] value)
        {
            if (!_type.IsPerCpu())
                return _type == MapType.DevMap && value.Length == 8 ? value[..4] : value;
            int stride = (definition.ValueSize + 7) / 8 * 8;
            return [.. value.Where((_, i) => i % stride < definition.ValueSize)];
        }

        public void CompareContents()
        {
            if (definition.KeySize == 0 || (definition.Flags & (uint)MapFlags.WriteOnly) != 0)
                return;
            Assert.Equal(Contents((key, next) => kernel.MapNextKey(theirs, key, next), (key, value) => kernel.MapLookup(theirs, key, value, 0)),
                Contents((key, next) => system.MapNextKey(ours, key, next), (key, value) => system.MapLookup(ours, key, value)));
        }

        private List<string> Contents(Func<byte[]?, byte[], int> next, Func<byte[], byte[], int> lookup)
        {
            var entries = new List<string>();
            byte[]? last = null;
            for (int i = 0; i < 1000; i++)
            {
                byte[] key = new byte[definition.KeySize], value = new byte[_userSize];
                if (next(last, key) != 0)
                    break;
                entries.Add(Convert.ToHexString(key) + (lookup(key, value) == 0 ? "=" + Convert.ToHexString(Visible(value)) : ""));
                last = key;
            }
            entries.Sort(StringComparer.Ordinal);
            return entries;
        }
    }

    [OracleFact(Oracle.Kernel)]
    public void Creation_is_refused_as_by_the_kernel()
    {
        var random = new Random(1);
        int[] keys = [0, 1, 4, 5, 8, 16, 260, 261, 600], values = [0, 1, 4, 8, 24, 4096, 40000, 1 << 23], entries = [0, 1, 3, 4096, 8192, 20000];
        uint[] flags = [0, 0, 0, 1, 1, 2, 4, 8, 16, 24, 32, 64, 128, 256, 384, 1 << 10, 1 << 11, 1 << 12, 1 << 17, 1 << 25];
        var differences = new List<string>();
        using var kernel = new KernelBpf();
        for (int i = 0; i < 6000; i++)
        {
            int type = random.Next(0, 36);
            if (type is (int)MapType.StructOps or (int)MapType.ArrayOfMaps or (int)MapType.HashOfMaps or 34)
                continue; // need types of the kernel, or a pattern; 34 is younger than our table
            var definition = new MapDefinition(random.Next(30) == 0 ? "a-b" : "m", type, keys[random.Next(keys.Length)], values[random.Next(values.Length)], entries[random.Next(entries.Length)], flags[random.Next(flags.Length)])
            {
                MapExtra = random.Next(8) == 0 ? 3ul : 0,
            };
            // What takes much memory depends on the machine.
            if ((long)definition.ValueSize * definition.MaxEntries > 1 << 28)
                continue;
            using var ours = new BpfSystem(environment: Surroundings());
            int expected = kernel.MapCreate(definition), actual = ours.MapCreate(definition);
            if (expected >= 0)
                kernel.Close(expected);
            if (Math.Min(expected, 0) != Math.Min(actual, 0) && differences.Count < 20)
                differences.Add($"{definition}: kernel {Errno.Name(-Math.Min(expected, 0))}, ours {Errno.Name(-Math.Min(actual, 0))}");
        }
        Assert.True(differences.Count == 0, string.Join("\n", differences));
    }

    public static TheoryData<MapType> BatchTypes() => [MapType.Hash, MapType.PerCpuHash, MapType.LruHash, MapType.Array, MapType.PerCpuArray, MapType.LpmTrie, MapType.Queue, MapType.RingBuffer];

    [OracleTheory(Oracle.Kernel)]
    [MemberData(nameof(BatchTypes))]
    public void Batches_answer_as_the_kernels(MapType type)
    {
        int keySize = type == MapType.LpmTrie ? 8 : MapTypeTable.Find(type)!.KeySize ?? 4, entries = type switch { MapType.RingBuffer => 4096, MapType.LruHash => 512, _ => 8 };
        var definition = new MapDefinition("m", (int)type, keySize, type == MapType.RingBuffer ? 0 : 8, entries, type == MapType.LpmTrie ? 1u : 0);
        using var kernel = new KernelBpf();
        using var ours = new BpfSystem(environment: Surroundings());
        int theirMap = kernel.MapCreate(definition), ourMap = ours.MapCreate(definition);
        int userSize = ours.MapOf(ourMap)!.UserValueSize;
        byte[] keys = new byte[9 * Math.Max(keySize, 1)], values = new byte[9 * Math.Max(userSize, 1)];
        for (int i = 0; i < 9 && keySize > 0; i++)
        {
            keys[i * keySize + (type == MapType.LpmTrie ? 4 : 0)] = (byte)i;
            if (type == MapType.LpmTrie)
                keys[i * keySize] = 32;
            values[i * userSize] = (byte)(i * 3 + 1);
        }
        foreach ((int count, ulong flags) in ((int, ulong)[])[(5, 0), (3, 1), (9, 2), (6, 8), (0, 0), (9, 0), (4, 4)])
        {
            int theirCount = count, ourCount = count;
            int expected = kernel.Batch(26, theirMap, null, null, keys, values, ref theirCount, flags), actual = ours.MapUpdateBatch(ourMap, keys, values, ref ourCount, flags);
            Assert.Equal(($"update {count} {flags}", Errno.Name(-expected)), ($"update {count} {flags}", Errno.Name(-actual)));
            if (expected is 0 or -Errno.EEXIST or -Errno.ENOENT or -Errno.E2BIG)
                Assert.Equal(($"update {count} {flags}", theirCount), ($"update {count} {flags}", ourCount));
        }
        // All elements in batches of a size that every bucket of the kernel's tables fits into.
        Assert.Equal(All(kernel, theirMap, 24), All(ours, ourMap, deletes: false));
        int someTheirs = 3, someOurs = 3;
        Assert.Equal(Errno.Name(-kernel.Batch(27, theirMap, null, null, keys, null, ref someTheirs, 0)), Errno.Name(-ours.MapDeleteBatch(ourMap, keys, ref someOurs)));
        Assert.Equal(All(kernel, theirMap, 25), All(ours, ourMap, deletes: true));
        Assert.Equal(All(kernel, theirMap, 24), All(ours, ourMap, deletes: false));

        List<string> All(object system, int map, int command = 24, bool deletes = false)
        {
            var found = new List<string>();
            byte[]? position = null;
            for (int round = 0; round < 10; round++)
            {
                byte[] next = new byte[Math.Max(keySize, 4)], someKeys = new byte[16 * Math.Max(keySize, 1)], someValues = new byte[16 * Math.Max(userSize, 1)];
                int count = 16;
                int result = system is KernelBpf theirs ? theirs.Batch(command, map, position, next, someKeys, someValues, ref count, 0)
                    : deletes ? ((BpfSystem)system).MapLookupAndDeleteBatch(map, position, next, someKeys, someValues, ref count)
                    : ((BpfSystem)system).MapLookupBatch(map, position, next, someKeys, someValues, ref count);
                if (result is not (0 or -Errno.ENOENT))
                {
                    found.Add(Errno.Name(-result));
                    break;
                }
                for (int i = 0; i < count; i++)
                    found.Add(Convert.ToHexString(someKeys.AsSpan(i * keySize, keySize)) + "=" + Convert.ToHexString(someValues.AsSpan(i * userSize, userSize)));
                position = next;
                if (result == -Errno.ENOENT)
                    break;
            }
            found.Sort(StringComparer.Ordinal);
            return found;
        }
    }
}
