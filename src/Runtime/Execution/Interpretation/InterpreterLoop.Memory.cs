// What the loop needs to reach memory: the sandbox's checks, the stack and the window found last before anything that costs a
// call, and the atomic operation that .NET does not have.
using System.Runtime.CompilerServices;

namespace Ebpfcc.Runtime.Execution.Interpretation;

internal static unsafe partial class InterpreterLoop
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool CanRead(MachineState* state, Sandbox sandbox, ulong address, ulong size)
        => address - state->Stack.Start <= state->Stack.Room - size || address - state->Readable.Start <= state->Readable.Room - size
            || sandbox.FindReadable(state, address, size);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool CanWrite(MachineState* state, Sandbox sandbox, ulong address, ulong size)
        => address - state->Stack.Start <= state->Stack.Room - size || address - state->Writable.Start <= state->Writable.Room - size
            || sandbox.FindWritable(state, address, size);

    private static bool CanReadAtomically(MachineState* state, Sandbox sandbox, ulong address, ulong size)
        => (address & (size - 1)) == 0 && CanRead(state, sandbox, address, size);

    private static bool CanWriteAtomically(MachineState* state, Sandbox sandbox, ulong address, ulong size)
        => (address & (size - 1)) == 0 && CanWrite(state, sandbox, address, size);

    private static uint FetchXor(uint* address, uint operand)
    {
        uint old;
        do
            old = Volatile.Read(ref *address);
        while (Interlocked.CompareExchange(ref *address, old ^ operand, old) != old);
        return old;
    }

    private static ulong FetchXor(ulong* address, ulong operand)
    {
        ulong old;
        do
            old = Volatile.Read(ref *address);
        while (Interlocked.CompareExchange(ref *address, old ^ operand, old) != old);
        return old;
    }
}
