#include "textflag.h"

// func streamLines(to, from []byte)
//
// to begins at a multiple of 32, and both have a multiple of 128 bytes, at least one. What is written so may become
// visible in any order until SFENCE.
TEXT ·streamLines(SB), NOSPLIT, $0-48
	MOVQ to_base+0(FP), DI
	MOVQ from_base+24(FP), SI
	MOVQ from_len+32(FP), CX
lines:
	VMOVDQU 0(SI), Y0
	VMOVDQU 32(SI), Y1
	VMOVDQU 64(SI), Y2
	VMOVDQU 96(SI), Y3
	VMOVNTDQ Y0, 0(DI)
	VMOVNTDQ Y1, 32(DI)
	VMOVNTDQ Y2, 64(DI)
	VMOVNTDQ Y3, 96(DI)
	ADDQ $128, SI
	ADDQ $128, DI
	SUBQ $128, CX
	JG   lines
	SFENCE
	VZEROUPPER
	RET
