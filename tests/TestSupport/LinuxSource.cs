// Linux sources for tests that run real programs: unpacked once from Debian's source package into the cache.
namespace Ebpfcc.TestSupport;

public static class LinuxSource
{
    private static readonly object s_lock = new();

    /// <summary>The folder of <c>linux-source-VERSION</c> in the cache; unpacks selftests, samples and headers on first use.</summary>
    public static string Folder(string version)
    {
        string name = "linux-source-" + version;
        string folder = Path.Combine(Repository.Cache, name);
        lock (s_lock)
        {
            if (File.Exists(Path.Combine(folder, "tools", "testing", "selftests", "bpf", "progs", "test_xdp.c")))
                return folder;
            string staging = folder + ".part" + Environment.ProcessId;
            Directory.CreateDirectory(staging);
            (int code, _, string error) = Oracles.Run(
                "tar", ["-xJf", $"/usr/src/{name}.tar.xz", "-C", staging, $"{name}/tools", $"{name}/samples/bpf"], timeoutSeconds: 300);
            if (code != 0)
                throw new InvalidOperationException($"tar cannot unpack {name}: {error}");
            if (!Directory.Exists(folder))
                Directory.Move(Path.Combine(staging, name), folder);
            Directory.Delete(staging, recursive: true);
            return folder;
        }
    }
}
