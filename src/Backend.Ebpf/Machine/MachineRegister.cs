// A register operand of the machine form: nothing, one of the eleven machine registers, or a virtual one that the
// allocator will replace. One integer so that operands stay small:
//
//      0        1 .. 11       12 .. 15      16 ...
//   +------+-------------+-----------+------------------
//   | none | R0 .. R10   | unused    | virtual 0, 1, ...
//   +------+-------------+-----------+------------------
using System.Globalization;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Backend.Ebpf.Machine;

/// <summary>A machine or virtual register; the default value is "no register".</summary>
public readonly record struct MachineRegister
{
    private const int FirstVirtual = 16;

    private readonly int _code;

    private MachineRegister(int code) => _code = code;

    public static MachineRegister None => default;

    public static MachineRegister R0 => Physical(EbpfRegisters.R0);

    public static MachineRegister R1 => Physical(EbpfRegisters.R1);

    public static MachineRegister R6 => Physical(EbpfRegisters.R6);

    /// <summary>The frame pointer.</summary>
    public static MachineRegister R10 => Physical(EbpfRegisters.R10);

    public static MachineRegister Physical(int number) => new(number + 1);

    public static MachineRegister Virtual(int index) => new(index + FirstVirtual);

    public bool IsNone => _code == 0;

    public bool IsPhysical => _code is > 0 and < FirstVirtual;

    public bool IsVirtual => _code >= FirstVirtual;

    /// <summary>Number of a machine register, 0 to 10.</summary>
    public int Number => _code - 1;

    /// <summary>Index of a virtual register, from 0.</summary>
    public int Index => _code - FirstVirtual;

    public override string ToString() => Format(wide: true);

    /// <summary><c>r3</c>/<c>w3</c> for machine registers, <c>%7</c>/<c>%7.w</c> for virtual ones.</summary>
    public string Format(bool wide) => IsNone ? "-"
        : IsPhysical ? (wide ? "r" : "w") + Number.ToString(CultureInfo.InvariantCulture)
        : "%" + Index.ToString(CultureInfo.InvariantCulture) + (wide ? "" : ".w");
}
