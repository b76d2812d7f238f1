// Specifiers and declarators: from "static const struct s *(*name[3])(int)" to a type and a name (C11 6.7.2, 6.7.6).
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private readonly record struct Specifiers(
        QualifiedType Type, StorageClass Storage, FunctionSpecifiers Function, DeclarationSpecifiersSyntax Syntax, bool IsAutoType);

    /// <summary>A declarator applied to its specifiers.</summary>
    private sealed class Declarator(SyntaxNode node)
    {
        public SyntaxNode Node { get; } = node;

        public QualifiedType Type { get; set; }

        public string? Name { get; set; }

        public SourceLocation Location { get; set; }

        /// <summary>The function declarator next to the name, with its scope and parameters.</summary>
        public FunctionDeclaratorSyntax? Function { get; set; }

        public Scope? PrototypeScope { get; set; }

        public IReadOnlyList<ParameterSymbol>? Parameters { get; set; }

        public List<AttributeSyntax> Attributes { get; } = [];

        /// <summary>Pointers, arrays and functions around the name.</summary>
        public int Derivations { get; set; }
    }

    private Specifiers BindSpecifiers(DeclarationSpecifiersSyntax syntax, bool isBare)
    {
        StorageClass storage = syntax.Storage;
        if ((storage & StorageClass.ThreadLocal) != 0)
        {
            Report(D.ThreadLocal, syntax);
            storage &= ~StorageClass.ThreadLocal;
        }
        if (storage != 0 && !System.Numerics.BitOperations.IsPow2((uint)storage))
            Report(D.MultipleStorageClasses, syntax);
        if (storage is StorageClass.Auto or StorageClass.Register && _function is null && _scope.Kind != ScopeKind.Prototype)
        {
            Report(D.IllegalStorageClass, syntax, "file-scope declaration");
            storage = StorageClass.None;
        }
        bool isAuto = syntax.Type is TypeofSyntax { Operand: null };
        QualifiedType type = isAuto ? ErrorType.Instance : BindTypeSpecifier(syntax, isBare);
        type = type.With(syntax.Qualifiers);
        if ((syntax.Qualifiers & TypeQualifiers.Restrict) != 0 && type.Canonical is not (PointerType or ErrorType))
            Report(D.QualifiedFunction, syntax, Show(type with { Qualifiers = type.Qualifiers & ~TypeQualifiers.Restrict }));
        type = ApplyTypeAttributes(type, syntax.Attributes);
        return new Specifiers(type, storage, syntax.FunctionSpecifiers, syntax, isAuto);
    }

    private QualifiedType BindTypeName(TypeNameSyntax syntax)
    {
        Specifiers specifiers = BindSpecifiers(syntax.Specifiers, false);
        if (specifiers.IsAutoType)
        {
            Report(D.AutoTypeNeedsInitializer, syntax, "");
            return ErrorType.Instance;
        }
        return BindDeclarator(syntax.Declarator, specifiers, null).Type;
    }

    private const int MaximumDerivations = 1000;

    /// <param name="initializer">What follows, when it may complete an array; only its presence matters.</param>
    private Declarator BindDeclarator(DeclaratorSyntax syntax, Specifiers specifiers, InitializerSyntax? initializer, bool isParameter = false)
    {
        var result = new Declarator(syntax) { Type = specifiers.Type, Location = syntax.Location };
        DeclaratorSyntax current = syntax;
        while (true)
        {
            if (current is not NameDeclaratorSyntax && ++result.Derivations > MaximumDerivations)
            {
                Report(D.TypeTooDeep, syntax);
                result.Type = ErrorType.Instance;
                return result;
            }
            switch (current)
            {
                case NameDeclaratorSyntax name:
                    result.Name = name.Name;
                    if (!name.Location.IsNone)
                        result.Location = name.Location;
                    result.Attributes.AddRange(name.Attributes);
                    return result;
                case PointerDeclaratorSyntax pointer:
                    result.Type = new QualifiedType(PointerTo(result.Type), pointer.Qualifiers);
                    result.Type = ApplyTypeAttributes(result.Type, pointer.Attributes);
                    AddDeclarationAttributes(result.Attributes, pointer.Attributes);
                    result.Function = null;
                    current = pointer.Inner;
                    break;
                case ArrayDeclaratorSyntax array:
                    // A parameter's outermost dimension disappears: it need not be a constant.
                    bool isAdjusted = isParameter && array.Inner is NameDeclaratorSyntax;
                    result.Type = MakeArray(result.Type, array, isAdjusted);
                    result.Attributes.AddRange(array.Attributes);
                    if (isAdjusted && array.Qualifiers != 0 && result.Type.Canonical is ArrayType adjusted)
                        result.Type = new QualifiedType(PointerTo(adjusted.Element), array.Qualifiers);
                    result.Function = null;
                    current = array.Inner;
                    break;
                case FunctionDeclaratorSyntax function:
                    result.Type = MakeFunction(result, function);
                    result.Attributes.AddRange(function.Attributes);
                    result.Function = function;
                    current = function.Inner;
                    break;
                default:
                    return result;
            }
        }
    }

    private static PointerType PointerTo(QualifiedType type)
        => type.Qualifiers == TypeQualifiers.None ? type.Type.PointerTo() : new PointerType(type);

    private QualifiedType MakeArray(QualifiedType element, ArrayDeclaratorSyntax syntax, bool isAdjusted)
    {
        if (TypeRelations.IsError(element.Type))
            return element;
        if (element.Canonical is FunctionType)
        {
            Report(D.ArrayOfFunctions, syntax);
            return ErrorType.Instance;
        }
        if (!IsCompleteHere(element.Type))
        {
            Report(D.ArrayOfIncomplete, syntax, Show(element));
            return ErrorType.Instance;
        }
        if (syntax.Length is null)
            return new ArrayType(element, null);
        if (BindArrayLength(syntax.Length, isAdjusted) is not { } length)
            return isAdjusted ? new ArrayType(element, null) : ErrorType.Instance;
        long size = element.Type.Size;
        if (length > ArrayType.MaximumSize || (size > 0 && length > ArrayType.MaximumSize / size))
        {
            Report(D.ArrayTooLarge, syntax.Length, length);
            return ErrorType.Instance;
        }
        return new ArrayType(element, (long)length);
    }

    private Int128? BindArrayLength(ExpressionSyntax syntax, bool isAdjusted)
    {
        BoundExpression length = BindValue(syntax);
        if (TypeRelations.IsError(length.Type.Type))
            return null;
        if (!TypeRelations.IsInteger(length.Type.Type))
        {
            Report(D.ArraySizeNotInteger, syntax, Show(length.Type));
            return null;
        }
        if (!TryGetConstant(length, out Int128 value))
        {
            if (!isAdjusted)
                Report(D.VariableLengthArray, syntax);
            return null;
        }
        if (length is not BoundLiteral)
            Report(D.FoldedConstant, syntax);
        if (value >= 0)
            return value;
        Report(D.NegativeArraySize, syntax);
        return null;
    }

    // ---- functions -----------------------------------------------------------------------------------------------------

    private QualifiedType MakeFunction(Declarator declarator, FunctionDeclaratorSyntax syntax)
    {
        QualifiedType returnType = declarator.Type;
        if (returnType.Canonical is ArrayType or FunctionType)
        {
            Report(D.FunctionReturnsArray, syntax, returnType.Canonical is ArrayType ? "array" : "function", Show(returnType));
            returnType = IntegerType.Int;
        }
        var scope = new Scope(_scope, ScopeKind.Prototype);
        Scope outer = _scope;
        _scope = scope;
        var parameters = new List<FunctionParameter>(syntax.Parameters.Count);
        var symbols = new List<ParameterSymbol>(syntax.Parameters.Count);
        for (int i = 0; i < syntax.Parameters.Count; i++)
        {
            if (syntax.Parameters.Count == 1 && !syntax.IsVariadic && IsVoidParameter(syntax.Parameters[0]))
                break;
            BindParameter(syntax.Parameters[i], scope, parameters, symbols);
        }
        _scope = outer;
        declarator.PrototypeScope = scope;
        declarator.Parameters = symbols;
        // A function's qualifiers on its result mean nothing.
        return new FunctionType(returnType, parameters, syntax.IsVariadic, syntax.HasPrototype);
    }

    private bool IsVoidParameter(ParameterSyntax syntax)
        => syntax.Declarator is NameDeclaratorSyntax { Name: null } && syntax.Specifiers is { Qualifiers: 0, Storage: 0 }
            && (syntax.Specifiers.Type is BuiltinTypeSyntax { Keywords: ["void"] }
                || (syntax.Specifiers.Type is TypedefNameSyntax typedef && LookupName(typedef.Name) is TypedefSymbol symbol && TypeRelations.IsVoid(symbol.Type.Type)));

    private void BindParameter(ParameterSyntax syntax, Scope scope, List<FunctionParameter> parameters, List<ParameterSymbol> symbols)
    {
        Specifiers specifiers = BindSpecifiers(syntax.Specifiers, false);
        if ((specifiers.Storage & ~StorageClass.Register) != 0)
            Report(D.IllegalStorageClass, syntax, "parameter");
        Declarator declarator = BindDeclarator(syntax.Declarator, specifiers, null, isParameter: true);
        QualifiedType type = declarator.Type;
        if (specifiers.IsAutoType)
        {
            Report(D.AutoTypeNeedsInitializer, syntax, declarator.Name);
            type = ErrorType.Instance;
        }
        if (TypeRelations.IsVoid(type.Type))
        {
            Report(declarator.Name is null ? D.InvalidVoidParameter : D.VoidParameter, syntax);
            type = ErrorType.Instance;
        }
        type = AdjustParameter(type);
        SymbolAttributes attributes = BindAttributes(specifiers, declarator, AttributeTarget.Parameter);
        parameters.Add(new FunctionParameter(declarator.Name, type, declarator.Location) { DeclTags = attributes.DeclTags });
        var symbol = new ParameterSymbol(declarator.Name ?? "", type, symbols.Count, declarator.Location)
        {
            Attributes = attributes, Storage = specifiers.Storage, IsDefined = true, DeclarationOrder = _order,
        };
        symbols.Add(symbol);
        if (declarator.Name is null)
            return;
        if (scope.FindName(declarator.Name) is not null)
            Report(D.ParameterRedefinition, syntax, declarator.Name);
        scope.Declare(declarator.Name, symbol);
    }

    /// <summary>Array and function parameters are pointers (C11 6.7.6.3p7).</summary>
    private static QualifiedType AdjustParameter(QualifiedType type) => type.Canonical switch
    {
        ArrayType => PointerTo(TypeRelations.ElementOf(type)),
        FunctionType => type.Type.PointerTo(),
        _ => type,
    };
}
