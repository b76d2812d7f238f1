// Native code searches hash tables by itself: the same answers as the interpreter's for every size of key, also while other threads
// change the table.
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Embedding.Tests;

public sealed class HashLookupTests
{
    private static string Source(string type, int keySize) => VmTests.Prelude + $$"""
        struct key { unsigned char bytes[{{keySize}}]; };
        struct { __uint(type, {{type}}); __uint(max_entries, 64); __type(key, struct key); __type(value, long); } table SEC(".maps");
        SEC("xdp") int find(struct xdp_md *ctx)
        {
            unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
            if (data + 14 + {{keySize}} > end)
                return 1;
            struct key key;
            for (int i = 0; i < {{keySize}}; i++)
                key.bytes[i] = data[14 + i];
            long *value = bpf_map_lookup_elem(&table, &key);
            return value ? *value : 2;
        }
        """;

    public static TheoryData<string, int> Tables()
    {
        var data = new TheoryData<string, int>();
        foreach (int size in (int[])[1, 2, 3, 4, 5, 6, 8, 9, 12, 16, 18, 20, 40, 64, 72])
            data.Add("BPF_MAP_TYPE_HASH", size);
        data.Add("BPF_MAP_TYPE_LRU_HASH", 4);
        data.Add("BPF_MAP_TYPE_LRU_HASH", 12);
        return data;
    }

    [OracleTheory(Oracle.X64Machine)]
    [MemberData(nameof(Tables))]
    public void Every_key_is_found_and_no_other(string type, int keySize)
    {
        using var vm = new Vm(new VmOptions { Engine = EngineKind.X64 });
        using EbpfModule module = vm.CompileAndLoad(Source(type, keySize));
        Program program = module.Program("find");
        Map table = module.Map("table");
        var random = new Random(keySize);
        byte[] packet = new byte[100], value = new byte[8];
        var known = new Dictionary<string, int>();
        for (int i = 0; i < 40; i++)
        {
            byte[] key = new byte[keySize];
            random.NextBytes(key);
            // Neighbours that differ in the last byte only.
            if (i % 2 == 1)
                key = [.. Convert.FromHexString(known.Keys.Last())[..^1], (byte)i];
            value[0] = (byte)(100 + i);
            table.Write(key, value);
            known[Convert.ToHexString(key)] = 100 + i;
        }
        foreach ((string key, int expected) in known)
        {
            Convert.FromHexString(key).CopyTo(packet, 14);
            Assert.Equal((ulong)expected, program.Run(packet));
        }
        for (int i = 0; i < 500; i++)
        {
            random.NextBytes(packet.AsSpan(14, keySize));
            ulong expected = known.TryGetValue(Convert.ToHexString(packet, 14, keySize), out int found) ? (ulong)found : 2;
            Assert.Equal(expected, program.Run(packet));
        }
    }

    [OracleFact(Oracle.X64Machine)]
    public void Entries_that_stay_are_found_while_others_come_and_go()
    {
        using var vm = new Vm(new VmOptions { Engine = EngineKind.X64, CpuCount = 2 });
        using EbpfModule module = vm.CompileAndLoad(Source("BPF_MAP_TYPE_HASH", 8));
        Program program = module.Program("find");
        var table = module.Map<long, long>("table");
        for (int i = 0; i < 8; i++)
            table[i] = 100 + i;
        bool stop = false;
        Exception? failure = null;
        var writer = new Thread(() =>
        {
            var random = new Random(1);
            while (!Volatile.Read(ref stop))
            {
                long key = 8 + random.Next(56);
                if (random.Next(2) == 0)
                    table.Update(key, 5);
                else
                    table.Remove(key);
                // Replaced, not removed: the entry is there at every moment.
                table.Update(random.Next(8) is var kept ? kept : 0, 100 + kept);
            }
        });
        var readers = Enumerable.Range(0, 2).Select(number => new Thread(() =>
        {
            try
            {
                byte[] packet = new byte[64];
                for (int i = 0; i < 150_000; i++)
                {
                    packet[14] = (byte)(i & 7);
                    Assert.Equal(100ul + (ulong)(i & 7), program.Run(packet));
                }
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        })).ToArray();
        writer.Start();
        foreach (Thread reader in readers)
            reader.Start();
        foreach (Thread reader in readers)
            reader.Join();
        Volatile.Write(ref stop, true);
        writer.Join();
        Assert.True(failure is null, failure?.ToString());
    }
}
