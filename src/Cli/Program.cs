// The one executable: everything is in CommandLine, which tests can call without a process.
using Ebpfcc.Cli;

return CommandLine.Run(args, CommandContext.FromConsole());
