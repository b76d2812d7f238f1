// Codes EBC22xx expressions, EBC23xx calls, builtins and initializers, EBC24xx statements.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Frontend.Binding;

public static partial class BindingDiagnostics
{
    public static readonly DiagnosticDescriptor InvalidBinaryOperands = Error("EBC2201", "invalid operands to binary expression ({0} and {1})",
        "The operator does not combine these types: arithmetic takes numbers, addition also a pointer and an integer, structures take no operators.");
    public static readonly DiagnosticDescriptor InvalidUnaryOperand = Error("EBC2202", "invalid argument type {0} to unary expression",
        "The operator does not apply to this type.");
    public static readonly DiagnosticDescriptor NotAssignable = Error("EBC2203", "expression is not assignable",
        "The left side must designate an object. The result of an operator, a call or a cast is a value without a place.");
    public static readonly DiagnosticDescriptor ConstAssignment = Error("EBC2204", "cannot assign to {0} with const-qualified type {1}",
        "The object was declared const. Constants of eBPF programs live in a read-only map.");
    public static readonly DiagnosticDescriptor ArrayAssignment = Error("EBC2205", "array type {0} is not assignable",
        "Arrays are not assigned as a whole; copy with __builtin_memcpy.");
    public static readonly DiagnosticDescriptor AddressOfRvalue = Error("EBC2206", "cannot take the address of an rvalue of type {0}",
        "Only objects and functions have addresses.");
    public static readonly DiagnosticDescriptor AddressOfBitField = Error("EBC2207", "address of bit-field requested",
        "A bit-field does not begin at a byte; copy it to a variable first.");
    public static readonly DiagnosticDescriptor DereferenceNonPointer = Error("EBC2208", "indirection requires pointer operand ({0} invalid)",
        "Only pointers can be dereferenced; cast the number to a pointer if it is an address.");
    public static readonly DiagnosticDescriptor DereferenceVoid = Error("EBC2209", "incomplete type {0} where a complete type is required",
        "The object behind the pointer has no known size, so it cannot be read, written or stepped over. Cast to the right pointer type, or include the definition.");
    public static readonly DiagnosticDescriptor NoSuchMember = Error("EBC2210", "no member named '{0}' in '{1}'",
        "The structure or union has no member of that name.");
    public static readonly DiagnosticDescriptor NoSuchMemberSuggestion = Error("EBC2211", "no member named '{0}' in '{1}'; did you mean '{2}'?",
        "The structure or union has no member of that name, but a very similar one. Compilation goes on with the suggestion.");
    public static readonly DiagnosticDescriptor MemberOfNonRecord = Error("EBC2212", "member reference base type {0} is not a structure or union",
        "Only structures and unions have members.");
    public static readonly DiagnosticDescriptor ArrowOnNonPointer = Error("EBC2213", "member reference type {0} is not a pointer; did you mean to use '.'?",
        "'->' goes through a pointer; the operand is the structure itself.");
    public static readonly DiagnosticDescriptor DotOnPointer = Error("EBC2214", "member reference type {0} is a pointer; did you mean to use '->'?",
        "'.' selects a member of a structure; the operand is a pointer to one.");
    public static readonly DiagnosticDescriptor IncompleteMemberAccess = Error("EBC2215", "incomplete definition of type '{0}'",
        "The structure is declared but its members are not known here: include the header that defines it (vmlinux.h for kernel types).");
    public static readonly DiagnosticDescriptor SubscriptNotInteger = Error("EBC2216", "array subscript is not an integer",
        "An index is an integer.");
    public static readonly DiagnosticDescriptor SubscriptNotPointer = Error("EBC2217", "subscripted value is not an array or pointer",
        "One operand of [] must be an array or a pointer.");
    public static readonly DiagnosticDescriptor InvalidCast = Error("EBC2218", "cannot cast {0} to {1}",
        "Casts convert between scalars; structures, arrays and functions are not cast.");
    public static readonly DiagnosticDescriptor IncompatibleAssignment = Error("EBC2219", "{0}",
        "There is no conversion between the types, with or without a cast.");
    public static readonly DiagnosticDescriptor FloatingPoint = Error("EBC2220", "floating point is not available in eBPF",
        "eBPF has no floating-point instructions or registers. Floating types may be declared and measured, never computed with.");
    public static readonly DiagnosticDescriptor NotScalarCondition = Error("EBC2221", "used type {0} where arithmetic or pointer type is required",
        "A condition is a number or a pointer, compared with zero.");
    public static readonly DiagnosticDescriptor ConditionalMismatch = Error("EBC2222", "incompatible operand types ({0} and {1})",
        "Both branches of ?: must have types with a common type.");
    public static readonly DiagnosticDescriptor InvalidNumber = Error("EBC2223", "invalid integer constant '{0}': {1}",
        "The spelling is not a number of C.");
    public static readonly DiagnosticDescriptor InvalidEscape = Error("EBC2224", "invalid escape sequence or character in literal",
        "An escape sequence is unknown, incomplete or too large for the elements of the literal.");
    public static readonly DiagnosticDescriptor EmptyCharacter = Error("EBC2225", "empty character constant",
        "A character constant holds at least one character.");
    public static readonly DiagnosticDescriptor VoidValue = Error("EBC2226", "a value of type 'void' is used",
        "The expression yields nothing, but a value is needed.");
    public static readonly DiagnosticDescriptor OffsetofNotRecord = Error("EBC2227", "offsetof requires struct or union type, {0} invalid",
        "offsetof measures the place of a member.");
    public static readonly DiagnosticDescriptor OffsetofBitField = Error("EBC2228", "cannot compute offset of bit-field '{0}'",
        "A bit-field does not begin at a byte.");
    public static readonly DiagnosticDescriptor OffsetofNotConstant = Error("EBC2229", "offsetof index is not a constant",
        "The place must be known at compile time.");
    public static readonly DiagnosticDescriptor GenericNoMatch = Error("EBC2230", "controlling expression type {0} not compatible with any generic association type",
        "No arm of _Generic has the type, and there is no default.");
    public static readonly DiagnosticDescriptor GenericDuplicate = Error("EBC2231", "type {0} in generic association compatible with previously specified type",
        "Two arms of _Generic have compatible types, or there are two defaults.");
    public static readonly DiagnosticDescriptor StatementExpressionOutside = Error("EBC2232", "statement expression not allowed at file scope",
        "({ ... }) runs statements, which needs a function around it.");
    public static readonly DiagnosticDescriptor IncrementType = Error("EBC2233", "cannot {0} value of type {1}",
        "++ and -- work on integers and pointers.");
    public static readonly DiagnosticDescriptor PointerDifferenceTypes = Error("EBC2234", "{0} and {1} are not pointers to compatible types",
        "A difference of pointers counts elements, so both must point to elements of one type.");
    public static readonly DiagnosticDescriptor UnsupportedExpression = Error("EBC2235", "{0} is not supported",
        "This extension of C has no meaning for eBPF.");
    public static readonly DiagnosticDescriptor RegisterAddress = Error("EBC2236", "address of register variable '{0}' requested",
        "A register variable has no address in C.");
    public static readonly DiagnosticDescriptor MixedStringPrefixes = Error("EBC2238", "unsupported non-standard concatenation of string literals",
        "Adjacent strings must have the same prefix, or none.");

