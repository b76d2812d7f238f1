// What must hold of accesses to packets: inside the range that a comparison with data_end proved, and only from programs that
// may look into (or change) packets.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private const int FlowKeysSize = 56;

    private void CheckPacket(int number, int offset, int size, bool zeroAllowed)
    {
        ref RegisterState pointer = ref _registers[number];
        if (pointer.Value.SMin < 0)
            throw Reject($"R{number} min value is negative, either use unsigned index or do a if (index >=0) check.");
        if (pointer.Target < 0 || !IsInside(number, offset, size, pointer.Target, zeroAllowed))
            throw Reject($"R{number} offset is outside of the packet");
    }

    private bool MayWritePacket() => _program.HostType?.MayWritePacket ?? _type is ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.Xdp or ProgramType.LwtXmit or ProgramType.SkSkb
        or ProgramType.SkMsg or ProgramType.CgroupSockopt;

    /// <summary>Packet pointers may be handed to a helper that says it looks into packets.</summary>
    private bool MayPassPacket(HelperRow helper) => _type switch
    {
        ProgramType.CgroupSockopt => true,
        ProgramType.Host or ProgramType.LwtIn or ProgramType.LwtOut or ProgramType.LwtSeg6Local or ProgramType.SkReuseport or ProgramType.FlowDissector or ProgramType.CgroupSkb
            or ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.Xdp or ProgramType.LwtXmit or ProgramType.SkSkb or ProgramType.SkMsg
            => helper.Has(HelperFlags.PacketAccess),
        _ => false,
    };

    /// <summary>The packet may have moved: pointers into it become meaningless numbers.</summary>
    private void ForgetPacketPointers()
    {
        for (int frame = 0; frame <= _state.Depth; frame++)
        {
            FrameState f = _state.Frames[frame]!;
            for (int i = 0; i < f.Registers.Length; i++)
            {
                if (PointsIntoPacket(f.Registers[i].Kind))
                    Invalidate(ref f.Registers[i]);
            }
            foreach (ref StackSlot slot in f.Slots)
            {
                if (slot.IsSpill && PointsIntoPacket(slot.Spill.Kind))
                    Invalidate(ref slot.Spill);
            }
        }

        static bool PointsIntoPacket(RegisterKind kind)
            => kind.IsAnyPacket() || (kind.Base() == RegisterKind.Memory && kind.Has(RegisterKind.SkbSlice | RegisterKind.XdpSlice));
    }

    /// <summary>A pointer to something that is gone.</summary>
    private void Invalidate(ref RegisterState register)
    {
        if (AllowsPointerLeaks)
            MarkUnknown(ref register);
        else
            register.MarkUninitialized();
    }

    /// <summary>LD_ABS and LD_IND: a load from the socket buffer in R6 that ends the program when it is out of the packet.</summary>
    private void TransferPacketLoad(ref InstructionInfo instruction)
    {
        if (_type is not (ProgramType.SocketFilter or ProgramType.SchedCls or ProgramType.SchedAct))
            throw Reject("BPF_LD_[ABS|IND] instructions not allowed for this program type");
        for (int frame = _state.Depth; frame > 0; frame--)
        {
            if (_state.Frames[frame]!.InCallback)
                throw Reject("cannot use BPF_LD_[ABS|IND] within callback");
        }
        RequireReadable(EbpfRegisters.R6);
        if (!HasNoReferenceLeak(isException: false))
            throw Reject("BPF_LD_[ABS|IND] cannot be mixed with socket references");
        if (_state.LockOwner != 0)
            throw Reject("BPF_LD_[ABS|IND] cannot be used inside bpf_spin_lock-ed region");
        if (_state.RcuDepth != 0)
            throw Reject("BPF_LD_[ABS|IND] cannot be used inside bpf_rcu_read_lock-ed region");
        if (_state.PreemptDepth != 0)
            throw Reject("BPF_LD_[ABS|IND] cannot be used inside bpf_preempt_disable-ed region");
        if (_registers[EbpfRegisters.R6].Kind != RegisterKind.Context)
            throw Reject("at the time of BPF_LD_ABS|IND R6 != pointer to skb");
        if (instruction.Operation == Operation.LoadPacketIndirect)
            RequireReadable(instruction.Src);
        CheckUnmodified(in _registers[EbpfRegisters.R6], EbpfRegisters.R6, fixedOffsetAllowed: false);
        ClobberCallerSaved(_registers);
        MarkUnknown(ref _registers[EbpfRegisters.R0]);
        _log.Touch(EbpfRegisters.R0);
        Note(ref instruction, AccessKind.Packet);
        if (_state.Depth == 0)
        {
            _slot++;
            return;
        }
        // The hidden exit with R0 = 0 leaves this function, not the program.
        Fork(_slot + 1);
        _registers[EbpfRegisters.R0] = RegisterState.Constant(0);
        ReturnFromFrame();
    }

    private void ClobberCallerSaved(RegisterState[] registers)
    {
        for (int i = EbpfRegisters.R0; i <= EbpfRegisters.R5; i++)
            registers[i].MarkUninitialized();
    }
}
