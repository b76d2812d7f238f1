// The compiler builtins, one row each: name, how the binder treats its operands, and what it becomes. Families with numbered
// variants (__sync_fetch_and_add_4, __builtin_clzll) are found by stripping the suffix that the row allows.
namespace Ebpfcc.Frontend.Binding;

/// <summary>How a builtin's operands are checked and what it yields.</summary>
public enum BuiltinForm : byte
{
    /// <summary>memcpy and friends: (void *, const void *, size_t) as Kind says; result of argument 0's type void *.</summary>
    Copy, Set, Compare,

    /// <summary>Functions of string constants, folded.</summary>
    StringLength, StringCompare,

    /// <summary>Unary on unsigned of a fixed width; folded for literals.</summary>
    Bits, Absolute,

    /// <summary>Operands of any type, not evaluated or folded.</summary>
    ConstantP, ChooseExpr, TypesCompatible, ObjectSize, ClassifyType, Identity,

    Expect, ExpectWithProbability, Assume,

    /// <summary>No operands, no result.</summary>
    NoReturn, Nothing,

    Prefetch, FrameLevel, ExtractReturnAddress,

    Overflow,

    SyncFetch, SyncCompareAndSwap, SyncRelease, SyncLock, Fence,

    AtomicFetch, AtomicLoadN, AtomicStoreN, AtomicExchangeN, AtomicCompareN, AtomicLoad, AtomicStore, AtomicExchange, AtomicCompare,
    AtomicTestAndSet, AtomicClear, AtomicLockFree, AtomicFence, AtomicInit,

    PreserveAccessIndex, PreserveFieldInfo, PreserveTypeInfo, PreserveEnumValue, BtfTypeId,

    /// <summary>Known, and impossible in eBPF.</summary>
    Refused,
}

/// <param name="Name">As called.</param>
/// <param name="Form">Operand rules.</param>
/// <param name="Kind">What it becomes when it survives binding.</param>
/// <param name="Argument">The form's parameter: bits of the operand, 1 for signed variants, ...</param>
public sealed record BuiltinRow(string Name, BuiltinForm Form, BuiltinKind Kind = default, int Argument = 0);

