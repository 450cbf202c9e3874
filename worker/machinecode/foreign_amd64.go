package machinecode

// saved is what the assembly saves and goes back by.
type saved struct {
	registers [18]uintptr // as ucontext_t has them
	back      [5]uintptr  // what IRETQ takes
}
