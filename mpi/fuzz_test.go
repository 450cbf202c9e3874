package mpi

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"
)

// FuzzCalls calls any functions with any arguments on any memory, in a world of one rank whose errors return. Whatever a
// program does, the host must not panic but to end the rank.
func FuzzCalls(f *testing.F) {
	calls := Calls()
	for i := range calls { // each function with plausible arguments
		f.Add(uint16(i), []byte{0, 0, 4, 0, 1, 0, 0, 0, 9, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 8, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	}
	f.Add(uint16(40), []byte{255, 255, 255, 255, 255, 255, 255, 127, 9, 2, 0, 0, 0, 0, 0, 0})
	names := map[string]int{}
	for i, c := range calls {
		names[c.Name] = i
	}
	f.Fuzz(func(t *testing.T, first uint16, data []byte) {
		w, guests := newGuests(t, WorldConfig{Size: 1, EagerBytes: 1 << 20}, 64<<10)
		defer w.Close()
		g := guests[0]
		callback := func(...uint64) {}
		for i := range uint32(4) {
			g.table[i] = callback
			g.results[i] = func(...uint64) int32 { return int32(len(data) & 1) }
		}
		defer func() {
			if p := recover(); p != nil {
				var abort *AbortError
				var ended *Ended
				err, ok := p.(error)
				if !ok || !errors.As(err, &abort) && !errors.As(err, &ended) && !strings.HasPrefix(err.Error(), "no function") {
					panic(p)
				}
			}
		}()
		g.must("Init", 0, 0)
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		copy(g.mem[1024:], data)
		function := int(first)
		for range 20 {
			c := calls[function%len(calls)]
			if strings.HasSuffix(c.Name, "Abort") || strings.HasSuffix(c.Name, "_Init") {
				return
			}
			for i := range c.Params {
				g.stack[i] = word(&data)
			}
			arguments, begin := g.stack, time.Now()
			c.Fn(g.rank, g.stack[:])
			if took := time.Since(begin); took > patience {
				t.Fatalf("%s%#x took %v", c.Name, arguments[:len(c.Params)], took)
			}
			if len(data) == 0 {
				return
			}
			function = int(uint16(word(&data)))
		}
	})
}

// patience is how long a call may take on 64 KiB of memory.
const patience = 2 * time.Second / 4

// word takes the next argument: mostly small numbers, handles the program has, and addresses that hold something.
func word(data *[]byte) uint64 {
	d := *data
	if len(d) == 0 {
		return 1024
	}
	kind := d[0]
	if kind%4 == 0 && len(d) >= 8 {
		*data = d[8:]
		return binary.LittleEndian.Uint64(d)
	}
	n := min(len(d), 3)
	var v [4]byte
	copy(v[:], d[1:n])
	*data = d[n:]
	x := uint64(binary.LittleEndian.Uint32(v[:]))
	switch kind % 4 {
	case 1:
		return x & 7
	case 2:
		return 0x100 + x&0x1ff
	}
	return uint64(kindComm+handleKind(x>>8)&7)<<kindShift | x&3
}
