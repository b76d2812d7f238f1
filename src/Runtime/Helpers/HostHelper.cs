// Helpers that a host adds: a delegate and a prototype. The prototype is a row like those of the kernel's helpers, so that the
// verifier enforces it and the sandbox checks it; the delegate then gets arguments that are what the prototype says.
//
// Engines call helpers as plain functions of five numbers. For the interpreter each delegate gets one of a fixed number of static
// functions that know their own number (TrampolineTable); native code calls the marshalled delegate.
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Helpers;

/// <summary>The body of a host's helper; what it returns is R0.</summary>
public delegate ulong HostHelperBody(in HelperArguments arguments);

/// <summary>The arguments of one call, as the prototype has them. Valid during the call only.</summary>
public readonly unsafe ref struct HelperArguments
{
    private readonly HelperRow _row;
    private readonly ulong* _values;

    internal HelperArguments(HelperRow row, ulong* values)
    {
        _row = row;
        _values = values;
    }

    public int Count => _row.Arguments.Length;

    /// <summary>The raw value of an argument, counted from 0.</summary>
    public ulong this[int index] => (uint)index < 5 ? _values[index] : throw new ArgumentOutOfRangeException(nameof(index));

    /// <summary>
    /// The memory that an argument points at, as long as the prototype says: a fixed size, the size in the next argument, or the key or
    /// value size of the map before it. Empty for a null pointer that the prototype allows.
    /// </summary>
    public Span<byte> Memory(int index)
    {
        HelperArgument argument = _row.Arguments[index];
        int size = argument.Kind() switch
        {
            HelperArgument.Memory when argument.Is(HelperArgument.FixedSize) => _row.ArgumentSizes[index],
            HelperArgument.Memory => (int)_values[index + 1],
            HelperArgument.MapKey => Map(MapBefore(index)).Definition.KeySize,
            HelperArgument.MapValue => Map(MapBefore(index)).Definition.ValueSize,
            _ => throw new InvalidOperationException($"argument {index} of {_row.FullName} is no memory"),
        };
        return _values[index] == 0 ? default : new Span<byte>((void*)_values[index], size);
    }

    /// <summary>The map that an argument is.</summary>
    public IMap Map(int index) => _row.Arguments[index].Kind() == HelperArgument.ConstMap
        ? MapTable.Get(_values[index])
        : throw new InvalidOperationException($"argument {index} of {_row.FullName} is no map");

    /// <summary>The packet of the run, where it has one.</summary>
    public Span<byte> Packet => GuestContext.Current.Packet is { } packet ? packet.Bytes : default;

    private int MapBefore(int index)
    {
        while (--index >= 0 && _row.Arguments[index].Kind() != HelperArgument.ConstMap)
        {
        }
        return index >= 0 ? index : throw new InvalidOperationException($"{_row.FullName} has no map before its key or value");
    }
}

/// <summary>A helper of the host's own.</summary>
public sealed unsafe class HostHelper : IDisposable
{
    /// <summary>Numbers below belong to the kernel, which adds to them.</summary>
    public const int FirstFreeId = 1000;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate ulong Entry(ulong a, ulong b, ulong c, ulong d, ulong e);

    private readonly HostHelperBody _body;
    private readonly Entry _entry;
    private readonly int _trampoline;
    private int _disposed;

    /// <param name="row">Number, name, C signature, kinds of arguments and result.</param>
    /// <param name="body">Called on the thread that runs the program. An exception ends the run and is thrown by it.</param>
    /// <exception cref="ArgumentException">The prototype demands something that only the kernel's helpers can have.</exception>
    public HostHelper(HelperRow row, HostHelperBody body)
    {
        if (row.Id is < FirstFreeId or > 65535)
            throw new ArgumentException($"{row.Name}: numbers of hosts' helpers are {FirstFreeId} to 65535", nameof(row));
        if (row.Arguments.Length > 5)
            throw new ArgumentException($"{row.Name}: helpers have at most five arguments", nameof(row));
        foreach (HelperArgument argument in row.Arguments)
        {
            if (argument.Kind() is not (HelperArgument.Anything or HelperArgument.Scalar or HelperArgument.ConstMap or HelperArgument.MapKey or HelperArgument.MapValue
                or HelperArgument.Memory or HelperArgument.Size or HelperArgument.SizeOrZero or HelperArgument.Context or HelperArgument.ConstString))
                throw new ArgumentException($"{row.Name}: a host's helper cannot take a {argument.Kind()}", nameof(row));
        }
        if (row.Return.Kind() is not (HelperReturn.Integer or HelperReturn.Void))
            throw new ArgumentException($"{row.Name}: a host's helper returns a number or nothing", nameof(row));
        (Row, _body, _entry) = (row with { Programs = (ProgramTypes)ulong.MaxValue }, body, null!);
        _entry = Invoke;
        _trampoline = TrampolineTable.Take(this);
        Implementation = new HelperImplementation
        {
            Id = row.Id, Row = Row, Managed = TrampolineTable.Function(_trampoline),
            Native = (delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong>)Marshal.GetFunctionPointerForDelegate(_entry),
            Owner = this,
        };
    }

