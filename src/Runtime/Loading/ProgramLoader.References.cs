// References of instructions to maps, data, functions and what the kernel provides, written as the pseudo source values that
// LoadedProgram describes.
using System.Buffers.Binary;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Loading;

public sealed partial class ProgramLoader
{
    /// <summary>Helper number of calls that stand for what could not be resolved: no helper has it, so that only dead code may contain it.</summary>
    internal const int PoisonedCall = 195896080;

    /// <summary>A function with its references resolved, but for the distances to other functions.</summary>
    private sealed record RelocatedFunction(EbpfInstruction[] Instructions, List<(int Slot, EbpfFunction Target)> Calls);

    /// <summary>Where an extern is: a place in the configuration map, or a type of the kernel (0: a weak one that is absent).</summary>
    private readonly record struct ResolvedExtern(int Map, int Offset, int KernelType, bool IsFunction, bool IsTyped)
    {
        /// <summary>Of untyped symbols.</summary>
        public ulong Address { get; init; }
    }

    private RelocatedFunction Relocate(EbpfFunction program, EbpfFunction function)
    {
        if (_relocated.TryGetValue(function, out RelocatedFunction? known))
            return known;
        var instructions = (EbpfInstruction[])function.Instructions.Clone();
        var calls = new List<(int, EbpfFunction)>();
        // A descriptor number written into the code by hand is no map's index.
        for (int slot = 0; slot < instructions.Length; slot++)
        {
            if (!instructions[slot].IsWide)
                continue;
            if (instructions[slot].Src is (int)WideImmediateKind.MapFd or (int)WideImmediateKind.MapValue)
                instructions[slot] = instructions[slot].WithImmediate(-1);
            slot++;
        }
        foreach (CodeRelocation relocation in function.Relocations)
            Resolve(program, instructions, relocation, calls);
        if (function.CoreRelocations.Count > 0)
            ApplyCore(program, function, instructions);
        calls.Sort((a, b) => a.Item1.CompareTo(b.Item1));
        return _relocated[function] = new RelocatedFunction(instructions, calls);
    }

    private void Resolve(EbpfFunction program, EbpfInstruction[] code, CodeRelocation relocation, List<(int, EbpfFunction)> calls)
    {
        int slot = relocation.Slot;
        EbpfSymbol symbol = relocation.Symbol;
        if (symbol.Section is null)
        {
            ResolveExtern(program, code, relocation);
            return;
        }
        if (symbol.Section.Kind == EbpfSectionKind.Code)
        {
            EbpfFunction target = relocation.Addend == 0 && symbol.Function is { } named ? named
                : _object.FindFunction(symbol.Section, symbol.Offset + relocation.Addend)
                ?? throw Fail(LoaderDiagnostics.BadReference, program.Name, slot, "it refers to the middle of a function");
            code[slot] = code[slot].WithSrc(relocation.Kind == CodeRelocationKind.Call ? (int)CallKind.Local : (int)WideImmediateKind.Function);
            if (relocation.Kind == CodeRelocationKind.Wide)
                code[slot + 1] = code[slot + 1].WithImmediate(0);
            calls.Add((slot, target));
            return;
        }
        if (relocation.Kind == CodeRelocationKind.Call)
            throw Fail(LoaderDiagnostics.BadReference, program.Name, slot, $"it calls '{symbol}', which is no function");
        long offset = symbol.Offset + relocation.Addend;
        if (_mapAt.TryGetValue((symbol.Section, offset), out int map) || _mapAt.TryGetValue((symbol.Section, symbol.Offset), out map))
        {
            code[slot] = code[slot].WithSrc((int)WideImmediateKind.MapFd).WithImmediate(map);
            code[slot + 1] = code[slot + 1].WithImmediate(0);
        }
        else if (_dataMaps.TryGetValue(symbol.Section, out map))
        {
            code[slot] = code[slot].WithSrc((int)WideImmediateKind.MapValue).WithImmediate(map);
            code[slot + 1] = code[slot + 1].WithImmediate((int)offset);
        }
        else
        {
            throw Fail(LoaderDiagnostics.BadReference, program.Name, slot, $"it refers to section '{symbol.Section.Name}', which programs cannot see");
        }
    }

    private void ResolveExtern(EbpfFunction program, EbpfInstruction[] code, CodeRelocation relocation)
    {
        int slot = relocation.Slot;
        if (!_externs.TryGetValue(relocation.Symbol.Name, out ResolvedExtern target))
            throw Fail(LoaderDiagnostics.Undefined, program.Name, slot, relocation.Symbol.Name);
        if (relocation.Kind == CodeRelocationKind.Call)
        {
            code[slot] = target.KernelType != 0
                ? code[slot].WithSrc((int)CallKind.Kfunc).WithImmediate(target.KernelType)
                : code[slot].WithSrc((int)CallKind.Helper).WithImmediate(PoisonedCall);
            return;
        }
        (int source, int low, int high) = target switch
        {
            { Map: >= 0 } => ((int)WideImmediateKind.MapValue, target.Map, target.Offset),
            { KernelType: not 0 } => ((int)WideImmediateKind.BtfId, target.KernelType, 0),
            _ => ((int)WideImmediateKind.Value, (int)target.Address, (int)(target.Address >> 32)),
        };
        code[slot] = code[slot].WithSrc(source).WithImmediate(low);
        code[slot + 1] = code[slot + 1].WithImmediate(high);
    }

