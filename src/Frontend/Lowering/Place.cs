// Where an lvalue lies. Constant displacements are summed up before any address arithmetic is emitted.
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Debug;

namespace Ebpfcc.Frontend.Lowering;

/// <param name="Base">An address.</param>
/// <param name="Offset">Bytes added to it. For a bit-field: of the structure that contains it.</param>
/// <param name="Alignment">Known alignment of base plus offset, in bytes.</param>
internal readonly record struct Place(Value Base, long Offset, int Alignment, bool IsVolatile)
{
    public FieldSymbol? BitField { get; init; }

    /// <summary>Accesses behind <see cref="Base"/> that the loader relocates; <see cref="Offset"/> then starts behind the relocated one.</summary>
    public AccessChain? Chain { get; init; }

    /// <summary>The object type is _Atomic.</summary>
    public bool IsAtomic { get; init; }

    /// <summary>The place some bytes further on.</summary>
    public Place At(long bytes) => this with { Offset = Offset + bytes, Alignment = AlignmentAt(bytes) };

    /// <summary>What is known of the alignment of an address so many bytes behind this place.</summary>
    public int AlignmentAt(long bytes) => bytes == 0 ? Alignment : (int)Math.Min(Alignment, bytes & -bytes);
}

/// <summary>
/// A chain of member and element accesses below one pointer, as CO-RE describes it: indices into <paramref name="Root"/>, the first one
/// counting whole objects behind the pointer.
/// </summary>
/// <param name="LocalOffset">The distance in bytes for the program's own layout.</param>
internal sealed record AccessChain(DebugType Root, string Path, long LocalOffset)
{
    public AccessChain Add(int index, long offset) => this with { Path = $"{Path}:{index}", LocalOffset = LocalOffset + offset };
}