public static class BuiltinTable
{
    public static readonly BuiltinRow[] Rows =
    [
        new("__builtin_memcpy", BuiltinForm.Copy, BuiltinKind.MemCopy),
        new("__builtin_memcpy_inline", BuiltinForm.Copy, BuiltinKind.MemCopy),
        new("__builtin_memmove", BuiltinForm.Copy, BuiltinKind.MemMove),
        new("__builtin_memset", BuiltinForm.Set, BuiltinKind.MemSet),
        new("__builtin_memset_inline", BuiltinForm.Set, BuiltinKind.MemSet),
        new("__builtin_memcmp", BuiltinForm.Compare, BuiltinKind.MemCompare),
        new("__builtin_bcmp", BuiltinForm.Compare, BuiltinKind.MemCompare),
        new("memcpy", BuiltinForm.Copy, BuiltinKind.MemCopy),
        new("memmove", BuiltinForm.Copy, BuiltinKind.MemMove),
        new("memset", BuiltinForm.Set, BuiltinKind.MemSet),
        new("memcmp", BuiltinForm.Compare, BuiltinKind.MemCompare),
        new("bcmp", BuiltinForm.Compare, BuiltinKind.MemCompare),
        new("__builtin_strlen", BuiltinForm.StringLength),
        new("strlen", BuiltinForm.StringLength),
        new("__builtin_strcmp", BuiltinForm.StringCompare, default, 2),
        new("__builtin_strncmp", BuiltinForm.StringCompare, default, 3),
        new("__builtin_bswap16", BuiltinForm.Bits, BuiltinKind.ByteSwap, 16),
        new("__builtin_bswap32", BuiltinForm.Bits, BuiltinKind.ByteSwap, 32),
        new("__builtin_bswap64", BuiltinForm.Bits, BuiltinKind.ByteSwap, 64),
        new("__builtin_clz", BuiltinForm.Bits, BuiltinKind.CountLeadingZeros, 32),
        new("__builtin_clzl", BuiltinForm.Bits, BuiltinKind.CountLeadingZeros, 64),
        new("__builtin_clzll", BuiltinForm.Bits, BuiltinKind.CountLeadingZeros, 64),
        new("__builtin_ctz", BuiltinForm.Bits, BuiltinKind.CountTrailingZeros, 32),
        new("__builtin_ctzl", BuiltinForm.Bits, BuiltinKind.CountTrailingZeros, 64),
        new("__builtin_ctzll", BuiltinForm.Bits, BuiltinKind.CountTrailingZeros, 64),
        new("__builtin_popcount", BuiltinForm.Bits, BuiltinKind.PopCount, 32),
        new("__builtin_popcountl", BuiltinForm.Bits, BuiltinKind.PopCount, 64),
        new("__builtin_popcountll", BuiltinForm.Bits, BuiltinKind.PopCount, 64),
        new("__builtin_ffs", BuiltinForm.Bits, BuiltinKind.FindFirstSet, 32),
        new("__builtin_ffsl", BuiltinForm.Bits, BuiltinKind.FindFirstSet, 64),
        new("__builtin_ffsll", BuiltinForm.Bits, BuiltinKind.FindFirstSet, 64),
        new("__builtin_parity", BuiltinForm.Bits, BuiltinKind.Parity, 32),
        new("__builtin_parityl", BuiltinForm.Bits, BuiltinKind.Parity, 64),
        new("__builtin_parityll", BuiltinForm.Bits, BuiltinKind.Parity, 64),
        new("__builtin_abs", BuiltinForm.Absolute, default, 32),
        new("__builtin_labs", BuiltinForm.Absolute, default, 64),
        new("__builtin_llabs", BuiltinForm.Absolute, default, 64),
        new("__builtin_constant_p", BuiltinForm.ConstantP, BuiltinKind.ConstantP),
        new("__builtin_choose_expr", BuiltinForm.ChooseExpr),
        new("__builtin_types_compatible_p", BuiltinForm.TypesCompatible),
        new("__builtin_object_size", BuiltinForm.ObjectSize),
        new("__builtin_dynamic_object_size", BuiltinForm.ObjectSize),
        new("__builtin_classify_type", BuiltinForm.ClassifyType),
        new("__builtin_assume_aligned", BuiltinForm.Identity),
        new("__builtin_launder", BuiltinForm.Identity),
        new("__builtin_addressof", BuiltinForm.Identity, default, 1),
        new("__builtin_expect", BuiltinForm.Expect, BuiltinKind.Expect),
        new("__builtin_expect_with_probability", BuiltinForm.ExpectWithProbability, BuiltinKind.Expect),
        new("__builtin_unpredictable", BuiltinForm.Identity),
        new("__builtin_assume", BuiltinForm.Assume, BuiltinKind.Assume),
        new("__builtin_unreachable", BuiltinForm.NoReturn, BuiltinKind.Unreachable),
        new("__builtin_trap", BuiltinForm.NoReturn, BuiltinKind.Trap),
        new("__builtin_debugtrap", BuiltinForm.NoReturn, BuiltinKind.Trap),
        new("__builtin_abort", BuiltinForm.NoReturn, BuiltinKind.Trap),
        new("__builtin_prefetch", BuiltinForm.Prefetch),
        new("__builtin_frame_address", BuiltinForm.FrameLevel, BuiltinKind.FrameAddress),
        new("__builtin_return_address", BuiltinForm.FrameLevel, BuiltinKind.ReturnAddress),
        new("__builtin_extract_return_addr", BuiltinForm.ExtractReturnAddress),
        new("__builtin_frob_return_addr", BuiltinForm.ExtractReturnAddress),
        new("__builtin_add_overflow", BuiltinForm.Overflow, BuiltinKind.AddOverflow),
        new("__builtin_sadd_overflow", BuiltinForm.Overflow, BuiltinKind.AddOverflow, 1),
        new("__builtin_saddl_overflow", BuiltinForm.Overflow, BuiltinKind.AddOverflow, 2),
        new("__builtin_saddll_overflow", BuiltinForm.Overflow, BuiltinKind.AddOverflow, 3),
        new("__builtin_uadd_overflow", BuiltinForm.Overflow, BuiltinKind.AddOverflow, 4),
        new("__builtin_uaddl_overflow", BuiltinForm.Overflow, BuiltinKind.AddOverflow, 5),
        new("__builtin_uaddll_overflow", BuiltinForm.Overflow, BuiltinKind.AddOverflow, 6),
        new("__builtin_sub_overflow", BuiltinForm.Overflow, BuiltinKind.SubOverflow),
        new("__builtin_ssub_overflow", BuiltinForm.Overflow, BuiltinKind.SubOverflow, 1),
        new("__builtin_ssubl_overflow", BuiltinForm.Overflow, BuiltinKind.SubOverflow, 2),
        new("__builtin_ssubll_overflow", BuiltinForm.Overflow, BuiltinKind.SubOverflow, 3),
        new("__builtin_usub_overflow", BuiltinForm.Overflow, BuiltinKind.SubOverflow, 4),
        new("__builtin_usubl_overflow", BuiltinForm.Overflow, BuiltinKind.SubOverflow, 5),
        new("__builtin_usubll_overflow", BuiltinForm.Overflow, BuiltinKind.SubOverflow, 6),
        new("__builtin_mul_overflow", BuiltinForm.Overflow, BuiltinKind.MulOverflow),
        new("__builtin_smul_overflow", BuiltinForm.Overflow, BuiltinKind.MulOverflow, 1),
        new("__builtin_smull_overflow", BuiltinForm.Overflow, BuiltinKind.MulOverflow, 2),
        new("__builtin_smulll_overflow", BuiltinForm.Overflow, BuiltinKind.MulOverflow, 3),
        new("__builtin_umul_overflow", BuiltinForm.Overflow, BuiltinKind.MulOverflow, 4),
        new("__builtin_umull_overflow", BuiltinForm.Overflow, BuiltinKind.MulOverflow, 5),
        new("__builtin_umulll_overflow", BuiltinForm.Overflow, BuiltinKind.MulOverflow, 6),

        // Argument: GNU's deprecated-free numbering: the suffix _1 .. _16 is stripped before the lookup.
        new("__sync_fetch_and_add", BuiltinForm.SyncFetch, BuiltinKind.AtomicFetchAdd),
        new("__sync_fetch_and_sub", BuiltinForm.SyncFetch, BuiltinKind.AtomicFetchSub),
        new("__sync_fetch_and_and", BuiltinForm.SyncFetch, BuiltinKind.AtomicFetchAnd),
        new("__sync_fetch_and_or", BuiltinForm.SyncFetch, BuiltinKind.AtomicFetchOr),
        new("__sync_fetch_and_xor", BuiltinForm.SyncFetch, BuiltinKind.AtomicFetchXor),
        new("__sync_fetch_and_nand", BuiltinForm.SyncFetch, BuiltinKind.AtomicFetchNand),
        new("__sync_add_and_fetch", BuiltinForm.SyncFetch, BuiltinKind.AtomicAddFetch),
        new("__sync_sub_and_fetch", BuiltinForm.SyncFetch, BuiltinKind.AtomicSubFetch),
        new("__sync_and_and_fetch", BuiltinForm.SyncFetch, BuiltinKind.AtomicAndFetch),
        new("__sync_or_and_fetch", BuiltinForm.SyncFetch, BuiltinKind.AtomicOrFetch),
        new("__sync_xor_and_fetch", BuiltinForm.SyncFetch, BuiltinKind.AtomicXorFetch),
        new("__sync_nand_and_fetch", BuiltinForm.SyncFetch, BuiltinKind.AtomicNandFetch),
        new("__sync_lock_test_and_set", BuiltinForm.SyncFetch, BuiltinKind.AtomicExchange),
        new("__sync_swap", BuiltinForm.SyncFetch, BuiltinKind.AtomicExchange),
        new("__sync_val_compare_and_swap", BuiltinForm.SyncCompareAndSwap, BuiltinKind.SyncValueCompareAndSwap),
        new("__sync_bool_compare_and_swap", BuiltinForm.SyncCompareAndSwap, BuiltinKind.SyncBoolCompareAndSwap),
        new("__sync_lock_release", BuiltinForm.SyncRelease, BuiltinKind.AtomicStore),
        new("__sync_synchronize", BuiltinForm.Fence, BuiltinKind.SynchronizeFence),

        new("__atomic_fetch_add", BuiltinForm.AtomicFetch, BuiltinKind.AtomicFetchAdd),
        new("__atomic_fetch_sub", BuiltinForm.AtomicFetch, BuiltinKind.AtomicFetchSub),
        new("__atomic_fetch_and", BuiltinForm.AtomicFetch, BuiltinKind.AtomicFetchAnd),
        new("__atomic_fetch_or", BuiltinForm.AtomicFetch, BuiltinKind.AtomicFetchOr),
        new("__atomic_fetch_xor", BuiltinForm.AtomicFetch, BuiltinKind.AtomicFetchXor),
        new("__atomic_fetch_nand", BuiltinForm.AtomicFetch, BuiltinKind.AtomicFetchNand),
        new("__atomic_add_fetch", BuiltinForm.AtomicFetch, BuiltinKind.AtomicAddFetch),
        new("__atomic_sub_fetch", BuiltinForm.AtomicFetch, BuiltinKind.AtomicSubFetch),
        new("__atomic_and_fetch", BuiltinForm.AtomicFetch, BuiltinKind.AtomicAndFetch),
        new("__atomic_or_fetch", BuiltinForm.AtomicFetch, BuiltinKind.AtomicOrFetch),
        new("__atomic_xor_fetch", BuiltinForm.AtomicFetch, BuiltinKind.AtomicXorFetch),
        new("__atomic_nand_fetch", BuiltinForm.AtomicFetch, BuiltinKind.AtomicNandFetch),
        new("__atomic_load_n", BuiltinForm.AtomicLoadN, BuiltinKind.AtomicLoad),
        new("__atomic_store_n", BuiltinForm.AtomicStoreN, BuiltinKind.AtomicStore),
        new("__atomic_exchange_n", BuiltinForm.AtomicExchangeN, BuiltinKind.AtomicExchange),
        new("__atomic_compare_exchange_n", BuiltinForm.AtomicCompareN, BuiltinKind.AtomicCompareExchange, 1),
        new("__atomic_load", BuiltinForm.AtomicLoad, BuiltinKind.AtomicLoad),
        new("__atomic_store", BuiltinForm.AtomicStore, BuiltinKind.AtomicStore),
        new("__atomic_exchange", BuiltinForm.AtomicExchange, BuiltinKind.AtomicExchange),
        new("__atomic_compare_exchange", BuiltinForm.AtomicCompare, BuiltinKind.AtomicCompareExchange),
        new("__atomic_test_and_set", BuiltinForm.AtomicTestAndSet, BuiltinKind.AtomicExchange),
        new("__atomic_clear", BuiltinForm.AtomicClear, BuiltinKind.AtomicStore),
        new("__atomic_thread_fence", BuiltinForm.AtomicFence, BuiltinKind.SynchronizeFence),
        new("__atomic_signal_fence", BuiltinForm.AtomicFence, BuiltinKind.SynchronizeFence),
        new("__atomic_always_lock_free", BuiltinForm.AtomicLockFree),
        new("__atomic_is_lock_free", BuiltinForm.AtomicLockFree),
        new("__c11_atomic_fetch_add", BuiltinForm.AtomicFetch, BuiltinKind.AtomicFetchAdd),
        new("__c11_atomic_fetch_sub", BuiltinForm.AtomicFetch, BuiltinKind.AtomicFetchSub),
        new("__c11_atomic_fetch_and", BuiltinForm.AtomicFetch, BuiltinKind.AtomicFetchAnd),
        new("__c11_atomic_fetch_or", BuiltinForm.AtomicFetch, BuiltinKind.AtomicFetchOr),
        new("__c11_atomic_fetch_xor", BuiltinForm.AtomicFetch, BuiltinKind.AtomicFetchXor),
        new("__c11_atomic_load", BuiltinForm.AtomicLoadN, BuiltinKind.AtomicLoad),
        new("__c11_atomic_store", BuiltinForm.AtomicStoreN, BuiltinKind.AtomicStore),
        new("__c11_atomic_init", BuiltinForm.AtomicInit, BuiltinKind.AtomicStore),
        new("__c11_atomic_exchange", BuiltinForm.AtomicExchangeN, BuiltinKind.AtomicExchange),
        new("__c11_atomic_compare_exchange_strong", BuiltinForm.AtomicCompareN, BuiltinKind.AtomicCompareExchange),
        new("__c11_atomic_compare_exchange_weak", BuiltinForm.AtomicCompareN, BuiltinKind.AtomicCompareExchange),
        new("__c11_atomic_thread_fence", BuiltinForm.AtomicFence, BuiltinKind.SynchronizeFence),
        new("__c11_atomic_signal_fence", BuiltinForm.AtomicFence, BuiltinKind.SynchronizeFence),
        new("__c11_atomic_is_lock_free", BuiltinForm.AtomicLockFree),

        new("__builtin_preserve_access_index", BuiltinForm.PreserveAccessIndex, BuiltinKind.PreserveAccessIndex),
        new("__builtin_preserve_field_info", BuiltinForm.PreserveFieldInfo, BuiltinKind.PreserveFieldInfo),
        new("__builtin_preserve_type_info", BuiltinForm.PreserveTypeInfo, BuiltinKind.PreserveTypeInfo),
        new("__builtin_preserve_enum_value", BuiltinForm.PreserveEnumValue, BuiltinKind.PreserveEnumValue),
        new("__builtin_btf_type_id", BuiltinForm.BtfTypeId, BuiltinKind.BtfTypeId),

        new("__builtin_va_start", BuiltinForm.Refused),
        new("__builtin_va_end", BuiltinForm.Refused),
        new("__builtin_va_arg", BuiltinForm.Refused),
        new("__builtin_va_copy", BuiltinForm.Refused),
        new("__builtin_alloca", BuiltinForm.Refused),
        new("__builtin_alloca_with_align", BuiltinForm.Refused),
        new("__builtin_setjmp", BuiltinForm.Refused),
        new("__builtin_longjmp", BuiltinForm.Refused),
        new("__builtin_apply", BuiltinForm.Refused),
        new("__builtin_return", BuiltinForm.Refused),
    ];

