// Which program types may call which helpers: every pair, asked of the running kernel, against the helper table. A call is the whole
// program, so that the kernel's first words are about the call.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Fuzzing;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class HelperPermissionTests
{
    /// <summary>Types that load without being told what to attach to.</summary>
    private static readonly ProgramType[] s_types =
    [
        ProgramType.SocketFilter, ProgramType.SchedCls, ProgramType.SchedAct, ProgramType.Xdp, ProgramType.CgroupSkb, ProgramType.CgroupSock, ProgramType.LwtIn, ProgramType.LwtOut, ProgramType.LwtXmit,
        ProgramType.LwtSeg6Local, ProgramType.SockOps, ProgramType.SkSkb, ProgramType.SkMsg, ProgramType.CgroupDevice, ProgramType.CgroupSysctl, ProgramType.FlowDissector, ProgramType.Kprobe,
        ProgramType.Tracepoint, ProgramType.PerfEvent, ProgramType.RawTracepoint, ProgramType.SkReuseport, ProgramType.Syscall,
    ];

    /// <summary>Absent for other reasons than the type: how the kernel was built or locked down, and attach types that nobody gave here.</summary>
    private static readonly string[] s_elsewhere = ["override_return", "probe_write_user", "get_retval", "set_retval"];

    [OracleFact(Oracle.Kernel)]
    public void Every_type_may_call_what_the_kernel_lets_it_call()
    {
        if (Environment.OSVersion.Version is not { Major: 6, Minor: 18 })
            return;
        var differences = new List<string>();
        foreach (ProgramType type in s_types)
        {
            foreach (HelperRow helper in HelperTable.Rows)
            {
                if (s_elsewhere.Contains(helper.Name))
                    continue;
                EbpfInstruction[] code = [OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: helper.Id), OpcodeTable.Encode(EbpfOpcode.Mov64Imm), OpcodeTable.Encode(EbpfOpcode.Exit)];
                LoadedProgram loaded = new GeneratedProgram(type, code, []).Load(new ExecutionEnvironment());
                string ours = Verifier.Verify(loaded).Rejection?.Message ?? "";
                using KernelProgram kernel = KernelProgram.Load(loaded);
                if (kernel.WhyUnknown is null && IsForbidden(ours) != IsForbidden(kernel.Log))
                    differences.Add($"{type} {helper.FullName}: {(IsForbidden(ours) ? "only the kernel allows it" : "only we allow it: " + kernel.Message)}");
            }
        }
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    private static bool IsForbidden(string log) => log.Contains("cannot use helper", StringComparison.Ordinal) || log.Contains("unknown func", StringComparison.Ordinal);
}
