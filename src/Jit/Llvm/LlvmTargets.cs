// The architectures that are used of the library: those this process can run on, and those whose code is disassembled.
using System.Runtime.InteropServices;
using Ebpfcc.Jit.Llvm.Interop;

namespace Ebpfcc.Jit.Llvm;

internal static class LlvmTargets
{
    private static readonly object s_lock = new();
    private static readonly HashSet<Architecture> s_initialized = [];

    /// <summary>Whether the engine can generate code for the architecture.</summary>
    public static bool Supports(Architecture architecture) => architecture is Architecture.X64 or Architecture.Arm64;

    /// <summary>Makes an architecture known to the library; once is enough.</summary>
    public static void Initialize(Architecture architecture)
    {
        lock (s_lock)
        {
            if (!s_initialized.Add(architecture))
                return;
            switch (architecture)
            {
                case Architecture.X64:
                    LLVM.InitializeX86TargetInfo();
                    LLVM.InitializeX86Target();
                    LLVM.InitializeX86TargetMC();
                    LLVM.InitializeX86AsmPrinter();
                    LLVM.InitializeX86Disassembler();
                    break;
                case Architecture.Arm64:
                    LLVM.InitializeAArch64TargetInfo();
                    LLVM.InitializeAArch64Target();
                    LLVM.InitializeAArch64TargetMC();
                    LLVM.InitializeAArch64AsmPrinter();
                    LLVM.InitializeAArch64Disassembler();
                    break;
                case Architecture.Arm:
                    LLVM.InitializeARMTargetInfo();
                    LLVM.InitializeARMTargetMC();
                    LLVM.InitializeARMDisassembler();
                    break;
            }
        }
    }
}
