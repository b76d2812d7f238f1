// Reads whole input files and streams, bounded, and says in the same few words everywhere why a file could not be read or
// written.
namespace Ebpfcc.Core.Text;

public static class InputFile
{
    /// <summary>Inputs larger than this many bytes are refused; endless ones (devices, pipes) too.</summary>
    public const long MaximumSize = 256L << 20;

    private const string TooLarge = "it is larger than 256 MiB";

    /// <summary>The bytes of a file, or null with a reason when it cannot be read.</summary>
    public static byte[]? Read(string path, out string? error)
    {
        error = null;
        try
        {
            if (Directory.Exists(path))
            {
                error = "it is a directory";
                return null;
            }
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);
            return ReadAll(stream, out error);
        }
        catch (Exception exception) when (IsFileProblem(exception))
        {
            error = Describe(exception);
            return null;
        }
    }

    /// <summary>What is left of a stream, or null with a reason.</summary>
    public static byte[]? ReadAll(Stream stream, out string? error)
    {
        error = null;
        long length = stream.CanSeek ? stream.Length - stream.Position : 0;
        if (length > MaximumSize)
        {
            error = TooLarge;
            return null;
        }
        if (length > 0)
        {
            byte[] exact = new byte[length];
            int filled = stream.ReadAtLeast(exact, exact.Length, throwOnEndOfStream: false);
            return filled == exact.Length ? exact : exact[..filled];
        }
        // Pipes, devices and the files of /proc do not know their length.
        using var buffer = new MemoryStream();
        byte[] block = new byte[64 * 1024];
        for (int count; (count = stream.Read(block)) > 0;)
        {
            if (buffer.Length + count > MaximumSize)
            {
                error = TooLarge;
                return null;
            }
            buffer.Write(block, 0, count);
        }
        return buffer.ToArray();
    }

    /// <summary>Exceptions that mean the file, not the program, is at fault.</summary>
    public static bool IsFileProblem(Exception exception)
        => exception is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException or System.Security.SecurityException;

    /// <summary>Why a file could not be used, without the path, which the diagnostic names anyway.</summary>
    public static string Describe(Exception exception) => exception switch
    {
        UnauthorizedAccessException or System.Security.SecurityException => "permission denied",
        DirectoryNotFoundException => "no such directory",
        FileNotFoundException => "no such file",
        PathTooLongException => "its name is too long",
        ArgumentException or NotSupportedException => "this is no name of a file",
        // Other errors of Unix arrive with their number.
        IOException { HResult: 21 } => "it is a directory",
        IOException { HResult: 28 } => "no space is left on the device",
        IOException { HResult: 30 } => "the file system is read-only",
        IOException { HResult: 40 } => "too many symbolic links",
        _ => exception.Message,
    };
}
