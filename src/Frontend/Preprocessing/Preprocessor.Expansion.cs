// Macro expansion (C11 6.10.3): reading arguments, substituting them, stringizing, pasting.
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

public sealed partial class Preprocessor
{
    /// <summary>The arguments of one invocation: raw tokens in one list, cut at <see cref="Ends"/>; expanded on demand.</summary>
    private sealed class Arguments
    {
        public readonly List<PpToken> Raw = [];
        public readonly List<int> Ends = [];
        public PpToken[]?[] Expanded = [];

        /// <summary>The variable argument was left out together with its comma.</summary>
        public bool VariableOmitted;

        public int Count => Ends.Count;

        public ReadOnlySpan<PpToken> GetRaw(int index)
        {
            int begin = index == 0 ? 0 : Ends[index - 1];
            return System.Runtime.InteropServices.CollectionsMarshal.AsSpan(Raw)[begin..Ends[index]];
        }
    }

    /// <summary>What one expansion counts for, in tokens: it takes an entry in the source map.</summary>
    private const int ExpansionCost = 8;

    private int _expansionDepth;

    /// <summary>The place of the last token of the outermost invocation being read, where clang sees <c>__LINE__</c>.</summary>
    private SourceLocation _invocationEnd;

    /// <summary>
    /// Expands the macro that <paramref name="name"/> names. True: the replacement is on the stack, go on reading. False: the token
    /// stands as it is now (a function-like macro without arguments, or a builtin whose value replaced it).
    /// </summary>
    private bool Expand(ref PpToken name, MacroDefinition macro)
    {
        if (macro.Builtin != BuiltinMacro.None)
            return ExpandBuiltin(ref name, macro);
        bool fromFile = _top.Lexer is not null;
        if (!macro.IsFunctionLike)
        {
            if (fromFile)
                _invocationEnd = name.Location;
            if (!Spend(ExpansionCost + macro.Body.Length, name.Location))
                return true;
            PushReplacement(macro, name, null);
            return true;
        }
        if (!NextIsLeftParen())
            return false;
        Arguments? arguments = ReadArguments(name, macro, out SourceLocation end);
        if (arguments is null)
            return true;
        if (_top.Lexer is not null)
            _invocationEnd = end;
        if (!Spend(ExpansionCost + arguments.Raw.Count + macro.Body.Length, name.Location))
            return true;
        PushReplacement(macro, name, arguments);
        return true;
    }

    /// <summary>Looks whether the next token is an opening parenthesis, through the ends of replacements but not of files.</summary>
    private bool NextIsLeftParen()
    {
        for (int i = _stack.Count - 1; i >= 0; i--)
        {
            Frame frame = _stack[i];
            if (frame.Lexer is { } lexer)
            {
                int position = lexer.Position;
                bool atLineStart = lexer.AtLineStart;
                PpToken next;
                do
                {
                    lexer.Next(out next);
                }
                while (next.Kind == PpTokenKind.Pragma);
                lexer.Position = position;
                lexer.AtLineStart = atLineStart;
                return next.Kind == PpTokenKind.LeftParen;
            }
            for (int k = frame.Index; k < frame.End; k++)
            {
                if (frame.Tokens[k].Kind != PpTokenKind.Pragma)
                    return frame.Tokens[k].Kind == PpTokenKind.LeftParen;
            }
            if (frame.IsBarrier)
                return false;
        }
        return false;
    }

