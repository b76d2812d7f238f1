// Which warnings count where: those in system headers never do, and #pragma GCC diagnostic changes the others. A change of state is entered at its place in every enclosing range of positions (the macro
// expansion or file it stands in, the place that this was invoked or included from, and so on), so that a later question
// for any place finds the last change before it:
//
//   main.c      |----a-----#include-----------b----|      changes inside the header count from the #include on
//                             header.h  |--c--d--|
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Preprocessing;

internal sealed class PragmaDiagnostics
{
    private sealed record State(State? Previous, string? Group, DiagnosticSeverity? Severity);

    private readonly SourceMap _map;
    private readonly Dictionary<int, List<(int Position, State State)>> _changes = [];
    private readonly HashSet<int> _systemFiles = [];
    private readonly Stack<State> _saved = [];
    private State _current = new(null, null, null);

    public PragmaDiagnostics(SourceMap map, DiagnosticBag bag)
    {
        _map = map;
        bag.PragmaFilter = Filter;
    }

    /// <summary>Nothing in the file that begins at this location is worth a warning to the user.</summary>
    public void AddSystemFile(SourceLocation start) => _systemFiles.Add(start.Position);

    /// <summary>Carries out one pragma; false when it is malformed.</summary>
    public bool Apply(SourceLocation location, string action, string option)
    {
        switch (action)
        {
            case "push":
                _saved.Push(_current);
                return true;
            case "pop":
                if (_saved.Count > 0)
                    _current = _saved.Pop();
                break;
            case "ignored" or "warning" or "error" or "fatal":
                if (!option.StartsWith("\"-W", StringComparison.Ordinal))
                    return false;
                DiagnosticSeverity? severity = action switch { "ignored" => null, "warning" => DiagnosticSeverity.Warning, _ => DiagnosticSeverity.Error };
                _current = new State(_current, option[3..^1], severity);
                break;
            default:
                return false;
        }
        Enter(location);
        return true;
    }

    private void Enter(SourceLocation location)
    {
        while (!location.IsNone)
        {
            int range = _map.GetRangeStart(location).Position;
            if (!_changes.TryGetValue(range, out List<(int, State)>? list))
                _changes[range] = list = [];
            list.Add((location.Position, _current));
            location = _map.GetParent(location);
        }
    }

    private DiagnosticSeverity? Filter(DiagnosticDescriptor descriptor, SourceLocation location, DiagnosticSeverity? severity)
    {
        if (location.IsNone)
            return severity;
        if (_systemFiles.Contains(_map.GetRangeStart(_map.GetFileLocation(location)).Position))
            return null;
        if (_changes.Count == 0)
            return severity;
        string group = descriptor.WarningGroup ?? descriptor.Id;
        for (State? state = Find(location); state is not null; state = state.Previous)
        {
            if (state.Group == group || (state.Group is "everything" && state.Severity is null))
                return state.Severity;
        }
        return severity;
    }

    private State? Find(SourceLocation location)
    {
        bool isInnermost = true;
        while (!location.IsNone)
        {
            if (_changes.TryGetValue(_map.GetRangeStart(location).Position, out List<(int Position, State State)>? list))
            {
                for (int i = list.Count - 1; i >= 0; i--)
                {
                    if (list[i].Position < location.Position || (isInnermost && list[i].Position == location.Position))
                        return list[i].State;
                }
            }
            location = _map.GetParent(location);
            isInnermost = false;
        }
        return null;
    }
}
