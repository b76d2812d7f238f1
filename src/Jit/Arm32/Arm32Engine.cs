// The ARM32 engine. On a 32-bit ARM machine the code runs in this process; elsewhere under user-mode emulation, in a process
// that shares the guest memory with this one.
using System.Runtime.InteropServices;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Memory;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Jit.Arm32;

/// <summary>
/// Runs programs as ARM32 code. Maps and contexts must come from <see cref="Allocator"/>, because the code's pointers are 32 bits wide.
/// </summary>
public sealed class Arm32Engine : IExecutionEngine, IDisposable
{
    private readonly string? _emulator;
    private readonly GuestArena? _arena;
    private readonly Arm32Features _features;
    private EmulatedArm? _guest;

    /// <param name="emulatorPath">Path of qemu-arm, or null when there is none.</param>
    public Arm32Engine(string? emulatorPath, Arm32Features? features = null)
    {
        _features = features ?? (IsInProcess ? Arm32Features.Detect() : Arm32Features.V7);
        _emulator = emulatorPath;
        if (IsInProcess)
            return;
        if (emulatorPath is null)
        {
            WhyUnavailable = "this machine is not ARM32, and qemu-arm is not installed";
            return;
        }
        _arena = GuestArena.TryCreate(out string? whyNot);
        WhyUnavailable = whyNot;
    }

    public string Name => "arm32";

    public string? WhyUnavailable { get; }

    private static bool IsInProcess => RuntimeInformation.ProcessArchitecture == Architecture.Arm;

    /// <summary>
    /// Moving a pointer by less than 1 GiB stays within 32 bits: so it is in an arena; a 32-bit kernel keeps the uppermost gigabyte to
    /// itself, and what wraps below the lowest address is larger than every address.
    /// </summary>
    private static bool HasRoomAroundMemory => !IsInProcess || !Environment.Is64BitOperatingSystem;

    /// <summary>Where everything that programs see must be allocated.</summary>
    public IGuestAllocator Allocator => (IGuestAllocator?)_arena ?? GuestHeap.Shared;

    public IExecutable Prepare(VerifiedProgram program, ExecutionEnvironment environment)
    {
        RequiredSupport.Check(program, environment, probesMemory: true);
        return CompileTrusted(program.Program, program.Instructions, environment, program.Facts);
    }

    /// <exception cref="GuestFaultException">The instructions are malformed, or too many for ARM32 code.</exception>
    public IExecutable PrepareSandboxed(LoadedProgram program, SandboxOptions sandbox, ExecutionEnvironment environment)
    {
        StructuralCheck.RequireSandboxable(program.Instructions);
        EmulatedArm? guest = Guest();
        return Within(() => new Arm32SandboxedExecutable(program, sandbox, environment, _features, Allocator, guest));
    }

    /// <summary>Compiles without checks: for programs with a proof, and for tests that bring their own.</summary>
    internal Arm32Executable CompileTrusted(LoadedProgram program, EbpfInstruction[] instructions, ExecutionEnvironment environment, IReadOnlyList<InstructionFacts>? facts = null)
    {
        EmulatedArm? guest = Guest();
        ProgramShape shape = ProgramShape.Analyze(instructions, [.. program.Subprograms.Select(function => function.Start)]);
        Arm32CompilerOptions options = guest is null ? InProcessOptions(program, environment) : EmulatedOptions(program, environment, guest);
        options = options with { HasContextInR6 = facts is not null, IsTableHelper = id => environment.Helpers.Find(id)?.Row == HelperTable.Find(id) };
        if (facts is not null)
            options = options with { ProbesAt = slot => facts[slot].Access == AccessKind.ProbeRead, PointersAt = HasRoomAroundMemory ? slot => facts[slot].Pointers : null };
        return Within(() => new Arm32Executable(program, environment, Arm32Compiler.Compile(shape, options), guest));
    }

    /// <summary>A program that is too long for its translation is the program's fault.</summary>
    private static T Within<T>(Func<T> compile)
    {
        try
        {
            return compile();
        }
        catch (CodeTooLongException problem)
        {
            throw new GuestFaultException(problem.Message, 0);
        }
    }

    /// <summary>The emulated process, or null where the code runs in this one.</summary>
    private EmulatedArm? Guest()
    {
        if (WhyUnavailable is { } reason)
            throw new GuestFaultException($"the ARM32 engine cannot run here: {reason}", 0);
        return IsInProcess ? null : _guest ??= new EmulatedArm(_emulator!, _arena!, _features);
    }

    private static bool IsShortCall(ExecutionEnvironment environment, int id)
        => Arm32ShortCalls.Apply(id) && environment.Helpers.Find(id)?.Row == HelperTable.Find(id);

    private Arm32CompilerOptions EmulatedOptions(LoadedProgram program, ExecutionEnvironment environment, EmulatedArm guest)
    {
        return new Arm32CompilerOptions
        {
            Features = _features,
            ResolveHelper = id => environment.Helpers.Find(id) is not null
                ? IsShortCall(environment, id) ? guest.StubFor(id) : guest.ThunkFor(id)
                : throw new InternalCompilerException("ARM32 compiler", program.Name, HelperRegistry.WhyMissing(id)),
            ResolveImmediate = (first, second) => ImmediateOf(program, first, second),
            ResolveTailCall = guest.ThunkFor(EmulatedArm.ResolveTailCall),
            ResolvePacketLoad = bits => guest.ThunkFor(EmulatedArm.LoadPacket8 + bits / 16),
            ResolveProbe = guest.ThunkFor(EmulatedArm.ProbeLoad),
        };
    }

