// C's and GNU C's keywords: spellings that never name a variable, and the alternative spellings that headers use.
namespace Ebpfcc.Frontend.Preprocessing;

internal static class Keywords
{
    /// <summary>Alternative spelling, and the spelling that the grammar knows.</summary>
    public static readonly (string Alternative, string Keyword)[] Alternatives =
    [
        ("__const", "const"), ("__const__", "const"), ("__volatile", "volatile"), ("__volatile__", "volatile"), ("__restrict", "restrict"), ("__restrict__", "restrict"),
        ("__inline", "inline"), ("__inline__", "inline"), ("__signed", "signed"), ("__signed__", "signed"), ("__asm", "asm"), ("__asm__", "asm"),
        ("__typeof", "typeof"), ("__typeof__", "typeof"), ("__typeof_unqual", "typeof_unqual"), ("__typeof_unqual__", "typeof_unqual"),
        ("__attribute", "__attribute__"), ("__alignof", "_Alignof"), ("__alignof__", "_Alignof"), ("__real", "__real__"), ("__imag", "__imag__"),
        ("__complex", "_Complex"), ("__complex__", "_Complex"), ("__thread", "_Thread_local"), ("static_assert", "_Static_assert"),
    ];

    public static bool IsKeyword(string word)
    {
        foreach (string? keyword in Parsing.TokenTypes.Spellings)
        {
            if (keyword == word)
                return true;
        }
        foreach ((string alternative, _) in Alternatives)
        {
            if (alternative == word)
                return true;
        }
        return false;
    }
}
