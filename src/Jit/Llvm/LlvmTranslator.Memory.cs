// Loads, stores, atomics, wide immediates (RFC 9669 sections 5.1 to 5.4), little-endian machines only.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Llvm.Interop;
using static Ebpfcc.Jit.Llvm.Interop.LLVMAtomicOrdering;
using static Ebpfcc.Jit.Llvm.Interop.LLVMAtomicRMWBinOp;

namespace Ebpfcc.Jit.Llvm;

internal sealed partial class LlvmTranslator
{
    private void TranslateWide(int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        EbpfInstruction second = _shape.Instructions[slot + 1];
        switch (row.Opcode)
        {
            case EbpfOpcode.LoadFunction:
                Set(instruction.Dst, _builder.BuildPtrToInt(_functions[FunctionAt(slot + 1 + instruction.Immediate)], _int64));
                break;
            case EbpfOpcode.LoadImm64:
                Set(instruction.Dst, Constant(instruction.WideImmediate(second)));
                break;
            case EbpfOpcode.LoadBtfId:
                Set(instruction.Dst, Constant(_references.ResolveImmediate(instruction, second)));
                break;
            default:
                SetPointer(instruction.Dst, LLVMValueRef.CreateConstIntToPtr(Constant(_references.ResolveImmediate(instruction, second)), _pointer));
                break;
        }
    }

    private void TranslateLoad(int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        LLVMTypeRef type = _context.GetIntType((uint)row.Width);
        LLVMValueRef value = _builder.BuildLoad2(type, Address(instruction.Src, instruction.Offset, type));
        Describe(slot, row, value);
        if (row.Operation == Operation.LoadSx)
            Set(instruction.Dst, _builder.BuildSExt(value, _int64));
        else if (row.Width < 64)
            SetExtended(instruction.Dst, value);
        else if (LoadsContextPointer(slot))
            SetPointer(instruction.Dst, _builder.BuildIntToPtr(value, _pointer));
        else
            Set(instruction.Dst, value);
    }

    private void TranslateStore(int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        LLVMTypeRef type = _context.GetIntType((uint)row.Width);
        LLVMValueRef value = !row.IsRegisterForm ? LLVMValueRef.CreateConstInt(type, (ulong)(long)instruction.Immediate, signExtend: true)
            : row.Width == 64 ? Int(instruction.Src) : _builder.BuildTrunc(Int(instruction.Src), type);
        Describe(slot, row, _builder.BuildStore(value, Address(instruction.Dst, instruction.Offset, type)));
    }

    /// <summary>Ordered accesses are aligned, as the verifier demands; others need not be.</summary>
    private void Describe(int slot, OpcodeRow row, LLVMValueRef access)
    {
        bool isOrdered = row.Operation is Operation.LoadAcquire or Operation.StoreRelease;
        access.SetAlignment(isOrdered ? (uint)row.Width / 8 : 1);
        if (isOrdered)
            access.Ordering = row.Operation == Operation.LoadAcquire ? LLVMAtomicOrderingAcquire : LLVMAtomicOrderingRelease;
        if (IsShared(slot))
            access.Volatile = true;
    }

    /// <summary>Full barriers; the fetching forms return what was there before.</summary>
    private void TranslateAtomic(EbpfInstruction instruction, OpcodeRow row)
    {
        bool wide = row.Width == 64;
        LLVMTypeRef type = wide ? _int64 : _int32;
        LLVMValueRef address = Address(instruction.Dst, instruction.Offset, type);
        LLVMValueRef operand = wide ? Int(instruction.Src) : Low(instruction.Src);
        if (row.Operation == Operation.AtomicCmpXchg)
        {
            LLVMValueRef expected = wide ? Int(EbpfRegisters.R0) : Low(EbpfRegisters.R0);
            LLVMValueRef pair = _builder.BuildAtomicCmpXchg(address, expected, operand, LLVMAtomicOrderingSequentiallyConsistent, LLVMAtomicOrderingSequentiallyConsistent, singleThread: false);
            SetResult(EbpfRegisters.R0, _builder.BuildExtractValue(pair, 0), wide);
            return;
        }
        LLVMAtomicRMWBinOp operation = row.Operation switch
        {
            Operation.AtomicAdd or Operation.AtomicFetchAdd => LLVMAtomicRMWBinOpAdd,
            Operation.AtomicOr or Operation.AtomicFetchOr => LLVMAtomicRMWBinOpOr,
            Operation.AtomicAnd or Operation.AtomicFetchAnd => LLVMAtomicRMWBinOpAnd,
            Operation.AtomicXor or Operation.AtomicFetchXor => LLVMAtomicRMWBinOpXor,
            Operation.AtomicXchg => LLVMAtomicRMWBinOpXchg,
            _ => throw new InternalCompilerException("LLVM translation", null, $"no translation of {row.Opcode}"),
        };
        LLVMValueRef before = _builder.BuildAtomicRMW(operation, address, operand, LLVMAtomicOrderingSequentiallyConsistent, singleThread: false);
        if ((row.Src & RegisterUse.Write) != 0)
            SetResult(instruction.Src, before, wide);
    }
}
