// LLVM's C API, as much of it as this project calls, under LLVMSharp.Interop's names, so that the package can take the place of
// this folder. Functions are bound one by one when first called: what a version of the library lacks does no harm until then.
// Source: the llvm-c headers of LLVM 14 to 19; where versions differ a comment says how.
using System.Runtime.InteropServices;

namespace Ebpfcc.Jit.Llvm.Interop;

/// <summary>The functions, without their prefix.</summary>
internal static unsafe partial class LLVM
{
    private const string Library = "libLLVM";

    // ---- contexts, modules, types, constants --------------------------------------------------------------------------

    [LibraryImport(Library, EntryPoint = "LLVMContextCreate")]
    public static partial LLVMContextRef ContextCreate();

    [LibraryImport(Library, EntryPoint = "LLVMContextDispose")]
    public static partial void ContextDispose(LLVMContextRef context);

    [LibraryImport(Library, EntryPoint = "LLVMModuleCreateWithNameInContext", StringMarshalling = StringMarshalling.Utf8)]
    public static partial LLVMModuleRef ModuleCreateWithNameInContext(string name, LLVMContextRef context);

    [LibraryImport(Library, EntryPoint = "LLVMDisposeModule")]
    public static partial void DisposeModule(LLVMModuleRef module);

    [LibraryImport(Library, EntryPoint = "LLVMSetTarget", StringMarshalling = StringMarshalling.Utf8)]
    public static partial void SetTarget(LLVMModuleRef module, string triple);

    [LibraryImport(Library, EntryPoint = "LLVMSetModuleDataLayout")]
    public static partial void SetModuleDataLayout(LLVMModuleRef module, LLVMTargetDataRef layout);

    [LibraryImport(Library, EntryPoint = "LLVMPrintModuleToString")]
    public static partial nint PrintModuleToString(LLVMModuleRef module);

    [LibraryImport(Library, EntryPoint = "LLVMVerifyModule")]
    public static partial int VerifyModule(LLVMModuleRef module, LLVMVerifierFailureAction action, out nint message);

    [LibraryImport(Library, EntryPoint = "LLVMDisposeMessage")]
    public static partial void DisposeMessage(nint message);

    [LibraryImport(Library, EntryPoint = "LLVMIntTypeInContext")]
    public static partial LLVMTypeRef IntTypeInContext(LLVMContextRef context, uint bits);

    /// <summary>A pointer to a type; one opaque type for all from LLVM 15 on.</summary>
    [LibraryImport(Library, EntryPoint = "LLVMPointerType")]
    public static partial LLVMTypeRef PointerType(LLVMTypeRef element, uint addressSpace);

    [LibraryImport(Library, EntryPoint = "LLVMArrayType")]
    public static partial LLVMTypeRef ArrayType(LLVMTypeRef element, uint count);

    [LibraryImport(Library, EntryPoint = "LLVMFunctionType")]
    public static partial LLVMTypeRef FunctionType(LLVMTypeRef result, LLVMTypeRef* parameters, uint count, int isVariadic);

    [LibraryImport(Library, EntryPoint = "LLVMConstInt")]
    public static partial LLVMValueRef ConstInt(LLVMTypeRef type, ulong value, int signExtend);

    [LibraryImport(Library, EntryPoint = "LLVMConstNull")]
    public static partial LLVMValueRef ConstNull(LLVMTypeRef type);

    [LibraryImport(Library, EntryPoint = "LLVMConstIntToPtr")]
    public static partial LLVMValueRef ConstIntToPtr(LLVMValueRef value, LLVMTypeRef type);

    // ---- functions and attributes -------------------------------------------------------------------------------------

    [LibraryImport(Library, EntryPoint = "LLVMAddFunction", StringMarshalling = StringMarshalling.Utf8)]
    public static partial LLVMValueRef AddFunction(LLVMModuleRef module, string name, LLVMTypeRef type);

    [LibraryImport(Library, EntryPoint = "LLVMSetLinkage")]
    public static partial void SetLinkage(LLVMValueRef global, LLVMLinkage linkage);

    [LibraryImport(Library, EntryPoint = "LLVMGetParam")]
    public static partial LLVMValueRef GetParam(LLVMValueRef function, uint index);

    [LibraryImport(Library, EntryPoint = "LLVMGetEnumAttributeKindForName")]
    public static partial uint GetEnumAttributeKindForName(byte* name, nuint length);

    [LibraryImport(Library, EntryPoint = "LLVMCreateEnumAttribute")]
    public static partial LLVMAttributeRef CreateEnumAttribute(LLVMContextRef context, uint kind, ulong value);

