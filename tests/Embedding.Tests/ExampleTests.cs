// The example host does what its expected output says.
using Ebpfcc.TestSupport;
using RequestPipeline;
using Xunit;

namespace Ebpfcc.Embedding.Tests;

public sealed class ExampleTests
{
    [Fact]
    public async Task The_pipeline_serves_refuses_and_swaps()
    {
        string folder = Path.Combine(Repository.Root, "examples", "request_pipeline");
        var output = new StringWriter { NewLine = "\n" };
        Assert.Equal(0, await Pipeline.RunAsync(output, File.ReadAllText(Path.Combine(folder, "admission.c"))));
        Assert.Equal(File.ReadAllText(Path.Combine(folder, "expected.txt")), output.ToString());
    }
}
