// Headers of our own inside the executable: what a freestanding compiler must bring along, and declarations of the kernel's
// interface for machines where neither libbpf nor the kernel's headers are installed.
namespace Ebpfcc.Frontend.Headers;

/// <summary>A read-only folder tree under the path <c>&lt;ebpfcc&gt;/</c>.</summary>
public static class EmbeddedHeaders
{
    private const string Root = "<ebpfcc>/";

    /// <summary>stddef.h, stdint.h and their like.</summary>
    public const string Freestanding = Root + "freestanding";

    /// <summary>Copies of what kernel and libbpf headers declare; searched last.</summary>
    public const string Fallback = Root + "fallback";

    public static bool Owns(string path) => path.StartsWith(Root, StringComparison.Ordinal);

    /// <summary>The text of an embedded header, or null when there is none of this path.</summary>
    public static string? Read(string path)
    {
        using Stream? stream = typeof(EmbeddedHeaders).Assembly.GetManifestResourceStream(path[Root.Length..]);
        if (stream is null)
            return null;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
