package translate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

// holds reports whether the comparison holds of numbers that are so wide.
func (c comparison) holds(x, y uint64, narrow bool) bool {
	sx, sy := int64(x), int64(y)
	if narrow {
		sx, sy = int64(int32(x)), int64(int32(y))
	}
	switch c {
	case ne:
		return x != y
	case ltU:
		return x < y
	case gtU:
		return x > y
	case leU:
		return x <= y
	case geU:
		return x >= y
	case ltS:
		return sx < sy
	case gtS:
		return sx > sy
	case leS:
		return sx <= sy
	case geS:
		return sx >= sy
	}
	panic("no such comparison")
}

// TestMostRounds: the C that says how many rounds a loop has at most is right for numbers about every edge, or says
// that it doesn't know.
func TestMostRounds(t *testing.T) {
	const far = 3000 // rounds beyond which nobody counts
	var edges []uint64
	for _, at := range []uint64{0, 1 << 31, 1 << 32, 1 << 63} {
		for _, d := range []uint64{0, 1, 2, 7, 8, 9, 20, 500} {
			edges = append(edges, at+d, at-d)
		}
	}
	type question struct {
		limit
		x, y uint64
	}
	var questions []question
	functions := bytes.NewBufferString("#include <stdio.h>\ntypedef unsigned long u64; typedef unsigned u32;\n" +
		"static const u64 edges[]={")
	for _, e := range edges {
		fmt.Fprintf(functions, "%dul,", e)
	}
	functions.WriteString("};\n")
	main := bytes.NewBufferString("static void ask(u64 (*f)(u64,u64)){\n" +
		"for(int i=0;i<sizeof edges/8;i++)for(int k=0;k<sizeof edges/8;k++)printf(\"%lu\\n\",f(edges[i],edges[k]));}\n" +
		"int main(void){\n")
	count := 0
	for test := ne; test <= geU; test++ {
		for _, step := range []int64{1, 2, 3, 8, -1, -2, -3, -8} {
			for _, narrow := range []bool{false, true} {
				if step > 0 && !test.upward() || step < 0 && !test.downward() {
					continue
				}
				l := limit{test: test, x: localOf(0, narrow), y: localOf(1, narrow), step: step}
				count++
				fmt.Fprintf(functions, "u64 f%d(u64 l0,u64 l1){%s return n;}\n", count, l.appendRounds(nil, nil, "n"))
				fmt.Fprintf(main, "ask(f%d);\n", count)
				for _, x := range edges {
					for _, y := range edges {
						questions = append(questions, question{l, truncated(x, narrow), truncated(y, narrow)})
					}
				}
			}
		}
	}
	main.WriteString("return 0;}\n")
	file := filepath.Join(t.TempDir(), "rounds.c")
	if err := os.WriteFile(file, append(functions.Bytes(), main.Bytes()...), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "clang-19", "-O0", "-fwrapv", "-w", "-o", file+".out", file)
	out, err := exec.Command(file + ".out").Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Fields(string(out))
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	known := 0
	for i, q := range questions {
		rounds := uint64(1)
		for v := q.x; rounds < far && q.test.holds(v, q.y, q.limit.x.narrow); rounds++ {
			v = truncated(v+uint64(q.step), q.limit.x.narrow)
		}
		var said uint64
		fmt.Sscan(answers[i], &said)
		switch {
		case said == 0:
		case said < rounds, rounds < far && said > rounds+1:
			t.Errorf("comparison %d, narrow %v, step %d, from %#x to %#x: %d rounds, and %d are said", q.test, q.limit.x.narrow,
				q.step, q.x, q.y, rounds, said)
		default:
			known++
		}
	}
	if known < len(questions)/3 {
		t.Errorf("of %d loops the rounds are known of %d", len(questions), known)
	}
}

// looped is a loop of the tests: its parameters are an address and a number, its result a sum.
type looped struct {
	name   string
	twice  bool
	locals []wasm.ValueType
	write  func(c *wasm.Code)
	before func(c *wasm.Code)
	// round reads what round k reads, and says whether it goes on.
	round func(r *reads, base, n, k uint64) (more bool)
	last  bool // only what was read last counts
	bases []uint64
	ns    []uint64
}

