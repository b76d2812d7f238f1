// BTF prototypes of global functions: what each argument promises. Pointers are to the context, to memory of a known size, to a
// dynptr, or (by declaration tags) to trusted kernel objects or arenas.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private void ReadPrototype(SubprogramInfo function)
    {
        if (_program.Btf is not { } types || types[function.BtfTypeId] is not { Kind: BtfKind.Function } declaration)
            return;
        BtfType prototype = types[declaration.TypeId];
        if (prototype.Kind != BtfKind.FunctionPrototype)
            return;
        function.Arguments = [];
        if (prototype.Length > 5)
        {
            function.PrototypeError = $"Global function {function.Name}() with {prototype.Length} > 5 args. Buggy compiler.";
            return;
        }
        BtfType result = types.SkipModifiers(prototype.TypeId);
        if (result.Kind is not (BtfKind.Int or BtfKind.Enum or BtfKind.Enum64))
        {
            function.PrototypeError = $"Global function {function.Name}() doesn't return scalar. Only those are supported.";
            return;
        }
        var arguments = new FunctionArgument[prototype.Length];
        for (int i = 0; i < arguments.Length; i++)
        {
            arguments[i] = ReadArgument(types, declaration.Id, prototype.GetParameter(i).TypeId, i, function, out string? error);
            function.PrototypeError ??= error;
        }
        function.Arguments = arguments;
    }

    private FunctionArgument ReadArgument(BtfReader types, int function, int typeId, int index, SubprogramInfo info, out string? error)
    {
        error = null;
        BtfType type = types.SkipModifiers(typeId);
        if (type.Kind is BtfKind.Int or BtfKind.Enum or BtfKind.Enum64)
            return new FunctionArgument(RegisterKind.Scalar);
        if (type.Kind != BtfKind.Pointer)
        {
            error = $"Arg#{index} type {type.Kind.ToString().ToUpperInvariant()} in {info.Name}() is not supported yet.";
            return default;
        }
        bool isContext = false, isTrusted = false, isNonNull = false, isNullable = false, isArena = false;
        for (int id = types.FirstId; id < types.Count; id++)
        {
            BtfType tag = types[id];
            if (tag.Kind != BtfKind.DeclTag || tag.TypeId != function || tag.ComponentIndex != index)
                continue;
            switch (tag.Name)
            {
                case "arg:ctx":
                    isContext = true;
                    break;
                case "arg:trusted":
                    isTrusted = true;
                    break;
                case "arg:nonnull":
                    isNonNull = true;
                    break;
                case "arg:nullable":
                    isNullable = true;
                    break;
                case "arg:arena":
                    isArena = true;
                    break;
            }
        }
        BtfType target = types.SkipModifiers(type.TypeId);
        if (isContext || IsContextStructure(types, type.TypeId))
            return new FunctionArgument(RegisterKind.Context);
        if (target.Kind == BtfKind.Struct && target.Name == "bpf_dynptr")
            return new FunctionArgument(RegisterKind.Dynptr);
        if (isTrusted)
        {
            int kernelType = target.Kind == BtfKind.Struct ? FindKernelType(EssentialName(target.Name)) : 0;
            if (kernelType == 0)
                error = $"Cannot find kernel type '{target.Name}' of arg#{index}";
            return new FunctionArgument(RegisterKind.Object | RegisterKind.Trusted | (isNullable ? RegisterKind.MaybeNull : 0), 0, kernelType);
        }
        if (isArena)
            return new FunctionArgument(RegisterKind.Arena);
        if (isNullable)
        {
            error = $"arg#{index} can't be NULL";
            return default;
        }
        if (types.SizeOf(target.Id) is not { } size || target.IsVoid)
        {
            error = $"arg#{index} reference type('{KindWord(target)} {target.Name}') size cannot be determined: -22";
            return default;
        }
        return new FunctionArgument(RegisterKind.Memory | (isNonNull ? 0 : RegisterKind.MaybeNull), (int)size);
    }

    /// <summary>A type's name without its flavour: <c>task_struct___local</c> means task_struct.</summary>
    private static string EssentialName(string name) => name.IndexOf("___", StringComparison.Ordinal) is > 0 and int at ? name[..at] : name;

    private static string KindWord(BtfType type) => type.Kind switch
    {
        BtfKind.Struct => "STRUCT", BtfKind.Union => "UNION", BtfKind.Forward => "FWD", BtfKind.FunctionPrototype => "FUNC_PROTO", _ => "UNKN",
    };

    /// <summary>The pointed-at type is the program type's context, by its name.</summary>
    private bool IsContextStructure(BtfReader types, int typeId)
    {
        string? expected = _program.HostType?.Context.StructName ?? ProgramTypeTable.Get(_type).Context;
        if (_type == ProgramType.Kprobe)
        {
            for (int steps = 0; steps < 16; steps++)
            {
                BtfType type = types[typeId];
                if (type is { Kind: BtfKind.Typedef, Name: "bpf_user_pt_regs_t" })
                    return true;
                if (type.Kind is not (BtfKind.Typedef or BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.TypeTag))
                    break;
                typeId = type.TypeId;
            }
            return types.SkipModifiers(typeId) is { Kind: BtfKind.Struct, Name: "pt_regs" };
        }
        BtfType target = types.SkipModifiers(typeId);
        return expected is not null && target.Kind == BtfKind.Struct && target.Name == expected;
    }
}
