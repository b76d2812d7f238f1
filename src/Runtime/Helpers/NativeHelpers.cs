// Entries through which machine code calls helpers: the same functions in the platform's C calling convention. Helpers report
// errors by their results and throw nothing.
using System.Runtime.InteropServices;

namespace Ebpfcc.Runtime.Helpers;

internal static class NativeHelpers
{
    [UnmanagedCallersOnly]
    public static ulong MapLookup(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.MapLookup(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong MapUpdate(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.MapUpdate(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong MapDelete(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.MapDelete(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong MapLookupPerCpu(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.MapLookupPerCpu(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong MapPush(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.MapPush(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong MapPop(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.MapPop(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong MapPeek(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.MapPeek(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong GetLocalStorage(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.GetLocalStorage(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong TailCall(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.TailCall(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong PerfEventOutput(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.PerfEventOutput(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong RingbufOutput(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.RingbufOutput(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong RingbufReserve(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.RingbufReserve(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong RingbufSubmit(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.RingbufSubmit(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong RingbufDiscard(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.RingbufDiscard(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong RingbufQuery(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.RingbufQuery(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SpinLock(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SpinLock(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SpinUnlock(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SpinUnlock(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong KptrExchange(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.KptrExchange(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong Loop(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.Loop(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong ForEachMapElement(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.ForEachMapElement(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong KtimeGetNs(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.KtimeGetNs(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong KtimeGetTai(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.KtimeGetTai(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong Jiffies(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.Jiffies(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong PrandomU32(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.PrandomU32(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SmpProcessorId(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SmpProcessorId(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong Zero(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.Zero(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong CurrentPidTgid(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.CurrentPidTgid(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong CurrentUidGid(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.CurrentUidGid(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong CurrentComm(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.CurrentComm(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong AttachCookie(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.AttachCookie(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong FunctionIp(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.FunctionIp(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong ProbeRead(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.ProbeRead(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong ProbeReadString(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.ProbeReadString(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong ProbeWriteUser(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.ProbeWriteUser(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong NotPermitted(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.NotPermitted(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong Strtol(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.Strtol(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong Strtoul(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.Strtoul(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong Strncmp(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.Strncmp(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong TracePrintk(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.TracePrintk(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong TraceVprintk(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.TraceVprintk(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong Snprintf(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.Snprintf(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbLoadBytes(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbLoadBytes(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbLoadBytesRelative(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbLoadBytesRelative(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbStoreBytes(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbStoreBytes(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbPullData(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbPullData(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong L3CsumReplace(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.L3CsumReplace(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong L4CsumReplace(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.L4CsumReplace(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong CsumDiff(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.CsumDiff(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong CsumUpdate(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.CsumUpdate(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong CsumLevel(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.CsumLevel(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbVlanPush(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbVlanPush(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbVlanPop(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbVlanPop(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbChangeProto(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbChangeProto(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbChangeType(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbChangeType(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbChangeHead(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbChangeHead(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbChangeTail(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbChangeTail(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbAdjustRoom(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbAdjustRoom(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SkbEcnSetCe(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SkbEcnSetCe(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong GetHashRecalc(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.GetHashRecalc(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SetHashInvalid(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SetHashInvalid(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SetHash(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SetHash(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong GetXfrmState(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.GetXfrmState(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong GetTunnelKey(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.GetTunnelKey(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SetTunnelKey(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SetTunnelKey(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong GetTunnelOption(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.GetTunnelOption(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SetTunnelOption(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SetTunnelOption(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SocketCookie(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SocketCookie(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong XdpAdjustHead(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.XdpAdjustHead(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong XdpAdjustTail(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.XdpAdjustTail(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong XdpAdjustMeta(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.XdpAdjustMeta(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong XdpBufferLength(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.XdpBufferLength(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong XdpLoadBytes(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.XdpLoadBytes(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong XdpStoreBytes(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.XdpStoreBytes(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong Redirect(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.Redirect(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong RedirectNeighbour(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.RedirectNeighbour(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong RedirectPeer(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.RedirectPeer(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong RedirectMap(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.RedirectMap(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong CloneRedirect(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.CloneRedirect(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong FibLookup(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.FibLookup(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong CheckMtu(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.CheckMtu(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong NoSocket(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.NoSocket(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SetTstamp(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SetTstamp(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong First(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.First(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong DynptrFromMemory(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.DynptrFromMemory(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong DynptrRead(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.DynptrRead(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong DynptrWrite(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.DynptrWrite(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong DynptrData(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.DynptrData(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong RingbufReserveDynptr(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.RingbufReserveDynptr(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong RingbufSubmitDynptr(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.RingbufSubmitDynptr(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong RingbufDiscardDynptr(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.RingbufDiscardDynptr(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong StorageGet(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.StorageGet(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong StorageDelete(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.StorageDelete(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong CurrentTaskObject(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.CurrentTaskObject(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong StackId(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.StackId(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong GetStack(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.GetStack(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SocketRedirectMap(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SocketRedirectMap(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SocketRedirectHash(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SocketRedirectHash(a, b, c, d, e);

    [UnmanagedCallersOnly]
    public static ulong SelectReuseport(ulong a, ulong b, ulong c, ulong d, ulong e) => HelperFunctions.SelectReuseport(a, b, c, d, e);
}
