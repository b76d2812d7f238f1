// Comparisons, calls, tail calls and packet loads.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Helpers;


namespace Ebpfcc.Jit.X64;

public sealed partial class X64Compiler
{
    /// <summary>The condition under which a jump after <see cref="EmitCompare"/> is taken.</summary>
    private static X64Condition ConditionOf(Operation operation) => operation switch
    {
        Operation.Jeq => X64Condition.Equal,
        Operation.Jne => X64Condition.NotEqual,
        Operation.Jset => X64Condition.NotEqual,
        Operation.Jgt => X64Condition.Above,
        Operation.Jge => X64Condition.AboveOrEqual,
        Operation.Jlt => X64Condition.Below,
        Operation.Jle => X64Condition.BelowOrEqual,
        Operation.Jsgt => X64Condition.Greater,
        Operation.Jsge => X64Condition.GreaterOrEqual,
        Operation.Jslt => X64Condition.Less,
        Operation.Jsle => X64Condition.LessOrEqual,
        _ => throw new InternalCompilerException("x86-64 compiler", null, $"{operation} is no comparison"),
    };

    /// <summary>Sets the flags. Comparing with zero is a test: it clears carry and overflow, which is what a comparison with 0 would leave.</summary>
    private void EmitCompare(EbpfInstruction instruction, OpcodeRow row)
    {
        X64Register d = Machine(instruction.Dst);
        bool wide = row.Width == 64;
        if (row.Operation == Operation.Jset)
        {
            if (row.IsRegisterForm)
                _emit.Test(d, Machine(instruction.Src), wide);
            else
                _emit.Test(d, instruction.Immediate, wide);
            return;
        }
        // When both sides have empty upper halves, equality and unsigned order need only the lower ones.
        bool isSigned = row.Operation is Operation.Jsgt or Operation.Jsge or Operation.Jslt or Operation.Jsle;
        if (wide && !isSigned && IsZeroUpper(instruction.Dst) && (row.IsRegisterForm ? IsZeroUpper(instruction.Src) : instruction.Immediate >= 0))
            wide = false;
        if (row.IsRegisterForm)
            _emit.Alu(X64Alu.Cmp, d, Machine(instruction.Src), wide);
        else if (instruction.Immediate == 0)
            _emit.Test(d, d, wide);
        else
            _emit.Alu(X64Alu.Cmp, d, instruction.Immediate, wide);
    }

    private void TranslateCall(int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        switch (row.Opcode)
        {
            case EbpfOpcode.CallLocal:
                _emit.Call(_slotLabels[slot + 1 + instruction.Immediate]);
                break;
            case EbpfOpcode.CallReg:
                _emit.CallRegister(Machine(instruction.Dst));
                break;
            case EbpfOpcode.CallHelper when instruction.Immediate == HelperRegistry.TailCallId:
                EmitTailCall();
                break;
            case EbpfOpcode.CallHelper when _options.FindInlineArray(slot) is { } array:
                EmitInlineLookup(array);
                break;
            case EbpfOpcode.CallHelper:
                EmitNativeCall(_options.ResolveHelper(instruction.Immediate));
                break;
            default:
                throw new InternalCompilerException("x86-64 compiler", null, $"slot {slot}: no translation of {row.Opcode}");
        }
    }

    /// <summary>
    /// Calls a native function of five 64-bit arguments with R1 to R5. Under System V they are in place already; under the Windows
    /// convention (rcx rdx r8 r9, fifth at [rsp + 32]) they move, in an order that overwrites nothing still needed:
    ///   sub rsp, 48 ; mov [rsp+32], r8 (R5) ; mov r9, rcx (R4) ; mov r8, rdx (R3) ; mov rdx, rsi (R2) ; mov rcx, rdi (R1)
    /// </summary>
    private void EmitNativeCall(nint address)
    {
        if (_options.Convention.IsNative)
        {
            _emit.CallAbsolute(address);
            return;
        }
        _emit.Alu(X64Alu.Sub, X64Register.Rsp, 48, true);
        _emit.Store(64, X64Register.Rsp, 32, X64Register.R8);
        _emit.Move(X64Register.R9, X64Register.Rcx, true);
        _emit.Move(X64Register.R8, X64Register.Rdx, true);
        _emit.Move(X64Register.Rdx, X64Register.Rsi, true);
        _emit.Move(X64Register.Rcx, X64Register.Rdi, true);
        _emit.CallAbsolute(address);
        _emit.Alu(X64Alu.Add, X64Register.Rsp, 48, true);
    }

