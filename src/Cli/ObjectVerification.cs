// --verify: the compiler's output under the kernel's rules, with rejections as diagnostics at the C source that was compiled.
using Ebpfcc.Cli.Commands;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Rendering;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli;

public static class ObjectVerification
{
    /// <summary>
    /// Loads and verifies every program of an object.
    /// </summary>
    /// <param name="map">Where the sources are; gives rejections their place.</param>
    public static IReadOnlyList<Diagnostic> Check(byte[] image, string subject, SourceMap map, KernelVersion kernel)
    {
        var bag = new DiagnosticBag();
        using LoadedObject? loaded = ObjectReader.Read(image, subject, bag) is { } source
            ? ProgramLoader.Load(source, new LoadOptions { Subject = subject, DescribeUnimplementedMaps = true }, bag) : null;
        foreach (FailedProgram failed in loaded?.Failures ?? [])
            bag.Add(failed.Reason);
        foreach (LoadedProgram program in loaded?.Programs ?? [])
        {
            VerificationResult result = Verifier.Verify(program, new VerifierOptions { Kernel = kernel, KernelTypes = KernelInformation.RunningKernelTypes });
            if (result.Rejection is { } rejection)
                bag.Add(Describe(program, rejection, subject, map));
        }
        return bag.Items;
    }

    /// <summary>Renders why a program of an object was rejected, with the line of C that the object's line information holds.</summary>
    public static void Report(LoadedProgram program, Rejection rejection, string subject, CompileSettings compile, CommandContext context)
    {
        var map = new SourceMap();
        // The record knows its line by heart: the file need not be there, and need not be what it was.
        if (program.FindLine(rejection.Slot) is { Line: > 0 } line)
            map.AddFile(new SourceText(line.File, new string('\n', line.Line - 1) + line.Text));
        IDiagnosticRenderer renderer = CompileCommand.CreateRenderer(compile, context);
        renderer.Render([Describe(program, rejection, subject, map)], map);
        if (compile.ErrorFormat != ErrorFormat.Text)
            renderer.Finish();
    }

    private static Diagnostic Describe(LoadedProgram program, Rejection rejection, string subject, SourceMap map)
    {
        DiagnosticDescriptor row = VerifierDiagnostics.All.First(candidate => candidate.Id == rejection.Code);
        LineRecord? line = program.FindLine(rejection.Slot);
        SourceLocation place = line is { } known ? map.Find(known.File, known.Line, known.Column) : SourceLocation.None;
        Diagnostic diagnostic = Diagnostic.Create(row, place.IsNone ? SourceSpan.None : SourceSpan.At(place), $"program '{program.Name}' is rejected: {rejection.Message.Replace("\n", "; ")}");
        return place.IsNone ? diagnostic with { Subject = subject } : diagnostic;
    }
}
