#include "textflag.h"

// Offsets in record.
#define record_sp 0
#define record_signal 8
#define record_code 16
#define record_address 24

// Offsets in siginfo_t and ucontext_t.
#define info_address 16
#define context_rdi 104
#define context_rsp 160
#define context_rip 168
#define context_flags 176

// What is below a stack's end, a multiple of StackSize (1<<22), is its record.
#define stack_mask $0x3fffff
#define record_below 63 // from the last byte of a stack: recordSize-1

// func enter(r *record, code, argument, top uintptr)
TEXT ·enter(SB), NOSPLIT|NOFRAME, $0-32
	MOVQ r+0(FP), BX
	MOVQ code+8(FP), AX
	MOVQ argument+16(FP), DI
	MOVQ top+24(FP), CX
	PUSHQ BP
	MOVQ SP, record_sp(BX)
	MOVQ CX, SP
	CLD
	CALL AX
	// The record stands where the stack began.
	MOVQ record_sp(SP), SP
	POPQ BP
	CLD
	RET

// leave is where the handler returns to, with the record in DI: the end of enter.
TEXT ·leave(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ record_sp(DI), SP
	BYTE $0x5d // POPQ BP, of which the assembler misses the PUSHQ
	RET

// handler is entered by the kernel: DI is the signal, SI its siginfo_t, DX the ucontext_t of what was interrupted.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ context_rsp(DX), AX
	MOVQ AX, CX
	SUBQ ·arena(SB), CX
	CMPQ CX, ·arenaSize(SB)
	JAE  chain
	ORQ  stack_mask, AX
	SUBQ $record_below, AX
	MOVQ DI, record_signal(AX)
	MOVQ context_rip(DX), CX
	MOVQ CX, record_code(AX)
	MOVQ info_address(SI), CX
	MOVQ CX, record_address(AX)
	MOVQ AX, context_rdi(DX)
	LEAQ ·leave(SB), CX
	MOVQ CX, context_rip(DX)
	ANDQ $~0x500, context_flags(DX) // the direction, single steps
	RET

chain:
	LEAQ ·chained(SB), AX
	MOVQ (AX)(DI*8), AX
	JMP  AX

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	LEAQ ·handler(SB), AX
	MOVQ AX, ret+0(FP)
	RET
