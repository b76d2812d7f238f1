// What a program costs the verifier and the stack: loops without an end, too many instructions or paths, frames that are too large.
using System.Globalization;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;

namespace Ebpfcc.Cli.Explaining;

internal static class CostExplanations
{
    private const int MaximumLines = 5;

    // --------------------------------------------------------------------------------------------------------------- loops

    public static void ExplainLoop(Finding finding)
    {
        if (LoopAround(finding) is { } loop)
            finding.Note(SourceSpan.At(loop.Location), "nothing in this loop brings it closer to an end that the verifier can see");
        finding.Note("count the iterations: a for loop with a constant limit and a break, bpf_for(), or bpf_loop()");
    }

    private static BoundLoop? LoopAround(Finding finding)
    {
        if (finding is not { Compiled: { } source, Node: { } node })
            return null;
        return FixSite.Of(source, node) is { } site ? site.Path.OfType<BoundLoop>().LastOrDefault() ?? Loops(site).FirstOrDefault() : null;
    }

    private static IEnumerable<BoundLoop> Loops(FixSite site) => BoundNodes.Descendants(site.Function.Body).OfType<BoundLoop>();

    /// <summary>A limit on the iterations, the largest that verifies.</summary>
    public static IEnumerable<FixCandidate> RepairLoop(Finding finding, FixSite site)
    {
        IEnumerable<BoundLoop> loops = site.Path.OfType<BoundLoop>().Reverse().Concat(Loops(site)).Distinct(ReferenceEqualityComparer.Instance).Cast<BoundLoop>().Take(3);
        foreach (BoundLoop loop in loops)
        {
            if (FixSite.Of(site.Source, loop) is not { } at || site.Source.ExtentOf(loop) is not { } extent)
                continue;
            foreach (int limit in (int[])[1024, 256, 64, 16])
            {
                string description = $"stop after {limit} iterations";
                switch (loop)
                {
                    case BoundWhile { Condition: var condition } when site.Source.ExtentOf(condition) is { } whole && extent.File.Content.AsSpan(extent.Start).StartsWith("while"):
                        string text = site.Source.TextOf(condition)!;
                        string bounded = CompiledSource.Core(condition) is BoundLiteral { Value: var value } && value != 0 ? $"round < {limit}" : $"round < {limit} && ({text})";
                        yield return new FixCandidate(description,
                            [new TextEdit(extent.File, extent.Start, 5, "for"), new TextEdit(whole.File, whole.Start, whole.End - whole.Start, $"int round = 0; {bounded}; round++")]);
                        break;
                    case BoundFor { Condition: { } condition } when site.Source.TextOf(condition) is { } own && at.InsertBefore("int round = 0;") is { } counter && at.Replace(condition, $"round++ < {limit} && ({own})") is { } edits:
                        yield return new FixCandidate(description, [.. counter, .. edits]);
                        break;
                    case BoundFor { Condition: null } when extent.File.Content.IndexOf(';', extent.Start) is > 0 and var first && at.InsertBefore("int round = 0;") is { } counter:
                        yield return new FixCandidate(description, [.. counter, new TextEdit(extent.File, first + 1, 0, $" round++ < {limit}")]);
                        break;
                    case BoundDo { Condition: var condition } when site.Source.TextOf(condition) is { } own && at.InsertBefore("int round = 0;") is { } counter && at.Replace(condition, $"++round < {limit} && ({own})") is { } edits:
                        yield return new FixCandidate(description, [.. counter, .. edits]);
                        break;
                }
            }
        }
    }

    // ---------------------------------------------------------------------------------------------------------- complexity

