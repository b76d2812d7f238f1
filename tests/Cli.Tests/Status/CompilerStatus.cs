// What is known of one source of the kernel: a line of the committed status file, which the report writes and a test holds.
//
//     A/test_xdp.c ok loads 1/1 kernel 13/13 interp 13/13 x64 13/13
//
// "ok" or "no": compiles (clang compiles all of them). "loads": programs that the kernel takes from us of those it takes from
// clang, then the names of those it does not. The rest: recorded runs with the same result.
using System.Globalization;

namespace Ebpfcc.Cli.Tests.Status;

internal sealed record CompilerStatus(string Name, bool Compiles)
{
    public static readonly string[] Engines = ["kernel", "interp", "x64"];

    public static string File { get; } = Path.Combine(TestSupport.Repository.Root, "tests", "Cli.Tests", "Status", "compiler-6.1.txt");

    /// <summary>Programs that clang's object has and the kernel loads.</summary>
    public int Loadable { get; init; }

    public IReadOnlyList<string> Lost { get; init; } = [];

    public int Runs { get; init; }

    /// <summary>Per engine: runs with the recorded result.</summary>
    public int[] Equal { get; init; } = new int[Engines.Length];

    public override string ToString()
    {
        var words = new List<string> { Name, Compiles ? "ok" : "no" };
        if (Loadable > 0)
            words.AddRange(["loads", $"{Loadable - Lost.Count}/{Loadable}"]);
        for (int i = 0; i < Engines.Length && Runs > 0; i++)
            words.AddRange([Engines[i], $"{Equal[i]}/{Runs}"]);
        return string.Join(' ', Lost.Count == 0 ? words : [.. words, "lost", .. Lost]);
    }

    public static CompilerStatus Parse(string line)
    {
        string[] words = line.Split(' ');
        int lost = Array.IndexOf(words, "lost");
        var status = new CompilerStatus(words[0], words[1] == "ok") { Lost = lost < 0 ? [] : words[(lost + 1)..] };
        for (int i = 2; i + 1 < (lost < 0 ? words.Length : lost); i += 2)
        {
            int[] numbers = [.. words[i + 1].Split('/').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
            if (words[i] == "loads")
            {
                status = status with { Loadable = numbers[1] };
                continue;
            }
            status.Equal[Array.IndexOf(Engines, words[i])] = numbers[0];
            status = status with { Runs = numbers[1] };
        }
        return status;
    }

    public static IEnumerable<CompilerStatus> All() => System.IO.File.ReadLines(File).Where(line => line.Length > 0 && line[0] != '#').Select(Parse);
}
