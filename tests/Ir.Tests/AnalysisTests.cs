// Analyses against their definitions, computed naively on random graphs.
using Ebpfcc.Ir.Analysis;
using Ebpfcc.Ir.Text;
using Xunit;

namespace Ebpfcc.Ir.Tests;

public class AnalysisTests
{
    /// <summary>A function whose graph is random: every block branches anywhere but to the entry.</summary>
    private static Function RandomGraph(int seed)
    {
        var random = new Random(seed);
        var function = new Function("f", new FunctionSignature(IrType.Void, [IrType.I1]));
        int count = random.Next(2, 14);
        for (int i = 0; i < count; i++)
            function.AddBlock($"b{i}");
        foreach (BasicBlock block in function.Blocks)
        {
            var builder = new IrBuilder(block);
            BasicBlock Any() => function.Blocks[random.Next(1, count)];
            switch (random.Next(4))
            {
                case 0:
                    builder.Return();
                    break;
                case 1:
                    builder.Branch(Any());
                    break;
                default:
                    builder.CondBranch(function.Parameters[0], Any(), Any());
                    break;
            }
        }
        return function;
    }

    private static HashSet<BasicBlock> Reach(BasicBlock from, BasicBlock? without = null)
    {
        var seen = new HashSet<BasicBlock>();
        var work = new Stack<BasicBlock>([from]);
        while (work.TryPop(out BasicBlock? block))
        {
            if (ReferenceEquals(block, without) || !seen.Add(block))
                continue;
            foreach (BasicBlock successor in block.Successors)
                work.Push(successor);
        }
        return seen;
    }

