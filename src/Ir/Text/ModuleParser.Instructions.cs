// Function bodies of the text form.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Ir.Text;

public sealed partial class ModuleParser
{
    private static readonly Dictionary<string, IrOpcodeRow> s_mnemonics = IrOpcodeTable.Rows.ToDictionary(row => row.Mnemonic);

    private readonly Dictionary<string, Value> _locals = [];
    private readonly Dictionary<string, BasicBlock> _blocks = [];

    /// <summary>Stands for a local value that is used before it is defined.</summary>
    private sealed class ForwardReference(IrType type) : Value(type);

    private void ParseBody(Function function, string[] parameterNames)
    {
        _locals.Clear();
        _blocks.Clear();
        for (int i = 0; i < parameterNames.Length; i++)
            Define(parameterNames[i], function.Parameters[i]);
        BasicBlock? block = null;
        while (!TryTake("}"))
        {
            if (Current.StartsLine && Current.Kind is IrTokenKind.Word or IrTokenKind.String or IrTokenKind.Number && _tokens[_position + 1] is { Text: ":", Kind: IrTokenKind.Punctuation })
            {
                block = Block(Take().Text);
                Expect(":");
                if (block.Function is not null)
                    throw Error("the block is defined twice");
                function.AppendBlock(block);
                if (TryOption("unroll"))
                    block.LoopHint = new LoopHint(TakeInt());
                continue;
            }
            if (block is null)
                throw Error("a label expected");
            ParseInstruction(block);
        }
        foreach ((string name, Value value) in _locals)
        {
            if (value is ForwardReference)
                throw Error($"'%{name}' is used in '@{function.Symbol}' but not defined");
        }
        foreach ((string name, BasicBlock target) in _blocks)
        {
            if (target.Function is null)
                throw Error($"there is no block '{name}' in '@{function.Symbol}'");
        }
    }

    private BasicBlock Block(string name)
    {
        if (!_blocks.TryGetValue(name, out BasicBlock? block))
            _blocks[name] = block = new BasicBlock(name);
        return block;
    }

    private BasicBlock TakeBlock()
        => Current.Kind is IrTokenKind.Word or IrTokenKind.String or IrTokenKind.Number ? Block(Take().Text) : throw Error("a block's name expected");

    private void Define(string name, Value value)
    {
        if (_locals.TryGetValue(name, out Value? earlier))
        {
            if (earlier is not ForwardReference)
                throw Error($"'%{name}' is defined twice");
            if (earlier.Type != value.Type)
                throw Error($"'%{name}' is {value.Type.Name()} but was used as {earlier.Type.Name()}");
            earlier.ReplaceAllUsesWith(value);
        }
        _locals[name] = value;
    }

    private Value TakeValue(IrType type)
    {
        IrToken token = Current;
        switch (token.Kind)
        {
            case IrTokenKind.Local:
                Take();
                if (!_locals.TryGetValue(token.Text, out Value? local))
                    _locals[token.Text] = local = new ForwardReference(type);
                return local.Type == type ? local : throw Error($"'%{token.Text}' is {local.Type.Name()}, not {type.Name()}");
            case IrTokenKind.Global:
                Take();
                return type == IrType.Ptr ? Global(token.Text) : throw Error($"'@{token.Text}' is ptr, not {type.Name()}");
            case IrTokenKind.Number:
                return new Constant(type, (UInt128)TakeNumber());
        }
        return TakeWord() switch
        {
            "true" => Constant.I1(true),
            "false" => Constant.I1(false),
            "null" => Constant.NullPointer,
            "undef" => new Undef(type),
            _ => throw Error("a value expected"),
        };
    }

    private Value TakeTypedValue() => TakeValue(TakeType());

    private Value NextValue(IrType type)
    {
        Expect(",");
        return TakeValue(type);
    }

    private void ParseInstruction(BasicBlock block)
    {
        string? name = null;
        if (Current.Kind == IrTokenKind.Local)
        {
            name = Take().Text;
            Expect("=");
        }
        string mnemonic = TakeWord();
        if (!s_mnemonics.TryGetValue(mnemonic, out IrOpcodeRow? row))
            throw Error($"'{mnemonic}' is no instruction");
        Instruction instruction = row.Form switch
        {
            IrTextForm.Typed => ParseTyped(row),
            IrTextForm.Cast => ParseCast(row),
            IrTextForm.Fixed => ParseFixed(row),
            _ => ParseSpecial(row, block),
        };
        if (TryOption("loc"))
            instruction.Location = new SourceLocation(TakeInt());
        if ((name is null) != (instruction.Type == IrType.Void))
            throw Error(name is null ? $"the result of '{mnemonic}' needs a name" : $"'{mnemonic}' has no result here");
        if (block.Terminator is not null)
            throw Error("the block has already ended");
        block.Append(instruction);
        if (name is null)
            return;
        if (!IsNumber(name))
            instruction.Name = name;
        Define(name, instruction);
    }

