// Calls of kernel functions: found by BTF id in the kernel's BTF, allowed by the table, checked against their BTF prototype, where
// suffixes of parameter names say what the type does not (__sz: size of the memory before, __k: constant, __ign: not looked at, ...).
// Then what the call does to references, sections and iterators, and what it leaves in R0.
// Rules follow the kernel's documentation (Documentation/bpf/kfuncs.rst) and the behaviour of its verifier.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

/// <summary>A kernel function with its prototype.</summary>
internal sealed class Kfunc(string name, KfuncRow row, BtfType prototype)
{
    public string Name => name;

    public BtfType Prototype => prototype;

    public bool Has(KfuncFlags flag) => row.Has(flag);

    /// <summary>Functions that take a reference away trust their argument as well.</summary>
    public bool TrustsArguments => row.Has(KfuncFlags.TrustedArguments | KfuncFlags.Release);

    public bool IsFor(ProgramType type) => row.Programs.Contains(type);
}

internal sealed partial class Analysis
{
    /// <summary>What the checks of the arguments find out for the rest of the call.</summary>
    private struct KfuncCall
    {
        public uint Reference;
        public int ReleaseRegister;
        public ulong? Constant;
        public long ResultSize;
        public bool IsResultReadOnly;
        public uint DynptrId, DynptrReference;
        public int DynptrKind;
        public FrameState? IteratorFrame;
        public int IteratorIndex;
    }

    private readonly Dictionary<int, Kfunc?> _kfuncs = [];

    /// <summary>The function of this id in the kernel's BTF; null when there is none that may be called.</summary>
    private Kfunc? FindKfunc(int id)
    {
        if (_kfuncs.TryGetValue(id, out Kfunc? known))
            return known;
        Kfunc? found = null;
        if (KernelTypes is { } types && types[id] is { Kind: BtfKind.Function } function && KfuncTable.Find(function.Name) is { } row
            && types[function.TypeId] is { Kind: BtfKind.FunctionPrototype } prototype)
        {
            found = new Kfunc(function.Name, row, prototype);
        }
        return _kfuncs[id] = found;
    }

    /// <summary>What must hold of every call, also of those no path reaches.</summary>
    private void NoteKfuncCalls()
    {
        for (int slot = 0; slot < _code.Length; slot += _code[slot].Slots)
        {
            ref InstructionInfo instruction = ref _code[slot];
            if (instruction.Opcode != EbpfOpcode.CallKfunc)
                continue;
            if (!_program.IsGplCompatible)
                throw new RejectedException("cannot call kernel function from non-GPL compatible program") { Slot = slot };
            if (instruction.Offset != 0)
                throw new RejectedException("calls of functions of kernel modules are not supported") { Slot = slot };
            if (instruction.Immediate != 0 && KernelTypes?[instruction.Immediate].Kind != BtfKind.Function)
                throw new RejectedException($"kernel btf_id {instruction.Immediate} is not a function") { Slot = slot };
        }
    }

    private void CallKernelFunction(ref InstructionInfo instruction)
    {
        if (FindKfunc(instruction.Immediate) is not { } kfunc || !kfunc.IsFor(_type))
            throw Reject($"calling kernel function {KernelTypes?[instruction.Immediate].Name} is not allowed");
        if (kfunc.Has(KfuncFlags.MightSleep) && !InSleepable)
            throw Reject($"program must be sleepable to call sleepable kfunc {kfunc.Name}");
        KfuncCall call = default;
        CheckKfuncArguments(kfunc, ref call);
        ApplySections(kfunc);
        if (call.ReleaseRegister != 0 && !ReleaseReference(_registers[call.ReleaseRegister].Reference))
            throw Reject($"kfunc {kfunc.Name}#{instruction.Immediate} reference has not been acquired before");
        ClobberCallerSaved(_registers);
        SetKfuncResult(kfunc, ref call);
        _log.Touch(EbpfRegisters.R0);
        if (kfunc.Has(KfuncFlags.IteratorNext))
            ApplyIteratorNext(ref call);
        _slot++;
    }

    /// <summary>Read-side and non-preemptible sections begin and end by calls.</summary>
    private void ApplySections(Kfunc kfunc)
    {
        switch (kfunc.Name)
        {
            case "bpf_rcu_read_lock":
                if (_state.RcuDepth != 0)
                    throw Reject($"nested rcu read lock (kernel function {kfunc.Name})");
                _state.RcuDepth = 1;
                break;
            case "bpf_rcu_read_unlock":
                if (_state.RcuDepth == 0)
                    throw Reject($"unmatched rcu read unlock (kernel function {kfunc.Name})");
                _state.RcuDepth = 0;
                EndRcuPointers();
                break;
            case "bpf_preempt_disable":
                _state.PreemptDepth++;
                break;
            case "bpf_preempt_enable":
                if (_state.PreemptDepth == 0)
                    throw Reject($"unmatched attempt to enable preemption (kernel function {kfunc.Name})");
                _state.PreemptDepth--;
                break;
            default:
                if (!kfunc.Has(KfuncFlags.MightSleep))
                    break;
                if (_state.RcuDepth != 0)
                    throw Reject($"kernel func {kfunc.Name} is sleepable within rcu_read_lock region");
                if (_state.PreemptDepth != 0)
                    throw Reject($"kernel func {kfunc.Name} is sleepable within non-preemptible region");
                break;
        }
    }

