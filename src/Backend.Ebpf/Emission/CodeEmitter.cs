// Encodes an allocated function: pseudo-instructions become what they stand for, stack objects become offsets from the
// frame pointer, blocks become distances. Branches start short; those that turn out too far become long jumps, until
// nothing changes (or are refused where the machine has no long jump).
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Numerics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Emission;

public sealed class CodeEmitter
{
    private readonly MachineFunction _function;
    private readonly BackendOptions _options;
    private readonly DiagnosticBag _diagnostics;
    private readonly Func<string, GlobalValue?> _findSymbol;
    private readonly Dictionary<MachineInstruction, AssembledCode> _assembled = [];
    private readonly HashSet<MachineInstruction> _long = [];
    private readonly List<EbpfInstruction> _code = [];
    private readonly List<CodeReference> _references = [];
    private readonly List<CodeLine> _lines = [];
    private readonly List<CodeCoreRelocation> _core = [];
    private readonly int[] _start;

    private CodeEmitter(MachineFunction function, BackendOptions options, DiagnosticBag diagnostics, Func<string, GlobalValue?> findSymbol)
    {
        _function = function;
        _options = options;
        _diagnostics = diagnostics;
        _findSymbol = findSymbol;
        _start = new int[function.Blocks.Count];
    }

    /// <param name="findSymbol">Finds a module's symbol that inline assembly names.</param>
    /// <returns>Null when assembly text or a branch distance was refused (reported).</returns>
    public static EmittedFunction? Emit(MachineFunction function, BackendOptions options, DiagnosticBag diagnostics, Func<string, GlobalValue?> findSymbol)
    {
        var emitter = new CodeEmitter(function, options, diagnostics, findSymbol);
        return emitter.AssembleAll() && emitter.Measure() ? emitter.Encode() : null;
    }

    private bool AssembleAll()
    {
        bool good = true;
        foreach (MachineBlock block in _function.Blocks)
        {
            foreach (MachineInstruction instruction in block.Instructions)
            {
                if (instruction.Pseudo != PseudoOpcode.InlineAssembly || instruction.Assembly!.Source.IsBarrier)
                    continue;
                if (InlineAssemblyText.Assemble(instruction.Assembly, _diagnostics) is { } code)
                    _assembled[instruction] = code;
                else
                    good = false;
            }
        }
        return good;
    }

    private int Slots(MachineInstruction instruction) => instruction.Pseudo switch
    {
        PseudoOpcode.FrameAddress => 2,
        PseudoOpcode.InlineAssembly => _assembled.TryGetValue(instruction, out AssembledCode? code) ? code.Instructions.Length : 0,
        PseudoOpcode.AssemblyBranch => 0,
        _ when _long.Contains(instruction) && instruction.IsConditionalBranch => 3,
        _ => instruction.Row.Slots,
    };

    /// <summary>Places the blocks and widens branches until all reach their targets.</summary>
    private bool Measure()
    {
        while (true)
        {
            int slot = 0;
            for (int i = 0; i < _function.Blocks.Count; i++)
            {
                _start[i] = slot;
                foreach (MachineInstruction instruction in _function.Blocks[i].Instructions)
                    slot += Slots(instruction);
            }
            bool grown = false;
            for (int i = 0; i < _function.Blocks.Count; i++)
            {
                slot = _start[i];
                foreach (MachineInstruction instruction in _function.Blocks[i].Instructions)
                {
                    slot += Slots(instruction);
                    if (instruction.Target is null || instruction.Pseudo != PseudoOpcode.None || _long.Contains(instruction))
                        continue;
                    int distance = _start[instruction.Target.Index] - slot;
                    if (IntegerArithmetic.FitsInt16(distance))
                        continue;
                    if (!_options.HasV4)
                    {
                        _diagnostics.Report(BackendDiagnostics.BranchRange, _function.Source.Location, _function.Name, Math.Abs(distance));
                        return false;
                    }
                    _long.Add(instruction);
                    grown = true;
                }
            }
            if (!grown)
                return true;
        }
    }

    private EmittedFunction Encode()
    {
        foreach (MachineBlock block in _function.Blocks)
        {
            foreach (MachineInstruction instruction in block.Instructions)
                Encode(instruction);
        }
        if (_code.Count == 0)
            throw new InternalCompilerException("code emission", _function.Name, "the function has no code");
        return new EmittedFunction(_function.Source, [.. _code], _references, _lines, _core, _function.FrameSize, StackVariables());
    }

    /// <summary>The stack objects that were placed, deepest last; spill slots have no name.</summary>
    private List<StackVariable> StackVariables()
    {
        var placed = new List<StackVariable>();
        foreach (StackObject item in _function.StackObjects)
        {
            if (item.FrameOffset < 0)
                placed.Add(new StackVariable(item.Variable?.Name, item.Variable?.Location ?? SourceLocation.None, item.FrameOffset, item.Size));
        }
        placed.Sort(static (a, b) => b.Offset.CompareTo(a.Offset));
        return placed;
    }

