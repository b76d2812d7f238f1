// Memory that two processes see at the same address below 4 GiB: a nameless file, mapped at one of a few fixed places by
// this process and by the emulated 32-bit one. A pointer means the same in both, so maps, contexts and packets are simply shared.
//
//   Base             control block (Arm32Host), then the stack
//   + ControlBytes   code; freed code is handed out again only after the emulated process was replaced, because emulators
//                    cache translations
//   + CodeBytes      heap: blocks of powers of two with a header, freed blocks kept in lists by size
using System.Numerics;
using System.Runtime.InteropServices;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Jit.Memory;

public sealed unsafe partial class GuestArena : IGuestAllocator, IDisposable
{
    public const uint ControlBytes = 0x1_0000;
    public const uint StackBytes = 0x10_0000;
    public const uint CodeBytes = 0x400_0000;
    public const uint TotalBytes = 0x1000_0000;

    /// <summary>
    /// One for each arena that can live in a process; emulators put the guest's own stack and mappings at 0x40000000. All are at least
    /// 1 GiB away from both ends of the 32-bit address space: verified programs move pointers by less than that.
    /// </summary>
    private static readonly uint[] s_places = [0x5000_0000, 0x6000_0000, 0x7000_0000, 0x8000_0000, 0x9000_0000];

    private readonly object _lock = new();
    private readonly uint[] _free = new uint[33];
    private uint _heapNext, _codeNext;
    private bool _isDisposed;

    private readonly AnonymousFile _file;

    private GuestArena(AnonymousFile file, uint place)
    {
        (_file, Base) = (file, place);
        _codeNext = place + ControlBytes + StackBytes;
        _heapNext = _codeNext + CodeBytes;
    }

    /// <summary>The first address.</summary>
    public uint Base { get; }

    /// <summary>Where the emulated process opens the file behind the memory.</summary>
    public string Path => _file.Path;

    public uint StackTop => Base + ControlBytes + StackBytes;

    /// <summary>Creates the file and maps it; null with a reason where the system has no shared memory or every place is taken.</summary>
    public static GuestArena? TryCreate(out string? whyNot)
    {
        whyNot = null;
        if (!OperatingSystem.IsLinux() || sizeof(nint) != 8)
        {
            whyNot = "shared guest memory needs 64-bit Linux";
            return null;
        }
        AnonymousFile? file = null;
        try
        {
            file = AnonymousFile.Create("ebpfcc-arena", TotalBytes);
            const int ReadWrite = 3, SharedFixedNoReplace = 0x100001;
            foreach (uint place in s_places)
            {
                nint address = Mmap((nint)place, (nuint)TotalBytes, ReadWrite, SharedFixedNoReplace, file.Descriptor, 0);
                if (address == (nint)place)
                    return new GuestArena(file, place);
                if (address > 0)
                    Munmap(address, TotalBytes);
            }
            whyNot = "no place below 4 GiB is free in this process";
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            whyNot = $"no shared memory: {problem.Message}";
        }
        file?.Dispose();
        return null;
    }

    public bool Contains(nint address, long bytes) => address >= (nint)Base && address + bytes <= (nint)Base + (nint)TotalBytes;

    private readonly List<(uint Address, uint Bytes)> _freedCode = [], _reusableCode = [];

    /// <summary>A place for code, aligned to 16 bytes; 0 when there is no room left.</summary>
    public uint TryAllocateCode(int bytes)
    {
        uint need = CodeRoom(bytes);
        lock (_lock)
        {
            for (int i = 0; i < _reusableCode.Count; i++)
            {
                (uint address, uint room) = _reusableCode[i];
                if (room < need)
                    continue;
                if (room == need)
                    _reusableCode.RemoveAt(i);
                else
                    _reusableCode[i] = (address + need, room - need);
                return address;
            }
            if (_codeNext + (ulong)need > Base + ControlBytes + StackBytes + CodeBytes)
                return 0;
            uint next = _codeNext;
            _codeNext += need;
            return next;
        }
    }

    private static uint CodeRoom(int bytes) => ((uint)bytes + 15) & ~15u;

    public void FreeCode(uint address, int bytes)
    {
        lock (_lock)
            _freedCode.Add((address, CodeRoom(bytes)));
    }

    /// <summary>Makes freed code available: no emulator has it in its cache any more. False when nothing was freed.</summary>
    public bool TryReclaimCode()
    {
        lock (_lock)
        {
            if (_freedCode.Count == 0)
                return false;
            _reusableCode.AddRange(_freedCode);
            _freedCode.Clear();
            _reusableCode.Sort();
            // Neighbours become one.
            int last = 0;
            for (int i = 1; i < _reusableCode.Count; i++)
            {
                (uint address, uint room) = _reusableCode[last];
                if (address + room == _reusableCode[i].Address)
                    _reusableCode[last] = (address, room + _reusableCode[i].Bytes);
                else
                    _reusableCode[++last] = _reusableCode[i];
            }
            _reusableCode.RemoveRange(last + 1, _reusableCode.Count - last - 1);
            return true;
        }
    }

    public byte* Allocate(nuint bytes, nuint alignment = 8)
    {
        // The header in front of a block keeps its size class; big alignments get a block that certainly contains an aligned place.
        nuint need = bytes + 16 + (alignment > 16 ? alignment : 0);
        int sizeClass = Math.Max(5, 64 - BitOperations.LeadingZeroCount((ulong)need - 1));
        uint block;
        lock (_lock)
        {
            if (sizeClass > 30)
                throw new OutOfMemoryException($"The arena has no {bytes} bytes.");
            block = _free[sizeClass];
            if (block != 0)
            {
                _free[sizeClass] = *(uint*)block;
            }
            else
            {
                block = _heapNext;
                if ((ulong)block + (1UL << sizeClass) > Base + (ulong)TotalBytes)
                    throw new OutOfMemoryException($"The arena has no {bytes} bytes left.");
                _heapNext += 1u << sizeClass;
            }
        }
        nuint address = ((nuint)block + 16 + alignment - 1) & ~(alignment - 1);
        NativeMemory.Clear((void*)block, (nuint)1 << sizeClass);
        *((uint*)address - 1) = block;
        *((uint*)address - 2) = (uint)sizeClass;
        return (byte*)address;
    }

    public void Free(byte* address)
    {
        if (address is null)
            return;
        lock (_lock)
        {
            if (_isDisposed)
                return;
            uint block = *((uint*)address - 1), sizeClass = *((uint*)address - 2);
            *(uint*)block = _free[sizeClass];
            _free[sizeClass] = block;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
        }
        Munmap((nint)Base, TotalBytes);
        _file.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Munmap(nint address, nuint length);
}