    private Arguments? ReadArguments(in PpToken name, MacroDefinition macro, out SourceLocation end)
    {
        var arguments = new Arguments();
        List<PpToken> raw = arguments.Raw;
        PpToken token;
        do
        {
            LexRaw(out token);
        }
        while (token.Kind == PpTokenKind.Pragma);

        int parameters = macro.Parameters.Length;
        int depth = 0;
        while (true)
        {
            LexRaw(out token);
            switch (token.Kind)
            {
                case PpTokenKind.EndOfFile:
                case PpTokenKind.EndOfDirective:
                    end = token.Location;
                    if (!_aborted)
                    {
                        Diagnostic diagnostic = Diagnostic.Create(PreprocessorDiagnostics.UnterminatedInvocation, SpanOf(name), macro.Name);
                        _bag.Add(macro.Location.IsNone ? diagnostic : diagnostic with { Notes = [DefinedHere(macro)] });
                    }
                    return null;
                case PpTokenKind.LeftParen:
                    depth++;
                    break;
                case PpTokenKind.RightParen:
                    if (depth-- == 0)
                    {
                        end = token.Location;
                        arguments.Ends.Add(raw.Count);
                        return CheckCount(name, macro, arguments) ? arguments : null;
                    }
                    break;
                case PpTokenKind.Comma:
                    if (depth == 0 && !(macro.IsVariadic && arguments.Count >= parameters - 1))
                    {
                        arguments.Ends.Add(raw.Count);
                        continue;
                    }
                    break;
                case PpTokenKind.Identifier:
                    if (GetMacro(token.Id) is { IsDisabled: true })
                        token.Flags |= PpTokenFlags.NoExpand;
                    break;
            }
            if (token.IsStartOfLine)
                token.Flags = (token.Flags | PpTokenFlags.LeadingSpace) & ~PpTokenFlags.StartOfLine;
            raw.Add(token);
            if (raw.Count >= _options.TokenLimit)
                GiveUp(token.Location);
        }
    }

    private DiagnosticNote DefinedHere(MacroDefinition macro)
        => new($"macro '{macro.Name}' defined here", SourceSpan.At(macro.Location, macro.Name.Length));

    private bool CheckCount(in PpToken name, MacroDefinition macro, Arguments arguments)
    {
        int wanted = macro.Parameters.Length;
        int given = arguments.Count;
        if (wanted == 0 && given == 1 && arguments.Raw.Count == 0)
        {
            arguments.Ends.Clear();
            return true;
        }
        if (given == wanted)
        {
            arguments.Expanded = new PpToken[]?[wanted];
            arguments.VariableOmitted = macro.IsVariadic && wanted == 1 && arguments.Raw.Count == 0;
            return true;
        }
        if (macro.IsVariadic && given == wanted - 1)
        {
            // The variable argument left out altogether, which GNU C allows and ", ## __VA_ARGS__" notices.
            arguments.Ends.Add(arguments.Raw.Count);
            arguments.Expanded = new PpToken[]?[wanted];
            arguments.VariableOmitted = true;
            return true;
        }
        Diagnostic diagnostic = Diagnostic.Create(
            given > wanted ? PreprocessorDiagnostics.TooManyArguments : PreprocessorDiagnostics.TooFewArguments, SpanOf(name), macro.Name);
        _bag.Add(macro.Location.IsNone ? diagnostic : diagnostic with { Notes = [DefinedHere(macro)] });
        return false;
    }

    /// <summary>One argument with its macros expanded, in isolation from what follows.</summary>
    private PpToken[] GetExpanded(Arguments arguments, int index, SourceLocation location)
    {
        if (arguments.Expanded[index] is { } ready)
            return ready;
        ReadOnlySpan<PpToken> raw = arguments.GetRaw(index);
        bool needed = false;
        foreach (PpToken token in raw)
            needed |= token.Kind == PpTokenKind.Identifier && GetMacro(token.Id) is not null;
        if (!needed)
            return arguments.Expanded[index] = raw.ToArray();
        if (_expansionDepth >= MaximumExpansionDepth)
        {
            if (!_aborted)
                _bag.Report(PreprocessorDiagnostics.ExpansionTooDeep, location);
            _aborted = true;
            return arguments.Expanded[index] = [];
        }
        _expansionDepth++;
        PushTokens(raw.ToArray(), raw.Length, null, isBarrier: true);
        Frame barrier = _top;
        var result = new List<PpToken>(raw.Length);
        while (true)
        {
            Lex(out PpToken token);
            if (token.Kind is PpTokenKind.EndOfFile)
                break;
            result.Add(token);
            if (!Spend(1, location))
                break;
        }
        while (_top != barrier)
            PopFrame();
        PopFrame();
        _expansionDepth--;
        return arguments.Expanded[index] = [.. result];
    }

