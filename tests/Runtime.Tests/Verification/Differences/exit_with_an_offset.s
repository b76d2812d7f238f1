# accept
# type: Xdp
	r0 = 0
	.8byte 0x40095
