// GNU attributes, one row each: what the binder does with them. Unknown names are warned about; those that only steer
// optimisation or diagnostics of other compilers are accepted in silence.
namespace Ebpfcc.Frontend.Binding;

internal enum AttributeAction : byte
{
    /// <summary>Known and without meaning for eBPF.</summary>
    Accept,

    Section, Used, Unused, AlwaysInline, NoInline, Weak, Visibility, Packed, Aligned, PreserveAccessIndex, DeclTag, Naked, NoReturn,
    Cold, Cleanup, MayAlias, Alias, Deprecated, GnuInline, TransparentUnion, WarnUnusedResult, Pure,

    /// <summary>Changes the type it is written at.</summary>
    TypeTag, AddressSpace, Mode, VectorSize,

    /// <summary>Read by statements.</summary>
    Fallthrough,
}

internal static class AttributeTable
{
    /// <summary>The action of an attribute, its name without underscores around it; null when unknown.</summary>
    public static AttributeAction? Find(string name) => name switch
    {
        "section" => AttributeAction.Section,
        "used" or "retain" => AttributeAction.Used,
        "unused" or "maybe_unused" => AttributeAction.Unused,
        "always_inline" => AttributeAction.AlwaysInline,
        "noinline" => AttributeAction.NoInline,
        "weak" => AttributeAction.Weak,
        "visibility" => AttributeAction.Visibility,
        "packed" => AttributeAction.Packed,
        "aligned" => AttributeAction.Aligned,
        "preserve_access_index" => AttributeAction.PreserveAccessIndex,
        "btf_decl_tag" => AttributeAction.DeclTag,
        "btf_type_tag" => AttributeAction.TypeTag,
        "address_space" => AttributeAction.AddressSpace,
        "mode" => AttributeAction.Mode,
        "vector_size" or "ext_vector_type" => AttributeAction.VectorSize,
        "naked" => AttributeAction.Naked,
        "noreturn" => AttributeAction.NoReturn,
        "cold" => AttributeAction.Cold,
        "cleanup" => AttributeAction.Cleanup,
        "may_alias" => AttributeAction.MayAlias,
        "alias" => AttributeAction.Alias,
        "deprecated" => AttributeAction.Deprecated,
        "gnu_inline" => AttributeAction.GnuInline,
        "transparent_union" => AttributeAction.TransparentUnion,
        "warn_unused_result" or "nodiscard" => AttributeAction.WarnUnusedResult,
        "pure" or "const" => AttributeAction.Pure,
        "fallthrough" => AttributeAction.Fallthrough,
        "hot" or "flatten" or "leaf" or "nothrow" or "malloc" or "alloc_size" or "alloc_align" or "assume_aligned" or "align_value" or "nonnull"
            or "returns_nonnull" or "returns_twice" or "format" or "format_arg" or "sentinel" or "no_instrument_function" or "externally_visible"
            or "artificial" or "optimize" or "optnone" or "minsize" or "no_sanitize" or "no_sanitize_address" or "no_stack_protector" or "stack_protect"
            or "nonstring" or "counted_by" or "counted_by_or_null" or "copy" or "access" or "error" or "warning" or "diagnose_if" or "overloadable_hint"
            or "no_split_stack" or "no_profile_instrument_function" or "noclone" or "no_reorder" or "nocf_check" or "noipa" or "target" or "tainted_args"
            or "designated_init" or "randomize_layout" or "no_randomize_layout" or "enum_extensibility" or "flag_enum" or "type_visibility" or "annotate"
            or "convergent" or "disable_tail_calls" or "not_tail_called" or "musttail" or "nomerge" or "likely" or "unlikely" or "internal_linkage"
            or "bounded" or "no_builtin" or "nodebug" or "noderef" or "speculative_load_hardening" or "uninitialized" or "unavailable" or "availability"
            or "zero_call_used_regs" or "ms_struct" or "gcc_struct" or "scalar_storage_order" or "bpf_fastcall" or "btf_kptr" or "guarded_by"
            or "kernel" or "static_call" or "patchable_function_entry" or "constructor" or "destructor" or "no_caller_saved_registers" => AttributeAction.Accept,
        _ => null,
    };
}
