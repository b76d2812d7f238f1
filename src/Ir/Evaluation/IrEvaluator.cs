// Runs IR directly: the oracle for passes. A function evaluated before and after a pass must return the same value, leave the
// same bytes in memory and make the same calls to the outside (the trace), unless the program had no meaning before.
//
// What lies outside (helpers, undefined functions, assembly that is not just a barrier) is modelled as a function of its
// arguments, the bytes its pointers point to, and the number of such calls so far.
using System.Globalization;
using System.Text;

namespace Ebpfcc.Ir.Evaluation;

/// <summary>How an evaluation ended.</summary>
/// <param name="Value">What the function returned; 0 for void.</param>
/// <param name="Trap">Why it could not go on; null when it returned.</param>
/// <param name="Trace">Calls to the outside and volatile accesses, in order.</param>
public sealed record EvaluationResult(UInt128 Value, string? Trap, IReadOnlyList<string> Trace)
{
    public override string ToString() => $"{Trap ?? Value.ToString(CultureInfo.InvariantCulture)} [{string.Join(", ", Trace)}]";
}

public sealed partial class IrEvaluator
{
    private const int MaxDepth = 100;

    private readonly EvaluatorMemory _memory = new();
    private readonly Dictionary<GlobalValue, ulong> _addresses = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<ulong, Function> _functions = [];
    private readonly Dictionary<Function, int> _counts = new(ReferenceEqualityComparer.Instance);
    private readonly List<string> _trace = [];
    private long _fuel;
    private int _depth;

    public IrEvaluator(Module module)
    {
        foreach (GlobalVariable global in module.Globals)
        {
            var bytes = new byte[global.Size];
            global.InitialBytes?.CopyTo(bytes, 0);
            _addresses[global] = _memory.Allocate(bytes);
        }
        foreach (Function function in module.Functions)
        {
            _addresses[function] = _memory.Allocate([]);
            _functions[_addresses[function]] = function;
        }
        foreach (GlobalVariable global in module.Globals)
        {
            foreach (InitializerRelocation relocation in global.Relocations)
                _memory.Write(_addresses[global] + (ulong)relocation.Offset, IrType.Ptr, _addresses[relocation.Target] + (ulong)relocation.Addend);
        }
    }

    /// <summary>Puts a buffer into memory and returns its address, to be passed to functions.</summary>
    public ulong Allocate(byte[] content) => _memory.Allocate(content);

    public byte[] Read(GlobalVariable global) => _memory.Tail(_addresses[global]).ToArray();

    /// <summary>Calls a function.</summary>
    /// <param name="fuel">Instructions that may run.</param>
    public EvaluationResult Run(Function function, ReadOnlySpan<UInt128> arguments, long fuel = 100_000)
    {
        _fuel = fuel;
        _depth = 0;
        _trace.Clear();
        try
        {
            return new EvaluationResult(Call(function, arguments), null, _trace.ToArray());
        }
        catch (EvaluationTrap trap)
        {
            return new EvaluationResult(0, trap.Message, _trace.ToArray());
        }
    }

    private UInt128 Call(Function function, ReadOnlySpan<UInt128> arguments)
    {
        if (++_depth > MaxDepth)
            throw new EvaluationTrap("calls nest too deeply");
        if (!_counts.TryGetValue(function, out int count))
            _counts[function] = count = function.NumberValues();
        var values = new UInt128[count];
        for (int i = 0; i < function.Parameters.Count; i++)
            values[i] = arguments[i];
        int mark = _memory.Mark;
        UInt128 result = Execute(function, values);
        _memory.Release(mark);
        _depth--;
        return result;
    }

