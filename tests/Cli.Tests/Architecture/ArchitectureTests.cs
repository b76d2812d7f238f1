// Holds the shape of ARCHITECTURE.md: which project may reference which, where unsafe code and ANTLR types may occur, and
// what no file may contain.
using System.Xml.Linq;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Architecture;

public class ArchitectureTests
{
    /// <summary>The allowed arrows. A project missing here, or an arrow not listed, fails the test.</summary>
    private static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["Core"] = [],
        ["Ebpf"] = ["Core"],
        ["Ir"] = ["Core"],
        ["Frontend"] = ["Core", "Ir"],
        ["Backend.Ebpf"] = ["Core", "Ir", "Ebpf"],
        ["Runtime"] = ["Core", "Ebpf"],
        ["Jit"] = ["Core", "Ebpf", "Runtime"],
        ["Embedding"] = ["Core", "Ebpf", "Ir", "Frontend", "Backend.Ebpf", "Runtime", "Jit"],
        ["Cli"] = ["Core", "Ebpf", "Ir", "Frontend", "Backend.Ebpf", "Runtime", "Jit"],
    };

    private static IEnumerable<string> ProjectFiles() => Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.csproj", SearchOption.AllDirectories);

    private static IEnumerable<string> SourceFiles(string folder)
        => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}") && !path.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}"));

    private static string Relative(string path) => Path.GetRelativePath(Repository.Root, path).Replace('\\', '/');

    [Fact]
    public void Projects_reference_only_what_the_architecture_allows()
    {
        var violations = new List<string>();
        foreach (string file in ProjectFiles())
        {
            string project = Path.GetFileNameWithoutExtension(file);
            if (!s_allowed.TryGetValue(project, out string[]? allowed))
            {
                violations.Add($"{project} is not in the table");
                continue;
            }
            foreach (XElement reference in XDocument.Load(file).Descendants("ProjectReference"))
            {
                string target = Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/'));
                if (!allowed.Contains(target))
                    violations.Add($"{project} -> {target}");
            }
        }
        Assert.True(violations.Count == 0, string.Join("\n", violations));
    }

    [Fact]
    public void Unsafe_code_is_allowed_only_in_runtime_and_jit()
    {
        IEnumerable<string> projects = ProjectFiles().Where(file => File.ReadAllText(file).Contains("<AllowUnsafeBlocks>true")).Select(file => Path.GetFileNameWithoutExtension(file)!);
        Assert.Equal(["Jit", "Runtime"], projects.Order());
    }

    [Fact]
    public void Antlr_types_stay_in_the_parsing_folder()
    {
        IEnumerable<string> users = SourceFiles("src").Where(file => File.ReadAllText(file).Contains("Antlr4.")).Select(Relative)
            .Where(file => !file.StartsWith("src/Frontend/Parsing/", StringComparison.Ordinal));
        Assert.Empty(users);
    }

    [Fact]
    public void Stages_do_not_touch_the_console_or_the_environment()
    {
        IEnumerable<string> users = SourceFiles("src").Where(file => !Relative(file).StartsWith("src/Cli/", StringComparison.Ordinal))
            .Where(file => File.ReadAllText(file) is var text && (text.Contains("Console.") || text.Contains("Environment.GetEnvironmentVariable"))).Select(Relative);
        Assert.Empty(users);
    }

    [Fact]
    public void Namespaces_follow_folders()
    {
        var violations = new List<string>();
        foreach (string file in SourceFiles("src"))
        {
            string? line = File.ReadLines(file).FirstOrDefault(text => text.StartsWith("namespace ", StringComparison.Ordinal));
            if (line is null)
                continue;
            string folder = Relative(Path.GetDirectoryName(file)!)["src/".Length..].Replace('/', '.');
            string expected = $"namespace Ebpfcc.{folder}";
            if (line.TrimEnd(';', ' ', '{') != expected)
                violations.Add($"{Relative(file)}: '{line}', expected '{expected}'");
        }
        Assert.True(violations.Count == 0, string.Join("\n", violations));
    }

    [Fact]
    public void No_file_is_unfinished_or_too_long()
    {
        const int MaxLines = 700;
        var violations = new List<string>();
        foreach (string file in SourceFiles("src"))
        {
            string[] lines = File.ReadAllLines(file);
            if (lines.Length > MaxLines && !Relative(file).Contains("/Abi/"))
                violations.Add($"{Relative(file)} has {lines.Length} lines; split it by topic");
            foreach (string word in new[] { "NotImplementedException", "TODO", "FIXME", "HACK" })
            {
                if (lines.Any(line => line.Contains(word)))
                    violations.Add($"{Relative(file)} contains {word}");
            }
        }
        Assert.True(violations.Count == 0, string.Join("\n", violations));
    }

    [Fact]
    public void Files_open_with_a_comment()
    {
        IEnumerable<string> silent = SourceFiles("src").Where(file => !(File.ReadLines(file).FirstOrDefault() ?? "").StartsWith("//", StringComparison.Ordinal)).Select(Relative);
        Assert.Empty(silent);
    }
}
