// @file: the words of a file in place of the argument, as gcc reads them: separated by white space, quotes keep blanks, a backslash
// keeps the next character. A file that cannot be read leaves the argument as it is.
using System.Text;

namespace Ebpfcc.Cli.Options;

public static class ResponseFile
{
    private const int MaximumDepth = 10;

    public static List<string> Expand(IReadOnlyList<string> arguments) => Expand(arguments, 0);

    private static List<string> Expand(IReadOnlyList<string> arguments, int depth)
    {
        var expanded = new List<string>(arguments.Count);
        foreach (string argument in arguments)
        {
            if (argument.Length > 1 && argument[0] == '@' && depth < MaximumDepth && TryRead(argument[1..]) is { } text)
                expanded.AddRange(Expand(Split(text), depth + 1));
            else
                expanded.Add(argument);
        }
        return expanded;
    }

    private static string? TryRead(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public static List<string> Split(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        bool inWord = false;
        char quote = '\0';
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\\' && i + 1 < text.Length && quote != '\'')
            {
                word.Append(text[++i]);
                inWord = true;
            }
            else if (quote != '\0')
            {
                if (c == quote)
                    quote = '\0';
                else
                    word.Append(c);
            }
            else if (c is '"' or '\'')
            {
                quote = c;
                inWord = true;
            }
            else if (char.IsWhiteSpace(c))
            {
                if (inWord)
                    words.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }
        if (inWord)
            words.Add(word.ToString());
        return words;
    }
}
