# accept
# type: SocketFilter
# map: hash hash key 8 value 48 entries 8
	*(u64 *)(r10 - 64) = 0
	r2 = r10
	r2 += -64
	r1 = hash ll
	call 1
	r3 = 1
	r2 = *(u64 *)(r10 - 64)
	if w3 <= w2 goto L10
	goto L11
L10:
	call L12
L11:
	exit
L12:
	exit
