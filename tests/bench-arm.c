// Runs one benchmark program on ARM: machine code that ebpfcc wrote to a file, as an XDP program on a context in our native
// layout, or the same C built by gcc and linked into this executable. The instructions between the two labels of call() are
// what tests/bench-arm.sh counts in the emulator's log.
//   bench-arm SKEW DATA         calls prog(data, length), data SKEW bytes off a multiple of 64
//   bench-arm SKEW DATA CODE    calls the code with R1 = context
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// XDP: 24 bytes of UAPI structure, then the pointers behind its fields at twice their offsets.
struct context { uint32_t fields[6]; uint64_t data, data_end, meta, rest[3]; };

extern uint64_t prog(const uint8_t *memory, uint64_t length) __attribute__((weak));

uint64_t call(uint32_t r1, uint32_t r2_low, void *function);
__asm__(".arm\n.global call, call_begin, call_end\n.type call, %function\n"
        "call: push {r4, lr}\n"
        "mov ip, r2\n mov r2, r1\n mov r1, #0\n mov r3, #0\n"
        "call_begin: blx ip\n"
        "call_end: pop {r4, pc}\n");

static uint8_t packet[4096] __attribute__((aligned(64)));

static size_t read_file(const char *path, void *to, size_t room)
{
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); return 0; }
    size_t bytes = fread(to, 1, room, file);
    fclose(file);
    return bytes;
}

int main(int count, char **arguments)
{
    uint8_t *data = packet + atoi(arguments[1]);
    size_t length = read_file(arguments[2], data, sizeof packet - 64);
    uint64_t result;
    if (count < 4) {
        // As the C type wants it: the 64-bit length in r2:r3.
        result = call((uint32_t)data, length, (void *)prog);
    } else {
        const size_t room = 1 << 20;
        void *code = mmap(NULL, room, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        size_t bytes = read_file(arguments[3], code, room);
        __builtin___clear_cache(code, (char *)code + bytes);
        struct context context = { .data = (uint32_t)data, .data_end = (uint32_t)data + length, .meta = (uint32_t)data };
        result = call((uint32_t)&context, 0, code);
    }
    if (count < 4)
        result = (uint32_t)(result ^ result >> 32);
    printf("%x\n", (uint32_t)result);
    return 0;
}
