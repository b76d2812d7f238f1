// One program and its runs. A run takes a CPU of the machine and the buffers that the program has there; both are reused, so that
// running allocates nothing.
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.TestRun;

namespace Ebpfcc.Embedding;

/// <summary>A program that can be called from any number of threads at once.</summary>
public sealed class Program
{
    private readonly Vm _vm;
    private readonly LoadedProgram _program;
    private readonly TestRunner?[] _runners;
    private readonly bool[] _isRunning;
    private readonly Lock _lock = new();

    /// <summary>Null once the module is gone.</summary>
    private ProgramCode? _code;

    /// <summary>Groups that hot swaps brought, each with a reference that is to be given back.</summary>
    private readonly List<CodeGroup> _borrowed = [];

    internal Program(Vm vm, LoadedProgram program, ProgramCode code)
    {
        (_vm, _program, _code) = (vm, program, code);
        _runners = new TestRunner?[vm.Gate.Count];
        _isRunning = new bool[vm.Gate.Count];
    }

    /// <summary>The C function's name.</summary>
    public string Name => _program.Name;

    /// <summary>The ELF section.</summary>
    public string Section => _program.Section;

    /// <summary>What it is for; <see cref="Ebpf.Abi.ProgramType.Host"/> for types of the host.</summary>
    public ProgramType Type => (ProgramType)_program.ProgramType;

    /// <summary>
    /// Runs the program on an Ethernet packet, in the context that the kernel's BPF_PROG_TEST_RUN would give it.
    /// </summary>
    /// <param name="packet">The bytes from the Ethernet header. They are copied; the program's changes are lost.</param>
    /// <returns>R0: an XDP or traffic control verdict.</returns>
    /// <exception cref="EbpfException">The program takes no packets, or the packet is too short or too long.</exception>
    /// <exception cref="GuestFaultException">Sandboxed programs: it did something it may not.</exception>
    /// <exception cref="ObjectDisposedException">Its module is gone.</exception>
    public ulong Run(ReadOnlySpan<byte> packet) => Run(packet, default, out _, out _);

    /// <summary>
    /// Runs the program on a packet and gives back what it made of it.
    /// </summary>
    /// <param name="packet">The bytes from the Ethernet header.</param>
    /// <param name="output">Takes the packet afterwards, cut to fit.</param>
    /// <param name="length">Its whole length.</param>
    /// <param name="redirect">Where the program redirected it to.</param>
    /// <param name="cancellation">Ends helpers that loop (<c>bpf_loop</c>, <c>bpf_for_each_map_elem</c>) with an <see cref="OperationCanceledException"/>.</param>
    public ulong Run(ReadOnlySpan<byte> packet, Span<byte> output, out int length, out RedirectTarget redirect, CancellationToken cancellation = default)
    {
        TestRunner runner = Enter(cancellation, out int cpu, out bool isNested);
        try
        {
            if (runner.RunPacket(packet, out ulong result) is not 0 and var error)
                throw new EbpfException(error, $"program '{Name}' cannot run on this packet of {packet.Length} bytes");
            ReadOnlySpan<byte> after = runner.PacketAfter;
            after[..Math.Min(after.Length, output.Length)].CopyTo(output);
            (length, redirect) = (after.Length, runner.Context.Redirect);
            ThrowIfFailed(runner.Context);
            return result;
        }
        finally
        {
            Leave(runner, cpu, isNested);
        }
    }

    /// <summary>
    /// Runs the program on a context: the structure behind its first argument, which it may change.
    /// </summary>
    /// <param name="context">Fields that point at the packet need not be set.</param>
    /// <param name="packet">What those fields point at. It is copied; the program's changes are lost.</param>
    /// <param name="cancellation">As for packets.</param>
    public ulong Run<TContext>(ref TContext context, ReadOnlySpan<byte> packet = default, CancellationToken cancellation = default)
        where TContext : unmanaged
        => RunContext(MemoryMarshal.AsBytes(new Span<TContext>(ref context)), packet, default, cancellation);

    /// <summary>Runs the program on the bytes of a context, with a packet that the program may change.</summary>
    /// <param name="context">The structure behind R1.</param>
    /// <param name="packet">What the context's packet fields point at.</param>
    /// <param name="output">Takes the packet afterwards, cut to fit.</param>
    /// <param name="cancellation">As for packets.</param>
    public ulong RunContext(Span<byte> context, ReadOnlySpan<byte> packet = default, Span<byte> output = default, CancellationToken cancellation = default)
    {
        if (Type != ProgramType.Unspec && context.Length < _program.ContextLayout.Size && (Type == ProgramType.Host || TestRunner.ShapeOf(Type) != ContextShape.Raw))
            throw new ArgumentException($"the context of '{Name}' has {_program.ContextLayout.Size} bytes, not {context.Length}", nameof(context));
        TestRunner runner = Enter(cancellation, out int cpu, out bool isNested);
        try
        {
            ulong result = runner.RunContext(context, packet);
            if (!output.IsEmpty)
            {
                ReadOnlySpan<byte> after = runner.HostPacket;
                after[..Math.Min(after.Length, output.Length)].CopyTo(output);
            }
            ThrowIfFailed(runner.Context);
            return result;
        }
        finally
        {
            Leave(runner, cpu, isNested);
        }
    }

