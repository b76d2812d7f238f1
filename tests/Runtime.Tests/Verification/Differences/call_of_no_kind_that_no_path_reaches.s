# accept
# type: Xdp
	r0 = 0
	if r0 == 0 goto L4
	.8byte 0x3600003085
L4:
	exit
