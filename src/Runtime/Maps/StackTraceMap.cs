// BPF_MAP_TYPE_STACK_TRACE: stacks by the hash of their addresses (kernel/bpf/stackmap.c describes the behaviour). Where stacks come
// from is the caller's affair: a host or an event file supplies them with the run.
using System.Numerics;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>A table of call stacks.</summary>
public sealed unsafe class StackTraceMap(MapDefinition definition, IGuestAllocator allocator) : Map(definition, allocator)
{
    private const ulong SkipMask = 0xff, FastCompare = 1 << 9, Reuse = 1 << 10;

    private readonly ulong[]?[] _buckets = new ulong[]?[BitOperations.RoundUpToPowerOf2((uint)definition.MaxEntries)];
    private readonly Lock _lock = new();

    private int MaxDepth => Definition.ValueSize / 8;

    /// <summary>The kernel's bpf_get_stackid: the id of a stack, stored when it is new.</summary>
    /// <param name="stack">Addresses, the innermost first; empty when there is no stack.</param>
    /// <param name="flags">Frames to skip in the low byte, and how to treat collisions.</param>
    public int Add(ReadOnlySpan<ulong> stack, ulong flags)
    {
        int skip = (int)(flags & SkipMask);
        if (stack.Length <= skip)
            return -Errno.EFAULT;
        stack = stack[skip..Math.Min(stack.Length, skip + MaxDepth)];
        uint hash = 0x811c9dc5;
        foreach (ulong address in stack)
            hash = (hash ^ (uint)address ^ (uint)(address >> 32)) * 16777619;
        int id = (int)(hash & (uint)(_buckets.Length - 1));
        lock (_lock)
        {
            if (_buckets[id] is { } old)
            {
                if ((flags & FastCompare) != 0 && old.Length == stack.Length || old.AsSpan().SequenceEqual(stack))
                    return id;
                if ((flags & Reuse) == 0)
                    return -Errno.EEXIST;
            }
            _buckets[id] = stack.ToArray();
        }
        return id;
    }

    public override byte* Lookup(byte* key) => null;

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        uint id = BitConverter.ToUInt32(key);
        if (id >= (uint)_buckets.Length || Volatile.Read(ref _buckets[id]) is not { } stack)
            return -Errno.ENOENT;
        value = value[..Definition.ValueSize];
        value.Clear();
        System.Runtime.InteropServices.MemoryMarshal.AsBytes<ulong>(stack).CopyTo(value);
        return 0;
    }

    public override int Update(byte* key, byte* value, UpdateMode mode) => -Errno.EINVAL;

    public override int Delete(byte* key)
    {
        if (*(uint*)key >= (uint)_buckets.Length)
            return -Errno.E2BIG;
        return Interlocked.Exchange(ref _buckets[*(uint*)key], null) is null ? -Errno.ENOENT : 0;
    }

    public override int GetNextKey(byte* key, byte* next)
    {
        uint id = key is null ? 0 : *(uint*)key < (uint)_buckets.Length && _buckets[*(uint*)key] is not null ? *(uint*)key + 1 : 0;
        while (id < (uint)_buckets.Length && _buckets[id] is null)
            id++;
        if (id >= (uint)_buckets.Length)
            return -Errno.ENOENT;
        *(uint*)next = id;
        return 0;
    }

    protected override void FreeValues() => Array.Clear(_buckets);
}
