# reject: value -2147483648 makes map_value pointer be out of bounds
# type: SocketFilter
# map: data array key 4 value 64 entries 1
	r2 = *(u32 *)(r1 + 0)
	*(u64 *)(r10 - 8) = r2
	*(u32 *)(r10 - 8) = 1
	r1 = *(s32 *)(r10 - 4)
	r0 = data.value+0 ll
	r0 += r1
	r0 = *(u8 *)(r0 + 0)
	exit
