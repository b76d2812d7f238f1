// Gives -W words their meaning. A warning that is off by default belongs to -Wall unless it is listed here as one of the
// pickier ones of -Wextra or -pedantic, as in gcc and clang.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Cli.Options;

public static class WarningWords
{
    private static readonly string[] s_extra =
    [
        "sign-compare", "unused-parameter", "missing-field-initializers", "empty-body", "ignored-qualifiers", "initializer-overrides", "type-limits",
        "implicit-fallthrough", "cast-function-type", "old-style-declaration", "override-init",
    ];

    private static readonly string[] s_onlyByName =
        ["conversion", "sign-conversion", "shadow", "cast-align", "cast-qual", "padded", "switch-enum", "switch-default", "undef", "unused-macros", "strict-prototypes", "missing-prototypes", "missing-declarations", "declaration-after-statement", "vla", "date-time"];

    /// <summary>Applies the words in order; returns those that name nothing.</summary>
    public static List<string> Apply(IReadOnlyList<string> words, WarningOptions options, IEnumerable<DiagnosticDescriptor> catalogue)
    {
        var unknown = new List<string>();
        HashSet<string>? known = null;
        foreach (string word in words)
        {
            bool on = !word.StartsWith("no-", StringComparison.Ordinal);
            string name = on ? word : word[3..];
            if (name == "error")
            {
                options.AllAsErrors = on;
                continue;
            }
            bool isError = name.StartsWith("error=", StringComparison.Ordinal);
            if (isError)
                name = name[6..];
            known ??= new HashSet<string>(catalogue.Select(row => row.WarningGroup).OfType<string>(), StringComparer.Ordinal);
            IEnumerable<string>? members = name switch
            {
                "all" or "most" => known.Where(group => !s_extra.Contains(group) && !s_onlyByName.Contains(group) && group != "pedantic"),
                "extra" or "" => s_extra,
                "everything" => known,
                "pedantic" => ["pedantic"],
                "unused" => known.Where(group => group.StartsWith("unused-", StringComparison.Ordinal) && group != "unused-parameter" && group != "unused-macros"),
                _ => known.Contains(name) ? [name] : null,
            };
            if (members is null)
            {
                // A word that switches off what does not exist does no harm.
                if (on && !IsForeign(name))
                    unknown.Add(word);
                continue;
            }
            foreach (string group in members)
            {
                if (isError)
                    options.TreatAsError(group, on);
                else
                    options.Enable(group, on);
            }
        }
        return unknown;
    }

    /// <summary>Names that gcc or clang know and this compiler has no use for.</summary>
    private static bool IsForeign(string name)
        => s_extra.Contains(name) || s_onlyByName.Contains(name) || name is "format" or "format-security" or "strict-aliasing" or "write-strings" or "pointer-arith" or "nested-externs"
            or "redundant-decls" or "bad-function-cast" or "inline" or "system-headers" or "init-self" or "packed" or "stack-protector" or "frame-larger-than" or "implicit"
            or "implicit-function-declaration" or "implicit-int" or "return-type" or "uninitialized" or "maybe-uninitialized" or "parentheses" or "comment" or "switch" or "address-of-packed-member"
            || name.Contains('=');
}
