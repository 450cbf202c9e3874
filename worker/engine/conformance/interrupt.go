package conformance

import (
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// computing computes the same again and again, with all sorts of registers and copies of memory and no call, and
// compares, until the word at stopAt is not 0. It notes how often it has, and how often something else came out.
const computing = `
__attribute__((import_module("env"), import_name("note"))) void note(int);
#define TARGET __attribute__((target("simd128,atomics,bulk-memory")))
typedef float vector __attribute__((vector_size(16)));
static double numbers[512];
static vector vectors[128];
static unsigned long long words[64];
static unsigned char bytes[1 << 18];
TARGET static inline unsigned long long kernel(void) {
	unsigned long long a = 88172645463325252ull, b = 1, c = 2, d = 3;
	double x = 1, y = 0.5, z = 3;
	vector u = {1, 2, 3, 4}, v = {.5f, .25f, .125f, 2};
	__builtin_memset(bytes, 7, sizeof bytes);
	for (int i = 0; i < 512; i++) numbers[i] = i * 0.75;
	for (int i = 0; i < 128; i++) vectors[i] = (vector){i, i + 1, i + 2, i + 3};
	for (int round = 0; round < 40; round++) {
		for (int i = 1; i < 512; i++) {
			a ^= a << 13; a ^= a >> 7; a ^= a << 17;
			b += a * 3 + d; c ^= b >> (a & 31); d = d * 5 + c;
			words[a & 63] += b;
			x += numbers[i] * y - z; y = y * 0.999 + numbers[i - 1] * 1e-3; z = x * 1e-6 + z * 0.5;
			numbers[i] = y;
			if (b & 4) d += a; else c -= a;
		}
		for (int i = 0; i < 128; i++) {
			u = u * v + vectors[i]; v = v * 0.75f + vectors[127 - i] * 0.001f;
			vectors[i] = u - v * u;
		}
		__builtin_memcpy(bytes + (b & 4095), numbers, sizeof numbers);
		__builtin_memmove(bytes + 9, bytes, sizeof bytes - 9);
		__builtin_memmove(bytes, bytes + 5, sizeof bytes - 5);
		c += bytes[b & (sizeof bytes - 1)];
	}
	unsigned long long sum = a + b * 3 + c * 5 + d * 7;
	for (int i = 0; i < 64; i++) { sum = sum * 31 + words[i]; words[i] = 0; }
	union { double d; unsigned long long u; } dx = {x}, dy = {y}, dz = {z};
	union { vector v; unsigned long long u[2]; } vu = {u}, vv = {v};
	return sum + dx.u + dy.u * 3 + dz.u * 5 + vu.u[0] + vu.u[1] * 3 + vv.u[0] * 7 + vv.u[1];
}
TARGET void _start(void) {
	unsigned long long want = kernel();
	int rounds = 0, wrong = 0;
	do {
		wrong += kernel() != want;
		rounds++;
	} while (!__atomic_load_n((int *)1024, __ATOMIC_SEQ_CST) && rounds < 1 << 20);
	note(rounds);
	note(wrong);
}
`

const stopAt = 1024

// trapping traps far from where it began.
const trapping = `
__attribute__((noinline)) int deep(int n) {
	if (n == 0) return *(volatile int *)0xfffffff0;
	return deep(n - 1) / 3 + n;
}
volatile int depth = 100;
void _start(void) { depth = deep(depth); }
`

// testInterrupted: while programs compute that call nothing, more of them than Go has processors, garbage is collected,
// timers fire, signals come by the thousand, processor time is measured and other programs trap; and what they compute
// stays right.
func testInterrupted(t *testing.T) {
	const ranks, collections, ticks, traps, storms = 5, 15, 15, 100, 5000
	e := newEngine(t, engine.Options{})
	m, err := engine.Make(e, Clang(t, computing))
	if err != nil {
		t.Fatal(err)
	}
	failing, err := engine.Make(e, Clang(t, trapping))
	if err != nil {
		t.Fatal(err)
	}
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	defer pprof.StopCPUProfile()
	var running, others sync.WaitGroup
	hosts, instances := make([]host, ranks), make([]engine.Instance, ranks)
	errs := make([]error, ranks)
	for i := range ranks {
		var err error
		if instances[i], err = m.Instantiate(&hosts[i], memory(t, m, 1<<20)); err != nil {
			t.Fatal(err)
		}
		running.Go(func() { errs[i] = instances[i].Start() })
	}
	others.Go(func() {
		for range collections {
			runtime.GC()
		}
	})
	others.Go(func() {
		for range ticks {
			<-time.After(time.Millisecond)
		}
	})
	others.Go(func() {
		for range storms {
			unix.Kill(os.Getpid(), unix.SIGURG)
		}
	})
	others.Go(func() {
		for range traps {
			in, err := failing.Instantiate(nil, memory(t, failing, 1<<20))
			if err != nil {
				t.Error(err)
				return
			}
			var trap *program.Trap
			if err := in.Start(); !errors.As(err, &trap) || trap.Kind != program.OutOfBounds || len(trap.Frames) < 30 ||
				!strings.HasPrefix(trap.Frames[0], "deep") {
				t.Errorf("%v", err)
			}
			in.Close()
		}
	})
	others.Wait()
	for i, in := range instances {
		atomic.StoreUint32((*uint32)(unsafe.Pointer(&in.Memory()[stopAt])), 1)
		defer func() {
			if err := in.Close(); err != nil {
				t.Errorf("rank %d: %v", i, err)
			}
		}()
	}
	running.Wait()
	for i := range ranks {
		if errs[i] != nil || len(hosts[i].calls) != 2 || hosts[i].calls[0] == "0" || hosts[i].calls[1] != "0" {
			t.Errorf("rank %d: %v; rounds and wrong ones: %v", i, errs[i], hosts[i].calls)
		}
	}
}
