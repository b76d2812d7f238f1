// Helpers from typed delegates: the prototype follows from the parameter types.
using System.Numerics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Helpers;

namespace Ebpfcc.Embedding;

/// <summary>A helper that reads memory: a pointer and its size in C.</summary>
public delegate long ReadingHelper(ReadOnlySpan<byte> memory);

/// <summary>A helper that reads memory and takes a number behind it.</summary>
public delegate long ReadingHelper<in T>(ReadOnlySpan<byte> memory, T argument);

/// <summary>A helper that fills memory: a pointer and its size in C.</summary>
public delegate long WritingHelper(Span<byte> memory);

/// <summary>A helper that fills memory and takes a number behind it.</summary>
public delegate long WritingHelper<in T>(Span<byte> memory, T argument);

/// <summary>
/// Makes <see cref="HostHelper"/>s. The number is the one that C calls: <c>static long (*name)(...) = (void *) NUMBER;</c>, from
/// <see cref="HostHelper.FirstFreeId"/> on. Other prototypes, with maps, contexts or several pieces of memory, are written as a
/// <see cref="HelperRow"/> and given to <see cref="HostHelper(HelperRow, HostHelperBody)"/>.
/// </summary>
public static class HelperFunctions
{
    private const HelperArgument Read = HelperArgument.Memory | HelperArgument.ReadOnly, Fill = HelperArgument.Memory | HelperArgument.Uninit | HelperArgument.Writes;

    /// <summary>A helper without arguments.</summary>
    public static HostHelper Create<TResult>(int id, string name, Func<TResult> body)
        where TResult : IBinaryInteger<TResult>
        => new(Row(id, name, "void"), (in HelperArguments _) => Result(body()));

    /// <summary>A helper of one number.</summary>
    public static HostHelper Create<T1, TResult>(int id, string name, Func<T1, TResult> body)
        where T1 : IBinaryInteger<T1>
        where TResult : IBinaryInteger<TResult>
        => new(Row(id, name, "u64", HelperArgument.Scalar), (in HelperArguments a) => Result(body(T1.CreateTruncating(a[0]))));

    /// <summary>A helper of two numbers.</summary>
    public static HostHelper Create<T1, T2, TResult>(int id, string name, Func<T1, T2, TResult> body)
        where T1 : IBinaryInteger<T1>
        where T2 : IBinaryInteger<T2>
        where TResult : IBinaryInteger<TResult>
        => new(Row(id, name, "u64, u64", HelperArgument.Scalar, HelperArgument.Scalar),
            (in HelperArguments a) => Result(body(T1.CreateTruncating(a[0]), T2.CreateTruncating(a[1]))));

    /// <summary>A helper of three numbers.</summary>
    public static HostHelper Create<T1, T2, T3, TResult>(int id, string name, Func<T1, T2, T3, TResult> body)
        where T1 : IBinaryInteger<T1>
        where T2 : IBinaryInteger<T2>
        where T3 : IBinaryInteger<T3>
        where TResult : IBinaryInteger<TResult>
        => new(Row(id, name, "u64, u64, u64", HelperArgument.Scalar, HelperArgument.Scalar, HelperArgument.Scalar),
            (in HelperArguments a) => Result(body(T1.CreateTruncating(a[0]), T2.CreateTruncating(a[1]), T3.CreateTruncating(a[2]))));

    /// <summary>A helper that reads memory of the program's.</summary>
    public static HostHelper CreateReading(int id, string name, ReadingHelper body)
        => new(Row(id, name, "const void *, u32", Read, HelperArgument.SizeOrZero), (in HelperArguments a) => (ulong)body(a.Memory(0)));

    /// <summary>A helper that reads memory of the program's and takes a number.</summary>
    public static HostHelper CreateReading<T>(int id, string name, ReadingHelper<T> body)
        where T : IBinaryInteger<T>
        => new(Row(id, name, "const void *, u32, u64", Read, HelperArgument.SizeOrZero, HelperArgument.Scalar),
            (in HelperArguments a) => (ulong)body(a.Memory(0), T.CreateTruncating(a[2])));

    /// <summary>A helper that fills memory of the program's, which need not be initialised.</summary>
    public static HostHelper CreateWriting(int id, string name, WritingHelper body)
        => new(Row(id, name, "void *, u32", Fill, HelperArgument.Size), (in HelperArguments a) => (ulong)body(a.Memory(0)));

    /// <summary>A helper that fills memory of the program's and takes a number.</summary>
    public static HostHelper CreateWriting<T>(int id, string name, WritingHelper<T> body)
        where T : IBinaryInteger<T>
        => new(Row(id, name, "void *, u32, u64", Fill, HelperArgument.Size, HelperArgument.Scalar), (in HelperArguments a) => (ulong)body(a.Memory(0), T.CreateTruncating(a[2])));

    private static HelperRow Row(int id, string name, string parameters, params HelperArgument[] arguments)
        => new(id, name, "long", parameters, HelperReturn.Integer, HelperFlags.PacketAccess, ProgramTypes.Every, arguments);

    /// <summary>Signed results fill R0 with their sign, as the kernel's do.</summary>
    private static ulong Result<T>(T value)
        where T : IBinaryInteger<T>
        => T.IsNegative(value) ? (ulong)long.CreateTruncating(value) : ulong.CreateTruncating(value);
}
