// Finds where a declaration's syntax defines a tag or an enumerator, looking into structures nested in it but not into bodies,
// expressions and parameter lists (whose names have their own scopes).
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Binding;

internal static class SyntaxSearch
{
    /// <summary>The specifier that defines the structure or union with the tag, or null.</summary>
    public static RecordSpecifierSyntax? FindRecord(DeclarationSyntax declaration, string tag)
        => Find(declaration, specifier => specifier is RecordSpecifierSyntax { Members: not null } record && record.Tag == tag) as RecordSpecifierSyntax;

    /// <summary>The specifier that defines the enumeration with the tag, or null.</summary>
    public static EnumSpecifierSyntax? FindEnum(DeclarationSyntax declaration, string tag)
        => Find(declaration, specifier => specifier is EnumSpecifierSyntax { Enumerators: not null } enumeration && enumeration.Tag == tag) as EnumSpecifierSyntax;

    /// <summary>The enumeration that declares the enumerator, or null.</summary>
    public static EnumSpecifierSyntax? FindEnumerator(DeclarationSyntax declaration, string name)
        => Find(declaration, specifier => specifier is EnumSpecifierSyntax { Enumerators: { } enumerators } && Contains(enumerators, name)) as EnumSpecifierSyntax;

    private static bool Contains(IReadOnlyList<EnumeratorSyntax> enumerators, string name)
    {
        foreach (EnumeratorSyntax enumerator in enumerators)
        {
            if (enumerator.Name == name)
                return true;
        }
        return false;
    }

    private static TypeSpecifierSyntax? Find(DeclarationSyntax declaration, Predicate<TypeSpecifierSyntax> wanted)
    {
        var pending = new Stack<DeclarationSyntax>();
        pending.Push(declaration);
        while (pending.TryPop(out DeclarationSyntax? current))
        {
            TypeSpecifierSyntax? type = current switch
            {
                SimpleDeclarationSyntax simple => simple.Specifiers.Type,
                FunctionDefinitionSyntax function => function.Specifiers.Type,
                _ => null,
            };
            while (type is not null)
            {
                if (wanted(type))
                    return type;
                if (type is RecordSpecifierSyntax { Members: { } members })
                {
                    for (int i = members.Count - 1; i >= 0; i--)
                        pending.Push(members[i]);
                }
                type = type is TypeofSyntax { Operand: TypeNameSyntax name } ? name.Specifiers.Type : null;
            }
        }
        return null;
    }
}
