// Directives (C11 6.10.1 conditional inclusion, 6.10.3 macro replacement, 6.10.4 line control, 6.10.5 error).
using System.Globalization;
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

public sealed partial class Preprocessor
{
    private bool _definingPredefined;

    /// <summary>Carries out the directive whose <c>#</c> has just been read from <paramref name="frame"/>.</summary>
    private void Directive(Frame frame, SourceLocation hash)
    {
        Lexer lexer = frame.Lexer!;
        lexer.InDirective = true;
        lexer.Next(out PpToken name);
        DirectiveKind kind = name.Kind == PpTokenKind.Identifier ? _known.GetDirective(name.Id) : DirectiveKind.None;

        bool opensGuard = frame.Guard == GuardState.AtStart && kind is DirectiveKind.Ifndef or DirectiveKind.If;
        if (frame.Guard == GuardState.AfterEnd || (frame.Guard == GuardState.AtStart && !opensGuard && name.Kind != PpTokenKind.EndOfDirective && kind != DirectiveKind.Pragma))
            frame.Guard = GuardState.Broken;

        switch (kind)
        {
            case DirectiveKind.Include or DirectiveKind.IncludeNext or DirectiveKind.Import:
                IncludeDirective(frame, hash, kind);
                return;
            case DirectiveKind.Define:
                DefineDirective(lexer);
                break;
            case DirectiveKind.Undef:
                UndefDirective(lexer);
                break;
            case DirectiveKind.Ifdef or DirectiveKind.Ifndef:
                bool isDefined = ReadMacroName(lexer, name, out int id) && GetMacro(id) is not null;
                if (id != 0)
                    CheckEnd(lexer, kind);
                OpenConditional(frame, hash, id != 0 && isDefined == (kind == DirectiveKind.Ifdef), kind == DirectiveKind.Ifndef && opensGuard ? id : 0);
                return;
            case DirectiveKind.If:
                int guard = opensGuard ? TryGuardExpression(lexer) : 0;
                bool isTrue = EvaluateCondition(frame);
                OpenConditional(frame, hash, isTrue, guard);
                return;
            case DirectiveKind.Elif or DirectiveKind.Elifdef or DirectiveKind.Elifndef or DirectiveKind.Else:
                AlternativeGroup(frame, hash, kind);
                return;
            case DirectiveKind.Endif:
                CheckEnd(lexer, kind);
                CloseConditional(frame, hash);
                break;
            case DirectiveKind.Line:
                LineDirective(frame);
                break;
            case DirectiveKind.Error:
                _bag.Report(PreprocessorDiagnostics.ErrorDirective, SpanOf(name), RestOfLine(lexer));
                break;
            case DirectiveKind.Warning:
                _bag.Report(PreprocessorDiagnostics.WarningDirective, SpanOf(name), RestOfLine(lexer));
                break;
            case DirectiveKind.Pragma:
                ReadPragma(frame, hash);
                return;
            case DirectiveKind.Ident or DirectiveKind.Sccs or DirectiveKind.Assert or DirectiveKind.Unassert:
                break;
            default:
                if (name.Kind == PpTokenKind.Number)
                    LineMarker(frame, name);
                else if (name.Kind != PpTokenKind.EndOfDirective)
                    _bag.Report(PreprocessorDiagnostics.InvalidDirective, SpanOf(name), _names.GetText(name));
                break;
        }
        EndDirective(frame);
    }

    /// <summary>Leaves the directive's line, whatever of it was read.</summary>
    private void EndDirective(Frame frame)
    {
        while (_top != frame)
            PopFrame();
        frame.Lexer!.SkipLine();
        frame.Lexer.AtLineStart = true;
    }

    private string RestOfLine(Lexer lexer)
    {
        var text = new StringBuilder();
        while (true)
        {
            lexer.Next(out PpToken token);
            if (token.Kind is PpTokenKind.EndOfDirective or PpTokenKind.EndOfFile)
                return text.ToString();
            if (token.HasLeadingSpace && text.Length > 0)
                text.Append(' ');
            text.Append(_names.GetSpan(token));
        }
    }

