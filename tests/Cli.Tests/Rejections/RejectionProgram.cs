// A deliberately wrong C program with what is expected of it, in comments:
//
//     //~ options WORD...     further words on the command line
//     //~ kernel TEXT         what the running kernel's log says of our object ("accepts" when it loads it)
//     //~ clang TEXT          the same of clang's object; without it as //~ kernel
//     //~ fix TEXT            a repair with this description is offered (and proved)
//     ...code...  //~ error CODE [TEXT]    the rejection is reported at this line
//     ...code...  //~ note TEXT            a note is attached to this line
using Ebpfcc.TestSupport;

namespace Ebpfcc.Cli.Tests.Rejections;

internal sealed class RejectionProgram
{
    private RejectionProgram(string path)
    {
        Path = path;
        int number = 0;
        foreach (string line in File.ReadAllLines(path))
        {
            number++;
            int at = line.IndexOf("//~ ", StringComparison.Ordinal);
            if (at < 0)
                continue;
            string[] words = line[(at + 4)..].Split(' ', 2);
            string rest = words.Length > 1 ? words[1].Trim() : "";
            switch (words[0])
            {
                case "options": Options = rest.Split(' '); break;
                case "kernel": Kernel = rest; break;
                case "clang": Clang = rest; break;
                case "fix": Fix = rest; break;
                case "error": Error = (number, rest.Split(' ', 2)[0], rest.Contains(' ') ? rest.Split(' ', 2)[1] : ""); break;
                case "note": Notes.Add((number, rest)); break;
                default: throw new InvalidDataException($"{path}:{number}: unknown expectation '{words[0]}'");
            }
        }
    }

    public string Path { get; }

    public string[] Options { get; } = ["--verify"];

    public string? Kernel { get; }

    public string? Clang { get; }

    public string? Fix { get; }

    public (int Line, string Code, string Text) Error { get; }

    public List<(int Line, string Text)> Notes { get; } = [];

    public static string Folder => System.IO.Path.Combine(Repository.Root, "tests", "Cli.Tests", "Rejections", "Programs");

    public static IEnumerable<string> Names => Directory.EnumerateFiles(Folder, "*.c").Select(file => System.IO.Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal);

    public static RejectionProgram Read(string name) => new(System.IO.Path.Combine(Folder, name + ".c"));
}
