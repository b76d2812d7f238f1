// Everything that is known of one compilation, gathered for the page of 'ebpfcc explore': the C sources, the IR after each pass,
// the instructions of every program with the verifier's states in front of them, and the native code they become. All lines
// that came from the same C line carry the same key, so that the page can light them up together.
using System.Globalization;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Exploration;

/// <summary>A line of C.</summary>
/// <param name="Key">Joins it with the code it became; null for a gap in a file that is shown in parts.</param>
public sealed record SourceLine(int Number, string Text, string? Key);

public sealed record SourceListing(string Name, IReadOnlyList<SourceLine> Lines);

/// <summary>Something said about a C line.</summary>
/// <param name="Severity">"error", "warning" or "note".</param>
public sealed record LineNote(string? Key, string Severity, string Text);

/// <summary>An eBPF instruction.</summary>
/// <param name="Heading">The function that begins here, or null.</param>
/// <param name="States">Different states of the verifier in front of it; empty when no path reaches it.</param>
/// <param name="Visits">How often the verifier processed it.</param>
public sealed record CodeLine(int Slot, string Text, string? Key, string? Heading, IReadOnlyList<string> States, int Visits);

/// <summary>Native instructions made of one eBPF instruction.</summary>
public sealed record NativeLine(int Slot, int Offset, string Text);

public sealed record NativeListing(string Architecture, int Bytes, IReadOnlyList<NativeLine> Lines);

public sealed record ProgramReport(string Name, string Section, bool IsAccepted, string Verdict, IReadOnlyList<CodeLine> Code, IReadOnlyList<NativeListing> Native);

public sealed record ExploreReport(
    string Title,
    IReadOnlyList<SourceListing> Sources,
    IReadOnlyList<LineNote> Notes,
    IrRecord Ir,
    IReadOnlyList<ProgramReport> Programs);

/// <summary>Builds reports.</summary>
/// <param name="map">The sources of a program that was compiled here; null for an object, which brings the lines it came from.</param>
public sealed class ExploreReportBuilder(string title, SourceMap? map)
{
    /// <summary>Lines shown around a line with code in files other than the main one.</summary>
    private const int Surroundings = 6;

    private readonly Dictionary<string, int> _files = [];
    private readonly List<SortedDictionary<int, string>> _lines = [];
    private readonly List<SourceText?> _texts = [];
    private readonly List<LineNote> _notes = [];
    private readonly List<ProgramReport> _programs = [];

    /// <summary>The key of a C line, <c>FILE:LINE</c> with the file's number.</summary>
    public string Key(string file, int line, string text = "")
    {
        if (!_files.TryGetValue(file, out int number))
        {
            _files[file] = number = _files.Count;
            _lines.Add([]);
            SourceLocation place = map?.Find(file, 1, 1) ?? SourceLocation.None;
            _texts.Add(place.IsNone ? null : map!.GetFile(place));
        }
        _lines[number].TryAdd(line, text);
        return string.Create(CultureInfo.InvariantCulture, $"{number}:{line}");
    }

    /// <summary>Adds what the compiler said.</summary>
    public void Add(IEnumerable<Diagnostic> diagnostics)
    {
        foreach (Diagnostic diagnostic in diagnostics)
        {
            string? key = map?.GetFilePosition(diagnostic.Span.Start) is { } at ? Key(at.Path, at.Line) : null;
            _notes.Add(new LineNote(key, Rendering.JsonRenderer.SeverityName(diagnostic.Severity), $"{diagnostic.Message} [{diagnostic.Id}]"));
        }
    }

    /// <summary>Verifies a program, collecting what the verifier knew, and translates it where it can be.</summary>
    public void Add(LoadedProgram program, KernelVersion kernel, ExecutionEnvironment environment)
    {
        var states = new StateListing();
        VerificationResult result = Verifier.Verify(program, new VerifierOptions { Kernel = kernel, KernelTypes = KernelInformation.RunningKernelTypes, States = states });
        string verdict = result.Rejection is { } rejection
            ? $"rejected: {rejection.Message.Replace("\n", "; ")}"
            : string.Create(CultureInfo.InvariantCulture, $"accepted: {program.Instructions.Length} instructions, {result.Statistics.ProcessedInstructions} processed in {result.Statistics.TotalStates} states, {result.Statistics.StackDepth} bytes of stack");
        if (result.Rejection is { } refused)
            _notes.Add(new LineNote(KeyOf(program, refused.Slot), "error", $"program '{program.Name}' is {verdict} [{refused.Code}]"));
        IReadOnlyList<NativeListing> native = result.Program is { } proof ? NativeListings.Of(proof, environment) : [];
        _programs.Add(new ProgramReport(program.Name, program.Section, result.IsAccepted, verdict, CodeOf(program, states), native));
    }

