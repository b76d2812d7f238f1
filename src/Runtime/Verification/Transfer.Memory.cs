// Loads, stores and atomics: which memory the pointer reaches decides what must hold and what the loaded register becomes.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private const int NoRegister = -1;

    private void TransferLoad(ref InstructionInfo instruction)
    {
        RequireReadable(instruction.Src);
        bool acquires = instruction.Operation == Operation.LoadAcquire;
        RequireWritable(instruction.Dst);
        RegisterKind kind = _registers[instruction.Src].Kind;
        if (acquires && IsForbiddenForAtomics(kind))
            throw Reject($"BPF_ATOMIC loads from R{instruction.Src} {kind.Name()} is not allowed");
        Access(ref instruction, instruction.Src, instruction.Offset, instruction.Width / 8, isWrite: false, instruction.Dst,
            strictOnce: acquires, signExtends: instruction.Operation == Operation.LoadSx);
        NoteAccessedKind(ref instruction, kind, allowTrustMismatch: true);
    }

    private void TransferStore(ref InstructionInfo instruction)
    {
        if (instruction.IsRegisterForm)
            RequireReadable(instruction.Src);
        RequireReadable(instruction.Dst);
        bool releases = instruction.Operation == Operation.StoreRelease;
        RegisterKind kind = _registers[instruction.Dst].Kind;
        if (releases && IsForbiddenForAtomics(kind))
            throw Reject($"BPF_ATOMIC stores into R{instruction.Dst} {kind.Name()} is not allowed");
        Access(ref instruction, instruction.Dst, instruction.Offset, instruction.Width / 8, isWrite: true,
            instruction.IsRegisterForm ? instruction.Src : NoRegister, strictOnce: releases);
        NoteAccessedKind(ref instruction, kind, allowTrustMismatch: false);
    }

    private void TransferAtomic(ref InstructionInfo instruction)
    {
        int size = instruction.Width / 8;
        RequireReadable(instruction.Src);
        RequireReadable(instruction.Dst);
        if (instruction.Operation == Operation.AtomicCmpXchg)
        {
            RequireReadable(EbpfRegisters.R0);
            if (IsSecret(EbpfRegisters.R0))
                throw Reject("R0 leaks addr into mem");
        }
        if (IsSecret(instruction.Src))
            throw Reject($"R{instruction.Src} leaks addr into mem");
        RegisterKind kind = _registers[instruction.Dst].Kind;
        if (IsForbiddenForAtomics(kind))
            throw Reject($"BPF_ATOMIC stores into R{instruction.Dst} {kind.Name()} is not allowed");
        int loaded = NoRegister;
        if (instruction.Operation is >= Operation.AtomicFetchAdd and <= Operation.AtomicCmpXchg)
        {
            loaded = instruction.Operation == Operation.AtomicCmpXchg ? EbpfRegisters.R0 : instruction.Src;
            RequireWritable(loaded);
        }
        // The address may be in the register that receives the old value.
        RegisterState address = _registers[instruction.Dst];
        if (loaded != NoRegister && loaded != instruction.Dst)
            MarkUnknown(ref _registers[loaded]);
        Access(ref instruction, instruction.Dst, instruction.Offset, size, isWrite: false, NoRegister, strictOnce: true);
        if (loaded != NoRegister)
        {
            if (loaded == instruction.Dst)
                throw Reject($"R{instruction.Dst} invalid mem access 'scalar'");
            Access(ref instruction, instruction.Dst, instruction.Offset, size, isWrite: false, loaded, strictOnce: true);
        }
        NoteAccessedKind(ref instruction, address.Kind, allowTrustMismatch: false);
        Access(ref instruction, instruction.Dst, instruction.Offset, size, isWrite: true, NoRegister, strictOnce: true);
    }

    private static bool IsForbiddenForAtomics(RegisterKind kind)
        => kind == RegisterKind.Context || kind.IsPacketData() || kind == RegisterKind.FlowKeys || kind.IsSocket();

    /// <summary>
    /// One instruction must not reach a context, socket or kernel object on one path and something else on another: these
    /// accesses are rewritten.
    /// </summary>
    private void NoteAccessedKind(ref InstructionInfo instruction, RegisterKind kind, bool allowTrustMismatch)
    {
        if (instruction.AccessedKind == RegisterKind.Uninitialized)
        {
            instruction.AccessedKind = kind;
            return;
        }
        if (instruction.AccessedKind == kind || (MayMix(kind) && MayMix(instruction.AccessedKind)))
            return;
        if (allowTrustMismatch && kind.Base() == RegisterKind.Object && instruction.AccessedKind.Base() == RegisterKind.Object)
        {
            instruction.AccessedKind = RegisterKind.Object | RegisterKind.Untrusted;
            return;
        }
        throw Reject("same insn cannot be used with different pointers");

        static bool MayMix(RegisterKind kind) => kind.Base() is not (RegisterKind.Context or RegisterKind.Socket or RegisterKind.SocketCommon
            or RegisterKind.TcpSocket or RegisterKind.XdpSocket or RegisterKind.Object or RegisterKind.Arena);
    }

    /// <summary>
    /// Checks one access of <paramref name="size"/> bytes at register + <paramref name="offset"/>. A read leaves its result in
    /// register <paramref name="value"/>; a write takes it from there.
    /// </summary>
    private void Access(ref InstructionInfo instruction, int number, int offset, int size, bool isWrite, int value, bool strictOnce = false, bool signExtends = false)
    {
        ref RegisterState pointer = ref _registers[number];
        CheckAlignment(in pointer, offset, size, strictOnce);
        offset += pointer.Offset;
        RegisterKind kind = pointer.Kind;
        switch (kind.Base())
        {
            case RegisterKind.MapKey when kind == RegisterKind.MapKey:
                if (isWrite)
                    throw Reject($"write to change key R{number} not allowed");
                CheckRegion(number, offset, size, MapOf(in pointer).KeySize, zeroAllowed: false);
                SetLoaded(value, size, signExtends);
                Note(ref instruction, AccessKind.MapValue);
                return;
            case RegisterKind.MapValue when kind == RegisterKind.MapValue:
                if (isWrite && value >= 0 && IsSecret(value))
                    throw Reject($"R{value} leaks addr into map");
                AccessMapValue(ref instruction, number, offset, size, isWrite, value, signExtends);
                Note(ref instruction, AccessKind.MapValue);
                return;
            case RegisterKind.Memory:
                if (kind.MayBeNull())
                    break;
                if (isWrite && kind.Has(RegisterKind.ReadOnly))
                    throw Reject($"R{number} cannot write into {kind.Name()}");
                if (isWrite && value >= 0 && IsSecret(value))
                    throw Reject($"R{value} leaks addr into mem");
                if (!kind.Has(RegisterKind.Untrusted))
                    CheckRegion(number, offset, size, pointer.Target, zeroAllowed: false);
                else if (isWrite)
                    throw Reject($"R{number} cannot write into {kind.Name()}");
                if (!isWrite)
                    SetLoaded(value, size, signExtends);
                Note(ref instruction, kind.Has(RegisterKind.Untrusted) ? AccessKind.ProbeRead : AccessKind.Memory);
                return;
            case RegisterKind.Context when kind == RegisterKind.Context:
                if (isWrite && value >= 0 && IsSecret(value))
                    throw Reject($"R{value} leaks addr into ctx");
                AccessContext(ref instruction, number, offset, size, isWrite, value, signExtends);
                Note(ref instruction, AccessKind.Context);
                return;
            case RegisterKind.Stack when kind == RegisterKind.Stack:
                CheckStackBounds(number, offset, size, isHelper: false, isWrite);
                if (isWrite)
                    WriteStack(ref instruction, number, offset, size, value);
                else
                    ReadStack(number, offset, size, value, signExtends);
                Note(ref instruction, AccessKind.Stack);
                return;
            case RegisterKind.Packet or RegisterKind.PacketMeta when kind.IsPacketData() && (kind & RegisterKind.FlagMask) == 0:
                if (isWrite && !MayWritePacket())
                    throw Reject("cannot write into packet");
                if (isWrite && value >= 0 && IsSecret(value))
                    throw Reject($"R{value} leaks addr into packet");
                CheckPacket(number, offset, size, zeroAllowed: false);
                if (!isWrite)
                    SetLoaded(value, size, signExtends);
                Note(ref instruction, AccessKind.Packet);
                return;
            case RegisterKind.FlowKeys when kind == RegisterKind.FlowKeys:
                if (isWrite && value >= 0 && IsSecret(value))
                    throw Reject($"R{value} leaks addr into flow keys");
                if (offset < 0 || offset + size > FlowKeysSize)
                    throw Reject($"invalid access to flow keys off={offset} size={size}");
                if (!isWrite)
                    SetLoaded(value, size, signExtends);
                Note(ref instruction, AccessKind.Memory);
                return;
            case RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.XdpSocket when kind.IsSocket():
                if (isWrite)
                    throw Reject($"R{number} cannot write into {kind.Name()}");
                CheckSocketAccess(number, offset, size);
                SetLoaded(value, size, signExtends);
                Note(ref instruction, AccessKind.Context);
                return;
            case RegisterKind.TracepointBuffer when kind == RegisterKind.TracepointBuffer:
                CheckBuffer("tracepoint", number, offset, size);
                if (!isWrite)
                    SetLoaded(value, size, signExtends);
                Note(ref instruction, AccessKind.Memory);
                return;
            case RegisterKind.Object when !kind.MayBeNull():
                AccessObject(number, offset, size, isWrite, value, signExtends);
                Note(ref instruction, AccessKind.ProbeRead);
                return;
            case RegisterKind.Map when kind == RegisterKind.Map:
                AccessMapStructure(number, offset, size, isWrite, value, signExtends);
                Note(ref instruction, AccessKind.ProbeRead);
                return;
            case RegisterKind.Buffer when !kind.MayBeNull():
                bool readOnly = kind.Has(RegisterKind.ReadOnly);
                if (readOnly && isWrite)
                    throw Reject($"R{number} cannot write into {kind.Name()}");
                CheckBuffer(readOnly ? "rdonly" : "rdwr", number, offset, size);
                if (!isWrite)
                    SetLoaded(value, size, signExtends);
                Note(ref instruction, AccessKind.Memory);
                return;
            case RegisterKind.Arena:
                if (!isWrite)
                    SetLoaded(value, size, signExtends);
                Note(ref instruction, AccessKind.Arena);
                return;
        }
        throw Reject($"R{number} invalid mem access '{kind.Name()}'");
    }

    /// <summary>The loaded register holds some number of this many bytes.</summary>
    private void SetLoaded(int value, int size, bool signExtends)
    {
        if (value < 0)
            return;
        ref RegisterState register = ref _registers[value];
        MarkUnknown(ref register);
        Extend(ref register, size, signExtends);
        _log.Touch(value);
    }

    private static void Extend(ref RegisterState register, int size, bool signExtends)
    {
        if (size >= 8 || !register.IsScalar)
            return;
        if (signExtends)
            register.Value.SignExtend(size);
        else
            register.Value.Truncate(size);
    }

    private static void Note(ref InstructionInfo instruction, AccessKind access)
        => instruction.Access = instruction.Access is AccessKind.None || instruction.Access == access ? access : AccessKind.Memory;

    private void CheckAlignment(in RegisterState pointer, int offset, int size, bool strictOnce)
    {
        bool strict = StrictAlignment || strictOnce;
        if (size == 1)
            return;
        string subject = "";
        switch (pointer.Kind)
        {
            case RegisterKind.Packet or RegisterKind.PacketMeta:
                // The network stack places packets so that the header behind 14 bytes of Ethernet is aligned.
                if (strict && !(pointer.Value.Bits + Tnum.Const((ulong)(long)(2 + pointer.Offset + offset))).IsAligned((ulong)size))
                    throw Reject($"misaligned packet access off 2+{pointer.Value.Bits}+{pointer.Offset}+{offset} size {size}");
                return;
            case RegisterKind.FlowKeys:
                subject = "flow keys ";
                break;
            case RegisterKind.MapKey:
                subject = "key ";
                break;
            case RegisterKind.MapValue:
                subject = "value ";
                break;
            case RegisterKind.Context:
                subject = "context ";
                break;
            case RegisterKind.Stack:
                // Spills are followed by slots of eight bytes, hence stack accesses are always aligned.
                subject = "stack ";
                strict = true;
                break;
            case RegisterKind.Socket:
                subject = "sock ";
                break;
            case RegisterKind.SocketCommon:
                subject = "sock_common ";
                break;
            case RegisterKind.TcpSocket:
                subject = "tcp_sock ";
                break;
            case RegisterKind.XdpSocket:
                subject = "xdp_sock ";
                break;
            case RegisterKind.Arena:
                return;
        }
        if (strict && !(pointer.Value.Bits + Tnum.Const((ulong)(long)(pointer.Offset + offset))).IsAligned((ulong)size))
            throw Reject($"misaligned {subject}access off {pointer.Value.Bits}+{pointer.Offset}+{offset} size {size}");
    }

    /// <summary>
    /// The bytes [offset + least, offset + most + size) lie in a region of <paramref name="regionSize"/> bytes, least and most being the
    /// pointer's variable offset.
    /// </summary>
    private void CheckRegion(int number, int offset, int size, int regionSize, bool zeroAllowed)
    {
        ref RegisterState pointer = ref _registers[number];
        long min = pointer.Value.SMin;
        if (min < 0 && (min == long.MinValue || offset + min != (int)(offset + min) || min + offset < 0))
            throw Reject($"R{number} min value is negative, either use unsigned index or do a if (index >=0) check.");
        if (!IsInside(number, min + offset, size, regionSize, zeroAllowed))
            throw Reject($"R{number} min value is outside of the allowed memory range");
        if (pointer.Value.UMax >= MaxVariableOffset)
            throw Reject($"R{number} unbounded memory access, make sure to bounds check any such access");
        if (!IsInside(number, (long)pointer.Value.UMax + offset, size, regionSize, zeroAllowed))
            throw Reject($"R{number} max value is outside of the allowed memory range");
    }

    private bool IsInside(int number, long offset, int size, int regionSize, bool zeroAllowed)
    {
        // The kernel computes in int here; offsets were limited to 2^29 before.
        if (offset >= 0 && (size > 0 || (size == 0 && zeroAllowed)) && offset + size <= (uint)regionSize)
            return true;
        ref RegisterState pointer = ref _registers[number];
        Say(pointer.Kind switch
        {
            RegisterKind.MapKey => $"invalid access to map key, key_size={regionSize} off={(int)offset} size={size}",
            RegisterKind.MapValue => $"invalid access to map value, value_size={regionSize} off={(int)offset} size={size}",
            RegisterKind.Packet or RegisterKind.PacketMeta or RegisterKind.PacketEnd
                => $"invalid access to packet, off={(int)offset} size={size}, R{number}(id={pointer.Id},off={(int)offset},r={regionSize})",
            _ => $"invalid access to memory, mem_size={(uint)regionSize} off={(int)offset} size={size}",
        });
        return false;
    }

    /// <summary>Pointers that only make sense where they were made: no offset, or only a constant one.</summary>
    private void CheckUnmodified(in RegisterState register, int number, bool fixedOffsetAllowed)
    {
        if (register.Offset < 0)
            throw Reject($"negative offset {register.Kind.Name()} ptr R{number} off={register.Offset} disallowed");
        if (!fixedOffsetAllowed && register.Offset != 0)
            throw Reject($"dereference of modified {register.Kind.Name()} ptr R{number} off={register.Offset} disallowed");
        if (!register.Value.IsZero)
            throw Reject($"variable {register.Kind.Name()} access var_off={register.Value.Bits} disallowed");
    }

    private void CheckBuffer(string name, int number, int offset, int size)
    {
        ref RegisterState pointer = ref _registers[number];
        if (offset < 0)
            throw Reject($"R{number} invalid {name} buffer access: off={offset}, size={size}");
        if (!pointer.Value.IsZero)
            throw Reject($"R{number} invalid variable buffer offset: off={offset}, var_off={pointer.Value.Bits}");
    }
}
