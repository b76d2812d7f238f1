// What the verifier knew in front of every instruction, as text in its log's notation, for listings that show it beside the
// code. A slot reached on many paths keeps the first few states that differ.
namespace Ebpfcc.Runtime.Verification;

/// <summary>Collects the verifier's states by instruction; handed to one verification by <see cref="VerifierOptions.States"/>.</summary>
/// <param name="statesPerSlot">Different states kept for one instruction.</param>
public sealed class StateListing(int statesPerSlot = 4)
{
    private readonly Dictionary<int, List<string>> _states = [];
    private readonly Dictionary<int, int> _visits = [];

    /// <summary>The states kept in front of an instruction, in the order of the paths that brought them: registers, then stack.</summary>
    public IReadOnlyList<string> At(int slot) => _states.TryGetValue(slot, out List<string>? states) ? states : [];

    /// <summary>How often the instruction was processed.</summary>
    public int Visits(int slot) => _visits.GetValueOrDefault(slot);

    /// <summary>Counts a visit; false once no further state is kept.</summary>
    internal bool Visit(int slot)
    {
        _visits[slot] = _visits.GetValueOrDefault(slot) + 1;
        return !_states.TryGetValue(slot, out List<string>? states) || states.Count < statesPerSlot;
    }

    internal void Add(int slot, string state)
    {
        if (!_states.TryGetValue(slot, out List<string>? states))
            _states[slot] = states = [];
        if (!states.Contains(state))
            states.Add(state);
    }
}
