// Which targets a library has is known by its initialisers: the C API's "native target" functions are inline functions of the
// headers, so that the ones of each architecture are called by name.
using System.Runtime.InteropServices;

namespace Ebpfcc.Jit.Llvm.Interop;

internal static unsafe partial class LLVM
{
    [LibraryImport(Library, EntryPoint = "LLVMInitializeX86TargetInfo")]
    public static partial void InitializeX86TargetInfo();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeX86Target")]
    public static partial void InitializeX86Target();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeX86TargetMC")]
    public static partial void InitializeX86TargetMC();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeX86AsmPrinter")]
    public static partial void InitializeX86AsmPrinter();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeX86Disassembler")]
    public static partial void InitializeX86Disassembler();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeAArch64TargetInfo")]
    public static partial void InitializeAArch64TargetInfo();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeAArch64Target")]
    public static partial void InitializeAArch64Target();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeAArch64TargetMC")]
    public static partial void InitializeAArch64TargetMC();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeAArch64AsmPrinter")]
    public static partial void InitializeAArch64AsmPrinter();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeAArch64Disassembler")]
    public static partial void InitializeAArch64Disassembler();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeARMTargetInfo")]
    public static partial void InitializeARMTargetInfo();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeARMTargetMC")]
    public static partial void InitializeARMTargetMC();

    [LibraryImport(Library, EntryPoint = "LLVMInitializeARMDisassembler")]
    public static partial void InitializeARMDisassembler();
}
