// What a verified program needs of the world beside the instruction set. The verifier asks whether a kernel would take the
// program; this asks whether this process can run it, and is asked by every engine before it translates anything.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Runtime.Execution;

public static class RequiredSupport
{
    /// <param name="probesMemory">
    /// The engine guards loads through pointers to kernel objects, which may lead anywhere; one that does not must not run them.
    /// </param>
    /// <exception cref="GuestFaultException">The program calls a kernel function or a helper without an implementation, or has loads the engine cannot guard.</exception>
    public static void Check(VerifiedProgram program, ExecutionEnvironment environment, bool probesMemory)
    {
        EbpfInstruction[] instructions = program.Instructions;
        for (int slot = 0; slot < instructions.Length;)
        {
            OpcodeRow? row = OpcodeTable.Find(instructions[slot]);
            int immediate = instructions[slot].Immediate;
            string? problem = row?.Opcode switch
            {
                // A pointer into an arena is any number: the kernel cuts it to the arena's 4 gigabytes at every access, our engines do not.
                EbpfOpcode.AddrSpaceCast => "pointers into arenas cannot be followed here",
                _ when program.Facts[slot].Access == AccessKind.Arena => "pointers into arenas cannot be followed here",
                EbpfOpcode.CallKfunc => "kernel functions cannot be called here",
                EbpfOpcode.CallHelper when environment.Helpers.Find(immediate) is null => HelperRegistry.WhyMissing(immediate),
                _ when !probesMemory && program.Facts[slot].Access == AccessKind.ProbeRead => "this engine does not guard loads through pointers to kernel objects; the interpreter and x64 do",
                _ => null,
            };
            if (problem is not null)
                throw new GuestFaultException($"insn {slot}: {problem}", slot);
            slot += row?.Slots ?? 1;
        }
    }
}
