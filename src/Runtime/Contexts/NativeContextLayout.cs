// How a program's context lies in memory here. Programs are compiled against the UAPI structure, in which packet pointers
// are 32-bit fields that the kernel's verifier rewrites into loads of real pointers. We do the same with a layout that keeps
// every rewrite one for one:
//
//   0 .................. N-1   the UAPI structure itself, byte for byte (scalars are read and written in place)
//   N (rounded up to 8) ....   shadow area: the 64-bit pointer of the 32-bit UAPI field at offset o lies at Shadow + 2*o
//
// A verified load  "r = *(u32 *)(ctx + o)"  of a pointer field becomes  "r = *(u64 *)(ctx + Shadow + 2*o)".
namespace Ebpfcc.Runtime.Contexts;

public static class NativeContextLayout
{
    /// <summary>Offset of the shadow area for a UAPI structure of <paramref name="uapiSize"/> bytes.</summary>
    public static int ShadowStart(int uapiSize) => (uapiSize + 7) & ~7;

    /// <summary>Where the full pointer of the 32-bit field at <paramref name="uapiOffset"/> lies.</summary>
    public static int ShadowOffset(int uapiSize, int uapiOffset) => ShadowStart(uapiSize) + 2 * uapiOffset;

    /// <summary>Bytes of the whole native context.</summary>
    public static int TotalSize(int uapiSize) => ShadowStart(uapiSize) * 3;
}
