// Runs of one program on one machine: an engine of ours, checked or not, or the kernel. What can be seen of them (results,
// packets, contexts, maps) is what machines are compared by.
using System.Globalization;
using System.Text;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Runtime.Fuzzing;

/// <summary>An engine with the memory that its programs see.</summary>
public sealed record FuzzTarget(string Name, IExecutionEngine Engine, IGuestAllocator Allocator);

/// <summary>What a machine showed: one text per run, then the maps.</summary>
/// <param name="Fault">The first fault of a sandboxed run; null when there was none.</param>
internal sealed record ProgramRun(IReadOnlyList<string> Results, string Maps, string? Fault)
{
    public const string OutOfFuel = "fault out of fuel";

    /// <summary>
    /// Compiled code pays for a block before it runs: where it runs dry, the interpreter may have stopped in another way. Such runs count as the same.
    /// </summary>
    public ProgramRun ForgiveFuel(ProgramRun compiled) => this with
    {
        Results = [.. Results.Select((result, i) => i < compiled.Results.Count && compiled.Results[i] == OutOfFuel && result.StartsWith("fault", StringComparison.Ordinal) ? OutOfFuel : result)],
    };

    /// <summary>What differs, in words; null when nothing does.</summary>
    public string? Difference(ProgramRun other, string name, string otherName)
    {
        for (int i = 0; i < Math.Min(Results.Count, other.Results.Count); i++)
        {
            if (Results[i] != other.Results[i])
                return $"run {i}: {name} {Results[i]}\n       {otherName} {other.Results[i]}";
        }
        if (Results.Count != other.Results.Count)
            return $"{name} ran {Results.Count} times, {otherName} {other.Results.Count} times";
        return Maps == other.Maps ? null : $"maps under {name}:\n{Maps}maps under {otherName}:\n{other.Maps}";
    }
}

/// <summary>The inputs of a seed: packets and the maps' first contents.</summary>
internal sealed class ProgramInputs
{
    private const int Packets = 3;

    public ProgramInputs(int seed, ProgramType type)
    {
        var random = new Random(seed ^ 0x5eed);
        for (int i = 0; i < Packets; i++)
            Runs.Add(new TestRunInput { Data = Bytes(random, type == ProgramType.Unspec ? GeneratorOptions.RawMemory : random.Next(14, 110)) });
        TableValues = [.. Enumerable.Range(0, 4).Select(_ => Bytes(random, 64))];
        DataValue = Bytes(random, 64);
        HashValues = [.. Enumerable.Range(0, 4).Select(i => ((byte[])[(byte)(2 * i), 0, 0, 0, 0, 0, 0, 0], Bytes(random, 48)))];
    }

    public List<TestRunInput> Runs { get; } = [];

    public byte[][] TableValues { get; }

    public byte[] DataValue { get; }

    public (byte[] Key, byte[] Value)[] HashValues { get; }

    /// <summary>Random bytes in which small and extreme numbers are frequent: that is where checks go wrong.</summary>
    private static byte[] Bytes(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        for (int at = 0; at + 8 <= count; at += 8)
        {
            switch (random.Next(5))
            {
                case 0:
                    BitConverter.TryWriteBytes(bytes.AsSpan(at), (long)random.Next(-40, 70));
                    break;
                case 1:
                    BitConverter.TryWriteBytes(bytes.AsSpan(at), (random.Next(2) == 0 ? 0x80000000UL : 0x8000000000000000UL) + (ulong)random.Next(-3, 3));
                    break;
                case 2:
                    bytes.AsSpan(at, 8).Clear();
                    break;
            }
        }
        return bytes;
    }

    /// <summary>Writes the first contents of the maps that a program has.</summary>
    public void Fill(IReadOnlyList<MapDefinition> maps, Action<int, byte[], byte[]> update)
    {
        for (int i = 0; i < maps.Count; i++)
        {
            if (maps[i] is { Name: "table", ValueSize: 64, KeySize: 4 })
            {
                for (int key = 0; key < TableValues.Length; key++)
                    update(i, BitConverter.GetBytes(key), TableValues[key]);
            }
            else if (maps[i] is { Name: "data", ValueSize: 64, KeySize: 4 })
            {
                update(i, new byte[4], DataValue);
            }
            else if (maps[i] is { Name: "hash", ValueSize: 48, KeySize: 8 })
            {
                foreach ((byte[] key, byte[] value) in HashValues)
                    update(i, key, value);
            }
        }
    }
}

internal static class ProgramRuns
{
    public const long Fuel = 2_000_000;

    /// <summary>Everything that would differ from run to run is fixed.</summary>
    public static ExecutionEnvironment EnvironmentFor(FuzzTarget target) => new()
    {
        Allocator = target.Allocator, Clock = () => 123_456_789, RandomSeed = 7, Task = new GuestTask(1, 1, 0, 0, "fuzz"), CpuCount = 1,
    };

    /// <summary>Verified, without checks. Null when the verifier rejects the program or the engine cannot run it.</summary>
    public static ProgramRun? Verified(GeneratedProgram program, FuzzTarget target, ProgramInputs inputs, VerifierOptions options)
        => Run(program, target, inputs, (loaded, environment) => Verifier.Verify(loaded, options).Program is { } verified ? target.Engine.Prepare(verified, environment) : null);

