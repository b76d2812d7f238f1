// Golden machine code of small functions: one case per idiom, so that a change of selection or allocation shows.
using Ebpfcc.Backend.Ebpf.Emission;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Text;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Backend.Ebpf.Tests;

public class CodeGenerationTests
{
    public static TheoryData<string> Cases => [.. IrCases.Names];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Machine_code(string name) => Snapshot.Verify(Print(IrCases.Get(name), CpuVersion.V3), name);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_version_encodes(string name)
    {
        foreach (CpuVersion cpu in new[] { CpuVersion.V1, CpuVersion.V2, CpuVersion.V3, CpuVersion.V4 })
        {
            Module module = ModuleParser.Parse(IrCases.Get(name));
            foreach (Function function in module.Functions.Where(f => !f.IsDeclaration))
            {
                var diagnostics = new DiagnosticBag();
                EmittedFunction? code = CodeGenerator.Compile(function, new BackendOptions(cpu), diagnostics);
                if (cpu < CpuVersion.V3 && diagnostics.Items.Any(item => item.Descriptor == BackendDiagnostics.AtomicVersion))
                    continue;
                Assert.Empty(diagnostics.Items);
                for (int slot = 0; slot < code!.Code.Length; slot++)
                {
                    OpcodeRow? row = OpcodeTable.Find(code.Code[slot]);
                    Assert.NotNull(row);
                    Assert.True(row.Since <= cpu, $"{row.Opcode} needs {row.Since}");
                    slot += row.Slots - 1;
                }
            }
        }
    }

    private static string Print(string text, CpuVersion cpu)
    {
        Module module = ModuleParser.Parse(text);
        var output = new System.Text.StringBuilder();
        foreach (Function function in module.Functions.Where(f => !f.IsDeclaration))
        {
            var diagnostics = new DiagnosticBag();
            MachineFunction? machine = CodeGenerator.Generate(function, new BackendOptions(cpu), diagnostics);
            foreach (Diagnostic item in diagnostics.Items)
                output.AppendLine(item.Message);
            if (machine is not null)
                output.Append(MachinePrinter.Print(machine));
        }
        return output.ToString();
    }
}
