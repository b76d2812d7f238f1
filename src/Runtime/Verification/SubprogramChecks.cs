// Functions of the program: static ones are walked at every call with what they are called with; global ones are walked once, for
// all arguments their BTF prototype allows; callbacks are walked as often as it takes for their state to come back. And the
// stack they need together.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private enum CallbackKind { MapElement, Loop, Timer, VirtualMemoryArea, UserRingbuf }

    private readonly int _exceptionCallback = -1;

    private void NameSubprograms()
    {
        foreach (Subprogram subprogram in _program.Subprograms)
        {
            int index = _flow.FindSubprogram(subprogram.Start);
            if (index < 0)
                continue;
            SubprogramInfo info = _flow.Subprograms[index];
            info.Name = subprogram.Name;
            info.IsGlobal = subprogram.IsGlobal && index > 0;
            info.BtfTypeId = subprogram.BtfTypeId;
        }
        for (int i = 1; i < _flow.Subprograms.Count; i++)
        {
            SubprogramInfo info = _flow.Subprograms[i];
            if (info is { IsGlobal: true, BtfTypeId: > 0 })
                ReadPrototype(info);
        }
    }

    /// <summary>LD_ABS and tail calls may end a function early, with a result.</summary>
    private void CheckAbnormalReturns()
    {
        for (int i = 1; i < _flow.Subprograms.Count; i++)
        {
            SubprogramInfo info = _flow.Subprograms[i];
            if (!info.HasPacketLoad && !info.HasTailCall)
                continue;
            bool hasTypes = _program.Btf is not null && info.BtfTypeId > 0;
            Ebpf.Btf.BtfType result = hasTypes ? _program.Btf!.SkipModifiers(_program.Btf![_program.Btf![info.BtfTypeId].TypeId].TypeId) : default;
            bool isNumber = result.Kind is Ebpf.Btf.BtfKind.Int or Ebpf.Btf.BtfKind.Enum or Ebpf.Btf.BtfKind.Enum64;
            if (isNumber)
                continue;
            string what = info.HasPacketLoad ? "LD_ABS" : "tail_call";
            throw Reject(hasTypes ? $"{what} is only allowed in functions that return 'int'." : $"{what} is not allowed in subprogs without BTF");
        }
    }

    /// <summary>Verified on its own, by its BTF prototype, and called without being walked again.</summary>
    private bool IsVerifiedAlone(int index) => _flow.Subprograms[index] is { IsGlobal: true, Arguments: not null };

    private void SetUpArguments(int subprogram)
    {
        RegisterState[] registers = _state.Current.Registers;
        _registers = registers;
        if (subprogram == 0)
        {
            registers[EbpfRegisters.R1] = RegisterState.Pointer(RegisterKind.Context);
            return;
        }
        SubprogramInfo info = _flow.Subprograms[subprogram];
        _log.Line($"Validating {info.Name}() func#{subprogram}...");
        if (info.PrototypeError is { } wrong)
            throw Reject(wrong);
        for (int i = 0; i < info.Arguments!.Length; i++)
        {
            FunctionArgument argument = info.Arguments[i];
            ref RegisterState register = ref registers[1 + i];
            switch (argument.Kind.Base())
            {
                case RegisterKind.Scalar or RegisterKind.Arena:
                    MarkUnknown(ref register);
                    break;
                case RegisterKind.Dynptr:
                    register = RegisterState.Pointer(RegisterKind.Dynptr);
                    register.Target = DynptrLocal;
                    register.Part = 1;
                    register.Id = NewId();
                    break;
                case RegisterKind.Context:
                    register = RegisterState.Pointer(RegisterKind.Context);
                    break;
                default:
                    register = RegisterState.Pointer(argument.Kind);
                    register.Target = argument.Kind.Base() == RegisterKind.Memory ? argument.Size : argument.TypeId;
                    register.Id = NewId();
                    break;
            }
        }
    }

    /// <summary>Walks every global function that a walked function calls, until no new one turns up.</summary>
    private void ExploreGlobalFunctions()
    {
        bool found;
        do
        {
            found = false;
            for (int i = 1; i < _flow.Subprograms.Count; i++)
            {
                SubprogramInfo info = _flow.Subprograms[i];
                if (!IsVerifiedAlone(i) || !info.IsCalled || info.IsVerified)
                    continue;
                info.IsVerified = true;
                ExploreFunction(i);
                _log.Line($"Func#{i} ('{info.Name}') is safe for any args that match its prototype");
                found = true;
            }
        }
        while (found);
    }

    private void CallFunction(ref InstructionInfo instruction)
    {
        int index = _flow.FindSubprogram(_slot + 1 + instruction.Immediate);
        SubprogramInfo callee = _flow.Subprograms[index];
        if (IsVerifiedAlone(index))
        {
            CallGlobalFunction(index, callee);
            return;
        }
        if (_state.Depth + 1 >= AbstractState.MaxFrames)
            throw Reject($"the call stack of {_state.Depth + 2} frames is too deep");
        FrameState caller = _state.Current;
        FrameState frame = PushFrame(_state, index, _slot);
        caller.Registers.AsSpan(1, 5).CopyTo(frame.Registers.AsSpan(1));
        ClobberCallerSaved(caller.Registers);
        _registers = frame.Registers;
        _log.Calling(_state, caller, frame);
        _slot = callee.Start;
    }

    private FrameState PushFrame(AbstractState state, int subprogram, int callSite)
    {
        FrameState frame = _pool.RentFrame();
        frame.Reset(callSite, state.Depth + 1, subprogram);
        state.Frames[++state.Depth] = frame;
        return frame;
    }

    private void CallGlobalFunction(int index, SubprogramInfo callee)
    {
        if (_state.LockOwner != 0)
            throw Reject("global function calls are not allowed while holding a lock,\nuse static function instead");
        if (_state.PreemptDepth != 0 && callee.MightSleep)
            throw Reject($"sleepable global function {callee.Name}() called in non-preemptible section");
        if (_state.RcuDepth != 0 && callee.MightSleep)
            throw Reject($"sleepable global function {callee.Name}() called in RCU section");
        if (CheckPrototype(callee) is { } mismatch)
        {
            Say(mismatch);
            throw Reject($"Caller passes invalid args into func#{index} ('{callee.Name}')");
        }
        _log.Line($"Func#{index} ('{callee.Name}') is global and assumed valid.");
        if (callee.ChangesPacketData)
            ForgetPacketPointers();
        callee.IsCalled = true;
        ClobberCallerSaved(_registers);
        MarkUnknown(ref _registers[EbpfRegisters.R0]);
        _log.Touch(EbpfRegisters.R0);
        _slot++;
    }

    /// <summary>The arguments are what the prototype promises the function; null when they are.</summary>
    private string? CheckPrototype(SubprogramInfo callee)
    {
        if (callee.PrototypeError is { } wrong)
            return wrong;
        FunctionArgument[] arguments = callee.Arguments!;
        for (int i = 0; i < arguments.Length; i++)
        {
            int number = i + 1;
            FunctionArgument argument = arguments[i];
            RequireReadable(number);
            switch (argument.Kind.Base())
            {
                case RegisterKind.Scalar:
                    if (!_registers[number].IsScalar)
                        return $"R{number} is not a scalar";
                    break;
                case RegisterKind.Context:
                    CheckArgumentOffset(in _registers[number], number, HelperArgument.Anything);
                    if (_registers[number].Kind != RegisterKind.Context)
                        return $"arg#{i} expects pointer to ctx";
                    break;
                case RegisterKind.Memory:
                    CheckArgumentOffset(in _registers[number], number, HelperArgument.Anything);
                    if (!_registers[number].IsNull)
                    {
                        RegisterState saved = _registers[number];
                        bool mayBeNull = saved.Kind.MayBeNull();
                        if (mayBeNull)
                            MarkNotNull(ref _registers[number]);
                        CheckMemory(null, number, argument.Size, isWrite: false, zeroAllowed: true);
                        if (!argument.Kind.Has(RegisterKind.ReadOnly))
                            CheckMemory(null, number, argument.Size, isWrite: true, zeroAllowed: true);
                        if (mayBeNull)
                            _registers[number] = saved;
                        if (mayBeNull && !argument.Kind.MayBeNull())
                            return $"arg#{i} is expected to be non-NULL";
                    }
                    else if (!argument.Kind.MayBeNull())
                    {
                        return $"arg#{i} is expected to be non-NULL";
                    }
                    break;
                case RegisterKind.Arena:
                    if (_registers[number].Kind is not (RegisterKind.Arena or RegisterKind.Scalar))
                        return $"R{number} is not a pointer to arena or scalar.";
                    break;
                case RegisterKind.Dynptr:
                    CheckArgumentOffset(in _registers[number], number, HelperArgument.Dynptr);
                    ApplyDynptrArgument(number, HelperArgument.Dynptr | HelperArgument.ReadOnly);
                    break;
                case RegisterKind.Object:
                    if (_registers[number].IsNull && argument.Kind.MayBeNull())
                        break;
                    if (CheckObjectPrototype(number, argument) is { } mismatch)
                        return mismatch;
                    break;
                default:
                    return $"unrecognized arg#{i} type {argument.Kind.Name()}";
            }
        }
        return null;
    }

    /// <summary>Queues a walk of the callback with what the helper passes it; the helper itself returns as if it had not called.</summary>
    private void CallBack(CallContext call, CallbackKind kind)
    {
        SubprogramInfo callee = _flow.Subprograms[call.Function];
        callee.IsCallback = true;
        FrameState caller = _state.Current;
        if (kind == CallbackKind.Timer)
        {
            // Called later, on its own stack.
            callee.IsAsyncCallback = true;
            AbstractState later = _pool.Rent();
            later.Depth = 0;
            FrameState first = later.Frames[0] ??= _pool.RentFrame();
            first.Reset(-1, 0, call.Function);
            first.InAsyncCallback = true;
            first.AsyncEntries = caller.AsyncEntries + 1;
            later.ReferenceCount = 0;
            later.LockOwner = 0;
            later.LockId = 0;
            later.RcuDepth = later.PreemptDepth = later.CallbackUnrolls = later.MayGotoDepth = 0;
            later.InSleepable = later.Speculative = false;
            later.Parent = null;
            later.LoopEntry = null;
            later.Branches = 1;
            later.TreeDepth = 0;
            later.FirstSlot = callee.Start;
            later.LastSlot = -1;
            later.HistoryStart = later.HistoryEnd = _state.HistoryEnd;
            SetCallbackArguments(caller, first, kind, call);
            Enqueue(later, callee.Start);
            if (_pending.Count > PendingLimit)
                throw Reject($"The sequence of {_pending.Count} jumps is too complex for async cb.");
            return;
        }
        if (_state.Depth + 1 >= AbstractState.MaxFrames)
            throw Reject($"the call stack of {_state.Depth + 2} frames is too deep");
        AbstractState walk = Fork(callee.Start);
        FrameState frame = PushFrame(walk, call.Function, _slot);
        SetCallbackArguments(walk.Frames[walk.Depth - 1]!, frame, kind, call);
        frame.InCallback = true;
        frame.ReturnMinimum = 0;
        frame.ReturnMaximum = 1;
        walk.CallbackUnrolls++;
        walk.Frames[walk.Depth - 1]!.CallbackDepth++;
        caller.CallbackDepth = 0;
    }

    private void SetCallbackArguments(FrameState caller, FrameState callee, CallbackKind kind, CallContext call)
    {
        RegisterState[] from = caller.Registers, to = callee.Registers;
        RegisterState Of(RegisterKind pointer)
        {
            RegisterState register = RegisterState.Pointer(pointer);
            register.Target = call.Map;
            register.Extra = call.MapLookup;
            return register;
        }
        switch (kind)
        {
            case CallbackKind.MapElement:
                to[1] = from[1];
                to[2] = Of(RegisterKind.MapKey);
                to[3] = Of(RegisterKind.MapValue);
                to[4] = from[3];
                break;
            case CallbackKind.Loop:
                MarkUnknown(ref to[1]);
                to[2] = from[3];
                break;
            case CallbackKind.Timer:
                to[1] = Of(RegisterKind.Map);
                to[2] = Of(RegisterKind.MapKey);
                to[3] = Of(RegisterKind.MapValue);
                break;
            case CallbackKind.VirtualMemoryArea:
                to[1] = from[1];
                to[2] = KernelObject("vm_area_struct");
                to[3] = from[4];
                break;
            case CallbackKind.UserRingbuf:
                to[1] = RegisterState.Pointer(RegisterKind.Dynptr);
                to[1].Target = DynptrLocal;
                to[1].Part = 1;
                to[1].Id = NewId();
                to[2] = from[3];
                break;
        }
    }

    /// <summary>Adds up the stack along every chain of calls.</summary>
    private void CheckStackDepth()
    {
        bool tailCalls = _flow.Subprograms.Any(subprogram => subprogram.HasTailCall);
        bool ownStacks = !tailCalls && _type is ProgramType.Kprobe or ProgramType.Tracepoint or ProgramType.PerfEvent or ProgramType.RawTracepoint && !tailCalls;
        for (int i = _flow.Subprograms.Count - 1; i >= 0; i--)
        {
            if (i == 0 || _flow.Subprograms[i].IsAsyncCallback)
                CheckStackDepth(i, 0, 0, insideCallback: false, ownStacks && i == 0);
        }
    }

    /// <summary>Recursion is bounded by the number of frames.</summary>
    private void CheckStackDepth(int index, int depth, int frame, bool insideCallback, bool ownStacks)
    {
        SubprogramInfo info = _flow.Subprograms[index];
        insideCallback |= info.IsCallback;
        if (info.HasPacketLoad && insideCallback)
            throw Reject("cannot use BPF_LD_[ABS|IND] within callback");
        if (index != 0 && info.HasTailCall && depth >= 256)
            throw Reject($"tail_calls are not allowed when call stack of previous frames is {depth} bytes. Too large");
        int own = (info.StackDepth + 15) & ~15;
        if (ownStacks)
        {
            if (own > StackSize)
                throw Reject($"stack size of subprog {index} is {own}. Too large");
        }
        depth += own;
        if (depth > StackSize && !ownStacks)
            throw Reject($"combined stack size of {frame + 1} calls is {depth}. Too large");
        CombinedStackDepth = Math.Max(CombinedStackDepth, depth);
        for (int slot = info.Start; slot < info.End; slot += _code[slot].Slots)
        {
            if (_code[slot].Opcode is not (EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction))
                continue;
            int callee = _flow.FindSubprogram(slot + 1 + _code[slot].Immediate);
            if (_flow.Subprograms[callee].IsAsyncCallback && _code[slot].Opcode == EbpfOpcode.LoadFunction)
                continue;
            if (frame + 1 >= AbstractState.MaxFrames)
                throw Reject($"the call stack of {frame + 1} frames is too deep !");
            CheckStackDepth(callee, depth, frame + 1, insideCallback, ownStacks);
        }
    }

    private string? CheckObjectPrototype(int number, FunctionArgument argument)
    {
        ref RegisterState register = ref _registers[number];
        RegisterKind kind = argument.Kind.MayBeNull() ? register.Kind & ~RegisterKind.MaybeNull : register.Kind;
        if (kind is not (Obj or (Obj | RegisterKind.Trusted) or (Obj | RegisterKind.Rcu)))
            return $"R{number} type={register.Kind.Name()} expected=ptr_, trusted_ptr_, rcu_ptr_";
        if (KernelTypes is not { } types || !IsObjectOf(types, register.Target, register.Offset, argument.TypeId, strict: false))
            return $"R{number} is of type {TypeName(in register)} but {KernelTypes?[argument.TypeId].Name} is expected";
        return null;
    }
}
