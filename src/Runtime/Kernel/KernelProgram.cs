// One loaded program given to the running kernel as it is: the same instructions, maps made from the same definitions, the same
// type information. For verdicts and test runs only: nothing is attached or pinned, and everything goes with the descriptors.
using System.Text;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.TestRun;

namespace Ebpfcc.Runtime.Kernel;

public sealed unsafe class KernelProgram : IDisposable
{
    private const int LogStatistics = 4, LogSize = 1 << 20, MaxOutput = 1 << 17, EPERM = 1, EAGAIN = 11;

    private readonly int[] _maps;
    private readonly LoadedProgram _program;
    private int _descriptor = -1, _types = -1;

    private KernelProgram(LoadedProgram program) => (_program, _maps) = (program, [.. Enumerable.Repeat(-1, program.Maps.Count)]);

    /// <summary>The verifier let it pass.</summary>
    public bool IsAccepted => _descriptor >= 0;

    /// <summary>Why nothing can be said about the program: a map or its types could not be made, or the machine does not permit it; null otherwise.</summary>
    public string? WhyUnknown { get; private set; }

    /// <summary>The positive error of a refusal.</summary>
    public int Errno { get; private set; }

    /// <summary>What the verifier wrote: its statistics, and before them, for a program it rejects, the reason.</summary>
    public string Log { get; private set; } = "";

    /// <summary>Instructions the verifier processed, from the log; 0 when it does not say.</summary>
    public int Processed { get; private set; }

    /// <summary>The last lines of the log without the statistics: why the program is rejected.</summary>
    public string Message
    {
        get
        {
            string[] lines = Log.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return string.Join("; ", lines.Where(line => !IsStatistics(line)).TakeLast(2));
        }
    }

    private static bool IsStatistics(string line) => line.StartsWith("processed ", StringComparison.Ordinal) || line.StartsWith("verification time ", StringComparison.Ordinal)
        || line.StartsWith("stack depth ", StringComparison.Ordinal);

    /// <summary>Null when this process may load programs here, otherwise why not.</summary>
    public static string? WhyUnavailable()
    {
        if (!KernelCalls.Exists)
            return "the kernel engine needs Linux";
        var nothing = new LoadedProgram
        {
            Name = "probe", ProgramType = (int)ProgramType.SocketFilter, License = "GPL", Subprograms = [],
            Instructions = [OpcodeTable.Encode(EbpfOpcode.Mov64Imm), OpcodeTable.Encode(EbpfOpcode.Exit)],
        };
        using KernelProgram loaded = Load(nothing);
        return loaded.IsAccepted ? null : $"the kernel does not permit loading programs (error {loaded.Errno})";
    }

    /// <summary>Loads a program; the verdict is in the result, which is never null.</summary>
    /// <param name="logLevel">Of the verifier's log; by default only statistics and messages.</param>
    public static KernelProgram Load(LoadedProgram program, int logLevel = LogStatistics)
    {
        var loaded = new KernelProgram(program);
        loaded.MakeMaps();
        loaded.LoadTypes();
        if (loaded.WhyUnknown is null)
            loaded.LoadCode(logLevel);
        return loaded;
    }

    private void MakeMaps()
    {
        for (int i = 0; i < _maps.Length && WhyUnknown is null; i++)
        {
            MapDefinition map = _program.Maps[i].Definition;
            _maps[i] = MakeMap(map);
            if (_maps[i] < 0)
                WhyUnknown = $"the kernel makes no map '{map.Name}' (error {-_maps[i]})";
        }
    }

    private static int MakeMap(MapDefinition map)
    {
        var attributes = new KernelCalls.Attributes();
        attributes.Set(0, (uint)map.Type);
        attributes.Set(4, (uint)map.KeySize);
        attributes.Set(8, (uint)map.ValueSize);
        attributes.Set(12, (uint)map.MaxEntries);
        attributes.Set(16, map.Flags);
        if (map.Inner is { } inner)
        {
            int prototype = MakeMap(inner);
            if (prototype < 0)
                return prototype;
            attributes.Set(20, (uint)prototype);
            int outer = KernelCalls.Invoke(KernelCalls.MapCreate, ref attributes);
            KernelCalls.Close(prototype);
            return outer;
        }
        return KernelCalls.Invoke(KernelCalls.MapCreate, ref attributes);
    }

    private void LoadTypes()
    {
        if (_program.Btf is not { } types || !_program.Subprograms.Any(function => function.BtfTypeId > 0))
            return;
        ReadOnlySpan<byte> blob = types.Blob.Span;
        fixed (byte* bytes = blob)
        {
            var attributes = new KernelCalls.Attributes();
            attributes.Set(0, bytes);
            attributes.Set(16, (uint)blob.Length);
            _types = KernelCalls.Invoke(KernelCalls.BtfLoad, ref attributes);
            if (_types < 0)
                WhyUnknown = $"the kernel refuses the program's types (error {-_types})";
        }
    }

