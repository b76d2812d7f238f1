// Finding the library. Debian calls it libLLVM-14.so.1 up to version 17 and libLLVM.so.18.1 from 18 on; other systems have
// libLLVM.dylib or LLVM-C.dll. The first request decides for the whole process.
using System.Reflection;
using System.Runtime.InteropServices;

namespace Ebpfcc.Jit.Llvm.Interop;

internal static unsafe partial class LLVM
{
    private static readonly object s_lock = new();
    private static nint s_library;
    private static string? s_whyMissing;

    /// <summary>
    /// Opens the library, once for the process.
    /// </summary>
    /// <param name="path">A path or name to open instead of searching.</param>
    /// <returns>Null, or why there is none.</returns>
    public static string? TryLoad(string? path)
    {
        lock (s_lock)
        {
            if (s_library != 0)
                return null;
            if (s_whyMissing is not null && path is null)
                return s_whyMissing;
            string[] names = path is not null ? [path] : Candidates();
            foreach (string name in names)
            {
                if (!NativeLibrary.TryLoad(name, out nint library))
                    continue;
                if (!NativeLibrary.TryGetExport(library, "LLVMRunPasses", out _) || !NativeLibrary.TryGetExport(library, "LLVMOrcLLJITAddObjectFile", out _))
                {
                    NativeLibrary.Free(library);
                    continue;
                }
                NativeLibrary.SetDllImportResolver(typeof(LLVM).Assembly, Resolve);
                s_library = library;
                LibraryName = name;
                return null;
            }
            return s_whyMissing = path is not null
                ? $"'{path}' cannot be opened as an LLVM library of version 14 or later"
                : "no LLVM library of versions 14 to 19 is installed (Debian's libllvm19, for example)";
        }
    }

    /// <summary>The name under which the library was found.</summary>
    public static string? LibraryName { get; private set; }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name == Library ? s_library : 0;

    private static string[] Candidates()
    {
        if (OperatingSystem.IsWindows())
            return ["LLVM-C.dll", "libLLVM.dll"];
        if (OperatingSystem.IsMacOS())
            return ["libLLVM.dylib", "/opt/homebrew/opt/llvm/lib/libLLVM.dylib", "/usr/local/opt/llvm/lib/libLLVM.dylib"];
        return
        [
            "libLLVM.so.19.1", "libLLVM-19.so.1", "libLLVM-19.so", "libLLVM.so.18.1", "libLLVM-18.so.1", "libLLVM-17.so.1", "libLLVM-16.so.1", "libLLVM-15.so.1", "libLLVM-14.so.1",
        ];
    }

    /// <summary>Takes the text of a message that the library allocated.</summary>
    public static string TakeMessage(nint message)
    {
        string text = Marshal.PtrToStringUTF8(message) ?? "";
        if (message != 0)
            DisposeMessage(message);
        return text;
    }
}
