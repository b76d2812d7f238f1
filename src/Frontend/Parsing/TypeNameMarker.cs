// Decides, before ANTLR sees them, which identifiers of one declaration name types: the one thing in C's grammar that needs
// a symbol table. It walks the tokens once, with a stack of brackets, and knows only three things: typedefs of the file that
// precede the declaration, typedefs and variables of the enclosing blocks that shadow them, and C's rule that a second type
// name in one list of specifiers is the name being declared.
using Ebpfcc.Frontend.Parsing.Generated;
using Ebpfcc.Frontend.Preprocessing;

namespace Ebpfcc.Frontend.Parsing;

internal ref struct TypeNameMarker
{
    private enum Bracket : byte { TopLevel, Block, Record, Enum, Initializer, Paren, Square }

    private struct Frame
    {
        public Bracket Kind;

        /// <summary>The current statement began with a type: after its commas come declarators.</summary>
        public bool IsDeclaration;

        /// <summary>A parenthesis whose content begins with a type (a cast, a compound literal, a list of parameters).</summary>
        public bool StartsWithType;

        /// <summary>Behind the parenthesis a type has been named (typeof), or nothing has changed (attributes).</summary>
        public bool TypeAfter;

        public bool AfterAssignment;

        /// <summary>A parenthesis behind <c>for</c>.</summary>
        public bool IsFor;

        /// <summary>Local names known before the bracket opened.</summary>
        public int Locals;

        public int FirstToken;
    }

    private readonly DeclarationIndex _index;
    private readonly ReadOnlySpan<PpToken> _tokens;
    private readonly int[] _types;
    private readonly int _order;
    private Frame[] _frames = new Frame[16];
    private int _depth;
    private readonly List<(int Id, bool IsType)> _locals = [];
    private bool _typeSeen;

    /// <summary>Local typedefs of declarations that begin before this token are known (each token is looked at once).</summary>
    private int _typedefsKnownTo;

    private Frame _closed;

    private TypeNameMarker(DeclarationIndex index, ReadOnlySpan<PpToken> tokens, int order, int[] types)
    {
        _index = index;
        _tokens = tokens;
        _order = order;
        _types = types;
    }

    /// <summary>Fills <paramref name="types"/> with the grammar's type of every token of one declaration.</summary>
    public static void Mark(DeclarationIndex index, ReadOnlySpan<PpToken> tokens, int order, int[] types)
        => new TypeNameMarker(index, tokens, order, types).Run();

    private readonly PpTokenKind KindAt(int i) => (uint)i < (uint)_tokens.Length ? _tokens[i].Kind : PpTokenKind.EndOfFile;

    private readonly int KeywordAt(int i) => (uint)i < (uint)_tokens.Length ? _index.KeywordOf(_tokens[i]) : 0;

    private void Run()
    {
        bool expectTag = false;
        int pendingBody = 0;
        for (int i = 0; i < _tokens.Length; i++)
        {
            ref readonly PpToken token = ref _tokens[i];
            ref Frame frame = ref _frames[_depth];
            int type = TokenTypes.Of(token.Kind);
            switch (token.Kind)
            {
                case PpTokenKind.Identifier:
                    int keyword = _index.KeywordOf(token);
                    if (keyword != 0)
                    {
                        type = Keyword(i, keyword, ref frame, ref expectTag, ref pendingBody);
                        break;
                    }
                    if (expectTag)
                    {
                        expectTag = false;
                        _typeSeen = frame.IsDeclaration = true;
                        if (KindAt(i + 1) is not (PpTokenKind.LeftBrace or PpTokenKind.Colon))
                            pendingBody = 0;
                        break;
                    }
                    type = Name(i, token.Id, ref frame);
                    break;

                case PpTokenKind.LeftBrace:
                    Open(BraceKind(i, pendingBody, frame), i);
                    pendingBody = 0;
                    expectTag = _typeSeen = false;
                    break;

                case PpTokenKind.RightBrace:
                    if (_depth > 0)
                        Close();
                    ref Frame outer = ref _frames[_depth];
                    _typeSeen = _closed.Kind is Bracket.Record or Bracket.Enum;
                    if (_typeSeen)
                        outer.IsDeclaration = true;
                    else if (_closed.Kind != Bracket.Initializer)
                        outer.IsDeclaration = false;
                    break;

                case PpTokenKind.LeftParen or PpTokenKind.LeftBracket:
                    int before = i > 0 ? _types[i - 1] : 0;
                    bool typeBefore = _typeSeen;
                    Open(token.Kind == PpTokenKind.LeftParen ? Bracket.Paren : Bracket.Square, i);
                    ref Frame inner = ref _frames[_depth];
                    inner.TypeAfter = before is CParser.TYPEOF or CParser.TYPEOF_UNQUAL or CParser.ATOMIC_OF or CParser.BITINT
                        || (typeBefore && before is CParser.ATTRIBUTE or CParser.ALIGNAS);
                    inner.IsFor = before == CParser.FOR;
                    _typeSeen = false;
                    break;

                case PpTokenKind.RightParen or PpTokenKind.RightBracket:
                    if (_depth > 0 && frame.Kind is Bracket.Paren or Bracket.Square)
                        Close();
                    _typeSeen = _closed.TypeAfter;
                    if (_typeSeen)
                        _frames[_depth].IsDeclaration = true;
                    break;

                case PpTokenKind.Semicolon:
                    _typeSeen = frame.IsDeclaration = frame.AfterAssignment = false;
                    pendingBody = 0;
                    break;

                case PpTokenKind.Comma:
                    _typeSeen = frame.IsDeclaration && frame.Kind is Bracket.TopLevel or Bracket.Block or Bracket.Record;
                    break;

                case PpTokenKind.Star:
                    break;

                case PpTokenKind.Equal:
                    _typeSeen = false;
                    frame.AfterAssignment = true;
                    break;

                default:
                    _typeSeen = false;
                    break;
            }
            _types[i] = type;
        }
    }

    private int Keyword(int i, int keyword, ref Frame frame, ref bool expectTag, ref int pendingBody)
    {
        switch (keyword)
        {
            case CParser.STRUCT or CParser.UNION or CParser.ENUM:
                expectTag = true;
                pendingBody = keyword;
                NoteTypeAt(i, ref frame);
                break;
            case CParser.ATOMIC when KindAt(i + 1) == PpTokenKind.LeftParen:
                NoteTypeAt(i, ref frame);
                return CParser.ATOMIC_OF;
            case CParser.TYPEOF or CParser.TYPEOF_UNQUAL or CParser.BITINT:
                NoteTypeAt(i, ref frame);
                break;
            case CParser.ELSE when KeywordAt(i + 1) == CParser.IF:
                return CParser.ELSE_IF;
            case CParser.TYPEDEF:
                if (frame.Kind is Bracket.Block && i >= _typedefsKnownTo)
                    _typedefsKnownTo = DeclareLocalTypedefs(i + 1);
                break;
            case CParser.CONST or CParser.VOLATILE or CParser.RESTRICT or CParser.ATOMIC or CParser.STATIC or CParser.EXTERN or CParser.AUTO or CParser.REGISTER
                or CParser.THREAD_LOCAL or CParser.INLINE or CParser.NORETURN or CParser.EXTENSION or CParser.ATTRIBUTE or CParser.ALIGNAS:
                if (keyword is CParser.CONST or CParser.VOLATILE)
                    NoteTypeAt(i, ref frame);
                break;
            default:
                if (DeclarationIndex.IsTypeKeyword(keyword))
                {
                    NoteTypeAt(i, ref frame);
                    _typeSeen = true;
                    if (frame.Kind is Bracket.TopLevel or Bracket.Block or Bracket.Record)
                        frame.IsDeclaration = true;
                }
                else
                {
                    _typeSeen = false;
                }
                break;
        }
        return keyword;
    }

    private readonly void NoteTypeAt(int i, ref Frame frame)
    {
        if (frame.Kind == Bracket.Paren && i == frame.FirstToken)
            frame.StartsWithType = true;
    }

    /// <summary>An identifier that is no keyword and no tag.</summary>
    private int Name(int i, int id, ref Frame frame)
    {
        PpTokenKind previous = KindAt(i - 1);
        bool isType = IsType(id);
        if (!isType)
        {
            if (!_typeSeen && LooksLikeUnknownType(i, previous, frame))
            {
                NoteTypeAt(i, ref frame);
                _typeSeen = true;
                frame.IsDeclaration |= frame.Kind is Bracket.TopLevel or Bracket.Block or Bracket.Record;
                return CParser.TYPEDEF_NAME;
            }
            _typeSeen = false;
            return CParser.IDENTIFIER;
        }
        bool isDeclared = _typeSeen;
        if (isDeclared || previous is PpTokenKind.Dot or PpTokenKind.Arrow or PpTokenKind.Star || frame.Kind is Bracket.Enum or Bracket.Initializer
            || (frame.Kind == Bracket.Block && KindAt(i + 1) == PpTokenKind.Colon && previous is PpTokenKind.Semicolon or PpTokenKind.LeftBrace or PpTokenKind.RightBrace or PpTokenKind.Colon)
            || (i > 0 && _types[i - 1] == CParser.GOTO) || FollowsQualifiedStar(i))
        {
            if (isDeclared && frame.Kind is Bracket.Block or Bracket.Paren)
                _locals.Add((id, false));
            _typeSeen = false;
            return CParser.IDENTIFIER;
        }
        NoteTypeAt(i, ref frame);
        _typeSeen = true;
        if (frame.Kind is Bracket.TopLevel or Bracket.Block or Bracket.Record)
            frame.IsDeclaration = true;
        return CParser.TYPEDEF_NAME;
    }

    /// <summary>In <c>* const name</c> the name is being declared.</summary>
    private readonly bool FollowsQualifiedStar(int i)
    {
        int k = i - 1;
        while (k >= 0 && _types[k] is CParser.CONST or CParser.VOLATILE or CParser.RESTRICT or CParser.ATOMIC)
            k--;
        return k < i - 1 && KindAt(k) == PpTokenKind.Star;
    }

    private readonly bool IsType(int id)
    {
        for (int i = _locals.Count - 1; i >= 0; i--)
        {
            if (_locals[i].Id == id)
                return _locals[i].IsType;
        }
        return _index.IsTypedef(id, _order);
    }

    /// <summary>
    /// A name that was never declared where only a type makes sense, as in <c>foo x;</c>: taken for a type, so that one message about
    /// the name is given and not one about the syntax.
    /// </summary>
    private readonly bool LooksLikeUnknownType(int i, PpTokenKind previous, in Frame frame)
    {
        PpTokenKind next = KindAt(i + 1);
        bool nextIsName = next == PpTokenKind.Identifier && KeywordAt(i + 1) == 0;
        if (frame.Kind == Bracket.Paren)
        {
            if (previous is not (PpTokenKind.LeftParen or PpTokenKind.Comma))
                return false;
            if (nextIsName)
                return _depth == 1 && !_frames[0].AfterAssignment && KindAt(i + 2) is PpTokenKind.Comma or PpTokenKind.RightParen or PpTokenKind.LeftBracket;
            return next == PpTokenKind.Star
                && (KindAt(i + 2) == PpTokenKind.RightParen || (_depth == 1 && KindAt(i + 2) == PpTokenKind.Identifier && KindAt(i + 3) is PpTokenKind.Comma or PpTokenKind.RightParen && !_frames[0].AfterAssignment));
        }
        if (frame.Kind is not (Bracket.TopLevel or Bracket.Block or Bracket.Record) || frame.AfterAssignment || frame.IsDeclaration)
            return false;
        bool atStart = i == 0 || previous is PpTokenKind.Semicolon or PpTokenKind.LeftBrace or PpTokenKind.RightBrace
            || _types[i - 1] is CParser.CONST or CParser.VOLATILE or CParser.STATIC or CParser.EXTERN or CParser.INLINE or CParser.TYPEDEF or CParser.REGISTER or CParser.EXTENSION;
        if (!atStart)
            return false;
        if (nextIsName)
            return KindAt(i + 2) is PpTokenKind.Semicolon or PpTokenKind.Equal or PpTokenKind.Comma or PpTokenKind.LeftParen or PpTokenKind.LeftBracket or PpTokenKind.Colon;
        return next == PpTokenKind.Star && frame.Kind != Bracket.Block;
    }

    /// <summary>The names that a typedef in a block declares: the last name of each declarator outside of nested brackets, or the one behind <c>(*</c>.</summary>
    private readonly int DeclareLocalTypedefs(int i)
    {
        int depth = 0;
        bool afterTag = false;
        for (; i < _tokens.Length; i++)
        {
            PpTokenKind kind = _tokens[i].Kind;
            if (kind is PpTokenKind.LeftBrace or PpTokenKind.LeftParen or PpTokenKind.LeftBracket)
                depth++;
            else if (kind is PpTokenKind.RightBrace or PpTokenKind.RightParen or PpTokenKind.RightBracket)
                depth--;
            else if (kind == PpTokenKind.Semicolon && depth <= 0)
                return i;
            else if (kind == PpTokenKind.Identifier)
            {
                int keyword = KeywordAt(i);
                bool isTag = afterTag;
                afterTag = keyword is CParser.STRUCT or CParser.UNION or CParser.ENUM;
                if (keyword != 0 || isTag)
                    continue;
                bool isName = depth == 0
                    ? KindAt(i + 1) is PpTokenKind.Semicolon or PpTokenKind.Comma or PpTokenKind.LeftBracket or PpTokenKind.LeftParen || KeywordAt(i + 1) == CParser.ATTRIBUTE
                    : depth == 1 && KindAt(i - 1) == PpTokenKind.Star && KindAt(i - 2) == PpTokenKind.LeftParen;
                // "T (" opens a declarator of type T when T is one, and then the name is inside.
                if (isName && !(KindAt(i + 1) == PpTokenKind.LeftParen && IsType(_tokens[i].Id)))
                    _locals.Add((_tokens[i].Id, true));
            }
        }
        return i;
    }

    // ---- brackets ---------------------------------------------------------------------------------------------------

    private void Open(Bracket kind, int i)
    {
        if (++_depth == _frames.Length)
            Array.Resize(ref _frames, _frames.Length * 2);
        _frames[_depth] = new Frame { Kind = kind, Locals = _locals.Count, FirstToken = i + 1 };
    }

    private void Close()
    {
        _closed = _frames[_depth--];
        // Parameters stay known through the function's body, and what a for header declares through the loop.
        bool keeps = _closed.Kind is Bracket.Paren or Bracket.Square && (_depth == 0 || _closed.IsFor);
        if (!keeps && _locals.Count > _closed.Locals)
            _locals.RemoveRange(_closed.Locals, _locals.Count - _closed.Locals);
    }

    private readonly Bracket BraceKind(int i, int pendingBody, in Frame frame)
    {
        if (pendingBody != 0)
            return pendingBody == CParser.ENUM ? Bracket.Enum : Bracket.Record;
        PpTokenKind previous = KindAt(i - 1);
        if (frame.Kind == Bracket.Initializer || previous == PpTokenKind.Equal)
            return Bracket.Initializer;
        if (previous == PpTokenKind.RightParen && _closed.StartsWithType && !_closed.IsFor && !(frame.Kind == Bracket.TopLevel && !frame.AfterAssignment))
            return Bracket.Initializer;
        return Bracket.Block;
    }
}
