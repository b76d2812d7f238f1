// An object loaded into the running kernel by libbpf, for test runs only: nothing is attached or pinned, and everything goes
// with the last descriptor.
using System.Runtime.InteropServices;
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.TestRun;

namespace Ebpfcc.Runtime.Kernel;

/// <summary>The kernel refused something.</summary>
public sealed class KernelRefusalException(string message) : Exception(message);

/// <summary>A loaded object. Programs other than those asked for are not loaded.</summary>
public sealed unsafe class KernelObject : IDisposable
{
    private const int MaxOutput = 1 << 17;

    private nint _object;

    private KernelObject(nint loaded) => _object = loaded;

    /// <summary>Null when objects can be loaded here (libbpf, permission), otherwise why not.</summary>
    public static string? WhyUnavailable => LibBpf.WhyMissing();

    /// <summary>Loads the programs with these names (all of them when empty).</summary>
    /// <exception cref="KernelRefusalException">The object is malformed or the verifier refuses a program.</exception>
    public static KernelObject Load(ReadOnlySpan<byte> image, IReadOnlyCollection<string> programs)
    {
        LibBpf.SetPrint(0);
        fixed (byte* bytes = image)
        {
            nint loaded = LibBpf.OpenMemory(bytes, (nuint)image.Length, null);
            if (loaded == 0)
                throw new KernelRefusalException("libbpf cannot open the object");
            var result = new KernelObject(loaded);
            // Maps that ask to be pinned by name would outlive the run.
            for (nint map = LibBpf.NextMap(loaded, 0); map != 0; map = LibBpf.NextMap(loaded, map))
                LibBpf.SetPinPath(map, 0);
            if (programs.Count > 0)
            {
                for (nint program = LibBpf.NextProgram(loaded, 0); program != 0; program = LibBpf.NextProgram(loaded, program))
                    LibBpf.SetAutoload(program, false);
                foreach (string name in programs)
                {
                    nint program = LibBpf.FindProgram(loaded, name);
                    if (program != 0)
                        LibBpf.SetAutoload(program, true);
                }
            }
            int error = LibBpf.Load(loaded);
            if (error == 0)
                return result;
            result.Dispose();
            throw new KernelRefusalException($"the kernel refuses the object (error {-error})");
        }
    }

    /// <summary>BPF_PROG_TEST_RUN.</summary>
    public TestRunResult Run(string program, TestRunInput input)
    {
        nint found = LibBpf.FindProgram(_object, program);
        if (found == 0)
            throw new KernelRefusalException($"the kernel has no program '{program}'");
        byte[] output = new byte[Math.Max(MaxOutput, input.Data.Length + 512)];
        // Programs of the bpf system call get the caller's own context, and run once.
        bool isSyscall = LibBpf.ProgramType(found) == (int)Ebpf.Abi.ProgramType.Syscall;
        byte[]? context = isSyscall ? (byte[]?)input.Context?.Clone() : input.Context;
        byte[] contextOut = new byte[context is null || isSyscall ? 0 : Math.Max(context.Length, SkBuffFields.Size)];
        fixed (byte* dataIn = input.Data, dataOut = output, ctxIn = context, ctxOut = contextOut)
        {
            var options = new LibBpf.TestRunOptions
            {
                Size = (nuint)sizeof(LibBpf.TestRunOptions),
                DataIn = dataIn, DataSizeIn = (uint)input.Data.Length,
                CtxIn = ctxIn, CtxSizeIn = (uint)(input.Context?.Length ?? 0), CtxOut = contextOut.Length > 0 ? ctxOut : null, CtxSizeOut = (uint)contextOut.Length,
                Repeat = isSyscall ? 0 : input.Repeat,
            };
            if (input.Data.Length > 0)
            {
                options.DataOut = dataOut;
                options.DataSizeOut = (uint)output.Length;
            }
            int error = LibBpf.TestRun(LibBpf.ProgramDescriptor(found), &options);
            return error < 0
                ? TestRunResult.Refused(-error)
                : new TestRunResult(0, options.ReturnValue, output[..(int)options.DataSizeOut], isSyscall ? context ?? [] : contextOut[..(int)options.CtxSizeOut], options.Duration, 0);
        }
    }

    /// <summary>The instructions that libbpf gave the kernel: relocated, with the program's subprograms behind it. Maps appear as descriptors.</summary>
    public Ebpf.Isa.EbpfInstruction[] Instructions(string program)
    {
        nint found = LibBpf.FindProgram(_object, program);
        return found == 0 ? [] : new ReadOnlySpan<Ebpf.Isa.EbpfInstruction>(LibBpf.Instructions(found), (int)LibBpf.InstructionCount(found)).ToArray();
    }

    /// <summary>Kernel descriptor of a map; -1 when there is none. Global data maps carry the object's name before the section's.</summary>
    private int Descriptor(string name)
    {
        for (nint map = LibBpf.NextMap(_object, 0); map != 0; map = LibBpf.NextMap(_object, map))
        {
            string candidate = Marshal.PtrToStringUTF8(LibBpf.MapName(map)) ?? "";
            if (candidate == name || name.StartsWith('.') && candidate.EndsWith(name, StringComparison.Ordinal))
                return LibBpf.MapDescriptor(map);
        }
        return -1;
    }

    /// <summary>Writes one entry; a negative errno when the kernel refuses.</summary>
    public int Update(string map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        fixed (byte* keyAddress = key, valueAddress = value)
            return LibBpf.MapUpdate(Descriptor(map), keyAddress, valueAddress, 0);
    }

    /// <summary>All entries of a map, as user space reads them.</summary>
    public List<(byte[] Key, byte[] Value)> Entries(string map, int keySize, int valueSize)
    {
        var entries = new List<(byte[], byte[])>();
        int descriptor = Descriptor(map);
        byte[]? last = null;
        while (descriptor >= 0)
        {
            byte[] next = new byte[keySize], value = new byte[valueSize];
            fixed (byte* lastAddress = last, nextAddress = next, valueAddress = value)
            {
                if (LibBpf.MapNextKey(descriptor, lastAddress, nextAddress) != 0)
                    break;
                if (LibBpf.MapLookup(descriptor, nextAddress, valueAddress) == 0)
                    entries.Add((next, value));
            }
            last = next;
        }
        return entries;
    }

    public void Dispose()
    {
        if (_object != 0)
            LibBpf.Close(_object);
        _object = 0;
        GC.SuppressFinalize(this);
    }
}
