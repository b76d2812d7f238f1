// Runs converted filters on engines with the packets of the reference interpreter: the context and the packet around it hold the
// same facts, where programs look for them. Test runs (TestRun/TestRunner.cs) are the kernel's, with the kernel's defaults; this
// is the view of a filter that is attached to a socket.
using System.Buffers.Binary;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Classic;
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Runtime.Classic;

/// <summary>One filter under one engine. Keeps its buffers between runs; not for several threads at once.</summary>
public sealed unsafe class ClassicRunner : IDisposable
{
    private const int Headroom = 64;

    private readonly GuestContext _context;
    private readonly IExecutable _executable;
    private readonly byte* _contextMemory;
    private PacketBuffer _packet;

    /// <param name="environment">With <see cref="ClassicHelpers.Registry"/> where the filter uses internal extensions.</param>
    public ClassicRunner(IExecutable executable, ExecutionEnvironment environment)
    {
        _executable = executable;
        _context = new GuestContext(environment);
        _contextMemory = environment.Allocator.Allocate((nuint)NativeContextLayout.TotalSize(SkBuffFields.Size), 64);
        _packet = Allocate(4096);
    }

    /// <summary>The program as loaders give it.</summary>
    public static LoadedProgram Load(ClassicConversion conversion, string name = "filter") => new()
    {
        Name = name, Section = conversion.Section, ProgramType = (int)conversion.ProgramType, Instructions = conversion.Instructions,
        Subprograms = [new Subprogram(name, 0, true, 0)], License = "GPL",
        // Programs that the bpf system call runs may sleep, and must say so.
        Flags = conversion.ProgramType == Ebpf.Abi.ProgramType.Syscall ? 1u << 4 : 0,
    };

    /// <summary>Verifies a converted filter. What comes out of the converter is always accepted.</summary>
    /// <exception cref="InternalCompilerException">It is not: a defect of converter or verifier.</exception>
    public static VerifiedProgram Verify(ClassicConversion conversion, string name = "filter")
    {
        VerificationResult result = Verifier.Verify(Load(conversion, name), new VerifierOptions { ExtraHelpers = ClassicExtensions.InternalHelpers });
        return result.Program ?? throw new InternalCompilerException(nameof(ClassicConverter), name, $"insn {result.Rejection!.Slot}: {result.Rejection.Message}");
    }

    /// <summary>Verifies a filter and prepares it for an engine.</summary>
    public static ClassicRunner Open(ClassicConversion conversion, IExecutionEngine engine, ExecutionEnvironment environment, string name = "filter")
        => new(engine.Prepare(Verify(conversion, name), environment), environment);

    private PacketBuffer Allocate(int capacity) => new(_context.Environment.Allocator.Allocate((nuint)(capacity + 2 * Headroom), 64), capacity + 2 * Headroom) { Shape = ContextShape.SkBuff, HasDirectAccess = false };

    /// <summary>Instructions of the last run, where the engine counts them.</summary>
    public long ExecutedInstructions => _context.ExecutedInstructions;

    /// <summary>Runs a packet filter.</summary>
    public uint Run(ClassicPacket packet)
    {
        Place(packet);
        return RunAgain();
    }

    /// <summary>Runs on what is in place from the last call; the result of the last of several runs.</summary>
    public uint RunAgain(int times = 1)
    {
        GuestContext outer = GuestContext.Current;
        GuestContext.Current = _context;
        try
        {
            // Once is enough: filters call no helper that leaves traces in the context.
            _context.Reset();
            ulong result = 0;
            for (int i = 0; i < times; i++)
                result = _executable.Run((nint)_contextMemory);
            return (uint)result;
        }
        finally
        {
            GuestContext.Current = outer;
        }
    }

    /// <summary>Runs a filter of system calls on a struct seccomp_data.</summary>
    public uint Run(ReadOnlySpan<byte> seccompData)
    {
        new Span<byte>(_contextMemory, NativeContextLayout.TotalSize(SkBuffFields.Size)).Clear();
        seccompData[..ClassicFilter.SeccompDataSize].CopyTo(new Span<byte>(_contextMemory, ClassicFilter.SeccompDataSize));
        _context.Context = _contextMemory;
        _context.ContextSize = ClassicFilter.SeccompDataSize;
        _context.Packet = null;
        return RunAgain();
    }

    /// <summary>Lays a packet and its context out in memory.</summary>
    public void Place(ClassicPacket packet)
    {
        if (packet.Buffer.Length > _packet.Capacity - 2 * Headroom)
        {
            _context.Environment.Allocator.Free(_packet.Start);
            _packet = Allocate(packet.Buffer.Length);
        }
        // Bytes before the data are those of the packet's own link layer, or of nothing.
        byte* begin = _packet.Start + Headroom;
        packet.Buffer.CopyTo(new Span<byte>(begin, packet.Buffer.Length));
        _packet.Data = _packet.Meta = begin + packet.DataStart;
        _packet.End = begin + packet.Buffer.Length;
        _packet.NetworkOffset = packet.NetworkOffset;
        _packet.LinkOffset = packet.LinkOffset;
        new Span<byte>(_contextMemory, NativeContextLayout.TotalSize(SkBuffFields.Size)).Clear();
        Field(SkBuffFields.Protocol) = BinaryPrimitives.ReverseEndianness(packet.Protocol);
        Field(SkBuffFields.PacketType) = packet.PacketType;
        Field(SkBuffFields.Ifindex) = packet.InterfaceIndex;
        Field(SkBuffFields.Mark) = packet.Mark;
        Field(SkBuffFields.QueueMapping) = packet.Queue;
        Field(SkBuffFields.Hash) = packet.Hash;
        Field(SkBuffFields.VlanPresent) = packet.HasVlanTag ? 1u : 0;
        Field(SkBuffFields.VlanTci) = packet.VlanTag;
        Field(SkBuffFields.VlanProto) = BinaryPrimitives.ReverseEndianness(packet.VlanProtocol);
        _context.HardwareType = packet.HardwareType;
        _context.Context = _contextMemory;
        _context.ContextSize = NativeContextLayout.TotalSize(SkBuffFields.Size);
        _context.Packet = _packet;
        _context.RefreshPointers();
    }

    private ref uint Field(int offset) => ref *(uint*)(_contextMemory + offset);

    public void Dispose()
    {
        _executable.Dispose();
        _context.Environment.Allocator.Free(_packet.Start);
        _context.Environment.Allocator.Free(_contextMemory);
    }
}