    private void CheckEnd(Lexer lexer, DirectiveKind kind)
    {
        lexer.Next(out PpToken token);
        if (token.Kind != PpTokenKind.EndOfDirective)
            _bag.Report(PreprocessorDiagnostics.ExtraTokens, SpanOf(token), WellKnown.Spelling(kind));
    }

    private bool ReadMacroName(Lexer lexer, in PpToken directive, out int id)
    {
        lexer.Next(out PpToken token);
        id = 0;
        if (token.Kind == PpTokenKind.EndOfDirective)
            _bag.Report(PreprocessorDiagnostics.MacroNameMissing, SpanOf(directive));
        else if (token.Kind != PpTokenKind.Identifier)
            _bag.Report(PreprocessorDiagnostics.MacroNameNotIdentifier, SpanOf(token));
        else
            id = token.Id;
        return id != 0;
    }

    // ---- conditional groups -----------------------------------------------------------------------------------------

    private void OpenConditional(Frame frame, SourceLocation location, bool isTrue, int guard)
    {
        EndDirective(frame);
        if (guard != 0 && frame.Guard == GuardState.AtStart)
        {
            frame.Guard = GuardState.Inside;
            frame.GuardName = guard;
        }
        else if (frame.Guard == GuardState.AtStart)
        {
            frame.Guard = GuardState.Broken;
            guard = 0;
        }
        frame.Conditionals.Add(new Conditional { Location = location, WasTaken = isTrue, IsGuard = guard != 0 });
        if (!isTrue)
            SkipGroup(frame);
    }

    private void CloseConditional(Frame frame, SourceLocation location)
    {
        List<Conditional> open = frame.Conditionals;
        if (open.Count == 0)
        {
            _bag.Report(PreprocessorDiagnostics.ConditionalWithoutIf, SourceSpan.At(location), "endif");
            return;
        }
        if (open[^1].IsGuard && frame.Guard == GuardState.Inside)
            frame.Guard = GuardState.AfterEnd;
        open.RemoveAt(open.Count - 1);
    }

    /// <summary>An <c>#elif</c> or <c>#else</c> that ends a group that was compiled (or, for <c>#elif</c>, an error).</summary>
    private void AlternativeGroup(Frame frame, SourceLocation location, DirectiveKind kind)
    {
        List<Conditional> open = frame.Conditionals;
        if (open.Count == 0)
        {
            _bag.Report(PreprocessorDiagnostics.ConditionalWithoutIf, SourceSpan.At(location), WellKnown.Spelling(kind));
            EndDirective(frame);
            return;
        }
        Conditional current = open[^1];
        if (current.ElseSeen)
            _bag.Report(PreprocessorDiagnostics.AfterElse, SourceSpan.At(location), WellKnown.Spelling(kind));
        if (kind == DirectiveKind.Else)
        {
            CheckEnd(frame.Lexer!, kind);
            current.ElseSeen = true;
        }
        if (current.IsGuard)
        {
            frame.Guard = GuardState.Broken;
            current.IsGuard = false;
        }
        open[^1] = current;
        EndDirective(frame);
        SkipGroup(frame);
    }

    /// <summary>Skips text until a group of the innermost conditional is to be compiled, or its end.</summary>
    private void SkipGroup(Frame frame)
    {
        Lexer lexer = frame.Lexer!;
        List<Conditional> open = frame.Conditionals;
        int outer = open.Count;
        while (lexer.SkipToDirective())
        {
            SourceLocation hash = lexer.Here + -1;
            lexer.InDirective = true;
            lexer.Next(out PpToken name);
            DirectiveKind kind = name.Kind == PpTokenKind.Identifier ? _known.GetDirective(name.Id) : DirectiveKind.None;
            switch (kind)
            {
                case DirectiveKind.If or DirectiveKind.Ifdef or DirectiveKind.Ifndef:
                    open.Add(new Conditional { Location = hash, WasTaken = true });
                    break;
                case DirectiveKind.Endif:
                    bool ours = open.Count == outer;
                    if (ours)
                        CheckEnd(lexer, kind);
                    CloseConditional(frame, hash);
                    if (ours)
                    {
                        EndDirective(frame);
                        return;
                    }
                    break;
                case DirectiveKind.Else or DirectiveKind.Elif or DirectiveKind.Elifdef or DirectiveKind.Elifndef:
                    if (TakesGroup(frame, kind, hash, open.Count == outer))
                    {
                        EndDirective(frame);
                        return;
                    }
                    break;
            }
            lexer.SkipLine();
        }
        lexer.InDirective = false;
    }