    private void Encode(MachineInstruction instruction)
    {
        MarkLine(instruction.Location);
        switch (instruction.Pseudo)
        {
            case PseudoOpcode.FrameAddress:
                int dst = instruction.Dst.Number;
                _code.Add(OpcodeTable.Encode(EbpfOpcode.Mov64Reg, dst, EbpfRegisters.R10));
                _code.Add(OpcodeTable.Encode(EbpfOpcode.Add64Imm, dst, immediate: checked((int)(instruction.Object!.FrameOffset + instruction.Immediate))));
                return;
            case PseudoOpcode.InlineAssembly:
                EncodeAssembly(instruction);
                return;
            case PseudoOpcode.AssemblyBranch:
                return;
        }
        if (instruction.Core is { } core)
            _core.Add(new CodeCoreRelocation(_code.Count, core));
        switch (instruction.Row.Effect)
        {
            case Effect.Branch or Effect.Jump:
                EncodeJump(instruction);
                return;
            case Effect.LoadImmediate:
                if (instruction.Symbol is { } symbol)
                    _references.Add(new CodeReference(_code.Count, false, symbol, symbol.Symbol, instruction.Immediate));
                long value = instruction.Symbol is null ? instruction.Immediate : (int)instruction.Immediate;
                _code.Add(OpcodeTable.Encode(instruction.Opcode, instruction.Dst.Number, immediate: (int)value));
                _code.Add(new EbpfInstruction(0, 0, 0, 0, instruction.Symbol is null ? (int)(value >> 32) : 0));
                return;
            case Effect.Call when instruction.Symbol is { } callee:
                // Minus one: the loader adds the distance to the symbol's first instruction.
                _references.Add(new CodeReference(_code.Count, true, callee, callee.Symbol, 0));
                _code.Add(OpcodeTable.Encode(instruction.Opcode, immediate: -1));
                return;
        }
        int offset = instruction.Offset + (instruction.Object?.FrameOffset ?? 0);
        if (!IntegerArithmetic.FitsInt16(offset))
            throw new InternalCompilerException("code emission", _function.Name, $"offset {offset} does not fit '{instruction}'");
        if (!IntegerArithmetic.FitsInt32(instruction.Immediate))
            throw new InternalCompilerException("code emission", _function.Name, $"the immediate of '{instruction}' does not fit");
        _code.Add(OpcodeTable.Encode(instruction.Opcode, Number(instruction.Dst), Number(instruction.Src), offset, (int)instruction.Immediate));
    }

    private static int Number(MachineRegister register) => register.IsNone ? 0 : register.Number;

    private void EncodeJump(MachineInstruction instruction)
    {
        int target = _start[instruction.Target!.Index];
        int dst = Number(instruction.Dst), src = Number(instruction.Src), immediate = (int)instruction.Immediate;
        if (!_long.Contains(instruction))
        {
            _code.Add(OpcodeTable.Encode(instruction.Opcode, dst, src, target - _code.Count - 1, immediate));
            return;
        }
        // if c goto far   becomes   if c goto +1;  goto +1;  gotol far
        if (instruction.IsConditionalBranch)
        {
            _code.Add(OpcodeTable.Encode(instruction.Opcode, dst, src, 1, immediate));
            _code.Add(OpcodeTable.Encode(EbpfOpcode.Ja, offset: 1));
        }
        _code.Add(OpcodeTable.Encode(EbpfOpcode.JaLong, immediate: target - _code.Count - 1));
    }

    private void EncodeAssembly(MachineInstruction instruction)
    {
        if (!_assembled.TryGetValue(instruction, out AssembledCode? code))
            return;
        int first = _code.Count;
        _code.AddRange(code.Instructions);
        foreach (SymbolReference reference in code.References)
        {
            if (reference.Kind is SymbolReferenceKind.Jump or SymbolReferenceKind.LongJump)
            {
                EncodeLabel(instruction.Assembly!, first + reference.Slot, reference);
                continue;
            }
            GlobalValue? symbol = _findSymbol(reference.Symbol);
            _references.Add(new CodeReference(first + reference.Slot, reference.Kind == SymbolReferenceKind.Call, symbol, reference.Symbol, reference.Addend));
        }
    }

    /// <summary>Fills in the distance of a jump from assembly text to a C label.</summary>
    private void EncodeLabel(InlineAssembly assembly, int slot, SymbolReference reference)
    {
        MachineBlock? target = Array.Find(assembly.Labels, label => InlineAssemblyText.LabelName(label.Name) == reference.Symbol).Branch?.Target;
        if (target is null)
        {
            _diagnostics.Report(BackendDiagnostics.AsmText, assembly.Source.Location, $"the label '{reference.Symbol}' is not defined");
            return;
        }
        int distance = _start[target.Index] - slot - 1;
        if (reference.Kind == SymbolReferenceKind.LongJump)
            _code[slot] = _code[slot].WithImmediate(distance);
        else if (IntegerArithmetic.FitsInt16(distance))
            _code[slot] = _code[slot].WithOffset((short)distance);
        else
            _diagnostics.Report(BackendDiagnostics.BranchRange, _function.Source.Location, _function.Name, Math.Abs(distance));
    }

    private void MarkLine(SourceLocation location)
    {
        if (!location.IsNone && (_lines.Count == 0 || _lines[^1].Location != location))
            _lines.Add(new CodeLine(_code.Count, location));
    }
}
