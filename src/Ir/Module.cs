// A module is one translation unit in SSA form.
using Ebpfcc.Core.Text;
using Ebpfcc.Ir.Debug;

namespace Ebpfcc.Ir;

public enum Linkage : byte { Internal, External, Weak }

public enum SymbolVisibility : byte { Default, Hidden }

/// <summary>Parameter and result types of a function or of an indirect call.</summary>
public sealed record FunctionSignature(IrType ReturnType, IReadOnlyList<IrType> ParameterTypes, bool IsVariadic = false);

public sealed class Module(string name, SourceMap sourceMap)
{
    /// <summary>The main source file's path.</summary>
    public string Name { get; } = name;

    /// <summary>Translates the locations in this module.</summary>
    public SourceMap SourceMap { get; } = sourceMap;

    public List<GlobalVariable> Globals { get; } = [];

    public List<Function> Functions { get; } = [];

    /// <summary>Types that must be described although nothing in the module refers to them.</summary>
    public List<DebugType> RetainedTypes { get; } = [];
}

/// <summary>A named address: a variable or a function. As a value it is the address.</summary>
public abstract class GlobalValue : Value
{
    protected GlobalValue(string name) : base(IrType.Ptr) => Name = name;

    /// <summary>The symbol's name; unique in the module.</summary>
    public string Symbol => Name!;

    public Linkage Linkage { get; set; }

    public SymbolVisibility Visibility { get; set; }

    /// <summary>From <c>__attribute__((section))</c>; null leaves the choice to the backend.</summary>
    public string? Section { get; set; }

    /// <summary><c>__attribute__((used))</c> and the like: kept although nothing refers to it.</summary>
    public bool IsUsed { get; set; }

    /// <summary>Declared here, defined elsewhere (another object, the kernel).</summary>
    public abstract bool IsDeclaration { get; }

    public SourceLocation Location { get; set; }

    /// <summary>The strings of <c>btf_decl_tag</c>: on the thing itself (index -1) or on a parameter.</summary>
    public List<(string Tag, int ParameterIndex)> DeclTags { get; } = [];
}

/// <summary>The address of a global stored inside another global's initial value.</summary>
/// <param name="Offset">Byte offset of the 64-bit slot.</param>
/// <param name="Target">Whose address.</param>
/// <param name="Addend">Added to it.</param>
public readonly record struct InitializerRelocation(int Offset, GlobalValue Target, long Addend);

public sealed class GlobalVariable(string name, long size, int alignment) : GlobalValue(name)
{
    /// <summary>Bytes.</summary>
    public long Size { get; set; } = size;

    public int Alignment { get; set; } = alignment;

    /// <summary>The object is const: its initial value is its value for ever.</summary>
    public bool IsConstant { get; set; }

    public bool IsVolatile { get; set; }

    /// <summary>The initial bytes; null with <see cref="IsDeclaration"/> false means all zero.</summary>
    public byte[]? InitialBytes { get; set; }

    public List<InitializerRelocation> Relocations { get; } = [];

    public bool IsExternal { get; set; }

    public override bool IsDeclaration => IsExternal;

    /// <summary>The C type; null for compiler-made objects (string literals), which get no type description.</summary>
    public DebugType? DebugType { get; set; }
}

public sealed class Function(string name, FunctionSignature signature) : GlobalValue(name)
{
    private Parameter[]? _parameters;

    public FunctionSignature Signature { get; private set; } = signature;

    public IReadOnlyList<Parameter> Parameters
        => _parameters ??= [.. Signature.ParameterTypes.Select((type, index) => new Parameter(this, index, type))];

    /// <summary>
    /// Drops all parameters but those of the given indices, in order. The dropped ones must have no users; the caller changes
    /// the calls. The C prototype stays what it was.
    /// </summary>
    public void KeepParameters(IReadOnlyList<int> kept)
    {
        var left = new Parameter[kept.Count];
        var types = new IrType[kept.Count];
        for (int i = 0; i < left.Length; i++)
        {
            left[i] = Parameters[kept[i]];
            types[i] = left[i].Type;
        }
        for (int i = 0; i < left.Length; i++)
            left[i].Index = i;
        _parameters = left;
        Signature = Signature with { ParameterTypes = types };
    }

    /// <summary>Blocks in layout order, the entry first; empty for a declaration.</summary>
    public List<BasicBlock> Blocks { get; } = [];

    public BasicBlock Entry => Blocks[0];

    public override bool IsDeclaration => Blocks.Count == 0;

    public bool AlwaysInline { get; set; }

    public bool InlineHint { get; set; }

    public bool NoInline { get; set; }

    public bool NoReturn { get; set; }

    /// <summary>No prologue, the body is inline assembly only.</summary>
    public bool IsNaked { get; set; }

    /// <summary>The C prototype with parameter names; null for compiler-made functions.</summary>
    public DebugFunctionType? DebugType { get; set; }

    public BasicBlock AddBlock(string? blockName = null)
    {
        var block = new BasicBlock(blockName) { Function = this, Index = Blocks.Count };
        Blocks.Add(block);
        return block;
    }

    public BasicBlock InsertBlockAfter(BasicBlock position, string? blockName = null)
    {
        var block = new BasicBlock(blockName) { Function = this };
        Blocks.Insert(Blocks.IndexOf(position) + 1, block);
        return block;
    }

    /// <summary>Adopts a block made elsewhere (a clone).</summary>
    public void AppendBlock(BasicBlock block)
    {
        block.Function = this;
        block.Index = Blocks.Count;
        Blocks.Add(block);
    }

    /// <summary>Makes a block belong to this function; the caller puts it into <see cref="Blocks"/>.</summary>
    internal void AdoptBlock(BasicBlock block) => block.Function = this;

    /// <summary>Puts a block that is in no function behind one of this function's.</summary>
    internal void PlaceBlockAfter(BasicBlock position, BasicBlock block)
    {
        block.Function = this;
        Blocks.Insert(Blocks.IndexOf(position) + 1, block);
        Renumber();
    }

    /// <summary>Gives blocks consecutive <see cref="BasicBlock.Index"/> values.</summary>
    public void Renumber()
    {
        for (int i = 0; i < Blocks.Count; i++)
            Blocks[i].Index = i;
    }

    /// <summary>
    /// Renumbers the blocks and gives parameters and instructions dense <see cref="Value.Number"/>s in layout order.
    /// </summary>
    /// <returns>How many numbers were given.</returns>
    public int NumberValues()
    {
        int number = 0;
        foreach (Parameter parameter in Parameters)
            parameter.Number = number++;
        for (int i = 0; i < Blocks.Count; i++)
        {
            Blocks[i].Index = i;
            for (Instruction? instruction = Blocks[i].First; instruction is not null; instruction = instruction.Next)
                instruction.Number = number++;
        }
        return number;
    }

    public override string ToString() => Symbol;
}
