// Who calls whom, directly. Strongly connected components after Tarjan, "Depth-First Search and Linear Graph Algorithms"
// (1972), come out callees first: the order in which inlining sees finished bodies.
namespace Ebpfcc.Ir.Analysis;

public sealed class CallGraph
{
    private readonly Dictionary<Function, int> _component = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Function, List<Function>> _callees = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Function> _selfCalls = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<int, int> _componentSizes = [];

    public CallGraph(Module module)
    {
        foreach (Function function in module.Functions)
            _callees[function] = [];
        foreach (Function callee in module.Functions)
        {
            foreach (Instruction user in callee.Users)
            {
                if (user is not CallInstruction call || !ReferenceEquals(call.Callee, callee) || call.Block?.Function is not { } caller)
                    continue;
                _callees[caller].Add(callee);
                if (ReferenceEquals(caller, callee))
                    _selfCalls.Add(caller);
            }
        }
        BottomUp = FindComponents(module);
    }

    /// <summary>All functions, callees before callers (within a cycle in any order).</summary>
    public List<Function> BottomUp { get; }

    /// <summary>Functions called directly, once per call.</summary>
    public IReadOnlyList<Function> Callees(Function function) => _callees[function];

    /// <summary>The function can be entered again while it runs.</summary>
    public bool IsRecursive(Function function) => _selfCalls.Contains(function) || _componentSizes[_component[function]] > 1;

    /// <summary>Both belong to one cycle of calls.</summary>
    public bool AreMutuallyRecursive(Function a, Function b) => _component[a] == _component[b] && IsRecursive(a);

    private List<Function> FindComponents(Module module)
    {
        var order = new List<Function>(module.Functions.Count);
        var index = new Dictionary<Function, int>(ReferenceEqualityComparer.Instance);
        var low = new Dictionary<Function, int>(ReferenceEqualityComparer.Instance);
        var open = new Stack<Function>();
        var work = new Stack<(Function Function, int Next)>();
        int components = 0;
        foreach (Function root in module.Functions)
        {
            if (index.ContainsKey(root))
                continue;
            work.Push((root, 0));
            while (work.TryPop(out (Function Function, int Next) top))
            {
                Function function = top.Function;
                if (top.Next == 0)
                {
                    low[function] = index[function] = index.Count;
                    open.Push(function);
                }
                else
                {
                    Function visited = _callees[function][top.Next - 1];
                    if (!_component.ContainsKey(visited))
                        low[function] = Math.Min(low[function], low[visited]);
                }
                if (top.Next < _callees[function].Count)
                {
                    work.Push((function, top.Next + 1));
                    Function callee = _callees[function][top.Next];
                    if (!index.TryGetValue(callee, out int seen))
                        work.Push((callee, 0));
                    else if (!_component.ContainsKey(callee))
                        low[function] = Math.Min(low[function], seen);
                    continue;
                }
                if (low[function] != index[function])
                    continue;
                Function member;
                int size = 0;
                do
                {
                    member = open.Pop();
                    _component[member] = components;
                    order.Add(member);
                    size++;
                }
                while (!ReferenceEquals(member, function));
                _componentSizes[components++] = size;
            }
        }
        return order;
    }
}
