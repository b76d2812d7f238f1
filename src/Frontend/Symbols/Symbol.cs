// Named things: variables, functions, typedefs, labels.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Symbols;

public abstract class Symbol(string name, SourceLocation location)
{
    public string Name { get; } = name;

    /// <summary>The name in its (first) declaration.</summary>
    public SourceLocation Location { get; set; } = location;

    public SymbolAttributes Attributes { get; set; } = SymbolAttributes.None;

    /// <summary>Something refers to it; for unused warnings and for what must be emitted.</summary>
    public bool IsReferenced { get; set; }

    /// <summary>Named anywhere, also where nothing is evaluated (<c>sizeof x</c>).</summary>
    internal bool IsMentioned { get; set; }

    /// <summary>Order of the first top-level declaration (file scope only); names are visible from there on.</summary>
    internal int DeclarationOrder { get; set; }

    public override string ToString() => Name;
}

public enum SymbolLinkage : byte { None, Internal, External }

/// <summary>A variable of any scope. File-scope and static ones become IR globals, the others stack objects.</summary>
public class VariableSymbol(string name, QualifiedType type, SourceLocation location) : Symbol(name, location)
{
    /// <summary>May become more complete by redeclaration (<c>int a[]; int a[3];</c>) or by its initializer.</summary>
    public QualifiedType Type { get; set; } = type;

    public StorageClass Storage { get; set; }

    public SymbolLinkage Linkage { get; set; }

    /// <summary>Lives for the whole program: file scope, or <c>static</c> in a function.</summary>
    public bool IsGlobal { get; set; }

    /// <summary>Declared <c>extern</c> and never defined in this unit.</summary>
    public bool IsExternal { get; set; }

    /// <summary>The function a static local lives in, or null.</summary>
    public FunctionSymbol? Owner { get; set; }

    /// <summary>Bound initial value of a global; null means zero. Locals have theirs in the declaration statement.</summary>
    public BoundInitializer? Initializer { get; set; }

    /// <summary>The address of the variable is taken somewhere.</summary>
    public bool IsAddressTaken { get; set; }

    /// <summary>Has a definition (for globals also a tentative one) in this unit.</summary>
    internal bool IsDefined { get; set; }

    /// <summary>Its value is read somewhere, not only assigned.</summary>
    internal bool IsRead { get; set; }

    /// <summary>The value of a const-qualified integer with a constant initializer (GNU folding of array lengths).</summary>
    internal Int128? ConstantValue { get; set; }
}

public sealed class ParameterSymbol(string name, QualifiedType type, int index, SourceLocation location) : VariableSymbol(name, type, location)
{
    public int Index { get; } = index;
}

public sealed class FunctionSymbol(string name, FunctionType type, SourceLocation location) : Symbol(name, location)
{
    public FunctionType Type { get; set; } = type;

    public SymbolLinkage Linkage { get; set; }

    public bool IsInline { get; set; }

    public bool IsDefined { get; set; }

    /// <summary>C11 inline semantics leave no external definition in this unit.</summary>
    public bool IsInlineDefinitionOnly { get; set; }

    public IReadOnlyList<ParameterSymbol> Parameters { get; set; } = [];

    /// <summary>Some declaration lacks <c>inline</c>, or has <c>extern</c>: what C11's inline rules ask.</summary>
    internal bool HasPlainDeclaration { get; set; }

    /// <summary>The definition was written <c>extern inline</c>.</summary>
    internal bool IsDefinedExternInline { get; set; }

    /// <summary>The assembler name when an asm label gives another one.</summary>
    public string? AsmLabel { get; set; }
}

public sealed class TypedefSymbol(string name, QualifiedType type, SourceLocation location) : Symbol(name, location)
{
    private TypedefType? _asType;

    public QualifiedType Type { get; } = type;

    /// <summary>The one type node that stands for this typedef.</summary>
    public TypedefType AsType => _asType ??= new TypedefType(this);
}

public sealed class LabelSymbol(string name, SourceLocation location) : Symbol(name, location)
{
    public bool IsDefined { get; set; }
}

/// <summary>What attributes say about a symbol, a field or a record.</summary>
public sealed record SymbolAttributes
{
    public static readonly SymbolAttributes None = new();

    public string? Section { get; init; }

    public bool Used { get; init; }

    public bool Unused { get; init; }

    public bool AlwaysInline { get; init; }

    public bool NoInline { get; init; }

    public bool Weak { get; init; }

    public bool Hidden { get; init; }

    public bool Packed { get; init; }

    public bool Naked { get; init; }

    public bool NoReturn { get; init; }

    public bool Cold { get; init; }

    /// <summary>The function called with the variable's address where its scope is left, or null.</summary>
    public Syntax.NameExpressionSyntax? Cleanup { get; init; }

    public bool MayAlias { get; init; }

    public bool PreserveAccessIndex { get; init; }

    /// <summary>The function is <c>gnu_inline</c>: inline means what it meant before C99.</summary>
    public bool GnuInline { get; init; }

    public bool TransparentUnion { get; init; }

    public bool WarnUnusedResult { get; init; }

    /// <summary>Pure or const: a call whose value is not used does nothing.</summary>
    public bool IsPure { get; init; }

    /// <summary>From <c>aligned(n)</c> or <c>_Alignas</c>, in bytes.</summary>
    public int? Alignment { get; init; }

    public string? Alias { get; init; }

    public string? Deprecated { get; init; }

    public IReadOnlyList<string> DeclTags { get; init; } = [];
}
