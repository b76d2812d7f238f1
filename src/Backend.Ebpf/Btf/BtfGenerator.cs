// Encodes the described C types of a module as BTF (the kernel's Documentation/bpf/btf.rst): functions, variables, one
// DATASEC for each data section, and everything they reach. The order is fixed by the module, so that equal modules give
// equal bytes: maps, functions, variables, sections by name.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Debug;

namespace Ebpfcc.Backend.Ebpf.Btf;

public sealed class BtfGenerator
{
    private readonly BtfBuilder _btf;
    private readonly TypeReach _reach = new();
    private readonly Dictionary<DebugType, int> _ids = new(ReferenceEqualityComparer.Instance);
    private readonly Queue<(DebugRecordType Record, int Id)> _open = new();
    private int _arrayIndex;

    internal BtfGenerator(BtfBuilder btf) => _btf = btf;

    /// <summary>Announces what the module will describe; must happen for all roots before the first number is asked for.</summary>
    internal void Announce(DebugType? type, bool isMap = false)
    {
        if (isMap)
            _reach.AddMap(type);
        else
            _reach.Add(type);
    }

    /// <summary>The number of a type; 0 for void.</summary>
    internal int IdOf(DebugType? type)
    {
        int id = Encode(type);
        while (_open.TryDequeue(out (DebugRecordType Record, int Id) item))
            FillMembers(item.Record, item.Id);
        return id;
    }

    internal int AddFunction(string name, DebugFunctionType? type, BtfLinkage linkage, IReadOnlyList<(string Tag, int ParameterIndex)> tags)
    {
        int prototype = type is null ? _btf.AddFunctionPrototype(0, []) : IdOf(type);
        int id = _btf.AddFunction(name, prototype, linkage);
        AddTags(id, tags);
        return id;
    }

    internal int AddVariable(GlobalVariable variable, BtfLinkage linkage)
    {
        int id = _btf.AddVariable(variable.Symbol, IdOf(variable.DebugType), linkage);
        AddTags(id, variable.DeclTags);
        return id;
    }

    private void AddTags(int id, IReadOnlyList<(string Tag, int ParameterIndex)> tags)
    {
        foreach ((string tag, int index) in tags)
            _btf.AddDeclTag(tag, id, index);
    }

    private int Encode(DebugType? type)
    {
        if (type is null)
            return 0;
        if (_ids.TryGetValue(type, out int known))
            return known;
        int id = type switch
        {
            DebugBaseType { Encoding: DebugEncoding.Float } number => _btf.AddFloat(number.Name, number.Size),
            DebugBaseType number => _btf.AddInt(number.Name, number.Size, Encoding(number.Encoding)),
            DebugPointerType pointer => _btf.AddPointer(Encode(pointer.Pointee)),
            DebugQualifiedType { Kind: DebugQualifierKind.Const } qualified => _btf.AddConst(Encode(qualified.Type)),
            DebugQualifiedType { Kind: DebugQualifierKind.Volatile } qualified => _btf.AddVolatile(Encode(qualified.Type)),
            DebugQualifiedType qualified => _btf.AddRestrict(Encode(qualified.Type)),
            DebugTypeTag tag => _btf.AddTypeTag(tag.Tag, Encode(tag.Type)),
            DebugTypedef name => _btf.AddTypedef(name.Name, Encode(name.Type)),
            DebugArrayType array => _btf.AddArray(Encode(array.Element), ArrayIndex, (uint)Math.Clamp(array.Count, 0, uint.MaxValue)),
            DebugEnumType choice => EncodeEnum(choice),
            DebugFunctionType function => EncodePrototype(function),
            DebugRecordType record => EncodeRecord(record),
            _ => throw new InternalCompilerException("BTF generation", null, $"no encoding for {type.GetType().Name}"),
        };
        _ids[type] = id;
        if (type is not DebugRecordType)
        {
            foreach (string tag in type.DeclTags)
                _btf.AddDeclTag(tag, id, -1);
        }
        return id;
    }

    private static BtfIntEncoding Encoding(DebugEncoding encoding) => encoding switch
    {
        DebugEncoding.Signed or DebugEncoding.Char or DebugEncoding.SignedChar => BtfIntEncoding.Signed,
        DebugEncoding.Bool => BtfIntEncoding.Bool,
        _ => BtfIntEncoding.None,
    };

    private int ArrayIndex => _arrayIndex != 0 ? _arrayIndex : _arrayIndex = _btf.AddInt("__ARRAY_SIZE_TYPE__", 4, BtfIntEncoding.None);

    private int EncodeEnum(DebugEnumType choice)
    {
        // The record has sixteen bits for their number.
        int count = Math.Min(choice.Enumerators.Count, ushort.MaxValue);
        var enumerators = new BtfEnumerator[count];
        for (int i = 0; i < count; i++)
            enumerators[i] = new BtfEnumerator(_btf.AddString(choice.Enumerators[i].Name), choice.Enumerators[i].Value);
        return _btf.AddEnum(choice.Name ?? "", choice.Size == 0 ? 4 : choice.Size, choice.IsSigned, enumerators);
    }

    private int EncodePrototype(DebugFunctionType function)
    {
        int returns = Encode(function.ReturnType);
        int count = function.Parameters.Count;
        var parameters = new BtfParameter[count + (function.IsVariadic ? 1 : 0)];
        for (int i = 0; i < count; i++)
        {
            int type = Encode(function.Parameters[i].Type);
            parameters[i] = new BtfParameter(_btf.AddString(function.Parameters[i].Name), type);
        }
        return _btf.AddFunctionPrototype(returns, parameters);
    }

    private int EncodeRecord(DebugRecordType record)
    {
        if (record.IsForward || (!_reach.IsComplete(record) && record.Name is { Length: > 0 }))
            return _btf.AddForward(record.Name ?? "", record.IsUnion);
        int id = _btf.ReserveStruct(record.Name ?? "", record.IsUnion, (uint)record.Size);
        _open.Enqueue((record, id));
        return id;
    }

    private void FillMembers(DebugRecordType record, int id)
    {
        int count = Math.Min(record.Members.Count, ushort.MaxValue);
        var members = new BtfMember[count];
        for (int i = 0; i < count; i++)
        {
            DebugMember member = record.Members[i];
            int type = Encode(member.Type);
            members[i] = new BtfMember(_btf.AddString(member.Name ?? ""), type, (uint)member.BitOffset, (uint)member.BitSize);
        }
        if (count > 0)
            _btf.SetMembers(id, members);
        foreach (string tag in record.DeclTags)
            _btf.AddDeclTag(tag, id, -1);
        for (int i = 0; i < count; i++)
        {
            foreach (string tag in record.Members[i].DeclTags)
                _btf.AddDeclTag(tag, id, i);
        }
    }
}
