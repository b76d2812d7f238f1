// Sandboxed programs as x86-64 code: compiled once, entered with a state on the thread's own stack.
using System.Runtime.CompilerServices;
using Ebpfcc.Jit.Memory;
using Ebpfcc.Jit.Sandboxing;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Jit.X64;

internal sealed unsafe class X64SandboxedExecutable : SandboxedExecutable
{
    private readonly ExecutableMemory _memory;
    private readonly X64Code _code;
    private readonly int[] _unpaidAt;
    private readonly int _stackBytes;

    public X64SandboxedExecutable(LoadedProgram program, SandboxOptions options, ExecutionEnvironment environment)
        : base(program, options, environment)
    {
        ProgramShape shape = ProgramShape.AnalyzeUnverified(program.Instructions);
        var compilerOptions = new X64CompilerOptions
        {
            ResolveHelper = _ => throw new InvalidOperationException("sandboxed code calls helpers through its gate"),
            ResolveImmediate = (_, _) => throw new InvalidOperationException("constants of sandboxed code are resolved by slot"),
        };
        (_code, _unpaidAt, _stackBytes) = X64Compiler.CompileSandboxed(shape, compilerOptions, new X64SandboxCalls(CheckAccessAddress, GateAddress, slot => ConstantAt(shape, slot)));
        _memory = ExecutableMemory.Create(_code.Bytes.Length, (span, _) => _code.Bytes.CopyTo(span));
    }

    public X64Code Translation => _code;

    public override ReadOnlyMemory<byte> Code => _code.Bytes;

    protected override int UnpaidAt(int slot) => _unpaidAt[slot] + 1;

    protected override int StackBytes => _stackBytes;

    /// <summary>The frames, and behind them the state, as the code expects.</summary>
    [SkipLocalsInit]
    public override ulong Run(nint r1, nint r2 = 0)
    {
        const int Alignment = 64;
        byte* memory = stackalloc byte[SandboxState.StackBytes + sizeof(SandboxState) + Alignment];
        memory = (byte*)(((nint)memory + Alignment - 1) & -Alignment);
        return RunOn((SandboxState*)(memory + SandboxState.StackBytes), memory, r1, r2);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override ulong Enter(SandboxState* state, int slot)
    {
        nint code = _memory.Address;
        ulong result = ((delegate* unmanaged<SandboxState*, nint, ulong>)(code + _code.EntryOffset))(state, code + _code.SlotOffsets[slot]);
        GC.KeepAlive(this);
        return result;
    }

    protected override bool ContinuesIn(SandboxedExecutable next) => next is X64SandboxedExecutable;

    protected override bool IsAddressable(ulong address, ulong size) => true;

    public override void Dispose() => _memory.Dispose();
}
