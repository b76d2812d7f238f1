// The rows themselves, written by family so that the four forms of one operation stay one line.
using static Ebpfcc.Ebpf.Isa.ConformanceGroup;
using static Ebpfcc.Ebpf.Isa.CpuVersion;
using static Ebpfcc.Ebpf.Isa.Discriminator;
using static Ebpfcc.Ebpf.Isa.RegisterUse;

namespace Ebpfcc.Ebpf.Isa;

internal sealed class OpcodeTableBuilder(OpcodeRow[] rows)
{
    // class bits, source bit, memory modes, sizes (RFC 9669 tables 1 to 4)
    private const int Ld = 0, Ldx = 1, St = 2, Stx = 3, Alu = 4, Jmp = 5, Jmp32 = 6, Alu64 = 7;
    private const int Reg = 0x08;
    private const int Imm64 = 0x00, Abs = 0x20, Ind = 0x40, Mem = 0x60, MemSx = 0x80, AtomicMode = 0xc0;

    private static int SizeBits(int width) => width switch { 8 => 0x10, 16 => 0x08, 32 => 0x00, 64 => 0x18, _ => throw new ArgumentOutOfRangeException(nameof(width)) };

    private void Add(EbpfOpcode opcode, int code, Operation operation, Effect effect, int width, RegisterUse dst, RegisterUse src,
        OffsetUse offset, ImmediateUse immediate, ConformanceGroup group, CpuVersion since, string format,
        Discriminator discriminator = Discriminator.None, int value = 0, string? kernel = null)
        => rows[(int)opcode] = new OpcodeRow(opcode, (byte)code, operation, effect, width, discriminator, value, dst, src, offset, immediate, group, since, format)
        {
            KernelFormat = kernel,
            Mnemonic = Spell(operation, effect, width),
        };

    /// <summary>The mnemonic is the operation's name and its width: ALU and jumps say 32, memory says b, h, w or dw.</summary>
    private static string? Spell(Operation operation, Effect effect, int width)
    {
        string suffix = width switch { 8 => "b", 16 => "h", 32 => "w", _ => "dw" };
        return operation switch
        {
            Operation.ToLe => $"le{width}",
            Operation.ToBe => $"be{width}",
            Operation.Bswap => $"swap{width}",
            Operation.LoadImmediate => "lddw",
            Operation.LoadPacketAbsolute => "ldabs" + suffix,
            Operation.LoadPacketIndirect => "ldind" + suffix,
            Operation.Load => "ldx" + suffix,
            Operation.LoadSx => "ldxs" + suffix,
            Operation.Store => "st" + suffix,
            Operation.AddrSpaceCast or Operation.MovSx or Operation.LoadAcquire or Operation.StoreRelease or Operation.None => null,
            _ when effect == Effect.Atomic => null,
            Operation.MayGoto => "may_goto",
            _ => operation.ToString().ToLowerInvariant() + (width == 32 ? "32" : ""),
        };
    }

    /// <summary>
    /// Four rows: 64-bit and 32-bit, immediate and register. The 64-bit forms belong to <paramref name="group64"/>.
    /// </summary>
    private void AluFamily(EbpfOpcode first, int op, Operation operation, string symbol, ConformanceGroup group32 = Base32,
        ConformanceGroup group64 = Base64, CpuVersion since = V1, RegisterUse dst = ReadWrite, Discriminator by = Discriminator.None, int value = 0)
    {
        OffsetUse offset = by == Discriminator.Offset ? OffsetUse.Discriminator : OffsetUse.Zero;
        Add(first + 0, op | Alu64, operation, Effect.Alu, 64, dst, RegisterUse.None, offset, ImmediateUse.Value, group64, since, $"%d {symbol} %i", by, value);
        Add(first + 1, op | Alu64 | Reg, operation, Effect.Alu, 64, dst, Read, offset, ImmediateUse.Zero, group64, since, $"%d {symbol} %s", by, value);
        Add(first + 2, op | Alu, operation, Effect.Alu, 32, dst, RegisterUse.None, offset, ImmediateUse.Value, group32, since, $"%D {symbol} %i", by, value);
        Add(first + 3, op | Alu | Reg, operation, Effect.Alu, 32, dst, Read, offset, ImmediateUse.Zero, group32, since, $"%D {symbol} %S", by, value);
    }

