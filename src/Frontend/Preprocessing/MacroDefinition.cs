// A macro: its parameters, its replacement list with parameters resolved to indices, and where it was defined.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

/// <summary>Macros whose replacement depends on where or how they are used.</summary>
internal enum BuiltinMacro : byte
{
    None, File, Line, BaseFile, FileName, IncludeLevel, Counter, Date, Time, Timestamp, Pragma,
    HasInclude, HasIncludeNext, HasBuiltin, HasAttribute, HasCAttribute, HasDeclspec, HasFeature, HasExtension, HasWarning, HasConstexprBuiltin, IsIdentifier, BuildingModule,
}

internal sealed class MacroDefinition
{
    public required string Name { get; init; }

    public SourceLocation Location { get; init; }

    public BuiltinMacro Builtin { get; init; }

    public bool IsFunctionLike { get; init; }

    /// <summary>The last parameter takes the remaining arguments.</summary>
    public bool IsVariadic { get; init; }

    /// <summary>Names of the parameters; for a C99 variadic macro the last is <c>__VA_ARGS__</c>.</summary>
    public int[] Parameters { get; init; } = [];

    /// <summary>Parameters are tokens of kind MacroParameter whose id is the parameter's index.</summary>
    public PpToken[] Body { get; init; } = [];

    /// <summary>Characters from the first token of the body to the end of the last.</summary>
    public int BodyLength { get; init; }

    public bool IsPredefined { get; init; }

    /// <summary>Being expanded right now: its name is not expanded again.</summary>
    public bool IsDisabled { get; set; }

    /// <summary>The same macro as far as a redefinition is concerned (C11 6.10.3p1).</summary>
    public bool IsSameAs(MacroDefinition other)
    {
        if (IsFunctionLike != other.IsFunctionLike || IsVariadic != other.IsVariadic || !Parameters.AsSpan().SequenceEqual(other.Parameters) || Body.Length != other.Body.Length)
            return false;
        for (int i = 0; i < Body.Length; i++)
        {
            PpToken a = Body[i], b = other.Body[i];
            if (a.Kind != b.Kind || a.Id != b.Id || (i > 0 && a.HasLeadingSpace != b.HasLeadingSpace))
                return false;
        }
        return true;
    }
}
