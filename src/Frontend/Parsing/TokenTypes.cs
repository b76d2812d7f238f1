// From preprocessing tokens to the grammar's token types. The spellings are read from the generated vocabulary (that is,
// from CTokens.tokens), so that there is one list of keywords and punctuators.
using Ebpfcc.Frontend.Parsing.Generated;
using Ebpfcc.Frontend.Preprocessing;

namespace Ebpfcc.Frontend.Parsing;

internal static class TokenTypes
{
    /// <summary>The fixed spelling of each token type; null for identifiers, constants and so on.</summary>
    public static readonly string?[] Spellings = ReadSpellings();

    private static readonly int[] s_ofPunctuator = MapPunctuators();

    private static string?[] ReadSpellings()
    {
        var vocabulary = (Antlr4.Runtime.Vocabulary)CParser.DefaultVocabulary;
        var spellings = new string?[vocabulary.getMaxTokenType() + 1];
        for (int i = 1; i < spellings.Length; i++)
            spellings[i] = vocabulary.GetLiteralName(i)?.Trim('\'');
        return spellings;
    }

    private static int[] MapPunctuators()
    {
        var types = new int[256];
        Array.Fill(types, CParser.UNKNOWN);
        for (int i = 0; i < Punctuators.Spellings.Length; i++)
        {
            int type = Array.IndexOf(Spellings, Punctuators.Spellings[i]);
            if (type > 0)
                types[i + (int)PpTokenKind.LeftParen] = type;
        }
        types[(int)PpTokenKind.Number] = CParser.NUMBER;
        types[(int)PpTokenKind.Character] = CParser.CHARACTER;
        types[(int)PpTokenKind.String] = CParser.STRING;
        types[(int)PpTokenKind.Identifier] = CParser.IDENTIFIER;
        types[(int)PpTokenKind.EndOfFile] = Antlr4.Runtime.TokenConstants.EOF;
        return types;
    }

    /// <summary>The type of a token that is not a keyword.</summary>
    public static int Of(PpTokenKind kind) => s_ofPunctuator[(int)kind];

    /// <summary>Keyword types by name number; entries beyond the array and zeros are identifiers.</summary>
    public static byte[] MapKeywords(NameTable names)
    {
        var ids = new List<(int Id, int Type)>();
        int largest = 0;
        void Add(string spelling, int type)
        {
            int id = names.Find(spelling);
            if (id == 0)
                return;
            ids.Add((id, type));
            largest = Math.Max(largest, id);
        }

        for (int type = 1; type < Spellings.Length; type++)
        {
            if (Spellings[type] is { } spelling && (char.IsAsciiLetter(spelling[0]) || spelling[0] == '_'))
                Add(spelling, type);
        }
        foreach ((string alternative, string keyword) in Keywords.Alternatives)
            Add(alternative, Array.IndexOf(Spellings, keyword));
        var map = new byte[largest + 1];
        foreach ((int id, int type) in ids)
            map[id] = (byte)type;
        return map;
    }
}
