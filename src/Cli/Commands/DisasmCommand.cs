// ebpfcc disasm FILE: lists an object's code as LLVM or the kernel writes it, with C lines, relocations and helper names.
using System.Text;
using System.Text.Json;
using Ebpfcc.Cli.Options;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;

namespace Ebpfcc.Cli.Commands;

public static class DisasmCommand
{
    private sealed class Settings
    {
        public CompileSettings Compile { get; } = new();
        public string? File;
        public string? Function;
        public bool Source;
        public bool Bytes;
        public bool Kernel;
        public bool Json;
        public bool Help;
    }

    private static readonly OptionRow<Settings>[] s_options =
    [
        new("Listing", ["-S", "--source"], OptionForm.Flag, null, "show C lines between the instructions", (settings, _) => Set(() => settings.Source = true)),
        new("Listing", ["--bytes"], OptionForm.Flag, null, "show the bytes of each instruction", (settings, _) => Set(() => settings.Bytes = true)),
        new("Listing", ["--prog"], OptionForm.EqualsOrSeparate, "NAME", "only this function", (settings, text) => Set(() => settings.Function = text)),
        new("Listing", ["--style"], OptionForm.EqualsOrSeparate, "llvm|kernel", "how instructions are written (llvm)", SetStyle),
        new("Listing", ["--json"], OptionForm.Flag, null, "print an array of instructions", (settings, _) => Set(() => settings.Json = true)),
        new("Listing", ["--help", "-h"], OptionForm.Flag, null, "show this help", (settings, _) => Set(() => settings.Help = true)),
        .. ProgramInput.CompileRows<Settings>(settings => settings.Compile),
    ];

    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new Settings();
        var parser = new OptionParser<Settings>(s_options) { Positional = static (chosen, word) => chosen.File = word, MaximumPositional = 1 };
        if (parser.Parse(arguments, settings) is { } wrong)
            return ProgramInput.Usage(context, "disasm", wrong);
        if (settings.Help)
        {
            context.Output.WriteLine("usage: ebpfcc disasm FILE.{o,c} [-S] [--bytes] [--prog NAME] [--style llvm|kernel] [--json]");
            OptionHelp.Print(context.Output, s_options);
            return ExitStatus.Done;
        }
        if (settings.File is not { } file)
            return ProgramInput.Usage(context, "disasm", "name the object or C file to list");
        if (ProgramInput.Open(file, settings.Compile, context) is not { } source)
            return ExitStatus.Refused;
        if (settings.Function is { } name && source.Functions.All(function => function.Name != name))
            return ProgramInput.NoSuchProgram(file, name, source.Functions.Select(function => function.Name), settings.Compile, context);
        if (settings.Json)
            PrintJson(source, settings, context.Output);
        else
            context.Output.Write(ObjectListing.Print(source, new ListingOptions
            {
                Style = settings.Kernel ? DisassemblyStyle.Kernel : DisassemblyStyle.Llvm, SourceLines = settings.Source, RawBytes = settings.Bytes, Function = settings.Function,
            }));
        return ExitStatus.Done;
    }

    private static void PrintJson(EbpfObject source, Settings settings, TextWriter output)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            DisassemblyOptions style = settings.Kernel ? DisassemblyOptions.Kernel : DisassemblyOptions.Default;
            json.WriteStartArray();
            foreach (EbpfFunction function in source.Functions)
            {
                if (settings.Function is { } only && function.Name != only)
                    continue;
                for (int slot = 0; slot < function.Instructions.Length;)
                {
                    OpcodeRow? row = OpcodeTable.Find(function.Instructions[slot]);
                    json.WriteStartObject();
                    json.WriteString("function", function.Name);
                    json.WriteString("section", function.Section.Name);
                    json.WriteNumber("insn", slot);
                    json.WriteString("opcode", (row?.Opcode ?? EbpfOpcode.Invalid).ToString());
                    json.WriteString("text", Disassembler.Format(function.Instructions, slot, style));
                    json.WriteEndObject();
                    slot += row?.Slots ?? 1;
                }
            }
            json.WriteEndArray();
        }
        output.WriteLine(Encoding.UTF8.GetString(buffer.ToArray()));
    }

    private static string? Set(Action apply)
    {
        apply();
        return null;
    }

    private static string? SetStyle(Settings settings, string text)
    {
        settings.Kernel = text == "kernel";
        return text is "llvm" or "kernel" ? null : $"there is no style '{text}'; choose llvm or kernel";
    }
}
