// Inlining, callees first, so that a body is final when it is copied.
//
//   always_inline          always (an error where that is impossible)
//   noinline, weak, naked  never
//   static, one call       always: the original disappears
//   small                  up to a size that depends on the level, like clang
//
//   before:  a; r = call f(x); b       entry': a; br f.entry
//                                      f.entry ... f.exits: br after
//                                      after: r = phi [f's results]; b
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class Inliner
{
    // Instructions of a body that is worth copying: a call costs about five moves and the callee-saved registers it occupies.
    private const int SmallBody = 45, HintedBody = 70, SmallBodyForSize = 8;

    // A caller beyond this many instructions takes in no further bodies that do not have to be.
    private const int LargeCaller = 20_000;

    /// <summary>Inlines what must be inlined, and with <paramref name="optional"/> what is worth it.</summary>
    public static bool Run(PassContext context, bool optional)
    {
        var graph = new CallGraph(context.Module);
        var sizes = new Dictionary<Function, int>(ReferenceEqualityComparer.Instance);
        var reported = new HashSet<Function>(ReferenceEqualityComparer.Instance);
        bool changed = false;
        optional &= !context.Options.NoInline;
        foreach (Function caller in graph.BottomUp)
        {
            if (caller.IsDeclaration || caller.IsNaked)
                continue;
            List<CallInstruction> calls = FindCalls(caller);
            int size = Size(caller);
            // Backwards, so that the instructions behind a call are moved once.
            for (int i = calls.Count - 1; i >= 0; i--)
            {
                var callee = (Function)calls[i].Callee;
                if (!MayInline(callee, caller, calls[i], graph, context, reported))
                    continue;
                if (!callee.AlwaysInline && !(optional && size < LargeCaller && IsWorthwhile(callee, sizes, context.Options)))
                    continue;
                size += sizes.TryGetValue(callee, out int known) ? known : Size(callee);
                Inline(calls[i], callee);
                changed = true;
            }
            sizes[caller] = size;
        }
        return changed;
    }

    private static List<CallInstruction> FindCalls(Function caller)
    {
        var calls = new List<CallInstruction>();
        foreach (BasicBlock block in caller.Blocks)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            {
                if (instruction is CallInstruction { Callee: Function { IsDeclaration: false } } call)
                    calls.Add(call);
            }
        }
        return calls;
    }

    /// <summary>
    /// Instructions that will remain: where __builtin_constant_p decides, the answer for an unknown value is no, so the branch for
    /// constants does not count.
    /// </summary>
    private static int Size(Function function)
    {
        int size = 0;
        var seen = new HashSet<BasicBlock>(ReferenceEqualityComparer.Instance) { function.Entry };
        var work = new Stack<BasicBlock>();
        work.Push(function.Entry);
        while (work.TryPop(out BasicBlock? block))
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            {
                if (instruction is not (AllocaInstruction or PhiInstruction or BranchInstruction))
                    size++;
            }
            if (block.Terminator is CondBranchInstruction { Condition: Instruction { Opcode: IrOpcode.IsConstant } } question)
            {
                if (seen.Add(question.IfFalse))
                    work.Push(question.IfFalse);
                continue;
            }
            foreach (BasicBlock successor in block.Successors)
            {
                if (seen.Add(successor))
                    work.Push(successor);
            }
        }
        return size;
    }

    private static bool MayInline(Function callee, Function caller, CallInstruction call, CallGraph graph, PassContext context, HashSet<Function> reported)
    {
        if (callee.NoInline || (callee.Linkage == Linkage.Weak && !callee.AlwaysInline))
            return false;
        string? obstacle = callee.IsNaked ? "it is naked" : callee.Signature.IsVariadic ? "it takes a variable number of arguments" : null;
        bool recursive = ReferenceEquals(callee, caller) || graph.AreMutuallyRecursive(callee, caller);
        if (callee.AlwaysInline && (recursive || obstacle is not null) && reported.Add(callee))
        {
            if (recursive)
                context.Diagnostics?.Report(IrDiagnostics.RecursiveAlwaysInline, call.Location, callee.Symbol);
            else
                context.Diagnostics?.Report(IrDiagnostics.CannotInline, call.Location, callee.Symbol, obstacle);
        }
        return !recursive && obstacle is null && HasMatchingSignature(call, callee);
    }

    /// <summary>A call through a cast function pointer that became direct may disagree with the function it reaches.</summary>
    private static bool HasMatchingSignature(CallInstruction call, Function callee)
    {
        if (call.ArgumentCount != callee.Parameters.Count || call.Type != callee.Signature.ReturnType)
            return false;
        for (int i = 0; i < call.ArgumentCount; i++)
        {
            if (call.GetArgument(i).Type != callee.Parameters[i].Type)
                return false;
        }
        return true;
    }

    private static bool IsWorthwhile(Function callee, Dictionary<Function, int> sizes, OptimizationOptions options)
    {
        if (callee.Linkage == Linkage.Internal && !callee.IsUsed && callee.Users.Count == 1)
            return true;
        if (!sizes.TryGetValue(callee, out int size))
            sizes[callee] = size = Size(callee);
        return size <= (options.ForSize ? SmallBodyForSize : callee.InlineHint ? HintedBody : SmallBody);
    }

    /// <summary>Replaces a call by the callee's body.</summary>
    private static void Inline(CallInstruction call, Function callee)
    {
        BasicBlock before = call.Block!;
        Function caller = before.Function!;
        var cloner = new BlockCloner();
        for (int i = 0; i < callee.Parameters.Count; i++)
            cloner.Map(callee.Parameters[i], call.GetArgument(i));
        List<BasicBlock> copies = cloner.Clone(ControlFlow.ReversePostOrder(callee));

        BasicBlock after = ControlFlow.SplitBehind(call, before.Name);
        PhiInstruction? result = null;
        if (call.Type != IrType.Void)
        {
            result = after.Prepend(new PhiInstruction(call.Type) { Name = call.Name });
            call.ReplaceAllUsesWith(result);
        }
        before.Append(new BranchInstruction(copies[0]) { Location = call.Location });
        call.Erase();
        foreach (BasicBlock copy in copies)
        {
            if (copy.Terminator is not ReturnInstruction exit)
                continue;
            Value? value = exit.ReturnValue;
            var leave = new BranchInstruction(after) { Location = exit.Location };
            exit.Erase();
            copy.Append(leave);
            result?.AddIncoming(value!, copy);
        }
        HoistAllocas(copies[0], caller.Entry);
        InsertBlocks(caller, before, copies, after);
    }

    private static void HoistAllocas(BasicBlock from, BasicBlock entry)
    {
        foreach (Instruction instruction in from.Instructions)
        {
            if (instruction is not AllocaInstruction alloca)
                continue;
            from.Remove(alloca);
            entry.Prepend(alloca);
        }
    }

    private static void InsertBlocks(Function caller, BasicBlock before, List<BasicBlock> copies, BasicBlock after)
    {
        int position = caller.Blocks.IndexOf(before) + 1;
        copies.Add(after);
        foreach (BasicBlock copy in copies)
        {
            // An after-block without predecessors (the callee never returns) is unreachable and goes with the next clean-up.
            caller.AdoptBlock(copy);
        }
        caller.Blocks.InsertRange(position, copies);
    }
}
