// Macros computed where they are used: __FILE__, __LINE__, __COUNTER__, the __has_ family, and the operator _Pragma.
using System.Globalization;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

public sealed partial class Preprocessor
{
    private static readonly (string Name, BuiltinMacro Kind)[] s_builtins =
    [
        ("__FILE__", BuiltinMacro.File), ("__LINE__", BuiltinMacro.Line), ("__BASE_FILE__", BuiltinMacro.BaseFile), ("__FILE_NAME__", BuiltinMacro.FileName),
        ("__INCLUDE_LEVEL__", BuiltinMacro.IncludeLevel), ("__COUNTER__", BuiltinMacro.Counter), ("__DATE__", BuiltinMacro.Date), ("__TIME__", BuiltinMacro.Time),
        ("__TIMESTAMP__", BuiltinMacro.Timestamp), ("_Pragma", BuiltinMacro.Pragma), ("__has_include", BuiltinMacro.HasInclude),
        ("__has_include_next", BuiltinMacro.HasIncludeNext), ("__has_builtin", BuiltinMacro.HasBuiltin), ("__has_attribute", BuiltinMacro.HasAttribute),
        ("__has_c_attribute", BuiltinMacro.HasCAttribute), ("__has_declspec_attribute", BuiltinMacro.HasDeclspec), ("__has_feature", BuiltinMacro.HasFeature),
        ("__has_extension", BuiltinMacro.HasExtension), ("__has_warning", BuiltinMacro.HasWarning), ("__has_constexpr_builtin", BuiltinMacro.HasConstexprBuiltin),
        ("__is_identifier", BuiltinMacro.IsIdentifier), ("__building_module", BuiltinMacro.BuildingModule),
    ];

    private void DefineBuiltins()
    {
        foreach ((string name, BuiltinMacro kind) in s_builtins)
            SetMacro(_names.Intern(name), new MacroDefinition { Name = name, Builtin = kind, IsPredefined = true });
    }

    /// <summary>True when tokens changed and reading goes on; false when <paramref name="name"/> now holds the value.</summary>
    private bool ExpandBuiltin(ref PpToken name, MacroDefinition macro)
    {
        switch (macro.Builtin)
        {
            case BuiltinMacro.Pragma:
                return PragmaOperator(ref name);
            case BuiltinMacro.Line:
                SourceLocation place = _top.Lexer is null && (name.Flags & PpTokenFlags.FromMacro) != 0 && !_invocationEnd.IsNone ? _invocationEnd : name.Location;
                MakeNumber(ref name, _map.GetFilePosition(place)?.Line ?? 0);
                return false;
            case BuiltinMacro.File:
                MakeString(ref name, _map.GetFilePosition(name.Location)?.Path ?? _main.Path);
                return false;
            case BuiltinMacro.BaseFile:
                MakeString(ref name, _main.Path);
                return false;
            case BuiltinMacro.FileName:
                string path = _map.GetFilePosition(name.Location)?.Path ?? _main.Path;
                MakeString(ref name, path[(path.LastIndexOf('/') + 1)..]);
                return false;
            case BuiltinMacro.IncludeLevel:
                MakeNumber(ref name, _includeDepth - 1);
                return false;
            case BuiltinMacro.Counter:
                MakeNumber(ref name, _counter++);
                return false;
            case BuiltinMacro.Date or BuiltinMacro.Time or BuiltinMacro.Timestamp:
                MakeTime(ref name, macro);
                return false;
            case BuiltinMacro.HasInclude or BuiltinMacro.HasIncludeNext:
                return HasInclude(ref name, macro);
            default:
                return HasSomething(ref name, macro);
        }
    }

    private void MakeNumber(ref PpToken token, int value)
    {
        token.Kind = PpTokenKind.Number;
        token.Id = _names.Intern(value.ToString(CultureInfo.InvariantCulture));
        token.Flags |= PpTokenFlags.FromMacro;
    }

    private void MakeString(ref PpToken token, string value)
    {
        token.Kind = PpTokenKind.String;
        token.Id = _names.Intern("\"" + value.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"");
        token.Flags |= PpTokenFlags.FromMacro;
    }