// reads is what a loop has read of a memory.
type reads struct {
	content   []byte
	trapped   bool
	sum, last uint64
}

// number is the number of so many bytes at an address.
func (r *reads) number(at uint64, bytes int) (n uint64) {
	if size := uint64(len(r.content)); r.trapped || at > size || size-at < uint64(bytes) {
		r.trapped = true
		return 0
	}
	for i := range bytes {
		n |= uint64(r.content[at+uint64(i)]) << (8 * i)
	}
	return n
}

func (r *reads) add(at uint64) {
	r.last = r.number(at, 8)
	r.sum += r.last
}

// Instructions of the loops.
const (
	i64Ne  = wasm.OpI64Eq + 1
	i64LtU = wasm.OpI64Eq + 3
	i64GeU = wasm.OpI64Eq + 9
)

// Locals of the loops.
const (
	baseLocal = iota
	countLocal
	sumLocal
	indexLocal
	narrowLocal
)

// addFrom adds what the address on top of the stack has.
func addFrom(c *wasm.Code) {
	c.Memory(wasm.OpI64Load, wasm.MemArg{})
	c.Index(wasm.OpLocalGet, sumLocal)
	c.Op(wasm.OpI64Add)
	c.Index(wasm.OpLocalSet, sumLocal)
}

// grow adds a constant to a local and leaves the sum on the stack.
func grow(c *wasm.Code, local uint32, by int64) {
	c.Index(wasm.OpLocalGet, local)
	c.I64(by)
	c.Op(wasm.OpI64Add)
	c.Index(wasm.OpLocalTee, local)
}

// begin has the narrow local begin where the second parameter says.
func begin(c *wasm.Code) {
	c.Index(wasm.OpLocalGet, countLocal)
	c.Op(wasm.OpI32WrapI64)
	c.Index(wasm.OpLocalSet, narrowLocal)
}

// narrowIndex adds what is at an index of 32 bits, and a constant, into what begins at the base.
func narrowIndex(c *wasm.Code, plus int32, extend wasm.Opcode) {
	c.Index(wasm.OpLocalGet, baseLocal)
	c.Index(wasm.OpLocalGet, narrowLocal)
	c.I32(plus)
	c.Op(wasm.OpI32Add)
	c.Op(extend)
	c.I64(3)
	c.Op(wasm.OpI64Shl)
	c.Op(wasm.OpI64Add)
	addFrom(c)
}

// jump gives 8, but where the narrow local is the largest number: there it jumps by 2^35.
func jump(c *wasm.Code) {
	c.Index(wasm.OpLocalGet, narrowLocal)
	c.I32(1)
	c.Op(wasm.OpI32Add)
	c.Op(wasm.OpI64ExtendI32S)
	c.Index(wasm.OpLocalGet, narrowLocal)
	c.Op(wasm.OpI64ExtendI32S)
	c.Op(wasm.OpI64Sub)
	c.I64(3)
	c.Op(wasm.OpI64Shl)
}

// gather adds what is at an index into what begins at the base; the index is read from where the second parameter says.
func gather(c *wasm.Code, offset uint64) {
	c.Index(wasm.OpLocalGet, baseLocal)
	c.Index(wasm.OpLocalGet, countLocal)
	c.Index(wasm.OpLocalGet, indexLocal)
	c.I64(2)
	c.Op(wasm.OpI64Shl)
	c.Op(wasm.OpI64Add)
	c.Memory(wasm.OpI64Load32S, wasm.MemArg{Offset: offset})
	c.I64(3)
	c.Op(wasm.OpI64Shl)
	c.Op(wasm.OpI64Add)
	addFrom(c)
}

// rounds20 goes on until there were 20 rounds.
func rounds20(c *wasm.Code) {
	c.Index(wasm.OpLocalGet, narrowLocal)
	c.I32(1)
	c.Op(wasm.OpI32Add)
	c.Index(wasm.OpLocalSet, narrowLocal)
	grow(c, indexLocal, 1)
	c.I64(20)
	c.Op(i64LtU)
}

