// ebpfcc cbpf EXPRESSION | FILE: classic BPF, from a tcpdump expression or in any of its forms, converted to eBPF, C or an
// object, or tried on packets.
using System.Text;
using System.Text.Json;
using Ebpfcc.Cli.Classic;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Output;
using Ebpfcc.Cli.Rendering;
using Ebpfcc.Cli.Running;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Classic;
using Ebpfcc.Runtime.Capture;

namespace Ebpfcc.Cli.Commands;

public static class CbpfCommand
{
    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new ClassicSettings();
        var parser = new OptionParser<ClassicSettings>(ClassicSettings.Options) { Positional = static (chosen, word) => chosen.Words.Add(word) };
        if (parser.Parse(arguments, settings) is { } wrong)
            return ProgramInput.Usage(context, "cbpf", wrong);
        if (settings.Help)
        {
            context.Output.WriteLine("usage: ebpfcc cbpf 'tcp port 80' | FILE | - [--to ebpf|c|asm|obj|d|dd|ddd|bytes] [-o FILE] [--pcap FILE] [options]");
            context.Output.WriteLine("FILE (or '-', standard input) holds a program as tcpdump -d, -dd or -ddd prints it, in the language of bpf_asm, or as bytes.");
            OptionHelp.Print(context.Output, ClassicSettings.Options);
            return ExitStatus.Done;
        }
        if (settings.Words.Count == 0)
            return ProgramInput.Usage(context, "cbpf", "name an expression or a file");
        if (settings.Engine != EngineRegistry.All && settings.Engine != ClassicSettings.ClassicEngine && EngineTable.Find(settings.Engine) is null)
            return ProgramInput.Usage(context, "cbpf", $"there is no engine '{settings.Engine}'; there are: {string.Join(", ", EngineTable.Rows.Select(row => row.Name))}, classic, all");
        if (settings.Form is "obj" or "bytes" && settings.Output is null)
            return ProgramInput.Usage(context, "cbpf", $"--to {settings.Form} needs -o FILE");
        if (settings.CaptureOut is not null && settings.Capture is null)
            return ProgramInput.Usage(context, "cbpf", "--pcap-out needs --pcap");
        if (settings.IsSeccomp && settings.Capture is not null)
            return ProgramInput.Usage(context, "cbpf", "a filter of system calls does not run on packets");

