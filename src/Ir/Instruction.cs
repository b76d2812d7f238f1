// Instructions: nodes of the SSA graph that live in a basic block, as a doubly linked list.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Ir;

/// <summary>An instruction without further data (arithmetic, conversions, select, ...) and the base of those with some.</summary>
public class Instruction : Value
{
    private Value[] _operands;

    // Where operand i's value lists this instruction among its users; -1 for constants, which keep no list.
    private int[] _usePositions;

    public Instruction(IrOpcode opcode, IrType type, params Value[] operands) : base(type)
    {
        Opcode = opcode;
        _operands = operands;
        _usePositions = operands.Length == 0 ? [] : new int[operands.Length];
        for (int i = 0; i < operands.Length; i++)
            _usePositions[i] = operands[i].AddUser(this);
    }

    public IrOpcode Opcode { get; }

    /// <summary>The C expression this came from; survives every pass and becomes line information.</summary>
    public SourceLocation Location { get; set; }

    public BasicBlock? Block { get; internal set; }

    public Instruction? Previous { get; internal set; }

    public Instruction? Next { get; internal set; }

    public int OperandCount => _operands.Length;

    public ReadOnlySpan<Value> Operands => _operands;

    public Value GetOperand(int index) => _operands[index];

    public void SetOperand(int index, Value value)
    {
        _operands[index].RemoveUser(_usePositions[index]);
        _operands[index] = value;
        _usePositions[index] = value.AddUser(this);
    }

    internal void UseMoved(Value value, int from, int to)
    {
        for (int i = 0; i < _operands.Length; i++)
        {
            if (_usePositions[i] == from && ReferenceEquals(_operands[i], value))
            {
                _usePositions[i] = to;
                return;
            }
        }
        throw new InvalidOperationException($"{Opcode} is not a user of this value.");
    }

    private protected void AppendOperand(Value value)
    {
        Array.Resize(ref _operands, _operands.Length + 1);
        Array.Resize(ref _usePositions, _operands.Length);
        _operands[^1] = value;
        _usePositions[^1] = value.AddUser(this);
    }

    private protected void RemoveOperandAt(int index)
    {
        _operands[index].RemoveUser(_usePositions[index]);
        _operands = [.. _operands.AsSpan(0, index), .. _operands.AsSpan(index + 1)];
        _usePositions = [.. _usePositions.AsSpan(0, index), .. _usePositions.AsSpan(index + 1)];
    }

    public virtual bool IsTerminator => false;

    /// <summary>Unlinks the instruction and drops its operands. It must have no users left.</summary>
    public void Erase()
    {
        if (HasUsers)
            throw new InvalidOperationException($"{Opcode} is erased while it still has users.");
        Block?.Remove(this);
        DropOperands();
    }

    /// <summary>Forgets all operands; for instructions that are about to be erased and may use each other.</summary>
    internal void DropOperands()
    {
        for (int i = 0; i < _operands.Length; i++)
        {
            _operands[i].RemoveUser(_usePositions[i]);
            // A value may stand in several slots: the emptied one must not be taken for another that moves.
            _usePositions[i] = -1;
        }
        _operands = [];
        _usePositions = [];
    }
}

/// <summary>Compare.</summary>
public sealed class CompareInstruction(ComparePredicate predicate, Value left, Value right)
    : Instruction(IrOpcode.Compare, IrType.I1, left, right)
{
    public ComparePredicate Predicate { get; set; } = predicate;
}

/// <summary>Alloca: a stack object.</summary>
public sealed class AllocaInstruction(long size, int alignment) : Instruction(IrOpcode.Alloca, IrType.Ptr)
{
    /// <summary>Bytes.</summary>
    public long Size { get; } = size;

    public int Alignment { get; set; } = alignment;

    /// <summary>The C type of the variable, for the stack map; may be null.</summary>
    public Debug.DebugType? DebugType { get; set; }
}

