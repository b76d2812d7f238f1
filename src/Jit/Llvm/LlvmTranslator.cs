// From verified eBPF to LLVM IR. Every eBPF function becomes an LLVM function, every register an SSA value: where several edges
// meet, each live register gets a phi, so that the IR is in pruned SSA form from the start. The frame is one alloca.
//
// The IR means exactly what eBPF means: arithmetic wraps (no nsw, nuw or exact), shift counts are masked, divisions that would
// trap are branched around, address arithmetic promises nothing (no inbounds), accesses have alignment 1, the frame begins as
// zeros and so does every register without a value. What several threads may see (map values, kernel memory) is accessed by
// volatile loads and stores, once each and in order: the verifier's proof holds for the value that was tested.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Llvm.Interop;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Jit.Llvm;

/// <summary>A register's value: a 64-bit integer or an address, two representations of the same 64 bits.</summary>
internal readonly record struct Operand(LLVMValueRef Value, bool IsPointer);

/// <summary>Translates one program into one module. Use once.</summary>
internal sealed partial class LlvmTranslator
{
    /// <summary>Name of the function that native callers enter: <c>u64 entry(r1, r2)</c>.</summary>
    public const string EntryName = "ebpf_entry";

    /// <summary>Beside the registers: what is left of the may_goto budget.</summary>
    private const int Budget = EbpfRegisters.Count;

    private readonly ProgramShape _shape;
    private readonly GuestReferences _references;
    private readonly VerifiedProgram? _proof;
    private readonly LLVMContextRef _context;
    private readonly LLVMModuleRef _module;
    private readonly LLVMBuilderRef _builder;
    private readonly LLVMTypeRef _int8, _int32, _int64, _pointer;
    private readonly LLVMValueRef _zero;
    private readonly LLVMValueRef[] _functions;
    private readonly LLVMTypeRef[] _signatures;
    private bool _entryIsCalled;

    // The function and the block that are being translated.
    private FunctionShape _function = null!;
    private LLVMValueRef _current;
    private Operand[] _registers = [];

    private LlvmTranslator(ProgramShape shape, GuestReferences references, VerifiedProgram? proof, LLVMContextRef context, LLVMModuleRef module, LLVMBuilderRef builder)
    {
        (_shape, _references, _proof, _context, _module, _builder) = (shape, references, proof, context, module, builder);
        (_int8, _int32, _int64) = (context.GetIntType(8), context.GetIntType(32), context.GetIntType(64));
        _pointer = LLVMTypeRef.CreatePointer(_int8, 0);
        _zero = Constant(0);
        _functions = new LLVMValueRef[shape.Functions.Length];
        _signatures = new LLVMTypeRef[shape.Functions.Length];
    }

    /// <param name="proof">Null in tests that bring programs of their own.</param>
    public static void Translate(ProgramShape shape, GuestReferences references, VerifiedProgram? proof, LLVMContextRef context, LLVMModuleRef module)
    {
        using LLVMBuilderRef builder = context.CreateBuilder();
        new LlvmTranslator(shape, references, proof, context, module, builder).Run();
    }

    private void Run()
    {
        for (int slot = 0; slot < _shape.Rows.Length; slot++)
            _entryIsCalled |= _shape.Rows[slot].Opcode is EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction && slot + 1 + _shape.Instructions[slot].Immediate == 0;
        LLVMAttributeRef noUnwind = _context.CreateEnumAttribute("nounwind"u8), nullIsValid = _context.CreateEnumAttribute("null_pointer_is_valid"u8);
        for (int i = 0; i < _functions.Length; i++)
        {
            var parameters = new LLVMTypeRef[ParameterCount(i)];
            Array.Fill(parameters, _int64);
            if (i == 0)
                parameters[0] = _pointer;
            _signatures[i] = LLVMTypeRef.CreateFunction(_int64, parameters);
            _functions[i] = _module.AddFunction(i == 0 ? EntryName : $"f{_shape.Functions[i].Start}", _signatures[i]);
            if (i > 0)
                _functions[i].Linkage = LLVMLinkage.LLVMInternalLinkage;
            _functions[i].AddAttributeAtIndex(LLVMAttributeIndex.LLVMAttributeFunctionIndex, noUnwind);
            _functions[i].AddAttributeAtIndex(LLVMAttributeIndex.LLVMAttributeFunctionIndex, nullIsValid);
        }
        var graph = new BlockGraph(_shape, LoadsContextPointer);
        for (int i = 0; i < _functions.Length; i++)
            TranslateFunction(i, graph.Build(_shape.Functions[i], i == 0 ? 1 << EbpfRegisters.R1 : 0));
    }

