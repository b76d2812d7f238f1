// The numbers of the words that the preprocessor itself knows.
namespace Ebpfcc.Frontend.Preprocessing;

internal enum DirectiveKind : byte
{
    None, Include, IncludeNext, Import, Define, Undef, If, Ifdef, Ifndef, Elif, Elifdef, Elifndef, Else, Endif, Line, Error, Warning, Pragma, Ident, Sccs, Assert, Unassert,
}

internal sealed class WellKnown
{
    private static readonly string[] s_directives =
    [
        "", "include", "include_next", "import", "define", "undef", "if", "ifdef", "ifndef", "elif", "elifdef", "elifndef", "else", "endif", "line", "error", "warning",
        "pragma", "ident", "sccs", "assert", "unassert",
    ];

    private readonly int _firstDirective;

    public WellKnown(NameTable names)
    {
        _firstDirective = names.Count;
        for (int i = 1; i < s_directives.Length; i++)
            names.Intern(s_directives[i]);
        Defined = names.Intern("defined");
        VaArgs = names.Intern("__VA_ARGS__");
        VaOpt = names.Intern("__VA_OPT__");
        True = names.Intern("true");
        False = names.Intern("false");
    }

    public int Defined { get; }

    public int VaArgs { get; }

    public int VaOpt { get; }

    public int True { get; }

    public int False { get; }

    public DirectiveKind GetDirective(int id)
    {
        int index = id - _firstDirective + 1;
        return index >= 1 && index < s_directives.Length ? (DirectiveKind)index : DirectiveKind.None;
    }

    public static string Spelling(DirectiveKind kind) => s_directives[(int)kind];
}
