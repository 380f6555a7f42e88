UCLA pl 1.0

ram	20	32	: N
rom	70	44	: FS
pll	90	20	: E	/FIXED
a	60.25	20	: N
b	66	20	: FN
c	50	32
tap	10	104	: N	/FIXED
pad	4	50	: N	/FIXED
bump	100	100	: N	/FIXED_NI
