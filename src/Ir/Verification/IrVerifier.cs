// The law book of the IR, checked after every pass under --verify-each and always in tests.
//
//   Module    symbols are unique; globals are positive in alignment and their relocations lie inside.
//   Function  blocks belong to it; the entry has no predecessors; every block ends in its one terminator.
//   Edges     predecessor lists hold exactly the terminators' successors, once per edge.
//   Phis      stand first; one operand per edge, from exactly the predecessors; several edges from one block bring one value.
//   Types     operands and results obey the opcode's row; conversions widen and narrow; calls match their signature.
//   Allocas   stand in the entry block, so that a stack object exists once per call.
//   SSA       a definition dominates its uses (for a phi: the end of the incoming block); user lists are exact.
//   Return    has the type of the function's result.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ir.Analysis;
using Ebpfcc.Ir.Text;

namespace Ebpfcc.Ir.Verification;

public static partial class IrVerifier
{
    /// <summary>Everything wrong with a module, one line each; empty for valid IR.</summary>
    public static List<string> Check(Module module)
    {
        var problems = new List<string>();
        var symbols = new HashSet<string>();
        var known = new HashSet<GlobalValue>(ReferenceEqualityComparer.Instance);
        foreach (GlobalVariable global in module.Globals)
        {
            known.Add(global);
            if (!symbols.Add(global.Symbol))
                problems.Add($"@{global.Symbol} is defined twice");
            if (global.Size < 0 || global.Alignment < 1)
                problems.Add($"@{global.Symbol} has size {global.Size} and alignment {global.Alignment}");
            if (global.InitialBytes is { } bytes && bytes.Length > global.Size)
                problems.Add($"@{global.Symbol} has more initial bytes than its size");
        }
        foreach (Function function in module.Functions)
        {
            known.Add(function);
            if (!symbols.Add(function.Symbol))
                problems.Add($"@{function.Symbol} is defined twice");
        }
        foreach (GlobalVariable global in module.Globals)
        {
            foreach (InitializerRelocation relocation in global.Relocations)
            {
                if (relocation.Offset < 0 || relocation.Offset + 8 > global.Size)
                    problems.Add($"@{global.Symbol}: the relocation at {relocation.Offset} lies outside");
                if (!known.Contains(relocation.Target))
                    problems.Add($"@{global.Symbol}: the relocation at {relocation.Offset} refers to @{relocation.Target.Symbol}, which is not in the module");
            }
        }
        foreach (Function function in module.Functions)
        {
            if (!function.IsDeclaration)
                new FunctionChecker(function, known, problems).Check();
        }
        return problems;
    }

    /// <summary>Everything wrong with one function.</summary>
    public static List<string> Check(Function function)
    {
        var problems = new List<string>();
        if (!function.IsDeclaration)
            new FunctionChecker(function, null, problems).Check();
        return problems;
    }

    /// <summary>Throws when the module is invalid.</summary>
    /// <param name="pass">Who is to blame: the pass that ran last, or the stage that made the module.</param>
    public static void Verify(Module module, string pass)
    {
        List<string> problems = Check(module);
        if (problems.Count > 0)
            throw new InternalCompilerException(pass, null, "invalid IR: " + string.Join("; ", problems.Take(5)));
    }

    /// <summary>Throws when the function is invalid.</summary>
    public static void Verify(Function function, string pass)
    {
        List<string> problems = Check(function);
        if (problems.Count > 0)
            throw new InternalCompilerException(pass, function.Symbol, "invalid IR: " + string.Join("; ", problems.Take(5)));
    }

    private sealed partial class FunctionChecker(Function function, HashSet<GlobalValue>? globals, List<string> problems)
    {
        private readonly HashSet<BasicBlock> _blocks = new(ReferenceEqualityComparer.Instance);
        private int _count;
        private Instruction?[] _byNumber = [];

        public void Check()
        {
            int before = problems.Count;
            CheckGraph();
            // Dominance means nothing on a broken graph.
            if (problems.Count > before)
                return;
            _count = function.NumberValues();
            _byNumber = new Instruction?[_count];
            foreach (BasicBlock block in function.Blocks)
            {
                for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
                    _byNumber[instruction.Number] = instruction;
            }
            DominatorTree dominators = DominatorTree.Of(function);
            foreach (BasicBlock block in function.Blocks)
            {
                for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
                {
                    CheckTypes(instruction);
                    CheckOperands(instruction, dominators);
                    CheckUsers(instruction);
                }
            }
        }

        private void Report(string problem) => problems.Add($"@{function.Symbol}: {problem}");

        private void Report(Instruction instruction, string problem) => Report($"{ModulePrinter.Print(instruction)}: {problem}");

        private static string NameOf(BasicBlock block) => block.Name ?? $"b{block.Index}";

