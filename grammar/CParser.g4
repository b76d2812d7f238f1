// C11 with the GNU extensions that eBPF programs and kernel headers use. Sources: ISO/IEC 9899:2011 annex A, the GCC manual's
// chapter "Extensions to the C Language Family".
//
// There is no lexer here: tokens come from our preprocessor through a token source that has decided already which identifiers
// name types (TYPEDEF_NAME). That, and flat operator chains whose precedence the tree builder applies, make the grammar nearly
// LL(1), free of predicates and left recursion, so that SLL prediction suffices and deep expressions cost few rule levels.
// Token numbers and spellings are in CTokens.tokens.
parser grammar CParser;

options { tokenVocab = CTokens; }

// ---- top level: one declaration of the declaration index at a time, entered at externalDeclaration -------------------

externalDeclaration
    : ';'
    | staticAssert
    | fileAsm
    | declarationSpecifiers ( ';' | initDeclarator ( functionTail | ( ',' attribute* initDeclarator )* ';' ) )
    | initDeclarator ( functionTail | ( ',' attribute* initDeclarator )* ';' )          // the type left out, as C89 allowed
    ;

functionTail : declaration* compoundStatement ;

fileAsm : 'asm' ( 'volatile' | 'inline' )* '(' STRING+ ')' ';' ;

staticAssert : '_Static_assert' '(' assignmentExpression ( ',' STRING+ )? ')' ';' ;

// ---- declarations ----------------------------------------------------------------------------------------------------

declaration
    : declarationSpecifiers ( initDeclarator ( ',' attribute* initDeclarator )* )? ';'
    | staticAssert
    ;

declarationSpecifiers : declarationSpecifier+ ;

declarationSpecifier
    : storageClass
    | functionSpecifier
    | typeQualifier
    | alignas
    | attribute
    | typeSpecifier
    ;

storageClass : 'typedef' | 'extern' | 'static' | 'auto' | 'register' | '_Thread_local' ;

functionSpecifier : 'inline' | '_Noreturn' | '__extension__' ;

typeQualifier : 'const' | 'volatile' | 'restrict' | '_Atomic' ;

alignas : '_Alignas' '(' ( typeName | assignmentExpression ) ')' ;

typeSpecifier
    : builtinType
    | TYPEDEF_NAME
    | recordSpecifier
    | enumSpecifier
    | typeofKeyword '(' ( typeName | expression ) ')'
    | ATOMIC_OF '(' typeName ')'
    | '_BitInt' '(' assignmentExpression ')'
    | '__auto_type'
    ;

builtinType
    : 'void' | 'char' | 'short' | 'int' | 'long' | 'float' | 'double' | 'signed' | 'unsigned' | '_Bool' | '_Complex'
    | '__int128' | '_Float16' | '_Float32' | '_Float64' | '_Float128' | '__bf16' | '__builtin_va_list'
    ;

typeofKeyword : 'typeof' | 'typeof_unqual' ;

recordSpecifier : ( 'struct' | 'union' ) attribute* ( IDENTIFIER recordBody? | recordBody ) ;

// Attributes behind the brace are those of the specifiers here; the tree builder gives them to the record or enumeration.
recordBody : '{' memberDeclaration* '}' ;

memberDeclaration
    : ';'
    | staticAssert
    | declarationSpecifiers ( memberDeclarator ( ',' attribute* memberDeclarator )* )? ';'
    ;

memberDeclarator : ( declarator ( ':' assignmentExpression )? | ':' assignmentExpression ) attribute* ;

enumSpecifier : 'enum' attribute* ( IDENTIFIER enumBase? enumBody? | enumBase? enumBody ) ;

enumBase : ':' ( typeQualifier | builtinType | TYPEDEF_NAME )+ ;

enumBody : '{' ( enumerator ( ',' enumerator )* ','? )? '}' ;

enumerator : IDENTIFIER attribute* ( '=' assignmentExpression )? ;

initDeclarator : declarator declaratorTrailer* ( '=' initializer )? ;

declaratorTrailer : asmLabel | attribute ;

asmLabel : 'asm' '(' STRING+ ')' ;

// Declarators with and without a name are one rule; the tree builder knows where a name is required.
declarator : pointer+ directDeclarator? | directDeclarator ;

pointer : '*' ( typeQualifier | attribute )* ;

directDeclarator : ( IDENTIFIER | '(' attribute* declarator ')' ) declaratorSuffix* | declaratorSuffix+ ;

declaratorSuffix
    : '[' ( 'static' | typeQualifier )* ( assignmentExpression | '*' )? ']'
    | '(' ( parameter ( ',' parameter )* ( ',' '...' )? | '...' | IDENTIFIER ( ',' IDENTIFIER )* )? ')'
    ;

parameter : declarationSpecifiers ( declarator attribute* )? ;

typeName : declarationSpecifiers declarator? ;

initializer : bracedInitializer | assignmentExpression ;

bracedInitializer : '{' ( initializerItem ( ',' initializerItem )* ','? )? '}' ;

initializerItem : ( designator+ '='? | name ':' )? initializer ;

designator : '.' name | '[' assignmentExpression ( '...' assignmentExpression )? ']' ;

// ---- attributes ------------------------------------------------------------------------------------------------------

