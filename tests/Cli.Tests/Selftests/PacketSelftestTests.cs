// The kernel's packet tests from C to results: compiled by ebpfcc and by clang, accepted by our verifier, and run by every
// engine and by the kernel with the results that were recorded from the kernel and clang's objects.
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Selftests;

public sealed class PacketSelftestTests
{
    public static TheoryData<string> Sources() => [.. SelftestRow.Names];

    /// <summary>The other instruction sets, and code that is not optimised or optimised for size.</summary>
    public static TheoryData<string, string> Variants()
    {
        var data = new TheoryData<string, string>();
        foreach (string source in SelftestRow.Names)
        {
            foreach (string options in (string[])["-mcpu=v1", "-mcpu=v2", "-mcpu=v4", "-O1", "-Os"])
                data.Add(source, options);
        }
        return data;
    }

    private static void RunsAsRecorded(string source, string compiler, string engine)
    {
        SelftestRow row = SelftestRow.Of(source);
        using var target = new EngineTarget(SelftestObjects.Image(source, compiler), engine, row.Program);
        // Every helper call leaves the emulator; only test_pkt_access counts its runs in the packet.
        row.Replay(target, engine == "arm32" && source != "test_pkt_access" ? 5000 : int.MaxValue);
    }

    private static void RunsAsRecordedInTheKernel(string source, string compiler)
    {
        SelftestRow row = SelftestRow.Of(source);
        using var target = new KernelTarget(SelftestObjects.Image(source, compiler), row.Program);
        row.Replay(target);
    }

    [OracleTheory(Oracle.LinuxSource612, Oracle.UapiHeaders, Oracle.Shared)]
    [MemberData(nameof(Sources))]
    public void OursInTheInterpreter(string source) => RunsAsRecorded(source, "ebpfcc", "interp");

    [OracleTheory(Oracle.LinuxSource612, Oracle.UapiHeaders, Oracle.Shared, Oracle.X64Machine)]
    [MemberData(nameof(Sources))]
    public void OursAsX64Code(string source) => RunsAsRecorded(source, "ebpfcc", "x64");

    [OracleTheory(Oracle.LinuxSource612, Oracle.UapiHeaders, Oracle.Shared, Oracle.Llvm)]
    [MemberData(nameof(Sources))]
    public void OursAsLlvmsCode(string source) => RunsAsRecorded(source, "ebpfcc", "llvm");

    [OracleTheory(Oracle.LinuxSource612, Oracle.UapiHeaders, Oracle.Shared, Oracle.QemuArm)]
    [MemberData(nameof(Sources))]
    public void OursAsArm32Code(string source) => RunsAsRecorded(source, "ebpfcc", "arm32");

    [OracleTheory(Oracle.LinuxSource612, Oracle.UapiHeaders, Oracle.Shared, Oracle.Kernel, Oracle.Libbpf)]
    [MemberData(nameof(Sources))]
    public void OursInTheKernel(string source) => RunsAsRecordedInTheKernel(source, "ebpfcc");

    [OracleTheory(Oracle.LinuxSource612, Oracle.LibbpfHeaders, Oracle.Shared, Oracle.Clang)]
    [MemberData(nameof(Sources))]
    public void ClangsInTheInterpreter(string source) => RunsAsRecorded(source, "clang", "interp");

    [OracleTheory(Oracle.LinuxSource612, Oracle.LibbpfHeaders, Oracle.Shared, Oracle.Clang, Oracle.X64Machine)]
    [MemberData(nameof(Sources))]
    public void ClangsAsX64Code(string source) => RunsAsRecorded(source, "clang", "x64");

    [OracleTheory(Oracle.LinuxSource612, Oracle.LibbpfHeaders, Oracle.Shared, Oracle.Clang, Oracle.Llvm)]
    [MemberData(nameof(Sources))]
    public void ClangsAsLlvmsCode(string source) => RunsAsRecorded(source, "clang", "llvm");

    [OracleTheory(Oracle.LinuxSource612, Oracle.LibbpfHeaders, Oracle.Shared, Oracle.Clang, Oracle.QemuArm)]
    [MemberData(nameof(Sources))]
    public void ClangsAsArm32Code(string source) => RunsAsRecorded(source, "clang", "arm32");

    [OracleTheory(Oracle.LinuxSource612, Oracle.UapiHeaders, Oracle.Shared, Oracle.X64Machine)]
    [MemberData(nameof(Variants))]
    public void OtherOptionsGiveTheSameResults(string source, string options) => RunsAsRecorded(source, "ebpfcc " + options, "x64");

    [OracleTheory(Oracle.LinuxSource612, Oracle.UapiHeaders, Oracle.Shared, Oracle.Kernel, Oracle.Libbpf)]
    [MemberData(nameof(Variants))]
    public void OtherOptionsGiveTheSameResultsInTheKernel(string source, string options) => RunsAsRecordedInTheKernel(source, "ebpfcc " + options);
}
