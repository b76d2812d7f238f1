#!/usr/bin/env bash
# Counts the ARM instructions that the benchmark programs execute as our ARM32 code (programs by clang-19 -O2 -mcpu=v3, verified)
# and as the same C by gcc -O2, each without those of the empty program. Emulation of single steps logs one line an instruction.
#   tests/bench-arm.sh [--arch arm32|arm32v6] [NAME...]     needs clang-19, arm-linux-gnueabihf-gcc, qemu-arm-static, ../shared/bench
# GCC_FLAGS adds options of gcc (its default on Debian is ARMv7 in Thumb-2, without division instructions).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
shared=$root/../shared/bench
ebpfcc=${EBPFCC:-$root/ebpfcc}
arch=arm32
[ "${1:-}" != --arch ] || { arch=$2; shift 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc="arm-linux-gnueabihf-gcc -O2 ${GCC_FLAGS:-}"

# Instructions between the call and its return, from the emulator's log.
count() {
    local program=$1; shift
    local symbols begin end
    symbols=$(arm-linux-gnueabihf-nm "$program")
    begin=$(awk '$3 == "call_begin" { print $1 }' <<<"$symbols")
    end=$(awk '$3 == "call_end" { print $1 }' <<<"$symbols")
    qemu-arm-static -singlestep -d nochain,exec -D "$work/log" "$program" "$@" >"$work/result"
    awk -F/ -v begin="$begin" -v end="$end" '$2 == end { print n; exit } on { n++ } $2 == begin { on = 1; n = 0 }' "$work/log"
}

$cc -static -o "$work/jit" "$root/tests/bench-arm.c"
frame_ours=0 frame_gcc=0 product=0 programs=0
printf '%-14s%12s%12s%8s\n' program "$arch" gcc ratio
for source in "$shared"/b00*.c "$shared"/b0[1-9]*.c "$shared"/b10*.c; do
    name=$(basename "$source" .c)
    [ $# = 0 ] || [ "$name" = b00_empty ] || [[ " $* " = *" ${name%%_*} "* ]] || continue
    clang-19 -O2 -g -target bpf -mcpu=v3 -DKERNEL -I"$shared" -c "$source" -o "$work/$name.o"
    "$ebpfcc" jit "$work/$name.o" --max-insns 2000000 --arch "$arch" -o "$work/$name.code" >/dev/null
    $cc -static -I"$shared" -o "$work/$name" "$root/tests/bench-arm.c" "$source"
    # As network stacks do, packets are placed so that gcc finds the IP header's words aligned.
    skew=0; [ "$name" != b01_parse ] || skew=2
    ours=$(count "$work/jit" $skew "$shared/data/$name.bin" "$work/$name.code"); ours_result=$(cat "$work/result")
    gcc=$(count "$work/$name" $skew "$shared/data/$name.bin"); gcc_result=$(cat "$work/result")
    [ "$ours_result" = "$gcc_result" ] || { echo "$name: our code returns $ours_result, gcc's $gcc_result" >&2; exit 1; }
    if [ "$name" = b00_empty ]; then
        frame_ours=$ours frame_gcc=$gcc
        continue
    fi
    ours=$((ours - frame_ours)) gcc=$((gcc - frame_gcc))
    printf '%-14s%12d%12d%8.2f\n' "$name" "$ours" "$gcc" "$(awk -v a="$ours" -v b="$gcc" 'BEGIN { print a / b }')"
    product=$(awk -v p="$product" -v a="$ours" -v b="$gcc" 'BEGIN { printf "%.9f", p + log(a / b) }')
    programs=$((programs + 1))
done
awk -v p="$product" -v n="$programs" 'BEGIN { printf "%-38s%8.2f\n", "geometric mean", exp(p / n) }'
