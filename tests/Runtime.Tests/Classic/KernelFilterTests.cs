// The kernel as oracle for classic filters in their own form: a packet socket in a network namespace of the test's own takes each
// program as a filter (or refuses it) and receives frames through it. What arrives tells the filter's result, up to the frame's
// length; extensions read the facts of frames that really came through a device.
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Classic;
using Ebpfcc.Runtime.Classic;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Classic;

public sealed class KernelFilterTests
{
    /// <summary>What the kernel said of one program: an error when it was refused, else the bytes that arrived of each frame.</summary>
    private sealed record Answer(int Errno, int[] Lengths);

    /// <summary>
    /// Reads programs and frames, attaches each program to a packet socket on the loopback device, sends the frames there. A
    /// second socket without a filter, opened first and therefore served last, says when a frame has come through.
    /// </summary>
    private const string Harness = """
        #include <arpa/inet.h>
        #include <errno.h>
        #include <linux/filter.h>
        #include <linux/if_ether.h>
        #include <linux/if_packet.h>
        #include <net/if.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/ioctl.h>
        #include <sys/socket.h>
        #include <sys/time.h>
        #include <unistd.h>
        static int number(void) { int n = 0; if (fread(&n, 4, 1, stdin) != 1) exit(3); return n; }
        static void say(int n) { fwrite(&n, 4, 1, stdout); }
        static int open_socket(void)
        {
            int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), one = 1;
            struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = 1 };
            struct timeval limit = { .tv_sec = 2 };
            if (s < 0 || bind(s, (void *)&a, sizeof a) || setsockopt(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one)
                || setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit))
                exit(2);
            return s;
        }
        static unsigned char frame[4096], seen[4096];
        int main(void)
        {
            int control = socket(AF_INET, SOCK_DGRAM, 0);
            struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
            if (control < 0 || ioctl(control, SIOCSIFFLAGS, &lo))
                return 2;
            int tap = open_socket(), filtered = open_socket();
            for (int programs = number(); programs > 0; programs--) {
                struct sock_fprog program = { .len = number() };
                program.filter = malloc(program.len * sizeof(struct sock_filter) + 1);
                if (fread(program.filter, sizeof(struct sock_filter), program.len, stdin) != program.len)
                    return 3;
                int error = setsockopt(filtered, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) ? errno : 0;
                free(program.filter);
                say(error);
                for (int frames = number(); frames > 0; frames--) {
                    int length = number();
                    if (length > (int)sizeof frame || fread(frame, 1, length, stdin) != (size_t)length)
                        return 3;
                    if (error) {
                        say(0);
                        continue;
                    }
                    while (recv(tap, seen, sizeof seen, MSG_DONTWAIT) >= 0) {}
                    while (recv(filtered, seen, sizeof seen, MSG_DONTWAIT) >= 0) {}
                    if (send(tap, frame, length, 0) != length)
                        return 4;
                    do {
                        if (recv(tap, seen, sizeof seen, 0) < 0)
                            return 5;
                    } while (memcmp(seen, frame, length));
                    int got = recv(filtered, seen, sizeof seen, MSG_DONTWAIT);
                    say(got < 0 ? 0 : got);
                }
            }
            return 0;
        }
        """;

