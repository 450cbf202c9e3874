#include "textflag.h"

// The kernels of vector instructions (AVX2), in the order of the list in vector_amd64.go. All are one loop: OP(a, b, t,
// u) replaces a by a op b and may use t and u; PREPARE sets constants in the last two registers. Both spans have the
// same length, a vector at least.
//
// What is left behind whole vectors is the last vector of the span, which overlaps the one before: it is computed
// first, from what was there, and stored last. So no element is combined twice, and none is combined alone.

#define KERNEL(NAME, PREPARE, OP) \
TEXT NAME(SB), NOSPLIT, $0-48; \
	MOVQ acc_base+0(FP), DI; \
	MOVQ acc_len+8(FP), CX; \
	MOVQ in_base+24(FP), SI; \
	PREPARE; \
	LEAQ -32(DI)(CX*1), DX; \
	VMOVDQU (DX), Y8; \
	VMOVDQU -32(SI)(CX*1), Y9; \
	OP(Y8, Y9, Y10, Y11); \
	SUBQ $128, CX; \
	JLT  rest; \
four: \
	VMOVDQU 0(DI), Y0; \
	VMOVDQU 32(DI), Y1; \
	VMOVDQU 64(DI), Y2; \
	VMOVDQU 96(DI), Y3; \
	VMOVDQU 0(SI), Y4; \
	VMOVDQU 32(SI), Y5; \
	VMOVDQU 64(SI), Y6; \
	VMOVDQU 96(SI), Y7; \
	OP(Y0, Y4, Y10, Y11); \
	OP(Y1, Y5, Y10, Y11); \
	OP(Y2, Y6, Y10, Y11); \
	OP(Y3, Y7, Y10, Y11); \
	VMOVDQU Y0, 0(DI); \
	VMOVDQU Y1, 32(DI); \
	VMOVDQU Y2, 64(DI); \
	VMOVDQU Y3, 96(DI); \
	ADDQ $128, DI; \
	ADDQ $128, SI; \
	SUBQ $128, CX; \
	JGE  four; \
rest: \
	ADDQ $96, CX; \
	JLT  end; \
one: \
	VMOVDQU (DI), Y0; \
	VMOVDQU (SI), Y4; \
	OP(Y0, Y4, Y10, Y11); \
	VMOVDQU Y0, (DI); \
	ADDQ $32, DI; \
	ADDQ $32, SI; \
	SUBQ $32, CX; \
	JGE  one; \
end: \
	VMOVDQU Y8, (DX); \
	VZEROUPPER; \
	RET

#define NOTHING

// Sums and products. Those of signed and unsigned integers are the same bits. Of two NaN the accumulator's remains.

#define ADD8(a, b, t, u) VPADDB b, a, a
#define ADD16(a, b, t, u) VPADDW b, a, a
#define ADD32(a, b, t, u) VPADDD b, a, a
#define ADD64(a, b, t, u) VPADDQ b, a, a
#define ADDF32(a, b, t, u) VADDPS b, a, a
#define ADDF64(a, b, t, u) VADDPD b, a, a

KERNEL(·sum8, NOTHING, ADD8)
KERNEL(·sum16, NOTHING, ADD16)
KERNEL(·sum32, NOTHING, ADD32)
KERNEL(·sum64, NOTHING, ADD64)
KERNEL(·sumF32, NOTHING, ADDF32)
KERNEL(·sumF64, NOTHING, ADDF64)

// Bytes are multiplied in words: even ones where they are, odd ones shifted down against their neighbours cleared.
#define LOWBYTES VPCMPEQW Y15, Y15, Y15; VPSRLW $8, Y15, Y15
#define MUL8(a, b, t, u) \
	VPSRLW  $8, a, t; \
	VPANDN  b, Y15, u; \
	VPMULLW u, t, t; \
	VPMULLW b, a, a; \
	VPAND   Y15, a, a; \
	VPOR    t, a, a
#define MUL16(a, b, t, u) VPMULLW b, a, a
#define MUL32(a, b, t, u) VPMULLD b, a, a
#define MULF32(a, b, t, u) VMULPS b, a, a
#define MULF64(a, b, t, u) VMULPD b, a, a

KERNEL(·prod8, LOWBYTES, MUL8)
KERNEL(·prod16, NOTHING, MUL16)
KERNEL(·prod32, NOTHING, MUL32)
KERNEL(·prodF32, NOTHING, MULF32)
KERNEL(·prodF64, NOTHING, MULF64)

// Minima and maxima. Those of floats give their second operand where neither is smaller, or one is a NaN: here that
// is the accumulator.

#define MINI8(a, b, t, u) VPMINSB b, a, a
#define MINU8(a, b, t, u) VPMINUB b, a, a
#define MINI16(a, b, t, u) VPMINSW b, a, a
#define MINU16(a, b, t, u) VPMINUW b, a, a
#define MINI32(a, b, t, u) VPMINSD b, a, a
#define MINU32(a, b, t, u) VPMINUD b, a, a
#define MINF32(a, b, t, u) VMINPS a, b, a
#define MINF64(a, b, t, u) VMINPD a, b, a
#define MAXI8(a, b, t, u) VPMAXSB b, a, a
#define MAXU8(a, b, t, u) VPMAXUB b, a, a
#define MAXI16(a, b, t, u) VPMAXSW b, a, a
#define MAXU16(a, b, t, u) VPMAXUW b, a, a
#define MAXI32(a, b, t, u) VPMAXSD b, a, a
#define MAXU32(a, b, t, u) VPMAXUD b, a, a
#define MAXF32(a, b, t, u) VMAXPS a, b, a
#define MAXF64(a, b, t, u) VMAXPD a, b, a

