// Test results as JUnit XML and as TRX (Visual Studio's), the formats that continuous integration reads.
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml;

namespace Ebpfcc.Cli.Testing;

internal static class TestReports
{
    private static byte[] Write(Action<XmlWriter> body)
    {
        using var stream = new MemoryStream();
        using (XmlWriter xml = XmlWriter.Create(stream, new XmlWriterSettings { Indent = true, Encoding = new UTF8Encoding(false), CheckCharacters = false, NewLineChars = "\n" }))
            body(xml);
        return stream.ToArray();
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);

    public static byte[] JUnit(IReadOnlyList<TestOutcome> outcomes) => Write(xml =>
    {
        xml.WriteStartElement("testsuites");
        foreach (IGrouping<string, TestOutcome> file in outcomes.GroupBy(outcome => outcome.Case.File))
        {
            xml.WriteStartElement("testsuite");
            xml.WriteAttributeString("name", file.Key);
            xml.WriteAttributeString("tests", file.Count().ToString(CultureInfo.InvariantCulture));
            xml.WriteAttributeString("failures", file.Count(outcome => outcome.Failure is not null).ToString(CultureInfo.InvariantCulture));
            foreach (TestOutcome outcome in file)
            {
                xml.WriteStartElement("testcase");
                xml.WriteAttributeString("classname", file.Key);
                xml.WriteAttributeString("name", Title(outcome));
                xml.WriteAttributeString("time", Seconds(outcome.Time));
                if (outcome.Failure is { } failure)
                {
                    xml.WriteStartElement("failure");
                    xml.WriteAttributeString("message", failure);
                    xml.WriteString($"{outcome.Case.File}:{outcome.Case.Line}: {failure}");
                    xml.WriteEndElement();
                }
                xml.WriteEndElement();
            }
            xml.WriteEndElement();
        }
        xml.WriteEndElement();
    });

    public static byte[] Trx(IReadOnlyList<TestOutcome> outcomes) => Write(xml =>
    {
        xml.WriteStartElement("TestRun", "http://microsoft.com/schemas/VisualStudio/TeamTest/2010");
        xml.WriteAttributeString("id", Id("run").ToString());
        xml.WriteAttributeString("name", "ebpfcc test");
        xml.WriteStartElement("Results");
        foreach (TestOutcome outcome in outcomes)
        {
            xml.WriteStartElement("UnitTestResult");
            xml.WriteAttributeString("executionId", Id("execution " + Key(outcome)).ToString());
            xml.WriteAttributeString("testId", Id(Key(outcome)).ToString());
            xml.WriteAttributeString("testName", Title(outcome));
            xml.WriteAttributeString("duration", outcome.Time.ToString("c", CultureInfo.InvariantCulture));
            xml.WriteAttributeString("outcome", outcome.Failure is null ? "Passed" : "Failed");
            if (outcome.Failure is { } failure)
            {
                xml.WriteStartElement("Output");
                xml.WriteStartElement("ErrorInfo");
                xml.WriteElementString("Message", $"{outcome.Case.File}:{outcome.Case.Line}: {failure}");
                xml.WriteEndElement();
                xml.WriteEndElement();
            }
            xml.WriteEndElement();
        }
        xml.WriteEndElement();
        xml.WriteStartElement("TestDefinitions");
        foreach (TestOutcome outcome in outcomes)
        {
            xml.WriteStartElement("UnitTest");
            xml.WriteAttributeString("id", Id(Key(outcome)).ToString());
            xml.WriteAttributeString("name", Title(outcome));
            xml.WriteStartElement("TestMethod");
            xml.WriteAttributeString("codeBase", outcome.Case.File);
            xml.WriteAttributeString("className", outcome.Case.File);
            xml.WriteAttributeString("name", Title(outcome));
            xml.WriteEndElement();
            xml.WriteEndElement();
        }
        xml.WriteEndElement();
        xml.WriteStartElement("ResultSummary");
        xml.WriteAttributeString("outcome", outcomes.All(outcome => outcome.Failure is null) ? "Completed" : "Failed");
        xml.WriteStartElement("Counters");
        xml.WriteAttributeString("total", outcomes.Count.ToString(CultureInfo.InvariantCulture));
        xml.WriteAttributeString("passed", outcomes.Count(outcome => outcome.Failure is null).ToString(CultureInfo.InvariantCulture));
        xml.WriteAttributeString("failed", outcomes.Count(outcome => outcome.Failure is not null).ToString(CultureInfo.InvariantCulture));
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndElement();
    });

    private static string Title(TestOutcome outcome) => $"line {outcome.Case.Line}, {outcome.Engine}: {outcome.Case.Name}";

    private static string Key(TestOutcome outcome) => $"{outcome.Case.File}:{outcome.Case.Line}:{outcome.Engine}";

    /// <summary>The same case has the same number in every run.</summary>
    private static Guid Id(string key) => new(SHA256.HashData(Encoding.UTF8.GetBytes(key)).AsSpan(0, 16));
}
