// The compiler's options, one row each, in the spelling of gcc and clang.
using Ebpfcc.Ir.Passes;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Options;

public static class CompileOptionTable
{
    private const string Output = "Output", Preprocessor = "Preprocessor", Dependencies = "Dependencies for make", Code = "Language and code",
        Diagnostics = "Diagnostics", Inside = "Looking inside", General = "General";

    public static IReadOnlyList<OptionRow<CompileSettings>> Rows { get; } =
    [
        Row(Output, ["-o"], OptionForm.JoinedOrSeparate, "FILE", "write the output to FILE ('-': standard output)", (s, a) => s.Output = a),
        Flag(Output, ["-c"], "compile to an object (the default)", s => (s.Emit, s.CompileOnly) = (EmitForm.Object, true)),
        Flag(Output, ["-S"], "compile to assembly", s => s.Emit = EmitForm.Assembly),
        Flag(Output, ["-E"], "preprocess only", s => s.Emit = EmitForm.Preprocessed),
        Flag(Output, ["-fsyntax-only"], "check everything, write nothing", s => s.Emit = EmitForm.Nothing),
        new(Output, ["--emit"], OptionForm.EqualsOrSeparate, "FORM", "write tokens, syntax, bound, ir, mir, asm, btf or obj", SetEmit),

        Row(Preprocessor, ["-I", "--include-directory="], OptionForm.JoinedOrSeparate, "DIR", "search DIR for headers", (s, a) => s.IncludeDirectories.Add(a)),
        Row(Preprocessor, ["-iquote"], OptionForm.JoinedOrSeparate, "DIR", "search DIR for #include \"...\" only", (s, a) => s.QuoteDirectories.Add(a)),
        Row(Preprocessor, ["-isystem"], OptionForm.JoinedOrSeparate, "DIR", "search DIR after -I, as system headers", (s, a) => s.SystemDirectories.Add(a)),
        Row(Preprocessor, ["-idirafter"], OptionForm.JoinedOrSeparate, "DIR", "search DIR last", (s, a) => s.AfterDirectories.Add(a)),
        Row(Preprocessor, ["-D", "--define-macro="], OptionForm.JoinedOrSeparate, "NAME[=VALUE]", "define a macro (value 1 unless given)", (s, a) => s.Macros.Add((a, false))),
        Row(Preprocessor, ["-U", "--undefine-macro="], OptionForm.JoinedOrSeparate, "NAME", "undefine a macro", (s, a) => s.Macros.Add((a, true))),
        Row(Preprocessor, ["-include", "--include"], OptionForm.Separate, "FILE", "include FILE before the input", (s, a) => s.ForcedIncludes.Add(a)),
        Flag(Preprocessor, ["-nostdinc"], "do not search the system's folders", s => s.NoStandardIncludes = true),
        Flag(Preprocessor, ["-nobuiltininc"], "do not search the headers inside ebpfcc", s => s.NoBuiltinIncludes = true),
        Flag(Preprocessor, ["-P"], "no line markers in the output of -E", s => s.NoLineMarkers = true),

        Flag(Dependencies, ["-MD"], "also write the dependencies to a .d file", s => s.WriteDependencies = true),
        Flag(Dependencies, ["-MMD"], "as -MD, without system headers", s => (s.WriteDependencies, s.OmitSystemDependencies) = (true, true)),
        Flag(Dependencies, ["-M"], "write the dependencies instead of compiling", s => s.Emit = EmitForm.Dependencies),
        Flag(Dependencies, ["-MM"], "as -M, without system headers", s => (s.Emit, s.OmitSystemDependencies) = (EmitForm.Dependencies, true)),
        Flag(Dependencies, ["-MP"], "add a phony target for every header", s => s.PhonyDependencies = true),
        Row(Dependencies, ["-MF"], OptionForm.JoinedOrSeparate, "FILE", "name of the dependency file", (s, a) => s.DependencyFile = a),
        Row(Dependencies, ["-MT"], OptionForm.JoinedOrSeparate, "TARGET", "target named in the dependency file", (s, a) => s.DependencyTargets.Add(a)),
        Row(Dependencies, ["-MQ"], OptionForm.JoinedOrSeparate, "TARGET", "as -MT, quoted for make", (s, a) => s.DependencyTargets.Add(a.Replace("$", "$$").Replace(" ", "\\ "))),

        new(Code, ["-std="], OptionForm.Joined, "STANDARD", "c89 to c23 or gnu89 to gnu23 (gnu17)", SetStandard),
        Flag(Code, ["-ansi"], null, s => s.Standard = "c89"),
        new(Code, ["-O"], OptionForm.Flag, null, null, (s, _) => SetLevel(s, "1")),
        new(Code, ["-O"], OptionForm.Joined, "LEVEL", null, SetLevel),
        Level("-O0", "only what eBPF cannot do without"),
        Level("-O1", "simple optimisations"),
        Level("-O2", "the default"),
        Level("-O3", "as -O2, unroll and inline more"),
        Level("-Os", "as -O2, prefer small code"),
        Level("-Oz", null),
        Level("-Og", null),
        Level("-Ofast", null),
        Flag(Code, ["-g"], "type and line information (BTF; the default)", s => s.DebugInfo = true),
        Flag(Code, ["-g1", "-g2", "-g3", "-ggdb", "-gdwarf", "-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5"], null, s => s.DebugInfo = true),
        Flag(Code, ["-g0"], "no line information", s => s.DebugInfo = false),
        new(Code, ["-mcpu="], OptionForm.Joined, "VERSION", "instruction set: v1, v2, v3 (default), v4, probe", SetCpu),
        new(Code, ["--target=", "--target"], OptionForm.JoinedOrSeparate, "bpf[el|eb]", "byte order of the target (bpfeb: -E and -fsyntax-only)", SetTarget),
        new(Code, ["-target"], OptionForm.Separate, "bpf[el|eb]", null, SetTarget),
        new(Code, ["-x"], OptionForm.JoinedOrSeparate, "c", "language of the inputs that follow", (_, a) => a is "c" or "none" or "cpp-output" ? null : $"language '{a}' is not supported; only C is"),
        new(Code, ["-mbig-endian", "-EB"], OptionForm.Flag, null, "same as --target=bpfeb", (s, _) => SetTarget(s, "bpfeb")),
        new(Code, ["-mlittle-endian", "-EL"], OptionForm.Flag, null, "same as --target=bpfel", (s, _) => SetTarget(s, "bpfel")),
        Flag(Code, ["-fgnu89-inline"], "GNU C's old meaning of inline", s => s.Gnu89Inline = true),
        Flag(Code, ["-fno-inline"], "inline always_inline functions only", s => s.NoInline = true),
        Flag(Code, ["-finline"], null, s => s.NoInline = false),

        Row(Diagnostics, ["-W"], OptionForm.Joined, "NAME", "-Wall, -Wextra, -Werror, -W[no-]name, -W[no-]error=name", (s, a) => s.WarningWords.Add(a)),
        Flag(Diagnostics, ["-pedantic", "--pedantic"], "warnings about extensions of the language", s => s.WarningWords.Add("pedantic")),
        Flag(Diagnostics, ["-pedantic-errors"], null, s => s.WarningWords.AddRange(["pedantic", "error=pedantic"])),
        Flag(Diagnostics, ["-w"], "no warnings", s => s.Warnings.SuppressAll = true),
        new(Diagnostics, ["-fmax-errors=", "-ferror-limit="], OptionForm.Joined, "N", "stop after N errors (100; 0: never)", SetErrorLimit),
        new(Diagnostics, ["--error-format"], OptionForm.EqualsOrSeparate, "FORMAT", "text, json or sarif", SetErrorFormat),
        new(Diagnostics, ["--color", "-fdiagnostics-color"], OptionForm.OptionalJoined, "WHEN", "auto, always or never", SetColor),
        Flag(Diagnostics, ["-fcolor-diagnostics"], null, s => s.Color = ColorMode.Always),
        Flag(Diagnostics, ["-fno-color-diagnostics", "-fno-diagnostics-color", "--no-color"], null, s => s.Color = ColorMode.Never),
        Row(Diagnostics, ["--explain"], OptionForm.EqualsOrSeparate, "CODE", "explain a diagnostic, e.g. EBC2003", (s, a) => s.Explain = a),

        new(Diagnostics, ["--verify"], OptionForm.OptionalJoined, "KERNEL", "refuse output that kernel 5.15, 6.1, 6.6, 6.12 or 6.18 (default) would reject", SetVerify),
        Flag(Diagnostics, ["-Rverify", "--remarks"], "say which functions were lowered again for the verifier", s => s.Remarks = true),
        Flag(Diagnostics, ["--no-relowering"], "do not lower rejected functions again more conservatively", s => s.Relower = false),
        Flag(Diagnostics, ["--fix"], "write repairs of rejected programs into the source, those that verify", s => (s.Fix, s.Verify) = (true, s.Verify ?? KernelVersion.V6_18)),
        Flag(Diagnostics, ["--no-fixits"], "do not look for repairs of rejected programs", s => s.SuggestFixes = false),

        new(Inside, ["--print-after"], OptionForm.EqualsOrSeparate, "PASS", "print the IR after a pass ('all', 'lowering')", AddPrintAfter),
        Row(Inside, ["--dump-html"], OptionForm.EqualsOrSeparate, "FILE", "write a page with C, IR, eBPF, verifier states and native code side by side", (s, a) => s.DumpHtml = a),
        Flag(Inside, ["--time-passes"], "print how long each stage took", s => s.TimePasses = true),
        Flag(Inside, ["--verify-each"], "check the IR after every pass", s => s.VerifyEach = true),

        Flag(General, ["-v", "--verbose"], "say what is done", s => s.Verbose = true),
        Flag(General, ["--version"], "print the version", s => s.ShowVersion = true),
        Flag(General, ["--help", "-h", "-help"], "this text", s => s.ShowHelp = true),

        // Words of build systems that have nothing to say to this compiler.
        Ignored(["-pipe", "-nostdlib", "-nodefaultlibs", "-nostartfiles", "-static", "-shared", "-pthread", "-save-temps", "-no-pie", "-pie", "-rdynamic", "-Qunused-arguments", "-nolibc"]),
        IgnoredWithArgument(["-Xclang", "-mllvm", "-Xlinker", "-Xassembler", "-Xpreprocessor", "-arch", "-z"], OptionForm.Separate),
        IgnoredWithArgument(["--sysroot", "-march", "-mtune", "--gcc-toolchain"], OptionForm.EqualsOrSeparate),
        IgnoredWithArgument(["-Wl,", "-Wa,", "-L", "-l", "-R", "-gsplit-dwarf", "-gz", "-gno-", "-gstrict-", "-ggnu-", "-gcolumn-", "-fdebug-prefix-map=", "-ffile-prefix-map=", "-fmacro-prefix-map="], OptionForm.JoinedOrSeparate, joinedOnly: true),
    ];

