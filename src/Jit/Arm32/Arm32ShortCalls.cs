// Helpers all of whose arguments are words on a 32-bit machine, by their rows: pointers into the program's own memory, and C's
// int and __u32. They are called like  u64 f(u32, u32, u32, u32, u32), arguments in r0 to r3 and on the stack, so that callers
// need no upper halves; a stub in front of the helper makes 64-bit arguments of them:
//
//   push {r4, lr} ; sub sp, #24 ; [sp] = r2, 0, r3, 0, fifth, 0 ; r2 = r1 ; r1 = r3 = 0 ; blx helper ; add sp, #24 ; pop {r4, pc}
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Jit.Arm32;

internal static class Arm32ShortCalls
{
    private static readonly sbyte[] s_known = new sbyte[HelperTable.Rows.Length + 1];

    /// <summary>The helper is called in the short form.</summary>
    public static bool Apply(int id)
    {
        if ((uint)id >= (uint)s_known.Length)
            return false;
        if (s_known[id] == 0)
            s_known[id] = HelperTable.Find(id) is { } row && HasWordsOnly(row) ? (sbyte)1 : (sbyte)-1;
        return s_known[id] > 0;
    }

    private static bool HasWordsOnly(HelperRow row)
    {
        if (row.Arguments.Length == 0 || row.Variants.Length > 0)
            return false;
        string[] parameters = row.Parameters.Split(',');
        if (parameters.Length != row.Arguments.Length)
            return false;
        for (int i = 0; i < parameters.Length; i++)
        {
            if (!IsOwnPointer(row.Arguments[i]) && !IsWord(parameters[i].AsSpan().Trim()))
                return false;
        }
        return true;
    }

    private static bool IsOwnPointer(HelperArgument argument)
        => argument.Kind() is HelperArgument.Context or HelperArgument.ConstMap or HelperArgument.MapKey or HelperArgument.MapValue or HelperArgument.Memory
            or HelperArgument.ConstString or HelperArgument.SpinLock;

    private static bool IsWord(ReadOnlySpan<char> parameter)
        => !parameter.Contains('*') && (parameter.StartsWith("__u32 ") || parameter.StartsWith("__s32 ") || parameter.StartsWith("int "));

    /// <summary>The stub in front of a helper of type <c>u64 f(u64, u64, u64, u64, u64)</c>.</summary>
    public static byte[] Stub(uint helper, Arm32Features features)
    {
        const Arm32Register ip = Arm32Register.R12, sp = Arm32Register.Sp;
        const int outgoing = 24, saved = 1 << (int)Arm32Register.R4;
        var e = new Arm32Emitter(features);
        e.Push(saved | 1 << (int)Arm32Register.Lr);
        e.TryAluImmediate(Arm32Operation.Sub, sp, sp, outgoing);
        e.Load(32, false, ip, sp, outgoing + 8);
        e.Store(32, ip, sp, 16);
        e.MoveImmediate(ip, 0);
        e.Store(32, Arm32Register.R2, sp, 0);
        e.Store(32, ip, sp, 4);
        e.Store(32, Arm32Register.R3, sp, 8);
        e.Store(32, ip, sp, 12);
        e.Store(32, ip, sp, 20);
        e.Move(Arm32Register.R2, Arm32Register.R1);
        e.MoveImmediate(Arm32Register.R1, 0);
        e.MoveImmediate(Arm32Register.R3, 0);
        e.MoveImmediate(ip, helper);
        e.BranchLinkExchange(ip);
        e.TryAluImmediate(Arm32Operation.Add, sp, sp, outgoing);
        e.Pop(saved | 1 << (int)Arm32Register.Pc);
        return e.Finish();
    }
}
