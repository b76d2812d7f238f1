// Directives that repeat or leave out statements: .rept N ... .endr, and .if / .ifc / .ifdef ... .else ... .endif. The text is
// read again for every repetition, so that positions stay true and labels are counted as if it had been written out.
namespace Ebpfcc.Ebpf.Asm;

public sealed partial class Assembler
{
    private const int MaxNesting = 64, MaxStatements = 1 << 22;

    private int _nesting, _statements;

    /// <summary>Reads statements up to a directive that ends the block around them, or to the end of the text.</summary>
    /// <returns>The directive, or null at the end of the text.</returns>
    private string? ReadStatements(bool inBlock)
    {
        while (_scanner.NextStatement())
        {
            if (++_statements > MaxStatements)
            {
                _diagnostics.Report(AssemblerDiagnostics.TooLarge, _scanner.Span(_scanner.Tokens[0]), AsmSection.MaxSize);
                return null;
            }
            if (inBlock && Word(0) is ".endr" or ".endif" or ".else" or ".elseif")
                return Word(0);
            Statement();
        }
        return null;
    }

    private string Word(int index) => _scanner.Tokens[index].Kind == AsmTokenKind.Word ? _scanner.TextOf(_scanner.Tokens[index]).ToString() : "";

    /// <summary>Skips statements, nested blocks included, up to the directive that ends the block around them.</summary>
    private string? SkipStatements()
    {
        for (int depth = 0; _scanner.NextStatement();)
        {
            string word = Word(0);
            if (depth == 0 && word is ".endr" or ".endif" or ".else" or ".elseif")
                return word;
            depth += word is ".rept" || IsCondition(word) ? 1 : word is ".endr" or ".endif" ? -1 : 0;
        }
        return null;
    }

    private static bool IsCondition(string word) => word is ".if" or ".ifc" or ".ifnc" or ".ifdef" or ".ifndef";

    private bool Enter(AsmToken directive)
    {
        if (++_nesting <= MaxNesting)
            return true;
        _diagnostics.Report(AssemblerDiagnostics.Expected, _scanner.Span(directive), $"at most {MaxNesting} nested blocks", Quote(directive));
        return false;
    }

    private void Close(string? found, string wanted, AsmToken directive)
    {
        _nesting--;
        if (found != wanted)
            _diagnostics.Report(AssemblerDiagnostics.Expected, _scanner.Span(directive), $"'{wanted}' for this directive", found is null ? "the end of the text" : $"'{found}'");
    }

    private void Repeat(int first)
    {
        AsmToken directive = _scanner.Tokens[first];
        if (Number(first + 1) is not { } count || !Enter(directive))
            return;
        int start = _scanner.Position, errors = _diagnostics.ErrorCount;
        string? end = count <= 0 ? SkipStatements() : null;
        for (long i = 0; i < count; i++)
        {
            _scanner.Position = start;
            end = ReadStatements(inBlock: true);
            // One mistake is told once, and an endless block is left.
            if (end is null || _diagnostics.ErrorCount > errors)
                break;
        }
        Close(end, ".endr", directive);
    }

    private void If(int first)
    {
        AsmToken directive = _scanner.Tokens[first];
        if (Condition(first) is not { } holds || !Enter(directive))
            return;
        string? end = holds ? ReadStatements(inBlock: true) : SkipStatements();
        bool done = holds;
        while (end is ".else" or ".elseif")
        {
            bool taken = !done && (end == ".else" || Number(1) is not (null or 0));
            end = taken ? ReadStatements(inBlock: true) : SkipStatements();
            done |= taken;
        }
        Close(end, ".endif", directive);
    }

    /// <summary>Null when the condition is malformed (reported).</summary>
    private bool? Condition(int first)
    {
        string kind = Word(first);
        int next = first + 1;
        switch (kind)
        {
            case ".ifdef" or ".ifndef":
                if (_scanner.Tokens[next].Kind != AsmTokenKind.Word)
                {
                    ReportExpected("a name", _scanner.Tokens[next]);
                    return null;
                }
                return (_symbols.TryGetValue(Word(next), out AsmSymbol? symbol) && symbol.IsDefined) == (kind == ".ifdef");
            case ".ifc" or ".ifnc":
                int comma = next;
                while (_scanner.Tokens[comma].Kind != AsmTokenKind.End && !_scanner.Tokens[comma].IsMark(','))
                    comma++;
                if (_scanner.Tokens[comma].Kind == AsmTokenKind.End)
                {
                    ReportExpected("two texts with a comma between", _scanner.Tokens[comma]);
                    return null;
                }
                int from = _scanner.Tokens[next].Start, middle = _scanner.Tokens[comma].Start;
                ReadOnlySpan<char> left = _scanner.Text.AsSpan(from, middle - from).Trim(), right = _scanner.Text.AsSpan(middle + 1, _scanner.Tokens[^1].Start - middle - 1).Trim();
                return left.SequenceEqual(right) == (kind == ".ifc");
            default:
                return Number(next) is { } value ? value != 0 : null;
        }
    }

    /// <summary>The value of an expression that must be known here; null otherwise (reported).</summary>
    private long? Number(int index)
    {
        AsmToken token = _scanner.Tokens[index];
        var parser = new AsmExpressionParser(_scanner, _diagnostics, _symbolValue);
        if (parser.Parse(index) is not { } value)
            return null;
        if (Constant(value) is { } number)
            return number;
        _diagnostics.Report(AssemblerDiagnostics.NotConstant, _scanner.Span(token), "the number");
        return null;
    }
}
