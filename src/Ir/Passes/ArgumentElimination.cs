// Parameters that need not be passed. What every call of an internal function hands over as the same constant or address becomes
// that constant inside of it (interprocedural constant propagation; D. Callahan et al., SIGPLAN 1986), and parameters nobody
// reads disappear from the function and its calls. eBPF has five registers for arguments: this is how functions with more load.
//
//   call f(%p, 14, %x), call f(%q, 14, %y)             call f(%p), call f(%q)
//   f(ptr %a, i64 %b, i32 %unused) { ... %b ... }  =>  f(ptr %a) { ... 14 ... }
//
// Only functions whose every use is a direct call are touched: nobody else knows how they are called.
namespace Ebpfcc.Ir.Passes;

public static class ArgumentElimination
{
    public static bool Run(PassContext context)
    {
        HashSet<GlobalValue>? stored = null;
        bool changed = false, again = true;
        // Every further round has lost a parameter or the uses of one, and a callee may learn a constant from its caller.
        while (again)
        {
            again = false;
            foreach (Function function in context.Module.Functions)
            {
                if (function.Signature.ParameterTypes.Count == 0 || !IsPrivate(function))
                    continue;
                stored ??= GlobalFolding.FindRelocationTargets(context.Module);
                if (stored.Contains(function) || IsNamedInAssembly(function, context.Module))
                    continue;
                again |= PropagateConstants(function) | DropUnread(function);
            }
            changed |= again;
        }
        return changed;
    }

    /// <summary>Every use is a direct call with the function's own signature.</summary>
    private static bool IsPrivate(Function function)
    {
        if (function.Linkage != Linkage.Internal || function.IsDeclaration || function.IsUsed || function.IsNaked || function.Section is not null
            || function.Signature.IsVariadic || !function.HasUsers)
        {
            return false;
        }
        foreach (Instruction user in function.Users)
        {
            if (user is not CallInstruction call || !ReferenceEquals(call.Callee, function) || !IsCalledAsDefined(call, function))
                return false;
            for (int i = 0; i < call.ArgumentCount; i++)
            {
                if (ReferenceEquals(call.GetArgument(i), function))
                    return false;
            }
        }
        return true;
    }

    private static bool IsCalledAsDefined(CallInstruction call, Function function)
    {
        IReadOnlyList<IrType> types = function.Signature.ParameterTypes;
        if (call.ArgumentCount != types.Count || call.Type != function.Signature.ReturnType)
            return false;
        for (int i = 0; i < types.Count; i++)
        {
            if (call.GetArgument(i).Type != types[i])
                return false;
        }
        return true;
    }

    /// <summary>Assembly may call a function by a name in its text.</summary>
    private static bool IsNamedInAssembly(Function function, Module module)
    {
        foreach (Function other in module.Functions)
        {
            foreach (BasicBlock block in other.Blocks)
            {
                for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
                {
                    if (instruction is InlineAsmInstruction assembly && assembly.Template.Contains(function.Symbol, StringComparison.Ordinal))
                        return true;
                }
            }
        }
        return false;
    }

    private static bool PropagateConstants(Function function)
    {
        bool changed = false;
        foreach (Parameter parameter in function.Parameters)
        {
            if (parameter.HasUsers && SameEverywhere(function, parameter) is { } value)
            {
                parameter.ReplaceAllUsesWith(value);
                changed = true;
            }
        }
        return changed;
    }

    /// <summary>The constant or address that every call passes (recursive ones may pass the parameter on); or null.</summary>
    private static Value? SameEverywhere(Function function, Parameter parameter)
    {
        Value? common = null;
        foreach (Instruction user in function.Users)
        {
            Value argument = ((CallInstruction)user).GetArgument(parameter.Index);
            if (ReferenceEquals(argument, parameter))
                continue;
            if (argument is not (Constant or GlobalValue))
                return null;
            if (common is null)
                common = argument;
            else if (!ReferenceEquals(argument, common) && !(argument is Constant constant && common is Constant first && constant.IsSameAs(first)))
                return null;
        }
        return common;
    }

    private static bool DropUnread(Function function)
    {
        var kept = new List<int>();
        foreach (Parameter parameter in function.Parameters)
        {
            if (parameter.HasUsers)
                kept.Add(parameter.Index);
        }
        if (kept.Count == function.Parameters.Count)
            return false;
        function.KeepParameters(kept);
        foreach (Instruction user in (Instruction[])[.. function.Users])
        {
            var call = (CallInstruction)user;
            var arguments = new Value[kept.Count];
            for (int i = 0; i < arguments.Length; i++)
                arguments[i] = call.GetArgument(kept[i]);
            var shorter = new CallInstruction(function.Signature, function, arguments) { Location = call.Location, Name = call.Name };
            call.Block!.InsertBefore(call, shorter);
            call.ReplaceAllUsesWith(shorter);
            call.Erase();
        }
        return true;
    }
}
