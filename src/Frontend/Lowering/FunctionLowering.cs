// Lowers one function body. State: the builder's position, where each local lives, where break and continue lead. Unreachable code
// behind a jump is dropped unless a label inside could bring control back.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering(ModuleLowering module, BoundFunction bound, Function function)
{
    private static readonly Value s_nothing = Constant.I32(0);

    private readonly IrBuilder _builder = new();
    private readonly Dictionary<VariableSymbol, Place> _locals = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<LabelSymbol, BasicBlock> _labels = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<BoundCase, BasicBlock> _cases = new(ReferenceEqualityComparer.Instance);
    private BasicBlock? _breakTarget;
    private BasicBlock? _continueTarget;
    private Value? _resultPointer;
    private bool _failed;

    public void Lower()
    {
        _builder.Location = bound.Symbol.Location;
        StartBlock(new BasicBlock("entry"));
        if (!function.IsNaked)
            LowerParameters();
        LowerStatement(bound.Body);
        if (!_builder.IsTerminated)
        {
            _builder.Location = bound.End;
            if (function.IsNaked)
                _builder.Unreachable();
            else
                _builder.Return(function.Signature.ReturnType == IrType.Void ? null : new Undef(function.Signature.ReturnType));
        }
        if (_failed)
            function.Blocks.Clear();
        else
            Ebpfcc.Ir.Analysis.ControlFlow.RemoveUnreachableBlocks(function);
        function.Renumber();
    }

    // ---- blocks -------------------------------------------------------------------------------------------------------

    /// <summary>Appends a block to the layout; control falls into it from the current one.</summary>
    private void StartBlock(BasicBlock block)
    {
        if (_builder.Block is { Terminator: null })
            _builder.Branch(block);
        function.AppendBlock(block);
        _builder.PositionAtEnd(block);
    }

    private void BranchIfOpen(BasicBlock target)
    {
        if (!_builder.IsTerminated)
            _builder.Branch(target);
    }

    /// <summary>After a jump, code needs a block to go to even though control cannot get there.</summary>
    private void EnsureOpenBlock()
    {
        if (_builder.IsTerminated)
            StartBlock(new BasicBlock("dead"));
    }

    private BasicBlock LabelBlock(LabelSymbol label)
    {
        if (!_labels.TryGetValue(label, out BasicBlock? block))
            _labels.Add(label, block = new BasicBlock(label.Name));
        return block;
    }

    // ---- parameters ---------------------------------------------------------------------------------------------------

    private void LowerParameters()
    {
        int next = 0;
        if (TypeLowering.IsAggregate(bound.Symbol.Type.ReturnType))
        {
            _resultPointer = function.Parameters[next++];
            _resultPointer.Name = "result";
        }
        foreach (ParameterSymbol symbol in bound.Symbol.Parameters)
        {
            _builder.Location = symbol.Location;
            QualifiedType type = symbol.Type;
            if (!TypeLowering.IsAggregate(type))
            {
                Parameter incoming = function.Parameters[next++];
                incoming.Name = symbol.Name;
                Place place = DeclareLocal(symbol);
                _builder.Store(place.Base, _builder.ConvertInteger(incoming, TypeLowering.ValueType(type), false), place.Alignment);
            }
            else if (TypeLowering.RegisterWords(type) is > 0 and var words)
            {
                Place place = DeclareLocal(symbol);
                for (int i = 0; i < words; i++)
                {
                    Parameter incoming = function.Parameters[next++];
                    incoming.Name = symbol.Name;
                    StoreBytes(place.At(i * 8), incoming, (int)Math.Min(8, type.Type.Size - i * 8));
                }
            }
            else if (TypeLowering.IsEmpty(type))
            {
                DeclareLocal(symbol);
            }
            else
            {
                // The caller made a copy that is ours.
                Parameter incoming = function.Parameters[next++];
                incoming.Name = symbol.Name;
                _locals[symbol] = new Place(incoming, 0, TypeLowering.Alignment(type), false);
            }
        }
    }

    private Place DeclareLocal(VariableSymbol symbol)
    {
        if (_locals.TryGetValue(symbol, out Place known))
            return known;
        QualifiedType type = symbol.Type;
        if (type.Type.Size < 0)
        {
            Fail(LoweringDiagnostics.VariableLength, SourceSpan.At(symbol.Location), symbol.Name);
            return new Place(new Undef(IrType.Ptr), 0, 1, false);
        }
        int alignment = Math.Max(symbol.Attributes.Alignment ?? 1, TypeLowering.Alignment(type));
        // Arrays and structures are aligned to words, so that they can be filled and copied by words.
        if (TypeLowering.IsAggregate(type) && type.Type.Size >= 8)
            alignment = Math.Max(alignment, 8);
        AllocaInstruction alloca = _builder.Alloca(type.Type.Size, alignment, symbol.Name, module.Types.Describe(type));
        var place = new Place(alloca, 0, alignment, TypeLowering.IsVolatileObject(type));
        _locals.Add(symbol, place);
        return place;
    }

    private Place Temporary(QualifiedType type, string name = "tmp")
    {
        int alignment = TypeLowering.Alignment(type);
        if (type.Type.Size >= 8)
            alignment = Math.Max(alignment, 8);
        return new Place(_builder.Alloca(Math.Max(type.Type.Size, 0), alignment, name, module.Types.Describe(type)), 0, alignment, false);
    }

    // ---- failure ------------------------------------------------------------------------------------------------------

    private void Fail(DiagnosticDescriptor descriptor, SourceSpan span, params ReadOnlySpan<object?> arguments)
    {
        module.Report(descriptor, span, arguments);
        _failed = true;
    }

    private Value Fail(DiagnosticDescriptor descriptor, BoundExpression expression, params ReadOnlySpan<object?> arguments)
    {
        Fail(descriptor, expression.Span, arguments);
        return Placeholder(expression.Type);
    }

    private static Value Placeholder(QualifiedType type)
        => TypeLowering.ValueType(type) is var ir && ir == IrType.Void ? s_nothing : new Undef(ir);

    private InternalCompilerException Unexpected(object what)
        => new("lowering", bound.Symbol.Name, $"no rule for {what.GetType().Name}");
}
