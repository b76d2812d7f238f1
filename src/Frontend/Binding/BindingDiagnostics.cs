// What the binder reports: names, declarations and types. Codes EBC20xx names and declarations, EBC21xx types and records.
// Expressions, statements and warnings follow in the other parts of this class. Wording follows clang where users know it.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Frontend.Binding;

public static partial class BindingDiagnostics
{
    private static List<DiagnosticDescriptor>? s_all;

    /// <summary>Every row, in order of definition.</summary>
    public static IReadOnlyList<DiagnosticDescriptor> All => s_all!;

    private static DiagnosticDescriptor Error(string id, string format, string explanation)
        => Add(new DiagnosticDescriptor(id, DiagnosticSeverity.Error, format, explanation));

    private static DiagnosticDescriptor Warning(string id, string group, string format, string explanation, bool onByDefault = true)
        => Add(new DiagnosticDescriptor(id, DiagnosticSeverity.Warning, format, explanation, group, onByDefault));

    private static DiagnosticDescriptor Add(DiagnosticDescriptor row)
    {
        (s_all ??= []).Add(row);
        return row;
    }

    // ---- names -------------------------------------------------------------------------------------------------------

    public static readonly DiagnosticDescriptor UndeclaredIdentifier = Error("EBC2001", "use of undeclared identifier '{0}'",
        "The name is not declared in any scope that is visible here. C sees only declarations above the use: check the spelling, include the header that declares it, or move the declaration up.");
    public static readonly DiagnosticDescriptor UndeclaredSuggestion = Error("EBC2002", "use of undeclared identifier '{0}'; did you mean '{1}'?",
        "The name is not declared, but a very similar one is. Compilation goes on as if the suggested name had been written.");
    public static readonly DiagnosticDescriptor UndeclaredFunction = Error("EBC2003", "call to undeclared function '{0}'; ISO C99 and later do not support implicit function declarations",
        "A function must be declared before it is called. Helpers are declared in bpf/bpf_helpers.h; kernel functions need an extern declaration with __ksym.");
    public static readonly DiagnosticDescriptor UndeclaredFunctionSuggestion = Error("EBC2004", "call to undeclared function '{0}'; did you mean '{1}'?",
        "A function must be declared before it is called, and a very similar name is declared. Compilation goes on as if the suggested name had been written.");
    public static readonly DiagnosticDescriptor UnknownTypeName = Error("EBC2005", "unknown type name '{0}'",
        "The name is used as a type, but no typedef of that name is visible here.");
    public static readonly DiagnosticDescriptor UnknownBuiltin = Error("EBC2006", "use of unknown builtin '{0}'",
        "Names that begin with __builtin_, __sync_ and __atomic_ belong to the compiler, and this one is not among those that exist for eBPF.");
    public static readonly DiagnosticDescriptor UnexpectedTypeName = Error("EBC2007", "unexpected type name '{0}': expected expression",
        "A typedef name stands where a value is needed.");

    // ---- declarations --------------------------------------------------------------------------------------------------

