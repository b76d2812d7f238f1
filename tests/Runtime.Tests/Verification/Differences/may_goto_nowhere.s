# accept
# type: Xdp
	may_goto L1
L1:
	r0 = 0
	exit