    [LibraryImport(Library, EntryPoint = "LLVMAddAttributeAtIndex")]
    public static partial void AddAttributeAtIndex(LLVMValueRef function, uint index, LLVMAttributeRef attribute);

    [LibraryImport(Library, EntryPoint = "LLVMLookupIntrinsicID")]
    public static partial uint LookupIntrinsicID(byte* name, nuint length);

    [LibraryImport(Library, EntryPoint = "LLVMGetIntrinsicDeclaration")]
    public static partial LLVMValueRef GetIntrinsicDeclaration(LLVMModuleRef module, uint id, LLVMTypeRef* types, nuint count);

    [LibraryImport(Library, EntryPoint = "LLVMAppendBasicBlockInContext", StringMarshalling = StringMarshalling.Utf8)]
    public static partial LLVMBasicBlockRef AppendBasicBlockInContext(LLVMContextRef context, LLVMValueRef function, string name);

    [LibraryImport(Library, EntryPoint = "LLVMGetBasicBlockTerminator")]
    public static partial LLVMValueRef GetBasicBlockTerminator(LLVMBasicBlockRef block);

    // ---- instructions -------------------------------------------------------------------------------------------------

    [LibraryImport(Library, EntryPoint = "LLVMCreateBuilderInContext")]
    public static partial LLVMBuilderRef CreateBuilderInContext(LLVMContextRef context);

    [LibraryImport(Library, EntryPoint = "LLVMDisposeBuilder")]
    public static partial void DisposeBuilder(LLVMBuilderRef builder);

    [LibraryImport(Library, EntryPoint = "LLVMPositionBuilderAtEnd")]
    public static partial void PositionBuilderAtEnd(LLVMBuilderRef builder, LLVMBasicBlockRef block);

    [LibraryImport(Library, EntryPoint = "LLVMPositionBuilderBefore")]
    public static partial void PositionBuilderBefore(LLVMBuilderRef builder, LLVMValueRef instruction);

    [LibraryImport(Library, EntryPoint = "LLVMGetInsertBlock")]
    public static partial LLVMBasicBlockRef GetInsertBlock(LLVMBuilderRef builder);

    [LibraryImport(Library, EntryPoint = "LLVMBuildBinOp")]
    public static partial LLVMValueRef BuildBinOp(LLVMBuilderRef builder, LLVMOpcode operation, LLVMValueRef left, LLVMValueRef right, byte* name);

    [LibraryImport(Library, EntryPoint = "LLVMBuildCast")]
    public static partial LLVMValueRef BuildCast(LLVMBuilderRef builder, LLVMOpcode operation, LLVMValueRef value, LLVMTypeRef type, byte* name);

    [LibraryImport(Library, EntryPoint = "LLVMBuildICmp")]
    public static partial LLVMValueRef BuildICmp(LLVMBuilderRef builder, LLVMIntPredicate predicate, LLVMValueRef left, LLVMValueRef right, byte* name);

    [LibraryImport(Library, EntryPoint = "LLVMBuildSelect")]
    public static partial LLVMValueRef BuildSelect(LLVMBuilderRef builder, LLVMValueRef condition, LLVMValueRef then, LLVMValueRef otherwise, byte* name);

    [LibraryImport(Library, EntryPoint = "LLVMBuildPhi")]
    public static partial LLVMValueRef BuildPhi(LLVMBuilderRef builder, LLVMTypeRef type, byte* name);

    [LibraryImport(Library, EntryPoint = "LLVMAddIncoming")]
    public static partial void AddIncoming(LLVMValueRef phi, LLVMValueRef* values, LLVMBasicBlockRef* blocks, uint count);

    [LibraryImport(Library, EntryPoint = "LLVMBuildAlloca")]
    public static partial LLVMValueRef BuildAlloca(LLVMBuilderRef builder, LLVMTypeRef type, byte* name);

    [LibraryImport(Library, EntryPoint = "LLVMBuildLoad2")]
    public static partial LLVMValueRef BuildLoad2(LLVMBuilderRef builder, LLVMTypeRef type, LLVMValueRef address, byte* name);

    [LibraryImport(Library, EntryPoint = "LLVMBuildStore")]
    public static partial LLVMValueRef BuildStore(LLVMBuilderRef builder, LLVMValueRef value, LLVMValueRef address);

    [LibraryImport(Library, EntryPoint = "LLVMBuildGEP2")]
    public static partial LLVMValueRef BuildGEP2(LLVMBuilderRef builder, LLVMTypeRef type, LLVMValueRef address, LLVMValueRef* indices, uint count, byte* name);

