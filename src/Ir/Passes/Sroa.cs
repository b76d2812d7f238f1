// Scalar replacement of aggregates: a stack object that is only accessed at constant offsets falls into pieces, and pieces that
// are accessed as one scalar (or as parts of one) become stack objects that Mem2Reg promotes. After Chandler Carruth's SROA in
// LLVM, without speculation through phis and selects.
//
//   %s = alloca 16                     %s.0 = alloca 8, %s.8 = alloca 4
//   memset %s, 0, 16                   store i64 0, %s.0 ; store i32 0, %s.8       bytes 12..15: nobody reads them
//   store i64 %x, %s            =>     store i64 %x, %s.0
//   %p = ptradd %s, 8
//   %v = load i32 %p                   %v = load i32 %s.8
//   %b = load i8 %s                    %w = load i64 %s.0 ; %b = trunc %w to i8
//
// Loads and stores never fall apart: those that overlap make one piece. Block operations of constant length are cut at the
// pieces' borders. Volatile and atomic accesses keep their width and their object in memory.
using System.Numerics;

namespace Ebpfcc.Ir.Passes;

public sealed partial class Sroa
{
    // Beyond this no object fits the 512-byte stack anyway.
    private const long MaxSize = 4096;

    // Bytes between scalars that are worth becoming scalars themselves.
    private const long MaxScalarGap = 64;

    /// <summary>So many words narrower than four bytes fit registers beside the addresses of a copy.</summary>
    private const long MaxNarrowWords = 6;

    /// <summary>One use of the object's bytes.</summary>
    private readonly record struct Access(Instruction User, long Begin, long Size, bool IsSource)
    {
        public long End => Begin + Size;

        /// <summary>A block operation may be cut; a scalar access may not.</summary>
        public bool IsSplittable => User is BlockMemoryInstruction { IsVolatile: false, Opcode: not IrOpcode.MemCompare };

        public bool IsPlainScalar => User is LoadInstruction { IsVolatile: false, Order: <= MemoryOrder.Relaxed } or StoreInstruction { IsVolatile: false, Order: <= MemoryOrder.Relaxed };

        public IrType Type => User is StoreInstruction store ? store.StoredValue.Type : User.Type;
    }

    private sealed class Piece(long begin, long end)
    {
        public long Begin { get; } = begin;

        public long End { get; set; } = end;

        public long Size => End - Begin;

        /// <summary>Only block operations touch it.</summary>
        public bool IsGap { get; init; }

        public AllocaInstruction? Slot { get; set; }

        /// <summary>What the piece is promoted as; Void when it stays memory.</summary>
        public IrType Scalar { get; set; }
    }

    private readonly AllocaInstruction _alloca;
    private readonly List<Access> _accesses = [];
    private readonly List<Instruction> _addresses = [];
    private readonly List<Piece> _pieces = [];

    /// <summary>Objects that copies went to or came from: cut copies may let them fall apart too.</summary>
    private readonly HashSet<AllocaInstruction> _partners = new(ReferenceEqualityComparer.Instance);
    private readonly IrBuilder _builder = new();

    private Sroa(AllocaInstruction alloca) => _alloca = alloca;

    public static bool Run(Function function)
    {
        bool changed = false;
        var work = new Queue<AllocaInstruction>();
        foreach (Instruction instruction in function.Entry.Instructions)
        {
            if (instruction is AllocaInstruction alloca)
                work.Enqueue(alloca);
        }
        // A copy between two objects is cut for one and then seen, in pieces, by the other: twice around is enough.
        int budget = work.Count * 2 + 8;
        while (budget-- > 0 && work.TryDequeue(out AllocaInstruction? alloca))
        {
            if (alloca.Block is null)
                continue;
            if (!alloca.HasUsers)
            {
                alloca.Erase();
                changed = true;
                continue;
            }
            var splitter = new Sroa(alloca);
            if (!splitter.Split())
                continue;
            changed = true;
            foreach (Piece piece in splitter._pieces)
            {
                if (piece.Slot is not null && piece.Scalar == IrType.Void)
                    work.Enqueue(piece.Slot);
            }
            foreach (AllocaInstruction partner in splitter._partners)
                work.Enqueue(partner);
        }
        return changed;
    }

