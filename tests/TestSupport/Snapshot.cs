// Snapshot tests with the file conventions of Verify (Class.Method_parameter.verified.txt beside the test, .received.txt on
// a difference), so that Verify.Xunit can take this helper's place by a package reference.
using System.Runtime.CompilerServices;
using System.Text;
using DiffPlex.DiffBuilder;
using DiffPlex.DiffBuilder.Model;
using Xunit;

namespace Ebpfcc.TestSupport;

public static class Snapshot
{
    /// <summary>The switch that accepts all changes: set it to 1 and run the tests again.</summary>
    public const string AcceptSwitch = "EBPFCC_ACCEPT";

    /// <summary>
    /// Compares <paramref name="text"/> with the verified file of this test and fails with a diff when they differ.
    /// </summary>
    /// <param name="parameter">Distinguishes the cases of a theory; part of the file name.</param>
    public static void Verify(string text, string? parameter = null, [CallerFilePath] string testFile = "", [CallerMemberName] string method = "")
    {
        string name = $"{Path.GetFileNameWithoutExtension(testFile)}.{method}{(parameter is null ? "" : "_" + parameter)}";
        string folder = Path.Combine(Path.GetDirectoryName(Locate(testFile))!, "Snapshots");
        string verified = Path.Combine(folder, name + ".verified.txt");
        string received = Path.Combine(folder, name + ".received.txt");
        text = Normalize(text);
        string expected = File.Exists(verified) ? Normalize(File.ReadAllText(verified)) : "";
        if (File.Exists(verified) && expected == text)
        {
            File.Delete(received);
            return;
        }
        Directory.CreateDirectory(folder);
        if (Environment.GetEnvironmentVariable(AcceptSwitch) == "1")
        {
            File.WriteAllText(verified, text);
            File.Delete(received);
            return;
        }
        File.WriteAllText(received, text);
        Assert.Fail($"{(File.Exists(verified) ? "Differs from" : "There is no")} {Path.GetFileName(verified)}:\n{Diff(expected, text)}\nAccept with: {AcceptSwitch}=1 ./test {method}");
    }

    private static string Normalize(string text) => text.Replace("\r\n", "\n").TrimEnd('\n') + "\n";

    /// <summary>A deterministic build maps paths to /_/; the repository's root maps them back.</summary>
    private static string Locate(string testFile)
        => testFile.StartsWith("/_/", StringComparison.Ordinal) ? Path.Combine(Repository.Root, testFile[3..]) : testFile;

    private static string Diff(string expected, string actual)
    {
        var text = new StringBuilder();
        List<DiffPiece> lines = new InlineDiffBuilder(new DiffPlex.Differ()).BuildDiffModel(expected, actual).Lines;
        for (int i = 0; i < lines.Count; i++)
        {
            bool near = lines.Skip(Math.Max(0, i - 2)).Take(5).Any(line => line.Type != ChangeType.Unchanged);
            if (near)
                text.Append(lines[i].Type switch { ChangeType.Inserted => "+ ", ChangeType.Deleted => "- ", _ => "  " }).AppendLine(lines[i].Text);
        }
        return text.ToString();
    }
}
