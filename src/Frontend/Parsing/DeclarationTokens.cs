// ANTLR's view of one top-level declaration: an array of token types for prediction and token objects made when asked for.
using Antlr4.Runtime;
using Antlr4.Runtime.Misc;
using Ebpfcc.Frontend.Preprocessing;

namespace Ebpfcc.Frontend.Parsing;

/// <summary>A token of the parse tree: its index in the declaration tells everything else.</summary>
internal sealed class DeclarationToken(DeclarationTokens stream, int type, int index) : IToken
{
    public int Type => type;

    public int TokenIndex => index;

    public string Text => stream.GetText(index);

    public int Line => 0;

    public int Column => 0;

    public int Channel => TokenConstants.DefaultChannel;

    public int StartIndex => index;

    public int StopIndex => index;

    public ITokenSource TokenSource => stream;

    public ICharStream InputStream => null!;
}

/// <summary>The tokens of one declaration, closed by an end-of-file token.</summary>
internal sealed class DeclarationTokens : ITokenStream, ITokenSource
{
    private readonly PpToken[] _all;
    private readonly int _start;
    private readonly int _count;
    private readonly int[] _types;
    private readonly DeclarationToken?[] _objects;
    private readonly NameTable _names;
    private int _position;

    public DeclarationTokens(DeclarationIndex index, PpToken[] all, int start, int end, int order, NameTable names)
    {
        _all = all;
        _start = start;
        _count = end - start;
        _names = names;
        _types = new int[_count + 1];
        _types[_count] = TokenConstants.EOF;
        _objects = new DeclarationToken?[_count + 1];
        TypeNameMarker.Mark(index, all.AsSpan(start, _count), order, _types);
    }

    public int Count => _count;

    /// <summary>The preprocessing token behind an index; the one at <see cref="Count"/> is the token that follows the declaration.</summary>
    public ref readonly PpToken this[int index] => ref _all[_start + index];

    /// <summary>The index of a token of this declaration in the whole translation unit.</summary>
    public int ToUnitIndex(int index) => _start + index;

    public int TypeAt(int index) => (uint)index < (uint)_types.Length ? _types[index] : TokenConstants.EOF;

    public string GetText(int index) => index < 0 ? "<missing>" : index < _count ? _names.GetText(_all[_start + index]) : "<EOF>";

    /// <summary>A token that is not there but is taken to be.</summary>
    public DeclarationToken Conjure(int type) => new(this, type, -1);

    // ---- IIntStream, ITokenStream -----------------------------------------------------------------------------------

    public int Index => _position;

    public int Size => _count + 1;

    public string SourceName => "declaration";

    public void Consume() => _position = Math.Min(_position + 1, _count);

    public int LA(int i) => i > 0 ? _types[Math.Min(_position + i - 1, _count)] : _position + i >= 0 ? _types[_position + i] : TokenConstants.InvalidType;

    public int Mark() => 0;

    public void Release(int marker)
    {
    }

    public void Seek(int index) => _position = Math.Min(index, _count);

    public IToken LT(int k) => k > 0 ? Get(Math.Min(_position + k - 1, _count)) : _position + k >= 0 ? Get(_position + k) : null!;

    public IToken Get(int i) => _objects[i] ??= new DeclarationToken(this, _types[i], i);

    public ITokenSource TokenSource => this;

    public string GetText(Interval interval) => "";

    public string GetText() => "";

    public string GetText(RuleContext ctx) => "";

    public string GetText(IToken start, IToken stop) => "";

    // ---- ITokenSource: only for the runtime's bookkeeping -----------------------------------------------------------

    public IToken NextToken() => LT(1);

    public int Line => 0;

    public int Column => 0;

    public ICharStream InputStream => null!;

    public ITokenFactory TokenFactory { get; set; } = null!;
}
