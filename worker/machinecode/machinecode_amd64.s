#include "funcdata.h"
#include "textflag.h"

// Offsets in record.
#define record_sp 0
#define record_bp 8
#define record_native 16
#define record_event 24
#define record_number 32
#define record_argument 40
#define record_code 48
#define record_size 56
#define record_lowest 64
#define record_interrupted 72
#define record_registers 80

// Values of Event.
#define event_returned $0
#define event_called $1
#define event_interrupted $2
#define event_trapped $3
#define event_faulted $4

// Offsets in siginfo_t and ucontext_t.
#define info_address 16
#define context_registers 40
#define context_rdi 104
#define context_rsp 160
#define context_rip 168
#define context_flags 176

#define SIGURG $23

// A stack is at a multiple of its size, with its record at the end of it.
#define stack_mask $0x3ffffff // StackSize-1
#define record_below 511 // recordSize-1, from the last byte

// RECORD makes of an address of a stack the address of its record.
#define RECORD(r) \
	ORQ stack_mask, r \
	SUBQ $record_below, r

// TOGO returns from enter or resume, with the record in BX.
#define TOGO \
	MOVQ record_bp(BX), BP \
	MOVQ record_sp(BX), SP \
	RET

// func enter(r *record, code, a, b, c, sp uintptr, s *Stack)
TEXT ·enter(SB), NOSPLIT|NOFRAME, $0-56
	MOVQ r+0(FP), BX
	MOVQ code+8(FP), AX
	MOVQ a+16(FP), DI
	MOVQ b+24(FP), SI
	MOVQ c+32(FP), DX
	MOVQ sp+40(FP), CX
	MOVQ BP, record_bp(BX)
	MOVQ SP, record_sp(BX)
	MOVQ CX, SP
	XORL BP, BP
	CLD
	CALL AX
	// By C's rules BX is as it was.
	MOVQ event_returned, record_event(BX)
	TOGO

// GOON restores what LEAVE saved, with the record in BX, and goes on behind the call. The bytes are LEAQ 48(AX), SP.
#define GOON \
	MOVQ record_native(BX), AX \
	MOVQ 0(AX), R15 \
	MOVQ 8(AX), R14 \
	MOVQ 16(AX), R13 \
	MOVQ 24(AX), R12 \
	MOVQ 32(AX), BX \
	MOVQ 40(AX), BP \
	BYTE $0x48; BYTE $0x8d; BYTE $0x60; BYTE $0x30 \
	RET

// func resume(r *record, code, a, b, c, sp uintptr, s *Stack)
TEXT ·resume(SB), NOSPLIT|NOFRAME, $0-56
	MOVQ r+0(FP), BX
	MOVQ BP, record_bp(BX)
	MOVQ SP, record_sp(BX)
	GOON

// LEAVE saves what a call preserves by C's rules, and has the record in BX.
#define LEAVE \
	MOVQ R15, -48(SP) \
	MOVQ R14, -40(SP) \
	MOVQ R13, -32(SP) \
	MOVQ R12, -24(SP) \
	MOVQ BX, -16(SP) \
	MOVQ BP, -8(SP) \
	LEAQ -48(SP), AX \
	MOVQ AX, BX \
	RECORD(BX) \
	MOVQ AX, record_native(BX)

// GOFRAME is Go's stack as enter or resume left it, with the record in BX. The bytes are MOVQ record_sp(BX), SP.
#define GOFRAME \
	MOVQ record_bp(BX), BP \
	BYTE $0x48; BYTE $0x8b; BYTE $0x23

// callHost is C's void (*)(void *unused, uint64_t number, uint64_t *arguments).
//
// On Go's stack it takes the place of enter or resume, whose arguments are therefore its own: what it calls there
// stands above it as above any function, and stack and goroutine may move meanwhile. To return to the goroutine for each
// call instead would be simpler, and twice as slow: processors predict where a RET leads by the CALLs before it.
// The stack pointer is written where the assembler does not see it, or Go would not unwind this frame.
TEXT ·callHost(SB), NOSPLIT|NOFRAME, $0-56
	NO_LOCAL_POINTERS
	LEAVE
	MOVQ event_called, record_event(BX)
	MOVQ SI, record_number(BX)
	MOVQ DX, record_argument(BX)
	GOFRAME
	ADJSP $24
	MOVQ BP, 16(SP)
	LEAQ 16(SP), BP
	MOVQ 80(SP), AX // s
	MOVQ AX, 0(SP)
	CALL ·served(SB)
	MOVBLZX 8(SP), CX
	MOVQ 16(SP), BP
	MOVQ 32(SP), BX // r
	ADJSP $-24
	TESTL CX, CX
	JEQ  out
	MOVQ BP, record_bp(BX)
	MOVQ SP, record_sp(BX)
	GOON
out:
	RET

// trap is C's noreturn void (*)(void *unused, uint64_t kind, uint64_t place).
TEXT ·trap(SB), NOSPLIT|NOFRAME, $0-0
	LEAVE
	MOVQ event_trapped, record_event(BX)
	MOVQ SI, record_number(BX)
	MOVQ DX, record_argument(BX)
	CMPB ·hasAVX(SB), $0
	JEQ  out
	VZEROUPPER
out:
	TOGO

