// The programs.
namespace Ebpfcc.Benchmarks;

internal static class Sources
{
    public const string Empty = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        SEC("raw_tp") int empty(void *ctx) { return 42; }
        """;

    /// <summary>A loop of arithmetic over the context: what an engine makes of a few thousand instructions.</summary>
    public const string Hash = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        SEC("raw_tp") int hash(struct bpf_raw_tracepoint_args *ctx)
        {
            __u64 h = 0xcbf29ce484222325ull, x = 1;
            for (int i = 0; i < 500; i++) {
                x ^= x << 13; x ^= x >> 7; x ^= x << 17;
                h = (h ^ (x & 0xff)) * 0x100000001b3ull;
            }
            return h >> 32;
        }
        """;

    /// <summary>About a hundred instructions without loops: branches, loads, stores, a call.</summary>
    public const string Parse = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        #include <bpf/bpf_endian.h>
        #include <linux/if_ether.h>
        #include <linux/ip.h>
        #include <linux/tcp.h>
        SEC("xdp") int parse(struct xdp_md *ctx)
        {
            void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
            struct ethhdr *eth = data;
            if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
                return XDP_PASS;
            struct iphdr *ip = (void *)(eth + 1);
            if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
                return XDP_DROP;
            if (ip->protocol != 6 || (ip->frag_off & bpf_htons(0x1fff)))
                return XDP_PASS;
            struct tcphdr *tcp = (void *)ip + ip->ihl * 4;
            if ((void *)(tcp + 1) > end)
                return XDP_DROP;
            __u32 key[4] = { ip->saddr, ip->daddr, tcp->source, tcp->dest };
            __u32 mix = 0;
            for (int i = 0; i < 4; i++)
                mix = (mix << 5 | mix >> 27) ^ key[i] * 0x9e3779b1u;
            switch (bpf_ntohs(tcp->dest)) {
            case 22: case 23: return XDP_DROP;
            case 80: case 443: case 8080: return mix & 1 ? XDP_TX : XDP_PASS;
            }
            return mix % 7 == bpf_get_prandom_u32() % 7 ? XDP_ABORTED : XDP_PASS;
        }
        """;

    public static string Lookup(string mapType) => $$"""
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct { __uint(type, {{mapType}}); __uint(max_entries, 64); __type(key, __u32); __type(value, __u64); } values SEC(".maps");
        SEC("raw_tp") int lookup(void *ctx)
        {
            __u32 key = 7;
            __u64 *value = bpf_map_lookup_elem(&values, &key);
            return value ? *value + 1 : 0;
        }
        """;
}
