// Command line options as a table: one row per option, read by the parser, by --help and by the tests.
namespace Ebpfcc.Cli.Options;

public enum OptionForm : byte
{
    /// <summary><c>-c</c></summary>
    Flag,

    /// <summary><c>-std=gnu11</c>: the argument follows the name directly and is required.</summary>
    Joined,

    /// <summary><c>--verify</c> or <c>--verify=6.1</c>: the argument may be missing (null is passed as an empty text).</summary>
    OptionalJoined,

    /// <summary><c>-include FILE</c>: the argument is the next word.</summary>
    Separate,

    /// <summary><c>-Idir</c>, <c>-I dir</c>.</summary>
    JoinedOrSeparate,

    /// <summary><c>--data-in FILE</c>, <c>--data-in=FILE</c>.</summary>
    EqualsOrSeparate,
}

/// <param name="Names">All spellings; the first one is shown first.</param>
/// <param name="Argument">What stands for the argument in the help, e.g. <c>FILE</c>; null for flags.</param>
/// <param name="Help">One line; null hides the row.</param>
/// <param name="Apply">Stores the choice; returns what is wrong with the argument, or null.</param>
public sealed record OptionRow<T>(string Group, string[] Names, OptionForm Form, string? Argument, string? Help, Func<T, string, string?> Apply)
{
    /// <summary>As the help writes it: <c>-I DIR</c>, <c>--emit=FORM</c>.</summary>
    public string Usage => string.Join(", ", Names.Select(name => Form switch
    {
        OptionForm.Flag => name,
        OptionForm.Joined => name + Argument,
        OptionForm.OptionalJoined => $"{name}[={Argument}]",
        OptionForm.EqualsOrSeparate => $"{name}={Argument}",
        _ => name.EndsWith('=') ? name + Argument : $"{name} {Argument}",
    }));
}
