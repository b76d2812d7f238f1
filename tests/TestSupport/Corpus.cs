// The kernel's own eBPF programs as compiler input: sets A (selftests) and B (samples) of Linux 6.1 with the options that the
// baseline records, and the selftests of 6.12. What the options name is made in the cache when the tools for it are there.
using System.Text.Json;

namespace Ebpfcc.TestSupport;

/// <param name="Set">A, B, or the version for sources without recorded programs.</param>
/// <param name="Options">Of the preprocessor and the language, as clang takes them.</param>
/// <param name="Programs">Names of the programs that the baseline tells of.</param>
public sealed record CorpusSource(string Set, string Path, IReadOnlyList<string> Options, IReadOnlyList<string> Programs)
{
    public string Name => $"{Set}/{System.IO.Path.GetFileName(Path)}";
}

public static class Corpus
{
    private static readonly string[] s_systemFolders = ["/usr/lib/llvm-19/lib/clang/19/include", "/usr/include/x86_64-linux-gnu", "/usr/include"];

    /// <summary>Null when the sources of sets A and B and what they include can be had here.</summary>
    public static string? WhyMissing()
        => Oracles.WhyMissing(Oracle.Shared) ?? Oracles.WhyMissing(Oracle.LinuxSource61) ?? Oracles.WhyMissing(Oracle.UapiHeaders)
            ?? (VmlinuxFolder() is null ? "vmlinux.h cannot be made (bpftool and the kernel's BTF)" : null)
            ?? (LibbpfFolder("6.1") is null ? "libbpf's headers cannot be made of the kernel sources" : null);

    /// <summary>The 555 stand-alone sources of sets A and B in the baseline's order.</summary>
    public static IEnumerable<CorpusSource> Linux61()
    {
        string prelude = Path.Combine(Repository.Shared!, "baselines", "prelude");
        (string Name, string Folder)[] folders =
        [
            ("{linux-6.1}", LinuxSource.Folder("6.1")), ("{vmlinux}", VmlinuxFolder()!), ("{vmlinux-6.1}", VmlinuxFolder("vmlinux-6.1")!),
            ("{libbpf-6.1}", LibbpfFolder("6.1")!), ("{prelude}", prelude),
        ];
        foreach (string line in File.ReadLines(Path.Combine(Repository.Shared!, "baselines", "selftests-6.1.clang19.jsonl")))
        {
            using JsonDocument row = JsonDocument.Parse(line);
            string set = row.RootElement.GetProperty("set").GetString()!;
            if (set is not ("A" or "B"))
                continue;
            List<string> options = [.. row.RootElement.GetProperty("flags").EnumerateArray().Select(flag => Fill(flag.GetString()!))];
            // The prelude's folder "uapi" is the system's folder "linux" under another name.
            if (options.Exists(option => option.StartsWith("-I" + prelude, StringComparison.Ordinal)))
                options.Add("-I" + LinkFolder());
            options.AddRange(SystemOptions());
            string[] programs = [.. row.RootElement.GetProperty("programs").EnumerateArray().Select(program => program.GetProperty("name").GetString()!)];
            yield return new CorpusSource(set, Fill(row.RootElement.GetProperty("path").GetString()!), options, programs);
        }

        string Fill(string text)
        {
            foreach ((string name, string folder) in folders)
                text = text.Replace(name, folder, StringComparison.Ordinal);
            return text;
        }
    }

    /// <summary>The selftests of 6.12 with the options of their Makefile.</summary>
    public static IEnumerable<CorpusSource> Linux612()
    {
        string selftests = LinuxSource.Selftests("6.12");
        string[] options =
        [
            "-D__TARGET_ARCH_x86", "-mlittle-endian", "-DENABLE_ATOMICS_TESTS", "-std=gnu11", "-fno-strict-aliasing", "-I" + VmlinuxFolder(), "-I" + LibbpfFolder("6.12"),
            "-I" + selftests, "-I" + Path.Combine(LinuxSource.Folder("6.12"), "tools/include/uapi"), "-I" + Path.Combine(selftests, "progs"), .. SystemOptions(),
        ];
        foreach (string file in Directory.GetFiles(Path.Combine(selftests, "progs"), "*.c").Order(StringComparer.Ordinal))
            yield return new CorpusSource("6.12", file, options, []);
    }

    private static IEnumerable<string> SystemOptions() => [.. s_systemFolders.SelectMany(folder => new[] { "-idirafter", folder }), "-idirafter", Stubs()];

    /// <summary>A folder with vmlinux.h of the running kernel, or of the version whose file was put into the cache under that name.</summary>
    private static string? VmlinuxFolder(string name = "vmlinux")
    {
        string folder = Path.Combine(Repository.Cache, name), header = Path.Combine(folder, "vmlinux.h");
        if (File.Exists(header))
            return folder;
        if (name != "vmlinux")
            return VmlinuxFolder();
        if (!Oracles.Has(Oracle.Bpftool) || !File.Exists("/sys/kernel/btf/vmlinux"))
            return null;
        (int code, string text, _) = Oracles.Run(Oracles.Program(Oracle.Bpftool), ["btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"]);
        return code == 0 ? Write(header, text) : null;
    }

    /// <summary>libbpf's headers of a kernel version, the generated list of helpers included.</summary>
    private static string? LibbpfFolder(string version)
    {
        string folder = Path.Combine(Repository.Cache, "libbpf-" + version), definitions = Path.Combine(folder, "bpf", "bpf_helper_defs.h");
        if (File.Exists(definitions))
            return folder;
        string name = "linux-source-" + version;
        if (Oracles.Run("tar", ["-xJf", $"/usr/src/{name}.tar.xz", "-C", Repository.Cache, name + "/scripts/bpf_doc.py", name + "/include/uapi/linux/bpf.h"], timeoutSeconds: 300).ExitCode != 0)
            return null;
        string tree = LinuxSource.Folder(version);
        (int code, string text, _) = Oracles.Run("python3", [Path.Combine(tree, "scripts/bpf_doc.py"), "--header", "--file", Path.Combine(tree, "include/uapi/linux/bpf.h")]);
        if (code != 0)
            return null;
        Directory.CreateDirectory(Path.Combine(folder, "bpf"));
        foreach (string header in Directory.GetFiles(Path.Combine(tree, "tools/lib/bpf"), "*.h"))
            File.Copy(header, Path.Combine(folder, "bpf", Path.GetFileName(header)), overwrite: true);
        Write(definitions, text);
        return folder;
    }

    private static string LinkFolder()
    {
        string link = Path.Combine(Repository.Cache, "uapi-link", "uapi", "linux");
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        if (!Directory.Exists(link))
            Directory.CreateSymbolicLink(link, "/usr/include/linux");
        return Path.Combine(Repository.Cache, "uapi-link");
    }

    private static string Stubs()
    {
        string file = Path.Combine(Repository.Cache, "stubs", "gnu", "stubs-32.h");
        if (!File.Exists(file))
            Write(file, "");
        return Path.Combine(Repository.Cache, "stubs");
    }

    /// <summary>Writes a file whole or not at all, and returns its folder.</summary>
    private static string Write(string path, string text)
    {
        string folder = Directory.CreateDirectory(Path.GetDirectoryName(path)!).FullName, part = $"{path}.{Environment.ProcessId}";
        File.WriteAllText(part, text);
        File.Move(part, path, overwrite: true);
        return folder;
    }
}
