// Classic BPF to eBPF: a program on struct __sk_buff (or struct seccomp_data) that returns what the classic one returns.
//
//   A = r0     X = r7     context = r6 (where LD_ABS wants it)     M[k] = *(u32 *)(r10 - 4 * (k + 1))     r8 keeps A
//
// Only the low halves of A and X count, for every instruction that reads them. Both machines have the same arithmetic, so most
// instructions become one; loads from packets stay LD_ABS and LD_IND, which end the program with 0 outside the packet as the
// classic ones do. Jumps lead forward only: one backward pass over the program finds which registers are live, and which
// instructions nothing reaches (verifiers refuse those). No instruction becomes more than six, so that every jump of 4096
// instructions fits an eBPF offset.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Classic;

/// <summary>A converted filter.</summary>
/// <param name="Instructions">The eBPF program.</param>
/// <param name="Starts">For each classic instruction the slot where its code begins; -1 for those that nothing reaches.</param>
/// <param name="Internal">Extensions that only this runtime's helpers provide: with any of them Linux cannot load the program.</param>
public sealed record ClassicConversion(EbpfInstruction[] Instructions, int[] Starts, IReadOnlyList<ClassicExtension> Internal)
{
    /// <summary>The program type whose context the program reads.</summary>
    public required ProgramType ProgramType { get; init; }

    /// <summary>The section that says so in an object.</summary>
    public string Section => ProgramType == ProgramType.Syscall ? "syscall" : "socket";
}

public sealed class ClassicConverter
{
    private const int A = 0, Temporary = 2, X = 7, Context = 6, SavedA = 8, Frame = 10, ReturnZero = -1;

    private readonly ClassicFilter _filter;
    private readonly ClassicLiveness _liveness;
    private readonly List<EbpfInstruction> _code = [];
    private readonly List<(int Slot, int Target)> _jumps = [];
    private readonly List<ClassicExtension> _internal = [];
    private readonly int[] _starts;

    private ClassicConverter(ClassicFilter filter)
    {
        (_filter, _liveness) = (filter, ClassicLiveness.Of(filter));
        _starts = new int[filter.Instructions.Count];
    }

    public static ClassicConversion Convert(ClassicFilter filter)
    {
        var converter = new ClassicConverter(filter);
        converter.Run();
        return new ClassicConversion([.. converter._code], converter._starts, converter._internal)
        {
            ProgramType = filter.Dialect == ClassicDialect.Socket ? ProgramType.SocketFilter : ProgramType.Syscall,
        };
    }

    private void Run()
    {
        Emit(EbpfOpcode.Mov64Reg, Context, EbpfRegisters.R1);
        ClassicRegisters first = _liveness.LiveBefore(0);
        if ((first & ClassicRegisters.A) != 0)
            Emit(EbpfOpcode.Mov32Imm, A);
        if ((first & ClassicRegisters.X) != 0)
            Emit(EbpfOpcode.Mov32Imm, X);
        for (int i = 0; i < _starts.Length; i++)
        {
            _starts[i] = _liveness.IsReachable(i) ? _code.Count : -1;
            if (_liveness.IsReachable(i))
                Convert(i, _filter.Instructions[i]);
        }
        int returnZero = _code.Count;
        if (_jumps.Exists(jump => jump.Target == ReturnZero))
        {
            Emit(EbpfOpcode.Mov32Imm, A);
            Emit(EbpfOpcode.Exit);
        }
        foreach ((int slot, int target) in _jumps)
        {
            EbpfInstruction jump = _code[slot];
            int distance = (target == ReturnZero ? returnZero : _starts[target]) - slot - 1;
            if (distance is < 0 or > short.MaxValue)
                throw new InternalCompilerException(nameof(ClassicConverter), $"instruction {target}", $"a jump over {distance} slots");
            _code[slot] = new EbpfInstruction(jump.Code, jump.Dst, jump.Src, (short)distance, jump.Immediate);
        }
    }

