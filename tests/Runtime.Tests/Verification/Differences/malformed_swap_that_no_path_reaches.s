# accept
# type: Xdp
	r0 = 0
	r7 = 1
	if r7 & r7 goto L4
	.8byte 0xd2000007d7
L4:
	exit