    private void LoadCode(int logLevel)
    {
        var code = (EbpfInstruction[])_program.Instructions.Clone();
        for (int slot = 0; slot < code.Length; slot += code[slot].IsWide ? 2 : 1)
        {
            // A reference to no map must not become one to a descriptor that happens to have its number.
            if (OpcodeTable.Classify(code[slot]) is EbpfOpcode.LoadMapFd or EbpfOpcode.LoadMapValue)
                code[slot] = code[slot].WithImmediate((uint)code[slot].Immediate < (uint)_maps.Length ? _maps[code[slot].Immediate] : -1);
        }
        uint[] functions = _types < 0 ? [] : [.. _program.Subprograms.SelectMany(function => new[] { (uint)function.Start, (uint)function.BtfTypeId })];
        byte[] log = new byte[LogSize];
        fixed (EbpfInstruction* instructions = code)
        fixed (byte* license = Encoding.UTF8.GetBytes((_program.License ?? "") + "\0"), buffer = log)
        fixed (uint* functionInfo = functions)
        {
            var attributes = new KernelCalls.Attributes();
            attributes.Set(0, (uint)_program.ProgramType);
            attributes.Set(4, (uint)code.Length);
            attributes.Set(8, instructions);
            attributes.Set(16, license);
            attributes.Set(24, (uint)logLevel);
            attributes.Set(28, LogSize);
            attributes.Set(32, buffer);
            attributes.Set(44, _program.Flags);
            attributes.Set(68, (uint)_program.ExpectedAttachType);
            if (functions.Length > 0)
            {
                attributes.Set(72, (uint)_types);
                attributes.Set(76, 8);
                attributes.Set(80, functionInfo);
                attributes.Set(88, (uint)functions.Length / 2);
            }
            attributes.Set(108, (uint)_program.AttachBtfId);
            int result = -EAGAIN;
            // A signal, such as a runtime sends its threads, interrupts verification.
            for (int attempt = 0; result == -EAGAIN && attempt < 10; attempt++)
                result = KernelCalls.Invoke(KernelCalls.ProgramLoad, ref attributes);
            Log = Encoding.UTF8.GetString(log.AsSpan(0, Math.Max(0, Array.IndexOf(log, (byte)0))));
            if (result >= 0)
                _descriptor = result;
            else
                Errno = -result;
        }
        int at = Log.LastIndexOf("processed ", StringComparison.Ordinal);
        if (at >= 0 && int.TryParse(Log.AsSpan(at + 10, Math.Max(0, Log.IndexOf(' ', at + 10) - at - 10)), out int processed))
            Processed = processed;
        // The kernel's own defects (dead callbacks, for one) say nothing about the program either.
        if (!IsAccepted && Log.Contains("verifier bug", StringComparison.OrdinalIgnoreCase))
            WhyUnknown = "a defect of the kernel's verifier";
        // What never reached the verifier says nothing about the program.
        if (!IsAccepted && at < 0 && Log.Length == 0)
            WhyUnknown = Errno == EPERM ? "the machine does not permit this kind of program" : $"the kernel refuses it before verification (error {Errno})";
    }

    /// <summary>BPF_PROG_TEST_RUN of an accepted program.</summary>
    public TestRunResult Run(TestRunInput input)
    {
        byte[] output = new byte[Math.Max(MaxOutput, input.Data.Length + 512)], contextOut = new byte[input.Context is null ? 0 : Math.Max(input.Context.Length, 256)];
        fixed (byte* dataIn = input.Data, dataOut = output, contextIn = input.Context, contextBack = contextOut)
        {
            var attributes = new KernelCalls.Attributes();
            attributes.Set(0, (uint)_descriptor);
            attributes.Set(8, (uint)input.Data.Length);
            attributes.Set(12, input.Data.Length > 0 ? (uint)output.Length : 0);
            attributes.Set(16, input.Data.Length > 0 ? dataIn : null);
            attributes.Set(24, input.Data.Length > 0 ? dataOut : null);
            attributes.Set(32, (uint)input.Repeat);
            attributes.Set(40, (uint)(input.Context?.Length ?? 0));
            attributes.Set(44, (uint)contextOut.Length);
            attributes.Set(48, contextIn);
            attributes.Set(56, contextOut.Length > 0 ? contextBack : null);
            int result = KernelCalls.Invoke(KernelCalls.ProgramTestRun, ref attributes);
            return result < 0
                ? TestRunResult.Refused(-result)
                : new TestRunResult(0, attributes.Get(4), output[..(int)attributes.Get(12)], contextOut[..(int)attributes.Get(44)], attributes.Get(36), 0);
        }
    }

    /// <summary>Writes one entry of the program's map; a negative errno when the kernel refuses.</summary>
    public int Update(int map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        fixed (byte* keyAddress = key, valueAddress = value)
        {
            KernelCalls.Attributes attributes = Element(map, keyAddress, valueAddress);
            return KernelCalls.Invoke(KernelCalls.MapUpdate, ref attributes);
        }
    }

    /// <summary>All entries of a map of the program, as user space reads them.</summary>
    public List<(byte[] Key, byte[] Value)> Entries(int map)
    {
        var entries = new List<(byte[], byte[])>();
        byte[]? last = null;
        while (true)
        {
            byte[] next = new byte[_program.Maps[map].Definition.KeySize], value = new byte[_program.Maps[map].UserValueSize];
            fixed (byte* lastAddress = last, nextAddress = next, valueAddress = value)
            {
                KernelCalls.Attributes step = Element(map, lastAddress, nextAddress);
                if (KernelCalls.Invoke(KernelCalls.MapNextKey, ref step) != 0)
                    return entries;
                KernelCalls.Attributes read = Element(map, nextAddress, valueAddress);
                if (KernelCalls.Invoke(KernelCalls.MapLookup, ref read) == 0)
                    entries.Add((next, value));
            }
            last = next;
        }
    }

    private KernelCalls.Attributes Element(int map, byte* key, byte* value)
    {
        var attributes = new KernelCalls.Attributes();
        attributes.Set(0, (uint)_maps[map]);
        attributes.Set(8, key);
        attributes.Set(16, value);
        return attributes;
    }

    public void Dispose()
    {
        KernelCalls.Close(_descriptor);
        KernelCalls.Close(_types);
        foreach (int map in _maps)
            KernelCalls.Close(map);
        _descriptor = -1;
    }
}
