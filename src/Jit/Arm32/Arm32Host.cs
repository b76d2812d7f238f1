// The 32-bit process that ARM32 code runs in where this process is none itself: a small static ELF executable,
// written here with our own emitter and started under user-mode emulation. It maps the arena, then serves
// commands of one byte over its standard input and answers over its standard output:
//
//   we send 'G'   call the function in the control block            it answers 'D' (done) or 'H' (a helper is wanted)
//   we send 'R'   the helper's result is in the control block
//   we send 'C'   call a function (callback) before the helper goes on; answered by 'D', or 'H' again
//
// Control block (words, offsets in bytes):
//   0 function   4 stack top   8 r0-r3 of a call   24 result (2)   32 helper   36 address of R3..R5   40 r0-r3 of the helper
//   64 R3..R5 of a callback (6)
using System.Buffers.Binary;

namespace Ebpfcc.Jit.Arm32;

/// <summary>Builds the executable.</summary>
internal static class Arm32Host
{
    private const uint ImageBase = 0x1_0000;
    private const int HeaderBytes = 52 + 32;

    public const int Function = 0, StackTop = 4, CallArguments = 8, Result = 24, Helper = 32, HelperStack = 36, HelperArguments = 40, CallbackStack = 64;

    /// <summary>The ELF file and the address helpers' thunks jump to (with the helper's number in ip).</summary>
    public static (byte[] Image, uint Gate) Build(string arenaPath, uint arenaBase, uint arenaBytes, Arm32Features features)
    {
        var e = new Arm32Emitter(features);
        ArmLabel path = e.NewLabel(), loop = e.NewLabel(), exit = e.NewLabel(), gate = e.NewLabel(), wait = e.NewLabel(), result = e.NewLabel();
        const Arm32Register control = Arm32Register.R8, hostSp = Arm32Register.R10;

        // open(path, O_RDWR) ; mmap2(base, bytes, RWX, MAP_SHARED | MAP_FIXED, fd, 0)
        e.LoadAddress(Arm32Register.R0, path);
        e.MoveImmediate(Arm32Register.R1, 2);
        e.MoveImmediate(Arm32Register.R2, 0);
        SystemCall(5);
        e.Move(Arm32Register.R4, Arm32Register.R0);
        e.MoveImmediate(Arm32Register.R0, arenaBase);
        e.MoveImmediate(Arm32Register.R1, arenaBytes);
        e.MoveImmediate(Arm32Register.R2, 7);
        e.MoveImmediate(Arm32Register.R3, 0x11);
        e.MoveImmediate(Arm32Register.R5, 0);
        SystemCall(192);
        e.MoveImmediate(control, arenaBase);
        e.Alu(Arm32Operation.Cmp, 0, Arm32Register.R0, control, setFlags: true);
        e.Branch(exit, Arm32Condition.NotEqual);

        e.Bind(loop);
        Receive();
        e.Move(hostSp, Arm32Register.Sp);
        e.Load(32, false, Arm32Register.Sp, control, StackTop);
        LoadCallArguments();
        e.BranchLinkExchange(Arm32Register.R12);
        e.Move(Arm32Register.Sp, hostSp);
        StoreResult();
        Send('D');
        e.Branch(loop);

        e.Bind(exit);
        e.MoveImmediate(Arm32Register.R0, 0);
        SystemCall(1);

        // Entered like a C function u64 f(u64, u64, u64, u64, u64), with the helper's number in ip.
        const int saved = 0x1ff0 | 1 << (int)Arm32Register.Lr; // r4-r12, lr: 40 bytes
        e.Bind(gate);
        e.Push(saved);
        e.MoveImmediate(control, arenaBase);
        e.Store(32, Arm32Register.R12, control, Helper);
        for (int i = 0; i < 4; i++)
            e.Store(32, (Arm32Register)i, control, HelperArguments + 4 * i);
        e.TryAluImmediate(Arm32Operation.Add, Arm32Register.R0, Arm32Register.Sp, 40);
        e.Store(32, Arm32Register.R0, control, HelperStack);
        Send('H');
        e.Bind(wait);
        Receive();
        e.TryAluImmediate(Arm32Operation.Cmp, 0, Arm32Register.R0, 'C', setFlags: true);
        e.Branch(result, Arm32Condition.NotEqual);
        e.TryAluImmediate(Arm32Operation.Sub, Arm32Register.Sp, Arm32Register.Sp, 24);
        for (int i = 0; i < 6; i++)
        {
            e.Load(32, false, Arm32Register.R0, control, CallbackStack + 4 * i);
            e.Store(32, Arm32Register.R0, Arm32Register.Sp, 4 * i);
        }
        LoadCallArguments();
        e.BranchLinkExchange(Arm32Register.R12);
        e.TryAluImmediate(Arm32Operation.Add, Arm32Register.Sp, Arm32Register.Sp, 24);
        StoreResult();
        Send('D');
        e.Branch(wait);
        e.Bind(result);
        e.Load(32, false, Arm32Register.R0, control, Result);
        e.Load(32, false, Arm32Register.R1, control, Result + 4);
        e.Pop(saved & ~(1 << (int)Arm32Register.Lr) | 1 << (int)Arm32Register.Pc);

        e.Bind(path);
        byte[] text = [.. System.Text.Encoding.UTF8.GetBytes(arenaPath), 0, 0, 0, 0];
        for (int i = 0; i + 4 <= text.Length; i += 4)
            e.Data(BinaryPrimitives.ReadUInt32LittleEndian(text.AsSpan(i)));

        byte[] code = e.Finish();
        return (Elf(code), ImageBase + HeaderBytes + (uint)e.OffsetOf(gate));

        void SystemCall(uint number)
        {
            e.MoveImmediate(Arm32Register.R7, number);
            e.SupervisorCall();
        }

        // One byte from standard input into r0; leaves on end of file.
        void Receive()
        {
            e.TryAluImmediate(Arm32Operation.Sub, Arm32Register.Sp, Arm32Register.Sp, 8);
            e.MoveImmediate(Arm32Register.R0, 0);
            e.Move(Arm32Register.R1, Arm32Register.Sp);
            e.MoveImmediate(Arm32Register.R2, 1);
            SystemCall(3);
            e.TryAluImmediate(Arm32Operation.Cmp, 0, Arm32Register.R0, 1, setFlags: true);
            e.Branch(exit, Arm32Condition.NotEqual);
            e.Load(8, false, Arm32Register.R0, Arm32Register.Sp, 0);
            e.TryAluImmediate(Arm32Operation.Add, Arm32Register.Sp, Arm32Register.Sp, 8);
        }

        void Send(char answer)
        {
            e.TryAluImmediate(Arm32Operation.Sub, Arm32Register.Sp, Arm32Register.Sp, 8);
            e.MoveImmediate(Arm32Register.R0, answer);
            e.Store(8, Arm32Register.R0, Arm32Register.Sp, 0);
            e.MoveImmediate(Arm32Register.R0, 1);
            e.Move(Arm32Register.R1, Arm32Register.Sp);
            e.MoveImmediate(Arm32Register.R2, 1);
            SystemCall(4);
            e.TryAluImmediate(Arm32Operation.Add, Arm32Register.Sp, Arm32Register.Sp, 8);
        }

        void LoadCallArguments()
        {
            for (int i = 0; i < 4; i++)
                e.Load(32, false, (Arm32Register)i, control, CallArguments + 4 * i);
            e.Load(32, false, Arm32Register.R12, control, Function);
        }

        void StoreResult()
        {
            e.Store(32, Arm32Register.R0, control, Result);
            e.Store(32, Arm32Register.R1, control, Result + 4);
        }
    }

