// SPDX-License-Identifier: MIT
// Decides which requests of a web server are served. The context is the host's own (see Pipeline.cs): the verifier knows its
// fields and that the request's path lies between path and path_end.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct request {
	const char *path;
	const char *path_end;
	__u32 client;	// IPv4 address
	__u32 status;	// what the client gets when the request is refused
};

// How many requests a client may still make; the host refills it.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __s64);
} budget SEC(".maps");

struct refusal {
	__u32 client, status;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} refusals SEC(".maps");

static long (*host_log)(const char *text, __u32 size) = (void *)1000;

#define REFUSE 0
#define SERVE 1

static int refuse(struct request *r, __u32 status)
{
	struct refusal *entry = bpf_ringbuf_reserve(&refusals, sizeof(*entry), 0);

	if (entry) {
		entry->client = r->client;
		entry->status = status;
		bpf_ringbuf_submit(entry, 0);
	}
	r->status = status;
	return REFUSE;
}

SEC("request/admission")
int admission(struct request *r)
{
	const char *path = r->path, *end = r->path_end;
	__u32 client = r->client;

	if (path + 6 <= end && path[1] == 'a' && path[2] == 'd' && path[3] == 'm' && path[4] == 'i' && path[5] == 'n') {
		char text[] = "admin";

		host_log(text, sizeof(text) - 1);
		return refuse(r, 403);
	}

	__s64 *left = bpf_map_lookup_elem(&budget, &client);
	if (!left || __sync_fetch_and_add(left, -1) <= 0)
		return refuse(r, 429);
	return SERVE;
}

char _license[] SEC("license") = "Dual MIT/GPL";
