// Keys and values of maps as JSON and back: by the C types that the object describes, or as bytes.
//
//   number            little-endian, as wide as the type; in network order where the type is __be16 or __be32
//   "0a 00 00 01"     bytes in hexadecimal         "10.1.2.3"   an IPv4 address in network order        "text"   a character array
//   [1, 2, 3]         elements of an array, or bytes            {"prefixlen": 8, "address": "10.0.0.0"}  members
using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Ebpfcc.Ebpf.Btf;

namespace Ebpfcc.Cli.Running;

internal static class MapText
{
    /// <summary>Fills bytes from JSON; returns what is wrong, or null.</summary>
    public static string? Encode(JsonElement json, Span<byte> place, BtfReader? types, int typeId)
    {
        BtfType type = types?.SkipModifiers(typeId) ?? default;
        switch (json.ValueKind)
        {
            case JsonValueKind.Number:
                string? wrongNumber = EncodeNumber(json, place);
                if (wrongNumber is null && IsBigEndian(types, typeId))
                    place.Reverse();
                return wrongNumber;
            case JsonValueKind.True:
            case JsonValueKind.False:
                if (place.Length > 0)
                    place[0] = json.ValueKind == JsonValueKind.True ? (byte)1 : (byte)0;
                return null;
            case JsonValueKind.String:
                return EncodeString(json.GetString()!, place, type, types);
            case JsonValueKind.Array:
                bool isArray = type.Kind == BtfKind.Array;
                int size = isArray ? (int)(types!.SizeOf(type.ElementTypeId) ?? 1) : 1;
                int index = 0;
                foreach (JsonElement element in json.EnumerateArray())
                {
                    if ((index + 1) * size > place.Length)
                        return $"more than {place.Length / size} elements";
                    if (Encode(element, place.Slice(index++ * size, size), isArray ? types : null, isArray ? type.ElementTypeId : 0) is { } wrong)
                        return wrong;
                }
                return null;
            case JsonValueKind.Object:
                if (type.Kind is not (BtfKind.Struct or BtfKind.Union))
                    return "members are given, but the type is no structure";
                foreach (JsonProperty property in json.EnumerateObject())
                {
                    if (FindMember(types!, type, property.Name, 0) is not (var offset, var memberType))
                        return $"the type has no member '{property.Name}'";
                    int length = (int)Math.Min(types!.SizeOf(memberType) ?? 0, place.Length - offset);
                    if (length < 0 || Encode(property.Value, place.Slice(offset, length), types, memberType) is { } problem)
                        return $"member '{property.Name}' does not fit";
                }
                return null;
            default:
                return "null is no value";
        }
    }

    /// <summary>The kernel's headers name integers in network order __be16, __be32 and __be64.</summary>
    private static bool IsBigEndian(BtfReader? types, int id)
    {
        for (int steps = 0; types is not null && steps < 16; steps++)
        {
            BtfType type = types[id];
            if (type.Kind == BtfKind.Typedef && type.NameBytes.StartsWith("__be"u8))
                return true;
            if (type.Kind is not (BtfKind.Typedef or BtfKind.Const or BtfKind.Volatile))
                return false;
            id = type.TypeId;
        }
        return false;
    }

    private static (int Offset, int Type)? FindMember(BtfReader types, BtfType type, string name, int nesting)
    {
        for (int i = 0; i < type.Length && nesting < 8; i++)
        {
            BtfMember member = type.GetMember(i);
            string memberName = types.GetString(member.NameOffset);
            if (memberName == name && member.BitSize == 0)
                return ((int)(member.BitOffset / 8), member.TypeId);
            BtfType inner = types.SkipModifiers(member.TypeId);
            if (memberName.Length == 0 && FindMember(types, inner, name, nesting + 1) is (var offset, var innerType))
                return ((int)(member.BitOffset / 8) + offset, innerType);
        }
        return null;
    }

