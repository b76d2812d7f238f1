// The instruction builder under LLVMSharp.Interop's names. Values are unnamed unless a name is given.
using System.Runtime.InteropServices;
using static Ebpfcc.Jit.Llvm.Interop.LLVMOpcode;

namespace Ebpfcc.Jit.Llvm.Interop;

internal readonly unsafe record struct LLVMBuilderRef(nint Handle) : IDisposable
{
    /// <summary>An empty C string that never moves.</summary>
    public static byte* Unnamed => (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference("\0"u8));

    public LLVMBasicBlockRef InsertBlock => LLVM.GetInsertBlock(this);

    public void PositionAtEnd(LLVMBasicBlockRef block) => LLVM.PositionBuilderAtEnd(this, block);

    public void PositionBefore(LLVMValueRef instruction) => LLVM.PositionBuilderBefore(this, instruction);

    public LLVMValueRef BuildBinOp(LLVMOpcode operation, LLVMValueRef left, LLVMValueRef right) => LLVM.BuildBinOp(this, operation, left, right, Unnamed);

    public LLVMValueRef BuildAdd(LLVMValueRef left, LLVMValueRef right) => BuildBinOp(LLVMAdd, left, right);

    public LLVMValueRef BuildSub(LLVMValueRef left, LLVMValueRef right) => BuildBinOp(LLVMSub, left, right);

    public LLVMValueRef BuildMul(LLVMValueRef left, LLVMValueRef right) => BuildBinOp(LLVMMul, left, right);

    public LLVMValueRef BuildAnd(LLVMValueRef left, LLVMValueRef right) => BuildBinOp(LLVMAnd, left, right);

    public LLVMValueRef BuildCast(LLVMOpcode operation, LLVMValueRef value, LLVMTypeRef type) => LLVM.BuildCast(this, operation, value, type, Unnamed);

    public LLVMValueRef BuildTrunc(LLVMValueRef value, LLVMTypeRef type) => BuildCast(LLVMTrunc, value, type);

    public LLVMValueRef BuildZExt(LLVMValueRef value, LLVMTypeRef type) => BuildCast(LLVMZExt, value, type);

    public LLVMValueRef BuildSExt(LLVMValueRef value, LLVMTypeRef type) => BuildCast(LLVMSExt, value, type);

    public LLVMValueRef BuildPtrToInt(LLVMValueRef value, LLVMTypeRef type) => BuildCast(LLVMPtrToInt, value, type);

    public LLVMValueRef BuildIntToPtr(LLVMValueRef value, LLVMTypeRef type) => BuildCast(LLVMIntToPtr, value, type);

    /// <summary>The value itself when it has the type already, as all pointers have from LLVM 15 on.</summary>
    public LLVMValueRef BuildBitCast(LLVMValueRef value, LLVMTypeRef type) => BuildCast(LLVMBitCast, value, type);

    public LLVMValueRef BuildICmp(LLVMIntPredicate predicate, LLVMValueRef left, LLVMValueRef right) => LLVM.BuildICmp(this, predicate, left, right, Unnamed);

    public LLVMValueRef BuildSelect(LLVMValueRef condition, LLVMValueRef then, LLVMValueRef otherwise) => LLVM.BuildSelect(this, condition, then, otherwise, Unnamed);

    public LLVMValueRef BuildPhi(LLVMTypeRef type) => LLVM.BuildPhi(this, type, Unnamed);

    public LLVMValueRef BuildAlloca(LLVMTypeRef type) => LLVM.BuildAlloca(this, type, Unnamed);

    public LLVMValueRef BuildLoad2(LLVMTypeRef type, LLVMValueRef address) => LLVM.BuildLoad2(this, type, address, Unnamed);

    public LLVMValueRef BuildStore(LLVMValueRef value, LLVMValueRef address) => LLVM.BuildStore(this, value, address);

    public LLVMValueRef BuildGEP2(LLVMTypeRef type, LLVMValueRef address, LLVMValueRef index) => LLVM.BuildGEP2(this, type, address, &index, 1, Unnamed);

    public LLVMValueRef BuildMemSet(LLVMValueRef address, LLVMValueRef value, LLVMValueRef length, uint alignment) => LLVM.BuildMemSet(this, address, value, length, alignment);

    public LLVMValueRef BuildAtomicRMW(LLVMAtomicRMWBinOp operation, LLVMValueRef address, LLVMValueRef value, LLVMAtomicOrdering ordering, bool singleThread)
        => LLVM.BuildAtomicRMW(this, operation, address, value, ordering, singleThread ? 1 : 0);

    public LLVMValueRef BuildAtomicCmpXchg(LLVMValueRef address, LLVMValueRef expected, LLVMValueRef replacement, LLVMAtomicOrdering success, LLVMAtomicOrdering failure, bool singleThread)
        => LLVM.BuildAtomicCmpXchg(this, address, expected, replacement, success, failure, singleThread ? 1 : 0);

    public LLVMValueRef BuildExtractValue(LLVMValueRef aggregate, uint index) => LLVM.BuildExtractValue(this, aggregate, index, Unnamed);

    public LLVMValueRef BuildCall2(LLVMTypeRef type, LLVMValueRef function, ReadOnlySpan<LLVMValueRef> arguments)
    {
        fixed (LLVMValueRef* first = arguments)
            return LLVM.BuildCall2(this, type, function, first, (uint)arguments.Length, Unnamed);
    }

    public LLVMValueRef BuildBr(LLVMBasicBlockRef target) => LLVM.BuildBr(this, target);

    public LLVMValueRef BuildCondBr(LLVMValueRef condition, LLVMBasicBlockRef then, LLVMBasicBlockRef otherwise) => LLVM.BuildCondBr(this, condition, then, otherwise);

    public LLVMValueRef BuildRet(LLVMValueRef value) => LLVM.BuildRet(this, value);

    public void Dispose() => LLVM.DisposeBuilder(this);
}
