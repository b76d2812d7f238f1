// Optional tools that tests compare against. Each is found once; a test that needs a missing one is skipped with the reason.
using System.Diagnostics;
using System.Runtime.InteropServices;
using Xunit;

namespace Ebpfcc.TestSupport;

/// <summary>What may or may not be on a machine.</summary>
public enum Oracle { Shared, Kernel, Libbpf, Bpftool, Clang, LlvmObjdump, Readelf, Gcc, GccBpf, ArmGcc, QemuArm, LinuxSource612, LinuxSource61, LibbpfHeaders, UapiHeaders, Tcpdump, Csmith, NetworkNamespace, X64Machine, Llvm }

public static class Oracles
{
    private static readonly Dictionary<Oracle, string?> s_missing = [];

    /// <summary>Why the oracle cannot be used here; null when it can.</summary>
    public static string? WhyMissing(Oracle oracle)
    {
        lock (s_missing)
        {
            if (!s_missing.TryGetValue(oracle, out string? reason))
                s_missing[oracle] = reason = Probe(oracle);
            return reason;
        }
    }

    public static bool Has(Oracle oracle) => WhyMissing(oracle) is null;

    /// <summary>The path of an oracle's program, e.g. clang; throws when it is missing (tests ask through attributes first).</summary>
    public static string Program(Oracle oracle)
        => FindProgram(Names(oracle)) ?? throw new InvalidOperationException($"{oracle} is missing.");

    /// <summary>Runs a program to its end and returns exit code, standard output and standard error.</summary>
    public static (int ExitCode, string Output, string Error) Run(string program, IEnumerable<string> arguments, string? input = null, int timeoutSeconds = 120)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (input is not null)
            process.StandardInput.Write(input);
        process.StandardInput.Close();
        if (!process.WaitForExit(timeoutSeconds * 1000))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} did not finish in {timeoutSeconds} s.");
        }
        return (process.ExitCode, output.Result, error.Result);
    }

    private static string[] Names(Oracle oracle) => oracle switch
    {
        Oracle.Bpftool => ["bpftool"],
        Oracle.Clang => ["clang-19"],
        Oracle.LlvmObjdump => ["llvm-objdump-19", "llvm-objdump"],
        Oracle.Readelf => ["readelf"],
        Oracle.Gcc => ["gcc"],
        Oracle.GccBpf => ["bpf-gcc"],
        Oracle.ArmGcc => ["arm-linux-gnueabihf-gcc"],
        Oracle.QemuArm => ["qemu-arm-static", "qemu-arm"],
        Oracle.Tcpdump => ["tcpdump"],
        Oracle.Csmith => ["csmith"],
        _ => [],
    };

    private static string? Probe(Oracle oracle)
    {
        switch (oracle)
        {
            case Oracle.Shared:
                return Repository.Shared is null ? "the shared baselines are not beside the repository" : null;
            case Oracle.Kernel:
                return KernelProbe.WhyMissing();
            case Oracle.Libbpf:
                return NativeLibrary.TryLoad("libbpf.so.1", out _) ? null : "libbpf.so.1 is not installed";
            case Oracle.LibbpfHeaders:
                return File.Exists("/usr/include/bpf/bpf_helpers.h") ? null : "the headers of libbpf (libbpf-dev) are not installed";
            case Oracle.UapiHeaders:
                return File.Exists("/usr/include/linux/bpf.h") ? null : "the kernel's UAPI headers (linux-libc-dev) are not installed";
            case Oracle.LinuxSource612:
                return File.Exists("/usr/src/linux-source-6.12.tar.xz") ? null : "linux-source-6.12 is not installed";
            case Oracle.LinuxSource61:
                return File.Exists("/usr/src/linux-source-6.1.tar.xz") ? null : "linux-source-6.1 is not installed";
            case Oracle.Llvm:
                return Enumerable.Range(14, 6).Any(version => NativeLibrary.TryLoad($"libLLVM-{version}.so.1", out _) || NativeLibrary.TryLoad($"libLLVM.so.{version}.1", out _))
                    ? null : "no LLVM library (libllvm14 to libllvm19) is installed";
            case Oracle.NetworkNamespace:
                return FindProgram(["unshare"]) is { } unshare && Run(unshare, ["-n", "true"]).ExitCode == 0 ? null : "this process may not make network namespaces";
            case Oracle.X64Machine:
                return RuntimeInformation.ProcessArchitecture == Architecture.X64 ? null : "this machine does not run x86-64 code";
            default:
                string[] names = Names(oracle);
                return FindProgram(names) is null ? $"{names[0]} is not installed" : null;
        }
    }

    private static string? FindProgram(string[] names)
    {
        foreach (string name in names)
        {
            foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            {
                string candidate = Path.Combine(folder, name);
                if (File.Exists(candidate))
                    return candidate;
            }
        }
        return null;
    }
}

/// <summary>A fact that is skipped, with the reason, where one of its oracles is missing.</summary>
public sealed class OracleFactAttribute : FactAttribute
{
    public OracleFactAttribute(params Oracle[] oracles) => Skip = OracleSkip.Reason(oracles);
}

/// <summary>A theory that is skipped, with the reason, where one of its oracles is missing.</summary>
public sealed class OracleTheoryAttribute : TheoryAttribute
{
    public OracleTheoryAttribute(params Oracle[] oracles) => Skip = OracleSkip.Reason(oracles);
}

internal static class OracleSkip
{
    public static string? Reason(Oracle[] oracles)
    {
        foreach (Oracle oracle in oracles)
        {
            if (Oracles.WhyMissing(oracle) is { } reason)
                return reason;
        }
        return null;
    }
}
