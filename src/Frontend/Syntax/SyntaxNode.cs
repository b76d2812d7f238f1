// The immutable syntax tree: C as written, after preprocessing, before names mean anything. One family of records per file.
// The parser never throws at a user's mistake; where it could not make sense of tokens, it reports and leaves an Error node.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Frontend.Syntax;

/// <summary>Base of all nodes. <see cref="Span"/> covers the node's tokens; <see cref="Location"/> is where a diagnostic points.</summary>
public abstract record SyntaxNode
{
    public SourceSpan Span { get; init; }

    /// <summary>The most telling token: the operator of a binary expression, the name of a declarator; else the start.</summary>
    public SourceLocation Location { get => _location.IsNone ? Span.Start : _location; init => _location = value; }

    private readonly SourceLocation _location;
}

/// <summary>A name with its place.</summary>
public sealed record IdentifierSyntax(string Text) : SyntaxNode;

// ---- attributes -----------------------------------------------------------------------------------------------------

/// <summary>
/// One GNU attribute, <c>name(arguments)</c>, name without underscores around it. An argument is an expression; a bare
/// identifier is a <see cref="NameExpressionSyntax"/>, a type name (rare) a <see cref="TypeNameSyntax"/>.
/// </summary>
public sealed record AttributeSyntax(string Name, IReadOnlyList<SyntaxNode> Arguments) : SyntaxNode;
