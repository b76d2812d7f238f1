// What the generator knows of the machine at the place where it writes: kinds of registers and stack slots, never their values.
// Numbers and pointers are kept apart, because an address that became a number would differ from engine to engine.
namespace Ebpfcc.Runtime.Fuzzing;

internal enum Holds : byte
{
    Nothing,
    Number,

    /// <summary>A number that a loop counts with: read, never written.</summary>
    Counter,
    Context,

    /// <summary>Memory that may be read and written: bytes of a map value, of another frame's stack, of R1 in raw programs.</summary>
    Memory,

    /// <summary>Memory that may only be read: the key of an iteration.</summary>
    ReadOnly,
    Packet,
}

/// <summary>Where memory lies, as far as it matters.</summary>
internal enum Origin : byte
{
    Plain,

    /// <summary>Accesses must be aligned.</summary>
    Stack,

    /// <summary>Values of hash tables: which element a pointer means after the table changed is every table's own affair.</summary>
    Hash,
}

/// <summary>One register or one eight-byte stack slot.</summary>
/// <param name="Kind">What it holds.</param>
/// <param name="Room">Pointers: bytes that may be accessed from where it points.</param>
/// <param name="Origin">Of memory.</param>
internal readonly record struct Content(Holds Kind, int Room = 0, Origin Origin = Origin.Plain)
{
    public static Content Nothing => default;

    public static Content Number => new(Holds.Number);

    public bool IsReadable => Kind is Holds.Number or Holds.Counter;

    /// <summary>What is known behind the meeting of two paths.</summary>
    public Content Join(Content other)
        => Kind != other.Kind || Origin != other.Origin ? IsReadable && other.IsReadable ? new Content(Holds.Counter) : Nothing : this with { Room = Math.Min(Room, other.Room) };
}

/// <summary>Registers R0 to R9 and the slots of the current frame.</summary>
internal sealed class ProgramModel(int slots)
{
    public readonly Content[] Registers = new Content[10];
    public readonly Content[] Slots = new Content[slots];

    public ProgramModel Copy()
    {
        var copy = new ProgramModel(Slots.Length);
        Registers.CopyTo(copy.Registers, 0);
        Slots.CopyTo(copy.Slots, 0);
        return copy;
    }

    public void Join(ProgramModel other)
    {
        for (int i = 0; i < Registers.Length; i++)
            Registers[i] = Registers[i].Join(other.Registers[i]);
        for (int i = 0; i < Slots.Length; i++)
            Slots[i] = Slots[i].Join(other.Slots[i]);
    }

    /// <summary>Helpers that change the packet leave no pointer to it valid; a loop's next round may come after one.</summary>
    public void ForgetPackets() => Forget(static content => content.Kind == Holds.Packet);

    /// <summary>Elements of hash tables move when the tables change.</summary>
    public void ForgetHashValues() => Forget(static content => content.Origin == Origin.Hash);

    /// <summary>A call destroys R1 to R5.</summary>
    public void ForgetArguments()
    {
        for (int register = 1; register <= 5; register++)
            Registers[register] = Content.Nothing;
    }

    public void Forget(Func<Content, bool> which)
    {
        for (int i = 0; i < Registers.Length; i++)
        {
            if (which(Registers[i]))
                Registers[i] = Content.Nothing;
        }
        for (int i = 0; i < Slots.Length; i++)
        {
            if (which(Slots[i]))
                Slots[i] = Content.Nothing;
        }
    }
}
