// CO-RE ("compile once, run everywhere"): instructions that depend on the layout of kernel types are adjusted to the types of
// the kernel the program is loaded for. For each relocation: find the types of the same name, find the path in each, compute
// the value for the local and the target type, patch the instruction. A path that does not exist makes the instruction a call
// of a helper that no kernel has, so that only dead code may contain it. Rules: libbpf's relo_core.c.
using System.Text;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;

namespace Ebpfcc.Runtime.Loading;

internal sealed class CoreRelocator(BtfReader local, BtfReader target)
{
    private readonly Dictionary<int, List<int>> _candidates = [];
    private Dictionary<string, List<int>>? _flavored;

    public BtfReader Target { get; } = target;

    /// <summary>A relocation's value and, for fields, what is needed to adjust the width of a load or store.</summary>
    private readonly record struct Result(ulong Value, int FieldType = 0, long FieldSize = 0, bool Validates = true);

    /// <summary>Patches the instruction of one relocation; returns a problem when the record is corrupt.</summary>
    public string? Apply(EbpfInstruction[] code, CoreRelocation relocation)
    {
        if ((uint)relocation.Slot >= (uint)code.Length)
            return "the instruction does not exist";
        if (relocation.Kind > CoreRelocationKind.TypeMatches)
            return $"unknown kind {(uint)relocation.Kind}";
        CoreSpec? localSpec = CoreSpec.Parse(local, relocation, local.GetString(relocation.AccessString), out string problem);
        if (localSpec is null)
            return problem;
        if (relocation.Kind == CoreRelocationKind.TypeIdLocal)
            return Patch(code, relocation.Slot, null, (ulong)(uint)relocation.TypeId, null, new Result((ulong)(uint)relocation.TypeId, Validates: false));

        ReadOnlySpan<byte> name = local[relocation.TypeId].NameBytes;
        if (name.IsEmpty)
            return "its type has no name";

        Result? original = Compute(localSpec, relocation.Kind, null);
        if (original is null)
            return "its value cannot be computed for the program's own types";
        Result? result = null;
        foreach (int candidate in Candidates(relocation.TypeId, name))
        {
            if (Match(localSpec, relocation.Kind, candidate) is not { } found)
                continue;
            if (Compute(found, relocation.Kind, localSpec) is not { } value)
                continue;
            if (result is { } other && other.Value != value.Value)
                return "it is ambiguous: the kernel has several types of this name";
            result ??= value;
        }
        // What asks about a type as such, and whether something exists, is zero where there is nothing.
        if (result is null && relocation.Kind is CoreRelocationKind.FieldExists or CoreRelocationKind.EnumeratorExists or CoreRelocationKind.TypeExists
            or CoreRelocationKind.TypeMatches or CoreRelocationKind.TypeSize or CoreRelocationKind.TypeIdTarget)
            result = new Result(0);
        if (relocation.Kind is CoreRelocationKind.TypeIdTarget or CoreRelocationKind.FieldSigned && result is { } unchecked_)
            result = unchecked_ with { Validates = false };
        return Patch(code, relocation.Slot, original, original.Value.Value, localSpec, result);
    }

    /// <summary>Types of the target with the same name, flavors aside, and a kind that fits.</summary>
    private List<int> Candidates(int localType, ReadOnlySpan<byte> fullName)
    {
        if (_candidates.TryGetValue(localType, out List<int>? known))
            return known;
        BtfType wanted = local[localType];
        string name = Encoding.UTF8.GetString(CoreTypes.EssentialName(fullName));
        var found = new List<int>();
        foreach (int id in Target.FindAll(name))
        {
            if (CoreTypes.AreKindsCompatible(Target[id], wanted))
                found.Add(id);
        }
        if (found.Count == 0 && Flavored().TryGetValue(name, out List<int>? flavored))
        {
            foreach (int id in flavored)
            {
                if (CoreTypes.AreKindsCompatible(Target[id], wanted))
                    found.Add(id);
            }
        }
        return _candidates[localType] = found;
    }

