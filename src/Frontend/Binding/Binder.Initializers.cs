// Initializers (C11 6.7.9): braces and their elision, designators, strings, flexible arrays; flattened to stores at byte offsets.
//
// A cursor walks the items of the innermost written braces. An aggregate takes items for its members one after the other; a member
// that is itself an aggregate and meets an item without braces takes its own members from the same cursor (elision) and hands
// the cursor back when it is full or a designator appears, because designators always speak about the written braces.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private const int MaximumInitializerEntries = 1 << 22;

    private sealed class InitializerState(bool isStatic, TypeSymbol root)
    {
        public List<BoundInitializerEntry> Entries { get; set; } = [];

        public HashSet<(long Offset, int Bit)> Written { get; } = [];

        public bool IsStatic { get; } = isStatic;

        public TypeSymbol Root { get; } = root;

        public bool IsConstant { get; set; } = true;

        public bool Failed { get; set; }

        /// <summary>Elements that the outermost array of unknown length turned out to have.</summary>
        public long RootLength { get; set; }

        /// <summary>One past the last byte of a flexible array member.</summary>
        public long FlexibleEnd { get; set; }

        public bool HasDesignators { get; set; }

        /// <summary>One past the last byte written so far: what lies beyond cannot be overridden.</summary>
        public long WrittenEnd { get; set; }

        /// <summary>The member each union holds at present.</summary>
        public Dictionary<(long Offset, RecordType Union), FieldSymbol> ActiveMembers { get; } = [];
    }

    private sealed class InitializerCursor(IReadOnlyList<InitializerItemSyntax> items)
    {
        private int _position;

        public bool AtEnd => _position >= items.Count;

        public InitializerItemSyntax Current => items[_position];

        public int Position => _position;

        /// <summary>An aggregate further out has followed the current item's designators already.</summary>
        public bool AreDesignatorsTaken { get; set; }

        /// <summary>The bound value of the current item, when somebody had to look at its type already.</summary>
        public BoundExpression? Value { get; set; }

        public int Count => items.Count;

        public InitializerItemSyntax Last => items[^1];

        public void Advance()
        {
            _position++;
            Value = null;
            AreDesignatorsTaken = false;
        }

        public void SkipToEnd() => _position = items.Count;
    }

    /// <summary>Binds the initial value of an object; null when it contains mistakes.</summary>
    /// <param name="completed">The type with an array's length filled in.</param>
    private BoundInitializer? BindInitializer(QualifiedType type, InitializerSyntax syntax, bool isStatic, out QualifiedType completed)
    {
        completed = type;
        if (TypeRelations.IsError(type.Type))
        {
            if (syntax is ExpressionInitializerSyntax broken)
                BindValue(broken.Expression);
            return null;
        }
        bool isUnsizedArray = type.Canonical is ArrayType { Length: null };
        if (!isUnsizedArray && !IsCompleteHere(type.Type))
        {
            Report(D.IncompleteInitialized, syntax, Show(type));
            return null;
        }
        var state = new InitializerState(isStatic, type.Canonical);
        bool zeroFill = type.Canonical is ArrayType or RecordType;
        if (syntax is ListInitializerSyntax list)
        {
            FillFromList(state, type, 0, null, list, true);
        }
        else
        {
            var expression = (ExpressionInitializerSyntax)syntax;
            // A parenthesised or braced list counts as a list; an expression initializes the object as a whole.
            if (type.Canonical is ArrayType array)
            {
                if (BindStringFor(array, expression.Expression) is { } text)
                    StoreString(state, type, 0, text, expression, true);
                else if (BindExpression(expression.Expression) is BoundCompoundLiteral literal && TypeRelations.AreCompatible(literal.Type.Canonical, array))
                    CopyEntries(state, literal.Initializer, 0, literal.Type);
                else
                {
                    Report(D.ArrayNeedsList, syntax, TypeRelations.Representation(array.Element.Type) is { Size: 1 } ? " or string literal" : "");
                    state.Failed = true;
                }
            }
            else
            {
                BoundExpression value = expression.Expression is CompoundLiteralSyntax && isStatic ? BindExpression(expression.Expression) : BindValue(expression.Expression);
                zeroFill = false;
                if (value is BoundCompoundLiteral { Initializer: var inner } && value.Type.Canonical is RecordType && ReferenceEquals(value.Type.Canonical, type.Canonical))
                {
                    zeroFill = true;
                    CopyEntries(state, inner, 0, type);
                }
                else
                {
                    Store(state, type, 0, null, ValueOf(value), expression.Expression);
                }
            }
        }
        if (isUnsizedArray)
        {
            QualifiedType element = ((ArrayType)type.Canonical).Element;
            completed = new QualifiedType(new ArrayType(element, state.RootLength), type.AllQualifiers);
        }
        if (state.Failed)
            return null;
        return new BoundInitializer(completed, zeroFill, state.Entries)
        {
            Span = syntax.Span, Location = syntax.Location, IsConstant = state.IsConstant,
            ObjectSize = Math.Max(completed.Type.Size, state.FlexibleEnd),
        };
    }

    // ---- lists ---------------------------------------------------------------------------------------------------------

    private void FillFromList(InitializerState state, QualifiedType type, long offset, FieldSymbol? bitField, ListInitializerSyntax list, bool isRoot)
    {
        if (_depth++ > MaximumDepth)
        {
            state.Failed = true;
            _depth--;
            return;
        }
        var cursor = new InitializerCursor(list.Items);
        if (bitField is null)
            Override(state, offset, type.Type.Size, list);
        switch (type.Canonical)
        {
            case ArrayType array when list.Items is [{ Designators.Count: 0, Value: ExpressionInitializerSyntax only }] && BindStringFor(array, only.Expression) is { } text:
                StoreString(state, type, offset, text, only, isRoot);
                break;
            case ArrayType or RecordType:
                FillAggregate(state, type, offset, cursor, [], 0, true, isRoot);
                break;
            default:
                FillScalar(state, type, offset, bitField, list);
                break;
        }
        _depth--;
    }

    private void FillScalar(InitializerState state, QualifiedType type, long offset, FieldSymbol? bitField, ListInitializerSyntax list)
    {
        if (list.Items.Count == 0)
        {
            Append(state, new BoundInitializerEntry(offset, bitField, type, Literal(TypeRelations.ValueType(type), 0, list)), list);
            return;
        }
        InitializerItemSyntax first = list.Items[0];
        if (first.Designators.Count > 0)
        {
            Report(D.ScalarEmptyInitializer, list, Show(type));
            state.Failed = true;
            return;
        }
        if (first.Value is ListInitializerSyntax inner)
            FillFromList(state, type, offset, bitField, inner, false);
        else
            Store(state, type, offset, bitField, BindValue(((ExpressionInitializerSyntax)first.Value).Expression), first.Value);
        if (list.Items.Count > 1)
            Report(D.ExcessInitializers, list.Items[1], "scalar");
    }

    /// <param name="designators">Those of the current item; from <paramref name="level"/> on they select within this aggregate.</param>
    private void FillAggregate(
        InitializerState state, QualifiedType type, long offset, InitializerCursor cursor, IReadOnlyList<DesignatorSyntax> designators, int level, bool isBraced, bool isRoot)
    {
        if (type.Canonical is RecordType record)
            FillRecord(state, type, record, offset, cursor, designators, level, isBraced, isRoot);
        else
            FillArray(state, type, (ArrayType)type.Canonical, offset, cursor, designators, level, isBraced, isRoot);
    }

    private void FillRecord(
        InitializerState state, QualifiedType type, RecordType record, long offset, InitializerCursor cursor, IReadOnlyList<DesignatorSyntax> designators, int level, bool isBraced, bool isRoot)
    {
        IReadOnlyList<FieldSymbol> fields = record.Fields;
        int position = NextField(fields, 0);
        bool wasDesignated = false;
        while (!cursor.AtEnd)
        {
            InitializerItemSyntax item = cursor.Current;
            IReadOnlyList<DesignatorSyntax> pending = designators;
            int at = level;
            if (pending.Count == 0 && item.Designators.Count > 0 && !cursor.AreDesignatorsTaken)
            {
                if (!isBraced)
                    return;
                (pending, at) = (item.Designators, 0);
                cursor.AreDesignatorsTaken = true;
            }
            designators = [];
            FieldSymbol field;
            if (at < pending.Count)
            {
                wasDesignated = state.HasDesignators = true;
                if (pending[at] is not FieldDesignatorSyntax designator)
                {
                    Fail(state, cursor, D.IndexDesignatorOnNonArray, pending[at], Show(type));
                    continue;
                }
                var path = new List<FieldSymbol>(2);
                if (!FindMember(record, designator.Name, path, 0))
                {
                    Fail(state, cursor, D.NoSuchField, designator, designator.Name, Show(type));
                    continue;
                }
                field = path[0];
                position = IndexOf(fields, field);
                if (path.Count > 1)
                {
                    // Through an anonymous member: select the same name again inside it.
                    at--;
                }
                at++;
            }
            else
            {
                if (position >= fields.Count)
                {
                    if (!isBraced)
                        return;
                    ReportExcess(record.IsUnion ? "union" : "struct", item, cursor);
                    return;
                }
                field = fields[position];
                pending = [];
                at = 0;
            }
            if (record.IsUnion)
            {
                if (state.ActiveMembers.TryGetValue((offset, record), out FieldSymbol? active) && !ReferenceEquals(active, field))
                    Override(state, offset, record.Size, item);
                state.ActiveMembers[(offset, record)] = field;
            }
            FillElement(state, field.Type.With(type.AllQualifiers & TypeQualifiers.Const), offset + field.ByteOffset, field, cursor, pending, at, isRoot && ReferenceEquals(field, fields[^1]));
            position = record.IsUnion ? fields.Count : NextField(fields, position + 1);
            if (position >= fields.Count && !isBraced)
                return;
        }
        if (isBraced && !wasDesignated && position < fields.Count && cursor.Count > 0 && !record.IsUnion && !IsZeroList(state, cursor))
        {
            if (fields[position].Type.Canonical is not ArrayType { Length: null })
                Report(D.MissingFieldInitializers, cursor.Last, fields[position].Name ?? "(anonymous)");
        }
    }

    private static bool IsZeroList(InitializerState state, InitializerCursor cursor)
        => cursor.Count == 1 && state.Entries is [.., { Value: BoundLiteral { Value: var value } }] && value == 0;

    private static int NextField(IReadOnlyList<FieldSymbol> fields, int from)
    {
        while (from < fields.Count && fields[from].Name is null && fields[from].IsBitField)
            from++;
        return from;
    }

    private static int IndexOf(IReadOnlyList<FieldSymbol> fields, FieldSymbol field)
    {
        for (int i = 0; i < fields.Count; i++)
        {
            if (ReferenceEquals(fields[i], field))
                return i;
        }
        return fields.Count;
    }

    private void FillArray(
        InitializerState state, QualifiedType type, ArrayType array, long offset, InitializerCursor cursor, IReadOnlyList<DesignatorSyntax> designators, int level, bool isBraced, bool isRoot)
    {
        QualifiedType element = TypeRelations.ElementOf(type);
        if (!IsCompleteHere(element.Type))
        {
            state.Failed = true;
            cursor.SkipToEnd();
            return;
        }
        long size = element.Type.Size;
        bool isOuterUnsized = array.Length is null && ReferenceEquals(array, state.Root);
        if (array.Length is null && !isOuterUnsized && !(isRoot && state.IsStatic) && !cursor.AtEnd)
        {
            Fail(state, cursor, D.NestedFlexible, cursor.Current);
            return;
        }
        Int128 position = 0;
        while (!cursor.AtEnd)
        {
            InitializerItemSyntax item = cursor.Current;
            IReadOnlyList<DesignatorSyntax> pending = designators;
            int at = level;
            if (pending.Count == 0 && item.Designators.Count > 0 && !cursor.AreDesignatorsTaken)
            {
                if (!isBraced)
                    return;
                (pending, at) = (item.Designators, 0);
                cursor.AreDesignatorsTaken = true;
            }
            designators = [];
            Int128 last = position;
            if (at < pending.Count)
            {
                state.HasDesignators = true;
                if (pending[at] is not IndexDesignatorSyntax designator)
                {
                    Fail(state, cursor, D.FieldDesignatorOnNonRecord, pending[at], Show(type));
                    continue;
                }
                if (DesignatedIndex(designator.First) is not { } first || DesignatedIndex(designator.Last ?? designator.First) is not { } final)
                {
                    state.Failed = true;
                    cursor.Advance();
                    continue;
                }
                if (first < 0 || final < first || (array.Length is { } known && final >= known) || final > ArrayType.MaximumSize / Math.Max(size, 1))
                {
                    Fail(state, cursor, D.DesignatorOutOfRange, designator, final < first ? first : final);
                    continue;
                }
                (position, last) = (first, final);
                at++;
            }
            else
            {
                if (array.Length is { } length && position >= length)
                {
                    if (!isBraced)
                        return;
                    ReportExcess("array", item, cursor);
                    return;
                }
                pending = [];
                at = 0;
            }
            if (last > position)
                Override(state, offset + ((long)position * size), (long)(last - position + 1) * size, item);
            int before = state.Entries.Count, start = cursor.Position;
            FillElement(state, element, offset + ((long)position * size), null, cursor, pending, at, false);
            // Elements without members take nothing, however many there are.
            if (cursor.Position == start)
            {
                state.Failed = true;
                cursor.Advance();
            }
            if (last > position)
                Replicate(state, before, (long)(last - position), size, item);
            position = last + 1;
            if (isOuterUnsized)
                state.RootLength = Math.Max(state.RootLength, (long)position);
            else if (array.Length is null)
                state.FlexibleEnd = Math.Max(state.FlexibleEnd, offset + ((long)position * size));
            if (!isBraced && array.Length is { } full && position >= full)
                return;
        }
    }

    private Int128? DesignatedIndex(ExpressionSyntax syntax)
    {
        BoundExpression index = BindValue(syntax);
        if (index is BoundErrorExpression)
            return null;
        if (TryGetConstant(index, out Int128 value))
            return value;
        Report(D.EnumeratorNotConstant, syntax);
        return null;
    }

    /// <summary>GNU's <c>[a ... b] = v</c>: the stores of the first element again for all others.</summary>
    private void Replicate(InitializerState state, int from, long copies, long size, SyntaxNode at)
    {
        int count = state.Entries.Count - from;
        if (count == 0)
            return;
        if (copies > (MaximumInitializerEntries - state.Entries.Count) / count)
        {
            if (!state.Failed)
                Report(D.InitializerTooLarge, at);
            state.Failed = true;
            return;
        }
        for (long copy = 1; copy <= copies; copy++)
        {
            for (int i = 0; i < count; i++)
            {
                BoundInitializerEntry entry = state.Entries[from + i];
                state.Entries.Add(entry with { Offset = entry.Offset + (copy * size) });
            }
        }
        state.WrittenEnd = Math.Max(state.WrittenEnd, state.Entries[^1].Offset + Math.Max(state.Entries[^1].Type.Type.Size, 1));
    }

    private void FillElement(
        InitializerState state, QualifiedType type, long offset, FieldSymbol? field, InitializerCursor cursor, IReadOnlyList<DesignatorSyntax> pending, int at, bool isRoot)
    {
        FieldSymbol? bitField = field is { IsBitField: true } ? field : null;
        InitializerItemSyntax item = cursor.Current;
        if (at < pending.Count)
        {
            if (type.Canonical is RecordType or ArrayType)
                FillAggregate(state, type, offset, cursor, pending, at, false, isRoot);
            else
                Fail(state, cursor, pending[at] is FieldDesignatorSyntax ? D.FieldDesignatorOnNonRecord : D.IndexDesignatorOnNonArray, pending[at], Show(type));
            return;
        }
        if (item.Value is ListInitializerSyntax list)
        {
            cursor.Advance();
            FillFromList(state, type, offset, bitField, list, isRoot);
            return;
        }
        var expression = (ExpressionInitializerSyntax)item.Value;
        if (type.Canonical is ArrayType array)
        {
            if (cursor.Value is null && BindStringFor(array, expression.Expression) is { } text)
            {
                cursor.Advance();
                StoreString(state, type, offset, text, expression, isRoot);
                return;
            }
            if (array.Length == 0 || !Descend(state, cursor))
            {
                cursor.Advance();
                return;
            }
            FillAggregate(state, type, offset, cursor, [], 0, false, isRoot);
            _depth--;
            return;
        }
        BoundExpression value = cursor.Value ??= type.Canonical is RecordType ? BindExpression(expression.Expression) : BindValue(expression.Expression);
        if (type.Canonical is RecordType record)
        {
            if (value is BoundErrorExpression)
            {
                state.Failed = true;
                cursor.Advance();
                return;
            }
            if (ReferenceEquals(value.Type.Canonical, record))
            {
                cursor.Advance();
                Override(state, offset, record.Size, item);
                if (value is BoundCompoundLiteral literal)
                    CopyEntries(state, literal.Initializer, offset, type);
                else
                    Store(state, type, offset, null, ValueOf(value), expression);
                return;
            }
            if (record.Fields.Count == 0 || !Descend(state, cursor))
            {
                cursor.Advance();
                return;
            }
            FillAggregate(state, type, offset, cursor, [], 0, false, isRoot);
            _depth--;
            return;
        }
        cursor.Advance();
        Store(state, type, offset, bitField, ValueOf(value), expression);
    }

    private bool Descend(InitializerState state, InitializerCursor cursor)
    {
        if (_depth++ < MaximumDepth)
            return true;
        _depth--;
        state.Failed = true;
        cursor.SkipToEnd();
        return false;
    }

    private void Fail(InitializerState state, InitializerCursor cursor, Core.Diagnostics.DiagnosticDescriptor row, SyntaxNode at, params ReadOnlySpan<object?> arguments)
    {
        Report(row, at, arguments);
        state.Failed = true;
        cursor.Advance();
    }

    private void ReportExcess(string kind, SyntaxNode at, InitializerCursor cursor)
    {
        Report(D.ExcessInitializers, at, kind);
        while (!cursor.AtEnd)
        {
            if (cursor.Current.Value is ExpressionInitializerSyntax expression)
                BindValue(expression.Expression);
            cursor.Advance();
        }
    }

    // ---- stores --------------------------------------------------------------------------------------------------------

    private void Store(InitializerState state, QualifiedType type, long offset, FieldSymbol? bitField, BoundExpression value, SyntaxNode at)
    {
        if (StoreFloating(state, type, offset, value, at))
            return;
        BoundExpression converted = value is BoundErrorExpression ? value : ConvertAssigned(value, type, at, AssignmentKind.Initializing);
        if (converted is BoundErrorExpression)
        {
            state.Failed = true;
            return;
        }
        bool isConstant = ConstantEvaluator.TryEvaluate(converted, out ConstantValue constant) && TypeRelations.IsScalar(converted.Type.Type);
        if (state.IsStatic && _unevaluated == 0)
        {
            if (!isConstant)
            {
                Report(D.InitializerNotConstant, at);
                state.Failed = true;
                return;
            }
            if (constant.IsInteger)
                converted = new BoundLiteral(TypeRelations.ValueType(type), ConstantEvaluator.Wrap(constant.Value, type.Type)) { Span = converted.Span, Location = converted.Location };
        }
        state.IsConstant &= isConstant;
        Append(state, new BoundInitializerEntry(offset, bitField, type, converted), at);
    }

    /// <summary>A list (or another member of a union) replaces everything that an object was given before (C11 6.7.9p19).</summary>
    private void Override(InitializerState state, long offset, long size, SyntaxNode at)
    {
        if (!state.HasDesignators || offset >= state.WrittenEnd)
            return;
        int removed = state.Entries.RemoveAll(entry => entry.Offset >= offset && entry.Offset < offset + size);
        if (removed == 0)
            return;
        state.Written.RemoveWhere(place => place.Offset >= offset && place.Offset < offset + size);
        Report(D.InitializerOverride, at);
    }

    private void Append(InitializerState state, BoundInitializerEntry entry, SyntaxNode at)
    {
        state.WrittenEnd = Math.Max(state.WrittenEnd, entry.Offset + Math.Max(entry.Type.Type.Size, 1));
        bool isNew = state.Written.Add((entry.Offset, entry.BitField is { } field ? (int)(field.BitOffset & 7) + 1 : 0));
        if (!isNew && state.HasDesignators)
            Report(D.InitializerOverride, at);
        if (state.Entries.Count >= MaximumInitializerEntries)
        {
            if (!state.Failed)
                Report(D.InitializerTooLarge, at);
            state.Failed = true;
            return;
        }
        state.Entries.Add(entry);
    }

    /// <summary>The contents of a compound literal become part of the object that it initializes.</summary>
    private static void CopyEntries(InitializerState state, BoundInitializer inner, long offset, QualifiedType type)
    {
        foreach (BoundInitializerEntry entry in inner.Entries)
            state.Entries.Add(entry with { Offset = entry.Offset + offset });
        state.WrittenEnd = Math.Max(state.WrittenEnd, offset + inner.ObjectSize);
        state.IsConstant &= inner.IsConstant;
        if (ReferenceEquals(state.Root, type.Canonical) || state.Root is ArrayType { Length: null })
            state.RootLength = inner.Type.Canonical is ArrayType { Length: { } length } ? length : state.RootLength;
    }

    /// <summary>The string literal that may initialize the array, or null when the expression is no fitting string.</summary>
    private BoundStringLiteral? BindStringFor(ArrayType array, ExpressionSyntax syntax)
    {
        while (syntax is UnaryExpressionSyntax { Operator: UnaryOperator.Extension } extension)
            syntax = extension.Operand;
        bool isName = syntax is NameExpressionSyntax { Name: "__func__" or "__FUNCTION__" or "__PRETTY_FUNCTION__" };
        if ((syntax is not StringExpressionSyntax && !isName) || TypeRelations.Representation(array.Element.Type) is not { } element)
            return null;
        if (BindExpression(syntax) is not BoundStringLiteral text)
            return null;
        IntegerType own = (IntegerType)((ArrayType)text.Type.Canonical).Element.Canonical;
        bool fits = own.Size == 1 ? element.Size == 1 && element.Kind != IntegerKind.Bool : ReferenceEquals(own, element);
        return fits ? text : null;
    }

    private void StoreString(InitializerState state, QualifiedType type, long offset, BoundStringLiteral text, SyntaxNode at, bool isRoot)
    {
        var array = (ArrayType)type.Canonical;
        long size = array.Element.Type.Size;
        long count = text.Bytes.Length / size;
        if (array.Length is { } length)
        {
            // The terminating zero may be cut off (C11 6.7.9p14); more is an error in waiting.
            if (count - 1 > length)
                Report(D.StringTooLong, at);
            if (count > length)
                text = text with { Type = new ArrayType(array.Element, length), Bytes = text.Bytes[..(int)(length * size)] };
        }
        else if (ReferenceEquals(array, state.Root))
        {
            state.RootLength = count;
        }
        else if (isRoot && state.IsStatic)
        {
            state.FlexibleEnd = Math.Max(state.FlexibleEnd, offset + (count * size));
        }
        else
        {
            Report(D.NestedFlexible, at);
            state.Failed = true;
            return;
        }
        Append(state, new BoundInitializerEntry(offset, null, type.Canonical is ArrayType { Length: null } ? text.Type : type, text), at);
    }
}