    /// <summary>Pointers that the section kept valid may only be read with care from here on.</summary>
    private void EndRcuPointers()
    {
        for (int i = 0; i <= _state.Depth; i++)
        {
            FrameState frame = _state.Frames[i]!;
            for (int r = 0; r < frame.Registers.Length; r++)
                End(ref frame.Registers[r]);
            foreach (ref StackSlot slot in frame.Slots)
            {
                if (slot.IsSpill || slot[7] == SlotType.Iterator)
                    End(ref slot.Spill);
            }
        }

        static void End(ref RegisterState register)
        {
            if (register.Kind.Has(RegisterKind.Rcu))
                register.Kind = (register.Kind & ~(RegisterKind.Rcu | RegisterKind.MaybeNull)) | RegisterKind.Untrusted;
        }
    }

    private void SetKfuncResult(Kfunc kfunc, ref KfuncCall call)
    {
        BtfReader types = KernelTypes!;
        BtfType type = types.SkipModifiers(kfunc.Prototype.TypeId);
        ref RegisterState result = ref _registers[EbpfRegisters.R0];
        if (type.IsVoid)
            return;
        if (type.Kind != BtfKind.Pointer)
        {
            if (kfunc.Has(KfuncFlags.Acquire))
                throw Reject("acquire kernel function does not return PTR_TO_BTF_ID");
            MarkUnknown(ref result);
            return;
        }
        BtfType target = types.SkipModifiers(type.TypeId);
        switch (kfunc.Name)
        {
            case "bpf_cast_to_kern_ctx":
                result = KernelObject(KfuncTable.KernelContext(_type) ?? throw Reject($"kernel function {kfunc.Name} is not supported for this program type"));
                result.Kind |= RegisterKind.Trusted;
                break;
            case "bpf_rdonly_cast":
                if (call.Constant is not ({ } id and <= int.MaxValue) || types[(int)id].Kind is not (BtfKind.Struct or BtfKind.Union))
                    throw Reject("kfunc bpf_rdonly_cast type ID argument must be of a struct");
                result = RegisterState.Pointer(RegisterKind.Object | RegisterKind.Untrusted);
                result.Target = (int)id;
                break;
            case "bpf_dynptr_slice" or "bpf_dynptr_slice_rdwr":
                SetSlice(kfunc, ref call, ref result);
                break;
            default:
                if (target.IsVoid)
                {
                    MarkUnknown(ref result);
                    return;
                }
                if (target.Kind == BtfKind.Struct)
                {
                    result = RegisterState.Pointer(RegisterKind.Object);
                    result.Target = target.Id;
                    if (kfunc.Has(KfuncFlags.IteratorNext))
                        result.Kind |= call.IteratorFrame!.Slot(call.IteratorIndex).Spill.Kind.Has(RegisterKind.Rcu) ? RegisterKind.Rcu : RegisterKind.Trusted;
                    break;
                }
                if (call.ResultSize == 0)
                {
                    call.ResultSize = types.SizeOf(target.Id) ?? 0;
                    call.IsResultReadOnly = true;
                }
                if (call.ResultSize is <= 0 or > int.MaxValue)
                    throw Reject($"kernel function {kfunc.Name} returns pointer type {KindWord(target)} {target.Name} is not supported");
                result = RegisterState.Pointer(RegisterKind.Memory | (call.IsResultReadOnly ? RegisterKind.ReadOnly : 0));
                result.Target = (int)call.ResultSize;
                result.Reference = call.Reference;
                break;
        }
        if (kfunc.Has(KfuncFlags.ReturnsNull))
        {
            result.Kind |= RegisterKind.MaybeNull;
            result.Id = NewId();
        }
        if (!kfunc.Has(KfuncFlags.Acquire))
            return;
        if (result.Kind.Base() != RegisterKind.Object)
            throw Reject("acquire kernel function does not return PTR_TO_BTF_ID");
        uint reference = AcquireReference();
        if (kfunc.Has(KfuncFlags.ReturnsNull))
            result.Id = reference;
        result.Reference = reference;
    }

    /// <summary>A slice of the memory behind a dynptr; it goes when the dynptr goes, or what the dynptr holds is given back.</summary>
    private void SetSlice(Kfunc kfunc, ref KfuncCall call, ref RegisterState result)
    {
        bool isReadOnly = kfunc.Name == "bpf_dynptr_slice";
        if (!isReadOnly && !MayWritePacket())
            throw Reject("the prog does not allow writes to packet data");
        if (call.Constant is not ({ } size and <= int.MaxValue) || call.DynptrId == 0)
            throw Reject($"kernel function {kfunc.Name} needs a constant size");
        result = RegisterState.Pointer(RegisterKind.Memory | (isReadOnly ? RegisterKind.ReadOnly : 0)
            | call.DynptrKind switch { DynptrSkb => RegisterKind.SkbSlice, DynptrXdp => RegisterKind.XdpSlice, _ => 0 });
        result.Target = (int)size;
        result.Extra = call.DynptrId;
        result.Reference = call.DynptrReference;
    }
}