    private bool TakesGroup(Frame frame, DirectiveKind kind, SourceLocation location, bool isOurs)
    {
        List<Conditional> open = frame.Conditionals;
        Conditional current = open[^1];
        if (current.ElseSeen)
            _bag.Report(PreprocessorDiagnostics.AfterElse, SourceSpan.At(location), WellKnown.Spelling(kind));
        if (current.IsGuard)
        {
            frame.Guard = GuardState.Broken;
            current.IsGuard = false;
        }
        bool takes = false;
        if (kind == DirectiveKind.Else)
        {
            current.ElseSeen = true;
            takes = isOurs && !current.WasTaken;
        }
        else if (isOurs && !current.WasTaken && !current.ElseSeen)
        {
            open[^1] = current;
            takes = kind == DirectiveKind.Elif
                ? EvaluateCondition(frame)
                : ReadMacroName(frame.Lexer!, new PpToken { Kind = PpTokenKind.Hash, Location = location }, out int id) && (GetMacro(id) is not null) == (kind == DirectiveKind.Elifdef);
        }
        current.WasTaken |= takes;
        open[^1] = current;
        return takes;
    }

    /// <summary>Recognises <c>#if !defined(X)</c> as an include guard without consuming it; returns X or 0.</summary>
    private int TryGuardExpression(Lexer lexer)
    {
        int position = lexer.Position;
        int guard = 0;
        lexer.Next(out PpToken token);
        if (token.Kind == PpTokenKind.Exclamation)
        {
            lexer.Next(out token);
            if (token.Kind == PpTokenKind.Identifier && token.Id == _known.Defined)
            {
                lexer.Next(out token);
                bool parenthesized = token.Kind == PpTokenKind.LeftParen;
                if (parenthesized)
                    lexer.Next(out token);
                int name = token.Kind == PpTokenKind.Identifier ? token.Id : 0;
                if (parenthesized)
                    lexer.Next(out token);
                if (!parenthesized || token.Kind == PpTokenKind.RightParen)
                {
                    lexer.Next(out token);
                    guard = token.Kind == PpTokenKind.EndOfDirective ? name : 0;
                }
            }
        }
        lexer.Position = position;
        return guard;
    }

    // ---- macros -----------------------------------------------------------------------------------------------------

    private void UndefDirective(Lexer lexer)
    {
        if (!ReadMacroName(lexer, new PpToken { Kind = PpTokenKind.Hash, Location = lexer.Here }, out int id))
            return;
        CheckEnd(lexer, DirectiveKind.Undef);
        if (IsReserved(id))
            _bag.Report(PreprocessorDiagnostics.CannotBeMacro, lexer.Here, _names.GetText(id));
        else if (GetMacro(id) is { } macro)
        {
            if (macro.Builtin != BuiltinMacro.None)
                _bag.Report(PreprocessorDiagnostics.UndefBuiltin, lexer.Here, macro.Name);
            SetMacro(id, null);
        }
    }

    private bool IsReserved(int id) => id == _known.Defined || id == _known.VaArgs || id == _known.VaOpt || GetMacro(id) is { Builtin: >= BuiltinMacro.HasInclude };