    private void MakeTime(ref PpToken name, MacroDefinition macro)
    {
        if (_options.SourceDateEpoch is null)
            _bag.Report(PreprocessorDiagnostics.DateNotReproducible, SpanOf(name), macro.Name);
        long seconds = Math.Clamp(_options.SourceDateEpoch ?? 0, 0, 253402300799);
        DateTime time = DateTime.UnixEpoch.AddSeconds(seconds);
        string day = time.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2);
        MakeString(ref name, macro.Builtin switch
        {
            BuiltinMacro.Date => time.ToString("MMM ", CultureInfo.InvariantCulture) + day + time.ToString(" yyyy", CultureInfo.InvariantCulture),
            BuiltinMacro.Time => time.ToString("HH:mm:ss", CultureInfo.InvariantCulture),
            _ => time.ToString("ddd MMM ", CultureInfo.InvariantCulture) + day + time.ToString(" HH:mm:ss yyyy", CultureInfo.InvariantCulture),
        });
    }

    private bool HasInclude(ref PpToken name, MacroDefinition macro)
    {
        if (!NextIsLeftParen())
        {
            _bag.Report(PreprocessorDiagnostics.BadConditionExpression, SpanOf(name), $"missing '(' after '{macro.Name}'");
            MakeNumber(ref name, 0);
            return false;
        }
        LexRaw(out _);
        string header;
        bool angled;
        if (_top.Lexer is not { } lexer || !lexer.TryHeaderName(out header, out angled, out _))
        {
            if (!ComputedHeaderName(out header, out angled, out SourceLocation location))
            {
                _bag.Report(PreprocessorDiagnostics.ExpectedFileName, location);
                MakeNumber(ref name, 0);
                return false;
            }
        }
        LexRaw(out PpToken close);
        if (close.Kind != PpTokenKind.RightParen)
            _bag.Report(PreprocessorDiagnostics.BadConditionExpression, SpanOf(close), $"missing ')' after '{macro.Name}'");
        Frame file = CurrentFile;
        bool isNext = macro.Builtin == BuiltinMacro.HasIncludeNext && file.SearchIndex >= 0;
        MakeNumber(ref name, FindHeader(file, header, angled, isNext, out _, out _) is not null ? 1 : 0);
        return false;
    }

    /// <summary><c>__has_xxx(word)</c>: the word is taken as written, with its scope if it has one (<c>gnu::packed</c>).</summary>
    private bool HasSomething(ref PpToken name, MacroDefinition macro)
    {
        if (!NextIsLeftParen())
        {
            _bag.Report(PreprocessorDiagnostics.BadConditionExpression, SpanOf(name), $"missing '(' after '{macro.Name}'");
            MakeNumber(ref name, 0);
            return false;
        }
        LexRaw(out _);
        string word = "";
        int depth = 1;
        while (true)
        {
            LexRaw(out PpToken token);
            if (token.Kind is PpTokenKind.EndOfFile or PpTokenKind.EndOfDirective)
            {
                if (!_aborted)
                    _bag.Report(PreprocessorDiagnostics.UnterminatedInvocation, SpanOf(name), macro.Name);
                break;
            }
            depth += token.Kind == PpTokenKind.LeftParen ? 1 : token.Kind == PpTokenKind.RightParen ? -1 : 0;
            if (depth == 0)
                break;
            if (token.Kind is PpTokenKind.Identifier or PpTokenKind.String)
                word = _names.GetText(token.Id);
        }
        bool answer = macro.Builtin switch
        {
            BuiltinMacro.HasBuiltin => KnownFeatures.HasBuiltin(word),
            BuiltinMacro.HasAttribute => KnownFeatures.HasAttribute(word),
            BuiltinMacro.HasFeature => KnownFeatures.HasExtension(word, isFeature: true),
            BuiltinMacro.HasExtension => KnownFeatures.HasExtension(word, isFeature: false),
            BuiltinMacro.HasWarning => word.StartsWith("\"-W", StringComparison.Ordinal),
            BuiltinMacro.IsIdentifier => word.Length > 0 && !Keywords.IsKeyword(word),
            _ => false,
        };
        MakeNumber(ref name, answer ? 1 : 0);
        return false;
    }

    /// <summary><c>_Pragma("...")</c> (C11 6.10.9): the text is read as the line of a <c>#pragma</c>.</summary>
    private bool PragmaOperator(ref PpToken name)
    {
        PpToken token = default;
        if (NextIsLeftParen())
        {
            LexRaw(out _);
            LexRaw(out token);
            if (token.Kind == PpTokenKind.String)
            {
                LexRaw(out PpToken close);
                if (close.Kind == PpTokenKind.RightParen)
                {
                    string text = Destringize(_names.GetText(token.Id));
                    var lexer = new Lexer(_names, text, token.Location, name.Flags & PpTokenFlags.SystemHeader) { InDirective = true, AtLineStart = false };
                    var words = new List<PpToken>();
                    for (lexer.Next(out PpToken word); word.Kind != PpTokenKind.EndOfDirective; lexer.Next(out word))
                    {
                        // One place for all: the text of a string has no positions of its own.
                        word.Location = name.Location;
                        words.Add(word);
                    }
                    return HandlePragma(CurrentFile, words, ref name);
                }
                token = close;
            }
        }
        if (!_aborted)
            _bag.Report(PreprocessorDiagnostics.BadPragmaOperator, SpanOf(name));
        return true;
    }
}
