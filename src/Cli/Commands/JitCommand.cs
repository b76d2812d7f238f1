// ebpfcc jit FILE --arch x64|arm32|llvm: translates verified programs to machine code; writes the code, or lists it beside the
// eBPF instructions and C lines it came from.
using System.Globalization;
using System.Runtime.InteropServices;
using Ebpfcc.Cli.Explaining;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Output;
using Ebpfcc.Cli.Running;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Arm32;
using Ebpfcc.Jit.Llvm;
using Ebpfcc.Jit.Memory;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Commands;

public static class JitCommand
{
    private sealed class Settings
    {
        public CompileSettings Compile { get; } = new();
        public string? File;
        public string Architecture = "x64";
        public string? Program;
        public string? Output;
        public int MaxInstructions = InstructionLimit.Default;
        public bool Unverified;
        public bool Dump;
        public bool Help;
    }

    private static readonly OptionRow<Settings>[] s_options =
    [
        new("Translation", ["--arch"], OptionForm.EqualsOrSeparate, "ARCH", "x64 (default), arm32, arm32v6, or llvm (this machine's code by LLVM)", SetArchitecture),
        new("Translation", ["--prog"], OptionForm.EqualsOrSeparate, "NAME", "translate only this program", (settings, text) => Set(() => settings.Program = text)),
        new("Translation", ["-o"], OptionForm.JoinedOrSeparate, "FILE", "write the machine code (llvm: a relocatable object) of one program to FILE", (settings, text) => Set(() => settings.Output = text)),
        new("Translation", ["--unverified"], OptionForm.Flag, null, "as sandboxed code, with every access checked and fuel counted (x64); programs without a type always are", (settings, _) => Set(() => settings.Unverified = true)),
        new("Translation", ["--max-insns"], OptionForm.EqualsOrSeparate, "N", InstructionLimit.Help, (settings, text) => InstructionLimit.Parse(text, ref settings.MaxInstructions)),
        new("Translation", ["--dump"], OptionForm.Flag, null, "list code with eBPF instructions and C lines beside it (llvm: below the optimised IR)", (settings, _) => Set(() => settings.Dump = true)),
        new("Translation", ["--help", "-h"], OptionForm.Flag, null, "show this help", (settings, _) => Set(() => settings.Help = true)),
        .. ProgramInput.CompileRows<Settings>(settings => settings.Compile),
    ];

    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new Settings();
        var parser = new OptionParser<Settings>(s_options) { Positional = static (chosen, word) => chosen.File = word, MaximumPositional = 1 };
        if (parser.Parse(arguments, settings) is { } wrong)
            return ProgramInput.Usage(context, "jit", wrong);
        if (settings.Help)
        {
            context.Output.WriteLine("usage: ebpfcc jit FILE.{o,c} [--arch x64|arm32|arm32v6|llvm] [--prog NAME] [--unverified] [-o CODE.bin] [--dump]");
            OptionHelp.Print(context.Output, s_options);
            return ExitStatus.Done;
        }
        if (settings.File is not { } file)
            return ProgramInput.Usage(context, "jit", "name the object or C file to translate");