    private static Dictionary<string, BuiltinRow>? s_byName;

    /// <summary>The row of a name, numbered atomics included; null when it is no builtin.</summary>
    public static BuiltinRow? Find(string name)
    {
        if (!MayBeBuiltin(name))
            return null;
        Dictionary<string, BuiltinRow> table = s_byName ??= Index();
        if (table.TryGetValue(name, out BuiltinRow? row))
            return row;
        if (!name.StartsWith("__sync_", StringComparison.Ordinal))
            return null;
        foreach (string suffix in (ReadOnlySpan<string>)["_1", "_2", "_4", "_8", "_16"])
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal))
                return table.GetValueOrDefault(name[..^suffix.Length]);
        }
        return null;
    }

    /// <summary>All names, for suggestions.</summary>
    public static IEnumerable<string> Names => Rows.Select(row => row.Name);

    private static bool MayBeBuiltin(string name)
        => name.Length > 3 && (name[0] == '_' ? name[1] == '_' : name is "memcpy" or "memmove" or "memset" or "memcmp" or "bcmp" or "strlen");

    private static Dictionary<string, BuiltinRow> Index()
    {
        var table = new Dictionary<string, BuiltinRow>(Rows.Length * 2);
        foreach (BuiltinRow row in Rows)
            table.Add(row.Name, row);
        return table;
    }
}
