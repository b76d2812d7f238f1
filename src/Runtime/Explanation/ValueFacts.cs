// What the verifier knew of a value at one place, as plain data for those who explain a rejection.
using System.Globalization;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Runtime.Explanation;

public enum ValueKind : byte
{
    Uninitialized, Scalar, Context, Map, MapValue, MapKey, Stack, Packet, PacketMeta, PacketEnd, Socket, Memory, Object, Other,
}

/// <summary>A value as the verifier saw it.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">The kernel's name of the kind: <c>map_value_or_null</c>.</param>
/// <param name="MayBeNull">A pointer that may be null.</param>
/// <param name="Minimum">Of a number its smallest signed value, of a pointer that of the variable part of its offset.</param>
/// <param name="Maximum">The largest signed value.</param>
/// <param name="UnsignedMaximum">The largest unsigned value.</param>
/// <param name="UnsignedMinimum">The smallest unsigned value.</param>
/// <param name="Offset">Of a pointer: constant bytes from its base.</param>
/// <param name="Target">Map index; of memory its size; of packet pointers the bytes that are known to be there.</param>
/// <param name="Id">What copies and checked pointers share; 0 for none.</param>
/// <param name="Reference">The acquired reference it belongs to; 0 for none.</param>
public readonly record struct ValueFacts(
    ValueKind Kind, string Name, bool MayBeNull, long Minimum, long Maximum, ulong UnsignedMinimum, ulong UnsignedMaximum, int Offset, int Target, uint Id, uint Reference)
{
    /// <summary>The range of the low 32 bits as a signed number.</summary>
    public (int Minimum, int Maximum) Low { get; init; }

    /// <summary>That range in words.</summary>
    public string LowRange => string.Create(CultureInfo.InvariantCulture, $"{Low.Minimum}..{Low.Maximum}");

    public bool IsConstant => UnsignedMinimum == UnsignedMaximum;

    public bool IsPointer => Kind is not (ValueKind.Scalar or ValueKind.Uninitialized);

    public bool IsPacket => Kind is ValueKind.Packet or ValueKind.PacketMeta;

    /// <summary>The range in words: <c>0..65535</c>, <c>exactly 4</c>, <c>any number</c>.</summary>
    public string Range
    {
        get
        {
            if (IsConstant)
                return $"exactly {Minimum.ToString(CultureInfo.InvariantCulture)}";
            if (Minimum >= 0)
                return UnsignedMaximum == long.MaxValue ? "not negative and has no upper bound" : $"{Text(Minimum)}..{Text(Maximum)}";
            if (Minimum == long.MinValue && Maximum == long.MaxValue)
                return "any 64-bit number";
            return $"{Text(Minimum)}..{Text(Maximum)}";

            static string Text(long value) => value switch
            {
                long.MinValue => "-2^63",
                long.MaxValue => "2^63-1",
                _ => value.ToString(CultureInfo.InvariantCulture),
            };
        }
    }

    internal static ValueFacts Of(in RegisterState register) => new(
        KindOf(register.Kind), register.Kind.Name(), register.Kind.MayBeNull(), register.Value.SMin, register.Value.SMax, register.Value.UMin, register.Value.UMax,
        register.Offset, register.Target, register.Id & ~RegisterState.LinkedWithDelta, register.Reference)
    {
        Low = (register.Value.SMin32, register.Value.SMax32),
    };

    private static ValueKind KindOf(RegisterKind kind) => kind.Base() switch
    {
        RegisterKind.Uninitialized => ValueKind.Uninitialized,
        RegisterKind.Scalar => ValueKind.Scalar,
        RegisterKind.Context => ValueKind.Context,
        RegisterKind.Map => ValueKind.Map,
        RegisterKind.MapValue => ValueKind.MapValue,
        RegisterKind.MapKey => ValueKind.MapKey,
        RegisterKind.Stack => ValueKind.Stack,
        RegisterKind.Packet => ValueKind.Packet,
        RegisterKind.PacketMeta => ValueKind.PacketMeta,
        RegisterKind.PacketEnd => ValueKind.PacketEnd,
        RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.XdpSocket => ValueKind.Socket,
        RegisterKind.Memory => ValueKind.Memory,
        RegisterKind.Object => ValueKind.Object,
        _ => ValueKind.Other,
    };
}
