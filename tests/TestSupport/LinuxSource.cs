// Linux sources for tests that run real programs: unpacked once from Debian's source package into the cache, by whichever
// test process comes first; a lock file keeps the others waiting.
namespace Ebpfcc.TestSupport;

public static class LinuxSource
{
    private static readonly object s_lock = new();

    /// <summary>The folder of <c>linux-source-VERSION</c> in the cache; unpacks selftests, samples and headers on first use.</summary>
    public static string Folder(string version)
    {
        string name = "linux-source-" + version;
        string folder = Path.Combine(Repository.Cache, name);
        string last = Path.Combine(folder, "tools", "testing", "selftests", "bpf", "progs", "test_xdp.c");
        lock (s_lock)
        {
            if (System.IO.File.Exists(last))
                return folder;
            using FileStream gate = Acquire(folder + ".lock");
            if (!System.IO.File.Exists(last))
                Unpack(name, folder);
            return folder;
        }
    }

    /// <summary>The folder of the kernel's eBPF selftests; programs are in <c>progs</c> below it.</summary>
    public static string Selftests(string version) => Path.Combine(Folder(version), "tools", "testing", "selftests", "bpf");

    /// <summary>One more file of the sources, by its path in them: unpacked when it is not in the cache yet.</summary>
    public static string File(string version, string path)
    {
        string name = "linux-source-" + version;
        string file = Path.Combine(Folder(version), path.Replace('/', Path.DirectorySeparatorChar));
        lock (s_lock)
        {
            if (System.IO.File.Exists(file))
                return file;
            using FileStream gate = Acquire(Path.Combine(Repository.Cache, name + ".lock"));
            if (System.IO.File.Exists(file))
                return file;
            // A staging folder keeps half a file from being seen.
            string staging = Path.Combine(Repository.Cache, name + ".one");
            Directory.CreateDirectory(staging);
            (int code, _, string error) = Oracles.Run("tar", ["-xJf", $"/usr/src/{name}.tar.xz", "-C", staging, $"{name}/{path}"], timeoutSeconds: 300);
            if (code != 0)
                throw new InvalidOperationException($"tar cannot unpack {path}: {error}");
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            System.IO.File.Move(Path.Combine(staging, name, path), file);
            Directory.Delete(staging, recursive: true);
            return file;
        }
    }

    private static void Unpack(string name, string folder)
    {
        string staging = folder + ".part";
        Directory.CreateDirectory(staging);
        (int code, _, string error) = Oracles.Run(
            "tar", ["-xJf", $"/usr/src/{name}.tar.xz", "-C", staging, $"{name}/tools", $"{name}/samples/bpf"], timeoutSeconds: 300);
        if (code != 0)
            throw new InvalidOperationException($"tar cannot unpack {name}: {error}");
        Directory.CreateDirectory(folder);
        // The folder whose presence says that all is there comes last.
        foreach (string part in (string[])["samples", "tools"])
        {
            string target = Path.Combine(folder, part);
            if (!Directory.Exists(target))
                Directory.Move(Path.Combine(staging, name, part), target);
        }
        Directory.Delete(staging, recursive: true);
    }

    private static FileStream Acquire(string path)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (attempt < 1500)
            {
                Thread.Sleep(200);
            }
        }
    }
}
