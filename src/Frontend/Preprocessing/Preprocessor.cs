// The preprocessor (C11 6.10 with GNU's and clang's extensions): a stack of frames, each a file being read or a macro's
// replacement being rescanned, from which one expanded token after the other is pulled.
//
//   +----------------------------+
//   | replacement of F           |  <- top: tokens are taken here
//   | header.h, line 12          |
//   | main.c, line 3             |
//   +----------------------------+
//
// A macro is disabled while its replacement is on the stack; a name met while its macro is disabled is marked and never
// expanded again. This is how clang and gcc read C11 6.10.3.4.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

/// <summary>Turns a source file and its headers into tokens. One instance preprocesses one translation unit.</summary>
public sealed partial class Preprocessor
{
    /// <summary>Includes deeper than this are refused.</summary>
    public const int MaximumIncludeDepth = 200;

    private const int MaximumExpansionDepth = 512;

    private sealed class Frame
    {
        public Lexer? Lexer;
        public PpToken[] Tokens = [];
        public int Index;
        public int End;
        public MacroDefinition? Macro;

        /// <summary>The tokens end here even for who asks further: an argument expanded on its own.</summary>
        public bool IsBarrier;

        // Files only.
        public SourceText? File;
        public string Directory = "";
        public int SearchIndex = -1;
        public bool IsSystem;
        public string? Identity;
        public readonly List<Conditional> Conditionals = [];
        public GuardState Guard;
        public int GuardName;
    }

    private enum GuardState : byte { None, AtStart, Inside, AfterEnd, Broken }

    private struct Conditional
    {
        public SourceLocation Location;
        public bool WasTaken;
        public bool ElseSeen;
        public bool IsGuard;
    }

    private readonly PreprocessorOptions _options;
    private readonly IFileSystem _files;
    private readonly SourceMap _map;
    private readonly DiagnosticBag _bag;
    private readonly NameTable _names = new();
    private readonly List<Frame> _stack = [];
    private readonly Stack<Frame> _freeMacroFrames = [];
    private Frame _top = null!;
    private MacroDefinition?[] _macros = new MacroDefinition?[4096];
    private PpToken[] _output = new PpToken[4096];
    private int _outputCount;
    private readonly List<PragmaDirective> _pragmas = [];
    private readonly List<string> _dependencies = [];
    private readonly HashSet<string> _systemDependencies = [];
    private readonly PragmaDiagnostics _pragmaDiagnostics;
    private readonly WellKnown _known;
    private SourceText _main = null!;
    private int _includeDepth;
    private int _counter;
    private long _work;
    private bool _aborted;

    private Preprocessor(PreprocessorOptions options, IFileSystem files, SourceMap map, DiagnosticBag bag)
    {
        _options = options;
        _files = files;
        _map = map;
        _bag = bag;
        _known = new WellKnown(_names);
        _pragmaDiagnostics = new PragmaDiagnostics(map, bag);
    }

    /// <summary>
    /// Preprocesses <paramref name="main"/>. Never throws at bad input; errors are in <paramref name="bag"/> and the tokens read so
    /// far come back. Also installs the filter of <c>#pragma GCC diagnostic</c> in the bag.
    /// </summary>
    public static PreprocessedSource Process(SourceText main, PreprocessorOptions options, IFileSystem files, SourceMap map, DiagnosticBag bag)
        => new Preprocessor(options, files, map, bag).Run(main);

    private PreprocessedSource Run(SourceText main)
    {
        _main = main;
        BuildSearchPath();
        DefineBuiltins();
        RunBuffer(new SourceText("<built-in>", PredefinedMacros.Text(_options)), isPredefined: true);
        RunBuffer(new SourceText("<command line>", CommandLineText()), isPredefined: false);

        _dependencies.Add(main.Path);
        PushFile(main, default, DirectoryOf(main.Path), -1, isSystem: false, identity: null);
        _main = main;
        for (int i = _options.ForcedIncludes.Count - 1; i >= 0; i--)
            IncludeForced(_options.ForcedIncludes[i]);

        while (true)
        {
            Lex(out PpToken token);
            if (_outputCount == _output.Length)
                Array.Resize(ref _output, _output.Length * 2);
            _output[_outputCount] = token;
            if (token.Kind == PpTokenKind.EndOfFile)
                break;
            if (++_outputCount >= _options.TokenLimit)
                GiveUp(token.Location);
        }
        return new PreprocessedSource(_names, _output, _outputCount, _pragmas, _dependencies, _map, _main) { SystemDependencies = _systemDependencies };
    }