        private void CheckGraph()
        {
            function.Renumber();
            foreach (BasicBlock block in function.Blocks)
            {
                if (!_blocks.Add(block))
                    Report($"block {NameOf(block)} is listed twice");
                if (!ReferenceEquals(block.Function, function))
                    Report($"block {NameOf(block)} belongs to another function");
            }
            if (function.Entry.Predecessors.Count > 0)
                Report("the entry block has predecessors");
            var edges = new Dictionary<(BasicBlock From, BasicBlock To), int>();
            foreach (BasicBlock block in function.Blocks)
            {
                CheckShape(block);
                foreach (BasicBlock successor in block.Successors)
                {
                    if (!_blocks.Contains(successor))
                        Report($"block {NameOf(block)} leads to {NameOf(successor)}, which is not in the function");
                    edges[(block, successor)] = edges.GetValueOrDefault((block, successor)) + 1;
                }
            }
            foreach (BasicBlock block in function.Blocks)
            {
                foreach (BasicBlock predecessor in block.Predecessors)
                    edges[(predecessor, block)] = edges.GetValueOrDefault((predecessor, block)) - 1;
            }
            foreach (((BasicBlock from, BasicBlock to), int count) in edges)
            {
                if (count != 0)
                    Report($"the predecessors of {NameOf(to)} do not list the edges from {NameOf(from)}");
            }
            foreach (BasicBlock block in function.Blocks)
                CheckPhis(block);
        }

        private void CheckShape(BasicBlock block)
        {
            if (block.Last is not Terminator)
                Report($"block {NameOf(block)} has no terminator");
            bool phisOver = false;
            Instruction? previous = null;
            for (Instruction? instruction = block.First; instruction is not null; previous = instruction, instruction = instruction.Next)
            {
                if (!ReferenceEquals(instruction.Block, block) || !ReferenceEquals(instruction.Previous, previous))
                    Report(instruction, "is linked wrongly");
                if (instruction is Terminator && instruction.Next is not null)
                    Report(instruction, "stands before the end of its block");
                if (instruction is not PhiInstruction)
                    phisOver = true;
                else if (phisOver)
                    Report(instruction, "stands behind other instructions");
                if (instruction is AllocaInstruction && !ReferenceEquals(block, function.Entry))
                    Report(instruction, "stands outside the entry block");
            }
        }

        private void CheckPhis(BasicBlock block)
        {
            foreach (PhiInstruction phi in block.Phis)
            {
                if (phi.OperandCount != block.Predecessors.Count)
                {
                    Report(phi, $"has {phi.OperandCount} operands for {block.Predecessors.Count} edges");
                    continue;
                }
                var values = new Dictionary<BasicBlock, (int Count, Value Value)>(ReferenceEqualityComparer.Instance);
                for (int i = 0; i < phi.OperandCount; i++)
                {
                    BasicBlock from = phi.GetIncomingBlock(i);
                    Value value = phi.GetOperand(i);
                    if (values.TryGetValue(from, out (int Count, Value Value) earlier))
                    {
                        if (!IsSame(earlier.Value, value))
                            Report(phi, $"takes two values from {NameOf(from)}");
                        values[from] = (earlier.Count + 1, value);
                    }
                    else
                    {
                        values[from] = (1, value);
                    }
                }
                foreach (BasicBlock predecessor in block.Predecessors)
                {
                    if (!values.TryGetValue(predecessor, out (int Count, Value Value) entry))
                        Report(phi, $"has no value for the edge from {NameOf(predecessor)}");
                    else if (entry.Count == 0)
                        Report(phi, $"has too few values for the edges from {NameOf(predecessor)}");
                    else
                        values[predecessor] = (entry.Count - 1, entry.Value);
                }
            }
        }

        private static bool IsSame(Value a, Value b)
            => ReferenceEquals(a, b) || (a is Constant left && b is Constant right && left.IsSameAs(right)) || (a is Undef && b is Undef);

        private void CheckOperands(Instruction instruction, DominatorTree dominators)
        {
            for (int i = 0; i < instruction.OperandCount; i++)
            {
                switch (instruction.GetOperand(i))
                {
                    case Constant or Undef:
                        break;
                    case GlobalValue global:
                        if (globals is not null && !globals.Contains(global))
                            Report(instruction, $"uses @{global.Symbol}, which is not in the module");
                        break;
                    case Parameter parameter:
                        if (!ReferenceEquals(parameter.Function, function))
                            Report(instruction, "uses another function's parameter");
                        break;
                    case Instruction definition:
                        CheckDominance(instruction, i, definition, dominators);
                        break;
                    default:
                        Report(instruction, $"operand {i} is no value of the IR");
                        break;
                }
            }
        }

        private void CheckDominance(Instruction user, int operand, Instruction definition, DominatorTree dominators)
        {
            if (definition.Number < 0 || definition.Number >= _count || !ReferenceEquals(_byNumber[definition.Number], definition))
            {
                Report(user, $"operand {operand} ({definition.Opcode}) is not in the function");
                return;
            }
            BasicBlock where = user is PhiInstruction phi ? phi.GetIncomingBlock(operand) : user.Block!;
            if (!dominators.IsReachable(where))
                return;
            bool dominates = ReferenceEquals(definition.Block, where) && user is not PhiInstruction
                ? definition.Number < user.Number
                : dominators.Dominates(definition.Block!, where);
            if (!dominates)
                Report(user, $"operand {operand} is not defined on every path here");
        }

        private void CheckUsers(Instruction instruction)
        {
            foreach (Instruction user in instruction.Users)
            {
                if (user.Number < 0 || user.Number >= _count || !ReferenceEquals(_byNumber[user.Number], user))
                    Report(instruction, $"has a user ({user.Opcode}) outside the function");
            }
        }
    }
}
