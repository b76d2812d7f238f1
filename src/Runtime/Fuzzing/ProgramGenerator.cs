// Random programs that the verifier mostly accepts, from a seed. A program is a list of statements drawn from a table; each is
// written only where the model says that it can work, and leaves the model of what follows:
//
//     entry:  R6 = context, some numbers in registers     functions: arguments by signature, result a number in R0
//             statement ... statement                     callbacks: as the helper calls them, result 0 or 1
//             R0 = fold of all numbers, exit
//
// Control flow nests (if, if-else, counted loops, guarded accesses), except for tangles of number instructions, which jump forwards
// at random. With slips a safeguard is left out now and then: such programs lie on both sides of the verifier's border.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Fuzzing;

/// <summary>Writes one program. Deterministic: the same seed and options give the same program.</summary>
public sealed partial class ProgramGenerator
{
    internal const int Table = 0, Hash = 1, Data = 2, Programs = 3, Records = 4;
    private const int EntrySlots = 16, FunctionSlots = 8, MaxFunctions = 4, MaxNesting = 4, MaxCode = 400;

    /// <summary>The maps of every program; those it does not use cost nothing.</summary>
    public static IReadOnlyList<MapDefinition> Maps { get; } =
    [
        new("table", (int)MapType.Array, 4, 64, 4),
        new("hash", (int)MapType.Hash, 8, 48, 8),
        new("data", (int)MapType.Array, 4, 64, 1),
        new("programs", (int)MapType.ProgArray, 4, 4, 2),
        new("records", (int)MapType.RingBuffer, 0, 0, 4096),
    ];

    private static readonly ProgramType[] s_types = [ProgramType.Xdp, ProgramType.SchedCls, ProgramType.SocketFilter];

    private readonly Random _random;
    private readonly GeneratorOptions _options;
    private readonly ProgramType _type;
    private readonly List<FunctionBody> _functions = [];

    private FunctionBody _body = null!;
    private ProgramModel _model = null!;

    /// <summary>Registers and slots whose kind must be the same when a loop comes round, one bit each.</summary>
    private uint _pinnedRegisters, _pinnedSlots;
    private int _nesting, _loops;

    private ProgramGenerator(int seed, GeneratorOptions options)
    {
        _random = new Random(seed);
        _options = options;
        _type = options.Type ?? s_types[_random.Next(s_types.Length)];
    }

    /// <summary>The program of a seed.</summary>
    public static GeneratedProgram Generate(int seed, GeneratorOptions? options = null)
    {
        var generator = new ProgramGenerator(seed, options ?? new GeneratorOptions());
        generator.WriteEntry();
        return new GeneratedProgram(generator._type, generator.Link(), generator._type == ProgramType.Unspec ? [] : Maps) { Seed = seed };
    }

