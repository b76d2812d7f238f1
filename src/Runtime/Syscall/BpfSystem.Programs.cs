// Program commands: loading (verification included), test runs, links between programs and hooks.
using System.Text;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Runtime.Syscall;

/// <summary>The attributes of BPF_PROG_LOAD. Maps are referred to by descriptors in the instructions (LDDW with source 1 or 2).</summary>
public sealed record ProgramAttributes
{
    public required ProgramType Type { get; init; }

    public required EbpfInstruction[] Instructions { get; init; }

    /// <summary>GPL-only helpers need a GPL-compatible one.</summary>
    public string License { get; init; } = "";

    /// <summary>At most 15 characters.</summary>
    public string Name { get; init; } = "";

    public AttachType ExpectedAttachType { get; init; }

    /// <summary>BPF_F_* load flags.</summary>
    public uint Flags { get; init; }

    /// <summary>0: no log, 1: the kernel's, 2: with the state at every instruction.</summary>
    public int LogLevel { get; init; }

    /// <summary>Takes the log as zero-terminated text; a log that does not fit is cut, and loading fails with -ENOSPC.</summary>
    public byte[]? LogBuffer { get; init; }

    public BtfReader? Btf { get; init; }

    /// <summary>Functions with their types in <see cref="Btf"/>; one that starts at 0 without.</summary>
    public IReadOnlyList<Subprogram> Functions { get; init; } = [];

    /// <summary>What it attaches to, in the kernel's types.</summary>
    public int AttachBtfId { get; init; }
}

public sealed partial class BpfSystem
{
    private const int MaxInstructions = 1_000_000;

    /// <summary>BPF_PROG_LOAD: verifies the program and prepares it. The program holds its maps.</summary>
    /// <returns>A descriptor; or -EACCES and its kin with the verifier's message.</returns>
    public int ProgramLoad(ProgramAttributes attributes)
    {
        if (attributes.Instructions.Length is 0 or > MaxInstructions)
            return Fail(Errno.E2BIG, $"a program has 1 to {MaxInstructions} instructions");
        if (attributes.Name.Length > 15 || attributes.License.Length > 127)
            return Fail(Errno.EINVAL, "the name or the license is too long");
        if (attributes.Type == ProgramType.Unspec || (int)attributes.Type >= ProgramTypeTable.Rows.Length)
            return Fail(Errno.EINVAL, $"there is no program type {(int)attributes.Type}");
        if (attributes.LogLevel is < 0 or > 7 || (attributes.LogLevel != 0) != (attributes.LogBuffer is not null))
            return Fail(Errno.EINVAL, "a log level and a log buffer belong together");
        var maps = new List<BpfMap>();
        var instructions = (EbpfInstruction[])attributes.Instructions.Clone();
        try
        {
            if (ResolveMaps(instructions, maps) is < 0 and var unresolved)
                return unresolved;
            var program = new LoadedProgram
            {
                Name = attributes.Name, ProgramType = (int)attributes.Type, ExpectedAttachType = (int)attributes.ExpectedAttachType, Flags = attributes.Flags,
                Instructions = instructions, Maps = [.. maps.Select(map => map.Target)], License = attributes.License, Btf = attributes.Btf,
                AttachBtfId = attributes.AttachBtfId, KernelTypes = KernelInformation.RunningKernelTypes,
                Subprograms = attributes.Functions.Count > 0 ? attributes.Functions : [new Subprogram(attributes.Name, 0, IsGlobal: true, BtfTypeId: 0)],
            };
            VerificationResult result = Verifier.Verify(program, new VerifierOptions { Kernel = Kernel, LogLevel = Math.Min(attributes.LogLevel, 2) });
            bool fits = WriteLog(attributes.LogBuffer, result.Log);
            if (result.Program is not { } verified)
                return Fail(ErrnoOf(result.Rejection!.Message), result.Rejection.Message);
            if (!fits)
                return Fail(Errno.ENOSPC, "the log does not fit the buffer");
            IExecutable executable;
            try
            {
                executable = _engine.Prepare(verified, Environment);
            }
            catch (GuestFaultException fault)
            {
                return Fail(Errno.EOPNOTSUPP, fault.Message);
            }
            lock (_lock)
            {
                BpfMap[] held = [.. maps];
                maps.Clear();
                return Open(new BpfProgram(NewId(BpfObjectKind.Program), program, executable, held));
            }
        }
        finally
        {
            lock (_lock)
            {
                foreach (BpfMap map in maps)
                    Release(map);
            }
        }
    }

