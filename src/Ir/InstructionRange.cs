// Enumeration of a block's instructions without an allocation per loop. The next instruction is fetched before the current one
// is handed out, so the body of the loop may remove or erase the current one.
using System.Collections;

namespace Ebpfcc.Ir;

/// <summary>Instructions from one on to the end of its block.</summary>
public readonly struct InstructionRange(Instruction? first) : IEnumerable<Instruction>
{
    public Enumerator GetEnumerator() => new(first);

    IEnumerator<Instruction> IEnumerable<Instruction>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public struct Enumerator(Instruction? first) : IEnumerator<Instruction>
    {
        private Instruction? _next = first;

        public Instruction Current { get; private set; } = null!;

        readonly object IEnumerator.Current => Current;

        public bool MoveNext()
        {
            if (_next is null)
                return false;
            Current = _next;
            _next = _next.Next;
            return true;
        }

        public readonly void Reset() => throw new NotSupportedException();

        public readonly void Dispose() { }
    }
}

/// <summary>The phis from one on.</summary>
public readonly struct PhiRange(Instruction? first) : IEnumerable<PhiInstruction>
{
    public Enumerator GetEnumerator() => new(first);

    IEnumerator<PhiInstruction> IEnumerable<PhiInstruction>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public struct Enumerator(Instruction? first) : IEnumerator<PhiInstruction>
    {
        private Instruction? _next = first;

        public PhiInstruction Current { get; private set; } = null!;

        readonly object IEnumerator.Current => Current;

        public bool MoveNext()
        {
            if (_next is not PhiInstruction phi)
                return false;
            Current = phi;
            _next = phi.Next;
            return true;
        }

        public readonly void Reset() => throw new NotSupportedException();

        public readonly void Dispose() { }
    }
}
