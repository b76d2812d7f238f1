# reject: unknown opcode 8d
# type: Xdp
	r0 = 0
	if r0 == 0 goto L4
	.8byte 0xffffffa00000028d
L4:
	exit
