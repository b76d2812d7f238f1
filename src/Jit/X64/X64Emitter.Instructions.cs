// The instruction forms, by group.
namespace Ebpfcc.Jit.X64;

/// <summary>The eight classic two-operand operations, numbered as in their encodings.</summary>
public enum X64Alu : byte { Add = 0, Or = 1, And = 4, Sub = 5, Xor = 6, Cmp = 7 }

/// <summary>Shifts and rotates, numbered as in the C1/D3 groups.</summary>
public enum X64Shift : byte { RotateLeft = 0, RotateRight = 1, Left = 4, RightLogical = 5, RightArithmetic = 7 }

public sealed partial class X64Emitter
{
    // ---- moves -------------------------------------------------------------------------------------------------------

    /// <summary>mov; the 32-bit form clears the upper half.</summary>
    public void Move(X64Register destination, X64Register source, bool wide) => RegisterForm(0x89, (int)source, (int)destination, wide);

    /// <summary>Loads a constant in the shortest way.</summary>
    public void MoveImmediate(X64Register destination, ulong value)
    {
        int register = (int)destination;
        if (value == 0)
        {
            RegisterForm(0x31, register, register, false);
        }
        else if (value <= uint.MaxValue)
        {
            Rex(false, 0, 0, register);
            _code.Byte(0xb8 | (register & 7));
            _code.Int32((int)(uint)value);
        }
        else if ((long)value == (int)value)
        {
            Rex(true, 0, 0, register);
            _code.Byte(0xc7);
            ModRegister(0, register);
            _code.Int32((int)value);
        }
        else
        {
            Rex(true, 0, 0, register);
            _code.Byte(0xb8 | (register & 7));
            _code.Int64((long)value);
        }
    }

    /// <summary>Like <see cref="MoveImmediate"/>, but leaves the flags alone.</summary>
    public void MoveImmediateKeepFlags(X64Register destination, uint value)
    {
        Rex(false, 0, 0, (int)destination);
        _code.Byte(0xb8 | ((int)destination & 7));
        _code.Int32((int)value);
    }

    /// <summary>movzx from the low 8 or 16 bits; clears the rest.</summary>
    public void ZeroExtend(X64Register destination, X64Register source, int bits)
        => RegisterForm(bits == 8 ? 0x0fb6 : 0x0fb7, (int)destination, (int)source, false, bits == 8);

    /// <summary>movsx / movsxd from the low 8, 16 or 32 bits to 64 (wide) or 32 bits.</summary>
    public void SignExtend(X64Register destination, X64Register source, int bits, bool wide)
        => RegisterForm(bits switch { 8 => 0x0fbe, 16 => 0x0fbf, _ => 0x63 }, (int)destination, (int)source, wide, bits == 8);

    public void ConditionalMove(X64Condition condition, X64Register destination, X64Register source, bool wide)
        => RegisterForm(0x0f40 | (int)condition, (int)destination, (int)source, wide);

    public void Exchange(X64Register left, X64Register right) => RegisterForm(0x87, (int)right, (int)left, true);

    public void Push(X64Register register)
    {
        Rex(false, 0, 0, (int)register);
        _code.Byte(0x50 | ((int)register & 7));
    }

    public void Pop(X64Register register)
    {
        Rex(false, 0, 0, (int)register);
        _code.Byte(0x58 | ((int)register & 7));
    }

    public void Return() => _code.Byte(0xc3);

    public void Leave() => _code.Byte(0xc9);

    public void Trap()
    {
        _code.Byte(0x0f);
        _code.Byte(0x0b);
    }

    // ---- arithmetic --------------------------------------------------------------------------------------------------

    public void Alu(X64Alu operation, X64Register destination, X64Register source, bool wide)
        => RegisterForm((int)operation << 3 | 1, (int)source, (int)destination, wide);

    public void Alu(X64Alu operation, X64Register destination, int immediate, bool wide)
    {
        int register = (int)destination;
        Rex(wide, 0, 0, register);
        if (immediate is >= -128 and <= 127)
        {
            _code.Byte(0x83);
            ModRegister((int)operation, register);
            _code.Byte(immediate);
        }
        else if (register == 0)
        {
            _code.Byte((int)operation << 3 | 5);
            _code.Int32(immediate);
        }
        else
        {
            _code.Byte(0x81);
            ModRegister((int)operation, register);
            _code.Int32(immediate);
        }
    }

    /// <summary>operation destination, [base + displacement] of 32 or 64 bits.</summary>
    public void AluMemory(X64Alu operation, X64Register destination, X64Register @base, int displacement, bool wide)
        => MemoryForm((int)operation << 3 | 3, (int)destination, @base, displacement, wide);

