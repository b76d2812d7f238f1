// Runs a program to its end and says what it cost: wall and processor time as wait4(2) counts them, and the most memory it held.
// A child begins with the memory of the process that starts it, which here is a large one: GNU time in between starts small.
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Ebpfcc.TestSupport;

/// <param name="ExitCode">128 plus the signal for a killed child.</param>
/// <param name="Wall">Milliseconds from start to end.</param>
/// <param name="Processor">Milliseconds in user and kernel mode.</param>
/// <param name="PeakKilobytes">Largest resident set; 0 without GNU time.</param>
public readonly record struct ProcessCost(int ExitCode, double Wall, double Processor, long PeakKilobytes);

public static unsafe class MeasuredProcess
{
    [DllImport("libc", EntryPoint = "posix_spawnp")]
    private static extern int Spawn(int* pid, byte* file, byte* actions, void* attributes, byte** arguments, byte** environment);

    [DllImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static extern int InitActions(byte* actions);

    [DllImport("libc", EntryPoint = "posix_spawn_file_actions_addopen")]
    private static extern int AddOpen(byte* actions, int descriptor, byte* path, int flags, uint mode);

    [DllImport("libc", EntryPoint = "wait4")]
    private static extern int Wait(int pid, int* status, int options, long* usage);

    /// <summary>Output and errors of the program go to nowhere; Linux only.</summary>
    public static ProcessCost Run(string program, IReadOnlyList<string> arguments)
    {
        const string Time = "/usr/bin/time";
        if (!File.Exists(Time))
            return Start(program, arguments);
        string report = Path.GetTempFileName();
        try
        {
            ProcessCost cost = Start(Time, ["-q", "-f", "%M", "-o", report, program, .. arguments]);
            return cost with { PeakKilobytes = long.TryParse(File.ReadLines(report).LastOrDefault(), out long peak) ? peak : 0 };
        }
        finally
        {
            File.Delete(report);
        }
    }

    private static ProcessCost Start(string program, IReadOnlyList<string> arguments)
    {
        List<nint> texts = [];
        byte* Text(string text)
        {
            texts.Add(Marshal.StringToCoTaskMemUTF8(text));
            return (byte*)texts[^1];
        }

        try
        {
            byte** words = stackalloc byte*[arguments.Count + 2];
            words[0] = Text(program);
            for (int i = 0; i < arguments.Count; i++)
                words[i + 1] = Text(arguments[i]);
            words[arguments.Count + 1] = null;
            byte** environment = stackalloc byte*[2];
            environment[0] = Text("PATH=" + Environment.GetEnvironmentVariable("PATH"));
            environment[1] = null;
            byte* actions = stackalloc byte[256];
            InitActions(actions);
            for (int descriptor = 1; descriptor <= 2; descriptor++)
                AddOpen(actions, descriptor, Text("/dev/null"), 1, 0);
            long* usage = stackalloc long[18]; // struct rusage: user and system time as seconds and microseconds, then the rest
            int pid, status;
            long start = Stopwatch.GetTimestamp();
            if (Spawn(&pid, words[0], actions, null, words, environment) != 0)
                throw new InvalidOperationException($"{program} does not start.");
            while (Wait(pid, &status, 0, usage) < 0)
            {
            }
            double wall = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            int code = (status & 0x7f) == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f);
            return new ProcessCost(code, wall, (usage[0] + usage[2]) * 1000.0 + (usage[1] + usage[3]) / 1000.0, 0);
        }
        finally
        {
            foreach (nint text in texts)
                Marshal.FreeCoTaskMem(text);
        }
    }
}
