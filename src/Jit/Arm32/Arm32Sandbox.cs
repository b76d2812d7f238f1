// Sandboxed programs as ARM32 code, in this process or in the emulated one; there, state and stack lie in the shared memory.
using System.Runtime.CompilerServices;
using Ebpfcc.Jit.Sandboxing;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Jit.Arm32;

internal sealed unsafe class Arm32SandboxedExecutable : SandboxedExecutable
{
    private readonly Arm32CodeSpace _space;
    private readonly IGuestAllocator _allocator;
    private readonly Arm32Code _code;
    private nint _spare;

    /// <exception cref="GuestFaultException">The code is longer than ARM32 code can be.</exception>
    public Arm32SandboxedExecutable(LoadedProgram program, SandboxOptions options, ExecutionEnvironment environment, Arm32Features features, IGuestAllocator allocator, EmulatedArm? guest)
        : base(program, options, environment)
    {
        _allocator = allocator;
        ProgramShape shape = ProgramShape.AnalyzeUnverified(program.Instructions);
        // The constants are looked up more than once.
        var constants = new Dictionary<int, ulong>();
        for (int slot = 0; slot < shape.Rows.Length; slot++)
        {
            if (shape.Rows[slot].IsWide)
                constants[slot] = ConstantAt(shape, slot);
        }
        var calls = new Arm32SandboxCalls(
            guest?.ThunkFor(EmulatedArm.CheckAccess) ?? (uint)CheckAccessAddress, guest?.ThunkFor(EmulatedArm.PassGate) ?? (uint)GateAddress, slot => constants[slot]);
        _code = Arm32Compiler.CompileSandboxed(shape, features, calls);
        _space = new Arm32CodeSpace(_code.Bytes, guest);
    }

    public override ReadOnlyMemory<byte> Code => _code.Bytes;

    public override ulong Run(nint r1, nint r2 = 0)
    {
        nint block = Interlocked.Exchange(ref _spare, 0);
        if (block == 0)
            block = (nint)_allocator.Allocate((nuint)(SandboxState.StackBytes + sizeof(SandboxState)), 64);
        try
        {
            return RunOn((SandboxState*)(block + SandboxState.StackBytes), (byte*)block, r1, r2);
        }
        finally
        {
            _allocator.Free((byte*)Interlocked.Exchange(ref _spare, block));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override ulong Enter(SandboxState* state, int slot)
        => _space.Call(_code.EntryOffset, (uint)(nuint)state | (ulong)_space.AddressOf(_code.SlotOffsets[slot]) << 32, Environment);

    protected override bool ContinuesIn(SandboxedExecutable next) => next is Arm32SandboxedExecutable other && other._space.Guest == _space.Guest;

    /// <summary>Addresses are 32 bits wide, and another process has only what both share.</summary>
    protected override bool IsAddressable(ulong address, ulong size)
        => _space.Guest is { } guest ? guest.Shares(address, size) : address <= uint.MaxValue - size;

    public override void Dispose()
    {
        _allocator.Free((byte*)Interlocked.Exchange(ref _spare, 0));
        _space.Dispose();
    }
}