    /// <summary>-f and -m options that no row knows cannot change what a C program means to an eBPF machine: accepted, and told once.</summary>
    public static string? AcceptUnknown(CompileSettings settings, string word, Func<string, string> suggestion)
    {
        if (word.StartsWith("-f", StringComparison.Ordinal) || word.StartsWith("-m", StringComparison.Ordinal))
        {
            settings.Ignored.Add(word);
            return null;
        }
        return $"unknown option '{word}'{suggestion(word)}";
    }

    private static OptionRow<CompileSettings> Row(string group, string[] names, OptionForm form, string argument, string? help, Action<CompileSettings, string> apply)
        => new(group, names, form, argument, help, (settings, text) =>
        {
            apply(settings, text);
            return null;
        });

    private static OptionRow<CompileSettings> Flag(string group, string[] names, string? help, Action<CompileSettings> apply)
        => new(group, names, OptionForm.Flag, null, help, (settings, _) =>
        {
            apply(settings);
            return null;
        });

    private static OptionRow<CompileSettings> Level(string name, string? help) => new(Code, [name], OptionForm.Flag, null, help, (settings, _) => SetLevel(settings, name[2..]));

    private static OptionRow<CompileSettings> Ignored(string[] names) => new(General, names, OptionForm.Flag, null, null, (_, _) => null);