    private string CommandLineText()
    {
        var text = new System.Text.StringBuilder();
        foreach (MacroOption option in _options.Macros)
        {
            string definition = option.Definition.Replace('\n', ' ');
            if (option.IsUndefinition)
            {
                text.Append("#undef ").Append(definition).Append('\n');
                continue;
            }
            int equals = definition.IndexOf('=');
            text.Append("#define ");
            if (equals < 0)
                text.Append(definition).Append(" 1\n");
            else
                text.Append(definition, 0, equals).Append(' ').Append(definition, equals + 1, definition.Length - equals - 1).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>Reads a buffer of directives to its end.</summary>
    private void RunBuffer(SourceText buffer, bool isPredefined)
    {
        if (buffer.Length == 0)
            return;
        _definingPredefined = isPredefined;
        PushFile(buffer, default, "", -1, isSystem: isPredefined, identity: null);
        PpToken token;
        do
        {
            Lex(out token);
        }
        while (token.Kind != PpTokenKind.EndOfFile);
        _stack.Clear();
        _includeDepth = 0;
        _definingPredefined = false;
    }

    private void GiveUp(SourceLocation location)
    {
        if (_aborted)
            return;
        _aborted = true;
        _bag.Report(PreprocessorDiagnostics.ExpansionTooLarge, location, Math.Max(_outputCount, (int)Math.Min(_work, int.MaxValue)));
    }

    /// <summary>Counts work that a macro causes; runaway macros end here.</summary>
    private bool Spend(long amount, SourceLocation location)
    {
        _work += amount;
        if (_work > 6L * _options.TokenLimit)
            GiveUp(location);
        return !_aborted;
    }

    // ---- frames -----------------------------------------------------------------------------------------------------

    private void Push(Frame frame)
    {
        _stack.Add(frame);
        _top = frame;
    }

    private void PopFrame()
    {
        Frame frame = _top;
        _stack.RemoveAt(_stack.Count - 1);
        _top = _stack.Count > 0 ? _stack[^1] : null!;
        if (frame.Lexer is not null)
            return;
        if (frame.Macro is not null)
            frame.Macro.IsDisabled = false;
        frame.Macro = null;
        frame.Tokens = [];
        frame.IsBarrier = false;
        _freeMacroFrames.Push(frame);
    }

    private void PushTokens(PpToken[] tokens, int count, MacroDefinition? macro, bool isBarrier = false)
    {
        Frame frame = _freeMacroFrames.Count > 0 ? _freeMacroFrames.Pop() : new Frame();
        frame.Tokens = tokens;
        frame.Index = 0;
        frame.End = count;
        frame.Macro = macro;
        frame.IsBarrier = isBarrier;
        if (macro is not null)
            macro.IsDisabled = true;
        Push(frame);
    }

    private void PushFile(SourceText file, SourceLocation includedFrom, string directory, int searchIndex, bool isSystem, string? identity)
    {
        SourceLocation start = _map.AddFile(file, includedFrom);
        if (isSystem)
            _pragmaDiagnostics.AddSystemFile(start);
        var frame = new Frame
        {
            Lexer = new Lexer(_names, file.Content, start, isSystem ? PpTokenFlags.SystemHeader : PpTokenFlags.None),
            File = file,
            Directory = directory,
            SearchIndex = searchIndex,
            IsSystem = isSystem,
            Identity = identity,
            Guard = GuardState.AtStart,
        };
        _includeDepth++;
        Push(frame);
    }

    /// <summary>The innermost file being read.</summary>
    private Frame CurrentFile
    {
        get
        {
            for (int i = _stack.Count - 1; i >= 0; i--)
            {
                if (_stack[i].Lexer is not null)
                    return _stack[i];
            }
            throw new InternalCompilerException("preprocessor", null, "no file is open.");
        }
    }

    // ---- tokens -----------------------------------------------------------------------------------------------------

    /// <summary>The next token, not expanded. Directives are carried out on the way, files and replacements left at their ends.</summary>
    private void LexRaw(out PpToken token)
    {
        while (true)
        {
            Frame frame = _top;
            if (frame.Lexer is null)
            {
                if (frame.Index < frame.End)
                {
                    token = frame.Tokens[frame.Index++];
                    return;
                }
                if (frame.IsBarrier)
                {
                    token = new PpToken { Kind = PpTokenKind.EndOfFile };
                    return;
                }
                PopFrame();
                continue;
            }

            Lexer lexer = frame.Lexer;
            if (_aborted)
            {
                token = new PpToken { Kind = PpTokenKind.EndOfFile, Location = lexer.Here };
                return;
            }
            lexer.Next(out token);
            if (token.Kind == PpTokenKind.Hash && token.IsStartOfLine && !lexer.InDirective)
            {
                Directive(frame, token.Location);
                continue;
            }
            if (token.Kind == PpTokenKind.EndOfFile)
            {
                if (EndOfFile(frame))
                    continue;
                return;
            }
            if (frame.Guard is GuardState.AtStart or GuardState.AfterEnd && !lexer.InDirective)
                frame.Guard = GuardState.Broken;
            return;
        }
    }

    /// <summary>Checks what must be closed at a file's end and leaves it; false at the end of the main file.</summary>
    private bool EndOfFile(Frame frame)
    {
        foreach (Conditional open in frame.Conditionals)
            _bag.Report(PreprocessorDiagnostics.UnterminatedConditional, SourceSpan.At(open.Location));
        frame.Conditionals.Clear();
        if (!frame.Lexer!.UnterminatedComment.IsNone)
            _bag.Report(PreprocessorDiagnostics.UnterminatedComment, SourceSpan.At(frame.Lexer.UnterminatedComment, 2));
        if (_stack.Count == 1)
            return false;
        if (frame.Guard == GuardState.AfterEnd && frame.Identity is not null)
            _guards[frame.Identity] = frame.GuardName;
        _includeDepth--;
        PopFrame();
        return true;
    }

    /// <summary>The next token with all macros expanded.</summary>
    private void Lex(out PpToken token)
    {
        while (true)
        {
            LexRaw(out token);
            if (_poisoned is not null && token.Kind == PpTokenKind.Identifier && _poisoned.Contains(token.Id) && (token.Flags & PpTokenFlags.FromMacro) == 0)
                _bag.Report(PreprocessorDiagnostics.PoisonedIdentifier, SpanOf(token), _names.GetText(token.Id));
            if (token.Kind != PpTokenKind.Identifier || (uint)token.Id >= (uint)_macros.Length || _macros[token.Id] is not { } macro)
                return;
            if ((token.Flags & PpTokenFlags.NoExpand) != 0)
                return;
            if (macro.IsDisabled)
            {
                token.Flags |= PpTokenFlags.NoExpand;
                return;
            }
            if (!Expand(ref token, macro))
                return;
        }
    }

    private MacroDefinition? GetMacro(int id) => (uint)id < (uint)_macros.Length ? _macros[id] : null;

    private void SetMacro(int id, MacroDefinition? macro)
    {
        if (id >= _macros.Length)
            Array.Resize(ref _macros, Math.Max(_macros.Length * 2, id + 1));
        _macros[id] = macro;
    }

    private SourceSpan SpanOf(in PpToken token) => SourceSpan.At(token.Location, Math.Max(1, _names.GetLength(token)));
}