    private static string? EncodeNumber(JsonElement json, Span<byte> place)
    {
        Span<byte> bytes = stackalloc byte[8];
        if (json.TryGetInt64(out long signed))
            BinaryPrimitives.WriteInt64LittleEndian(bytes, signed);
        else if (json.TryGetUInt64(out ulong unsigned))
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, unsigned);
        else
            return $"{json.GetRawText()} is no integer";
        if (place.Length < 8 && bytes[place.Length..].ContainsAnyExcept(signed < 0 ? (byte)0xff : (byte)0))
            return $"{json.GetRawText()} does not fit into {place.Length} bytes";
        place.Clear();
        bytes[..Math.Min(8, place.Length)].CopyTo(place);
        return null;
    }

    private static string? EncodeString(string text, Span<byte> place, BtfType type, BtfReader? types)
    {
        place.Clear();
        if (place.Length is 4 or 16 && text.AsSpan().IndexOfAny('.', ':') >= 0 && IPAddress.TryParse(text, out IPAddress? address) && address.GetAddressBytes().Length == place.Length)
        {
            address.GetAddressBytes().CopyTo(place);
            return null;
        }
        bool isCharacters = type.Kind == BtfKind.Array && types!.SizeOf(type.ElementTypeId) == 1;
        string hex = text.Replace(" ", "").Replace("0x", "");
        if (!isCharacters || text.StartsWith("0x", StringComparison.Ordinal))
        {
            if (hex.Length % 2 != 0 || !hex.All(char.IsAsciiHexDigit))
                return $"'{text}' is neither hexadecimal nor an address";
            if (hex.Length / 2 > place.Length)
                return $"'{text}' has more than {place.Length} bytes";
            Convert.FromHexString(hex).CopyTo(place);
            return null;
        }
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length > place.Length)
            return $"'{text}' has more than {place.Length} bytes";
        bytes.CopyTo(place);
        return null;
    }

    /// <summary>The JSON text of some bytes: numbers and members where the types are known, hexadecimal otherwise.</summary>
    public static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> bytes, BtfReader? types, int typeId, int nesting = 0)
    {
        BtfType type = types?.SkipModifiers(typeId) ?? default;
        switch (type.Kind)
        {
            case BtfKind.Int when bytes.Length == 4 && IsBigEndian(types, typeId):
                json.WriteStringValue(new IPAddress(bytes).ToString());
                break;
            case BtfKind.Int when bytes.Length == 2 && IsBigEndian(types, typeId):
                json.WriteNumberValue(BinaryPrimitives.ReadUInt16BigEndian(bytes));
                break;
            case BtfKind.Int or BtfKind.Enum or BtfKind.Enum64 when bytes.Length is 1 or 2 or 4 or 8:
                long value = bytes.Length switch { 1 => (sbyte)bytes[0], 2 => BinaryPrimitives.ReadInt16LittleEndian(bytes), 4 => BinaryPrimitives.ReadInt32LittleEndian(bytes), _ => BinaryPrimitives.ReadInt64LittleEndian(bytes) };
                bool isSigned = type.Kind == BtfKind.Int ? (type.Encoding & BtfIntEncoding.Signed) != 0 : type.KindFlag;
                if (isSigned)
                    json.WriteNumberValue(value);
                else
                    json.WriteNumberValue((ulong)value & (bytes.Length == 8 ? ulong.MaxValue : (1UL << bytes.Length * 8) - 1));
                break;
            case BtfKind.Struct or BtfKind.Union when nesting < 8 && type.Length > 0:
                json.WriteStartObject();
                WriteMembers(json, bytes, types!, type, 0, nesting);
                json.WriteEndObject();
                break;
            case BtfKind.DataSection when nesting < 8:
                json.WriteStartObject();
                for (int i = 0; i < type.Length; i++)
                {
                    BtfSectionEntry entry = type.GetEntry(i);
                    if ((long)entry.Offset + entry.Size > bytes.Length)
                        continue;
                    json.WritePropertyName(types![entry.TypeId].Name);
                    Write(json, bytes.Slice((int)entry.Offset, (int)entry.Size), types, types[entry.TypeId].TypeId, nesting + 1);
                }
                json.WriteEndObject();
                break;
            case BtfKind.Array when nesting < 8 && types!.SizeOf(type.ElementTypeId) is > 1 and { } size:
                json.WriteStartArray();
                for (long i = 0; i < type.ArrayCount && (i + 1) * size <= bytes.Length; i++)
                    Write(json, bytes.Slice((int)(i * size), (int)size), types, type.ElementTypeId, nesting + 1);
                json.WriteEndArray();
                break;
            default:
                json.WriteStringValue(Convert.ToHexStringLower(bytes));
                break;
        }
    }

    private static void WriteMembers(Utf8JsonWriter json, ReadOnlySpan<byte> bytes, BtfReader types, BtfType type, int at, int nesting)
    {
        for (int i = 0; i < type.Length; i++)
        {
            BtfMember member = type.GetMember(i);
            int offset = at + (int)(member.BitOffset / 8);
            if (types.SizeOf(member.TypeId) is not { } size || offset + size > bytes.Length || member.BitSize != 0)
                continue;
            string name = types.GetString(member.NameOffset);
            if (name.Length == 0)
            {
                WriteMembers(json, bytes, types, types.SkipModifiers(member.TypeId), offset, nesting + 1);
                continue;
            }
            json.WritePropertyName(name);
            Write(json, bytes.Slice(offset, (int)size), types, member.TypeId, nesting + 1);
        }
    }

    /// <summary>The same as text on one line.</summary>
    public static string Format(ReadOnlySpan<byte> bytes, BtfReader? types, int typeId)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
            Write(json, bytes, types, typeId);
        return Encoding.UTF8.GetString(buffer.ToArray()).Replace(",", ", ").Replace(":", ": ").Trim('"');
    }
}