    private static OptionRow<CompileSettings> IgnoredWithArgument(string[] names, OptionForm form, bool joinedOnly = false)
        => new(General, names, joinedOnly ? OptionForm.Joined : form, "ARG", null, (_, _) => null);

    private static string? SetVerify(CompileSettings settings, string text)
    {
        settings.Verify = text.Length == 0 ? KernelVersion.V6_18 : KernelVersions.Parse(text);
        return settings.Verify is null ? KernelVersions.Unknown(text) : null;
    }

    private static string? SetEmit(CompileSettings settings, string form)
    {
        EmitForm? emit = form switch
        {
            "tokens" => EmitForm.Tokens,
            "syntax" => EmitForm.Syntax,
            "bound" => EmitForm.Bound,
            "ir" => EmitForm.Ir,
            "mir" => EmitForm.Mir,
            "asm" => EmitForm.Assembly,
            "btf" => EmitForm.Btf,
            "obj" => EmitForm.Object,
            _ => null,
        };
        if (emit is not { } known)
            return $"--emit takes tokens, syntax, bound, ir, mir, asm, btf or obj, not '{form}'";
        settings.Emit = known;
        return null;
    }

    private static readonly string[] s_standards =
        ["c89", "c90", "c99", "c11", "c17", "c18", "c23", "c2x", "gnu89", "gnu90", "gnu99", "gnu11", "gnu17", "gnu18", "gnu23", "gnu2x", "iso9899:1990", "iso9899:1999", "iso9899:2011", "iso9899:2017", "c9x", "gnu9x", "c1x", "gnu1x"];

