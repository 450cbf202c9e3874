//go:build amd64 || arm64

package mpi

// pause tells the processor that the code spins. Where two processors are the threads of one core, what one of them
// spends on looking is missing at the other, which computes what it waits for.
func pause()
