// What instructions of a loaded program refer to, as native addresses: maps, their values, helpers. For engines whose code runs
// in this process, where guest pointers are native ones.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Jit;

/// <summary>An array map whose element addresses are computed in line.</summary>
public readonly record struct InlineArray(ulong Values, ulong Stride, uint MaxEntries);

/// <param name="compiler">Who asks, for reports of defects.</param>
/// <param name="facts">What the verifier found, or null without a proof.</param>
internal sealed unsafe class GuestReferences(string compiler, LoadedProgram program, IReadOnlyList<InstructionFacts>? facts, ExecutionEnvironment environment)
{
    /// <summary>Number of bpf_map_lookup_elem.</summary>
    private const int LookupHelper = 1;

    /// <summary>Native address of a helper.</summary>
    public nint ResolveHelper(int id) => environment.Helpers.Find(id) is { } helper && helper.Native is not null
        ? (nint)helper.Native
        : throw new InternalCompilerException(compiler, program.Name, HelperRegistry.WhyMissing(id));

    /// <summary>What a wide immediate of a map or BTF kind loads: (first slot, second slot) to 64 bits.</summary>
    public ulong ResolveImmediate(EbpfInstruction first, EbpfInstruction second)
    {
        switch ((WideImmediateKind)first.Src)
        {
            case WideImmediateKind.MapFd or WideImmediateKind.MapIndex:
                return (ulong)program.Maps[first.Immediate].Handle;
            case WideImmediateKind.MapValue or WideImmediateKind.MapIndexValue:
                byte* value = program.Maps[first.Immediate].DirectValue((uint)second.Immediate);
                return value is not null ? (ulong)value : throw new InternalCompilerException(compiler, program.Name, "a direct map value lies outside its map");
            case WideImmediateKind.BtfId:
                return 0; // as in the interpreter: variables of the kernel do not exist here
            default:
                throw new InternalCompilerException(compiler, program.Name, $"no value for a wide immediate of kind {(WideImmediateKind)first.Src}");
        }
    }

    /// <summary>Does a load go through a pointer that may lead anywhere? Then <see cref="ProbingLoads"/> does it.</summary>
    public bool IsProbing(int slot) => facts is not null && facts[slot].Access == AccessKind.ProbeRead;

    /// <summary>The array map that a helper call at a slot looks up, when its lookup can be inlined; otherwise null.</summary>
    public InlineArray? FindInlineArray(int slot) => facts is null || facts[slot].MapIndex < 0 || program.Instructions[slot].Immediate != LookupHelper
        ? null
        : InlineArrayOf(program.Maps[facts[slot].MapIndex]);

    /// <summary>The hash table that a helper call at a slot looks a key up in, when the map is known and has one value under a key.</summary>
    public HashTableLayout? FindHashTable(int slot) => facts is null || facts[slot].MapIndex < 0 || program.Instructions[slot].Immediate != LookupHelper
        ? null
        : (program.Maps[facts[slot].MapIndex] as HashMap)?.Layout;

    /// <summary>Plain arrays have their elements at computable addresses; the descriptor says where.</summary>
    private static InlineArray? InlineArrayOf(IMap map)
    {
        var descriptor = (MapDescriptor*)map.Handle;
        return descriptor->Values != 0 && descriptor->CpuStride == 0 && descriptor->Stride is > 0 and <= int.MaxValue
            ? new InlineArray(descriptor->Values, descriptor->Stride, descriptor->MaxEntries)
            : null;
    }
}
