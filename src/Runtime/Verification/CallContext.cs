// What the checks of a helper call's arguments find out, for the later ones and for the result.
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Runtime.Verification;

/// <summary>One call being checked. One object per analysis, reset for each call.</summary>
internal sealed class CallContext
{
    public HelperRow Helper = null!;

    /// <summary>The map argument, -1 without one, and which lookup it came from.</summary>
    public int Map;
    public uint MapLookup;

    /// <summary>The map key, when it is a constant; -1 otherwise.</summary>
    public long ConstantKey;

    /// <summary>The memory argument being checked need not be initialised.</summary>
    public bool IsRaw;

    /// <summary>Stack memory that the helper will fill: how much, and the register that points at it.</summary>
    public int RawSize, RawRegister;

    /// <summary>The register whose reference ends with the call; 0 for none.</summary>
    public int ReleaseRegister;

    /// <summary>The one reference among the arguments.</summary>
    public uint Reference;

    /// <summary>The callback.</summary>
    public int Function;

    /// <summary>Constant size of an allocation.</summary>
    public ulong MemorySize;

    /// <summary>Upper bound of the last size argument.</summary>
    public ulong LargestSize;

    public uint DynptrId;
    public MapField? KernelPointer;

    /// <summary>Type of the object a per-CPU pointer argument points at.</summary>
    public int TypeId;
    public byte Btf;

    public CallContext Begin(HelperRow helper)
    {
        Helper = helper;
        Map = -1;
        ConstantKey = -1;
        MapLookup = 0;
        IsRaw = false;
        RawSize = RawRegister = ReleaseRegister = Function = TypeId = 0;
        Reference = DynptrId = 0;
        MemorySize = LargestSize = 0;
        KernelPointer = null;
        Btf = 0;
        return this;
    }
}