// Bases from which indices that wrap round, or the least and the largest ones, come to the memory or miss it closely,
// and where such indices begin or are read.
var (
	farBases = []uint64{0, 24, 1024, 1<<16 - 160, 1<<34 - 8, 1 << 34, 1<<34 + 1024, 1<<34 + 1<<16, 1<<35 + 1024,
		1<<36 - 8, 1 << 36, 1<<36 + 1024, 1<<36 + 1<<34, 1<<64 - 1<<34, 1<<64 - 1<<34 + 1024, 1<<64 - 1<<35 + 1024,
		1<<64 - 8, 1<<64 - 1024}
	wrappingStarts = []uint64{0, 1, 3, 5, 1000, 1<<31 - 30, 1<<31 - 10, 1<<31 - 1, 1 << 31, 1<<31 + 3, 1<<31 + 4,
		1<<32 - 30, 1<<32 - 23, 1<<32 - 10, 1<<32 - 1}
	indexTables = []uint64{tables, tables + 1024, tables + 2048, tables + 3072, tables + 4096, tables + 4100,
		tables + 5120, 0, 1 << 40}
)

// loopContent is what the loops find in memory: bytes, and behind them tables of indices.
func loopContent() []byte {
	content := make([]byte, loopMemory)
	for i := range content {
		content[i] = byte(i * i >> 3)
	}
	for i, index := range []func(k int) int32{
		func(k int) int32 { return int32(k * 7 % 100) },
		func(k int) int32 { return int32(k%5 - 2) },
		func(k int) int32 { return math.MinInt32 + int32(k) },
		func(k int) int32 { return math.MaxInt32 - int32(k) },
		func(k int) int32 { return int32(1<<(k%33)) >> 1 },
		func(k int) int32 { return int32(k % 200 / 199 * math.MinInt32) },
	} {
		for k := range 256 {
			binary.LittleEndian.PutUint32(content[tables+1024*i+4*k:], uint32(index(k)))
		}
	}
	return content
}

const (
	loopMemory = 65536
	tables     = 1 << 15
)