// AVX2 compares signed integers of 64 bits only; with both signs turned the order of unsigned ones is theirs.
#define SIGN VPCMPEQQ Y15, Y15, Y15; VPSLLQ $63, Y15, Y15
#define MINI64(a, b, t, u) VPCMPGTQ b, a, t; VPBLENDVB t, b, a, a
#define MAXI64(a, b, t, u) VPCMPGTQ a, b, t; VPBLENDVB t, b, a, a
#define MINU64(a, b, t, u) VPXOR Y15, a, t; VPXOR Y15, b, u; VPCMPGTQ u, t, t; VPBLENDVB t, b, a, a
#define MAXU64(a, b, t, u) VPXOR Y15, a, t; VPXOR Y15, b, u; VPCMPGTQ t, u, t; VPBLENDVB t, b, a, a

KERNEL(·minI8, NOTHING, MINI8)
KERNEL(·minU8, NOTHING, MINU8)
KERNEL(·minI16, NOTHING, MINI16)
KERNEL(·minU16, NOTHING, MINU16)
KERNEL(·minI32, NOTHING, MINI32)
KERNEL(·minU32, NOTHING, MINU32)
KERNEL(·minI64, NOTHING, MINI64)
KERNEL(·minU64, SIGN, MINU64)
KERNEL(·minF32, NOTHING, MINF32)
KERNEL(·minF64, NOTHING, MINF64)
KERNEL(·maxI8, NOTHING, MAXI8)
KERNEL(·maxU8, NOTHING, MAXU8)
KERNEL(·maxI16, NOTHING, MAXI16)
KERNEL(·maxU16, NOTHING, MAXU16)
KERNEL(·maxI32, NOTHING, MAXI32)
KERNEL(·maxU32, NOTHING, MAXU32)
KERNEL(·maxI64, NOTHING, MAXI64)
KERNEL(·maxU64, SIGN, MAXU64)
KERNEL(·maxF32, NOTHING, MAXF32)
KERNEL(·maxF64, NOTHING, MAXF64)

// Bits.

#define BAND(a, b, t, u) VPAND b, a, a
#define BOR(a, b, t, u) VPOR b, a, a
#define BXOR(a, b, t, u) VPXOR b, a, a

KERNEL(·band, NOTHING, BAND)
KERNEL(·bor, NOTHING, BOR)
KERNEL(·bxor, NOTHING, BXOR)

// Logical operations: all but zero is true, and the result is 0 or 1. Register 15 holds ones, 14 zeros.

#define ONES VPXOR Y14, Y14, Y14; VPCMPEQB Y15, Y15, Y15
#define ONE8 ONES; VPABSB Y15, Y15
#define ONE16 ONES; VPABSW Y15, Y15
#define ONE32 ONES; VPABSD Y15, Y15
#define ONE64 ONES; VPSRLQ $63, Y15, Y15

// LOGICAL finds the zeros of a and b, JOIN joins them, TAKE takes ones where they are or where they are not.
#define LOGICAL(ZEROS, JOIN, TAKE, a, b, t) \
	ZEROS Y14, a, a; \
	ZEROS Y14, b, t; \
	JOIN  t, a, a; \
	TAKE  Y15, a, a
#define LAND8(a, b, t, u) LOGICAL(VPCMPEQB, VPOR, VPANDN, a, b, t)
#define LAND16(a, b, t, u) LOGICAL(VPCMPEQW, VPOR, VPANDN, a, b, t)
#define LAND32(a, b, t, u) LOGICAL(VPCMPEQD, VPOR, VPANDN, a, b, t)
#define LAND64(a, b, t, u) LOGICAL(VPCMPEQQ, VPOR, VPANDN, a, b, t)
#define LOR8(a, b, t, u) LOGICAL(VPCMPEQB, VPAND, VPANDN, a, b, t)
#define LOR16(a, b, t, u) LOGICAL(VPCMPEQW, VPAND, VPANDN, a, b, t)
#define LOR32(a, b, t, u) LOGICAL(VPCMPEQD, VPAND, VPANDN, a, b, t)
#define LOR64(a, b, t, u) LOGICAL(VPCMPEQQ, VPAND, VPANDN, a, b, t)
#define LXOR8(a, b, t, u) LOGICAL(VPCMPEQB, VPXOR, VPAND, a, b, t)
#define LXOR16(a, b, t, u) LOGICAL(VPCMPEQW, VPXOR, VPAND, a, b, t)
#define LXOR32(a, b, t, u) LOGICAL(VPCMPEQD, VPXOR, VPAND, a, b, t)
#define LXOR64(a, b, t, u) LOGICAL(VPCMPEQQ, VPXOR, VPAND, a, b, t)

KERNEL(·land8, ONE8, LAND8)
KERNEL(·land16, ONE16, LAND16)
KERNEL(·land32, ONE32, LAND32)
KERNEL(·land64, ONE64, LAND64)
KERNEL(·lor8, ONE8, LOR8)
KERNEL(·lor16, ONE16, LOR16)
KERNEL(·lor32, ONE32, LOR32)
KERNEL(·lor64, ONE64, LOR64)
KERNEL(·lxor8, ONE8, LXOR8)
KERNEL(·lxor16, ONE16, LXOR16)
KERNEL(·lxor32, ONE32, LXOR32)
KERNEL(·lxor64, ONE64, LXOR64)
