#include "funcdata.h"
#include "textflag.h"

// Offsets in goroutine, table, entry and Foreign.
#define goroutine_call 0
#define goroutine_state 8
#define goroutine_saved 16
#define table_mask 0
#define table_entries 8
#define entry_is 8
#define foreign_frame 0
#define foreign_code 8
#define foreign_size 16

// A g begins with the bounds of its stack.
#define g_low 0
#define g_high 8

// Offsets in ucontext_t.
#define context_registers 184
#define context_sp 432
#define context_pc 440

#define SIGURG $23

// Instructions of wazero's way out, behind the one that loads Go's frame pointer; the base may be any register.
#define any_base $0x3e0
#define load_link $0xf940101e // LDR X30, [X0, #32]
#define load_sp $0xf9400c1b // LDR X27, [X0, #24]
#define set_sp $0x9100037f // MOV SP, X27
#define return_to_go $0xd65f03c0 // RET

// func getg() uintptr
TEXT ·getg(SB), NOSPLIT, $0-8
	MOVD g, ret+0(FP)
	RET

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	MOVD $·handler(SB), R0
	MOVD R0, ret+0(FP)
	RET

// handler is entered by the kernel: R0 is the signal, R1 its siginfo_t, R2 the ucontext_t of what was interrupted. g is
// where Go has it: foreign code leaves that register alone.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0-0
	CMP  SIGURG, R0
	BNE  chain
	MOVD ·goroutines(SB), R9
	CBZ  R9, chain
	CBZ  g, chain
	MOVD table_mask(R9), R10
	MOVD table_entries(R9), R11
	LSR  $7, g, R12
look:
	AND  R10, R12, R12
	ADD  R12<<4, R11, R13
	MOVD (R13), R14
	CMP  g, R14
	BEQ  known
	CBZ  R14, chain
	ADD  $1, R12, R12
	B    look
known:
	MOVD entry_is(R13), R9
	MOVD goroutine_call(R9), R10
	CBZ  R10, chain
	MOVD context_pc(R2), R11
	MOVD foreign_code(R10), R12
	MOVD foreign_size(R10), R13
	SUB  R12, R11, R12
	CMP  R13, R12
	BLO  inside
	MOVD ·moveFunction(SB), R12
	MOVD ·moveSize(SB), R13
	SUB  R12, R11, R12
	CMP  R13, R12
	BHS  chain
inside:
	// With a pointer to Go's stack it is on its way there, and Go's stack may move. The frame pointer tells nothing: the
	// code uses it for whatever it likes, and may have left Go's in it.
	MOVD g_low(g), R12
	MOVD g_high(g), R13
	SUB  R12, R13, R13
	MOVD context_sp(R2), R14
	SUB  R12, R14, R14
	CMP  R13, R14
	BLO  chain
	MOVWU (R11), R12
	MOVD return_to_go, R13
	CMP  R13, R12
	BEQ  chain
	MOVD set_sp, R13
	CMP  R13, R12
	BEQ  chain
	MOVD any_base, R13
	BIC  R13, R12, R12
	MOVD load_link, R13
	CMP  R13, R12
	BEQ  chain
	MOVD load_sp, R13
	CMP  R13, R12
	BEQ  chain
	ADD  $context_registers, R2, R11
	ADD  $goroutine_saved, R9, R12
	MOVD $34, R13
copy:
	MOVD.P 8(R11), R14
	MOVD.P R14, 8(R12)
	SUB  $1, R13, R13
	CBNZ R13, copy
	MOVD R9, context_registers(R2) // R0
	MOVD $·pause(SB), R11
	MOVD R11, context_pc(R2)
	// Go's handler notes that it was here, and finds no Go that it could stop.
chain:
	MOVD $·chained(SB), R9
	ADD  R0<<3, R9, R9
	MOVD (R9), R9
	JMP  (R9)

