// A moved context goes to a helper.
//~ kernel dereference of modified ctx ptr R1 off=8 disallowed
//~ fix pass the context itself
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("tc")
int forward(struct __sk_buff *skb)
{
	__u8 buffer[4] = {};

	bpf_skb_load_bytes(&skb->mark, 0, buffer, sizeof(buffer)); //~ error EBC5023
	return buffer[0] ? TC_ACT_SHOT : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
