package wazero

import (
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/worker/program"
)

func TestProof(t *testing.T) {
	if err := prove(); err != nil {
		t.Fatal(err)
	}
	// With words that wazero does not use, and with a kind that is not the one meant, nothing would run.
	kinds := trapKinds
	defer func() { trapKinds = kinds }()
	trapKinds = map[string]program.TrapKind{}
	if err := prove(); err == nil || !strings.Contains(err.Error(), "a trap (unreachable code was reached) reads as") {
		t.Errorf("unknown words: %v", err)
	}
	trapKinds = map[string]program.TrapKind{"unreachable": program.Unreachable,
		"out of bounds memory access": program.DivideByZero}
	if err := prove(); err == nil || !strings.Contains(err.Error(), "a trap (out of bounds memory access) reads as") {
		t.Errorf("other words: %v", err)
	}
}

func BenchmarkProve(b *testing.B) {
	for b.Loop() {
		if err := prove(); err != nil {
			b.Fatal(err)
		}
	}
}
