// Runs a prepared program on a packet as the kernel's BPF_PROG_TEST_RUN does (net/bpf/test_run.c of Linux describes it): the
// same headrooms, context defaults and limits, so that results can be compared byte for byte.
using System.Diagnostics;
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.TestRun;

/// <summary>Test runs of one program; keeps its buffers between runs. Not for several threads at once.</summary>
public sealed unsafe partial class TestRunner : IDisposable
{
    private const int EthernetHeader = 14, XdpHeadroom = 256, XdpFrame = 4096, SharedInfo = 320, SkbHeadroom = 512, MaxSkb = 65536;
    private const int RawContextSize = 4096;

    private readonly LoadedProgram _program;
    private readonly GuestContext _context;
    private readonly PacketBuffer _packet;
    private readonly byte* _contextMemory;
    private bool _disposed;

    public TestRunner(LoadedProgram program, IExecutable executable, ExecutionEnvironment environment)
    {
        (_program, Executable) = (program, executable);
        _context = new GuestContext(environment);
        Shape = ShapeOf((ProgramType)program.ProgramType);
        _packet = PacketBuffer.Allocate(Shape == ContextShape.Xdp ? XdpFrame : SkbHeadroom + 2 * MaxSkb, environment.Allocator);
        _packet.Shape = Shape;
        _contextMemory = environment.Allocator.Allocate(RawContextSize, 64);
    }

    /// <summary>What runs; another program of the same type may take its place between runs.</summary>
    public IExecutable Executable { get; set; }

    /// <summary>The structure that the program's context is.</summary>
    public ContextShape Shape { get; }

    public static ContextShape ShapeOf(ProgramType type) => type switch
    {
        ProgramType.Xdp => ContextShape.Xdp,
        ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.SocketFilter or ProgramType.CgroupSkb or ProgramType.LwtIn or ProgramType.LwtOut
            or ProgramType.LwtXmit or ProgramType.LwtSeg6Local or ProgramType.SkSkb or ProgramType.FlowDissector => ContextShape.SkBuff,
        _ => ContextShape.Raw,
    };

    /// <exception cref="GuestFaultException">A sandboxed program did something it may not.</exception>
    public TestRunResult Run(TestRunInput input)
    {
        GuestContext outer = GuestContext.Current;
        GuestContext.Current = _context;
        try
        {
            _context.Cpu = input.Cpu;
            new Span<byte>(_contextMemory, RawContextSize).Clear();
            return (ProgramType)_program.ProgramType switch
            {
                ProgramType.Xdp => RunXdp(input),
                ProgramType.FlowDissector => RunFlowDissector(input),
                ProgramType.Unspec => RunRaw(input),
                _ when Shape == ContextShape.SkBuff => RunSkb(input),
                _ => RunContext(input),
            };
        }
        finally
        {
            GuestContext.Current = outer;
        }
    }

