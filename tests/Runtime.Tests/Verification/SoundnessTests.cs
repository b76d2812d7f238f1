// Accepted means safe: random programs that verify are executed step by step on random inputs. Every memory access must stay
// inside what it points at, and (with pruning switched off, so that every path has its states) the concrete registers must lie
// inside an abstract state that the verifier had at that instruction.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.Runtime.Verification;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class SoundnessTests
{
    private const int ValueSize = 64;

    private static readonly int s_programs = int.TryParse(Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_SOUND"), out int asked) ? asked : 1500;

    [Fact]
    public void Accepted_programs_never_touch_foreign_memory()
    {
        var map = (IMap)MapFactory.Create(new MapDefinition("values", (int)MapType.Array, 4, ValueSize, 4), GuestHeap.Shared);
        int accepted = 0;
        for (int seed = 0; seed < s_programs; seed++)
        {
            LoadedProgram program = Program(seed + 5_000_000, map);
            if (!Verifier.Verify(program).IsAccepted)
                continue;
            accepted++;
            for (int run = 0; run < 12; run++)
                new Machine(program, new Random(seed * 100 + run)).Run((_, _) => { }, seed);
        }
        Assert.True(accepted > s_programs / 8);
        map.Dispose();
    }

    [Fact]
    public void Concrete_registers_lie_inside_an_abstract_state()
    {
        var map = (IMap)MapFactory.Create(new MapDefinition("values", (int)MapType.Array, 4, ValueSize, 4), GuestHeap.Shared);
        for (int seed = 0; seed < s_programs / 3; seed++)
        {
            LoadedProgram program = Program(seed + 9_000_000, map);
            var states = new List<RegisterState[]>[program.Instructions.Length];
            var options = new VerifierOptions { InstructionLimit = 20_000, Observer = (slot, registers) => (states[slot] ??= []).Add([.. registers]), IsPruningOff = true };
            if (!Verifier.Verify(program, options).IsAccepted)
                continue;
            for (int run = 0; run < 8; run++)
            {
                new Machine(program, new Random(seed * 100 + run)).Run((slot, registers) =>
                {
                    Assert.True(states[slot] is not null, $"seed {seed}: slot {slot} was never walked");
                    Assert.True(states[slot].Exists(state => Contains(state, registers)), $"seed {seed}: slot {slot} is reached with {Describe(registers)}");
                }, seed);
            }
        }
        map.Dispose();
    }

    private static bool Contains(RegisterState[] state, ulong[] registers)
    {
        for (int i = 0; i < 10; i++)
        {
            if (state[i].IsScalar && !state[i].Value.Contains(registers[i]))
                return false;
        }
        return true;
    }

    private static string Describe(ulong[] registers) => string.Join(' ', registers.Select((value, i) => $"r{i}=0x{value:x}"));

    private static LoadedProgram Program(int seed, IMap map)
    {
        EbpfInstruction[] code = RandomProgram.Generate(new Random(seed), out ProgramType type);
        return new LoadedProgram
        {
            Name = "random", ProgramType = (int)type, Instructions = code, Subprograms = [new Subprogram("random", 0, true, 0)], License = "GPL", Maps = [map],
        };
    }

    /// <summary>A step-by-step machine with four regions far apart.</summary>
    private sealed class Machine(LoadedProgram program, Random random)
    {
        private const ulong Value = 0x1000_0000, StackTop = 0x2000_0000, Context = 0x3000_0000, Packet = 0x4000_0000;

        private readonly ulong[] _registers = new ulong[11];
        private readonly byte[] _value = Bytes(random, ValueSize);
        private readonly byte[] _stack = new byte[512];
        private readonly byte[] _packet = Bytes(random, random.Next(0, 64));
        private readonly byte[] _context = Bytes(random, 256);

        private static byte[] Bytes(Random random, int count)
        {
            var bytes = new byte[count];
            random.NextBytes(bytes);
            // Small and extreme numbers are where checks go wrong.
            for (int i = 0; i + 8 <= count; i += 8)
            {
                switch (random.Next(5))
                {
                    case 0:
                        BitConverter.TryWriteBytes(bytes.AsSpan(i), (long)random.Next(-40, 70));
                        break;
                    case 1:
                        BitConverter.TryWriteBytes(bytes.AsSpan(i), (random.Next(2) == 0 ? 0x80000000UL : 0x8000000000000000UL) + (ulong)random.Next(-3, 3));
                        break;
                }
            }
            return bytes;
        }

        public void Run(Action<int, ulong[]> atEachSlot, int seed)
        {
            _registers[1] = Context;
            _registers[10] = StackTop;
            for (int slot = 0, steps = 0; steps < 10_000; steps++)
            {
                EbpfInstruction instruction = program.Instructions[slot];
                OpcodeRow row = OpcodeTable.Find(instruction)!;
                atEachSlot(slot, _registers);
                ref ulong dst = ref _registers[instruction.Dst];
                ulong operand = row.IsRegisterForm ? _registers[instruction.Src] : (ulong)(long)instruction.Immediate;
                int size = row.Width / 8, next = slot + row.Slots;
                switch (row.Effect)
                {
                    case Effect.Exit:
                        return;
                    case Effect.Call:
                        _registers[0] = Value;
                        break;
                    case Effect.LoadImmediate:
                        dst = 0;
                        break;
                    case Effect.Load:
                        if (program.ProgramType == (int)ProgramType.Xdp && _registers[instruction.Src] == Context && instruction.Offset < 12)
                            dst = Packet + (instruction.Offset == 4 ? (ulong)_packet.Length : 0);
                        else
                            dst = Read(Find(_registers[instruction.Src] + (ulong)(long)instruction.Offset, size, seed, slot));
                        break;
                    case Effect.Store:
                        Write(Find(dst + (ulong)(long)instruction.Offset, size, seed, slot), operand);
                        break;
                    case Effect.Branch:
                        if (Holds(row.Operation, row.Width == 32, dst, operand))
                            next = slot + 1 + instruction.Offset;
                        break;
                    case Effect.Jump:
                        next = slot + 1 + instruction.Offset;
                        break;
                    default:
                        dst = row.Operation switch
                        {
                            Operation.Mov => row.Width == 64 ? operand : (uint)operand,
                            Operation.MovSx => row.Width == 64
                                ? (ulong)((long)(operand << (64 - instruction.Offset)) >> (64 - instruction.Offset))
                                : (uint)((int)((uint)operand << (32 - instruction.Offset)) >> (32 - instruction.Offset)),
                            Operation.Neg => row.Width == 64 ? 0 - dst : (uint)(0 - dst),
                            Operation.ToLe => Core.Numerics.IntegerArithmetic.ZeroExtend(dst, row.Width),
                            Operation.ToBe or Operation.Bswap => Core.Numerics.IntegerArithmetic.ByteSwap(dst, row.Width),
                            _ => ScalarArithmetic.Concrete(row.Operation, row.Width, dst, operand),
                        };
                        break;
                }
                slot = next;
            }
            Assert.Fail($"seed {seed}: an accepted program does not end");
        }

        private Span<byte> Find(ulong address, int size, int seed, int slot)
        {
            foreach ((ulong start, byte[] bytes) in new[] { (Value, _value), (StackTop - 512, _stack), (Context, _context), (Packet, _packet) })
            {
                if (address >= start && address - start + (ulong)size <= (ulong)bytes.Length)
                    return bytes.AsSpan((int)(address - start), size);
            }
            Assert.Fail($"seed {seed}: slot {slot} accesses 0x{address:x}, {size} bytes (packet of {_packet.Length})");
            return default;
        }

        private static ulong Read(ReadOnlySpan<byte> bytes)
        {
            ulong value = 0;
            for (int i = bytes.Length - 1; i >= 0; i--)
                value = value << 8 | bytes[i];
            return value;
        }

        private static void Write(Span<byte> bytes, ulong value)
        {
            for (int i = 0; i < bytes.Length; i++)
                bytes[i] = (byte)(value >> (8 * i));
        }

        private static bool Holds(Operation operation, bool low, ulong x, ulong y)
        {
            if (low)
                (x, y) = ((uint)x, (uint)y);
            long sx = low ? (int)x : (long)x, sy = low ? (int)y : (long)y;
            return operation switch
            {
                Operation.Jeq => x == y, Operation.Jne => x != y, Operation.Jgt => x > y, Operation.Jge => x >= y, Operation.Jlt => x < y, Operation.Jle => x <= y,
                Operation.Jsgt => sx > sy, Operation.Jsge => sx >= sy, Operation.Jslt => sx < sy, Operation.Jsle => sx <= sy, _ => (x & y) != 0,
            };
        }
    }
}