    public static void ExplainComplexity(Finding finding)
    {
        IReadOnlyList<int> visits = finding.Trace.Visits;
        long all = 0;
        var lines = new Dictionary<(string File, int Line), (int Slot, long Count)>();
        for (int slot = 0; slot < visits.Count; slot++)
        {
            all += visits[slot];
            if (visits[slot] == 0 || finding.Program.FindLine(slot) is not { } line)
                continue;
            (int Slot, long Count) known = lines.GetValueOrDefault((line.File, line.Line), (slot, 0));
            lines[(line.File, line.Line)] = (known.Slot, known.Count + visits[slot]);
        }
        foreach ((int slot, long count) in lines.Values.OrderByDescending(static line => line.Count).ThenBy(static line => line.Slot).Take(MaximumLines))
            finding.Note(slot, string.Create(CultureInfo.InvariantCulture, $"this line took {count} of the {all} instructions that were verified ({count * 100 / Math.Max(all, 1)} %)"));
        finding.Note("make the loops shorter, use bpf_loop() or bpf_for(), whose body is verified once, or move code into global functions, which are verified on their own");
    }

    /// <summary>Functions that are verified once instead of at each call.</summary>
    public static IEnumerable<FixCandidate> RepairComplexity(Finding finding, FixSite site)
    {
        _ = finding;
        foreach (BoundFunction function in site.Source.Compilation.Bound!.Functions)
        {
            if (function.Symbol.Linkage != SymbolLinkage.Internal || site.Source.Map.GetFilePosition(function.Symbol.Location) is not { } name || site.Source.Map.IsInExpansion(function.Symbol.Location))
                continue;
            int line = name.File.GetOffset(name.Line, 1) ?? 0;
            string head = name.File.Content[line..name.Offset];
            int at = head.IndexOf("static", StringComparison.Ordinal);
            if (at < 0)
                continue;
            int end = at + "static".Length;
            foreach (string word in (string[])[" __always_inline", " inline"])
            {
                if (head.AsSpan(end).StartsWith(word))
                    end += word.Length;
            }
            yield return new FixCandidate($"make '{function.Symbol.Name}' a global function, which is verified once", [new TextEdit(name.File, line + at, end - at, "__attribute__((noinline))")]);
        }
    }

    // --------------------------------------------------------------------------------------------------------------- stack

    public static void ExplainStack(Finding finding)
    {
        for (int i = 0; i < finding.Program.Subprograms.Count; i++)
        {
            int start = finding.Program.Subprograms[i].Start;
            if (finding.Source.Origins(finding.Program, i) is not { } origins)
            {
                int used = Deepest(finding, i);
                if (used > 0)
                    finding.Note(start, string.Create(CultureInfo.InvariantCulture, $"'{finding.Program.Subprograms[i].Name}' uses {used} bytes of stack"));
                continue;
            }
            if (origins.StackSize == 0)
                continue;
            IEnumerable<string> users = origins.Stack.Where(static variable => variable.Name is not null).OrderByDescending(static variable => variable.Size).Take(MaximumLines)
                .Select(static variable => string.Create(CultureInfo.InvariantCulture, $"'{variable.Name}' {variable.Size}"));
            int rest = origins.Stack.Where(static variable => variable.Name is null).Sum(static variable => variable.Size);
            string table = string.Join(", ", rest > 0 ? users.Append(string.Create(CultureInfo.InvariantCulture, $"saved registers and temporaries {rest}")) : users);
            finding.Note(FunctionSpan(finding, i), string.Create(CultureInfo.InvariantCulture, $"'{finding.Program.Subprograms[i].Name}' uses {origins.StackSize} bytes of stack: {table}"));
        }
        finding.Note("all functions of one chain of calls share 512 bytes, each rounded up; large buffers belong into a per-CPU array map");
    }

    private static SourceSpan FunctionSpan(Finding finding, int subprogram)
        => finding.Compiled?.FindFunction(finding.Program.Subprograms[subprogram].Name) is { } function ? SourceSpan.At(function.Symbol.Location, function.Symbol.Name.Length) : finding.Source.SpanOf(finding.Program, finding.Program.Subprograms[subprogram].Start);

