package mpi

import (
	"fmt"
	"testing"
)

// halves makes an intercommunicator between the even and the odd ranks of the world.
func (g *guest) halves() (inter uint32, side, me int) {
	local := g.newcomm("Comm_split", tWorld, g.me%2, g.me)
	inter = g.newcomm("Intercomm_create", local, 0, tWorld, 1-g.me%2, 7)
	g.must("Comm_set_errhandler", inter, errorsReturn)
	return inter, g.me % 2, g.me / 2
}

// TestIntercommReduceByTheProgram reduces by a function of the program to a root in the other group. Whichever rank is
// last, the function is called in a rank that gave it: not on the root's side, whose other ranks have neither operation
// nor datatype.
func TestIntercommReduceByTheProgram(t *testing.T) {
	const n = 3000
	for form, name := range []string{"Reduce", "Ireduce", "Reduce_init"} {
		for last := range 6 {
			t.Run(fmt.Sprint(name, " last ", last), func(t *testing.T) {
				play(t, 6, func(g *guest) {
					inter, side, me := g.halves()
					const root = 1 // of the even ones
					called := 0
					g.table[5] = func(a ...uint64) {
						called++
						for i := range g.int(uint32(a[2]), 0) {
							g.setInt(uint32(a[1]), i, g.int(uint32(a[0]), i)+g.int(uint32(a[1]), i))
						}
					}
					op, in, out, request, ready := g.newcomm("Op_create", 5, 1), g.alloc(4*n), g.alloc(4*n), g.alloc(4), g.alloc(4)
					for i := range n {
						g.setInt(in, i, g.me+i)
					}
					a := []any{in, out, n, tInt, op, root, inter}
					switch {
					case side == 0 && me == root:
						a[5] = -4 // MPI_ROOT
					case side == 0:
						a = []any{0, 0, 0, datatypeNull, opNull, tNull, inter}
					}
					if g.me == last && form == 0 {
						g.waitOthersParked()
					}
					if g.me == last && form > 0 {
						for i := range g.n - 1 {
							g.must("Recv", ready, 1, tInt, (last+1+i)%g.n, 3, tWorld, 0)
						}
					}
					switch form {
					case 0:
						g.must(name, a...)
					case 1:
						g.must(name, append(a, request)...)
					case 2:
						g.must(name, append(a, infoNull, request)...)
						g.must("Start", request)
					}
					if form > 0 && g.me != last {
						g.must("Send", ready, 1, tInt, last, 3, tWorld)
					}
					if form > 0 {
						g.must("Wait", request, 0)
					}
					if form == 2 {
						g.must("Request_free", request)
					}
					if side == 0 && me == root {
						for i := range n {
							if got := g.int(out, i); got != 1+3+5+3*i {
								t.Fatalf("element %d is %d", i, got)
							}
						}
					}
					if side == 0 && me != root && called > 0 {
						t.Errorf("rank %d gave no operation and is asked to compute", g.me)
					}
				})
			})
		}
	}
}

// TestIntercommRoots: who is the root, and on which side, is compared before anything is read.
func TestIntercommRoots(t *testing.T) {
	const theRoot = -4
	for _, c := range []struct {
		name  string
		roots [4]int // what ranks 0 to 3 give; the even ones are the first group
		class int32
	}{
		{"right", [4]int{theRoot, 0, tNullInt, 0}, success},
		{"no root", [4]int{tNullInt, tNullInt, tNullInt, tNullInt}, errRoot},
		{"two roots on one side", [4]int{theRoot, 0, theRoot, 0}, errNotSame},
		{"a root on each side", [4]int{theRoot, theRoot, tNullInt, tNullInt}, errNotSame},
		{"nobody on the other side", [4]int{theRoot, tNullInt, tNullInt, 0}, errNotSame},
		{"another root", [4]int{theRoot, 1, tNullInt, 1}, errNotSame},
		{"each names the other", [4]int{0, 0, 1, 1}, errNotSame},
		{"a named root that does not know", [4]int{tNullInt, 0, tNullInt, 0}, errNotSame},
	} {
		for _, form := range []string{"Bcast", "Gather", "Scatter", "Reduce", "Igather", "Ireduce"} {
			t.Run(c.name+" "+form, func(t *testing.T) {
				if c.class != success {
					inSharedMemory(t)
				}
				for i, err := range outcome(t, 4, func(g *guest) {
					g.must("Init", 0, 0)
					inter, _, _ := g.halves()
					buf, request := g.alloc(64), g.alloc(4)
					var code int32
					switch root := c.roots[g.me]; form {
					case "Bcast":
						code = g.call(form, buf, 1, tInt, root, inter)
					case "Gather", "Scatter":
						code = g.call(form, buf, 1, tInt, buf+32, 1, tInt, root, inter)
					case "Igather":
						code = g.call(form, buf, 1, tInt, buf+32, 1, tInt, root, inter, request)
					case "Reduce":
						code = g.call(form, buf, buf+32, 1, tInt, tSum, root, inter)
					case "Ireduce":
						code = g.call(form, buf, buf+32, 1, tInt, tSum, root, inter, request)
					}
					if form[0] == 'I' {
						code = g.call("Wait", request, 0)
					}
					if code != c.class {
						t.Errorf("rank %d: %s, want %s", g.me, className(code), className(c.class))
					}
					g.must("Finalize")
				}) {
					if err != nil {
						t.Errorf("rank %d: %v", i, err)
					}
				}
			})
		}
	}
}

const tNullInt = int(procNull)