    /// <summary>A program that could not be loaded has a reason and no code.</summary>
    public void Add(FailedProgram failed)
        => _programs.Add(new ProgramReport(failed.Name, failed.Section, false, $"not loaded: {failed.Reason.Message} [{failed.Reason.Id}]", [], []));

    public ExploreReport Build(IrRecord ir)
    {
        // Positions in the IR decide, too, which parts of headers are shown.
        foreach (IrStage stage in ir.Stages)
        {
            foreach (string line in stage.Text.Split('\n'))
                SplitPosition(line);
        }
        var sources = new List<SourceListing>(_files.Count);
        foreach ((string name, int number) in _files)
            sources.Add(new SourceListing(name, LinesOf(number)));
        return new ExploreReport(title, sources, _notes, ir, _programs);
    }

    /// <summary>Separates a line of IR from the position behind it: <c>  %a = ...  ; file:line:column</c>.</summary>
    public (string Text, string? Key) SplitPosition(string line)
    {
        int comment = line.LastIndexOf(" ; ", StringComparison.Ordinal);
        int column = line.LastIndexOf(':');
        int number = column > 0 ? line.LastIndexOf(':', column - 1) : -1;
        if (comment < 0 || number < comment || !int.TryParse(line.AsSpan(number + 1, column - number - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int value))
            return (line, null);
        return (line[..comment].TrimEnd(), Key(line[(comment + 3)..number], value));
    }

    private string? KeyOf(LoadedProgram program, int slot) => program.FindLine(slot) is { } line ? KeyOf(line) : null;

    private string KeyOf(LineRecord line)
    {
        // The file's name as the compilation knows it: keys of IR and of line information must agree.
        SourceLocation place = map?.Find(line.File, line.Line, line.Column) ?? SourceLocation.None;
        return !place.IsNone && map!.GetFilePosition(place) is { } at ? Key(at.Path, at.Line, line.Text) : Key(line.File, line.Line, line.Text);
    }

    private List<CodeLine> CodeOf(LoadedProgram program, StateListing states)
    {
        var options = new DisassemblyOptions { Style = DisassemblyStyle.Kernel, HelperNames = true };
        var lines = new List<CodeLine>(program.Instructions.Length);
        for (int slot = 0; slot < program.Instructions.Length;)
        {
            EbpfInstruction instruction = program.Instructions[slot];
            OpcodeRow? row = OpcodeTable.Find(instruction);
            string text = Disassembler.Format(program.Instructions, slot, options);
            if (row is { Slots: 2 } && instruction.Src is 1 or 2 && (uint)instruction.Immediate < (uint)program.Maps.Count)
                text += $"  // {program.Maps[instruction.Immediate].Definition.Name}";
            string? heading = program.Subprograms.FirstOrDefault(function => function.Start == slot)?.Name;
            lines.Add(new CodeLine(slot, text, KeyOf(program, slot), heading, states.At(slot), states.Visits(slot)));
            slot += row?.Slots ?? 1;
        }
        return lines;
    }

    /// <summary>The main file whole, others around the lines that became code.</summary>
    private List<SourceLine> LinesOf(int file)
    {
        var result = new List<SourceLine>();
        SortedDictionary<int, string> known = _lines[file];
        if (_texts[file] is not { } source)
        {
            foreach ((int number, string line) in known)
                result.Add(new SourceLine(number, line, Key(number)));
            return result;
        }
        string[] text = source.Content.Split('\n');
        int shown = 0;
        for (int i = 0; i < text.Length; i++)
        {
            int number = i + 1;
            if (file != 0 && !known.Keys.Any(line => Math.Abs(line - number) <= Surroundings))
                continue;
            if (number != shown + 1)
                result.Add(new SourceLine(0, "...", null));
            result.Add(new SourceLine(number, text[i].TrimEnd('\r'), Key(number)));
            shown = number;
        }
        return result;

        string Key(int line) => string.Create(CultureInfo.InvariantCulture, $"{file}:{line}");
    }
}