    /// <summary>Translation alone, for listings on any machine; addresses of helpers are their numbers.</summary>
    public static Arm32Code Translate(VerifiedProgram program, Arm32Features? features = null)
    {
        RequiredSupport.Check(program, new ExecutionEnvironment(), probesMemory: true);
        return Arm32Compiler.Compile(
            ProgramShape.Analyze(program.Instructions, [.. program.Program.Subprograms.Select(function => function.Start)]),
            new Arm32CompilerOptions
            {
                Features = features ?? Arm32Features.V7,
                ResolveHelper = id => (uint)id,
                ResolveImmediate = (first, second) => (uint)second.Immediate,
                ResolveTailCall = 0,
                PointersAt = slot => program.Facts[slot].Pointers,
                HasContextInR6 = true,
                ProbesAt = slot => program.Facts[slot].Access == AccessKind.ProbeRead,
            });
    }

    private unsafe Arm32CompilerOptions InProcessOptions(LoadedProgram program, ExecutionEnvironment environment) => new()
    {
        Features = _features,
        ResolveHelper = id => environment.Helpers.Find(id) is { } helper && helper.Native is not null
            ? IsShortCall(environment, id) ? Arm32CodeSpace.StubFor((uint)(nint)helper.Native, _features) : (uint)(nint)helper.Native
            : throw new InternalCompilerException("ARM32 compiler", program.Name, HelperRegistry.WhyMissing(id)),
        ResolveImmediate = (first, second) => ImmediateOf(program, first, second),
        ResolveTailCall = (uint)Arm32Executable.TailCallAddress,
        ResolvePacketLoad = bits => (uint)X64.X64Runtime.PacketLoadAddress(bits),
        ResolveProbe = (uint)ProbingLoads.Address,
    };

    private static unsafe ulong ImmediateOf(LoadedProgram program, EbpfInstruction first, EbpfInstruction second)
    {
        if ((WideImmediateKind)first.Src == WideImmediateKind.BtfId)
            return 0; // as in the interpreter: variables of the kernel do not exist here
        nint address = (WideImmediateKind)first.Src switch
        {
            WideImmediateKind.MapFd or WideImmediateKind.MapIndex => program.Maps[first.Immediate].Handle,
            WideImmediateKind.MapValue or WideImmediateKind.MapIndexValue => (nint)program.Maps[first.Immediate].DirectValue((uint)second.Immediate),
            var kind => throw new InternalCompilerException("ARM32 compiler", program.Name, $"no value for a wide immediate of kind {kind}"),
        };
        return (ulong)address <= uint.MaxValue && address != 0
            ? (ulong)address
            : throw new InternalCompilerException("ARM32 compiler", program.Name, "a map does not lie in 32-bit memory; allocate it from the engine's allocator");
    }

    public void Dispose()
    {
        _guest?.Dispose();
        _arena?.Dispose();
    }
}

/// <summary>ARM32 code that can be called.</summary>
public sealed unsafe class Arm32Executable : IExecutable
{
    private readonly Arm32CodeSpace _space;
    private readonly Arm32Code _code;

    internal Arm32Executable(LoadedProgram program, ExecutionEnvironment environment, Arm32Code code, EmulatedArm? guest = null)
    {
        (Program, Environment, _code) = (program, environment, code);
        _space = new Arm32CodeSpace(code.Bytes, guest);
    }

    public LoadedProgram Program { get; }

    public ExecutionEnvironment Environment { get; }

    public ReadOnlyMemory<byte> Code => _code.Bytes;

    internal uint Entry => _space.AddressOf(_code.EntryOffset);

    internal static nint TailCallAddress => (nint)(delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong>)&ResolveTailCall;

    public ulong Run(nint r1, nint r2 = 0)
    {
        if (_space.Guest is not null)
            return _space.Call(_code.EntryOffset, checked((uint)r1), Environment, checked((uint)r2));
        GuestContext context = GuestContext.Current;
        delegate*<ulong, ulong, ulong, ulong, ulong, ulong, ulong> outer = context.CallbackInvoker;
        context.CallbackInvoker = &X64.X64Runtime.InvokeCallback;
        ulong result = _space.Call(_code.EntryOffset, (nuint)r1, Environment, (nuint)r2);
        context.CallbackInvoker = outer;
        return result;
    }

    [UnmanagedCallersOnly]
    private static ulong ResolveTailCall(ulong context, ulong map, ulong index, ulong unused4, ulong unused5)
    {
        GuestContext guest = GuestContext.Current;
        if (guest.Environment.Helpers.Find(HelperRegistry.TailCallId) is not { } helper)
            return 0;
        helper.Managed(context, map, index, unused4, unused5);
        IExecutable? target = guest.TailCallTarget;
        guest.TailCallTarget = null;
        return target is Arm32Executable executable ? executable.Entry : 0;
    }

    public void Dispose() => _space.Dispose();
}
