// Compiler builtins that are neither atomics nor CO-RE.
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    private Value LowerBuiltin(BoundBuiltinCall call)
    {
        IReadOnlyList<BoundExpression> arguments = call.Arguments;
        switch (call.Kind)
        {
            case BuiltinKind.MemCopy or BuiltinKind.MemMove or BuiltinKind.MemSet or BuiltinKind.MemCompare:
                return LowerBlockOperation(call);
            case BuiltinKind.ByteSwap:
                return Unary(call, IrOpcode.ByteSwap);
            case BuiltinKind.CountLeadingZeros:
                return Unary(call, IrOpcode.CountLeadingZeros);
            case BuiltinKind.CountTrailingZeros:
                return Unary(call, IrOpcode.CountTrailingZeros);
            case BuiltinKind.PopCount:
                return Unary(call, IrOpcode.PopCount);
            case BuiltinKind.Parity:
                return _builder.And(Unary(call, IrOpcode.PopCount), Constant.I32(1));
            case BuiltinKind.FindFirstSet:
                Value searched = Lower(arguments[0]);
                _builder.Location = call.Location;
                Value position = _builder.Add(_builder.Unary(IrOpcode.CountTrailingZeros, searched), Constant.Of(searched.Type, 1));
                Value isZero = _builder.Compare(ComparePredicate.Eq, searched, Constant.Of(searched.Type, 0));
                return _builder.ConvertInteger(_builder.Select(isZero, Constant.Of(searched.Type, 0), position), IrType.I32, false);
            case BuiltinKind.Expect:
                return Lower(arguments[0]);
            case BuiltinKind.ConstantP:
                return LowerConstantQuestion(call);
            case BuiltinKind.Unreachable:
                _builder.Location = call.Location;
                _builder.Unreachable();
                EnsureOpenBlock();
                return s_nothing;
            case BuiltinKind.Trap:
                return LowerTrap(call);
            case BuiltinKind.Assume:
                // Says nothing that could change the program's meaning; its operand is not evaluated.
                return s_nothing;
            case BuiltinKind.FrameAddress:
                return LowerFrameAddress(call);
            case BuiltinKind.ReturnAddress:
                return Fail(LoweringDiagnostics.ReturnAddress, call);
            case BuiltinKind.AddOverflow or BuiltinKind.SubOverflow or BuiltinKind.MulOverflow:
                return LowerOverflow(call);
            case BuiltinKind.SynchronizeFence:
                _builder.Location = call.Location;
                _builder.Fence();
                return s_nothing;
            case BuiltinKind.PacketLoad8 or BuiltinKind.PacketLoad16 or BuiltinKind.PacketLoad32:
                return LowerPacketLoad(call);
            case BuiltinKind.PreserveAccessIndex:
                return InPreservedRegion(() => Lower(arguments[0]));
            case BuiltinKind.PreserveFieldInfo or BuiltinKind.PreserveTypeInfo or BuiltinKind.PreserveEnumValue or BuiltinKind.BtfTypeId:
                _builder.Location = call.Location;
                return LowerCoreBuiltin(call);
            default:
                return LowerAtomic(call);
        }
    }

    /// <summary>
    /// __builtin_constant_p: what is not clear here is asked again after inlining. The operand is not evaluated, so only one without
    /// effects may be asked about.
    /// </summary>
    private Value LowerConstantQuestion(BoundBuiltinCall call)
    {
        IrType type = TypeLowering.ValueType(call.Type);
        BoundExpression operand = call.Arguments[0];
        if (module.Static.Truth(call) is true)
            return Constant.Of(type, 1);
        if (!IsPure(operand) || TypeLowering.ValueType(operand.Type) is IrType.Ptr or IrType.I128 or IrType.Void)
            return Constant.Of(type, 0);
        Value value = _builder.ConvertInteger(Lower(operand), IrType.I64, false);
        _builder.Location = call.Location;
        Value answer = value is Constant ? Constant.I1(true) : _builder.Insert(new Instruction(IrOpcode.IsConstant, IrType.I1, value));
        return _builder.ZExt(answer, type);
    }

    /// <summary>Arithmetic on constants and on the program's own scalar variables.</summary>
    private static bool IsPure(BoundExpression expression) => expression switch
    {
        BoundLiteral => true,
        BoundConversion { Kind: ConversionKind.LoadValue, Operand: var place } => IsOwnPlace(place),
        BoundConversion conversion => IsPure(conversion.Operand),
        BoundUnary unary => IsPure(unary.Operand),
        BoundBinary binary => IsPure(binary.Left) && IsPure(binary.Right),
        BoundLogical logical => IsPure(logical.Left) && IsPure(logical.Right),
        BoundConditional { IfTrue: { } ifTrue } conditional => IsPure(conditional.Condition) && IsPure(ifTrue) && IsPure(conditional.IfFalse),
        _ => false,
    };

    private static bool IsOwnPlace(BoundExpression place) => place switch
    {
        BoundVariable variable => !variable.Type.IsVolatile,
        BoundMember member => !member.Type.IsVolatile && IsOwnPlace(member.Receiver),
        _ => false,
    };

    /// <summary>A one-operand bit operation whose result is brought to the call's type.</summary>
    private Value Unary(BoundBuiltinCall call, IrOpcode opcode)
    {
        Value value = Lower(call.Arguments[0]);
        _builder.Location = call.Location;
        return _builder.ConvertInteger(_builder.Unary(opcode, value), TypeLowering.ValueType(call.Type), false);
    }

    private Value LowerBlockOperation(BoundBuiltinCall call)
    {
        (Value destination, int alignment) = LowerBlockPointer(call.Arguments[0]);
        Value source;
        int sourceAlignment = 1;
        if (call.Kind == BuiltinKind.MemSet)
            source = _builder.ConvertInteger(Lower(call.Arguments[1]), IrType.I8, false);
        else
            (source, sourceAlignment) = LowerBlockPointer(call.Arguments[1]);
        Value length = _builder.ConvertInteger(Lower(call.Arguments[2]), IrType.I64, TypeLowering.IsSigned(call.Arguments[2].Type));
        _builder.Location = call.Location;
        switch (call.Kind)
        {
            case BuiltinKind.MemCopy:
                _builder.MemCopy(destination, source, length, alignment, sourceAlignment);
                return destination;
            case BuiltinKind.MemMove:
                _builder.MemMove(destination, source, length, alignment, sourceAlignment);
                return destination;
            case BuiltinKind.MemSet:
                _builder.MemSet(destination, source, length, alignment);
                return destination;
            default:
                return _builder.MemCompare(destination, source, length, alignment, sourceAlignment);
        }
    }

    /// <summary>A pointer argument that C converts to void *: the alignment is what its own type promises.</summary>
    private (Value Pointer, int Alignment) LowerBlockPointer(BoundExpression pointer)
    {
        BoundExpression inner = pointer;
        while (inner is BoundConversion { Kind: ConversionKind.Pointer, IsImplicit: true } conversion)
            inner = conversion.Operand;
        switch (inner)
        {
            case BoundAddressOf { Operand: not BoundFunctionReference } address:
                Place place = Materialize(PlaceOf(address.Operand));
                _builder.Location = pointer.Location;
                return (Address(place), place.Alignment);
            case BoundConversion { Kind: ConversionKind.ArrayToPointer } decay:
                Place array = Materialize(PlaceOf(decay.Operand));
                _builder.Location = pointer.Location;
                return (Address(array), array.Alignment);
            default:
                int alignment = inner.Type.Canonical is PointerType { Pointee: var pointee } && pointee.Type.Size > 0 ? TypeLowering.Alignment(pointee) : 1;
                return (Lower(pointer), alignment);
        }
    }

    /// <summary>
    /// There is no trapping instruction: a trap that survives optimisation is a call nobody can resolve, and the program is refused
    /// (libbpf's __bpf_unreachable() relies on that).
    /// </summary>
    private Value LowerTrap(BoundBuiltinCall call)
    {
        _builder.Location = call.Location;
        _builder.Call(module.GetTrap());
        _builder.Unreachable();
        EnsureOpenBlock();
        return s_nothing;
    }

    private Value LowerFrameAddress(BoundBuiltinCall call)
    {
        _builder.Location = call.Location;
        return module.Static.Number(call.Arguments[0]) is { } level && level == 0
            ? _builder.Insert(new InlineAsmInstruction("%0 = r10", [new AsmOperand("=r", null, IrType.Ptr)], [], [], false))
            : Constant.NullPointer;
    }

    private Value LowerPacketLoad(BoundBuiltinCall call)
    {
        int width = call.Kind switch { BuiltinKind.PacketLoad8 => 8, BuiltinKind.PacketLoad16 => 16, _ => 32 };
        Value context = Lower(call.Arguments[0]);
        Value offset = _builder.ConvertInteger(Lower(call.Arguments[1]), IrType.I64, TypeLowering.IsSigned(call.Arguments[1].Type));
        _builder.Location = call.Location;
        Value loaded = _builder.Insert(new PacketLoadInstruction(width, context, offset));
        return _builder.ConvertInteger(loaded, TypeLowering.ValueType(call.Type), false);
    }

    // ---- checked arithmetic -------------------------------------------------------------------------------------------

    private Value LowerOverflow(BoundBuiltinCall call)
    {
        BoundExpression leftExpression = call.Arguments[0], rightExpression = call.Arguments[1];
        Value left = Lower(leftExpression), right = Lower(rightExpression);
        Place result = Pointee(call.Arguments[2], ((PointerType)call.Arguments[2].Type.Canonical).Pointee);
        QualifiedType type = ((PointerType)call.Arguments[2].Type.Canonical).Pointee;
        _builder.Location = call.Location;
        bool leftSigned = TypeLowering.IsSigned(leftExpression.Type), rightSigned = TypeLowering.IsSigned(rightExpression.Type), signed = TypeLowering.IsSigned(type);
        IrType narrow = TypeLowering.ValueType(type);
        (Value wrapped, Value overflow) = narrow == IrType.I64 && left.Type == IrType.I64 && right.Type == IrType.I64 && leftSigned == signed && rightSigned == signed
            ? WordOverflow(call.Kind, left, right, signed)
            : WideOverflow(call.Kind, left, leftSigned, right, rightSigned, narrow, signed);
        Store(result, wrapped);
        return _builder.ZExt(overflow, IrType.I8);
    }

    /// <summary>
    /// Computes in a type wide enough for the mathematical result and compares it with what survives the narrowing: 64 bits for
    /// operands up to 32 (an unsigned product of those needs all 64, read as unsigned), 128 beyond.
    /// </summary>
    private (Value Wrapped, Value Overflow) WideOverflow(BuiltinKind kind, Value left, bool leftSigned, Value right, bool rightSigned, IrType narrow, bool signed)
    {
        int bits = Math.Max(Math.Max(left.Type.Bits(), right.Type.Bits()), narrow.Bits());
        IrType wide = bits <= 32 ? IrType.I64 : IrType.I128;
        Value exact = _builder.Binary(Operation(kind), _builder.ConvertInteger(left, wide, leftSigned), _builder.ConvertInteger(right, wide, rightSigned));
        Value wrapped = _builder.ConvertInteger(exact, narrow, signed);
        Value back = _builder.ConvertInteger(wrapped, wide, signed);
        return (wrapped, _builder.Compare(ComparePredicate.Ne, back, exact));
    }

    private static IrOpcode Operation(BuiltinKind kind) => kind switch
    {
        BuiltinKind.AddOverflow => IrOpcode.Add,
        BuiltinKind.SubOverflow => IrOpcode.Sub,
        _ => IrOpcode.Mul,
    };

    /// <summary>64-bit words without wider arithmetic (Hacker's Delight, 2-13).</summary>
    private (Value Wrapped, Value Overflow) WordOverflow(BuiltinKind kind, Value left, Value right, bool signed)
    {
        Value zero = Constant.I64(0);
        Value wrapped = _builder.Binary(Operation(kind), left, right);
        switch (kind)
        {
            case BuiltinKind.AddOverflow when signed:
                return (wrapped, _builder.Compare(ComparePredicate.Slt, _builder.And(_builder.Xor(wrapped, left), _builder.Xor(wrapped, right)), zero));
            case BuiltinKind.AddOverflow:
                return (wrapped, _builder.Compare(ComparePredicate.Ult, wrapped, left));
            case BuiltinKind.SubOverflow when signed:
                return (wrapped, _builder.Compare(ComparePredicate.Slt, _builder.And(_builder.Xor(left, right), _builder.Xor(wrapped, left)), zero));
            case BuiltinKind.SubOverflow:
                return (wrapped, _builder.Compare(ComparePredicate.Ult, left, right));
        }
        if (!signed)
            return (wrapped, ProductOverflows(wrapped, left, right));
        // |a| * |b| must fit 64 bits and, as a signed number of the result's sign, 63 (or be exactly 2^63 when negative).
        Value negative = _builder.Compare(ComparePredicate.Slt, _builder.Xor(left, right), zero);
        Value leftSize = Magnitude(left), rightSize = Magnitude(right);
        Value product = _builder.Mul(leftSize, rightSize);
        Value limit = _builder.Add(_builder.ZExt(negative, IrType.I64), Constant.I64(long.MaxValue));
        Value tooLarge = _builder.Compare(ComparePredicate.Ugt, product, limit);
        return (wrapped, _builder.Or(ProductOverflows(product, leftSize, rightSize), tooLarge));
    }

    private Value Magnitude(Value value)
        => _builder.Select(_builder.Compare(ComparePredicate.Slt, value, Constant.I64(0)), _builder.Neg(value), value);

    /// <summary>Division undoes the product unless bits were lost. Division by zero yields zero here, and zero times anything fits.</summary>
    private Value ProductOverflows(Value product, Value left, Value right)
    {
        Value lost = _builder.Compare(ComparePredicate.Ne, _builder.UDiv(product, left), right);
        return _builder.And(lost, _builder.Compare(ComparePredicate.Ne, left, Constant.I64(0)));
    }
}