    [LibraryImport(Library, EntryPoint = "LLVMBuildFreeze")]
    private static partial LLVMValueRef BuildFreeze(LLVMBuilderRef builder, LLVMValueRef value, byte* name);

    public static LLVMValueRef BuildFreeze(LLVMBuilderRef builder, LLVMValueRef value) => BuildFreeze(builder, value, LLVMBuilderRef.Unnamed);

    [LibraryImport(Library, EntryPoint = "LLVMBuildMemSet")]
    public static partial LLVMValueRef BuildMemSet(LLVMBuilderRef builder, LLVMValueRef address, LLVMValueRef value, LLVMValueRef length, uint alignment);

    [LibraryImport(Library, EntryPoint = "LLVMBuildAtomicRMW")]
    public static partial LLVMValueRef BuildAtomicRMW(LLVMBuilderRef builder, LLVMAtomicRMWBinOp operation, LLVMValueRef address, LLVMValueRef value, LLVMAtomicOrdering ordering, int singleThread);

    [LibraryImport(Library, EntryPoint = "LLVMBuildAtomicCmpXchg")]
    public static partial LLVMValueRef BuildAtomicCmpXchg(LLVMBuilderRef builder, LLVMValueRef address, LLVMValueRef expected, LLVMValueRef replacement, LLVMAtomicOrdering success, LLVMAtomicOrdering failure, int singleThread);

    [LibraryImport(Library, EntryPoint = "LLVMBuildExtractValue")]
    public static partial LLVMValueRef BuildExtractValue(LLVMBuilderRef builder, LLVMValueRef aggregate, uint index, byte* name);

    [LibraryImport(Library, EntryPoint = "LLVMBuildCall2")]
    public static partial LLVMValueRef BuildCall2(LLVMBuilderRef builder, LLVMTypeRef type, LLVMValueRef function, LLVMValueRef* arguments, uint count, byte* name);

    [LibraryImport(Library, EntryPoint = "LLVMBuildBr")]
    public static partial LLVMValueRef BuildBr(LLVMBuilderRef builder, LLVMBasicBlockRef target);

    [LibraryImport(Library, EntryPoint = "LLVMBuildCondBr")]
    public static partial LLVMValueRef BuildCondBr(LLVMBuilderRef builder, LLVMValueRef condition, LLVMBasicBlockRef then, LLVMBasicBlockRef otherwise);

    [LibraryImport(Library, EntryPoint = "LLVMBuildRet")]
    public static partial LLVMValueRef BuildRet(LLVMBuilderRef builder, LLVMValueRef value);

    [LibraryImport(Library, EntryPoint = "LLVMSetAlignment")]
    public static partial void SetAlignment(LLVMValueRef value, uint bytes);

    [LibraryImport(Library, EntryPoint = "LLVMSetVolatile")]
    public static partial void SetVolatile(LLVMValueRef access, int isVolatile);

    [LibraryImport(Library, EntryPoint = "LLVMSetOrdering")]
    public static partial void SetOrdering(LLVMValueRef access, LLVMAtomicOrdering ordering);

    [LibraryImport(Library, EntryPoint = "LLVMSetTailCall")]
    public static partial void SetTailCall(LLVMValueRef call, int isTailCall);

    // ---- targets and passes -------------------------------------------------------------------------------------------

    [LibraryImport(Library, EntryPoint = "LLVMGetDefaultTargetTriple")]
    public static partial nint GetDefaultTargetTriple();

    [LibraryImport(Library, EntryPoint = "LLVMGetHostCPUName")]
    public static partial nint GetHostCPUName();

    [LibraryImport(Library, EntryPoint = "LLVMGetHostCPUFeatures")]
    public static partial nint GetHostCPUFeatures();

    /// <summary>Sets options of the whole library; one it does not know is ignored.</summary>
    [LibraryImport(Library, EntryPoint = "LLVMParseCommandLineOptions")]
    public static partial void ParseCommandLineOptions(int count, byte** arguments, byte* overview);

