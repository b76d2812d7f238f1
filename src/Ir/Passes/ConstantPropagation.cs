// Sparse conditional constant propagation after Wegman and Zadeck, "Constant Propagation with Conditional Branches" (1991):
// values start optimistically unknown, edges start unexecutable, and two worklists raise both until nothing changes. It finds
// constants around loops, which local folding cannot.
//
//   unknown (no executable definition yet)  ->  one constant  ->  varying
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public sealed class ConstantPropagation
{
    private enum State : byte { Unknown, Constant, Varying }

    private readonly State[] _states;
    private readonly Constant?[] _constants;
    private readonly bool[] _reached;
    private readonly HashSet<(BasicBlock, BasicBlock)> _edges = [];
    private readonly Stack<(BasicBlock From, BasicBlock To)> _flow = new();
    private readonly Stack<Instruction> _uses = new();

    private ConstantPropagation(Function function)
    {
        int count = function.NumberValues();
        _states = new State[count];
        _constants = new Constant?[count];
        _reached = new bool[function.Blocks.Count];
        foreach (Parameter parameter in function.Parameters)
            _states[parameter.Number] = State.Varying;
    }

    public static bool Run(Function function)
    {
        ControlFlow.RemoveUnreachableBlocks(function);
        var propagation = new ConstantPropagation(function);
        propagation.Solve(function);
        return propagation.Apply(function);
    }

    private void Solve(Function function)
    {
        Visit(function.Entry);
        while (true)
        {
            if (_uses.TryPop(out Instruction? user))
            {
                if (_reached[user.Block!.Index])
                    Visit(user);
            }
            else if (_flow.TryPop(out (BasicBlock From, BasicBlock To) edge))
            {
                if (!_edges.Add(edge))
                    continue;
                if (!_reached[edge.To.Index])
                {
                    Visit(edge.To);
                    continue;
                }
                foreach (PhiInstruction phi in edge.To.Phis)
                    Visit(phi);
            }
            else
            {
                return;
            }
        }
    }

    private void Visit(BasicBlock block)
    {
        _reached[block.Index] = true;
        for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            Visit(instruction);
    }

    private (State State, Constant? Constant) Get(Value value) => value switch
    {
        Constant constant => (State.Constant, constant),
        Instruction or Parameter => (_states[value.Number], _constants[value.Number]),
        _ => (State.Varying, null),
    };

    private void Raise(Instruction instruction, State state, Constant? constant)
    {
        int number = instruction.Number;
        if (_states[number] == State.Varying || (_states[number] == state && _constants[number]!.IsSameAs(constant!)))
            return;
        // A second, different constant makes the value vary.
        _states[number] = _states[number] == State.Unknown ? state : State.Varying;
        _constants[number] = _states[number] == State.Constant ? constant : null;
        foreach (Instruction user in instruction.Users)
            _uses.Push(user);
    }

    private void Visit(Instruction instruction)
    {
        switch (instruction)
        {
            case Terminator terminator:
                VisitTerminator(terminator);
                return;
            case PhiInstruction phi:
                VisitPhi(phi);
                return;
        }
        if (instruction.Type == IrType.Void)
            return;
        if (!IsFoldable(instruction))
        {
            Raise(instruction, State.Varying, null);
            return;
        }
        bool unknown = false, varying = false;
        foreach (Value operand in instruction.Operands)
        {
            State state = Get(operand).State;
            unknown |= state == State.Unknown;
            varying |= state == State.Varying;
        }
        if (varying)
            Raise(instruction, State.Varying, null);
        else if (!unknown)
            Raise(instruction, Fold(instruction) is { } constant ? State.Constant : State.Varying, Fold(instruction));
    }

    private static bool IsFoldable(Instruction instruction)
        => instruction.Opcode.IsBinary() || instruction.Opcode.IsCast()
            || instruction.Opcode is IrOpcode.Compare or IrOpcode.Select or IrOpcode.ByteSwap or IrOpcode.PopCount or IrOpcode.CountLeadingZeros or IrOpcode.CountTrailingZeros or IrOpcode.IsConstant or IrOpcode.PtrAdd;

    private Constant? Fold(Instruction instruction)
    {
        Constant Operand(int index) => Get(instruction.GetOperand(index)).Constant!;
        IrOpcode opcode = instruction.Opcode;
        if (opcode.IsBinary())
            return ConstantFolder.Fold(opcode, instruction.Type, Operand(0), Operand(1));
        if (opcode.IsCast())
            return ConstantFolder.FoldCast(opcode, instruction.Type, Operand(0));
        return opcode switch
        {
            IrOpcode.Compare => ConstantFolder.FoldCompare(((CompareInstruction)instruction).Predicate, Operand(0), Operand(1)),
            IrOpcode.Select => Operand(0).IsZero ? Operand(2) : Operand(1),
            IrOpcode.PtrAdd => new Constant(IrType.Ptr, unchecked(Operand(0).Bits + Operand(1).Bits)),
            _ => ConstantFolder.FoldUnary(opcode, instruction.Type, Operand(0)),
        };
    }

    private void VisitPhi(PhiInstruction phi)
    {
        Constant? common = null;
        for (int i = 0; i < phi.OperandCount; i++)
        {
            if (!_edges.Contains((phi.GetIncomingBlock(i), phi.Block!)))
                continue;
            (State state, Constant? constant) = Get(phi.GetOperand(i));
            if (state == State.Unknown)
                continue;
            if (state == State.Varying || (common is not null && !common.IsSameAs(constant!)))
            {
                Raise(phi, State.Varying, null);
                return;
            }
            common = constant;
        }
        if (common is not null)
            Raise(phi, State.Constant, common);
    }

    private void VisitTerminator(Terminator terminator)
    {
        BasicBlock block = terminator.Block!;
        if (terminator.OperandCount > 0 && terminator is CondBranchInstruction or SwitchInstruction)
        {
            (State state, Constant? constant) = Get(terminator.GetOperand(0));
            if (state == State.Unknown)
                return;
            if (state == State.Constant)
            {
                _flow.Push((block, Target(terminator, constant!)));
                return;
            }
        }
        foreach (BasicBlock successor in terminator.Successors)
            _flow.Push((block, successor));
    }

    private static BasicBlock Target(Terminator terminator, Constant value)
    {
        if (terminator is CondBranchInstruction branch)
            return value.IsZero ? branch.IfFalse : branch.IfTrue;
        var choice = (SwitchInstruction)terminator;
        for (int i = 0; i < choice.Cases.Count; i++)
        {
            if (choice.Cases[i].IsSameAs(value))
                return choice.GetTarget(i);
        }
        return choice.Default;
    }

    private bool Apply(Function function)
    {
        bool changed = false;
        foreach (BasicBlock block in function.Blocks)
        {
            if (!_reached[block.Index])
                continue;
            foreach (Instruction instruction in block.Instructions)
            {
                // Undef conditions leave instructions unknown: they stay.
                if (instruction.Type == IrType.Void || _states[instruction.Number] != State.Constant)
                    continue;
                instruction.ReplaceAllUsesWith(_constants[instruction.Number]!);
                instruction.Erase();
                changed = true;
            }
            if (block.Terminator is CondBranchInstruction or SwitchInstruction && block.Terminator.GetOperand(0) is Constant value)
            {
                ControlFlow.ReplaceByBranch(block, Target(block.Terminator, value));
                changed = true;
            }
        }
        return ControlFlow.RemoveUnreachableBlocks(function) | changed;
    }
}
