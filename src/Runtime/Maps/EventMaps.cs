// The map through which programs send records to perf events.
using System.Collections.Concurrent;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>One record that a program sent.</summary>
public readonly record struct EventRecord(int Cpu, byte[] Data);

/// <summary>
/// BPF_MAP_TYPE_PERF_EVENT_ARRAY. A slot takes records once user space has opened it, as in the kernel, where it holds a perf
/// event's descriptor; records are collected in order.
/// </summary>
public sealed unsafe class PerfEventArrayMap(MapDefinition definition, IGuestAllocator allocator) : Map(definition, allocator)
{
    private readonly bool[] _open = new bool[Math.Max(definition.MaxEntries, 0)];

    /// <summary>The collected records.</summary>
    public ConcurrentQueue<EventRecord> Records { get; } = new();

    /// <summary>Opens all slots: from now on records are collected.</summary>
    public void OpenAll() => Array.Fill(_open, true);

    /// <summary>The kernel's bpf_perf_event_output for a slot.</summary>
    public int Output(uint index, ReadOnlySpan<byte> data)
    {
        int cpu = GuestCpu.Current;
        if (index == uint.MaxValue)
            index = (uint)cpu;
        if (index >= (uint)_open.Length)
            return -Errno.E2BIG;
        if (!_open[index])
            return -Errno.ENOENT;
        if (index != (uint)cpu)
            return -Errno.EOPNOTSUPP;
        Records.Enqueue(new EventRecord(cpu, data.ToArray()));
        return 0;
    }

    public override byte* Lookup(byte* key) => null;

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value) => -Errno.ENOTSUPP;

    public override int Update(byte* key, byte* value, UpdateMode mode) => -Errno.EINVAL;

    public override int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode)
    {
        uint index = BitConverter.ToUInt32(key);
        if (index >= (uint)_open.Length)
            return -Errno.E2BIG;
        _open[index] = true;
        return 0;
    }

    public override int Delete(byte* key)
    {
        if (*(uint*)key >= (uint)_open.Length)
            return -Errno.E2BIG;
        bool was = _open[*(uint*)key];
        _open[*(uint*)key] = false;
        return was ? 0 : -Errno.ENOENT;
    }

    public override int GetNextKey(byte* key, byte* next) => ArrayKeys.Next(Definition.MaxEntries, key, next);

    protected override void FreeValues() => Records.Clear();
}