    /// <summary>The entry takes the context and R2, all others the five argument registers.</summary>
    private int ParameterCount(int index) => index == 0 && !_entryIsCalled ? 2 : ArgumentCount;

    /// <summary>32-bit context fields that stand for pointers are loaded as the pointers they stand for.</summary>
    private bool LoadsContextPointer(int slot)
        => _proof is not null && _shape.Rows[slot] is { Effect: Effect.Load, Width: 64 } && OpcodeTable.Find(_proof.Program.Instructions[slot])?.Width == 32;

    private void TranslateFunction(int index, List<Block> blocks)
    {
        _function = _shape.Functions[index];
        _current = _functions[index];
        LLVMBasicBlockRef prologue = NewBlock("prologue");
        foreach (Block block in blocks)
            block.Label = NewBlock($"i{block.Start}");
        _builder.PositionAtEnd(prologue);
        Operand[] initial = InitialRegisters(index);
        _builder.BuildBr(blocks[0].Label);
        foreach (Block block in blocks)
        {
            _builder.PositionAtEnd(block.Label);
            bool isFirst = block == blocks[0];
            _registers = isFirst && block.Predecessors.Count == 0 ? initial
                : !isFirst && block.Predecessors.Count == 1 ? block.Predecessors[0].Exit
                : initial;
            _registers = (Operand[])_registers.Clone();
            if (block.Predecessors.Count + (isFirst ? 1 : 0) > 1)
                Merge(block);
            for (int slot = block.Start; slot <= block.Last; slot += _shape.Rows[slot].Slots)
                Translate(slot);
            EndBlock(block);
        }
        foreach (Block block in blocks)
        {
            foreach ((int register, Operand phi) in block.Phis)
            {
                if (block == blocks[0])
                    phi.Value.AddIncoming(Represent(initial[register], phi.IsPointer, prologue), prologue);
                foreach (Block predecessor in block.Predecessors)
                    phi.Value.AddIncoming(Represent(predecessor.Exit[register], phi.IsPointer, predecessor.End), predecessor.End);
            }
        }
    }

    /// <summary>Arguments, the address behind the zeroed frame, and zero for what has no value.</summary>
    private Operand[] InitialRegisters(int index)
    {
        var registers = new Operand[EbpfRegisters.Count + 1];
        Array.Fill(registers, new Operand(_zero, false));
        for (int i = 0; i < ParameterCount(index); i++)
            registers[EbpfRegisters.R1 + i] = new Operand(_current.GetParam((uint)i), index == 0 && i == 0);
        registers[Budget] = new Operand(Constant((ulong)MachineState.MayGotoLimit), false);
        if (_function.StackBytes > 0)
        {
            const uint Alignment = 16;
            uint bytes = ((uint)_function.StackBytes + Alignment - 1) & ~(Alignment - 1);
            LLVMValueRef frame = _builder.BuildAlloca(LLVMTypeRef.CreateArray(_int8, bytes));
            frame.SetAlignment(Alignment);
            LLVMValueRef first = _builder.BuildBitCast(frame, _pointer);
            registers[EbpfRegisters.R10] = new Operand(Displace(first, Constant(bytes)), true);
            // What the verifier saw used is zeroed; nothing reads the rest.
            uint used = _proof is null ? bytes : Math.Min(bytes, ((uint)_proof.StackDepth + Alignment - 1) & ~(Alignment - 1));
            if (used > 0)
                _builder.BuildMemSet(Displace(first, Constant(bytes - used)), LLVMValueRef.CreateConstInt(_int8, 0), Constant(used), Alignment);
        }
        return registers;
    }

    /// <summary>Phis for what is live; what is not has no value here.</summary>
    private void Merge(Block block)
    {
        for (int register = 0; register < EbpfRegisters.R10; register++)
        {
            if ((block.LiveIn >> register & 1) != 0)
                AddPhi(register, (block.PointersIn >> register & 1) != 0);
            else
                _registers[register] = new Operand(_zero, false);
        }
        if (_function.MayGotoOffset != 0)
            AddPhi(Budget, false);

        void AddPhi(int register, bool isPointer)
        {
            _registers[register] = new Operand(_builder.BuildPhi(isPointer ? _pointer : _int64), isPointer);
            block.Phis.Add((register, _registers[register]));
        }
    }

