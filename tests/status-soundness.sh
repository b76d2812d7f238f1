#!/usr/bin/env bash
# Long runs of the fuzzer over fixed seeds, and what they found, written to tests/status/soundness.txt. Takes some minutes; the runs
# against the kernel need one that permits bpf(2).
#   tests/status-soundness.sh [FILE]      EBPFCC names another build than the launcher's
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$root/tests/status/soundness.txt}
ebpfcc=${EBPFCC:-$root/ebpfcc}
status=0
run() { # run WORDS...: one line with the command, one with its summary
    echo "\$ ebpfcc fuzz $*"
    "$ebpfcc" fuzz "$@" 2>/dev/null || status=1
    echo
}
{
    echo "# Written by tests/status-soundness.sh. Each run says how many programs it made, from which seed, and what became of them."
    echo
    run --mode soundness --seed 1000000 --count 2500
    run --mode verified --seed 2000000 --count 8000 --engine interp,x64 --kernel-run
    run --mode verified --seed 3000000 --count 500
    run --mode sandboxed --seed 4000000 --count 1000
    run --mode verdict --seed 5012000 --count 12000
    run --mode verdict --kfuncs --seed 6000000 --count 100
    run --mode objects --seed 7000000 --count 10000
} | sed -E 's/, [0-9.]+ s;/;/' >"$out"
cat "$out"
exit $status
