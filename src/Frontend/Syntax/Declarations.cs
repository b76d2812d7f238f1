// Declarations, types and declarators.
namespace Ebpfcc.Frontend.Syntax;

public abstract record DeclarationSyntax : SyntaxNode;

[Flags]
public enum StorageClass : byte { None = 0, Typedef = 1, Extern = 2, Static = 4, Auto = 8, Register = 16, ThreadLocal = 32 }

[Flags]
public enum TypeQualifiers : byte { None = 0, Const = 1, Volatile = 2, Restrict = 4, Atomic = 8 }

[Flags]
public enum FunctionSpecifiers : byte { None = 0, Inline = 1, NoReturn = 2, Extension = 4 }

/// <summary>The specifiers in front of the declarators: <c>static const unsigned long</c>, <c>struct s { ... }</c>.</summary>
public sealed record DeclarationSpecifiersSyntax(
    StorageClass Storage,
    TypeQualifiers Qualifiers,
    FunctionSpecifiers FunctionSpecifiers,
    TypeSpecifierSyntax? Type,
    IReadOnlyList<AttributeSyntax> Attributes,
    IReadOnlyList<AlignasSyntax> Alignments) : SyntaxNode;

/// <summary><c>_Alignas(type or expression)</c>.</summary>
public sealed record AlignasSyntax(SyntaxNode Operand) : SyntaxNode;

// ---- type specifiers ------------------------------------------------------------------------------------------------

public abstract record TypeSpecifierSyntax : SyntaxNode;

/// <summary>
/// Keywords that together name a type, in source order: <c>unsigned</c> <c>long</c> <c>long</c>, <c>void</c>, <c>_Bool</c>, <c>__int128</c>,
/// <c>double</c>, ... The binder decides whether the combination is one.
/// </summary>
public sealed record BuiltinTypeSyntax(IReadOnlyList<string> Keywords) : TypeSpecifierSyntax;

public sealed record TypedefNameSyntax(string Name) : TypeSpecifierSyntax;

/// <summary><c>typeof(expression)</c>, <c>typeof(type)</c>; <c>__auto_type</c> has a null operand. <c>_Atomic(type)</c> is an unqualified one beside the qualifier.</summary>
public sealed record TypeofSyntax(SyntaxNode? Operand) : TypeSpecifierSyntax
{
    /// <summary><c>typeof_unqual</c>: qualifiers of the operand are dropped.</summary>
    public bool IsUnqualified { get; init; }
}

public enum RecordKeyword : byte { Struct, Union }

/// <summary>A structure or union: a definition when <paramref name="Members"/> is not null, otherwise a reference.</summary>
public sealed record RecordSpecifierSyntax(
    RecordKeyword Keyword, string? Tag, IReadOnlyList<DeclarationSyntax>? Members, IReadOnlyList<AttributeSyntax> Attributes) : TypeSpecifierSyntax
{
    /// <summary><c>#pragma pack</c> in force at the definition, in bytes; 0 for none.</summary>
    public int PragmaPack { get; init; }
}

/// <summary>An enumeration: a definition when <paramref name="Enumerators"/> is not null, otherwise a reference.</summary>
public sealed record EnumSpecifierSyntax(
    string? Tag, IReadOnlyList<EnumeratorSyntax>? Enumerators, IReadOnlyList<AttributeSyntax> Attributes) : TypeSpecifierSyntax
{
    /// <summary>A fixed underlying type (<c>enum e : u8</c>), or null.</summary>
    public TypeNameSyntax? UnderlyingType { get; init; }
}

public sealed record EnumeratorSyntax(string Name, ExpressionSyntax? Value, IReadOnlyList<AttributeSyntax> Attributes) : SyntaxNode;

/// <summary>A type written where an expression could stand: in casts, sizeof, compound literals, _Generic.</summary>
public sealed record TypeNameSyntax(DeclarationSpecifiersSyntax Specifiers, DeclaratorSyntax Declarator) : SyntaxNode;

// ---- declarators: from the inside (the name) to the outside ---------------------------------------------------------

/// <summary>
/// What surrounds a declared name. <c>int *(*f[3])(void)</c> is Pointer(Function(Pointer(Array(Name f, 3)))) read from the outside:
/// each node applies its derivation to the type that comes from outside and hands the result to <c>Inner</c>.
/// </summary>
public abstract record DeclaratorSyntax : SyntaxNode
{
    public IReadOnlyList<AttributeSyntax> Attributes { get; init; } = [];
}

