// A program for comparing engines and verifiers: instructions, type and maps, without an object around them. Loads like the
// programs of objects, with type information that gives every function a name.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Fuzzing;

/// <param name="Type">BPF_PROG_TYPE_*; <see cref="ProgramType.Unspec"/> for <c>u64 prog(void *mem, u64 len)</c>.</param>
/// <param name="Code">References as in a <see cref="LoadedProgram"/>: maps by index into <paramref name="Maps"/>.</param>
/// <param name="Maps">The maps it may use.</param>
public sealed record GeneratedProgram(ProgramType Type, EbpfInstruction[] Code, IReadOnlyList<MapDefinition> Maps)
{
    private const uint Sleepable = 16;

    /// <summary>What it was generated from.</summary>
    public int Seed { get; init; }

    /// <summary>BPF_F_* load flags: programs of system calls may sleep, as the kernel demands.</summary>
    public uint Flags => Type == ProgramType.Syscall ? Sleepable : 0;

    public GeneratedProgram With(EbpfInstruction[] code) => this with { Code = code };

    /// <summary>The first slots of all functions, in order, the entry's 0 first.</summary>
    public List<int> FunctionStarts()
    {
        var starts = new SortedSet<int> { 0 };
        for (int slot = 0; slot < Code.Length; slot += Code[slot].IsWide ? 2 : 1)
        {
            if (OpcodeTable.Classify(Code[slot]) is EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction)
            {
                long start = slot + 1L + Code[slot].Immediate;
                if (start > 0 && start < Code.Length)
                    starts.Add((int)start);
            }
        }
        return [.. starts];
    }

    /// <summary>
    /// Type information that declares each function as <c>static int f(u64 r1, ..., u64 r5)</c>, which says nothing that verifiers
    /// could use; and the type ids of the functions.
    /// </summary>
    public (byte[] Types, int[] Functions) DescribeFunctions(IReadOnlyList<int> starts)
    {
        var builder = new BtfBuilder();
        int number = builder.AddInt("long long", 8, BtfIntEncoding.Signed), result = builder.AddInt("int", 4, BtfIntEncoding.Signed);
        int pointer = builder.AddPointer(0);
        int entry = builder.AddFunctionPrototype(result, [new BtfParameter(builder.AddString("ctx"), pointer)]);
        int other = builder.AddFunctionPrototype(result, [Parameter("a"), Parameter("b"), Parameter("c"), Parameter("d"), Parameter("e")]);
        var functions = new int[starts.Count];
        for (int i = 0; i < functions.Length; i++)
            functions[i] = builder.AddFunction(i == 0 ? "fuzz" : $"f{starts[i]}", i == 0 ? entry : other, i == 0 ? BtfLinkage.Global : BtfLinkage.Static);
        return (builder.Build(), functions);

        BtfParameter Parameter(string name) => new(builder.AddString(name), number);
    }

    /// <summary>The program with maps of its own, which the caller disposes of.</summary>
    public LoadedProgram Load(ExecutionEnvironment environment) => Load(MakeMaps(environment));

    /// <summary>The program with maps that exist.</summary>
    public LoadedProgram Load(IReadOnlyList<IMap> maps)
    {
        List<int> starts = FunctionStarts();
        (byte[] types, int[] functions) = starts.Count > 1 ? DescribeFunctions(starts) : ([], [0]);
        return new LoadedProgram
        {
            Name = "fuzz", ProgramType = (int)Type, Instructions = Code, License = "GPL", Flags = Flags,
            Subprograms = [.. starts.Select((start, i) => new Subprogram(i == 0 ? "fuzz" : $"f{start}", start, i == 0, functions[i]))],
            Btf = types.Length > 0 ? BtfReader.Read(types, "fuzz", new DiagnosticBag()) : null, Maps = maps,
        };
    }

    public IReadOnlyList<IMap> MakeMaps(ExecutionEnvironment environment) => [.. Maps.Select(map => MapFactory.Create(map, environment.Allocator, environment.CpuCount))];
}