    // ---- calls and builtins --------------------------------------------------------------------------------------------

    public static readonly DiagnosticDescriptor CalleeNotFunction = Error("EBC2301", "called object type {0} is not a function or function pointer",
        "Only functions and pointers to functions can be called.");
    public static readonly DiagnosticDescriptor TooFewArguments = Error("EBC2302", "too few arguments to function call, expected {0}, have {1}",
        "The call passes fewer arguments than the function has parameters.");
    public static readonly DiagnosticDescriptor TooManyArguments = Error("EBC2303", "too many arguments to function call, expected {0}, have {1}",
        "The call passes more arguments than the function has parameters.");
    public static readonly DiagnosticDescriptor IncompleteArgument = Error("EBC2304", "argument or result of the call has incomplete type {0}",
        "A value can only be passed or returned when its size is known.");
    public static readonly DiagnosticDescriptor BuiltinArguments = Error("EBC2305", "{0} expects {1}",
        "The operands of a compiler builtin have fixed kinds.");
    public static readonly DiagnosticDescriptor BuiltinRefused = Error("EBC2306", "{0} is not available in eBPF",
        "The builtin needs something that eBPF does not have: variable arguments, a stack of changing size, or non-local jumps.");
    public static readonly DiagnosticDescriptor AtomicSize = Error("EBC2307", "atomic operations of {0} bytes are not available in eBPF",
        "Atomic read-modify-write works on objects of 4 and 8 bytes, and atomic loads and stores on 1, 2, 4 and 8.");
    public static readonly DiagnosticDescriptor NotConstantArgument = Error("EBC2308", "argument to {0} must be a constant integer",
        "The compiler needs the value itself.");
    public static readonly DiagnosticDescriptor PreserveOperand = Error("EBC2309", "{0} argument {1}",
        "The CO-RE builtins describe a type, a member or an enumerator to the loader; their first argument must show which, in the form that bpf_core_read.h writes.");
    public static readonly DiagnosticDescriptor DefinesVariadic = Error("EBC2310", "variadic function '{0}' cannot be defined for eBPF",
        "Arguments travel in five registers; there is no way to find a variable number of them.");