        var bag = new DiagnosticBag();
        var map = new SourceMap();
        try
        {
            if (ReadFilter(settings, context, bag, map) is { } filter)
                Produce(filter, settings, context, bag);
        }
        catch (RunRefusedException refusal)
        {
            bag.Add(refusal.Diagnostic);
        }
        IDiagnosticRenderer renderer = CompileCommand.CreateRenderer(new CompileSettings(), context);
        renderer.Render(bag.Items, map);
        renderer.Finish();
        return bag.HasErrors ? ExitStatus.Refused : ExitStatus.Done;
    }

    private static ClassicFilter? ReadFilter(ClassicSettings settings, CommandContext context, DiagnosticBag bag, SourceMap map)
    {
        ClassicDialect dialect = settings.IsSeccomp ? ClassicDialect.Seccomp : ClassicDialect.Socket;
        bool isFile = !settings.IsExpression && settings.Words is [var word] && (word == "-" || File.Exists(word));
        if (isFile)
            return ReadFile(settings.Words[0], context, bag, map)?.Check(dialect, bag);
        string expression = string.Join(' ', settings.Words);
        if (LibPcap.WhyMissing is { } missing)
        {
            bag.Add(Diagnostic.Create(ClassicTrialDiagnostics.NoPcap, SourceSpan.None, missing));
            return null;
        }
        int? linkType = int.TryParse(settings.LinkType, out int number) && number >= 0 ? number : LibPcap.FindLinkType(settings.LinkType);
        if (linkType is null)
        {
            bag.Add(Diagnostic.Create(ClassicTrialDiagnostics.BadExpression, SourceSpan.None, $"there is no link type '{settings.LinkType}'"));
            return null;
        }
        ClassicInstruction[]? code = LibPcap.Compile(expression, linkType.Value, settings.SnapLength, settings.Optimize, out string? error);
        if (code is null)
        {
            // A path that does not exist ends up here, too.
            string hint = settings.Words is [var one] && !settings.IsExpression && (one.Contains('/') || one.Contains('.')) && !one.Contains(' ') ? $" (and there is no file '{one}')" : "";
            bag.Add(Diagnostic.Create(ClassicTrialDiagnostics.BadExpression, SourceSpan.None, error + hint));
            return null;
        }
        return new ClassicSource(code, new SourceSpan[code.Length]).Check(dialect, bag);
    }

    private static ClassicSource? ReadFile(string file, CommandContext context, DiagnosticBag bag, SourceMap map)
    {
        byte[]? bytes;
        if (file == "-")
        {
            using Stream input = context.OpenInput();
            bytes = InputFile.ReadAll(input, out string? error);
            if (bytes is null)
                bag.Add(Diagnostic.Create(CliDiagnostics.CannotRead, SourceSpan.None, error) with { Subject = "<stdin>" });
        }
        else
        {
            bytes = ProgramInput.ReadBytes(file, bag);
        }
        if (bytes is null)
            return null;
        // Text has no zero bytes, and every program as bytes has some: codes are below 256.
        if (bytes.AsSpan().Contains((byte)0))
            return ClassicParser.FromBytes(bytes, bag);
        string text = SourceEncoding.Decode(bytes);
        return ClassicParser.Parse(text, map.AddFile(new SourceText(file == "-" ? "<stdin>" : file, text)), bag);
    }

    private static void Produce(ClassicFilter filter, ClassicSettings settings, CommandContext context, DiagnosticBag bag)
    {
        ClassicConversion conversion = ClassicConverter.Convert(filter);
        if (settings.Form is not null || !(settings.Runs || settings.Bench))
            Write(filter, conversion, settings, context, bag);
        if (!settings.Runs && !settings.Bench)
            return;
        using var trial = new ClassicTrial(settings, context, filter, conversion);
        trial.Run();
    }

    private static void Write(ClassicFilter filter, ClassicConversion conversion, ClassicSettings settings, CommandContext context, DiagnosticBag bag)
    {
        string? text = settings.Form switch
        {
            "c" => ClassicCWriter.Write(filter, settings.Name, string.Join(' ', settings.Words)),
            "asm" => ClassicOutput.Assembly(filter, conversion, settings.Name),
            "d" => ClassicPrinter.Print(filter.Instructions),
            "dd" => ClassicPrinter.Print(filter.Instructions, ClassicForm.Initializers),
            "ddd" => ClassicPrinter.Print(filter.Instructions, ClassicForm.Numbers),
            "obj" or "bytes" => null,
            _ => ClassicOutput.Listing(filter, conversion),
        };
        byte[]? bytes = text is not null ? Encoding.UTF8.GetBytes(text)
            : settings.Form == "bytes" ? ClassicPrinter.ToBytes(filter.Instructions)
            : ClassicOutput.ObjectFile(conversion, settings.Name, bag);
        if (bytes is null)
            return;
        if (settings.Output is { } file and not "-")
        {
            if (AtomicFile.Write(file, bytes) is { } error)
                bag.Add(Diagnostic.Create(CliDiagnostics.CannotWrite, SourceSpan.None, error) with { Subject = file });
        }
        else if (text is null)
        {
            using Stream output = context.OpenOutput();
            output.Write(bytes);
        }
        else if (settings.Json && settings.Form is null && !settings.Runs && !settings.Bench)
        {
            WriteJson(filter, conversion, settings, context);
        }
        else
        {
            context.Output.Write(text);
        }
    }

    private static void WriteJson(ClassicFilter filter, ClassicConversion conversion, ClassicSettings settings, CommandContext context)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("program", settings.Name);
            json.WriteString("section", conversion.Section);
            json.WriteBoolean("loads_in_linux", conversion.Internal.Count == 0);
            json.WriteStartArray("classic");
            for (int i = 0; i < filter.Instructions.Count; i++)
            {
                ClassicInstruction instruction = filter.Instructions[i];
                json.WriteStartObject();
                json.WriteNumber("code", instruction.Code);
                json.WriteNumber("jt", instruction.JumpTrue);
                json.WriteNumber("jf", instruction.JumpFalse);
                json.WriteNumber("k", instruction.K);
                json.WriteString("text", ClassicPrinter.Format(instruction, i).Replace('\t', ' ').TrimEnd());
                json.WriteNumber("ebpf_insn", conversion.Starts[i]);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteStartArray("ebpf");
            for (int slot = 0; slot < conversion.Instructions.Length; slot++)
                json.WriteStringValue(Ebpf.Isa.Disassembler.Format(conversion.Instructions, slot, Ebpf.Isa.DisassemblyOptions.Default));
            json.WriteEndArray();
            json.WriteEndObject();
        }
        context.Output.WriteLine(Encoding.UTF8.GetString(buffer.ToArray()));
    }
}