    /// <summary>Runs a program without a type on memory: <c>u64 prog(void *mem, u64 len)</c>.</summary>
    public ulong RunMemory(Span<byte> memory, CancellationToken cancellation = default)
    {
        TestRunner runner = Enter(cancellation, out int cpu, out bool isNested);
        try
        {
            ulong result = runner.RunMemory(memory);
            ThrowIfFailed(runner.Context);
            return result;
        }
        finally
        {
            Leave(runner, cpu, isNested);
        }
    }

    /// <summary>Everything that BPF_PROG_TEST_RUN takes and gives. Allocates its result.</summary>
    public TestRunResult TestRun(TestRunInput input)
    {
        TestRunner runner = Enter(default, out int cpu, out bool isNested);
        try
        {
            TestRunResult result = runner.Run(input with { Cpu = cpu });
            ThrowIfFailed(runner.Context);
            return result;
        }
        finally
        {
            Leave(runner, cpu, isNested);
        }
    }

    private TestRunner Enter(CancellationToken cancellation, out int cpu, out bool isNested)
    {
        cancellation.ThrowIfCancellationRequested();
        cpu = _vm.Gate.Enter(out isNested);
        try
        {
            IExecutable executable = Volatile.Read(ref _code)?.Executable ?? throw new ObjectDisposedException($"program '{Name}'");
            // This thread holds the CPU, so that its buffers are ours, unless a run further out on the same thread uses them.
            TestRunner runner = _isRunning[cpu] ? NewRunner(cpu, executable) : _runners[cpu] ??= NewRunner(cpu, executable);
            isNested = _isRunning[cpu];
            _isRunning[cpu] = true;
            runner.Executable = executable;
            runner.Context.Cancellation = cancellation;
            return runner;
        }
        catch
        {
            _vm.Gate.Leave(cpu);
            throw;
        }
    }

    private TestRunner NewRunner(int cpu, IExecutable executable)
    {
        var runner = new TestRunner(_program, executable, _vm.Environment);
        runner.Context.Cpu = cpu;
        return runner;
    }

    private void Leave(TestRunner runner, int cpu, bool isNested)
    {
        if (isNested)
            runner.Dispose();
        else
            _isRunning[cpu] = false;
        _vm.Gate.Leave(cpu);
    }

    private static void ThrowIfFailed(GuestContext context)
    {
        if (context.HelperFailure is not { } failure)
            return;
        context.HelperFailure = null;
        ExceptionDispatchInfo.Throw(failure);
    }

    internal bool CanBecome(Program other) => other._program.ProgramType == _program.ProgramType && other._program.HostType == _program.HostType && other._vm == _vm;

    /// <summary>
    /// Runs that begin afterwards execute the other program's code, with the other's maps; runs that have begun end with the old. The
    /// other program may be used beside this one, and its module disposed of.
    /// </summary>
    /// <exception cref="ArgumentException">The other program has another type or belongs to another machine.</exception>
    public void ReplaceBy(Program newer)
    {
        ArgumentNullException.ThrowIfNull(newer);
        if (!CanBecome(newer))
            throw new ArgumentException($"'{newer.Name}' is no program of the type and machine of '{Name}'", nameof(newer));
        CodeGroup[] outdated;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_code is null, this);
            if (Volatile.Read(ref newer._code) is not { } code || !code.Group.TryAddReference())
                throw new ObjectDisposedException($"program '{newer.Name}'");
            outdated = _vm.Gate.IsInside ? [] : [.. _borrowed];
            if (outdated.Length > 0)
                _borrowed.Clear();
            _borrowed.Add(code.Group);
            Volatile.Write(ref _code, code);
        }
        if (outdated.Length == 0)
            return;
        _vm.Gate.WaitForRuns();
        foreach (CodeGroup group in outdated)
            group.Release();
    }

    /// <summary>No run begins any more.</summary>
    internal void Retire()
    {
        lock (_lock)
            Volatile.Write(ref _code, null);
    }

    /// <summary>No run is going on any more.</summary>
    internal void Free()
    {
        foreach (TestRunner? runner in _runners)
            runner?.Dispose();
        foreach (CodeGroup group in _borrowed)
            group.Release();
        _borrowed.Clear();
    }
}
