// ebpfcc asm FILE.s -o FILE.o: assembles LLVM's eBPF assembly (what clang -S and ebpfcc -S write) to an object.
using System.Text;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Output;
using Ebpfcc.Cli.Rendering;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Frontend.Preprocessing;

namespace Ebpfcc.Cli.Commands;

public static class AsmCommand
{
    private sealed class Settings
    {
        public CompileSettings Compile { get; } = new() { Cpu = (int)CpuVersion.V4 };
        public string? File;
        public string? Output;
        public bool Help;
    }

    private static readonly OptionRow<Settings>[] s_options =
    [
        new("Assembly", ["-o"], OptionForm.JoinedOrSeparate, "FILE", "write the object to FILE", (settings, text) => Set(() => settings.Output = text)),
        new("Assembly", ["-mcpu="], OptionForm.Joined, "VERSION", "refuse instructions that v1, v2, v3 or v4 (default) does not have", SetCpu),
        new("Assembly", ["--help", "-h"], OptionForm.Flag, null, "show this help", (settings, _) => Set(() => settings.Help = true)),
    ];

    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new Settings();
        var parser = new OptionParser<Settings>(s_options) { Positional = static (chosen, word) => chosen.File = word, MaximumPositional = 1 };
        if (parser.Parse(arguments, settings) is { } wrong)
            return ProgramInput.Usage(context, "asm", wrong);
        if (settings.Help)
        {
            context.Output.WriteLine("usage: ebpfcc asm FILE.s [-o FILE.o] [-mcpu=v1|v2|v3|v4]      ('-': standard input)");
            OptionHelp.Print(context.Output, s_options);
            return ExitStatus.Done;
        }
        if (settings.File is not { } file)
            return ProgramInput.Usage(context, "asm", "name the assembly file");
        var bag = new DiagnosticBag();
        var map = new SourceMap();
        byte[]? result = Assemble(file, settings, context, bag, map);
        IDiagnosticRenderer renderer = CompileCommand.CreateRenderer(settings.Compile, context);
        if (result is not null && !bag.HasErrors)
        {
            string output = settings.Output ?? (file == "-" ? "a.o" : Path.GetFileNameWithoutExtension(file) + ".o");
            if (AtomicFile.Write(output, result) is { } error)
                bag.Add(Diagnostic.Create(CliDiagnostics.CannotWrite, SourceSpan.None, error) with { Subject = output });
        }
        renderer.Render(bag.Items, map);
        renderer.Finish();
        return bag.HasErrors ? ExitStatus.Refused : ExitStatus.Done;
    }

    private static byte[]? Assemble(string file, Settings settings, CommandContext context, DiagnosticBag bag, SourceMap map)
    {
        if (ProgramInput.ReadSource(file, context, bag) is not { } source)
            return null;
        SourceLocation start = map.AddFile(source);
        ElfFile? elf = Assembler.AssembleFile(source.Content, bag, start, new AssemblerOptions { Cpu = (CpuVersion)settings.Compile.Cpu });
        return elf?.Write();
    }

    private static string? Set(Action apply)
    {
        apply();
        return null;
    }

    private static string? SetCpu(Settings settings, string text)
    {
        if (text is not ("v1" or "v2" or "v3" or "v4"))
            return $"there is no instruction set '{text}'; choose v1, v2, v3 or v4";
        settings.Compile.Cpu = text[1] - '0';
        return null;
    }
}