    /// <summary>Puts the macro's replacement on the stack.</summary>
    private void PushReplacement(MacroDefinition macro, in PpToken name, Arguments? arguments)
    {
        PpToken[] body = macro.Body;
        if (body.Length == 0)
        {
            PushTokens([], 0, macro);
            return;
        }
        if (macro.BodyLength > SourceMap.MaxPosition - _map.UsedPositions - 1024)
        {
            _bag.Report(PreprocessorDiagnostics.PositionsUsedUp, name.Location);
            _aborted = true;
            return;
        }
        SourceLocation origin = body[0].Location;
        SourceLocation start = _map.AddExpansion(macro.Name, origin, name.Location, macro.BodyLength, isArgument: false);
        var output = new ReplacementBuilder(body.Length + (arguments?.Raw.Count ?? 0));
        Substitute(macro, body, arguments, start.Position - origin.Position, ref output);

        PpToken[] tokens = output.Tokens;
        if (output.Count > 0)
            tokens[0].Flags = (tokens[0].Flags & ~(PpTokenFlags.LeadingSpace | PpTokenFlags.StartOfLine)) | (name.Flags & (PpTokenFlags.LeadingSpace | PpTokenFlags.StartOfLine));
        PushTokens(tokens, output.Count, macro);
    }

    /// <summary>An array of tokens being filled.</summary>
    private struct ReplacementBuilder(int capacity)
    {
        public PpToken[] Tokens = new PpToken[Math.Max(capacity, 1)];
        public int Count;

        public void Add(in PpToken token)
        {
            if (Count == Tokens.Length)
                Array.Resize(ref Tokens, Tokens.Length * 2);
            Tokens[Count++] = token;
        }
    }

    private const PpTokenFlags SpacingFlags = PpTokenFlags.LeadingSpace | PpTokenFlags.StartOfLine;

    /// <summary>Appends <paramref name="body"/> with parameters replaced; <paramref name="shift"/> moves its locations into the expansion.</summary>
    private void Substitute(MacroDefinition macro, ReadOnlySpan<PpToken> body, Arguments? arguments, int shift, ref ReplacementBuilder output)
    {
        for (int i = 0; i < body.Length && !_aborted; i++)
        {
            PpToken token = body[i];
            token.Location += shift;
            token.Flags |= PpTokenFlags.FromMacro;
            bool pasteNext = i + 1 < body.Length && body[i + 1].Kind == PpTokenKind.HashHash;

            if (macro.IsFunctionLike && token.Kind == PpTokenKind.Hash && i + 1 < body.Length && body[i + 1].Kind == PpTokenKind.MacroParameter)
            {
                PpToken text = Stringize(arguments!.GetRaw(body[++i].Id), token);
                output.Add(text);
                continue;
            }
            if (token.Kind == PpTokenKind.HashHash && i > 0)
            {
                i = Paste(macro, body, i, arguments, shift, ref output);
                continue;
            }
            if (token.Kind == PpTokenKind.Identifier && token.Id == _known.VaOpt && macro.IsVariadic && arguments is not null)
            {
                i = SubstituteVaOpt(macro, body, i, arguments, shift, ref output);
                continue;
            }
            if (token.Kind != PpTokenKind.MacroParameter)
            {
                output.Add(token);
                continue;
            }

            if (pasteNext)
            {
                ReadOnlySpan<PpToken> raw = arguments!.GetRaw(token.Id);
                if (raw.Length == 0)
                    output.Add(new PpToken { Kind = PpTokenKind.Placemarker, Flags = token.Flags, Location = token.Location });
                else
                    AddArgument(raw, token, ref output);
                continue;
            }
            PpToken[] expanded = GetExpanded(arguments!, token.Id, token.Location);
            if (Spend(expanded.Length, token.Location))
                AddArgument(expanded, token, ref output);
        }
        RemovePlacemarkers(ref output);
    }

    private static void AddArgument(ReadOnlySpan<PpToken> tokens, in PpToken parameter, ref ReplacementBuilder output)
    {
        for (int k = 0; k < tokens.Length; k++)
        {
            PpToken copy = tokens[k];
            copy.Flags |= PpTokenFlags.FromMacro;
            if (k == 0)
                copy.Flags = (copy.Flags & ~SpacingFlags) | (parameter.Flags & PpTokenFlags.LeadingSpace);
            output.Add(copy);
        }
    }