    /// <summary>The deepest byte that instructions of a function name relative to the frame pointer.</summary>
    private static int Deepest(Finding finding, int subprogram)
    {
        int end = subprogram + 1 < finding.Program.Subprograms.Count ? finding.Program.Subprograms[subprogram + 1].Start : finding.Program.Instructions.Length, deepest = 0;
        for (int slot = finding.Program.Subprograms[subprogram].Start; slot < end; slot++)
        {
            Ebpf.Isa.EbpfInstruction instruction = finding.Program.Instructions[slot];
            if (instruction.Class is Ebpf.Isa.InstructionClass.St or Ebpf.Isa.InstructionClass.Stx && instruction.Dst == 10 || instruction.Class == Ebpf.Isa.InstructionClass.Ldx && instruction.Src == 10)
                deepest = Math.Max(deepest, -instruction.Offset);
            // rX = r10; rX += -N
            else if (instruction.Code == 0x07 && slot > 0 && finding.Program.Instructions[slot - 1] is { Code: 0xbf, Src: 10 } move && move.Dst == instruction.Dst)
                deepest = Math.Max(deepest, -instruction.Immediate);
        }
        return deepest;
    }

    /// <summary>The largest array moves into a per-CPU array map with one element.</summary>
    public static IEnumerable<FixCandidate> RepairStack(Finding finding, FixSite site)
    {
        var arrays = new List<(BoundFunction Function, BoundLocalDeclaration Declaration, ArrayType Type)>();
        foreach (BoundFunction function in site.Source.Compilation.Bound!.Functions)
        {
            foreach (BoundLocalDeclaration declaration in BoundNodes.Descendants(function.Body).OfType<BoundLocalDeclaration>())
            {
                if (!declaration.Variable.IsGlobal && declaration.Variable.Type.Canonical is ArrayType { Size: >= 64, Element.Canonical: IntegerType } array && declaration.Initializer is null or { Entries.Count: 0 })
                    arrays.Add((function, declaration, array));
            }
        }
        foreach ((BoundFunction function, BoundLocalDeclaration declaration, ArrayType array) in arrays.OrderByDescending(static entry => entry.Type.Size).Take(2))
        {
            if (FixSite.Of(site.Source, declaration) is not { } at || at.Source.ExtentOf(declaration) is null || site.Source.Map.GetFilePosition(function.Symbol.Location) is not { } head || at.Exits.FirstOrDefault() is not { } exit)
                continue;
            int line = LineOfDefinition(head.File, head.Line);
            string name = declaration.Variable.Name, element = TypePrinter.Print(array.Element.Unqualified);
            string map = $"struct {{\n{at.Unit()}__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);\n{at.Unit()}__uint(max_entries, 1);\n{at.Unit()}__type(key, unsigned int);\n{at.Unit()}__type(value, {element}[{array.Length}]);\n}} {name}_memory SEC(\".maps\");\n\n";
            string indent = FixSite.Indent(at.Source.ExtentOf(declaration)!.Value.File, at.Source.ExtentOf(declaration)!.Value.Start);
            (SourceText file, int start, int end) = at.Source.ExtentOf(declaration)!.Value;
            int lineStart = file.GetOffset(file.GetLineIndex(start) + 1, 1) ?? start, semicolon = file.Content.IndexOf(';', end - 1);
            if (semicolon < 0)
                continue;
            string text = $"unsigned int {name}_key = 0;\n{indent}{element} *{name} = bpf_map_lookup_elem(&{name}_memory, &{name}_key);\n{indent}if (!{name})\n{indent}{at.Unit()}{exit}";
            // Memory of a map is as the last run left it.
            if (declaration.Initializer is not null)
                text += $"\n{indent}__builtin_memset({name}, 0, {array.Size});";
            var edits = new List<TextEdit>
            {
                new(head.File, line, 0, map),
                new(file, lineStart + indent.Length, semicolon + 1 - lineStart - indent.Length, text),
            };
            yield return new FixCandidate($"move '{name}' into a per-CPU array map", edits);
        }
    }

    /// <summary>The beginning of a definition whose name is on this line: the line itself, or the section's line above it.</summary>
    private static int LineOfDefinition(SourceText file, int line)
    {
        while (line > 1 && file.GetLine(line - 2) is var above && !above.IsWhiteSpace() && above.Trim() is var trimmed && trimmed[^1] is not (';' or '}' or '/') && trimmed[0] != '#')
            line--;
        return file.GetOffset(line, 1) ?? 0;
    }
}
