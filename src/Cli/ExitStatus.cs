// What the process says to its caller; the same for every command.
namespace Ebpfcc.Cli;

public static class ExitStatus
{
    public const int Done = 0;

    /// <summary>The input was refused: errors in C, a rejected program, a failed run or test.</summary>
    public const int Refused = 1;

    /// <summary>The command line makes no sense.</summary>
    public const int Usage = 2;

    /// <summary>A defect of ebpfcc itself (EX_SOFTWARE of sysexits.h).</summary>
    public const int Defect = 70;
}
