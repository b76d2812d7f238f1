# accept
# type: Xdp
	r8 = 1
	if w8 & w8 goto L3
	.8byte 0x2cffff17db
L3:
	r0 = 0
	exit