    /// <summary>
    /// bpf_map_lookup_elem on an array:
    ///   mov eax, [rsi] ; cmp eax, entries ; jae none ; imul/shl rax, stride ; add rax, values ; jmp done ; none: xor eax, eax
    /// </summary>
    private void EmitInlineLookup(InlineArray array)
    {
        Label none = _emit.NewLabel(), done = _emit.NewLabel();
        _emit.Load(32, X64Register.Rax, X64Register.Rsi, 0);
        _emit.Alu(X64Alu.Cmp, X64Register.Rax, unchecked((int)array.MaxEntries), false);
        _emit.JumpIf(X64Condition.AboveOrEqual, none);
        if (System.Numerics.BitOperations.IsPow2(array.Stride))
        {
            if (array.Stride > 1)
                _emit.Shift(X64Shift.Left, X64Register.Rax, System.Numerics.BitOperations.Log2(array.Stride), true);
        }
        else
        {
            _emit.Multiply(X64Register.Rax, X64Register.Rax, checked((int)array.Stride), true);
        }
        _emit.MoveImmediate(Scratch2, array.Values);
        _emit.Alu(X64Alu.Add, X64Register.Rax, Scratch2, true);
        _emit.Jump(done);
        _emit.Bind(none);
        _emit.MoveImmediate(X64Register.Rax, 0);
        _emit.Bind(done);
    }

    /// <summary>
    /// The resolver returns the entry of the program to continue with, or 0. R1 (the context) is kept across it in the slot of the
    /// frame that the call pushes it to:
    ///   push rdi ; sub rsp, 8 ; call resolver ; add rsp, 8 ; pop rdi ; test rax, rax ; je failed
    ///   tear the frame down ; jmp rax
    ///   failed: mov rax, -ENOENT
    /// </summary>
    private void EmitTailCall()
    {
        Label failed = _emit.NewLabel(), done = _emit.NewLabel();
        _emit.Push(X64Register.Rdi);
        _emit.Alu(X64Alu.Sub, X64Register.Rsp, 8, true);
        EmitNativeCall(_options.ResolveTailCall);
        _emit.Alu(X64Alu.Add, X64Register.Rsp, 8, true);
        _emit.Pop(X64Register.Rdi);
        _emit.Test(X64Register.Rax, X64Register.Rax, true);
        _emit.JumpIf(X64Condition.Equal, failed);
        _emit.Move(Scratch2, X64Register.Rax, true);
        EmitTeardown();
        _emit.JumpRegister(Scratch2);
        _emit.Bind(failed);
        const long NoEntry = -2;
        _emit.MoveImmediate(X64Register.Rax, unchecked((ulong)NoEntry));
    }

    /// <summary>
    /// LD_ABS and LD_IND: the load function takes (context, offset) and returns the value in host order, or a negative number when
    /// the packet has no such bytes, which ends the program with 0.
    /// </summary>
    private void TranslatePacketLoad(EbpfInstruction instruction, OpcodeRow row)
    {
        _emit.Move(X64Register.Rsi, row.IsRegisterForm ? Machine(instruction.Src) : X64Register.Rsi, true);
        if (!row.IsRegisterForm)
            _emit.MoveImmediate(X64Register.Rsi, (uint)instruction.Immediate);
        else if (instruction.Immediate != 0)
            _emit.Alu(X64Alu.Add, X64Register.Rsi, instruction.Immediate, false);
        _emit.Move(X64Register.Rdi, Machine(EbpfRegisters.R6), true);
        EmitNativeCall(_options.ResolvePacketLoad(row.Width));
        Label loaded = _emit.NewLabel();
        _emit.Test(X64Register.Rax, X64Register.Rax, true);
        _emit.JumpIf(X64Condition.NoSign, loaded);
        _emit.MoveImmediate(X64Register.Rax, 0);
        EmitTeardown();
        _emit.Return();
        _emit.Bind(loaded);
        _zeroUpper = _zeroUpper & ~ProgramShape.CallerSaved | 1;
    }
}
