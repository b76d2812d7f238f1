// Cuts the token stream of a translation unit into top-level declarations and notes the names that each declares, without
// parsing: brackets and semicolons find the ends, and a handful of rules about declarators find the names.
//
//   typedef struct s { enum { A, B } e; } s_t, *s_p;      tags: s     ordinary: A B s_t s_p
//   static int (*table[4])(void) = { f, g };              ordinary: table
//
// One pass, one step per token; nothing is allocated per token.
using Ebpfcc.Frontend.Parsing.Generated;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Parsing;

/// <summary>What the scan found out about one declaration. <see cref="End"/> is one past its last token.</summary>
internal struct DeclarationExtent
{
    public int Start;
    public int End;
    public bool IsRoot;
    public bool IsUserFile;
}

internal sealed partial class DeclarationIndex
{
    private struct NameEntry
    {
        public int Order;
        public int Next;
    }

    private readonly PpToken[] _tokens;
    private readonly byte[] _keywords;
    private readonly NameTable _names;
    private readonly int[] _ordinary;
    private readonly int[] _tags;
    private readonly int[] _typedefs;
    private NameEntry[] _entries = new NameEntry[1024];
    private int _entryCount = 1;
    private readonly List<int> _rootAttributes = [], _aliasAttributes = [];

    /// <param name="tokens">Tokens without pragmas, the end of the file last.</param>
    public DeclarationIndex(PpToken[] tokens, NameTable names, byte[] keywords)
    {
        _tokens = tokens;
        _names = names;
        _keywords = keywords;
        _ordinary = new int[names.Count];
        _tags = new int[names.Count];
        _typedefs = new int[names.Count];
        foreach (string name in s_rootAttributes)
        {
            if (names.Find(name) is > 0 and int id)
                _rootAttributes.Add(id);
        }
        foreach (string name in s_aliasAttributes)
        {
            if (names.Find(name) is > 0 and int id)
                _aliasAttributes.Add(id);
        }
        foreach (string name in s_builtinTypedefs)
        {
            if (names.Find(name) is > 0 and int id)
                _typedefs[id] = 1;
        }
        Scan();
    }

    private static readonly string[] s_builtinTypedefs = ["__int128_t", "__uint128_t"];

    /// <summary>Attributes that keep a static definition alive.</summary>
    private static readonly string[] s_rootAttributes =
    [
        "used", "__used__", "section", "__section__", "constructor", "__constructor__", "destructor", "__destructor__", "retain", "__retain__", "alias", "__alias__",
    ];

    /// <summary>The attribute that makes a declaration without a body define a symbol.</summary>
    private static readonly string[] s_aliasAttributes = ["alias", "__alias__"];

    public List<DeclarationExtent> Extents { get; } = [];

    /// <summary>The keyword type of an identifier token, or 0.</summary>
    public int KeywordOf(in PpToken token)
        => token.Kind == PpTokenKind.Identifier && token.Id < _keywords.Length ? _keywords[token.Id] : 0;

    /// <summary>True when the name is a typedef at file scope seen from declaration <paramref name="order"/>.</summary>
    public bool IsTypedef(int id, int order) => _typedefs[id] is > 0 and int first && first <= order + 1;

    /// <summary>Orders of the declarations that declare the name, in source order.</summary>
    public List<int> Find(NameSpaceKind kind, string name)
    {
        var orders = new List<int>();
        int id = _names.Find(name);
        if (id == 0 || id >= _ordinary.Length)
            return orders;
        for (int entry = (kind == NameSpaceKind.Ordinary ? _ordinary : _tags)[id]; entry != 0; entry = _entries[entry].Next)
        {
            if (orders.Count == 0 || orders[^1] != _entries[entry].Order)
                orders.Add(_entries[entry].Order);
        }
        orders.Reverse();
        return orders;
    }

    /// <summary>Every name of a kind, in order of first appearance in the source.</summary>
    public IEnumerable<string> DeclaredNames(NameSpaceKind kind)
    {
        int[] table = kind == NameSpaceKind.Ordinary ? _ordinary : _tags;
        for (int id = 1; id < table.Length; id++)
        {
            if (table[id] != 0)
                yield return _names.GetText(id);
        }
    }

    private void Declare(int[] table, int id)
    {
        if (_entryCount == _entries.Length)
            Array.Resize(ref _entries, _entries.Length * 2);
        _entries[_entryCount] = new NameEntry { Order = Extents.Count, Next = table[id] };
        table[id] = _entryCount++;
    }

    // ---- one declaration --------------------------------------------------------------------------------------------

    private bool _isTypedef, _isStatic, _isExtern, _hasRootAttribute, _isAlias;