    /// <summary>operation qword [base + displacement], immediate.</summary>
    public void AluMemoryImmediate(X64Alu operation, X64Register @base, int displacement, int immediate, bool wide)
    {
        bool isShort = immediate is >= -128 and <= 127;
        MemoryForm(isShort ? 0x83 : 0x81, (int)operation, @base, displacement, wide);
        if (isShort)
            _code.Byte(immediate);
        else
            _code.Int32(immediate);
    }

    public void Test(X64Register left, X64Register right, bool wide) => RegisterForm(0x85, (int)right, (int)left, wide);

    /// <summary>test with a sign-extended immediate; a byte-sized positive mask tests only the low byte.</summary>
    public void Test(X64Register left, int immediate, bool wide)
    {
        int register = (int)left;
        if (immediate is >= 0 and <= 0x7f)
        {
            Rex(false, 0, 0, register, register >= 4);
            if (register == 0)
            {
                _code.Byte(0xa8);
            }
            else
            {
                _code.Byte(0xf6);
                ModRegister(0, register);
            }
            _code.Byte(immediate);
            return;
        }
        Rex(wide && immediate < 0, 0, 0, register);
        if (register == 0)
        {
            _code.Byte(0xa9);
        }
        else
        {
            _code.Byte(0xf7);
            ModRegister(0, register);
        }
        _code.Int32(immediate);
    }

    public void Negate(X64Register register, bool wide) => RegisterForm(0xf7, 3, (int)register, wide);

    public void Multiply(X64Register destination, X64Register source, bool wide) => RegisterForm(0x0faf, (int)destination, (int)source, wide);

    /// <summary>imul destination, source, immediate.</summary>
    public void Multiply(X64Register destination, X64Register source, int immediate, bool wide)
    {
        bool isShort = immediate is >= -128 and <= 127;
        RegisterForm(isShort ? 0x6b : 0x69, (int)destination, (int)source, wide);
        if (isShort)
            _code.Byte(immediate);
        else
            _code.Int32(immediate);
    }

    /// <summary>rdx:rax = rax * source, unsigned.</summary>
    public void MultiplyWide(X64Register source) => RegisterForm(0xf7, 4, (int)source, true);

    /// <summary>rax = rdx:rax / divisor, rdx = remainder; unsigned.</summary>
    public void DivideUnsigned(X64Register divisor, bool wide) => RegisterForm(0xf7, 6, (int)divisor, wide);

    /// <summary>The same, signed.</summary>
    public void DivideSigned(X64Register divisor, bool wide) => RegisterForm(0xf7, 7, (int)divisor, wide);

    /// <summary>Sign of rax into rdx (cqo) or of eax into edx (cdq).</summary>
    public void SignIntoRdx(bool wide)
    {
        Rex(wide, 0, 0, 0);
        _code.Byte(0x99);
    }

    public void Shift(X64Shift operation, X64Register register, int count, bool wide)
    {
        if (count == 1)
        {
            RegisterForm(0xd1, (int)operation, (int)register, wide);
            return;
        }
        RegisterForm(0xc1, (int)operation, (int)register, wide);
        _code.Byte(count);
    }

    /// <summary>Shift by cl.</summary>
    public void ShiftByCl(X64Shift operation, X64Register register, bool wide) => RegisterForm(0xd3, (int)operation, (int)register, wide);

    /// <summary>
    /// BMI2 shlx, shrx, sarx: destination = source shifted by the low bits of count; flags untouched.
    /// VEX: c4 | RXB.00010 | W vvvv 0 pp | f7 | modrm
    /// </summary>
    public void ShiftBy(X64Shift operation, X64Register destination, X64Register source, X64Register count, bool wide)
    {
        int prefix = operation switch { X64Shift.Left => 1, X64Shift.RightArithmetic => 2, X64Shift.RightLogical => 3, _ => throw new ArgumentOutOfRangeException(nameof(operation)) };
        _code.Byte(0xc4);
        _code.Byte((~((int)destination >> 3) & 1) << 7 | 0x40 | (~((int)source >> 3) & 1) << 5 | 0x02);
        _code.Byte((wide ? 0x80 : 0) | (~(int)count & 15) << 3 | prefix);
        _code.Byte(0xf7);
        ModRegister((int)destination, (int)source);
    }

    /// <summary>
    /// BMI2 rorx: destination = source rotated to the right; flags untouched.
    /// VEX: c4 | R1B.00011 | W 1111 0 11 | f0 | modrm | count
    /// </summary>
    public void RotateRightTo(X64Register destination, X64Register source, int count, bool wide)
    {
        _code.Byte(0xc4);
        _code.Byte((~((int)destination >> 3) & 1) << 7 | 0x40 | (~((int)source >> 3) & 1) << 5 | 0x03);
        _code.Byte((wide ? 0x80 : 0) | 0x78 | 3);
        _code.Byte(0xf0);
        ModRegister((int)destination, (int)source);
        _code.Byte(count);
    }

