// Ranges against concrete values: small sets of numbers around every boundary (zero, the sign bits, the word's end) are abstracted,
// operated on and refined; every concrete result must lie in the abstract one.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Verification;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class ScalarBoundsTests
{
    private static readonly Operation[] s_operations =
    [
        Operation.Add, Operation.Sub, Operation.Mul, Operation.And, Operation.Or, Operation.Xor, Operation.Lsh, Operation.Rsh, Operation.Arsh,
        Operation.Neg, Operation.Div, Operation.Mod, Operation.SDiv, Operation.SMod,
    ];

    private static readonly Operation[] s_comparisons =
    [
        Operation.Jeq, Operation.Jne, Operation.Jgt, Operation.Jge, Operation.Jlt, Operation.Jle, Operation.Jsgt, Operation.Jsge, Operation.Jslt, Operation.Jsle, Operation.Jset,
    ];

    private static readonly ulong[] s_bases =
        [0, 0x7ffffff8, 0x80000000 - 4, 0x100000000 - 4, 0x17ffffffcUL, 0x7ffffffffffffffc, 0x8000000000000000 - 2, 0xffffffff7ffffffc, 0xfffffffffffffffc, 5, 1000];

    /// <summary>The best abstraction of a set of words, as loading and testing them could produce.</summary>
    private static ScalarBounds Abstract(IReadOnlyList<ulong> words)
    {
        ScalarBounds bounds = ScalarBounds.Const(words[0]);
        foreach (ulong word in words)
        {
            bounds.Bits = bounds.Bits.Join(Tnum.Const(word));
            bounds.UMin = Math.Min(bounds.UMin, word);
            bounds.UMax = Math.Max(bounds.UMax, word);
            bounds.SMin = Math.Min(bounds.SMin, (long)word);
            bounds.SMax = Math.Max(bounds.SMax, (long)word);
            bounds.UMin32 = Math.Min(bounds.UMin32, (uint)word);
            bounds.UMax32 = Math.Max(bounds.UMax32, (uint)word);
            bounds.SMin32 = Math.Min(bounds.SMin32, (int)word);
            bounds.SMax32 = Math.Max(bounds.SMax32, (int)word);
        }
        return bounds;
    }

    /// <summary>Random small sets, some of which forget parts of what is known.</summary>
    private static (ulong[] Words, ScalarBounds Bounds) Sample(Random random)
    {
        ulong start = s_bases[random.Next(s_bases.Length)];
        int count = random.Next(1, 5);
        var words = new ulong[count];
        for (int i = 0; i < count; i++)
            words[i] = random.Next(6) == 0 ? (ulong)random.NextInt64(long.MinValue, long.MaxValue) : start + (ulong)random.Next(0, 12);
        ScalarBounds bounds = Abstract(words);
        switch (random.Next(6))
        {
            case 0:
                bounds.Bits = Tnum.Unknown;
                break;
            case 1:
                bounds.Forget64();
                break;
            case 2:
                bounds.Forget32();
                break;
            case 3:
                bounds.ForgetRanges();
                break;
        }
        bounds.Synchronize();
        return (words, bounds);
    }

    [Fact]
    public void Synchronizing_never_loses_a_value()
    {
        var random = new Random(1);
        for (int round = 0; round < 15_000; round++)
        {
            (ulong[] words, ScalarBounds bounds) = Sample(random);
            foreach (ulong word in words)
                Assert.True(bounds.Contains(word), $"{word:x} lost");
            Assert.True(bounds.IsConsistent);
        }
    }

    [Fact]
    public void Every_operation_contains_every_concrete_result()
    {
        var random = new Random(2);
        for (int round = 0; round < 15_000; round++)
        {
            (ulong[] left, ScalarBounds a) = Sample(random);
            (ulong[] right, ScalarBounds b) = Sample(random);
            foreach (Operation operation in s_operations)
            {
                if (operation is Operation.Lsh or Operation.Rsh or Operation.Arsh)
                {
                    right = [(ulong)random.Next(64)];
                    b = ScalarBounds.Const(right[0]);
                }
                foreach (int width in new[] { 32, 64 })
                {
                    ScalarBounds result = a;
                    ScalarArithmetic.Apply(operation, width, ref result, in b);
                    foreach (ulong x in left)
                    {
                        foreach (ulong y in right)
                        {
                            ulong concrete = ScalarArithmetic.Concrete(operation, width, x, operation == Operation.Neg ? 0 : y);
                            if (operation == Operation.Neg)
                                concrete = width == 64 ? 0 - x : (uint)(0 - x);
                            Assert.True(result.Contains(concrete), $"{operation}{width} of {x:x} and {y:x} = {concrete:x}");
                        }
                    }
                }
            }
        }
    }

    [Fact]
    public void Extensions_and_truncations_contain_every_concrete_result()
    {
        var random = new Random(3);
        for (int round = 0; round < 15_000; round++)
        {
            (ulong[] words, ScalarBounds bounds) = Sample(random);
            foreach (int bytes in new[] { 1, 2, 4 })
            {
                ScalarBounds truncated = bounds, extended = bounds, low = bounds;
                truncated.Truncate(bytes);
                extended.SignExtend(bytes);
                foreach (ulong word in words)
                {
                    Assert.True(truncated.Contains(word & ((1UL << (bytes * 8)) - 1)));
                    Assert.True(extended.Contains((ulong)((long)(word << (64 - bytes * 8)) >> (64 - bytes * 8))));
                }
                if (bytes == 4)
                    continue;
                low.SignExtendLow(bytes);
                low.ZeroExtendLow();
                low.Synchronize();
                foreach (ulong word in words)
                    Assert.True(low.Contains((uint)((int)((uint)word << (32 - bytes * 8)) >> (32 - bytes * 8))));
            }
        }
    }

    [Fact]
    public void Byte_swaps_contain_every_concrete_result()
    {
        var random = new Random(5);
        for (int round = 0; round < 15_000; round++)
        {
            (ulong[] words, ScalarBounds bounds) = Sample(random);
            foreach (int width in new[] { 16, 32, 64 })
            {
                ScalarBounds swapped = bounds, kept = bounds;
                ScalarArithmetic.SwapBytes(true, width, ref swapped);
                ScalarArithmetic.SwapBytes(false, width, ref kept);
                foreach (ulong word in words)
                {
                    Assert.True(swapped.Contains(Ebpfcc.Core.Numerics.IntegerArithmetic.ByteSwap(word, width)));
                    Assert.True(kept.Contains(Ebpfcc.Core.Numerics.IntegerArithmetic.ZeroExtend(word, width)));
                }
            }
        }
    }

    private static bool Holds(Operation operation, bool low, ulong x, ulong y)
    {
        if (low)
            (x, y) = ((uint)x, (uint)y);
        long sx = low ? (int)x : (long)x, sy = low ? (int)y : (long)y;
        return operation switch
        {
            Operation.Jeq => x == y, Operation.Jne => x != y, Operation.Jgt => x > y, Operation.Jge => x >= y, Operation.Jlt => x < y, Operation.Jle => x <= y,
            Operation.Jsgt => sx > sy, Operation.Jsge => sx >= sy, Operation.Jslt => sx < sy, Operation.Jsle => sx <= sy, _ => (x & y) != 0,
        };
    }

    [Fact]
    public void Decided_branches_are_right_and_refinement_keeps_every_value_that_takes_the_edge()
    {
        var random = new Random(4);
        for (int round = 0; round < 15_000; round++)
        {
            (ulong[] left, ScalarBounds a) = Sample(random);
            (ulong[] right, ScalarBounds b) = Sample(random);
            foreach (Operation comparison in s_comparisons)
            {
                foreach (bool low in new[] { false, true })
                {
                    var first = new RegisterState { Kind = RegisterKind.Scalar, Value = a };
                    var second = new RegisterState { Kind = RegisterKind.Scalar, Value = b };
                    bool? decided = Refinement.DecideScalars(comparison, low, in first, in second);
                    ScalarBounds trueA = a, trueB = b, falseA = a, falseB = b;
                    Refinement.Assume(comparison, low, ref trueA, ref trueB, holds: true);
                    Refinement.Assume(comparison, low, ref falseA, ref falseB, holds: false);
                    foreach (ulong x in left)
                    {
                        foreach (ulong y in right)
                        {
                            bool holds = Holds(comparison, low, x, y);
                            Assert.True(decided is null || decided == holds, $"{x:x} {comparison} {y:x}");
                            ScalarBounds restA = holds ? trueA : falseA, restB = holds ? trueB : falseB;
                            Assert.True(restA.Contains(x) && restB.Contains(y), $"{x:x} {comparison} {y:x} is {holds}, low {low}");
                        }
                    }
                }
            }
        }
    }

    /// <summary>
    /// Exhaustive at a small width: every non-empty set of four neighbouring words, at every boundary where ranges change their nature,
    /// against every such set at every boundary; every operation in both widths and every comparison on both edges. A set is what
    /// registers can hold at most; EBPFCC_VERIFIER_EXHAUSTIVE=3 takes sets of eight words, which takes some minutes.
    /// </summary>
    [Fact]
    public void Every_small_set_at_every_boundary_is_contained()
    {
        int bits = Environment.GetEnvironmentVariable("EBPFCC_VERIFIER_EXHAUSTIVE") == "3" ? 3 : 2, count = 1 << bits, subsets = (1 << count) - 1;
        ulong[] starts = [0, 0x80000000 - (ulong)count / 2, 0x100000000 - (ulong)count / 2, 0x8000000000000000 - (ulong)count / 2, 0xffffffff80000000 - (ulong)count / 2, 0 - (ulong)count / 2, 61];
        var sets = new List<(ulong[] Words, ScalarBounds Bounds)>();
        foreach (ulong start in starts)
        {
            for (int subset = 1; subset <= subsets; subset++)
            {
                var words = new List<ulong>();
                for (int i = 0; i < count; i++)
                {
                    if ((subset >> i & 1) != 0)
                        words.Add(start + (ulong)i);
                }
                ScalarBounds bounds = Abstract(words);
                bounds.Synchronize();
                sets.Add(([.. words], bounds));
            }
        }
        Parallel.ForEach(sets, left =>
        {
            foreach ((ulong[] Words, ScalarBounds Bounds) right in sets)
            {
                CheckOperations(left.Words, in left.Bounds, right.Words, in right.Bounds);
                CheckComparisons(left.Words, in left.Bounds, right.Words, in right.Bounds);
            }
        });
    }

    private static void CheckOperations(ulong[] left, in ScalarBounds a, ulong[] right, in ScalarBounds b)
    {
        foreach (Operation operation in s_operations)
        {
            bool isShift = operation is Operation.Lsh or Operation.Rsh or Operation.Arsh;
            foreach (int width in (ReadOnlySpan<int>)[32, 64])
            {
                // Larger counts never reach the transfer of a shift: they make the result unknown.
                if (isShift && b.UMax >= (ulong)width)
                    continue;
                ScalarBounds result = a;
                ScalarArithmetic.Apply(operation, width, ref result, in b);
                foreach (ulong x in left)
                {
                    foreach (ulong y in right)
                    {
                        ulong concrete = operation == Operation.Neg ? width == 64 ? 0 - x : (uint)(0 - x) : ScalarArithmetic.Concrete(operation, width, x, y);
                        if (!result.Contains(concrete))
                            Assert.Fail($"{operation}{width} of {x:x} and {y:x} = {concrete:x} is outside {result.Bits} {result.UMin:x}..{result.UMax:x} {result.SMin}..{result.SMax}");
                    }
                }
            }
        }
    }

    private static void CheckComparisons(ulong[] left, in ScalarBounds a, ulong[] right, in ScalarBounds b)
    {
        foreach (Operation comparison in s_comparisons)
        {
            foreach (bool low in (ReadOnlySpan<bool>)[false, true])
            {
                var first = new RegisterState { Kind = RegisterKind.Scalar, Value = a };
                var second = new RegisterState { Kind = RegisterKind.Scalar, Value = b };
                bool? decided = Refinement.DecideScalars(comparison, low, in first, in second);
                ScalarBounds trueA = a, trueB = b, falseA = a, falseB = b;
                Refinement.Assume(comparison, low, ref trueA, ref trueB, holds: true);
                Refinement.Assume(comparison, low, ref falseA, ref falseB, holds: false);
                foreach (ulong x in left)
                {
                    foreach (ulong y in right)
                    {
                        bool holds = Holds(comparison, low, x, y);
                        if (decided is not null && decided != holds)
                            Assert.Fail($"{x:x} {comparison} {y:x} is {holds}, low {low}, but decided otherwise");
                        if (!(holds ? trueA : falseA).Contains(x) || !(holds ? trueB : falseB).Contains(y))
                            Assert.Fail($"{x:x} {comparison} {y:x} is {holds}, low {low}, but refined away");
                    }
                }
            }
        }
    }
}
