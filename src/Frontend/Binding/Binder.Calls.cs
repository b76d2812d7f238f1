// Calls: of functions, through pointers, and of builtins by name.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private BoundExpression BindCall(CallExpressionSyntax syntax)
    {
        bool isDiscarded = _isDiscarded;
        _isDiscarded = false;
        if (syntax.Callee is NameExpressionSyntax name)
        {
            Symbol? symbol = LookupName(name.Name);
            if (symbol is null)
                return BindUndeclaredCall(syntax, name);
            if (symbol is FunctionSymbol function && BuiltinFor(function) is { } row)
            {
                symbol.IsMentioned = true;
                return BindBuiltin(row, syntax);
            }
            if (symbol is FunctionSymbol { AsmLabel: { } label } load && PacketLoad(label) is { } kind)
                return BindPacketLoad(load, kind, syntax);
        }
        _ = isDiscarded;
        BoundExpression callee = BindExpression(syntax.Callee);
        return BindCallOf(callee, syntax);
    }

    private BoundExpression BindUndeclaredCall(CallExpressionSyntax syntax, NameExpressionSyntax name)
    {
        if (BuiltinTable.Find(name.Name) is { } row)
        {
            // memcpy and friends need a declaration like everybody else; what is meant is clear.
            if (name.Name[0] != '_')
                Report(D.UndeclaredFunction, name, name.Name);
            return BindBuiltin(row, syntax);
        }
        if (name.Name.StartsWith("__builtin_", StringComparison.Ordinal) || name.Name.StartsWith("__sync_", StringComparison.Ordinal) || name.Name.StartsWith("__atomic_", StringComparison.Ordinal))
        {
            BindArguments(syntax);
            return ReportError(D.UnknownBuiltin, name, name.Name);
        }
        if (Suggest(name.Name) is { } found and (FunctionSymbol or VariableSymbol))
        {
            ReportWithNote(D.UndeclaredFunctionSuggestion, SpanOf(name), $"'{found.Name}' declared here", found.Location, name.Name, found.Name);
            return BindCallOf(ReferTo(found, name), syntax);
        }
        Report(D.UndeclaredFunction, name, name.Name);
        _fileScope.Declare(name.Name, new VariableSymbol(name.Name, ErrorType.Instance, name.Location) { DeclarationOrder = _order, IsMentioned = true });
        BindArguments(syntax);
        return ErrorAt(syntax);
    }

    private void BindArguments(CallExpressionSyntax syntax)
    {
        foreach (SyntaxNode argument in syntax.Arguments)
        {
            if (argument is ExpressionSyntax expression)
                BindValue(expression);
        }
    }

    /// <summary>The library functions that the compiler knows, unless the unit defines them itself.</summary>
    private BuiltinRow? BuiltinFor(FunctionSymbol function)
    {
        if (function.Linkage != SymbolLinkage.External || BuiltinTable.Find(function.Name) is not { } row || row.Form == BuiltinForm.StringLength)
            return null;
        foreach (ITopLevelDeclaration declaration in _tree.Find(NameSpaceKind.Ordinary, function.Name))
        {
            if (declaration.Syntax is FunctionDefinitionSyntax)
                return null;
        }
        return row;
    }

    private static BuiltinKind? PacketLoad(string label) => label switch
    {
        "llvm.bpf.load.byte" => BuiltinKind.PacketLoad8,
        "llvm.bpf.load.half" => BuiltinKind.PacketLoad16,
        "llvm.bpf.load.word" => BuiltinKind.PacketLoad32,
        _ => null,
    };

    private BoundExpression BindPacketLoad(FunctionSymbol function, BuiltinKind kind, CallExpressionSyntax syntax)
    {
        function.IsMentioned = true;
        BoundExpression[]? arguments = ConvertArguments(function.Type, syntax);
        if (arguments is null)
            return ErrorAt(syntax);
        if (arguments.Length != 2)
            return ReportError(D.BuiltinArguments, syntax, function.Name, "a socket buffer and an offset");
        return new BoundBuiltinCall(kind, arguments, TypeRelations.ValueType(function.Type.ReturnType)) { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundExpression BindCallOf(BoundExpression callee, CallExpressionSyntax syntax)
    {
        if (callee.Type.Canonical is not (FunctionType or ErrorType))
            callee = ValueOf(callee);
        if (callee is BoundErrorExpression)
        {
            BindArguments(syntax);
            return ErrorAt(syntax);
        }
        // (*p)(x) calls p.
        if (callee is BoundDereference { Type.Canonical: FunctionType } dereference)
            callee = dereference.Pointer;
        FunctionType? type = callee.Type.Canonical as FunctionType ?? (callee.Type.Canonical as PointerType)?.Pointee.Canonical as FunctionType;
        if (type is null)
        {
            BindArguments(syntax);
            return ReportError(D.CalleeNotFunction, syntax, Show(callee.Type));
        }
        BoundExpression[]? arguments = ConvertArguments(type, syntax);
        if (!IsCompleteHere(type.ReturnType.Type) && !TypeRelations.IsVoid(type.ReturnType.Type))
        {
            if (!TypeRelations.IsError(type.ReturnType.Type))
                Report(D.IncompleteArgument, syntax, Show(type.ReturnType));
            return ErrorAt(syntax);
        }
        if (arguments is null)
            return ErrorAt(syntax);
        CheckFormat(callee, syntax, arguments);
        return new BoundCall(callee, type, arguments, TypeRelations.ValueType(type.ReturnType)) { Span = syntax.Span, Location = syntax.Location };
    }

    /// <summary>The arguments converted to the parameters' types, the rest promoted; null after a report.</summary>
    private BoundExpression[]? ConvertArguments(FunctionType type, CallExpressionSyntax syntax)
    {
        IReadOnlyList<FunctionParameter> parameters = type.Parameters;
        var arguments = new BoundExpression[syntax.Arguments.Count];
        bool isValid = true;
        for (int i = 0; i < arguments.Length; i++)
        {
            if (syntax.Arguments[i] is not ExpressionSyntax argument)
            {
                Report(D.UnexpectedTypeName, syntax.Arguments[i], "");
                isValid = false;
                continue;
            }
            BoundExpression value = BindValue(argument);
            if (value is BoundErrorExpression)
            {
                isValid = false;
                continue;
            }
            value = type.HasPrototype && i < parameters.Count
                ? ConvertAssigned(value, parameters[i].Type, argument, AssignmentKind.Passing, parameters[i].Location)
                : PromoteArgument(value, argument);
            isValid &= value is not BoundErrorExpression;
            arguments[i] = value;
        }
        if (type.HasPrototype && arguments.Length < parameters.Count)
        {
            ReportCount(D.TooFewArguments, syntax, parameters, arguments.Length, type.IsVariadic);
            return null;
        }
        if (type.HasPrototype && arguments.Length > parameters.Count && !type.IsVariadic)
        {
            ReportCount(D.TooManyArguments, syntax, parameters, arguments.Length, false);
            return null;
        }
        return isValid ? arguments : null;
    }

    private void ReportCount(Core.Diagnostics.DiagnosticDescriptor row, CallExpressionSyntax syntax, IReadOnlyList<FunctionParameter> parameters, int count, bool isVariadic)
    {
        SourceLocation declared = syntax.Callee is NameExpressionSyntax name && LookupName(name.Name) is { } symbol ? symbol.Location : default;
        ReportWithNote(row, SpanOf(syntax), "declared here", declared, isVariadic ? $"at least {parameters.Count}" : parameters.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), count);
    }

    /// <summary>Default argument promotions (C11 6.5.2.2p6).</summary>
    private BoundExpression PromoteArgument(BoundExpression value, SyntaxNode at)
    {
        if (TypeRelations.IsInteger(value.Type.Type))
            return Promote(value);
        if (TypeRelations.IsVoid(value.Type.Type))
            return ReportError(D.VoidValue, at);
        if (RefusesFloat(value.Type, at.Location))
            return ErrorAt(at);
        return value;
    }
}