    // ---- initializers --------------------------------------------------------------------------------------------------

    public static readonly DiagnosticDescriptor InitializerNotConstant = Error("EBC2321", "initializer element is not a compile-time constant",
        "Objects of static storage get their values when the program is loaded: from literals, addresses and what folds from them.");
    public static readonly DiagnosticDescriptor ArrayNeedsList = Error("EBC2322", "array initializer must be an initializer list{0}",
        "An array is initialized by a list in braces, a character array also by a string.");
    public static readonly DiagnosticDescriptor NoSuchField = Error("EBC2323", "field designator '{0}' does not refer to any field in type {1}",
        "The designator names a member that the structure does not have.");
    public static readonly DiagnosticDescriptor FieldDesignatorOnNonRecord = Error("EBC2324", "field designator cannot initialize a non-struct, non-union type {0}",
        "'.name =' is for structures and unions.");
    public static readonly DiagnosticDescriptor IndexDesignatorOnNonArray = Error("EBC2325", "array designator cannot initialize non-array type {0}",
        "'[n] =' is for arrays.");
    public static readonly DiagnosticDescriptor DesignatorOutOfRange = Error("EBC2326", "array designator index ({0}) exceeds array bounds",
        "The index is negative, at or beyond the array's length, or the range is empty.");
    public static readonly DiagnosticDescriptor ScalarEmptyInitializer = Error("EBC2327", "initializer for type {0} is empty or designated",
        "A scalar takes one value, in braces or not.");
    public static readonly DiagnosticDescriptor IncompleteInitialized = Error("EBC2328", "initialization of incomplete type {0}",
        "The size of the object is not known.");
    public static readonly DiagnosticDescriptor NestedFlexible = Error("EBC2329", "initialization of flexible array member is not allowed here",
        "A flexible array member can be initialized only in an object of static storage, and only at the end of it.");
    public static readonly DiagnosticDescriptor InitializerTooLarge = Error("EBC2330", "the initializer has too many elements",
        "The compiler expands designator ranges and refuses those that would need unreasonable memory.");

    // ---- statements ----------------------------------------------------------------------------------------------------

    public static readonly DiagnosticDescriptor BreakOutside = Error("EBC2401", "'break' statement not in loop or switch statement",
        "There is nothing to leave here.");
    public static readonly DiagnosticDescriptor ContinueOutside = Error("EBC2402", "'continue' statement not in loop statement",
        "There is no loop to continue here.");
    public static readonly DiagnosticDescriptor CaseOutside = Error("EBC2403", "'{0}' statement not in switch statement",
        "case and default labels belong to an enclosing switch.");
    public static readonly DiagnosticDescriptor DuplicateCase = Error("EBC2404", "duplicate case value '{0}'",
        "Two labels of one switch cover the same value.");
    public static readonly DiagnosticDescriptor MultipleDefaults = Error("EBC2405", "multiple default labels in one switch",
        "A switch has at most one default.");
    public static readonly DiagnosticDescriptor SwitchNotInteger = Error("EBC2406", "statement requires expression of integer type ({0} invalid)",
        "switch compares integers.");
    public static readonly DiagnosticDescriptor UndeclaredLabel = Error("EBC2407", "use of undeclared label '{0}'",
        "The function defines no label of that name.");
    public static readonly DiagnosticDescriptor DuplicateLabel = Error("EBC2408", "redefinition of label '{0}'",
        "Labels are unique within a function.");
    public static readonly DiagnosticDescriptor ReturnValueInVoid = Error("EBC2409", "void function '{0}' should not return a value",
        "The function's return type is void.");
    public static readonly DiagnosticDescriptor ReturnWithoutValue = Error("EBC2410", "non-void function '{0}' should return a value",
        "The caller expects a value; a program's return value decides what happens to the packet.");
    public static readonly DiagnosticDescriptor AsmOutput = Error("EBC2411", "invalid output operand of asm: {0}",
        "An output is an object that can be assigned, with a constraint that begins with = or +.");
    public static readonly DiagnosticDescriptor AsmConstraint = Error("EBC2412", "invalid {0} constraint '{1}' in asm",
        "eBPF knows register (r, w), immediate (i, n), memory (m) and matching (0-9) constraints.");
    public static readonly DiagnosticDescriptor ForDeclaration = Error("EBC2413", "declaration of a non-local variable in 'for' loop",
        "Only variables of automatic storage can be declared in the head of a loop.");
}
