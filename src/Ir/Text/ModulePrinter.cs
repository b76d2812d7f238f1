// Writes the text form of modules: what --emit=ir shows, what tests are written in, what ModuleParser reads back.
//
//   module "prog.c"
//   !0 = base "int" size 4 signed
//   global internal @count size 8 align 8 section ".bss" debug !0
//   define i32 @prog(ptr %ctx) section "xdp" {
//   entry:
//     %a = alloca 4 align 4
//     store i32 5, %a align 4
//     %v = load i32 %a align 4
//     %c = cmp ult i32 %v, 7
//     condbr %c, then, done
//   ...
//
// Names of values and blocks are made unique per function by numbers; unnamed values are %0, %1, ... in layout order.
using System.Globalization;
using System.Text;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Ir.Text;

/// <summary>What the text form shows besides the code.</summary>
/// <param name="Locations">Append <c>loc N</c>, the raw position, to instructions, so that a parse restores it.</param>
/// <param name="SourceComments">Append <c>; file:line:column</c> where a location is known.</param>
/// <param name="DebugTypes">Write the described types; without them references to types are left out.</param>
public sealed record PrintOptions(bool Locations = false, bool SourceComments = false, bool DebugTypes = true);

public sealed partial class ModulePrinter
{
    private readonly StringBuilder _text = new();
    private readonly PrintOptions _options;
    private readonly SourceMap? _sourceMap;
    private readonly DebugTypeNumbering? _types;
    private ValueNames _names = new();

    private ModulePrinter(PrintOptions options, SourceMap? sourceMap, DebugTypeNumbering? types)
        => (_options, _sourceMap, _types) = (options, sourceMap, types);

    /// <summary>The whole module.</summary>
    public static string Print(Module module, PrintOptions? options = null)
    {
        options ??= new PrintOptions();
        DebugTypeNumbering? types = options.DebugTypes ? DebugTypeNumbering.Of(module) : null;
        var printer = new ModulePrinter(options, module.SourceMap, types);
        printer._text.Append("module ").Append(Quote(module.Name)).Append('\n');
        if (types is not null && types.Types.Count > 0)
        {
            printer._text.Append('\n');
            types.Write(printer._text, module.RetainedTypes);
        }
        if (module.Globals.Count > 0)
            printer._text.Append('\n');
        foreach (GlobalVariable global in module.Globals)
            printer.WriteGlobal(global);
        foreach (Function function in module.Functions)
        {
            printer._text.Append('\n');
            printer.WriteFunction(function);
        }
        return printer._text.ToString();
    }

    /// <summary>One function, without described types.</summary>
    public static string Print(Function function, PrintOptions? options = null)
    {
        var printer = new ModulePrinter(options ?? new PrintOptions(), null, null);
        printer.WriteFunction(function);
        return printer._text.ToString();
    }

    /// <summary>One instruction, as it stands in its function; for messages.</summary>
    public static string Print(Instruction instruction)
    {
        var printer = new ModulePrinter(new PrintOptions(), null, null);
        if (instruction.Block?.Function is { } function)
            printer._names = ValueNames.Of(function);
        printer.WriteInstruction(instruction);
        return printer._text.ToString();
    }

    private void WriteGlobal(GlobalVariable global)
    {
        _text.Append("global ");
        WriteLinkage(global);
        if (global.IsExternal)
            _text.Append("extern ");
        if (global.IsConstant)
            _text.Append("const ");
        if (global.IsVolatile)
            _text.Append("volatile ");
        _text.Append('@').Append(NameText(global.Symbol)).Append(" size ").Append(global.Size).Append(" align ").Append(global.Alignment);
        WriteGlobalAttributes(global);
        WriteDebug(global.DebugType);
        if (global.InitialBytes is { } bytes)
            _text.Append(" bytes \"").Append(Convert.ToHexString(bytes)).Append('"');
        foreach (InitializerRelocation relocation in global.Relocations)
        {
            _text.Append(" reloc ").Append(relocation.Offset).Append(" @").Append(NameText(relocation.Target.Symbol));
            _text.Append(" + ").Append(relocation.Addend);
        }
        _text.Append('\n');
    }

