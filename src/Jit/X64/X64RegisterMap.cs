// Where eBPF's registers live. Programs that call helpers use the mapping of the kernel's original JIT (X64Registers), because
// then a call under the System V convention moves nothing. Others are free: only registers that the program names get a place,
// rax and rdx stay out of it when there are divisions, which would have to save them, and callee-saved registers come last,
// because using one costs a push and a pop.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.X64;

internal sealed class X64RegisterMap
{
    private static readonly X64Register[] s_free =
        [X64Register.Rax, X64Register.Rdi, X64Register.Rsi, X64Register.Rdx, X64Register.Rcx, X64Register.R8];

    private readonly X64Register[] _places = new X64Register[EbpfRegisters.Count];
    private readonly int[] _holders = new int[16];

    private X64RegisterMap() => Array.Fill(_holders, -1);

    /// <summary>The mapping under which helper calls need no moves.</summary>
    public static X64RegisterMap Standard { get; } = CreateStandard();

    /// <summary>Place of an eBPF register; only of those that the map was made for.</summary>
    public X64Register this[int register] => _places[register];

    /// <summary>The eBPF register in a machine register, or -1.</summary>
    public int HolderOf(X64Register machine) => _holders[(int)machine];

    /// <summary>eBPF registers with a place, one bit each.</summary>
    public int Mapped { get; private set; }

    /// <summary>Holds the sandbox's fuel, if a register was left for it.</summary>
    public X64Register? Fuel { get; private set; }

    private void Put(int register, X64Register place)
    {
        _places[register] = place;
        _holders[(int)place] = register;
        Mapped |= 1 << register;
    }

    private static X64RegisterMap CreateStandard()
    {
        var map = new X64RegisterMap();
        for (int register = 0; register < EbpfRegisters.Count; register++)
            map.Put(register, X64Registers.Of(register));
        return map;
    }

    /// <summary>For a verified program that calls nothing: arguments stay where the caller put them.</summary>
    /// <param name="used">Registers that the program names.</param>
    /// <param name="divides">Keep rax and rdx for divisions.</param>
    /// <param name="needsScratch">The translation needs r9 and r10 for itself.</param>
    public static X64RegisterMap ForLeaf(int used, bool divides, bool needsScratch)
    {
        var map = new X64RegisterMap();
        map.Put(EbpfRegisters.R10, X64Register.Rbp);
        map.Put(EbpfRegisters.R1, X64Register.Rdi);
        map.Put(EbpfRegisters.R2, X64Register.Rsi);
        map.Assign(used, divides, needsScratch ? [] : [X64Register.R9, X64Register.R10],
            [X64Register.Rbx, X64Register.R13, X64Register.R14, X64Register.R15, X64Register.R12]);
        return map;
    }

    /// <summary>For sandboxed code, where r12 is the state and all scratch registers are needed.</summary>
    /// <param name="frameIsState">There is only one frame, whose end is where the state begins: r12 is R10 as well.</param>
    public static X64RegisterMap ForSandbox(int used, bool divides, bool frameIsState)
    {
        var map = new X64RegisterMap();
        if ((used >> EbpfRegisters.R10 & 1) != 0)
            map.Put(EbpfRegisters.R10, frameIsState ? X64Register.R12 : X64Register.Rbp);
        ReadOnlySpan<X64Register> saved = [X64Register.Rbx, X64Register.R13, X64Register.R14, X64Register.R15, X64Register.Rbp];
        map.Assign(used, divides, [], frameIsState ? saved : saved[..4]);
        // rax and rdx are not the fuel's: instructions that need them look only for eBPF registers to save.
        foreach (X64Register place in (ReadOnlySpan<X64Register>)[.. saved, X64Register.R8, X64Register.Rcx, X64Register.Rsi, X64Register.Rdi])
        {
            if (map._holders[(int)place] < 0 && (place != X64Register.Rbp || frameIsState))
            {
                map.Fuel = place;
                break;
            }
        }
        return map;
    }

    private void Assign(int used, bool divides, ReadOnlySpan<X64Register> more, ReadOnlySpan<X64Register> last)
    {
        Span<X64Register> pool = stackalloc X64Register[16];
        int count = 0;
        foreach (X64Register place in s_free)
        {
            if (!(divides && place is X64Register.Rax or X64Register.Rdx))
                Offer(pool, ref count, place);
        }
        foreach (X64Register place in more)
            Offer(pool, ref count, place);
        foreach (X64Register place in last)
            Offer(pool, ref count, place);
        if (divides)
        {
            Offer(pool, ref count, X64Register.Rax);
            Offer(pool, ref count, X64Register.Rdx);
        }
        int next = 0;
        // R0 first: its place is the result's unless divisions need that.
        for (int register = 0; register < EbpfRegisters.R10; register++)
        {
            if ((used >> register & 1) != 0 && (Mapped >> register & 1) == 0)
                Put(register, pool[next++]);
        }
    }

    private void Offer(Span<X64Register> pool, ref int count, X64Register place)
    {
        if (_holders[(int)place] < 0)
            pool[count++] = place;
    }
}
