// What the preprocessor reports.
using Ebpfcc.Core.Diagnostics;
using static Ebpfcc.Core.Diagnostics.DiagnosticSeverity;

namespace Ebpfcc.Frontend.Preprocessing;

/// <summary>Diagnostic rows EBC1000 to EBC1099.</summary>
public static class PreprocessorDiagnostics
{
    public static readonly DiagnosticDescriptor FileNotFound = new("EBC1000", Error, "'{0}' file not found",
        "An #include names a file that is in none of the searched folders. A name in quotes is searched beside the including file first, then in the -iquote, -I, -isystem and system folders; a name in angle brackets only in the latter three. Add the folder with -I.");
    public static readonly DiagnosticDescriptor FileUnreadable = new("EBC1001", Error, "cannot read '{0}': {1}",
        "The file exists but could not be read.");
    public static readonly DiagnosticDescriptor UnterminatedComment = new("EBC1002", Error, "unterminated /* comment",
        "A block comment has no closing */ in its file; everything after it was taken as comment.");
    public static readonly DiagnosticDescriptor ErrorDirective = new("EBC1003", Error, "{0}",
        "The program asked for this error with #error or #pragma GCC error.");
    public static readonly DiagnosticDescriptor WarningDirective = new("EBC1004", Warning, "{0}",
        "The program asked for this warning with #warning or #pragma GCC warning.", "#warnings");
    public static readonly DiagnosticDescriptor InvalidDirective = new("EBC1005", Error, "invalid preprocessing directive '#{0}'",
        "The word after # is no directive of C or GNU C.");
    public static readonly DiagnosticDescriptor UnterminatedConditional = new("EBC1006", Error, "unterminated conditional directive",
        "An #if, #ifdef or #ifndef has no #endif in the same file.");
    public static readonly DiagnosticDescriptor ConditionalWithoutIf = new("EBC1007", Error, "#{0} without #if",
        "An #else, #elif or #endif belongs to no #if of the same file.");
    public static readonly DiagnosticDescriptor AfterElse = new("EBC1008", Error, "#{0} after #else",
        "A conditional group has ended with its #else; neither another #else nor an #elif can follow.");
    public static readonly DiagnosticDescriptor MacroNameMissing = new("EBC1009", Error, "macro name missing",
        "#define, #undef, #ifdef, #ifndef and defined need the name of a macro.");
    public static readonly DiagnosticDescriptor MacroNameNotIdentifier = new("EBC1010", Error, "macro name must be an identifier",
        "The name of a macro is an identifier: letters, digits and underscores, not beginning with a digit.");
    public static readonly DiagnosticDescriptor CannotBeMacro = new("EBC1011", Error, "'{0}' cannot be used as a macro name",
        "The words defined, __has_include and their like have a meaning of their own in #if and cannot be defined or undefined.");
    public static readonly DiagnosticDescriptor ExtraTokens = new("EBC1012", Warning, "extra tokens at end of #{0} directive",
        "The directive is complete; what follows it on the line is ignored. Make it a comment.", "extra-tokens");
    public static readonly DiagnosticDescriptor MacroRedefined = new("EBC1013", Warning, "'{0}' macro redefined",
        "A macro is defined again with another replacement. Undefine it first if that is meant.", "macro-redefined");
    public static readonly DiagnosticDescriptor BuiltinMacroRedefined = new("EBC1014", Warning, "redefining builtin macro '{0}'",
        "The macro belongs to the compiler.", "builtin-macro-redefined");
    public static readonly DiagnosticDescriptor BadParameterList = new("EBC1015", Error, "{0} in macro parameter list",
        "The parameters of a function-like macro are distinct names separated by commas, the last of which may be ... or NAME... .");
    public static readonly DiagnosticDescriptor HashWithoutParameter = new("EBC1016", Error, "'#' is not followed by a macro parameter",
        "In a function-like macro, # makes a string of an argument and so must stand before a parameter.");
    public static readonly DiagnosticDescriptor PasteAtEdge = new("EBC1017", Error, "'##' cannot appear at {0} of macro expansion",
        "## joins the tokens on its two sides; it needs both.");
    public static readonly DiagnosticDescriptor InvalidPaste = new("EBC1018", Error, "pasting formed '{0}', an invalid preprocessing token",
        "The two operands of ## must join to exactly one token.");
    public static readonly DiagnosticDescriptor UnterminatedInvocation = new("EBC1019", Error, "unterminated function-like macro invocation of '{0}'",
        "The parenthesis after the macro's name is never closed.");
    public static readonly DiagnosticDescriptor TooManyArguments = new("EBC1020", Error, "too many arguments provided to function-like macro invocation of '{0}'",
        "The invocation has more arguments than the macro has parameters. Arguments are separated by commas outside parentheses.");
    public static readonly DiagnosticDescriptor TooFewArguments = new("EBC1021", Error, "too few arguments provided to function-like macro invocation of '{0}'",
        "The invocation has fewer arguments than the macro has parameters.");
    public static readonly DiagnosticDescriptor IncludeNesting = new("EBC1022", Error, "#include nested too deeply",
        "Files include each other more than 200 levels deep; probably a header includes itself without an include guard.");
    public static readonly DiagnosticDescriptor ExpectedFileName = new("EBC1023", Error, "expected \"FILENAME\" or <FILENAME>",
        "#include takes a name in quotes or angle brackets, or macros that expand to one.");
    public static readonly DiagnosticDescriptor ExpansionTooLarge = new("EBC1024", Error, "macro expansion is too large; stopped after {0} tokens",
        "Macros that double their text at each level grow without bound. Preprocessing was given up to protect time and memory.");
    public static readonly DiagnosticDescriptor ExpansionTooDeep = new("EBC1025", Error, "macro invocations are nested too deeply",
        "An argument of a macro contains an invocation whose argument contains another, more than 512 levels deep.");
    public static readonly DiagnosticDescriptor BadConditionExpression = new("EBC1026", Error, "{0} in preprocessor expression",
        "#if and #elif take an integer constant expression: numbers, characters, operators, defined and __has_...; names that are no macros count as 0.");
    public static readonly DiagnosticDescriptor DivisionByZero = new("EBC1027", Error, "division by zero in preprocessor expression",
        "The expression of #if divides by zero.");
    public static readonly DiagnosticDescriptor BadPragmaOperator = new("EBC1028", Error, "_Pragma takes a parenthesized string literal",
        "The operator is written _Pragma(\"...\").");
    public static readonly DiagnosticDescriptor UnknownPragma = new("EBC1029", Warning, "unknown pragma ignored",
        "No stage of ebpfcc knows this pragma.", "unknown-pragmas", OnByDefault: false);
    public static readonly DiagnosticDescriptor BadPragma = new("EBC1030", Warning, "{0}",
        "A known pragma is malformed and was ignored.", "ignored-pragmas");
    public static readonly DiagnosticDescriptor BadLineDirective = new("EBC1031", Error, "#line directive requires a positive integer argument and an optional file name",
        "#line is written: #line NUMBER \"FILE\".");
    public static readonly DiagnosticDescriptor DateNotReproducible = new("EBC1032", Warning, "{0} is fixed to the start of 1970 so that the output is reproducible; set SOURCE_DATE_EPOCH to choose",
        "The same source always gives the same bytes, so __DATE__ and __TIME__ do not read the clock.", "date-time");
    public static readonly DiagnosticDescriptor PoisonedIdentifier = new("EBC1033", Error, "attempt to use a poisoned identifier '{0}'",
        "#pragma GCC poison forbade this name.");
    public static readonly DiagnosticDescriptor PositionsUsedUp = new("EBC1034", Error, "the program is too large: more than two billion characters of source and macro expansions",
        "Every character of source and every macro expansion takes one of two billion positions.");
    public static readonly DiagnosticDescriptor Undefined = new("EBC1035", Warning, "'{0}' is not defined, evaluates to 0",
        "A name in #if is no macro and counts as 0.", "undef", OnByDefault: false);
    public static readonly DiagnosticDescriptor IncludeNextInMain = new("EBC1036", Warning, "#include_next in primary source file; will search from start of include path",
        "#include_next continues the search behind the folder of the including header; the main file was not found by a search.", "include-next-outside-header");
    public static readonly DiagnosticDescriptor VaOptMisuse = new("EBC1037", Error, "__VA_OPT__ {0}",
        "__VA_OPT__(tokens) may stand in the replacement of a variadic macro only; its tokens appear when variable arguments are given.");
    public static readonly DiagnosticDescriptor UndefBuiltin = new("EBC1038", Warning, "undefining builtin macro '{0}'",
        "The macro belongs to the compiler.", "builtin-macro-redefined");
    public static readonly DiagnosticDescriptor PragmaMessage = new("EBC1039", Warning, "{0}",
        "The program printed this with #pragma message.", "#pragma-messages");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
    [
        FileNotFound, FileUnreadable, UnterminatedComment, ErrorDirective, WarningDirective, InvalidDirective, UnterminatedConditional, ConditionalWithoutIf,
        AfterElse, MacroNameMissing, MacroNameNotIdentifier, CannotBeMacro, ExtraTokens, MacroRedefined, BuiltinMacroRedefined, BadParameterList,
        HashWithoutParameter, PasteAtEdge, InvalidPaste, UnterminatedInvocation, TooManyArguments, TooFewArguments, IncludeNesting, ExpectedFileName,
        ExpansionTooLarge, ExpansionTooDeep, BadConditionExpression, DivisionByZero, BadPragmaOperator, UnknownPragma, BadPragma, BadLineDirective,
        DateNotReproducible, PoisonedIdentifier, PositionsUsedUp, Undefined, IncludeNextInMain, VaOptMisuse, UndefBuiltin, PragmaMessage,
    ];
}
