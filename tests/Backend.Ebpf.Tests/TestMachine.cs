// A plain eBPF machine for tests: executes emitted functions slot by slot, by the rows of the opcode table, with memory as
// objects far apart. Registers that the convention leaves undefined are filled with noise, so that code which trusts them
// fails. Helpers answer as the IR evaluator's model of the outside does.
using System.Globalization;
using Ebpfcc.Backend.Ebpf.Emission;
using Ebpfcc.Core.Numerics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Tests;

internal sealed class TestMachine
{
    private readonly Dictionary<string, EmittedFunction> _functions = [];
    private readonly Dictionary<string, ulong> _globals = [];
    private readonly List<byte[]> _objects = [];
    private readonly Random _noise = new(12345);
    private int _outside;
    private long _fuel = 3_000_000;

    public TestMachine(Module module, IEnumerable<EmittedFunction> functions)
    {
        foreach (EmittedFunction function in functions)
            _functions[function.Source.Symbol] = function;
        foreach (GlobalVariable global in module.Globals)
        {
            var bytes = new byte[global.Size];
            global.InitialBytes?.CopyTo(bytes, 0);
            _globals[global.Symbol] = Allocate(bytes);
        }
    }

    public List<string> Trace { get; } = [];

    public ulong Allocate(byte[] content)
    {
        _objects.Add(content);
        return (ulong)_objects.Count << 32;
    }

    public byte[] Read(string global) => _objects[(int)(_globals[global] >> 32) - 1];

    private ulong Noise() => (ulong)_noise.NextInt64() << 1 | (uint)_noise.Next(2);

    public ulong Run(string name, params ReadOnlySpan<ulong> arguments)
    {
        EmittedFunction function = _functions[name];
        Assert(function.StackSize is >= 0 and <= 512, "frame size");
        var r = new ulong[11];
        for (int i = 0; i < 10; i++)
            r[i] = Noise();
        // A narrow parameter's upper bits are the caller's garbage.
        for (int i = 0; i < arguments.Length; i++)
        {
            int bits = function.Source.Parameters[i].Type.Bits();
            r[i + 1] = bits >= 64 ? arguments[i] : (arguments[i] & ((1UL << bits) - 1)) | Noise() << bits;
        }
        var stack = new byte[512];
        _noise.NextBytes(stack);
        r[10] = Allocate(stack) + 512;
        for (int pc = 0; ;)
        {
            Assert(pc >= 0 && pc < function.Code.Length, "program counter");
            Assert(--_fuel > 0, "fuel");
            EbpfInstruction slot = function.Code[pc];
            OpcodeRow row = OpcodeTable.Find(slot)!;
            ulong source = row.IsRegisterForm ? r[slot.Src] : (ulong)(long)slot.Immediate;
            ref ulong dst = ref r[slot.Dst];
            int next = pc + row.Slots;
            switch (row.Effect)
            {
                case Effect.Alu:
                    Assert(slot.Dst != 10, "R10 written");
                    dst = Arithmetic(row, dst, source);
                    break;
                case Effect.LoadImmediate:
                    CodeReference reference = function.References.FirstOrDefault(item => item.Slot == pc && !item.IsCall);
                    dst = reference.Name is null ? slot.WideImmediate(function.Code[pc + 1]) : _globals[reference.Name] + (ulong)reference.Addend;
                    break;
                case Effect.Load:
                    ulong loaded = ReadMemory(r[slot.Src] + (ulong)slot.Offset, row.Width / 8);
                    dst = row.Operation == Operation.LoadSx ? IntegerArithmetic.SignExtend(loaded, row.Width) : loaded;
                    break;
                case Effect.Store:
                    WriteMemory(dst + (ulong)slot.Offset, row.Width / 8, source);
                    break;
                case Effect.Atomic:
                    Atomic(row, r, slot);
                    break;
                case Effect.Branch:
                    if (Taken(row, dst, source))
                        next = pc + 1 + slot.Offset;
                    break;
                case Effect.Jump:
                    next = pc + 1 + (row.Opcode == EbpfOpcode.JaLong ? slot.Immediate : slot.Offset);
                    break;
                case Effect.Call:
                    r[0] = Call(function, pc, slot, r);
                    for (int i = 1; i <= 5; i++)
                        r[i] = Noise();
                    break;
                case Effect.Exit:
                    return r[0];
                default:
                    throw new InvalidOperationException($"no rule for {row.Opcode}");
            }
            pc = next;
        }
    }

    private static void Assert(bool condition, string what)
    {
        if (!condition)
            throw new InvalidOperationException($"test machine: {what}");
    }

    private ulong Call(EmittedFunction function, int pc, EbpfInstruction slot, ulong[] r)
    {
        CodeReference reference = function.References.FirstOrDefault(item => item.Slot == pc && item.IsCall);
        if (reference.Name is not null)
        {
            int count = _functions[reference.Name].Source.Parameters.Count;
            return Run(reference.Name, r.AsSpan(1, count));
        }
        string text = $"helper {slot.Immediate}(&{Convert.ToHexString(Tail(r[1]))}, {r[2]})";
        Trace.Add(text);
        string numbered = string.Create(CultureInfo.InvariantCulture, $"{++_outside} {text}");
        ulong hash = 14695981039346656037;
        foreach (char c in numbered)
            hash = unchecked((hash ^ c) * 1099511628211);
        return hash;
    }

    /// <summary>What a helper sees behind a pointer: of stack objects (all of 16 bytes in these tests), and of others, the rest.</summary>
    private ReadOnlySpan<byte> Tail(ulong address)
    {
        byte[] target = _objects[(int)(address >> 32) - 1];
        int offset = (int)(uint)address;
        return target.Length == 512 ? target.AsSpan(offset, 16) : target.AsSpan(offset);
    }

