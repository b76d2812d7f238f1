# accept
# type: Xdp
	r1 = 0
	call 17
	exit