    private Instruction ParseTyped(IrOpcodeRow row)
    {
        IrType type = TakeType();
        Value first = TakeValue(type);
        return row.Operands.Length == 1
            ? new Instruction(row.Opcode, type, first)
            : new Instruction(row.Opcode, type, first, NextValue(type));
    }

    private Instruction ParseCast(IrOpcodeRow row)
    {
        Value value = TakeTypedValue();
        Expect("to");
        return new Instruction(row.Opcode, TakeType(), value);
    }

    private Instruction ParseFixed(IrOpcodeRow row)
    {
        var operands = new Value[row.Operands.Length];
        for (int i = 0; i < operands.Length; i++)
        {
            if (i > 0)
                Expect(",");
            operands[i] = TakeValue(row.Operands[i] == IrTypeRule.Ptr ? IrType.Ptr : IrType.I64);
        }
        IrType result = row.Result switch { IrTypeRule.Ptr => IrType.Ptr, IrTypeRule.I1 => IrType.I1, _ => IrType.I64 };
        return new Instruction(row.Opcode, result, operands);
    }

    private Instruction ParseSpecial(IrOpcodeRow row, BasicBlock block)
    {
        switch (row.Opcode)
        {
            case IrOpcode.Compare:
                if (!IrOpcodeTable.TryParse(TakeWord(), out ComparePredicate predicate))
                    throw Error("a predicate expected");
                IrType compared = TakeType();
                Value left = TakeValue(compared);
                return new CompareInstruction(predicate, left, NextValue(compared));
            case IrOpcode.Select:
                Value condition = TakeValue(IrType.I1);
                Expect(",");
                IrType selected = TakeType();
                Value ifTrue = TakeValue(selected);
                return new Instruction(IrOpcode.Select, selected, condition, ifTrue, NextValue(selected));
            case IrOpcode.Alloca:
                long size = TakeLong();
                var alloca = new AllocaInstruction(size, TakeAlignment());
                if (TryOption("debug"))
                    alloca.DebugType = TypeNamed(Take(IrTokenKind.Type).Text);
                return alloca;
            case IrOpcode.Load:
                IrType loaded = TakeType();
                return TakeAccess(new LoadInstruction(loaded, TakeValue(IrType.Ptr), TakeAlignment()));
            case IrOpcode.Store:
                Value stored = TakeTypedValue();
                return TakeAccess(new StoreInstruction(NextValue(IrType.Ptr), stored, TakeAlignment()));
            case IrOpcode.MemCopy or IrOpcode.MemMove or IrOpcode.MemSet or IrOpcode.MemCompare:
                return ParseBlockMemory(row.Opcode);
            case IrOpcode.AtomicRmw:
                if (!IrOpcodeTable.TryParse(TakeWord(), out AtomicOperation operation))
                    throw Error("an atomic operation expected");
                IrType atomic = TakeType();
                Value address = TakeValue(IrType.Ptr);
                return new AtomicRmwInstruction(operation, address, NextValue(atomic), TakeOrder());
            case IrOpcode.CompareExchange:
                IrType exchanged = TakeType();
                Value target = TakeValue(IrType.Ptr), expected = NextValue(exchanged), replacement = NextValue(exchanged);
                return new CompareExchangeInstruction(target, expected, replacement, TakeOrder());
            case IrOpcode.PacketLoad:
                int width = TakeInt();
                Value context = TakeValue(IrType.Ptr);
                Expect(",");
                return new PacketLoadInstruction(width, context, TakeTypedValue());
            case IrOpcode.Call:
                return ParseCall();
            case IrOpcode.InlineAsm:
                return ParseAsm();
            case IrOpcode.AsmResult:
                string asmName = Current.Text;
                if (Take(IrTokenKind.Local) is var _ && _locals.GetValueOrDefault(asmName) is not InlineAsmInstruction asm)
                    throw Error($"'%{asmName}' is no asm");
                Expect(",");
                return new ResultInstruction(asm, TakeInt());
            case IrOpcode.CoreRelocation:
                IrType type = TakeType();
                var kind = (CoreRelocationKind)TakeInt();
                Debug.DebugType root = TypeNamed(Take(IrTokenKind.Type).Text);
                string path = TakeString();
                Expect("value");
                return new CoreRelocationInstruction(kind, root, path, type, (ulong)TakeNumber());
            case IrOpcode.Phi:
                return ParsePhi();
            case IrOpcode.Return:
                return new ReturnInstruction(TryOption("void") || Current.StartsLine || Is("loc") ? null : TakeTypedValue());
            case IrOpcode.Unreachable:
                return new UnreachableInstruction();
            case IrOpcode.Fence:
                return new Instruction(IrOpcode.Fence, IrType.Void);
            default:
                return ParseBranch(row.Opcode, block);
        }
    }