    public static readonly DiagnosticDescriptor Redefinition = Error("EBC2010", "redefinition of '{0}'",
        "The same scope defines the name twice. A definition may occur once; further declarations must be extern or prototypes.");
    public static readonly DiagnosticDescriptor RedefinedAsOtherKind = Error("EBC2011", "redefinition of '{0}' as different kind of symbol",
        "The scope already declares the name as something else: a variable, a function, a typedef or an enumerator.");
    public static readonly DiagnosticDescriptor ConflictingTypes = Error("EBC2012", "conflicting types for '{0}' ({1} vs {2})",
        "Two declarations of one function or variable must have compatible types. Calls and accesses would otherwise disagree about the layout of arguments.");
    public static readonly DiagnosticDescriptor TypedefRedefinition = Error("EBC2013", "typedef redefinition with different types ({0} vs {1})",
        "A typedef may be repeated only with the same type.");
    public static readonly DiagnosticDescriptor StaticAfterNonStatic = Error("EBC2014", "static declaration of '{0}' follows non-static declaration",
        "The linkage of a name is decided by its first declaration; a later one cannot make it static.");
    public static readonly DiagnosticDescriptor NonStaticAfterStatic = Error("EBC2015", "non-static declaration of '{0}' follows static declaration",
        "The linkage of a name is decided by its first declaration; a later definition without static contradicts it.");
    public static readonly DiagnosticDescriptor ParameterRedefinition = Error("EBC2016", "redefinition of parameter '{0}'",
        "Two parameters of one function have the same name.");
    public static readonly DiagnosticDescriptor MissingParameterName = Warning("EBC2017", "c23-extensions", "omitting the parameter name in a function definition is a C23 extension",
        "Before C23 each parameter of a definition had a name; a parameter without one cannot be used.");
    public static readonly DiagnosticDescriptor IllegalStorageClass = Error("EBC2018", "illegal storage class on {0}",
        "auto and register are for local variables, and parameters may only be register; thread-local storage does not exist in eBPF.");
    public static readonly DiagnosticDescriptor MultipleStorageClasses = Error("EBC2019", "cannot combine storage class specifiers",
        "A declaration has at most one of typedef, extern, static, auto and register.");
    public static readonly DiagnosticDescriptor FunctionInitialized = Error("EBC2020", "illegal initializer (only variables can be initialized)",
        "Functions, typedefs and members have no initial value.");
    public static readonly DiagnosticDescriptor ExternInitialized = Error("EBC2021", "'extern' variable cannot have an initializer",
        "A declaration inside a function that refers to an outer variable cannot also initialize it.");
    public static readonly DiagnosticDescriptor IncompleteVariable = Error("EBC2022", "variable has incomplete type {0}",
        "The size of the object is not known: the structure is only declared, the array has no length, or the type is void.");
    public static readonly DiagnosticDescriptor IncompleteTentative = Error("EBC2023", "tentative definition has type {0} that is never completed",
        "A file-scope variable needs a type that is complete at the end of the file.");
    public static readonly DiagnosticDescriptor StaticAssertFailed = Error("EBC2025", "static assertion failed{0}",
        "The condition of _Static_assert is zero. It states an assumption that does not hold for this target.");
    public static readonly DiagnosticDescriptor MissingTypeSpecifier = Error("EBC2026", "type specifier missing; ISO C99 and later do not support implicit int",
        "Every declaration names its type; 'static x;' meant int before 1999.");
    public static readonly DiagnosticDescriptor InvalidTypeCombination = Error("EBC2027", "cannot combine type specifiers '{0}'",
        "These keywords together do not name a type of C.");
    public static readonly DiagnosticDescriptor UnsupportedType = Error("EBC2028", "type '{0}' is not supported",
        "The type has no counterpart in eBPF or in its type format (complex numbers, decimal and extended floating types, vectors).");
    public static readonly DiagnosticDescriptor InvalidVoidParameter = Error("EBC2029", "'void' must be the first and only parameter if specified",
        "(void) says that there are no parameters; void is no type for one.");
    public static readonly DiagnosticDescriptor VoidParameter = Error("EBC2030", "argument may not have 'void' type",
        "A parameter needs a type that values can have.");
    public static readonly DiagnosticDescriptor NotAParameter = Error("EBC2031", "parameter named '{0}' is missing",
        "An old-style definition declares a name between the parentheses and the body that is not in its parameter list.");
    public static readonly DiagnosticDescriptor AutoTypeNeedsInitializer = Error("EBC2032", "declaration of variable '{0}' with deduced type '__auto_type' requires an initializer",
        "__auto_type takes the type of the initializer, so there must be one, on a plain name.");
    public static readonly DiagnosticDescriptor UnresolvedAlias = Error("EBC2033", "alias must point to a defined variable or function ('{0}' is not defined here)",
        "alias(\"name\") makes another name for something that this file defines.");
    public static readonly DiagnosticDescriptor ThreadLocal = Error("EBC2034", "thread-local storage is not supported for eBPF",
        "eBPF programs have no threads of their own; use a per-CPU map.");
    public static readonly DiagnosticDescriptor TypeTooDeep = Error("EBC2035", "the declaration or expression is nested too deeply",
        "The compiler follows nesting of types, declarations and expressions only to a fixed depth, so that no input can exhaust its stack.");
    public static readonly DiagnosticDescriptor NotAFunctionDefinition = Error("EBC2036", "function definition declared with a type that is not a function's",
        "What stands in front of the body does not declare a function by itself; a typedef of a function type cannot be used for a definition.");
    public static readonly DiagnosticDescriptor BlockScopeStaticFunction = Error("EBC2037", "function declared in block scope cannot have 'static' storage class",
        "Declare the static function at file scope.");

    // ---- types ---------------------------------------------------------------------------------------------------------

