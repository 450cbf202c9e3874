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
#define context_rbp 120
#define context_rsp 160
#define context_rip 168
#define context_flags 176

// Offsets in goroutine, table, entry and Foreign.
#define goroutine_call 0
#define goroutine_state 8
#define goroutine_registers 16
#define goroutine_back 160
#define goroutine_signal 200
#define goroutine_address 208
#define goroutine_at 216
#define table_mask 0
#define table_entries 8
#define entry_is 8
#define foreign_frame 0
#define foreign_code 8
#define foreign_size 16
#define foreign_exitcode 24
#define foreign_trap 32
#define foreign_exitat 40
#define foreign_exitstack 48
#define foreign_exitframe 56

// A g begins with the bounds of its stack.
#define g_low 0
#define g_high 8

#define SIGBUS $7
#define SIGSEGV $11
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
	JAE  elsewhere
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

elsewhere:
	// It may be foreign code that a goroutine runs. Its g is where Go has it, whatever runs.
	CMPQ DI, SIGURG
	JEQ  find
	CMPQ DI, SIGSEGV
	JEQ  find
	CMPQ DI, SIGBUS
	JNE  chain
find:
	MOVQ TLS, CX
	MOVQ 0(CX)(TLS*1), R9
	MOVQ ·goroutines(SB), R11
	TESTQ R11, R11
	JEQ  chain
	TESTQ R9, R9
	JEQ  chain
	MOVQ table_mask(R11), R10
	MOVQ table_entries(R11), R11
	MOVQ R9, BX
	SHRQ $7, BX
look:
	ANDQ R10, BX
	MOVQ BX, CX
	SHLQ $4, CX
	ADDQ R11, CX
	MOVQ 0(CX), AX
	CMPQ AX, R9
	JEQ  known
	TESTQ AX, AX
	JEQ  chain
	INCQ BX
	JMP  look
known:
	MOVQ entry_is(CX), BX
	MOVQ goroutine_call(BX), R11
	TESTQ R11, R11
	JEQ  chain
	MOVQ context_rip(DX), AX
	MOVQ AX, CX
	SUBQ foreign_code(R11), CX
	CMPQ CX, foreign_size(R11)
	JB   inside
	SUBQ ·moveFunction(SB), AX
	CMPQ AX, ·moveSize(SB)
	JAE  chain
inside:
	// With a pointer to Go's stack it is on its way there, and Go's stack may move. R8 is the stack pointer.
	MOVQ g_low(R9), CX
	MOVQ g_high(R9), R9
	SUBQ CX, R9
	MOVQ R8, AX
	SUBQ CX, AX
	CMPQ AX, R9
	JB   chain
	CMPQ DI, SIGURG
	JNE  refused
	MOVQ context_rbp(DX), AX
	SUBQ CX, AX
	CMPQ AX, R9
	JB   chain
	MOVQ SI, R8
	MOVQ DI, R9
	LEAQ context_registers(DX), SI
	LEAQ goroutine_registers(BX), DI
	MOVQ $18, CX
	CLD
	REP; MOVSQ
	MOVQ R8, SI
	MOVQ R9, DI
	MOVQ BX, context_rdi(DX)
	LEAQ ·pause(SB), CX
	MOVQ CX, context_rip(DX)
	ANDQ $~0x500, context_flags(DX)
	JMP  chain

refused:
	MOVQ foreign_exitcode(R11), CX
	TESTQ CX, CX
	JEQ  chain
	MOVQ foreign_trap(R11), AX
	MOVL AX, (CX)
	MOVQ DI, goroutine_signal(BX)
	MOVQ info_address(SI), AX
	MOVQ AX, goroutine_address(BX)
	MOVQ context_rip(DX), AX
	MOVQ AX, goroutine_at(BX)
	MOVQ AX, CX
	SUBQ ·moveFunction(SB), CX
	CMPQ CX, ·moveSize(SB)
	JAE  itself
	MOVQ (R8), AX // Go's function has no frame: where it returns to
	DECQ AX
itself:
	INCQ AX
	MOVQ foreign_exitat(R11), CX
	MOVQ AX, (CX)
	MOVQ foreign_exitstack(R11), CX
	MOVQ R8, (CX)
	MOVQ context_rbp(DX), AX
	MOVQ foreign_exitframe(R11), CX
	MOVQ AX, (CX)
	MOVQ foreign_frame(R11), CX
	MOVQ 0(CX), AX
	MOVQ AX, context_rbp(DX)
	MOVQ 8(CX), AX
	MOVQ AX, context_rsp(DX)
	LEAQ ·ended(SB), CX
	MOVQ CX, context_rip(DX)
	ANDQ $~0x500, context_flags(DX)
	RET

