// Conditional jumps: which edges can be taken, the fork when both can, and what each edge teaches about the whole state.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private const int MaxPacketOffset = 0xffff;

    private void TransferBranch(ref InstructionInfo instruction)
    {
        if (instruction.Opcode == EbpfOpcode.MayGoto)
        {
            TransferMayGoto(ref instruction);
            return;
        }
        int dstNumber = instruction.Dst, srcNumber = instruction.Src;
        RequireReadable(dstNumber);
        ref RegisterState dst = ref _registers[dstNumber];
        RegisterState immediate = default;
        if (instruction.IsRegisterForm)
        {
            RequireReadable(srcNumber);
            if (!(dst.Kind.IsAnyPacket() && _registers[srcNumber].Kind.IsAnyPacket()) && IsSecret(srcNumber))
                throw Reject($"R{srcNumber} pointer comparison prohibited");
        }
        else
        {
            immediate = RegisterState.Constant((ulong)(long)instruction.Immediate);
        }
        ref RegisterState src = ref (instruction.IsRegisterForm ? ref _registers[srcNumber] : ref immediate);
        int flags = (instruction.IsRegisterForm && src.Kind == RegisterKind.Stack ? HistorySourceIsStack : 0) | (dst.Kind == RegisterKind.Stack ? HistoryTargetIsStack : 0);
        if (flags != 0)
            PushHistory(flags, 0);

        bool low = instruction.Width == 32;
        int taken = instruction.JumpTarget(_slot);
        // Linux 6.18 still follows both edges of a number compared with itself; later kernels only the one that can happen.
        bool? decided = instruction.IsRegisterForm && srcNumber == dstNumber && dst.IsScalar && _options.Kernel > KernelVersion.V6_18
            ? Refinement.DecideSame(instruction.Operation, low, in dst.Value) : DecideBranch(instruction.Operation, low, in dst, in src);
        if (decided is { } always)
        {
            if (dst.IsScalar)
                MarkPrecise(dstNumber);
            if (instruction.IsRegisterForm && src.IsScalar)
                MarkPrecise(srcNumber);
            _log.State(_state);
            _slot = always ? taken : _slot + 1;
            return;
        }

        LinkedRegisters linked = default;
        if (instruction.IsRegisterForm && src.IsScalar && src.Id != 0)
            CollectLinked(src.Id, ref linked);
        if (dst.IsScalar && dst.Id != 0)
            CollectLinked(dst.Id, ref linked);
        if (linked.Count > 1)
            PushHistory(0, linked.Pack());

        AbstractState other = Fork(taken);
        RegisterState[] otherRegisters = other.Current.Registers;
        ref RegisterState otherDst = ref otherRegisters[dstNumber];
        RegisterState otherImmediate = immediate;
        ref RegisterState otherSrc = ref (instruction.IsRegisterForm ? ref otherRegisters[srcNumber] : ref otherImmediate);
        if (dst.IsScalar && src.IsScalar)
        {
            if (instruction.IsRegisterForm && srcNumber == dstNumber)
            {
                // Both names are one register, which learns what both sides learn; on the edge that no execution takes that may be nonsense.
                dst.Value = AssumeOfItself(instruction.Operation, low, in dst.Value, holds: false);
                otherDst.Value = AssumeOfItself(instruction.Operation, low, in otherDst.Value, holds: true);
                Repair(ref otherDst);
                Repair(ref dst);
            }
            else
            {
                Refinement.Assume(instruction.Operation, low, ref dst.Value, ref src.Value, holds: false);
                Refinement.Assume(instruction.Operation, low, ref otherDst.Value, ref otherSrc.Value, holds: true);
                Repair(ref otherDst);
                Repair(ref otherSrc);
                Repair(ref dst);
                Repair(ref src);
            }
        }
        if (instruction.IsRegisterForm && src.IsScalar && src.Id != 0)
        {
            SynchronizeLinked(_state, in src, in linked);
            SynchronizeLinked(other, in otherSrc, in linked);
        }
        if (dst.IsScalar && dst.Id != 0)
        {
            SynchronizeLinked(_state, in dst, in linked);
            SynchronizeLinked(other, in otherDst, in linked);
        }

        bool isEquality = instruction.Operation is Operation.Jeq or Operation.Jne;
        if (!low && isEquality && instruction.IsRegisterForm && dst.IsPointer && src.IsPointer
            && dst.Kind.Base() != RegisterKind.Object && src.Kind.Base() != RegisterKind.Object)
        {
            // Equal to something that is not null means not null.
            RegisterState[] equal = instruction.Operation == Operation.Jeq ? otherRegisters : _registers;
            bool dstNotNull = IsNotNull(in dst), srcNotNull = IsNotNull(in src);
            if (dstNotNull && src.Kind.MayBeNull())
                MarkNotNull(ref equal[srcNumber]);
            if (srcNotNull && dst.Kind.MayBeNull())
                MarkNotNull(ref equal[dstNumber]);
        }

        if (!low && isEquality && !instruction.IsRegisterForm && instruction.Immediate == 0 && dst.Kind.MayBeNull())
        {
            ResolveNull(_state, dstNumber, instruction.Operation == Operation.Jne);
            ResolveNull(other, dstNumber, instruction.Operation == Operation.Jeq);
        }
        else if (!(instruction.IsRegisterForm && !low && MatchPacketPointers(instruction.Operation, dstNumber, srcNumber, other)) && IsSecret(dstNumber))
        {
            throw Reject($"R{dstNumber} pointer comparison prohibited");
        }
        _log.State(_state);
        _slot++;
    }

    private static ScalarBounds AssumeOfItself(Operation operation, bool low, in ScalarBounds value, bool holds)
    {
        ScalarBounds left = value, right = value;
        Refinement.Assume(operation, low, ref left, ref right, holds);
        left.Bits = left.Bits.Meet(right.Bits);
        left.MeetU(right.UMin, right.UMax);
        left.MeetS(right.SMin, right.SMax);
        left.MeetU32(right.UMin32, right.UMax32);
        left.MeetS32(right.SMin32, right.SMax32);
        left.Synchronize();
        return left;
    }

    /// <summary>A range that became empty belongs to an edge no execution takes; the kernel forgets it rather than the edge.</summary>
    private static void Repair(ref RegisterState register)
    {
        if (!register.Value.IsConsistent)
            register.Value.ForgetRanges();
    }

    private bool? DecideBranch(Operation operation, bool low, in RegisterState dst, in RegisterState src)
    {
        if (dst.Kind.IsAnyPacket() && src.Kind.IsAnyPacket() && !low)
            return DecidePacket(operation, in dst, in src);
        if (dst.IsScalar && src.IsScalar)
            return Refinement.DecideScalars(operation, low, in dst, in src);
        if (low)
            return null;
        // A pointer that cannot be null against a constant null.
        bool srcIsConst = src.IsConst;
        ref readonly RegisterState pointer = ref (srcIsConst ? ref dst : ref src);
        ref readonly RegisterState number = ref (srcIsConst ? ref src : ref dst);
        if (!number.IsConst || !IsNotNull(in pointer) || number.Value.Bits.Value != 0)
            return null;
        return operation switch { Operation.Jeq => false, Operation.Jne => true, _ => null };
    }

    private static bool? DecidePacket(Operation operation, in RegisterState dst, in RegisterState src)
    {
        int range;
        if (src.Kind == RegisterKind.PacketEnd)
        {
            range = dst.Target;
        }
        else if (dst.Kind == RegisterKind.PacketEnd)
        {
            range = src.Target;
            operation = Refinement.Mirror(operation);
        }
        else
        {
            return null;
        }
        return (operation, range) switch
        {
            (Operation.Jgt, RegisterState.BeyondPacketEnd) => true,
            (Operation.Jle, RegisterState.BeyondPacketEnd) => false,
            (Operation.Jge, RegisterState.BeyondPacketEnd or RegisterState.AtPacketEnd) => true,
            (Operation.Jlt, RegisterState.BeyondPacketEnd or RegisterState.AtPacketEnd) => false,
            _ => null,
        };
    }

    /// <summary>A valid pointer of this kind is never zero (an unbounded offset could still wrap to it).</summary>
    private bool IsNotNull(in RegisterState register)
    {
        if (register.Kind.MayBeNull() || register.Value.SMin <= -MaxVariableOffset || register.Value.SMax >= MaxVariableOffset)
            return false;
        return register.Kind.Base() switch
        {
            RegisterKind.Socket or RegisterKind.TcpSocket or RegisterKind.XdpSocket or RegisterKind.Buffer or RegisterKind.MapValue or RegisterKind.MapKey
                or RegisterKind.SocketCommon or RegisterKind.Memory or RegisterKind.Map => true,
            RegisterKind.Object => IsTrusted(in register),
            _ => false,
        };
    }

    private void MarkNotNull(ref RegisterState register)
    {
        if (register.Kind == (RegisterKind.MapValue | RegisterKind.MaybeNull))
        {
            NullCheckedMapValue(ref register);
            return;
        }
        register.Kind &= ~RegisterKind.MaybeNull;
    }

    /// <summary>Every copy of the tested pointer becomes null, or becomes known not to be.</summary>
    private void ResolveNull(AbstractState state, int number, bool isNull)
    {
        ref RegisterState tested = ref state.Current.Registers[number];
        uint reference = tested.Reference, id = tested.Id;
        if (isNull && reference != 0 && reference == id)
            ForgetReference(state, id);
        for (int frame = 0; frame <= state.Depth; frame++)
        {
            FrameState f = state.Frames[frame]!;
            for (int i = 0; i < f.Registers.Length; i++)
                Resolve(ref f.Registers[i]);
            foreach (ref StackSlot slot in f.Slots)
            {
                if (slot.IsSpill)
                    Resolve(ref slot.Spill);
            }
        }

        void Resolve(ref RegisterState register)
        {
            if (!register.Kind.MayBeNull() || register.Id != id)
                return;
            if (isNull)
            {
                register = RegisterState.Constant(0);
                return;
            }
            MarkNotNull(ref register);
            if (!PointsAtSpinLock(in register))
                register.Id = 0;
        }
    }

    /// <summary>A packet pointer at the very beginning of what it points into.</summary>
    private static bool IsPacketStart(in RegisterState register, RegisterKind kind)
        => register.Kind == kind && register.Id == 0 && register.Offset == 0 && register.Value.IsZero;

    /// <summary>
    /// data' against data_end (or meta' against data): the edge where data' is not beyond the end learns how many bytes are there.
    /// Written for "pointer op end"; the mirrored form is turned around first.
    /// </summary>
    private bool MatchPacketPointers(Operation operation, int dstNumber, int srcNumber, AbstractState other)
    {
        if (operation is not (Operation.Jgt or Operation.Jge or Operation.Jlt or Operation.Jle))
            return false;
        ref RegisterState dst = ref _registers[dstNumber];
        ref RegisterState src = ref _registers[srcNumber];
        int pointerNumber;
        if (IsPair(in dst, in src))
        {
            pointerNumber = dstNumber;
        }
        else if (IsPair(in src, in dst))
        {
            pointerNumber = srcNumber;
            operation = Refinement.Mirror(operation);
        }
        else
        {
            return false;
        }
        RegisterState pointer = _registers[pointerNumber];
        switch (operation)
        {
            case Operation.Jgt: // falls through when pointer <= end
                LearnPacketRange(_state, in pointer, open: false);
                MarkPacketEnd(other, pointerNumber, RegisterState.BeyondPacketEnd);
                break;
            case Operation.Jge: // falls through when pointer < end
                LearnPacketRange(_state, in pointer, open: true);
                MarkPacketEnd(other, pointerNumber, RegisterState.AtPacketEnd);
                break;
            case Operation.Jlt: // jumps when pointer < end
                LearnPacketRange(other, in pointer, open: true);
                MarkPacketEnd(_state, pointerNumber, RegisterState.AtPacketEnd);
                break;
            default: // jumps when pointer <= end
                LearnPacketRange(other, in pointer, open: false);
                MarkPacketEnd(_state, pointerNumber, RegisterState.BeyondPacketEnd);
                break;
        }
        return true;

        static bool IsPair(in RegisterState pointer, in RegisterState end)
            => (pointer.Kind == RegisterKind.Packet && end.Kind == RegisterKind.PacketEnd)
            || (pointer.Kind == RegisterKind.PacketMeta && IsPacketStart(in end, RegisterKind.Packet));
    }

    /// <summary>Pointers with the same variable part (id) have at least Offset (one more when strictly less) bytes after their base.</summary>
    private static void LearnPacketRange(AbstractState state, in RegisterState pointer, bool open)
    {
        if (pointer.Offset < 0 || (pointer.Offset == 0 && open))
            return;
        if (pointer.Value.UMax > MaxPacketOffset || pointer.Value.UMax + (ulong)pointer.Offset > MaxPacketOffset)
            return;
        int range = open ? pointer.Offset + 1 : pointer.Offset;
        RegisterKind kind = pointer.Kind;
        uint id = pointer.Id;
        for (int frame = 0; frame <= state.Depth; frame++)
        {
            FrameState f = state.Frames[frame]!;
            for (int i = 0; i < f.Registers.Length; i++)
            {
                ref RegisterState register = ref f.Registers[i];
                if (register.Kind == kind && register.Id == id)
                    register.Target = Math.Max(register.Target, range);
            }
            foreach (ref StackSlot slot in f.Slots)
            {
                if (slot.IsSpill && slot.Spill.Kind == kind && slot.Spill.Id == id)
                    slot.Spill.Target = Math.Max(slot.Spill.Target, range);
            }
        }
    }

    private static void MarkPacketEnd(AbstractState state, int number, int mark)
    {
        ref RegisterState register = ref state.Current.Registers[number];
        if (register.Kind == RegisterKind.Packet)
            register.Target = mark;
    }
}
