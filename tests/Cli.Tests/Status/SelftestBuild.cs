// Objects of the kernel's own programs for the status of the verifier: compiled by clang once into the cache, by our compiler
// anew each time. The headers that the kernel's build would make are made here: the library's with its helper definitions, and
// vmlinux.h from the running kernel's types.
using System.Text.Json;
using Ebpfcc.TestSupport;

namespace Ebpfcc.Cli.Tests.Status;

internal static class SelftestBuild
{
    /// <summary>Why objects cannot be built here; null when they can.</summary>
    public static string? WhyMissing()
    {
        foreach (Oracle oracle in (ReadOnlySpan<Oracle>)[Oracle.Shared, Oracle.Clang, Oracle.Bpftool, Oracle.LinuxSource612, Oracle.LinuxSource61])
        {
            if (Oracles.WhyMissing(oracle) is { } reason)
                return reason;
        }
        if (!File.Exists("/sys/kernel/btf/vmlinux"))
            return "the running kernel offers no types";
        return File.Exists("/usr/bin/python3") ? null : "python3, which writes the helper definitions, is not installed";
    }

    /// <summary>A folder with <c>bpf/*.h</c> of a Linux version.</summary>
    public static string Headers(string version)
    {
        string folder = Path.Combine(Repository.Cache, "libbpf-" + version), definitions = Path.Combine(folder, "bpf", "bpf_helper_defs.h");
        if (File.Exists(definitions))
            return folder;
        string tree = LinuxSource.Folder(version);
        Directory.CreateDirectory(Path.Combine(folder, "bpf"));
        foreach (string header in Directory.GetFiles(Path.Combine(tree, "tools", "lib", "bpf"), "*.h"))
            File.Copy(header, Path.Combine(folder, "bpf", Path.GetFileName(header)), overwrite: true);
        (int code, string text, string error) = Oracles.Run("python3",
            [LinuxSource.File(version, "scripts/bpf_doc.py"), "--header", "--file", Path.Combine(tree, "tools", "include", "uapi", "linux", "bpf.h")]);
        if (code != 0)
            throw new InvalidOperationException(error);
        File.WriteAllText(definitions, text);
        return folder;
    }

    /// <summary>A folder with <c>vmlinux.h</c> of the running kernel.</summary>
    public static string Vmlinux()
    {
        string folder = Path.Combine(Repository.Cache, "vmlinux"), file = Path.Combine(folder, "vmlinux.h");
        if (!File.Exists(file))
        {
            Directory.CreateDirectory(folder);
            (int code, string text, string error) = Oracles.Run("bpftool", ["btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"]);
            if (code != 0)
                throw new InvalidOperationException(error);
            File.WriteAllText(file, text);
        }
        return folder;
    }

    private static string[] SystemFolders()
    {
        (_, string resources, _) = Oracles.Run(Oracles.Program(Oracle.Clang), ["-print-resource-dir"]);
        return ["-idirafter", Path.Combine(resources.Trim(), "include"), "-idirafter", "/usr/include/x86_64-linux-gnu", "-idirafter", "/usr/include"];
    }

    private static readonly Lazy<string[]> s_systemFolders = new(SystemFolders);

    /// <summary>The object of one of the verifier's programs (<c>verifier_and.c</c>); the error instead when it does not compile.</summary>
    public static (byte[]? Image, string Error) Verifier(string source, bool isClang)
    {
        string tests = LinuxSource.Selftests("6.12"), tree = LinuxSource.Folder("6.12");
        string[] options =
        [
            "-g", "-O2", "-D__TARGET_ARCH_x86", "-std=gnu11", "-w", "-I" + Headers("6.12"), "-I" + Vmlinux(), "-I" + tests, "-I" + Path.Combine(tests, "progs"),
            "-I" + Path.Combine(tree, "tools", "include", "uapi"), "-I" + Path.Combine(tree, "tools", "testing", "selftests"),
        ];
        (byte[]?, string) result = Compile(Path.Combine(tests, "progs", source), [.. options, "-mcpu=v3"], isClang, "verifier");
        // A few sources are for version 4 only and say so with errors.
        return result.Item1 is not null ? result : Compile(Path.Combine(tests, "progs", source), [.. options, "-mcpu=v4"], isClang, "verifier");
    }

    /// <summary>The object of a row of the baseline of whole selftests and samples.</summary>
    public static (byte[]? Image, string Error) Row(JsonElement row, bool isClang)
    {
        List<string> options = ["-O2", "-g", "-mcpu=v3", "-w", .. row.GetProperty("flags").EnumerateArray().Select(flag => Expand(flag.GetString()!))];
        return Compile(Expand(row.GetProperty("path").GetString()!), [.. options], isClang, "sets");
    }

    private static string Expand(string text)
    {
        string shared = Path.Combine(Repository.Shared!, "baselines");
        if (text.Contains("{linux-6.1}"))
            text = text.Replace("{linux-6.1}", LinuxSource.Folder("6.1"));
        if (text.Contains("{libbpf-6.1}"))
            text = text.Replace("{libbpf-6.1}", Headers("6.1"));
        // The types of a 6.1 kernel are no part of any package of sources; those of the running one stand in.
        return text.Replace("{vmlinux-6.1}", Vmlinux()).Replace("{vmlinux}", Vmlinux()).Replace("{prelude}", Path.Combine(shared, "prelude")).Replace("{stubs}", Stubs());
    }

    private static string Stubs()
    {
        string file = Path.Combine(Repository.Cache, "stubs", "gnu", "stubs-32.h");
        if (!File.Exists(file))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, "");
        }
        return Path.Combine(Repository.Cache, "stubs");
    }

    private static (byte[]?, string) Compile(string file, string[] options, bool isClang, string kind)
    {
        string cached = Path.Combine(Repository.Cache, "status-objects", kind, $"{Path.GetFileName(Path.GetDirectoryName(file))}-{Path.GetFileNameWithoutExtension(file)}.o");
        if (isClang && File.Exists(cached))
            return (File.ReadAllBytes(cached), "");
        string output = isClang ? cached + $".{Environment.ProcessId}" : Path.Combine(Path.GetTempPath(), $"ebpfcc-{Guid.NewGuid():N}.o");
        Directory.CreateDirectory(Path.GetDirectoryName(output)!);
        try
        {
            int code;
            string error;
            if (isClang)
            {
                (code, _, error) = Oracles.Run(Oracles.Program(Oracle.Clang), ["-target", "bpf", "-fno-strict-aliasing", .. options, .. s_systemFolders.Value, "-c", file, "-o", output]);
            }
            else
            {
                CliResult result = CliRun.Run([.. options, .. s_systemFolders.Value[2..], "-c", file, "-o", output]);
                (code, error) = (result.ExitCode, result.Error);
            }
            if (code != 0)
                return (null, error.Split('\n').FirstOrDefault(line => line.Contains("error")) ?? error);
            byte[] image = File.ReadAllBytes(output);
            if (isClang)
                File.Move(output, cached, overwrite: true);
            return (image, "");
        }
        finally
        {
            File.Delete(output);
        }
    }
}
