// Comparisons, calls, tail calls and packet loads.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution.Interpretation;
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
            case EbpfOpcode.CallHelper when _options.FindHashTable(slot) is { } table && HasHashLookup(table):
                EmitHashLookup(table);
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
    /// the packet has no such bytes, which ends the program with 0. Where R6 is known to be the context, bytes from the packet's
    /// start are loaded in place.
    /// </summary>
    private void TranslatePacketLoad(EbpfInstruction instruction, OpcodeRow row)
    {
        Label loaded = _emit.NewLabel(), outside = _emit.NewLabel();
        bool isNegative = !row.IsRegisterForm && instruction.Immediate < 0;
        if (_options.HasContextInR6 && !isNegative)
            EmitLoadThroughContext(instruction, row, loaded, outside);
        _emit.Bind(outside);
        if (row.IsRegisterForm || isNegative || !_options.HasContextInR6)
        {
            if (!row.IsRegisterForm)
                _emit.MoveImmediate(X64Register.Rsi, (uint)instruction.Immediate);
            else
                _emit.Move(X64Register.Rsi, Machine(instruction.Src), true);
            if (row.IsRegisterForm && instruction.Immediate != 0)
                _emit.Alu(X64Alu.Add, X64Register.Rsi, instruction.Immediate, false);
            _emit.Move(X64Register.Rdi, Machine(EbpfRegisters.R6), true);
            EmitNativeCall(_options.ResolvePacketLoad(row.Width));
            _emit.Test(X64Register.Rax, X64Register.Rax, true);
            _emit.JumpIf(X64Condition.NoSign, loaded);
        }
        _emit.MoveImmediate(X64Register.Rax, 0);
        EmitTeardown();
        _emit.Return();
        _emit.Bind(loaded);
        _zeroUpper = _zeroUpper & ~ProgramShape.CallerSaved | 1;
    }

    /// <summary>
    ///   cmp dword [r6 + length], offset + bytes ; jb outside ; mov s0, [r6 + address] ; movzx eax, [s0 + offset] ; swap ; jmp loaded
    /// or, for an offset in a register, which may be negative and is then no offset from the start:
    ///   lea s1d, [src + offset] ; lea s2, [s1 + bytes] ; mov s0d, [r6 + length] ; cmp s2, s0 ; ja outside ; add s1, [r6 + address] ; ...
    /// </summary>
    private void EmitLoadThroughContext(EbpfInstruction instruction, OpcodeRow row, Label loaded, Label outside)
    {
        X64Register context = Machine(EbpfRegisters.R6), start;
        int bytes = row.Width / 8, offset = 0;
        if (row.IsRegisterForm)
        {
            start = Scratch1;
            _emit.LoadEffectiveAddress(Scratch1, Machine(instruction.Src), instruction.Immediate, wide: false);
            _emit.LoadEffectiveAddress(Scratch2, Scratch1, bytes);
            _emit.Load(32, Scratch0, context, PacketLoads.LengthAt);
            _emit.Alu(X64Alu.Cmp, Scratch2, Scratch0, true);
            _emit.JumpIf(X64Condition.Above, outside);
            _emit.AluMemory(X64Alu.Add, Scratch1, context, PacketLoads.AddressAt, true);
        }
        else if (instruction.Immediate > int.MaxValue - bytes)
        {
            _emit.Jump(outside);
            return;
        }
        else
        {
            start = Scratch0;
            offset = instruction.Immediate;
            _emit.AluMemoryImmediate(X64Alu.Cmp, context, PacketLoads.LengthAt, offset + bytes, false);
            _emit.JumpIf(X64Condition.Below, outside);
            _emit.Load(64, Scratch0, context, PacketLoads.AddressAt);
        }
        _emit.Load(row.Width, X64Register.Rax, start, offset);
        if (row.Width == 16)
            _emit.SwapLow16(X64Register.Rax);
        else if (row.Width == 32)
            _emit.ByteSwap(X64Register.Rax, false);
        _emit.Jump(loaded);
    }
}