/// <summary>The innermost node; the name is null in abstract declarators.</summary>
public sealed record NameDeclaratorSyntax(string? Name) : DeclaratorSyntax;

/// <summary><c>* qualifiers inner</c>.</summary>
public sealed record PointerDeclaratorSyntax(DeclaratorSyntax Inner, TypeQualifiers Qualifiers) : DeclaratorSyntax;

/// <summary><c>inner [ length ]</c>; null length for <c>[]</c>. <c>static</c> and qualifiers occur in parameters only.</summary>
public sealed record ArrayDeclaratorSyntax(DeclaratorSyntax Inner, ExpressionSyntax? Length, TypeQualifiers Qualifiers, bool IsStatic) : DeclaratorSyntax;

/// <summary>
/// <c>inner ( parameters )</c>. Without prototype <paramref name="Parameters"/> is empty and <paramref name="IdentifierList"/> holds the names of an
/// old-style definition (possibly none).
/// </summary>
public sealed record FunctionDeclaratorSyntax(
    DeclaratorSyntax Inner, IReadOnlyList<ParameterSyntax> Parameters, bool IsVariadic, bool HasPrototype, IReadOnlyList<IdentifierSyntax> IdentifierList) : DeclaratorSyntax;

public sealed record ParameterSyntax(DeclarationSpecifiersSyntax Specifiers, DeclaratorSyntax Declarator) : SyntaxNode;

/// <summary>A declarator with what may follow it: asm label, attributes, bit-field width, initializer.</summary>
public sealed record InitDeclaratorSyntax(
    DeclaratorSyntax Declarator, ExpressionSyntax? BitWidth, InitializerSyntax? Initializer, string? AsmLabel, IReadOnlyList<AttributeSyntax> Attributes) : SyntaxNode;

// ---- declarations ---------------------------------------------------------------------------------------------------

/// <summary>Variables, functions, typedefs, members, or just a tag: <c>specifiers declarators ;</c></summary>
public sealed record SimpleDeclarationSyntax(DeclarationSpecifiersSyntax Specifiers, IReadOnlyList<InitDeclaratorSyntax> Declarators) : DeclarationSyntax;

/// <summary>A function with its body. <paramref name="OldStyleParameters"/> are the declarations between declarator and body.</summary>
public sealed record FunctionDefinitionSyntax(
    DeclarationSpecifiersSyntax Specifiers, DeclaratorSyntax Declarator, IReadOnlyList<AttributeSyntax> Attributes,
    IReadOnlyList<DeclarationSyntax> OldStyleParameters, CompoundStatementSyntax Body) : DeclarationSyntax;

public sealed record StaticAssertSyntax(ExpressionSyntax Condition, string? Message) : DeclarationSyntax;

/// <summary><c>asm("...")</c> at file scope.</summary>
public sealed record FileAsmSyntax(string Text) : DeclarationSyntax;

/// <summary>Tokens the parser skipped after reporting an error.</summary>
public sealed record ErrorDeclarationSyntax : DeclarationSyntax;

// ---- initializers ---------------------------------------------------------------------------------------------------

public abstract record InitializerSyntax : SyntaxNode;

public sealed record ExpressionInitializerSyntax(ExpressionSyntax Expression) : InitializerSyntax;

public sealed record ListInitializerSyntax(IReadOnlyList<InitializerItemSyntax> Items) : InitializerSyntax;

/// <summary>One entry of a braced list with its designators (outermost first; usually none).</summary>
public sealed record InitializerItemSyntax(IReadOnlyList<DesignatorSyntax> Designators, InitializerSyntax Value) : SyntaxNode;

public abstract record DesignatorSyntax : SyntaxNode;

/// <summary><c>.field</c>, also the old <c>field:</c>.</summary>
public sealed record FieldDesignatorSyntax(string Name) : DesignatorSyntax;

/// <summary><c>[first]</c> or GNU's <c>[first ... last]</c>.</summary>
public sealed record IndexDesignatorSyntax(ExpressionSyntax First, ExpressionSyntax? Last) : DesignatorSyntax;
