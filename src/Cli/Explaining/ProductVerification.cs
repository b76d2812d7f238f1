// --verify: the compiler's output under the kernel's rules, with rejections as explained diagnostics at the C source that was
// compiled.
using Ebpfcc.Cli.Options;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Explaining;

public static class ProductVerification
{
    /// <summary>Loads and verifies every program of a compiled object.</summary>
    /// <returns>What is wrong with it; empty when all of it is accepted.</returns>
    public static IReadOnlyList<Diagnostic> Check(Product product, SourceText text, CompileSettings settings, CommandContext context, KernelVersion kernel)
    {
        if (product.IsVerified)
            return [];
        var bag = new DiagnosticBag();
        using LoadedObject? loaded = ObjectReader.Read(product.Object!, text.Path, bag) is { } source
            ? ProgramLoader.Load(source, new LoadOptions { Subject = text.Path, DescribeUnimplementedMaps = true }, bag) : null;
        foreach (FailedProgram failed in loaded?.Failures ?? [])
            bag.Add(failed.Reason);
        var options = new VerifierOptions { Kernel = kernel, KernelTypes = KernelInformation.RunningKernelTypes };
        var rejected = new List<(LoadedProgram Program, Rejection Rejection)>();
        foreach (LoadedProgram program in loaded?.Programs ?? [])
        {
            if (Verifier.Verify(program, options).Rejection is { } rejection)
                rejected.Add((program, rejection));
        }
        if (rejected.Count == 0)
            return bag.Items;
        var reporter = new RejectionReporter(text.Path, text, product, settings, context);
        string[] names = [.. rejected.Select(static entry => entry.Program.Name), .. (loaded?.Failures ?? []).Select(static failed => failed.Name)];
        foreach ((LoadedProgram program, Rejection rejection) in rejected)
            bag.Add(reporter.Describe(program, rejection, options, names).Diagnostic);
        return bag.Items;
    }
}
