// Calls of helpers, of functions and of other programs, and packet loads. Addresses of helpers are constants of the IR.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Llvm.Interop;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using static Ebpfcc.Jit.Llvm.Interop.LLVMIntPredicate;

namespace Ebpfcc.Jit.Llvm;

internal sealed partial class LlvmTranslator
{
    private const int ArgumentCount = 5;

    private void TranslateCall(int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        switch (row.Opcode)
        {
            case EbpfOpcode.CallLocal:
                SetCallResult(CallFunction(FunctionAt(slot + 1 + instruction.Immediate)));
                break;
            case EbpfOpcode.CallReg:
                SetCallResult(CallNative(Int(instruction.Dst), ArgumentCount));
                break;
            case EbpfOpcode.CallHelper when instruction.Immediate == HelperRegistry.TailCallId:
                TranslateTailCall();
                break;
            case EbpfOpcode.CallHelper when _references.FindInlineArray(slot) is { } array:
                LLVMValueRef element = Lookup(array);
                SetCallResult(_zero);
                SetPointer(EbpfRegisters.R0, element);
                break;
            case EbpfOpcode.CallHelper:
                LLVMValueRef result = CallNative(Constant((ulong)_references.ResolveHelper(instruction.Immediate)), CountArguments(instruction.Immediate));
                SetCallResult(result);
                if (BlockGraph.ReturnsPointer(instruction.Immediate))
                    SetPointer(EbpfRegisters.R0, _builder.BuildIntToPtr(result, _pointer));
                break;
            default:
                throw new InternalCompilerException("LLVM translation", null, $"slot {slot}: no translation of {row.Opcode}");
        }
    }

    private int FunctionAt(int slot)
    {
        int index = Array.FindIndex(_shape.Functions, function => function.Start == slot);
        return index >= 0 ? index : throw new InternalCompilerException("LLVM translation", null, $"no function begins at slot {slot}");
    }

    /// <summary>A call leaves nothing in the argument registers.</summary>
    private void SetCallResult(LLVMValueRef result)
    {
        Set(EbpfRegisters.R0, result);
        for (int i = 0; i < ArgumentCount; i++)
            Set(EbpfRegisters.R1 + i, _zero);
    }

    private LLVMValueRef CallFunction(int index)
    {
        var arguments = new LLVMValueRef[ParameterCount(index)];
        for (int i = 0; i < arguments.Length; i++)
            arguments[i] = index == 0 && i == 0 ? Pointer(EbpfRegisters.R1) : Int(EbpfRegisters.R1 + i);
        return _builder.BuildCall2(_signatures[index], _functions[index], arguments);
    }

    /// <summary>Calls <c>u64 f(u64, ...)</c> in the platform's convention with R1 and as many further registers as it takes.</summary>
    private LLVMValueRef CallNative(LLVMValueRef address, int count)
    {
        var arguments = new LLVMValueRef[count];
        for (int i = 0; i < count; i++)
            arguments[i] = Int(EbpfRegisters.R1 + i);
        return CallAddress(address, arguments);
    }

    private LLVMValueRef CallAddress(LLVMValueRef address, ReadOnlySpan<LLVMValueRef> arguments)
    {
        Span<LLVMTypeRef> types = stackalloc LLVMTypeRef[arguments.Length];
        types.Fill(_int64);
        LLVMTypeRef signature = LLVMTypeRef.CreateFunction(_int64, types);
        return _builder.BuildCall2(signature, _builder.BuildIntToPtr(address, LLVMTypeRef.CreatePointer(signature, 0)), arguments);
    }

    /// <summary>Arguments that a helper looks at; the machine may hold anything in the other registers.</summary>
    private static int CountArguments(int helper)
        => HelperTable.Find(helper) is { } row && !row.Parameters.Contains("...", StringComparison.Ordinal) ? row.Arguments.Length : ArgumentCount;

    /// <summary>bpf_map_lookup_elem on an array: an address computed from the key, or null.</summary>
    private LLVMValueRef Lookup(InlineArray array)
    {
        LLVMValueRef key = _builder.BuildLoad2(_int32, Address(EbpfRegisters.R2, 0, _int32));
        key.SetAlignment(1);
        key = LLVM.BuildFreeze(_builder, key); // what is compared is what is multiplied, whatever other threads do
        LLVMValueRef isInside = _builder.BuildICmp(LLVMIntULT, key, LLVMValueRef.CreateConstInt(_int32, array.MaxEntries));
        LLVMValueRef distance = _builder.BuildMul(_builder.BuildZExt(key, _int64), Constant(array.Stride));
        LLVMValueRef element = Displace(LLVMValueRef.CreateConstIntToPtr(Constant(array.Values), _pointer), distance);
        return _builder.BuildSelect(isInside, element, LLVMValueRef.CreateConstNull(_pointer));
    }