    private Span<byte> Access(ulong address, int bytes)
    {
        // R10 is one past the end of its stack object.
        ulong number = address >> 32;
        Assert(number >= 1 && number <= (ulong)_objects.Count, $"access to {address:x}");
        return _objects[(int)number - 1].AsSpan((int)(uint)address, bytes);
    }

    private ulong ReadMemory(ulong address, int bytes)
    {
        ulong value = 0;
        Span<byte> memory = Access(address, bytes);
        for (int i = bytes - 1; i >= 0; i--)
            value = value << 8 | memory[i];
        return value;
    }

    private void WriteMemory(ulong address, int bytes, ulong value)
    {
        Span<byte> memory = Access(address, bytes);
        for (int i = 0; i < bytes; i++)
            memory[i] = (byte)(value >> (8 * i));
    }

    private void Atomic(OpcodeRow row, ulong[] r, EbpfInstruction slot)
    {
        int bytes = row.Width / 8;
        ulong address = r[slot.Dst] + (ulong)slot.Offset, old = ReadMemory(address, bytes), value = r[slot.Src];
        if (row.Operation == Operation.AtomicCmpXchg)
        {
            if (old == IntegerArithmetic.ZeroExtend(r[0], row.Width))
                WriteMemory(address, bytes, value);
            r[0] = old;
            return;
        }
        ulong result = row.Operation switch
        {
            Operation.AtomicAdd or Operation.AtomicFetchAdd => old + value,
            Operation.AtomicOr or Operation.AtomicFetchOr => old | value,
            Operation.AtomicAnd or Operation.AtomicFetchAnd => old & value,
            Operation.AtomicXor or Operation.AtomicFetchXor => old ^ value,
            _ => value,
        };
        WriteMemory(address, bytes, result);
        if ((row.Src & RegisterUse.Write) != 0)
            r[slot.Src] = old;
    }

    private static bool Taken(OpcodeRow row, ulong left, ulong right)
    {
        if (row.Width == 32)
        {
            left = (uint)left;
            right = (uint)right;
        }
        long signedLeft = row.Width == 32 ? (int)left : (long)left, signedRight = row.Width == 32 ? (int)right : (long)right;
        return row.Operation switch
        {
            Operation.Jeq => left == right,
            Operation.Jne => left != right,
            Operation.Jgt => left > right,
            Operation.Jge => left >= right,
            Operation.Jlt => left < right,
            Operation.Jle => left <= right,
            Operation.Jset => (left & right) != 0,
            Operation.Jsgt => signedLeft > signedRight,
            Operation.Jsge => signedLeft >= signedRight,
            Operation.Jslt => signedLeft < signedRight,
            _ => signedLeft <= signedRight,
        };
    }

    private static ulong Arithmetic(OpcodeRow row, ulong left, ulong right)
    {
        if (row.Operation is Operation.ToBe or Operation.Bswap)
            return IntegerArithmetic.ByteSwap(left, row.Width);
        if (row.Operation == Operation.ToLe)
            return IntegerArithmetic.ZeroExtend(left, row.Width);
        if (row.Operation == Operation.MovSx)
            return IntegerArithmetic.ZeroExtend(IntegerArithmetic.SignExtend(right, row.DiscriminatorValue), row.Width);
        if (row.Width == 32)
        {
            uint a = (uint)left, b = (uint)right;
            return row.Operation switch
            {
                Operation.Add => a + b,
                Operation.Sub => a - b,
                Operation.Mul => a * b,
                Operation.Div => IntegerArithmetic.DivideUnsigned(a, b),
                Operation.SDiv => (uint)IntegerArithmetic.DivideSigned((int)a, (int)b),
                Operation.Mod => IntegerArithmetic.RemainderUnsigned(a, b),
                Operation.SMod => (uint)IntegerArithmetic.RemainderSigned((int)a, (int)b),
                Operation.Or => a | b,
                Operation.And => a & b,
                Operation.Xor => a ^ b,
                Operation.Lsh => IntegerArithmetic.ShiftLeft(a, b),
                Operation.Rsh => IntegerArithmetic.ShiftRightLogical(a, b),
                Operation.Arsh => IntegerArithmetic.ShiftRightArithmetic(a, b),
                Operation.Neg => (uint)-(int)a,
                Operation.Mov => b,
                _ => throw new InvalidOperationException($"no rule for {row.Opcode}"),
            };
        }
        return row.Operation switch
        {
            Operation.Add => left + right,
            Operation.Sub => left - right,
            Operation.Mul => left * right,
            Operation.Div => IntegerArithmetic.DivideUnsigned(left, right),
            Operation.SDiv => (ulong)IntegerArithmetic.DivideSigned((long)left, (long)right),
            Operation.Mod => IntegerArithmetic.RemainderUnsigned(left, right),
            Operation.SMod => (ulong)IntegerArithmetic.RemainderSigned((long)left, (long)right),
            Operation.Or => left | right,
            Operation.And => left & right,
            Operation.Xor => left ^ right,
            Operation.Lsh => IntegerArithmetic.ShiftLeft(left, right),
            Operation.Rsh => IntegerArithmetic.ShiftRightLogical(left, right),
            Operation.Arsh => IntegerArithmetic.ShiftRightArithmetic(left, right),
            Operation.Neg => (ulong)-(long)left,
            Operation.Mov => right,
            _ => throw new InvalidOperationException($"no rule for {row.Opcode}"),
        };
    }
}
