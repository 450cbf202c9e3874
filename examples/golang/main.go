// Command golang shows that programs without MPI run too, one copy a rank: each copy takes its share of the work by the
// variables that launchers set, and writes a file of its own.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	rank, _ := strconv.Atoi(os.Getenv("OMPI_COMM_WORLD_RANK"))
	size, _ := strconv.Atoi(os.Getenv("OMPI_COMM_WORLD_SIZE"))
	sum := 0
	for i := rank; i < 1000; i += size {
		sum += i
	}
	name := fmt.Sprintf("part-%d.txt", rank)
	if err := os.WriteFile(name, []byte(fmt.Sprintln(sum)), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("copy %d of %d wrote %s\n", rank, size, name)
}