    /// <summary>The target's types whose own names have flavors: programs' types have, kernels' have not.</summary>
    private Dictionary<string, List<int>> Flavored()
    {
        if (_flavored is not null)
            return _flavored;
        _flavored = [];
        for (int id = 1; id < Target.Count; id++)
        {
            ReadOnlySpan<byte> name = Target[id].NameBytes;
            ReadOnlySpan<byte> essential = CoreTypes.EssentialName(name);
            if (essential.Length == name.Length)
                continue;
            string key = Encoding.UTF8.GetString(essential);
            if (!_flavored.TryGetValue(key, out List<int>? ids))
                _flavored[key] = ids = [];
            ids.Add(id);
        }
        return _flavored;
    }

    private CoreSpec? Match(CoreSpec spec, CoreRelocationKind kind, int candidate)
    {
        switch (kind)
        {
            case CoreRelocationKind.TypeIdTarget or CoreRelocationKind.TypeExists or CoreRelocationKind.TypeSize:
                return CoreTypes.AreCompatible(local, spec.RootId, Target, candidate) ? new CoreSpec(Target, candidate) : null;
            case CoreRelocationKind.TypeMatches:
                return CoreTypes.Match(local, spec.RootId, Target, candidate) ? new CoreSpec(Target, candidate) : null;
            case CoreRelocationKind.EnumeratorExists or CoreRelocationKind.EnumeratorValue:
                return Enumerator(spec, candidate) is null ? null : new CoreSpec(Target, candidate);
            default:
                return spec.MatchField(Target, candidate);
        }
    }

    private BtfEnumerator? Enumerator(CoreSpec spec, int candidate)
    {
        BtfType own = local.SkipModifiers(spec.RootId);
        return CoreTypes.FindEnumerator(Target.SkipModifiers(candidate), local.GetString(own.GetEnumerator(spec.Enumerator).NameOffset));
    }

    /// <summary>The relocation's value for one path. For target enumerators the local path says which.</summary>
    private Result? Compute(CoreSpec spec, CoreRelocationKind kind, CoreSpec? localSpec)
    {
        switch (kind)
        {
            case CoreRelocationKind.TypeIdTarget:
                return new Result((ulong)(uint)spec.RootId);
            case CoreRelocationKind.TypeExists or CoreRelocationKind.TypeMatches or CoreRelocationKind.EnumeratorExists or CoreRelocationKind.FieldExists:
                return new Result(1);
            case CoreRelocationKind.TypeSize:
                return spec.Types.SizeOf(spec.RootId) is { } size ? new Result((ulong)size) : null;
            case CoreRelocationKind.EnumeratorValue:
                BtfEnumerator? enumerator = localSpec is null ? local.SkipModifiers(spec.RootId).GetEnumerator(spec.Enumerator) : Enumerator(localSpec, spec.RootId);
                return enumerator is { } found ? new Result((ulong)found.Value) : null;
            default:
                return ComputeField(spec, kind);
        }
    }

    private static Result? ComputeField(CoreSpec spec, CoreRelocationKind kind)
    {
        CoreStep last = spec.Steps[^1];
        BtfReader types = spec.Types;
        if (last.Name is null)
        {
            if (types.SizeOf(last.TypeId) is not { } elementSize)
                return null;
            return kind switch
            {
                CoreRelocationKind.FieldByteOffset => new Result((ulong)(spec.BitOffset / 8), last.TypeId, elementSize),
                CoreRelocationKind.FieldByteSize => new Result((ulong)elementSize),
                _ => null,
            };
        }
        BtfMember member = types[last.TypeId].GetMember(last.Index);
        BtfType type = types.SkipModifiers(member.TypeId);
        long bitOffset = spec.BitOffset, bitSize = member.BitSize, byteSize, byteOffset;
        bool isBitField = bitSize > 0;
        if (isBitField)
        {
            // The smallest aligned unit of the field's type or wider that holds all its bits.
            byteSize = type.Size;
            if (byteSize is not (1 or 2 or 4 or 8 or 16))
                return null;
            byteOffset = bitOffset / 8 / byteSize * byteSize;
            while (bitOffset + bitSize - byteOffset * 8 > byteSize * 8)
            {
                if (byteSize >= 8)
                    return null;
                byteSize *= 2;
                byteOffset = bitOffset / 8 / byteSize * byteSize;
            }
        }
        else
        {
            if (types.SizeOf(member.TypeId) is not { } size)
                return null;
            byteSize = size;
            byteOffset = spec.BitOffset / 8;
            bitSize = byteSize * 8;
        }
        switch (kind)
        {
            case CoreRelocationKind.FieldByteOffset:
                return isBitField ? new Result((ulong)byteOffset, Validates: false) : new Result((ulong)byteOffset, type.Id, byteSize);
            case CoreRelocationKind.FieldByteSize:
                return new Result((ulong)byteSize, Validates: !isBitField);
            case CoreRelocationKind.FieldSigned:
                bool isSigned = CoreTypes.IsEnum(type) ? type.KindFlag : (type.Encoding & BtfIntEncoding.Signed) != 0;
                return new Result(isSigned ? 1u : 0u, Validates: false);
            case CoreRelocationKind.FieldLeftShift:
                return new Result((ulong)(64 - (bitOffset + bitSize - byteOffset * 8)), Validates: false);
            case CoreRelocationKind.FieldRightShift:
                return new Result((ulong)(64 - bitSize), Validates: false);
            default:
                return null;
        }
    }

