// bpf_map_lookup_elem on a hash table whose shape is known when the program is translated: a routine behind the program's code that
// searches the table itself. A call of the helper would leave native code twice for what takes a few nanoseconds.
//
//   rsi = key                                   r11 = hash, r9 = ~bucket, r10 = element, ecx = version; rax and rdx free
//   again:  rax = seed
//           for each word:  rax ^= word ; rax *= multiplier ; rax = rotate(rax)      (no rotation after the last)
//           r11 = (rax >> 32) ^ rax
//           ecx = versions[r11 & stripes]
//           eax = r11 & mask ; r9 = ~eax ; eax = buckets[eax]
//   next:   test eax ; js end
//           r10 = elements + eax * size
//           hash and key equal?  return r10 + value offset
//           eax = r10.next ; jmp next
//   end:    eax == r9 ?                          the chain ended where it began
//           ecx == versions[r11 & stripes] ?     and nothing was replaced meanwhile
//           return 0
//           otherwise again                      an element moved under our feet
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Jit.X64;

public sealed partial class X64Compiler
{
    /// <summary>Keys of at most this many bytes are compared in line.</summary>
    private const int MaxInlineKey = 64;

    private readonly List<(HashTableLayout Table, Label Entry)> _hashLookups = [];

    /// <summary>Can the routine be written for this table?</summary>
    private static bool HasHashLookup(HashTableLayout table) => table.KeySize <= MaxInlineKey && table.KeySize % 8 is 0 or 1 or 2 or 4;

    /// <summary>Calls the table's routine.</summary>
    private void EmitHashLookup(HashTableLayout table)
    {
        foreach ((HashTableLayout known, Label entry) in _hashLookups)
        {
            if (known.Buckets == table.Buckets)
            {
                _emit.Call(entry);
                return;
            }
        }
        Label fresh = _emit.NewLabel();
        _hashLookups.Add((table, fresh));
        _emit.Call(fresh);
    }

    /// <summary>Writes the routines that calls refer to.</summary>
    private void EmitHashLookups()
    {
        foreach ((HashTableLayout table, Label entry) in _hashLookups)
            EmitRoutine(table, entry);
    }

    private void EmitRoutine(HashTableLayout table, Label entry)
    {
        const X64Register Result = X64Register.Rax, Word = X64Register.Rdx, Upper = X64Register.Rcx, Version = X64Register.Rcx, Key = X64Register.Rsi, Bucket = Scratch0, Element = Scratch1, Hash = Scratch2;
        Label next = _emit.NewLabel(), follow = _emit.NewLabel(), end = _emit.NewLabel();
        _emit.Bind(entry);
        _emit.MoveImmediate(Result, table.Seed);
        _emit.MoveImmediate(Element, HashTableLayout.Multiplier);
        for (int at = 0; at < table.KeySize; at += 8)
        {
            LoadWord(at);
            _emit.Alu(X64Alu.Xor, Result, Word, true);
            _emit.Multiply(Result, Element, true);
            if (at + 8 < table.KeySize)
                _emit.Shift(X64Shift.RotateLeft, Result, HashTableLayout.Rotation, true);
        }
        _emit.Move(Hash, Result, true);
        _emit.Shift(X64Shift.RightLogical, Hash, 32, true);
        _emit.Alu(X64Alu.Xor, Hash, Result, false);
        FindVersion(Element, Result);
        _emit.Load(32, Version, Element, 0);
        _emit.Move(Result, Hash, false);
        _emit.Alu(X64Alu.And, Result, unchecked((int)table.BucketMask), false);
        _emit.Move(Bucket, Result, false);
        _emit.Alu(X64Alu.Xor, Bucket, -1, false);
        _emit.MoveImmediate(Element, (ulong)table.Buckets);
        _emit.LoadEffectiveAddress(Element, Element, Result, 4, 0);
        _emit.Load(32, Result, Element, 0);

        _emit.Bind(next);
        _emit.Test(Result, Result, false);
        _emit.JumpIf(X64Condition.Sign, end);
        _emit.Multiply(Result, Result, table.ElementSize, true);
        _emit.MoveImmediate(Element, (ulong)table.Elements);
        _emit.Alu(X64Alu.Add, Element, Result, true);
        _emit.AluMemory(X64Alu.Cmp, Hash, Element, HashTableLayout.HashOffset, false);
        _emit.JumpIf(X64Condition.NotEqual, follow);
        // Of a key of one word, Word still holds it. The key in the element is followed by zeros up to a multiple of 8.
        for (int at = 0; at < table.KeySize; at += table.KeySize <= 8 ? 8 : 4)
        {
            if (table.KeySize > 8)
                _emit.Load(Math.Min(4, table.KeySize - at) * 8, Word, Key, at);
            _emit.AluMemory(X64Alu.Cmp, Word, Element, HashTableLayout.KeyOffset + at, table.KeySize == 8);
            _emit.JumpIf(X64Condition.NotEqual, follow);
        }
        if (table.MarksUse)
            _emit.StoreImmediate(32, Element, HashTableLayout.UseOffset, 1);
        _emit.LoadEffectiveAddress(Result, Element, table.ValueOffset);
        _emit.Return();

        _emit.Bind(follow);
        _emit.Load(32, Result, Element, HashTableLayout.NextOffset);
        _emit.Jump(next);

        _emit.Bind(end);
        _emit.Alu(X64Alu.Cmp, Result, Bucket, false);
        _emit.JumpIf(X64Condition.NotEqual, entry);
        FindVersion(Element, Word);
        _emit.AluMemory(X64Alu.Cmp, Version, Element, 0, false);
        _emit.JumpIf(X64Condition.NotEqual, entry);
        _emit.MoveImmediate(Result, 0);
        _emit.Return();

        // The address of the counter for the hash's stripe.
        void FindVersion(X64Register address, X64Register temporary)
        {
            _emit.Move(temporary, Hash, false);
            _emit.Alu(X64Alu.And, temporary, unchecked((int)table.StripeMask), false);
            _emit.Shift(X64Shift.Left, temporary, HashTableLayout.VersionShift, false);
            _emit.MoveImmediate(address, (ulong)table.Versions);
            _emit.Alu(X64Alu.Add, address, temporary, true);
        }

        // Programs write keys member by member just before the call: a load of 8 bytes over two stores of 4 would wait until both have
        // left the store buffer, two loads of 4 take them from there.
        void LoadWord(int at)
        {
            int size = Math.Min(8, table.KeySize - at);
            _emit.Load(Math.Min(size, 4) * 8, Word, Key, at);
            if (size < 8)
                return;
            _emit.Load(32, Upper, Key, at + 4);
            _emit.Shift(X64Shift.Left, Upper, 32, true);
            _emit.Alu(X64Alu.Or, Word, Upper, true);
        }
    }
}
