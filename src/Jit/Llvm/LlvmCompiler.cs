// The way of a program through LLVM: translated into a module, verified, optimised as clang would at -O2 for this very
// processor, and emitted as a relocatable object. Nothing of LLVM stays alive behind the object.
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Jit.Llvm.Interop;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Jit.Llvm;

/// <summary>A compiled program before linking.</summary>
/// <param name="Image">The relocatable object.</param>
/// <param name="Code">The machine code of its entry's section, unrelocated.</param>
/// <param name="Functions">Names, offsets and lengths of the functions in the code.</param>
/// <param name="Ir">The optimised IR as text, if asked for.</param>
public sealed record LlvmCode(byte[] Image, byte[] Code, IReadOnlyList<(string Name, int Offset, int Length)> Functions, string? Ir);

internal static class LlvmCompiler
{
    /// <summary>
    /// Induction variables come first: loops of eBPF count in 64 bits and compare the lower 32, and once InstCombine has made a mask
    /// of that comparison nobody can tell how often the loop runs.
    /// </summary>
    private const string Passes = "function(loop-simplify,lcssa,loop(indvars)),default<O2>";

    /// <summary>
    /// Programs of more slots get no more than registers for frame slots and straightforward code: some of LLVM's passes take time
    /// that grows with the square of a block's instructions or a function's branches, minutes for programs as long as verified ones
    /// may be.
    /// </summary>
    private const int LargeProgram = 4_096;

    private const string PassesOfLargePrograms = "function(sroa,early-cse)";

    private static readonly Lazy<HostMachine> s_host = new(HostMachine.Open);

    /// <summary>The processor that the code is for.</summary>
    private sealed record HostMachine(LLVMTargetRef Target, string Triple, string Processor, string Features)
    {
        public static HostMachine Open()
        {
            LlvmTargets.Initialize(RuntimeInformation.ProcessArchitecture);
            AlignInnermostLoops();
            string triple = LLVM.TakeMessage(LLVM.GetDefaultTargetTriple());
            if (LLVM.GetTargetFromTriple(triple, out LLVMTargetRef target, out nint message) != 0)
                throw new InternalCompilerException("LLVM", null, LLVM.TakeMessage(message));
            return new HostMachine(target, triple, LLVM.TakeMessage(LLVM.GetHostCPUName()), LLVM.TakeMessage(LLVM.GetHostCPUFeatures()));
        }

        /// <summary>On 32 bytes: a short loop that straddles two lines of the micro-operation cache can take twice as long.</summary>
        private static unsafe void AlignInnermostLoops()
        {
            fixed (byte* program = "ebpfcc\0"u8, option = "-x86-experimental-pref-innermost-loop-alignment=5\0"u8)
            {
                byte** arguments = stackalloc byte*[2] { program, option };
                LLVM.ParseCommandLineOptions(2, arguments, program + "ebpfcc".Length);
            }
        }

        /// <summary>One for each compilation: a target machine serves one thread.</summary>
        public LLVMTargetMachineRef CreateTargetMachine(LLVMCodeGenOptLevel level)
            => LLVM.CreateTargetMachine(Target, Triple, Processor, Features, level, LLVMRelocMode.LLVMRelocPIC, LLVMCodeModel.LLVMCodeModelSmall);
    }

    /// <summary>Longest block in a loop for which LLVM's analysis of induction variables, worse than quadratic, is asked.</summary>
    private const int LongLoopBody = 512;

    /// <summary>A loop is what lies between a jump backwards and its target.</summary>
    private static bool HasLongLoopBody(ProgramShape shape)
    {
        var opened = new int[shape.Rows.Length + 1];
        for (int slot = 0; slot < shape.Rows.Length; slot++)
        {
            if (shape.Rows[slot].IsJump && ProgramShape.JumpTarget(slot, shape.Instructions[slot], shape.Rows[slot]) is var target && target <= slot)
            {
                opened[target]++;
                opened[slot + 1]--;
            }
        }
        for (int slot = 0, depth = 0, length = 0; slot < shape.Rows.Length; slot++)
        {
            depth += opened[slot];
            length = depth == 0 || shape.Leaders[slot] ? 0 : length + 1;
            if (length > LongLoopBody)
                return true;
        }
        return false;
    }

