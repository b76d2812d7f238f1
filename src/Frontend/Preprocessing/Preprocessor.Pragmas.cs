// Pragmas. Those that concern the preprocessor or the diagnostics take effect at once; all that a later stage may want (or
// that -E must print) go into the token stream as one token each.
using System.Globalization;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

public sealed partial class Preprocessor
{
    private readonly Stack<int> _packStack = [];
    private int _pack;
    private Dictionary<string, Stack<MacroDefinition?>>? _pushedMacros;

    private void ReadPragma(Frame frame, SourceLocation hash)
    {
        var words = new List<PpToken>();
        while (true)
        {
            frame.Lexer!.Next(out PpToken word);
            if (word.Kind is PpTokenKind.EndOfDirective or PpTokenKind.EndOfFile)
                break;
            words.Add(word);
        }
        var token = new PpToken { Location = hash, Flags = PpTokenFlags.StartOfLine | (frame.IsSystem ? PpTokenFlags.SystemHeader : 0) };
        bool isDone = HandlePragma(frame, words, ref token);
        EndDirective(frame);
        if (!isDone)
            PushTokens([token], 1, null);
    }

    private string Word(List<PpToken> words, int index) => index < words.Count ? _names.GetText(words[index]) : "";

    /// <summary>Handles one pragma. True: nothing is left of it; false: <paramref name="token"/> stands for it in the stream.</summary>
    private bool HandlePragma(Frame file, List<PpToken> words, ref PpToken token)
    {
        PragmaKind kind = PragmaKind.Other;
        int value = 0;
        switch (Word(words, 0))
        {
            case "once":
                if (file.Identity is not null)
                    _once.Add(file.Identity);
                return true;
            case "push_macro" or "pop_macro":
                SaveMacro(words);
                return true;
            case "message":
                ReportMessage(PreprocessorDiagnostics.PragmaMessage, words, 1, token);
                break;
            case "GCC" or "clang":
                if (VendorPragma(file, words, token, ref kind, ref value))
                    return true;
                break;
            case "unroll":
                kind = PragmaKind.Unroll;
                value = words.Count == 1 ? int.MaxValue : Count(words, 1, token);
                break;
            case "nounroll":
                kind = PragmaKind.Unroll;
                break;
            case "pack":
                if (!PackPragma(words, token))
                    return true;
                kind = PragmaKind.Pack;
                value = _pack;
                break;
            case "weak":
                kind = PragmaKind.Weak;
                break;
            case "STDC" or "region" or "endregion" or "redefine_extname" or "mark" or "comment":
                break;
            default:
                if ((token.Flags & PpTokenFlags.SystemHeader) == 0)
                    _bag.Report(PreprocessorDiagnostics.UnknownPragma, token.Location);
                break;
        }
        token.Kind = PpTokenKind.Pragma;
        token.Id = _pragmas.Count;
        _pragmas.Add(new PragmaDirective(kind, token.Location, value, [.. words]));
        return false;
    }

    private bool VendorPragma(Frame file, List<PpToken> words, in PpToken token, ref PragmaKind kind, ref int value)
    {
        switch (Word(words, 1))
        {
            case "system_header":
                if (file.IsSystem || _includeDepth > 1)
                    SetSystemHeader(file, true);
                return true;
            case "diagnostic":
                if (!_pragmaDiagnostics.Apply(token.Location, Word(words, 2), Word(words, 3)) && (token.Flags & PpTokenFlags.SystemHeader) == 0)
                    _bag.Report(PreprocessorDiagnostics.BadPragma, token.Location, "pragma diagnostic expected 'error', 'warning', 'ignored', 'fatal', 'push' or 'pop' and an option in quotes");
                return false;
            case "poison":
                for (int i = 2; i < words.Count; i++)
                {
                    if (words[i].Kind == PpTokenKind.Identifier)
                        (_poisoned ??= []).Add(words[i].Id);
                }
                return true;
            case "warning":
                ReportMessage(PreprocessorDiagnostics.WarningDirective, words, 2, token);
                return false;
            case "error":
                ReportMessage(PreprocessorDiagnostics.ErrorDirective, words, 2, token);
                return false;
            case "unroll":
                kind = PragmaKind.Unroll;
                value = words.Count == 2 ? int.MaxValue : Count(words, 2, token);
                return false;
            case "loop":
                return LoopPragma(words, token, ref kind, ref value);
            case "attribute":
                kind = Word(words, 2) switch { "push" => PragmaKind.AttributePush, "pop" => PragmaKind.AttributePop, _ => PragmaKind.Other };
                return false;
            default:
                // Optimisation levels, assume_nonnull, fp contracts...: without meaning here.
                return false;
        }
    }

