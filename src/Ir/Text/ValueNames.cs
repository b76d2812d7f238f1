// Unique names for the values and blocks of one function, kept stable by layout order.
using System.Globalization;

namespace Ebpfcc.Ir.Text;

internal sealed class ValueNames
{
    private readonly Dictionary<Value, string> _values = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<BasicBlock, string> _blocks = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, int> _used = [];
    private int _next;

    public static ValueNames Of(Function function)
    {
        var names = new ValueNames();
        for (int i = 0; i < function.Blocks.Count; i++)
            names._blocks[function.Blocks[i]] = names.Unique(function.Blocks[i].Name ?? "b" + i.ToString(CultureInfo.InvariantCulture));
        names._used.Clear();
        foreach (Parameter parameter in function.Parameters)
            names.Add(parameter);
        foreach (BasicBlock block in function.Blocks)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            {
                if (instruction.Type != IrType.Void)
                    names.Add(instruction);
            }
        }
        return names;
    }

    public string Value(Value value) => _values.TryGetValue(value, out string? name) ? name : $"<{value.Name ?? "foreign"}>";

    public string Block(BasicBlock block) => ModulePrinter.NameText(_blocks.TryGetValue(block, out string? name) ? name : $"<{block.Name ?? "foreign"}>");

    private void Add(Value value)
        => _values[value] = value.Name is { Length: > 0 } name && !char.IsAsciiDigit(name[0])
            ? ModulePrinter.NameText(Unique(name))
            : (_next++).ToString(CultureInfo.InvariantCulture);

    private string Unique(string name)
    {
        if (!_used.TryGetValue(name, out int count))
        {
            _used[name] = 0;
            return name;
        }
        string candidate;
        do
            candidate = $"{name}.{++count}";
        while (_used.ContainsKey(candidate));
        _used[name] = count;
        _used[candidate] = 0;
        return candidate;
    }
}