    private void DefineDirective(Lexer lexer)
    {
        lexer.Next(out PpToken name);
        if (name.Kind != PpTokenKind.Identifier)
        {
            if (name.Kind == PpTokenKind.EndOfDirective)
                _bag.Report(PreprocessorDiagnostics.MacroNameMissing, SpanOf(name));
            else
                _bag.Report(PreprocessorDiagnostics.MacroNameNotIdentifier, SpanOf(name));
            return;
        }
        if (IsReserved(name.Id))
        {
            _bag.Report(PreprocessorDiagnostics.CannotBeMacro, SpanOf(name), _names.GetText(name.Id));
            return;
        }
        lexer.Next(out PpToken token);
        var parameters = new List<int>();
        bool isFunctionLike = token.Kind == PpTokenKind.LeftParen && !token.HasLeadingSpace;
        bool isVariadic = false;
        if (isFunctionLike)
        {
            if (!ReadParameters(lexer, parameters, out isVariadic))
                return;
            lexer.Next(out token);
        }

        var body = new List<PpToken>();
        for (; token.Kind != PpTokenKind.EndOfDirective && token.Kind != PpTokenKind.EndOfFile; lexer.Next(out token))
        {
            token.Flags &= ~PpTokenFlags.StartOfLine;
            if (token.Kind == PpTokenKind.Identifier && isFunctionLike && parameters.IndexOf(token.Id) is >= 0 and int index)
            {
                token.Kind = PpTokenKind.MacroParameter;
                token.Id = index;
            }
            body.Add(token);
        }
        var macro = new MacroDefinition
        {
            Name = _names.GetText(name.Id),
            Location = _definingPredefined ? SourceLocation.None : name.Location,
            IsFunctionLike = isFunctionLike,
            IsVariadic = isVariadic,
            Parameters = [.. parameters],
            Body = [.. body],
            BodyLength = body.Count == 0 ? 0 : lexer.Here.Position - body[0].Location.Position + 1,
            IsPredefined = _definingPredefined,
        };
        if (!CheckBody(macro))
            return;
        if (GetMacro(name.Id) is { } old && !old.IsSameAs(macro))
        {
            if (old.Builtin != BuiltinMacro.None)
                _bag.Report(PreprocessorDiagnostics.BuiltinMacroRedefined, SpanOf(name), macro.Name);
            else if ((name.Flags & PpTokenFlags.SystemHeader) == 0)
            {
                Diagnostic diagnostic = Diagnostic.Create(PreprocessorDiagnostics.MacroRedefined, SpanOf(name), macro.Name);
                _bag.Add(old.Location.IsNone ? diagnostic : diagnostic with { Notes = [new DiagnosticNote("previous definition is here", SourceSpan.At(old.Location, old.Name.Length))] });
            }
        }
        SetMacro(name.Id, macro);
    }

    private bool ReadParameters(Lexer lexer, List<int> parameters, out bool isVariadic)
    {
        isVariadic = false;
        lexer.Next(out PpToken token);
        if (token.Kind == PpTokenKind.RightParen)
            return true;
        while (true)
        {
            if (token.Kind == PpTokenKind.Ellipsis)
            {
                parameters.Add(_known.VaArgs);
                isVariadic = true;
                lexer.Next(out token);
            }
            else if (token.Kind == PpTokenKind.Identifier)
            {
                if (parameters.Contains(token.Id))
                {
                    _bag.Report(PreprocessorDiagnostics.BadParameterList, SpanOf(token), $"duplicate name '{_names.GetText(token.Id)}'");
                    return false;
                }
                parameters.Add(token.Id);
                lexer.Next(out token);
                if (token.Kind == PpTokenKind.Ellipsis)
                {
                    isVariadic = true;
                    lexer.Next(out token);
                }
            }
            else
            {
                _bag.Report(PreprocessorDiagnostics.BadParameterList, SpanOf(token), token.Kind == PpTokenKind.EndOfDirective ? "missing ')'" : "expected a name");
                return false;
            }
            if (token.Kind == PpTokenKind.RightParen)
                return true;
            if (token.Kind != PpTokenKind.Comma || isVariadic)
            {
                _bag.Report(PreprocessorDiagnostics.BadParameterList, SpanOf(token), isVariadic || token.Kind == PpTokenKind.EndOfDirective ? "missing ')'" : "expected a comma");
                return false;
            }
            lexer.Next(out token);
        }
    }