        // ARM32 code holds 32-bit addresses of maps: they must lie where such addresses reach.
        using GuestArena? arena = settings.Architecture.StartsWith("arm32", StringComparison.Ordinal) ? GuestArena.TryCreate(out _) : null;
        var environment = arena is null ? new ExecutionEnvironment() : new ExecutionEnvironment { Allocator = arena };
        using LoadedObject? loaded = ProgramInput.Load(file, settings.Compile, context, new LoadOptions { Environment = environment, TakesUntypedPrograms = settings.Architecture == "x64" }, out RejectionReporter reporter);
        if (loaded is null)
            return ExitStatus.Refused;
        List<LoadedProgram> programs = [.. loaded.Programs.Where(program => settings.Program is null || program.Name == settings.Program)];
        bool complete = ProgramInput.ReportFailures(loaded, settings.Program, settings.Compile, context);
        if (programs.Count == 0)
            return complete && settings.Program is { } name ? ProgramInput.NoSuchProgram(file, name, loaded.Programs.Select(program => program.Name), settings.Compile, context) : ExitStatus.Refused;
        if (settings.Output is not null && programs.Count > 1)
            return ProgramInput.Usage(context, "jit", $"-o takes one program; choose with --prog: {string.Join(", ", programs.Select(program => program.Name))}");
        int status = complete ? ExitStatus.Done : ExitStatus.Refused;
        foreach (LoadedProgram program in programs)
            status = Math.Max(status, Translate(program, settings, environment, context, reporter));
        return status;
    }

    private static int Translate(LoadedProgram program, Settings settings, ExecutionEnvironment environment, CommandContext context, RejectionReporter reporter)
    {
        bool isSandboxed = settings.Unverified || program.ProgramType == (int)ProgramType.Unspec;
        if (isSandboxed && settings.Architecture != "x64")
            return ProgramInput.Usage(context, "jit", "--unverified takes --arch x64");
        var options = new VerifierOptions { InstructionLimit = settings.MaxInstructions, KernelTypes = KernelInformation.RunningKernelTypes };
        VerificationResult? verified = isSandboxed ? null : Verifier.Verify(program, options);
        if (verified is { Program: null })
        {
            ProgramInput.RenderRejection(reporter, program, verified.Rejection!, options, settings.Compile, context);
            return ExitStatus.Refused;
        }
        VerifiedProgram? proof = verified?.Program;
        byte[] bytes;
        int[] offsets = [];
        LlvmCode? llvm = null;
        try
        {
            if (settings.Architecture == "llvm")
                llvm = TranslateByLlvm(proof!, environment, context);
            (bytes, offsets) = llvm is not null ? (llvm.Code, []) : settings.Architecture switch
            {
                "x64" => (proof is null ? X64Engine.TranslateSandboxed(program, environment) : X64Engine.Translate(proof, environment)) is var code ? (code.Bytes, code.SlotOffsets) : default,
                "arm32v6" => Arm32Engine.Translate(proof!, Arm32Features.V6) is var code ? (code.Bytes, code.SlotOffsets) : default,
                _ => Arm32Engine.Translate(proof!) is var code ? (code.Bytes, code.SlotOffsets) : default,
            };
        }
        catch (GuestFaultException missing)
        {
            RunCommand.Report(context, Diagnostic.Create(RunDiagnostics.Fault, SourceSpan.None, program.Name, missing.Message));
            return ExitStatus.Refused;
        }
        catch (RunRefusedException refusal)
        {
            RunCommand.Report(context, refusal.Diagnostic);
            return ExitStatus.Refused;
        }
        if (settings.Output is { } path && AtomicFile.Write(path, llvm?.Image ?? bytes) is { } error)
        {
            var bag = new DiagnosticBag();
            bag.Add(Diagnostic.Create(CliDiagnostics.CannotWrite, SourceSpan.None, error) with { Subject = path });
            ProgramInput.Render(bag, settings.Compile, context);
            return ExitStatus.Refused;
        }
        if (settings.Dump)
        {
            using var listing = new MachineListing(ArchitectureOf(settings), EngineTable.LlvmLibrary(context));
            if (llvm is not null)
                Print(llvm, listing, context.Output);
            else
                Print(program, proof?.Instructions ?? program.Instructions, bytes, offsets, listing, context.Output);
        }
        else
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{program.Name}: {program.Instructions.Length} eBPF instructions, {bytes.Length} bytes of {settings.Architecture} code"));
        return ExitStatus.Done;
    }

    private static Architecture ArchitectureOf(Settings settings) => settings.Architecture switch
    {
        "x64" => Architecture.X64,
        "llvm" => RuntimeInformation.ProcessArchitecture,
        _ => Architecture.Arm,
    };

    private static LlvmCode TranslateByLlvm(VerifiedProgram program, ExecutionEnvironment environment, CommandContext context)
    {
        var engine = new LlvmEngine(EngineTable.LlvmLibrary(context));
        return engine.WhyUnavailable is { } reason ? throw RunRefusedException.Of(RunDiagnostics.EngineUnavailable, engine.Name, reason) : engine.Translate(program, environment);
    }

    /// <summary>The IR, and the functions that became of it.</summary>
    private static void Print(LlvmCode code, MachineListing listing, TextWriter output)
    {
        output.WriteLine(code.Ir);
        foreach ((string name, int offset, int length) in code.Functions)
        {
            output.WriteLine($"{name}:");
            foreach (string line in listing.Lines(code.Code, offset, offset + length))
                output.WriteLine(line);
        }
    }

    /// <summary>C line, eBPF instruction, and the machine code it became.</summary>
    private static void Print(LoadedProgram program, EbpfInstruction[] instructions, byte[] bytes, int[] offsets, MachineListing listing, TextWriter output)
    {
        const int Column = 56;
        output.WriteLine($"{program.Name}:");
        // Blocks are not always in the order of the program: code ends where any other begins.
        int[] starts = [.. offsets.Where(offset => offset >= 0).Append(bytes.Length).Distinct().Order()];
        string? lastLine = null;
        for (int slot = 0; slot < offsets.Length; slot++)
        {
            if (offsets[slot] < 0)
                continue;
            if (program.FindLine(slot) is { } line && $"; {line.File}:{line.Line}  {line.Text.Trim()}" is var text && text != lastLine)
                output.WriteLine(lastLine = text);
            int next = Array.FindIndex(offsets, slot + 1, offset => offset >= 0);
            bool isPartOfNext = next >= 0 && offsets[next] == offsets[slot];
            int end = isPartOfNext ? offsets[slot] : starts[Math.Min(Array.BinarySearch(starts, offsets[slot]) + 1, starts.Length - 1)];
            string instruction = string.Create(CultureInfo.InvariantCulture, $"{slot,5}: {Disassembler.Format(instructions, slot, DisassemblyOptions.Kernel)}");
            bool isEmpty = true;
            foreach (string native in listing.Lines(bytes, offsets[slot], end))
            {
                output.WriteLine($"{(isEmpty ? instruction : "").PadRight(Column)} {native}");
                isEmpty = false;
            }
            if (isEmpty)
                output.WriteLine(instruction);
        }
    }

    private static string? Set(Action apply)
    {
        apply();
        return null;
    }

    private static string? SetArchitecture(Settings settings, string text)
    {
        if (text is not ("x64" or "arm32" or "arm32v6" or "llvm"))
            return $"there is no translation to '{text}'; choose x64, arm32, arm32v6 or llvm";
        settings.Architecture = text;
        return null;
    }
}
