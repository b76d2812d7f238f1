// The kernel's own cases for interpreters and JITs (lib/test_bpf.c), taken from Debian's source package when tests run. The
// table is C with macros and functions that fill large programs, so C reads it: a small program of ours provides what the file
// expects of a kernel, includes the table and writes the cases to a file. Nothing of the kernel's text comes into the
// repository; the cut-out tables and the file of cases lie in the cache.
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Ebpfcc.Ebpf.Classic;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.TestSupport;

/// <summary>One run of a case: how much of its data there is, and what must come out.</summary>
public readonly record struct KernelJitRun(int DataSize, uint Result);

/// <summary>A case of the main table.</summary>
public sealed record KernelJitCase(int Number, string Name, int Flags, byte[] Code, byte[] Data, byte[] Fragment, IReadOnlyList<KernelJitRun> Runs)
{
    public bool HasNoData => (Flags & 1) != 0;

    /// <summary>The classic checker must refuse it.</summary>
    public bool IsRefused => (Flags & 2) != 0;

    public bool HasFragment => (Flags & 4) != 0;

    /// <summary>The program gets plain memory of the data's size instead of a packet.</summary>
    public bool HasPlainMemory => (Flags & 16) != 0;

    public bool IsClassic => (Flags & 64) != 0;

    public ClassicInstruction[] Classic => MemoryMarshal.Cast<byte, ClassicInstruction>(Code).ToArray();

    public EbpfInstruction[] Instructions => MemoryMarshal.Cast<byte, EbpfInstruction>(Code).ToArray();

    public override string ToString() => $"#{Number} {Name}";
}

/// <summary>A case of the tail call table; calls lead to other cases by their distance in the table.</summary>
public sealed record KernelTailCallCase(int Number, string Name, int Flags, int Result, byte[] Code)
{
    /// <summary>R1 points at a 32-bit integer, zero at first.</summary>
    public bool NeedsState => (Flags & 1) != 0;

    public bool HasResultInState => (Flags & 2) != 0;

    public EbpfInstruction[] Instructions => MemoryMarshal.Cast<byte, EbpfInstruction>(Code).ToArray();
}

public static class KernelJitCases
{
    /// <summary>The kernel runs every case this often, and counts on it where state is kept.</summary>
    public const int Repeats = 1000;

    private static readonly Lazy<(List<KernelJitCase>, List<KernelTailCallCase>)> s_cases = new(Read);

    /// <summary>The main table; tests ask for <see cref="Oracle.LinuxSource612"/>, <see cref="Oracle.Gcc"/> and <see cref="Oracle.UapiHeaders"/> first.</summary>
    public static IReadOnlyList<KernelJitCase> All => s_cases.Value.Item1;

    public static IReadOnlyList<KernelTailCallCase> TailCalls => s_cases.Value.Item2;

    private static (List<KernelJitCase>, List<KernelTailCallCase>) Read()
    {
        string name = "test-bpf-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Harness)))[..12];
        string file = Path.Combine(Repository.Cache, name + ".cases");
        if (!File.Exists(file))
            Make(name, file);
        using var reader = new BinaryReader(File.OpenRead(file), Encoding.UTF8);
        var cases = new List<KernelJitCase>();
        for (int count = reader.ReadInt32(), i = 0; i < count; i++)
        {
            string title = Encoding.UTF8.GetString(Bytes(reader));
            int flags = reader.ReadInt32();
            byte[] code = Bytes(reader), data = Bytes(reader), fragment = Bytes(reader);
            var runs = new List<KernelJitRun>();
            for (int n = 0; n < 3; n++)
            {
                var run = new KernelJitRun(reader.ReadInt32(), reader.ReadUInt32());
                // The first run always counts; further ones end at an empty one.
                if (n == 0 || (runs.Count == n && run != default))
                    runs.Add(run);
            }
            cases.Add(new KernelJitCase(i, title, flags, code, data, fragment, runs));
        }
        var tailCalls = new List<KernelTailCallCase>();
        for (int count = reader.ReadInt32(), i = 0; i < count; i++)
            tailCalls.Add(new KernelTailCallCase(i, Encoding.UTF8.GetString(Bytes(reader)), reader.ReadInt32(), reader.ReadInt32(), Bytes(reader)));
        return (cases, tailCalls);
    }

    private static byte[] Bytes(BinaryReader reader) => reader.ReadBytes(reader.ReadInt32());

