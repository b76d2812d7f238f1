// The commands besides compiling, one row each. What is no command's name is compiled.
namespace Ebpfcc.Cli.Commands;

/// <param name="Name">The first word of the command line.</param>
/// <param name="Summary">One line for <c>--help</c>.</param>
/// <param name="Run">Takes the words behind the name; returns an <see cref="ExitStatus"/>.</param>
public sealed record CommandRow(string Name, string Summary, Func<IReadOnlyList<string>, CommandContext, int> Run);

public static class CommandTable
{
    private static readonly CommandRow[] s_rows =
    [
        new("compile", "compile C to an eBPF object (what 'ebpfcc file.c' does too)", CompileCommand.Run),
        new("verify", "verify the programs of an object by the kernel's rules", VerifyCommand.Run),
        new("run", "run a program on packets or memory: interpreter, JITs, or the kernel", RunCommand.Run),
        new("test", "run the cases that C files hold in comments", TestCommand.Run),
        new("plugin", "run one program by the protocol of the bpf_conformance suite", PluginCommand.Run),
        new("disasm", "list the code of an object", DisasmCommand.Run),
        new("asm", "assemble eBPF assembly to an object", AsmCommand.Run),
        new("jit", "translate verified programs to x86-64 or ARM32 code", JitCommand.Run),
        new("explore", "write a page with C, IR, eBPF, verifier states and native code side by side", ExploreCommand.Run),
        new("cbpf", "convert classic BPF: tcpdump expressions, socket and system call filters", CbpfCommand.Run),
        new("bench", "measure programs on the engines, side by side", BenchCommand.Run),
        new("fuzz", "compare engines, verifier and kernel on generated programs", FuzzCommand.Run),
        new("help", "show the help of a command", HelpCommand.Run),
    ];

    public static IReadOnlyList<CommandRow> Rows => s_rows;

    public static CommandRow? Find(string name)
    {
        foreach (CommandRow row in s_rows)
        {
            if (row.Name == name)
                return row;
        }
        return null;
    }
}
