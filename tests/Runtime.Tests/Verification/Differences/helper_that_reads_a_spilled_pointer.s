# reject: math between ctx pointer and register with unbounded min value is not allowed
# type: SchedCls
	*(u64 *)(r10 - 32) = r1
	r3 = r10
	r3 += -32
	r1 = r3
	r2 = 0
	r4 = 8
	r5 = 0
	call 28
	r1 = *(u64 *)(r10 - 32)
	r0 ^= r1
	exit
