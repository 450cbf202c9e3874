package mpi

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// fuzzMemory is small, so that addresses at its end come up.
const fuzzMemory = 64 << 10

// FuzzCalls calls any functions with any arguments on any memory, in a world of one rank whose errors return. Whatever
// a program does, the host must not panic but to end the rank.
func FuzzCalls(f *testing.F) {
	calls := Calls()
	for i := range calls { // each function with plausible arguments
		f.Add(uint16(i), []byte{0, 0, 4, 0, 1, 0, 0, 0, 9, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 8, 0, 0, 1, 2, 3,
			4, 5, 6, 7, 8})
	}
	f.Add(uint16(40), []byte{255, 255, 255, 255, 255, 255, 255, 127, 9, 2, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, first uint16, data []byte) {
		config := WorldConfig{Size: 1, EagerBytes: 1 << 20}
		if len(data)&2 != 0 {
			config.Check = func(int, string) {}
		}
		w, guests := newGuests(t, config, fuzzMemory)
		defer w.Close()
		fuzzRank(t, guests[0], calls, int(first), data)
	})
}

// FuzzWorld lets three ranks call what they like, in which they seldom agree.
func FuzzWorld(f *testing.F) {
	calls := Calls()
	for i := range calls {
		f.Add(uint16(i), uint16(i), uint16(i*7), []byte{1, 5, 0, 2, 9, 1, 1, 1, 0, 2, 1, 0, 3, 0, 0, 9, 2, 1, 4, 4, 0, 0, 0,
			0, 3, 1})
	}
	f.Fuzz(func(t *testing.T, a, b, c uint16, data []byte) {
		config := WorldConfig{Size: 3, EagerBytes: 1 << 16, Stats: true}
		if len(data)&1 != 0 {
			config.Check = func(int, string) {}
		}
		third := len(data) / 3
		ended := make(chan struct{})
		late := time.AfterFunc(20*patience, func() {
			select {
			case <-ended:
			default:
				panic("the world hangs") // with every goroutine's stack
			}
		})
		defer late.Stop()
		defer close(ended)
		outcomeIn(t, config, fuzzMemory, func(g *guest) {
			fuzzRank(t, g, calls, int([]uint16{a, b, c}[g.me]), data[g.me*third:(g.me+1)*third])
			g.rank.world.End(errors.New("one has done what it wanted"))
		})
	})
}

// fuzzRank makes calls until the data is used up.
func fuzzRank(t *testing.T, g *guest, calls []Call, function int, data []byte) {
	g.callbacks(len(data))
	alone := g.n == 1
	defer func() {
		if p := recover(); p != nil {
			if !endsRank(p) {
				panic(p)
			}
		}
	}()
	g.must("Init", 0, 0)
	g.must("Comm_set_errhandler", tWorld, errorsReturn)
	g.must("Comm_set_errhandler", tSelf, errorsReturn)
	copy(g.mem[1024:], data)
	for range 20 {
		c := calls[function%len(calls)]
		if strings.HasSuffix(c.Name, "Abort") || strings.HasSuffix(c.Name, "_Init") {
			return
		}
		for i := range c.Params {
			g.stack[i] = drawn(&data)
		}
		arguments, begin := g.stack, time.Now()
		c.Fn(g.rank.Main(), g.stack[:])
		if took := time.Since(begin); alone && took > patience {
			t.Errorf("%s%#x took %v", c.Name, arguments[:len(c.Params)], took)
			return
		}
		if len(data) == 0 {
			return
		}
		function = int(uint16(drawn(&data)))
	}
}

// callbacks gives the program functions: some do nothing, one calls MPI, and all other indices trap.
func (g *guest) callbacks(result int) {
	calling := func() {
		for _, name := range []string{"MPI_Comm_rank", "MPI_Send", "MPI_Barrier", "MPI_Comm_free_keyval"} {
			c := callsByName[name]
			stack := [16]uint64{tWorld, 1024, tInt, 0, 1, tWorld}
			c.Fn(g.rank.Main(), stack[:])
		}
	}
	for i := range uint32(4) {
		g.table[i] = func(...uint64) {}
		g.results[i] = func(...uint64) int32 { return int32(result & 1) }
	}
	g.table[3] = func(...uint64) { calling() }
	g.results[3] = func(...uint64) int32 { calling(); return 0 }
}

// patience is how long a call may take on fuzzMemory.
const patience = 2 * time.Second / 4

// drawn takes the next argument: mostly small numbers, handles the program has, and addresses that hold something.
func drawn(data *[]byte) uint64 {
	d := *data
	if len(d) == 0 {
		return 1024
	}
	kind := d[0]
	if kind%8 == 0 && len(d) >= 8 {
		*data = d[8:]
		return binary.LittleEndian.Uint64(d)
	}
	n := min(len(d), 3)
	var v [4]byte
	copy(v[:], d[1:n])
	*data = d[n:]
	x := uint64(binary.LittleEndian.Uint32(v[:]))
	switch kind % 8 {
	case 1, 2:
		return x & 7
	case 3:
		return 0x100 + x&0x1ff
	case 4:
		return uint64(kindComm+handleKind(x>>8)&7)<<kindShift | x&3 | (x>>2&1)<<indexBits
	case 5:
		return fuzzMemory - x&0x3f // the last bytes of the memory
	case 6:
		return uint64(uint32(-int32(x&0xff))) | x<<32 // negative, with garbage above
	case 7:
		return 1024 + x&0xff&^3
	}
	return x
}

