// Loads that may lead anywhere (ProbingLoads): a call of a routine behind the code that keeps every register but r11, so that
// nothing around the load, not even the stack's alignment, needs to know of it.
//
//   lea r11, [src + offset] ; call probe n ; mov dst, r11
//   probe n:  push what the convention lets functions overwrite, and rbx ; mov rbx, rsp ; and rsp, -16
//             mov arg0, r11 ; mov arg1, n ; call gate ; mov r11, rax ; mov rsp, rbx ; pop ... ; ret
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.X64;

public sealed partial class X64Compiler
{
    private static readonly X64Register[] s_keptByProbe =
        [X64Register.Rax, X64Register.Rcx, X64Register.Rdx, X64Register.Rsi, X64Register.Rdi, X64Register.R8, X64Register.R9, X64Register.R10, X64Register.Rbx];

    private readonly Dictionary<int, Label> _probeRoutines = [];

    private void EmitProbingLoad(EbpfInstruction instruction, OpcodeRow row)
    {
        int bytes = row.Width / 8;
        if (!_probeRoutines.TryGetValue(bytes, out Label routine))
        {
            _probeRoutines[bytes] = routine = _emit.NewLabel();
            Label start = routine;
            _stubs.Add(() => EmitProbeRoutine(start, bytes));
        }
        _emit.LoadEffectiveAddress(Scratch2, Machine(instruction.Src), instruction.Offset);
        _emit.Call(routine);
        bool isSigned = row.Operation == Operation.LoadSx;
        if (isSigned)
            _emit.SignExtend(Machine(instruction.Dst), Scratch2, row.Width, true);
        else
            _emit.Move(Machine(instruction.Dst), Scratch2, true);
        SetZeroUpper(instruction.Dst, !isSigned && row.Width < 64);
    }

    private void EmitProbeRoutine(Label start, int bytes)
    {
        X64CallingConvention convention = _options.Convention;
        _emit.Bind(start);
        foreach (X64Register register in s_keptByProbe)
            _emit.Push(register);
        _emit.Move(X64Register.Rbx, X64Register.Rsp, true);
        _emit.Alu(X64Alu.And, X64Register.Rsp, -16, true);
        // The fifth argument's place on the stack belongs to the caller under every convention, used or not.
        _emit.Alu(X64Alu.Sub, X64Register.Rsp, convention.ShadowSpace + 16, true);
        _emit.Move(convention.Arguments[0], Scratch2, true);
        _emit.MoveImmediate(convention.Arguments[1], (ulong)bytes);
        _emit.CallAbsolute(_options.ProbeLoad);
        _emit.Move(Scratch2, X64Register.Rax, true);
        _emit.Move(X64Register.Rsp, X64Register.Rbx, true);
        for (int i = s_keptByProbe.Length - 1; i >= 0; i--)
            _emit.Pop(s_keptByProbe[i]);
        _emit.Return();
    }
}