    private void WriteEntry()
    {
        Begin(new FunctionBody([], EntrySlots));
        if (_type == ProgramType.Unspec)
        {
            Set(6, new Content(Holds.Memory, GeneratorOptions.RawMemory));
            foreach (int register in (ReadOnlySpan<int>)[0, 1, 2, 3, 4, 5, 7, 8, 9])
                SetNumber(register);
        }
        else
        {
            Set(6, new Content(Holds.Context));
            Emit(EbpfOpcode.Mov64Reg, 6, 1);
            Set(1, new Content(Holds.Context));
        }
        if (_type == ProgramType.Unspec)
            _body.Code.Insert(0, OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 6, 1));
        SetSomeNumbers();
        Statements(_random.Next(2, Math.Max(3, _options.Length)));
        Fold();
        Emit(EbpfOpcode.Exit);
    }

    private void Begin(FunctionBody body)
    {
        _functions.Add(body);
        _body = body;
        _model = new ProgramModel(body.Slots);
        (_pinnedRegisters, _pinnedSlots, _nesting, _loops) = (0, 0, 0, 0);
    }

    /// <summary>Writes a function beside the current one and returns its number.</summary>
    private int WriteFunction(Content[] parameters, Action write)
    {
        var outer = (_body, _model, _pinnedRegisters, _pinnedSlots, _nesting, _loops);
        int number = _functions.Count;
        Begin(new FunctionBody(parameters, FunctionSlots));
        for (int i = 0; i < parameters.Length; i++)
            _model.Registers[1 + i] = parameters[i];
        write();
        (_body, _model, _pinnedRegisters, _pinnedSlots, _nesting, _loops) = outer;
        return number;
    }

    private void Statements(int count)
    {
        for (; count > 0 && _body.Code.Count < MaxCode; count--)
            Statement();
    }

    private void Statement()
    {
        int total = 0;
        Span<int> weights = stackalloc int[s_statements.Length];
        for (int i = 0; i < s_statements.Length; i++)
        {
            StatementRow row = s_statements[i];
            weights[i] = (_options.Parts & row.Parts) == row.Parts && row.IsPossible(this) ? row.Weight : 0;
            total += weights[i];
        }
        int drawn = _random.Next(total);
        for (int i = 0; ; i++)
        {
            drawn -= weights[i];
            if (drawn < 0)
            {
                s_statements[i].Write(this);
                return;
            }
        }
    }

    /// <summary>R0 becomes a mixture of every number there is, so that no result goes unnoticed.</summary>
    private void Fold()
    {
        bool first = true;
        for (int register = 0; register < 10; register++)
        {
            if (!_model.Registers[register].IsReadable)
                continue;
            if (first)
            {
                if (register != 0)
                    Emit(EbpfOpcode.Mov64Reg, 0, register);
                first = false;
                continue;
            }
            Emit(EbpfOpcode.Mul64Imm, 0, 0, 0, 31);
            Emit(EbpfOpcode.Add64Reg, 0, register);
        }
        if (first)
            Emit(EbpfOpcode.Mov64Imm, 0, 0, 0, _random.Next(100));
        for (int slot = 0; slot < _model.Slots.Length; slot++)
        {
            if (!_model.Slots[slot].IsReadable)
                continue;
            Emit(EbpfOpcode.Load64, 1, 10, SlotOffset(slot));
            Emit(EbpfOpcode.Xor64Reg, 0, 1);
        }
        _model.Registers[0] = Content.Number;
    }

    /// <summary>Joins the functions, entry first, and resolves calls between them.</summary>
    private EbpfInstruction[] Link()
    {
        var starts = new int[_functions.Count];
        var code = new List<EbpfInstruction>();
        for (int i = 0; i < starts.Length; i++)
        {
            starts[i] = code.Count;
            code.AddRange(_functions[i].Code);
        }
        for (int i = 0; i < starts.Length; i++)
        {
            foreach ((int slot, int function) in _functions[i].References)
            {
                int at = starts[i] + slot;
                code[at] = code[at].WithImmediate(starts[function] - at - 1);
            }
        }
        return [.. code];
    }

    private sealed record FunctionBody(Content[] Parameters, int Slots)
    {
        public List<EbpfInstruction> Code { get; } = [];

        /// <summary>Instructions that name a function, by number.</summary>
        public List<(int Slot, int Function)> References { get; } = [];

        /// <summary>Called by call instructions rather than by helpers.</summary>
        public bool IsCallable { get; set; }
    }

    // Writing.

    private void Emit(EbpfOpcode opcode, int dst = 0, int src = 0, int offset = 0, int immediate = 0)
        => _body.Code.Add(OpcodeTable.Encode(opcode, dst, src, offset, immediate));

    private void EmitWide(EbpfOpcode opcode, int dst, int immediate, int upper = 0)
    {
        Emit(opcode, dst, 0, 0, immediate);
        _body.Code.Add(new EbpfInstruction(0, 0, 0, 0, upper));
    }

    private void EmitCall(HelperRow helper) => Emit(EbpfOpcode.CallHelper, immediate: helper.Id);

    /// <summary>A forward jump; <see cref="Land"/> says where to.</summary>
    private int Jump(EbpfOpcode opcode, int dst = 0, int src = 0, int immediate = 0)
    {
        Emit(opcode, dst, src, 0, immediate);
        return _body.Code.Count - 1;
    }

    private void Land(int jump) => _body.Code[jump] = _body.Code[jump].WithOffset((short)(_body.Code.Count - jump - 1));

    private void JumpBack(EbpfOpcode opcode, int target, int dst = 0, int src = 0, int immediate = 0)
        => Emit(opcode, dst, src, target - _body.Code.Count - 1, immediate);

    private static int SlotOffset(int slot) => -8 * (slot + 1);

    private void Set(int register, Content content) => _model.Registers[register] = content;

    private void SetConstant(int register, long value)
    {
        if (value == (int)value && _random.Next(4) > 0)
            Emit(EbpfOpcode.Mov64Imm, register, 0, 0, (int)value);
        else
            EmitWide(EbpfOpcode.LoadImm64, register, (int)value, (int)(value >> 32));
        Set(register, Content.Number);
    }

    private void SetNumber(int register) => SetConstant(register, AnyValue());

    /// <summary>Calls leave few numbers: makes some again.</summary>
    private void SetSomeNumbers()
    {
        for (int i = _random.Next(1, 4); i > 0; i--)
            SetNumber(Target());
    }

    // Drawing.

    private bool OneIn(int count) => _random.Next(count) == 0;

    /// <summary>A safeguard is to be forgotten here.</summary>
    private bool Slip() => _options.Slips > 0 && OneIn(_options.Slips);

    private bool IsPinned(int register) => (_pinnedRegisters >> register & 1) != 0;

    private int Pick(Func<int, bool> which, int count)
    {
        int start = _random.Next(count);
        for (int i = 0; i < count; i++)
        {
            int candidate = (start + i) % count;
            if (which(candidate))
                return candidate;
        }
        return -1;
    }

    /// <summary>A register with a number; makes one when there is none.</summary>
    private int Number(int except = -1)
    {
        int found = Slip() && OneIn(3) ? _random.Next(10) : Pick(register => _model.Registers[register].IsReadable, 10);
        if (found >= 0)
            return found;
        int target = Target(except);
        SetNumber(target);
        return target;
    }

    /// <summary>A register with a number that may become another number.</summary>
    private int Variable()
    {
        int found = Pick(register => _model.Registers[register].Kind == Holds.Number, 10);
        if (found >= 0)
            return found;
        int target = Target();
        SetNumber(target);
        return target;
    }

    /// <summary>A register that may be overwritten with anything.</summary>
    private int Target(int except = -1)
    {
        int found = Pick(register => register != 6 && register != except && !IsPinned(register) && _model.Registers[register].Kind != Holds.Counter, 10);
        return found >= 0 ? found : throw new Core.Diagnostics.InternalCompilerException("ProgramGenerator", null, "no register is free");
    }

    private int Holding(Holds kind) => Pick(register => _model.Registers[register].Kind == kind, 10);

    private static readonly long[] s_values =
        [0, 1, -1, 2, 7, 8, 10, 63, 64, 255, 256, 65535, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32, long.MinValue, long.MaxValue, 0x123456789abcdef0];

    private long AnyValue() => _random.Next(4) switch
    {
        0 => s_values[_random.Next(s_values.Length)],
        1 => _random.Next(-40, 70),
        2 => s_values[_random.Next(s_values.Length)] + _random.Next(-3, 4),
        _ => _random.NextInt64(long.MinValue, long.MaxValue),
    };

    private int AnyImmediate() => _random.Next(6) switch
    {
        0 => _random.Next(64),
        1 => 1 << _random.Next(32),
        2 => -_random.Next(64),
        3 => (1 << _random.Next(31)) - 1,
        4 => (int)_random.NextInt64(int.MinValue, int.MaxValue),
        _ => _random.Next(8),
    };
}
