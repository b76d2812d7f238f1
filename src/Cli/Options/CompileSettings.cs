// What the command line of the compiler asks for; filled by CompileOptionTable.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Options;

/// <summary>What is produced.</summary>
public enum EmitForm { Object, Tokens, Syntax, Bound, Ir, Mir, Assembly, Btf, Preprocessed, Nothing, Dependencies }

public enum ErrorFormat { Text, Json, Sarif }

public sealed class CompileSettings
{
    public List<string> Inputs { get; } = [];

    public string? Output { get; set; }

    public EmitForm Emit { get; set; } = EmitForm.Object;

    /// <summary>One object per input, never linked (<c>-c</c>).</summary>
    public bool CompileOnly { get; set; }

    // Preprocessor.
    public List<(string Definition, bool IsUndefinition)> Macros { get; } = [];

    public List<string> ForcedIncludes { get; } = [];

    public List<string> QuoteDirectories { get; } = [];

    public List<string> IncludeDirectories { get; } = [];

    public List<string> SystemDirectories { get; } = [];

    public List<string> AfterDirectories { get; } = [];

    public bool NoStandardIncludes { get; set; }

    public bool NoBuiltinIncludes { get; set; }

    /// <summary><c>-P</c>: no line markers in preprocessed text.</summary>
    public bool NoLineMarkers { get; set; }

    public string Standard { get; set; } = "gnu17";

    // Dependencies for make.
    public bool WriteDependencies { get; set; }

    public bool OmitSystemDependencies { get; set; }

    public bool PhonyDependencies { get; set; }

    public string? DependencyFile { get; set; }

    public List<string> DependencyTargets { get; } = [];

    // Code.
    public int OptimizationLevel { get; set; } = 2;

    public bool OptimizeForSize { get; set; }

    public bool DebugInfo { get; set; } = true;

    /// <summary>1 to 4.</summary>
    public int Cpu { get; set; } = 3;

    public bool BigEndian { get; set; }

    public bool Gnu89Inline { get; set; }

    /// <summary><c>-fno-inline</c>: only what must be inlined is.</summary>
    public bool NoInline { get; set; }

    // Diagnostics.
    public WarningOptions Warnings { get; } = new();

    /// <summary><c>-W</c> words in order, resolved once the catalogue is known.</summary>
    public List<string> WarningWords { get; } = [];

    public int ErrorLimit { get; set; } = 100;

    public ErrorFormat ErrorFormat { get; set; }

    public ColorMode Color { get; set; }

    /// <summary>Options accepted without effect; told once.</summary>
    public List<string> Ignored { get; } = [];

    /// <summary>The kernel whose rules the output must pass; null verifies nothing.</summary>
    public KernelVersion? Verify { get; set; }

    /// <summary>What functions give up so that the verifier can follow them; found by <see cref="Explaining.Relowering"/>.</summary>
    public IReadOnlyDictionary<string, Ir.Passes.ConservativeLowering> Conservative { get; set; } = new Dictionary<string, Ir.Passes.ConservativeLowering>();

    /// <summary><c>-Rverify</c>: say which functions were lowered again.</summary>
    public bool Remarks { get; set; }

    /// <summary><c>--no-relowering</c>: verify what ordinary lowering makes.</summary>
    public bool Relower { get; set; } = true;

    /// <summary><c>--fix</c>: write verified repairs into the source.</summary>
    public bool Fix { get; set; }

    /// <summary>Look for repairs of rejected programs; <c>--no-fixits</c> turns it off.</summary>
    public bool SuggestFixes { get; set; } = true;

    // Looking inside.
    public List<string> PrintAfter { get; } = [];

    /// <summary>Where the page goes that 'ebpfcc explore' writes, too.</summary>
    public string? DumpHtml { get; set; }

    public bool TimePasses { get; set; }

    public bool VerifyEach { get; set; }

    public bool Verbose { get; set; }

    public bool ShowHelp { get; set; }

    public bool ShowVersion { get; set; }

    public string? Explain { get; set; }
}
