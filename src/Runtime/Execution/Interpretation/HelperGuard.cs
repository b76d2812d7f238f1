// Helper arguments of unverified programs, checked at the call by the kinds in the helper's row: what the verifier would have
// proved.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Execution.Interpretation;

internal static unsafe class HelperGuard
{
    /// <summary>What is wrong with the arguments in R1 to R5, or null.</summary>
    public static string? FirstProblem(HelperRow helper, ProgramType type, ulong* r, Sandbox sandbox, MachineState* state, IReadOnlyList<IMap> maps, GuestContext context)
    {
        HelperRow row = helper.For(type);
        IMap? map = null;
        int fixedSizes = 0;
        for (int i = 0; i < row.Arguments.Length; i++)
        {
            HelperArgument argument = row.Arguments[i];
            ulong value = r[i + 1];
            bool isNull = value == 0 && argument.Is(HelperArgument.Nullable);
            ulong size;
            switch (argument.Kind())
            {
                case HelperArgument.Anything:
                case HelperArgument.Scalar:
                case HelperArgument.Function:
                // The callback's argument: what the callback does with it is checked there.
                case HelperArgument.Stack:
                case HelperArgument.SizeOrZero:
                    continue;
                case HelperArgument.Size:
                    if ((uint)value == 0)
                        return $"argument {i + 1}: a size of zero";
                    continue;
                case HelperArgument.Context:
                    if (value == 0 || value != (ulong)context.Context)
                        return $"argument {i + 1} is not the context";
                    // The helper knows the context of its own program types only.
                    if (!helper.Programs.Contains(type))
                        return "the context is of another kind of program";
                    continue;
                case HelperArgument.ConstMap:
                    map = null;
                    foreach (IMap candidate in maps)
                    {
                        if ((ulong)candidate.Handle == value)
                            map = candidate;
                    }
                    map ??= MapTable.FindInner(maps, value);
                    if (map is null)
                        return $"argument {i + 1} is not a map of the program";
                    continue;
                case HelperArgument.MapKey:
                    size = (ulong)(map?.Definition.KeySize ?? 0);
                    break;
                case HelperArgument.MapValue:
                    size = (ulong)(map?.Definition.ValueSize ?? 0);
                    break;
                case HelperArgument.Memory:
                    size = argument.Is(HelperArgument.FixedSize)
                        ? row.ArgumentSizes.Length > fixedSizes ? row.ArgumentSizes[i < row.ArgumentSizes.Length ? i : fixedSizes++] : 0u
                        : i + 1 < row.Arguments.Length ? (uint)r[i + 2] : 0u;
                    break;
                case HelperArgument.ConstString:
                    if (!IsString(sandbox, state, value))
                        return $"argument {i + 1} is not a zero-terminated string";
                    continue;
                case HelperArgument.SpinLock:
                    size = 4;
                    break;
                case HelperArgument.AllocationSize:
                    continue;
                case HelperArgument.RingbufMemory:
                    if (value == 0 || !RingBufferMap.IsReservation(maps, value))
                        return $"argument {i + 1} is not a reservation of a ring buffer";
                    continue;
                default:
                    if (isNull)
                        continue;
                    return $"argument {i + 1} ({argument.Kind()}) cannot be checked without the verifier";
            }
            // No memory is fine where the size says so.
            if (isNull && (argument.Kind() != HelperArgument.Memory || argument.Is(HelperArgument.FixedSize) || size == 0))
                continue;
            bool writes = argument.Is(HelperArgument.Writes) || argument.Is(HelperArgument.Uninit) || argument.Kind() == HelperArgument.SpinLock;
            if (!(writes ? sandbox.CanWrite(state, value, size) : sandbox.CanRead(state, value, size)))
                return $"argument {i + 1}: {size} bytes at 0x{value:x} are not {(writes ? "writable" : "readable")}";
        }
        return null;
    }

    private static bool IsString(Sandbox sandbox, MachineState* state, ulong address)
    {
        for (ulong i = 0; i < 4096; i++)
        {
            if (!sandbox.CanRead(state, address + i, 1))
                return false;
            if (*(byte*)(address + i) == 0)
                return true;
        }
        return false;
    }
}
