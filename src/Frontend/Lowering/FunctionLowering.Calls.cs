// Calls: of functions, of helpers through constant pointers, of whatever a pointer holds (the optimiser finds the constant).
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    /// <summary>A structure result goes to <paramref name="destination"/>.</summary>
    private Value LowerCall(BoundCall call, Place? destination)
    {
        Value callee = LowerCallee(call.Callee);
        var arguments = new List<Value>(call.Arguments.Count + 1);
        if (TypeLowering.IsAggregate(call.Type))
            arguments.Add(Address(destination ?? Temporary(call.Type)));
        foreach (BoundExpression argument in call.Arguments)
            AddArgument(arguments, argument);
        _builder.Location = call.Location;
        FunctionSignature signature = callee is Function { Signature: var declared } ? declared : TypeLowering.Signature(call.FunctionType);
        // A call without a prototype may disagree with the definition, which only matters when it runs (C11 6.5.2.2).
        if (!call.FunctionType.HasPrototype && !signature.IsVariadic)
        {
            if (arguments.Count > signature.ParameterTypes.Count)
                arguments.RemoveRange(signature.ParameterTypes.Count, arguments.Count - signature.ParameterTypes.Count);
            while (arguments.Count < signature.ParameterTypes.Count)
                arguments.Add(new Undef(signature.ParameterTypes[arguments.Count]));
        }
        CallInstruction result = _builder.Call(signature, callee, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(arguments));
        if (callee is Function { NoReturn: true })
        {
            _builder.Unreachable();
            EnsureOpenBlock();
            return Placeholder(call.Type);
        }
        if (result.Type == IrType.Void)
            return TypeLowering.IsAggregate(call.Type) ? s_nothing : Placeholder(call.Type);
        IrType type = TypeLowering.ValueType(call.Type);
        if (type == IrType.Ptr || type == IrType.Void || result.Type == IrType.Ptr)
            return result;
        // Nothing is assumed about the upper bits of a narrow result: kernel functions leave anything there.
        return _builder.ConvertInteger(result, type, TypeLowering.IsSigned(call.Type));
    }

    private Value LowerCallee(BoundExpression callee) => callee switch
    {
        BoundFunctionReference reference => module.GetFunction(reference.Symbol),
        BoundConversion { Kind: ConversionKind.FunctionToPointer or ConversionKind.Identity or ConversionKind.LoadValue, Operand: BoundFunctionReference or BoundDereference { IsLValue: false } } conversion
            => LowerCallee(conversion.Operand),
        BoundDereference { IsLValue: false } dereference => LowerCallee(dereference.Pointer),
        BoundAddressOf { Operand: BoundFunctionReference reference } => module.GetFunction(reference.Symbol),
        _ => Lower(callee),
    };

    private void AddArgument(List<Value> arguments, BoundExpression argument)
    {
        if (!TypeLowering.IsAggregate(argument.Type))
        {
            Value value = Lower(argument);
            _builder.Location = argument.Location;
            arguments.Add(Extend(value, argument.Type));
            return;
        }
        if (TypeLowering.IsEmpty(argument.Type))
        {
            LowerDiscarded(argument);
            return;
        }
        int words = TypeLowering.RegisterWords(argument.Type);
        if (words == 0)
        {
            Place copy = Temporary(argument.Type, "byval");
            LowerAggregate(argument, copy);
            arguments.Add(Address(copy));
            return;
        }
        Place place = PlaceOf(argument);
        _builder.Location = argument.Location;
        for (int i = 0; i < words; i++)
            arguments.Add(LoadBytes(place.At(i * 8), (int)Math.Min(8, argument.Type.Type.Size - i * 8)));
    }
}
