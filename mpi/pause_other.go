//go:build !amd64 && !arm64

package mpi

func pause() {}