    /// <summary>LLVM recurses over expressions and blocks, as deep as a program is long: more than an ordinary thread's stack may hold.</summary>
    private const int StackBytes = 256 << 20;

    /// <param name="proof">Null in tests that bring programs of their own.</param>
    public static LlvmCode Compile(string name, ProgramShape shape, GuestReferences references, VerifiedProgram? proof, bool keepsIr)
    {
        LlvmCode? code = null;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                code = CompileHere(name, shape, references, proof, keepsIr);
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        }, StackBytes);
        thread.Start();
        thread.Join();
        failure?.Throw();
        return code!;
    }

    private static LlvmCode CompileHere(string name, ProgramShape shape, GuestReferences references, VerifiedProgram? proof, bool keepsIr)
    {
        HostMachine host = s_host.Value;
        using LLVMContextRef context = LLVMContextRef.Create();
        using LLVMModuleRef module = context.CreateModuleWithName(name);
        bool isLarge = shape.Instructions.Length > LargeProgram || HasLongLoopBody(shape);
        using LLVMTargetMachineRef machine = host.CreateTargetMachine(isLarge ? LLVMCodeGenOptLevel.LLVMCodeGenLevelNone : LLVMCodeGenOptLevel.LLVMCodeGenLevelDefault);
        module.Target = host.Triple;
        LLVMTargetDataRef layout = machine.CreateTargetDataLayout();
        module.DataLayout = layout;
        LLVM.DisposeTargetData(layout);

        LlvmTranslator.Translate(shape, references, proof, context, module);
        if (!module.TryVerify(LLVMVerifierFailureAction.LLVMReturnStatusAction, out string problem))
            throw new InternalCompilerException("LLVM translation", name, problem);
        using (LLVMPassBuilderOptionsRef options = LLVMPassBuilderOptionsRef.Create())
        {
            if (module.RunPasses(isLarge ? PassesOfLargePrograms : Passes, machine, options).TakeMessage() is { } error)
                throw new InternalCompilerException("LLVM", name, error);
        }
        string? ir = keepsIr ? module.PrintToString() : null;
        if (!machine.TryEmitToMemoryBuffer(module, LLVMCodeGenFileType.LLVMObjectFile, out LLVMMemoryBufferRef image, out string failure))
            throw new InternalCompilerException("LLVM", name, failure);
        using (image)
            return Describe(name, image, context, ir);
    }

    /// <summary>Finds the code in an object: the section that holds the entry, and the functions in it.</summary>
    private static unsafe LlvmCode Describe(string name, LLVMMemoryBufferRef image, LLVMContextRef context, string? ir)
    {
        nint binary = LLVM.CreateBinary(image, context, out nint message);
        if (binary == 0)
            throw new InternalCompilerException("LLVM", name, LLVM.TakeMessage(message));
        nint section = LLVM.ObjectFileCopySectionIterator(binary), symbol = LLVM.ObjectFileCopySymbolIterator(binary);
        try
        {
            byte[] code = [];
            var functions = new List<(string Name, int Offset, int Length)>();
            for (; LLVM.ObjectFileIsSymbolIteratorAtEnd(binary, symbol) == 0; LLVM.MoveToNextSymbol(symbol))
            {
                string? label = Marshal.PtrToStringUTF8(LLVM.GetSymbolName(symbol));
                ulong size = LLVM.GetSymbolSize(symbol);
                if (string.IsNullOrEmpty(label) || size == 0)
                    continue;
                LLVM.MoveToContainingSection(section, symbol);
                functions.Add((label, (int)(LLVM.GetSymbolAddress(symbol) - LLVM.GetSectionAddress(section)), (int)size));
                if (label.TrimStart('_') == LlvmTranslator.EntryName)
                    code = new ReadOnlySpan<byte>(LLVM.GetSectionContents(section), checked((int)LLVM.GetSectionSize(section))).ToArray();
            }
            functions.Sort((left, right) => left.Offset.CompareTo(right.Offset));
            return new LlvmCode(image.Bytes.ToArray(), code, functions, ir);
        }
        finally
        {
            LLVM.DisposeSymbolIterator(symbol);
            LLVM.DisposeSectionIterator(section);
            LLVM.DisposeBinary(binary);
        }
    }
}