    private void Emit(EbpfOpcode opcode, int dst = 0, int src = 0, int offset = 0, int immediate = 0)
        => _code.Add(OpcodeTable.Encode(opcode, dst, src, offset, immediate));

    private void EmitJump(EbpfOpcode opcode, int target, int dst = 0, int src = 0, int immediate = 0)
    {
        _jumps.Add((_code.Count, target));
        Emit(opcode, dst, src, 0, immediate);
    }

    private void Convert(int index, ClassicInstruction instruction)
    {
        ClassicRow row = instruction.Row!;
        int k = (int)instruction.K;
        int target = row.Writes == ClassicRegisters.X ? X : A;
        switch (row.Operation)
        {
            case ClassicOperation.LoadConstant:
                Emit(EbpfOpcode.Mov32Imm, target, immediate: k);
                break;
            case ClassicOperation.LoadLength when _filter.Dialect == ClassicDialect.Seccomp:
                Emit(EbpfOpcode.Mov32Imm, target, immediate: ClassicFilter.SeccompDataSize);
                break;
            case ClassicOperation.LoadLength:
                Emit(EbpfOpcode.Load32, target, Context, FieldOffset("len"));
                break;
            case ClassicOperation.LoadPacket when _filter.Dialect == ClassicDialect.Seccomp:
                Emit(EbpfOpcode.Load32, A, Context, k);
                break;
            case ClassicOperation.LoadPacket when ClassicExtensions.Find(instruction.K) is { } extension:
                ConvertExtension(extension);
                break;
            case ClassicOperation.LoadPacket:
                Emit(row.Ebpf, immediate: k);
                break;
            case ClassicOperation.LoadPacketIndirect:
                Emit(row.Ebpf, src: X, immediate: k);
                break;
            case ClassicOperation.LoadHeaderLength:
                ConvertHeaderLength(row, k, isAccumulatorLive: (_liveness.LiveAfter(index) & ClassicRegisters.A) != 0);
                break;
            case ClassicOperation.LoadCell:
                Emit(EbpfOpcode.Load32, target, Frame, CellOffset(k));
                break;
            case ClassicOperation.Store:
                Emit(EbpfOpcode.StoreReg32, Frame, row.Reads == ClassicRegisters.X ? X : A, CellOffset(k));
                break;
            case ClassicOperation.Alu:
                ConvertArithmetic(row, k);
                break;
            case ClassicOperation.Jump:
                if (k != 0)
                    EmitJump(EbpfOpcode.Ja, index + 1 + k);
                break;
            case ClassicOperation.Branch:
                ConvertBranch(row, index, instruction);
                break;
            case ClassicOperation.Return:
                if (row.Reads == ClassicRegisters.None)
                    Emit(EbpfOpcode.Mov32Imm, A, immediate: k);
                Emit(EbpfOpcode.Exit);
                break;
            case ClassicOperation.Transfer:
                Emit(EbpfOpcode.Mov32Reg, target, target == X ? A : X);
                break;
            default:
                throw new InternalCompilerException(nameof(ClassicConverter), row.Mnemonic, "no conversion");
        }
    }

    private static int CellOffset(int cell) => -4 * (cell + 1);

    private static int FieldOffset(string name)
        => ContextLayout.For(ProgramType.SocketFilter).Find(name)?.Offset ?? throw new InternalCompilerException(nameof(ClassicConverter), name, "struct __sk_buff has no such field");

    /// <summary>Division by an X of zero ends the program with 0; eBPF's gives 0 and goes on.</summary>
    private void ConvertArithmetic(ClassicRow row, int k)
    {
        bool isRegister = row.Operand == ClassicOperand.Index;
        if (isRegister && row.Mnemonic is "div" or "mod")
            EmitJump(EbpfOpcode.Jeq32Imm, ReturnZero, X);
        Emit(row.Ebpf, A, isRegister ? X : 0, immediate: row.Operand is ClassicOperand.Index or ClassicOperand.None ? 0 : k);
    }

