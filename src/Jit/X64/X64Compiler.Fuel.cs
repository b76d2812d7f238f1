// Fuel of sandboxed programs: how many instructions may still run, in a register where one is free. Every executed instruction is
// paid for, but not at once: from a block to the next the number of instructions that were executed and not paid for yet is known
// when the code is made, and only where that number would differ between two ways to the same block, or where a loop closes, is
// something subtracted (after the edge profiling of Ball and Larus, "Optimally Profiling and Tracing Programs", TOPLAS 1994).
//
//        a (3)                   unpaid on the edges: a→b 3, a→c 3
//       /     \
//     b (2)   c (4)              b→d 5 fixes d's; c→d is 7: c pays 2
//       \     /
//        d (1) ──► a             the loop closes: d pays 6, and checks
//
// What was not paid is what the state's Fuel is too high by. Debts are settled, and the fuel checked, on every edge that
// leads back, at calls of functions and at exits; the gate and the slow checks know the debt of their slot.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Sandboxing;

namespace Ebpfcc.Jit.X64;

public sealed partial class X64Compiler
{
    private const int Unknown = -1;

    /// <summary>Unpaid instructions before a block's first slot, by slot; Unknown until a way there was translated.</summary>
    private int[] _debtIn = [];

    /// <summary>Unpaid instructions before each slot.</summary>
    private int[] _debtAt = [];

    private Label _outOfFuelRoutine;

    /// <summary>Where nothing may be owed: loops' first slots, functions, and wherever a callback may start.</summary>
    private void PlanFuel(List<int> roots)
    {
        _debtIn = new int[_shape.Instructions.Length + 1];
        _debtAt = new int[_shape.Instructions.Length + 1];
        Array.Fill(_debtIn, Unknown);
        foreach (CodeBlock block in _order.Blocks)
        {
            if (block.IsLoopHead)
                _debtIn[block.Start] = 0;
        }
        foreach (int root in roots)
            _debtIn[root] = 0;
        _debtIn[0] = 0;
    }

    /// <summary>Notes what is owed before each slot of a block; returns what is owed behind it.</summary>
    private int NoteDebts(CodeBlock block)
    {
        // Code that comes before every way to it decides by itself.
        if (_debtIn[block.Start] == Unknown)
            _debtIn[block.Start] = 0;
        int debt = _debtIn[block.Start];
        for (int slot = block.Start; slot < block.End; slot += _shape.Rows[slot].Slots)
        {
            _debtAt[slot] = debt++;
            if (_shape.Rows[slot].Opcode == EbpfOpcode.CallLocal)
                debt = 0;
        }
        return debt;
    }

    /// <summary>Subtracts, or gives back; a check ends the program when the fuel is used up.</summary>
    private void Pay(int amount, bool isChecked)
    {
        if (amount == 0)
            return;
        if (_map.Fuel is not { } fuel)
            _emit.AluMemoryImmediate(X64Alu.Sub, X64Register.R12, SandboxState.FuelOffset, amount, true);
        else if (isChecked)
            _emit.Alu(X64Alu.Sub, fuel, amount, true);
        else
            _emit.LoadEffectiveAddress(fuel, fuel, -amount); // keeps the flags
        if (isChecked)
            _emit.JumpIf(X64Condition.Sign, _outOfFuelRoutine);
    }

    /// <summary>Pays on an edge so that the target finds the debt it expects.</summary>
    private void PayEdge(int from, int target, int debt)
    {
        if (_debtIn[target] == Unknown)
            _debtIn[target] = debt;
        else
            Pay(debt - _debtIn[target], _order.LeadsBack(from, target));
    }

    /// <summary>The end of a sandboxed block whose last instruction is a jump, a branch or an exit.</summary>
    private void EmitSandboxEnd(int slot, OpcodeRow row, int following)
    {
        EbpfInstruction instruction = _shape.Instructions[slot];
        int debt = _debtAt[slot] + 1;
        if (row.Effect == Effect.Exit)
        {
            Pay(debt, isChecked: true);
            _emit.Return();
            return;
        }
        int target = ProgramShape.JumpTarget(slot, instruction, row), next = slot + 1;
        if (row.Effect == Effect.Jump)
        {
            PayEdge(slot, target, debt);
            if (target != following)
                _emit.Jump(_slotLabels[target]);
            return;
        }
        _zeroUpperAt[next] = (short)_zeroUpper;
        // What is paid before the comparison is paid on both edges. Where only the way out of a loop differs, it pays by itself.
        bool wasOpen = _debtIn[target] == Unknown;
        if (wasOpen)
            _debtIn[target] = _debtIn[next] != Unknown ? _debtIn[next] : debt;
        bool paysApart = !wasOpen && !_order.LeadsBack(slot, target) && (_debtIn[next] == debt || _order.LeavesLoop(slot, target) && !_order.LeavesLoop(slot, next));
        int settled = paysApart ? debt : _debtIn[target];
        Pay(debt - settled, _order.LeadsBack(slot, target) || _order.LeadsBack(slot, next));
        X64Condition condition;
        if (row.Operation == Operation.MayGoto)
        {
            _emit.AluMemoryImmediate(X64Alu.Sub, X64Register.R12, SandboxState.MayGotoOffset, 1, true);
            condition = X64Condition.Sign;
        }
        else
        {
            EmitCompare(instruction, row);
            condition = ConditionOf(row.Operation);
        }
        bool nextPays = _debtIn[next] != Unknown && _debtIn[next] != settled;
        Label taken = _slotLabels[target];
        if (paysApart && _debtIn[target] != settled)
        {
            taken = _emit.NewLabel();
            _stubs.Add(() =>
            {
                _emit.Bind(taken);
                Pay(settled - _debtIn[target], isChecked: false);
                _emit.Jump(_slotLabels[target]);
            });
        }
        else if (target == following && !nextPays)
        {
            _emit.JumpIf(condition.Negate(), _slotLabels[next]);
            if (_debtIn[next] == Unknown)
                _debtIn[next] = settled;
            return;
        }
        _emit.JumpIf(condition, taken);
        PayEdge(slot, next, settled);
        if (next != following)
            _emit.Jump(_slotLabels[next]);
    }
}
