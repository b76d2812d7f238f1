// Options that switch warnings on, off and into errors; the limit of errors.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Xunit;

namespace Ebpfcc.Core.Tests.Diagnostics;

public class DiagnosticBagTests
{
    private static readonly DiagnosticDescriptor s_error = new("EBC0901", DiagnosticSeverity.Error, "bad {0}", "");
    private static readonly DiagnosticDescriptor s_warning = new("EBC0902", DiagnosticSeverity.Warning, "odd {0}", "", "odd-things");
    private static readonly DiagnosticDescriptor s_quiet = new("EBC0903", DiagnosticSeverity.Warning, "picky", "", "picky", OnByDefault: false);

    private static DiagnosticSeverity?[] Report(Action<WarningOptions> configure, params DiagnosticDescriptor[] descriptors)
    {
        var options = new WarningOptions();
        configure(options);
        var bag = new DiagnosticBag(options);
        return [.. descriptors.Select(descriptor =>
        {
            int before = bag.Items.Count;
            bag.Report(descriptor, SourceSpan.None, 5);
            return bag.Items.Count > before ? bag.Items[^1].Severity : (DiagnosticSeverity?)null;
        })];
    }

    [Fact]
    public void Defaults() => Assert.Equal([DiagnosticSeverity.Error, DiagnosticSeverity.Warning, null], Report(_ => { }, s_error, s_warning, s_quiet));

    [Fact]
    public void Groups_are_switched()
    {
        Assert.Equal([null, DiagnosticSeverity.Warning], Report(o => { o.Enable("odd-things", false); o.Enable("picky", true); }, s_warning, s_quiet));
        Assert.Equal([DiagnosticSeverity.Error, DiagnosticSeverity.Error], Report(o => { o.TreatAsError("odd-things", true); o.TreatAsError("picky", true); }, s_warning, s_quiet));
        Assert.Equal([DiagnosticSeverity.Warning], Report(o => { o.AllAsErrors = true; o.TreatAsError("odd-things", false); }, s_warning));
        Assert.Equal([DiagnosticSeverity.Error, null], Report(o => { o.AllAsErrors = true; }, s_warning, s_quiet));
        Assert.Equal([DiagnosticSeverity.Error, null], Report(o => o.SuppressAll = true, s_error, s_warning));
    }

    [Fact]
    public void Errors_beyond_the_limit_count_but_are_not_kept()
    {
        var bag = new DiagnosticBag { ErrorLimit = 3 };
        for (int i = 0; i < 10; i++)
            bag.Report(s_error, SourceSpan.None, i);
        Assert.Equal((3, 10, true), (bag.Items.Count, bag.ErrorCount, bag.HasErrors));
        Assert.Equal("bad 0", bag.Items[0].Message);
    }

    [Fact]
    public void Pragmas_have_the_last_word()
    {
        var bag = new DiagnosticBag { PragmaFilter = (descriptor, _, severity) => descriptor == s_warning ? null : severity };
        bag.Report(s_warning, SourceSpan.None, 1);
        bag.Report(s_error, SourceSpan.None, 1);
        Assert.Single(bag.Items);
    }
}
