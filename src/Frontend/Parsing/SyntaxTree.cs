// The syntax tree of a translation unit: the declaration index in front, ANTLR behind it, one declaration at a time.
using Antlr4.Runtime.Atn;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Parsing.Generated;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Parsing;

/// <summary>A translation unit whose declarations are parsed when they are asked for. Not thread-safe.</summary>
public sealed class SyntaxTree : ISyntaxTree, IPragmaContext
{
    private sealed class TopLevel(SyntaxTree tree, int order, DeclarationExtent extent) : ITopLevelDeclaration
    {
        private DeclarationSyntax? _syntax;

        public int Order => order;

        public bool IsInUserFile => extent.IsUserFile;

        public bool IsRoot => extent.IsRoot;

        public DeclarationSyntax Syntax => _syntax ??= tree.Parse(order, extent);
    }

    /// <summary>Errors in the bag after which nothing more is parsed.</summary>
    private const int MaximumErrors = 1000;

    private readonly PreprocessedSource _source;
    private readonly DiagnosticBag _bag;
    private readonly PpToken[] _tokens;
    private readonly DeclarationIndex _index;
    private readonly TopLevel[] _declarations;

    /// <summary>Pragmas with the index of the token that follows each, in order.</summary>
    private readonly List<(int Before, PragmaDirective Pragma)> _pragmas = [];

    private readonly List<(int From, int To, IReadOnlyList<AttributeSyntax> Attributes)> _attributeRegions = [];

    private SyntaxTree(PreprocessedSource source, DiagnosticBag bag)
    {
        _source = source;
        _bag = bag;
        _tokens = WithoutPragmas(source);
        _index = new DeclarationIndex(_tokens, source.Names, TokenTypes.MapKeywords(source.Names));
        _declarations = new TopLevel[_index.Extents.Count];
        for (int i = 0; i < _declarations.Length; i++)
            _declarations[i] = new TopLevel(this, i, _index.Extents[i]);
        FindAttributeRegions();
    }

    /// <summary>Indexes a preprocessed source. Syntax errors are reported to <paramref name="bag"/> when a declaration is parsed.</summary>
    public static SyntaxTree Create(PreprocessedSource source, DiagnosticBag bag) => new(source, bag);

    public PreprocessedSource Source => _source;

    public IReadOnlyList<ITopLevelDeclaration> Declarations => _declarations;

    public IReadOnlyList<ITopLevelDeclaration> Find(NameSpaceKind kind, string name)
    {
        List<int> orders = _index.Find(kind, name);
        if (orders.Count == 0)
            return [];
        var result = new ITopLevelDeclaration[orders.Count];
        for (int i = 0; i < result.Length; i++)
            result[i] = _declarations[orders[i]];
        return result;
    }

    public IEnumerable<string> Names(NameSpaceKind kind) => _index.DeclaredNames(kind);

    /// <summary>Parses every declaration and so reports every syntax error (<c>-fsyntax-only</c>).</summary>
    public void ParseAll()
    {
        foreach (TopLevel declaration in _declarations)
            _ = declaration.Syntax;
    }

    // ---- parsing ----------------------------------------------------------------------------------------------------

    private DeclarationSyntax Parse(int order, DeclarationExtent extent)
    {
        if (_bag.ErrorCount > MaximumErrors)
            return new ErrorDeclarationSyntax { Span = SourceSpan.At(_tokens[extent.Start].Location) };
        var tokens = new DeclarationTokens(_index, _tokens, extent.Start, extent.End, order, _source.Names);
        // The parser's and the builder's findings are put in the order of the text.
        var found = new DiagnosticBag { ErrorLimit = 0 };
        var parser = new CParser(tokens, TextWriter.Null, TextWriter.Null)
        {
            BuildParseTree = true,
            ErrorHandler = new SyntaxErrorStrategy(tokens, _source.Names, found),
        };
        parser.RemoveErrorListeners();
        parser.Interpreter.PredictionMode = PredictionMode.SLL;
        DeclarationSyntax result;
        try
        {
            result = new TreeBuilder(tokens, _source.Names, found, this).External(parser.externalDeclaration());
            if (!found.HasErrors && tokens.Index < tokens.Count)
                found.Report(ParsingDiagnostics.Unexpected, tokens[tokens.Index].Location, tokens.GetText(tokens.Index));
        }
        catch (NestingException)
        {
            int place = Math.Min(tokens.Index, tokens.Count);
            found.Report(ParsingDiagnostics.NestedTooDeeply, tokens[place].Location);
            result = new ErrorDeclarationSyntax { Span = SourceSpan.At(tokens[0].Location) };
        }
        catch (TooManyErrorsException)
        {
            result = new ErrorDeclarationSyntax { Span = SourceSpan.At(tokens[0].Location) };
        }
        foreach (Diagnostic diagnostic in found.Items.OrderBy(item => item.Span.Start))
            _bag.Add(diagnostic);
        return result;
    }