    private Terminator ParseBranch(IrOpcode opcode, BasicBlock block)
    {
        if (opcode == IrOpcode.Branch)
            return new BranchInstruction(TakeBlock());
        if (opcode == IrOpcode.CondBranch)
        {
            Value condition = TakeValue(IrType.I1);
            Expect(",");
            BasicBlock ifTrue = TakeBlock();
            Expect(",");
            BasicBlock ifFalse = TakeBlock();
            return new CondBranchInstruction(condition, ifTrue, ifFalse) { Likely = TryOption("likely") ? true : TryOption("unlikely") ? false : null };
        }
        if (opcode == IrOpcode.AsmBranch)
            return ParseAsmBranch(block);
        Value value = TakeTypedValue();
        Expect(",");
        BasicBlock otherwise = TakeBlock();
        var cases = new List<(Constant, BasicBlock)>();
        Expect("[");
        while (!TryTake("]"))
        {
            if (TakeValue(value.Type) is not Constant constant)
                throw Error("a constant expected");
            Expect(":");
            cases.Add((constant, TakeBlock()));
            if (!Is("]"))
                Expect(",");
        }
        return new SwitchInstruction(value, otherwise, cases);
    }

    /// <summary>Belongs to the asm before it in the block.</summary>
    private AsmBranchInstruction ParseAsmBranch(BasicBlock block)
    {
        Instruction? asm = block.Last;
        while (asm is not null and not InlineAsmInstruction)
            asm = asm.Previous;
        if (asm is null)
            throw Error("no asm stands before in the block");
        BasicBlock fallThrough = TakeBlock();
        var labels = new List<(string, BasicBlock)>();
        Expect("[");
        while (!TryTake("]"))
        {
            string name = TakeString();
            Expect(":");
            labels.Add((name, TakeBlock()));
            if (!Is("]"))
                Expect(",");
        }
        return new AsmBranchInstruction(asm, fallThrough, labels);
    }

    private int TakeAlignment()
    {
        Expect("align");
        return TakeInt();
    }

    private MemoryOrder TakeOrder()
        => IrOpcodeTable.TryParse(TakeWord(), out MemoryOrder order) ? order : throw Error("a memory order expected");

    private T TakeAccess<T>(T access) where T : MemoryInstruction
    {
        access.IsVolatile = TryOption("volatile");
        if (!Current.StartsLine && Current.Kind == IrTokenKind.Word && IrOpcodeTable.TryParse(Current.Text, out MemoryOrder order))
        {
            Take();
            access.Order = order;
        }
        return access;
    }

    private BlockMemoryInstruction ParseBlockMemory(IrOpcode opcode)
    {
        Value destination = TakeValue(IrType.Ptr);
        Value source = NextValue(opcode == IrOpcode.MemSet ? IrType.I8 : IrType.Ptr);
        Value length = NextValue(IrType.I64);
        var instruction = new BlockMemoryInstruction(opcode, destination, source, length, TakeAlignment());
        if (TryOption("from"))
            instruction.SourceAlignment = TakeInt();
        instruction.IsVolatile = TryOption("volatile");
        return instruction;
    }

    private CallInstruction ParseCall()
    {
        IrType result = TakeType();
        var types = new List<IrType>();
        bool variadic = false;
        Expect("(");
        while (!TryTake(")"))
        {
            if (TryTake("..."))
                variadic = true;
            else
                types.Add(TakeType());
            if (!Is(")"))
                Expect(",");
        }
        Value callee = Current.Kind == IrTokenKind.Word ? TakeTypedValue() : TakeValue(IrType.Ptr);
        var arguments = new List<Value>();
        Expect("(");
        while (!TryTake(")"))
        {
            arguments.Add(arguments.Count < types.Count ? TakeValue(types[arguments.Count]) : TakeTypedValue());
            if (!Is(")"))
                Expect(",");
        }
        return new CallInstruction(new FunctionSignature(result, types, variadic), callee, arguments.ToArray());
    }

    private InlineAsmInstruction ParseAsm()
    {
        bool sideEffects = TryTake("sideeffect");
        string template = TakeString();
        List<AsmOperand> outputs = [], inputs = [];
        List<Value> values = [];
        List<string> clobbers = [];
        while (!Current.StartsLine)
        {
            if (TryTake("out"))
                outputs.Add(TakeAsmOperand());
            else if (TryTake("in"))
            {
                inputs.Add(TakeAsmOperand());
                values.Add(TakeTypedValue());
            }
            else if (TryTake("clobber"))
                clobbers.Add(TakeString());
            else
                break;
        }
        return new InlineAsmInstruction(template, outputs, inputs, clobbers, sideEffects, [.. values]);
    }

    private AsmOperand TakeAsmOperand()
    {
        string constraint = TakeString();
        string? name = null;
        if (TryTake("["))
        {
            name = Take().Text;
            Expect("]");
        }
        return new AsmOperand(constraint, name, TakeType());
    }

    private PhiInstruction ParsePhi()
    {
        var phi = new PhiInstruction(TakeType());
        while (phi.OperandCount == 0 ? TryTake("[") : TryTake(","))
        {
            if (phi.OperandCount > 0)
                Expect("[");
            Value value = TakeValue(phi.Type);
            Expect(",");
            phi.AddIncoming(value, TakeBlock());
            Expect("]");
        }
        return phi;
    }
}
