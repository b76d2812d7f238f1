// Longest-prefix matching: a path-compressed binary trie over the bits of the key (the structure of BSD routing tables;
// Sklower 1991). A key is a 32-bit prefix length and the data, most significant bit first. Inner nodes that join two
// prefixes hold no value of their own.
//
//            10/8                     a node's prefix is a prefix of all nodes below it;
//           /    \                    the next bit after it picks the child
//     10.1/16   10.128/9
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>BPF_MAP_TYPE_LPM_TRIE.</summary>
public sealed unsafe class LpmTrieMap(MapDefinition definition, IGuestAllocator allocator) : Map(definition, allocator)
{
    private sealed class Node
    {
        public required byte[] Data;
        public required int PrefixLength;

        /// <summary>Native memory of key and value, or null for a joining node.</summary>
        public byte* Entry;
        public Node? Zero, One;
    }

    private readonly Lock _lock = new();
    private readonly int _dataSize = definition.KeySize - 4;
    private readonly Dictionary<nint, Node> _entries = [];
    private Node? _root;
    private int _count;

    private nuint ValueOffset => Round8(Definition.KeySize);

    private static int CommonBits(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int limit)
    {
        int bits = 0;
        for (int i = 0; bits < limit; i++, bits += 8)
        {
            int difference = left[i] ^ right[i];
            if (difference != 0)
                return Math.Min(limit, bits + System.Numerics.BitOperations.LeadingZeroCount((uint)difference) - 24);
        }
        return limit;
    }

    private static bool Bit(ReadOnlySpan<byte> data, int bit) => (data[bit >> 3] >> (7 - (bit & 7)) & 1) != 0;

    private ReadOnlySpan<byte> Data(byte* key) => new(key + 4, _dataSize);

    public override byte* Lookup(byte* key)
    {
        if (*(uint*)key > (uint)_dataSize * 8)
            return null;
        int length = (int)*(uint*)key;
        ReadOnlySpan<byte> data = Data(key);
        byte* best = null;
        lock (_lock)
        {
            for (Node? node = _root; node is not null;)
            {
                if (node.PrefixLength > length || CommonBits(node.Data, data, node.PrefixLength) < node.PrefixLength)
                    break;
                if (node.Entry is not null)
                    best = node.Entry + ValueOffset;
                if (node.PrefixLength >= _dataSize * 8)
                    break;
                node = Bit(data, node.PrefixLength) ? node.One : node.Zero;
            }
        }
        return best;
    }

    public override int Update(byte* key, byte* value, UpdateMode mode)
    {
        if ((ulong)mode > (ulong)UpdateMode.Exist || *(uint*)key > (uint)_dataSize * 8)
            return -Errno.EINVAL;
        int length = (int)*(uint*)key;
        ReadOnlySpan<byte> data = Data(key);
        lock (_lock)
        {
            ref Node? place = ref Descend(data, length, out int common);
            bool exists = place is { Entry: not null } && place.PrefixLength == length && common == length;
            if (exists && mode == UpdateMode.NoExist)
                return -Errno.EEXIST;
            if (!exists && mode == UpdateMode.Exist)
                return -Errno.ENOENT;
            if (!exists && _count == Definition.MaxEntries)
                return -Errno.ENOSPC;

            byte* entry = Allocator.Allocate(ValueOffset + Round8(Definition.ValueSize));
            Buffer.MemoryCopy(key, entry, Definition.KeySize, Definition.KeySize);
            CopyValue(entry + ValueOffset, value);
            if (place is not null && place.PrefixLength == length && common == length)
            {
                if (place.Entry is not null)
                    Retire(place);
                place.Entry = entry;
                _entries[(nint)entry] = place;
                _count++;
                return 0;
            }
            var added = new Node { Data = data.ToArray(), PrefixLength = length, Entry = entry };
            _entries[(nint)entry] = added;
            _count++;
            if (place is null)
            {
                place = added;
            }
            else if (common == length)
            {
                Attach(added, place);
                place = added;
            }
            else
            {
                var join = new Node { Data = data.ToArray(), PrefixLength = common };
                Attach(join, place);
                Attach(join, added);
                place = join;
            }
            return 0;
        }
    }

