// C source to an object in this process.
using Ebpfcc.Backend.Ebpf;
using Ebpfcc.Backend.Ebpf.Emission;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Frontend;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Ir.Passes;

namespace Ebpfcc.Embedding;

/// <summary>How C is compiled.</summary>
public sealed record CompileOptions
{
    /// <summary>The name that messages and line information give the source.</summary>
    public string FileName { get; init; } = "program.c";

    /// <summary>Macros as <c>NAME</c> or <c>NAME=VALUE</c>.</summary>
    public IReadOnlyList<string> Defines { get; init; } = [];

    /// <summary>Folders searched for headers before the system's.</summary>
    public IReadOnlyList<string> IncludeDirectories { get; init; } = [];

    /// <summary>Headers by name that exist in memory only: <c>#include "name"</c> and <c>&lt;name&gt;</c> find them first.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>0 to 3.</summary>
    public int OptimizationLevel { get; init; } = 2;

    /// <summary>Instruction set version, 1 to 4.</summary>
    public int Cpu { get; init; } = 3;
}

/// <summary>The compiler as a function.</summary>
public static class CCompiler
{
    private const string MemoryFolder = "ebpfcc-memory:";

    /// <summary>Compiles one C source to an ELF object that Linux, and <see cref="Vm.Load(byte[], ModuleOptions?)"/>, take.</summary>
    /// <exception cref="EbpfException">The source has errors; they are in <see cref="EbpfException.Diagnostics"/>.</exception>
    public static byte[] Compile(string source, CompileOptions? options = null)
    {
        options ??= new CompileOptions();
        var files = new MemoryFileSystem(new RealFileSystem());
        foreach ((string name, string text) in options.Headers)
            files[Path.Combine(MemoryFolder, name)] = text;
        string[] folders = options.Headers.Count > 0 ? [MemoryFolder, .. options.IncludeDirectories] : [.. options.IncludeDirectories];
        Compilation compilation = Compilation.Run(new SourceText(options.FileName, source), new CompilationOptions
        {
            Preprocessor = new PreprocessorOptions
            {
                Macros = [.. options.Defines.Select(definition => new MacroOption(definition, IsUndefinition: false))],
                IncludeDirectories = folders,
                StandardDirectories = IncludePaths.Standard(Directory.Exists),
                UseEmbeddedHeaders = true,
                CpuVersion = options.Cpu,
                Optimize = options.OptimizationLevel > 0,
            },
            Optimization = new OptimizationOptions { Level = options.OptimizationLevel },
        }, files);
        EbpfObject? compiled = compilation.Succeeded ? ObjectEmitter.Emit(compilation.Ir!, new BackendOptions((CpuVersion)options.Cpu), compilation.Diagnostics) : null;
        if (compiled is null || !compilation.Succeeded)
            throw EbpfException.Of($"{options.FileName} does not compile", [.. compilation.Diagnostics.Items.Select(item => Located(item, compilation.SourceMap))]);
        return ObjectWriter.Write(compiled);
    }

    /// <summary>Positions mean something with the source map only, so that messages carry them as text.</summary>
    private static Diagnostic Located(Diagnostic diagnostic, SourceMap map)
        => map.GetFilePosition(diagnostic.Span.Start) is { } place ? diagnostic with { Message = $"{place}: {diagnostic.Message}" } : diagnostic;
}