// ended is where the handler returns to after a fault of foreign code. It returns to the function that has entered that.
TEXT ·ended(SB), NOSPLIT|NOFRAME, $0-0
	CMPB ·hasAVX(SB), $0
	JEQ  out
	VZEROUPPER
out:
	RET

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

// func getg() uintptr
TEXT ·getg(SB), NOSPLIT, $0-8
	MOVQ TLS, CX
	MOVQ 0(CX)(TLS*1), AX
	MOVQ AX, ret+0(FP)
	RET

// pause is where the handler returns to when foreign code is to stop, with the goroutine in RDI and all else as it was.
// It writes nothing to the code's stack, of whose end only the code knows.
TEXT ·pause(SB), NOSPLIT|NOFRAME, $0-0
	CLD
	MOVQ goroutine_state(DI), CX
	XORL AX, AX // the header, as in interrupt
	MOVQ AX, 512(CX)
	MOVQ AX, 520(CX)
	MOVQ AX, 528(CX)
	MOVQ AX, 536(CX)
	MOVQ AX, 544(CX)
	MOVQ AX, 552(CX)
	MOVQ AX, 560(CX)
	MOVQ AX, 568(CX)
	MOVL ·stateMask(SB), AX
	XORL DX, DX
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0x21 // XSAVE64 (RCX)
	CMPB ·hasAVX(SB), $0
	JEQ  saved
	VZEROUPPER
saved:
	// On Go's stack it takes the place of the function that has entered the code.
	MOVQ goroutine_call(DI), AX
	MOVQ foreign_frame(AX), AX
	BYTE $0x48; BYTE $0x8b; BYTE $0x28 // MOVQ 0(AX), BP, which vet would have saved before
	MOVQ 8(AX), SP
	JMP  ·paused(SB)

TEXT ·paused(SB), NOSPLIT, $16-0
	NO_LOCAL_POINTERS
	MOVQ DI, 0(SP)
	MOVQ DI, 8(SP)
	CALL ·stopHere(SB)
	MOVQ 8(SP), DI
	RET  ·unpause(SB)

// unpause goes back to the code. Go's stack may have moved.
TEXT ·unpause(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ goroutine_call(DI), AX
	MOVQ foreign_frame(AX), AX
	MOVQ BP, 0(AX)
	MOVQ SP, 8(AX)
	MOVQ goroutine_state(DI), CX
	MOVL ·stateMask(SB), AX
	XORL DX, DX
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0x29 // XRSTOR64 (RCX)
	MOVQ (goroutine_registers+128)(DI), AX // RIP
	MOVQ AX, (goroutine_back+0)(DI)
	MOVW CS, AX
	MOVWLZX AX, AX
	MOVQ AX, (goroutine_back+8)(DI)
	MOVQ (goroutine_registers+136)(DI), AX // flags
	MOVQ AX, (goroutine_back+16)(DI)
	MOVQ (goroutine_registers+120)(DI), AX // RSP
	MOVQ AX, (goroutine_back+24)(DI)
	MOVW SS, AX
	MOVWLZX AX, AX
	MOVQ AX, (goroutine_back+32)(DI)
	MOVQ (goroutine_registers+0)(DI), R8
	MOVQ (goroutine_registers+8)(DI), R9
	MOVQ (goroutine_registers+16)(DI), R10
	MOVQ (goroutine_registers+24)(DI), R11
	MOVQ (goroutine_registers+32)(DI), R12
	MOVQ (goroutine_registers+40)(DI), R13
	MOVQ (goroutine_registers+48)(DI), R14
	MOVQ (goroutine_registers+56)(DI), R15
	MOVQ (goroutine_registers+72)(DI), SI
	MOVQ (goroutine_registers+80)(DI), BP
	MOVQ (goroutine_registers+88)(DI), BX
	MOVQ (goroutine_registers+96)(DI), DX
	MOVQ (goroutine_registers+104)(DI), AX
	MOVQ (goroutine_registers+112)(DI), CX
	LEAQ goroutine_back(DI), SP
	MOVQ (goroutine_registers+64)(DI), DI
	IRETQ