    /// <summary>Rotates the low 16 bits by eight: swaps two bytes.</summary>
    public void SwapLow16(X64Register register)
    {
        _code.Byte(0x66);
        RegisterForm(0xc1, (int)X64Shift.RotateRight, (int)register, false);
        _code.Byte(8);
    }

    public void ByteSwap(X64Register register, bool wide)
    {
        Rex(wide, 0, 0, (int)register);
        _code.Byte(0x0f);
        _code.Byte(0xc8 | ((int)register & 7));
    }

    // ---- addresses and memory ----------------------------------------------------------------------------------------

    /// <summary>lea destination, [base + displacement].</summary>
    public void LoadEffectiveAddress(X64Register destination, X64Register @base, int displacement, bool wide = true)
        => MemoryForm(0x8d, (int)destination, @base, displacement, wide);

    /// <summary>lea destination, [base + index * scale + displacement]; the index must not be rsp, the scale is 1, 2, 4 or 8.</summary>
    public void LoadEffectiveAddress(X64Register destination, X64Register @base, X64Register index, int scale, int displacement, bool wide = true)
    {
        int b = (int)@base, i = (int)index, d = (int)destination;
        Rex(wide, d, i, b);
        _code.Byte(0x8d);
        ModIndexed(d, b, i, scale, displacement);
    }

    /// <summary>[base + index * scale + displacement]: rbp and r13 as base need a displacement.</summary>
    private void ModIndexed(int reg, int @base, int index, int scale, int displacement)
    {
        int mod = displacement == 0 && (@base & 7) != 5 ? 0 : displacement is >= -128 and <= 127 ? 1 : 2;
        _code.Byte(mod << 6 | (reg & 7) << 3 | 4);
        _code.Byte(System.Numerics.BitOperations.Log2((uint)scale) << 6 | (index & 7) << 3 | (@base & 7));
        if (mod == 1)
            _code.Byte(displacement);
        else if (mod == 2)
            _code.Int32(displacement);
    }

    /// <summary>Zero-extending load of 8 to 64 bits.</summary>
    public void Load(int bits, X64Register destination, X64Register @base, int displacement)
        => MemoryForm(bits switch { 8 => 0x0fb6, 16 => 0x0fb7, _ => 0x8b }, (int)destination, @base, displacement, bits == 64);

    /// <summary>Sign-extending load of 8, 16 or 32 bits to 64.</summary>
    public void LoadSigned(int bits, X64Register destination, X64Register @base, int displacement)
        => MemoryForm(bits switch { 8 => 0x0fbe, 16 => 0x0fbf, _ => 0x63 }, (int)destination, @base, displacement, true);

    public void Store(int bits, X64Register @base, int displacement, X64Register source)
        => MemoryForm(bits == 8 ? 0x88 : 0x89, (int)source, @base, displacement, bits == 64, bits == 8, bits == 16 ? 0x66 : 0);

    public void StoreImmediate(int bits, X64Register @base, int displacement, int immediate)
    {
        MemoryForm(bits == 8 ? 0xc6 : 0xc7, 0, @base, displacement, bits == 64, false, bits == 16 ? 0x66 : 0);
        if (bits == 8)
            _code.Byte(immediate);
        else if (bits == 16)
            _code.Int16(immediate);
        else
            _code.Int32(immediate);
    }

    /// <summary>movbe: a byte-swapping load of 16 (upper bits kept), 32 or 64 bits.</summary>
    public void LoadSwapped(int bits, X64Register destination, X64Register @base, int displacement)
        => MemoryForm(0x0f38f0, (int)destination, @base, displacement, bits == 64, false, bits == 16 ? 0x66 : 0);

    // ---- atomics -----------------------------------------------------------------------------------------------------

    /// <summary>lock add/or/and/xor [base + displacement], source.</summary>
    public void LockedAlu(X64Alu operation, X64Register @base, int displacement, X64Register source, bool wide)
        => MemoryForm((int)operation << 3 | 1, (int)source, @base, displacement, wide, false, 0xf0);

    /// <summary>lock xadd: the old value replaces the source.</summary>
    public void LockedExchangeAdd(X64Register @base, int displacement, X64Register source, bool wide)
        => MemoryForm(0x0fc1, (int)source, @base, displacement, wide, false, 0xf0);

    /// <summary>xchg with memory, which locks by itself.</summary>
    public void ExchangeMemory(X64Register @base, int displacement, X64Register source, bool wide)
        => MemoryForm(0x87, (int)source, @base, displacement, wide);

    /// <summary>lock cmpxchg: if memory equals rax, memory = source; rax = old memory either way.</summary>
    public void LockedCompareExchange(X64Register @base, int displacement, X64Register source, bool wide)
        => MemoryForm(0x0fb1, (int)source, @base, displacement, wide, false, 0xf0);
}
