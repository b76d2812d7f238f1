// The handles and enumerations of LLVM's C API under LLVMSharp.Interop's names. Handles are plain pointers with methods; who
// makes one disposes of it.
namespace Ebpfcc.Jit.Llvm.Interop;

internal enum LLVMOpcode
{
    LLVMAdd = 8, LLVMSub = 10, LLVMMul = 12, LLVMUDiv = 14, LLVMSDiv = 15, LLVMURem = 17, LLVMSRem = 18,
    LLVMShl = 20, LLVMLShr = 21, LLVMAShr = 22, LLVMAnd = 23, LLVMOr = 24, LLVMXor = 25,
    LLVMTrunc = 30, LLVMZExt = 31, LLVMSExt = 32, LLVMPtrToInt = 39, LLVMIntToPtr = 40, LLVMBitCast = 41,
}

internal enum LLVMIntPredicate
{
    LLVMIntEQ = 32, LLVMIntNE, LLVMIntUGT, LLVMIntUGE, LLVMIntULT, LLVMIntULE, LLVMIntSGT, LLVMIntSGE, LLVMIntSLT, LLVMIntSLE,
}

internal enum LLVMAtomicRMWBinOp { LLVMAtomicRMWBinOpXchg, LLVMAtomicRMWBinOpAdd, LLVMAtomicRMWBinOpSub, LLVMAtomicRMWBinOpAnd, LLVMAtomicRMWBinOpNand, LLVMAtomicRMWBinOpOr, LLVMAtomicRMWBinOpXor }

internal enum LLVMAtomicOrdering { LLVMAtomicOrderingMonotonic = 2, LLVMAtomicOrderingAcquire = 4, LLVMAtomicOrderingRelease = 5, LLVMAtomicOrderingSequentiallyConsistent = 7 }

internal enum LLVMLinkage { LLVMExternalLinkage = 0, LLVMInternalLinkage = 8 }

internal enum LLVMVerifierFailureAction { LLVMReturnStatusAction = 2 }

internal enum LLVMCodeGenOptLevel { LLVMCodeGenLevelNone, LLVMCodeGenLevelLess, LLVMCodeGenLevelDefault, LLVMCodeGenLevelAggressive }

internal enum LLVMRelocMode { LLVMRelocDefault, LLVMRelocStatic, LLVMRelocPIC }

internal enum LLVMCodeModel { LLVMCodeModelDefault, LLVMCodeModelJITDefault, LLVMCodeModelTiny, LLVMCodeModelSmall }

internal enum LLVMCodeGenFileType { LLVMAssemblyFile, LLVMObjectFile }

/// <summary>Where attributes are attached; parameters follow from 1.</summary>
internal enum LLVMAttributeIndex : uint { LLVMAttributeReturnIndex = 0, LLVMAttributeFunctionIndex = uint.MaxValue }

internal readonly record struct LLVMTargetRef(nint Handle);

internal readonly record struct LLVMTargetDataRef(nint Handle);

internal readonly record struct LLVMAttributeRef(nint Handle);

internal readonly record struct LLVMBasicBlockRef(nint Handle);

internal readonly record struct LLVMOrcLLJITRef(nint Handle);

internal readonly record struct LLVMOrcJITDylibRef(nint Handle);

internal readonly record struct LLVMDisasmContextRef(nint Handle);

internal readonly record struct LLVMPassBuilderOptionsRef(nint Handle) : IDisposable
{
    public static LLVMPassBuilderOptionsRef Create() => LLVM.CreatePassBuilderOptions();

    public void Dispose() => LLVM.DisposePassBuilderOptions(this);
}

internal readonly record struct LLVMErrorRef(nint Handle)
{
    /// <summary>The error's text, which is thereby consumed; null for success.</summary>
    public string? TakeMessage()
    {
        if (Handle == 0)
            return null;
        nint message = LLVM.GetErrorMessage(this);
        string text = System.Runtime.InteropServices.Marshal.PtrToStringUTF8(message) ?? "";
        LLVM.DisposeErrorMessage(message);
        return text;
    }
}

internal readonly record struct LLVMMemoryBufferRef(nint Handle) : IDisposable
{
    public unsafe ReadOnlySpan<byte> Bytes => new(LLVM.GetBufferStart(this), checked((int)LLVM.GetBufferSize(this)));

    public void Dispose() => LLVM.DisposeMemoryBuffer(this);
}

internal readonly record struct LLVMTypeRef(nint Handle)
{
    public static LLVMTypeRef CreatePointer(LLVMTypeRef element, uint addressSpace) => LLVM.PointerType(element, addressSpace);

    public static LLVMTypeRef CreateArray(LLVMTypeRef element, uint count) => LLVM.ArrayType(element, count);

    public static unsafe LLVMTypeRef CreateFunction(LLVMTypeRef result, ReadOnlySpan<LLVMTypeRef> parameters, bool isVarArg = false)
    {
        fixed (LLVMTypeRef* first = parameters)
            return LLVM.FunctionType(result, first, (uint)parameters.Length, isVarArg ? 1 : 0);
    }
}