    private UInt128 Execute(Function function, UInt128[] values)
    {
        BasicBlock block = function.Entry;
        BasicBlock? previous = null;
        var incoming = new List<(PhiInstruction Phi, UInt128 Value)>();
        while (true)
        {
            incoming.Clear();
            foreach (PhiInstruction phi in block.Phis)
                incoming.Add((phi, Get(phi.GetIncoming(previous!)!, values)));
            foreach ((PhiInstruction phi, UInt128 value) in incoming)
                values[phi.Number] = value;
            Instruction? instruction = block.FirstNonPhi;
            while (true)
            {
                if (--_fuel < 0)
                    throw new EvaluationTrap("out of fuel");
                if (instruction is Terminator terminator)
                {
                    if (terminator is ReturnInstruction result)
                        return result.ReturnValue is { } value ? Get(value, values) : 0;
                    previous = block;
                    block = Follow(terminator, values);
                    break;
                }
                values[instruction!.Number] = Evaluate(instruction, values);
                instruction = instruction.Next;
            }
        }
    }

    private BasicBlock Follow(Terminator terminator, UInt128[] values)
    {
        switch (terminator)
        {
            case BranchInstruction branch:
                return branch.Target;
            case CondBranchInstruction branch:
                return Get(branch.Condition, values) != 0 ? branch.IfTrue : branch.IfFalse;
            case SwitchInstruction choice:
                UInt128 value = Get(choice.Value, values);
                for (int i = 0; i < choice.Cases.Count; i++)
                {
                    if (choice.Cases[i].Bits == value)
                        return choice.GetTarget(i);
                }
                return choice.Default;
            case AsmBranchInstruction branch:
                return branch.Successors[(int)(_trace.Count % branch.Successors.Count)];
            default:
                throw new EvaluationTrap("unreachable");
        }
    }

    private UInt128 Get(Value value, UInt128[] values) => value switch
    {
        Constant constant => constant.Bits,
        Undef => 0,
        GlobalValue global => _addresses[global],
        _ => values[value.Number],
    };

    private UInt128 Evaluate(Instruction instruction, UInt128[] values)
    {
        IrOpcode opcode = instruction.Opcode;
        UInt128 first = instruction.OperandCount > 0 ? Get(instruction.GetOperand(0), values) : 0;
        UInt128 second = instruction.OperandCount > 1 ? Get(instruction.GetOperand(1), values) : 0;
        if (opcode.IsBinary())
            return IrArithmetic.Binary(opcode, instruction.Type, first, second);
        if (opcode.IsCast())
            return IrArithmetic.Cast(opcode, instruction.GetOperand(0).Type, instruction.Type, first);
        switch (instruction)
        {
            case CompareInstruction compare:
                return IrArithmetic.Compare(compare.Predicate, compare.GetOperand(0).Type, first, second) ? 1 : (UInt128)0;
            case AllocaInstruction alloca:
                return _memory.Allocate(new byte[alloca.Size]);
            case LoadInstruction load:
                UInt128 loaded = _memory.Read(first, load.Type);
                if (load.IsVolatile)
                    _trace.Add($"volatile load {load.Type.Name()}");
                return loaded;
            case StoreInstruction store:
                if (store.IsVolatile)
                    _trace.Add($"volatile store {store.StoredValue.Type.Name()} {Describe(second)}");
                _memory.Write(first, store.StoredValue.Type, second);
                return 0;
            case BlockMemoryInstruction block:
                return EvaluateBlock(block, first, second, (long)(ulong)Get(block.Length, values));
            case AtomicRmwInstruction atomic:
                UInt128 old = _memory.Read(first, atomic.Type);
                _memory.Write(first, atomic.Type, IrArithmetic.Atomic(atomic.Operation, atomic.Type, old, second));
                return old;
            case CompareExchangeInstruction exchange:
                UInt128 current = _memory.Read(first, exchange.Type);
                if (current == second)
                    _memory.Write(first, exchange.Type, Get(exchange.GetOperand(2), values));
                return current;
            case CallInstruction call:
                return EvaluateCall(call, first, values);
            case InlineAsmInstruction asm:
                return EvaluateAsm(asm, 0, values);
            case ResultInstruction result:
                return EvaluateAsm((InlineAsmInstruction)result.GetOperand(0), result.Index, values);
            case CoreRelocationInstruction core:
                return IrArithmetic.Truncate(core.LocalValue, core.Type);
            case PacketLoadInstruction packet:
                return IrArithmetic.Truncate(Outside($"packet load {packet.Width} {second}"), IrTypes.Integer(packet.Width));
        }
        return opcode switch
        {
            IrOpcode.Select => first != 0 ? second : Get(instruction.GetOperand(2), values),
            IrOpcode.PtrAdd => IrArithmetic.Truncate(unchecked(first + second), IrType.Ptr),
            IrOpcode.Fence => 0,
            IrOpcode.IsConstant => instruction.GetOperand(0) is Constant ? 1 : (UInt128)0,
            _ => IrArithmetic.Unary(opcode, instruction.Type, first),
        };
    }