    /// <summary>Finds the externs that code refers to; false after a reported error.</summary>
    private bool ResolveExterns()
    {
        var configuration = new List<EbpfExtern>();
        var untyped = new List<string>();
        foreach (EbpfExtern wanted in _object.Externs)
        {
            BtfType declared = _object.Btf![wanted.TypeId];
            if (wanted.Section == ".kconfig")
            {
                configuration.Add(wanted);
                continue;
            }
            bool isFunction = declared.Kind == BtfKind.Function;
            bool isTyped = isFunction || !_object.Btf.SkipModifiers(declared.TypeId).IsVoid;
            int id = 0;
            if (isTyped && (_kernelTypes ??= _options.KernelTypes()) is { } kernel)
                id = kernel.Find(EssentialName(wanted.Name), isFunction ? BtfKind.Function : BtfKind.Variable);
            if (isTyped && id == 0 && !wanted.IsWeak)
            {
                _diagnostics.Add(LoaderDiagnostics.MissingExtern.About(_options.Subject, wanted.Name, "the kernel's type information"));
                return false;
            }
            _externs[wanted.Name] = new ResolvedExtern(-1, 0, id, isFunction, isTyped);
            if (!isTyped)
                untyped.Add(wanted.Name);
        }
        if (untyped.Count > 0)
        {
            foreach ((string name, ulong address) in KernelInformation.FindSymbols(untyped))
                _externs[name] = _externs[name] with { Address = address };
        }
        return configuration.Count == 0 || MakeConfiguration(configuration);
    }

    private static string EssentialName(string name)
    {
        int flavor = name.IndexOf("___", StringComparison.Ordinal);
        return flavor > 0 ? name[..flavor] : name;
    }

    /// <summary>Lays the configuration variables out by alignment, makes their map and fills it.</summary>
    private bool MakeConfiguration(List<EbpfExtern> variables)
    {
        var sizes = variables.ConvertAll(variable => (int)Math.Clamp(_object.Btf!.SizeOf(variable.TypeId) ?? 0, 0, 4096));
        var offsets = new int[variables.Count];
        int end = 0;
        for (int i = 0; i < variables.Count; i++)
        {
            int alignment = Math.Clamp((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(sizes[i], 1)), 1, 8);
            offsets[i] = (end + alignment - 1) / alignment * alignment;
            end = offsets[i] + sizes[i];
        }
        if (Add(DataDefinition(".kconfig", Math.Max(end, 1), isConstant: true)) is not ArrayMap map)
            return false;
        int index = _maps.Count - 1;
        for (int i = 0; i < variables.Count; i++)
        {
            EbpfExtern variable = variables[i];
            if (ConfigurationValue(variable.Name) is { } text)
            {
                if (!WriteConfiguration(map.Values.Slice(offsets[i], sizes[i]), variable, text))
                {
                    _diagnostics.Add(LoaderDiagnostics.MissingExtern.About(_options.Subject, variable.Name, $"a form that fits the kernel's value {text}"));
                    return false;
                }
            }
            else if (!variable.IsWeak)
            {
                _diagnostics.Add(LoaderDiagnostics.MissingExtern.About(_options.Subject, variable.Name, "the kernel's configuration"));
                return false;
            }
            _externs[variable.Name] = new ResolvedExtern(index, offsets[i], 0, IsFunction: false, IsTyped: true);
        }
        map.Freeze();
        return true;
    }

    private string? ConfigurationValue(string name) => name switch
    {
        "LINUX_KERNEL_VERSION" => _options.KernelVersion.ToString(),
        "LINUX_HAS_BPF_COOKIE" or "LINUX_HAS_SYSCALL_WRAPPER" => "1",
        _ => (_options.KernelConfiguration ?? KernelInformation.RunningConfiguration).GetValueOrDefault(name),
    };

    /// <summary>Writes y, m, n, a number or a quoted string in the variable's type.</summary>
    private bool WriteConfiguration(Span<byte> place, EbpfExtern variable, string text)
    {
        BtfType type = _object.Btf!.SkipModifiers(_object.Btf[variable.TypeId].TypeId);
        if (text.StartsWith('"') && type.Kind == BtfKind.Array)
        {
            byte[] bytes = System.Text.Encoding.UTF8.GetBytes(text.Trim('"'));
            bytes.AsSpan(0, Math.Min(bytes.Length, Math.Max(place.Length - 1, 0))).CopyTo(place);
            return true;
        }
        long number;
        if (text is "y" or "m" or "n")
        {
            bool isTristate = type.Kind is BtfKind.Enum or BtfKind.Enum64;
            bool isCharacter = type.Kind == BtfKind.Int && place.Length == 1 && (type.Encoding & BtfIntEncoding.Bool) == 0;
            number = isTristate ? text switch { "y" => 1, "m" => 2, _ => 0 } : isCharacter ? text[0] : text == "y" ? 1 : 0;
        }
        else if (!(text.StartsWith("0x", StringComparison.Ordinal)
            ? long.TryParse(text.AsSpan(2), System.Globalization.NumberStyles.HexNumber, null, out number)
            : long.TryParse(text, out number)))
        {
            return false;
        }
        Span<byte> bytes8 = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes8, number);
        if (place.Length > 8)
            return false;
        bytes8[..place.Length].CopyTo(place);
        return true;
    }

    private void ApplyCore(EbpfFunction program, EbpfFunction function, EbpfInstruction[] code)
    {
        if (_object.Btf is null)
            return;
        foreach (CoreRelocation relocation in function.CoreRelocations)
        {
            BtfReader target = relocation.Kind == CoreRelocationKind.TypeIdLocal ? _object.Btf : KernelTypes(program.Name);
            _core ??= new CoreRelocator(_object.Btf, target);
            if (relocation.Kind != CoreRelocationKind.TypeIdLocal && _core.Target != target)
                _core = new CoreRelocator(_object.Btf, target);
            if (_core.Apply(code, relocation) is { } problem)
                throw Fail(LoaderDiagnostics.BadCoreRelocation, program.Name, relocation.Slot, _object.Btf[relocation.TypeId].Name, problem);
        }
    }
}
