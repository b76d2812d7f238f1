// The parts of the scan that look into braces and skip groups.
using Ebpfcc.Frontend.Parsing.Generated;
using Ebpfcc.Frontend.Preprocessing;

namespace Ebpfcc.Frontend.Parsing;

internal sealed partial class DeclarationIndex
{
    /// <summary><c>struct attributes tag { ... }</c> at <paramref name="i"/>; declares the tag if it is defined (or, standing alone, declared) here.</summary>
    private int TagSpecifier(int i, int keyword, bool isWhole)
    {
        i++;
        while (KeywordOf(_tokens[i]) == CParser.ATTRIBUTE)
            i = SkipAttribute(i);
        int tag = 0;
        if (_tokens[i].Kind == PpTokenKind.Identifier && KeywordOf(_tokens[i]) == 0)
            tag = _tokens[i++].Id;
        if (keyword == CParser.ENUM && _tokens[i].Kind == PpTokenKind.Colon)
        {
            // A fixed underlying type; in a structure this may be a bit-field, whose width never opens a brace.
            int k = i + 1;
            while (_tokens[k].Kind == PpTokenKind.Identifier)
                k++;
            if (_tokens[k].Kind is PpTokenKind.LeftBrace or PpTokenKind.Semicolon && k > i + 1)
                i = k;
        }
        if (_tokens[i].Kind == PpTokenKind.LeftBrace)
        {
            if (tag != 0)
                Declare(_tags, tag);
            return keyword == CParser.ENUM ? EnumBody(i) : RecordBody(i);
        }
        if (tag != 0 && isWhole && _tokens[i].Kind == PpTokenKind.Semicolon)
            Declare(_tags, tag);
        return i;
    }

    private int EnumBody(int i)
    {
        bool expectName = true;
        int depth = 0;
        for (i++; ; i++)
        {
            ref readonly PpToken token = ref _tokens[i];
            switch (token.Kind)
            {
                case PpTokenKind.Identifier:
                    if (expectName && depth == 0 && KeywordOf(token) == 0)
                        Declare(_ordinary, token.Id);
                    expectName = false;
                    break;
                case PpTokenKind.Comma:
                    expectName = depth == 0;
                    break;
                case PpTokenKind.LeftParen:
                    depth++;
                    break;
                case PpTokenKind.RightParen:
                    depth--;
                    break;
                case PpTokenKind.LeftBrace:
                    i = SkipBraces(i) - 1;
                    break;
                case PpTokenKind.RightBrace:
                    return i + 1;
                case PpTokenKind.EndOfFile:
                    return i;
            }
        }
    }

    private int RecordBody(int i)
    {
        int depth = 0;
        while (true)
        {
            ref readonly PpToken token = ref _tokens[i];
            switch (token.Kind)
            {
                case PpTokenKind.LeftBrace:
                    depth++;
                    break;
                case PpTokenKind.RightBrace:
                    if (--depth == 0)
                        return i + 1;
                    break;
                case PpTokenKind.EndOfFile:
                    return i;
                case PpTokenKind.Identifier:
                    int keyword = KeywordOf(token);
                    if (keyword is CParser.STRUCT or CParser.UNION or CParser.ENUM)
                    {
                        // Not recursive for records: the body is scanned on by this loop.
                        i = NestedTag(i, keyword);
                        continue;
                    }
                    break;
            }
            i++;
        }
    }

    private int NestedTag(int i, int keyword)
    {
        if (keyword == CParser.ENUM)
            return TagSpecifier(i, keyword, isWhole: false);
        i++;
        while (KeywordOf(_tokens[i]) == CParser.ATTRIBUTE)
            i = SkipAttribute(i);
        if (_tokens[i].Kind == PpTokenKind.Identifier && KeywordOf(_tokens[i]) == 0)
        {
            if (_tokens[i + 1].Kind == PpTokenKind.LeftBrace)
                Declare(_tags, _tokens[i].Id);
            i++;
        }
        return i;
    }

    /// <summary>The index behind the brace that closes the one at <paramref name="i"/>, or the end of the file.</summary>
    private int SkipBraces(int i)
    {
        int depth = 0;
        while (true)
        {
            switch (_tokens[i].Kind)
            {
                case PpTokenKind.LeftBrace:
                    depth++;
                    break;
                case PpTokenKind.RightBrace:
                    if (--depth == 0)
                        return i + 1;
                    break;
                case PpTokenKind.EndOfFile:
                    return i;
            }
            i++;
        }
    }

    /// <summary>
    /// The index behind the group that opens at <paramref name="i"/> with a parenthesis or bracket. A semicolon or a closing brace outside
    /// of braces ends a group that was never closed.
    /// </summary>
    private int SkipGroup(int i)
    {
        int depth = 0;
        while (true)
        {
            switch (_tokens[i].Kind)
            {
                case PpTokenKind.LeftParen or PpTokenKind.LeftBracket:
                    depth++;
                    break;
                case PpTokenKind.RightParen or PpTokenKind.RightBracket:
                    if (--depth == 0)
                        return i + 1;
                    break;
                case PpTokenKind.LeftBrace:
                    i = SkipBraces(i);
                    continue;
                case PpTokenKind.Semicolon or PpTokenKind.RightBrace or PpTokenKind.EndOfFile:
                    return i;
            }
            i++;
        }
    }

    /// <summary>The index of the comma or semicolon behind an initializer.</summary>
    private int SkipInitializer(int i)
    {
        while (true)
        {
            switch (_tokens[i].Kind)
            {
                case PpTokenKind.LeftParen or PpTokenKind.LeftBracket:
                    i = SkipGroup(i);
                    continue;
                case PpTokenKind.LeftBrace:
                    i = SkipBraces(i);
                    continue;
                case PpTokenKind.Comma or PpTokenKind.Semicolon or PpTokenKind.RightBrace or PpTokenKind.EndOfFile:
                    return i;
            }
            i++;
        }
    }

    /// <summary>The index behind <c>__attribute__((...))</c>; notes attributes that keep a definition alive.</summary>
    private int SkipAttribute(int i)
    {
        i++;
        if (_tokens[i].Kind != PpTokenKind.LeftParen)
            return i;
        int end = SkipGroup(i);
        for (; i < end; i++)
        {
            if (_tokens[i].Kind != PpTokenKind.Identifier)
                continue;
            _hasRootAttribute |= _rootAttributes.Contains(_tokens[i].Id);
            _isAlias |= _aliasAttributes.Contains(_tokens[i].Id);
        }
        return end;
    }
}
