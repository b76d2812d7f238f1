// Calls: of helpers (arguments checked, then what the helper does to the state and leaves in R0), of functions of the program (a
// new frame), and returns.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private const int MaxErrno = 4095;

    private readonly CallContext _call = new();
    private readonly Dictionary<int, HelperRow> _helpersForType = [];

    /// <summary>False when the call does not return.</summary>
    private bool TransferCall(ref InstructionInfo instruction)
    {
        if (_state.LockOwner != 0 && (instruction.Opcode == EbpfOpcode.CallKfunc
            || (instruction.Opcode == EbpfOpcode.CallHelper && FindHelperRow(instruction.Immediate)?.Name != "spin_unlock")))
            throw Reject("function calls are not allowed while holding a lock");
        switch (instruction.Opcode)
        {
            case EbpfOpcode.CallLocal:
                CallFunction(ref instruction);
                return true;
            case EbpfOpcode.CallKfunc:
                CallKernelFunction(ref instruction);
                return true;
            default:
                CallHelper(ref instruction);
                _log.Touch(EbpfRegisters.R0);
                _slot++;
                return true;
        }
    }

    private HelperRow ResolveHelper(int id)
    {
        HelperRow? row = FindHelperRow(id);
        if (row is null)
            throw Reject($"invalid func unknown#{id}");
        bool extra = _options.ExtraHelpers.ContainsKey(id);
        if (!extra && (!(_program.HostType?.Allows(row) ?? (row.Programs.Contains(_type) || _options.Kernel.Allows(row, _type))) || !IsForAttachType(row) || !IsForOperation(row)))
            throw Reject($"program of this type cannot use helper {row.FullName}#{id}");
        if (!_options.IsPrivileged && (row.Has(HelperFlags.CapBpf) || row.Has(HelperFlags.CapPerfmon)))
            throw Reject($"program of this type cannot use helper {row.FullName}#{id}");
        if (!_helpersForType.TryGetValue(id, out HelperRow? resolved))
            _helpersForType[id] = resolved = row.For(_type);
        return resolved;
    }

    /// <summary>Hooks whose result means something else have no use for these.</summary>
    private bool IsForAttachType(HelperRow row) => row.Name is not ("get_retval" or "set_retval") || _attach is not (AttachType.CgroupInetIngress or AttachType.CgroupInetEgress
        or AttachType.CgroupSockOps or AttachType.CgroupUdp4Recvmsg or AttachType.CgroupUdp6Recvmsg or AttachType.CgroupUnixRecvmsg or AttachType.CgroupInet4Getpeername
        or AttachType.CgroupInet6Getpeername or AttachType.CgroupUnixGetpeername or AttachType.CgroupInet4Getsockname or AttachType.CgroupInet6Getsockname
        or AttachType.CgroupUnixGetsockname) || _type is not (ProgramType.CgroupSkb or ProgramType.SockOps or ProgramType.CgroupSockAddr);

    private void CallHelper(ref InstructionInfo instruction)
    {
        HelperRow helper = ResolveHelper(instruction.Immediate);
        if (!_program.IsGplCompatible && helper.Has(HelperFlags.GplOnly))
            throw Reject("cannot call GPL-restricted function from non-GPL compatible program");
        if (helper.Has(HelperFlags.MightSleep))
        {
            if (!InSleepable)
                throw Reject("helper call might sleep in a non-sleepable prog");
            if (_state.RcuDepth != 0)
                throw Reject($"sleepable helper {helper.FullName}#{helper.Id} in rcu_read_lock region");
            if (_state.PreemptDepth != 0)
                throw Reject($"sleepable helper {helper.FullName}#{helper.Id} in non-preemptible region");
        }
        if (helper.Name == "d_path" && !MayCallDPath())
            throw Reject("helper call is not allowed in probe");
        CallContext call = _call.Begin(helper);
        for (int i = 0; i < helper.Arguments.Length; i++)
            CheckArgument(call, i);
        NoteMap(ref instruction, call);
        // What the helper fills counts as written, byte by byte.
        if (call.RawSize > 0)
        {
            int number = call.RawRegister;
            int offset = _registers[number].Offset;
            for (int i = 0; i < call.RawSize; i++)
            {
                CheckStackBounds(number, offset + i, 1, isHelper: false, isWrite: true);
                WriteRaw(in _registers[number], offset + i);
            }
        }
        ReleaseArgument(call);
        bool movesPacket = helper.Has(HelperFlags.ChangesPacketData);
        ApplySpecialHelper(ref instruction, call, ref movesPacket);
        ClobberCallerSaved(_registers);
        SetResult(call);
        CheckMapForHelper(call.Map, helper);
        if (movesPacket)
            ForgetPacketPointers();
    }

    /// <summary>bpf_d_path takes locks; it may be called only from places where they are not held.</summary>
    private bool MayCallDPath() => (_type, _attach) switch
    {
        (ProgramType.Tracing, AttachType.TraceIter) => true,
        (ProgramType.Lsm, _) => IsSleepable,
        _ => TracedName() is "security_file_permission" or "security_inode_getattr" or "security_file_open" or "security_path_truncate" or "vfs_truncate"
            or "vfs_fallocate" or "dentry_open" or "vfs_getattr" or "filp_close",
    };

    private void WriteRaw(in RegisterState pointer, int offset)
    {
        FrameState frame = FrameOf(in pointer);
        int top = -(offset + (int)pointer.Value.Bits.Value) - 1, index = top / 8;
        DestroyDynptrAt(frame, index);
        ref StackSlot slot = ref frame.Slot(index);
        ScrubSpecial(ref slot);
        slot.Set(top % 8, SlotType.Misc);
        _log.TouchStack(frame, index);
    }

    private void NoteMap(ref InstructionInfo instruction, CallContext call)
    {
        if (call.Map < 0)
            return;
        if ((_maps[call.Map].Flags & ReadOnlyForPrograms) != 0 && call.Helper.Name is "map_delete_elem" or "map_update_elem" or "map_push_elem" or "map_pop_elem"
            && (_maps[call.Map].Flags & ReadOnlyForPrograms) != 0)
            throw Reject("write into map forbidden");
        int seen = call.Map < _program.Maps.Count ? 1 + call.Map : -1;
        instruction.MapSeen = instruction.MapSeen == 0 || instruction.MapSeen == seen ? seen : -1;
        if (call.Helper.Name == "tail_call" && _registers[EbpfRegisters.R3].IsConst && _registers[EbpfRegisters.R3].Value.Bits.Value < (ulong)_maps[call.Map].MaxEntries)
            MarkPrecise(EbpfRegisters.R3);
    }

    private void ReleaseArgument(CallContext call)
    {
        if (call.ReleaseRegister == 0)
            return;
        ref RegisterState register = ref _registers[call.ReleaseRegister];
        bool released;
        if (call.Helper.Arguments[call.ReleaseRegister - 1].Kind() == HelperArgument.Dynptr)
            released = ReleaseDynptr(in register);
        else if (call.Reference != 0)
            released = ReleaseReference(call.Reference);
        else
            released = register.IsNull;
        if (!released)
            throw Reject($"func {call.Helper.FullName}#{call.Helper.Id} reference has not been acquired before");
    }

    private void ApplySpecialHelper(ref InstructionInfo instruction, CallContext call, ref bool movesPacket)
    {
        switch (call.Helper.Name)
        {
            case "tail_call":
                if (_state.LockOwner != 0)
                    throw Reject("tail_call cannot be used inside bpf_spin_lock-ed region");
                if (!HasNoReferenceLeak(isException: false))
                    throw Reject("tail_call would lead to reference leak");
                if (_state.RcuDepth != 0)
                    throw Reject("tail_call cannot be used inside bpf_rcu_read_lock-ed region");
                if (_state.PreemptDepth != 0)
                    throw Reject("tail_call cannot be used inside bpf_preempt_disable-ed region");
                break;
            case "get_local_storage":
                if (!_registers[EbpfRegisters.R2].IsNull)
                    throw Reject("get_local_storage() doesn't support non-zero flags");
                MarkPrecise(EbpfRegisters.R2);
                break;
            case "for_each_map_elem":
                if (TypeOf(_maps[call.Map]) is not (MapType.Hash or MapType.LruHash or MapType.PerCpuHash or MapType.LruPerCpuHash or MapType.Array or MapType.PerCpuArray))
                    throw Reject("callback function not allowed for map");
                CallBack(call, CallbackKind.MapElement);
                break;
            case "timer_set_callback":
                CallBack(call, CallbackKind.Timer);
                break;
            case "find_vma":
                CallBack(call, CallbackKind.VirtualMemoryArea);
                break;
            case "user_ringbuf_drain":
                CallBack(call, CallbackKind.UserRingbuf);
                break;
            case "loop":
                if (_registers[EbpfRegisters.R4].IsNull)
                    MarkPrecise(EbpfRegisters.R4);
                MarkPrecise(EbpfRegisters.R1);
                if ((ulong)_state.Current.CallbackDepth < _registers[EbpfRegisters.R1].Value.UMax)
                    CallBack(call, CallbackKind.Loop);
                else
                    _state.Current.CallbackDepth = 0;
                break;
            case "snprintf":
                CheckFormat(call);
                break;
            case "dynptr_from_mem":
                if (_registers[EbpfRegisters.R1].Kind != RegisterKind.MapValue)
                    throw Reject($"Unsupported reg type {_registers[EbpfRegisters.R1].Kind.Name()} for bpf_dynptr_from_mem data");
                break;
            case "dynptr_data":
                ref RegisterState dynptr = ref DynptrState(FindDynptrArgument(call));
                call.DynptrId = dynptr.Id;
                call.Reference = dynptr.Reference;
                break;
            case "dynptr_write":
                movesPacket |= DynptrState(FindDynptrArgument(call)).Target == DynptrSkb;
                break;
        }
    }

    private void SetResult(CallContext call)
    {
        HelperRow helper = call.Helper;
        ref RegisterState result = ref _registers[EbpfRegisters.R0];
        RegisterKind flags = (helper.Return.Is(HelperReturn.OrNull) ? RegisterKind.MaybeNull : 0) | (helper.Return.Is(HelperReturn.ReadOnly) ? RegisterKind.ReadOnly : 0)
            | (helper.Return.Is(HelperReturn.Trusted) ? RegisterKind.Trusted : 0);
        bool acquires = helper.Has(HelperFlags.Acquire);
        switch (helper.Return.Kind())
        {
            case HelperReturn.Integer:
                MarkUnknown(ref result);
                RefineResult(call, ref result);
                break;
            case HelperReturn.Void:
                break;
            case HelperReturn.MapValue:
                if (call.Map < 0)
                    throw Reject("kernel subsystem misconfigured verifier");
                // An array has a value for every key in range: no null then.
                if (helper.Name == "map_lookup_elem" && call.ConstantKey >= 0 && call.ConstantKey < _maps[call.Map].MaxEntries)
                    flags &= ~RegisterKind.MaybeNull;
                result = RegisterState.Pointer(RegisterKind.MapValue | flags);
                result.Target = call.Map;
                result.Extra = call.MapLookup;
                if (!result.Kind.MayBeNull() && _records[call.Map].SpinLock >= 0)
                    result.Id = NewId();
                acquires |= helper.Name == "map_lookup_elem" && TypeOf(_maps[call.Map]) is MapType.SockMap or MapType.SockHash && helper.Name == "map_lookup_elem";
                break;
            case HelperReturn.Socket:
                result = RegisterState.Pointer(RegisterKind.Socket | flags);
                break;
            case HelperReturn.SockCommon:
                result = RegisterState.Pointer(RegisterKind.SocketCommon | flags);
                break;
            case HelperReturn.TcpSock:
                result = RegisterState.Pointer(RegisterKind.TcpSocket | flags);
                break;
            case HelperReturn.RingbufMemory or HelperReturn.DynptrMemory:
                result = RegisterState.Pointer(RegisterKind.Memory | flags | (helper.Return.Kind() == HelperReturn.RingbufMemory ? RegisterKind.Ringbuf : 0));
                result.Target = (int)Math.Min(call.MemorySize, int.MaxValue);
                break;
            case HelperReturn.BtfPointer or HelperReturn.MemoryOrBtfPointer:
                result = ObjectResult(call, flags);
                break;
            default:
                throw Reject($"unknown return type {(int)helper.Return.Kind()} of func {helper.FullName}#{helper.Id}");
        }
        if (result.Kind.MayBeNull())
            result.Id = NewId();
        if (helper.Name == "dynptr_data")
            result.Extra = call.DynptrId;
        if (helper.Name is "tcp_sock" or "sk_fullsock" or "dynptr_data" || helper.Name.StartsWith("skc_to_", StringComparison.Ordinal))
        {
            result.Reference = call.Reference;
        }
        else if (acquires)
        {
            uint id = AcquireReference();
            result.Id = id;
            result.Reference = id;
        }
    }

    /// <summary>Helpers that return a length (or a small number) promise its range.</summary>
    private static void RefineResult(CallContext call, ref RegisterState result)
    {
        switch (call.Helper.Name)
        {
            case "get_stack" or "get_task_stack" or "probe_read_str" or "probe_read_kernel_str" or "probe_read_user_str":
                result.Value.SMin = result.Value.SMin32 = -MaxErrno;
                result.Value.SMax = (long)call.LargestSize;
                result.Value.SMax32 = (int)call.LargestSize;
                result.Value.Synchronize();
                break;
            case "get_smp_processor_id":
                // As many processors as any supported machine has; the kernel uses the number of this one.
                result.Value.MeetU(0, 8191);
                result.Value.MeetU32(0, 8191);
                result.Value.Synchronize();
                break;
        }
    }

    private static int FindDynptrArgument(CallContext call)
    {
        for (int i = 0; i < call.Helper.Arguments.Length; i++)
        {
            if (call.Helper.Arguments[i].Kind() == HelperArgument.Dynptr)
                return i + 1;
        }
        return 1;
    }

    /// <summary>Leaves the innermost function: R0 goes to the caller, or (callbacks) back to the helper, which may call again.</summary>
    private void ReturnFromFrame()
    {
        FrameState callee = _state.Current;
        ref RegisterState result = ref callee.Registers[EbpfRegisters.R0];
        if (result.Kind == RegisterKind.Stack)
            throw Reject("cannot return stack pointer to the caller");
        FrameState caller = _state.Frames[_state.Depth - 1]!;
        if (callee.InCallback)
        {
            if (!result.IsScalar)
                throw Reject("R0 not a scalar value");
            MarkPrecise(EbpfRegisters.R0);
            if (result.Value.SMin < callee.ReturnMinimum || result.Value.SMax > callee.ReturnMaximum)
                throw Reject(OutOfRange("At callback return", in result, callee.ReturnMinimum, callee.ReturnMaximum));
        }
        else
        {
            caller.Registers[EbpfRegisters.R0] = result;
        }
        int next = callee.InCallback ? callee.CallSite : callee.CallSite + 1;
        bool inCallback = callee.InCallback;
        _log.Returning(_state, callee, caller, next);
        _pool.Return(callee);
        _state.Frames[_state.Depth--] = null;
        _registers = caller.Registers;
        _slot = next;
        if (inCallback && FindPreviousEntry(_state, next) is { } before)
            Widen(before, _state);
    }

    private static string OutOfRange(string when, in RegisterState register, int minimum, int maximum)
    {
        string known = "";
        if (register.Value.SMin > long.MinValue)
            known += $" smin={register.Value.SMin}";
        if (register.Value.SMax < long.MaxValue)
            known += $" smax={register.Value.SMax}";
        if (known.Length == 0)
            known = " unknown scalar value";
        return $"{when} the register R0 has{known} should have been in [{minimum}, {maximum}]";
    }

    private void CheckReturnValue()
    {
        FrameState frame = _state.Frames[0]!;
        ref RegisterState result = ref _registers[EbpfRegisters.R0];
        bool isFunction = frame.Subprogram != 0;
        if (!isFunction && ReturnsNothing())
            return;
        RequireReadable(EbpfRegisters.R0);
        if (IsSecret(EbpfRegisters.R0))
            throw Reject("R0 leaks addr as return value");
        if (frame.InAsyncCallback)
        {
            CheckReturnRange("At async callback return", ref result, new ReturnRange(0, 0));
            return;
        }
        if (isFunction && !frame.InExceptionCallback)
        {
            if (!result.IsScalar)
                throw Reject($"At subprogram exit the register R0 is not a scalar value ({result.Kind.Name()})");
            return;
        }
        if (AllowedReturn() is { } range)
            CheckReturnRange("At program exit", ref result, range);
    }

    private void CheckReturnRange(string when, ref RegisterState result, ReturnRange range)
    {
        if (!result.IsScalar)
            throw Reject($"{when} the register R0 is not a known value ({result.Kind.Name()})");
        MarkPrecise(EbpfRegisters.R0);
        bool low = _type == ProgramType.Lsm && _attach != AttachType.LsmCgroup;
        long min = low ? result.Value.SMin32 : result.Value.SMin, max = low ? result.Value.SMax32 : result.Value.SMax;
        if (min < range.Minimum || max > range.Maximum)
            throw Reject(OutOfRange(when, in result, range.Minimum, range.Maximum));
    }
}
