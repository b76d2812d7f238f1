// Code that is called in this process as u64 entry(r1, r2) in the platform's C convention, whoever generated it: how it is run,
// and how helpers call its functions back. Such programs can continue each other by tail calls.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Jit;

/// <summary>A compiled program. Thread-safe; each call uses the calling thread's stack.</summary>
public abstract unsafe class NativeExecutable : IExecutable
{
    private readonly bool _callsBack, _staysInside;

    /// <param name="staysInside">
    /// The code calls nothing and has no loops: it is over so soon that a garbage collection can wait for it, which saves telling the
    /// collector about the call.
    /// </param>
    private protected NativeExecutable(LoadedProgram program, ExecutionEnvironment environment, bool staysInside = false)
    {
        (Program, Environment, _staysInside) = (program, environment, staysInside);
        _callsBack = program.Instructions.Any(instruction => OpcodeTable.Classify(instruction) is EbpfOpcode.LoadFunction
            || OpcodeTable.Classify(instruction) == EbpfOpcode.CallHelper && instruction.Immediate == HelperRegistry.TailCallId);
    }

    public LoadedProgram Program { get; }

    public ExecutionEnvironment Environment { get; }

    public abstract ReadOnlyMemory<byte> Code { get; }

    /// <summary>Native address of the program: <c>u64 entry(r1, r2)</c> in the platform's convention.</summary>
    /// <exception cref="ObjectDisposedException">The code is gone.</exception>
    public abstract nint Entry { get; }

    public ulong Run(nint r1, nint r2 = 0)
    {
        nint entry = Entry;
        if (_callsBack)
            return RunWithCallbacks(entry, r1, r2);
        ulong result = _staysInside
            ? ((delegate* unmanaged[SuppressGCTransition]<nint, nint, ulong>)entry)(r1, r2)
            : ((delegate* unmanaged<nint, nint, ulong>)entry)(r1, r2);
        GC.KeepAlive(this);
        return result;
    }

    /// <summary>Helpers may call functions of this program, or of one that it continues with.</summary>
    private ulong RunWithCallbacks(nint entry, nint r1, nint r2)
    {
        GuestContext context = GuestContext.Current;
        delegate*<ulong, ulong, ulong, ulong, ulong, ulong, ulong> outer = context.CallbackInvoker;
        context.CallbackInvoker = &X64Runtime.InvokeCallback;
        ulong result = ((delegate* unmanaged<nint, nint, ulong>)entry)(r1, r2);
        context.CallbackInvoker = outer;
        GC.KeepAlive(this);
        return result;
    }

    public abstract void Dispose();
}
