package omp

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// Where a thread waits is told in OpenMP's words: which construct, and in which line of the program. While a thread is
// in a call that may wait, it keeps which one, and where clang says that it is; who parks it makes a Place of that.

// construct is a call that may wait.
type construct uint8

// awaited is what a thread waits for.
type awaited uint8

const (
	waitsForOther awaited = iota // tasks, turns
	waitsForTeam
	waitsForLock
)

// constructs are what threads wait for in each; the first is outside of all.
var constructs = [...]struct {
	call, waits string
	name        string // for --omp-stats
	awaits      awaited
}{
	{"", "waiting for a parallel region to work on", "", waitsForOther},
	{"__kmpc_fork_call", "waiting for the other threads at the end of a parallel region", "end of parallel", waitsForTeam},
	{"__kmpc_barrier", "waiting at a barrier", "barrier", waitsForTeam},
	{"__kmpc_critical", "waiting to enter a critical section", "critical", waitsForLock},
	{"__kmpc_critical_with_hint", "waiting to enter a critical section", "critical", waitsForLock},
	{"__kmpc_reduce", "waiting for the other threads in a reduction", "reduction", waitsForTeam},
	{"__kmpc_reduce_nowait", "waiting for the other threads in a reduction", "reduction", waitsForTeam},
	{"__kmpc_copyprivate", "waiting for a single construct's values", "single copyprivate", waitsForTeam},
	{"__kmpc_ordered", "waiting for its turn in an ordered region", "ordered", waitsForOther},
	{"__kmpc_omp_taskwait", "waiting for its tasks", "taskwait", waitsForOther},
	{"__kmpc_end_taskgroup", "waiting for a task group", "taskgroup", waitsForOther},
	{"omp_set_lock", "waiting for a lock", "lock", waitsForLock},
	{"omp_set_nest_lock", "waiting for a nestable lock", "nestable lock", waitsForLock},
}

var constructOf = func() map[string]construct {
	all := map[string]construct{}
	for i, c := range constructs {
		all[c.call] = construct(i)
	}
	return all
}()

// inside is the construct that a thread is in, and clang's description of where that is; 0: of a lock there is none.
type inside struct {
	construct construct
	at        uint64
}

// watched is a call that keeps which one it is.
func (c Call) watched() Call {
	k := constructOf[c.Name]
	if k == 0 {
		return c
	}
	fn, placed := c.Fn, strings.HasPrefix(c.Name, "__kmpc_")
	c.Fn = func(t *Thread, s []uint64) {
		outer := t.inside
		t.inside.construct = k
		if t.inside.at = 0; placed {
			t.inside.at = s[0]
		}
		fn(t, s)
		t.inside = outer
	}
	return c
}

// Place is where a thread waits, for Describe. 0 is nowhere.
type Place uint64

const (
	placed      = 1 << 63
	addressBits = 48
)

// Place is where the thread waits that is about to be parked. It is asked on the thread's own goroutine.
func (t *Thread) Place() Place {
	return placed | Place(t.inside.construct)<<addressBits | Place(t.inside.at&(1<<addressBits-1))
}

// Describe says for a person where a thread waits. memory gives what of the program's memory can be read from an
// address on, which may be any bytes. Any goroutine may ask.
func (p Place) Describe(memory func(address uint64) []byte) string {
	i := int(p >> addressBits & 0xff)
	if i >= len(constructs) {
		return ""
	}
	text := constructs[i].waits
	if s, ok := sourceAt(memory, uint64(p&(1<<addressBits-1))); ok {
		text += " (" + s.String() + ")"
	}
	return text
}

// source is a place in the program's text.
type source struct{ file, function, line string }

// String is as other places in a program's text are shown.
func (s source) String() string { return "in " + s.function + ", " + s.file + ":" + s.line }

// maxSource bounds a description of a place.
const maxSource = 4096

// sourceAt reads what clang says of a construct's place: a structure with four ints and the address of
// ";file;function;line;column;;". It is not there in programs that were compiled without -g.
func sourceAt(memory func(address uint64) []byte, at uint64) (s source, ok bool) {
	const offset = 16
	if at == 0 {
		return s, false
	}
	ident := memory(at)
	if len(ident) < offset+8 {
		return s, false
	}
	text := binary.LittleEndian.Uint64(ident[offset:])
	if text == 0 {
		return s, false
	}
	b := memory(text)
	b = b[:min(len(b), maxSource)]
	end := bytes.IndexByte(b, 0)
	if end < 0 {
		return s, false
	}
	fields := strings.Split(string(b[:end]), ";")
	if len(fields) < 5 || fields[0] != "" || fields[1] == "unknown" {
		return s, false
	}
	return source{visible(fields[1]), visible(fields[2]), visible(fields[3])}, true
}

// visible leaves out what a terminal would act on.
func visible(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 {
			return -1
		}
		return c
	}, s)
}
