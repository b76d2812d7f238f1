// The kernel's test_tcp_estats: a tracepoint program that copies a socket's addresses into a map. The kernel has no test
// runs for tracepoints, so that there it is loaded only; our engines run it on a socket made here, and the record in the map is
// compared with the one that the C structures say.
using System.Buffers.Binary;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Selftests;

public sealed unsafe class TcpEstatsTests
{
    private const string Source = "test_tcp_estats", RecordMap = "ev_record_map";
    private const ulong Now = 0x1122334455667788;
    private const int SocketSize = 64, RecordSize = 64, Inet = 2, Inet6 = 10;

    /// <summary>
    /// struct inet_sock as the test declares it: family at 0, IPv4 destination at 8, its port at 16, IPv6 destination at 20 and source
    /// at 36, IPv4 source at 56, its port at 60. Every byte differs, so that a wrong offset shows.
    /// </summary>
    private static byte[] Socket(ushort family)
    {
        byte[] socket = [.. Enumerable.Range(0, SocketSize).Select(i => (byte)(i + 0x81))];
        BinaryPrimitives.WriteUInt16LittleEndian(socket, family);
        return socket;
    }

    /// <summary>
    /// struct tcp_estats_basic_event: pid, cpu (4 each, never set), time (8), magic (4), event (4), then packed address type (4), local
    /// and remote address (16 each), local and remote port (2 each).
    /// </summary>
    private static byte[] Record(byte[] socket)
    {
        const uint Magic = 0xBAADBEEF, TxReset = 8;
        byte[] record = new byte[RecordSize];
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(8), Now);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(16), Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(20), TxReset);
        bool isInet6 = socket[0] == Inet6;
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(24), isInet6 ? 2u : 1u);
        socket.AsSpan(isInet6 ? 36 : 56, isInet6 ? 16 : 4).CopyTo(record.AsSpan(28));
        socket.AsSpan(isInet6 ? 20 : 8, isInet6 ? 16 : 4).CopyTo(record.AsSpan(44));
        socket.AsSpan(60, 2).CopyTo(record.AsSpan(60));
        socket.AsSpan(16, 2).CopyTo(record.AsSpan(62));
        return record;
    }

    private static void RecordsSockets(string compiler, string engine)
    {
        using var target = new EngineTarget(SelftestObjects.Image(Source, compiler), engine, clock: () => Now, randomSeed: 1);
        // struct dummy_tracepoint_args { u64 pad; struct sock *sock; }
        var arguments = new byte[16];
        Assert.Equal(0u, (uint)target.Run(new TestRunInput { Context = arguments }).ReturnValue);
        Assert.Empty(target.Entries(RecordMap));
        byte* memory = target.Surroundings.Allocator.Allocate(SocketSize, 8);
        try
        {
            var expected = new List<string>();
            foreach (ushort family in (ushort[])[Inet, Inet6])
            {
                byte[] socket = Socket(family);
                socket.CopyTo(new Span<byte>(memory, SocketSize));
                BinaryPrimitives.WriteUInt64LittleEndian(arguments.AsSpan(8), (ulong)memory);
                TestRunResult result = target.Run(new TestRunInput { Context = arguments });
                Assert.Equal((0, 0u), (result.Errno, (uint)result.ReturnValue));
                expected.Add(Convert.ToHexString(Record(socket)));
                // Each record has a key of its own, a random number.
                Assert.Equal(expected.Order(), target.Entries(RecordMap).Select(entry => Convert.ToHexString(entry.Value)).Order());
            }
        }
        finally
        {
            target.Surroundings.Allocator.Free(memory);
        }
    }

    [OracleTheory(Oracle.LinuxSource612, Oracle.UapiHeaders)]
    [InlineData("ebpfcc")]
    [InlineData("ebpfcc -mcpu=v1")]
    [InlineData("ebpfcc -Os")]
    public void OursInTheInterpreter(string compiler) => RecordsSockets(compiler, "interp");

    [OracleFact(Oracle.LinuxSource612, Oracle.UapiHeaders, Oracle.X64Machine)]
    public void OursAsX64Code() => RecordsSockets("ebpfcc", "x64");

    [OracleFact(Oracle.LinuxSource612, Oracle.UapiHeaders, Oracle.Llvm)]
    public void OursAsLlvmsCode() => RecordsSockets("ebpfcc", "llvm");

    [OracleFact(Oracle.LinuxSource612, Oracle.UapiHeaders, Oracle.QemuArm)]
    public void OursAsArm32Code() => RecordsSockets("ebpfcc", "arm32");

    [OracleFact(Oracle.LinuxSource612, Oracle.LibbpfHeaders, Oracle.Clang)]
    public void ClangsInTheInterpreter() => RecordsSockets("clang", "interp");

    [OracleFact(Oracle.LinuxSource612, Oracle.LibbpfHeaders, Oracle.Clang, Oracle.X64Machine)]
    public void ClangsAsX64Code() => RecordsSockets("clang", "x64");

    [OracleFact(Oracle.LinuxSource612, Oracle.LibbpfHeaders, Oracle.Clang, Oracle.Llvm)]
    public void ClangsAsLlvmsCode() => RecordsSockets("clang", "llvm");

    [OracleFact(Oracle.LinuxSource612, Oracle.LibbpfHeaders, Oracle.Clang, Oracle.QemuArm)]
    public void ClangsAsArm32Code() => RecordsSockets("clang", "arm32");

    [OracleTheory(Oracle.LinuxSource612, Oracle.UapiHeaders, Oracle.Kernel, Oracle.Libbpf)]
    [InlineData("ebpfcc")]
    [InlineData("ebpfcc -mcpu=v1")]
    [InlineData("ebpfcc -mcpu=v4")]
    [InlineData("ebpfcc -Os")]
    public void TheKernelLoadsOurs(string compiler) => KernelObject.Load(SelftestObjects.Image(Source, compiler), []).Dispose();
}
