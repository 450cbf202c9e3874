package wazero

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"golang.org/x/sys/unix"
)

// other is a function of an engine that is not the one which was pinned.
type other struct {
	api.Function
	execCtx struct{ originalFramePointer uintptr }
}

// TestProofOfStops: programs can be stopped; with a wazero that keeps things elsewhere, or where signals don't stop
// them, that is an error which says so, and no crash.
func TestProofOfStops(t *testing.T) {
	if err := ProveStops(); err != nil {
		t.Fatal(err)
	}
	fails := func(says string) {
		t.Helper()
		if err := ProveStops(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v", err)
		}
	}
	before := found.layout
	defer func() { found.layout, found.err = before, nil }()
	// Of the code that is stopped nothing stands where this says.
	var f fields
	code := before.function.Elem()
	for _, name := range []string{"parent", "parent", "executables"} {
		code, _ = f.find(code, name, reflect.Pointer)
	}
	if _, found.layout.bytes = f.find(code, "entryPreambles", reflect.Slice); f.err != nil {
		t.Fatal(f.err)
	}
	fails("a program was not stopped")
	_, found.err = findLayout(&other{})
	fails("has no field originalStackPointer that is a uintptr")
	if _, err := findLayout(other{}); err == nil {
		t.Error("functions may be anything")
	}
	found.err, found.layout.function = nil, reflect.TypeFor[*other]()
	fails("a function is a *wazevo.callEngine, not a *wazero.other")
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	guest, err := r.Instantiate(ctx, computing())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "madvdontneed=1,asyncpreemptoff=1")
	if _, err := findLayout(guest.ExportedFunction("compute")); err == nil ||
		!strings.Contains(err.Error(), "asyncpreemptoff=1") {
		t.Errorf("Go was told not to stop anything: %v", err)
	}
}

// TestProofWithoutTimers: a user who has no timers left has workers all the same.
func TestProofWithoutTimers(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_SIGPENDING, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_SIGPENDING, &unix.Rlimit{Cur: 0, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_SIGPENDING, &before)
	if _, err := timer(unix.Gettid(), time.Second); err != unix.EAGAIN {
		t.Fatalf("there are timers: %v", err)
	}
	if err := ProveStops(); err != nil {
		t.Error(err)
	}
}

func BenchmarkProveStops(b *testing.B) {
	for b.Loop() {
		if err := ProveStops(); err != nil {
			b.Fatal(err)
		}
	}
}
