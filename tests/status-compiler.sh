#!/usr/bin/env bash
# Prints how far ebpfcc gets on the eBPF programs of Linux 6.1 (sets A and B of ../shared/baselines) and 6.12 beside clang-19, and
# rewrites tests/Cli.Tests/Status/compiler-6.1.txt, which a test holds. Read the diff before you commit it. Takes a quarter of an hour.
#   tests/status-compiler.sh              everything
#   tests/status-compiler.sh WORD         only sources whose name contains WORD; the status file stays as it is
#   EBPFCC_STATUS_OPTIONS="-O0"  with further options of ebpfcc; the status file stays as it is
# Needs clang-19, bpftool, libbpf, a kernel that permits bpf(2), linux-source-6.1 and -6.12, and ../shared. vmlinux.h of a 6.1
# kernel image is used for the sources that want it when it lies in the test cache under vmlinux-6.1.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/ebpfcc" --version >/dev/null
out=$(mktemp)
trap 'rm -f "$out"' EXIT
export EBPFCC_STATUS_OUT=$out EBPFCC_STATUS_ONLY=${1:-} EBPFCC_STATUS_COMPILER=$root/artifacts/launcher/current/ebpfcc
dotnet test "$root/tests/Cli.Tests" -c Release -v q -nologo --filter FullyQualifiedName~CompilerStatusReport >"$out.log" 2>&1 || { cat "$out.log"; rm -f "$out.log"; exit 1; }
rm -f "$out.log"
cat "$out"
