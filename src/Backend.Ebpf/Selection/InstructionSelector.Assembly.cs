// Inline assembly: binds operands to registers, immediates and memory. The text is assembled when registers are known.
using System.Globalization;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Selection;

public sealed partial class InstructionSelector
{
    private void SelectAssembly(InlineAsmInstruction source)
    {
        // An asm goto is selected with its block's end, so that nothing comes between the two.
        if (source.Block!.Terminator is AsmBranchInstruction branch && ReferenceEquals(branch.Asm, source))
            return;
        EmitAssembly(source);
    }

    /// <summary>
    /// The assembly and its two ways out. The label's side gets a block of its own: code on that edge must not land between the
    /// text, which jumps, and the end of the block.
    /// </summary>
    private void SelectAssemblyBranch(AsmBranchInstruction branch)
    {
        for (Instruction? between = branch.Asm.Next; between is not null && !ReferenceEquals(between, branch); between = between.Next)
        {
            if (between.MayWriteMemory() || between.MustKeep())
                throw Broken("something with an effect stands behind an asm goto");
        }
        if (branch.Labels.Count != 1)
            throw Broken("an asm goto with several labels");
        MachineBlock fallThrough = Edge(branch.FallThrough), jumped = NewBlock();
        jumped.AppendJump(Edge(branch.Successors[1]));
        _location = branch.Asm.Location;
        if (EmitAssembly(branch.Asm) is { } assembly)
        {
            MachineInstruction jump = Emit(new MachineInstruction(PseudoOpcode.AssemblyBranch) { Target = jumped });
            assembly.Labels = [(branch.Labels[0], jump)];
        }
        _current.AppendJump(fallThrough);
    }

    /// <returns>Null when an operand was refused (reported).</returns>
    private InlineAssembly? EmitAssembly(InlineAsmInstruction source)
    {
        var registers = new List<MachineRegister>();
        var uses = new List<RegisterUse>();
        var early = new List<bool>();
        var operands = new AssemblyOperand[source.Outputs.Count + source.Inputs.Count];
        for (int i = 0; i < source.Outputs.Count; i++)
        {
            string constraint = source.Outputs[i].Constraint;
            if (constraint.AsSpan().IndexOfAny('r', 'w', 'g') < 0 || source.Outputs[i].Type == IrType.I128)
            {
                ReportOperand(source, i, constraint, "an output must be in a register");
                return null;
            }
            operands[i] = new AssemblyOperand(registers.Count, false, 0, null, null);
            registers.Add(AssemblyResult(source, i));
            uses.Add(RegisterUse.Write);
            early.Add(constraint.Contains('&', StringComparison.Ordinal));
        }
        for (int i = 0; i < source.Inputs.Count; i++)
        {
            int number = source.Outputs.Count + i;
            string constraint = source.Inputs[i].Constraint;
            Value value = source.GetOperand(i);
            if (TiedOutput(source, constraint) is { } tied)
            {
                // Input and output share a register: move the value there first, then the assembly updates it.
                operands[number] = operands[tied];
                Materialize(registers[tied], value);
                uses[tied] = RegisterUse.ReadWrite;
                continue;
            }
            if (BindInput(source, number, constraint, value) is not { } operand)
                return null;
            if (operand.Register is { } register)
            {
                operands[number] = operand.Operand with { RegisterIndex = registers.Count };
                registers.Add(register);
                uses.Add(RegisterUse.Read);
                early.Add(false);
            }
            else
            {
                operands[number] = operand.Operand;
            }
        }
        var assembly = new InlineAssembly(source) { Registers = [.. registers], Uses = [.. uses], EarlyClobber = [.. early], Operands = operands };
        int clobbers = 0;
        foreach (string clobber in source.Clobbers)
        {
            if (clobber.Length >= 2 && clobber[0] is 'r' or 'w' && int.TryParse(clobber.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < EbpfRegisters.R10)
                clobbers |= 1 << number;
        }
        Emit(new MachineInstruction(PseudoOpcode.InlineAssembly) { Assembly = assembly, Clobbers = (ushort)clobbers });
        _constants.Clear();
        for (int i = 0; i < source.Outputs.Count; i++)
        {
            if (ResultOf(source, i) is { } result)
                FinishDefinition(result, registers[i]);
        }
        // Further readers of the same output, which optimisation usually merges.
        foreach (Instruction user in source.Users)
        {
            if (user is ResultInstruction other && !ReferenceEquals(ResultOf(source, other.Index), other))
                DefineFrom(other, registers[other.Index]);
        }
        return assembly;
    }

    private static int? TiedOutput(InlineAsmInstruction source, string constraint)
    {
        if (int.TryParse(constraint, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < source.Outputs.Count)
            return number;
        if (constraint.Length > 2 && constraint[0] == '[' && constraint[^1] == ']')
        {
            for (int i = 0; i < source.Outputs.Count; i++)
            {
                if (source.Outputs[i].SymbolicName is { } name && constraint.AsSpan(1, constraint.Length - 2).SequenceEqual(name))
                    return i;
            }
        }
        return null;
    }

    private static Instruction? ResultOf(InlineAsmInstruction source, int output)
    {
        if (output == 0)
            return source;
        foreach (Instruction user in source.Users)
        {
            if (user is ResultInstruction result && result.Index == output)
                return result;
        }
        return null;
    }

    private MachineRegister AssemblyResult(InlineAsmInstruction source, int output)
        => ResultOf(source, output) is { } result ? RegisterOf(result) : NewRegister();

    private (AssemblyOperand Operand, MachineRegister? Register)? BindInput(InlineAsmInstruction source, int number, string constraint, Value value)
    {
        bool register = constraint.AsSpan().IndexOfAny("rwgp") >= 0;
        bool immediate = constraint.AsSpan().IndexOfAny("inI") >= 0 || constraint.Contains('g', StringComparison.Ordinal);
        if (constraint.Contains('m', StringComparison.Ordinal) && value.Type == IrType.Ptr && !register)
        {
            Address address = BlockAddress(value);
            return address.Object is not null
                ? (new AssemblyOperand(-1, true, address.Offset, address.Object, null), null)
                : (new AssemblyOperand(-1, true, address.Offset, null, null), address.Base);
        }
        if (immediate)
        {
            (Value root, long offset) = AddressRoot(value);
            if (root is Constant constant)
                return (new AssemblyOperand(-1, false, constant.Type == IrType.Ptr || root != Strip(value) ? constant.Signed + offset : constant.Signed, null, null), null);
            if (root is GlobalValue symbol)
                return (new AssemblyOperand(-1, false, offset, null, symbol), null);
            if (!register)
            {
                ReportOperand(source, number, constraint, "the value is not known at compile time");
                return null;
            }
        }
        if (!register || value.Type == IrType.I128)
        {
            ReportOperand(source, number, constraint, "this constraint is not supported");
            return null;
        }
        return (default, Use(value));
    }

    private void ReportOperand(InlineAsmInstruction source, int number, string constraint, string reason)
        => _diagnostics.Report(BackendDiagnostics.AsmOperand, source.Location.IsNone ? _source.Location : source.Location, number, constraint, reason);
}
