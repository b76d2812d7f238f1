// #include, #include_next and the search for headers, in clang's order:
//
//   "name": the including file's folder, -iquote, then as <name>
//   <name>: -I, -isystem, the first standard folder, our freestanding headers, the other standard folders, -idirafter,
//           our copies of kernel and helper declarations
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Headers;

namespace Ebpfcc.Frontend.Preprocessing;

public sealed partial class Preprocessor
{
    private readonly record struct SearchFolder(string Path, bool IsSystem);

    private readonly List<SearchFolder> _search = [];
    private int _firstAngled;
    private readonly Dictionary<string, SourceText?> _fileCache = [];
    private readonly Dictionary<string, string> _identities = [];
    private readonly HashSet<string> _once = [];

    /// <summary>Include guards that wrap whole files: file identity to the macro's name.</summary>
    private readonly Dictionary<string, int> _guards = [];

    private void BuildSearchPath()
    {
        var seen = new HashSet<string>();
        var system = new List<string>();
        void AddSystem(string folder)
        {
            if (seen.Add(Normalize(folder)))
                system.Add(folder);
        }

        foreach (string folder in _options.SystemDirectories)
            AddSystem(folder);
        for (int i = 0; i < _options.StandardDirectories.Count; i++)
        {
            if (i == 1 && _options.UseEmbeddedHeaders)
                AddSystem(EmbeddedHeaders.Freestanding);
            AddSystem(_options.StandardDirectories[i]);
        }
        if (_options.StandardDirectories.Count < 2 && _options.UseEmbeddedHeaders)
            AddSystem(EmbeddedHeaders.Freestanding);
        foreach (string folder in _options.AfterDirectories)
            AddSystem(folder);
        if (_options.UseEmbeddedHeaders)
            AddSystem(EmbeddedHeaders.Fallback);

        foreach (string folder in _options.QuoteDirectories)
            _search.Add(new SearchFolder(folder, false));
        _firstAngled = _search.Count;
        var user = new HashSet<string>();
        foreach (string folder in _options.IncludeDirectories)
        {
            // A folder that is a system folder as well keeps its later place, so that #include_next works in it.
            if (!seen.Contains(Normalize(folder)) && user.Add(Normalize(folder)))
                _search.Add(new SearchFolder(folder, false));
        }
        foreach (string folder in system)
            _search.Add(new SearchFolder(folder, true));
    }

    private static string Normalize(string folder) => folder.Length > 1 ? folder.TrimEnd('/') : folder;

    private static string DirectoryOf(string path)
    {
        int slash = path.LastIndexOf('/');
        if (OperatingSystem.IsWindows())
            slash = Math.Max(slash, path.LastIndexOf('\\'));
        return slash < 0 ? "" : path[..Math.Max(slash, 1)];
    }

    private static string Combine(string folder, string name) => folder.Length == 0 ? name : folder[^1] == '/' ? folder + name : folder + "/" + name;

    private static bool IsAbsolute(string name) => name.Length > 0 && (name[0] == '/' || (OperatingSystem.IsWindows() && Path.IsPathRooted(name)));

    private void IncludeDirective(Frame frame, SourceLocation hash, DirectiveKind kind)
    {
        Lexer lexer = frame.Lexer!;
        SourceLocation nameLocation;
        int nameLength;
        bool angled;
        if (lexer.TryHeaderName(out string name, out angled, out int nameStart))
        {
            nameLocation = lexer.Start + nameStart;
            nameLength = name.Length + 2;
        }
        else if (!ComputedHeaderName(out name, out angled, out nameLocation))
        {
            _bag.Report(PreprocessorDiagnostics.ExpectedFileName, nameLocation);
            EndDirective(frame);
            return;
        }
        else
        {
            nameLength = 1;
        }
        if (_top == frame)
            CheckEnd(lexer, kind);
        EndDirective(frame);

        var span = SourceSpan.At(nameLocation, nameLength);
        if (name.Length == 0)
        {
            _bag.Report(PreprocessorDiagnostics.ExpectedFileName, span);
            return;
        }
        if (_includeDepth >= MaximumIncludeDepth)
        {
            _bag.Report(PreprocessorDiagnostics.IncludeNesting, span);
            _aborted = true;
            return;
        }
        bool isNext = kind == DirectiveKind.IncludeNext;
        if (isNext && frame.SearchIndex < 0 && _includeDepth <= 1)
        {
            _bag.Report(PreprocessorDiagnostics.IncludeNextInMain, span);
            isNext = false;
        }
        Enter(frame, name, angled, isNext, span, kind == DirectiveKind.Import);
    }

