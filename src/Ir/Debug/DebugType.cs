// C types as debuggers and the kernel's BTF see them: the front end describes, the backend encodes. The graph may be cyclic
// through structures, whose members are therefore set after construction.
namespace Ebpfcc.Ir.Debug;

/// <summary>A described type. Identity is the object: the front end makes one per C type.</summary>
public abstract class DebugType
{
    /// <summary>Strings of <c>btf_decl_tag</c> on the type itself (structures, unions, typedefs).</summary>
    public List<string> DeclTags { get; } = [];
}

public enum DebugEncoding : byte { Unsigned, Signed, Char, SignedChar, Bool, Float }

/// <summary>An arithmetic type; void is a null <see cref="DebugType"/> reference.</summary>
public sealed class DebugBaseType(string name, int size, DebugEncoding encoding) : DebugType
{
    public string Name { get; } = name;

    /// <summary>Bytes.</summary>
    public int Size { get; } = size;

    public DebugEncoding Encoding { get; } = encoding;
}

public sealed class DebugPointerType(DebugType? pointee) : DebugType
{
    public DebugType? Pointee { get; set; } = pointee;
}

public enum DebugQualifierKind : byte { Const, Volatile, Restrict }

public sealed class DebugQualifiedType(DebugQualifierKind kind, DebugType? type) : DebugType
{
    public DebugQualifierKind Kind { get; } = kind;

    public DebugType? Type { get; set; } = type;
}

/// <summary><c>__attribute__((btf_type_tag("...")))</c> between a pointer and its pointee.</summary>
public sealed class DebugTypeTag(string tag, DebugType? type) : DebugType
{
    public string Tag { get; } = tag;

    public DebugType? Type { get; set; } = type;
}

public sealed class DebugTypedef(string name, DebugType? type) : DebugType
{
    public string Name { get; } = name;

    public DebugType? Type { get; set; } = type;
}

public sealed class DebugArrayType(DebugType? element, long count) : DebugType
{
    public DebugType? Element { get; set; } = element;

    /// <summary>Elements; 0 for an array of unknown length.</summary>
    public long Count { get; } = count;
}

/// <param name="Name">Null for an anonymous member.</param>
/// <param name="Type">The member's type.</param>
/// <param name="BitOffset">Bits from the start of the structure.</param>
/// <param name="BitSize">Width of a bit-field, 0 for others.</param>
/// <param name="DeclTags">Strings of <c>btf_decl_tag</c> on the member.</param>
public sealed record DebugMember(string? Name, DebugType? Type, long BitOffset, int BitSize, IReadOnlyList<string> DeclTags);

public sealed class DebugRecordType(string? name, bool isUnion) : DebugType
{
    public string? Name { get; } = name;

    public bool IsUnion { get; } = isUnion;

    /// <summary>Called once, before the first question about definition, size or members: only types that end up described cost anything.</summary>
    public Action<DebugRecordType>? Completer { get; set; }

    /// <summary>Declared but not defined: only a name.</summary>
    public bool IsForward
    {
        get { EnsureComplete(); return _isForward; }
        set => _isForward = value;
    }

    /// <summary>Bytes.</summary>
    public long Size
    {
        get { EnsureComplete(); return _size; }
        set => _size = value;
    }

    /// <summary>Filled lazily when <see cref="MembersProvider"/> is set.</summary>
    public IReadOnlyList<DebugMember> Members
    {
        get
        {
            EnsureComplete();
            if (MembersProvider is { } provider)
            {
                MembersProvider = null;
                _members = provider();
            }
            return _members;
        }
        set => _members = value;
    }

    public Func<IReadOnlyList<DebugMember>>? MembersProvider { get; set; }

    private bool _isForward;
    private long _size;
    private IReadOnlyList<DebugMember> _members = [];

    private void EnsureComplete()
    {
        if (Completer is { } complete)
        {
            Completer = null;
            complete(this);
        }
    }
}

public sealed class DebugEnumType(string? name, int size, bool isSigned, IReadOnlyList<(string Name, long Value)> enumerators) : DebugType
{
    public string? Name { get; } = name;

    /// <summary>Bytes; 0 for a forward declaration.</summary>
    public int Size { get; } = size;

    public bool IsSigned { get; } = isSigned;

    public IReadOnlyList<(string Name, long Value)> Enumerators { get; } = enumerators;
}

/// <param name="Name">The parameter's name; empty when unnamed.</param>
public readonly record struct DebugParameter(string Name, DebugType? Type);

public sealed class DebugFunctionType(DebugType? returnType, IReadOnlyList<DebugParameter> parameters, bool isVariadic) : DebugType
{
    public DebugType? ReturnType { get; } = returnType;

    public IReadOnlyList<DebugParameter> Parameters { get; } = parameters;

    public bool IsVariadic { get; } = isVariadic;
}