    [Fact]
    public void Dominance_means_that_removing_the_block_cuts_the_other_off()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            Function function = RandomGraph(seed);
            DominatorTree tree = DominatorTree.Of(function);
            HashSet<BasicBlock> reachable = Reach(function.Entry);
            foreach (BasicBlock a in function.Blocks)
            {
                Assert.Equal(reachable.Contains(a), tree.IsReachable(a));
                HashSet<BasicBlock> without = Reach(function.Entry, a);
                foreach (BasicBlock b in function.Blocks)
                    Assert.Equal(reachable.Contains(a) && reachable.Contains(b) && !without.Contains(b), tree.Dominates(a, b));
            }
            foreach (BasicBlock block in reachable)
            {
                foreach (BasicBlock join in function.Blocks)
                {
                    bool expected = join.Predecessors.Any(p => tree.Dominates(block, p)) && !(tree.Dominates(block, join) && !ReferenceEquals(block, join));
                    Assert.Equal(expected, tree.Frontier(block).Contains(join));
                }
            }
        }
    }

    [Fact]
    public void Reverse_post_order_puts_blocks_behind_their_dominators()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            Function function = RandomGraph(seed);
            DominatorTree tree = DominatorTree.Of(function);
            Assert.Equal(Reach(function.Entry).Count, tree.ReversePostOrder.Length);
            for (int i = 1; i < tree.ReversePostOrder.Length; i++)
                Assert.True(tree.OrderOf(tree.ImmediateDominator(tree.ReversePostOrder[i])!) < i);
        }
    }

    [Fact]
    public void A_loop_is_what_reaches_the_latch_without_the_header()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            Function function = RandomGraph(seed);
            DominatorTree tree = DominatorTree.Of(function);
            LoopInfo loops = LoopInfo.Of(tree);
            foreach (BasicBlock header in tree.ReversePostOrder)
            {
                List<BasicBlock> latches = header.Predecessors.Where(p => tree.Dominates(header, p)).Distinct().ToList();
                Loop? loop = loops.Loops.Find(candidate => ReferenceEquals(candidate.Header, header));
                Assert.Equal(latches.Count > 0, loop is not null);
                if (loop is null)
                    continue;
                IEnumerable<BasicBlock> expected = tree.ReversePostOrder.Where(b => ReferenceEquals(b, header) || latches.Exists(l => Reach(b, header).Contains(l)));
                Assert.Equal(expected.ToHashSet(), loop.Blocks.ToHashSet());
                Assert.True(loop.Parent is null || (loop.Parent.Contains(header) && loop.Blocks.All(loop.Parent.Contains)));
            }
            foreach (BasicBlock block in tree.ReversePostOrder)
            {
                Loop? smallest = loops.Loops.Where(l => l.Contains(block)).MinBy(l => l.Blocks.Count);
                Assert.Same(smallest, loops.LoopOf(block));
            }
        }
    }

    [Theory]
    [InlineData("i32 0", "ult", "10", "1", 11)]
    [InlineData("i32 0", "slt", "0", "1", 1)]
    [InlineData("i32 3", "ne", "12", "3", 4)]
    [InlineData("i32 10", "sgt", "0", "-2", 6)]
    [InlineData("i32 0", "ne", "5", "2", null)]
    [InlineData("i32 %n", "ult", "10", "1", null)]
    public void Trip_counts_are_played_through(string start, string predicate, string limit, string step, int? expected)
    {
        Function function = ModuleParser.Parse($$"""
            define void @f(i32 %n) {
            entry:
              br head
            head:
              %i = phi i32 [{{start[4..]}}, entry], [%j, body]
              %c = cmp {{predicate}} i32 %i, {{limit}}
              condbr %c, body, done
            body:
              %j = add i32 %i, {{step}}
              br head
            done:
              ret
            }
            """).Functions[0];
        DominatorTree tree = DominatorTree.Of(function);
        Assert.Equal(expected, TripCount.Of(Assert.Single(LoopInfo.Of(tree).Loops), tree));
    }

    [Fact]
    public void Known_bits_hold_for_random_values()
    {
        var random = new Random(5);
        for (int round = 0; round < 20; round++)
        {
            Module module = RandomModule.Make(round);
            Passes.Optimizer.RunPass(Passes.PassTable.Get("mem2reg"), new Passes.PassContext(module, new Passes.OptimizationOptions()));
            foreach (Instruction instruction in module.Functions[^1].Blocks.SelectMany(block => block.Instructions))
            {
                if (!instruction.IsSpeculatable() || instruction.Type is IrType.Ptr or IrType.Void)
                    continue;
                KnownBits bits = KnownBits.Of(instruction);
                for (int i = 0; i < 4; i++)
                {
                    ulong value = (ulong)Evaluate(instruction, [], random);
                    Assert.True((value & bits.Zeros) == 0 && (~value & bits.Ones) == 0, $"{ModulePrinter.Print(instruction)} is {value:x}: {bits}");
                }
            }
        }
    }

    /// <summary>The value of a pure expression with random leaves.</summary>
    private static UInt128 Evaluate(Value value, Dictionary<Value, UInt128> leaves, Random random)
    {
        if (value is Constant constant)
            return constant.Bits;
        if (leaves.TryGetValue(value, out UInt128 known))
            return known;
        UInt128 result;
        if (value is not Instruction instruction || !instruction.IsSpeculatable() || instruction.Type == IrType.Ptr)
        {
            result = IrArithmetic.Truncate((UInt128)(ulong)random.NextInt64() >> random.Next(64), value.Type);
        }
        else
        {
            UInt128[] operands = [.. instruction.Operands.ToArray().Select(operand => Evaluate(operand, leaves, random))];
            IrOpcode opcode = instruction.Opcode;
            result = opcode.IsBinary() ? IrArithmetic.Binary(opcode, instruction.Type, operands[0], operands[1])
                : opcode.IsCast() ? IrArithmetic.Cast(opcode, instruction.GetOperand(0).Type, instruction.Type, operands[0])
                : instruction is CompareInstruction compare ? (IrArithmetic.Compare(compare.Predicate, compare.GetOperand(0).Type, operands[0], operands[1]) ? UInt128.One : UInt128.Zero)
                : opcode == IrOpcode.Select ? (operands[0] != 0 ? operands[1] : operands[2])
                : IrArithmetic.Unary(opcode, instruction.Type, operands[0]);
        }
        return leaves[value] = result;
    }

    [Fact]
    public void Call_graphs_list_callees_first_and_know_cycles()
    {
        Module module = ModuleParser.Parse("""
            define void @top() {
            e:
              call void () @left()
              call void () @leaf()
              ret
            }
            define void @left() {
            e:
              call void () @right()
              ret
            }
            define void @right() {
            e:
              call void () @left()
              call void () @leaf()
              ret
            }
            define void @leaf() {
            e:
              ret
            }
            define void @self() {
            e:
              call void () @self()
              ret
            }
            """);
        var graph = new CallGraph(module);
        Function Named(string name) => module.Functions.Single(function => function.Symbol == name);
        List<string> order = graph.BottomUp.ConvertAll(function => function.Symbol);
        Assert.True(order.IndexOf("leaf") < order.IndexOf("right") && order.IndexOf("left") < order.IndexOf("top"));
        Assert.True(graph.IsRecursive(Named("left")) && graph.IsRecursive(Named("self")) && graph.AreMutuallyRecursive(Named("left"), Named("right")));
        Assert.False(graph.IsRecursive(Named("top")) || graph.IsRecursive(Named("leaf")));
    }
}
