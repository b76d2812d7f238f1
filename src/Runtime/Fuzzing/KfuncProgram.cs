// Random programs that call kernel functions: iterators and loops over them, read-side and non-preemptible sections, references to
// tasks, dynptrs and their slices. A small model of what is held steers most steps to what is allowed; the rest is left to chance.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Fuzzing;

public static class KfuncProgram
{
    // fp-8, -16, -24: iterators over numbers; fp-32: a saved reference; fp-48, fp-64: dynptrs; fp-80: a buffer; fp-88: a number.
    private const int SavedReference = -32, Buffer = -80, Number = -88;

    public static EbpfInstruction[] Generate(Random random, BtfReader types, out ProgramType type)
    {
        ProgramType chosen = type = random.Next(4) switch { 0 => ProgramType.Syscall, 1 => ProgramType.Xdp, _ => ProgramType.SchedCls };
        var code = new List<EbpfInstruction>();
        var active = new HashSet<int>();
        var loops = new Stack<(int Iterator, int Head, int Exit)>();
        bool rcu = false, saved = false;
        int preempt = 0;
        var dynptrs = new HashSet<int>();
        void Emit(EbpfOpcode opcode, int dst = 0, int src = 0, int offset = 0, int immediate = 0) => code.Add(OpcodeTable.Encode(opcode, dst, src, offset, immediate));
        void Call(string name) => Emit(EbpfOpcode.CallKfunc, immediate: types.Find(name, BtfKind.Function));
        void Address(int register, int offset)
        {
            Emit(EbpfOpcode.Mov64Reg, register, 10);
            Emit(EbpfOpcode.Add64Imm, register, 0, 0, offset);
        }
        bool Chance() => random.Next(25) == 0;
        void Destroy(int place)
        {
            Address(1, place);
            Call("bpf_iter_num_destroy");
            active.Remove(place);
        }
        void EndLoop()
        {
            (int place, int head, int exit) = loops.Pop();
            Emit(EbpfOpcode.Ja, 0, 0, head - code.Count - 1);
            code[exit] = code[exit].WithOffset((short)(code.Count - exit - 1));
            if (!Chance())
                Destroy(place);
        }
        Emit(EbpfOpcode.Mov64Reg, 6, 1);
        Emit(EbpfOpcode.Mov64Imm, 7, 0, 0, random.Next(8));
        Emit(EbpfOpcode.Mov64Imm, 8, 0, 0, random.Next(8));
        Emit(EbpfOpcode.StoreImm64, 10, 0, Buffer, 0);
        Emit(EbpfOpcode.StoreImm64, 10, 0, Buffer + 8, 0);
        Emit(EbpfOpcode.StoreImm64, 10, 0, Number, random.Next(3));
        for (int step = random.Next(3, 14); step > 0; step--)
        {
            int place = -8 * random.Next(1, 4), dynptr = -48 - 16 * random.Next(2);
            switch (random.Next(14))
            {
                case 0 or 1 when loops.Count < 2 && (!active.Contains(place) || Chance()):
                    Address(1, place);
                    Emit(EbpfOpcode.Mov64Imm, 2);
                    Emit(EbpfOpcode.Mov64Imm, 3, 0, 0, random.Next(1, 1000));
                    Call("bpf_iter_num_new");
                    active.Add(place);
                    int head = code.Count;
                    Address(1, place);
                    Call("bpf_iter_num_next");
                    loops.Push((place, head, code.Count));
                    Emit(random.Next(12) == 0 ? EbpfOpcode.Jne64Imm : EbpfOpcode.Jeq64Imm, 0);
                    if (random.Next(2) == 0)
                        Emit(EbpfOpcode.Load32, 7 + random.Next(2), 0, random.Next(30) == 0 ? 4 : 0);
                    break;
                case 2 when loops.Count > 0:
                    EndLoop();
                    break;
                case 3 when !rcu || Chance():
                    Call("bpf_rcu_read_lock");
                    rcu = true;
                    break;
                case 4 when rcu || Chance():
                    Call("bpf_rcu_read_unlock");
                    rcu = false;
                    break;
                case 5 when preempt == 0 || Chance():
                    Call("bpf_preempt_disable");
                    preempt++;
                    break;
                case 6 when preempt > 0 || Chance():
                    Call("bpf_preempt_enable");
                    preempt--;
                    break;
                case 7 when !saved || Chance():
                    Emit(EbpfOpcode.Mov64Imm, 1, 0, 0, 1);
                    Call("bpf_task_from_pid");
                    if (random.Next(2) == 0 && loops.Count == 0)
                    {
                        Emit(EbpfOpcode.StoreReg64, 10, 0, SavedReference);
                        saved = true;
                        break;
                    }
                    Emit(EbpfOpcode.Jeq64Imm, 0, 0, 2);
                    Emit(EbpfOpcode.Mov64Reg, 1, 0);
                    Call(random.Next(10) == 0 ? "bpf_task_acquire" : "bpf_task_release");
                    break;
                case 8 when saved || Chance():
                    Emit(EbpfOpcode.Load64, 1, 10, SavedReference);
                    if (!Chance())
                        Emit(EbpfOpcode.Jeq64Imm, 1, 0, 1);
                    Call("bpf_task_release");
                    saved = Chance();
                    break;
                case 9 when chosen != ProgramType.Syscall && (!dynptrs.Contains(dynptr) || random.Next(3) == 0):
                    Emit(EbpfOpcode.Mov64Reg, 1, 6);
                    Emit(EbpfOpcode.Mov64Imm, 2);
                    Address(3, dynptr);
                    Call(chosen == ProgramType.Xdp ? "bpf_dynptr_from_xdp" : "bpf_dynptr_from_skb");
                    dynptrs.Add(dynptr);
                    break;
                case 10 when dynptrs.Contains(dynptr) || Chance():
                    Address(1, dynptr);
                    Emit(EbpfOpcode.Mov64Imm, 2);
                    if (random.Next(3) == 0)
                        Emit(EbpfOpcode.Mov64Imm, 3);
                    else
                        Address(3, Buffer);
                    int size = random.Next(1, 17);
                    Emit(EbpfOpcode.Mov64Imm, 4, 0, 0, size);
                    bool writes = random.Next(2) == 0;
                    Call(writes ? "bpf_dynptr_slice_rdwr" : "bpf_dynptr_slice");
                    Emit(EbpfOpcode.Jeq64Imm, 0, 0, 1);
                    Emit(writes && random.Next(2) == 0 ? EbpfOpcode.StoreImm8 : EbpfOpcode.Load8, writes ? 0 : 8, 0, size - 1 + (random.Next(15) == 0 ? 1 : 0));
                    break;
                case 11:
                    Emit(random.Next(2) == 0 ? EbpfOpcode.Add64Imm : EbpfOpcode.And64Imm, 7 + random.Next(2), 0, 0, random.Next(1, 64));
                    break;
                case 12:
                    Emit(random.Next(2) == 0 ? EbpfOpcode.Jgt64Imm : EbpfOpcode.Jne64Imm, 7 + random.Next(2), 0, 1, random.Next(16));
                    Emit(EbpfOpcode.Mov64Imm, 7 + random.Next(2), 0, 0, random.Next(16));
                    break;
                case 13:
                    int target = random.Next(12) == 0 ? -8 * random.Next(1, 11) : Number;
                    if (random.Next(2) == 0)
                        Emit(EbpfOpcode.StoreReg64, 10, 7 + random.Next(2), target);
                    else
                        Emit(EbpfOpcode.Load64, 7 + random.Next(2), 10, target);
                    break;
            }
        }
        while (loops.Count > 0)
            EndLoop();
        foreach (int place in active.ToArray())
        {
            if (!Chance())
                Destroy(place);
        }
        for (; preempt > 0 && !Chance(); preempt--)
            Call("bpf_preempt_enable");
        if (rcu && !Chance())
            Call("bpf_rcu_read_unlock");
        if (saved)
        {
            Emit(EbpfOpcode.Load64, 1, 10, SavedReference);
            Emit(EbpfOpcode.Jeq64Imm, 1, 0, 1);
            Call("bpf_task_release");
        }
        Emit(EbpfOpcode.Mov64Imm, 0);
        Emit(EbpfOpcode.Exit);
        return [.. code];
    }
}
