// The entry: verifies a loaded program and, when it is safe, makes the witness that engines ask for.
using System.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Runtime.Verification;

public static class Verifier
{
    /// <summary>
    /// Verifies a program by the kernel's rules. Answers every program within the limits of the options; throws only for defects of
    /// the verifier itself.
    /// </summary>
    public static VerificationResult Verify(LoadedProgram program, VerifierOptions? options = null)
    {
        options ??= new VerifierOptions();
        long started = Stopwatch.GetTimestamp();
        Analysis? analysis = null;
        Rejection? rejection = null;
        try
        {
            analysis = new Analysis(program, options);
            analysis.Run();
        }
        catch (RejectedException refused)
        {
            rejection = new Rejection(refused.Message, Math.Max(0, refused.Slot), VerifierDiagnostics.Classify(refused.Message).Id);
            if (analysis is null || analysis.Errors.Count == 0)
                analysis?.Log.Line(refused.Message);
        }
        var statistics = new VerificationStatistics(analysis?.ProcessedInstructions ?? 0, analysis?.TotalStates ?? 0, analysis?.PeakStates ?? 0,
            analysis?.CombinedStackDepth ?? 0, Stopwatch.GetElapsedTime(started));
        analysis?.Log.Line($"processed {statistics.ProcessedInstructions} insns (limit {options.InstructionLimit}) max_states_per_insn {analysis.MaxStatesPerSlot} "
            + $"total_states {statistics.TotalStates} peak_states {statistics.PeakStates} mark_read 0");
        string log = analysis?.Log.ToString() ?? (options.LogLevel > 0 && rejection is not null ? rejection.Message + "\n" : "");
        return new VerificationResult(rejection is null ? MakeWitness(program, analysis!) : null, rejection, log, statistics);
    }

    private static VerifiedProgram MakeWitness(LoadedProgram program, Analysis analysis)
    {
        InstructionInfo[] code = analysis.Code;
        var instructions = (EbpfInstruction[])program.Instructions.Clone();
        var facts = new InstructionFacts[code.Length];
        for (int slot = 0; slot < code.Length; slot++)
        {
            ref InstructionInfo info = ref code[slot];
            bool seen = info.IsSeen || (slot > 0 && code[slot - 1] is { IsWide: true, IsSeen: true });
            facts[slot] = new InstructionFacts(seen, info.Access, info.MapSeen > 0 ? info.MapSeen - 1 : -1, (ushort)(info.ReadPointers & ~info.ReadOthers));
            if (info.LoadsContextPointer)
                instructions[slot] = RewritePointerLoad(instructions[slot], analysis.ContextSize);
            // What no path executes may call helpers that do not exist; as in the kernel a jump to itself takes its place.
            else if (!seen)
                instructions[slot] = OpcodeTable.Encode(EbpfOpcode.Ja, offset: -1);
        }
        return new VerifiedProgram(program, instructions, facts, analysis.CombinedStackDepth);
    }

    /// <summary>A 32-bit load of a pointer field becomes a 64-bit load from the shadow area behind the UAPI structure.</summary>
    private static EbpfInstruction RewritePointerLoad(EbpfInstruction load, int contextSize)
        => OpcodeTable.Classify(load) == EbpfOpcode.Load32
            ? OpcodeTable.Encode(EbpfOpcode.Load64, load.Dst, load.Src, NativeContextLayout.ShadowOffset(contextSize, load.Offset))
            : load;
}
