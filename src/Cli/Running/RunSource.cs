// What there is to run: an object (compiled first when it is C), or raw instructions.
using System.Runtime.InteropServices;
using Ebpfcc.Cli.Commands;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Rendering;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Cli.Running;

internal sealed record RunSource(byte[]? Image, EbpfObject? Object, LoadedProgram? Raw, string SideFile)
{
    /// <summary>Reads the input; null after the compiler has reported errors.</summary>
    /// <exception cref="RunRefusedException">An object or hexadecimal text is malformed.</exception>
    public static RunSource? Open(RunSettings settings, CommandContext context)
    {
        string file = settings.File!;
        string sideFile = Path.ChangeExtension(file, ".maps.json");
        switch (Path.GetExtension(file))
        {
            case ".bin":
                return new RunSource(null, null, FromBytes(file, File.ReadAllBytes(file)), sideFile);
            case ".hex":
                return new RunSource(null, null, FromBytes(file, ParseHex(File.ReadAllText(file))), sideFile);
        }
        byte[]? image = ProgramInput.IsSource(file) ? Compile(settings, context) : File.ReadAllBytes(file);
        if (image is null)
            return null;
        var bag = new DiagnosticBag();
        return ObjectReader.Read(image, file, bag) is { } read ? new RunSource(image, read, null, sideFile) : throw new RunRefusedException(bag.Items[0]);
    }

    public static LoadedProgram FromBytes(string name, byte[] bytes)
    {
        if (bytes.Length == 0 || bytes.Length % EbpfInstruction.Size != 0)
            throw RunRefusedException.Of(RunDiagnostics.Fault, name, $"{bytes.Length} bytes are not whole instructions");
        return ProgramLoader.LoadRaw(Path.GetFileNameWithoutExtension(name), MemoryMarshal.Cast<byte, EbpfInstruction>(bytes).ToArray());
    }

    public static byte[] ParseHex(string text)
    {
        string digits = string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
        if (digits.Length % 2 != 0 || !digits.All(char.IsAsciiHexDigit))
            throw RunRefusedException.Of(RunDiagnostics.BadHex, digits.Length > 40 ? digits[..40] + "..." : digits);
        return Convert.FromHexString(digits);
    }

    private static byte[]? Compile(RunSettings settings, CommandContext context)
    {
        CompileSettings compile = settings.Compile;
        compile.Emit = EmitForm.Object;
        var files = new RealFileSystem();
        string? text, error = null;
        if (settings.File == "-")
        {
            using var reader = new StreamReader(context.OpenInput());
            text = reader.ReadToEnd();
        }
        else
        {
            text = files.ReadFile(settings.File!, out error);
        }
        if (text is null)
            throw RunRefusedException.Of(CliDiagnostics.CannotRead, $"{settings.File}: {error ?? "no such file"}");
        Product product = CompilePipeline.Run(new SourceText(settings.File!, text), compile, files, context);
        IDiagnosticRenderer renderer = CompileCommand.CreateRenderer(compile, context);
        renderer.Render(product.Diagnostics, product.SourceMap);
        renderer.Finish();
        return product.Succeeded ? product.Object : null;
    }
}
