// The memory an unverified program may touch: its stack, what R1 points at, the packet and the maps. The loop asks here only
// when neither the stack nor the window found last contains an access.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Execution.Interpretation;

/// <summary>The windows and permissions of one sandboxed run.</summary>
internal sealed unsafe class Sandbox
{
    private ISandboxedProgram _program;
    private GuestContext _context;
    private nint _r1, _r2;

    public Sandbox(ISandboxedProgram program, GuestContext context, nint r1, nint r2) => (_program, _context, _r1, _r2) = (program, context, r1, r2);

    [ThreadStatic]
    private static Sandbox? t_idle;

    /// <summary>For a run on this thread; <see cref="Return"/> keeps it for the next one, so that running allocates nothing.</summary>
    public static Sandbox Take(ISandboxedProgram program, GuestContext context, nint r1, nint r2)
    {
        if (t_idle is not { } sandbox)
            return new Sandbox(program, context, r1, r2);
        t_idle = null;
        sandbox.Begin(program, context, r1, r2);
        return sandbox;
    }

    public static void Return(Sandbox sandbox) => t_idle = sandbox;

    /// <summary>For another run.</summary>
    public void Begin(ISandboxedProgram program, GuestContext context, nint r1, nint r2) => (_program, _context, _r1, _r2) = (program, context, r1, r2);

    /// <summary>What most accesses mean: the memory of a raw program, the packet of others, or else the context.</summary>
    public MemoryWindow MainWindow
    {
        get
        {
            if (IsRaw)
                return new MemoryWindow { Start = (ulong)_r1, Room = (ulong)_r2 };
            return _context.Packet is { } packet
                ? new MemoryWindow { Start = (ulong)packet.Meta, Room = (ulong)(packet.End - packet.Meta) }
                : new MemoryWindow { Start = (ulong)_context.Context, Room = (ulong)_context.ContextSize };
        }
    }

    private bool IsRaw => _context.Context is null || (nint)_context.Context != _r1;

    /// <summary>A tail call entered another program: its maps count from now on.</summary>
    public void Enter(ISandboxedProgram program) => _program = program;

    /// <summary>Is every byte readable? Remembers the window it found.</summary>
    public bool FindReadable(MachineState* state, ulong address, ulong size) => Find(ref state->Readable, address, size, write: false);

    public bool FindWritable(MachineState* state, ulong address, ulong size) => Find(ref state->Writable, address, size, write: true);

    private bool Find(ref MemoryWindow cache, ulong address, ulong size, bool write)
    {
        if (IsRaw)
        {
            if (Inside((ulong)_r1, (ulong)_r2, address, size))
                return Remember(ref cache, (ulong)_r1, (ulong)_r2);
        }
        else if (Inside((ulong)_context.Context, (ulong)_context.ContextSize, address, size))
        {
            return Remember(ref cache, (ulong)_context.Context, (ulong)_context.ContextSize);
        }
        // Packet windows are not remembered when helpers can move them: a helper call forgets all windows.
        if (_context.Packet is { } packet && Inside((ulong)packet.Meta, (ulong)(packet.End - packet.Meta), address, size))
            return Remember(ref cache, (ulong)packet.Meta, (ulong)(packet.End - packet.Meta));
        if (!write && Inside((ulong)_context.Scratch, (ulong)_context.ScratchSize, address, size))
            return true;
        foreach (IMap map in _program.Program.Maps)
        {
            if (!(write && map.Definition.IsFrozen) && map.FindRegion((byte*)address, (nuint)size, out byte* start, out nuint length))
                return Remember(ref cache, (ulong)start, length);
        }
        return false;
    }

    private static bool Inside(ulong start, ulong length, ulong address, ulong size) => size <= length && address - start <= length - size;

    private static bool Remember(ref MemoryWindow cache, ulong start, ulong length)
    {
        if (length >= 8)
            cache = new MemoryWindow { Start = start, Room = length };
        return true;
    }

    /// <summary>May the helper be called with these registers? Its row says what its arguments must be.</summary>
    public bool AllowsCall(MachineState* state, int id, ulong* r)
    {
        state->Readable = state->Writable = state->Stack;
        HelperImplementation helper = _program.Environment.Helpers.Find(id)!;
        if (helper.Row is not { } row)
            return true;
        string? problem = HelperGuard.FirstProblem(row, (ProgramType)_program.Program.ProgramType, r, this, state, _program.Program.Maps, _context);
        if (problem is null)
            return true;
        _context.PendingFault = new GuestFaultException($"{row.FullName}: {problem}", 0);
        state->Fault = MachineFault.HelperRefused;
        return false;
    }

    /// <summary>
    /// A call through a register names a helper by its number. Helpers that change where execution goes need a call that says so.
    /// </summary>
    public bool CallByNumber(MachineState* state, ISandboxedProgram caller, ulong number, ulong* r)
    {
        if (number > int.MaxValue || caller.Environment.Helpers.Find((int)number) is not { } helper || number == HelperRegistry.TailCallId
            || helper.Row is { } row && (row.Has(HelperFlags.SyncCallback) || row.Has(HelperFlags.AsyncCallback)) || !AllowsCall(state, (int)number, r))
            return false;
        r[0] = helper.Managed(r[1], r[2], r[3], r[4], r[5]);
        return true;
    }

    public bool CanRead(MachineState* state, ulong address, ulong size)
        => size == 0 || Inside(state->Stack.Start, state->Stack.Room, address, size) || FindReadable(state, address, size);

    public bool CanWrite(MachineState* state, ulong address, ulong size)
        => size == 0 || Inside(state->Stack.Start, state->Stack.Room, address, size) || FindWritable(state, address, size);
}
