// Codes EBC25xx: warnings, grouped and switched as clang does.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Frontend.Binding;

public static partial class BindingDiagnostics
{
    public static readonly DiagnosticDescriptor IntConversion = Add(new("EBC2501", DiagnosticSeverity.Warning, "incompatible {0} conversion {1}",
        "A pointer became an integer or the reverse without a cast. Usually an argument is missing, misplaced or lacks its '&'. -Wno-int-conversion or a cast says that it is meant.", "int-conversion", IsErrorByDefault: true));
    public static readonly DiagnosticDescriptor IncompatibleFunctionPointers = Add(new("EBC2509", DiagnosticSeverity.Warning, "incompatible function pointer types {0}",
        "The functions have different parameters or results, so a call through the pointer would pass its arguments wrongly.", "incompatible-function-pointer-types", IsErrorByDefault: true));
    public static readonly DiagnosticDescriptor IncompatiblePointers = Warning("EBC2502", "incompatible-pointer-types", "incompatible pointer types {0}",
        "The pointers point to different types, so the object would be read with another layout than it was written with. A cast says that it is meant.");
    public static readonly DiagnosticDescriptor DiscardsQualifiers = Warning("EBC2503", "incompatible-pointer-types-discards-qualifiers", "{0} discards qualifiers",
        "The target pointer allows what the source forbids, for example writing to a constant.");
    public static readonly DiagnosticDescriptor PointerSign = Warning("EBC2504", "pointer-sign", "{0} converts between pointers to integer types with different sign",
        "The same bytes are read as signed here and unsigned there.");
    public static readonly DiagnosticDescriptor ComparePointerInteger = Warning("EBC2505", "pointer-integer-compare", "comparison between pointer and integer ({0} and {1})",
        "A pointer is compared with a number other than zero; cast one of them.");
    public static readonly DiagnosticDescriptor CompareDistinctPointers = Warning("EBC2506", "compare-distinct-pointer-types", "comparison of distinct pointer types ({0} and {1})",
        "Pointers to different types are compared; cast one of them, as with data_end.");
    public static readonly DiagnosticDescriptor PointerTypeMismatch = Warning("EBC2507", "pointer-type-mismatch", "pointer type mismatch ({0} and {1})",
        "The branches of ?: point to different types; the result is a pointer to void.");
    public static readonly DiagnosticDescriptor ConditionalTypeMismatch = Warning("EBC2508", "conditional-type-mismatch", "pointer/integer type mismatch in conditional expression ({0} and {1})",
        "One branch of ?: is a pointer, the other a number that is not zero.");
    public static readonly DiagnosticDescriptor UnusedVariable = Warning("EBC2510", "unused-variable", "unused variable '{0}'",
        "The variable is never used. Remove it, or mark it __attribute__((unused)).", onByDefault: false);
    public static readonly DiagnosticDescriptor UnusedButSet = Warning("EBC2511", "unused-but-set-variable", "variable '{0}' set but not used",
        "Values are stored in the variable, but nothing reads them.", onByDefault: false);
    public static readonly DiagnosticDescriptor UnusedParameter = Warning("EBC2512", "unused-parameter", "unused parameter '{0}'",
        "The parameter is never used.", onByDefault: false);
    public static readonly DiagnosticDescriptor UnusedLabel = Warning("EBC2513", "unused-label", "unused label '{0}'",
        "No goto leads to the label.", onByDefault: false);
    public static readonly DiagnosticDescriptor UnusedValue = Warning("EBC2514", "unused-value", "expression result unused",
        "The statement computes a value and drops it; '==' for '=' is a frequent cause.");
    public static readonly DiagnosticDescriptor UnusedComparison = Warning("EBC2515", "unused-comparison", "{0} comparison result unused",
        "The comparison has no effect. Was an assignment or a condition meant?");
    public static readonly DiagnosticDescriptor UnusedResult = Warning("EBC2516", "unused-result", "ignoring return value of function declared with 'warn_unused_result' attribute",
        "The author of the function says that its result must be looked at.");
    public static readonly DiagnosticDescriptor UnusedFunction = Warning("EBC2517", "unused-function", "unused function '{0}'",
        "A static function that nothing calls is left out of the object.", onByDefault: false);
    public static readonly DiagnosticDescriptor Uninitialized = Warning("EBC2520", "uninitialized", "variable '{0}' is uninitialized when used here",
        "Nothing was stored in the variable on any way to this use; the verifier rejects reads of uninitialised stack.", onByDefault: false);
    public static readonly DiagnosticDescriptor ReturnType = Warning("EBC2521", "return-type", "non-void function does not return a value{0}",
        "Control can reach the closing brace without a return statement; the program would end with whatever register r0 holds, which the verifier rejects.");
    public static readonly DiagnosticDescriptor NoReturnReturns = Warning("EBC2522", "invalid-noreturn", "function '{0}' declared 'noreturn' should not return",
        "Callers assume that the function never comes back.");
    public static readonly DiagnosticDescriptor SignCompare = Warning("EBC2530", "sign-compare", "comparison of integers of different signs: {0} and {1}",
        "The signed operand is converted to unsigned, so that a negative number becomes a large one.", onByDefault: false);
    public static readonly DiagnosticDescriptor ShiftNegative = Warning("EBC2531", "shift-count-negative", "shift count is negative",
        "The result is undefined in C.");
    public static readonly DiagnosticDescriptor ShiftTooLarge = Warning("EBC2532", "shift-count-overflow", "shift count >= width of type",
        "The result is undefined in C; eBPF would use the count modulo the width.");
    public static readonly DiagnosticDescriptor DivisionByZero = Warning("EBC2533", "division-by-zero", "{0} by zero is undefined",
        "The divisor is the constant zero.");
    public static readonly DiagnosticDescriptor IntegerOverflow = Warning("EBC2534", "integer-overflow", "overflow in expression; result is {0} with type {1}",
        "The mathematical result does not fit the type of the constant expression.");
    public static readonly DiagnosticDescriptor ConstantConversion = Warning("EBC2535", "constant-conversion", "implicit conversion from {0} to {1} changes value from {2} to {3}",
        "The constant does not fit the type it is converted to.");
    public static readonly DiagnosticDescriptor BitFieldConstantConversion = Warning("EBC2536", "bitfield-constant-conversion", "implicit truncation from {0} to bit-field changes value from {1} to {2}",
        "The constant has more bits than the bit-field.");
    public static readonly DiagnosticDescriptor TautologicalUnsigned = Warning("EBC2537", "tautological-unsigned-zero-compare", "result of comparison of unsigned expression {0} 0 is always {1}",
        "An unsigned value is never below zero.", onByDefault: false);
    public static readonly DiagnosticDescriptor TautologicalCompare = Warning("EBC2538", "tautological-compare", "self-comparison always evaluates to {0}",
        "Both sides are the same variable.");
    public static readonly DiagnosticDescriptor TautologicalPointer = Warning("EBC2539", "tautological-pointer-compare", "address of '{0}' is never null",
        "Objects and functions (unless weak) always have an address, so the test has one outcome.");
    public static readonly DiagnosticDescriptor ParenthesesAssignment = Warning("EBC2540", "parentheses", "using the result of an assignment as a condition without parentheses",
        "Write == to compare, or double parentheses when the assignment is meant.");
    public static readonly DiagnosticDescriptor LogicalInBitwise = Warning("EBC2541", "parentheses", "'{0}' within '{1}'",
        "The precedence of the two operators is easily misread; parentheses make it plain.", onByDefault: false);
    public static readonly DiagnosticDescriptor LiteralUnsigned = Warning("EBC2542", "implicitly-unsigned-literal", "integer literal is too large to be represented in a signed integer type, interpreting as unsigned",
        "A decimal constant above 2^63-1 has no signed type; add the suffix u.");
    public static readonly DiagnosticDescriptor MultiCharacter = Warning("EBC2543", "multichar", "multi-character character constant",
        "The value of a constant with several characters is the compiler's choice: here big-endian bytes of an int.");
    public static readonly DiagnosticDescriptor IntToPointerCast = Warning("EBC2544", "int-to-pointer-cast", "cast to {1} from smaller integer type {0}",
        "An integer of less than 64 bits is widened to a pointer; is the upper half really zero?");
    public static readonly DiagnosticDescriptor IntToVoidPointerCast = Warning("EBC2568", "int-to-void-pointer-cast", "cast to {1} from smaller integer type {0}",
        "An integer of less than 64 bits is widened to a pointer; is the upper half really zero?");
    public static readonly DiagnosticDescriptor PointerToIntCast = Warning("EBC2545", "pointer-to-int-cast", "cast to smaller integer type {1} from {0}",
        "The upper bits of the pointer are lost, and the verifier refuses to narrow pointers.");
    public static readonly DiagnosticDescriptor UnknownAttribute = Warning("EBC2546", "unknown-attributes", "unknown attribute '{0}' ignored",
        "The attribute is not known for eBPF.");
    public static readonly DiagnosticDescriptor InvisibleTag = Warning("EBC2547", "visibility", "declaration of '{0}' will not be visible outside of this function",
        "A structure that is first mentioned in a parameter list belongs to that list only; declare it before the prototype.");
    public static readonly DiagnosticDescriptor ExcessInitializers = Warning("EBC2548", "excess-initializers", "excess elements in {0} initializer",
        "There are more values than the object has places.");
    public static readonly DiagnosticDescriptor StringTooLong = Warning("EBC2549", "excess-initializers", "initializer-string for char array is too long",
        "The string does not fit the array, even without its terminating zero.");
    public static readonly DiagnosticDescriptor InitializerOverride = Warning("EBC2550", "initializer-overrides", "initializer overrides prior initialization of this subobject",
        "Two designators initialize the same place; the last one counts.");
    public static readonly DiagnosticDescriptor MissingFieldInitializers = Warning("EBC2551", "missing-field-initializers", "missing field '{0}' initializer",
        "The rest of the structure is set to zero.", onByDefault: false);
    public static readonly DiagnosticDescriptor SwitchEnum = Warning("EBC2552", "switch", "enumeration value '{0}' not handled in switch",
        "The switch over an enumeration has no default and misses a value.", onByDefault: true);
    public static readonly DiagnosticDescriptor CaseNotInEnum = Warning("EBC2553", "switch", "case value not in enumerated type {0}",
        "The switch is over an enumeration that has no such value.");
    public static readonly DiagnosticDescriptor EmptyCaseRange = Warning("EBC2554", "empty-case-range", "empty case range specified",
        "The first value of the range is above the last; the label is never taken.");
    public static readonly DiagnosticDescriptor CaseOverflow = Warning("EBC2555", "switch", "overflow converting case value to switch condition type ({0} to {1})",
        "The value of the label cannot occur in the switch.");
    public static readonly DiagnosticDescriptor ImplicitFallthrough = Warning("EBC2556", "implicit-fallthrough", "unannotated fall-through between switch labels",
        "Control runs from one case into the next. Add break, or __attribute__((fallthrough)) when it is meant.", onByDefault: false);
    public static readonly DiagnosticDescriptor EmptyBody = Warning("EBC2557", "empty-body", "{0} has empty body",
        "A semicolon directly behind the condition is the whole body.");
    public static readonly DiagnosticDescriptor DeprecatedUse = Warning("EBC2558", "deprecated-declarations", "'{0}' is deprecated{1}",
        "The author of the declaration asks not to use it any more.");
    public static readonly DiagnosticDescriptor MissingDeclarator = Warning("EBC2559", "missing-declarations", "declaration does not declare anything",
        "There is no name in this declaration.");
    public static readonly DiagnosticDescriptor ArrayBounds = Warning("EBC2560", "array-bounds", "array index {0} is past the end of the array (that has type {1})",
        "The constant index lies outside of the array.");
    public static readonly DiagnosticDescriptor Format = Warning("EBC2561", "format", "{0}",
        "The format string of bpf_trace_printk, bpf_printk, bpf_seq_printf and bpf_snprintf must fit its arguments; the kernel refuses unknown conversions.");
    public static readonly DiagnosticDescriptor FoldedConstant = Warning("EBC2562", "gnu-folding-constant", "expression is not an integer constant expression; folding it to a constant is a GNU extension",
        "The length depends on a const variable. It is folded, but an enum or a macro is the portable way.");
    public static readonly DiagnosticDescriptor SizeofPointerMemaccess = Warning("EBC2563", "sizeof-pointer-memaccess", "argument to 'sizeof' in {0} call is the same expression as the {1}; did you mean to dereference it?",
        "sizeof of a pointer is 8; the size of the object behind it was probably meant.");
    public static readonly DiagnosticDescriptor ReturnStackAddress = Warning("EBC2564", "return-stack-address", "address of stack memory associated with local variable '{0}' returned",
        "The variable is gone when the function returns.");
    public static readonly DiagnosticDescriptor VoidPointerDereference = Warning("EBC2565", "void-ptr-dereference", "ISO C does not allow indirection on operand of type {0}",
        "There is no object of type void to read.");
    public static readonly DiagnosticDescriptor SectionMismatch = Warning("EBC2566", "section", "section of '{0}' differs from its previous declaration",
        "All declarations that name a section must name the same one.");
    public static readonly DiagnosticDescriptor IgnoredQualifiers = Warning("EBC2567", "duplicate-decl-specifier", "'{0}' attribute ignored here",
        "The attribute means nothing in this place.");
}