// pause is where the handler returns to when foreign code is to stop, with the goroutine in R0 and all else as it was.
TEXT ·pause(SB), NOSPLIT|NOFRAME, $0-0
	MOVD goroutine_state(R0), R1
	FSTPQ (F0, F1), 0(R1)
	FSTPQ (F2, F3), 32(R1)
	FSTPQ (F4, F5), 64(R1)
	FSTPQ (F6, F7), 96(R1)
	FSTPQ (F8, F9), 128(R1)
	FSTPQ (F10, F11), 160(R1)
	FSTPQ (F12, F13), 192(R1)
	FSTPQ (F14, F15), 224(R1)
	FSTPQ (F16, F17), 256(R1)
	FSTPQ (F18, F19), 288(R1)
	FSTPQ (F20, F21), 320(R1)
	FSTPQ (F22, F23), 352(R1)
	FSTPQ (F24, F25), 384(R1)
	FSTPQ (F26, F27), 416(R1)
	FSTPQ (F28, F29), 448(R1)
	FSTPQ (F30, F31), 480(R1)
	MOVD FPSR, R2
	MOVD R2, 512(R1)
	// On Go's stack it takes the place of the function that has entered the code.
	MOVD goroutine_call(R0), R1
	MOVD foreign_frame(R1), R1
	WORD $0xf940003d // MOVD 0(R1), R29, which vet would have saved before
	MOVD 8(R1), R2
	MOVD 16(R1), R30
	MOVD R2, RSP
	B    ·paused(SB)

TEXT ·paused(SB), NOSPLIT, $16-0
	NO_LOCAL_POINTERS
	MOVD R0, 8(RSP)
	MOVD R0, 16(RSP)
	CALL ·stopHere(SB)
	MOVD 16(RSP), R0
	RET  ·unpause(SB)

// unpause goes back to the code. Go's stack may have moved. R18, the platform's, is used neither by Go nor by the code.
TEXT ·unpause(SB), NOSPLIT|NOFRAME, $0-0
	MOVD goroutine_call(R0), R1
	MOVD foreign_frame(R1), R1
	MOVD R29, 0(R1)
	MOVD RSP, R2
	MOVD R2, 8(R1)
	MOVD R30, 16(R1)
	MOVD goroutine_state(R0), R1
	FLDPQ 0(R1), (F0, F1)
	FLDPQ 32(R1), (F2, F3)
	FLDPQ 64(R1), (F4, F5)
	FLDPQ 96(R1), (F6, F7)
	FLDPQ 128(R1), (F8, F9)
	FLDPQ 160(R1), (F10, F11)
	FLDPQ 192(R1), (F12, F13)
	FLDPQ 224(R1), (F14, F15)
	FLDPQ 256(R1), (F16, F17)
	FLDPQ 288(R1), (F18, F19)
	FLDPQ 320(R1), (F20, F21)
	FLDPQ 352(R1), (F22, F23)
	FLDPQ 384(R1), (F24, F25)
	FLDPQ 416(R1), (F26, F27)
	FLDPQ 448(R1), (F28, F29)
	FLDPQ 480(R1), (F30, F31)
	MOVD 512(R1), R2
	MOVD R2, FPSR
	MOVD (goroutine_saved+264)(R0), R2 // flags
	MOVD R2, NZCV
	MOVD (goroutine_saved+248)(R0), R2 // SP
	MOVD R2, RSP
	MOVD (goroutine_saved+256)(R0), R18_PLATFORM // PC
	LDP  (goroutine_saved+8)(R0), (R1, R2)
	LDP  (goroutine_saved+24)(R0), (R3, R4)
	LDP  (goroutine_saved+40)(R0), (R5, R6)
	LDP  (goroutine_saved+56)(R0), (R7, R8)
	LDP  (goroutine_saved+72)(R0), (R9, R10)
	LDP  (goroutine_saved+88)(R0), (R11, R12)
	LDP  (goroutine_saved+104)(R0), (R13, R14)
	LDP  (goroutine_saved+120)(R0), (R15, R16)
	MOVD (goroutine_saved+136)(R0), R17
	LDP  (goroutine_saved+152)(R0), (R19, R20)
	LDP  (goroutine_saved+168)(R0), (R21, R22)
	LDP  (goroutine_saved+184)(R0), (R23, R24)
	LDP  (goroutine_saved+200)(R0), (R25, R26)
	MOVD (goroutine_saved+216)(R0), R27
	MOVD (goroutine_saved+232)(R0), R29
	MOVD (goroutine_saved+240)(R0), R30
	MOVD goroutine_saved(R0), R0
	JMP  (R18_PLATFORM)
