package datatype

import "testing"

func TestDiffer(t *testing.T) {
	var c Constructor
	made := func(ty *Type, err error) *Type {
		if err != nil {
			t.Fatal(err)
		}
		return ty
	}
	integer, double, pairs := ByHandle(0x209), ByHandle(0x214), ByHandle(0x22b) // MPI_INT, MPI_DOUBLE, MPI_2INT
	mixed := made(c.Struct([]int64{2, 1}, []int64{0, 8}, []*Type{integer, double}))
	long := made(c.Struct([]int64{2, 1, 3}, []int64{0, 8, 16}, []*Type{integer, double, integer}))
	many := made(c.Indexed([]int64{1, 1, 1}, []int64{0, 2, 4}, integer))
	for _, c := range []struct {
		sent     *Type
		n        int64
		received *Type
		m        int64
		after    int64 // -1: no difference
	}{
		{integer, 3, integer, 5, -1}, {integer, 1, double, 1, 0}, {many, 4, integer, 12, -1}, {pairs, 2, integer, 4, -1},
		{mixed, 1, long, 1, -1}, {mixed, 2, long, 1, 5}, {mixed, 1, integer, 9, 2}, {mixed, 1 << 40, mixed, 1, -1},
		{integer, 0, double, 4, -1}, {long, 2, mixed, 4, 5},
	} {
		after := int64(-1)
		if d := Differ(c.sent, c.n, c.received, c.m); d != nil {
			after = d.After
		}
		if after != c.after {
			t.Errorf("%d of %v against %d of %v: %d, want %d", c.n, signatureOf(c.sent).runs, c.m, signatureOf(c.received).runs,
				after, c.after)
		}
	}
}