/// <summary>What loads and stores share. <paramref name="alignment"/> is the alignment in bytes that the C type guarantees.</summary>
public abstract class MemoryInstruction(IrOpcode opcode, IrType type, int alignment, bool isVolatile, params Value[] operands)
    : Instruction(opcode, type, operands)
{
    public int Alignment { get; set; } = alignment;

    public bool IsVolatile { get; set; } = isVolatile;

    public MemoryOrder Order { get; set; }

    public Value Pointer => GetOperand(0);
}

/// <summary>Load.</summary>
public sealed class LoadInstruction(IrType type, Value pointer, int alignment, bool isVolatile = false)
    : MemoryInstruction(IrOpcode.Load, type, alignment, isVolatile, pointer);

/// <summary>Store.</summary>
public sealed class StoreInstruction(Value pointer, Value value, int alignment, bool isVolatile = false)
    : MemoryInstruction(IrOpcode.Store, IrType.Void, alignment, isVolatile, pointer, value)
{
    public Value StoredValue => GetOperand(1);
}

/// <summary>
/// MemCopy, MemMove, MemSet and MemCompare: two pointers (for MemSet a pointer and an I8) and a length in bytes (I64). For
/// MemCompare the "destination" is the first object compared.
/// </summary>
public sealed class BlockMemoryInstruction(IrOpcode opcode, Value destination, Value source, Value length, int alignment, bool isVolatile = false)
    : MemoryInstruction(opcode, opcode == IrOpcode.MemCompare ? IrType.I32 : IrType.Void, alignment, isVolatile, destination, source, length)
{
    /// <summary>Alignment of the source; <see cref="MemoryInstruction.Alignment"/> is the destination's.</summary>
    public int SourceAlignment { get; set; } = alignment;

    public Value Source => GetOperand(1);

    public Value Length => GetOperand(2);
}

/// <summary>AtomicRmw.</summary>
public sealed class AtomicRmwInstruction(AtomicOperation operation, Value pointer, Value value, MemoryOrder order)
    : Instruction(IrOpcode.AtomicRmw, value.Type, pointer, value)
{
    public AtomicOperation Operation { get; } = operation;

    public MemoryOrder Order { get; } = order;
}

/// <summary>CompareExchange.</summary>
public sealed class CompareExchangeInstruction(Value pointer, Value expected, Value replacement, MemoryOrder order)
    : Instruction(IrOpcode.CompareExchange, expected.Type, pointer, expected, replacement)
{
    public MemoryOrder Order { get; } = order;
}

/// <summary>PacketLoad of 8, 16 or 32 bits; the program's context is operand 0.</summary>
public sealed class PacketLoadInstruction(int width, Value context, Value offset) : Instruction(IrOpcode.PacketLoad, IrType.I64, context, offset)
{
    public int Width { get; } = width;
}

/// <summary>Call. The callee is a <see cref="Function"/>, a constant (the helper's number) or a computed address.</summary>
public sealed class CallInstruction(FunctionSignature signature, Value callee, params ReadOnlySpan<Value> arguments)
    : Instruction(IrOpcode.Call, signature.ReturnType, [callee, .. arguments])
{
    public FunctionSignature Signature { get; } = signature;

    public Value Callee => GetOperand(0);

    public int ArgumentCount => OperandCount - 1;

    public Value GetArgument(int index) => GetOperand(index + 1);
}

/// <summary>One operand of inline assembly, in gcc's constraint language.</summary>
/// <param name="Constraint">E.g. <c>=r</c>, <c>+r</c> (split by the front end into output and matching input), <c>i</c>, <c>0</c>, <c>m</c>.</param>
/// <param name="SymbolicName">The name in brackets, or null.</param>
/// <param name="Type">Type of the value (or of the memory operand's pointee).</param>
public sealed record AsmOperand(string Constraint, string? SymbolicName, IrType Type);

