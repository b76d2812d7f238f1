// The state of one run on one thread. Helpers find it through the thread, because programs call them with nothing but their
// five arguments. A context is reused for many runs: running allocates nothing.
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Execution;

/// <summary>What <c>bpf_redirect</c> and its kin asked for.</summary>
/// <param name="InterfaceIndex">Target interface, 0 for none.</param>
/// <param name="Flags">As passed.</param>
/// <param name="Map">The map of a <c>bpf_redirect_map</c>, or null.</param>
/// <param name="Key">Its key.</param>
public readonly record struct RedirectTarget(uint InterfaceIndex, ulong Flags, IMap? Map = null, ulong Key = 0);

/// <summary>Per-run state, held by the thread that runs the program.</summary>
public sealed unsafe class GuestContext
{
    /// <summary>The kernel's MAX_TAIL_CALL_CNT.</summary>
    public const int TailCallLimit = 33;

    [ThreadStatic]
    private static GuestContext? t_current;

    public GuestContext(ExecutionEnvironment environment)
    {
        Environment = environment;
        RandomState = environment.RandomSeed ?? (ulong)Random.Shared.NextInt64();
    }

    /// <summary>The context of the run on this thread; a default one before the first.</summary>
    public static GuestContext Current
    {
        get => t_current ??= new GuestContext(new ExecutionEnvironment());
        set => t_current = value;
    }

    internal static GuestContext? CurrentOrNull => t_current;

    /// <summary>This thread's place of the current context, for who sets it and puts it back.</summary>
    internal static ref GuestContext? Slot => ref t_current;

    public ExecutionEnvironment Environment { get; }

    /// <summary>Address and size of the memory R1 points at; 0 for raw programs.</summary>
    public byte* Context { get; set; }

    public int ContextSize { get; set; }

    /// <summary>The packet behind the context, or null.</summary>
    public PacketBuffer? Packet { get; set; }

    /// <summary>Bytes that helpers put into the packet or took away change the context's pointers.</summary>
    public void RefreshPointers() => Packet?.UpdateContext(Context);

    /// <summary>The CPU of this run: the index into per-CPU values.</summary>
    public int Cpu { get; set; }

    public int TailCalls { get; set; }

    /// <summary>What the last successful tail call continues with; engines take it and set it to null.</summary>
    public IExecutable? TailCallTarget { get; set; }

    public RedirectTarget Redirect
    {
        get => _redirect;
        set => (_redirect, _isRedirected) = (value, true);
    }

    private RedirectTarget _redirect;
    private bool _isRedirected;

    /// <summary>Clones that <c>bpf_clone_redirect</c> sent, in order.</summary>
    public List<RedirectTarget> Clones { get; } = [];

    /// <summary>Instructions of the last run, where they were counted.</summary>
    public long ExecutedInstructions { get; set; }

    /// <summary>State of the random sequence.</summary>
    public ulong RandomState { get; set; }

    /// <summary>ARPHRD_LOOPBACK.</summary>
    public const uint LoopbackHardware = 772;

    /// <summary>ARPHRD_* of the device the packet came from; test runs have the loopback device.</summary>
    public uint HardwareType { get; set; } = LoopbackHardware;

    /// <summary>What <c>bpf_get_socket_cookie</c> returns.</summary>
    public ulong SocketCookie { get; set; } = 1;

    /// <summary>A tunnel key was set (<c>bpf_skb_set_tunnel_key</c>).</summary>
    public bool HasTunnelKey { get; set; }

    /// <summary>Cookie that <c>bpf_get_attach_cookie</c> returns.</summary>
    public ulong AttachCookie { get; set; }

    /// <summary>What <c>bpf_get_func_ip</c> and stack helpers report.</summary>
    public ulong InstructionPointer { get; set; }

    /// <summary>
    /// Calls a function of the program from inside a helper (bpf_loop and its kin): set by the engine around helper calls that
    /// take callbacks. Arguments: the function pointer as the program passed it, then R1 to R5; returns R0.
    /// </summary>
    public delegate*<ulong, ulong, ulong, ulong, ulong, ulong, ulong> CallbackInvoker { get; set; }

    /// <summary>Memory of a helper that its callbacks may read: the key of an iteration.</summary>
    public byte* Scratch { get; set; }

    public int ScratchSize { get; set; }

    /// <summary>State of the engine that <see cref="CallbackInvoker"/> needs.</summary>
    public void* EngineState { get; set; }

    /// <summary>A fault that a helper or callback found; engines stop the program and throw it.</summary>
    public GuestFaultException? PendingFault { get; set; }

    /// <summary>The call stack that stack helpers report, innermost address first; supplied by whoever starts the run.</summary>
    public ulong[] CallStack { get; set; } = [];

    /// <summary>What a helper of the host threw in this run.</summary>
    public Exception? HelperFailure { get; set; }

    /// <summary>Asked by helpers that call back in loops: the run ends early, with <see cref="HelperFailure"/> set, when it is cancelled.</summary>
    public CancellationToken Cancellation { get; set; }

    /// <summary>Forgets the last run, keeps the buffers.</summary>
    public void Reset()
    {
        TailCalls = 0;
        TailCallTarget = null;
        HasTunnelKey = false;
        // Most runs redirect nothing; forgetting nothing is what an empty call would pay for.
        if (_isRedirected)
            (_redirect, _isRedirected) = (default, false);
        if (Clones.Count > 0)
            Clones.Clear();
        PendingFault = null;
        HelperFailure = null;
        ExecutedInstructions = 0;
    }
}