    public void Arithmetic()
    {
        AluFamily(EbpfOpcode.Add64Imm, 0x00, Operation.Add, "+=");
        AluFamily(EbpfOpcode.Sub64Imm, 0x10, Operation.Sub, "-=");
        AluFamily(EbpfOpcode.Mul64Imm, 0x20, Operation.Mul, "*=", DivMul32, DivMul64);
        AluFamily(EbpfOpcode.Div64Imm, 0x30, Operation.Div, "/=", DivMul32, DivMul64, by: Discriminator.Offset, value: 0);
        AluFamily(EbpfOpcode.SDiv64Imm, 0x30, Operation.SDiv, "s/=", DivMul32, DivMul64, V4, by: Discriminator.Offset, value: 1);
        AluFamily(EbpfOpcode.Or64Imm, 0x40, Operation.Or, "|=");
        AluFamily(EbpfOpcode.And64Imm, 0x50, Operation.And, "&=");
        AluFamily(EbpfOpcode.Lsh64Imm, 0x60, Operation.Lsh, "<<=");
        AluFamily(EbpfOpcode.Rsh64Imm, 0x70, Operation.Rsh, ">>=");
        AluFamily(EbpfOpcode.Mod64Imm, 0x90, Operation.Mod, "%%=", DivMul32, DivMul64, by: Discriminator.Offset, value: 0);
        AluFamily(EbpfOpcode.SMod64Imm, 0x90, Operation.SMod, "s%%=", DivMul32, DivMul64, V4, by: Discriminator.Offset, value: 1);
        AluFamily(EbpfOpcode.Xor64Imm, 0xa0, Operation.Xor, "^=");
        AluFamily(EbpfOpcode.Arsh64Imm, 0xc0, Operation.Arsh, "s>>=");

        AluFamily(EbpfOpcode.Mov64Imm, 0xb0, Operation.Mov, "=", dst: Write);
        Discriminate(EbpfOpcode.Mov64Reg, 0);
        Discriminate(EbpfOpcode.Mov32Reg, 0);
        foreach ((EbpfOpcode opcode, int width, int from) in new[]
            { (EbpfOpcode.MovSx8To64, 64, 8), (EbpfOpcode.MovSx16To64, 64, 16), (EbpfOpcode.MovSx32To64, 64, 32), (EbpfOpcode.MovSx8To32, 32, 8), (EbpfOpcode.MovSx16To32, 32, 16) })
        {
            bool wide = width == 64;
            Add(opcode, 0xb0 | Reg | (wide ? Alu64 : Alu), Operation.MovSx, Effect.Alu, width, Write, Read, OffsetUse.Discriminator, ImmediateUse.Zero,
                wide ? Base64 : Base32, V4, wide ? $"%d = (s{from})%s" : $"%D = (s{from})%S", Discriminator.Offset, from);
            rows[(int)opcode] = rows[(int)opcode] with { Mnemonic = $"movsx{from}{width}" };
        }
        Add(EbpfOpcode.AddrSpaceCast, 0xb0 | Reg | Alu64, Operation.AddrSpaceCast, Effect.Alu, 64, Write, Read, OffsetUse.Discriminator,
            ImmediateUse.AddressSpaces, Linux, V1, "%d = addr_space_cast(%s, %a, %b)", Discriminator.Offset, 1);

        Add(EbpfOpcode.Neg64, 0x80 | Alu64, Operation.Neg, Effect.Alu, 64, ReadWrite, RegisterUse.None, OffsetUse.Zero, ImmediateUse.Zero, Base64, V1, "%d = -%d");
        Add(EbpfOpcode.Neg32, 0x80 | Alu, Operation.Neg, Effect.Alu, 32, ReadWrite, RegisterUse.None, OffsetUse.Zero, ImmediateUse.Zero, Base32, V1, "%D = -%D");

        foreach ((EbpfOpcode first, int code, Operation operation, string name, CpuVersion since) in new[]
            { (EbpfOpcode.ToLe16, 0xd0 | Alu, Operation.ToLe, "le", V1), (EbpfOpcode.ToBe16, 0xd0 | Alu | Reg, Operation.ToBe, "be", V1), (EbpfOpcode.Bswap16, 0xd0 | Alu64, Operation.Bswap, "bswap", V4) })
        {
            for (int i = 0; i < 3; i++)
            {
                int width = 16 << i;
                Add(first + i, code, operation, Effect.Alu, width, ReadWrite, RegisterUse.None, OffsetUse.Zero, ImmediateUse.Discriminator,
                    width == 64 ? Base64 : Base32, since, $"%d = {name}{width} %d", Discriminator.Immediate, width);
            }
        }
    }