var loops = []looped{
	{name: "pointer and countdown", twice: true, write: func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, baseLocal)
		addFrom(c)
		grow(c, baseLocal, 8)
		c.Op(wasm.OpDrop)
		grow(c, countLocal, -1)
		c.I64(0)
		c.Op(i64Ne)
	}, round: func(r *reads, base, n, k uint64) bool { r.add(base + 8*k); return k+1 != n }},
	{name: "index", twice: true, write: func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, baseLocal)
		c.Index(wasm.OpLocalGet, indexLocal)
		c.I64(3)
		c.Op(wasm.OpI64Shl)
		c.Op(wasm.OpI64Add)
		addFrom(c)
		grow(c, indexLocal, 1)
		c.Index(wasm.OpLocalGet, countLocal)
		c.Op(i64LtU)
	}, round: func(r *reads, base, n, k uint64) bool { r.add(base + 8*k); return k+1 < n }},
	{name: "falling", twice: true, write: func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, baseLocal)
		addFrom(c)
		grow(c, baseLocal, -16)
		c.Op(wasm.OpDrop)
		c.Index(wasm.OpLocalGet, countLocal)
		grow(c, indexLocal, 1)
		c.Op(wasm.OpI64GtU)
	}, round: func(r *reads, base, n, k uint64) bool { r.add(base - 16*k); return n > k+1 }},
	{name: "count of 32 bits", twice: true, write: func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, baseLocal)
		addFrom(c)
		grow(c, baseLocal, 8)
		c.Op(wasm.OpDrop)
		c.Index(wasm.OpLocalGet, narrowLocal)
		c.I32(1)
		c.Op(wasm.OpI32Add)
		c.Index(wasm.OpLocalTee, narrowLocal)
		c.Index(wasm.OpLocalGet, countLocal)
		c.Op(wasm.OpI32WrapI64)
		c.Op(wasm.OpI32LtS)
	}, round: func(r *reads, base, n, k uint64) bool { r.add(base + 8*k); return int32(k+1) < int32(n) }},
	{name: "contrary of a contrary", twice: true, write: func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, baseLocal)
		addFrom(c)
		grow(c, baseLocal, 8)
		c.Op(wasm.OpDrop)
		grow(c, indexLocal, 1)
		c.Index(wasm.OpLocalGet, countLocal)
		c.Op(i64GeU)
		c.Op(wasm.OpI32Eqz)
	}, round: func(r *reads, base, n, k uint64) bool { r.add(base + 8*k); return k+1 < n }},
	{name: "two in falling order", twice: true, write: func(c *wasm.Code) {
		grow(c, baseLocal, 16)
		c.I64(-8)
		c.Op(wasm.OpI64Add)
		addFrom(c)
		c.Index(wasm.OpLocalGet, baseLocal)
		c.I64(-16)
		c.Op(wasm.OpI64Add)
		addFrom(c)
		grow(c, indexLocal, 2)
		c.Index(wasm.OpLocalGet, countLocal)
		c.Op(i64LtU)
	}, round: func(r *reads, base, n, k uint64) bool { r.add(base + 8*(k^1)); return k%2 == 0 || k+1 < n }},
	{name: "a way out", twice: true, write: func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, baseLocal)
		addFrom(c)
		c.Index(wasm.OpLocalGet, indexLocal)
		c.I64(50)
		c.Op(wasm.OpI64Eq)
		c.Index(wasm.OpBrIf, 1)
		grow(c, baseLocal, 8)
		c.Op(wasm.OpDrop)
		grow(c, indexLocal, 1)
		c.Index(wasm.OpLocalGet, countLocal)
		c.Op(i64LtU)
	}, round: func(r *reads, base, n, k uint64) bool { r.add(base + 8*k); return k != 50 && k+1 < n }},
	{name: "only the last", twice: true, last: true, write: func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, baseLocal)
		c.Memory(wasm.OpI64Load, wasm.MemArg{})
		c.Index(wasm.OpLocalSet, sumLocal)
		grow(c, baseLocal, 1<<20)
		c.Op(wasm.OpDrop)
		grow(c, indexLocal, 1)
		c.Index(wasm.OpLocalGet, countLocal)
		c.Op(i64LtU)
	}, round: func(r *reads, base, n, k uint64) bool { r.add(base + k<<20); return k+1 < n }},
	{name: "step that is read", twice: false, write: func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, baseLocal)
		addFrom(c)
		c.Index(wasm.OpLocalGet, baseLocal)
		c.Index(wasm.OpLocalGet, countLocal)
		c.Op(wasm.OpI64Add)
		c.Index(wasm.OpLocalSet, baseLocal)
		grow(c, indexLocal, 1)
		c.I64(5)
		c.Op(i64LtU)
	}, round: func(r *reads, base, n, k uint64) bool { r.add(base + n*k); return k+1 < 5 }},
	{name: "signed index", twice: true, before: begin, write: func(c *wasm.Code) {
		narrowIndex(c, 0, wasm.OpI64ExtendI32S)
		narrowIndex(c, -3, wasm.OpI64ExtendI32S)
		rounds20(c)
	}, round: func(r *reads, base, n, k uint64) bool {
		r.add(base + uint64(int32(n+k))*8)
		r.add(base + uint64(int32(n+k-3))*8)
		return k+1 < 20
	}, bases: farBases, ns: wrappingStarts},
	{name: "unsigned index", twice: true, before: begin, write: func(c *wasm.Code) {
		narrowIndex(c, 2, wasm.OpI64ExtendI32U)
		narrowIndex(c, -3, wasm.OpI64ExtendI32U)
		rounds20(c)
	}, round: func(r *reads, base, n, k uint64) bool {
		r.add(base + uint64(uint32(n+k+2))*8)
		r.add(base + uint64(uint32(n+k-3))*8)
		return k+1 < 20
	}, bases: farBases, ns: wrappingStarts},
	{name: "extensions that cancel", twice: true, before: begin, write: func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, indexLocal)
		addFrom(c)
		jump(c)
		c.Index(wasm.OpLocalGet, baseLocal)
		c.Op(wasm.OpI64Add)
		addFrom(c)
		rounds20(c)
	}, round: func(r *reads, base, n, k uint64) bool {
		r.add(k)
		r.add(base + 8*uint64(int64(int32(n+k+1))-int64(int32(n+k))))
		return k+1 < 20
	}, bases: farBases, ns: wrappingStarts},
	{name: "step of extensions that cancel", twice: false, before: begin, write: func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, baseLocal)
		addFrom(c)
		jump(c)
		c.Index(wasm.OpLocalGet, baseLocal)
		c.Op(wasm.OpI64Add)
		c.Index(wasm.OpLocalSet, baseLocal)
		rounds20(c)
	}, round: func(r *reads, base, n, k uint64) bool {
		r.add(base + 8*uint64(int64(int32(n+k))-int64(int32(n))))
		return k+1 < 20
	}, bases: farBases, ns: wrappingStarts},
	{name: "indices that are read, past extensions that cancel", twice: true, before: begin, write: func(c *wasm.Code) {
		for _, offset := range []uint64{0, 256} {
			jump(c)
			c.Index(wasm.OpLocalGet, baseLocal)
			c.Op(wasm.OpI64Add)
			c.I64(tables)
			c.Memory(wasm.OpI64Load32S, wasm.MemArg{Offset: offset})
			c.Op(wasm.OpI64Add)
			addFrom(c)
		}
		rounds20(c)
	}, round: func(r *reads, base, n, k uint64) bool {
		for _, offset := range []uint64{0, 256} {
			r.add(base + 8*uint64(int64(int32(n+k+1))-int64(int32(n+k))) + uint64(int32(r.number(tables+offset, 4))))
		}
		return k+1 < 20
	}, bases: farBases, ns: wrappingStarts},
	{name: "index that is read", twice: true, write: func(c *wasm.Code) {
		gather(c, 0)
		rounds20(c)
	}, round: func(r *reads, base, n, k uint64) bool {
		r.add(base + uint64(int32(r.number(n+4*k, 4)))*8)
		return k+1 < 20
	}, bases: farBases, ns: indexTables},
	{name: "indices that are read", twice: true, write: func(c *wasm.Code) {
		gather(c, 0)
		gather(c, 256)
		gather(c, 512)
		rounds20(c)
	}, round: func(r *reads, base, n, k uint64) bool {
		for _, offset := range []uint64{0, 256, 512} {
			r.add(base + uint64(int32(r.number(n+offset+4*k, 4)))*8)
		}
		return k+1 < 20
	}, bases: farBases, ns: indexTables},
	{name: "masked", twice: true, write: func(c *wasm.Code) {
		for _, shift := range []int64{0, 5} {
			c.Index(wasm.OpLocalGet, baseLocal)
			c.Index(wasm.OpLocalGet, countLocal)
			c.Index(wasm.OpLocalGet, indexLocal)
			c.Op(wasm.OpI64Mul)
			c.I64(shift)
			c.Op(wasm.OpI64ShrU)
			c.I64(1<<34 - 8)
			c.Op(wasm.OpI64And)
			c.Op(wasm.OpI64Add)
			addFrom(c)
		}
		rounds20(c)
	}, round: func(r *reads, base, n, k uint64) bool {
		r.add(base + n*k&(1<<34-8))
		r.add(base + n*k>>5&(1<<34-8))
		return k+1 < 20
	}, bases: farBases, ns: []uint64{8, 24, 1 << 20, 1<<34 - 8, math.MaxUint64 - 7}},
	{name: "endless", twice: false, write: func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, baseLocal)
		addFrom(c)
		grow(c, baseLocal, 8)
		c.Op(wasm.OpDrop)
		c.I32(1)
	}}, // it is not run: what is read in it comes to nothing
}