    private HashSet<int>? _poisoned;

    private bool LoopPragma(List<PpToken> words, in PpToken token, ref PragmaKind kind, ref int value)
    {
        for (int i = 2; i < words.Count; i++)
        {
            string option = Word(words, i);
            if (option == "unroll" && Word(words, i + 1) == "(")
            {
                kind = PragmaKind.Unroll;
                value = Word(words, i + 2) == "disable" ? 0 : int.MaxValue;
            }
            else if (option == "unroll_count")
            {
                kind = PragmaKind.Unroll;
                value = Count(words, i + 1, token);
            }
        }
        return false;
    }

    /// <summary>A count, possibly in parentheses and possibly a macro, at <paramref name="first"/>.</summary>
    private int Count(List<PpToken> words, int first, in PpToken token)
    {
        int saved = _stack.Count;
        PushTokens([.. words[first..]], words.Count - first, null, isBarrier: true);
        Frame barrier = _top;
        int result = -1;
        while (true)
        {
            Lex(out PpToken word);
            if (word.Kind == PpTokenKind.EndOfFile)
                break;
            if (word.Kind == PpTokenKind.Number && ParseNumber(_names.GetSpan(word), out PpValue number))
                result = (int)Math.Min(number.Bits, int.MaxValue);
            else if (word.Kind is not (PpTokenKind.LeftParen or PpTokenKind.RightParen))
            {
                result = word.Kind == PpTokenKind.Identifier && _names.GetSpan(word) is "full" or "enable" ? int.MaxValue : -1;
                break;
            }
        }
        while (_top != barrier)
            PopFrame();
        PopFrame();
        if (_stack.Count != saved)
            throw new InternalCompilerException("preprocessor", null, "a pragma left tokens behind.");
        if (result >= 0)
            return result;
        _bag.Report(PreprocessorDiagnostics.BadPragma, token.Location, "unroll count must be a positive integer; the loop is unrolled fully");
        return int.MaxValue;
    }

    private void ReportMessage(DiagnosticDescriptor descriptor, List<PpToken> words, int first, in PpToken token)
    {
        var text = new System.Text.StringBuilder();
        for (int i = first; i < words.Count; i++)
        {
            if (words[i].Kind == PpTokenKind.String)
                text.Append(Destringize(_names.GetText(words[i].Id)));
        }
        _bag.Report(descriptor, token.Location, text.ToString());
    }

    private void SaveMacro(List<PpToken> words)
    {
        if (words.Count < 3 || words[2].Kind != PpTokenKind.String)
            return;
        string name = Destringize(_names.GetText(words[2].Id));
        int id = _names.Intern(name);
        _pushedMacros ??= [];
        if (!_pushedMacros.TryGetValue(name, out Stack<MacroDefinition?>? stack))
            _pushedMacros[name] = stack = new Stack<MacroDefinition?>();
        if (Word(words, 0) == "push_macro")
            stack.Push(GetMacro(id));
        else if (stack.Count > 0)
            SetMacro(id, stack.Pop());
    }

    /// <summary><c>pack(n)</c>, <c>pack()</c>, <c>pack(push[, n])</c>, <c>pack(pop[, n])</c>, with an optional name that is ignored.</summary>
    private bool PackPragma(List<PpToken> words, in PpToken token)
    {
        if (Word(words, 1) != "(")
        {
            _bag.Report(PreprocessorDiagnostics.BadPragma, token.Location, "missing '(' after '#pragma pack' - ignoring");
            return false;
        }
        bool isPop = false, isPush = false, set = false;
        int value = 0;
        for (int i = 2; i < words.Count && Word(words, i) != ")"; i++)
        {
            string word = Word(words, i);
            if (word == "push")
                isPush = true;
            else if (word == "pop")
                isPop = true;
            else if (words[i].Kind == PpTokenKind.Number)
            {
                if (!int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out value) || value is not (0 or 1 or 2 or 4 or 8 or 16))
                {
                    _bag.Report(PreprocessorDiagnostics.BadPragma, token.Location, "expected #pragma pack parameter to be '1', '2', '4', '8', or '16'");
                    return false;
                }
                set = true;
            }
        }
        if (isPush)
            _packStack.Push(_pack);
        if (isPop)
            _pack = _packStack.Count > 0 ? _packStack.Pop() : 0;
        if (set || (!isPush && !isPop))
            _pack = value;
        return true;
    }
}