    /// <summary>Plain moves share their byte with the sign-extending ones.</summary>
    private void Discriminate(EbpfOpcode opcode, int offset)
        => rows[(int)opcode] = rows[(int)opcode] with { Discriminator = Discriminator.Offset, DiscriminatorValue = offset, Offset = OffsetUse.Discriminator };

    public void Memory()
    {
        foreach ((EbpfOpcode opcode, WideImmediateKind kind, ConformanceGroup group, string format) in new[]
        {
            (EbpfOpcode.LoadImm64, WideImmediateKind.Value, Base64, "%d = %w ll"),
            (EbpfOpcode.LoadMapFd, WideImmediateKind.MapFd, Linux, "%d = map_fd(%w)"),
            (EbpfOpcode.LoadMapValue, WideImmediateKind.MapValue, Linux, "%d = map_val(%v)"),
            (EbpfOpcode.LoadBtfId, WideImmediateKind.BtfId, Linux, "%d = btf_id(%v)"),
            (EbpfOpcode.LoadFunction, WideImmediateKind.Function, Linux, "%d = code_addr(%w)"),
            (EbpfOpcode.LoadMapIndex, WideImmediateKind.MapIndex, Linux, "%d = map_by_idx(%w)"),
            (EbpfOpcode.LoadMapIndexValue, WideImmediateKind.MapIndexValue, Linux, "%d = map_val_by_idx(%v)"),
        })
        {
            Add(opcode, Ld | Imm64 | SizeBits(64), Operation.LoadImmediate, Effect.LoadImmediate, 64, Write, RegisterUse.None, OffsetUse.Zero,
                ImmediateUse.Wide, group, V1, format, Source, (int)kind, "%d = %w");
        }

        for (int i = 0; i < 3; i++)
        {
            int width = 8 << i;
            Add(EbpfOpcode.LoadAbs8 + i, Ld | Abs | SizeBits(width), Operation.LoadPacketAbsolute, Effect.PacketLoad, width, RegisterUse.None, RegisterUse.None,
                OffsetUse.Zero, ImmediateUse.PacketOffset, Packet, V1, $"r0 = *(u{width} *)skb[%i]");
            Add(EbpfOpcode.LoadInd8 + i, Ld | Ind | SizeBits(width), Operation.LoadPacketIndirect, Effect.PacketLoad, width, RegisterUse.None, Read,
                OffsetUse.Zero, ImmediateUse.PacketOffset, Packet, V1, $"r0 = *(u{width} *)skb[%s %o]", kernel: $"r0 = *(u{width} *)skb[%s + %i]");
            Add(EbpfOpcode.LoadSx8 + i, Ldx | MemSx | SizeBits(width), Operation.LoadSx, Effect.Load, width, Write, Read, OffsetUse.Memory,
                ImmediateUse.Zero, Base64, V4, $"%d = *(s{width} *)(%s %m)");
        }
        for (int i = 0; i < 4; i++)
        {
            int width = 8 << i;
            ConformanceGroup group = width == 64 ? Base64 : Base32;
            Add(EbpfOpcode.Load8 + i, Ldx | Mem | SizeBits(width), Operation.Load, Effect.Load, width, Write, Read, OffsetUse.Memory,
                ImmediateUse.Zero, group, V1, $"%d = *(u{width} *)(%s %m)");
            Add(EbpfOpcode.StoreImm8 + i, St | Mem | SizeBits(width), Operation.Store, Effect.Store, width, Read, RegisterUse.None, OffsetUse.Memory,
                ImmediateUse.Value, group, V1, $"*(u{width} *)(%d %m) = %i");
            Add(EbpfOpcode.StoreReg8 + i, Stx | Mem | SizeBits(width), Operation.Store, Effect.Store, width, Read, Read, OffsetUse.Memory,
                ImmediateUse.Zero, group, V1, $"*(u{width} *)(%d %m) = %s");
            rows[(int)EbpfOpcode.StoreReg8 + i] = rows[(int)EbpfOpcode.StoreReg8 + i] with { Mnemonic = "stx" + rows[(int)EbpfOpcode.StoreReg8 + i].Mnemonic![2..] };
        }
    }

