// What assembling produces before it is put into an object: sections with bytes, symbols, and places to be filled in.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Ebpf.Asm;

/// <summary>How a value is stored at a place that was not known when it was passed.</summary>
internal enum FixupKind : byte { Jump16, Jump32, Call, Wide, Data8, Data16, Data32, Data64 }

/// <summary>A value to be stored at an offset of a section.</summary>
internal readonly record struct Fixup(FixupKind Kind, int Offset, AsmValue Value, SourceSpan Span, AsmSymbol? Origin = null);

/// <summary>A name and where it is defined.</summary>
internal sealed class AsmSymbol(string name)
{
    public string Name { get; } = name;

    public AsmSection? Section { get; set; }

    /// <summary>Bytes from the section's start; for a symbol without section that is set by an assignment, its value.</summary>
    public long Value { get; set; }

    public bool IsAbsolute { get; set; }

    public bool IsDefined => Section is not null || IsAbsolute;

    public bool IsGlobal { get; set; }

    /// <summary>Said to be local, which a later common definition respects.</summary>
    public bool IsLocal { get; set; }

    public bool IsWeak { get; set; }

    public bool IsHidden { get; set; }

    /// <summary>As in <c>.type name,@function</c>: function, object, or nothing said.</summary>
    public string Type { get; set; } = "";

    public AsmValue? Size { get; set; }

    public SourceSpan SizeSpan { get; set; }

    /// <summary>Label of the assembler's own, not written to the symbol table.</summary>
    public bool IsTemporary => Name.StartsWith(".L", StringComparison.Ordinal);

    /// <summary>Mentioned anywhere, so that an undefined one becomes an undefined symbol of the object.</summary>
    public bool IsUsed { get; set; }
}

/// <summary>One section while it grows.</summary>
internal sealed class AsmSection(string name)
{
    public const int MaxSize = 64 << 20;

    private byte[] _data = new byte[256];

    public string Name { get; } = name;

    public string Flags { get; set; } = "";

    public string Type { get; set; } = "";

    public int EntrySize { get; set; }

    public int Alignment { get; set; } = 1;

    /// <summary>True until the first mention with attributes.</summary>
    public bool IsImplicit { get; set; }

    public int Length { get; private set; }

    public List<Fixup> Fixups { get; } = [];

    /// <summary>Where each instruction began in the source, in order of offset.</summary>
    public List<(int Offset, SourceSpan Span)> Lines { get; } = [];

    public bool IsCode => Flags.Contains('x');

    public bool IsNoBits => Type == "nobits";

    public Span<byte> Bytes => _data.AsSpan(0, Length);

    /// <summary>Appends bytes; null when the section would grow too large.</summary>
    public bool TryReserve(long count, out Span<byte> bytes)
    {
        bytes = default;
        if (count < 0 || Length + count > MaxSize)
            return false;
        if (Length + count > _data.Length)
            Array.Resize(ref _data, (int)Math.Max(Length + count, _data.Length * 2L));
        bytes = _data.AsSpan(Length, (int)count);
        Length += (int)count;
        return true;
    }
}
