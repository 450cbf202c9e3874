package wasi

import (
	"encoding/binary"
	"testing"
)

// FuzzCalls makes calls with any arguments over a small memory with anything in it. None may panic but to end the rank,
// hang, or touch what is outside.
//
// The input: a byte for the call, then for each argument a byte that says how the argument is made and what that takes;
// the same bytes are also the guest's memory.
func FuzzCalls(f *testing.F) {
	names := "\x00\x00f\x00d\x00d/e\x00out/secret\x00../outside/secret\x00l\x00new"
	f.Add([]byte(names))
	for i, c := range Calls() {
		seed := []byte{byte(i)}
		for j := range c.Params {
			seed = append(seed, byte(j%3), byte(3+j))
		}
		f.Add(append(seed, names...))
		f.Add(append(append(seed, seed...), names...))
	}
	calls := Calls()
	f.Fuzz(func(t *testing.T, input []byte) {
		h := newConfined(t)
		h.link("../outside", "out")
		h.link("../outside/secret", "l")
		h.mem = make([]byte, 4096)
		copy(h.mem, input)
		done := make(chan struct{})
		in := newInput()
		in.write("some input")
		ended := false
		p, err := New(Config{Args: []string{"prog"}, Memory: func() []byte { return h.mem }, Stdin: in, MaxOpen: 16,
			Done: done,
			Mounts: []Mount{{Guest: "/", Root: openRoot(t, h.dir)}, {Guest: "/ro", Root: openRoot(t, h.dir), ReadOnly: true},
				{Guest: "/dev", Devices: true}},
			Blocked: func(string) func() { // nothing is to be waited for here
				if !ended {
					ended = true
					close(done)
				}
				return func() {}
			}})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		source := bytesSource(input)
		for range 24 {
			if len(source) == 0 || ended {
				break
			}
			c := calls[int(source.byte())%len(calls)]
			stack := make([]uint64, max(len(c.Params), 1))
			for i := range c.Params {
				stack[i] = source.argument()
			}
			if c.Name == "fd_allocate" { // would fill the disk, as it may
				stack[2] &= 0xffff
			}
			switch v := panics(func() { c.Fn(p, stack) }).(type) {
			case nil:
			case Exit, Ended:
				stack[0] = 0
			default:
				t.Fatalf("%s: %v", c.Name, v)
			}
			if len(c.Results) > 0 && stack[0] > uint64(eNOTCAPABLE) {
				t.Fatalf("%s returned %d", c.Name, stack[0])
			}
		}
		h.intact()
	})
}

// bytesSource hands out a fuzzer's input; after its end come zeros.
type bytesSource []byte

func (s *bytesSource) byte() byte {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return b
}

// argument is a small number, an address near either end of memory, or anything.
func (s *bytesSource) argument() uint64 {
	switch s.byte() % 5 {
	case 0:
		return uint64(s.byte() % 16)
	case 1:
		return uint64(s.byte()) * 4
	case 2:
		return uint64(s.byte()) | 0xdeadbeef<<32
	case 3:
		return 4096 - uint64(s.byte())
	}
	var word [8]byte
	n := copy(word[:], *s)
	*s = (*s)[n:]
	return binary.LittleEndian.Uint64(word[:])
}

// FuzzPaths opens and makes any path; nothing but what is inside may come of it.
func FuzzPaths(f *testing.F) {
	for _, path := range []string{"f", "../outside/secret", "out/secret", "d/../../outside", "l", "up/outside/secret",
		"d/e/../../up/job/f", "//", "d//e/./f"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if len(path) > 5000 {
			t.Skip()
		}
		h := newConfined(t)
		h.link("../outside", "out")
		h.link("../outside/secret", "l")
		h.link("..", "up")
		for _, oflags := range []uint64{0, openDirectory, openCreate} {
			if fd, e := h.open(root, path, oflags, readWrite, 0); e == success {
				if s, _ := h.read(fd, 10); s == "secret" {
					t.Fatal("read the secret")
				}
			}
		}
		h.everyCall(path)
		h.intact()
	})
}