    /// <summary>A thunk for one helper: ip = number, then to the gate.</summary>
    public static byte[] Thunk(int helper, uint gate, Arm32Features features)
    {
        var e = new Arm32Emitter(features);
        e.MoveImmediate(Arm32Register.R12, (uint)helper);
        e.Load(32, false, Arm32Register.Pc, Arm32Register.Pc, -4); // the word behind
        e.Data(gate);
        return e.Finish();
    }

    /// <summary>
    /// ELF32, ET_EXEC, EM_ARM, one loadable segment with header and code (System V gABI, chapters 4 and 5).
    /// </summary>
    private static byte[] Elf(byte[] code)
    {
        byte[] image = new byte[HeaderBytes + code.Length];
        ReadOnlySpan<byte> identification = [0x7f, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1, 0];
        identification.CopyTo(image);
        Half(16, 2);                              // e_type: executable
        Half(18, 40);                             // e_machine: ARM
        Word(20, 1);                              // e_version
        Word(24, ImageBase + HeaderBytes);        // e_entry
        Word(28, 52);                             // e_phoff
        Word(36, 0x05000000);                     // e_flags: EABI version 5
        Half(40, 52);                             // e_ehsize
        Half(42, 32);                             // e_phentsize
        Half(44, 1);                              // e_phnum
        Word(52, 1);                              // p_type: load
        Word(60, ImageBase);                      // p_vaddr
        Word(64, ImageBase);                      // p_paddr
        Word(68, (uint)image.Length);             // p_filesz
        Word(72, (uint)image.Length);             // p_memsz
        Word(76, 5);                              // p_flags: read, execute
        Word(80, 0x1000);                         // p_align
        code.CopyTo(image, HeaderBytes);
        return image;

        void Word(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(offset), value);
        void Half(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(offset), value);
    }
}
