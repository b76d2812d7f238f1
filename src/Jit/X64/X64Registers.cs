// Registers, conditions and calling conventions of x86-64, and where eBPF's registers live: the mapping of the kernel's
// original JIT, chosen so that under the System V convention a helper call needs no moves at all.
//
//   R0   R1   R2   R3   R4   R5   R6   R7   R8   R9   R10
//   rax  rdi  rsi  rdx  rcx  r8   rbx  r13  r14  r15  rbp
//        `------- arguments ----'  `-- callee-saved --'  frame
//
// Scratch: r9, r10, r11. r12 holds the sandbox's state in sandboxed code and is otherwise free.
namespace Ebpfcc.Jit.X64;

public enum X64Register : byte { Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi, R8, R9, R10, R11, R12, R13, R14, R15 }

/// <summary>Condition codes as encoded in Jcc, SETcc and CMOVcc.</summary>
public enum X64Condition : byte
{
    Overflow = 0, NoOverflow = 1, Below = 2, AboveOrEqual = 3, Equal = 4, NotEqual = 5, BelowOrEqual = 6, Above = 7,
    Sign = 8, NoSign = 9, Less = 12, GreaterOrEqual = 13, LessOrEqual = 14, Greater = 15,
}

public static class X64Registers
{
    private static readonly X64Register[] s_map =
    [
        X64Register.Rax, X64Register.Rdi, X64Register.Rsi, X64Register.Rdx, X64Register.Rcx, X64Register.R8,
        X64Register.Rbx, X64Register.R13, X64Register.R14, X64Register.R15, X64Register.Rbp,
    ];

    /// <summary>The machine register of an eBPF register, 0 to 10.</summary>
    public static X64Register Of(int ebpfRegister) => s_map[ebpfRegister];

    public static X64Condition Negate(this X64Condition condition) => (X64Condition)((int)condition ^ 1);
}

/// <summary>How native functions are called, as data.</summary>
/// <param name="Arguments">Registers of the first arguments in order; the rest goes to the stack.</param>
/// <param name="ShadowSpace">Bytes the caller reserves below the return address for the callee.</param>
/// <param name="CalleeSaved">Registers of our mapping (and rbp) that a function must preserve beyond rbx, rbp, r12 to r15.</param>
public sealed record X64CallingConvention(X64Register[] Arguments, int ShadowSpace, X64Register[] CalleeSaved)
{
    /// <summary>System V AMD64 psABI 1.0, section 3.2.</summary>
    public static readonly X64CallingConvention SystemV = new(
        [X64Register.Rdi, X64Register.Rsi, X64Register.Rdx, X64Register.Rcx, X64Register.R8, X64Register.R9], 0, []);

    /// <summary>Microsoft x64: four register arguments, 32 bytes of shadow space, rsi and rdi preserved.</summary>
    public static readonly X64CallingConvention Windows = new(
        [X64Register.Rcx, X64Register.Rdx, X64Register.R8, X64Register.R9], 32, [X64Register.Rsi, X64Register.Rdi]);

    public static X64CallingConvention Current => OperatingSystem.IsWindows() ? Windows : SystemV;

    /// <summary>eBPF's argument registers are the convention's: calls need no moves.</summary>
    public bool IsNative => Arguments.Length >= 5;
}