    /// <summary>Descriptors in the code become indices of the program's maps, each of which is held.</summary>
    private int ResolveMaps(EbpfInstruction[] code, List<BpfMap> maps)
    {
        lock (_lock)
        {
            for (int slot = 0; slot < code.Length; slot++)
            {
                if (!code[slot].IsWide)
                    continue;
                if (code[slot].Src is (int)WideImmediateKind.MapFd or (int)WideImmediateKind.MapValue)
                {
                    switch (Find(code[slot].Immediate))
                    {
                        case null:
                            return Fail(Errno.EBADF, $"fd {code[slot].Immediate} is not pointing to valid bpf_map");
                        case BpfMap map:
                            int index = maps.IndexOf(map);
                            if (index < 0)
                            {
                                index = maps.Count;
                                maps.Add(map);
                                map.References++;
                            }
                            code[slot] = code[slot].WithImmediate(index);
                            break;
                        default:
                            return Fail(Errno.EINVAL, $"fd {code[slot].Immediate} is not pointing to valid bpf_map");
                    }
                }
                slot++;
            }
            return 0;
        }
    }

    private static bool WriteLog(byte[]? buffer, string log)
    {
        if (buffer is null)
            return true;
        byte[] text = Encoding.UTF8.GetBytes(log);
        int length = Math.Min(text.Length, Math.Max(buffer.Length - 1, 0));
        text.AsSpan(0, length).CopyTo(buffer);
        if (buffer.Length > 0)
            buffer[length] = 0;
        return length == text.Length;
    }

    /// <summary>The kernel's error for a rejection: what is malformed is EINVAL, what is too much E2BIG, what is forbidden EACCES.</summary>
    private static int ErrnoOf(string message)
    {
        ReadOnlySpan<string> malformed =
        [
            "unknown opcode", "jump out of range", "unreachable insn", "invalid func", "back-edge", "cannot call GPL", "program of this type cannot use helper",
            "infinite loop", "invalid BPF_LD_IMM", "BPF_", "last insn is not", "jump into the middle", "not an exit", "loop detected", "unknown program type",
            "invalid bpf_ld_imm64", "cannot call kernel function", "invalid destination", "only tail_calls",
            "map_type", "cannot pass map_type", "div by zero", "invalid shift",
        ];
        if (message.StartsWith("BPF program is too large", StringComparison.Ordinal) || message.StartsWith("The sequence of", StringComparison.Ordinal))
            return Errno.E2BIG;
        foreach (string start in malformed)
        {
            if (message.StartsWith(start, StringComparison.Ordinal))
                return Errno.EINVAL;
        }
        return Errno.EACCES;
    }

    private int Program(int descriptor, out BpfProgram program)
    {
        lock (_lock)
        {
            BpfObject? found = Find(descriptor);
            program = (found as BpfProgram)!;
            return found is null ? Fail(Errno.EBADF, $"{descriptor} is no descriptor") : program is null ? Fail(Errno.EINVAL, $"{descriptor} is no program") : 0;
        }
    }

    /// <summary>BPF_PROG_TEST_RUN.</summary>
    public int ProgramTestRun(int descriptor, TestRunInput input, out TestRunResult result)
    {
        result = TestRunResult.Refused(0);
        if (Program(descriptor, out BpfProgram program) is < 0 and var error)
            return error;
        result = Run(program, input);
        return result.Errno == 0 ? 0 : Fail(result.Errno, "the kernel would refuse this input");
    }

