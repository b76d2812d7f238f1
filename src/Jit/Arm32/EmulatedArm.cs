// An ARM32 process under user-mode emulation that runs compiled programs, with helpers served by this process: the program
// calls a thunk, the thunk asks, we run the helper on the same memory and answer. One process serves all programs of an engine.
// Code and data lie in memory that both share, so that a process which ends early is replaced by the next call.
using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Ebpfcc.Jit.Memory;
using Ebpfcc.Jit.Sandboxing;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Jit.Arm32;

internal sealed unsafe class EmulatedArm : IDisposable
{
    /// <summary>Numbers of thunks that are no helpers.</summary>
    public const int ResolveTailCall = 1 << 20, LoadPacket8 = ResolveTailCall + 1, LoadPacket16 = LoadPacket8 + 1, LoadPacket32 = LoadPacket16 + 1,
        CheckAccess = LoadPacket32 + 1, PassGate = CheckAccess + 1, ProbeLoad = PassGate + 1;

    private readonly string _emulator;
    private readonly GuestArena _arena;
    private readonly Arm32Features _features;
    private readonly AnonymousFile _image;
    private readonly uint _gate;
    private readonly Dictionary<int, uint> _thunks = [], _stubs = [];
    private readonly object _lock = new();
    private readonly byte[] _byte = new byte[1];
    private Process? _process;

    /// <summary>How the last process ended, when it was not asked to.</summary>
    private string? _death;

    /// <summary>Calls of the guest that are being executed, one inside the other.</summary>
    private int _depth;

    public EmulatedArm(string emulator, GuestArena arena, Arm32Features features)
    {
        (_emulator, _arena, _features) = (emulator, arena, features);
        (byte[] image, _gate) = Arm32Host.Build(arena.Path, arena.Base, GuestArena.TotalBytes, features);
        _image = AnonymousFile.Create("ebpfcc-arm32", image.Length);
        _image.Write(image);
    }

    /// <summary>Address of a function that runs this helper here.</summary>
    public uint ThunkFor(int helper)
    {
        lock (_lock)
        {
            if (!_thunks.TryGetValue(helper, out uint address))
                _thunks[helper] = address = Install(Arm32Host.Thunk(helper, _gate, _features));
            return address;
        }
    }

    /// <summary>The same with words for arguments.</summary>
    public uint StubFor(int helper)
    {
        lock (_lock)
        {
            if (!_stubs.TryGetValue(helper, out uint address))
                _stubs[helper] = address = Install(Arm32ShortCalls.Stub(ThunkFor(helper), _features));
            return address;
        }
    }

    /// <summary>Puts code where the guest can run it.</summary>
    /// <exception cref="GuestFaultException">There is no room left.</exception>
    public uint Install(ReadOnlySpan<byte> code)
    {
        lock (_lock)
        {
            uint address = _arena.TryAllocateCode(code.Length);
            if (address == 0 && _depth == 0 && _arena.TryReclaimCode())
            {
                Stop(kill: false);
                address = _arena.TryAllocateCode(code.Length);
            }
            if (address == 0)
                throw new GuestFaultException($"{code.Length} bytes of ARM32 code do not fit into what is left of the {GuestArena.CodeBytes >> 20} MiB shared with the emulated process", 0);
            code.CopyTo(new Span<byte>((void*)address, code.Length));
            return address;
        }
    }

    public void Uninstall(uint address, int bytes) => _arena.FreeCode(address, bytes);

    /// <summary>Are these bytes in memory that the guest sees too?</summary>
    public bool Shares(ulong address, ulong size) => address <= uint.MaxValue && _arena.Contains((nint)address, (long)size);

    /// <summary>Calls a function with r0:r1 and r2:r3, from outside or from inside a helper of a running program.</summary>
    /// <exception cref="GuestFaultException">The process cannot be started or ended early.</exception>
    public ulong Call(uint function, ulong first, ulong second, ExecutionEnvironment environment)
        => Call(function, first, second, 0, 0, 0, environment);

    private ulong Call(uint function, ulong first, ulong second, ulong third, ulong fourth, ulong fifth, ExecutionEnvironment environment)
    {
        lock (_lock)
        {
            if (_depth == 0)
                Start();
            Word(Arm32Host.StackTop) = _arena.StackTop;
            Word(Arm32Host.Function) = function;
            ulong* arguments = (ulong*)(_arena.Base + Arm32Host.CallArguments);
            (arguments[0], arguments[1]) = (first, second);
            ulong* stack = (ulong*)(_arena.Base + Arm32Host.CallbackStack);
            (stack[0], stack[1], stack[2]) = (third, fourth, fifth);
            _depth++;
            try
            {
                return Serve(_depth == 1 ? 'G' : 'C', environment);
            }
            catch
            {
                // The guest still waits for an answer, or is gone: its successor starts afresh.
                Stop(kill: true);
                throw;
            }
            finally
            {
                _depth--;
            }
        }
    }

    /// <summary>Sends a command and serves helpers until the guest is done.</summary>
    private ulong Serve(char command, ExecutionEnvironment environment)
    {
        Send(command);
        while (true)
        {
            switch (Receive())
            {
                case 'D':
                    return Word(Arm32Host.Result) | (ulong)Word(Arm32Host.Result + 4) << 32;
                case 'H':
                    ulong result = Help(environment);
                    Word(Arm32Host.Result) = (uint)result;
                    Word(Arm32Host.Result + 4) = (uint)(result >> 32);
                    Send('R');
                    break;
                default:
                    throw Died();
            }
        }
    }