    private void Scan()
    {
        int i = 0;
        while (_tokens[i].Kind != PpTokenKind.EndOfFile)
        {
            if (_tokens[i].Kind == PpTokenKind.Semicolon)
            {
                i++;
                continue;
            }
            int start = i;
            i = ScanDeclaration(start, out bool isRoot);
            Extents.Add(new DeclarationExtent
            {
                Start = start,
                End = i,
                IsRoot = isRoot,
                IsUserFile = (_tokens[start].Flags & PpTokenFlags.SystemHeader) == 0,
            });
        }
    }

    private int ScanDeclaration(int i, out bool isRoot)
    {
        int start = i;
        _isTypedef = _isStatic = _isExtern = _hasRootAttribute = _isAlias = false;
        bool sawType = false, nameSeen = false, isFunction = false, declaresObject = false, hasInitializer = false, afterParameters = false, isPrototype = false;
        isRoot = false;
        while (true)
        {
            ref readonly PpToken token = ref _tokens[i];
            switch (token.Kind)
            {
                case PpTokenKind.EndOfFile:
                    // Unfinished: let it be parsed so that the mistake is reported.
                    isRoot = true;
                    return i;

                case PpTokenKind.Semicolon:
                    if (isFunction && !isPrototype && afterParameters && IsOldStyleParameters(i))
                    {
                        i++;
                        continue;
                    }
                    declaresObject |= nameSeen && !isFunction;
                    isRoot |= _isAlias || declaresObject && !_isTypedef && (_isExtern ? hasInitializer : !_isStatic || _hasRootAttribute);
                    return i + 1;

                case PpTokenKind.LeftBrace:
                    int end = SkipBraces(i);
                    isRoot = !_isStatic || _hasRootAttribute || _tokens[end - 1].Kind != PpTokenKind.RightBrace;
                    return end;

                case PpTokenKind.RightBrace:
                    isRoot = true;
                    return i + 1;

                case PpTokenKind.LeftParen:
                    if (!nameSeen)
                    {
                        isFunction = !NestedName(i);
                        nameSeen = true;
                    }
                    else if (i > start && _tokens[i - 1].Kind == PpTokenKind.Identifier)
                    {
                        isFunction = true;
                        isPrototype = !IsIdentifierList(i + 1);
                    }
                    i = SkipGroup(i);
                    continue;

                case PpTokenKind.LeftBracket:
                    i = SkipGroup(i);
                    continue;

                case PpTokenKind.Comma:
                    declaresObject |= nameSeen && !isFunction;
                    nameSeen = isFunction = afterParameters = false;
                    i++;
                    continue;

                case PpTokenKind.Equal:
                    hasInitializer = true;
                    i = SkipInitializer(i + 1);
                    continue;

                case PpTokenKind.Identifier:
                    int keyword = KeywordOf(token);
                    if (keyword != 0)
                    {
                        if (nameSeen && token.IsStartOfLine && (!isFunction || isPrototype) && BeginsDeclaration(keyword))
                        {
                            // A semicolon is missing at the end of the line before: what follows is another declaration.
                            isRoot = true;
                            return i;
                        }
                        i = Keyword(i, keyword, start, ref sawType, ref isRoot);
                        if (_tokens[i - 1].Kind == PpTokenKind.RightBrace && _tokens[i].IsStartOfLine && BeginsDeclaration(KeywordOf(_tokens[i])))
                        {
                            // Likewise after the closing brace of a structure.
                            isRoot = true;
                            return i;
                        }
                        afterParameters |= isFunction && keyword is not (CParser.ATTRIBUTE or CParser.ASM);
                        continue;
                    }
                    if (!nameSeen)
                    {
                        if (!sawType && (_typedefs[token.Id] != 0 || IsTypeFollowedByDeclarator(i)))
                            sawType = true;
                        else
                        {
                            Declare(_ordinary, token.Id);
                            if (_isTypedef && _typedefs[token.Id] == 0)
                                _typedefs[token.Id] = Extents.Count + 1;
                            nameSeen = true;
                            isFunction = false;
                        }
                    }
                    else
                    {
                        afterParameters |= isFunction;
                    }
                    i++;
                    continue;

                default:
                    i++;
                    continue;
            }
        }
    }

    private static bool BeginsDeclaration(int keyword)
        => keyword is CParser.TYPEDEF or CParser.STATIC or CParser.EXTERN or CParser.INLINE or CParser.STRUCT or CParser.UNION or CParser.ENUM || IsTypeKeyword(keyword);

    /// <summary>The names of old-style parameters, and not a prototype, begin at <paramref name="i"/>.</summary>
    private bool IsIdentifierList(int i)
        => _tokens[i].Kind == PpTokenKind.Identifier && KeywordOf(_tokens[i]) == 0 && _typedefs[_tokens[i].Id] == 0
            && _tokens[i + 1].Kind is PpTokenKind.Comma or PpTokenKind.RightParen;