    public void Atomics()
    {
        const int Fetch = 1;
        foreach (int width in new[] { 32, 64 })
        {
            int code = Stx | AtomicMode | SizeBits(width);
            ConformanceGroup group = width == 64 ? Atomic64 : Atomic32;
            string source = width == 64 ? "%s" : "%S";
            string prefix = width == 64 ? "64" : "";
            EbpfOpcode plain = width == 64 ? EbpfOpcode.AtomicAdd64 : EbpfOpcode.AtomicAdd32;
            EbpfOpcode fetch = width == 64 ? EbpfOpcode.AtomicFetchAdd64 : EbpfOpcode.AtomicFetchAdd32;
            (int Op, string Symbol, string Name)[] operations = [(0x00, "+=", "add"), (0x40, "|=", "or"), (0x50, "&=", "and"), (0xa0, "^=", "xor")];
            for (int i = 0; i < operations.Length; i++)
            {
                (int op, string symbol, string name) = operations[i];
                Add(plain + i, code, Operation.AtomicAdd + i, Effect.Atomic, width, Read, Read, OffsetUse.Memory, ImmediateUse.Discriminator, group,
                    op == 0 ? V1 : V3, $"lock *(u{width} *)(%d %m) {symbol} {source}", Discriminator.Immediate, op);
                Add(fetch + i, code, Operation.AtomicFetchAdd + i, Effect.Atomic, width, Read, ReadWrite, OffsetUse.Memory, ImmediateUse.Discriminator, group,
                    V3, $"{source} = atomic_fetch_{name}((u{width} *)(%d %m), {source})", Discriminator.Immediate, op | Fetch,
                    $"%s = atomic{prefix}_fetch_{name}((u{width} *)(%d %m), %s)");
            }
            Add(fetch + 4, code, Operation.AtomicXchg, Effect.Atomic, width, Read, ReadWrite, OffsetUse.Memory, ImmediateUse.Discriminator, group, V3,
                width == 64 ? "%s = xchg_64(%d %m, %s)" : "%S = xchg32_32(%d %m, %S)", Discriminator.Immediate, 0xe0 | Fetch,
                $"%s = atomic{prefix}_xchg((u{width} *)(%d %m), %s)");
            Add(fetch + 5, code, Operation.AtomicCmpXchg, Effect.Atomic, width, Read, Read, OffsetUse.Memory, ImmediateUse.Discriminator, group, V3,
                width == 64 ? "r0 = cmpxchg_64(%d %m, r0, %s)" : "w0 = cmpxchg32_32(%d %m, w0, %S)", Discriminator.Immediate, 0xf0 | Fetch,
                $"r0 = atomic{prefix}_cmpxchg((u{width} *)(%d %m), r0, %s)");
        }
        for (int i = 0; i < 4; i++)
        {
            int width = 8 << i;
            int code = Stx | AtomicMode | SizeBits(width);
            Add(EbpfOpcode.LoadAcquire8 + i, code, Operation.LoadAcquire, Effect.Load, width, Write, Read, OffsetUse.Memory, ImmediateUse.Discriminator, Linux, V4,
                width == 64 ? "%d = load_acquire((u64 *)(%s %m))" : $"%D = load_acquire((u{width} *)(%s %m))", Discriminator.Immediate, 0x100);
            Add(EbpfOpcode.StoreRelease8 + i, code, Operation.StoreRelease, Effect.Store, width, Read, Read, OffsetUse.Memory, ImmediateUse.Discriminator, Linux, V4,
                width == 64 ? "store_release((u64 *)(%d %m), %s)" : $"store_release((u{width} *)(%d %m), %S)", Discriminator.Immediate, 0x110);
        }
    }

