// From instruction slots to the interpreter's form: one pass that joins wide immediates and resolves references, one that
// turns slot distances into byte distances.
using System.Runtime.InteropServices;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Runtime.Execution.Interpretation;

internal sealed unsafe class Decoder
{
    private readonly LoadedProgram _program;
    private readonly IReadOnlyList<InstructionFacts>? _facts;
    private readonly HelperRegistry _helpers;
    private readonly DecodedInstruction* _code;

    public Decoder(LoadedProgram program, EbpfInstruction[] instructions, IReadOnlyList<InstructionFacts>? facts, ExecutionEnvironment environment)
    {
        (_program, _facts, _helpers) = (program, facts, environment.Helpers);
        var indexOf = new int[instructions.Length + 1];
        int count = 0;
        for (int slot = 0; slot < instructions.Length; slot += instructions[slot].IsWide ? 2 : 1)
            indexOf[slot] = count++;
        indexOf[instructions.Length] = count;

        Count = count;
        SlotOf = new int[count + 1];
        SlotOf[count] = instructions.Length;
        // The code lives outside the managed heap: functions as values are its addresses.
        Code = (nint)NativeMemory.AlignedAlloc((nuint)(count + 1) * (nuint)sizeof(DecodedInstruction), 64);
        _code = (DecodedInstruction*)Code;
        for (int slot = 0, index = 0; slot < instructions.Length; index++)
        {
            EbpfInstruction instruction = instructions[slot];
            OpcodeRow row = OpcodeTable.Find(instruction)
                ?? throw new InternalCompilerException("Decoder", program.Name, $"instruction {slot} has no row: {instruction}");
            SlotOf[index] = slot;
            ulong wide = row.IsWide ? instruction.WideImmediate(instructions[slot + 1]) : 0;
            _code[index] = Decode(instruction, row, wide, slot);
            if (StructuralCheck.Target(instruction, row, slot) is { } target)
                SetTarget(ref _code[index], row, index, indexOf[target]);
            slot += row.Slots;
        }
        _code[count] = new DecodedInstruction { Code = DecodedCode.End };
    }

    /// <summary>Address of the first <see cref="DecodedInstruction"/>; <see cref="Count"/> of them and an end mark. Owned by the taker.</summary>
    public nint Code { get; }

    public int Count { get; }

    /// <summary>From decoded index to slot.</summary>
    public int[] SlotOf { get; }

    private void SetTarget(ref DecodedInstruction decoded, OpcodeRow row, int index, int target)
    {
        if (row.Opcode == EbpfOpcode.LoadFunction)
            decoded.Immediate = (long)(_code + target);
        else
            decoded.Operand = (target - index - 1) * sizeof(DecodedInstruction);
    }

    private DecodedInstruction Decode(EbpfInstruction instruction, OpcodeRow row, ulong wide, int slot)
    {
        var decoded = new DecodedInstruction
        {
            Code = (ushort)row.Opcode, Dst = (byte)instruction.Dst, Src = (byte)instruction.Src,
            Operand = instruction.Offset, Immediate = instruction.Immediate,
        };
        switch (row.Effect)
        {
            case Effect.LoadImmediate:
                decoded.Code = (ushort)EbpfOpcode.LoadImm64;
                decoded.Immediate = (long)Constant(_program, row, instruction, wide, slot);
                break;
            case Effect.Load when _facts is not null && _facts[slot].Access == AccessKind.ProbeRead:
                decoded.Code = (ushort)(row.Operation == Operation.LoadSx
                    ? DecodedCode.ProbeLoadSx8 + (row.Opcode - EbpfOpcode.LoadSx8)
                    : DecodedCode.ProbeLoad8 + System.Numerics.BitOperations.Log2((uint)row.Width / 8));
                break;
            case Effect.PacketLoad when _facts is not null:
                decoded.Code = (ushort)((row.IsRegisterForm ? DecodedCode.ContextInd8 : DecodedCode.ContextAbs8) + System.Numerics.BitOperations.Log2((uint)row.Width / 8));
                break;
            case Effect.Call when row.Opcode == EbpfOpcode.CallHelper:
                DecodeHelper(ref decoded, instruction.Immediate, slot);
                break;
            case Effect.Call when row.Opcode == EbpfOpcode.CallKfunc:
                decoded.Code = DecodedCode.CallUnknown;
                break;
        }
        return decoded;
    }

    /// <summary>The value that a wide immediate loads; not for functions, whose values are the engine's.</summary>
    internal static ulong Constant(LoadedProgram program, OpcodeRow row, EbpfInstruction instruction, ulong wide, int slot)
    {
        switch (row.Opcode)
        {
            case EbpfOpcode.LoadMapFd when (uint)instruction.Immediate < (uint)program.Maps.Count:
                return (ulong)program.Maps[instruction.Immediate].Handle;
            case EbpfOpcode.LoadMapValue when (uint)instruction.Immediate < (uint)program.Maps.Count:
                byte* value = program.Maps[instruction.Immediate].DirectValue((uint)(wide >> 32));
                if (value is not null)
                    return (ulong)value;
                throw Unresolvable(program, slot, "the map has no value at this offset that can be addressed directly");
            case EbpfOpcode.LoadImm64:
            case EbpfOpcode.LoadFunction:
                return wide;
            case EbpfOpcode.LoadBtfId:
                // Addresses of kernel variables do not exist here; loads through the pointer read zero.
                return 0;
            default:
                throw Unresolvable(program, slot, "the reference names no map of the program");
        }
    }

    private static GuestFaultException Unresolvable(LoadedProgram program, int slot, string why) => new($"{program.Name}: {why}", slot);

    private void DecodeHelper(ref DecodedInstruction decoded, int id, int slot)
    {
        decoded.Operand = id;
        if (_helpers.Find(id) is not { } helper)
        {
            if (_facts is not null && _facts[slot].IsReachable)
                throw new GuestFaultException(HelperRegistry.WhyMissing(id), slot);
            decoded.Code = DecodedCode.CallUnknown;
            return;
        }
        decoded.Immediate = (long)helper.Managed;
        if (helper.UnwindsOnZero)
            decoded.Code = DecodedCode.CallUnwind;
        else if (id == HelperRegistry.TailCallId)
            decoded.Code = DecodedCode.TailCall;
        else if (helper.Row is { } row && (row.Has(HelperFlags.SyncCallback) || row.Has(HelperFlags.AsyncCallback)))
            decoded.Code = DecodedCode.CallWithCallback;
    }
}
