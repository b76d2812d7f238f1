// What __has_builtin, __has_attribute, __has_feature and __has_extension answer: names that this compiler understands.
namespace Ebpfcc.Frontend.Preprocessing;

internal static class KnownFeatures
{
    public static bool HasBuiltin(string name) => name switch
    {
        "__builtin_expect" or "__builtin_expect_with_probability" or "__builtin_constant_p" or "__builtin_choose_expr" or "__builtin_types_compatible_p"
            or "__builtin_offsetof" or "__builtin_unreachable" or "__builtin_trap" or "__builtin_assume" or "__builtin_object_size" or "__builtin_dynamic_object_size"
            or "__builtin_memcpy" or "__builtin_memset" or "__builtin_memmove" or "__builtin_memcmp" or "__builtin_strlen" or "__builtin_memcpy_inline" or "__builtin_memset_inline"
            or "__builtin_bswap16" or "__builtin_bswap32" or "__builtin_bswap64" or "__builtin_ctz" or "__builtin_ctzl" or "__builtin_ctzll"
            or "__builtin_clz" or "__builtin_clzl" or "__builtin_clzll" or "__builtin_ffs" or "__builtin_ffsl" or "__builtin_ffsll"
            or "__builtin_popcount" or "__builtin_popcountl" or "__builtin_popcountll" or "__builtin_parity" or "__builtin_parityl" or "__builtin_parityll"
            or "__builtin_add_overflow" or "__builtin_sub_overflow" or "__builtin_mul_overflow"
            or "__builtin_preserve_access_index" or "__builtin_preserve_field_info" or "__builtin_preserve_type_info" or "__builtin_preserve_enum_value"
            or "__builtin_btf_type_id" or "__builtin_abs" or "__builtin_labs" or "__builtin_llabs" or "__builtin_prefetch" or "__builtin_frame_address"
            or "__builtin_is_aligned" or "__builtin_align_up" or "__builtin_align_down" or "__builtin_return_address"
            or "__sync_fetch_and_add" or "__sync_fetch_and_sub" or "__sync_fetch_and_and" or "__sync_fetch_and_or" or "__sync_fetch_and_xor"
            or "__sync_add_and_fetch" or "__sync_sub_and_fetch" or "__sync_and_and_fetch" or "__sync_or_and_fetch" or "__sync_xor_and_fetch"
            or "__sync_val_compare_and_swap" or "__sync_bool_compare_and_swap" or "__sync_lock_test_and_set" or "__sync_synchronize"
            or "__atomic_load_n" or "__atomic_store_n" or "__atomic_exchange_n" or "__atomic_compare_exchange_n" or "__atomic_fetch_add" or "__atomic_fetch_sub"
            or "__atomic_fetch_and" or "__atomic_fetch_or" or "__atomic_fetch_xor" or "__atomic_add_fetch" or "__atomic_sub_fetch" => true,
        _ => false,
    };

    /// <summary>The name without underscores around it.</summary>
    public static bool HasAttribute(string name) => name.Trim('_') switch
    {
        "section" or "used" or "unused" or "retain" or "packed" or "aligned" or "always_inline" or "noinline" or "weak" or "alias" or "visibility"
            or "preserve_access_index" or "preserve_static_offset" or "btf_decl_tag" or "btf_type_tag" or "noreturn" or "pure" or "const" or "cold" or "hot"
            or "deprecated" or "warn_unused_result" or "fallthrough" or "format" or "nonnull" or "returns_nonnull" or "malloc" or "mode" or "transparent_union"
            or "may_alias" or "cleanup" or "constructor" or "destructor" or "gnu_inline" or "flatten" or "error" or "warning" or "unavailable" or "overloadable"
            or "address_space" or "musttail" or "optnone" or "minsize" or "nodebug" or "no_builtin" or "counted_by" or "ext_vector_type" or "vector_size"
            or "alloc_align" or "alloc_size" or "assume_aligned" or "returns_twice" or "sentinel" or "no_instrument_function" or "no_sanitize" or "no_stack_protector"
            or "weakref" or "selectany" or "format_arg" or "common" or "nocommon" or "tls_model" or "unlikely" or "likely" or "diagnose_if" or "enable_if" or "type_tag_for_datatype"
            or "enum_extensibility" or "flag_enum" or "nothrow" or "leaf" or "artificial" or "bpf_fastcall" => true,
        _ => false,
    };

    public static bool HasExtension(string name, bool isFeature) => name.Trim('_') switch
    {
        "attribute_deprecated_with_message" or "attribute_unavailable_with_message" or "attribute_overloadable" or "c_alignas" or "c_alignof" or "c_atomic"
            or "c_generic_selections" or "c_static_assert" or "enumerator_attributes" or "statement_attributes_with_gnu_syntax" => true,
        "c_fixed_enum" or "gnu_asm" or "gnu_asm_goto_with_outputs" or "statement_expressions" => !isFeature,
        _ => false,
    };
}
