// The kernel's own packet tests (test_pkt_access, test_xdp, test_l4lb) as recorded in baselines/selftest-oracle.jsonl: packets
// in, return values and packets out, statistics; with the maps filled as the kernel's tests fill them before every run
// whose name does not say that they are empty.
using System.Text.Json;
using Xunit;

namespace Ebpfcc.TestSupport;

/// <summary>A loaded program that runs packets and whose maps user space reads and writes: an engine's, or the kernel's.</summary>
public interface ISelftestTarget
{
    (int Errno, uint ReturnValue, byte[] Data) Run(byte[] packet, int repeat);

    /// <summary>Zero, or an error.</summary>
    int Update(string map, byte[] key, byte[] value);

    /// <summary>All entries; per-CPU values one after the other.</summary>
    IEnumerable<(byte[] Key, byte[] Value)> Entries(string map);
}

/// <summary>One program's recorded runs.</summary>
public sealed class SelftestRow
{
    private const uint VipNumber = 5, RingPosition = 11, RealIndex = 3, Magic = 0x1234;

    private readonly JsonElement _row;

    private SelftestRow(JsonElement row) => _row = row;

    /// <summary>Sources that rows were recorded from, without <c>.c</c>.</summary>
    public static IReadOnlyList<string> Names { get; } = ["test_pkt_access", "test_xdp", "test_l4lb", "test_l4lb_noinline"];

    public string Program => _row.GetProperty("prog").GetString()!;

    /// <summary>The row of a source; tests ask for <see cref="Oracle.Shared"/> first.</summary>
    public static SelftestRow Of(string source)
        => new(File.ReadLines(Path.Combine(Repository.Shared!, "baselines", "selftest-oracle.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement).Single(row => row.GetProperty("obj").GetString() == source + ".o"));

    /// <summary>Runs what was recorded and fails at the first difference from the kernel's answers.</summary>
    /// <param name="mostRepeats">Repeats are cut to this, for slow engines and programs that leave the same packet however often they run.</param>
    public void Replay(ISelftestTarget target, int mostRepeats = int.MaxValue)
    {
        bool isFilled = false;
        int number = 0;
        ulong leftOut = 0;
        foreach (JsonElement run in _row.GetProperty("runs").EnumerateArray())
        {
            string name = $"run {++number}, {run.GetProperty("in").GetString()}";
            if (!isFilled && !name.Contains("empty"))
            {
                Fill(target);
                isFilled = true;
            }
            int recorded = run.GetProperty("repeat").GetInt32(), repeat = Math.Min(recorded, mostRepeats);
            leftOut += (ulong)(recorded - repeat);
            (int errno, uint value, byte[] data) = target.Run(Convert.FromHexString(run.GetProperty("in_hex").GetString()!), repeat);
            Assert.Equal((name, -run.GetProperty("err").GetInt32(), run.GetProperty("retval").GetUInt32()), (name, errno, value));
            Assert.Equal((name, run.GetProperty("out_hex").GetString()), (name, Convert.ToHexString(data).ToLowerInvariant()));
        }
        if (!_row.TryGetProperty("stats", out JsonElement stats))
            return;
        ulong bytes = stats.GetProperty("bytes").GetUInt64(), packets = stats.GetProperty("pkts").GetUInt64();
        // Both packets count as many bytes.
        Assert.Equal((bytes - leftOut * (bytes / packets), packets - leftOut), Statistics(target));
    }

    private void Fill(ISelftestTarget target)
    {
        switch (_row.GetProperty("test").GetString())
        {
            case "xdp":
                // struct vip { address (16), port (2), family (2), protocol (1) }; struct iptnl_info { source, destination, family, mac }
                Assert.Equal(0, target.Update("vip2tnl", Words(24, (18, 2), (20, 6)), Words(40, (32, 2))));
                Assert.Equal(0, target.Update("vip2tnl", Words(24, (18, 10), (20, 6)), Words(40, (32, 10))));
                break;
            case "l4lb":
                Assert.Equal(0, target.Update("vip_map", Words(24, (20, 6)), Words(8, (4, VipNumber))));
                Assert.Equal(0, target.Update("ch_rings", Words(4, (0, RingPosition)), Words(4, (0, RealIndex))));
                Assert.Equal(0, target.Update("reals", Words(4, (0, RealIndex)), Words(20, (0, Magic))));
                break;
        }
    }

    /// <summary>Bytes and packets of the one address, summed over CPUs: struct vip_stats { u64 bytes, packets; }.</summary>
    private static (ulong Bytes, ulong Packets) Statistics(ISelftestTarget target)
    {
        ulong bytes = 0, packets = 0;
        foreach ((byte[] key, byte[] value) in target.Entries("stats"))
        {
            for (int at = 0; at < value.Length && BitConverter.ToUInt32(key) == VipNumber; at += 16)
            {
                bytes += BitConverter.ToUInt64(value, at);
                packets += BitConverter.ToUInt64(value, at + 8);
            }
        }
        return (bytes, packets);
    }

    private static byte[] Words(int size, params (int Offset, uint Value)[] words)
    {
        byte[] bytes = new byte[size];
        foreach ((int offset, uint value) in words)
        {
            for (int i = 0; i < 4 && offset + i < size; i++)
                bytes[offset + i] |= (byte)(value >> 8 * i);
        }
        return bytes;
    }
}
