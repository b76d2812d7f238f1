// An ARM32 process under user-mode emulation that runs compiled programs, with helpers served by this process: the program
// calls a thunk, the thunk asks, we run the helper on the same memory and answer. One process serves all programs of an engine.
using System.Diagnostics;
using System.Text;
using Ebpfcc.Jit.Memory;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;

namespace Ebpfcc.Jit.Arm32;

internal sealed unsafe class EmulatedArm : IDisposable
{
    /// <summary>Numbers of thunks that are no helpers.</summary>
    public const int ResolveTailCall = 1 << 20, LoadPacket8 = ResolveTailCall + 1, LoadPacket16 = LoadPacket8 + 1, LoadPacket32 = LoadPacket16 + 1;

    private readonly GuestArena _arena;
    private readonly Arm32Features _features;
    private readonly Process _process;
    private readonly Stream _toGuest, _fromGuest;
    private readonly uint _gate;
    private readonly string _image;
    private readonly Dictionary<int, uint> _thunks = [];
    private readonly object _lock = new();
    private readonly byte[] _byte = new byte[1];

    public EmulatedArm(string emulator, GuestArena arena, Arm32Features features)
    {
        _arena = arena;
        _features = features;
        (byte[] image, _gate) = Arm32Host.Build(arena.Path, arena.Base, GuestArena.TotalBytes, features);
        _image = arena.Path + ".elf";
        File.WriteAllBytes(_image, image);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(_image, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var start = new ProcessStartInfo(emulator) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add(_image);
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{emulator} did not start.");
        _toGuest = _process.StandardInput.BaseStream;
        _fromGuest = _process.StandardOutput.BaseStream;
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

    /// <summary>Puts code where the guest can run it.</summary>
    public uint Install(ReadOnlySpan<byte> code)
    {
        uint address = _arena.AllocateCode(code.Length);
        code.CopyTo(new Span<byte>((void*)address, code.Length));
        return address;
    }

    /// <summary>Calls a program: r0:r1 = context, r2:r3 = second argument.</summary>
    public ulong Run(uint entry, uint r1, uint r2, ExecutionEnvironment environment)
    {
        lock (_lock)
        {
            Word(Arm32Host.StackTop) = _arena.StackTop;
            Word(Arm32Host.CallArguments) = r1;
            Word(Arm32Host.CallArguments + 4) = 0;
            Word(Arm32Host.CallArguments + 8) = r2;
            Word(Arm32Host.CallArguments + 12) = 0;
            Word(Arm32Host.Function) = entry;
            return Serve('G', environment);
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
                case var other:
                    throw new InvalidOperationException($"The emulated process sent 0x{(int)other:x}.{Complaint()}");
            }
        }
    }

    private ulong Help(ExecutionEnvironment environment)
    {
        int number = (int)Word(Arm32Host.Helper);
        ulong* first = (ulong*)(_arena.Base + Arm32Host.HelperArguments);
        ulong* rest = (ulong*)Word(Arm32Host.HelperStack);
        ulong r1 = first[0], r2 = first[1], r3 = rest[0], r4 = rest[1], r5 = rest[2];
        switch (number)
        {
            case ResolveTailCall:
                return FindTailCallTarget(environment, r1, r2, r3);
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
            return helper.Managed(r1, r2, r3, r4, r5);
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
    {
        EmulatedArm self = t_caller!;
        self.Word(Arm32Host.Function) = (uint)function;
        ulong* arguments = (ulong*)(self._arena.Base + Arm32Host.CallArguments);
        (arguments[0], arguments[1]) = (r1, r2);
        ulong* stack = (ulong*)(self._arena.Base + Arm32Host.CallbackStack);
        (stack[0], stack[1], stack[2]) = (r3, r4, r5);
        return self.Serve('C', GuestContext.Current.Environment);
    }

    private ref uint Word(int offset) => ref *(uint*)(_arena.Base + offset);

    private void Send(char command)
    {
        _byte[0] = (byte)command;
        _toGuest.Write(_byte);
        _toGuest.Flush();
    }

    private char Receive()
    {
        int count = _fromGuest.Read(_byte, 0, 1);
        return count == 1 ? (char)_byte[0] : throw new InvalidOperationException($"The emulated process ended.{Complaint()}");
    }

    private string Complaint()
    {
        if (!_process.WaitForExit(1000))
            return "";
        var text = new StringBuilder($" Exit status {_process.ExitCode}.");
        string error = _process.StandardError.ReadToEnd().Trim();
        return error.Length > 0 ? text.Append(' ').Append(error).ToString() : text.ToString();
    }

    public void Dispose()
    {
        try
        {
            _toGuest.Dispose();
            if (!_process.WaitForExit(2000))
                _process.Kill();
        }
        catch (Exception problem) when (problem is IOException or InvalidOperationException)
        {
            // The process is gone already.
        }
        _process.Dispose();
        File.Delete(_image);
    }
}