    private static void RemovePlacemarkers(ref ReplacementBuilder output)
    {
        int kept = 0;
        for (int i = 0; i < output.Count; i++)
        {
            if (output.Tokens[i].Kind != PpTokenKind.Placemarker)
                output.Tokens[kept++] = output.Tokens[i];
        }
        output.Count = kept;
    }

    /// <summary>
    /// <c>left ## right</c> at <paramref name="i"/>: the left operand is the last token put out (possibly a placemarker). Returns the index of
    /// the last body token used.
    /// </summary>
    private int Paste(MacroDefinition macro, ReadOnlySpan<PpToken> body, int i, Arguments? arguments, int shift, ref ReplacementBuilder output)
    {
        if (i + 1 >= body.Length)
            return i;
        PpToken right = body[i + 1];
        right.Location += shift;
        if (right.Kind == PpTokenKind.Identifier && right.Id == _known.VaOpt && macro.IsVariadic && arguments is not null)
        {
            var inner = new ReplacementBuilder(4);
            int last = SubstituteVaOpt(macro, body, i + 1, arguments, shift, ref inner);
            PasteAll(inner.Tokens.AsSpan(0, inner.Count), ref output);
            return last;
        }
        if (right.Kind == PpTokenKind.Hash && macro.IsFunctionLike && i + 2 < body.Length && body[i + 2].Kind == PpTokenKind.MacroParameter)
        {
            PpToken text = Stringize(arguments!.GetRaw(body[i + 2].Id), right);
            PasteAll([text], ref output);
            return i + 2;
        }
        if (right.Kind != PpTokenKind.MacroParameter)
        {
            right.Flags |= PpTokenFlags.FromMacro;
            PasteAll([right], ref output);
            return i + 1;
        }

        ReadOnlySpan<PpToken> raw = arguments!.GetRaw(right.Id);
        bool isVariable = macro.IsVariadic && right.Id == macro.Parameters.Length - 1;
        if (isVariable && output.Count > 0 && output.Tokens[output.Count - 1].Kind == PpTokenKind.Comma && body[i - 1].Kind == PpTokenKind.Comma)
        {
            // GNU: ", ## args" loses its comma when there are no variable arguments; otherwise nothing is pasted and the
            // argument is expanded as usual.
            if (raw.Length == 0)
            {
                // An argument that is there but empty keeps the comma, as in gcc and clang.
                if (arguments.VariableOmitted)
                    output.Count--;
                return i + 1;
            }
            bool pastedAgain = i + 2 < body.Length && body[i + 2].Kind == PpTokenKind.HashHash;
            PpToken[] expanded = pastedAgain ? raw.ToArray() : GetExpanded(arguments, right.Id, right.Location);
            right.Flags |= PpTokenFlags.FromMacro;
            AddArgument(expanded, right, ref output);
            return i + 1;
        }
        PasteAll(raw, ref output);
        return i + 1;
    }

    /// <summary>Joins the last output token with the first of <paramref name="right"/> and appends the others.</summary>
    private void PasteAll(ReadOnlySpan<PpToken> right, ref ReplacementBuilder output)
    {
        if (right.Length == 0)
            return;
        if (output.Count == 0)
        {
            foreach (PpToken token in right)
                output.Add(token);
            return;
        }
        ref PpToken left = ref output.Tokens[output.Count - 1];
        PpToken first = right[0];
        if (left.Kind == PpTokenKind.Placemarker)
        {
            first.Flags = (first.Flags & ~SpacingFlags) | (left.Flags & SpacingFlags);
            left = first;
        }
        else if (first.Kind != PpTokenKind.Placemarker)
        {
            PpToken joined = Join(left, first, out bool isOne);
            left = joined;
            if (!isOne)
                output.Add(first);
        }
        for (int k = 1; k < right.Length; k++)
            output.Add(right[k]);
    }

