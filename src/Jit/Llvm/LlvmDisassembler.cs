// LLVM's disassembler as the second opinion on machine code: for listings, and to check the emitters.
using System.Runtime.InteropServices;
using System.Text;
using Ebpfcc.Jit.Llvm.Interop;

namespace Ebpfcc.Jit.Llvm;

/// <summary>Decodes machine code of one architecture. Not for several threads at once.</summary>
public sealed unsafe class LlvmDisassembler : IDisposable
{
    private const int TextLength = 256;
    private const ulong PrintImmediatesInHex = 2, IntelSyntax = 4;

    private readonly byte[] _text = new byte[TextLength];
    private nint _handle;

    private LlvmDisassembler(nint handle) => _handle = handle;

    ~LlvmDisassembler() => Dispose();

    /// <summary>Opens the disassembler of x86-64, ARM or AArch64 code; null, with the reason, where there is none.</summary>
    /// <param name="library">Path or name of the library, or null.</param>
    /// <param name="whyNot">The reason, or null.</param>
    public static LlvmDisassembler? TryCreate(Architecture architecture, string? library, out string? whyNot)
    {
        (string Triple, string Features) target = architecture switch
        {
            Architecture.X64 => ("x86_64", ""),
            Architecture.Arm => ("armv7", "+hwdiv-arm"),
            Architecture.Arm64 => ("aarch64", "+v8.4a"),
            _ => ("", ""),
        };
        whyNot = target.Triple.Length == 0 ? $"there is no disassembler of {architecture} code" : LLVM.TryLoad(library);
        if (whyNot is not null)
            return null;
        LlvmTargets.Initialize(architecture);
        LLVMDisasmContextRef disassembler = LLVM.CreateDisasmCPUFeatures(target.Triple, "", target.Features, 0, 0, 0, 0);
        if (disassembler.Handle == 0)
        {
            whyNot = $"the LLVM library has no disassembler of {architecture} code";
            return null;
        }
        // The choice of a syntax makes a new printer, which other options must come behind.
        if (architecture == Architecture.X64)
            LLVM.SetDisasmOptions(disassembler, IntelSyntax);
        LLVM.SetDisasmOptions(disassembler, PrintImmediatesInHex);
        return new LlvmDisassembler(disassembler.Handle);
    }

    /// <summary>Decodes the first instruction of some code.</summary>
    /// <param name="address">Where the code is, for relative targets.</param>
    /// <param name="text">The instruction, operands behind one space.</param>
    /// <returns>Its length in bytes; 0 when the bytes are no instruction.</returns>
    public int Decode(ReadOnlySpan<byte> code, ulong address, out string text)
    {
        ObjectDisposedException.ThrowIf(_handle == 0, this);
        fixed (byte* bytes = code, buffer = _text)
        {
            int length = (int)LLVM.DisasmInstruction(new LLVMDisasmContextRef(_handle), bytes, (ulong)code.Length, address, buffer, TextLength);
            text = length == 0 ? "" : Encoding.UTF8.GetString(_text.AsSpan(0, _text.AsSpan().IndexOf((byte)0))).Trim().Replace('\t', ' ');
            GC.KeepAlive(this);
            return length;
        }
    }

    public void Dispose()
    {
        nint handle = Interlocked.Exchange(ref _handle, 0);
        if (handle != 0)
            LLVM.DisasmDispose(new LLVMDisasmContextRef(handle));
        GC.SuppressFinalize(this);
    }
}
