// The rule that tells make what an object depends on (-MD), in gcc's format: long lists continue with a backslash.
using System.Text;
using Ebpfcc.Frontend.Headers;

namespace Ebpfcc.Cli.Output;

public static class DependencyFile
{
    private const int LineWidth = 76;

    /// <param name="files">The main file first; headers inside the executable are left out.</param>
    /// <param name="phony">An empty rule for every header, so that deleting one does not stop make.</param>
    public static string Print(IEnumerable<string> targets, IEnumerable<string> files, bool phony)
    {
        List<string> names = [.. files.Where(file => !EmbeddedHeaders.Owns(file)).Select(Escape)];
        var text = new StringBuilder(string.Join(' ', targets)).Append(':');
        int column = text.Length;
        foreach (string name in names)
        {
            if (column + name.Length + 1 > LineWidth)
            {
                text.Append(" \\\n ");
                column = 1;
            }
            text.Append(' ').Append(name);
            column += name.Length + 1;
        }
        text.Append('\n');
        foreach (string name in phony ? names.Skip(1) : [])
            text.Append(name).Append(":\n");
        return text.ToString();
    }

    private static string Escape(string path) => path.Replace("$", "$$").Replace(" ", "\\ ").Replace("#", "\\#");
}
