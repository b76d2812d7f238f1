// Single runs without results to copy: what replaying a capture and running filters inside a host need. Nothing is allocated; the
// packet is copied once, into the buffer that has the room around it that programs may ask for.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.TestRun;

public sealed unsafe partial class TestRunner
{
    private PacketBuffer? _raw;

    /// <summary>The state of the run on this runner's thread: CPU, redirect target, clones, cancellation.</summary>
    public GuestContext Context => _context;

    /// <summary>
    /// Runs the program once on an Ethernet packet with the context that <c>BPF_PROG_TEST_RUN</c> would give it.
    /// </summary>
    /// <param name="packet">From the Ethernet header.</param>
    /// <param name="result">R0.</param>
    /// <returns>0, or the positive error with which the kernel would refuse the packet; nothing ran then.</returns>
    public int RunPacket(ReadOnlySpan<byte> packet, out ulong result)
    {
        result = 0;
        int error = Place(packet);
        if (error == 0)
            result = Enter((nint)_contextMemory, 0);
        return error;
    }

    /// <summary>The packet as the last run of <see cref="RunPacket"/> left it, with its metadata in front.</summary>
    public ReadOnlySpan<byte> PacketAfter
    {
        get
        {
            if (Shape == ContextShape.SkBuff && !SeesEthernet)
                return new ReadOnlySpan<byte>(_packet.Data - EthernetHeader, _packet.Length + EthernetHeader);
            return new ReadOnlySpan<byte>(_packet.Meta, (int)(_packet.End - _packet.Meta));
        }
    }

    private int Place(ReadOnlySpan<byte> packet)
    {
        switch (Shape)
        {
            case ContextShape.Xdp:
                if (packet.Length < EthernetHeader || packet.Length > XdpFrame - XdpHeadroom - SharedInfo)
                    return Errno.EINVAL;
                PlaceXdp(packet, XdpHeadroom, 0);
                return 0;
            case ContextShape.SkBuff when (ProgramType)_program.ProgramType != ProgramType.FlowDissector:
                if (packet.Length < EthernetHeader || packet.Length > MaxSkb)
                    return Errno.EINVAL;
                new Span<byte>(_contextMemory, SkBuffFields.Size).Clear();
                PlaceSkb(packet, null);
                return 0;
            default:
                return Errno.EOPNOTSUPP;
        }
    }

    /// <summary>
    /// Runs a program on a context of the caller's, which it may change, and on a packet when the context has fields that point at one.
    /// </summary>
    /// <param name="context">The structure of the program type; pointers to the packet in it need not be set.</param>
    /// <param name="packet">May be empty. Changes of the program stay in the runner (<see cref="HostPacket"/>).</param>
    /// <exception cref="ArgumentException">The context is larger than contexts can be, or the packet than packets can be.</exception>
    public ulong RunContext(Span<byte> context, ReadOnlySpan<byte> packet)
    {
        if (context.Length > RawContextSize / 3)
            throw new ArgumentException($"a context has at most {RawContextSize / 3} bytes", nameof(context));
        if (packet.Length > MaxSkb)
            throw new ArgumentException($"a packet has at most {MaxSkb} bytes", nameof(packet));
        context.CopyTo(new Span<byte>(_contextMemory, context.Length));
        bool hasPacket = !packet.IsEmpty || _program.HostType is not null;
        if (hasPacket)
        {
            _packet.Fill(packet, SkbHeadroom);
            foreach (ContextField field in _program.ContextLayout.Fields)
            {
                byte* target = field.Pointer switch { ContextPointer.Packet => _packet.Data, ContextPointer.PacketEnd => _packet.End, ContextPointer.PacketMeta => _packet.Meta, _ => null };
                if (target is null || field.End > context.Length)
                    continue;
                if (field.Size == 8)
                    *(ulong*)(_contextMemory + field.Offset) = (ulong)target;
                else
                    PacketBuffer.Pointer(_contextMemory, _program.ContextLayout.Size, field.Offset, target);
            }
        }
        Attach(context.Length, hasPacket ? _packet : null);
        ulong result = Enter((nint)_contextMemory, 0);
        new ReadOnlySpan<byte>(_contextMemory, context.Length).CopyTo(context);
        return result;
    }

    /// <summary>The packet of the last <see cref="RunContext"/> as the program left it.</summary>
    public ReadOnlySpan<byte> HostPacket => _packet.Bytes;

    /// <summary>Runs a program without a type on memory of the caller's: <c>u64 prog(void *mem, u64 len)</c>.</summary>
    public ulong RunMemory(Span<byte> memory)
    {
        fixed (byte* address = memory)
        {
            _context.Context = null;
            _context.Packet = _raw ??= new PacketBuffer(null, 0);
            _raw.Rebase(address, memory.Length);
            try
            {
                return Enter((nint)address, memory.Length);
            }
            finally
            {
                _context.Packet = null;
            }
        }
    }

    private GuestContext? _outer;
    private bool _isEntered;

    /// <summary>
    /// Makes this runner the one of the current thread, for many runs in a row without the price of finding out; until <see cref="Leave"/>
    /// the thread must run nothing else.
    /// </summary>
    public void Enter()
    {
        _outer = GuestContext.Current;
        GuestContext.Current = _context;
        _isEntered = true;
    }

    public void Leave()
    {
        _isEntered = false;
        GuestContext.Current = _outer!;
        _outer = null;
    }

    private ulong Enter(nint r1, nint r2)
    {
        if (_isEntered)
        {
            _context.Reset();
            return Executable.Run(r1, r2);
        }
        ref GuestContext? current = ref GuestContext.Slot;
        GuestContext? outer = current;
        current = _context;
        try
        {
            _context.Reset();
            return Executable.Run(r1, r2);
        }
        finally
        {
            current = outer;
        }
    }
}
