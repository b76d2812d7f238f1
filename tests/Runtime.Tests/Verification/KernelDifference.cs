// Random programs, verified here and by the running kernel: what the kernel refuses must not be accepted here. Runs only when
// asked: EBPFCC_VERIFIER_FUZZ is the number of programs, EBPFCC_VERIFIER_SEED the first seed, EBPFCC_VERIFIER_OUT a file for the
// differences; EBPFCC_VERIFIER_DAMAGE breaks the programs, EBPFCC_VERIFIER_KFUNC makes them call kernel functions. Programs are loaded, never attached or run.
using System.Runtime.InteropServices;
using System.Text;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.Runtime.Verification;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class KernelDifference
{
    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static extern unsafe long SysCall(long number, long command, void* attributes, long size);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int descriptor);

    private const uint Sleepable = 16;

    private static readonly MapDefinition s_map = new("values", (int)MapType.Array, 4, 64, 4);

    [Fact]
    public void Compare()
    {
        if (!int.TryParse(Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_FUZZ"), out int count))
            return;
        int seed = int.TryParse(Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_SEED"), out int given) ? given : 1;
        BtfReader? calls = Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_KFUNC") is { Length: > 0 } ? KernelInformation.RunningKernelTypes() : null;
        int map = MakeMap();
        var text = new StringBuilder();
        int accepted = 0, weAccept = 0, kernelAccepts = 0, sameCount = 0;
        for (int i = 0; i < count; i++)
        {
            var random = new Random(seed + i);
            EbpfInstruction[] code = calls is not null ? RandomKfuncProgram.Generate(random, calls, out ProgramType type) : RandomProgram.Generate(random, out type);
            if (Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_DAMAGE") is { Length: > 0 })
                code = RandomProgram.Damage(code, random);
            var program = new LoadedProgram
            {
                Name = "fuzz", ProgramType = (int)type, Instructions = code, Subprograms = [new Subprogram("fuzz", 0, true, 0)], License = "GPL",
                Flags = type == ProgramType.Syscall ? Sleepable : 0,
                Maps = [MapFactory.Create(s_map, GuestHeap.Shared)],
            };
            VerificationResult result = Verifier.Verify(program, new VerifierOptions { KernelTypes = KernelInformation.RunningKernelTypes });
            (bool ok, string log) = Load(code, type, map);
            if (ok && result.IsAccepted)
            {
                accepted++;
                if (log.Contains($"processed {result.Statistics.ProcessedInstructions} insns", StringComparison.Ordinal))
                    sameCount++;
                else if (accepted - sameCount < 12)
                    Describe(text, code, $"seed {seed + i} {type}: we process {result.Statistics.ProcessedInstructions}; kernel: {LastLines(log)}");
                continue;
            }
            if (ok == result.IsAccepted)
                continue;
            weAccept += result.IsAccepted ? 1 : 0;
            kernelAccepts += ok ? 1 : 0;
            if (result.IsAccepted || kernelAccepts < 20)
            {
                Describe(text, code, $"seed {seed + i} {type}: {(ok ? "kernel accepts" : "WE ACCEPT")}; ours: {result.Rejection?.Message}; kernel: {LastLines(log)}");
            }
        }
        Close(map);
        text.AppendLine($"{count} programs: both accept {accepted} (same count {sameCount}), only we accept {weAccept}, only the kernel accepts {kernelAccepts}");
        File.WriteAllText(Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_OUT") ?? "/tmp/fuzz.txt", text.ToString());
    }

    private static void Describe(StringBuilder text, EbpfInstruction[] code, string what)
    {
        text.AppendLine("==== " + what);
        for (int slot = 0; slot < code.Length; slot += code[slot].IsWide ? 2 : 1)
            text.AppendLine($"{slot}: {Disassembler.Format(code, slot, DisassemblyOptions.Kernel)}");
    }

    private static string LastLines(string log) => string.Join(" | ", log.Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(3));

    private static unsafe int MakeMap()
    {
        byte* attributes = stackalloc byte[128];
        new Span<byte>(attributes, 128).Clear();
        *(uint*)attributes = (uint)s_map.Type;
        *(uint*)(attributes + 4) = (uint)s_map.KeySize;
        *(uint*)(attributes + 8) = (uint)s_map.ValueSize;
        *(uint*)(attributes + 12) = (uint)s_map.MaxEntries;
        return (int)SysCall(321, 0, attributes, 128);
    }

    private static unsafe (bool, string) Load(EbpfInstruction[] code, ProgramType type, int map)
    {
        EbpfInstruction[] patched = [.. code.Select(each => each is { IsWide: true, Src: 1, Immediate: 0 } ? each.WithImmediate(map) : each)];
        byte* attributes = stackalloc byte[128];
        new Span<byte>(attributes, 128).Clear();
        byte[] log = new byte[1 << 16];
        fixed (EbpfInstruction* instructions = patched)
        fixed (byte* license = "GPL\0"u8, buffer = log)
        {
            *(uint*)attributes = (uint)type;
            *(uint*)(attributes + 4) = (uint)patched.Length;
            *(EbpfInstruction**)(attributes + 8) = instructions;
            *(byte**)(attributes + 16) = license;
            *(uint*)(attributes + 24) = 1;
            *(uint*)(attributes + 44) = type == ProgramType.Syscall ? Sleepable : 0;
            *(uint*)(attributes + 28) = (uint)log.Length;
            *(byte**)(attributes + 32) = buffer;
            long descriptor = SysCall(321, 5, attributes, 128);
            if (descriptor >= 0)
                Close((int)descriptor);
            return (descriptor >= 0, Encoding.UTF8.GetString(log.AsSpan(0, Math.Max(0, Array.IndexOf(log, (byte)0)))));
        }
    }
}

/// <summary>Programs that often verify: registers hold numbers, the context, the stack, a map value, or packet pointers.</summary>
internal static class RandomProgram
{
    /// <summary>Changes a few instructions at random.</summary>
    public static EbpfInstruction[] Damage(EbpfInstruction[] code, Random random)
    {
        code = (EbpfInstruction[])code.Clone();
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            int slot = random.Next(code.Length);
            EbpfInstruction old = code[slot];
            code[slot] = random.Next(9) switch
            {
                0 => old.WithDst(random.Next(12)),
                1 => old.WithSrc(random.Next(12)),
                2 => old.WithOffset((short)random.Next(-20, 20)),
                3 => old.WithImmediate(random.Next(-20, 220)),
                4 => old.WithCode((byte)random.Next(256)),
                5 => code[random.Next(code.Length)],
                6 => OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: random.Next(1, 212)),
                7 => new EbpfInstruction(OpcodeTable.Rows[random.Next(1, OpcodeTable.Rows.Length)].Code, random.Next(11), random.Next(11), (short)random.Next(-8, 8), random.Next(-8, 64)),
                _ => OpcodeTable.Encode(EbpfOpcode.Add64Imm, random.Next(11), 0, 0, random.Next(-16, 16)),
            };
        }
        return code;
    }

    public static EbpfInstruction[] Generate(Random random, out ProgramType type)
    {
        bool packet = random.Next(3) == 0;
        type = packet ? ProgramType.Xdp : ProgramType.SocketFilter;
        var code = new List<EbpfInstruction>();
        void Emit(EbpfOpcode opcode, int dst = 0, int src = 0, int offset = 0, int immediate = 0) => code.Add(OpcodeTable.Encode(opcode, dst, src, offset, immediate));
        // r6: context; r7: map value or null-checked; r8, r9: numbers; r2, r3: packet pointers in packet programs.
        Emit(EbpfOpcode.Mov64Reg, 6, 1);
        Emit(EbpfOpcode.StoreImm32, 10, 0, -4, random.Next(4));
        Emit(EbpfOpcode.Mov64Reg, 2, 10);
        Emit(EbpfOpcode.Add64Imm, 2, 0, 0, -4);
        code.Add(OpcodeTable.Encode(EbpfOpcode.LoadMapFd, 1));
        code.Add(default);
        Emit(EbpfOpcode.CallHelper, immediate: 1);
        Emit(EbpfOpcode.Jne64Imm, 0, 0, 2, 0);
        Emit(EbpfOpcode.Mov64Imm, 0);
        Emit(EbpfOpcode.Exit);
        Emit(EbpfOpcode.Mov64Reg, 7, 0);
        Emit(EbpfOpcode.Load64, 8, 7, random.Next(8) * 8);
        Emit(EbpfOpcode.Load32, 9, 7, random.Next(16) * 4);
        if (packet)
        {
            Emit(EbpfOpcode.Load32, 2, 6, 0);
            Emit(EbpfOpcode.Load32, 3, 6, 4);
        }
        Emit(EbpfOpcode.Mov64Imm, 0, 0, 0, random.Next(16));
        Emit(EbpfOpcode.Mov64Imm, 4, 0, 0, random.Next());
        Emit(EbpfOpcode.Mov64Reg, 5, 8);
        int body = random.Next(4, 28);
        int[] numbers = [0, 4, 5, 8, 9];
        int Number() => numbers[random.Next(numbers.Length)];
        int Small() => random.Next(6) switch { 0 => random.Next(64), 1 => 1 << random.Next(31), 2 => -random.Next(64), 3 => (1 << random.Next(31)) - 1, 4 => random.Next(), _ => random.Next(8) };
        for (int i = 0; i < body; i++)
        {
            int left = body - i;
            switch (random.Next(14))
            {
                case < 5:
                    EbpfOpcode[] families = [EbpfOpcode.Add64Imm, EbpfOpcode.Sub64Imm, EbpfOpcode.Mul64Imm, EbpfOpcode.Or64Imm, EbpfOpcode.And64Imm, EbpfOpcode.Xor64Imm,
                        EbpfOpcode.Mov64Imm, EbpfOpcode.Lsh64Imm, EbpfOpcode.Rsh64Imm, EbpfOpcode.Arsh64Imm, EbpfOpcode.Div64Imm, EbpfOpcode.Mod64Imm, EbpfOpcode.And64Imm, EbpfOpcode.Mov64Imm];
                    EbpfOpcode family = families[random.Next(families.Length)];
                    int form = random.Next(4);
                    OpcodeRow row = OpcodeTable.Get(family + form);
                    bool shift = row.Operation is Operation.Lsh or Operation.Rsh or Operation.Arsh;
                    int immediate = shift ? random.Next(row.Width) : row.Operation is Operation.Div or Operation.Mod ? random.Next(1, 100) : Small();
                    Emit(family + form, Number(), row.IsRegisterForm ? Number() : 0, 0, row.IsRegisterForm ? 0 : immediate);
                    break;
                case < 8:
                    EbpfOpcode[] jumps = [EbpfOpcode.Jeq64Imm, EbpfOpcode.Jgt64Imm, EbpfOpcode.Jge64Imm, EbpfOpcode.Jset64Imm, EbpfOpcode.Jne64Imm, EbpfOpcode.Jsgt64Imm,
                        EbpfOpcode.Jsge64Imm, EbpfOpcode.Jlt64Imm, EbpfOpcode.Jle64Imm, EbpfOpcode.Jslt64Imm, EbpfOpcode.Jsle64Imm];
                    EbpfOpcode jump = jumps[random.Next(jumps.Length)] + random.Next(4);
                    bool register = OpcodeTable.Get(jump).IsRegisterForm;
                    Emit(jump, Number(), register ? Number() : 0, random.Next(Math.Min(left, 6)), register ? 0 : Small());
                    break;
                case 8:
                    Emit(random.Next(2) == 0 ? EbpfOpcode.Mov64Reg : EbpfOpcode.MovSx32To64, Number(), Number());
                    break;
                case 9:
                    int slot = -8 * random.Next(1, 5);
                    Emit(EbpfOpcode.StoreReg64, 10, random.Next(4) == 0 ? 7 : Number(), slot);
                    Emit(EbpfOpcode.Load64, Number(), 10, random.Next(5) == 0 ? -8 : slot);
                    i++;
                    break;
                case 10:
                    // an access to the map's value at a checked place
                    int index = Number();
                    Emit(EbpfOpcode.Mov64Reg, 1, 7);
                    if (random.Next(2) == 0)
                        Emit(EbpfOpcode.And64Imm, index, 0, 0, random.Next(3) == 0 ? 63 : 31);
                    Emit(EbpfOpcode.Add64Reg, 1, index);
                    Emit(random.Next(2) == 0 ? EbpfOpcode.Load8 : EbpfOpcode.Load32, Number(), 1, random.Next(-4, 36));
                    i += 3;
                    break;
                case 11 when packet:
                    Emit(EbpfOpcode.Mov64Reg, 1, 2);
                    if (random.Next(2) == 0)
                        Emit(EbpfOpcode.Add64Reg, 1, Number());
                    Emit(EbpfOpcode.Mov64Reg, 4, 1);
                    Emit(EbpfOpcode.Add64Imm, 1, 0, 0, random.Next(40));
                    Emit(new[] { EbpfOpcode.Jgt64Reg, EbpfOpcode.Jge64Reg, EbpfOpcode.Jlt64Reg, EbpfOpcode.Jle64Reg }[random.Next(4)], random.Next(2) == 0 ? 1 : 3, 3, 1);
                    Emit(EbpfOpcode.Load8, Number(), random.Next(2) == 0 ? 4 : 1, random.Next(-4, 40));
                    Emit(EbpfOpcode.Mov64Imm, 4, 0, 0, 3);
                    i += 5;
                    break;
                case 12:
                    Emit(EbpfOpcode.Load32, Number(), 6, random.Next(8) * 4 % (packet ? 24 : 64));
                    break;
                default:
                    Emit(random.Next(2) == 0 ? EbpfOpcode.Neg64 : EbpfOpcode.ToBe16 + random.Next(3), Number());
                    break;
            }
        }
        for (int i = 0; i < 3; i++)
            Emit(EbpfOpcode.Mov64Reg, 1, 6);
        Emit(EbpfOpcode.Mov64Imm, 0, 0, 0, 1);
        Emit(EbpfOpcode.Exit);
        return [.. code];
    }
}
