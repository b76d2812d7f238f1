// Translates the bound tree into SSA form. Local variables become stack objects of the entry block, which the optimiser's
// promotion passes turn into values (after LLVM's front ends: no phi placement here); structures stay in memory.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

public static class Lowering
{
    /// <summary>
    /// Lowers a bound unit. What eBPF cannot express is reported; a function with errors stays a declaration.
    /// </summary>
    /// <param name="name">The main source file's path.</param>
    public static Module Lower(BoundUnit unit, SourceMap sourceMap, string name, DiagnosticBag diagnostics)
        => new ModuleLowering(new Module(name, sourceMap), diagnostics).Lower(unit);
}