    /// <summary>An unknown name in front of another name or a star at the start of a declaration: most likely a type that is missing.</summary>
    private bool IsTypeFollowedByDeclarator(int i)
    {
        ref readonly PpToken next = ref _tokens[i + 1];
        if (next.Kind == PpTokenKind.Star)
            return true;
        if (next.Kind != PpTokenKind.Identifier)
            return false;
        return KeywordOf(next) is 0 or CParser.CONST or CParser.VOLATILE or CParser.STATIC or CParser.EXTERN or CParser.INLINE or CParser.STRUCT or CParser.UNION or CParser.ENUM;
    }

    /// <summary>Handles a keyword at the top level of a declaration; returns the next index.</summary>
    private int Keyword(int i, int keyword, int start, ref bool sawType, ref bool isRoot)
    {
        switch (keyword)
        {
            case CParser.TYPEDEF:
                _isTypedef = true;
                return i + 1;
            case CParser.STATIC:
                _isStatic = true;
                return i + 1;
            case CParser.EXTERN:
                _isExtern = true;
                return i + 1;
            case CParser.ATTRIBUTE:
                return SkipAttribute(i);
            case CParser.STRUCT or CParser.UNION or CParser.ENUM:
                sawType = true;
                return TagSpecifier(i, keyword, isWhole: i == start);
            case CParser.TYPEOF or CParser.TYPEOF_UNQUAL or CParser.BITINT:
                sawType = true;
                return _tokens[i + 1].Kind == PpTokenKind.LeftParen ? SkipGroup(i + 1) : i + 1;
            case CParser.ATOMIC when _tokens[i + 1].Kind == PpTokenKind.LeftParen:
                sawType = true;
                return SkipGroup(i + 1);
            case CParser.ALIGNAS:
                return _tokens[i + 1].Kind == PpTokenKind.LeftParen ? SkipGroup(i + 1) : i + 1;
            case CParser.ASM:
                isRoot |= i == start;
                while (_tokens[i].Kind == PpTokenKind.Identifier)
                    i++;
                return _tokens[i].Kind == PpTokenKind.LeftParen ? SkipGroup(i) : i;
            case CParser.STATIC_ASSERT:
                isRoot = true;
                return _tokens[i + 1].Kind == PpTokenKind.LeftParen ? SkipGroup(i + 1) : i + 1;
            default:
                sawType |= IsTypeKeyword(keyword);
                return i + 1;
        }
    }

    /// <summary>Keywords that name a builtin type.</summary>
    public static bool IsTypeKeyword(int keyword) => keyword is
        CParser.VOID or CParser.CHAR or CParser.SHORT or CParser.INT or CParser.LONG or CParser.FLOAT or CParser.DOUBLE or CParser.SIGNED or CParser.UNSIGNED
        or CParser.BOOL or CParser.COMPLEX or CParser.INT128 or CParser.FLOAT16 or CParser.FLOAT32 or CParser.FLOAT64 or CParser.FLOAT128 or CParser.BF16
        or CParser.BUILTIN_VA_LIST or CParser.AUTO_TYPE;

    /// <summary>The name inside a parenthesized declarator; true when it is reached through a star, so that the outside declares no function.</summary>
    private bool NestedName(int i)
    {
        bool star = false;
        for (i++; ; i++)
        {
            ref readonly PpToken token = ref _tokens[i];
            if (token.Kind == PpTokenKind.Star || token.Kind == PpTokenKind.Caret)
            {
                star = true;
                continue;
            }
            if (token.Kind == PpTokenKind.LeftParen)
                continue;
            if (token.Kind != PpTokenKind.Identifier)
                return star;
            int keyword = KeywordOf(token);
            if (keyword == CParser.ATTRIBUTE)
            {
                i = SkipAttribute(i) - 1;
                continue;
            }
            if (keyword != 0)
            {
                if (keyword is CParser.CONST or CParser.VOLATILE or CParser.RESTRICT or CParser.ATOMIC)
                    continue;
                return star;
            }
            Declare(_ordinary, token.Id);
            if (_isTypedef && _typedefs[token.Id] == 0)
                _typedefs[token.Id] = Extents.Count + 1;
            // The suffix inside decides: (f)(void) is a function, (*f)(void) and (f[2])(void) are not.
            return star || _tokens[i + 1].Kind == PpTokenKind.LeftBracket;
        }
    }

    /// <summary>True when declarations of old-style parameters go on after the semicolon at <paramref name="i"/> and a body follows.</summary>
    private bool IsOldStyleParameters(int i)
    {
        int limit = Math.Min(i + 2048, _tokens.Length - 2);
        for (int k = i; k < limit; k++)
        {
            switch (_tokens[k].Kind)
            {
                case PpTokenKind.Semicolon when _tokens[k + 1].Kind == PpTokenKind.LeftBrace:
                    return true;
                case PpTokenKind.LeftBrace or PpTokenKind.RightBrace or PpTokenKind.Equal or PpTokenKind.EndOfFile:
                    return false;
                case PpTokenKind.Identifier when KeywordOf(_tokens[k]) is CParser.TYPEDEF or CParser.EXTERN or CParser.STATIC:
                    return false;
            }
        }
        return false;
    }
}
