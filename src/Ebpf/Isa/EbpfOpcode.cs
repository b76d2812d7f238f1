// Every operation of the instruction set under its own name. The wire's opcode byte is ambiguous (signed division shares a
// byte with unsigned division, all atomics share two bytes, ...); these are not. Facts about each are in OpcodeTable.
namespace Ebpfcc.Ebpf.Isa;

/// <summary>
/// One operation in one form: <c>Add64Imm</c> is <c>r1 += 5</c>, <c>Add32Reg</c> is <c>w1 += w2</c>. Row order of <see cref="OpcodeTable"/>.
/// </summary>
public enum EbpfOpcode
{
    /// <summary>No instruction has this code.</summary>
    Invalid,

    Add64Imm, Add64Reg, Add32Imm, Add32Reg,
    Sub64Imm, Sub64Reg, Sub32Imm, Sub32Reg,
    Mul64Imm, Mul64Reg, Mul32Imm, Mul32Reg,
    Div64Imm, Div64Reg, Div32Imm, Div32Reg,
    SDiv64Imm, SDiv64Reg, SDiv32Imm, SDiv32Reg,
    Or64Imm, Or64Reg, Or32Imm, Or32Reg,
    And64Imm, And64Reg, And32Imm, And32Reg,
    Lsh64Imm, Lsh64Reg, Lsh32Imm, Lsh32Reg,
    Rsh64Imm, Rsh64Reg, Rsh32Imm, Rsh32Reg,
    Mod64Imm, Mod64Reg, Mod32Imm, Mod32Reg,
    SMod64Imm, SMod64Reg, SMod32Imm, SMod32Reg,
    Xor64Imm, Xor64Reg, Xor32Imm, Xor32Reg,
    Mov64Imm, Mov64Reg, Mov32Imm, Mov32Reg,
    Arsh64Imm, Arsh64Reg, Arsh32Imm, Arsh32Reg,
    MovSx8To64, MovSx16To64, MovSx32To64, MovSx8To32, MovSx16To32,
    Neg64, Neg32, AddrSpaceCast,
    ToLe16, ToLe32, ToLe64, ToBe16, ToBe32, ToBe64, Bswap16, Bswap32, Bswap64,

    LoadImm64, LoadMapFd, LoadMapValue, LoadBtfId, LoadFunction, LoadMapIndex, LoadMapIndexValue,
    LoadAbs8, LoadAbs16, LoadAbs32, LoadInd8, LoadInd16, LoadInd32,
    Load8, Load16, Load32, Load64, LoadSx8, LoadSx16, LoadSx32,
    StoreImm8, StoreImm16, StoreImm32, StoreImm64, StoreReg8, StoreReg16, StoreReg32, StoreReg64,
    AtomicAdd32, AtomicOr32, AtomicAnd32, AtomicXor32,
    AtomicFetchAdd32, AtomicFetchOr32, AtomicFetchAnd32, AtomicFetchXor32, AtomicXchg32, AtomicCmpXchg32,
    AtomicAdd64, AtomicOr64, AtomicAnd64, AtomicXor64,
    AtomicFetchAdd64, AtomicFetchOr64, AtomicFetchAnd64, AtomicFetchXor64, AtomicXchg64, AtomicCmpXchg64,
    LoadAcquire8, LoadAcquire16, LoadAcquire32, LoadAcquire64,
    StoreRelease8, StoreRelease16, StoreRelease32, StoreRelease64,

    Jeq64Imm, Jeq64Reg, Jeq32Imm, Jeq32Reg,
    Jgt64Imm, Jgt64Reg, Jgt32Imm, Jgt32Reg,
    Jge64Imm, Jge64Reg, Jge32Imm, Jge32Reg,
    Jset64Imm, Jset64Reg, Jset32Imm, Jset32Reg,
    Jne64Imm, Jne64Reg, Jne32Imm, Jne32Reg,
    Jsgt64Imm, Jsgt64Reg, Jsgt32Imm, Jsgt32Reg,
    Jsge64Imm, Jsge64Reg, Jsge32Imm, Jsge32Reg,
    Jlt64Imm, Jlt64Reg, Jlt32Imm, Jlt32Reg,
    Jle64Imm, Jle64Reg, Jle32Imm, Jle32Reg,
    Jslt64Imm, Jslt64Reg, Jslt32Imm, Jslt32Reg,
    Jsle64Imm, Jsle64Reg, Jsle32Imm, Jsle32Reg,
    Ja, JaLong, MayGoto,
    CallHelper, CallLocal, CallKfunc, CallReg, Exit,
}