    private ulong Help(ExecutionEnvironment environment)
    {
        int number = (int)Word(Arm32Host.Helper);
        ulong* first = (ulong*)(_arena.Base + Arm32Host.HelperArguments);
        ulong* rest = (ulong*)Word(Arm32Host.HelperStack);
        ulong r1 = first[0], r2 = first[1];
        switch (number)
        {
            // As C functions of AAPCS: (state, address, kind, slot) and (state, slot, operand).
            case CheckAccess:
                return (uint)SandboxedExecutable.CheckAccess((SandboxState*)(uint)r1, r2, (int)rest[0], (int)(rest[0] >> 32));
            case PassGate:
                return (uint)SandboxedExecutable.PassGate((SandboxState*)(uint)r1, (int)(r1 >> 32), r2);
            case ProbeLoad:
                return SafeMemory.LoadOrZero(r1, (int)r2);
            case ResolveTailCall:
                return FindTailCallTarget(environment, r1, r2, rest[0]);
            case LoadPacket8 or LoadPacket16 or LoadPacket32:
                return PacketLoads.TryLoad((int)r2, number - LoadPacket8, out ulong value) ? value : ulong.MaxValue;
        }
        HelperImplementation helper = environment.Helpers.Find(number) ?? throw new InvalidOperationException(HelperRegistry.WhyMissing(number));
        GuestContext context = GuestContext.Current;
        delegate*<ulong, ulong, ulong, ulong, ulong, ulong, ulong> outer = context.CallbackInvoker;
        EmulatedArm? outerCaller = t_caller;
        context.CallbackInvoker = &Invoke;
        t_caller = this;
        try
        {
            return helper.Managed(r1, r2, rest[0], rest[1], rest[2]);
        }
        finally
        {
            context.CallbackInvoker = outer;
            t_caller = outerCaller;
        }
    }

    private static ulong FindTailCallTarget(ExecutionEnvironment environment, ulong context, ulong map, ulong index)
    {
        GuestContext guest = GuestContext.Current;
        if (environment.Helpers.Find(HelperRegistry.TailCallId) is not { } helper)
            return 0;
        helper.Managed(context, map, index, 0, 0);
        IExecutable? target = guest.TailCallTarget;
        guest.TailCallTarget = null;
        return target is Arm32Executable executable ? executable.Entry : 0;
    }

    [ThreadStatic]
    private static EmulatedArm? t_caller;

    /// <summary>A helper calls a function of the program: the guest runs it while the helper waits.</summary>
    private static ulong Invoke(ulong function, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5)
        => t_caller!.Call((uint)function, r1, r2, r3, r4, r5, GuestContext.Current.Environment);

    private ref uint Word(int offset) => ref *(uint*)(_arena.Base + offset);

    // ---- the process -------------------------------------------------------------------------------------------------------

    private void Start()
    {
        if (_process is { HasExited: false })
            return;
        Stop(kill: true);
        _death = null;
        var start = new ProcessStartInfo(_emulator) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add(_image.Path);
        try
        {
            _process = Process.Start(start);
        }
        catch (Win32Exception problem)
        {
            throw new GuestFaultException($"the ARM32 emulator {_emulator} does not start: {problem.Message}", 0);
        }
    }

    private void Send(char command)
    {
        _byte[0] = (byte)command;
        try
        {
            Stream input = (_process ?? throw Died()).StandardInput.BaseStream;
            input.Write(_byte);
            input.Flush();
        }
        catch (Exception problem) when (problem is IOException or InvalidOperationException)
        {
            throw Died();
        }
    }

    private char Receive()
    {
        try
        {
            if (_process is { } process && process.StandardOutput.BaseStream.Read(_byte, 0, 1) == 1)
                return (char)_byte[0];
        }
        catch (Exception problem) when (problem is IOException or InvalidOperationException)
        {
        }
        throw Died();
    }

    private GuestFaultException Died()
    {
        if (_death is not null)
            return new GuestFaultException(_death, 0);
        var text = new StringBuilder("the process that emulates ARM32 ended early");
        if (_process is { } process && process.WaitForExit(1000))
        {
            text.Append(", exit status ").Append(process.ExitCode);
            if (process.StandardError.ReadToEnd().Trim() is { Length: > 0 } error)
                text.Append(": ").Append(error.ReplaceLineEndings("; "));
        }
        return new GuestFaultException(_death = text.ToString(), 0);
    }

    /// <summary>Ends the process: at the end of its input it leaves by itself.</summary>
    private void Stop(bool kill)
    {
        if (_process is not { } process)
            return;
        _process = null;
        try
        {
            process.StandardInput.Close();
            if (kill || !process.WaitForExit(2000))
                process.Kill();
        }
        catch (Exception problem) when (problem is IOException or InvalidOperationException or Win32Exception)
        {
            // It is gone already.
        }
        process.Dispose();
    }

    public void Dispose()
    {
        lock (_lock)
            Stop(kill: false);
        _image.Dispose();
    }
}
