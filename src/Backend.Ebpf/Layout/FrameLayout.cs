// Places stack objects below the frame pointer, spill slots first (they need 8-byte alignment and are the busiest), then
// variables by falling alignment, so that little is lost to padding. Overflow is reported with a table of the users.
using System.Globalization;
using System.Text;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Numerics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Backend.Ebpf.Layout;

public static class FrameLayout
{
    public static void Run(MachineFunction function, DiagnosticBag diagnostics)
    {
        HashSet<StackObject> used = UsedObjects(function);
        List<StackObject> order = function.StackObjects.FindAll(used.Contains);
        order.Sort((a, b) => a.Variable is null != b.Variable is null ? (a.Variable is null ? -1 : 1)
            : a.Alignment != b.Alignment ? b.Alignment.CompareTo(a.Alignment) : a.Index.CompareTo(b.Index));
        long offset = 0;
        foreach (StackObject item in order)
        {
            // The frame pointer is 8-aligned; stronger wishes cannot be kept and are not needed by any access.
            offset = IntegerArithmetic.AlignUp(offset + item.Size, Math.Min(item.Alignment, 8));
            item.FrameOffset = (int)-offset;
        }
        long size = IntegerArithmetic.AlignUp(offset, 8);
        function.FrameSize = (int)size;
        if (size > EbpfRegisters.StackSize)
            Report(function, diagnostics, order, size);
    }

    private static HashSet<StackObject> UsedObjects(MachineFunction function)
    {
        var used = new HashSet<StackObject>();
        foreach (MachineBlock block in function.Blocks)
        {
            foreach (MachineInstruction instruction in block.Instructions)
            {
                if (instruction.Object is { } item)
                    used.Add(item);
                if (instruction.Assembly is not { } assembly)
                    continue;
                foreach (AssemblyOperand operand in assembly.Operands)
                {
                    if (operand.Object is { } memory)
                        used.Add(memory);
                }
            }
        }
        return used;
    }

    private static void Report(MachineFunction function, DiagnosticBag diagnostics, List<StackObject> objects, long size)
    {
        const int Shown = 6;
        int spills = 0;
        var variables = new List<StackObject>();
        foreach (StackObject item in objects)
        {
            if (item.Variable is null)
                spills += item.Size;
            else
                variables.Add(item);
        }
        variables.Sort((a, b) => a.Size != b.Size ? b.Size.CompareTo(a.Size) : a.Index.CompareTo(b.Index));
        var text = new StringBuilder();
        foreach (StackObject item in variables.Take(Shown))
            text.Append(CultureInfo.InvariantCulture, $"{(text.Length == 0 ? "" : ", ")}{item.Variable!.Name ?? "temporary"}: {item.Size}");
        if (variables.Count > Shown)
            text.Append(CultureInfo.InvariantCulture, $", {variables.Count - Shown} more");
        if (spills > 0)
            text.Append(CultureInfo.InvariantCulture, $"{(text.Length == 0 ? "" : ", ")}spilled registers: {spills}");
        Core.Text.SourceLocation place = variables.Count > 0 && !variables[0].Variable!.Location.IsNone ? variables[0].Variable!.Location : function.Source.Location;
        diagnostics.Report(BackendDiagnostics.StackTooLarge, place, function.Name, size, EbpfRegisters.StackSize, text.ToString());
    }
}
