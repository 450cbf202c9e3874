package mpi

import (
	"fmt"
	"strings"
	"testing"
)

func TestErrhandlers(t *testing.T) {
	play(t, 1, func(g *guest) {
		var seen []int
		g.table[9] = func(a ...uint64) {
			seen = append(seen, g.int(uint32(a[0]), 0), g.int(uint32(a[1]), 0))
		}
		h := g.value("Comm_create_errhandler", 9)
		g.must("Comm_set_errhandler", tWorld, h)
		g.must("Errhandler_free", g.words(h))
		want(g, "code", g.call("Send", g.alloc(4), 1, tInt, 5, 0, tWorld), errRank)
		want(g, "seen", fmt.Sprint(seen), fmt.Sprint([]int{commWorld, errRank}))
		d := g.newcomm("Comm_dup", tWorld) // inherits
		g.call("Send", g.alloc(4), 1, tInt, 0, -7, d)
		want(g, "seen", fmt.Sprint(seen[2:]), fmt.Sprint([]int{int(d), errTag}))
		class, code := g.value("Add_error_class"), 0
		code = g.value("Add_error_code", class)
		g.must("Add_error_string", code, g.cstring("out of tea"))
		want(g, "class", g.value("Error_class", code), class)
		text, n := g.alloc(600), g.alloc(4)
		g.must("Error_string", code, text, n)
		want(g, "text", g.string(text), "out of tea")
		g.must("Comm_call_errhandler", d, code)
		want(g, "seen", fmt.Sprint(seen[4:]), fmt.Sprint([]int{int(d), code}))
	})
}

// objectArg is an argument of a kind that no function takes yet: its word is the kind.
type objectArg uint64

var objects = map[objectArg]*raiser{}

func (v objectArg) raiser(call) (*raiser, *failure) { return objects[v], nil }

// TestErrhandlersOfAllKinds: objects of each kind have error handlers that were made for it, and predefined ones, which
// failures on them are given to with the object's own handle.
func TestErrhandlersOfAllKinds(t *testing.T) {
	play(t, 1, func(g *guest) {
		var seen []int
		g.table[9] = func(a ...uint64) { seen = append(seen, g.word(uint32(a[0]), 0), g.int(uint32(a[1]), 0)) }
		r := call{Thread: g.thread}
		cell := g.alloc(wordSize)
		made := map[raiserKind]errhandlerArg{}
		for kind, create := range map[raiserKind]string{raiserComm: "Comm", raiserWin: "Win", raiserFile: "File",
			raiserSession: "Session"} {
			made[kind] = errhandlerArg(g.newcomm(create+"_create_errhandler", 9))
			objects[objectArg(kind)] = &raiser{kind: kind, handle: 0x7000 + uint32(kind), errhandler: returnHandler}
		}
		for kind, h := range made {
			of := objectArg(kind)
			o := objects[of]
			for other, foreign := range made {
				f := setErrhandler(r, of, foreign)
				if other == kind {
					want(g, "its own kind is refused", f == nil, true)
				} else if f == nil || f.class != errErrhandler || f.object != o || !strings.Contains(f.reason, other.String()) {
					t.Errorf("%v take an error handler of %v: %v", kind, other, f)
				}
			}
			want(g, "set", setErrhandler(r, of, h) == nil, true)
			seen = nil
			want(g, "code", r.raise("MPI_Test", failf(errArg, "a failure").on(o)), errArg)
			want(g, "called", callErrhandler(r, of, intArg(errOther)) == nil, true)
			handle := 0x7000 + int(kind)
			want(g, "seen", fmt.Sprint(seen), fmt.Sprint([]int{handle, errArg, handle, errOther}))
			want(g, "get", getErrhandler(r, of, errhandlerOut(cell)) == nil, true)
			want(g, "the same handle", errhandlerArg(g.word(cell, 0)), h)
			want(g, "predefined", setErrhandler(r, of, errorsReturn) == nil, true)
			want(g, "code", r.raise("MPI_Test", failf(errCount, "a failure").on(o)), errCount)
			want(g, "calls", len(seen), 4)
		}
		g.must("Comm_set_errhandler", tWorld, uint32(made[raiserComm]))
		seen = nil
		want(g, "a window's handler on a communicator", g.call("Comm_set_errhandler", tWorld, uint32(made[raiserWin])),
			errErrhandler)
		want(g, "raised on the communicator", fmt.Sprint(seen), fmt.Sprint([]int{commWorld, errErrhandler}))
	})
}
