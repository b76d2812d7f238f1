#!/usr/bin/env bash
# Compiles random C programs and compares their checksums with gcc's native ones (tests/Cli.Tests/Csmith).
#   tests/csmith.sh [COUNT [FIRST_SEED]]     1000 programs from seed 1 unless told otherwise
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
EBPFCC_CSMITH=${2:-1}:${1:-1000} EBPFCC_CSMITH_OUT=$out \
    dotnet test "$root/tests/Cli.Tests" -c Release -v q -nologo --filter FullyQualifiedName~CsmithTests >"$out.log" 2>&1 || status=1
[ -s "$out" ] && cat "$out" || cat "$out.log"
rm -f "$out.log"
exit $status