    /// <summary>Verified and sandboxed at the same time: the instructions that the verifier made, every access checked.</summary>
    public static ProgramRun? VerifiedInSandbox(GeneratedProgram program, FuzzTarget target, ProgramInputs inputs, VerifierOptions options)
        => Run(program, target, inputs, (loaded, environment) => Verifier.Verify(loaded, options).Program is { } verified
            ? target.Engine.PrepareSandboxed(With(loaded, verified), new SandboxOptions { Fuel = long.MaxValue / 4 }, environment) : null);

    public static ProgramRun? Sandboxed(GeneratedProgram program, FuzzTarget target, ProgramInputs inputs)
        => Run(program, target, inputs, (loaded, environment) => target.Engine.PrepareSandboxed(loaded, new SandboxOptions { Fuel = Fuel }, environment));

    public static ProgramRun? Observed(GeneratedProgram program, FuzzTarget target, ProgramInputs inputs, VerifiedProgram verified, LoadedProgram loaded,
        ExecutionEnvironment environment, Func<TestRunner, Execution.Interpretation.StepObserver> observer)
    {
        TestRunner? runner = null;
        Execution.Interpretation.StepObserver? see = null;
        unsafe
        {
            using IExecutable executable = Execution.Interpretation.Interpreter.Prepare(verified, environment, (slot, registers, depth) => see!(slot, registers, depth));
            using (runner = new TestRunner(loaded, executable, environment))
            {
                see = observer(runner);
                inputs.Fill(program.Maps, (map, key, value) => loaded.Maps[map].UserUpdate(key, value, UpdateMode.Any));
                return Collect(inputs, runner.Run, program.Maps, map => MapEntries.Of(loaded.Maps[map]), lowHalf: false);
            }
        }
    }

    private static LoadedProgram With(LoadedProgram program, VerifiedProgram verified) => new()
    {
        Name = program.Name, ProgramType = program.ProgramType, Instructions = verified.Instructions, Subprograms = program.Subprograms, Maps = program.Maps, License = program.License,
        Flags = program.Flags, Btf = program.Btf,
    };

    private static ProgramRun? Run(GeneratedProgram program, FuzzTarget target, ProgramInputs inputs, Func<LoadedProgram, ExecutionEnvironment, IExecutable?> prepare)
    {
        ExecutionEnvironment environment = EnvironmentFor(target);
        IReadOnlyList<IMap> maps = program.MakeMaps(environment);
        try
        {
            LoadedProgram loaded = program.Load(maps);
            using IExecutable? executable = prepare(loaded, environment);
            if (executable is null)
                return null;
            using var runner = new TestRunner(loaded, executable, environment);
            inputs.Fill(program.Maps, (map, key, value) => maps[map].UserUpdate(key, value, UpdateMode.Any));
            return Collect(inputs, runner.Run, program.Maps, map => MapEntries.Of(maps[map]), lowHalf: false);
        }
        catch (GuestFaultException refusal)
        {
            // Not even prepared: malformed, or beyond the engine.
            return new ProgramRun([], "", WithoutAddresses(refusal.Message));
        }
        finally
        {
            foreach (IMap map in maps)
                map.Dispose();
        }
    }

    public static ProgramRun Kernel(GeneratedProgram program, KernelProgram kernel, ProgramInputs inputs)
    {
        inputs.Fill(program.Maps, (map, key, value) => kernel.Update(map, key, value));
        return Collect(inputs, kernel.Run, program.Maps, kernel.Entries, lowHalf: true);
    }

    /// <summary>The same with results of 32 bits, which is what the kernel tells.</summary>
    public static ProgramRun LowHalf(ProgramRun run) => run with { Results = [.. run.Results.Select(result => result.StartsWith("r0=", StringComparison.Ordinal) ? "r0=" + result[11..] : result)] };

    private static ProgramRun Collect(ProgramInputs inputs, Func<TestRunInput, TestRunResult> run, IReadOnlyList<MapDefinition> maps, Func<int, List<(byte[] Key, byte[] Value)>> entries, bool lowHalf)
    {
        var results = new List<string>();
        string? fault = null;
        foreach (TestRunInput input in inputs.Runs)
        {
            try
            {
                TestRunResult result = run(input);
                results.Add(result.Errno != 0 ? $"errno {result.Errno}" : string.Create(CultureInfo.InvariantCulture,
                    $"r0={(lowHalf ? $"{(uint)result.ReturnValue:x8}" : $"{result.ReturnValue:x16}")} data={Convert.ToHexStringLower(result.Data)}"));
            }
            catch (GuestFaultException caught)
            {
                fault ??= WithoutAddresses(caught.Message);
                results.Add(caught.Message.Contains("did not finish", StringComparison.Ordinal) ? ProgramRun.OutOfFuel : "fault " + WithoutAddresses(caught.Message));
            }
        }
        var text = new StringBuilder();
        for (int i = 0; i < maps.Count; i++)
        {
            if (maps[i].Name is not ("table" or "hash" or "data"))
                continue;
            foreach ((string key, string value) in entries(i).Select(entry => (Convert.ToHexStringLower(entry.Key), Convert.ToHexStringLower(entry.Value))).OrderBy(entry => entry.Item1, StringComparer.Ordinal))
                text.Append(maps[i].Name).Append(' ').Append(key).Append(": ").Append(value).Append('\n');
        }
        return new ProgramRun(results, text.ToString(), fault);
    }

    /// <summary>Stacks lie elsewhere in each engine.</summary>
    private static string WithoutAddresses(string message)
    {
        int at = message.IndexOf(" at 0x", StringComparison.Ordinal);
        if (at < 0)
            return message;
        int end = at + 6;
        while (end < message.Length && char.IsAsciiHexDigit(message[end]))
            end++;
        return message[..at] + message[end..];
    }
}