    /// <summary>
    /// The resolver returns the entry of the program to continue with, or 0; that program's result is this function's:
    ///   entry = resolve(R1, R2, R3) ; entry != 0 ? continue : failed
    ///   continue: return entry(R1, 0)
    ///   failed: R0 = -ENOENT
    /// </summary>
    private void TranslateTailCall()
    {
        LLVMValueRef context = Int(EbpfRegisters.R1);
        LLVMValueRef entry = CallNative(Constant((ulong)X64Runtime.TailCallAddress), ArgumentCount);
        LLVMBasicBlockRef found = NewBlock("continue"), failed = NewBlock("failed");
        _builder.BuildCondBr(_builder.BuildICmp(LLVMIntNE, entry, _zero), found, failed);
        _builder.PositionAtEnd(found);
        LLVMValueRef result = CallAddress(entry, [context, _zero]);
        result.IsTailCall = true;
        _builder.BuildRet(result);
        _builder.PositionAtEnd(failed);
        const long NoEntry = -2;
        SetCallResult(Constant(unchecked((ulong)NoEntry)));
    }

    /// <summary>
    /// LD_ABS and LD_IND: the load function takes (context, offset) and returns the value in host order, or a negative number when
    /// the packet has no such bytes, which ends the function with 0. Where the verifier has proved that R6 is the context, bytes from
    /// the packet's start are loaded in place:
    ///   offset + bytes &lt;= context.length ? inside : elsewhere
    ///   inside:    value = swap(context.address[offset])          elsewhere: value = load(context, offset) ; value &lt; 0 ? outside : loaded
    /// </summary>
    private void TranslatePacketLoad(EbpfInstruction instruction, OpcodeRow row)
    {
        LLVMValueRef offset = LLVMValueRef.CreateConstInt(_int32, (uint)instruction.Immediate);
        if (row.IsRegisterForm)
            offset = _builder.BuildAdd(Low(instruction.Src), offset);
        offset = _builder.BuildZExt(offset, _int64);
        LLVMBasicBlockRef outside = NewBlock("outside"), loaded = NewBlock("loaded"), inside = default;
        LLVMValueRef fast = default;
        if (_proof is not null)
        {
            (inside, LLVMBasicBlockRef elsewhere) = (NewBlock("inside"), NewBlock("elsewhere"));
            LLVMValueRef context = Pointer(EbpfRegisters.R6);
            LLVMValueRef length = _builder.BuildZExt(LoadField(_int32, context, PacketLoads.LengthAt), _int64);
            LLVMValueRef end = _builder.BuildAdd(offset, Constant((ulong)row.Width / 8));
            _builder.BuildCondBr(_builder.BuildICmp(LLVMIntULE, end, length), inside, elsewhere);
            _builder.PositionAtEnd(inside);
            LLVMTypeRef type = _context.GetIntType((uint)row.Width);
            fast = LoadField(type, Displace(_builder.BuildIntToPtr(LoadField(_int64, context, PacketLoads.AddressAt), _pointer), offset), 0);
            if (row.Width > 8)
                fast = _builder.BuildCall2(LLVMTypeRef.CreateFunction(type, [type]), _module.GetIntrinsic("llvm.bswap"u8, type), [fast]);
            fast = _builder.BuildZExt(fast, _int64);
            _builder.BuildBr(loaded);
            _builder.PositionAtEnd(elsewhere);
        }
        LLVMValueRef value = CallAddress(Constant((ulong)X64Runtime.PacketLoadAddress(row.Width)), [Int(EbpfRegisters.R6), offset, _zero, _zero, _zero]);
        LLVMBasicBlockRef called = _builder.InsertBlock;
        _builder.BuildCondBr(_builder.BuildICmp(LLVMIntSLT, value, _zero), outside, loaded);
        _builder.PositionAtEnd(outside);
        _builder.BuildRet(_zero);
        _builder.PositionAtEnd(loaded);
        if (_proof is not null)
        {
            LLVMValueRef joined = _builder.BuildPhi(_int64);
            joined.AddIncoming(fast, inside);
            joined.AddIncoming(value, called);
            value = joined;
        }
        SetCallResult(value);
    }

    private LLVMValueRef LoadField(LLVMTypeRef type, LLVMValueRef address, int offset)
    {
        LLVMValueRef value = _builder.BuildLoad2(type, Displace(address, Constant((ulong)offset)));
        value.SetAlignment(1);
        return value;
    }
}
