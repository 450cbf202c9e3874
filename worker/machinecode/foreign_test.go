//go:build amd64 || arm64

package machinecode

import (
	"reflect"
	"strings"
	"sync"
	"testing"
)

// TestGoroutinesAreFound: each goroutine finds its own entry, however many there are and whoever comes meanwhile; calls
// nest, and end in their order.
func TestGoroutinesAreFound(t *testing.T) {
	const many = 1000
	if err := handleStops(); err != nil {
		t.Fatal(err)
	}
	var begun, running sync.WaitGroup
	goOn := make(chan struct{})
	begun.Add(many)
	all := make([]*goroutine, many)
	for i := range many {
		running.Go(func() {
			outer, inner := &Foreign{}, &Foreign{}
			first := outer.Enter()
			all[i] = first.goroutine
			begun.Done()
			<-goOn
			second := inner.Enter()
			if second.goroutine != all[i] || all[i].call != inner {
				t.Errorf("goroutine %d finds another", i)
			}
			if second.Leave(); all[i].call != outer {
				t.Errorf("goroutine %d has not come back", i)
			}
			if first.Leave(); all[i].call != nil {
				t.Errorf("goroutine %d has not come back", i)
			}
		})
	}
	begun.Wait()
	close(goOn)
	running.Wait()
	different := map[*goroutine]bool{}
	for _, g := range all {
		different[g] = true
		if uintptr(g.state)%64 != 0 {
			t.Errorf("registers are saved at %v", g.state)
		}
	}
	if len(different) != many || len(goroutines.Load().entries) < 2*many {
		t.Errorf("%d of %d goroutines, %d entries", len(different), many, len(goroutines.Load().entries))
	}
}

// TestEnableForeign: memory is copied by what is said, or nothing is enabled.
func TestEnableForeign(t *testing.T) {
	for _, at := range []uintptr{0, reflect.ValueOf(TestEnableForeign).Pointer()} {
		if err := EnableForeign(at); err == nil || !strings.Contains(err.Error(), "is not Go's memmove") {
			t.Errorf("%v", err)
		}
	}
	t.Setenv("GODEBUG", "asyncpreemptoff=1")
	if err := EnableForeign(0); err == nil || !strings.Contains(err.Error(), "asyncpreemptoff=1") {
		t.Errorf("%v", err)
	}
}
