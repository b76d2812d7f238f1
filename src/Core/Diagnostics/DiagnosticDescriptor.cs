// One row per diagnostic. A code, once shipped, is never reused for something else.
//
//   EBC0xxx  command line, files          EBC5xxx  verification
//   EBC1xxx  preprocessing, lexing, syntax EBC6xxx  objects: ELF, BTF, loading
//   EBC2xxx  types, names, expressions    EBC7xxx  running: captures, maps, engines
//   EBC3xxx  lowering, flow warnings      EBC8xxx  assembler
//   EBC4xxx  code generation
namespace Ebpfcc.Core.Diagnostics;

public enum DiagnosticSeverity { Note, Remark, Warning, Error }

/// <summary>What a diagnostic code means; every emitted <see cref="Diagnostic"/> points at one of these rows.</summary>
/// <param name="Id">The stable code, e.g. <c>EBC2003</c>.</param>
/// <param name="Severity">The severity unless options change it.</param>
/// <param name="Format">The message, in <see cref="string.Format(string, object?[])"/> form.</param>
/// <param name="Explanation">Several sentences for <c>--explain</c>: what it means, why it matters, what to do.</param>
/// <param name="WarningGroup">For warnings: the name behind <c>-W</c>, as gcc and clang spell it (<c>unused-variable</c>).</param>
/// <param name="OnByDefault">For warnings: reported without being asked for.</param>
/// <param name="IsErrorByDefault">For warnings: an error unless <c>-Wno-error=group</c> or <c>-Wno-group</c> says otherwise (clang's "DefaultError").</param>
public sealed record DiagnosticDescriptor(
    string Id,
    DiagnosticSeverity Severity,
    string Format,
    string Explanation,
    string? WarningGroup = null,
    bool OnByDefault = true,
    bool IsErrorByDefault = false);
