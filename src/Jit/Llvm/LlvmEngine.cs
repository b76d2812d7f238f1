// The LLVM engine: verified programs as LLVM optimises them for this processor, linked into this process by LLVM's in-memory
// linker (ORC), whose pages are writable or executable, never both.
using System.Runtime.InteropServices;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Llvm.Interop;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Jit.Llvm;

/// <summary>Runs verified programs as native code that LLVM generated, where an LLVM library is installed.</summary>
/// <param name="library">Path or name of the library; null searches for the installed versions 14 to 19. The first choice holds for the whole process.</param>
public sealed class LlvmEngine(string? library = null) : IExecutionEngine
{
    private string? _whyUnavailable;
    private bool _isProbed;

    public string Name => "llvm";

    public string? WhyUnavailable
    {
        get
        {
            if (!_isProbed)
            {
                _whyUnavailable = LlvmTargets.Supports(RuntimeInformation.ProcessArchitecture) ? LLVM.TryLoad(library) : $"this process runs on {RuntimeInformation.ProcessArchitecture}";
                _isProbed = true;
            }
            return _whyUnavailable;
        }
    }

    /// <summary>The library in use, or null.</summary>
    public static string? LibraryName => LLVM.LibraryName;

    public IExecutable Prepare(VerifiedProgram program, ExecutionEnvironment environment)
    {
        RequiredSupport.Check(program, environment, probesMemory: false);
        return CompileTrusted(program.Program, program.Instructions, program, environment);
    }

    public IExecutable PrepareSandboxed(LoadedProgram program, SandboxOptions sandbox, ExecutionEnvironment environment)
        => throw new GuestFaultException("the LLVM engine runs verified programs only", 0);

    /// <summary>Compiles without checks: for programs with a proof, and for tests that bring their own.</summary>
    internal LlvmExecutable CompileTrusted(LoadedProgram program, EbpfInstruction[] instructions, VerifiedProgram? proof, ExecutionEnvironment environment)
        => new(program, environment, Compile(program, instructions, proof, environment, keepsIr: false));

    /// <summary>Compilation alone, with the optimised IR, for listings: addresses of helpers and maps are those of this process.</summary>
    public LlvmCode Translate(VerifiedProgram program, ExecutionEnvironment environment)
    {
        RequiredSupport.Check(program, environment, probesMemory: false);
        return Compile(program.Program, program.Instructions, program, environment, keepsIr: true);
    }

    internal LlvmCode Compile(LoadedProgram program, EbpfInstruction[] instructions, VerifiedProgram? proof, ExecutionEnvironment environment, bool keepsIr)
    {
        if (WhyUnavailable is { } reason)
            throw new InvalidOperationException($"The LLVM engine cannot run here: {reason}.");
        ProgramShape shape = ProgramShape.Analyze(instructions, [.. program.Subprograms.Select(function => function.Start)]);
        return LlvmCompiler.Compile(program.Name, shape, new GuestReferences("LLVM translation", program, proof?.Facts, environment), proof, keepsIr);
    }
}

/// <summary>Linked code that can be called. Disposal frees the code; whoever holds its address must not outlive it.</summary>
public sealed class LlvmExecutable : NativeExecutable
{
    private readonly byte[] _code;
    private readonly nint _entry;
    private nint _linker;

    internal unsafe LlvmExecutable(LoadedProgram program, ExecutionEnvironment environment, LlvmCode code)
        : base(program, environment)
    {
        _code = code.Code;
        Check(LLVM.OrcCreateLLJIT(out LLVMOrcLLJITRef linker, 0));
        _linker = linker.Handle;
        LLVMOrcJITDylibRef library = LLVM.OrcLLJITGetMainJITDylib(linker);
        // Loops may have become calls of the C library's memory functions.
        Check(LLVM.OrcCreateDynamicLibrarySearchGeneratorForProcess(out nint generator, LLVM.OrcLLJITGetGlobalPrefix(linker), 0, 0));
        LLVM.OrcJITDylibAddGenerator(library, generator);
        fixed (byte* image = code.Image)
            Check(LLVM.OrcLLJITAddObjectFile(linker, library, LLVM.CreateMemoryBufferWithMemoryRangeCopy(image, (nuint)code.Image.Length, program.Name)));
        Check(LLVM.OrcLLJITLookup(linker, out ulong entry, LlvmTranslator.EntryName));
        _entry = (nint)entry;

        void Check(LLVMErrorRef error)
        {
            if (error.TakeMessage() is not { } message)
                return;
            Dispose();
            throw new InternalCompilerException("LLVM", program.Name, message);
        }
    }

    ~LlvmExecutable() => Dispose();

    public override ReadOnlyMemory<byte> Code => _code;

    public override nint Entry => _linker != 0 ? _entry : throw new ObjectDisposedException(nameof(LlvmExecutable));

    public override void Dispose()
    {
        nint linker = Interlocked.Exchange(ref _linker, 0);
        if (linker != 0)
            LLVM.OrcDisposeLLJIT(new LLVMOrcLLJITRef(linker)).TakeMessage();
        GC.SuppressFinalize(this);
    }
}
