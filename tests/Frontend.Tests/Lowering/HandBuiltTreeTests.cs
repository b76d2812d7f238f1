// Lowering of bound trees made by hand: what it does without a front end before it.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Lowering;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Text;
using Ebpfcc.Ir.Verification;
using Ebpfcc.TestSupport;
using Xunit;
using Lower = Ebpfcc.Frontend.Lowering.Lowering;

namespace Ebpfcc.Frontend.Tests.Lowering;

public class HandBuiltTreeTests
{
    private static readonly QualifiedType s_int = IntegerType.Int;

    [Fact]
    public void A_loop_over_bit_fields_lowers_to_valid_ir()
    {
        var record = new RecordType("flags", false, default);
        var low = new FieldSymbol("low", IntegerType.UnsignedInt, record, default);
        var high = new FieldSymbol("high", IntegerType.Int, record, default);
        SetBits(low, 0, 3, 0);
        SetBits(high, 3, 7, 1);
        record.Define([low, high], 4, 4);
        var parameter = new ParameterSymbol("count", s_int, 0, default);
        var local = new VariableSymbol("f", record, default);
        BoundExpression load = Load(new BoundVariable(parameter));
        BoundExpression member = new BoundMember(new BoundVariable(local), high, s_int);
        BoundStatement body = new BoundBlock([
            new BoundLocalDeclaration(local, new BoundInitializer(record, true, [])),
            new BoundWhile(
                new BoundBinary(BinaryOperator.Less, Load(member), load, s_int),
                new BoundExpressionStatement(new BoundIncrement(member, false, true, s_int))),
            new BoundReturn(Load(member)),
        ]);
        Module module = LowerFunction("f", s_int, [parameter], (BoundBlock)body);
        IrVerifier.Verify(module, "test");
        Snapshot.Verify(ModulePrinter.Print(module));
    }

    [Fact]
    public void A_function_with_an_error_node_is_not_lowered()
    {
        Module module = LowerFunction("f", s_int, [], new BoundBlock([new BoundReturn(new BoundErrorExpression())]));
        Assert.True(module.Functions.Single().IsDeclaration);
    }

    [Fact]
    public void Every_diagnostic_has_its_own_code_and_an_explanation()
    {
        IReadOnlyList<DiagnosticDescriptor> all = LoweringDiagnostics.All;
        Assert.Equal(all.Count, all.Select(row => row.Id).Distinct().Count());
        Assert.All(all, row => Assert.StartsWith("EBC3", row.Id));
        Assert.All(all, row => Assert.True(row.Explanation.Length > 40));
    }

    private static BoundExpression Load(BoundExpression lvalue) => new BoundConversion(ConversionKind.LoadValue, lvalue, lvalue.Type.Unqualified, true);

    private static void SetBits(FieldSymbol field, long offset, int width, int index)
    {
        typeof(FieldSymbol).GetProperty(nameof(FieldSymbol.BitOffset))!.SetValue(field, offset);
        typeof(FieldSymbol).GetProperty(nameof(FieldSymbol.BitWidth))!.SetValue(field, (int?)width);
        typeof(FieldSymbol).GetProperty(nameof(FieldSymbol.Index))!.SetValue(field, index);
    }

    private static Module LowerFunction(string name, QualifiedType result, IReadOnlyList<ParameterSymbol> parameters, BoundBlock body)
    {
        var type = new FunctionType(result, [.. parameters.Select(p => new FunctionParameter(p.Name, p.Type, default))], false, true);
        var symbol = new FunctionSymbol(name, type, default) { Linkage = SymbolLinkage.External, IsDefined = true, Parameters = parameters };
        return Lower.Lower(new BoundUnit([new BoundFunction(symbol, body)], [], [], []), new SourceMap(), "test.c", new DiagnosticBag());
    }
}
