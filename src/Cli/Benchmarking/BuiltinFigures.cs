// What needs no program of the user's: how long an engine takes to translate a hundred instructions, what calling an empty program
// costs, and what that allocates.
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Benchmarking;

/// <param name="TranslateMicroseconds">100 instructions, warm, with everything until the program could be called.</param>
/// <param name="CallNanoseconds">One call of a program that only returns.</param>
/// <param name="CallBytes">What a call allocates on the managed heap.</param>
internal sealed record BuiltinFigure(string Engine, bool IsSandboxed, double TranslateMicroseconds, double CallNanoseconds, double CallBytes);

internal static class BuiltinFigures
{
    private const int Instructions = 100, Rounds = 15;

    public static List<BuiltinFigure> Measure(IReadOnlyList<IExecutionEngine> engines, int milliseconds)
    {
        var figures = new List<BuiltinFigure>();
        foreach (IExecutionEngine engine in engines)
        {
            foreach (bool isSandboxed in new[] { false, true })
            {
                if (!isSandboxed || RunsSandboxed(engine))
                    figures.Add(Measure(engine, isSandboxed, milliseconds));
            }
        }
        return figures;
    }

    /// <summary>Some engines run verified programs only.</summary>
    private static bool RunsSandboxed(IExecutionEngine engine)
    {
        try
        {
            engine.PrepareSandboxed(Program(Ending), new SandboxOptions(), new ExecutionEnvironment { Allocator = EngineTable.AllocatorOf(engine) }).Dispose();
            return true;
        }
        catch (GuestFaultException)
        {
            return false;
        }
    }

    private static BuiltinFigure Measure(IExecutionEngine engine, bool isSandboxed, int milliseconds)
    {
        IGuestAllocator allocator = EngineTable.AllocatorOf(engine);
        var environment = new ExecutionEnvironment { Allocator = allocator };
        LoadedProgram hundred = Program([.. Body(), .. Ending]), empty = Program(Ending);
        VerifiedProgram? hundredProof = isSandboxed ? null : Prove(hundred), emptyProof = isSandboxed ? null : Prove(empty);
        IExecutable Translate(LoadedProgram program, VerifiedProgram? proof)
            => proof is null ? engine.PrepareSandboxed(program, new SandboxOptions(), environment) : engine.Prepare(proof, environment);

        double TranslateOnce()
        {
            long start = Stopwatch.GetTimestamp();
            using IExecutable once = Translate(hundred, hundredProof);
            return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }
        Sampler.Warm(() => TranslateOnce());
        double translate = Sampler.Median(Rounds, TranslateOnce);

        // The empty program does not look at its memory, but the sandbox wants some that the engine can address.
        GCHandle memory = GCHandle.Alloc(new byte[256], GCHandleType.Pinned);
        (nint r1, nint r2) = ReferenceEquals(allocator, GuestHeap.Shared) ? (memory.AddrOfPinnedObject(), 256) : (0, 0);
        GuestContext outer = GuestContext.Current;
        GuestContext.Current = new GuestContext(environment);
        try
        {
            using IExecutable executable = Translate(empty, emptyProof);
            void Call(int repeat)
            {
                for (int i = 0; i < repeat; i++)
                    executable.Run(r1, r2);
            }
            using var sampler = new Sampler(Call);
            double call = Sampler.Median(Rounds, () => sampler.Sample(milliseconds));
            const int Calls = 1000;
            // What the runtime allocates once, while it makes better code of ours, is no call's: the least of some rounds counts.
            long allocated = long.MaxValue;
            for (int round = 0; round < 3; round++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                Call(Calls);
                allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            return new BuiltinFigure(engine.Name, isSandboxed, translate, call, allocated / (double)Calls);
        }
        finally
        {
            GuestContext.Current = outer;
            memory.Free();
        }
    }

    private static EbpfInstruction[] Ending => [OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 0, immediate: 2), OpcodeTable.Encode(EbpfOpcode.Exit)];

    /// <summary>Arithmetic, stores and loads of the stack, and branches, in the mixture of packet filters.</summary>
    private static List<EbpfInstruction> Body()
    {
        var body = new List<EbpfInstruction> { OpcodeTable.Encode(EbpfOpcode.Load32, 6, 1, 12), OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 7, immediate: 1) };
        for (int i = 0; body.Count < Instructions - 8; i++)
        {
            int place = -8 * (1 + i % 8);
            body.Add(OpcodeTable.Encode(EbpfOpcode.StoreReg64, 10, 7, place));
            body.Add(OpcodeTable.Encode(EbpfOpcode.Load64, 2, 10, place));
            body.Add(OpcodeTable.Encode(EbpfOpcode.Mul64Imm, 2, immediate: 31 + i));
            body.Add(OpcodeTable.Encode(EbpfOpcode.Jgt64Imm, 2, offset: 2, immediate: 1000));
            body.Add(OpcodeTable.Encode(EbpfOpcode.Xor32Reg, 7, 6));
            body.Add(OpcodeTable.Encode(EbpfOpcode.Rsh32Imm, 7, immediate: 3));
            body.Add(OpcodeTable.Encode(EbpfOpcode.Add64Reg, 7, 2));
            body.Add(OpcodeTable.Encode(EbpfOpcode.And64Imm, 7, immediate: 0xffff));
        }
        while (body.Count < Instructions - Ending.Length)
            body.Add(OpcodeTable.Encode(EbpfOpcode.Add64Imm, 7, immediate: 5));
        return body;
    }

    private static LoadedProgram Program(EbpfInstruction[] instructions) => new()
    {
        Name = "generated", ProgramType = (int)ProgramType.Xdp, Instructions = instructions, Subprograms = [new Subprogram("generated", 0, true, 0)],
    };

    private static VerifiedProgram Prove(LoadedProgram program)
        => Verifier.Verify(program) is var result && result.Program is { } proof ? proof
            : throw new Core.Diagnostics.InternalCompilerException("bench", program.Name, result.Rejection!.Message);

    public static void Print(List<BuiltinFigure> figures, TextWriter output)
    {
        output.WriteLine($"{"engine",-24}{$"jit us, {Instructions} insns",20}{"empty call ns",16}{"bytes a call",14}");
        foreach (BuiltinFigure figure in figures)
        {
            string name = figure.Engine + (figure.IsSandboxed ? ", sandboxed" : "");
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-24}{figure.TranslateMicroseconds,20:F1}{figure.CallNanoseconds,16:F1}{figure.CallBytes,14:F0}"));
        }
    }

    public static void PrintJson(List<BuiltinFigure> figures, TextWriter output)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartArray();
            foreach (BuiltinFigure figure in figures)
            {
                json.WriteStartObject();
                json.WriteString("engine", figure.Engine);
                json.WriteString("mode", figure.IsSandboxed ? "sandboxed" : "verified");
                json.WriteNumber("prepare_us", Math.Round(figure.TranslateMicroseconds, 1));
                json.WriteNumber("prepared_insns", Instructions);
                json.WriteNumber("empty_call_ns", Math.Round(figure.CallNanoseconds, 2));
                json.WriteNumber("call_bytes", Math.Round(figure.CallBytes, 1));
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        output.WriteLine(Encoding.UTF8.GetString(buffer.ToArray()));
    }
}
