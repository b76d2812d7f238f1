// What there is to run: an object (compiled first when it is C), or raw instructions.
using System.Runtime.InteropServices;
using System.Text;
using Ebpfcc.Cli.Commands;
using Ebpfcc.Cli.Explaining;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Cli.Running;

internal sealed record RunSource(byte[]? Image, EbpfObject? Object, LoadedProgram? Raw, string SideFile, RejectionReporter Reporter)
{
    /// <summary>Reads the input; null after the compiler has reported errors.</summary>
    /// <exception cref="RunRefusedException">An object or hexadecimal text is malformed.</exception>
    public static RunSource? Open(RunSettings settings, CommandContext context)
    {
        string file = settings.File!;
        string sideFile = Path.ChangeExtension(file, ".maps.json");
        var reporter = new RejectionReporter(file, null, null, settings.Compile, context);
        switch (Path.GetExtension(file))
        {
            case ".bin":
                return new RunSource(null, null, FromBytes(file, ReadFile(file)), sideFile, reporter);
            case ".hex":
                return new RunSource(null, null, FromBytes(file, ParseHex(Encoding.UTF8.GetString(ReadFile(file)))), sideFile, reporter);
        }
        var bag = new DiagnosticBag();
        if (!settings.Unverified)
            settings.Compile.Verify ??= Runtime.Verification.KernelVersion.V6_18;
        byte[]? image = ProgramInput.ReadImage(file, settings.Compile, context, bag, out reporter);
        EbpfObject? read = image is null ? null : ObjectReader.Read(image, file, bag);
        if (bag.HasErrors)
            throw new RunRefusedException(bag.Items[0]);
        return read is null ? null : new RunSource(image, read, null, sideFile, reporter);
    }

    /// <summary>The bytes of an input file.</summary>
    public static byte[] ReadFile(string file) => InputFile.Read(file, out string? error) ?? throw RunRefusedException.OfFile(CliDiagnostics.CannotRead, file, error);

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
}
