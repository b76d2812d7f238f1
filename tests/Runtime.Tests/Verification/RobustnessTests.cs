// No program, however damaged, makes the verifier throw or hang: random programs with random changes, and random bytes.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Fuzzing;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.Runtime.Verification;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class RobustnessTests
{
    private static readonly int s_programs = int.TryParse(Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_ROBUST"), out int asked) ? asked : 2000;

    [Fact]
    public void Damaged_programs_get_an_answer()
    {
        var map = (IMap)MapFactory.Create(new MapDefinition("values", (int)MapType.Array, 4, 64, 4), GuestHeap.Shared);
        int rejected = 0;
        for (int seed = 0; seed < s_programs; seed++)
        {
            var random = new Random(seed);
            GeneratedProgram program = ProgramGenerator.Generate(seed);
            EbpfInstruction[] code = ProgramDamage.Apply(program.Code, random);
            if (!Answer(code, seed % 5 == 0 ? (ProgramType)random.Next(40) : program.Type, seed % 7 != 0, map))
                rejected++;
        }
        Assert.True(rejected > s_programs / 3);
        map.Dispose();
    }

    [Fact]
    public void Random_bytes_get_an_answer()
    {
        for (int seed = 0; seed < s_programs; seed++)
        {
            var random = new Random(seed);
            var code = new EbpfInstruction[random.Next(1, 12)];
            random.NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(code.AsSpan()));
            Answer(code, ProgramType.SocketFilter, true, null);
        }
    }

    private static bool Answer(EbpfInstruction[] code, ProgramType type, bool isPrivileged, IMap? map)
    {
        var program = new LoadedProgram
        {
            Name = "damaged", ProgramType = (int)type, Instructions = code, Subprograms = [new Subprogram("damaged", 0, true, 0)], License = "GPL", Maps = map is null ? [] : [map],
        };
        VerificationResult result = Verifier.Verify(program, new VerifierOptions { InstructionLimit = 20_000, IsPrivileged = isPrivileged });
        Assert.True(result.IsAccepted || result.Rejection!.Message.Length > 0);
        return result.IsAccepted;
    }
}