internal readonly record struct LLVMValueRef(nint Handle)
{
    public static LLVMValueRef CreateConstInt(LLVMTypeRef type, ulong value, bool signExtend = false) => LLVM.ConstInt(type, value, signExtend ? 1 : 0);

    public static LLVMValueRef CreateConstNull(LLVMTypeRef type) => LLVM.ConstNull(type);

    public static LLVMValueRef CreateConstIntToPtr(LLVMValueRef value, LLVMTypeRef type) => LLVM.ConstIntToPtr(value, type);

    public LLVMValueRef GetParam(uint index) => LLVM.GetParam(this, index);

    public void SetAlignment(uint bytes) => LLVM.SetAlignment(this, bytes);

    public LLVMLinkage Linkage { set => LLVM.SetLinkage(this, value); }

    public bool Volatile { set => LLVM.SetVolatile(this, value ? 1 : 0); }

    public LLVMAtomicOrdering Ordering { set => LLVM.SetOrdering(this, value); }

    public bool IsTailCall { set => LLVM.SetTailCall(this, value ? 1 : 0); }

    public void AddAttributeAtIndex(LLVMAttributeIndex index, LLVMAttributeRef attribute) => LLVM.AddAttributeAtIndex(this, (uint)index, attribute);

    public unsafe void AddIncoming(LLVMValueRef value, LLVMBasicBlockRef block) => LLVM.AddIncoming(this, &value, &block, 1);
}

internal readonly record struct LLVMContextRef(nint Handle) : IDisposable
{
    public static LLVMContextRef Create() => LLVM.ContextCreate();

    public LLVMTypeRef GetIntType(uint bits) => LLVM.IntTypeInContext(this, bits);

    public LLVMModuleRef CreateModuleWithName(string name) => LLVM.ModuleCreateWithNameInContext(name, this);

    public LLVMBuilderRef CreateBuilder() => LLVM.CreateBuilderInContext(this);

    public LLVMBasicBlockRef AppendBasicBlock(LLVMValueRef function, string name) => LLVM.AppendBasicBlockInContext(this, function, name);

    public unsafe LLVMAttributeRef CreateEnumAttribute(ReadOnlySpan<byte> name, ulong value = 0)
    {
        fixed (byte* first = name)
            return LLVM.CreateEnumAttribute(this, LLVM.GetEnumAttributeKindForName(first, (nuint)name.Length), value);
    }

    public void Dispose() => LLVM.ContextDispose(this);
}

internal readonly record struct LLVMModuleRef(nint Handle) : IDisposable
{
    public string Target { set => LLVM.SetTarget(this, value); }

    public LLVMTargetDataRef DataLayout { set => LLVM.SetModuleDataLayout(this, value); }

    public LLVMValueRef AddFunction(string name, LLVMTypeRef type) => LLVM.AddFunction(this, name, type);

    /// <summary>The declaration of an intrinsic function overloaded on one type.</summary>
    public unsafe LLVMValueRef GetIntrinsic(ReadOnlySpan<byte> name, LLVMTypeRef type)
    {
        fixed (byte* first = name)
            return LLVM.GetIntrinsicDeclaration(this, LLVM.LookupIntrinsicID(first, (nuint)name.Length), &type, 1);
    }

    public string PrintToString() => LLVM.TakeMessage(LLVM.PrintModuleToString(this));

    public bool TryVerify(LLVMVerifierFailureAction action, out string message)
    {
        bool isBroken = LLVM.VerifyModule(this, action, out nint text) != 0;
        message = LLVM.TakeMessage(text);
        return !isBroken;
    }

    public LLVMErrorRef RunPasses(string passes, LLVMTargetMachineRef machine, LLVMPassBuilderOptionsRef options) => LLVM.RunPasses(this, passes, machine, options);

    public void Dispose() => LLVM.DisposeModule(this);
}

internal readonly record struct LLVMTargetMachineRef(nint Handle) : IDisposable
{
    public LLVMTargetDataRef CreateTargetDataLayout() => LLVM.CreateTargetDataLayout(this);

    public bool TryEmitToMemoryBuffer(LLVMModuleRef module, LLVMCodeGenFileType kind, out LLVMMemoryBufferRef buffer, out string message)
    {
        bool failed = LLVM.TargetMachineEmitToMemoryBuffer(this, module, kind, out nint text, out buffer) != 0;
        message = failed ? LLVM.TakeMessage(text) : "";
        return !failed;
    }

    public void Dispose() => LLVM.DisposeTargetMachine(this);
}
