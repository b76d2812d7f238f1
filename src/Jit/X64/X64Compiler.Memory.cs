// Loads, stores, atomics, wide immediates. x86 is little endian, allows unaligned access, and orders loads with loads and
// stores with stores, so acquire loads and release stores are plain ones (Intel SDM volume 3, section 9.2).
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.X64;

public sealed partial class X64Compiler
{
    private void TranslateWide(int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        if (row.Opcode == EbpfOpcode.LoadFunction)
        {
            _emit.LoadAddress(Machine(instruction.Dst), CallbackLabel(slot + 1 + instruction.Immediate));
            SetZeroUpper(instruction.Dst, false);
            return;
        }
        EbpfInstruction second = _shape.Instructions[slot + 1];
        ulong value = row.Opcode == EbpfOpcode.LoadImm64 ? instruction.WideImmediate(second) : _options.ResolveImmediate(instruction, second);
        _emit.MoveImmediate(Machine(instruction.Dst), value);
        SetZeroUpper(instruction.Dst, value <= uint.MaxValue);
    }

    private void TranslateLoad(EbpfInstruction instruction, OpcodeRow row)
    {
        X64Register d = Machine(instruction.Dst), s = Machine(instruction.Src);
        if (row.Operation == Operation.LoadSx)
            _emit.LoadSigned(row.Width, d, s, instruction.Offset);
        else
            _emit.Load(row.Width, d, s, instruction.Offset);
        SetZeroUpper(instruction.Dst, row.Operation != Operation.LoadSx && row.Width < 64);
    }

    private void TranslateStore(EbpfInstruction instruction, OpcodeRow row)
    {
        if (row.IsRegisterForm)
            _emit.Store(row.Width, Machine(instruction.Dst), instruction.Offset, Machine(instruction.Src));
        else
            _emit.StoreImmediate(row.Width, Machine(instruction.Dst), instruction.Offset, instruction.Immediate);
    }

    private void TranslateAtomic(EbpfInstruction instruction, OpcodeRow row)
    {
        X64Register @base = Machine(instruction.Dst), s = Machine(instruction.Src);
        int offset = instruction.Offset;
        bool wide = row.Width == 64;
        switch (row.Operation)
        {
            case Operation.AtomicAdd:
                _emit.LockedAlu(X64Alu.Add, @base, offset, s, wide);
                return;
            case Operation.AtomicOr:
                _emit.LockedAlu(X64Alu.Or, @base, offset, s, wide);
                return;
            case Operation.AtomicAnd:
                _emit.LockedAlu(X64Alu.And, @base, offset, s, wide);
                return;
            case Operation.AtomicXor:
                _emit.LockedAlu(X64Alu.Xor, @base, offset, s, wide);
                return;
            case Operation.AtomicFetchAdd:
                _emit.LockedExchangeAdd(@base, offset, s, wide);
                SetZeroUpper(instruction.Src, !wide);
                return;
            case Operation.AtomicXchg:
                _emit.ExchangeMemory(@base, offset, s, wide);
                SetZeroUpper(instruction.Src, !wide);
                return;
            case Operation.AtomicCmpXchg:
                EmitCompareExchange(@base, offset, s, wide);
                SetZeroUpper(EbpfRegisters.R0, !wide);
                return;
            case Operation.AtomicFetchOr or Operation.AtomicFetchAnd or Operation.AtomicFetchXor:
                EmitFetchLoop(instruction, row, @base, s, wide);
                SetZeroUpper(instruction.Src, !wide);
                return;
            default:
                throw new InternalCompilerException("x86-64 compiler", null, $"no translation of {row.Opcode}");
        }
    }

    /// <summary>The instruction compares with rax; R0 is moved there and whatever was there kept in r9 where the mapping says so.</summary>
    private void EmitCompareExchange(X64Register @base, int offset, X64Register s, bool wide)
    {
        X64Register r0 = Machine(EbpfRegisters.R0);
        if (r0 == X64Register.Rax)
        {
            _emit.LockedCompareExchange(@base, offset, s, wide);
            // On success eax is not written: R0 must still lose its upper half.
            if (!wide)
                _emit.Move(X64Register.Rax, X64Register.Rax, false);
            return;
        }
        _emit.Move(Scratch0, X64Register.Rax, true);
        _emit.Move(X64Register.Rax, r0, true);
        _emit.LockedCompareExchange(@base == X64Register.Rax ? Scratch0 : @base, offset, s == X64Register.Rax ? Scratch0 : s, wide);
        _emit.Move(r0, X64Register.Rax, wide);
        _emit.Move(X64Register.Rax, Scratch0, true);
    }

    /// <summary>
    /// x86 has no fetching or, and, xor:
    ///        mov r9, rax ; lea r10, [base + offset] ; mov rax, [r10]
    ///   try: mov r11, rax ; op r11, operand ; lock cmpxchg [r10], r11 ; jne try
    ///        mov src, rax ; mov rax, r9
    /// </summary>
    private void EmitFetchLoop(EbpfInstruction instruction, OpcodeRow row, X64Register @base, X64Register s, bool wide)
    {
        X64Alu operation = row.Operation switch
        {
            Operation.AtomicFetchOr => X64Alu.Or,
            Operation.AtomicFetchAnd => X64Alu.And,
            _ => X64Alu.Xor,
        };
        X64Register operand = s == X64Register.Rax ? Scratch0 : s;
        _emit.Move(Scratch0, X64Register.Rax, true);
        _emit.LoadEffectiveAddress(Scratch1, @base, instruction.Offset);
        _emit.Load(row.Width, X64Register.Rax, Scratch1, 0);
        Label again = _emit.NewLabel();
        _emit.Bind(again);
        _emit.Move(Scratch2, X64Register.Rax, wide);
        _emit.Alu(operation, Scratch2, operand, wide);
        _emit.LockedCompareExchange(Scratch1, 0, Scratch2, wide);
        _emit.JumpIf(X64Condition.NotEqual, again);
        if (s == X64Register.Rax)
        {
            if (!wide)
                _emit.Move(X64Register.Rax, X64Register.Rax, false);
            return;
        }
        _emit.Move(s, X64Register.Rax, wide);
        _emit.Move(X64Register.Rax, Scratch0, true);
    }
}