    public static readonly DiagnosticDescriptor VariableLengthArray = Error("EBC2101", "variable length arrays are not supported in eBPF",
        "The length must be a constant: an eBPF program's stack frame has a fixed size that the verifier checks.");
    public static readonly DiagnosticDescriptor NegativeArraySize = Error("EBC2102", "array has a negative size",
        "The length is a constant below zero. BUILD_BUG_ON-like macros produce this on purpose when their condition fails.");
    public static readonly DiagnosticDescriptor ArrayTooLarge = Error("EBC2103", "array is too large ({0} elements)",
        "No object may be larger than 2^47 bytes.");
    public static readonly DiagnosticDescriptor ArraySizeNotInteger = Error("EBC2104", "size of array has non-integer type {0}",
        "The length of an array is an integer constant expression.");
    public static readonly DiagnosticDescriptor ArrayOfIncomplete = Error("EBC2105", "array has incomplete element type {0}",
        "The elements' size must be known where the array type is written.");
    public static readonly DiagnosticDescriptor ArrayOfFunctions = Error("EBC2106", "array of functions is not allowed",
        "Make it an array of pointers to functions.");
    public static readonly DiagnosticDescriptor FunctionReturnsArray = Error("EBC2107", "function cannot return {0} type {1}",
        "Functions return scalars, structures or nothing; return a pointer instead.");
    public static readonly DiagnosticDescriptor WrongTagKind = Error("EBC2108", "use of '{0}' with tag type that does not match previous declaration",
        "struct, union and enum tags share one name space; the tag was declared with another keyword.");
    public static readonly DiagnosticDescriptor TagRedefinition = Error("EBC2109", "redefinition of '{0}'",
        "The structure, union or enumeration is defined twice in the same scope, often because a header is included beside vmlinux.h.");
    public static readonly DiagnosticDescriptor DuplicateMember = Error("EBC2110", "duplicate member '{0}'",
        "Member names are unique within a structure, anonymous inner structures included.");
    public static readonly DiagnosticDescriptor IncompleteMember = Error("EBC2111", "field '{0}' has incomplete type {1}",
        "A member's size must be known; a structure cannot contain itself, only a pointer to itself.");
    public static readonly DiagnosticDescriptor FunctionMember = Error("EBC2112", "field '{0}' declared as a function",
        "Members are objects; use a pointer to a function.");
    public static readonly DiagnosticDescriptor FlexibleNotLast = Error("EBC2113", "flexible array member '{0}' is not at the end of struct",
        "Only the last member may have no length, because nothing can be placed behind it.");
    public static readonly DiagnosticDescriptor BitFieldNotInteger = Error("EBC2114", "bit-field '{0}' has non-integral type {1}",
        "Bit-fields are integers, enumerations or _Bool.");
    public static readonly DiagnosticDescriptor BitFieldTooWide = Error("EBC2115", "width of bit-field '{0}' ({1} bits) exceeds the width of its type ({2} bits)",
        "A bit-field cannot have more bits than its declared type.");
    public static readonly DiagnosticDescriptor BitFieldNegative = Error("EBC2116", "bit-field '{0}' has negative width",
        "The number of bits is zero (unnamed fields only) or more.");
    public static readonly DiagnosticDescriptor BitFieldZeroNamed = Error("EBC2117", "named bit-field '{0}' has zero width",
        "A width of zero ends the current storage unit and is for unnamed fields.");
    public static readonly DiagnosticDescriptor BitFieldNotConstant = Error("EBC2118", "bit-field width is not an integer constant expression",
        "The layout of a structure must be known at compile time.");
    public static readonly DiagnosticDescriptor RecordTooLarge = Error("EBC2119", "'{0}' is too large",
        "No object may be larger than 2^47 bytes.");
    public static readonly DiagnosticDescriptor EnumeratorNotConstant = Error("EBC2120", "expression is not an integer constant expression",
        "The value must be computable at compile time from literals, enumerators, sizeof and casts.");
    public static readonly DiagnosticDescriptor EnumeratorTooLarge = Error("EBC2121", "enumerator value {0} is not representable in {1}",
        "Enumerators hold at most 64 bits, and no more than a fixed underlying type holds.");
    public static readonly DiagnosticDescriptor EnumUnderlyingNotInteger = Error("EBC2122", "non-integral type {0} is an invalid underlying type",
        "An enumeration is represented by an integer type.");
    public static readonly DiagnosticDescriptor InvalidAlignment = Error("EBC2123", "requested alignment is not a power of 2",
        "Alignments are powers of two, in bytes.");
    public static readonly DiagnosticDescriptor AlignmentTooLarge = Error("EBC2124", "requested alignment must be {0} bytes or smaller",
        "Larger alignments cannot be expressed in an object file.");
    public static readonly DiagnosticDescriptor AttributeArgument = Error("EBC2125", "'{0}' attribute requires {1}",
        "The argument of the attribute is missing or of the wrong kind.");
    public static readonly DiagnosticDescriptor UnsupportedAttribute = Error("EBC2126", "'{0}' attribute is not supported for eBPF",
        "Ignoring this attribute would change what the program means.");
    public static readonly DiagnosticDescriptor SizeofIncomplete = Error("EBC2127", "invalid application of '{0}' to an incomplete type {1}",
        "The size of the type is not known here.");
    public static readonly DiagnosticDescriptor SizeofBitField = Error("EBC2128", "invalid application of '{0}' to bit-field",
        "A bit-field has bits, not bytes, and no address.");
    public static readonly DiagnosticDescriptor QualifiedFunction = Error("EBC2129", "restrict requires a pointer ({0} is invalid)",
        "restrict says something about what a pointer points to.");
    public static readonly DiagnosticDescriptor AtomicAccess = Error("EBC2130", "plain access to an _Atomic object is not supported; use the __c11_atomic or __atomic builtins",
        "Every access to an _Atomic object is an atomic operation with sequential consistency, for which eBPF has no single instruction.");
}
