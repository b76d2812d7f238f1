// What the parser reports.
using Ebpfcc.Core.Diagnostics;
using static Ebpfcc.Core.Diagnostics.DiagnosticSeverity;

namespace Ebpfcc.Frontend.Parsing;

/// <summary>Diagnostic rows EBC1100 to EBC1199.</summary>
public static class ParsingDiagnostics
{
    public static readonly DiagnosticDescriptor ExpectedAfter = new("EBC1100", Error, "expected '{0}' after {1}",
        "A construct is complete except for the named token. The caret shows the place where it belongs.");
    public static readonly DiagnosticDescriptor Expected = new("EBC1101", Error, "expected '{0}'",
        "Only the named token can continue here. For a closing bracket the note shows the opening one.");
    public static readonly DiagnosticDescriptor ExpectedExpression = new("EBC1102", Error, "expected expression",
        "A value is needed here: a constant, a name, a call, an operator applied to such.");
    public static readonly DiagnosticDescriptor ExpectedDeclarator = new("EBC1103", Error, "expected identifier or '('",
        "A declaration names what it declares; the name is missing or is no identifier (perhaps a keyword).");
    public static readonly DiagnosticDescriptor ExpectedIdentifier = new("EBC1104", Error, "expected identifier",
        "A name is needed here.");
    public static readonly DiagnosticDescriptor ExpectedStatement = new("EBC1105", Error, "expected statement",
        "A statement is needed here.");
    public static readonly DiagnosticDescriptor ExpectedType = new("EBC1106", Error, "expected a type",
        "A type is needed here.");
    public static readonly DiagnosticDescriptor ExpectedFunctionBody = new("EBC1107", Error, "expected function body after function declarator",
        "After the parameter list of a function comes its body in braces, or a semicolon if it is only declared.");
    public static readonly DiagnosticDescriptor ExtraneousBrace = new("EBC1108", Error, "extraneous closing brace ('}}')",
        "There is no open brace that this one could close.");
    public static readonly DiagnosticDescriptor NestedTooDeeply = new("EBC1109", Error, "brackets, blocks or operators are nested too deeply",
        "Nesting is limited so that no input can exhaust the stack: 256 brackets or blocks in one another, 4096 operators in one expression.");
    public static readonly DiagnosticDescriptor StrayCharacter = new("EBC1110", Error, "unexpected character <{0}>",
        "The character is no part of C outside of comments and strings.");
    public static readonly DiagnosticDescriptor UnterminatedLiteral = new("EBC1111", Error, "missing terminating {0} character",
        "A string or character constant must end on the line on which it begins (a backslash at the end of the line continues it).");
    public static readonly DiagnosticDescriptor Unexpected = new("EBC1112", Error, "unexpected '{0}'",
        "The token cannot continue what stands in front of it.");
    public static readonly DiagnosticDescriptor StorageInType = new("EBC1113", Error, "type name does not allow {0} to be specified",
        "In casts, sizeof and the like a type stands alone: storage classes such as static have no meaning there.");
    public static readonly DiagnosticDescriptor NotADeclaration = new("EBC1114", Error, "statements can only appear in functions",
        "Outside of functions there are only declarations.");
    public static readonly DiagnosticDescriptor TwoTypes = new("EBC1115", Error, "cannot combine with previous '{0}' declaration specifier",
        "A declaration names one type. Perhaps a semicolon is missing behind the closing brace of a structure, or a typedef name hides the name being declared.");
    public static readonly DiagnosticDescriptor ExpectedParameters = new("EBC1116", Error, "expected parameter declarator",
        "The list of parameters contains something that is no declaration of a parameter.");
    public static readonly DiagnosticDescriptor MissingSemicolonAfterTag = new("EBC1117", Error, "expected ';' after {0}",
        "The definition of a structure, union or enumeration ends with a semicolon behind its brace.");
    public static readonly DiagnosticDescriptor BadAttributePragma = new("EBC1118", Error, "malformed '#pragma clang attribute': {0}",
        "It is written: #pragma clang attribute push (__attribute__((NAME)), apply_to = record), and ends with #pragma clang attribute pop.");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
    [
        ExpectedAfter, Expected, ExpectedExpression, ExpectedDeclarator, ExpectedIdentifier, ExpectedStatement, ExpectedType, ExpectedFunctionBody, ExtraneousBrace,
        NestedTooDeeply, StrayCharacter, UnterminatedLiteral, Unexpected, StorageInType, NotADeclaration, TwoTypes, ExpectedParameters, MissingSemicolonAfterTag, BadAttributePragma,
    ];
}
