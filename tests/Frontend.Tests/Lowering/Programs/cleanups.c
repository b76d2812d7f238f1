// Variables whose cleanup function runs wherever their scope is left: in which order, on which ways out, and with which values.
static void note(long *at)
{
    at[0] = at[0] * 10 + 1;
}

struct logged { long *log; long mark; };

static void leave(struct logged *variable)
{
    *variable->log = *variable->log * 7 + variable->mark;
}

#define SCOPED(name, value) struct logged name __attribute__((cleanup(leave))) = { &log, value }

static long in_order(long *out, long a)
{
    long log = a & 3;
    {
        SCOPED(first, 1);
        SCOPED(second, 2);
        if (a & 4) {
            SCOPED(third, 3);
        }
        log += 5;
    }
    *out = log;
    return log;
}

long test_order(long a, long b)
{
    long log = 0;
    in_order(&log, a ^ b);
    return log;
}

static long returns(long *out, long a)
{
    long log = 1;
    __attribute__((cleanup(leave))) struct logged outer = { out, 4 };
    {
        __attribute__((cleanup(leave))) struct logged inner = { out, 5 };
        if (a & 1)
            return *out + log;
    }
    return *out + 1;
}

long test_return_value_comes_first(long a, long b)
{
    long out = b & 15;
    long value = returns(&out, a);
    return value * 1000 + out;
}

long test_loops(long a, long b)
{
    long log = 0;
    for (long i = 0; i < 6; i++) {
        SCOPED(each, i + 1);
        if (((a >> i) & 3) == 1)
            continue;
        if (((b >> i) & 7) == 5)
            break;
        log += 100;
    }
    for (struct logged guard __attribute__((cleanup(leave))) = { &log, 6 }, *p = &guard; p->mark < 9; p->mark++) {
        if ((a & 15) == p->mark)
            break;
        log ^= p->mark;
    }
    return log;
}

long test_goto(long a, long b)
{
    long log = 0, count = 0;
again:
    {
        SCOPED(outer, 1);
        {
            SCOPED(inner, 2);
            if (count++ < (a & 3))
                goto again;
            if (b & 1)
                goto out;
            if (b & 2)
                goto end_of_outer;
        }
        log += 3;
end_of_outer:
        log += 11;
    }
    log += 13;
out:
    return log;
}

long test_switch(long a, long b)
{
    long log = 0;
    switch (a & 3) {
    case 0: {
        SCOPED(zero, 1);
        log += b & 7;
        break;
    }
    case 1: {
        SCOPED(one, 2);
        log += 20;
    }
    default: {
        SCOPED(rest, 3);
        log += 30;
    }
    }
    return log;
}

long test_statement_expression(long a, long b)
{
    long log = a & 7;
    long value = ({
        SCOPED(inside, 2);
        long result = log + b;
        if (b & 8)
            goto skip;
        log += 1;
    skip:
        result ^ log;
    });
    return value * 3 + log;
}

long test_argument_is_the_variable(long a, long b)
{
    long numbers[2] = { a & 0xff, b };
    {
        __attribute__((cleanup(note))) long copy = numbers[0];
        numbers[1] = copy;
        copy = 5;
    }
    long seen;
    {
        long pair[1] __attribute__((unused)) = { 1 };
        seen = numbers[1];
    }
    return seen;
}