    private PpToken Join(in PpToken left, in PpToken right, out bool isOne)
    {
        string text = string.Concat(_names.GetSpan(left), _names.GetSpan(right));
        Spend(text.Length / 8, left.Location);
        PpToken token = default;
        isOne = false;
        if (text.Length > 0 && !_aborted && left.Kind != PpTokenKind.Pragma && right.Kind != PpTokenKind.Pragma)
        {
            var lexer = new Lexer(_names, text, left.Location, default) { AtLineStart = false };
            lexer.Next(out token);
            isOne = lexer.Position == text.Length && token.Kind is not (PpTokenKind.Other or PpTokenKind.EndOfFile);
        }
        if (!isOne)
        {
            if (!_aborted)
                _bag.Report(PreprocessorDiagnostics.InvalidPaste, left.Location, text.Length > 80 ? text[..80] + "..." : text);
            return left;
        }
        token.Location = left.Location;
        token.Flags = (left.Flags & ~PpTokenFlags.NoExpand) | PpTokenFlags.FromMacro;
        // The name of a macro that is being expanded stays unexpanded also when pasted together now (6.10.3.4p2 speaks of names found).
        return token;
    }

    /// <summary><c>__VA_OPT__ ( tokens )</c> at <paramref name="i"/>; returns the index of its closing parenthesis.</summary>
    private int SubstituteVaOpt(MacroDefinition macro, ReadOnlySpan<PpToken> body, int i, Arguments arguments, int shift, ref ReplacementBuilder output)
    {
        int end = FindVaOptEnd(body, i);
        int variable = macro.Parameters.Length - 1;
        bool present = !arguments.VariableOmitted && GetExpanded(arguments, variable, body[i].Location + shift).Length > 0;
        if (!present)
        {
            output.Add(new PpToken { Kind = PpTokenKind.Placemarker, Location = body[i].Location + shift, Flags = body[i].Flags });
            return end;
        }
        int before = output.Count;
        var inner = new ReplacementBuilder(end - i);
        Substitute(macro, body[(i + 2)..end], arguments, shift, ref inner);
        for (int k = 0; k < inner.Count; k++)
            output.Add(inner.Tokens[k]);
        if (output.Count > before)
            output.Tokens[before].Flags = (output.Tokens[before].Flags & ~SpacingFlags) | (body[i].Flags & PpTokenFlags.LeadingSpace);
        return end;
    }

    /// <summary>The index of the parenthesis that closes the <c>__VA_OPT__</c> at <paramref name="i"/> (checked at definition).</summary>
    private static int FindVaOptEnd(ReadOnlySpan<PpToken> body, int i)
    {
        int depth = 0;
        for (int k = i + 1; k < body.Length; k++)
        {
            if (body[k].Kind == PpTokenKind.LeftParen)
                depth++;
            else if (body[k].Kind == PpTokenKind.RightParen && --depth == 0)
                return k;
        }
        return -1;
    }

    /// <summary><c># parameter</c> (C11 6.10.3.2): the argument's spelling as a string literal, white space as one blank.</summary>
    private PpToken Stringize(ReadOnlySpan<PpToken> tokens, in PpToken hash)
    {
        var text = new StringBuilder("\"");
        for (int i = 0; i < tokens.Length; i++)
        {
            PpToken token = tokens[i];
            if (i > 0 && (token.Flags & SpacingFlags) != 0)
                text.Append(' ');
            ReadOnlySpan<char> spelling = _names.GetSpan(token);
            if (token.Kind is PpTokenKind.String or PpTokenKind.Character)
            {
                foreach (char c in spelling)
                {
                    if (c is '"' or '\\')
                        text.Append('\\');
                    text.Append(c);
                }
            }
            else
            {
                text.Append(spelling);
            }
        }
        // An odd backslash at the end would swallow the closing quote.
        int backslashes = 0;
        while (text[text.Length - 1 - backslashes] == '\\')
            backslashes++;
        if (backslashes % 2 == 1)
            text.Length--;
        text.Append('"');
        Spend(text.Length / 8, hash.Location);
        return new PpToken { Kind = PpTokenKind.String, Flags = hash.Flags | PpTokenFlags.FromMacro, Id = _names.Intern(text.ToString()), Location = hash.Location };
    }
}