    private bool Split()
    {
        if (_alloca.Size > MaxSize || Mem2Reg.IsPromotable(_alloca) || !Collect(_alloca, 0))
            return false;
        MakePieces();
        foreach (Piece piece in _pieces)
            piece.Scalar = ChooseScalar(piece);
        // One piece that stays memory is what we had.
        if (_pieces.Count == 1 && _pieces[0].Scalar == IrType.Void && _pieces[0].Size == _alloca.Size)
            return false;
        foreach (Piece piece in _pieces)
        {
            int alignment = piece.Scalar != IrType.Void ? piece.Scalar.Bytes() : AlignmentAt(_alloca.Alignment, piece.Begin);
            piece.Slot = _alloca.Block!.InsertBefore(_alloca, new AllocaInstruction(piece.Size, alignment)
            {
                Location = _alloca.Location,
                Name = _pieces.Count == 1 ? _alloca.Name : $"{_alloca.Name ?? "s"}.{piece.Begin}",
            });
        }
        foreach (Access access in _accesses)
        {
            _builder.PositionBefore(access.User);
            _builder.Location = access.User.Location;
            Rewrite(access);
        }
        for (int i = _addresses.Count - 1; i >= 0; i--)
            _addresses[i].Erase();
        _alloca.Erase();
        return true;
    }

    /// <summary>Finds all accesses; false when the address is used in another way.</summary>
    private bool Collect(Value address, long offset)
    {
        foreach (Instruction user in address.Users)
        {
            switch (user)
            {
                case LoadInstruction load:
                    _accesses.Add(new Access(user, offset, load.Type.Bytes(), false));
                    break;
                case StoreInstruction store when !ReferenceEquals(store.StoredValue, address):
                    _accesses.Add(new Access(user, offset, store.StoredValue.Type.Bytes(), false));
                    break;
                case AtomicRmwInstruction or CompareExchangeInstruction when user.GetOperand(0) == address && user.GetOperand(1) != address && user.GetOperand(user.OperandCount - 1) != address:
                    _accesses.Add(new Access(user, offset, user.Type.Bytes(), false));
                    break;
                case BlockMemoryInstruction block when block.Length is Constant length && length.Unsigned <= MaxSize:
                    // Both ends in one object: the order of bytes matters, leave it.
                    if (Analysis.MemoryAddress.Of(block.Pointer).Base == _alloca && block.Opcode != IrOpcode.MemSet && Analysis.MemoryAddress.Of(block.Source).Base == _alloca)
                        return false;
                    _accesses.Add(new Access(user, offset, length.Signed, !ReferenceEquals(block.Pointer, address)));
                    break;
                case { Opcode: IrOpcode.PtrAdd } when user.GetOperand(1) is Constant step && user.GetOperand(0) == address:
                    _addresses.Add(user);
                    if (!Collect(user, offset + step.Signed))
                        return false;
                    continue;
                default:
                    return false;
            }
            Access last = _accesses[^1];
            if (last.Begin < 0 || last.End > _alloca.Size || (last.Size == 0 && !last.IsSplittable))
                return false;
        }
        return true;
    }

    /// <summary>Overlapping scalar accesses make pieces; what lies between and is copied out makes gaps.</summary>
    private void MakePieces()
    {
        var fixedAccesses = _accesses.FindAll(access => !access.IsSplittable);
        fixedAccesses.Sort((a, b) => a.Begin.CompareTo(b.Begin));
        var scalars = new List<Piece>();
        foreach (Access access in fixedAccesses)
        {
            if (scalars.Count > 0 && access.Begin < scalars[^1].End)
                scalars[^1].End = Math.Max(scalars[^1].End, access.End);
            else
                scalars.Add(new Piece(access.Begin, access.End));
        }
        long position = 0;
        foreach (Piece scalar in scalars)
        {
            AddGap(position, scalar.Begin);
            _pieces.Add(scalar);
            position = scalar.End;
        }
        AddGap(position, _alloca.Size);
    }

