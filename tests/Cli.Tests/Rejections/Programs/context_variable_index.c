// A member array is indexed by a variable.
//~ kernel dereference of modified ctx ptr R1 off=48 disallowed
//~ clang variable ctx access var_off=(0x0; 0xc) disallowed
//~ fix choose among constant offsets
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("tc")
int choose(struct __sk_buff *skb)
{
	__u32 i = skb->mark & 3;

	return skb->cb[i] ? TC_ACT_SHOT : TC_ACT_OK; //~ error EBC5023
}

char LICENSE[] SEC("license") = "GPL";
