// The generated parser's other half: a limit on rule depth, so that no input exhausts the stack.
using System.Runtime.CompilerServices;
using Antlr4.Runtime;

namespace Ebpfcc.Frontend.Parsing.Generated;

/// <summary>Raised inside the parser when rules are nested too deeply; the caller reports it.</summary>
internal sealed class NestingException : Exception;

/// <summary>Raised when one declaration has so many errors that the rest is not worth the time.</summary>
internal sealed class TooManyErrorsException : Exception;

public partial class CParser
{
    /// <summary>Some 256 brackets or blocks, of up to six rules each.</summary>
    private const int MaximumRuleDepth = 1600;

    private int _ruleDepth;

    public override void EnterRule(ParserRuleContext localctx, int state, int ruleIndex)
    {
        if (++_ruleDepth > MaximumRuleDepth || ((_ruleDepth & 15) == 0 && !RuntimeHelpers.TryEnsureSufficientExecutionStack()))
            throw new NestingException();
        base.EnterRule(localctx, state, ruleIndex);
    }

    public override void ExitRule()
    {
        _ruleDepth--;
        base.ExitRule();
    }
}