    private void EndBlock(Block block)
    {
        EbpfInstruction instruction = _shape.Instructions[block.Last];
        OpcodeRow row = _shape.Rows[block.Last];
        if (row.Effect == Effect.Exit)
            _builder.BuildRet(Int(EbpfRegisters.R0));
        else if (row.Effect == Effect.Branch && Condition(instruction, row) is var taken && block.Successors.Length == 2)
            _builder.BuildCondBr(taken, block.Successors[1].Label, block.Successors[0].Label);
        else
            _builder.BuildBr(block.Successors[0].Label);
        block.Exit = _registers;
        block.End = _builder.InsertBlock;
    }

    /// <summary>A value in the representation of a phi, converted at the end of the block it comes from.</summary>
    private LLVMValueRef Represent(Operand operand, bool asPointer, LLVMBasicBlockRef from)
    {
        if (operand.IsPointer == asPointer)
            return operand.Value;
        _builder.PositionBefore(LLVM.GetBasicBlockTerminator(from));
        return asPointer ? _builder.BuildIntToPtr(operand.Value, _pointer) : _builder.BuildPtrToInt(operand.Value, _int64);
    }

    private void Translate(int slot)
    {
        EbpfInstruction instruction = _shape.Instructions[slot];
        OpcodeRow row = _shape.Rows[slot];
        switch (row.Effect)
        {
            case Effect.Alu:
                TranslateAlu(instruction, row);
                break;
            case Effect.LoadImmediate:
                TranslateWide(slot, instruction, row);
                break;
            case Effect.Load:
                TranslateLoad(slot, instruction, row);
                break;
            case Effect.Store:
                TranslateStore(slot, instruction, row);
                break;
            case Effect.Atomic:
                TranslateAtomic(instruction, row);
                break;
            case Effect.Call:
                TranslateCall(slot, instruction, row);
                break;
            case Effect.PacketLoad:
                TranslatePacketLoad(instruction, row);
                break;
            case Effect.Branch or Effect.Jump or Effect.Exit:
                break; // ends its block
            default:
                throw new InternalCompilerException("LLVM translation", null, $"slot {slot}: no translation of {row.Opcode}");
        }
    }

    // ---- values -------------------------------------------------------------------------------------------------------

    private LLVMValueRef Constant(ulong value) => LLVMValueRef.CreateConstInt(_int64, value);

    private LLVMBasicBlockRef NewBlock(string name) => _context.AppendBasicBlock(_current, name);

    /// <summary>A register as an integer of 64 bits.</summary>
    private LLVMValueRef Int(int register)
        => _registers[register] is { IsPointer: true, Value: var address } ? _builder.BuildPtrToInt(address, _int64) : _registers[register].Value;

    /// <summary>A register's lower half.</summary>
    private LLVMValueRef Low(int register) => _builder.BuildTrunc(Int(register), _int32);

    /// <summary>A register as an address.</summary>
    private LLVMValueRef Pointer(int register)
        => _registers[register] is { IsPointer: true, Value: var address } ? address : _builder.BuildIntToPtr(_registers[register].Value, _pointer);

    private void Set(int register, LLVMValueRef value) => _registers[register] = new Operand(value, false);

    private void SetPointer(int register, LLVMValueRef address) => _registers[register] = new Operand(address, true);

    /// <summary>Sets a register from fewer bits; the rest is zero.</summary>
    private void SetExtended(int register, LLVMValueRef value) => Set(register, _builder.BuildZExt(value, _int64));

    private LLVMValueRef Displace(LLVMValueRef address, LLVMValueRef distance) => _builder.BuildGEP2(_int8, address, distance);

    /// <summary>The address of a memory operand, as a pointer to its type.</summary>
    private LLVMValueRef Address(int register, int offset, LLVMTypeRef type)
    {
        LLVMValueRef address = Pointer(register);
        if (offset != 0)
            address = Displace(address, Constant((ulong)(long)offset));
        return _builder.BuildBitCast(address, LLVMTypeRef.CreatePointer(type, 0));
    }

    /// <summary>Other threads may see the memory: neither left out nor repeated nor exchanged with others of its kind.</summary>
    private bool IsShared(int slot) => _proof is not null && _proof.Facts[slot].Access is not (AccessKind.Stack or AccessKind.Packet or AccessKind.Context);
}