    // ---- pragmas ----------------------------------------------------------------------------------------------------

    private PpToken[] WithoutPragmas(PreprocessedSource source)
    {
        if (source.Pragmas.Count == 0)
            return source.Buffer;
        var tokens = new PpToken[source.Count + 1];
        int count = 0;
        foreach (ref readonly PpToken token in source.Tokens)
        {
            if (token.Kind == PpTokenKind.Pragma)
            {
                PragmaDirective pragma = source.Pragmas[token.Id];
                if (pragma.Kind != PragmaKind.Other)
                    _pragmas.Add((count, pragma));
                continue;
            }
            tokens[count++] = token;
        }
        return tokens;
    }

    /// <summary>The index of the first pragma whose following token is not before <paramref name="unitIndex"/>.</summary>
    private int LowerBound(int unitIndex)
    {
        int low = 0, high = _pragmas.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_pragmas[middle].Before < unitIndex)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    int? IPragmaContext.UnrollBefore(int unitIndex)
    {
        int? hint = null;
        for (int i = LowerBound(unitIndex); i < _pragmas.Count && _pragmas[i].Before == unitIndex; i++)
        {
            if (_pragmas[i].Pragma.Kind == PragmaKind.Unroll)
                hint = _pragmas[i].Pragma.Value;
        }
        return hint;
    }

    int IPragmaContext.PackAt(int unitIndex)
    {
        for (int i = LowerBound(unitIndex + 1) - 1; i >= 0; i--)
        {
            if (_pragmas[i].Pragma.Kind == PragmaKind.Pack)
                return _pragmas[i].Pragma.Value;
        }
        return 0;
    }

    IReadOnlyList<AttributeSyntax> IPragmaContext.RecordAttributesAt(int unitIndex)
    {
        IReadOnlyList<AttributeSyntax> result = [];
        foreach ((int from, int to, IReadOnlyList<AttributeSyntax> attributes) in _attributeRegions)
        {
            if (from <= unitIndex && unitIndex < to)
                result = result.Count == 0 ? attributes : [.. result, .. attributes];
        }
        return result;
    }

    /// <summary>Pairs <c>clang attribute push</c> with <c>pop</c>; only attributes that apply to records are kept.</summary>
    private void FindAttributeRegions()
    {
        var open = new Stack<(int From, IReadOnlyList<AttributeSyntax> Attributes)>();
        foreach ((int before, PragmaDirective pragma) in _pragmas)
        {
            if (pragma.Kind == PragmaKind.AttributePush)
                open.Push((before, AttributesOf(pragma)));
            if (pragma.Kind != PragmaKind.AttributePop)
                continue;
            if (open.TryPop(out (int From, IReadOnlyList<AttributeSyntax> Attributes) region))
                _attributeRegions.Add((region.From, before, region.Attributes));
            else
                _bag.Report(ParsingDiagnostics.BadAttributePragma, pragma.Location, "pop without push");
        }
        while (open.TryPop(out (int From, IReadOnlyList<AttributeSyntax> Attributes) rest))
            _attributeRegions.Add((rest.From, int.MaxValue, rest.Attributes));
    }

    /// <summary>The attributes of <c>push (__attribute__((...)), apply_to = record)</c>, parsed as those of an empty structure.</summary>
    private IReadOnlyList<AttributeSyntax> AttributesOf(PragmaDirective pragma)
    {
        NameTable names = _source.Names;
        PpToken[] words = pragma.Tokens;
        int first = Array.FindIndex(words, word => names.GetSpan(word) is "__attribute__" or "__attribute");
        bool toRecords = Array.Exists(words, word => names.GetSpan(word).StartsWith("record"));
        if (first < 0)
        {
            _bag.Report(ParsingDiagnostics.BadAttributePragma, pragma.Location, "no __attribute__ in it");
            return [];
        }
        if (!toRecords)
            return [];
        var result = new List<AttributeSyntax>();
        // ( ( name , name ) ): only plain names are of use for records.
        int depth = 0;
        for (int i = first + 1; i < words.Length; i++)
        {
            if (words[i].Kind == PpTokenKind.LeftParen)
                depth++;
            else if (words[i].Kind == PpTokenKind.RightParen && --depth == 0)
                break;
            else if (words[i].Kind == PpTokenKind.Identifier && depth == 2)
                result.Add(new AttributeSyntax(names.GetText(words[i].Id).Trim('_'), []) { Span = SourceSpan.At(words[i].Location) });
        }
        return result;
    }
}
