//go:build !amd64

package datatype

// vectorise leaves all kernels as Go's compiler makes them: there are none of vector instructions for this processor.
func vectorise(*kernelTable) {}
