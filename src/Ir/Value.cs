// Values of the SSA graph: constants, globals, functions, parameters and instructions.
using System.Globalization;

namespace Ebpfcc.Ir;

/// <summary>Anything an instruction can use. Uses are tracked so that passes can replace values and find dead ones.</summary>
public abstract class Value(IrType type)
{
    private readonly List<Instruction> _users = [];

    public IrType Type { get; } = type;

    /// <summary>A name for people: the C variable's or the global's. Not an identity, except for globals and functions.</summary>
    public string? Name { get; set; }

    /// <summary>The instructions that use this value, once per operand slot. Constants do not track theirs.</summary>
    public IReadOnlyList<Instruction> Users => _users;

    public bool HasUsers => _users.Count > 0;

    /// <summary>
    /// A dense number for side tables, given to parameters and instructions by <see cref="Function.NumberValues"/>; within a
    /// block it grows in program order. Stale as soon as a pass inserts something.
    /// </summary>
    public int Number { get; internal set; } = -1;

    /// <summary>Registers a use and returns its position in <see cref="Users"/>, which the user remembers.</summary>
    internal virtual int AddUser(Instruction user)
    {
        _users.Add(user);
        return _users.Count - 1;
    }

    /// <summary>Forgets the use at a position; the last use moves into the gap, so that removal takes constant time.</summary>
    internal virtual void RemoveUser(int position)
    {
        int last = _users.Count - 1;
        if (position != last)
        {
            Instruction moved = _users[last];
            _users[position] = moved;
            moved.UseMoved(this, last, position);
        }
        _users.RemoveAt(last);
    }

    /// <summary>Makes every user of this value use <paramref name="replacement"/> instead.</summary>
    public void ReplaceAllUsesWith(Value replacement)
    {
        if (ReferenceEquals(this, replacement))
            return;
        while (_users.Count > 0)
        {
            Instruction user = _users[^1];
            for (int i = user.OperandCount - 1; i >= 0; i--)
            {
                if (ReferenceEquals(user.GetOperand(i), this))
                    user.SetOperand(i, replacement);
            }
        }
    }
}

/// <summary>An integer or null-pointer constant. Bits above the type's width are zero.</summary>
public sealed class Constant : Value
{
    public Constant(IrType type, UInt128 bits) : base(type)
    {
        int width = type.Bits();
        Bits = width >= 128 ? bits : bits & ((UInt128.One << width) - 1);
    }

    public UInt128 Bits { get; }

    /// <summary>The low 64 bits, zero-extended.</summary>
    public ulong Unsigned => (ulong)Bits;

    /// <summary>The value sign-extended from its type's width to 64 bits (the low half of an I128).</summary>
    public long Signed => Type.Bits() >= 64 ? (long)(ulong)Bits : (long)((ulong)Bits << (64 - Type.Bits())) >> (64 - Type.Bits());

    public bool IsZero => Bits == UInt128.Zero;

    public bool IsOne => Bits == UInt128.One;

    /// <summary>Every bit of the type is set.</summary>
    public bool IsAllOnes => Bits == Mask(Type);

    /// <summary>The ones that fill a type.</summary>
    public static UInt128 Mask(IrType type) => type.Bits() >= 128 ? UInt128.MaxValue : (UInt128.One << type.Bits()) - 1;

    /// <summary>Constants are values, not identities: two are the same when type and bits are.</summary>
    public bool IsSameAs(Constant other) => Type == other.Type && Bits == other.Bits;

    public static Constant I1(bool value) => new(IrType.I1, value ? UInt128.One : UInt128.Zero);

    public static Constant I32(long value) => new(IrType.I32, (UInt128)(ulong)value);

    public static Constant I64(long value) => new(IrType.I64, (UInt128)(ulong)value);

    /// <summary>A constant of any type from a sign-extended value.</summary>
    public static Constant Of(IrType type, long value) => new(type, (UInt128)(Int128)value);

    public static Constant NullPointer => new(IrType.Ptr, UInt128.Zero);

    internal override int AddUser(Instruction user) => -1;

    internal override void RemoveUser(int position) { }

    public override string ToString() => Type.Bits() > 64 ? Bits.ToString(CultureInfo.InvariantCulture) : Signed.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A value nobody defined: reads of it may yield anything, each time something else.</summary>
public sealed class Undef(IrType type) : Value(type)
{
    internal override int AddUser(Instruction user) => -1;

    internal override void RemoveUser(int position) { }
}

/// <summary>A function's formal parameter.</summary>
public sealed class Parameter(Function function, int index, IrType type) : Value(type)
{
    public Function Function { get; } = function;

    public int Index { get; internal set; } = index;
}