    private void AddGap(long begin, long end)
    {
        long first = end, last = begin;
        foreach (Access access in _accesses)
        {
            if (!access.IsSplittable || !access.IsSource || access.End <= begin || access.Begin >= end || access.Size == 0)
                continue;
            first = Math.Min(first, Math.Max(begin, access.Begin));
            last = Math.Max(last, Math.Min(end, access.End));
        }
        if (first >= last)
            return;
        // A small gap whose every copy is aligned becomes words, so that it needs no memory; others stay memory.
        long word = last - first <= MaxScalarGap ? WordSize(first, last) : 0;
        if (word == 0)
            _pieces.Add(new Piece(first, last) { IsGap = true });
        for (long at = first; word > 0 && at < last;)
        {
            long size = word;
            while (at % size != 0 || at + size > last)
                size /= 2;
            _pieces.Add(new Piece(at, at + size) { IsGap = true, Scalar = IrTypes.Integer((int)size * 8) });
            at += size;
        }
    }

    /// <summary>
    /// The widest word all block operations on a range allow by their alignment; 0 when that would be too many words to keep in
    /// registers (a hardware address in a packet is six bytes, which fit).
    /// </summary>
    private long WordSize(long begin, long end)
    {
        long word = Math.Min(8, _alloca.Alignment);
        foreach (Access access in _accesses)
        {
            if (access.IsSplittable && access.User is BlockMemoryInstruction { Opcode: not IrOpcode.MemSet } block && access.End > begin && access.Begin < end)
            {
                int other = access.IsSource ? block.Alignment : block.SourceAlignment;
                // The other side's words must line up with ours.
                word = Math.Min(word, access.Begin % 8 == 0 ? other : AlignmentAt(other, access.Begin));
                if (access.Begin % word != 0)
                    return 0;
            }
        }
        return word >= 4 || end - begin <= word * MaxNarrowWords ? word : 0;
    }

    /// <summary>
    /// The scalar a piece is promoted as: the type of a plain access to all of it, if every other access can be written as taking
    /// or setting some of its bits.
    /// </summary>
    private IrType ChooseScalar(Piece piece)
    {
        if (piece.IsGap)
            return piece.Scalar == IrType.Void || HasUnevenParts(piece) ? IrType.Void : piece.Scalar;
        IrType whole = IrType.Void;
        bool parts = false;
        foreach (Access access in _accesses)
        {
            long begin = Math.Max(access.Begin, piece.Begin), end = Math.Min(access.End, piece.End);
            if (begin >= end)
                continue;
            bool all = begin == piece.Begin && end == piece.End;
            if (access.IsSplittable)
            {
                parts |= !all;
                if (!all && access.User.Opcode != IrOpcode.MemSet && !BitOperations.IsPow2(end - begin))
                    return IrType.Void;
                continue;
            }
            if (!access.IsPlainScalar)
                return IrType.Void;
            if (!all)
            {
                parts = true;
                continue;
            }
            if (whole == IrType.Void)
                whole = access.Type;
            else if (whole != access.Type)
                whole = IrTypes.Integer((int)piece.Size * 8);
        }
        if (whole == IrType.Void || !parts)
            return whole;
        return IrTypes.Integer((int)piece.Size * 8);
    }

    /// <summary>Some copy covers a part of the piece that is no power of two.</summary>
    private bool HasUnevenParts(Piece piece)
    {
        foreach (Access access in _accesses)
        {
            long size = Math.Min(access.End, piece.End) - Math.Max(access.Begin, piece.Begin);
            if (size > 0 && size < piece.Size && access.User.Opcode != IrOpcode.MemSet && !BitOperations.IsPow2(size))
                return true;
        }
        return false;
    }

    private static int AlignmentAt(int alignment, long offset) => offset == 0 ? alignment : (int)Math.Min(alignment, offset & -offset);
}
