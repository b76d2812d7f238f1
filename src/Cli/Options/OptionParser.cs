// Reads a command line by a table of rows: exact names first, then the longest name that the word begins with.
namespace Ebpfcc.Cli.Options;

public sealed class OptionParser<T>(IReadOnlyList<OptionRow<T>> rows)
{
    /// <summary>Called for words that are no options (<c>-</c> among them), in order.</summary>
    public required Action<T, string> Positional { get; init; }

    /// <summary>How many words may be no options; one more is wrong usage.</summary>
    public int MaximumPositional { get; init; } = int.MaxValue;

    /// <summary>Called for words that look like options and match no row; returns an error or null to accept the word.</summary>
    public Func<T, string, string?>? Unknown { get; init; }

    /// <summary>Fills the settings; returns the first error, or null.</summary>
    public string? Parse(IReadOnlyList<string> words, T settings)
    {
        int positional = 0;
        bool isOptionPossible = true;
        for (int i = 0; i < words.Count; i++)
        {
            string word = words[i];
            if (!isOptionPossible || word.Length < 2 || word[0] != '-')
            {
                if (++positional > MaximumPositional)
                    return $"one file at a time: '{word}' is surplus";
                Positional(settings, word);
                continue;
            }
            if (word == "--")
            {
                isOptionPossible = false;
                continue;
            }
            (OptionRow<T>? row, string? name) = Find(word);
            if (row is null)
            {
                string? error = Unknown is null ? $"unknown option '{word}'{Suggestion(word)}" : Unknown(settings, word);
                if (error is not null)
                    return error;
                continue;
            }
            string argument = word[name!.Length..];
            if (argument.Length > 0 && row.Form is OptionForm.OptionalJoined or OptionForm.EqualsOrSeparate && argument[0] == '=')
                argument = argument[1..];
            else if (argument.Length == 0 && row.Form is OptionForm.Separate or OptionForm.JoinedOrSeparate or OptionForm.EqualsOrSeparate && word == name)
            {
                if (++i >= words.Count)
                    return $"option '{word}' needs an argument ({row.Argument})";
                argument = words[i];
            }
            else if (argument.Length == 0 && row.Form == OptionForm.Joined)
                return $"option '{word}' needs an argument ({row.Usage})";
            if (row.Apply(settings, argument) is { } wrong)
                return wrong;
        }
        return null;
    }

    /// <summary>" (did you mean ...?)" for a word that resembles an option.</summary>
    public string Suggestion(string word)
    {
        string bare = word.Split('=')[0];
        string? best = null;
        int bestDistance = Math.Max(2, bare.Length / 4) + 1;
        foreach (OptionRow<T> row in rows)
        {
            foreach (string name in row.Names)
            {
                int distance = Distance(bare, name.TrimEnd('='));
                if (distance < bestDistance)
                    (best, bestDistance) = (name, distance);
            }
        }
        return best is null ? "" : $"; did you mean '{best}'?";
    }

    private (OptionRow<T>? Row, string? Name) Find(string word)
    {
        OptionRow<T>? found = null;
        string? foundName = null;
        foreach (OptionRow<T> row in rows)
        {
            foreach (string name in row.Names)
            {
                if (!Matches(row.Form, name, word) || (foundName is not null && foundName.Length >= name.Length))
                    continue;
                (found, foundName) = (row, name);
            }
        }
        return (found, foundName);
    }

    private static bool Matches(OptionForm form, string name, string word) => form switch
    {
        OptionForm.Flag or OptionForm.Separate => word == name,
        OptionForm.Joined or OptionForm.JoinedOrSeparate => word.StartsWith(name, StringComparison.Ordinal),
        _ => word.StartsWith(name, StringComparison.Ordinal) && (word.Length == name.Length || word[name.Length] == '='),
    };

    /// <summary>Levenshtein's edit distance.</summary>
    private static int Distance(string a, string b)
    {
        Span<int> row = stackalloc int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++)
            row[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }
        return row[b.Length];
    }
}
