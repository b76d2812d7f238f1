// bpf(2) of the running kernel, for map commands: what our own commands are compared with. Nothing is attached or pinned.
using System.Runtime.InteropServices;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Tests.Syscall;

/// <summary>Results are descriptors and counts, or negative error numbers.</summary>
internal sealed unsafe class KernelBpf : IDisposable
{
    private const long SysBpf = 321; // x86-64

    private readonly List<int> _open = [];

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static extern long SysCall(long number, long command, void* attributes, long size);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int CloseDescriptor(int descriptor);

    private static int Call(int command, byte* attributes, int size)
    {
        long result = SysCall(SysBpf, command, attributes, size);
        return result < 0 ? -Marshal.GetLastPInvokeError() : (int)result;
    }

    public static int PossibleCpus { get; } = File.Exists("/sys/devices/system/cpu/possible")
        ? int.Parse(File.ReadAllText("/sys/devices/system/cpu/possible").Trim().Split('-', ',')[^1]) + 1 : Environment.ProcessorCount;

    public int MapCreate(MapDefinition definition, int inner = 0)
    {
        byte* a = stackalloc byte[72];
        new Span<byte>(a, 72).Clear();
        *(int*)a = definition.Type;
        *(int*)(a + 4) = definition.KeySize;
        *(int*)(a + 8) = definition.ValueSize;
        *(int*)(a + 12) = definition.MaxEntries;
        *(uint*)(a + 16) = definition.Flags;
        *(int*)(a + 20) = inner;
        for (int i = 0; i < Math.Min(definition.Name.Length, 15); i++)
            a[28 + i] = (byte)definition.Name[i];
        *(ulong*)(a + 64) = definition.MapExtra;
        int result = Call(0, a, 72);
        if (result >= 0)
            _open.Add(result);
        return result;
    }

    private static int Element(int command, int map, byte[]? key, byte[]? value, ulong flags)
    {
        byte* a = stackalloc byte[32];
        new Span<byte>(a, 32).Clear();
        fixed (byte* k = key, v = value)
        {
            *(int*)a = map;
            *(ulong*)(a + 8) = (ulong)k;
            *(ulong*)(a + 16) = (ulong)v;
            *(ulong*)(a + 24) = flags;
            return Call(command, a, 32);
        }
    }

    public int MapLookup(int map, byte[] key, byte[] value, ulong flags) => Element(1, map, key, value, flags);

    public int MapUpdate(int map, byte[] key, byte[] value, ulong flags) => Element(2, map, key, value, flags);

    public int MapDelete(int map, byte[] key) => Element(3, map, key, null, 0);

    public int MapNextKey(int map, byte[]? key, byte[] next) => Element(4, map, key, next, 0);

    public int MapLookupAndDelete(int map, byte[] key, byte[] value, ulong flags) => Element(21, map, key, value, flags);

    public int MapFreeze(int map) => Element(22, map, null, null, 0);

    /// <summary>24: lookup, 25: lookup and delete, 26: update, 27: delete.</summary>
    public int Batch(int command, int map, byte[]? position, byte[]? next, byte[] keys, byte[]? values, ref int count, ulong elementFlags, ulong flags = 0)
    {
        byte* a = stackalloc byte[56];
        new Span<byte>(a, 56).Clear();
        fixed (byte* p = position, n = next, k = keys, v = values)
        {
            *(ulong*)a = (ulong)p;
            *(ulong*)(a + 8) = (ulong)n;
            *(ulong*)(a + 16) = (ulong)k;
            *(ulong*)(a + 24) = (ulong)v;
            *(int*)(a + 32) = count;
            *(int*)(a + 36) = map;
            *(ulong*)(a + 40) = elementFlags;
            *(ulong*)(a + 48) = flags;
            int result = Call(command, a, 56);
            count = *(int*)(a + 32);
            return result;
        }
    }

    public int ProgramLoad(Ebpf.Abi.ProgramType type, Ebpf.Isa.EbpfInstruction[] code, string license)
    {
        byte* a = stackalloc byte[128];
        new Span<byte>(a, 128).Clear();
        byte[] text = [.. System.Text.Encoding.ASCII.GetBytes(license), 0];
        fixed (Ebpf.Isa.EbpfInstruction* c = code)
        fixed (byte* l = text)
        {
            *(int*)a = (int)type;
            *(int*)(a + 4) = code.Length;
            *(ulong*)(a + 8) = (ulong)c;
            *(ulong*)(a + 16) = (ulong)l;
            int result = Call(5, a, 128);
            if (result >= 0)
                _open.Add(result);
            return result;
        }
    }

    public void Close(int descriptor)
    {
        if (_open.Remove(descriptor))
            _ = CloseDescriptor(descriptor);
    }

    public void Dispose()
    {
        foreach (int descriptor in _open)
            _ = CloseDescriptor(descriptor);
        _open.Clear();
    }
}