    /// <summary>The rules for # and ## in a replacement (C11 6.10.3.2p1, 6.10.3.3p1) and for __VA_OPT__.</summary>
    private bool CheckBody(MacroDefinition macro)
    {
        PpToken[] body = macro.Body;
        if (body.Length == 0)
            return true;
        if (body[0].Kind == PpTokenKind.HashHash || body[^1].Kind == PpTokenKind.HashHash)
        {
            bool atStart = body[0].Kind == PpTokenKind.HashHash;
            _bag.Report(PreprocessorDiagnostics.PasteAtEdge, SpanOf(atStart ? body[0] : body[^1]), atStart ? "start" : "end");
            return false;
        }
        for (int i = 0; i < body.Length; i++)
        {
            if (macro.IsFunctionLike && body[i].Kind == PpTokenKind.Hash && (i + 1 == body.Length || body[i + 1].Kind != PpTokenKind.MacroParameter))
            {
                _bag.Report(PreprocessorDiagnostics.HashWithoutParameter, SpanOf(body[i]));
                return false;
            }
            if (body[i].Kind == PpTokenKind.Identifier && body[i].Id == _known.VaOpt && macro.IsVariadic)
            {
                if (i + 1 == body.Length || body[i + 1].Kind != PpTokenKind.LeftParen || FindVaOptEnd(body, i) < 0)
                {
                    _bag.Report(PreprocessorDiagnostics.VaOptMisuse, SpanOf(body[i]), "is not followed by tokens in parentheses");
                    return false;
                }
            }
        }
        return true;
    }

    // ---- line control -----------------------------------------------------------------------------------------------

    private void LineDirective(Frame frame)
    {
        Lex(out PpToken number);
        Lex(out PpToken name);
        SetLine(frame, number, name);
    }

    /// <summary><c># 12 "file.c" 1 3</c>, the preprocessor's own output read again.</summary>
    private void LineMarker(Frame frame, in PpToken number)
    {
        frame.Lexer!.Next(out PpToken name);
        bool isSystem = false;
        if (name.Kind == PpTokenKind.String)
        {
            for (frame.Lexer.Next(out PpToken flag); flag.Kind == PpTokenKind.Number; frame.Lexer.Next(out flag))
                isSystem |= _names.GetSpan(flag) is "3";
        }
        SetLine(frame, number, name);
        SetSystemHeader(frame, isSystem);
    }

    private void SetLine(Frame frame, in PpToken number, in PpToken name)
    {
        if (number.Kind != PpTokenKind.Number || !int.TryParse(_names.GetSpan(number), NumberStyles.None, CultureInfo.InvariantCulture, out int line)
            || name.Kind is not (PpTokenKind.String or PpTokenKind.EndOfDirective))
        {
            _bag.Report(PreprocessorDiagnostics.BadLineDirective, SpanOf(number));
            return;
        }
        string? path = name.Kind == PpTokenKind.String ? Destringize(_names.GetText(name.Id)) : null;
        frame.Lexer!.SkipLine();
        _map.AddLineDirective(frame.Lexer.Here + 1, line, path);
    }

    private void SetSystemHeader(Frame frame, bool isSystem)
    {
        if (isSystem)
            _pragmaDiagnostics.AddSystemFile(frame.Lexer!.Start);
        frame.IsSystem = isSystem;
        frame.Lexer!.FileFlags = isSystem ? PpTokenFlags.SystemHeader : PpTokenFlags.None;
    }

    /// <summary>The text of a string literal without its quotes (C11 6.10.9).</summary>
    private static string Destringize(string literal)
    {
        int first = literal.IndexOf('"') + 1;
        var text = new StringBuilder(literal.Length);
        for (int i = first; i < literal.Length - 1; i++)
        {
            if (literal[i] == '\\' && i + 1 < literal.Length - 1 && literal[i + 1] is '\\' or '"')
                i++;
            text.Append(literal[i]);
        }
        return text.ToString();
    }
}
