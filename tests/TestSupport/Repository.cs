// Where things are: the repository's root, the data beside it, a cache outside it.
using System.Runtime.CompilerServices;

namespace Ebpfcc.TestSupport;

/// <summary>Paths that tests need.</summary>
public static class Repository
{
    /// <summary>The folder that holds CompilerPipeline.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The folder of shared baselines beside the repository, or null where it is not.</summary>
    public static string? Shared { get; } = Directory.Exists(Path.Combine(Root, "..", "shared")) ? Path.GetFullPath(Path.Combine(Root, "..", "shared")) : null;

    /// <summary>A folder for unpacked oracle data, outside the repository, kept between runs.</summary>
    public static string Cache { get; } = Directory.CreateDirectory(
        Environment.GetEnvironmentVariable("EBPFCC_TEST_CACHE") is { Length: > 0 } configured ? configured : Path.Combine(Path.GetTempPath(), "ebpfcc-cache")).FullName;

    private static string FindRoot([CallerFilePath] string thisFile = "")
    {
        foreach (string start in new[] { AppContext.BaseDirectory, Path.GetDirectoryName(thisFile)! })
        {
            for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
            {
                if (File.Exists(Path.Combine(folder.FullName, "CompilerPipeline.sln")))
                    return folder.FullName;
            }
        }
        throw new DirectoryNotFoundException("CompilerPipeline.sln is in no folder above the tests.");
    }
}
