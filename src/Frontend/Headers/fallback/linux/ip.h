/* IPv4 (RFC 791). */
#ifndef _LINUX_IP_H
#define _LINUX_IP_H
#include <asm/byteorder.h>
#define IPVERSION 4
#define MAXTTL 255
#define IPDEFTTL 64
#define IP_CE 0x8000
#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff

struct iphdr {
#ifdef __LITTLE_ENDIAN_BITFIELD
	__u8 ihl:4, version:4;
#else
	__u8 version:4, ihl:4;
#endif
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__sum16 check;
	union {
		struct {
			__be32 saddr;
			__be32 daddr;
		};
		struct {
			__be32 saddr;
			__be32 daddr;
		} addrs;
	};
};
#endif
