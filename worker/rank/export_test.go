package rank

import "github.com/faasmrun/faasmrun/worker/wasi"

// Waits reports whether main waits on shared memory.
func (r *Rank) Waits() bool { return r.main.waiter.Waits() }

// SystemCall makes a call as another thread of the rank would.
func (r *Rank) SystemCall(name string, words ...uint64) {
	for _, c := range wasi.SystemCalls() {
		if c.Name == name {
			c.Fn(r.wasi, words)
			return
		}
	}
}
