// What the command line tells the preprocessor, and the files it reads, as values: the preprocessor itself asks nobody else.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

/// <summary><c>-D</c> and <c>-U</c>, in the order of the command line.</summary>
/// <param name="Definition"><c>NAME</c>, <c>NAME=VALUE</c> or <c>NAME(args)=VALUE</c>; the name alone for <c>-U</c>.</param>
public readonly record struct MacroOption(string Definition, bool IsUndefinition = false);

/// <summary>The options of one preprocessing run.</summary>
public sealed record PreprocessorOptions
{
    /// <summary><c>-D</c> and <c>-U</c> in order.</summary>
    public IReadOnlyList<MacroOption> Macros { get; init; } = [];

    /// <summary><c>-include</c> files in order.</summary>
    public IReadOnlyList<string> ForcedIncludes { get; init; } = [];

    /// <summary><c>-iquote</c>.</summary>
    public IReadOnlyList<string> QuoteDirectories { get; init; } = [];

    /// <summary><c>-I</c>.</summary>
    public IReadOnlyList<string> IncludeDirectories { get; init; } = [];

    /// <summary><c>-isystem</c>.</summary>
    public IReadOnlyList<string> SystemDirectories { get; init; } = [];

    /// <summary><c>-idirafter</c>.</summary>
    public IReadOnlyList<string> AfterDirectories { get; init; } = [];

    /// <summary>
    /// The system's own folders, searched after <c>-isystem</c>; <see cref="IncludePaths.Standard"/> gives the ones clang would search. Our
    /// freestanding headers come after the first of them, our copies of kernel and helper declarations after everything.
    /// </summary>
    public IReadOnlyList<string> StandardDirectories { get; init; } = [];

    /// <summary>Our own headers take part in the search (<c>-nobuiltininc</c> turns them off).</summary>
    public bool UseEmbeddedHeaders { get; init; } = true;

    /// <summary><c>-mcpu</c>: the value of <c>__BPF_CPU_VERSION__</c>.</summary>
    public int CpuVersion { get; init; } = 3;

    /// <summary>Big-endian target (<c>-target bpfeb</c>).</summary>
    public bool BigEndian { get; init; }

    /// <summary>Optimisation is on: <c>__OPTIMIZE__</c> is defined.</summary>
    public bool Optimize { get; init; } = true;

    /// <summary><c>-fno-inline</c>: <c>__NO_INLINE__</c> is defined although optimisation is on.</summary>
    public bool NoInline { get; init; }

    /// <summary><c>-std=</c> is a strict ISO dialect: <c>__STRICT_ANSI__</c> is defined.</summary>
    public bool StrictAnsi { get; init; }

    /// <summary>The value of <c>__STDC_VERSION__</c>.</summary>
    public string StandardVersion { get; init; } = "201710L";

    /// <summary>Seconds since 1970 behind <c>__DATE__</c> and <c>__TIME__</c> (from SOURCE_DATE_EPOCH); none: 1970 and a warning.</summary>
    public long? SourceDateEpoch { get; init; }

    /// <summary>Tokens that one run may produce; more is refused as a runaway macro.</summary>
    public int TokenLimit { get; init; } = 8_000_000;
}

/// <summary>Where the preprocessor reads.</summary>
public interface IFileSystem
{
    /// <summary>The contents of a file, or null with a reason when it cannot be read (<paramref name="error"/> null: it does not exist).</summary>
    string? ReadFile(string path, out string? error);

    /// <summary>True when a file (not a folder) of this path exists.</summary>
    bool FileExists(string path);

    /// <summary>A name that two paths share exactly when they name one file, for <c>#pragma once</c>.</summary>
    string GetIdentity(string path);
}

/// <summary>The files of the machine.</summary>
public sealed class RealFileSystem : IFileSystem
{
    public string? ReadFile(string path, out string? error)
    {
        error = null;
        if (path.Length > 0 && !File.Exists(path) && !Directory.Exists(path))
            return null;
        return InputFile.Read(path, out error) is { } bytes ? SourceEncoding.Decode(bytes) : null;
    }

    public bool FileExists(string path) => File.Exists(path);

    public string GetIdentity(string path)
    {
        try
        {
            string full = Path.GetFullPath(path);
            return File.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full;
        }
        catch (Exception exception) when (InputFile.IsFileProblem(exception))
        {
            return path;
        }
    }
}

/// <summary>Files in memory, for tests and embedders, in front of another file system if there is one.</summary>
public sealed class MemoryFileSystem(IFileSystem? next = null) : IFileSystem
{
    private readonly Dictionary<string, string> _files = [];

    public string this[string path] { set => _files[path] = value; }

    public string? ReadFile(string path, out string? error)
    {
        error = null;
        return _files.TryGetValue(path, out string? content) ? content : next?.ReadFile(path, out error);
    }

    public bool FileExists(string path) => _files.ContainsKey(path) || (next?.FileExists(path) ?? false);

    public string GetIdentity(string path) => _files.ContainsKey(path) ? path : next?.GetIdentity(path) ?? path;
}

/// <summary>The folders that clang searches on a Unix system.</summary>
public static class IncludePaths
{
    private static readonly string[] s_multiarch = ["x86_64-linux-gnu", "aarch64-linux-gnu", "arm-linux-gnueabihf", "riscv64-linux-gnu", "powerpc64le-linux-gnu", "s390x-linux-gnu", "i386-linux-gnu"];

    /// <summary><c>/usr/local/include</c>, the architecture's folder under <c>/usr/include</c> where it exists, <c>/usr/include</c>.</summary>
    /// <param name="directoryExists">Asks whether a folder exists.</param>
    public static IReadOnlyList<string> Standard(Func<string, bool> directoryExists)
    {
        var folders = new List<string> { "/usr/local/include" };
        foreach (string name in s_multiarch)
        {
            if (directoryExists("/usr/include/" + name))
            {
                folders.Add("/usr/include/" + name);
                break;
            }
        }
        folders.Add("/usr/include");
        return folders;
    }
}