// TestGarbage calls every function of the table with arguments that are mostly wrong, each as its kind has it: handles
// of nothing, numbers at the ends, pointers to nowhere, into the middle of things and to the last bytes of the memory.
// The host must not panic but to end the rank, and each call comes back.
func TestGarbage(t *testing.T) {
	for _, c := range Calls() {
		if !strings.HasPrefix(c.Name, "MPI_") {
			continue
		}
		rng := rand.New(rand.NewPCG(uint64(len(c.Name)), uint64(len(c.Params))))
		kinds := kindsByName[strings.TrimPrefix(c.Name, "MPI_")]
		for range 4 {
			w, guests := newGuests(t, WorldConfig{Size: 1, EagerBytes: 1 << 20}, fuzzMemory)
			wrong(guests[0], c, kinds, rng)
			w.Close()
		}
		if t.Failed() {
			return
		}
	}
}

// kindsByName are the kinds of the arguments of the functions that have some.
var kindsByName = func() map[string][]reflect.Type {
	m := map[string][]reflect.Type{}
	for _, b := range all {
		m[b.name], m[b.name+"_c"] = b.fn.kinds, b.fn.kinds
	}
	return m
}()

// wrong calls a function with drawn arguments until that ends the rank.
func wrong(g *guest, c Call, kinds []reflect.Type, rng *rand.Rand) {
	defer func() {
		if p := recover(); p != nil && !endsRank(p) {
			g.t.Errorf("%s%#x: %v\n%s", c.Name, g.stack[:len(c.Params)], p, debug.Stack())
		}
	}()
	late := time.AfterFunc(100*patience, func() { panic(c.Name + " hangs") }) // with every goroutine's stack
	defer late.Stop()
	g.callbacks(0)
	g.must("Init", 0, 0)
	g.must("Comm_set_errhandler", tWorld, errorsReturn)
	g.must("Comm_set_errhandler", tSelf, errorsReturn)
	dup, group := g.newcomm("Comm_dup", tWorld), g.newcomm("Comm_group", tWorld)
	grid := g.newcomm("Cart_create", tWorld, 1, g.ints(1), g.ints(1), 0)
	derived, info := g.newtype("Type_vector", 2, 1, 2, tInt), g.newcomm("Info_create")
	request := g.words(0, 0, 0)
	g.must("Isend", 2048, 1, tInt, 0, 1, tWorld, request)
	g.must("Recv_init", 2048, 1, tInt, 0, 1, tWorld, request+wordSize)
	handles := map[string][]uint32{
		"comm": {tWorld, tSelf, dup, grid, commNull}, "group": {group, groupEmpty, groupNull},
		"datatype": {tInt, tByte, derived, tLongInt, datatypeNull}, "op": {tSum, opNull}, "info": {info, infoNull, infoEnv},
		"request":    {uint32(g.word(request, 0)), uint32(g.word(request, 1)), requestNull},
		"errhandler": {errorsReturn, errhandlerNull}, "extracted": {messageNoProc, messageNull}}
	for at := uint32(2048); at < 4608; at += wordSize { // what pointers lead to
		of := handles[[]string{"comm", "datatype", "request", "extracted", "group", "errhandler", "op"}[rng.IntN(7)]]
		g.setWord(at, 0, []int{int(of[rng.IntN(len(of))]), rng.IntN(4), -1 << rng.IntN(64)}[rng.IntN(3)])
	}
	for range 25 {
		for i, letter := range c.Params {
			kind := ""
			if kinds != nil {
				kind = kinds[i].Name()
			}
			g.stack[i] = garbage(rng, kind, handles)
			if letter == 'i' {
				g.stack[i] |= uint64(rng.Uint32()) << 32
			}
		}
		c.Fn(g.rank.Main(), g.stack[:max(len(c.Params), 1)])
	}
}

// endsRank reports whether a panic is one by which a call ends its rank.
func endsRank(p any) bool {
	err, ok := p.(error)
	var abort *AbortError
	var ended *Ended
	return ok && (errors.As(err, &abort) || errors.As(err, &ended) || strings.HasPrefix(err.Error(), "no function"))
}

// garbage draws an argument of a kind, given by its name.
func garbage(rng *rand.Rand, kind string, handles map[string][]uint32) uint64 {
	words := []uint64{0, 1, 2, 10, 11, 1 << 31, 1 << 32, 1<<32 + 1024, 1 << 63, math.MaxUint64, math.MaxInt64,
		rng.Uint64()}
	anything := words[rng.IntN(len(words))]
	if rng.IntN(4) == 0 {
		return anything
	}
	for object, of := range map[string]string{"comm": "commArg", "group": "groupArg", "datatype": "typeArg", "op": "opArg",
		"info": "infoArg", "request": "requestArg", "errhandler": "errhandlerArg"} {
		if kind == of {
			return uint64(handles[object][rng.IntN(len(handles[object]))])
		}
	}
	switch kind {
	case "intArg", "rankArg", "tagArg", "countArg", "aintArg":
		numbers := []int64{0, 1, 2, 3, 7, -1, -2, -3, -4, undefined, math.MaxInt32, math.MinInt32, 1 << 40, math.MaxInt64}
		n := uint64(numbers[rng.IntN(len(numbers))])
		if kind == "aintArg" || rng.IntN(2) == 0 {
			return n
		}
		return uint64(uint32(n))
	case "funcArg":
		return rng.Uint64() % 5
	}
	return []uint64{uint64(1024 + rng.IntN(2048)), 4096 + 8*uint64(rng.IntN(64)), fuzzMemory - uint64(rng.IntN(48)), 1032,
		uint64(2048 + rng.IntN(64))}[rng.IntN(5)] // a pointer
}
