// The verifier on small programs, one rule each: what must be accepted, and what must be refused with which words.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Verification;
using Xunit;
using static Ebpfcc.Runtime.Tests.Verification.ProgramSource;

namespace Ebpfcc.Runtime.Tests.Verification;

public class VerifierTests
{
    private static readonly MapDefinition s_hash48 = new("hash", (int)MapType.Hash, 8, 48, 4);

    private const string Lookup = """
        r2 = r10
        r2 += -8
        *(u64 *)(r2 + 0) = 0
        r1 = MAP0 ll
        call 1
        """;

    private const string PacketStart = """
        r2 = *(u32 *)(r1 + 0)
        r3 = *(u32 *)(r1 + 4)
        """;

    [Fact]
    public void A_constant_result_is_accepted() => Accepts("r0 = 0\nexit");

    [Theory]
    [InlineData("R0 !read_ok", "exit")]
    [InlineData("R2 !read_ok", "r0 = r2\nexit")]
    [InlineData("R1 !read_ok", "call 5\nr0 = r1\nexit")]
    [InlineData("frame pointer is read only", "r10 = 0\nr0 = 0\nexit")]
    [InlineData("unreachable insn 2", "r0 = 0\nexit\nr0 = 1\nexit")]
    [InlineData("last insn is not an exit or jmp", "r0 = 0\nr0 = 1")]
    [InlineData("div by zero", "r0 = 1\nr0 /= 0\nexit")]
    [InlineData("invalid shift 64", "r0 = 1\nr0 <<= 64\nexit")]
    [InlineData("invalid func unknown#9999", "call 9999\nexit")]
    [InlineData("R1 invalid mem access 'scalar'", "r1 = 5\nr0 = *(u64 *)(r1 + 0)\nexit")]
    [InlineData("invalid write to stack R10 off=8 size=8", "r0 = 0\n*(u64 *)(r10 + 8) = r0\nexit")]
    [InlineData("invalid write to stack R10 off=-520 size=8", "r0 = 0\n*(u64 *)(r10 - 520) = r0\nexit")]
    [InlineData("misaligned stack access off 0+0+-4 size 8", "r0 = 0\n*(u64 *)(r10 - 4) = r0\nexit")]
    [InlineData("R2 subtraction from stack pointer prohibited", "r2 = r10\nr2 -= 8\nr0 = 0\nexit")]
    [InlineData("R1 pointer arithmetic with *= operator prohibited", "r1 *= 2\nr0 = 0\nexit")]
    [InlineData("infinite loop detected", "r0 = 0\nl: goto l")]
    [InlineData("dereference of modified ctx ptr R1 off=8 disallowed", "r1 += 8\nr0 = *(u32 *)(r1 + 0)\nexit")]
    [InlineData("invalid bpf_context access off=400 size=4", "r0 = *(u32 *)(r1 + 400)\nexit")]
    public void A_rule_is_broken(string message, string program) => Rejects(message, program);

    [Fact]
    public void A_counted_loop_is_walked_to_its_end()
    {
        VerificationResult result = Verify("r0 = 0\nl: r0 += 1\nif r0 < 100 goto l\nexit");
        Assert.True(result.IsAccepted, result.Rejection?.Message);
        Assert.True(result.Statistics.ProcessedInstructions > 200);
    }

    [Fact]
    public void A_map_value_needs_a_null_check()
    {
        Rejects("R0 invalid mem access 'map_value_or_null'", Lookup + "\nr0 = *(u64 *)(r0 + 0)\nexit", maps: s_hash48);
        Accepts(Lookup + "\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 + 40)\nout: exit".Replace("out: exit", "out: r0 = 0\nexit"), maps: s_hash48);
        Rejects("invalid access to map value, value_size=48 off=44 size=8", Lookup + "\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 + 44)\nout: r0 = 0\nexit", maps: s_hash48);
        Rejects("R0 min value is outside of the allowed memory range", Lookup + "\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 + 44)\nout: r0 = 0\nexit", maps: s_hash48);
    }

    [Fact]
    public void A_variable_index_needs_an_upper_bound()
    {
        const string Load = Lookup + "\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\nCHECK\nr1 <<= 3\nr0 += r1\nr0 = *(u64 *)(r0 + 0)\nout: r0 = 0\nexit";
        Accepts(Load.Replace("CHECK", "if r1 > 5 goto out"), maps: s_hash48);
        Rejects("R0 max value is outside of the allowed memory range", Load.Replace("CHECK", "if r1 > 6 goto out"), maps: s_hash48);
        Rejects("R0 unbounded memory access", Load.Replace("CHECK\nr1 <<= 3", "r1 >>= 1"), maps: s_hash48);
        Accepts(Load.Replace("CHECK", "r1 &= 3"), maps: s_hash48);
    }

