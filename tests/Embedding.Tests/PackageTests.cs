// The package holds every assembly, so that a project needs one reference.
using System.IO.Compression;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Embedding.Tests;

public sealed class PackageTests
{
    [Fact]
    public void The_package_is_complete()
    {
        string folder = Directory.CreateTempSubdirectory("ebpfcc-test").FullName;
        try
        {
            string configuration = AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}") ? "Release" : "Debug";
            (int code, string output, string error) = Oracles.Run("dotnet",
                ["pack", Path.Combine(Repository.Root, "src", "Embedding"), "--no-build", "-p:BuildProjectReferences=false", "-c", configuration, "-o", folder, "-v", "q", "-nologo"]);
            Assert.True(code == 0, output + error);
            using ZipArchive package = ZipFile.OpenRead(Directory.GetFiles(folder, "Ebpfcc.*.nupkg").Single());
            string[] names = [.. package.Entries.Select(entry => entry.Name)];
            string[] wanted =
            [
                "Ebpfcc.Embedding.dll", "Ebpfcc.Embedding.xml", "Ebpfcc.Core.dll", "Ebpfcc.Ebpf.dll", "Ebpfcc.Ir.dll", "Ebpfcc.Frontend.dll", "Ebpfcc.Backend.Ebpf.dll",
                "Ebpfcc.Runtime.dll", "Ebpfcc.Jit.dll", "README.md",
            ];
            Assert.Empty(wanted.Except(names));
            using var manifest = new StreamReader(package.Entries.Single(entry => entry.Name.EndsWith(".nuspec")).Open());
            string text = manifest.ReadToEnd();
            Assert.Contains("Antlr4.Runtime.Standard", text);
            Assert.DoesNotContain("id=\"Ebpfcc.", text);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