    /// <summary>Runs the program as often as asked; returns R0 and the average time.</summary>
    private (ulong Result, long Nanoseconds) Execute(int repeat, nint r1, nint r2 = 0)
    {
        ulong result = 0;
        repeat = Math.Max(repeat, 1);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeat; i++)
        {
            _context.Reset();
            result = Executable.Run(r1, r2);
        }
        return (result, (long)(Stopwatch.GetElapsedTime(start).TotalNanoseconds / repeat));
    }

    private void Attach(int contextSize, PacketBuffer? packet)
    {
        _context.Context = _contextMemory;
        _context.ContextSize = contextSize;
        _context.Packet = packet;
        _context.RefreshPointers();
    }

    private TestRunResult Result(ulong value, long nanoseconds, ReadOnlySpan<byte> data, byte[] context)
        => new(0, value, data.ToArray(), context, nanoseconds, _context.ExecutedInstructions) { Redirect = _context.Redirect, Clones = [.. _context.Clones] };

    /// <summary><c>u64 prog(void *mem, u64 len)</c>.</summary>
    private TestRunResult RunRaw(TestRunInput input)
    {
        byte* memory = _context.Environment.Allocator.Allocate((nuint)Math.Max(input.Data.Length, 1), 64);
        try
        {
            input.Data.CopyTo(new Span<byte>(memory, input.Data.Length));
            _context.Context = null;
            _context.Packet = new PacketBuffer(memory, input.Data.Length) { Meta = memory, Data = memory, End = memory + input.Data.Length };
            (ulong value, long time) = Execute(input.Repeat, (nint)memory, input.Data.Length);
            return Result(value, time, new ReadOnlySpan<byte>(memory, input.Data.Length), []);
        }
        finally
        {
            _context.Packet = null;
            _context.Environment.Allocator.Free(memory);
        }
    }

    /// <summary>Programs whose context is plain memory: tracepoints, probes, syscall programs.</summary>
    private TestRunResult RunContext(TestRunInput input)
    {
        byte[] given = input.Context ?? input.Data;
        if (given.Length > RawContextSize)
            return TestRunResult.Refused(Errno.E2BIG);
        given.CopyTo(new Span<byte>(_contextMemory, given.Length));
        Attach(RawContextSize, null);
        (ulong value, long time) = Execute(input.Repeat, (nint)_contextMemory);
        return Result(value, time, [], new ReadOnlySpan<byte>(_contextMemory, given.Length).ToArray());
    }

    private TestRunResult RunXdp(TestRunInput input)
    {
        int headroom = XdpHeadroom;
        int metadata = 0;
        if (input.Context is { } given)
        {
            if (given.Length > XdpFields.Size && given.AsSpan(XdpFields.Size).ContainsAnyExcept((byte)0))
                return TestRunResult.Refused(Errno.E2BIG);
            Span<byte> fields = stackalloc byte[XdpFields.Size];
            given.AsSpan(0, Math.Min(given.Length, XdpFields.Size)).CopyTo(fields);
            Span<uint> words = MemoryMarshal.Cast<byte, uint>(fields);
            // data says how much of the input is metadata, data_end its whole length.
            if (words[2] != 0 || words[5] != 0 || words[1] != input.Data.Length && words[1] != 0 || words[0] > words[1] || (words[0] & 3) != 0 || words[0] > 252)
                return TestRunResult.Refused(Errno.EINVAL);
            if (words[3] > 1 || words[4] > 0)
                return TestRunResult.Refused(Errno.EINVAL);
            metadata = (int)words[0];
            headroom -= metadata;
        }
        if (input.Data.Length - metadata < EthernetHeader || input.Data.Length > XdpFrame - XdpHeadroom - SharedInfo)
            return TestRunResult.Refused(Errno.EINVAL);
        PlaceXdp(input.Data, headroom, metadata);
        (ulong value, long time) = Execute(input.Repeat, (nint)_contextMemory);
        var data = new ReadOnlySpan<byte>(_packet.Meta, (int)(_packet.End - _packet.Meta));
        byte[] context = new byte[XdpFields.Size];
        BitConverter.TryWriteBytes(context, (uint)(_packet.Data - _packet.Meta));
        BitConverter.TryWriteBytes(context.AsSpan(XdpFields.DataEnd), (uint)data.Length);
        BitConverter.TryWriteBytes(context.AsSpan(XdpFields.IngressIfindex), 1u);
        return Result(value, time, data, context);
    }

    private void PlaceXdp(ReadOnlySpan<byte> data, int headroom, int metadata)
    {
        _packet.Fill(data, headroom);
        _packet.Data += metadata;
        _packet.NetworkOffset = EthernetHeader;
        *(uint*)(_contextMemory + XdpFields.IngressIfindex) = 1; // the loopback device
        Attach(NativeContextLayout.TotalSize(XdpFields.Size), _packet);
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _packet.Dispose();
        _context.Environment.Allocator.Free(_contextMemory);
        GC.SuppressFinalize(this);
    }
}