    /// <summary>The prototype that the verifier enforces.</summary>
    public HelperRow Row { get; }

    public HelperImplementation Implementation { get; }

    internal ulong Invoke(ulong a, ulong b, ulong c, ulong d, ulong e)
    {
        ulong* values = stackalloc ulong[5] { a, b, c, d, e };
        try
        {
            return _body(new HelperArguments(Row, values));
        }
        catch (Exception exception)
        {
            // Exceptions cannot pass through native code: the run goes on with 0 and whoever started it gets the exception.
            GuestContext.Current.HelperFailure ??= exception;
            return 0;
        }
    }

    /// <summary>Gives the trampoline back. No program that calls the helper may run any more.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            TrampolineTable.Return(_trampoline);
    }
}

/// <summary>
/// 256 static functions, each of which calls the helper in the slot of its own number: number = 16 * high + low, both as type
/// arguments, so that the table needs no code made at run time.
/// </summary>
internal static unsafe class TrampolineTable
{
    private const int Count = 256;

    private static readonly Lock s_lock = new();
    private static readonly HostHelper?[] s_helpers = new HostHelper?[Count];
    private static readonly nint[] s_functions = Fill();

    private interface IDigit
    {
        static abstract int Value { get; }
    }

    private struct D0 : IDigit { public static int Value => 0; }
    private struct D1 : IDigit { public static int Value => 1; }
    private struct D2 : IDigit { public static int Value => 2; }
    private struct D3 : IDigit { public static int Value => 3; }
    private struct D4 : IDigit { public static int Value => 4; }
    private struct D5 : IDigit { public static int Value => 5; }
    private struct D6 : IDigit { public static int Value => 6; }
    private struct D7 : IDigit { public static int Value => 7; }
    private struct D8 : IDigit { public static int Value => 8; }
    private struct D9 : IDigit { public static int Value => 9; }
    private struct D10 : IDigit { public static int Value => 10; }
    private struct D11 : IDigit { public static int Value => 11; }
    private struct D12 : IDigit { public static int Value => 12; }
    private struct D13 : IDigit { public static int Value => 13; }
    private struct D14 : IDigit { public static int Value => 14; }
    private struct D15 : IDigit { public static int Value => 15; }

    /// <exception cref="InvalidOperationException">All are taken.</exception>
    public static int Take(HostHelper helper)
    {
        lock (s_lock)
        {
            int free = Array.IndexOf(s_helpers, null);
            if (free < 0)
                throw new InvalidOperationException($"this process has {Count} helpers of hosts already");
            s_helpers[free] = helper;
            return free;
        }
    }

    public static void Return(int number)
    {
        lock (s_lock)
            s_helpers[number] = null;
    }

    public static delegate*<ulong, ulong, ulong, ulong, ulong, ulong> Function(int number) => (delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)s_functions[number];

    private static ulong Call<THigh, TLow>(ulong a, ulong b, ulong c, ulong d, ulong e)
        where THigh : struct, IDigit
        where TLow : struct, IDigit
        => s_helpers[16 * THigh.Value + TLow.Value] is { } helper ? helper.Invoke(a, b, c, d, e) : 0;

    private static nint[] Fill()
    {
        var functions = new nint[Count];
        FillRow<D0>(functions);
        FillRow<D1>(functions);
        FillRow<D2>(functions);
        FillRow<D3>(functions);
        FillRow<D4>(functions);
        FillRow<D5>(functions);
        FillRow<D6>(functions);
        FillRow<D7>(functions);
        FillRow<D8>(functions);
        FillRow<D9>(functions);
        FillRow<D10>(functions);
        FillRow<D11>(functions);
        FillRow<D12>(functions);
        FillRow<D13>(functions);
        FillRow<D14>(functions);
        FillRow<D15>(functions);
        return functions;
    }

    private static void FillRow<THigh>(nint[] functions)
        where THigh : struct, IDigit
    {
        Span<nint> row = functions.AsSpan(16 * THigh.Value, 16);
        row[0] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D0>;
        row[1] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D1>;
        row[2] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D2>;
        row[3] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D3>;
        row[4] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D4>;
        row[5] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D5>;
        row[6] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D6>;
        row[7] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D7>;
        row[8] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D8>;
        row[9] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D9>;
        row[10] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D10>;
        row[11] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D11>;
        row[12] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D12>;
        row[13] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D13>;
        row[14] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D14>;
        row[15] = (nint)(delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)&Call<THigh, D15>;
    }
}