    [LibraryImport(Library, EntryPoint = "LLVMGetTargetFromTriple", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GetTargetFromTriple(string triple, out LLVMTargetRef target, out nint message);

    [LibraryImport(Library, EntryPoint = "LLVMCreateTargetMachine", StringMarshalling = StringMarshalling.Utf8)]
    public static partial LLVMTargetMachineRef CreateTargetMachine(LLVMTargetRef target, string triple, string cpu, string features, LLVMCodeGenOptLevel level, LLVMRelocMode relocation, LLVMCodeModel model);

    [LibraryImport(Library, EntryPoint = "LLVMDisposeTargetMachine")]
    public static partial void DisposeTargetMachine(LLVMTargetMachineRef machine);

    [LibraryImport(Library, EntryPoint = "LLVMCreateTargetDataLayout")]
    public static partial LLVMTargetDataRef CreateTargetDataLayout(LLVMTargetMachineRef machine);

    [LibraryImport(Library, EntryPoint = "LLVMDisposeTargetData")]
    public static partial void DisposeTargetData(LLVMTargetDataRef layout);

    [LibraryImport(Library, EntryPoint = "LLVMTargetMachineEmitToMemoryBuffer")]
    public static partial int TargetMachineEmitToMemoryBuffer(LLVMTargetMachineRef machine, LLVMModuleRef module, LLVMCodeGenFileType kind, out nint message, out LLVMMemoryBufferRef buffer);

    [LibraryImport(Library, EntryPoint = "LLVMCreatePassBuilderOptions")]
    public static partial LLVMPassBuilderOptionsRef CreatePassBuilderOptions();

    [LibraryImport(Library, EntryPoint = "LLVMDisposePassBuilderOptions")]
    public static partial void DisposePassBuilderOptions(LLVMPassBuilderOptionsRef options);

    [LibraryImport(Library, EntryPoint = "LLVMPassBuilderOptionsSetLoopVectorization")]
    public static partial void PassBuilderOptionsSetLoopVectorization(LLVMPassBuilderOptionsRef options, int enable);

    [LibraryImport(Library, EntryPoint = "LLVMPassBuilderOptionsSetSLPVectorization")]
    public static partial void PassBuilderOptionsSetSLPVectorization(LLVMPassBuilderOptionsRef options, int enable);

    [LibraryImport(Library, EntryPoint = "LLVMPassBuilderOptionsSetLoopUnrolling")]
    public static partial void PassBuilderOptionsSetLoopUnrolling(LLVMPassBuilderOptionsRef options, int enable);

    [LibraryImport(Library, EntryPoint = "LLVMRunPasses", StringMarshalling = StringMarshalling.Utf8)]
    public static partial LLVMErrorRef RunPasses(LLVMModuleRef module, string passes, LLVMTargetMachineRef machine, LLVMPassBuilderOptionsRef options);

    [LibraryImport(Library, EntryPoint = "LLVMGetErrorMessage")]
    public static partial nint GetErrorMessage(LLVMErrorRef error);

    [LibraryImport(Library, EntryPoint = "LLVMDisposeErrorMessage")]
    public static partial void DisposeErrorMessage(nint message);

    // ---- objects ------------------------------------------------------------------------------------------------------

    [LibraryImport(Library, EntryPoint = "LLVMCreateMemoryBufferWithMemoryRangeCopy", StringMarshalling = StringMarshalling.Utf8)]
    public static partial LLVMMemoryBufferRef CreateMemoryBufferWithMemoryRangeCopy(byte* data, nuint length, string name);

    [LibraryImport(Library, EntryPoint = "LLVMGetBufferStart")]
    public static partial byte* GetBufferStart(LLVMMemoryBufferRef buffer);

    [LibraryImport(Library, EntryPoint = "LLVMGetBufferSize")]
    public static partial nuint GetBufferSize(LLVMMemoryBufferRef buffer);

    [LibraryImport(Library, EntryPoint = "LLVMDisposeMemoryBuffer")]
    public static partial void DisposeMemoryBuffer(LLVMMemoryBufferRef buffer);

    /// <summary>Reads an object; the buffer stays the caller's and must outlive it.</summary>
    [LibraryImport(Library, EntryPoint = "LLVMCreateBinary")]
    public static partial nint CreateBinary(LLVMMemoryBufferRef buffer, LLVMContextRef context, out nint message);

    [LibraryImport(Library, EntryPoint = "LLVMDisposeBinary")]
    public static partial void DisposeBinary(nint binary);

    [LibraryImport(Library, EntryPoint = "LLVMObjectFileCopySymbolIterator")]
    public static partial nint ObjectFileCopySymbolIterator(nint binary);

    [LibraryImport(Library, EntryPoint = "LLVMObjectFileIsSymbolIteratorAtEnd")]
    public static partial int ObjectFileIsSymbolIteratorAtEnd(nint binary, nint iterator);

    [LibraryImport(Library, EntryPoint = "LLVMMoveToNextSymbol")]
    public static partial void MoveToNextSymbol(nint iterator);

    [LibraryImport(Library, EntryPoint = "LLVMDisposeSymbolIterator")]
    public static partial void DisposeSymbolIterator(nint iterator);

    [LibraryImport(Library, EntryPoint = "LLVMGetSymbolName")]
    public static partial nint GetSymbolName(nint symbol);

    [LibraryImport(Library, EntryPoint = "LLVMGetSymbolAddress")]
    public static partial ulong GetSymbolAddress(nint symbol);

    [LibraryImport(Library, EntryPoint = "LLVMGetSymbolSize")]
    public static partial ulong GetSymbolSize(nint symbol);

    [LibraryImport(Library, EntryPoint = "LLVMObjectFileCopySectionIterator")]
    public static partial nint ObjectFileCopySectionIterator(nint binary);

    [LibraryImport(Library, EntryPoint = "LLVMDisposeSectionIterator")]
    public static partial void DisposeSectionIterator(nint iterator);

    [LibraryImport(Library, EntryPoint = "LLVMMoveToContainingSection")]
    public static partial void MoveToContainingSection(nint section, nint symbol);

    [LibraryImport(Library, EntryPoint = "LLVMGetSectionContents")]
    public static partial byte* GetSectionContents(nint section);

    [LibraryImport(Library, EntryPoint = "LLVMGetSectionSize")]
    public static partial ulong GetSectionSize(nint section);

    [LibraryImport(Library, EntryPoint = "LLVMGetSectionAddress")]
    public static partial ulong GetSectionAddress(nint section);

    // ---- the linker in memory (ORC) -----------------------------------------------------------------------------------

    /// <summary>A linker of its own; null takes the defaults of this machine.</summary>
    [LibraryImport(Library, EntryPoint = "LLVMOrcCreateLLJIT")]
    public static partial LLVMErrorRef OrcCreateLLJIT(out LLVMOrcLLJITRef linker, nint builder);

    [LibraryImport(Library, EntryPoint = "LLVMOrcDisposeLLJIT")]
    public static partial LLVMErrorRef OrcDisposeLLJIT(LLVMOrcLLJITRef linker);

    [LibraryImport(Library, EntryPoint = "LLVMOrcLLJITGetMainJITDylib")]
    public static partial LLVMOrcJITDylibRef OrcLLJITGetMainJITDylib(LLVMOrcLLJITRef linker);

    [LibraryImport(Library, EntryPoint = "LLVMOrcLLJITGetGlobalPrefix")]
    public static partial byte OrcLLJITGetGlobalPrefix(LLVMOrcLLJITRef linker);

    /// <summary>Takes the object.</summary>
    [LibraryImport(Library, EntryPoint = "LLVMOrcLLJITAddObjectFile")]
    public static partial LLVMErrorRef OrcLLJITAddObjectFile(LLVMOrcLLJITRef linker, LLVMOrcJITDylibRef library, LLVMMemoryBufferRef image);

    [LibraryImport(Library, EntryPoint = "LLVMOrcLLJITLookup", StringMarshalling = StringMarshalling.Utf8)]
    public static partial LLVMErrorRef OrcLLJITLookup(LLVMOrcLLJITRef linker, out ulong address, string name);

    [LibraryImport(Library, EntryPoint = "LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess")]
    public static partial LLVMErrorRef OrcCreateDynamicLibrarySearchGeneratorForProcess(out nint generator, byte globalPrefix, nint filter, nint filterContext);

    [LibraryImport(Library, EntryPoint = "LLVMOrcJITDylibAddGenerator")]
    public static partial void OrcJITDylibAddGenerator(LLVMOrcJITDylibRef library, nint generator);

    // ---- disassembling ------------------------------------------------------------------------------------------------

    [LibraryImport(Library, EntryPoint = "LLVMCreateDisasmCPUFeatures", StringMarshalling = StringMarshalling.Utf8)]
    public static partial LLVMDisasmContextRef CreateDisasmCPUFeatures(string triple, string cpu, string features, nint info, int tag, nint operandInfo, nint symbolLookUp);

    [LibraryImport(Library, EntryPoint = "LLVMSetDisasmOptions")]
    public static partial int SetDisasmOptions(LLVMDisasmContextRef disassembler, ulong options);

    [LibraryImport(Library, EntryPoint = "LLVMDisasmInstruction")]
    public static partial nuint DisasmInstruction(LLVMDisasmContextRef disassembler, byte* bytes, ulong length, ulong address, byte* text, nuint textLength);

    [LibraryImport(Library, EntryPoint = "LLVMDisasmDispose")]
    public static partial void DisasmDispose(LLVMDisasmContextRef disassembler);
}