/// <summary>
/// InlineAsm. Operands are the inputs in order; outputs are results: the instruction itself is output 0 (Void without
/// outputs), the others are read with <see cref="ResultInstruction"/>.
/// </summary>
public sealed class InlineAsmInstruction(string template, IReadOnlyList<AsmOperand> outputs, IReadOnlyList<AsmOperand> inputs,
    IReadOnlyList<string> clobbers, bool hasSideEffects, params Value[] inputValues)
    : Instruction(IrOpcode.InlineAsm, outputs.Count > 0 ? outputs[0].Type : IrType.Void, inputValues)
{
    /// <summary>The text with <c>%0</c>, <c>%[name]</c>, <c>%w0</c>, <c>%=</c> still in it.</summary>
    public string Template { get; } = template;

    public IReadOnlyList<AsmOperand> Outputs { get; } = outputs;

    public IReadOnlyList<AsmOperand> Inputs { get; } = inputs;

    public IReadOnlyList<string> Clobbers { get; } = clobbers;

    /// <summary><c>asm volatile</c> or an asm without outputs: never removed, merged or moved.</summary>
    public bool HasSideEffects { get; } = hasSideEffects;

    public bool ClobbersMemory => Clobbers.Contains("memory");

    /// <summary>An empty template only hides a value from the optimiser.</summary>
    public bool IsBarrier => string.IsNullOrWhiteSpace(Template);
}

/// <summary>AsmResult.</summary>
public sealed class ResultInstruction(InlineAsmInstruction asm, int index) : Instruction(IrOpcode.AsmResult, asm.Outputs[index].Type, asm)
{
    public int Index { get; } = index;
}

/// <summary>The thirteen kinds of CO-RE relocation, numbered as in the kernel's <c>enum bpf_core_relo_kind</c>.</summary>
public enum CoreRelocationKind : byte
{
    FieldByteOffset = 0, FieldByteSize = 1, FieldExists = 2, FieldSigned = 3, FieldLeftShift = 4, FieldRightShift = 5,
    TypeIdLocal = 6, TypeIdTarget = 7, TypeExists = 8, TypeSize = 9, EnumValueExists = 10, EnumValue = 11, TypeMatches = 12,
}

/// <summary>CoreRelocation: a number the loader computes from the running kernel's types.</summary>
public sealed class CoreRelocationInstruction(CoreRelocationKind kind, Debug.DebugType root, string accessPath, IrType type, ulong localValue)
    : Instruction(IrOpcode.CoreRelocation, type)
{
    public CoreRelocationKind Kind { get; } = kind;

    /// <summary>The type the access path starts from.</summary>
    public Debug.DebugType Root { get; } = root;

    /// <summary>Indices separated by colons, e.g. <c>0:1:2</c>; the meaning depends on <see cref="Kind"/>.</summary>
    public string AccessPath { get; } = accessPath;

    /// <summary>The value for the program's own types, which stands in the instruction before relocation.</summary>
    public ulong LocalValue { get; } = localValue;
}

/// <summary>Phi: operand i flows in from predecessor <see cref="GetIncomingBlock"/>(i).</summary>
public sealed class PhiInstruction(IrType type) : Instruction(IrOpcode.Phi, type)
{
    private readonly List<BasicBlock> _blocks = [];

    public BasicBlock GetIncomingBlock(int index) => _blocks[index];

    public void AddIncoming(Value value, BasicBlock block)
    {
        AppendOperand(value);
        _blocks.Add(block);
    }

    public void SetIncomingBlock(int index, BasicBlock block) => _blocks[index] = block;

    public void RemoveIncoming(int index)
    {
        RemoveOperandAt(index);
        _blocks.RemoveAt(index);
    }

    /// <summary>Forgets one edge from a block.</summary>
    public void RemoveIncoming(BasicBlock block) => RemoveIncoming(_blocks.IndexOf(block));

    /// <summary>The value that flows in from a block (the first, when the block has several edges), or null.</summary>
    public Value? GetIncoming(BasicBlock block)
    {
        int index = _blocks.IndexOf(block);
        return index < 0 ? null : GetOperand(index);
    }
}