    private string? Patch(EbpfInstruction[] code, int slot, Result? original, ulong expected, CoreSpec? localSpec, Result? result)
    {
        EbpfInstruction instruction = code[slot];
        if (result is not { } value)
        {
            Poison(code, slot);
            return null;
        }
        bool validates = value.Validates && original is { Validates: true };
        switch (instruction.Class)
        {
            case InstructionClass.Alu or InstructionClass.Alu64:
                if ((instruction.Code & 8) != 0)
                    return "the instruction takes no immediate";
                if (validates && (uint)instruction.Immediate != (uint)expected)
                    return $"the instruction holds {instruction.Immediate} where the types say {expected}";
                code[slot] = instruction.WithImmediate((int)value.Value);
                return null;
            case InstructionClass.Ldx or InstructionClass.St or InstructionClass.Stx:
                if (validates && (ushort)instruction.Offset != expected)
                    return $"the instruction has offset {instruction.Offset} where the types say {expected}";
                if (value.Value > (ulong)short.MaxValue)
                    return $"the offset {value.Value} does not fit the instruction";
                if (original is { FieldSize: > 0 } from && value.FieldSize > 0 && from.FieldSize != value.FieldSize)
                {
                    if (!MayChangeWidth(from, value) || Resize(instruction, from.FieldSize, value.FieldSize) is not { } resized)
                    {
                        Poison(code, slot);
                        return null;
                    }
                    instruction = resized;
                }
                code[slot] = instruction.WithOffset((short)value.Value);
                return null;
            case InstructionClass.Ld when instruction.IsWide && slot + 1 < code.Length:
                if (validates && instruction.WideImmediate(code[slot + 1]) != expected)
                    return $"the instruction holds {instruction.WideImmediate(code[slot + 1])} where the types say {expected}";
                code[slot] = instruction.WithImmediate((int)value.Value);
                code[slot + 1] = code[slot + 1].WithImmediate((int)(value.Value >> 32));
                return null;
            default:
                return "the instruction holds nothing that could be adjusted";
        }
    }

    private static void Poison(EbpfInstruction[] code, int slot)
    {
        EbpfInstruction call = OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: ProgramLoader.PoisonedCall);
        if (code[slot].IsWide && slot + 1 < code.Length)
            code[slot + 1] = call;
        code[slot] = call;
    }

    /// <summary>A load may change its width between pointers and between unsigned integers.</summary>
    private bool MayChangeWidth(Result from, Result to)
    {
        BtfType own = local.SkipModifiers(from.FieldType), other = Target.SkipModifiers(to.FieldType);
        if (own.Kind == BtfKind.Pointer && other.Kind == BtfKind.Pointer)
            return true;
        return own.Kind == BtfKind.Int && other.Kind == BtfKind.Int
            && (own.Encoding & BtfIntEncoding.Signed) == 0 && (other.Encoding & BtfIntEncoding.Signed) == 0;
    }

    private static EbpfInstruction? Resize(EbpfInstruction instruction, long from, long to)
    {
        int bits = instruction.Code & 0x18;
        int width = bits switch { 0x00 => 4, 0x08 => 2, 0x10 => 1, _ => 8 };
        int wanted = to switch { 8 => 0x18, 4 => 0x00, 2 => 0x08, 1 => 0x10, _ => -1 };
        return width == from && wanted >= 0 ? instruction.WithCode((byte)(instruction.Code & ~0x18 | wanted)) : null;
    }
}
