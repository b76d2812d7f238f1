// Declarations: specifiers and declarators to types and names; variables, functions and typedefs at file scope and in blocks;
// merging of redeclarations (C11 6.2.2, 6.2.7, 6.7, 6.9.2).
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private readonly record struct PendingInitializer(InitializerSyntax Syntax, Scope Scope, int Order, FunctionContext? Function);

    private readonly record struct PendingBody(FunctionDefinitionSyntax Syntax, Scope Prototype, int Order);

    private readonly Dictionary<VariableSymbol, PendingInitializer> _pendingInitializers = [];
    private readonly Dictionary<FunctionSymbol, PendingBody> _pendingBodies = [];
    private readonly Dictionary<Symbol, SourceLocation> _definitionLocations = [];

    private void BindFileDeclaration(DeclarationSyntax syntax)
    {
        switch (syntax)
        {
            case SimpleDeclarationSyntax simple:
                BindSimpleDeclaration(simple, null);
                break;
            case FunctionDefinitionSyntax function:
                BindFunctionDefinition(function);
                break;
            case StaticAssertSyntax assertion:
                BindStaticAssert(assertion);
                break;
            case FileAsmSyntax assembly:
                _fileAssembly.Add(assembly.Text);
                break;
        }
    }

    /// <summary>A declaration with any number of declarators; locals' statements go to <paramref name="statements"/> (null at file scope).</summary>
    private void BindSimpleDeclaration(SimpleDeclarationSyntax syntax, List<BoundStatement>? statements)
    {
        Specifiers specifiers = BindSpecifiers(syntax.Specifiers, syntax.Declarators.Count == 0);
        if (syntax.Declarators.Count == 0)
        {
            if (syntax.Specifiers.Type is not (RecordSpecifierSyntax { Tag: not null } or EnumSpecifierSyntax) && !TypeRelations.IsError(specifiers.Type.Type))
                Report(D.MissingDeclarator, syntax);
            return;
        }
        foreach (InitDeclaratorSyntax item in syntax.Declarators)
        {
            Declarator declarator = BindDeclarator(item.Declarator, specifiers, item.Initializer);
            declarator.Attributes.AddRange(item.Attributes);
            declarator.Type = ApplyTypeAttributes(declarator.Type, item.Attributes);
            if (declarator.Name is null)
                continue;
            if ((specifiers.Storage & StorageClass.Typedef) != 0)
                DeclareTypedef(specifiers, declarator, item);
            else if (declarator.Type.Canonical is FunctionType type)
                DeclareFunction(specifiers, declarator, type, item.AsmLabel, null, item.Initializer);
            else if (_scope.Kind == ScopeKind.File)
                DeclareFileVariable(specifiers, declarator, item, _fileScope);
            else
                DeclareLocal(specifiers, declarator, item, statements!);
        }
    }

    private void BindStaticAssert(StaticAssertSyntax syntax)
    {
        BoundExpression condition = BindValue(syntax.Condition);
        if (TypeRelations.IsError(condition.Type.Type))
            return;
        if (!TryGetConstant(condition, out Int128 value))
            Report(D.EnumeratorNotConstant, syntax.Condition);
        else if (value == 0)
            Report(D.StaticAssertFailed, syntax.Condition, syntax.Message is { } message ? ": " + Unquote(message) : "");
    }

    private static string Unquote(string text) => text.Length >= 2 && text[0] == '"' && text[^1] == '"' ? text[1..^1] : text;

    // ---- typedefs ------------------------------------------------------------------------------------------------------

    private void DeclareTypedef(Specifiers specifiers, Declarator declarator, InitDeclaratorSyntax item)
    {
        string name = declarator.Name!;
        if (item.Initializer is not null)
            Report(D.FunctionInitialized, item.Initializer);
        if (_scope.Kind == ScopeKind.File)
            BindDeclarationsOf(NameSpaceKind.Ordinary, name, _order - 1);
        Symbol? existing = _scope.FindName(name);
        if (existing is TypedefSymbol previous)
        {
            if (!TypeRelations.AreCompatible(previous.Type, declarator.Type) && !TypeRelations.IsError(declarator.Type.Type))
                ReportWithNote(D.TypedefRedefinition, SourceSpan.At(declarator.Location, name.Length), "previous definition is here", previous.Location, Show(declarator.Type), Show(previous.Type));
            return;
        }
        if (existing is not null)
        {
            ReportOtherKind(declarator, existing);
            return;
        }
        var symbol = new TypedefSymbol(name, declarator.Type, declarator.Location) { DeclarationOrder = _order };
        symbol.Attributes = BindAttributes(specifiers, declarator, AttributeTarget.Typedef);
        switch (declarator.Type.Type)
        {
            case RecordType { Tag: null, NamingTypedef: null } record:
                record.NamingTypedef = symbol;
                break;
            case EnumType { Tag: null, NamingTypedef: null } enumeration:
                enumeration.NamingTypedef = symbol;
                break;
        }
        _scope.Declare(name, symbol);
    }

    private void ReportOtherKind(Declarator declarator, Symbol existing)
        => ReportWithNote(D.RedefinedAsOtherKind, SourceSpan.At(declarator.Location, declarator.Name!.Length), "previous definition is here", existing.Location, declarator.Name);

    // ---- functions -----------------------------------------------------------------------------------------------------

    private void BindFunctionDefinition(FunctionDefinitionSyntax syntax)
    {
        Specifiers specifiers = BindSpecifiers(syntax.Specifiers, false);
        Declarator declarator = BindDeclarator(syntax.Declarator, specifiers, null);
        declarator.Attributes.AddRange(syntax.Attributes);
        if (declarator.Name is null)
            return;
        if (declarator.Type.Canonical is not FunctionType type || declarator.Function is null)
        {
            if (!TypeRelations.IsError(declarator.Type.Type))
                Report(D.NotAFunctionDefinition, syntax);
            return;
        }
        if (declarator.Function.IdentifierList.Count > 0)
            type = BindOldStyleParameters(syntax, declarator, type);
        DeclareFunction(specifiers, declarator, type, null, syntax, null);
    }

    /// <summary><c>f(a, b) int a; char b; { ... }</c>: parameters declared behind the list, int where nothing is said.</summary>
    private FunctionType BindOldStyleParameters(FunctionDefinitionSyntax syntax, Declarator declarator, FunctionType type)
    {
        var parameters = new List<ParameterSymbol>();
        foreach (IdentifierSyntax name in declarator.Function!.IdentifierList)
            parameters.Add(new ParameterSymbol(name.Text, ErrorType.Instance, parameters.Count, name.Location));
        Context saved = Enter(declarator.PrototypeScope!, _order, _function);
        foreach (DeclarationSyntax declaration in syntax.OldStyleParameters)
        {
            if (declaration is not SimpleDeclarationSyntax simple)
                continue;
            Specifiers specifiers = BindSpecifiers(simple.Specifiers, false);
            foreach (InitDeclaratorSyntax item in simple.Declarators)
            {
                Declarator parameter = BindDeclarator(item.Declarator, specifiers, null);
                ParameterSymbol? found = parameters.Find(candidate => candidate.Name == parameter.Name);
                if (found is null)
                    Report(D.NotAParameter, item.Declarator, parameter.Name);
                else
                    found.Type = AdjustParameter(parameter.Type);
            }
        }
        Leave(saved);
        foreach (ParameterSymbol parameter in parameters)
        {
            if (parameter.Type.Type is ErrorType)
            {
                Report(D.MissingTypeSpecifier, parameter.Location);
                parameter.Type = IntegerType.Int;
            }
            declarator.PrototypeScope!.Declare(parameter.Name, parameter);
        }
        declarator.Parameters = parameters;
        return new FunctionType(type.ReturnType, [.. parameters.Select(p => new FunctionParameter(p.Name, p.Type, p.Location))], false, false);
    }

    private void DeclareFunction(
        Specifiers specifiers, Declarator declarator, FunctionType type, string? asmLabel, FunctionDefinitionSyntax? definition, InitializerSyntax? initializer)
    {
        string name = declarator.Name!;
        bool isFile = _scope.Kind == ScopeKind.File;
        if (initializer is not null)
            Report(D.FunctionInitialized, initializer);
        if ((specifiers.Storage & (StorageClass.Auto | StorageClass.Register)) != 0)
            Report(D.IllegalStorageClass, declarator.Node, "function");
        if (!isFile && (specifiers.Storage & StorageClass.Static) != 0)
            Report(D.BlockScopeStaticFunction, declarator.Node);
        if (isFile)
            BindDeclarationsOf(NameSpaceKind.Ordinary, name, _order - 1);
        else if (_scope.FindName(name) is { } inner and not FunctionSymbol)
        {
            ReportOtherKind(declarator, inner);
            return;
        }
        else
            BindDeclarationsOf(NameSpaceKind.Ordinary, name, _order);

        bool isStatic = isFile && (specifiers.Storage & StorageClass.Static) != 0;
        bool isInline = (specifiers.Function & FunctionSpecifiers.Inline) != 0;
        Symbol? existing = _fileScope.FindName(name);
        if (existing is not null and not FunctionSymbol)
        {
            ReportOtherKind(declarator, existing);
            return;
        }
        var symbol = existing as FunctionSymbol;
        if (symbol is null)
        {
            symbol = new FunctionSymbol(name, type, declarator.Location)
            {
                Linkage = isStatic ? SymbolLinkage.Internal : SymbolLinkage.External,
                DeclarationOrder = _order,
            };
            _fileScope.Declare(name, symbol);
            _functions.Add(symbol);
        }
        else
        {
            SourceSpan span = SourceSpan.At(declarator.Location, name.Length);
            if (!TypeRelations.AreCompatible(symbol.Type, type))
            {
                ReportWithNote(D.ConflictingTypes, span, symbol.IsDefined ? "previous definition is here" : "previous declaration is here", symbol.Location, name, Show(type), Show(symbol.Type));
                if (definition is null)
                    return;
                symbol.Type = type;
            }
            else
            {
                symbol.Type = definition is not null || !symbol.IsDefined ? TypeRelations.Composite(type, symbol.Type) : TypeRelations.Composite(symbol.Type, type);
            }
            if (isStatic && symbol.Linkage == SymbolLinkage.External)
                ReportWithNote(D.StaticAfterNonStatic, span, "previous declaration is here", symbol.Location, name);
            if (definition is not null && symbol.IsDefined)
            {
                ReportWithNote(D.Redefinition, span, "previous definition is here", _definitionLocations.GetValueOrDefault(symbol, symbol.Location), name);
                return;
            }
        }
        if (!isFile)
            _scope.Declare(name, symbol);
        symbol.Attributes = MergeAttributes(symbol, BindAttributes(specifiers, declarator, AttributeTarget.Function), declarator);
        symbol.IsInline |= isInline;
        if (isFile && (!isInline || (specifiers.Storage & StorageClass.Extern) != 0))
            symbol.HasPlainDeclaration = true;
        if (asmLabel is not null)
            symbol.AsmLabel = Unquote(asmLabel);
        if (definition is null)
        {
            if (symbol.Attributes.Alias is not null)
                Require(symbol);
            return;
        }
        symbol.IsDefined = true;
        symbol.IsDefinedExternInline = isInline && (specifiers.Storage & StorageClass.Extern) != 0;
        symbol.Location = declarator.Location;
        _definitionLocations[symbol] = declarator.Location;
        symbol.Parameters = declarator.Parameters ?? [];
        _pendingBodies[symbol] = new PendingBody(definition, declarator.PrototypeScope!, _order);
        if (type.IsVariadic && symbol.Linkage == SymbolLinkage.External && !symbol.Attributes.AlwaysInline)
            Report(D.DefinesVariadic, declarator.Node, name);
        foreach (ParameterSymbol parameter in symbol.Parameters)
        {
            if (parameter.Name.Length == 0)
                Report(D.MissingParameterName, parameter.Location);
            else if (!parameter.Type.Type.IsComplete && !TypeRelations.IsError(parameter.Type.Type))
                Report(D.IncompleteVariable, parameter.Location, Show(parameter.Type));
        }
        if (!type.ReturnType.Type.IsComplete && !TypeRelations.IsVoid(type.ReturnType.Type))
            Report(D.IncompleteArgument, declarator.Node, Show(type.ReturnType));
        if ((symbol.Linkage == SymbolLinkage.External && !symbol.IsInline) || symbol.Attributes.Used)
            Require(symbol);
    }

    // ---- variables at file scope ---------------------------------------------------------------------------------------

    private VariableSymbol? DeclareFileVariable(Specifiers specifiers, Declarator declarator, InitDeclaratorSyntax item, Scope visibleIn)
    {
        string name = declarator.Name!;
        bool isFile = _scope.Kind == ScopeKind.File;
        if ((specifiers.Storage & (StorageClass.Auto | StorageClass.Register)) != 0)
            Report(D.IllegalStorageClass, declarator.Node, "file-scope variable");
        BindDeclarationsOf(NameSpaceKind.Ordinary, name, isFile ? _order - 1 : _order);
        bool isExtern = (specifiers.Storage & StorageClass.Extern) != 0;
        bool isStatic = (specifiers.Storage & StorageClass.Static) != 0;
        QualifiedType type = declarator.Type;
        if (specifiers.IsAutoType)
        {
            type = DeduceAutoType(declarator, item.Initializer, specifiers.Type.Qualifiers);
            declarator.Type = type;
        }
        Symbol? existing = _fileScope.FindName(name);
        if (existing is not null and not VariableSymbol)
        {
            ReportOtherKind(declarator, existing);
            return null;
        }
        var symbol = existing as VariableSymbol;
        if (symbol is null)
        {
            symbol = new VariableSymbol(name, type, declarator.Location)
            {
                IsGlobal = true, Storage = specifiers.Storage, DeclarationOrder = _order,
                Linkage = isStatic ? SymbolLinkage.Internal : SymbolLinkage.External,
            };
            _fileScope.Declare(name, symbol);
            _globals.Add(symbol);
        }
        else
        {
            SourceSpan span = SourceSpan.At(declarator.Location, name.Length);
            if (!TypeRelations.AreCompatible(symbol.Type, type))
            {
                ReportWithNote(D.ConflictingTypes, span, "previous declaration is here", symbol.Location, name, Show(type), Show(symbol.Type));
                return symbol;
            }
            symbol.Type = TypeRelations.Composite(symbol.Type, type);
            if (isStatic && symbol.Linkage == SymbolLinkage.External)
                ReportWithNote(D.StaticAfterNonStatic, span, "previous declaration is here", symbol.Location, name);
            else if (!isStatic && !isExtern && symbol.Linkage == SymbolLinkage.Internal)
                ReportWithNote(D.NonStaticAfterStatic, span, "previous declaration is here", symbol.Location, name);
        }
        if (!ReferenceEquals(visibleIn, _fileScope))
            visibleIn.Declare(name, symbol);
        symbol.Attributes = MergeAttributes(symbol, BindAttributes(specifiers, declarator, AttributeTarget.Variable), declarator);
        if (isExtern && item.Initializer is null)
            return symbol;
        if (!isFile)
        {
            Report(D.ExternInitialized, item.Initializer!);
            return symbol;
        }
        if (item.Initializer is not null)
        {
            if (_definitionLocations.TryGetValue(symbol, out SourceLocation earlier))
            {
                ReportWithNote(D.Redefinition, SourceSpan.At(declarator.Location, name.Length), "previous definition is here", earlier, name);
                return symbol;
            }
            _definitionLocations[symbol] = declarator.Location;
        }
        if (!symbol.IsDefined || item.Initializer is not null)
            symbol.Location = declarator.Location;
        symbol.IsDefined = true;
        if (TypeRelations.IsVoid(symbol.Type.Type))
        {
            Report(D.IncompleteVariable, declarator.Node, Show(symbol.Type));
            symbol.Type = ErrorType.Instance;
        }
        if (item.Initializer is not null)
            AddInitializer(symbol, item.Initializer);
        if (symbol.Linkage == SymbolLinkage.External || symbol.Attributes.Used)
            Require(symbol);
        return symbol;
    }

    /// <summary>Keeps an initializer of static storage for when the variable is needed, or binds it now when the type depends on it.</summary>
    private void AddInitializer(VariableSymbol symbol, InitializerSyntax syntax)
    {
        _pendingInitializers[symbol] = new PendingInitializer(syntax, _scope, _order, _function);
        bool isFoldable = symbol.Type.IsConst && !symbol.Type.IsVolatile && !symbol.Attributes.Weak && TypeRelations.IsInteger(symbol.Type.Type);
        if (isFoldable || symbol.Type.Canonical is ArrayType { Length: null } || TypeRelations.HasFlexibleMember(symbol.Type.Type))
            BindPendingInitializer(symbol);
    }

    private void BindPendingInitializer(VariableSymbol symbol)
    {
        if (!_pendingInitializers.Remove(symbol, out PendingInitializer pending))
            return;
        Context saved = Enter(pending.Scope, pending.Order, pending.Function);
        BoundInitializer? initializer = BindInitializer(symbol.Type, pending.Syntax, true, out QualifiedType completed);
        Leave(saved);
        symbol.Type = initializer is null && !completed.Type.IsComplete ? ErrorType.Instance : completed;
        symbol.Initializer = initializer;
        if (initializer is { Entries: [{ Value: BoundLiteral literal }] } && symbol.Type.IsConst && !symbol.Type.IsVolatile && !symbol.Attributes.Weak && TypeRelations.IsInteger(symbol.Type.Type))
            symbol.ConstantValue = literal.Value;
    }

    private QualifiedType DeduceAutoType(Declarator declarator, InitializerSyntax? initializer, TypeQualifiers qualifiers)
    {
        if (initializer is not ExpressionInitializerSyntax { Expression: { } expression } || declarator.Derivations > 0)
        {
            Report(D.AutoTypeNeedsInitializer, declarator.Node, declarator.Name);
            return ErrorType.Instance;
        }
        _unevaluated++;
        BoundExpression value = BindValue(expression);
        _unevaluated--;
        return value.Type.With(qualifiers);
    }

    // ---- variables in blocks -------------------------------------------------------------------------------------------

    private void DeclareLocal(Specifiers specifiers, Declarator declarator, InitDeclaratorSyntax item, List<BoundStatement> statements)
    {
        string name = declarator.Name!;
        Symbol? existing = _scope.FindName(name);
        bool isExtern = (specifiers.Storage & StorageClass.Extern) != 0;
        if (existing is not null && !(isExtern && existing is VariableSymbol { IsGlobal: true }))
        {
            ReportWithNote(existing is VariableSymbol ? D.Redefinition : D.RedefinedAsOtherKind, SourceSpan.At(declarator.Location, name.Length), "previous definition is here", existing.Location, name);
            return;
        }
        if (isExtern)
        {
            DeclareFileVariable(specifiers, declarator, item, _scope);
            return;
        }
        QualifiedType type = specifiers.IsAutoType ? DeduceAutoType(declarator, item.Initializer, specifiers.Type.Qualifiers) : declarator.Type;
        bool isStatic = (specifiers.Storage & StorageClass.Static) != 0;
        var symbol = new VariableSymbol(name, type, declarator.Location)
        {
            Storage = specifiers.Storage, IsGlobal = isStatic, IsDefined = true, DeclarationOrder = _order,
            Linkage = isStatic ? SymbolLinkage.Internal : SymbolLinkage.None, Owner = _function!.Symbol,
        };
        symbol.Attributes = BindAttributes(specifiers, declarator, AttributeTarget.Variable);
        // A name is in scope in its own initializer (C11 6.2.1p7).
        _scope.Declare(name, symbol);
        _function.Locals.Add(symbol);
        if (isStatic)
        {
            _globals.Add(symbol);
            if (item.Initializer is not null)
                AddInitializer(symbol, item.Initializer);
            if (symbol.Attributes.Used)
                Require(symbol);
            CheckCompleteVariable(symbol, declarator);
            return;
        }
        BoundInitializer? initializer = null;
        if (item.Initializer is not null)
        {
            initializer = BindInitializer(type, item.Initializer, false, out QualifiedType completed);
            symbol.Type = completed;
            if (initializer is null)
                statements.Add(new BoundErrorStatement { Span = item.Span, Location = declarator.Location });
            if (initializer is { Entries: [{ Value: BoundLiteral literal }] } && type.IsConst && !type.IsVolatile && TypeRelations.IsInteger(type.Type))
                symbol.ConstantValue = literal.Value;
        }
        if (item.Initializer is not null && initializer is null)
            return;
        CheckCompleteVariable(symbol, declarator);
        statements.Add(new BoundLocalDeclaration(symbol, initializer) { Cleanup = BindCleanup(symbol), Span = item.Span, Location = declarator.Location });
    }

    private void CheckCompleteVariable(VariableSymbol symbol, Declarator declarator)
    {
        if (TypeRelations.IsError(symbol.Type.Type) || IsCompleteHere(symbol.Type.Type))
            return;
        Report(D.IncompleteVariable, declarator.Node, Show(symbol.Type));
        symbol.Type = ErrorType.Instance;
    }
}