    private TestRunResult Run(BpfProgram program, TestRunInput input)
    {
        using var runner = new TestRunner(program.Program, program.Executable, Environment);
        TestRunResult result = runner.Run(input);
        GC.KeepAlive(program);
        return result;
    }

    /// <summary>
    /// BPF_LINK_CREATE: attaches a program to an event of the host's. The link holds the program.
    /// </summary>
    /// <param name="programDescriptor">The program.</param>
    /// <param name="hook">The event's name: what <see cref="Trigger"/> names.</param>
    /// <param name="attachType">Must be the one that the program was loaded for, where its type has several.</param>
    public int LinkCreate(int programDescriptor, string hook, AttachType attachType)
    {
        if (Program(programDescriptor, out BpfProgram program) is < 0 and var error)
            return error;
        lock (_lock)
        {
            var type = (ProgramType)program.Program.ProgramType;
            if (program.Program.ExpectedAttachType != (int)attachType && (program.Program.ExpectedAttachType != 0 || type is ProgramType.CgroupSockAddr or ProgramType.CgroupSock or ProgramType.CgroupSockopt))
                return Fail(Errno.EINVAL, $"the program was loaded for {(AttachType)program.Program.ExpectedAttachType}, not {attachType}");
            if (!_hooks.TryGetValue(hook, out List<BpfLink>? links))
                _hooks[hook] = links = [];
            if (type == ProgramType.Xdp && links.Count > 0)
                return Fail(Errno.EBUSY, $"'{hook}' has a program, and takes one");
            var link = new BpfLink(NewId(BpfObjectKind.Link), hook, (int)attachType, program);
            program.References++;
            int descriptor = Open(link);
            if (descriptor < 0)
                program.References--;
            else
                links.Add(link);
            return descriptor;
        }
    }

    /// <summary>BPF_LINK_UPDATE: puts another program of the same type in the link's place.</summary>
    public int LinkUpdate(int linkDescriptor, int programDescriptor)
    {
        if (Program(programDescriptor, out BpfProgram program) is < 0 and var error)
            return error;
        lock (_lock)
        {
            if (Find(linkDescriptor) is not BpfLink link)
                return Fail(Find(linkDescriptor) is null ? Errno.EBADF : Errno.EINVAL, $"{linkDescriptor} is no link");
            if (link.Program is not { } old)
                return Fail(Errno.ENOENT, "the link is detached");
            if (old.Program.ProgramType != program.Program.ProgramType)
                return Fail(Errno.EINVAL, "the program is of another type");
            program.References++;
            link.Program = program;
            Release(old);
            return 0;
        }
    }

    /// <summary>BPF_LINK_DETACH: the link stays, without a program.</summary>
    public int LinkDetach(int linkDescriptor)
    {
        lock (_lock)
        {
            if (Find(linkDescriptor) is not BpfLink link)
                return Fail(Find(linkDescriptor) is null ? Errno.EBADF : Errno.EINVAL, $"{linkDescriptor} is no link");
            if (link.Program is { } program)
            {
                link.Program = null;
                _hooks[link.Hook].Remove(link);
                Release(program);
            }
            return 0;
        }
    }

    /// <summary>
    /// An event of the host's happens: runs the programs attached to it in the order of attachment, each on the packet as the one before
    /// left it. Traffic control stops at the first verdict other than "next" (-1); the others all run.
    /// </summary>
    /// <returns>The results, in order.</returns>
    public IReadOnlyList<TestRunResult> Trigger(string hook, TestRunInput input)
    {
        BpfProgram[] programs;
        lock (_lock)
            programs = _hooks.TryGetValue(hook, out List<BpfLink>? links) ? [.. links.Select(link => link.Program!)] : [];
        var results = new List<TestRunResult>(programs.Length);
        foreach (BpfProgram program in programs)
        {
            TestRunResult result = Run(program, input);
            results.Add(result);
            if ((ProgramType)program.Program.ProgramType is ProgramType.SchedCls or ProgramType.SchedAct && (int)result.ReturnValue != -1)
                break;
            if (result.Errno == 0 && result.Data.Length > 0)
                input = input with { Data = result.Data };
        }
        return results;
    }
}
