package transport

import "testing"

// TestEagerPool: the bound of a pool is that of what was sent and not received, and buffers are used again.
func TestEagerPool(t *testing.T) {
	pool := newEagerPool(8 << 10)
	defer pool.close()
	stock := eagerStock{pool: pool}
	first := stock.get(4 << 10)
	if first == nil || stock.get(4<<10) == nil || stock.get(1) != nil {
		t.Fatal("the pool's bound is not where it should be")
	}
	first.giveBack()
	if stock.get(4<<10) != first {
		t.Fatal("a buffer that was given back is not used again")
	}
}
