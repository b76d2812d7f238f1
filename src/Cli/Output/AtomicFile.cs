// Output files appear whole or not at all: written beside their place under a temporary name, then renamed.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Cli.Output;

public static class AtomicFile
{
    /// <summary>Writes the bytes; returns why it could not, or null.</summary>
    public static string? Write(string path, ReadOnlySpan<byte> bytes)
    {
        // A device or pipe (/dev/null, /dev/stdout) cannot be replaced by renaming.
        string? temporary = null;
        try
        {
            if (path.Length == 0)
                throw new ArgumentException(null, nameof(path));
            if (Directory.Exists(path))
                return "it is a directory";
            if (File.Exists(path) && (File.GetAttributes(path) & (FileAttributes.Device | FileAttributes.ReparsePoint)) != 0 || IsSpecial(path))
            {
                using var direct = new FileStream(path, FileMode.Open, FileAccess.Write);
                direct.Write(bytes);
                return null;
            }
            temporary = $"{path}.{Environment.ProcessId:x}.tmp";
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
            return null;
        }
        catch (Exception exception) when (InputFile.IsFileProblem(exception))
        {
            TryDelete(temporary);
            return InputFile.Describe(exception);
        }
    }

    private static bool IsSpecial(string path) => path.StartsWith("/dev/", StringComparison.Ordinal);

    private static void TryDelete(string? path)
    {
        try
        {
            if (path is not null)
                File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The failure that brought us here is the one to report.
        }
    }
}
