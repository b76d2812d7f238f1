// The interpreter's loop: one switch over decoded codes, registers behind one pointer, no calls on the ordinary path. The mode
// is a type argument (InterpreterMode.cs), so that each mode is its own machine code and a check that is off costs nothing.
// The switch is one method although it is long: with the atomic operations in a method of their own, which changes nothing but
// the registers that .NET's compiler chooses, everything else was measured to take a third longer.
//
// Instructions are counted where control is transferred: between two taken jumps execution is a straight run, whose length is
// the distance of two addresses.
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Ebpfcc.Ebpf.Isa;
using static Ebpfcc.Core.Numerics.IntegerArithmetic;

namespace Ebpfcc.Runtime.Execution.Interpretation;

internal static unsafe partial class InterpreterLoop
{
    /// <summary>
    /// Runs from <paramref name="pc"/> until the function that it belongs to exits; returns R0. Registers 1 to 5 and 10 are set by the caller.
    /// A fault is left in the state.
    /// </summary>
    [SkipLocalsInit]
    public static ulong Execute<TMode>(DecodedInstruction* pc, ulong* r, MachineState* state, InterpretedProgram program, Sandbox? sandbox)
        where TMode : struct, IInterpreterMode
    {
        DecodedInstruction* runStart = pc;
        long fuel = state->Fuel;
        int baseDepth = state->Depth;
        long mayGoto = MachineState.MayGotoLimit;
        ulong address;
        while (true)
        {
            DecodedInstruction* op = pc++;
            if (TMode.Observes)
                program.Observe(op, r, state);
            switch ((EbpfOpcode)op->Code)
            {
                // ALU, RFC 9669 section 4.1. Results of 32-bit operations are zero-extended.
                case EbpfOpcode.Add64Imm: r[op->Dst] += (ulong)op->Immediate; continue;
                case EbpfOpcode.Add64Reg: r[op->Dst] += r[op->Src]; continue;
                case EbpfOpcode.Add32Imm: r[op->Dst] = (uint)((uint)r[op->Dst] + (uint)op->Immediate); continue;
                case EbpfOpcode.Add32Reg: r[op->Dst] = (uint)((uint)r[op->Dst] + (uint)r[op->Src]); continue;
                case EbpfOpcode.Sub64Imm: r[op->Dst] -= (ulong)op->Immediate; continue;
                case EbpfOpcode.Sub64Reg: r[op->Dst] -= r[op->Src]; continue;
                case EbpfOpcode.Sub32Imm: r[op->Dst] = (uint)((uint)r[op->Dst] - (uint)op->Immediate); continue;
                case EbpfOpcode.Sub32Reg: r[op->Dst] = (uint)((uint)r[op->Dst] - (uint)r[op->Src]); continue;
                case EbpfOpcode.Mul64Imm: r[op->Dst] *= (ulong)op->Immediate; continue;
                case EbpfOpcode.Mul64Reg: r[op->Dst] *= r[op->Src]; continue;
                case EbpfOpcode.Mul32Imm: r[op->Dst] = (uint)((uint)r[op->Dst] * (uint)op->Immediate); continue;
                case EbpfOpcode.Mul32Reg: r[op->Dst] = (uint)((uint)r[op->Dst] * (uint)r[op->Src]); continue;
                case EbpfOpcode.Div64Imm: r[op->Dst] = DivideUnsigned(r[op->Dst], (ulong)op->Immediate); continue;
                case EbpfOpcode.Div64Reg: r[op->Dst] = DivideUnsigned(r[op->Dst], r[op->Src]); continue;
                case EbpfOpcode.Div32Imm: r[op->Dst] = DivideUnsigned((uint)r[op->Dst], (uint)op->Immediate); continue;
                case EbpfOpcode.Div32Reg: r[op->Dst] = DivideUnsigned((uint)r[op->Dst], (uint)r[op->Src]); continue;
                case EbpfOpcode.SDiv64Imm: r[op->Dst] = (ulong)DivideSigned((long)r[op->Dst], op->Immediate); continue;
                case EbpfOpcode.SDiv64Reg: r[op->Dst] = (ulong)DivideSigned((long)r[op->Dst], (long)r[op->Src]); continue;
                case EbpfOpcode.SDiv32Imm: r[op->Dst] = (uint)DivideSigned((int)r[op->Dst], (int)op->Immediate); continue;
                case EbpfOpcode.SDiv32Reg: r[op->Dst] = (uint)DivideSigned((int)r[op->Dst], (int)r[op->Src]); continue;
                case EbpfOpcode.Or64Imm: r[op->Dst] |= (ulong)op->Immediate; continue;
                case EbpfOpcode.Or64Reg: r[op->Dst] |= r[op->Src]; continue;
                case EbpfOpcode.Or32Imm: r[op->Dst] = (uint)r[op->Dst] | (uint)op->Immediate; continue;
                case EbpfOpcode.Or32Reg: r[op->Dst] = (uint)r[op->Dst] | (uint)r[op->Src]; continue;
                case EbpfOpcode.And64Imm: r[op->Dst] &= (ulong)op->Immediate; continue;
                case EbpfOpcode.And64Reg: r[op->Dst] &= r[op->Src]; continue;
                case EbpfOpcode.And32Imm: r[op->Dst] = (uint)r[op->Dst] & (uint)op->Immediate; continue;
                case EbpfOpcode.And32Reg: r[op->Dst] = (uint)r[op->Dst] & (uint)r[op->Src]; continue;
                case EbpfOpcode.Lsh64Imm: r[op->Dst] <<= (int)op->Immediate; continue;
                case EbpfOpcode.Lsh64Reg: r[op->Dst] <<= (int)r[op->Src]; continue;
                case EbpfOpcode.Lsh32Imm: r[op->Dst] = (uint)r[op->Dst] << (int)op->Immediate; continue;
                case EbpfOpcode.Lsh32Reg: r[op->Dst] = (uint)r[op->Dst] << (int)r[op->Src]; continue;
                case EbpfOpcode.Rsh64Imm: r[op->Dst] >>= (int)op->Immediate; continue;
                case EbpfOpcode.Rsh64Reg: r[op->Dst] >>= (int)r[op->Src]; continue;
                case EbpfOpcode.Rsh32Imm: r[op->Dst] = (uint)r[op->Dst] >> (int)op->Immediate; continue;
                case EbpfOpcode.Rsh32Reg: r[op->Dst] = (uint)r[op->Dst] >> (int)r[op->Src]; continue;
                case EbpfOpcode.Mod64Imm: r[op->Dst] = RemainderUnsigned(r[op->Dst], (ulong)op->Immediate); continue;
                case EbpfOpcode.Mod64Reg: r[op->Dst] = RemainderUnsigned(r[op->Dst], r[op->Src]); continue;
                case EbpfOpcode.Mod32Imm: r[op->Dst] = RemainderUnsigned((uint)r[op->Dst], (uint)op->Immediate); continue;
                case EbpfOpcode.Mod32Reg: r[op->Dst] = RemainderUnsigned((uint)r[op->Dst], (uint)r[op->Src]); continue;
                case EbpfOpcode.SMod64Imm: r[op->Dst] = (ulong)RemainderSigned((long)r[op->Dst], op->Immediate); continue;
                case EbpfOpcode.SMod64Reg: r[op->Dst] = (ulong)RemainderSigned((long)r[op->Dst], (long)r[op->Src]); continue;
                case EbpfOpcode.SMod32Imm: r[op->Dst] = (uint)RemainderSigned((int)r[op->Dst], (int)op->Immediate); continue;
                case EbpfOpcode.SMod32Reg: r[op->Dst] = (uint)RemainderSigned((int)r[op->Dst], (int)r[op->Src]); continue;
                case EbpfOpcode.Xor64Imm: r[op->Dst] ^= (ulong)op->Immediate; continue;
                case EbpfOpcode.Xor64Reg: r[op->Dst] ^= r[op->Src]; continue;
                case EbpfOpcode.Xor32Imm: r[op->Dst] = (uint)r[op->Dst] ^ (uint)op->Immediate; continue;
                case EbpfOpcode.Xor32Reg: r[op->Dst] = (uint)r[op->Dst] ^ (uint)r[op->Src]; continue;
                case EbpfOpcode.Mov64Imm: r[op->Dst] = (ulong)op->Immediate; continue;
                case EbpfOpcode.Mov64Reg: r[op->Dst] = r[op->Src]; continue;
                case EbpfOpcode.Mov32Imm: r[op->Dst] = (uint)op->Immediate; continue;
                case EbpfOpcode.Mov32Reg: r[op->Dst] = (uint)r[op->Src]; continue;
                case EbpfOpcode.Arsh64Imm: r[op->Dst] = (ulong)((long)r[op->Dst] >> (int)op->Immediate); continue;
                case EbpfOpcode.Arsh64Reg: r[op->Dst] = (ulong)((long)r[op->Dst] >> (int)r[op->Src]); continue;
                case EbpfOpcode.Arsh32Imm: r[op->Dst] = (uint)((int)r[op->Dst] >> (int)op->Immediate); continue;
                case EbpfOpcode.Arsh32Reg: r[op->Dst] = (uint)((int)r[op->Dst] >> (int)r[op->Src]); continue;
                case EbpfOpcode.MovSx8To64: r[op->Dst] = (ulong)(sbyte)r[op->Src]; continue;
                case EbpfOpcode.MovSx16To64: r[op->Dst] = (ulong)(short)r[op->Src]; continue;
                case EbpfOpcode.MovSx32To64: r[op->Dst] = (ulong)(int)r[op->Src]; continue;
                case EbpfOpcode.MovSx8To32: r[op->Dst] = (uint)(sbyte)r[op->Src]; continue;
                case EbpfOpcode.MovSx16To32: r[op->Dst] = (uint)(short)r[op->Src]; continue;
                case EbpfOpcode.Neg64: r[op->Dst] = 0 - r[op->Dst]; continue;
                case EbpfOpcode.Neg32: r[op->Dst] = (uint)(0 - (uint)r[op->Dst]); continue;
                case EbpfOpcode.AddrSpaceCast: r[op->Dst] = r[op->Src]; continue;
                case EbpfOpcode.ToLe16: r[op->Dst] = (ushort)r[op->Dst]; continue;
                case EbpfOpcode.ToLe32: r[op->Dst] = (uint)r[op->Dst]; continue;
                case EbpfOpcode.ToLe64:  continue;
                case EbpfOpcode.ToBe16: case EbpfOpcode.Bswap16: r[op->Dst] = BinaryPrimitives.ReverseEndianness((ushort)r[op->Dst]); continue;
                case EbpfOpcode.ToBe32: case EbpfOpcode.Bswap32: r[op->Dst] = BinaryPrimitives.ReverseEndianness((uint)r[op->Dst]); continue;
                case EbpfOpcode.ToBe64: case EbpfOpcode.Bswap64: r[op->Dst] = BinaryPrimitives.ReverseEndianness(r[op->Dst]); continue;
                case EbpfOpcode.LoadImm64: r[op->Dst] = (ulong)op->Immediate; continue;

                // Memory, section 5. Little-endian machines only: guest values are native values.
                case EbpfOpcode.Load8:
                    address = r[op->Src] + (ulong)op->Operand;
                    if (TMode.Checks && !CanRead(state, sandbox!, address, 1)) goto BadRead;
                    r[op->Dst] = *(byte*)address;
                    continue;
                case EbpfOpcode.Load16:
                    address = r[op->Src] + (ulong)op->Operand;
                    if (TMode.Checks && !CanRead(state, sandbox!, address, 2)) goto BadRead;
                    r[op->Dst] = *(ushort*)address;
                    continue;
                case EbpfOpcode.Load32:
                    address = r[op->Src] + (ulong)op->Operand;
                    if (TMode.Checks && !CanRead(state, sandbox!, address, 4)) goto BadRead;
                    r[op->Dst] = *(uint*)address;
                    continue;
                case EbpfOpcode.Load64:
                    address = r[op->Src] + (ulong)op->Operand;
                    if (TMode.Checks && !CanRead(state, sandbox!, address, 8)) goto BadRead;
                    r[op->Dst] = *(ulong*)address;
                    continue;
                case EbpfOpcode.LoadSx8:
                    address = r[op->Src] + (ulong)op->Operand;
                    if (TMode.Checks && !CanRead(state, sandbox!, address, 1)) goto BadRead;
                    r[op->Dst] = (ulong)*(sbyte*)address;
                    continue;
                case EbpfOpcode.LoadSx16:
                    address = r[op->Src] + (ulong)op->Operand;
                    if (TMode.Checks && !CanRead(state, sandbox!, address, 2)) goto BadRead;
                    r[op->Dst] = (ulong)*(short*)address;
                    continue;
                case EbpfOpcode.LoadSx32:
                    address = r[op->Src] + (ulong)op->Operand;
                    if (TMode.Checks && !CanRead(state, sandbox!, address, 4)) goto BadRead;
                    r[op->Dst] = (ulong)*(int*)address;
                    continue;
                case EbpfOpcode.StoreImm8:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWrite(state, sandbox!, address, 1)) goto BadWrite;
                    *(byte*)address = (byte)op->Immediate;
                    continue;
                case EbpfOpcode.StoreReg8:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWrite(state, sandbox!, address, 1)) goto BadWrite;
                    *(byte*)address = (byte)r[op->Src];
                    continue;
                case EbpfOpcode.StoreImm16:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWrite(state, sandbox!, address, 2)) goto BadWrite;
                    *(ushort*)address = (ushort)op->Immediate;
                    continue;
                case EbpfOpcode.StoreReg16:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWrite(state, sandbox!, address, 2)) goto BadWrite;
                    *(ushort*)address = (ushort)r[op->Src];
                    continue;
                case EbpfOpcode.StoreImm32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWrite(state, sandbox!, address, 4)) goto BadWrite;
                    *(uint*)address = (uint)op->Immediate;
                    continue;
                case EbpfOpcode.StoreReg32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWrite(state, sandbox!, address, 4)) goto BadWrite;
                    *(uint*)address = (uint)r[op->Src];
                    continue;
                case EbpfOpcode.StoreImm64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWrite(state, sandbox!, address, 8)) goto BadWrite;
                    *(ulong*)address = (ulong)op->Immediate;
                    continue;
                case EbpfOpcode.StoreReg64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWrite(state, sandbox!, address, 8)) goto BadWrite;
                    *(ulong*)address = r[op->Src];
                    continue;
                case EbpfOpcode.LoadAcquire8:
                    address = r[op->Src] + (ulong)op->Operand;
                    if (TMode.Checks && !CanReadAtomically(state, sandbox!, address, 1)) goto BadRead;
                    r[op->Dst] = Volatile.Read(ref *(byte*)address);
                    continue;
                case EbpfOpcode.StoreRelease8:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 1)) goto BadWrite;
                    Volatile.Write(ref *(byte*)address, (byte)r[op->Src]);
                    continue;
                case EbpfOpcode.LoadAcquire16:
                    address = r[op->Src] + (ulong)op->Operand;
                    if (TMode.Checks && !CanReadAtomically(state, sandbox!, address, 2)) goto BadRead;
                    r[op->Dst] = Volatile.Read(ref *(ushort*)address);
                    continue;
                case EbpfOpcode.StoreRelease16:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 2)) goto BadWrite;
                    Volatile.Write(ref *(ushort*)address, (ushort)r[op->Src]);
                    continue;
                case EbpfOpcode.LoadAcquire32:
                    address = r[op->Src] + (ulong)op->Operand;
                    if (TMode.Checks && !CanReadAtomically(state, sandbox!, address, 4)) goto BadRead;
                    r[op->Dst] = Volatile.Read(ref *(uint*)address);
                    continue;
                case EbpfOpcode.StoreRelease32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 4)) goto BadWrite;
                    Volatile.Write(ref *(uint*)address, (uint)r[op->Src]);
                    continue;
                case EbpfOpcode.LoadAcquire64:
                    address = r[op->Src] + (ulong)op->Operand;
                    if (TMode.Checks && !CanReadAtomically(state, sandbox!, address, 8)) goto BadRead;
                    r[op->Dst] = Volatile.Read(ref *(ulong*)address);
                    continue;
                case EbpfOpcode.StoreRelease64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 8)) goto BadWrite;
                    Volatile.Write(ref *(ulong*)address, r[op->Src]);
                    continue;

                // Atomics, section 5.3: full barriers; the fetching forms return what was there before.
                case EbpfOpcode.AtomicAdd32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 4)) goto BadWrite;
                    Interlocked.Add(ref *(uint*)address, (uint)r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicOr32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 4)) goto BadWrite;
                    Interlocked.Or(ref *(uint*)address, (uint)r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicAnd32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 4)) goto BadWrite;
                    Interlocked.And(ref *(uint*)address, (uint)r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicXor32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 4)) goto BadWrite;
                    FetchXor((uint*)address, (uint)r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicFetchAdd32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 4)) goto BadWrite;
                    r[op->Src] = (uint)(Interlocked.Add(ref *(uint*)address, (uint)r[op->Src]) - (uint)r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicFetchOr32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 4)) goto BadWrite;
                    r[op->Src] = Interlocked.Or(ref *(uint*)address, (uint)r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicFetchAnd32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 4)) goto BadWrite;
                    r[op->Src] = Interlocked.And(ref *(uint*)address, (uint)r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicFetchXor32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 4)) goto BadWrite;
                    r[op->Src] = FetchXor((uint*)address, (uint)r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicXchg32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 4)) goto BadWrite;
                    r[op->Src] = Interlocked.Exchange(ref *(uint*)address, (uint)r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicCmpXchg32:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 4)) goto BadWrite;
                    r[0] = Interlocked.CompareExchange(ref *(uint*)address, (uint)r[op->Src], (uint)r[0]);
                    continue;
                case EbpfOpcode.AtomicAdd64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 8)) goto BadWrite;
                    Interlocked.Add(ref *(ulong*)address, r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicOr64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 8)) goto BadWrite;
                    Interlocked.Or(ref *(ulong*)address, r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicAnd64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 8)) goto BadWrite;
                    Interlocked.And(ref *(ulong*)address, r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicXor64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 8)) goto BadWrite;
                    FetchXor((ulong*)address, r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicFetchAdd64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 8)) goto BadWrite;
                    r[op->Src] = Interlocked.Add(ref *(ulong*)address, r[op->Src]) - r[op->Src];
                    continue;
                case EbpfOpcode.AtomicFetchOr64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 8)) goto BadWrite;
                    r[op->Src] = Interlocked.Or(ref *(ulong*)address, r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicFetchAnd64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 8)) goto BadWrite;
                    r[op->Src] = Interlocked.And(ref *(ulong*)address, r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicFetchXor64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 8)) goto BadWrite;
                    r[op->Src] = FetchXor((ulong*)address, r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicXchg64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 8)) goto BadWrite;
                    r[op->Src] = Interlocked.Exchange(ref *(ulong*)address, r[op->Src]);
                    continue;
                case EbpfOpcode.AtomicCmpXchg64:
                    address = r[op->Dst] + (ulong)op->Operand;
                    if (TMode.Checks && !CanWriteAtomically(state, sandbox!, address, 8)) goto BadWrite;
                    r[0] = Interlocked.CompareExchange(ref *(ulong*)address, r[op->Src], r[0]);
                    continue;

                // Jumps, section 4.3.
                case EbpfOpcode.Jeq64Imm: if (r[op->Dst] == (ulong)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jeq64Reg: if (r[op->Dst] == r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jeq32Imm: if ((uint)r[op->Dst] == (uint)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jeq32Reg: if ((uint)r[op->Dst] == (uint)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jgt64Imm: if (r[op->Dst] > (ulong)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jgt64Reg: if (r[op->Dst] > r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jgt32Imm: if ((uint)r[op->Dst] > (uint)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jgt32Reg: if ((uint)r[op->Dst] > (uint)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jge64Imm: if (r[op->Dst] >= (ulong)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jge64Reg: if (r[op->Dst] >= r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jge32Imm: if ((uint)r[op->Dst] >= (uint)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jge32Reg: if ((uint)r[op->Dst] >= (uint)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jset64Imm: if ((r[op->Dst] & (ulong)op->Immediate) != 0) goto Jump; continue;
                case EbpfOpcode.Jset64Reg: if ((r[op->Dst] & r[op->Src]) != 0) goto Jump; continue;
                case EbpfOpcode.Jset32Imm: if (((uint)r[op->Dst] & (uint)op->Immediate) != 0) goto Jump; continue;
                case EbpfOpcode.Jset32Reg: if (((uint)r[op->Dst] & (uint)r[op->Src]) != 0) goto Jump; continue;
                case EbpfOpcode.Jne64Imm: if (r[op->Dst] != (ulong)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jne64Reg: if (r[op->Dst] != r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jne32Imm: if ((uint)r[op->Dst] != (uint)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jne32Reg: if ((uint)r[op->Dst] != (uint)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jsgt64Imm: if ((long)r[op->Dst] > op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jsgt64Reg: if ((long)r[op->Dst] > (long)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jsgt32Imm: if ((int)r[op->Dst] > (int)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jsgt32Reg: if ((int)r[op->Dst] > (int)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jsge64Imm: if ((long)r[op->Dst] >= op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jsge64Reg: if ((long)r[op->Dst] >= (long)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jsge32Imm: if ((int)r[op->Dst] >= (int)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jsge32Reg: if ((int)r[op->Dst] >= (int)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jlt64Imm: if (r[op->Dst] < (ulong)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jlt64Reg: if (r[op->Dst] < r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jlt32Imm: if ((uint)r[op->Dst] < (uint)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jlt32Reg: if ((uint)r[op->Dst] < (uint)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jle64Imm: if (r[op->Dst] <= (ulong)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jle64Reg: if (r[op->Dst] <= r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jle32Imm: if ((uint)r[op->Dst] <= (uint)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jle32Reg: if ((uint)r[op->Dst] <= (uint)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jslt64Imm: if ((long)r[op->Dst] < op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jslt64Reg: if ((long)r[op->Dst] < (long)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jslt32Imm: if ((int)r[op->Dst] < (int)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jslt32Reg: if ((int)r[op->Dst] < (int)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jsle64Imm: if ((long)r[op->Dst] <= op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jsle64Reg: if ((long)r[op->Dst] <= (long)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Jsle32Imm: if ((int)r[op->Dst] <= (int)op->Immediate) goto Jump; continue;
                case EbpfOpcode.Jsle32Reg: if ((int)r[op->Dst] <= (int)r[op->Src]) goto Jump; continue;
                case EbpfOpcode.Ja: case EbpfOpcode.JaLong: goto Jump;
                case EbpfOpcode.MayGoto:
                    if (mayGoto-- <= 0)
                        goto Jump;
                    continue;

                case EbpfOpcode.CallLocal:
                {
                    if (state->Depth + 1 >= state->MaxDepth)
                        goto CallDepth;
                    CallFrame* frame = state->Frames + state->Depth++;
                    frame->Return = pc;
                    frame->R6 = r[6]; frame->R7 = r[7]; frame->R8 = r[8]; frame->R9 = r[9]; frame->R10 = r[10];
                    frame->MayGoto = mayGoto;
                    mayGoto = MachineState.MayGotoLimit;
                    r[10] -= EbpfRegisters.StackSize;
                    goto Jump;
                }
                case EbpfOpcode.Exit:
                Exit:
                {
                    if (TMode.Counts)
                    {
                        fuel -= pc - runStart;
                        if (fuel < 0)
                            goto OutOfFuel;
                    }
                    if (state->Depth == baseDepth)
                    {
                        state->Fuel = fuel;
                        return r[0];
                    }
                    CallFrame* frame = state->Frames + --state->Depth;
                    pc = runStart = frame->Return;
                    r[6] = frame->R6; r[7] = frame->R7; r[8] = frame->R8; r[9] = frame->R9; r[10] = frame->R10;
                    mayGoto = frame->MayGoto;
                    continue;
                }
                case EbpfOpcode.CallHelper:
                    if (TMode.Checks && (fuel < pc - runStart || !sandbox!.AllowsCall(state, op->Operand, r)))
                        goto Fault;
                    r[0] = ((delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)op->Immediate)(r[1], r[2], r[3], r[4], r[5]);
                    continue;
                case (EbpfOpcode)DecodedCode.CallWithCallback:
                    if (TMode.Checks && (fuel < pc - runStart || !sandbox!.AllowsCall(state, op->Operand, r)))
                        goto Fault;
                    state->Fuel = fuel - (pc - runStart);
                    r[0] = program.CallWithCallback<TMode>((delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)op->Immediate, r, state, sandbox);
                    runStart = pc;
                    fuel = state->Fuel;
                    if (state->Fault != MachineFault.None)
                        goto Fault;
                    continue;
                case (EbpfOpcode)DecodedCode.CallUnwind:
                    if (TMode.Checks && fuel < pc - runStart)
                        goto Fault;
                    r[0] = ((delegate*<ulong, ulong, ulong, ulong, ulong, ulong>)op->Immediate)(r[1], r[2], r[3], r[4], r[5]);
                    if (r[0] == 0)
                    {
                        state->Depth = baseDepth;
                        goto Exit;
                    }
                    continue;
                case EbpfOpcode.CallReg:
                    if (TMode.Checks && fuel < pc - runStart)
                        goto Fault;
                    if (!TMode.Checks || !sandbox!.CallByNumber(state, program, r[op->Dst], r))
                        goto BadFunction;
                    continue;
                case (EbpfOpcode)DecodedCode.TailCall:
                {
                    if (TMode.Checks && (fuel < pc - runStart || !sandbox!.AllowsCall(state, op->Operand, r)))
                        goto Fault;
                    if (program.ResolveTailCall(r) is not { } target)
                        continue;
                    if (state->Depth == baseDepth && state->IsEntry && target is InterpretedProgram next && next.IsSameMode(program))
                    {
                        if (TMode.Counts)
                            fuel -= pc - runStart;
                        sandbox?.Enter(next);
                        program = next;
                        state->Code = next.Code;
                        pc = runStart = next.Code;
                        mayGoto = MachineState.MayGotoLimit;
                        continue;
                    }
                    // From inside a subprogram the target takes this frame's place: it runs on a stack of its own and its result is the frame's.
                    state->Fuel = fuel - (pc - runStart);
                    r[0] = target.Run((nint)r[1]);
                    goto Exit;
                }

                case EbpfOpcode.LoadAbs8: case EbpfOpcode.LoadAbs16: case EbpfOpcode.LoadAbs32:
                    if (!PacketLoads.TryLoad((int)op->Immediate, op->Code - (int)EbpfOpcode.LoadAbs8, out r[0]))
                    {
                        r[0] = 0;
                        goto Exit;
                    }
                    continue;
                case EbpfOpcode.LoadInd8: case EbpfOpcode.LoadInd16: case EbpfOpcode.LoadInd32:
                    if (!PacketLoads.TryLoad((int)op->Immediate + (int)r[op->Src], op->Code - (int)EbpfOpcode.LoadInd8, out r[0]))
                    {
                        r[0] = 0;
                        goto Exit;
                    }
                    continue;

                case (EbpfOpcode)DecodedCode.ContextAbs8:
                    if (!PacketLoads.TryLoad8((byte*)r[6], (uint)op->Immediate, r))
                        goto Exit;
                    continue;
                case (EbpfOpcode)DecodedCode.ContextAbs16:
                    if (!PacketLoads.TryLoad16((byte*)r[6], (uint)op->Immediate, r))
                        goto Exit;
                    continue;
                case (EbpfOpcode)DecodedCode.ContextAbs32:
                    if (!PacketLoads.TryLoad32((byte*)r[6], (uint)op->Immediate, r))
                        goto Exit;
                    continue;
                case (EbpfOpcode)DecodedCode.ContextInd8:
                    if (!PacketLoads.TryLoad8((byte*)r[6], (uint)((uint)op->Immediate + (uint)r[op->Src]), r))
                        goto Exit;
                    continue;
                case (EbpfOpcode)DecodedCode.ContextInd16:
                    if (!PacketLoads.TryLoad16((byte*)r[6], (uint)((uint)op->Immediate + (uint)r[op->Src]), r))
                        goto Exit;
                    continue;
                case (EbpfOpcode)DecodedCode.ContextInd32:
                    if (!PacketLoads.TryLoad32((byte*)r[6], (uint)((uint)op->Immediate + (uint)r[op->Src]), r))
                        goto Exit;
                    continue;

                case (EbpfOpcode)DecodedCode.ProbeLoad8: case (EbpfOpcode)DecodedCode.ProbeLoad16:
                case (EbpfOpcode)DecodedCode.ProbeLoad32: case (EbpfOpcode)DecodedCode.ProbeLoad64:
                    r[op->Dst] = Memory.SafeMemory.LoadOrZero(r[op->Src] + (ulong)op->Operand, 1 << (op->Code - DecodedCode.ProbeLoad8));
                    continue;
                case (EbpfOpcode)DecodedCode.ProbeLoadSx8: case (EbpfOpcode)DecodedCode.ProbeLoadSx16: case (EbpfOpcode)DecodedCode.ProbeLoadSx32:
                {
                    int bytes = 1 << (op->Code - DecodedCode.ProbeLoadSx8);
                    r[op->Dst] = SignExtend(Memory.SafeMemory.LoadOrZero(r[op->Src] + (ulong)op->Operand, bytes), bytes * 8);
                    continue;
                }
                case (EbpfOpcode)DecodedCode.CallUnknown: goto UnknownHelper;
                case (EbpfOpcode)DecodedCode.End: goto FellOff;
                default: goto FellOff;
            }

        Jump:
            if (TMode.Counts)
            {
                fuel -= pc - runStart;
                if (fuel < 0)
                    goto OutOfFuel;
                pc = runStart = (DecodedInstruction*)((byte*)pc + op->Operand);
            }
            else
            {
                pc = (DecodedInstruction*)((byte*)pc + op->Operand);
            }
            continue;

        BadRead: state->Fault = MachineFault.BadRead; state->FaultAddress = address; goto Fault;
        BadWrite: state->Fault = MachineFault.BadWrite; state->FaultAddress = address; goto Fault;
        OutOfFuel: runStart = pc; goto Fault;
        CallDepth: state->Fault = MachineFault.CallDepth; goto Fault;
        BadFunction: state->Fault = MachineFault.BadFunction; goto Fault;
        UnknownHelper: state->Fault = MachineFault.UnknownHelper; goto Fault;
        FellOff: state->Fault = MachineFault.FellOff;
        Fault:
            // Whatever else went wrong, a program without fuel is out of fuel.
            if (TMode.Counts)
            {
                fuel -= pc - runStart;
                if (fuel < 0)
                    state->Fault = MachineFault.OutOfFuel;
            }
            // A fault inside a callback has set its own place already.
            if (state->FaultAt is null)
                state->FaultAt = op;
            state->Fuel = fuel;
            return 0;
        }
    }
}