// fault is where the handler returns to after one, with the record in RDI.
TEXT ·fault(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ DI, BX
	CMPB ·hasAVX(SB), $0
	JEQ  out
	VZEROUPPER
out:
	TOGO

// interrupt is where the handler returns to when Go wants the goroutine to stop. The stack pointer is below what the
// interrupted code may have written behind it (the red zone, 128 bytes), and 8 bytes further, where its address comes.
TEXT ·interrupt(SB), NOSPLIT|NOFRAME, $0-0
	BYTE $0x9c // PUSHFQ
	LEAQ -120(SP), SP
	MOVQ AX, 0(SP)
	MOVQ BX, 8(SP)
	MOVQ CX, 16(SP)
	MOVQ DX, 24(SP)
	MOVQ SI, 32(SP)
	MOVQ DI, 40(SP)
	MOVQ BP, 48(SP)
	MOVQ R8, 56(SP)
	MOVQ R9, 64(SP)
	MOVQ R10, 72(SP)
	MOVQ R11, 80(SP)
	MOVQ R12, 88(SP)
	MOVQ R13, 96(SP)
	MOVQ R14, 104(SP)
	MOVQ R15, 112(SP)
	CLD
	MOVQ SP, R12
	MOVQ SP, BX
	RECORD(BX)
	MOVQ record_interrupted(BX), AX
	MOVQ AX, 128(SP)
	ANDQ $~63, SP
	SUBQ ·stateSize(SB), SP
	// The state's header, which XSAVE leaves in part as it is.
	XORL AX, AX
	MOVQ AX, 512(SP)
	MOVQ AX, 520(SP)
	MOVQ AX, 528(SP)
	MOVQ AX, 536(SP)
	MOVQ AX, 544(SP)
	MOVQ AX, 552(SP)
	MOVQ AX, 560(SP)
	MOVQ AX, 568(SP)
	MOVL ·stateMask(SB), AX
	XORL DX, DX
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0x24; BYTE $0x24 // XSAVE64 (RSP)
	CMPB ·hasAVX(SB), $0
	JEQ  saved
	VZEROUPPER
saved:
	// As if it had called the host from uninterrupt, which is where resume returns to.
	LEAQ ·uninterrupt(SB), AX
	MOVQ AX, -8(SP)
	MOVQ R12, -32(SP)
	LEAQ -56(SP), AX
	MOVQ AX, record_native(BX)
	MOVQ event_interrupted, record_event(BX)
	TOGO

// uninterrupt goes back to what was interrupted. R12 is where its registers are.
TEXT ·uninterrupt(SB), NOSPLIT|NOFRAME, $0-0
	MOVL ·stateMask(SB), AX
	XORL DX, DX
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0x2c; BYTE $0x24 // XRSTOR64 (RSP)
	MOVQ R12, SP
	MOVQ 0(SP), AX
	MOVQ 8(SP), BX
	MOVQ 16(SP), CX
	MOVQ 24(SP), DX
	MOVQ 32(SP), SI
	MOVQ 40(SP), DI
	BYTE $0x48; BYTE $0x8b; BYTE $0x6c; BYTE $0x24; BYTE $0x30 // MOVQ 48(SP), BP, which vet would have saved before
	MOVQ 56(SP), R8
	MOVQ 64(SP), R9
	MOVQ 72(SP), R10
	MOVQ 80(SP), R11
	MOVQ 88(SP), R12
	MOVQ 96(SP), R13
	MOVQ 104(SP), R14
	MOVQ 112(SP), R15
	LEAQ 120(SP), SP
	BYTE $0x9d // POPFQ
	BYTE $0xc2; WORD $128 // RET 128: over the red zone

// handler is entered by the kernel: DI is the signal, SI its siginfo_t, DX the ucontext_t of what was interrupted.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ context_rsp(DX), R8
	MOVQ R8, CX
	SUBQ ·arena(SB), CX
	CMPQ CX, ·arenaSize(SB)
	JAE  chain
	MOVQ R8, BX
	RECORD(BX)
	CMPQ DI, SIGURG
	JEQ  stop
	MOVQ event_faulted, record_event(BX)
	MOVQ DI, record_number(BX)
	MOVQ info_address(SI), CX
	MOVQ CX, record_argument(BX)
	LEAQ context_registers(DX), SI
	LEAQ record_registers(BX), DI
	MOVQ $17, CX
	CLD
	REP; MOVSQ
	MOVQ BX, context_rdi(DX)
	LEAQ ·fault(SB), CX
	MOVQ CX, context_rip(DX)
	ANDQ $~0x500, context_flags(DX) // the direction, single steps
	RET

stop:
	// On the way out or back to the code is soon in Go by itself, or asked again.
	MOVQ context_rip(DX), AX
	MOVQ AX, CX
	SUBQ record_code(BX), CX
	CMPQ CX, record_size(BX)
	JAE  chain
	CMPQ R8, record_lowest(BX) // there must be room for all registers
	JB   chain
	MOVQ AX, record_interrupted(BX)
	SUBQ $136, R8
	MOVQ R8, context_rsp(DX)
	LEAQ ·interrupt(SB), AX
	MOVQ AX, context_rip(DX)
	// Go's handler notes that it was here, and finds no Go that it could stop.

chain:
	LEAQ ·chained(SB), AX
	MOVQ (AX)(DI*8), AX
	JMP  AX

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	LEAQ ·handler(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func exits() (call, trap uintptr)
TEXT ·exits(SB), NOSPLIT, $0-16
	LEAQ ·callHost(SB), AX
	MOVQ AX, call+0(FP)
	LEAQ ·trap(SB), AX
	MOVQ AX, trap+8(FP)
	RET

// func cpuid(leaf, sub uint32) (ax, bx, cx, dx uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-24
	MOVL leaf+0(FP), AX
	MOVL sub+4(FP), CX
	CPUID
	MOVL AX, ax+8(FP)
	MOVL BX, bx+12(FP)
	MOVL CX, cx+16(FP)
	MOVL DX, dx+20(FP)
	RET