attribute : '__attribute__' '(' '(' attributeItem? ( ',' attributeItem? )* ')' ')' ;

attributeItem : attributeName ( '(' arguments? ')' )? ;

attributeName
    : name | storageClass | functionSpecifier | typeQualifier | builtinType
    ;

name : IDENTIFIER | TYPEDEF_NAME ;

// ---- statements ------------------------------------------------------------------------------------------------------

compoundStatement : '{' blockItem* '}' ;

// A label in a block is an item of its own (the tree builder joins it to the statement that follows, if one does), because
// "label: }" and "label: declaration" are accepted and would otherwise take unbounded lookahead.
blockItem : declaration | localLabels | label | unlabeledStatement | stray ;

// A token that begins nothing: named here so that the rest of the block is still parsed. The tree builder reports it.
stray
    : 'else' | ELSE_IF | ')' | ']' | '[' | '.' | '->' | '/' | '%' | '<<' | '>>' | '<' | '>' | '<=' | '>=' | '==' | '!=' | '^' | '|' | '||' | '?' | ':' | ','
    | '...' | '=' | '*=' | '/=' | '%=' | '+=' | '-=' | '<<=' | '>>=' | '&=' | '^=' | '|=' | UNKNOWN
    ;

localLabels : '__label__' name ( ',' name )* ';' ;

statement : label* unlabeledStatement ;

unlabeledStatement
    : compoundStatement
    | attribute+ statement
    | ifStatement
    | switchStatement
    | whileStatement
    | doStatement
    | forStatement
    | gotoStatement
    | continueStatement
    | breakStatement
    | returnStatement
    | asmStatement
    | expressionStatement
    ;

label
    : IDENTIFIER ':'
    | 'case' assignmentExpression ( '...' assignmentExpression )? ':'
    | 'default' ':'
    ;

// The chain is flat so that a thousand "else if" are not a thousand rule levels; a loop takes the nearest "else" first. The
// token source tells an "else" in front of "if" from other ones.
ifStatement : 'if' '(' expression ')' statement elseIf* ( 'else' statement )? ;

elseIf : ELSE_IF 'if' '(' expression ')' statement ;

switchStatement : 'switch' '(' expression ')' statement ;

whileStatement : 'while' '(' expression ')' statement ;

doStatement : 'do' statement 'while' '(' expression ')' ';' ;

forStatement : 'for' '(' forInitializer forCondition expression? ')' statement ;

forInitializer : declaration | expression? ';' ;

forCondition : expression? ';' ;

gotoStatement : 'goto' ( name | '*' expression ) ';' ;

continueStatement : 'continue' ';' ;

breakStatement : 'break' ';' ;

returnStatement : 'return' expression? ';' ;

expressionStatement : expression? ';' ;

asmStatement
    : 'asm' ( 'volatile' | 'inline' | 'goto' )* '(' STRING+ ( ':' asmOperands? ( ':' asmOperands? ( ':' asmClobbers? ( ':' asmLabels? )? )? )? )? ')' ';'
    ;

asmOperands : asmOperand ( ',' asmOperand )* ;

asmOperand : ( '[' name ']' )? STRING+ '(' expression ')' ;

asmClobbers : asmClobber ( ',' asmClobber )* ;

asmClobber : STRING+ ;

asmLabels : name ( ',' name )* ;

// ---- expressions -----------------------------------------------------------------------------------------------------

expression : assignmentExpression ( ',' assignmentExpression )* ;

// Every operator from assignment to multiplication, as one flat chain.
assignmentExpression : castExpression ( infixOperator castExpression | '?' expression? ':' castExpression )* ;

infixOperator
    : '*' | '/' | '%' | '+' | '-' | '<<' | '>>' | '<' | '>' | '<=' | '>=' | '==' | '!=' | '&' | '^' | '|' | '&&' | '||'
    | '=' | '*=' | '/=' | '%=' | '+=' | '-=' | '<<=' | '>>=' | '&=' | '^=' | '|='
    ;

castExpression
    : '(' typeName ')' ( castExpression | bracedInitializer postfixOperator* )
    | unaryExpression
    ;

unaryExpression
    : unaryOperator castExpression
    | '&&' name
    | ( 'sizeof' | '_Alignof' ) ( '(' typeName ')' ( bracedInitializer postfixOperator* )? | unaryExpression )
    | primaryExpression postfixOperator*
    ;

unaryOperator : '+' | '-' | '~' | '!' | '*' | '&' | '++' | '--' | '__extension__' | '__real__' | '__imag__' ;

postfixOperator
    : '[' expression ']'
    | '(' arguments? ')'
    | ( '.' | '->' ) name
    | '++'
    | '--'
    ;

arguments : argument ( ',' argument )* ;

argument : assignmentExpression | typeName ;

primaryExpression
    : IDENTIFIER
    | NUMBER
    | CHARACTER
    | STRING+
    | '(' ( expression | compoundStatement ) ')'
    | '_Generic' '(' assignmentExpression ( ',' genericAssociation )+ ')'
    | '__builtin_offsetof' '(' typeName ',' offsetDesignator ')'
    ;

genericAssociation : ( typeName | 'default' ) ':' assignmentExpression ;

offsetDesignator : name ( '[' expression ']' | ( '.' | '->' ) name )* ;
