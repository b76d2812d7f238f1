// Lvalues: where they lie, how they are read and written.
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    private Place PlaceOf(BoundExpression expression)
    {
        switch (expression)
        {
            case BoundVariable variable:
                return PlaceOf(variable.Symbol);
            case BoundStringLiteral text:
                return new Place(module.GetString(text), 0, TypeLowering.Alignment(text.Type), false);
            case BoundDereference dereference:
                return Pointee(dereference.Pointer, dereference.Type);
            case BoundMember member:
                return PlaceOf(member);
            case BoundCompoundLiteral { Storage.IsGlobal: true } literal:
                GlobalVariable global = module.GetCompoundLiteral(literal);
                return new Place(global, 0, global.Alignment, TypeLowering.IsVolatileObject(literal.Type));
            case BoundCompoundLiteral literal:
                Place storage = DeclareLocal(literal.Storage);
                LowerInitializer(storage, literal.Initializer);
                return storage;
            case BoundConversion { Kind: ConversionKind.Identity } identity:
                return PlaceOf(identity.Operand);
            case BoundConversion { Kind: ConversionKind.LoadValue } load:
                // A structure's value, asked for its place: nobody can change it meanwhile except through the place itself.
                return PlaceOf(load.Operand);
            case BoundBuiltinCall { Kind: BuiltinKind.PreserveAccessIndex } preserve:
                return InPreservedRegion(() => PlaceOf(preserve.Arguments[0]));
            case BoundErrorExpression:
                _failed = true;
                return new Place(new Undef(IrType.Ptr), 0, 1, false);
            default:
                // The value of a structure that is not an object: give it one.
                Place temporary = Temporary(expression.Type);
                LowerAggregate(expression, temporary);
                return temporary;
        }
    }

    private Place PlaceOf(VariableSymbol symbol)
    {
        if (_locals.TryGetValue(symbol, out Place local))
            return local with { IsAtomic = TypeLowering.IsAtomic(symbol.Type) };
        if (symbol.IsGlobal || symbol.IsExternal)
        {
            GlobalVariable global = module.GetGlobal(symbol);
            return new Place(global, 0, global.Alignment, TypeLowering.IsVolatileObject(symbol.Type)) { IsAtomic = TypeLowering.IsAtomic(symbol.Type) };
        }
        return DeclareLocal(symbol) with { IsAtomic = TypeLowering.IsAtomic(symbol.Type) };
    }

    private Place PlaceOf(BoundMember member)
    {
        Place record = PlaceOf(member.Receiver);
        FieldSymbol field = member.Field;
        bool isVolatile = record.IsVolatile || TypeLowering.IsVolatileObject(member.Type);
        if (PreservesAccess(field))
            return RelocatedMember(record, field, isVolatile);
        record = Materialize(record);
        return field.IsBitField
            ? record with { IsVolatile = isVolatile, BitField = field, IsAtomic = false }
            : record.At(field.ByteOffset) with { IsVolatile = isVolatile, IsAtomic = TypeLowering.IsAtomic(member.Type) };
    }

    /// <summary>The object a pointer points at; looks through the ways in which C spells "this very object".</summary>
    private Place Pointee(BoundExpression pointer, QualifiedType type)
    {
        bool isVolatile = TypeLowering.IsVolatileObject(type);
        bool isAtomic = TypeLowering.IsAtomic(type);
        int alignment = TypeLowering.Alignment(type);
        switch (pointer)
        {
            case BoundAddressOf address:
                return PlaceOf(address.Operand) is var same ? same with { IsVolatile = same.IsVolatile | isVolatile } : default;
            case BoundConversion { Kind: ConversionKind.ArrayToPointer } decay:
                Place array = PlaceOf(decay.Operand);
                if (array is { Chain: { } accesses, Offset: 0 })
                    array = array with { Chain = accesses.Add(0, 0) };
                return array with { IsVolatile = array.IsVolatile | isVolatile, IsAtomic = isAtomic };
            case BoundPointerArithmetic { Pointer: BoundConversion { Kind: ConversionKind.ArrayToPointer } decay } element:
                Place elements = PlaceOf(decay.Operand);
                elements = elements with { IsVolatile = elements.IsVolatile | isVolatile, IsAtomic = isAtomic };
                if (module.Static.Number(element.Index) is { } index)
                {
                    long offset = (long)(element.IsSubtraction ? -index : index) * element.ElementSize;
                    return elements.Chain is { } chain && !element.IsSubtraction && elements.Offset == 0 && index <= int.MaxValue
                        ? elements with { Chain = chain.Add((int)index, offset), Alignment = elements.AlignmentAt(offset) }
                        : elements.At(offset);
                }
                elements = Materialize(elements);
                int elementAlignment = elements.AlignmentAt(element.ElementSize);
                return elements with { Base = Advance(Address(elements), element), Offset = 0, Alignment = elementAlignment };
            default:
                if (RelocatedElement(pointer, type) is { } relocated)
                    return relocated;
                return new Place(Lower(pointer), 0, alignment, isVolatile) { IsAtomic = isAtomic };
        }
    }

    /// <summary>The address as a value.</summary>
    private Value Address(Place place)
    {
        place = Materialize(place);
        return _builder.PtrAdd(place.Base, place.Offset);
    }

    // ---- reading and writing ------------------------------------------------------------------------------------------

    private Value Load(Place place, QualifiedType type)
    {
        if (place.BitField is not null)
            return LoadBitField(place, type);
        LoadInstruction load = _builder.Load(TypeLowering.ValueType(type), Address(place), place.Alignment, place.IsVolatile);
        if (place.IsAtomic)
            load.Order = MemoryOrder.SequentiallyConsistent;
        return load;
    }

    private void Store(Place place, Value value)
    {
        if (place.BitField is not null)
        {
            StoreBitField(place, value);
            return;
        }
        StoreInstruction store = _builder.Store(Address(place), value, place.Alignment, place.IsVolatile);
        if (place.IsAtomic)
            store.Order = MemoryOrder.SequentiallyConsistent;
    }

    private void Copy(Place destination, Place source, long size)
    {
        if (size <= 0)
            return;
        _builder.MemCopy(Address(destination), Address(source), Constant.I64(size), destination.Alignment, source.Alignment, destination.IsVolatile | source.IsVolatile);
    }

    /// <summary>Reads 1 to 8 bytes as a zero-extended 64-bit number, without touching a byte more.</summary>
    private Value LoadBytes(Place place, int bytes)
    {
        place = Materialize(place);
        Value? whole = null;
        for (int done = 0; done < bytes;)
        {
            int piece = LargestPiece(bytes - done);
            Place part = place.At(done);
            Value value = _builder.ConvertInteger(_builder.Load(IrTypes.Integer(piece * 8), Address(part), part.Alignment, part.IsVolatile), IrType.I64, false);
            if (piece == 8)
                return value;
            value = _builder.Shl(value, Constant.I64(done * 8));
            whole = whole is null ? value : _builder.Or(whole, value);
            done += piece;
        }
        return whole!;
    }

    /// <summary>Writes the low 1 to 8 bytes of a 64-bit number.</summary>
    private void StoreBytes(Place place, Value value, int bytes)
    {
        place = Materialize(place);
        for (int done = 0; done < bytes;)
        {
            int piece = LargestPiece(bytes - done);
            Place part = place.At(done);
            Value shifted = _builder.LShr(value, Constant.I64(done * 8));
            _builder.Store(Address(part), _builder.ConvertInteger(shifted, IrTypes.Integer(piece * 8), false), part.Alignment, part.IsVolatile);
            done += piece;
        }
    }

    private static int LargestPiece(int bytes) => bytes >= 8 ? 8 : bytes >= 4 ? 4 : bytes >= 2 ? 2 : 1;

    // ---- whole structures ---------------------------------------------------------------------------------------------

    /// <summary>Puts the value of a structure expression into a place that nothing in the expression can see.</summary>
    private void LowerAggregate(BoundExpression expression, Place destination)
    {
        switch (expression)
        {
            case BoundConversion { Kind: ConversionKind.LoadValue or ConversionKind.Identity } load:
                if (load.Operand is BoundCompoundLiteral { Storage.IsGlobal: false } literal)
                    LowerInitializer(destination, literal.Initializer);
                else if (load.Kind == ConversionKind.Identity && !load.Operand.IsLValue)
                    LowerAggregate(load.Operand, destination);
                else
                    CopyFrom(PlaceOf(load.Operand), expression, destination);
                return;
            case BoundCall call:
                LowerCall(call, destination);
                return;
            case BoundConditional conditional:
                LowerConditional(conditional, destination);
                return;
            case BoundComma comma:
                LowerDiscarded(comma.Left);
                LowerAggregate(comma.Right, destination);
                return;
            case BoundStatementExpression { Result: { } result } block:
                LowerStatementExpression(block.Body, () =>
                {
                    LowerAggregate(result, destination);
                    return destination;
                });
                return;
            case BoundAssignment assignment:
                LowerDiscarded(assignment);
                CopyFrom(PlaceOf(assignment.Target), expression, destination);
                return;
            case BoundErrorExpression:
                _failed = true;
                return;
            default:
                if (!expression.IsLValue && expression is not BoundMember && expression is not BoundBuiltinCall)
                    throw Unexpected(expression);
                CopyFrom(PlaceOf(expression), expression, destination);
                return;
        }
    }

    private void CopyFrom(Place source, BoundExpression expression, Place destination)
    {
        _builder.Location = expression.Location;
        Copy(destination, source, expression.Type.Type.Size);
    }
}