    [Fact]
    public void Packet_accesses_need_a_check_on_the_same_pointer()
    {
        string use = "\nr4 = r2\nr4 += 14\nif r4 > r3 goto out\nr0 = *(u8 *)(r2 + OFF)\nout: r0 = 2\nexit";
        Accepts(PacketStart + use.Replace("OFF", "13"), ProgramType.Xdp);
        Rejects("R2 offset is outside of the packet", PacketStart + use.Replace("OFF", "14"), ProgramType.Xdp);
        Rejects("invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)", PacketStart + "\nr0 = *(u8 *)(r2 + 0)\nexit", ProgramType.Xdp);
    }

    [Theory]
    [InlineData("if r4 > r3 goto out", true)]
    [InlineData("if r4 >= r3 goto out", true)]
    [InlineData("if r3 < r4 goto out", true)]
    [InlineData("if r3 <= r4 goto out", true)]
    [InlineData("if r4 <= r3 goto ok\ngoto out\nok:", true)]
    [InlineData("if r4 < r3 goto ok\ngoto out\nok:", true)]
    [InlineData("if r3 >= r4 goto ok\ngoto out\nok:", true)]
    [InlineData("if r3 > r4 goto ok\ngoto out\nok:", true)]
    [InlineData("if r4 < r3 goto out", false)]
    [InlineData("if r4 == r3 goto out", false)]
    public void Every_form_of_comparison_with_the_packet_end_teaches(string check, bool isAccepted)
    {
        VerificationResult result = Verify($"{PacketStart}\nr4 = r2\nr4 += 8\n{check}\nr0 = *(u64 *)(r2 + 0)\nout: r0 = 2\nexit", ProgramType.Xdp);
        Assert.True(result.IsAccepted == isAccepted, result.Rejection?.Message ?? "accepted");
    }

    [Fact]
    public void Spilled_pointers_come_back_whole()
    {
        Accepts("*(u64 *)(r10 - 8) = r1\nr2 = *(u64 *)(r10 - 8)\nr0 = *(u32 *)(r2 + 0)\nexit");
        Rejects("R2 invalid mem access 'scalar'", "*(u64 *)(r10 - 8) = r1\n*(u8 *)(r10 - 7) = 1\nr2 = *(u64 *)(r10 - 8)\nr0 = *(u32 *)(r2 + 0)\nexit");
    }

    [Fact]
    public void Helpers_check_their_arguments()
    {
        Rejects("R2 type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_", "r1 = MAP0 ll\nr2 = 0\ncall 1\nr0 = 0\nexit", maps: s_hash48);
        Rejects("R1 type=fp expected=map_ptr", "r2 = r10\nr2 += -8\n*(u64 *)(r2 + 0) = 0\nr1 = r2\ncall 1\nr0 = 0\nexit", maps: s_hash48);
        Rejects("cannot pass map_type 1 into func bpf_tail_call#12", "r2 = MAP0 ll\nr3 = 0\ncall 12\nr0 = 0\nexit", maps: s_hash48);
        Rejects("program of this type cannot use helper bpf_redirect#23", "r1 = 0\nr2 = 0\ncall 23\nr0 = 0\nexit");
    }

    [Fact]
    public void Local_functions_see_their_arguments_and_callers_stack()
    {
        Accepts("r1 = r10\nr1 += -8\n*(u64 *)(r1 + 0) = 7\ncall f\nexit\nf: r0 = *(u64 *)(r1 + 0)\nexit");
        Rejects("R6 !read_ok", "r6 = 1\ncall f\nexit\nf: r0 = r6\nexit");
        Rejects("the call stack of 9 frames is too deep", "call f\nexit\nf: call f\nexit");
        Rejects("combined stack size of 2 calls is 528. Too large", "r0 = 0\n*(u64 *)(r10 - 512) = r0\ncall f\nexit\nf: *(u64 *)(r10 - 8) = 0\nr0 = 0\nexit");
    }

    [Fact]
    public void Loads_of_packet_pointers_are_rewritten_to_the_native_context()
    {
        VerificationResult result = Verify(PacketStart + "\nr0 = 2\nexit", ProgramType.Xdp);
        Assert.True(result.IsAccepted);
        Assert.Equal("(79) r2 = *(u64 *)(r1 +24)", Ebpfcc.Ebpf.Isa.Disassembler.Format(result.Program!.Instructions[0], Ebpfcc.Ebpf.Isa.DisassemblyOptions.Kernel));
        Assert.Equal("(79) r3 = *(u64 *)(r1 +32)", Ebpfcc.Ebpf.Isa.Disassembler.Format(result.Program!.Instructions[1], Ebpfcc.Ebpf.Isa.DisassemblyOptions.Kernel));
    }
}
