// Ready-made observers: the table behind --time-passes and the dump behind --print-after.
using System.Globalization;
using System.Text;
using Ebpfcc.Ir.Text;

namespace Ebpfcc.Ir.Passes;

/// <summary>Adds up the time of each pass.</summary>
public sealed class PassTimes : PassObserver
{
    private readonly List<string> _order = [];
    private readonly Dictionary<string, (TimeSpan Time, int Runs, int Changes)> _times = [];

    public override void AfterPass(PassRow pass, Module module, bool changed, TimeSpan elapsed)
    {
        if (!_times.TryGetValue(pass.Name, out (TimeSpan Time, int Runs, int Changes) sum))
            _order.Add(pass.Name);
        _times[pass.Name] = (sum.Time + elapsed, sum.Runs + 1, sum.Changes + (changed ? 1 : 0));
    }

    /// <summary>Name, milliseconds, runs and runs that changed something, in order of first run.</summary>
    public IEnumerable<(string Pass, double Milliseconds, int Runs, int Changes)> Rows
    {
        get
        {
            foreach (string name in _order)
                yield return (name, _times[name].Time.TotalMilliseconds, _times[name].Runs, _times[name].Changes);
        }
    }

    public string Format()
    {
        var text = new StringBuilder();
        foreach ((string pass, double milliseconds, int runs, int changes) in Rows)
            text.AppendLine(CultureInfo.InvariantCulture, $"{milliseconds,9:F3} ms  {pass,-14} {runs} runs, {changes} with changes");
        return text.ToString();
    }
}

/// <summary>Writes the module after chosen passes.</summary>
/// <param name="passes">Names, or "all".</param>
/// <param name="write">Receives a heading and the text form.</param>
public sealed class PassPrinter(IReadOnlyCollection<string> passes, Action<string> write, PrintOptions? options = null) : PassObserver
{
    public override void AfterPass(PassRow pass, Module module, bool changed, TimeSpan elapsed)
    {
        if (passes.Contains(pass.Name) || passes.Contains("all"))
            write($"; after {pass.Name}{(changed ? "" : " (no change)")}\n{ModulePrinter.Print(module, options)}");
    }
}

/// <summary>Several observers as one.</summary>
public sealed class PassObservers(params IReadOnlyList<PassObserver> observers) : PassObserver
{
    public override void AfterPass(PassRow pass, Module module, bool changed, TimeSpan elapsed)
    {
        foreach (PassObserver observer in observers)
            observer.AfterPass(pass, module, changed, elapsed);
    }
}
