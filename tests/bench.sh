#!/usr/bin/env bash
# Prints the figures that the README states: the benchmark programs on our engines, verified and sandboxed, relative to the same C
# built natively in the same run, converted classic filters beside their originals, and the time to compile the kernel's network
# selftests relative to clang.
#   tests/bench.sh              needs clang-19, gcc, ../shared/bench, and linux-source-6.12 for the last table; llvm where installed
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
shared=$root/../shared/bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir untyped
for source in "$shared"/b*.c; do
    name=$(basename "$source" .c)
    clang-19 -O2 -g -target bpf -mcpu=v3 -DKERNEL -I"$shared" -c "$source" -o "$name.o"
    clang-19 -O2 -g -target bpf -mcpu=v3 -I"$shared" -c "$source" -o "untyped/$name.o"
    gcc -O2 -shared -fPIC -I"$shared" "$source" -o "$name.so"
done
engines=x64,interp
"$root/ebpfcc" bench --engine llvm --time 1 b00_empty.o >/dev/null 2>&1 && engines=x64,llvm,interp # where an LLVM library is installed
# Long measurements, because b01 takes less than a nanosecond net of the frame.
# b06 takes the kernel's verifier 835,461 of its million instructions, and ours, which prunes other states, 1,055,116.
echo "engines relative to gcc -O2 (programs by clang-19 -O2 -mcpu=v3)"
"$root/ebpfcc" bench --max-insns 2000000 --time 200 --engine "$engines" --frame b00_empty.o --data-in "$shared/data" --native . b0[1-9]*.o b10*.o
echo; echo "the same as prog(mem, len), unverified: every access checked, fuel counted"
"$root/ebpfcc" bench --unverified --time 200 --frame untyped/b00_empty.o --data-in "$shared/data" --native . untyped/b0[1-9]*.o untyped/b10*.o

echo; echo "classic filters converted, nanoseconds a packet beside the original in the reference interpreter"
printf '%-34s%10s%10s%10s%16s%13s\n' expression classic interp x64 interp/classic x64/classic
while read -r expression; do
    "$root/ebpfcc" cbpf "$expression" --bench --json --pcap "$root/examples/xdp_firewall/traffic.pcap" 2>/dev/null |
        awk -F'[:,]' -v e="$expression" '/"(classic|interp|x64)"/ { gsub(/[ "]/, ""); t[$1] = $2 } END { printf "%-34s%10.1f%10.1f%10.1f%16.2f%13.2f\n", e, t["classic"], t["interp"], t["x64"], t["interp"] / t["classic"], t["x64"] / t["classic"] }'
done <<'EXPRESSIONS' | tee filters.txt
arp
udp
tcp port 80
host 10.0.0.1
net 192.168.0.0/16 and not icmp
tcp[tcpflags] & tcp-syn != 0
ip[2:2] - ((ip[0]&0xf)<<2) > 100
udp portrange 1000-2000 or ip6
EXPRESSIONS
awk '{ i += log($(NF - 1)); x += log($NF) } END { printf "%-34s%46.2f%13.2f\n", "geometric mean", exp(i / NR), exp(x / NR) }' filters.txt

archive=/usr/src/linux-source-6.12.tar.xz
[ -f "$archive" ] || exit 0
cache=${EBPFCC_TEST_CACHE:-${TMPDIR:-/tmp}/ebpfcc-cache}
tree=$cache/linux-source-6.12
[ -d "$tree/tools/testing/selftests/bpf" ] || { mkdir -p "$cache"; tar -xf "$archive" -C "$cache" linux-source-6.12/tools; }
bpf=$tree/tools/testing/selftests/bpf
flags="-O2 -g -w -I$bpf -I$tree/tools/include/uapi -idirafter /usr/include/$(uname -m)-linux-gnu"
echo; echo "compiling, whole process, milliseconds (median of 15 runs in turns)"
printf '%-20s%12s%12s%8s\n' program ebpfcc clang-19 ratio
median() { sort -n | sed -n 8p; }
for name in test_pkt_access test_xdp test_l4lb test_tcp_estats; do
    "$root/ebpfcc" $flags -c "$bpf/progs/$name.c" -o ours.o
    : >ours.txt; : >theirs.txt
    for _ in $(seq 15); do
        a=$(date +%s%N); "$root/ebpfcc" $flags -c "$bpf/progs/$name.c" -o ours.o
        b=$(date +%s%N); clang-19 -target bpf -mcpu=v3 $flags -c "$bpf/progs/$name.c" -o theirs.o
        c=$(date +%s%N); echo $(((b - a) / 1000)) >>ours.txt; echo $(((c - b) / 1000)) >>theirs.txt
    done
    awk -v n="$name" -v a="$(median <ours.txt)" -v b="$(median <theirs.txt)" 'BEGIN { printf "%-20s%12.1f%12.1f%8.2f\n", n, a / 1000, b / 1000, a / b }'
done