    private static void Attach(Node parent, Node child)
    {
        if (Bit(child.Data, parent.PrefixLength))
            parent.One = child;
        else
            parent.Zero = child;
    }

    /// <summary>The link at which a prefix is or would be inserted, and how many bits it shares with the node there.</summary>
    private ref Node? Descend(ReadOnlySpan<byte> data, int length, out int common)
    {
        ref Node? place = ref _root;
        while (true)
        {
            if (place is null)
            {
                common = 0;
                return ref place;
            }
            common = CommonBits(place.Data, data, Math.Min(place.PrefixLength, length));
            if (common < place.PrefixLength || place.PrefixLength == length)
                return ref place;
            if (Bit(data, place.PrefixLength))
                place = ref place.One;
            else
                place = ref place.Zero;
        }
    }

    public override int Delete(byte* key)
    {
        if (*(uint*)key > (uint)_dataSize * 8)
            return -Errno.EINVAL;
        int length = (int)*(uint*)key;
        lock (_lock)
        {
            ref Node? place = ref Descend(Data(key), length, out int common);
            if (place is not { Entry: not null } || place.PrefixLength != length || common != length)
                return -Errno.ENOENT;
            Retire(place);
            place.Entry = null;
            Contract(ref place);
            // A joining node above that lost one of its two children is superfluous too.
            Tidy(ref _root);
            return 0;
        }
    }

    private void Retire(Node node)
    {
        _entries.Remove((nint)node.Entry);
        // Programs may still hold the value: its memory lives until the map goes.
        _retired.Add((nint)node.Entry);
        _count--;
    }

    private readonly List<nint> _retired = [];

    private static void Contract(ref Node? place)
    {
        if (place is { Entry: null } && (place.Zero is null || place.One is null))
            place = place.Zero ?? place.One;
    }

    private static void Tidy(ref Node? place)
    {
        if (place is null)
            return;
        if (place.Zero is not null)
            Tidy(ref place.Zero);
        if (place.One is not null)
            Tidy(ref place.One);
        Contract(ref place);
    }

    /// <summary>Order: by address, shorter prefixes after the longer ones below them, as the kernel's walk.</summary>
    public override int GetNextKey(byte* key, byte* next)
    {
        lock (_lock)
        {
            bool found = key is null;
            byte* result = null;
            if (key is not null && !Contains(key))
                found = true;
            Walk(_root, key, ref found, ref result);
            if (result is null)
                return -Errno.ENOENT;
            Buffer.MemoryCopy(result, next, Definition.KeySize, Definition.KeySize);
            return 0;
        }
    }

    private bool Contains(byte* key)
    {
        if (*(uint*)key > (uint)_dataSize * 8)
            return false;
        Node? place = Descend(Data(key), (int)*(uint*)key, out int common);
        return place is { Entry: not null } && place.PrefixLength == (int)*(uint*)key && common == place.PrefixLength;
    }

    private void Walk(Node? node, byte* key, ref bool found, ref byte* result)
    {
        if (node is null || result is not null)
            return;
        Walk(node.Zero, key, ref found, ref result);
        Walk(node.One, key, ref found, ref result);
        if (node.Entry is null || result is not null)
            return;
        if (found)
            result = node.Entry;
        else
            found = *(uint*)key == (uint)node.PrefixLength && CommonBits(node.Data, Data(key), node.PrefixLength) == node.PrefixLength;
    }

    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        lock (_lock)
        {
            length = Round8(Definition.ValueSize);
            foreach (nint entry in _entries.Keys)
            {
                start = (byte*)entry + ValueOffset;
                if (Inside(start, length, address, size))
                    return true;
            }
        }
        start = null;
        return false;
    }

    protected override void FreeValues()
    {
        foreach (nint entry in _entries.Keys)
            Allocator.Free((byte*)entry);
        foreach (nint entry in _retired)
            Allocator.Free((byte*)entry);
    }
}
