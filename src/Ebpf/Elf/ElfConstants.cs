// Numbers of the ELF format (System V gABI) and of its eBPF supplement (the kernel's Documentation/bpf/llvm_reloc).
namespace Ebpfcc.Ebpf.Elf;

public enum ElfSectionType : uint
{
    Null = 0, ProgBits = 1, SymTab = 2, StrTab = 3, Rela = 4, Hash = 5, Dynamic = 6, Note = 7, NoBits = 8, Rel = 9, DynSym = 11,
    SymTabExtended = 18, LlvmAddrsig = 0x6fff4c03,
}

[Flags]
public enum ElfSectionFlags : ulong
{
    None = 0, Write = 1, Allocate = 2, Execute = 4, Merge = 0x10, Strings = 0x20, InfoLink = 0x40, LinkOrder = 0x80, Exclude = 0x80000000,
}

public enum ElfSymbolType : byte { None = 0, Object = 1, Function = 2, Section = 3, File = 4, Common = 5, ThreadLocal = 6 }

public enum ElfSymbolBinding : byte { Local = 0, Global = 1, Weak = 2 }

public enum ElfSymbolVisibility : byte { Default = 0, Internal = 1, Hidden = 2, Protected = 3 }

/// <summary>Relocation types of eBPF objects as clang and gcc write them.</summary>
public enum BpfRelocationType : uint
{
    None = 0,

    /// <summary>R_BPF_64_64: the 64-bit immediate of a two-slot load; the addend is in its first half.</summary>
    Wide = 1,

    /// <summary>R_BPF_64_ABS64: an address in eight bytes of data.</summary>
    Abs64 = 2,

    /// <summary>R_BPF_64_ABS32: an address in four bytes of data.</summary>
    Abs32 = 3,

    /// <summary>R_BPF_64_NODYLD32: as ABS32, in .BTF and .BTF.ext, not to be applied when loading.</summary>
    NoDyld32 = 4,

    /// <summary>R_BPF_64_32: the immediate of a call; the addend, in slots and less one, is in it.</summary>
    Call = 10,

    /// <summary>R_BPF_GNU_64_16: the offset of a jump (written by binutils).</summary>
    GnuJump16 = 256,
}

public static class ElfConstants
{
    public const ushort MachineBpf = 247;
    public const ushort TypeRelocatable = 1;
    public const int HeaderSize = 64;
    public const int SectionHeaderSize = 64;
    public const int SymbolSize = 24;
    public const int RelSize = 16;
    public const int RelaSize = 24;
    public const ushort SectionUndefined = 0;
    public const ushort SectionReserved = 0xff00;
    public const ushort SectionAbsolute = 0xfff1;
    public const ushort SectionCommon = 0xfff2;
    public const ushort SectionExtended = 0xffff;
}
