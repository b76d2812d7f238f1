// The door from syntax to binding. A translation unit is not parsed as a whole: its token stream is cut into top-level
// declarations whose declared names are indexed, and a declaration is parsed when somebody asks for one of its names.
namespace Ebpfcc.Frontend.Syntax;

/// <summary>A top-level declaration that may not have been parsed yet. <see cref="Order"/> is its place in the file.</summary>
public interface ITopLevelDeclaration
{
    int Order { get; }

    /// <summary>Written in the main file or a header that is not a system header.</summary>
    bool IsInUserFile { get; }

    /// <summary>
    /// A root: a function definition that is not a plain static one, a variable definition, or anything with a section, used or
    /// constructor-like attribute. Everything else is needed only when a root reaches it.
    /// </summary>
    bool IsRoot { get; }

    /// <summary>Parses on first use (reporting syntax errors then) and returns the declaration.</summary>
    DeclarationSyntax Syntax { get; }
}

/// <summary>C keeps tags and ordinary names apart.</summary>
public enum NameSpaceKind : byte { Ordinary, Tag }

/// <summary>The index of a translation unit's top-level names.</summary>
public interface ISyntaxTree
{
    /// <summary>All top-level declarations in source order.</summary>
    IReadOnlyList<ITopLevelDeclaration> Declarations { get; }

    /// <summary>
    /// Declarations that declare the name (functions, variables, typedefs, enumerators; or struct, union and enum tags, also those
    /// nested in other declarations), in source order; empty when there are none.
    /// </summary>
    IReadOnlyList<ITopLevelDeclaration> Find(NameSpaceKind kind, string name);

    /// <summary>All declared names, in no particular order that means anything but always the same one: for suggestions.</summary>
    IEnumerable<string> Names(NameSpaceKind kind) => [];
}