    public void Jumps()
    {
        foreach ((EbpfOpcode first, int op, Operation operation, string symbol, CpuVersion since) in new[]
        {
            (EbpfOpcode.Jeq64Imm, 0x10, Operation.Jeq, "==", V1), (EbpfOpcode.Jgt64Imm, 0x20, Operation.Jgt, ">", V1),
            (EbpfOpcode.Jge64Imm, 0x30, Operation.Jge, ">=", V1), (EbpfOpcode.Jset64Imm, 0x40, Operation.Jset, "&", V1),
            (EbpfOpcode.Jne64Imm, 0x50, Operation.Jne, "!=", V1), (EbpfOpcode.Jsgt64Imm, 0x60, Operation.Jsgt, "s>", V1),
            (EbpfOpcode.Jsge64Imm, 0x70, Operation.Jsge, "s>=", V1), (EbpfOpcode.Jlt64Imm, 0xa0, Operation.Jlt, "<", V2),
            (EbpfOpcode.Jle64Imm, 0xb0, Operation.Jle, "<=", V2), (EbpfOpcode.Jslt64Imm, 0xc0, Operation.Jslt, "s<", V2),
            (EbpfOpcode.Jsle64Imm, 0xd0, Operation.Jsle, "s<=", V2),
        })
        {
            Branch(first + 0, op | Jmp, 64, RegisterUse.None, Base64, since, $"if %d {symbol} %i goto %j");
            Branch(first + 1, op | Jmp | Reg, 64, Read, Base64, since, $"if %d {symbol} %s goto %j");
            Branch(first + 2, op | Jmp32, 32, RegisterUse.None, Base32, V3, $"if %D {symbol} %i goto %j");
            Branch(first + 3, op | Jmp32 | Reg, 32, Read, Base32, V3, $"if %D {symbol} %S goto %j");

            void Branch(EbpfOpcode opcode, int code, int width, RegisterUse src, ConformanceGroup group, CpuVersion version, string format)
                => Add(opcode, code, operation, Effect.Branch, width, Read, src, OffsetUse.Jump, src == 0 ? ImmediateUse.Value : ImmediateUse.Zero, group, version, format);
        }
        Add(EbpfOpcode.Ja, 0x00 | Jmp, Operation.Ja, Effect.Jump, 64, 0, 0, OffsetUse.Jump, ImmediateUse.Zero, Base32, V1, "goto %j");
        Add(EbpfOpcode.JaLong, 0x00 | Jmp32, Operation.Ja, Effect.Jump, 32, 0, 0, OffsetUse.Zero, ImmediateUse.Jump, Base32, V4, "gotol %j");
        Add(EbpfOpcode.MayGoto, 0xe0 | Jmp, Operation.MayGoto, Effect.Branch, 64, 0, 0, OffsetUse.Jump, ImmediateUse.Zero, Linux, V1, "may_goto %j", Source, 0);
        Add(EbpfOpcode.CallHelper, 0x80 | Jmp, Operation.Call, Effect.Call, 64, 0, 0, OffsetUse.Zero, ImmediateUse.HelperId, Base32, V1, "call %c", Source, (int)CallKind.Helper);
        Add(EbpfOpcode.CallLocal, 0x80 | Jmp, Operation.Call, Effect.Call, 64, 0, 0, OffsetUse.Zero, ImmediateUse.FunctionOffset, Base32, V1, "call %f", Source, (int)CallKind.Local);
        Add(EbpfOpcode.CallKfunc, 0x80 | Jmp, Operation.Call, Effect.Call, 64, 0, 0, OffsetUse.Memory, ImmediateUse.KfuncId, Linux, V1, "call %k", Source, (int)CallKind.Kfunc);
        Add(EbpfOpcode.CallReg, 0x80 | Jmp | Reg, Operation.Call, Effect.Call, 64, Read, 0, OffsetUse.Zero, ImmediateUse.Zero, Linux, V1, "callx %d");
        Add(EbpfOpcode.Exit, 0x90 | Jmp, Operation.Exit, Effect.Exit, 64, 0, 0, OffsetUse.Zero, ImmediateUse.Zero, Base32, V1, "exit");
    }
}
