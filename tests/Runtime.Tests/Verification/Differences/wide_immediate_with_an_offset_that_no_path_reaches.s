# accept
# type: Xdp
	r0 = 0
	if r0 == 0 goto L5
	.8byte 0x20018
	.8byte 0x0
L5:
	exit