    private static void Make(string name, string file)
    {
        string source = LinuxSource.File("6.12", "lib/test_bpf.c"), tools = Path.Combine(LinuxSource.Folder("6.12"), "tools", "include");
        string folder = Directory.CreateDirectory(Path.Combine(Repository.Cache, $"{name}-{Environment.ProcessId}")).FullName;
        string text = File.ReadAllText(source);
        // The tables end where code that runs them on kernel structures begins.
        File.WriteAllText(Path.Combine(folder, "table.h"), text[..text.IndexOf("static struct net_device dev;", StringComparison.Ordinal)]);
        int tail = text.IndexOf("struct tail_call_test {", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder, "tail.h"), text[tail..text.IndexOf("static void __init destroy_tail_call_tests", StringComparison.Ordinal)]);
        Directory.CreateDirectory(Path.Combine(folder, "linux"));
        foreach (string header in (string[])["init", "module", "skbuff", "netdevice", "if_vlan", "random", "highmem", "sched"])
            File.WriteAllText(Path.Combine(folder, "linux", header + ".h"), "");
        File.WriteAllText(Path.Combine(folder, "dump.c"), Harness);
        string program = Path.Combine(folder, "dump"), part = Path.Combine(folder, "cases");
        (int code, _, string error) = Oracles.Run(Oracles.Program(Oracle.Gcc), ["-w", "-I", folder, "-I", tools, "-I", Path.Combine(tools, "uapi"), "-o", program, Path.Combine(folder, "dump.c")]);
        if (code != 0)
            throw new InvalidOperationException($"the harness for test_bpf.c does not compile: {error}");
        (code, _, error) = Oracles.Run(program, [part]);
        if (code != 0)
            throw new InvalidOperationException($"the harness for test_bpf.c fails: {error}");
        File.Move(part, file, overwrite: true);
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Macros and functions that the tables use, and the writer of the file that <see cref="Read"/> reads.</summary>
    private const string Harness = """
        #include <stdbool.h>
        #include <stddef.h>
        #include <stdint.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <errno.h>
        #include <linux/types.h>
        typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;
        typedef int8_t s8; typedef int16_t s16; typedef int32_t s32; typedef int64_t s64;
        #include "/usr/include/linux/filter.h"
        #include <linux/filter.h>
        #undef __BIG_ENDIAN
        #undef BIT
        #define BIT(n) (1u << (n))
        #undef ARRAY_SIZE
        #define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
        #undef min
        #define min(a, b) ((a) < (b) ? (a) : (b))
        #undef max
        #define max(a, b) ((a) > (b) ? (a) : (b))
        #undef BUG_ON
        #define BUG_ON(condition) do { if (condition) abort(); } while (0)
        static u64 div64_u64(u64 a, u64 b) { return a / b; }
        static u64 div64_u64_rem(u64 a, u64 b, u64 *rest) { *rest = a % b; return a / b; }
        #define __init
        #define GFP_KERNEL 0
        #define kmalloc_array(n, size, flags) calloc(n, size)
        #define kmalloc(size, flags) calloc(1, size)
        #define kzalloc(size, flags) calloc(1, size)
        #define kfree(p) free(p)
        #define pr_info(...)
        #define pr_err(...)
        #define pr_cont(...)
        #undef cpu_to_be16
        #undef cpu_to_be32
        #undef cpu_to_be64
        #undef cpu_to_le16
        #undef cpu_to_le32
        #undef cpu_to_le64
        #define cpu_to_be16(x) __builtin_bswap16(x)
        #define cpu_to_be32(x) __builtin_bswap32(x)
        #define cpu_to_be64(x) __builtin_bswap64(x)
        #define cpu_to_le16(x) ((u16)(x))
        #define cpu_to_le32(x) ((u32)(x))
        #define cpu_to_le64(x) ((u64)(x))
        #define S64_MAX INT64_MAX
        #define S32_MAX INT32_MAX
        #define S32_MIN INT32_MIN
        #define S16_MAX INT16_MAX
        #define S16_MIN INT16_MIN
        #define U32_MAX UINT32_MAX
        #define ETH_P_IP 0x0800
        #define MAX_TAIL_CALL_CNT 33
        #define BPF_TAIL_CALL 0xf0
        #define BPF_CALL_1(name, t, a) static u64 name(t a)
        #undef __BPF_STMT
        #undef __BPF_JUMP
        #define __BPF_STMT(CODE, K) ((struct sock_filter) { .code = CODE, .k = K })
        #define __BPF_JUMP(CODE, K, JT, JF) ((struct sock_filter) { .code = CODE, .jt = JT, .jf = JF, .k = K })
        #define INSN(CODE, DST, SRC, OFF, IMM) ((struct bpf_insn) { .code = CODE, .dst_reg = DST, .src_reg = SRC, .off = OFF, .imm = IMM })
        #define BPF_BSWAP(DST, LEN) INSN(0xd7, DST, 0, 0, LEN)
        #define BPF_ALU64_IMM_OFF(OP, DST, IMM, OFF) INSN(0x07 | OP, DST, 0, OFF, IMM)
        #define BPF_ALU32_IMM_OFF(OP, DST, IMM, OFF) INSN(0x04 | OP, DST, 0, OFF, IMM)
        #define BPF_ALU64_REG_OFF(OP, DST, SRC, OFF) INSN(0x0f | OP, DST, SRC, OFF, 0)
        #define BPF_ALU32_REG_OFF(OP, DST, SRC, OFF) INSN(0x0c | OP, DST, SRC, OFF, 0)
        #define BPF_LDX_MEMSX(SIZE, DST, SRC, OFF) INSN(0x81 | SIZE, DST, SRC, OFF, 0)
        #define BPF_MOVSX64_REG(DST, SRC, OFF) INSN(0xbf, DST, SRC, OFF, 0)
        #define BPF_MOVSX32_REG(DST, SRC, OFF) INSN(0xbc, DST, SRC, OFF, 0)
        /* The verifier's mark for an explicit zero extension: w = w, with 1 for an immediate in the kernel, which means nothing elsewhere. */
        #define BPF_ZEXT_REG(DST) INSN(0xbc, DST, DST, 0, 0)
        /* L'Ecuyer's combined Tausworthe generator (Mathematics of Computation 68, 1999). */
        struct rnd_state { u32 s[4]; };
        static u32 seeded(u32 x, u32 m) { return x < m ? x + m : x; }
        static void prandom_seed_state(struct rnd_state *r, u64 seed)
        {
            u32 i = (u32)((seed >> 32) ^ (seed << 10) ^ seed);
            r->s[0] = seeded(i, 2); r->s[1] = seeded(i, 8); r->s[2] = seeded(i, 16); r->s[3] = seeded(i, 128);
        }
        static u32 prandom_u32_state(struct rnd_state *r)
        {
        #define STEP(s, a, b, c, d) (((s & c) << d) ^ (((s << a) ^ s) >> b))
            r->s[0] = STEP(r->s[0], 6, 13, 4294967294u, 18);
            r->s[1] = STEP(r->s[1], 2, 27, 4294967288u, 2);
            r->s[2] = STEP(r->s[2], 13, 21, 4294967280u, 7);
            r->s[3] = STEP(r->s[3], 3, 12, 4294967168u, 13);
            return r->s[0] ^ r->s[1] ^ r->s[2] ^ r->s[3];
        }
        #include "table.h"
        #include "tail.h"
        static FILE *out;
        static void number(u32 n) { fwrite(&n, 4, 1, out); }
        static void bytes(const void *p, u32 n) { number(n); fwrite(p, 1, n, out); }
        int main(int argc, char **argv)
        {
            out = fopen(argv[1], "wb");
            if (!out)
                return 1;
            number(ARRAY_SIZE(tests));
            for (int i = 0; i < (int)ARRAY_SIZE(tests); i++) {
                struct bpf_test *t = &tests[i];
                if (t->fill_helper && t->fill_helper(t) < 0)
                    return 1;
                const u64 *code = t->fill_helper ? t->u.ptr.insns : (const void *)t->u.insns;
                int length = t->fill_helper ? t->u.ptr.len : MAX_INSNS;
                /* Trailing zeros of the table's array are no instructions; the second half of a wide one may look like zeros too. */
                if (!t->fill_helper)
                    for (; length > 1; length--) {
                        const struct sock_filter *last = (const void *)&code[length - 1];
                        if (last->code != 0 || last->k != 0)
                            break;
                    }
                bytes(t->descr, strlen(t->descr));
                number(t->aux);
                bytes(code, length * 8);
                bytes(t->data, MAX_DATA);
                bytes(t->frag_data, MAX_DATA);
                for (int n = 0; n < MAX_SUBTESTS; n++) {
                    number(t->test[n].data_size);
                    number(t->test[n].result);
                }
            }
            number(ARRAY_SIZE(tail_call_tests));
            for (int i = 0; i < (int)ARRAY_SIZE(tail_call_tests); i++) {
                struct tail_call_test *t = &tail_call_tests[i];
                int length = 0;
                for (; length < MAX_INSNS; length++) {
                    if (length < MAX_INSNS - 1 && t->insns[length].code == 0x18)
                        length++;
                    else if (t->insns[length].code == 0)
                        break;
                }
                bytes(t->descr, strlen(t->descr));
                number(t->flags);
                number(t->result);
                bytes(t->insns, length * 8);
            }
            return fclose(out) != 0;
        }
        """;
}