    private UInt128 EvaluateBlock(BlockMemoryInstruction block, UInt128 destination, UInt128 source, long length)
    {
        switch (block.Opcode)
        {
            case IrOpcode.MemSet:
                _memory.Access(destination, length).Fill((byte)source);
                return 0;
            case IrOpcode.MemCompare:
                return IrArithmetic.Truncate((UInt128)(Int128)Math.Sign(_memory.Access(destination, length).SequenceCompareTo(_memory.Access(source, length))), IrType.I32);
            default:
                _memory.Access(source, length).CopyTo(_memory.Access(destination, length));
                return 0;
        }
    }

    private UInt128 EvaluateCall(CallInstruction call, UInt128 callee, UInt128[] values)
    {
        var arguments = new UInt128[call.ArgumentCount];
        for (int i = 0; i < arguments.Length; i++)
            arguments[i] = Get(call.GetArgument(i), values);
        if (_functions.TryGetValue((ulong)callee, out Function? target) && !target.IsDeclaration)
        {
            if (target.Parameters.Count > arguments.Length)
                throw new EvaluationTrap("too few arguments");
            return Call(target, arguments);
        }
        var text = new StringBuilder(target?.Symbol ?? $"helper {callee}").Append('(');
        for (int i = 0; i < arguments.Length; i++)
            text.Append(i == 0 ? "" : ", ").Append(call.GetArgument(i).Type == IrType.Ptr ? Describe(arguments[i]) : arguments[i].ToString(CultureInfo.InvariantCulture));
        UInt128 result = Outside(text.Append(')').ToString());
        return call.Type is IrType.Void or IrType.Ptr ? 0 : IrArithmetic.Truncate(result, call.Type);
    }

    private UInt128 EvaluateAsm(InlineAsmInstruction asm, int output, UInt128[] values)
    {
        if (asm.IsBarrier)
        {
            string number = output.ToString(CultureInfo.InvariantCulture);
            for (int i = 0; i < asm.Inputs.Count; i++)
            {
                if (asm.Inputs[i].Constraint == number)
                    return Get(asm.GetOperand(i), values);
            }
            return 0;
        }
        var text = new StringBuilder(asm.Template).Append('#').Append(output);
        for (int i = 0; i < asm.OperandCount; i++)
            text.Append(' ').Append(Describe(Get(asm.GetOperand(i), values)));
        IrType type = asm.Outputs.Count > output ? asm.Outputs[output].Type : IrType.Void;
        return type == IrType.Void ? Outside(text.ToString()) * 0 : IrArithmetic.Truncate(Hash(text.ToString()), type);
    }

    /// <summary>Pointers are told by what they point to, because passes may rearrange objects.</summary>
    private string Describe(UInt128 value)
        => _memory.IsPointer(value) ? "&" + Convert.ToHexString(_memory.Tail(value)) : value.ToString(CultureInfo.InvariantCulture);

    private UInt128 Outside(string call)
    {
        _trace.Add(call);
        return Hash($"{_trace.Count} {call}");
    }

    /// <summary>FNV-1a.</summary>
    private static UInt128 Hash(string text)
    {
        ulong hash = 14695981039346656037;
        foreach (char c in text)
            hash = unchecked((hash ^ c) * 1099511628211);
        return new UInt128(unchecked(hash * 31), hash);
    }
}
