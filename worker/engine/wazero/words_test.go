package wazero

import (
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/worker/program"
)

func TestFrames(t *testing.T) {
	text := "wasm error: unreachable" + stackTitle + strings.Join([]string{
		".$7(i32,f64) i32", "\t0x1f: x:1", ".$12()", "mpi.MPI_Send(i32,i32,i32,i32,i32,i32) i32",
		".$99999999999(v128) (i32,f64)",
		"... maybe followed by omitted frames"}, "\n\t")
	message, frames, _ := dissect(text)
	want := []program.Frame{{Function: 7, Offset: 0x1f}, {Function: 12}, {Host: "mpi.MPI_Send"}, {Host: ".$99999999999"},
		{Host: "..."}}
	if message != "wasm error: unreachable" || !slices.Equal(frames, want) {
		t.Errorf("%q\n%v", message, frames)
	}
}
