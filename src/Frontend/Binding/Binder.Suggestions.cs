// "Did you mean": the visible name, member or top-level name at the smallest edit distance.
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private int _suggestions;

    /// <summary>Looking for similar names costs time in proportion to all names; a file full of mistakes gets this many.</summary>
    private const int MaximumSuggestions = 30;

    private Symbol? Suggest(string name)
    {
        if (name.Length < 3 || ++_suggestions > MaximumSuggestions)
            return null;
        int limit = name.Length / 3;
        Symbol? best = null;
        for (Scope? scope = _scope; scope is not null; scope = scope.Parent)
        {
            foreach (Symbol symbol in scope.Symbols)
            {
                if (symbol is not TypedefSymbol && symbol is not VariableSymbol { Type.Type: ErrorType } && symbol.DeclarationOrder <= _order)
                    Consider(symbol, symbol.Name, name, ref limit, ref best);
            }
        }
        // Names of the file that nothing has asked for yet.
        string? unbound = null;
        foreach (string candidate in _tree.Names(NameSpaceKind.Ordinary))
            Consider(candidate, candidate, name, ref limit, ref unbound);
        if (unbound is not null && LookupFileName(unbound) is { } found and not TypedefSymbol)
            best = found;
        return best;
    }

    private static void Consider<T>(T candidate, string candidateName, string name, ref int limit, ref T? best) where T : class
    {
        if (Math.Abs(candidateName.Length - name.Length) > limit)
            return;
        int distance = EditDistance(candidateName, name, limit);
        if (distance <= limit && distance > 0)
            (best, limit) = (candidate, distance - 1);
    }

    private FieldSymbol? SuggestMember(RecordType record, string name, List<FieldSymbol> path)
    {
        if (name.Length < 2)
            return null;
        int limit = Math.Max(1, name.Length / 3);
        FieldSymbol? best = null;
        Visit(record, 0);
        path.Clear();
        return best is not null && FindMember(record, best.Name!, path, 0) ? best : null;

        void Visit(RecordType inner, int depth)
        {
            foreach (FieldSymbol field in inner.Fields)
            {
                if (field.Name is not null)
                    Consider(field, field.Name, name, ref limit, ref best);
                else if (field.Type.Canonical is RecordType anonymous && depth < 64)
                    Visit(anonymous, depth + 1);
            }
        }
    }

    /// <summary>Levenshtein's distance with neighbouring swaps counted once; gives up above <paramref name="limit"/>.</summary>
    private static int EditDistance(string left, string right, int limit)
    {
        if (limit < 1 || left.Length > 200 || right.Length > 200)
            return left == right ? 0 : int.MaxValue;
        Span<int> beforeLast = stackalloc int[right.Length + 1], last = stackalloc int[right.Length + 1], row = stackalloc int[right.Length + 1];
        for (int j = 0; j <= right.Length; j++)
            last[j] = j;
        for (int i = 1; i <= left.Length; i++)
        {
            row[0] = i;
            int least = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int cost = left[i - 1] == right[j - 1] ? 0 : 1;
                row[j] = Math.Min(Math.Min(row[j - 1], last[j]) + 1, last[j - 1] + cost);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
                least = Math.Min(least, row[j]);
            }
            if (least > limit)
                return int.MaxValue;
            Span<int> spare = beforeLast;
            beforeLast = last;
            last = row;
            row = spare;
        }
        return last[right.Length];
    }
}
