// A web server's pipeline in small: handlers called one after the other, one of them a filter written in C that is compiled when the
// process starts and can be replaced while requests are served. Nothing of ASP.NET is needed to see how it fits in: an application
// would call Admission.Admits from a middleware.
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Embedding;

namespace RequestPipeline;

/// <summary>What the C side sees of a request.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct RequestContext
{
    public ulong Path, PathEnd;
    public uint Client;
    public uint Status;
}

[StructLayout(LayoutKind.Sequential)]
public readonly record struct Refusal(uint Client, uint Status);

/// <summary>The filter with its maps.</summary>
public sealed class Admission : IDisposable
{
    /// <summary>The context's fields with their access rules: the path may be read, the status written.</summary>
    private static readonly HostProgramType s_type = new("request", new ContextLayout("request", 24,
        new ContextField("path", 0, 8, ContextAccess.Read, ContextPointer.Packet),
        new ContextField("path_end", 8, 8, ContextAccess.Read, ContextPointer.PacketEnd),
        new ContextField("client", 16, 4, ContextAccess.Read),
        new ContextField("status", 20, 4, ContextAccess.Read | ContextAccess.Write)))
    {
        Returns = new ReturnRange(0, 1),
    };

    private readonly Vm _vm;
    private readonly EbpfModule _module;
    private readonly Program _program;

    public Admission(string source, Action<string> log)
    {
        _vm = new Vm(new VmOptions
        {
            ProgramTypes = [s_type],
            Helpers =
            [
                HelperFunctions.CreateReading(1000, "host_log", text =>
                {
                    log(System.Text.Encoding.ASCII.GetString(text));
                    return 0;
                }),
            ],
        });
        _module = _vm.CompileAndLoad(source, new CompileOptions { FileName = "admission.c" });
        _program = _module.Program("admission");
        Budget = _module.Map<uint, long>("budget");
        Refusals = _module.RingBuffer("refusals");
    }

    public Map<uint, long> Budget { get; }

    public RingBuffer Refusals { get; }

    /// <summary>Called for every request, from any thread; allocates nothing.</summary>
    public bool Admits(uint client, ReadOnlySpan<byte> path, out uint status)
    {
        var context = new RequestContext { Client = client, Status = 200 };
        bool admitted = _program.Run(ref context, path) == 1;
        status = context.Status;
        return admitted;
    }

    /// <summary>New rules for the requests that come from now on; budgets stay.</summary>
    public void Replace(string source)
    {
        using EbpfModule next = _vm.CompileAndLoad(source, new CompileOptions { FileName = "admission.c" },
            new ModuleOptions { Maps = new Dictionary<string, Map> { ["budget"] = _module.Map("budget"), ["refusals"] = _module.Map("refusals") } });
        _module.ReplaceBy(next);
    }

    public void Dispose() => _vm.Dispose();
}

public static class Pipeline
{
    public static async Task<int> Main() => await RunAsync(Console.Out, File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "admission.c")));

    /// <summary>Serves some requests and tells what happened.</summary>
    public static async Task<int> RunAsync(TextWriter output, string source)
    {
        using var admission = new Admission(source, text => output.WriteLine($"log: {text}"));
        const uint Alice = 0x0a000001, Bob = 0x0a000002;
        admission.Budget[Alice] = 2;
        admission.Budget[Bob] = 100;

        Serve(Alice, "/index.html");
        Serve(Alice, "/admin");
        Serve(Alice, "/about.html");
        Serve(Alice, "/again.html");
        Serve(Bob, "/index.html");

        // The rules change while the server runs: the administrator's pages are open now.
        admission.Replace(source.Replace("path[1] == 'a'", "path[1] == '#'"));
        Serve(Bob, "/admin");

        foreach ((uint client, long left) in admission.Budget)
            output.WriteLine($"{Name(client)} has {left} left");
        int refused = 0;
        await foreach (Refusal refusal in admission.Refusals.ReadAllAsync<Refusal>())
        {
            output.WriteLine($"refused: {Name(refusal.Client)} {refusal.Status}");
            if (++refused == 2)
                break;
        }
        return 0;

        void Serve(uint client, string path)
            => output.WriteLine($"{Name(client)} {path}: {(admission.Admits(client, System.Text.Encoding.ASCII.GetBytes(path), out uint status) ? 200 : status)}");

        static string Name(uint client) => client == Alice ? "alice" : "bob";
    }
}
