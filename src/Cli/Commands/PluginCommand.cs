// ebpfcc plugin: the plugin protocol of the bpf_conformance suite. The program is one line of hexadecimal text on standard
// input, the memory an argument; prints R0. Helper 5 is the suite's unwind function: a result of zero ends the program.
using System.Globalization;
using Ebpfcc.Cli.Running;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.TestRun;

namespace Ebpfcc.Cli.Commands;

public static class PluginCommand
{
    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        string memory = "", engineName = "interp";
        for (int i = 0; i < arguments.Count; i++)
        {
            string word = arguments[i];
            if (word is "--help" or "-h")
            {
                context.Output.WriteLine("usage: ebpfcc plugin [\"HEX MEMORY\"] [--engine interp|x64|arm32] < PROGRAM.hex");
                context.Output.WriteLine("Runs the program (one line of hexadecimal text) with r1 = memory and r2 = its length; prints r0 in hexadecimal.");
                return ExitStatus.Done;
            }
            if (word.StartsWith("--engine=", StringComparison.Ordinal))
                engineName = word[9..];
            else if (word == "--engine" && i + 1 < arguments.Count)
                engineName = arguments[++i];
            else if (word is "--debug" or "--elf" or "--program" || word.StartsWith("--", StringComparison.Ordinal))
                continue; // words that some runners pass along
            else
                memory = word;
        }
        if (EngineRegistry.Create(engineName, context) is not { } engine)
        {
            RunCommand.Report(context, Diagnostic.Create(CliDiagnostics.Usage, Core.Text.SourceSpan.None, $"there is no engine '{engineName}'"));
            return ExitStatus.Usage;
        }
        try
        {
            using var reader = new StreamReader(context.OpenInput());
            LoadedProgram program = RunSource.FromBytes("plugin", RunSource.ParseHex(reader.ReadToEnd()));
            var environment = new ExecutionEnvironment { Helpers = ConformanceHelpers.Registry, Allocator = EngineTable.AllocatorOf(engine) };
            using IExecutable executable = engine.PrepareSandboxed(program, new SandboxOptions(), environment);
            using var runner = new TestRunner(program, executable, environment);
            TestRunResult result = runner.Run(new TestRunInput { Data = RunSource.ParseHex(memory) });
            context.Output.WriteLine(result.ReturnValue.ToString("x", CultureInfo.InvariantCulture));
            return ExitStatus.Done;
        }
        catch (RunRefusedException refusal)
        {
            RunCommand.Report(context, refusal.Diagnostic);
        }
        catch (GuestFaultException fault)
        {
            RunCommand.Report(context, Diagnostic.Create(RunDiagnostics.Fault, Core.Text.SourceSpan.None, "plugin", fault.Message));
        }
        finally
        {
            (engine as IDisposable)?.Dispose();
        }
        return ExitStatus.Refused;
    }
}
