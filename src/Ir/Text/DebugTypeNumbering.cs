// Numbers the described types a module reaches and writes them, one line each: !N = kind facts.
using System.Globalization;
using System.Text;
using Ebpfcc.Ir.Debug;

namespace Ebpfcc.Ir.Text;

internal sealed class DebugTypeNumbering
{
    private readonly Dictionary<DebugType, int> _numbers = new(ReferenceEqualityComparer.Instance);

    public List<DebugType> Types { get; } = [];

    /// <summary>Every type a global, function, alloca or relocation of the module refers to, with what these refer to.</summary>
    public static DebugTypeNumbering Of(Module module)
    {
        var numbering = new DebugTypeNumbering();
        foreach (GlobalVariable global in module.Globals)
            numbering.Add(global.DebugType);
        foreach (Function function in module.Functions)
        {
            numbering.Add(function.DebugType);
            foreach (BasicBlock block in function.Blocks)
            {
                for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
                {
                    if (instruction is AllocaInstruction alloca)
                        numbering.Add(alloca.DebugType);
                    else if (instruction is CoreRelocationInstruction core)
                        numbering.Add(core.Root);
                }
            }
        }
        foreach (DebugType type in module.RetainedTypes)
            numbering.Add(type);
        for (int i = 0; i < numbering.Types.Count; i++)
            numbering.AddReferences(numbering.Types[i]);
        return numbering;
    }

    public int NumberOf(DebugType type) => _numbers[type];

    private void Add(DebugType? type)
    {
        if (type is not null && _numbers.TryAdd(type, Types.Count))
            Types.Add(type);
    }

    private void AddReferences(DebugType type)
    {
        switch (type)
        {
            case DebugPointerType pointer:
                Add(pointer.Pointee);
                break;
            case DebugQualifiedType qualified:
                Add(qualified.Type);
                break;
            case DebugTypeTag tag:
                Add(tag.Type);
                break;
            case DebugTypedef typedef:
                Add(typedef.Type);
                break;
            case DebugArrayType array:
                Add(array.Element);
                break;
            case DebugRecordType record:
                foreach (DebugMember member in record.Members)
                    Add(member.Type);
                break;
            case DebugFunctionType function:
                Add(function.ReturnType);
                foreach (DebugParameter parameter in function.Parameters)
                    Add(parameter.Type);
                break;
        }
    }

    public void Write(StringBuilder text, List<DebugType> retained)
    {
        for (int i = 0; i < Types.Count; i++)
        {
            text.Append('!').Append(i).Append(" = ");
            WriteType(text, Types[i]);
            foreach (string tag in Types[i].DeclTags)
                text.Append(" tag ").Append(ModulePrinter.Quote(tag));
            text.Append('\n');
        }
        foreach (DebugType type in retained)
            text.Append("retain ").Append(Reference(type)).Append('\n');
    }

    private string Reference(DebugType? type) => type is null ? "void" : "!" + NumberOf(type).ToString(CultureInfo.InvariantCulture);

    private void WriteType(StringBuilder text, DebugType type)
    {
        switch (type)
        {
            case DebugBaseType basic:
                text.Append("base ").Append(ModulePrinter.Quote(basic.Name)).Append(" size ").Append(basic.Size).Append(' ').Append(EncodingName(basic.Encoding));
                break;
            case DebugPointerType pointer:
                text.Append("pointer ").Append(Reference(pointer.Pointee));
                break;
            case DebugQualifiedType qualified:
                text.Append(QualifierName(qualified.Kind)).Append(' ').Append(Reference(qualified.Type));
                break;
            case DebugTypeTag tag:
                text.Append("typetag ").Append(ModulePrinter.Quote(tag.Tag)).Append(' ').Append(Reference(tag.Type));
                break;
            case DebugTypedef typedef:
                text.Append("typedef ").Append(ModulePrinter.Quote(typedef.Name)).Append(' ').Append(Reference(typedef.Type));
                break;
            case DebugArrayType array:
                text.Append("array ").Append(Reference(array.Element)).Append(" count ").Append(array.Count);
                break;
            case DebugRecordType record:
                WriteRecord(text, record);
                break;
            case DebugEnumType enumeration:
                WriteEnum(text, enumeration);
                break;
            case DebugFunctionType function:
                WriteFunctionType(text, function);
                break;
            default:
                throw new InvalidOperationException($"No text form for {type.GetType().Name}.");
        }
    }

    private void WriteRecord(StringBuilder text, DebugRecordType record)
    {
        text.Append(record.IsUnion ? "union" : "struct");
        WriteOptionalName(text, record.Name);
        text.Append(record.IsForward ? " forward size " : " size ").Append(record.Size).Append(" {");
        for (int i = 0; i < record.Members.Count; i++)
        {
            DebugMember member = record.Members[i];
            if (i > 0)
                text.Append(',');
            WriteOptionalName(text, member.Name);
            text.Append(' ').Append(Reference(member.Type)).Append(" at ").Append(member.BitOffset);
            if (member.BitSize != 0)
                text.Append(" bits ").Append(member.BitSize);
            foreach (string tag in member.DeclTags)
                text.Append(" tag ").Append(ModulePrinter.Quote(tag));
        }
        text.Append(" }");
    }

    private static void WriteEnum(StringBuilder text, DebugEnumType enumeration)
    {
        text.Append("enum");
        WriteOptionalName(text, enumeration.Name);
        text.Append(" size ").Append(enumeration.Size).Append(enumeration.IsSigned ? " signed {" : " unsigned {");
        for (int i = 0; i < enumeration.Enumerators.Count; i++)
        {
            text.Append(i == 0 ? " " : ", ").Append(ModulePrinter.Quote(enumeration.Enumerators[i].Name));
            text.Append(" = ").Append(enumeration.Enumerators[i].Value);
        }
        text.Append(" }");
    }

    private void WriteFunctionType(StringBuilder text, DebugFunctionType function)
    {
        text.Append("function ").Append(Reference(function.ReturnType)).Append(" (");
        for (int i = 0; i < function.Parameters.Count; i++)
        {
            text.Append(i == 0 ? "" : ", ").Append(ModulePrinter.Quote(function.Parameters[i].Name)).Append(' ').Append(Reference(function.Parameters[i].Type));
        }
        if (function.IsVariadic)
            text.Append(function.Parameters.Count > 0 ? ", ..." : "...");
        text.Append(')');
    }

    private static void WriteOptionalName(StringBuilder text, string? name)
    {
        if (name is not null)
            text.Append(' ').Append(ModulePrinter.Quote(name));
    }

    private static readonly string[] s_encodings = ["unsigned", "signed", "char", "signedchar", "bool", "float"];
    private static readonly string[] s_qualifiers = ["const", "volatile", "restrict"];

    internal static string EncodingName(DebugEncoding encoding) => s_encodings[(int)encoding];

    internal static string QualifierName(DebugQualifierKind kind) => s_qualifiers[(int)kind];

    internal static int EncodingIndex(string word) => Array.IndexOf(s_encodings, word);

    internal static int QualifierIndex(string word) => Array.IndexOf(s_qualifiers, word);
}