    private void IncludeForced(string name)
    {
        Frame main = _stack[0];
        string? path = null;
        if (Open(name) is not null)
            path = name;
        if (path is not null)
            EnterFile(path, default, -1, isSystem: false, once: false);
        else
            Enter(main, name, angled: false, isNext: false, default, once: false);
    }

    private void Enter(Frame frame, string name, bool angled, bool isNext, SourceSpan span, bool once)
    {
        _passedOver = null;
        string? path = FindHeader(frame, name, angled, isNext, out int index, out bool isSystem);
        if (path is null)
        {
            if (_passedOver is { } unreadable)
                _bag.Report(PreprocessorDiagnostics.FileUnreadable, span, unreadable, _unreadable[unreadable]);
            else
                _bag.Report(PreprocessorDiagnostics.FileNotFound, span, name);
            return;
        }
        EnterFile(path, span.Start, index, isSystem, once);
    }

    private void EnterFile(string path, SourceLocation includedFrom, int index, bool isSystem, bool once)
    {
        string identity = GetIdentity(path);
        if (_once.Contains(identity) || (_guards.TryGetValue(identity, out int guard) && GetMacro(guard) is not null))
            return;
        SourceText file = Open(path)!;
        if (once)
            _once.Add(identity);
        if (file.Length >= SourceMap.MaxPosition - _map.UsedPositions - 1024)
        {
            _bag.Report(PreprocessorDiagnostics.PositionsUsedUp, includedFrom);
            _aborted = true;
            return;
        }
        if (!_dependencies.Contains(path) && !EmbeddedHeaders.Owns(path))
        {
            _dependencies.Add(path);
            if (isSystem)
                _systemDependencies.Add(path);
        }
        PushFile(file, includedFrom, DirectoryOf(path), index, isSystem, identity);
    }

    private string GetIdentity(string path)
    {
        if (!_identities.TryGetValue(path, out string? identity))
            _identities[path] = identity = EmbeddedHeaders.Owns(path) ? path : _files.GetIdentity(path);
        return identity;
    }

    /// <summary>Files that exist and cannot be read, and why.</summary>
    private readonly Dictionary<string, string> _unreadable = [];

    /// <summary>The first unreadable file of the current search: what is at fault when no other is found.</summary>
    private string? _passedOver;

    /// <summary>Looks for a header; the index says in which folder of the search it was found (-1: beside the includer).</summary>
    private string? FindHeader(Frame frame, string name, bool angled, bool isNext, out int index, out bool isSystem)
    {
        index = -1;
        isSystem = frame.IsSystem;
        if (IsAbsolute(name))
            return Open(name) is not null ? name : null;
        if (!angled && !isNext)
        {
            string beside = Combine(frame.Directory, name);
            if (Open(beside) is not null)
            {
                index = frame.SearchIndex;
                return beside;
            }
        }
        int first = isNext ? frame.SearchIndex + 1 : angled ? _firstAngled : 0;
        for (index = first; index < _search.Count; index++)
        {
            string candidate = Combine(_search[index].Path, name);
            if (Open(candidate) is not null)
            {
                isSystem = _search[index].IsSystem;
                return candidate;
            }
        }
        return null;
    }

    /// <summary>The text of a file, read once; null when it does not exist or cannot be read (which is remembered).</summary>
    private SourceText? Open(string path)
    {
        if (_fileCache.TryGetValue(path, out SourceText? file))
        {
            if (file is null && _unreadable.ContainsKey(path))
                _passedOver ??= path;
            return file;
        }
        string? content;
        string? error = null;
        if (EmbeddedHeaders.Owns(path))
            content = EmbeddedHeaders.Read(path);
        else
            content = _files.FileExists(path) ? _files.ReadFile(path, out error) : null;
        if (error is not null)
        {
            _unreadable[path] = error;
            _passedOver ??= path;
        }
        return _fileCache[path] = content is null ? null : new SourceText(path, content);
    }

    /// <summary><c>#include MACRO</c>: the expanded tokens form the name.</summary>
    private bool ComputedHeaderName(out string name, out bool angled, out SourceLocation location)
    {
        Lex(out PpToken token);
        location = token.Location;
        name = "";
        angled = token.Kind == PpTokenKind.Less;
        if (token.Kind == PpTokenKind.String && _names.GetSpan(token)[0] == '"')
        {
            name = _names.GetText(token.Id)[1..^1];
            return true;
        }
        if (!angled)
            return false;
        var text = new System.Text.StringBuilder();
        while (true)
        {
            Lex(out token);
            if (token.Kind == PpTokenKind.Greater)
                break;
            if (token.Kind is PpTokenKind.EndOfDirective or PpTokenKind.EndOfFile)
                return false;
            if (token.HasLeadingSpace && text.Length > 0)
                text.Append(' ');
            text.Append(_names.GetSpan(token));
        }
        name = text.ToString();
        return true;
    }
}
