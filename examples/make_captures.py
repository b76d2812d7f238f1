#!/usr/bin/env python3
# Writes the captures of the examples: a few dozen packets each, the same bytes every time. Needs only Python's library.
import os
import socket
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT, ROUTER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


def checksum(data):
    total = sum(struct.unpack("!%dH" % ((len(data) + 1) // 2), data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(kind, payload):
    return (ROUTER + CLIENT + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def ipv4(source, destination, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, socket.inet_aton(source), socket.inet_aton(destination))
    return ethernet(0x0800, head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload)


def ipv6(source, destination, protocol, payload):
    return ethernet(0x86DD, struct.pack("!IHBB16s16s", 0x60000000, len(payload), protocol, 64,
                                        socket.inet_pton(socket.AF_INET6, source), socket.inet_pton(socket.AF_INET6, destination)) + payload)


def udp(source, destination, size=8):
    return struct.pack("!HHHH", source, destination, 8 + size, 0) + bytes(size)


def tcp(source, destination, size=0):
    return struct.pack("!HHIIBBHHH", source, destination, 1, 0, 0x50, 0x18, 8192, 0, 0) + bytes(size)


def icmp():
    return struct.pack("!BBHHH", 8, 0, 0, 7, 1) + b"ebpfcc.."


def arp():
    return ethernet(0x0806, struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + CLIENT + socket.inet_aton("192.0.2.1") + bytes(6) + socket.inet_aton("192.0.2.2"))


def capture(path, packets):
    with open(os.path.join(HERE, path), "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for number, packet in enumerate(packets):
            file.write(struct.pack("<IIII", 1700000000 + number // 10, number % 10 * 100000, len(packet), len(packet)) + packet)


SERVER = "203.0.113.10"
capture("xdp_firewall/traffic.pcap", [
    ipv4("203.0.113.7", SERVER, 6, tcp(40000, 443)),
    ipv4("192.0.2.5", SERVER, 6, tcp(40001, 443)),      # in 192.0.2.0/24
    ipv4("192.0.2.66", SERVER, 17, udp(5353, 53)),      # the longer prefix counts it
    ipv4("192.0.3.5", SERVER, 6, tcp(40002, 443)),      # just outside
    ipv4("10.200.30.4", SERVER, 1, icmp()),             # in 10.0.0.0/8
    arp(),
    ipv4("198.51.100.20", SERVER, 6, tcp(40003, 22)),   # in 198.51.96.0/20
    ipv4("198.51.112.1", SERVER, 6, tcp(40004, 22)),    # just outside
    ipv6("2001:db8::1", "2001:db8::2", 6, tcp(40005, 443)),
    ipv4("10.0.0.1", SERVER, 17, udp(123, 123, 48)),
])
capture("protocol_counter/traffic.pcap",
        [ipv4("192.0.2.1", SERVER, 6, tcp(40000 + n, 80, 10 * n)) for n in range(6)]
        + [ipv4("192.0.2.2", SERVER, 17, udp(50000, 53, 20)) for _ in range(4)]
        + [ipv6("2001:db8::1", "2001:db8::2", 17, udp(546, 547)), ipv6("2001:db8::1", "2001:db8::2", 58, icmp())]
        + [ipv4("192.0.2.3", SERVER, 1, icmp()), arp(), arp(), ipv4("192.0.2.4", SERVER, 47, bytes(16))])
capture("flow_filter/traffic.pcap",
        [ipv4("192.0.2.1", SERVER, 6, tcp(40000, 443, 100)) for _ in range(4)]
        + [ipv4(SERVER, "192.0.2.1", 6, tcp(443, 40000, 1000)) for _ in range(3)]
        + [ipv4("192.0.2.9", SERVER, 17, udp(5000, 53)), arp(), ipv4("192.0.2.9", SERVER, 17, udp(5001, 53))]
        + [ipv4("192.0.2.1", SERVER, 1, icmp()) for _ in range(3)] + [ipv6("2001:db8::1", "2001:db8::2", 6, tcp(1, 2))])
capture("calling_convention/traffic.pcap", [ipv4("192.0.2.1", SERVER, 17, udp(1, 2, size)) for size in (8, 64, 512, 1400)])
