// What the running kernel says of itself, where there is one: types, version, configuration. Elsewhere nothing.
using System.IO.Compression;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Btf;

namespace Ebpfcc.Runtime.Loading;

public static class KernelInformation
{
    private const string TypesPath = "/sys/kernel/btf/vmlinux";

    private static readonly Lazy<BtfReader?> s_types = new(() => ReadTypes(TypesPath, new DiagnosticBag()));
    private static readonly Lazy<IReadOnlyDictionary<string, string>> s_configuration = new(ReadConfiguration);

    /// <summary>The types of the running kernel, or null where it offers none. Read once.</summary>
    public static BtfReader? RunningKernelTypes() => s_types.Value;

    /// <summary>Types from a raw BTF file or the .BTF section of an ELF file; null after a reported error or when the file does not exist.</summary>
    public static BtfReader? ReadTypes(string path, DiagnosticBag diagnostics)
    {
        if (!File.Exists(path))
            return null;
        byte[] bytes = File.ReadAllBytes(path);
        if (!bytes.AsSpan().StartsWith("\u007fELF"u8))
            return BtfReader.Read(bytes, path, diagnostics);
        return Ebpf.Elf.ElfFile.Read(bytes, path, diagnostics)?.Find(".BTF") is { } section ? BtfReader.Read(section.Data, path, diagnostics) : null;
    }

    /// <summary>The running kernel's version as KERNEL_VERSION packs it; that of 6.1 where no Linux runs.</summary>
    public static uint RunningVersion { get; } = ParseVersion();

    /// <summary>The running kernel's configuration; empty where it cannot be read.</summary>
    public static IReadOnlyDictionary<string, string> RunningConfiguration => s_configuration.Value;

    /// <summary>Addresses of kernel symbols by name, as far as this process may see them; 0 for those that are not there.</summary>
    public static Dictionary<string, ulong> FindSymbols(IReadOnlyCollection<string> names)
    {
        var found = names.ToDictionary(name => name, _ => 0ul);
        if (!OperatingSystem.IsLinux() || !File.Exists("/proc/kallsyms"))
            return found;
        // "ffffffff81000000 T _text", modules' symbols with the module's name behind.
        foreach (string line in File.ReadLines("/proc/kallsyms"))
        {
            int name = line.IndexOf(' ', Math.Min(17, line.Length)) + 1;
            int end = line.AsSpan(name).IndexOfAny('\t', ' ');
            string symbol = end < 0 ? line[name..] : line.Substring(name, end);
            if (name > 0 && found.TryGetValue(symbol, out ulong known) && known == 0
                && ulong.TryParse(line.AsSpan(0, line.IndexOf(' ')), System.Globalization.NumberStyles.HexNumber, null, out ulong address))
                found[symbol] = address;
        }
        return found;
    }

    private static uint ParseVersion()
    {
        Version version = OperatingSystem.IsLinux() ? System.Environment.OSVersion.Version : new Version(6, 1, 0);
        return (uint)(version.Major << 16 | version.Minor << 8 | Math.Min(Math.Max(version.Build, 0), 255));
    }

    private static IReadOnlyDictionary<string, string> ReadConfiguration()
    {
        var values = new Dictionary<string, string>();
        if (!OperatingSystem.IsLinux())
            return values;
        string boot = $"/boot/config-{File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}";
        try
        {
            using Stream? stream = File.Exists("/proc/config.gz") ? new GZipStream(File.OpenRead("/proc/config.gz"), CompressionMode.Decompress)
                : File.Exists(boot) ? File.OpenRead(boot) : null;
            using StreamReader? reader = stream is null ? null : new StreamReader(stream);
            while (reader?.ReadLine() is { } line)
            {
                int equals = line.IndexOf('=');
                if (equals > 0 && line.StartsWith("CONFIG_", StringComparison.Ordinal))
                    values[line[..equals]] = line[(equals + 1)..].Trim();
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            values.Clear();
        }
        return values;
    }
}
