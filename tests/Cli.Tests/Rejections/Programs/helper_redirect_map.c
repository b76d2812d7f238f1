// A helper of XDP in a tc program.
//~ kernel program of this type cannot use helper bpf_xdp_adjust_tail#65
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("tc")
int adjust(struct __sk_buff *skb)
{
	return bpf_xdp_adjust_tail((void *)skb, -4) ? TC_ACT_SHOT : TC_ACT_OK; //~ error EBC5008
}

char LICENSE[] SEC("license") = "GPL";
