// The version, written once in Directory.Build.props and read from the assembly.
namespace Ebpfcc.Cli;

public static class VersionText
{
    public static string Number { get; } = typeof(VersionText).Assembly.GetName().Version is { } version ? $"{version.Major}.{version.Minor}.{version.Build}" : "0.0.0";

    public static string Banner => $"ebpfcc {Number}: C to eBPF compiler, verifier and runtime";
}
