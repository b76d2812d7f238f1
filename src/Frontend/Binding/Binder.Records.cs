// Structures and unions: tags, members, layout. A definition at file scope is bound when somebody first asks the type for its
// members or size; one in a block is bound at once, because names declared later must not leak into it.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    /// <summary>One type per specifier that defines one, however often its declaration is visited.</summary>
    private readonly Dictionary<TypeSpecifierSyntax, TypeSymbol> _typesOfSpecifiers = new(ReferenceEqualityComparer.Instance);

    private readonly Dictionary<TypeSymbol, SyntaxNode> _tagDefinitions = new(ReferenceEqualityComparer.Instance);

    /// <summary>Records inside a record that is marked <c>preserve_access_index</c> inherit the mark.</summary>
    private bool _inheritsPreserveAccessIndex;

    private QualifiedType BindRecordSpecifier(RecordSpecifierSyntax syntax, bool isBare)
    {
        if (_typesOfSpecifiers.TryGetValue(syntax, out TypeSymbol? known))
            return known;
        bool isUnion = syntax.Keyword == RecordKeyword.Union;
        if (syntax.Members is null)
            return ReferToRecord(syntax, isUnion, isBare);
        RecordType record;
        if (syntax.Tag is null)
        {
            record = new RecordType(null, isUnion, syntax.Location);
        }
        else
        {
            TypeSymbol? existing = FindTagHere(syntax.Tag);
            if (existing is RecordType same && same.IsUnion == isUnion)
            {
                record = same;
                if (_tagDefinitions.TryGetValue(record, out SyntaxNode? earlier) && !ReferenceEquals(earlier, syntax))
                {
                    ReportWithNote(D.TagRedefinition, SpanOf(syntax), "previous definition is here", record.Location, syntax.Tag);
                    return record;
                }
            }
            else
            {
                if (existing is not null)
                    ReportWithNote(D.WrongTagKind, SpanOf(syntax), "previous use is here", LocationOf(existing), syntax.Tag);
                record = new RecordType(syntax.Tag, isUnion, syntax.Location);
                TagScope().DeclareTag(syntax.Tag, record);
            }
        }
        _typesOfSpecifiers[syntax] = record;
        AttachDefinition(record, syntax);
        // In blocks and prototypes completion must not wait.
        if (TagScope().Kind != ScopeKind.File)
            _ = record.Size;
        return record;
    }

    private static SourceLocation LocationOf(TypeSymbol type) => type switch
    {
        RecordType record => record.Location,
        EnumType enumeration => enumeration.Location,
        _ => SourceLocation.None,
    };

    /// <summary>Member declarations open no scope: their tags belong to the scope around.</summary>
    private Scope TagScope() => _scope;

    private TypeSymbol? FindTagHere(string tag)
    {
        Scope scope = TagScope();
        return scope.FindTag(tag);
    }

    private TypeSymbol? LookupTag(string tag)
    {
        for (Scope? scope = _scope; scope is not null; scope = scope.Parent)
        {
            if (scope.FindTag(tag) is { } type)
                return type;
        }
        return null;
    }

    private QualifiedType ReferToRecord(RecordSpecifierSyntax syntax, bool isUnion, bool isBare)
    {
        string tag = syntax.Tag ?? "";
        TypeSymbol? existing = isBare ? FindTagHere(tag) : LookupTag(tag);
        if (existing is RecordType record && record.IsUnion == isUnion)
            return record;
        if (existing is not null)
        {
            ReportWithNote(D.WrongTagKind, SpanOf(syntax), "previous use is here", LocationOf(existing), tag);
            return ErrorType.Instance;
        }
        // Not mentioned yet by anything bound so far: does the file declare it above?
        Scope scope = _scope;
        if (!isBare || scope.Kind == ScopeKind.File)
        {
            IReadOnlyList<ITopLevelDeclaration> found = _tree.Find(NameSpaceKind.Tag, tag);
            if (found.Count > 0 && (scope.Kind == ScopeKind.File || found[0].Order <= _order))
                scope = _fileScope;
        }
        if (scope.Kind == ScopeKind.Prototype)
            Report(D.InvisibleTag, syntax, $"{(isUnion ? "union" : "struct")} {tag}");
        var created = new RecordType(tag, isUnion, syntax.Location);
        scope.DeclareTag(tag, created);
        if (scope.Kind == ScopeKind.File)
            created.SetCompleter(CompleteFromIndex);
        return created;
    }

    /// <summary>Looks for the definition of a tag that has only been mentioned so far.</summary>
    private void CompleteFromIndex(RecordType record)
    {
        IReadOnlyList<ITopLevelDeclaration> found = _tree.Find(NameSpaceKind.Tag, record.Tag!);
        foreach (ITopLevelDeclaration declaration in found)
        {
            if (SyntaxSearch.FindRecord(declaration.Syntax, record.Tag!) is { } syntax && (syntax.Keyword == RecordKeyword.Union) == record.IsUnion)
            {
                Context saved = Enter(_fileScope, declaration.Order, null);
                _typesOfSpecifiers[syntax] = record;
                AttachDefinition(record, syntax);
                Leave(saved);
                _ = record.Size;
                return;
            }
        }
    }

    private void AttachDefinition(RecordType record, RecordSpecifierSyntax syntax)
    {
        _tagDefinitions[record] = syntax;
        record.Location = syntax.Location;
        record.DefinitionOrder = _order;
        record.Attributes = BindRecordAttributes(syntax.Attributes, record);
        if (_inheritsPreserveAccessIndex || record.Attributes.PreserveAccessIndex)
            record.PreservesAccessIndex = true;
        (Scope scope, int order, FunctionContext? function) = (_scope, _order, _function);
        record.SetCompleter(self =>
        {
            Context saved = Enter(scope, order, function);
            bool inherited = _inheritsPreserveAccessIndex;
            _inheritsPreserveAccessIndex = self.PreservesAccessIndex;
            Nested<object?>(syntax, () =>
            {
                DefineRecord(self, syntax);
                return null;
            }, null);
            _inheritsPreserveAccessIndex = inherited;
            Leave(saved);
        });
    }

    private void DefineRecord(RecordType record, RecordSpecifierSyntax syntax)
    {
        var fields = new List<FieldSymbol>();
        HashSet<string>? names = null;
        foreach (DeclarationSyntax member in syntax.Members!)
        {
            switch (member)
            {
                case SimpleDeclarationSyntax simple:
                    BindMembers(record, simple, fields);
                    break;
                case StaticAssertSyntax assertion:
                    BindStaticAssert(assertion);
                    break;
            }
        }
        int index = 0;
        for (int i = 0; i < fields.Count; i++)
        {
            FieldSymbol field = fields[i];
            field.Index = index;
            if (field.Name is not null || field.IsAnonymousRecord)
                index++;
            CheckDuplicate(field, names ??= [], 0);
            bool isFlexible = field.Type.Canonical is ArrayType { Length: null };
            if (isFlexible && !record.IsUnion && i + 1 < fields.Count)
            {
                Report(D.FlexibleNotLast, field.Location, field.Name);
                field.Type = ErrorType.Instance;
            }
        }
        (long size, int alignment) = RecordLayout.Compute(fields, record.IsUnion, new LayoutRules(record.Attributes.Packed, record.Attributes.Alignment, syntax.PragmaPack));
        if (size < 0)
        {
            Report(D.RecordTooLarge, syntax, TypePrinter.Print(record));
            size = 0;
        }
        record.Define(fields, size, alignment);
    }

    private void CheckDuplicate(FieldSymbol field, HashSet<string> names, int depth)
    {
        if (field.Name is not null)
        {
            if (!names.Add(field.Name))
                Report(D.DuplicateMember, field.Location, field.Name);
        }
        else if (field.Type.Canonical is RecordType inner && depth < 64)
        {
            foreach (FieldSymbol nested in inner.Fields)
                CheckDuplicate(nested, names, depth + 1);
        }
    }

    private void BindMembers(RecordType record, SimpleDeclarationSyntax syntax, List<FieldSymbol> fields)
    {
        Specifiers specifiers = BindSpecifiers(syntax.Specifiers, syntax.Declarators.Count == 0);
        if (specifiers.Storage != 0)
            Report(D.IllegalStorageClass, syntax, "member");
        if (syntax.Declarators.Count == 0)
        {
            // An anonymous structure or union; Microsoft's form with a tag or typedef is not C.
            if (specifiers.Type.Canonical is RecordType inner && syntax.Specifiers.Type is RecordSpecifierSyntax { Tag: null, Members: not null })
            {
                var symbols = BindAttributes(specifiers, new Declarator(syntax), AttributeTarget.Field);
                _ = inner.Size;
                fields.Add(new FieldSymbol(null, specifiers.Type, record, syntax.Location) { Attributes = symbols });
            }
            else if (syntax.Specifiers.Type is not (RecordSpecifierSyntax { Tag: not null } or EnumSpecifierSyntax) && !TypeRelations.IsError(specifiers.Type.Type))
            {
                Report(D.MissingDeclarator, syntax);
            }
            return;
        }
        foreach (InitDeclaratorSyntax item in syntax.Declarators)
        {
            Declarator declarator = BindDeclarator(item.Declarator, specifiers, null);
            declarator.Attributes.AddRange(item.Attributes);
            declarator.Type = ApplyTypeAttributes(declarator.Type, item.Attributes);
            if (item.Initializer is not null)
                Report(D.FunctionInitialized, item.Initializer);
            QualifiedType type = declarator.Type;
            string? name = declarator.Name;
            SymbolAttributes attributes = BindAttributes(specifiers, declarator, AttributeTarget.Field);
            int? width = null;
            if (item.BitWidth is not null)
            {
                width = BindBitWidth(item, name, ref type);
            }
            else if (type.Canonical is FunctionType)
            {
                Report(D.FunctionMember, item, name);
                type = ErrorType.Instance;
            }
            else if (type.Canonical is ArrayType { Length: null } flexible)
            {
                if (!IsCompleteHere(flexible.Element.Type))
                    type = ErrorType.Instance;
            }
            else if (!TypeRelations.IsError(type.Type) && !IsCompleteHere(type.Type))
            {
                ReportWithNote(D.IncompleteMember, SourceSpan.At(declarator.Location), "forward declaration is here", LocationOf(type.Canonical), name, Show(type));
                type = ErrorType.Instance;
            }
            if (specifiers.IsAutoType)
                Report(D.AutoTypeNeedsInitializer, item, name);
            if (name is null && width is null)
                continue;
            fields.Add(new FieldSymbol(name, type, record, declarator.Location) { BitWidth = width, Attributes = attributes });
        }
    }

    private int BindBitWidth(InitDeclaratorSyntax item, string? name, ref QualifiedType type)
    {
        BoundExpression width = BindValue(item.BitWidth!);
        if (TypeRelations.IsError(width.Type.Type) || TypeRelations.IsError(type.Type))
        {
            type = ErrorType.Instance;
            return 1;
        }
        string shown = name ?? "(unnamed)";
        if (TypeRelations.Representation(type.Type) is not { } representation)
        {
            Report(D.BitFieldNotInteger, item, shown, Show(type));
            type = IntegerType.Int;
            return 1;
        }
        if (!TryGetConstant(width, out Int128 bits))
        {
            Report(D.BitFieldNotConstant, item.BitWidth!);
            return 1;
        }
        int limit = representation.Bits;
        if (bits < 0)
            Report(D.BitFieldNegative, item.BitWidth!, shown);
        else if (bits > limit)
            Report(D.BitFieldTooWide, item.BitWidth!, shown, bits, limit);
        else if (bits == 0 && name is not null)
            Report(D.BitFieldZeroNamed, item.BitWidth!, shown);
        else
            return (int)bits;
        return Math.Max(1, (int)Int128.Clamp(bits, 1, limit));
    }
}
