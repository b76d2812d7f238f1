#!/usr/bin/env bash
# Measures the verifier against the kernel's own programs and writes the table to tests/status/verifier.txt; read the diff before
# you commit it. Takes some minutes; needs clang-19, bpftool, python3, linux-source-6.12 and -6.1, ../shared, and for the times
# a kernel that permits bpf(2).
#   tests/status-verifier.sh [FILE]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$root/tests/status/verifier.txt}
case $out in /*) ;; *) out=$PWD/$out ;; esac
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
"$root/ebpfcc" --version >/dev/null
dotnet build "$root/tests/Cli.Tests" -c Release -v q -nologo -clp:ErrorsOnly >/dev/null
EBPFCC_STATUS=$out dotnet test "$root/tests/Cli.Tests" -c Release --no-build -v q -nologo --filter 'FullyQualifiedName=Ebpfcc.Cli.Tests.Status.VerifierStatusTests.Write' >/dev/null
sed '/^$/q' "$out"