    /// <summary><code>
    /// ldxb 4*([k]&amp;0xf)      ==>   r8 = r0              (where A is needed later)
    ///                              r0 = *(u8 *)skb[k]
    ///                              w0 &amp;= 15
    ///                              w0 &lt;&lt;= 2
    ///                              w7 = w0
    ///                              r0 = r8
    /// </code></summary>
    private void ConvertHeaderLength(ClassicRow row, int k, bool isAccumulatorLive)
    {
        if (isAccumulatorLive)
            Emit(EbpfOpcode.Mov32Reg, SavedA, A);
        Emit(row.Ebpf, immediate: k);
        Emit(EbpfOpcode.And32Imm, A, immediate: 15);
        Emit(EbpfOpcode.Lsh32Imm, A, immediate: 2);
        Emit(EbpfOpcode.Mov32Reg, X, A);
        if (isAccumulatorLive)
            Emit(EbpfOpcode.Mov32Reg, A, SavedA);
    }

    private void ConvertExtension(ClassicExtension extension)
    {
        if (extension.Name == "ALU_XOR_X")
        {
            Emit(EbpfOpcode.Xor32Reg, A, X);
        }
        else if (extension.Name == "IFINDEX")
        {
            // A packet without a device ends the filter with what A holds.
            Emit(EbpfOpcode.Load32, Temporary, Context, FieldOffset(extension.Field!));
            Emit(EbpfOpcode.Jne32Imm, Temporary, offset: 1);
            Emit(EbpfOpcode.Exit);
            Emit(EbpfOpcode.Mov32Reg, A, Temporary);
        }
        else if (extension.Field is { } field)
        {
            Emit(EbpfOpcode.Load32, A, Context, FieldOffset(field));
            if (extension.IsNetworkOrder)
                Emit(EbpfOpcode.ToBe16, A);
        }
        else
        {
            Emit(EbpfOpcode.Mov64Reg, EbpfRegisters.R1, Context);
            if (extension.TakesRegisters)
            {
                Emit(EbpfOpcode.Mov32Reg, EbpfRegisters.R2, A);
                Emit(EbpfOpcode.Mov32Reg, EbpfRegisters.R3, X);
            }
            Emit(EbpfOpcode.CallHelper, immediate: extension.Helper);
            if (extension.IsInternal && !_internal.Contains(extension))
                _internal.Add(extension);
        }
    }

    private void ConvertBranch(ClassicRow row, int index, ClassicInstruction instruction)
    {
        int next = index + 1, whenTrue = next + instruction.JumpTrue, whenFalse = next + instruction.JumpFalse;
        if (whenTrue == whenFalse)
        {
            if (whenTrue != next)
                EmitJump(EbpfOpcode.Ja, whenTrue);
            return;
        }
        bool isRegister = row.Operand == ClassicOperand.Index;
        int source = isRegister ? X : 0, immediate = isRegister ? 0 : (int)instruction.K;
        if (whenTrue == next && Inverse(row.Ebpf) is { } inverse)
        {
            EmitJump(inverse, whenFalse, A, source, immediate);
            return;
        }
        EmitJump(row.Ebpf, whenTrue, A, source, immediate);
        if (whenFalse != next)
            EmitJump(EbpfOpcode.Ja, whenFalse);
    }

    /// <summary>The branch taken when this one is not; eBPF has none for jset.</summary>
    private static EbpfOpcode? Inverse(EbpfOpcode branch) => branch switch
    {
        EbpfOpcode.Jeq32Imm => EbpfOpcode.Jne32Imm,
        EbpfOpcode.Jeq32Reg => EbpfOpcode.Jne32Reg,
        EbpfOpcode.Jgt32Imm => EbpfOpcode.Jle32Imm,
        EbpfOpcode.Jgt32Reg => EbpfOpcode.Jle32Reg,
        EbpfOpcode.Jge32Imm => EbpfOpcode.Jlt32Imm,
        EbpfOpcode.Jge32Reg => EbpfOpcode.Jlt32Reg,
        _ => null,
    };
}