// module has the loop in a function f, and content in its memory.
func (l *looped) module(content []byte) *wasm.Module {
	m := single([]wasm.ValueType{wasm.I64, wasm.I64}, []wasm.ValueType{wasm.I64}, func(c *wasm.Code) {
		if l.before != nil {
			l.before(c)
		}
		c.Block(wasm.OpBlock, wasm.BlockVoid)
		c.Block(wasm.OpLoop, wasm.BlockVoid)
		l.write(c)
		c.Index(wasm.OpBrIf, 0)
		c.Op(wasm.OpEnd)
		c.Op(wasm.OpEnd)
		c.Index(wasm.OpLocalGet, sumLocal)
	})
	m.Functions[0].Locals = []wasm.Locals{{Count: 2, Type: wasm.I64}, {Count: 1, Type: wasm.I32}}
	m.Memories = []wasm.Limits{{Min: 1, Max: 1, HasMax: true, Is64: true}}
	var at wasm.Code
	at.I64(0)
	at.Op(wasm.OpEnd)
	m.Data = []wasm.Data{{Offset: wasm.Expr(at), Bytes: content}}
	return m
}

// TestLoopsTwice runs loops whose addresses grow with each round from places about all bounds: what they sum up and
// whether they trap is as if each address was looked at, and they are written twice where that is so.
func TestLoopsTwice(t *testing.T) {
	const size = loopMemory
	content := loopContent()
	var modules []*wasm.Module
	for _, l := range loops {
		m := l.module(content)
		files, err := Translate(m)
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		if twice := bytes.Contains(files[0].Text, []byte("goto A")); twice != l.twice {
			text := files[0].Text
			t.Errorf("%s: written twice: %v\n%s", l.name, twice, text[bytes.LastIndex(text, []byte("FUNCTION")):])
		}
		modules = append(modules, m)
	}
	p := start(t, library(t, modules, "-O2"))
	for i, l := range loops {
		if l.round == nil {
			continue
		}
		in, err := p.instantiate(i, modules[i], nil)
		if err != nil {
			t.Fatal(err)
		}
		ran := 0
		bases, ns := l.bases, l.ns
		if bases == nil {
			bases = []uint64{0, 8, 16, 1024, size - 1600, size - 800, size - 64, size - 8, size - 7, size, 1 << 32,
				1<<36 - 800, 1<<36 - 8, 1 << 36, 1<<36 + 1<<32, 1 << 47, 1 << 63, math.MaxUint64 - 799, math.MaxUint64 - 7}
			ns = []uint64{0, 1, 2, 7, 8, 9, 10, 100, 101, 8190, 8192, 8200, 1 << 31, 1 << 33, 1 << 40, 1 << 62,
				1 << 63, math.MaxUint64}
		}
		for _, base := range bases {
			for _, n := range ns {
				want, traps, ends := l.expect(content, base, n)
				if !ends || l.last && n > size {
					continue // it would run for long, trap or not
				}
				got, err := in.call("f", base, n)
				var trap errTrap
				switch {
				case traps && l.last: // what was not read last may be left out, and its trap
				case traps && (!errors.As(err, &trap) || trap.kind != program.OutOfBounds):
					t.Errorf("%s from %#x, %d: %v and no trap", l.name, base, n, err)
				case !traps && err != nil:
					t.Errorf("%s from %#x, %d: %v", l.name, base, n, err)
				case !traps && got[0] != want:
					t.Errorf("%s from %#x, %d: %#x and not %#x", l.name, base, n, got[0], want)
				default:
					ran++
				}
			}
		}
		if ran < 20 && !l.last {
			t.Errorf("%s: only %d runs", l.name, ran)
		}
	}
}

// expect is what a loop gives, or that it traps; ends is false where that would take long to find out.
func (l *looped) expect(content []byte, base, n uint64) (result uint64, traps, ends bool) {
	r := reads{content: content}
	for k := uint64(0); k < 1<<17; k++ {
		more := l.round(&r, base, n, k)
		switch {
		case r.trapped:
			return 0, true, true
		case !more && l.last:
			return r.last, false, true
		case !more:
			return r.sum, false, true
		}
	}
	return 0, false, false
}
