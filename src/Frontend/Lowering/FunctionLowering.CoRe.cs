// CO-RE ("compile once, run everywhere"): member accesses whose offsets the loader computes from the running kernel's types.
// A chain of accesses below one pointer is one relocation, as in clang's BPFAbstractMemberAccess: "0:2:1" is element 0 behind the
// pointer, its member 2, of that the member (or element) 1. Following a pointer starts a new chain.
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Debug;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    private int _preservedRegions;

    private T InPreservedRegion<T>(Func<T> lower)
    {
        _preservedRegions++;
        T result = lower();
        _preservedRegions--;
        return result;
    }

    private bool PreservesAccess(FieldSymbol field) => _preservedRegions > 0 || field.Container.PreservesAccessIndex || field.Attributes.PreserveAccessIndex;

    /// <summary>A member whose offset is relocated: continues the record's chain or begins one.</summary>
    private Place RelocatedMember(Place record, FieldSymbol field, bool isVolatile)
    {
        AccessChain chain;
        if (record is { Chain: { } begun, Offset: 0 })
            chain = begun;
        else
        {
            record = Materialize(record);
            if (record.Offset != 0)
                record = record with { Base = _builder.PtrAdd(record.Base, record.Offset), Offset = 0 };
            chain = new AccessChain(DescribeRecord(field.Container), "0", 0);
        }
        long local = field.IsBitField ? BitStorage(field) : field.ByteOffset;
        return record with
        {
            Chain = chain.Add(field.Index, local),
            Alignment = field.IsBitField ? record.Alignment : record.AlignmentAt(local),
            IsVolatile = isVolatile,
            BitField = field.IsBitField ? field : null,
            // A bit-field's unit is counted from the record, the relocated address from the unit clang names.
            Offset = field.IsBitField ? -local : 0,
        };
    }

    /// <summary>p[2].member: whole objects behind the pointer are the first index of the chain.</summary>
    private Place? RelocatedElement(BoundExpression pointer, QualifiedType type)
    {
        if (pointer is not BoundPointerArithmetic { IsSubtraction: false, Pointer: BoundConversion { Kind: ConversionKind.LoadValue, Operand: BoundVariable } root } element
            || type.Canonical is not RecordType record || !(record.PreservesAccessIndex || _preservedRegions > 0)
            || module.Static.Number(element.Index) is not { } index || index < 0 || index > int.MaxValue)
            return null;
        long offset = (long)index * element.ElementSize;
        return new Place(Lower(root), 0, TypeLowering.Alignment(type), TypeLowering.IsVolatileObject(type))
        {
            Chain = new AccessChain(DescribeRecord(record), index.ToString(System.Globalization.CultureInfo.InvariantCulture), offset),
        };
    }

    /// <summary>An anonymous record is known to the loader by the typedef that names it.</summary>
    private DebugType DescribeRecord(RecordType record)
        => record.Tag is null && record.NamingTypedef is { } typedef ? module.Types.Describe(typedef.AsType)! : module.Types.Describe(record)!;

    /// <summary>Emits the pending relocation: afterwards the place is an address and a known distance.</summary>
    private Place Materialize(Place place)
    {
        if (place.Chain is not { } chain)
            return place;
        Value address = place.Base;
        // "0" alone is the object itself: nothing to relocate.
        if (chain.Path.Contains(':') || chain.LocalOffset != 0)
        {
            CoreRelocationInstruction offset = _builder.Insert(new CoreRelocationInstruction(CoreRelocationKind.FieldByteOffset, chain.Root, chain.Path, IrType.I64, (ulong)chain.LocalOffset));
            address = _builder.PtrAdd(address, offset);
        }
        return place with { Base = address, Chain = null };
    }

    /// <summary>Byte offset of the unit that clang's relocations of bit-fields name: as wide as the record's alignment, at most 8.</summary>
    private static long BitStorage(FieldSymbol field)
    {
        long unit = Math.Clamp(field.Container.Alignment, 1, 8);
        return field.ByteOffset / unit * unit;
    }

    // ---- questions about fields, types and enumerators -----------------------------------------------------------------

    private Value LowerCoreBuiltin(BoundBuiltinCall call)
    {
        IrType type = TypeLowering.ValueType(call.Type);
        switch (call.Kind)
        {
            case BuiltinKind.PreserveFieldInfo:
                return LowerFieldInfo(call, type);
            case BuiltinKind.PreserveTypeInfo:
                (CoreRelocationKind kind, ulong answer) = call.Flags switch
                {
                    1 => (CoreRelocationKind.TypeSize, (ulong)Math.Max(call.TypeArgument!.Value.Type.Size, 0)),
                    2 => (CoreRelocationKind.TypeMatches, 1ul),
                    _ => (CoreRelocationKind.TypeExists, 1ul),
                };
                return Relocation(kind, call.TypeArgument!.Value, "0", type, answer);
            case BuiltinKind.PreserveEnumValue:
                EnumConstantSymbol enumerator = call.EnumConstant!;
                int index = 0;
                while (index < enumerator.Enum.Constants.Count && enumerator.Enum.Constants[index].Name != enumerator.Name)
                    index++;
                return Relocation(call.Flags == 0 ? CoreRelocationKind.EnumValueExists : CoreRelocationKind.EnumValue, call.TypeArgument ?? enumerator.Enum,
                    index.ToString(System.Globalization.CultureInfo.InvariantCulture), type, call.Flags == 0 ? 1 : (ulong)enumerator.Value);
            default:
                // The local id is known once types are numbered: the backend fills it in.
                return Relocation(call.Flags == 0 ? CoreRelocationKind.TypeIdLocal : CoreRelocationKind.TypeIdTarget, call.TypeArgument!.Value, "0", type, 0);
        }
    }

    private CoreRelocationInstruction Relocation(CoreRelocationKind kind, QualifiedType root, string path, IrType type, ulong local)
        => _builder.Insert(new CoreRelocationInstruction(kind, module.Types.Describe(new QualifiedType(root.Type))!, path, type, local));

    private Value LowerFieldInfo(BoundBuiltinCall call, IrType type)
    {
        BoundExpression lvalue = call.Arguments[0];
        while (lvalue is BoundConversion { Kind: ConversionKind.LoadValue or ConversionKind.Identity or ConversionKind.ArrayToPointer } conversion)
            lvalue = conversion.Operand;
        Place place = InPreservedRegion(() => PlaceOf(lvalue));
        if (place.Chain is not { } chain || !chain.Path.Contains(':'))
            return Fail(LoweringDiagnostics.NotAnAccess, call, "__builtin_preserve_field_info");
        _builder.Location = call.Location;
        var kind = (CoreRelocationKind)call.Flags;
        return _builder.Insert(new CoreRelocationInstruction(kind, chain.Root, chain.Path, type, LocalFieldInfo(kind, lvalue, chain)));
    }

    /// <summary>The answer for the program's own layout.</summary>
    private static ulong LocalFieldInfo(CoreRelocationKind kind, BoundExpression lvalue, AccessChain chain)
    {
        FieldSymbol? bitField = lvalue is BoundMember { Field: { IsBitField: true } field } ? field : null;
        QualifiedType type = lvalue.Type;
        int bits = bitField?.BitWidth ?? (int)Math.Min(type.Type.Size * 8, int.MaxValue);
        int unit = bitField is null ? 0 : Math.Clamp(bitField.Container.Alignment, 1, 8);
        return kind switch
        {
            CoreRelocationKind.FieldByteOffset => (ulong)chain.LocalOffset,
            CoreRelocationKind.FieldByteSize => bitField is null ? (ulong)type.Type.Size : (ulong)unit,
            CoreRelocationKind.FieldExists => 1,
            CoreRelocationKind.FieldSigned => TypeLowering.IsSigned(ElementOf(type)) ? 1ul : 0,
            CoreRelocationKind.FieldLeftShift => bitField is null ? (ulong)(64 - bits) : (ulong)(BitStorage(bitField) * 8 + 64 - bitField.BitOffset - bits),
            _ => (ulong)(64 - bits),
        };
    }

    private static QualifiedType ElementOf(QualifiedType type) => type.Canonical is ArrayType array ? ElementOf(array.Element) : type;
}
