// What was measured of one program on one engine, and how it is printed.
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Ebpfcc.Cli.Benchmarking;

/// <param name="Engine">As <c>--engine</c> names it.</param>
/// <param name="IsSandboxed">Without the verifier: every access checked, fuel counted.</param>
/// <param name="Nanoseconds">A run, with everything around it.</param>
/// <param name="NetNanoseconds">A run without the time of the empty frame.</param>
/// <param name="NativeNanoseconds">The same C natively, net too; NaN without one.</param>
/// <param name="Ratio">Net times in relation, the median of the rounds' ratios; NaN without a native program.</param>
/// <param name="PrepareMicroseconds">Translating once, warm.</param>
/// <param name="VerifyMicroseconds">Verifying once; NaN for sandboxed programs.</param>
internal sealed record Figure(string Program, string Engine, bool IsSandboxed, long Instructions, double Nanoseconds, double NetNanoseconds, double NativeNanoseconds, double Ratio,
    double PrepareMicroseconds, double VerifyMicroseconds);

/// <summary>One column of the table for each engine, plus those that all engines share.</summary>
/// <param name="Shows">Whether there is anything to show; decided by the first program.</param>
internal sealed record FigureColumn(string Title, int Width, Func<Figure, double> Value, string Format, Func<Figure, bool> Shows)
{
    /// <summary>Facts about the program, whatever runs it.</summary>
    public static IReadOnlyList<FigureColumn> OfProgram { get; } =
    [
        new("insns", 10, figure => figure.Instructions, "F0", _ => true),
        new("verify us", 11, figure => figure.VerifyMicroseconds, "F0", figure => !figure.IsSandboxed),
        new("native ns", 12, figure => figure.NativeNanoseconds, "F1", figure => !double.IsNaN(figure.NativeNanoseconds)),
    ];

    /// <summary>Repeated for each engine; the first one's title gets the engine's name in front.</summary>
    public static IReadOnlyList<FigureColumn> OfEngine { get; } =
    [
        new("ns", 14, figure => figure.NetNanoseconds, "F1", _ => true),
        new("/insn", 8, figure => figure.NetNanoseconds / Math.Max(figure.Instructions, 1), "F2", _ => true),
        new("ratio", 8, figure => figure.Ratio, "F2", figure => !double.IsNaN(figure.NativeNanoseconds)),
        new("jit us", 10, figure => figure.PrepareMicroseconds, "F0", _ => true),
    ];
}

internal static class FigureTable
{
    /// <param name="figures">Those of one file: for each program one of each engine.</param>
    public static void PrintRows(IReadOnlyList<Figure> figures, bool withHead, TextWriter output)
    {
        if (withHead)
            output.WriteLine(Head([.. figures.TakeWhile(figure => figure.Program == figures[0].Program)]));
        foreach (IGrouping<string, Figure> program in figures.GroupBy(figure => figure.Program))
        {
            var row = new StringBuilder($"{program.Key,-24}");
            foreach (FigureColumn column in FigureColumn.OfProgram.Where(column => column.Shows(figures[0])))
                Append(row, column, program.First());
            foreach (Figure figure in program)
            {
                foreach (FigureColumn column in FigureColumn.OfEngine.Where(column => column.Shows(figures[0])))
                    Append(row, column, figure);
            }
            output.WriteLine(row);
        }
        output.Flush();
    }

    private static string Head(IReadOnlyList<Figure> engines)
    {
        var head = new StringBuilder($"{(engines[0].IsSandboxed ? "program (sandboxed)" : "program"),-24}");
        foreach (FigureColumn column in FigureColumn.OfProgram.Where(column => column.Shows(engines[0])))
            head.Append(column.Title.PadLeft(column.Width));
        foreach (Figure figure in engines)
        {
            bool isFirst = true;
            foreach (FigureColumn column in FigureColumn.OfEngine.Where(column => column.Shows(engines[0])))
            {
                head.Append((isFirst ? $"{figure.Engine} {column.Title}" : column.Title).PadLeft(column.Width));
                isFirst = false;
            }
        }
        return head.ToString();
    }

    private static void Append(StringBuilder row, FigureColumn column, Figure figure)
    {
        double value = column.Value(figure);
        row.Append((double.IsNaN(value) ? "-" : value.ToString(column.Format, CultureInfo.InvariantCulture)).PadLeft(column.Width));
    }

    /// <summary>The geometric mean of the ratios of each engine.</summary>
    public static void PrintMeans(IReadOnlyList<Figure> figures, TextWriter output)
    {
        foreach (IGrouping<(string Engine, bool IsSandboxed), Figure> engine in figures.GroupBy(figure => (figure.Engine, figure.IsSandboxed)))
        {
            double[] ratios = [.. engine.Where(figure => figure.Ratio > 0).Select(figure => figure.Ratio)];
            if (ratios.Length > 0)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{engine.Key.Engine}{(engine.Key.IsSandboxed ? ", sandboxed" : "")}: {Math.Exp(ratios.Average(Math.Log)):F2} times native (geometric mean of {ratios.Length}; {ratios.Min():F2} to {ratios.Max():F2})"));
        }
    }

    public static void PrintJson(IReadOnlyList<Figure> figures, TextWriter output)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartArray();
            foreach (Figure figure in figures)
            {
                json.WriteStartObject();
                json.WriteString("program", figure.Program);
                json.WriteString("engine", figure.Engine);
                json.WriteString("mode", figure.IsSandboxed ? "sandboxed" : "verified");
                json.WriteNumber("ns", Math.Round(figure.Nanoseconds, 3));
                json.WriteNumber("ns_net", Math.Round(figure.NetNanoseconds, 3));
                json.WriteNumber("insns_executed", figure.Instructions);
                json.WriteNumber("prepare_us", Math.Round(figure.PrepareMicroseconds, 1));
                if (!figure.IsSandboxed)
                    json.WriteNumber("verify_us", Math.Round(figure.VerifyMicroseconds, 1));
                if (!double.IsNaN(figure.NativeNanoseconds))
                {
                    json.WriteNumber("native_ns", Math.Round(figure.NativeNanoseconds, 3));
                    json.WriteNumber("ratio", Math.Round(figure.Ratio, 3));
                }
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        output.WriteLine(Encoding.UTF8.GetString(buffer.ToArray()));
    }
}
