// Structures, unions and enumerations: types with identity. They complete themselves on first need, because a header may
// define thousands of which a program touches few.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Symbols;

/// <summary>A member. Offsets are final once the record is laid out.</summary>
public sealed class FieldSymbol(string? name, QualifiedType type, RecordType container, SourceLocation location)
{
    /// <summary>Null for an anonymous structure or union, and for unnamed bit-fields (kept only for layout).</summary>
    public string? Name { get; } = name;

    public QualifiedType Type { get; internal set; } = type;

    public RecordType Container { get; } = container;

    public SourceLocation Location { get; } = location;

    /// <summary>Position among the record's members, unnamed bit-fields not counted: the index in CO-RE access paths.</summary>
    public int Index { get; internal set; }

    /// <summary>Bits from the start of the container to the member's first (least significant) bit.</summary>
    public long BitOffset { get; internal set; }

    /// <summary>Bytes from the start of the container; for a bit-field, of the byte that holds its first bit.</summary>
    public long ByteOffset => BitOffset / 8;

    /// <summary>Width of a bit-field in bits, or null.</summary>
    public int? BitWidth { get; internal set; }

    public bool IsBitField => BitWidth is not null;

    public SymbolAttributes Attributes { get; internal set; } = SymbolAttributes.None;

    public bool IsAnonymousRecord => Name is null && BitWidth is null;
}

public sealed class RecordType(string? tag, bool isUnion, SourceLocation location) : TypeSymbol
{
    private Action<RecordType>? _complete;
    private IReadOnlyList<FieldSymbol> _fields = [];
    private long _size = -1;
    private int _alignment = 1;

    public string? Tag { get; } = tag;

    public bool IsUnion { get; } = isUnion;

    public SourceLocation Location { get; set; } = location;

    public SymbolAttributes Attributes { get; set; } = SymbolAttributes.None;

    /// <summary><c>preserve_access_index</c>: accesses to members are relocated by the loader.</summary>
    public bool PreservesAccessIndex { get; set; }

    /// <summary>The typedef that gives an anonymous record its only name, for messages.</summary>
    public TypedefSymbol? NamingTypedef { get; set; }

    /// <summary>Order of the top-level declaration that defines it; int.MaxValue while no definition is known.</summary>
    internal int DefinitionOrder { get; set; } = int.MaxValue;

    /// <summary>Called once, before the first question about members or size, by whoever knows the definition.</summary>
    public void SetCompleter(Action<RecordType> complete) => _complete = complete;

    /// <summary>Members in order of declaration. Empty while incomplete.</summary>
    public IReadOnlyList<FieldSymbol> Fields { get { EnsureComplete(); return _fields; } }

    public override long Size { get { EnsureComplete(); return _size; } }

    public override int Alignment { get { EnsureComplete(); return _alignment; } }

    /// <summary>Installs the laid-out definition.</summary>
    public void Define(IReadOnlyList<FieldSymbol> fields, long size, int alignment) => (_fields, _size, _alignment) = (fields, size, alignment);

    private void EnsureComplete()
    {
        if (_complete is { } complete)
        {
            _complete = null;
            complete(this);
        }
    }
}

public sealed class EnumConstantSymbol(string name, long value, EnumType type, SourceLocation location) : Symbol(name, location)
{
    /// <summary>As a 64-bit pattern; unsigned when the enumeration is.</summary>
    public long Value { get; } = value;

    public EnumType Enum { get; } = type;

    /// <summary>The type the constant has in expressions.</summary>
    public QualifiedType Type { get; set; } = IntegerType.Int;
}

public sealed class EnumType(string? tag, SourceLocation location) : TypeSymbol
{
    public string? Tag { get; } = tag;

    public SourceLocation Location { get; set; } = location;

    public TypedefSymbol? NamingTypedef { get; set; }

    /// <summary>The integer type that represents it: unsigned int unless a value is negative, 64-bit where values need it; null while incomplete.</summary>
    public IntegerType? Underlying { get; set; }

    public IReadOnlyList<EnumConstantSymbol> Constants { get; set; } = [];

    public override long Size => Underlying?.Size ?? -1;

    public override int Alignment => Underlying?.Alignment ?? 4;
}
