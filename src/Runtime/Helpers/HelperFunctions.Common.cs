// Time, tasks, random numbers, memory, strings: helpers of every program type.
using System.Diagnostics;
using System.Text;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Helpers;

internal static unsafe partial class HelperFunctions
{
    public static ulong KtimeGetNs(ulong a, ulong b, ulong c, ulong d, ulong e)
        => GuestContext.Current.Environment.Clock is { } clock ? clock() : (ulong)(Stopwatch.GetTimestamp() * (1_000_000_000.0 / Stopwatch.Frequency));

    /// <summary>International atomic time: UTC and the 37 leap seconds since 1972.</summary>
    public static ulong KtimeGetTai(ulong a, ulong b, ulong c, ulong d, ulong e)
        => GuestContext.Current.Environment.Clock is { } clock ? clock() : (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100 + 37_000_000_000;

    /// <summary>Ticks of 4 ms, offset as the kernel's so that they wrap five minutes after boot in 32 bits.</summary>
    public static ulong Jiffies(ulong a, ulong b, ulong c, ulong d, ulong e) => 0xfffb6c20 + KtimeGetNs(0, 0, 0, 0, 0) / 4_000_000;

    public static ulong PrandomU32(ulong a, ulong b, ulong c, ulong d, ulong e) => NextRandom();

    /// <summary>The next number of the current run's random sequence.</summary>
    public static uint NextRandom()
    {
        // splitmix64 (Steele, Lea, Flood 2014)
        GuestContext context = GuestContext.Current;
        ulong z = context.RandomState += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return (uint)((z ^ z >> 31) >> 32);
    }

    public static ulong SmpProcessorId(ulong a, ulong b, ulong c, ulong d, ulong e) => (ulong)GuestContext.Current.Cpu;

    public static ulong Zero(ulong a, ulong b, ulong c, ulong d, ulong e) => 0;

    /// <summary>Returns its argument.</summary>
    public static ulong First(ulong a, ulong b, ulong c, ulong d, ulong e) => a;

    public static ulong NotPermitted(ulong a, ulong b, ulong c, ulong d, ulong e) => Error(Errno.EPERM);

    /// <summary>There are no sockets here.</summary>
    public static ulong NoSocket(ulong a, ulong b, ulong c, ulong d, ulong e) => Error(Errno.EINVAL);

    public static ulong CurrentPidTgid(ulong a, ulong b, ulong c, ulong d, ulong e)
    {
        GuestTask task = GuestContext.Current.Environment.Task;
        return (ulong)task.Tgid << 32 | task.Pid;
    }

    public static ulong CurrentUidGid(ulong a, ulong b, ulong c, ulong d, ulong e)
    {
        GuestTask task = GuestContext.Current.Environment.Task;
        return (ulong)task.Gid << 32 | task.Uid;
    }

    public static ulong CurrentComm(ulong buffer, ulong size, ulong c, ulong d, ulong e)
    {
        var place = new Span<byte>((void*)buffer, (int)(uint)size);
        place.Clear();
        byte[] name = Encoding.UTF8.GetBytes(GuestContext.Current.Environment.Task.Comm);
        int length = Math.Min(name.Length, Math.Min(15, place.Length - 1));
        name.AsSpan(0, Math.Max(length, 0)).CopyTo(place);
        return 0;
    }

    public static ulong AttachCookie(ulong a, ulong b, ulong c, ulong d, ulong e) => GuestContext.Current.AttachCookie;

    public static ulong FunctionIp(ulong a, ulong b, ulong c, ulong d, ulong e) => GuestContext.Current.InstructionPointer;

    public static ulong ProbeRead(ulong destination, ulong size, ulong source, ulong d, ulong e)
    {
        if (SafeMemory.TryRead((void*)destination, source, (uint)size))
            return 0;
        new Span<byte>((void*)destination, (int)(uint)size).Clear();
        return Error(Errno.EFAULT);
    }

    /// <summary>Copies a string with its zero, cut to fit; returns the bytes written.</summary>
    public static ulong ProbeReadString(ulong destination, ulong size, ulong source, ulong d, ulong e)
    {
        uint room = (uint)size;
        byte* to = (byte*)destination;
        for (uint i = 0; i < room; i++)
        {
            if (!SafeMemory.TryRead(to + i, source + i, 1))
            {
                new Span<byte>(to, (int)room).Clear();
                return Error(Errno.EFAULT);
            }
            if (to[i] == 0)
                return i + 1;
            if (i == room - 1)
                to[i] = 0;
        }
        return room;
    }

    public static ulong ProbeWriteUser(ulong destination, ulong source, ulong size, ulong d, ulong e)
        => SafeMemory.TryWrite(destination, (void*)source, (uint)size) ? 0 : Error(Errno.EFAULT);

    public static ulong Strtol(ulong buffer, ulong length, ulong flags, ulong result, ulong e)
    {
        long consumed = ParseNumber(new ReadOnlySpan<byte>((void*)buffer, (int)length), flags, out bool isNegative, out UInt128 magnitude);
        if (consumed < 0)
            return (ulong)consumed;
        *(long*)result = 0;
        if (magnitude > (isNegative ? (UInt128)1 << 63 : ((UInt128)1 << 63) - 1))
            return Error(Errno.ERANGE);
        *(long*)result = isNegative ? -(long)(ulong)magnitude : (long)(ulong)magnitude;
        return (ulong)consumed;
    }

    public static ulong Strtoul(ulong buffer, ulong length, ulong flags, ulong result, ulong e)
    {
        long consumed = ParseNumber(new ReadOnlySpan<byte>((void*)buffer, (int)length), flags, out bool isNegative, out UInt128 magnitude);
        if (consumed < 0)
            return (ulong)consumed;
        *(ulong*)result = 0;
        if (isNegative)
            return Error(Errno.EINVAL);
        if (magnitude > ulong.MaxValue)
            return Error(Errno.ERANGE);
        *(ulong*)result = (ulong)magnitude;
        return (ulong)consumed;
    }

    /// <summary>Characters consumed, or a negative errno. The base is in the low five bits of the flags: 0 (by prefix), 8, 10 or 16.</summary>
    private static long ParseNumber(ReadOnlySpan<byte> text, ulong flags, out bool isNegative, out UInt128 magnitude)
    {
        isNegative = false;
        magnitude = 0;
        uint numberBase = (uint)(flags & 31);
        if (text.IsEmpty || numberBase is not (0 or 8 or 10 or 16) || (flags & ~31ul) != 0)
            return -Errno.EINVAL;
        int at = 0;
        while (at < text.Length && text[at] is (byte)' ' or >= 9 and <= 13)
            at++;
        if (at < text.Length && text[at] == (byte)'-')
        {
            isNegative = true;
            at++;
        }
        if (numberBase is 0 or 16 && at + 2 < text.Length + 0 && text[at] == '0' && (text[at + 1] | 0x20) == 'x' && char.IsAsciiHexDigit((char)text[at + 2]))
        {
            numberBase = 16;
            at += 2;
        }
        else if (numberBase == 0)
        {
            numberBase = at < text.Length && text[at] == '0' ? 8u : 10u;
        }
        int first = at;
        for (; at < text.Length; at++)
        {
            int digit = text[at] switch { >= (byte)'0' and <= (byte)'9' => text[at] - '0', >= (byte)'a' and <= (byte)'f' => text[at] - 'a' + 10, >= (byte)'A' and <= (byte)'F' => text[at] - 'A' + 10, _ => 99 };
            if (digit >= numberBase)
                break;
            if (magnitude <= ulong.MaxValue)
                magnitude = magnitude * numberBase + (uint)digit;
        }
        return at == first ? -Errno.EINVAL : at;
    }

    public static ulong Strncmp(ulong left, ulong size, ulong right, ulong d, ulong e)
    {
        byte* a = (byte*)left, b = (byte*)right;
        for (uint i = 0; i < (uint)size; i++)
        {
            if (a[i] != b[i])
                return a[i] < b[i] ? ulong.MaxValue : 1;
            if (a[i] == 0)
                break;
        }
        return 0;
    }

    public static ulong TracePrintk(ulong format, ulong size, ulong first, ulong second, ulong third)
    {
        ulong* arguments = stackalloc ulong[3] { first, second, third };
        return Trace(format, (uint)size, arguments, 3);
    }

    public static ulong TraceVprintk(ulong format, ulong size, ulong data, ulong dataSize, ulong e)
        => (dataSize & 7) != 0 || dataSize > 96 ? Error(Errno.EINVAL) : Trace(format, (uint)size, (ulong*)data, (int)(dataSize / 8));

    private static ulong Trace(ulong format, uint size, ulong* arguments, int count)
    {
        int result = GuestFormat.Format(new ReadOnlySpan<byte>((void*)format, (int)size), arguments, count, isExact: false, out string text);
        if (result < 0)
            return (ulong)(long)result;
        GuestContext.Current.Environment.TraceSink?.Invoke(text);
        return (ulong)Encoding.UTF8.GetByteCount(text);
    }

    public static ulong Snprintf(ulong buffer, ulong size, ulong format, ulong data, ulong dataSize)
    {
        if ((dataSize & 7) != 0 || dataSize > 96)
            return Error(Errno.EINVAL);
        byte* end = (byte*)format;
        while (*end != 0)
            end++;
        int result = GuestFormat.Format(new ReadOnlySpan<byte>((void*)format, (int)(end - (byte*)format) + 1), (ulong*)data, (int)(dataSize / 8), isExact: true, out string text);
        if (result < 0)
            return (ulong)(long)result;
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        var place = new Span<byte>((void*)buffer, (int)(uint)size);
        if (!place.IsEmpty)
        {
            int length = Math.Min(bytes.Length, place.Length - 1);
            bytes.AsSpan(0, length).CopyTo(place);
            place[length] = 0;
        }
        return (ulong)bytes.Length + 1;
    }
}
