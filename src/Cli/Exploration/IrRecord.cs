// Keeps the IR as it was after lowering and after every pass that changed it, for pages that show the passes at work.
using Ebpfcc.Ir;
using Ebpfcc.Ir.Passes;
using Ebpfcc.Ir.Text;

namespace Ebpfcc.Cli.Exploration;

/// <param name="Title">"lowering", or the pass that made it, numbered by its place in the pipeline.</param>
/// <param name="Text">The module's functions, with source positions as comments.</param>
public sealed record IrStage(string Title, string Text);

public sealed class IrRecord : PassObserver
{
    /// <summary>Characters of text kept; later stages of a larger program are left out, except the last.</summary>
    private const int Budget = 4 << 20;

    private static readonly PrintOptions s_print = new(SourceComments: true, DebugTypes: false);

    private readonly List<IrStage> _stages = [];
    private int _passes, _size;
    private IrStage? _latest;

    /// <summary>Stages that did not fit.</summary>
    public int LeftOut { get; private set; }

    public IReadOnlyList<IrStage> Stages => _latest is null ? _stages : [.. _stages, _latest];

    public void AfterLowering(Module module) => Add(new IrStage("lowering", ModulePrinter.Print(module, s_print)));

    public override void AfterPass(PassRow pass, Module module, bool changed, TimeSpan elapsed)
    {
        _passes++;
        if (changed)
            Add(new IrStage($"{_passes} {pass.Name}", ModulePrinter.Print(module, s_print)));
    }

    private void Add(IrStage stage)
    {
        if (_latest is { } previous)
        {
            if (previous.Text == stage.Text)
                return;
            _size += previous.Text.Length;
            if (_size <= Budget)
                _stages.Add(previous);
            else
                LeftOut++;
        }
        _latest = stage;
    }
}