    private static string? SetStandard(CompileSettings settings, string standard)
    {
        if (!s_standards.Contains(standard))
            return $"unknown language standard '{standard}'";
        settings.Standard = standard;
        return null;
    }

    private static string? SetLevel(CompileSettings settings, string level)
    {
        (settings.OptimizationLevel, settings.OptimizeForSize) = level switch
        {
            "0" => (0, false),
            "1" or "g" => (1, false),
            "2" => (2, false),
            "s" or "z" => (2, true),
            _ => (3, false),
        };
        return level is "s" or "z" or "g" or "fast" || (level.Length > 0 && level.All(char.IsAsciiDigit)) ? null : $"unknown optimisation level '-O{level}'";
    }

    private static string? SetCpu(CompileSettings settings, string cpu)
    {
        int? version = cpu switch { "v1" or "generic" => 1, "v2" => 2, "v3" or "probe" => 3, "v4" => 4, _ => null };
        if (version is not { } known)
            return $"unknown instruction set '{cpu}'; there are v1, v2, v3 and v4";
        settings.Cpu = known;
        return null;
    }

    private static string? SetTarget(CompileSettings settings, string target)
    {
        string architecture = target.Split('-')[0];
        if (architecture is not ("bpf" or "bpfel" or "bpfeb"))
            return $"target '{target}' is not supported; there are bpf, bpfel and bpfeb";
        settings.BigEndian = architecture == "bpfeb";
        return null;
    }

    private static string? AddPrintAfter(CompileSettings settings, string passes)
    {
        foreach (string pass in passes.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (pass is not ("all" or "lowering") && PassTable.Rows.All(row => row.Name != pass))
                return $"there is no pass '{pass}'; there are: all, lowering, {string.Join(", ", PassTable.Rows.Select(row => row.Name))}";
            settings.PrintAfter.Add(pass);
        }
        return null;
    }

    private static string? SetErrorLimit(CompileSettings settings, string number)
    {
        if (!int.TryParse(number, out int limit) || limit < 0)
            return $"'{number}' is not a number of errors";
        settings.ErrorLimit = limit;
        return null;
    }

    private static string? SetErrorFormat(CompileSettings settings, string format)
    {
        ErrorFormat? known = format switch { "text" => ErrorFormat.Text, "json" => ErrorFormat.Json, "sarif" => ErrorFormat.Sarif, _ => null };
        if (known is not { } chosen)
            return $"--error-format takes text, json or sarif, not '{format}'";
        settings.ErrorFormat = chosen;
        return null;
    }

    private static string? SetColor(CompileSettings settings, string when)
    {
        ColorMode? mode = when switch { "auto" => ColorMode.Auto, "always" or "" => ColorMode.Always, "never" => ColorMode.Never, _ => null };
        if (mode is not { } chosen)
            return $"--color takes auto, always or never, not '{when}'";
        settings.Color = chosen;
        return null;
    }
}