    private static List<Answer> Ask(IReadOnlyList<(ClassicInstruction[] Program, byte[][] Frames)> cases)
    {
        string folder = Directory.CreateTempSubdirectory("ebpfcc-filter").FullName;
        try
        {
            string source = Path.Combine(folder, "filter.c"), program = Path.Combine(folder, "filter"), input = Path.Combine(folder, "in"), output = Path.Combine(folder, "out");
            File.WriteAllText(source, Harness);
            (int code, _, string error) = Oracles.Run(Oracles.Program(Oracle.Gcc), ["-O1", "-o", program, source]);
            Assert.True(code == 0, error);
            using (var writer = new BinaryWriter(File.Create(input)))
            {
                writer.Write(cases.Count);
                foreach ((ClassicInstruction[] filter, byte[][] frames) in cases)
                {
                    writer.Write(filter.Length);
                    writer.Write(MemoryMarshal.AsBytes(filter.AsSpan()));
                    writer.Write(frames.Length);
                    foreach (byte[] frame in frames)
                    {
                        writer.Write(frame.Length);
                        writer.Write(frame);
                    }
                }
            }
            (code, _, error) = Oracles.Run("sh", ["-c", $"exec unshare -n '{program}' <'{input}' >'{output}'"]);
            Assert.True(code == 0, $"the harness ends with {code} {error}");
            using var reader = new BinaryReader(File.OpenRead(output));
            return [.. cases.Select(entry => new Answer(reader.ReadInt32(), [.. entry.Frames.Select(_ => reader.ReadInt32())]))];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A frame as it arrives on the loopback device, whose address is zero; tags would be taken off.</summary>
    private static byte[] Frame(Random random)
    {
        byte[] frame = RandomClassic.Frame(random);
        if (random.Next(3) != 0)
            frame.AsSpan(0, 6).Clear();
        if (frame[12] is 0x81 or 0x88)
            frame[12] = 0x08;
        return frame;
    }

    private static ClassicPacket Received(byte[] frame)
    {
        ClassicPacket packet = ClassicPacket.FromEthernet(frame);
        int protocol = packet.Protocol;
        // Lengths instead of types: 802.3, of Novell's form or with LLC.
        if (protocol < 0x600)
            protocol = frame.Length >= 16 && frame[14] == 0xff && frame[15] == 0xff ? 1 : 4;
        // The broadcast address of the loopback device is zero, too.
        uint type = (frame[0] & 1) != 0 ? 2u : frame.AsSpan(0, 6).ContainsAnyExcept((byte)0) ? 3u : 0u;
        return packet with { Protocol = (ushort)protocol, PacketType = type, InterfaceIndex = 1 };
    }

    [OracleTheory(Oracle.NetworkNamespace, Oracle.Gcc)]
    [InlineData(1, 1500)]
    public void The_kernel_runs_random_filters_alike(int seed, int count)
    {
        var cases = new List<(ClassicInstruction[], byte[][])>();
        for (int i = 0; i < count; i++)
        {
            var random = new Random(seed * 1_000_003 + i);
            ClassicFilter filter = RandomClassic.Program(random, allows: extension => extension.Name is not ("RANDOM" or "CPU"));
            cases.Add(([.. filter.Instructions], [Frame(random), Frame(random), Frame(random)]));
        }
        List<Answer> answers = Ask(cases);
        int accepted = 0;
        for (int i = 0; i < count; i++)
        {
            (ClassicInstruction[] code, byte[][] frames) = cases[i];
            Assert.True(answers[i].Errno == 0, $"seed {seed}, program {i}: the kernel refuses it with {answers[i].Errno}\n{ClassicPrinter.Print(code)}");
            var interpreter = new ClassicInterpreter(ClassicChecker.Check(code, ClassicDialect.Socket, out _)!);
            for (int n = 0; n < frames.Length; n++)
            {
                uint expected = Math.Min(interpreter.Run(Received(frames[n])), (uint)frames[n].Length);
                accepted += expected == 0 ? 0 : 1;
                Assert.True(expected == answers[i].Lengths[n],
                    $"seed {seed}, program {i}, frame {n}: the kernel keeps {answers[i].Lengths[n]}, we {expected}\n{Convert.ToHexString(frames[n])}\n{ClassicPrinter.Print(code)}");
            }
        }
        Assert.True(accepted > count / 2, $"only {accepted} frames were accepted");
    }

    /// <summary>Each extension by itself, on frames with headers that make sense.</summary>
    [OracleFact(Oracle.NetworkNamespace, Oracle.Gcc)]
    public void The_kernel_gives_the_same_facts()
    {
        const string Ip = "0800" + "450000280001", Addresses = "0000" + "0a0000010a000002", Inner = "450000280001", Ports = "0035003500100000", Rest = "aabbccddeeff";
        string Six(string next) => "86dd" + "600000000018" + next + "40" + new string('1', 64);
        string[] packets =
        [
            // TCP with and without options, UDP, fragments, options of IPv4, IPv4 in IPv4
            Ip + "00004006" + Addresses + "0050123400000000000000005000ffff00000000" + Rest, Ip + "00004006" + Addresses + "0050123400000000000000007000ffff000000000102030405060708" + Rest,
            Ip + "00004011" + Addresses + Ports + Rest, Ip + "20004011" + Addresses + Ports + Rest, Ip + "00104011" + Addresses + Ports + Rest,
            "0800" + "470000280001" + "00004001" + Addresses + "0102030405060708" + "0800000000000000" + Rest, Ip + "00004004" + Addresses + Inner + "00004084" + Addresses + Ports + Rest,
            // GRE with a key, over Ethernet, with routing, and its version 1; UDP-Lite, DCCP, IGMP, ESP
            Ip + "0000402f" + Addresses + "20000800" + "00000001" + Inner + "00004002" + Addresses + "1100000000000000" + Rest,
            Ip + "0000402f" + Addresses + "00006558" + "000000000000000000000000" + Six("3a") + "8000000000000000" + Rest,
            Ip + "0000402f" + Addresses + "40000800" + "00000001" + Inner + "00004002" + Addresses + Rest,
            Ip + "0000402f" + Addresses + "2001880b" + "00000001" + "ff030021" + Inner + "00004011" + Addresses + Ports + Rest,
            Ip + "00004088" + Addresses + Ports + Rest, Ip + "00004021" + Addresses + Ports + Rest, Ip + "00004002" + Addresses + Ports + Rest, Ip + "00004032" + Addresses + Ports + Rest,
            // IPv6: UDP, behind options, first and later fragments, cut short, in IPv4
            Six("11") + Ports + Rest, Six("00") + "1100000000000000" + Ports + Rest, Six("2c") + "1100000100000000" + Ports + Rest, Six("2c") + "1100001100000000" + Ports + Rest, Six("06") + "00350035",
            Ip + "00004029" + Addresses + Six("11")[4..] + Ports + Rest,
            // ARP, MPLS, PPPoE, HSR, PTP, something else, and headers that make no sense
            "0806000108000604000100000000000000000000000000000000000000000000", "8847000011ff" + Inner + "00004006" + Addresses, "886411000011001c0021" + Inner + "00004011" + Addresses + Ports,
            "886411000011001c0057" + Six("11")[4..] + Ports, "886412000011001c0021" + Inner + "00004011" + Addresses + Ports, "892f11112222" + Ip + "00004011" + Addresses + Ports,
            "88f7" + new string('7', 80), "1234" + new string('8', 80), "0800" + "44" + new string('0', 60), "0800450000",
        ];
        byte[][] frames = [.. packets.Select(packet => Convert.FromHexString("000000000000000000000001" + packet))];
        var cases = new List<(ClassicInstruction[], byte[][])>();
        foreach (ClassicExtension extension in ClassicExtensions.Rows)
        {
            if (extension.Name is "RANDOM" or "CPU")
                continue;
            // Bit by bit, because a result is visible only up to the frame's length: 14 when the bit is set, else 10.
            for (int bit = 0; bit < 16; bit++)
                cases.Add(([new(0x01, 0, 0, 3), new(0x00, 0, 0, 14), new(0x20, 0, 0, extension.Offset), new(0x45, 0, 1, 1u << bit), new(0x06, 0, 0, 14), new(0x06, 0, 0, 10)], frames));
        }
        List<Answer> answers = Ask(cases);
        var differences = new List<string>();
        for (int i = 0; i < cases.Count; i++)
        {
            Assert.Equal(0, answers[i].Errno);
            ClassicInstruction[] code = cases[i].Item1;
            var interpreter = new ClassicInterpreter(ClassicChecker.Check(code, ClassicDialect.Socket, out _)!);
            for (int n = 0; n < frames.Length; n++)
            {
                if (interpreter.Run(Received(frames[n])) != answers[i].Lengths[n])
                    differences.Add($"{ClassicExtensions.Find(code[2].K)!.Name} bit {System.Numerics.BitOperations.Log2(code[3].K)} of frame {n}: the kernel says {answers[i].Lengths[n] == 14}\n  {Convert.ToHexString(frames[n])}");
            }
        }
        Assert.True(differences.Count == 0, string.Join("\n", differences.Take(20)));
    }

    /// <summary>Programs that may be faulty: the checker refuses what the kernel refuses, and nothing else.</summary>
    [OracleTheory(Oracle.NetworkNamespace, Oracle.Gcc)]
    [InlineData(2, 4000)]
    public void The_kernel_refuses_what_the_checker_refuses(int seed, int count)
    {
        var cases = new List<(ClassicInstruction[], byte[][])>();
        for (int i = 0; i < count; i++)
        {
            var random = new Random(seed * 1_000_003 + i);
            ClassicInstruction[] code = [.. RandomClassic.Program(random).Instructions];
            for (int n = random.Next(1, 4); n > 0; n--)
            {
                ref ClassicInstruction at = ref code[random.Next(code.Length)];
                at = random.Next(5) switch
                {
                    0 => at with { K = (uint)random.Next(20) },
                    1 => at with { K = unchecked((uint)random.Next(-0x1100, 40)) },
                    2 => at with { JumpTrue = (byte)random.Next(12), JumpFalse = (byte)random.Next(12) },
                    3 => at with { Code = (ushort)random.Next(0x100) },
                    _ => at with { Code = (ushort)(random.Next(2) == 0 ? 0x60 : 0x02), K = (uint)random.Next(18) },
                };
            }
            cases.Add((code, []));
        }
        List<Answer> answers = Ask(cases);
        int refused = 0;
        for (int i = 0; i < count; i++)
        {
            ClassicFilter? filter = ClassicChecker.Check(cases[i].Item1, ClassicDialect.Socket, out (int Index, string Reason) problem);
            refused += filter is null ? 1 : 0;
            Assert.True(answers[i].Errno == 0 == filter is not null,
                $"seed {seed}, program {i}: the kernel says {answers[i].Errno}, we {(filter is null ? $"{problem.Index}: {problem.Reason}" : "accept")}\n{ClassicPrinter.Print(cases[i].Item1)}");
        }
        Assert.InRange(refused, count / 5, count * 4 / 5);
    }
}
