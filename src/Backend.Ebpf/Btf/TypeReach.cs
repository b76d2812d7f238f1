// Which structures must be described in full. Following every pointer would pull in most of a kernel header, so, as clang
// does, a pointer inside a structure to a named structure is not followed; that structure is described in full only when
// something else reaches it, and else becomes a forward declaration, which loaders resolve by name.
using Ebpfcc.Ir.Debug;

namespace Ebpfcc.Backend.Ebpf.Btf;

internal sealed class TypeReach
{
    /// <summary>How a type is looked at: from outside, as a member, or as a member behind a pointer.</summary>
    private enum View : byte { Full, Member, BehindPointer }

    private readonly HashSet<(DebugType, View)> _seen = [];
    private readonly Stack<(DebugType, View)> _pending = new();

    /// <summary>Structures and unions whose members are needed.</summary>
    private readonly HashSet<DebugRecordType> _complete = [];

    public bool IsComplete(DebugRecordType record) => _complete.Contains(record);

    public void Add(DebugType? type)
    {
        Visit(type, View.Full);
        Drain();
    }

    /// <summary>A map definition: what its members point to are the key and value types, needed in full.</summary>
    public void AddMap(DebugType? type)
    {
        while (true)
        {
            switch (type)
            {
                case DebugArrayType array: type = array.Element; continue;
                case DebugTypedef name: type = name.Type; continue;
                case DebugQualifiedType qualified: type = qualified.Type; continue;
            }
            break;
        }
        if (type is DebugRecordType { IsForward: false } record && _complete.Add(record))
        {
            foreach (DebugMember member in record.Members)
            {
                if (member.Type is DebugRecordType)
                    AddMap(member.Type);
                else
                    Add(member.Type);
            }
        }
        Add(type);
    }

    private void Visit(DebugType? type, View view)
    {
        if (type is not null && _seen.Add((type, view)))
            _pending.Push((type, view));
    }

    private void Drain()
    {
        while (_pending.TryPop(out (DebugType Type, View View) item))
        {
            switch (item.Type)
            {
                case DebugPointerType pointer:
                    Follow(pointer.Pointee, item.View == View.Full ? View.Full : View.BehindPointer);
                    break;
                case DebugQualifiedType qualified:
                    Follow(qualified.Type, item.View);
                    break;
                case DebugTypedef name:
                    Follow(name.Type, item.View);
                    break;
                case DebugTypeTag tag:
                    Follow(tag.Type, item.View);
                    break;
                case DebugArrayType array:
                    Visit(array.Element, View.Full);
                    break;
                case DebugFunctionType function:
                    Visit(function.ReturnType, View.Full);
                    foreach (DebugParameter parameter in function.Parameters)
                        Visit(parameter.Type, View.Full);
                    break;
                case DebugRecordType { IsForward: false } record when _complete.Add(record):
                    foreach (DebugMember member in record.Members)
                        Visit(member.Type, View.Member);
                    break;
            }
        }
    }

    private void Follow(DebugType? type, View view)
    {
        if (view == View.BehindPointer && type is DebugRecordType { Name.Length: > 0 })
            return;
        Visit(type, view);
    }
}