    private void WriteLinkage(GlobalValue value)
    {
        if (value.Linkage != Linkage.External)
            _text.Append(value.Linkage == Linkage.Internal ? "internal " : "weak ");
        if (value.Visibility == SymbolVisibility.Hidden)
            _text.Append("hidden ");
        if (value.IsUsed)
            _text.Append("used ");
    }

    private void WriteGlobalAttributes(GlobalValue value)
    {
        if (value.Section is { } section)
            _text.Append(" section ").Append(Quote(section));
        foreach ((string tag, int index) in value.DeclTags)
            _text.Append(" tag ").Append(Quote(tag)).Append(' ').Append(index);
        if (_options.Locations && !value.Location.IsNone)
            _text.Append(" loc ").Append(value.Location.Position);
    }

    private void WriteFunction(Function function)
    {
        _names = ValueNames.Of(function);
        _text.Append(function.IsDeclaration ? "declare " : "define ");
        WriteLinkage(function);
        WriteFlag(function.AlwaysInline, "alwaysinline ");
        WriteFlag(function.InlineHint, "inlinehint ");
        WriteFlag(function.NoInline, "noinline ");
        WriteFlag(function.NoReturn, "noreturn ");
        WriteFlag(function.IsNaked, "naked ");
        _text.Append(function.Signature.ReturnType.Name()).Append(" @").Append(NameText(function.Symbol)).Append('(');
        for (int i = 0; i < function.Parameters.Count; i++)
        {
            if (i > 0)
                _text.Append(", ");
            _text.Append(function.Parameters[i].Type.Name()).Append(' ');
            WriteValue(function.Parameters[i]);
        }
        if (function.Signature.IsVariadic)
            _text.Append(function.Parameters.Count > 0 ? ", ..." : "...");
        _text.Append(')');
        WriteGlobalAttributes(function);
        WriteDebug(function.DebugType);
        if (function.IsDeclaration)
        {
            _text.Append('\n');
            return;
        }
        _text.Append(" {\n");
        foreach (BasicBlock block in function.Blocks)
        {
            _text.Append(_names.Block(block)).Append(':');
            if (block.LoopHint?.Unroll is { } unroll)
                _text.Append(" unroll ").Append(unroll);
            _text.Append('\n');
            foreach (Instruction instruction in block.Instructions)
            {
                _text.Append("  ");
                WriteInstruction(instruction);
                _text.Append('\n');
            }
        }
        _text.Append("}\n");
    }

    private void WriteFlag(bool flag, string word)
    {
        if (flag)
            _text.Append(word);
    }

    private void WriteDebug(Debug.DebugType? type)
    {
        if (type is not null && _types is not null)
            _text.Append(" debug !").Append(_types.NumberOf(type));
    }

    private void WriteValue(Value value)
    {
        switch (value)
        {
            case Constant constant:
                _text.Append(ConstantText(constant));
                break;
            case Undef:
                _text.Append("undef");
                break;
            case GlobalValue global:
                _text.Append('@').Append(NameText(global.Symbol));
                break;
            default:
                _text.Append('%').Append(_names.Value(value));
                break;
        }
    }

    private void WriteTyped(Value value)
    {
        _text.Append(value.Type.Name()).Append(' ');
        WriteValue(value);
    }

    internal static string ConstantText(Constant constant) => constant.Type switch
    {
        IrType.I1 => constant.IsZero ? "false" : "true",
        IrType.Ptr when constant.IsZero => "null",
        _ => constant.ToString(),
    };

    /// <summary>A name as it stands behind % or @: quoted when it holds other characters than C names and dots.</summary>
    internal static string NameText(string name)
    {
        foreach (char c in name)
        {
            if (!(char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '$'))
                return Quote(name);
        }
        return name.Length == 0 ? "\"\"" : name;
    }

    internal static string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (char c in text)
        {
            if (c is '"' or '\\' or < ' ' or > '~')
                quoted.Append('\\').Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            else
                quoted.Append(c);
        }
        return quoted.Append('"').ToString();
    }
}
