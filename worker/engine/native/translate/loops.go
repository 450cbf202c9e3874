package translate

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Where addresses have 64 bits, comparisons with the bound cost most in innermost loops, and keep clang from unrolling
// these: each may leave the loop. So an innermost loop that is one run of instructions up to the branch back is written
// twice. In front stands a test of what all its rounds access: of the addresses that grow by a constant with each
// round, in the first round and in the last one that its condition allows. Where all of that is below the bound, the
// first form runs, in which these addresses are compared no more; else the second one, in which they are.
//
// The test rests on arithmetic alone, not on what traps in a round before: clang may leave out a load of which nothing
// comes, and then nothing would trap.

// rounds is what is known of an innermost loop.
type rounds struct {
	ranges []span64
	free   map[int]position // by instruction: accesses that the ranges cover
	limit  limit
	values symbols
	steps  map[uint32]linear
	each   bool   // each round is tested, for the places from which its accesses spread
	name   string // what the names of its variables in the C end in
}

// position is where an access of a range goes in the first round: the range, and the address's constant.
type position struct {
	span    int
	plus    uint64
	spreads bool // something is added that the range doesn't know
}

// span64 is a range of addresses: where it begins in the first round, and by how much it moves with each.
type span64 struct {
	least linear
	reach uint64 // from there to the farthest access of a round
	step  int64
}

// limit is the condition under which a loop goes on: x, which grows by step with each round, compared with y, which
// doesn't change.
type limit struct {
	test comparison
	x, y linear
	step int64
}

// Bounds of what is looked at: more than mostRounds of a step of at most mostStep could come round to low addresses
// again.
const (
	mostRounds = 1 << 36
	mostStep   = 1 << 20
	mostRanges = 16
	mostNested = 256  // blocks around a loop
	mostBytes  = 8192 // of the loop, in the module

	leastRounds = 8 // fewer are not worth the test
	// mostPerSaved is of instructions for each comparison that goes. Where there are more, as in a loop that is unrolled
	// already, the test takes what it saves, and a short row of a sparse matrix runs through it for nothing.
	mostPerSaved = 24
	// leastPerBase is of accesses that spread from one base, for a test in each round.
	leastPerBase = 2
)

// symbol is an operand in the look-out: a number, or a comparison of two.
type symbol struct {
	linear
	test       comparison
	left, then linear
}

// lookout reads a loop's instructions ahead.
type lookout struct {
	cursor *wasm.Cursor
	base   int // height of the operand stack beneath the loop
	stack  []symbol
	locals map[uint32]symbol
	values symbols
	steps  map[uint32]linear // of the locals, once the loop was read
	access []seen
	last   symbol // what the branch back was asked with
	read   int    // instructions
}

// seen is an access.
type seen struct {
	at     int
	index  linear
	offset uint64
}

// first is the first form of a loop that is written twice.
type first struct {
	again  *wasm.Cursor // before the loop, to read it once more
	second int          // the label of the second form
}

// openTwice opens the first form of a loop.
func (f *function) openTwice(l label, r *rounds) {
	f.names++
	l.first = &first{f.cursor.Fork(), f.names}
	f.names++
	r.name = strconv.Itoa(f.names)
	second := "L" + strconv.Itoa(l.first.second)
	f.rounds = r
	if r.each {
		f.put(l.target(), ":;\n")
		f.code = r.appendRoundTest(f.code, second)
	} else {
		f.twice = true
		f.code = r.appendTest(f.code, second)
		f.put(l.target(), ":;\nk", r.name, "++;\n")
	}
	f.known.forget()
	f.openLabel(l)
}

// closeFirst ends the first form of a loop and opens the second one.
func (f *function) closeFirst() {
	l := f.top()
	f.put("goto A", strconv.Itoa(l.id), ";\n")
	f.cursor, f.rounds = l.first.again, nil
	*l = label{op: wasm.OpLoop, id: l.first.second, base: l.base, loop: l.loop, start: l.start, end: l.end, behind: l.id}
	f.put(l.target(), ":;\n")
	f.known.forget()
}

// roundsOf looks at the loop that the cursor has before it, and reports whether it is worth two forms.
func (f *function) roundsOf(in *wasm.Instr) (*rounds, bool) {
	t, _ := f.t.BlockType(in.Block)
	if !f.t.memory64 || len(t.Params)+len(t.Results) > 0 || len(f.labels) > mostNested || !f.cursor.OneRun(mostBytes) {
		return nil, false
	}
	// Once for what locals grow by, and once with that.
	first := &lookout{cursor: f.cursor.Fork(), locals: map[uint32]symbol{}}
	if !first.readLoop() {
		return nil, false
	}
	o := &lookout{cursor: f.cursor.Fork(), locals: map[uint32]symbol{}, steps: first.grown()}
	o.readLoop()
	if r, worth := o.spreading(); worth {
		return r, true
	}
	return o.rounds()
}

// spreading is the loop, where many of its accesses spread from few bases. It reports whether it is such a one.
func (o *lookout) spreading() (*rounds, bool) {
	r := &rounds{free: map[int]position{}, values: o.values, steps: o.steps, each: true}
	for _, a := range o.access {
		if !a.index.spreads() {
			continue
		}
		if span, covered := r.cover(a, 0); covered {
			r.free[a.at] = position{span, a.index.plus, true}
		}
	}
	return r, len(r.free) > 0 && len(r.free) >= leastPerBase*len(r.ranges)
}

// grown is what each local that the loop writes grows by with each round, where that is known.
func (o *lookout) grown() map[uint32]linear {
	steps := map[uint32]linear{}
	for local, s := range o.locals {
		own := localOf(local, s.narrow)
		if grown := s.linear.plusTimes(own, ^uint64(0)); grown.constant() {
			steps[local] = grown
		} else {
			steps[local] = linear{}
		}
	}
	return steps
}

// extend is what an extension of 32 bits to 64 gives. While it is looked what locals grow by it gives nothing: a sum of
// extensions may be a constant only as long as none wraps round.
func (o *lookout) extend(l linear, signed bool) linear {
	if o.steps == nil {
		return linear{}
	}
	if l.known {
		if step, ok := o.values.step(l, o.steps); ok && within(signedStep(step, true)) {
			return o.values.extend(l, signed)
		}
	}
	if signed {
		return spread(math.MinInt32, math.MaxInt32)
	}
	return spread(0, math.MaxUint32)
}

// readLoop goes to the loop's end, and reports whether it is a loop of the kind.
func (o *lookout) readLoop() bool {
	o.cursor.Next() // the effect of the loop instruction itself
	o.base = len(o.cursor.Stack())
	for {
		o.read++
		in := o.cursor.Instr
		switch in.Op {
		case wasm.OpBr, wasm.OpBrTable, wasm.OpReturn, wasm.OpUnreachable, wasm.OpEnd:
			return false
		case wasm.OpBrIf:
			if in.Index == 0 {
				o.last = o.top(0)
				next, _ := o.cursor.Peek()
				return next == wasm.OpEnd
			}
		}
		if in.HasMemArg() && !o.sees(&in) {
			return false
		}
		given, is := o.gives(&in)
		if !o.cursor.Next() {
			return false
		}
		kept := o.cursor.Kept() - o.base
		if kept < 0 {
			return false
		}
		o.stack = o.stack[:min(kept, len(o.stack))]
		for len(o.stack) < len(o.cursor.Stack())-o.base {
			o.stack = append(o.stack, symbol{})
		}
		if is {
			o.stack[len(o.stack)-1] = given
		}
	}
}

// top is the n-th operand from the top.
func (o *lookout) top(n int) symbol {
	if n >= len(o.stack) {
		return symbol{}
	}
	return o.stack[len(o.stack)-1-n]
}

// sees notes an access, whose index is the lowest of its operands. It reports whether it knows the operands.
func (o *lookout) sees(in *wasm.Instr) bool {
	var buffer [4]wasm.ValueType
	operands, ok := o.cursor.Operands(in, buffer[:])
	if !ok {
		return false
	}
	if s := o.top(len(operands.Takes) - 1); s.known && !s.narrow && in.Memory.Offset < guarded {
		o.access = append(o.access, seen{in.Start, s.linear, in.Memory.Offset})
	}
	return true
}

// gives is what an instruction gives, where that is known, and what it does to locals.
func (o *lookout) gives(in *wasm.Instr) (symbol, bool) {
	narrow := func() bool { return o.cursor.Locals()[in.Index] == wasm.I32 }
	switch in.Op {
	case wasm.OpI64Const, wasm.OpI32Const:
		return symbol{linear: constantOf(in.Bits, in.Op == wasm.OpI32Const)}, true
	case wasm.OpLocalGet:
		if s, written := o.locals[in.Index]; written {
			return s, true
		}
		if t := o.cursor.Locals()[in.Index]; t == wasm.I32 || t == wasm.I64 {
			return symbol{linear: localOf(in.Index, narrow())}, true
		}
	case wasm.OpLocalSet:
		o.locals[in.Index] = o.top(0)
	case wasm.OpLocalTee:
		o.locals[in.Index] = o.top(0)
		return o.top(0), true
	case wasm.OpI32WrapI64:
		return symbol{linear: o.values.wrapped(o.top(0).linear)}, true
	case wasm.OpI64ExtendI32S, wasm.OpI64ExtendI32U:
		return symbol{linear: o.extend(o.top(0).linear, in.Op == wasm.OpI64ExtendI32S)}, true
	case wasm.OpI64Extend32S:
		return symbol{linear: o.extend(o.values.wrapped(o.top(0).linear), true)}, true
	case wasm.OpI64Load32S:
		return symbol{linear: spread(math.MinInt32, math.MaxInt32)}, true
	case wasm.OpI64Load32U:
		return symbol{linear: spread(0, math.MaxUint32)}, true
	case wasm.OpI64Load16S:
		return symbol{linear: spread(math.MinInt16, math.MaxInt16)}, true
	case wasm.OpI64Load16U:
		return symbol{linear: spread(0, math.MaxUint16)}, true
	case wasm.OpI64Load8S:
		return symbol{linear: spread(math.MinInt8, math.MaxInt8)}, true
	case wasm.OpI64Load8U:
		return symbol{linear: spread(0, math.MaxUint8)}, true
	case wasm.OpI64And:
		for i := range 2 {
			if mask := o.top(i).linear; mask.constant() && mask.plus <= mostSpread {
				return symbol{linear: spread(0, int64(mask.plus))}, true
			}
		}
	case wasm.OpI32Eqz, wasm.OpI64Eqz:
		s := o.top(0)
		if s.test != none {
			return symbol{test: contrary[s.test], left: s.left, then: s.then}, true
		}
		return symbol{test: eq, left: s.linear, then: constantOf(0, s.narrow)}, true
	case wasm.OpI64Add, wasm.OpI64Sub, wasm.OpI64Mul, wasm.OpI64Shl, wasm.OpI32Add, wasm.OpI32Sub, wasm.OpI32Mul,
		wasm.OpI32Shl:
		return symbol{linear: combine(in.Op, o.top(1).linear, o.top(0).linear)}, true
	}
	if test := comparisonOf(in.Op); test != none {
		return symbol{test: test, left: o.top(1).linear, then: o.top(0).linear}, true
	}
	return symbol{}, false
}

// rounds is what the loop's instructions come to, once all are read.
func (o *lookout) rounds() (*rounds, bool) {
	r := &rounds{free: map[int]position{}, values: o.values, steps: o.steps}
	var known bool
	if r.limit, known = o.values.limit(o.last, o.steps); !known {
		return nil, false
	}
	for _, a := range o.access {
		step, ok := o.values.step(a.index, o.steps)
		if s := int64(step); ok && within(s) {
			if span, covered := r.cover(a, s); covered {
				r.free[a.at] = position{span, a.index.plus, a.index.spreads()}
			}
		}
	}
	return r, len(r.free) > 0 && o.read <= r.saves()*mostPerSaved
}

// saves is how many comparisons go with each round. Addresses that are a constant apart would have been one, unless
// they spread or are of extended values.
func (r *rounds) saves() int {
	gone := map[position]bool{}
	for at, p := range r.free {
		switch {
		case p.spreads:
			p.plus = uint64(at)
		case !slices.ContainsFunc(r.ranges[p.span].least.terms, term.extends):
			p.plus = 0
		}
		gone[p] = true
	}
	return len(gone)
}

// within reports whether a step is one that is looked at.
func within(step int64) bool { return step >= -mostStep && step <= mostStep }

// cover adds an access to the ranges, and says to which. It reports whether there was room.
func (r *rounds) cover(a seen, step int64) (span int, covered bool) {
	for i := range r.ranges {
		s := &r.ranges[i]
		if s.step != step || !slices.Equal(s.least.terms, a.index.terms) {
			continue
		}
		// What is behind the bound traps by itself, so that only the least address need be below it.
		switch up := a.index.plus - s.least.plus; {
		case up < guarded && up+a.offset < guarded:
			s.reach = max(s.reach, up+a.offset)
			return i, true
		case -up <= below && s.reach-up < guarded:
			s.least, s.reach = a.index, max(s.reach-up, a.offset)
			return i, true
		}
	}
	if len(r.ranges) == mostRanges {
		return 0, false
	}
	r.ranges = append(r.ranges, span64{a.index, a.offset, step})
	return len(r.ranges) - 1, true
}

// comparison is one of two integers, in the order of the instructions; its operands say how wide they are.
type comparison int

const (
	none comparison = iota
	eq
	ne
	ltS
	ltU
	gtS
	gtU
	leS
	leU
	geS
	geU
)

// comparisonOf is the comparison that an instruction makes; none if it is another one.
func comparisonOf(op wasm.Opcode) comparison {
	for _, first := range []wasm.Opcode{wasm.OpI32Eq, wasm.OpI64Eq} {
		if op >= first && op <= first+wasm.Opcode(geU-eq) {
			return eq + comparison(op-first)
		}
	}
	return none
}

// contrary holds of the same numbers where the comparison doesn't; mirrored of the numbers the other way round.
var (
	contrary = [...]comparison{none, ne, eq, geS, geU, leS, leU, gtS, gtU, ltS, ltU}
	mirrored = [...]comparison{none, eq, ne, gtS, gtU, ltS, ltU, geS, geU, leS, leU}
)

func (c comparison) signed() bool { return c == ltS || c == gtS || c == leS || c == geS }

// upward reports whether the comparison ends to hold when its first number grows; downward, when it falls.
func (c comparison) upward() bool   { return c == ne || c == ltS || c == ltU || c == leS || c == leU }
func (c comparison) downward() bool { return c == ne || c == gtS || c == gtU || c == geS || c == geU }

// limit is the condition under which a loop goes on, where it is one of a number that grows or falls towards another.
func (e symbols) limit(last symbol, steps map[uint32]linear) (limit, bool) {
	l := limit{test: last.test, x: last.left, y: last.then}
	if last.test == none { // a number that is not zero
		l.test, l.x, l.y = ne, last.linear, constantOf(0, true)
	}
	x, ok := e.step(l.x, steps)
	y, ok2 := e.step(l.y, steps)
	if l.x.spreads() || l.y.spreads() || !ok || !ok2 || (x == 0) == (y == 0) {
		return limit{}, false
	}
	if x == 0 {
		x, l.x, l.y, l.test = y, l.y, l.x, mirrored[l.test]
	}
	l.step = signedStep(x, l.x.narrow)
	ends := l.step > 0 && l.test.upward() || l.step < 0 && l.test.downward()
	return l, ends && within(l.step)
}

// appendRounds writes how many rounds there are at most, as the variable name, or 0 where that is not known.
func (l *limit) appendRounds(code []byte, e symbols, name string) []byte {
	mask, bits, u := ^uint64(0), 64, "u64"
	if l.x.narrow {
		mask, bits, u = 1<<32-1, 32, "u32"
	}
	x, y := "x"+name, "y"+name
	flip := ""
	if l.test.signed() { // as unsigned numbers that are as far from each other, in the same order
		flip = fmt.Sprintf("^((%s)1<<%d)", u, bits-1)
	}
	code = fmt.Appendf(code, "%s %s=%s%s,%s=%s%s;\n", u, x, e.text(l.x), flip, y, e.text(l.y), flip)
	step := uint64(max(l.step, -l.step))
	up := l.step > 0
	if !up {
		x, y = y, x
	}
	// From x up to y now: y is where it ends, or where it began.
	switch {
	case l.test == ne:
		return fmt.Appendf(code, "u64 %s=(%s)(%s-%s)%%%d?0:(u64)(%s)(%s-%s)/%d+1;\n", name, u, y, x, step, u, y, x, step)
	case up:
		// It stops before it wraps round, if the last number is far enough from the largest one.
		return fmt.Appendf(code, "u64 %s=%s>=%dul?0:%s<=%s?(u64)(%s-%s)/%d+2:1;\n", name, y, mask-step, x, y, y, x, step)
	}
	return fmt.Appendf(code, "u64 %s=%s<=%dul?0:%s<=%s?(u64)(%s-%s)/%d+2:1;\n", name, x, step, x, y, y, x, step)
}

// appendTest writes the test of all ranges, and a jump to the second form where it fails; the variables that hold where
// the ranges begin, and the one that counts the rounds. The addresses of the first form are written with these: as
// multiples of one variable, whatever the module computed them of.
func (r *rounds) appendTest(code []byte, second string) []byte {
	n := "n" + r.name
	code = r.limit.appendRounds(code, r.values, n)
	code = append(code, "u64 k"+r.name+"=~0ul"...)
	for i, s := range r.ranges {
		code = append(code, ","+r.start(i)+"="+r.values.text(s.least)...)
	}
	code = fmt.Appendf(code, ";\nif(%s-%d>=%dul", n, leastRounds, uint64(mostRounds))
	code = r.appendWraps(code, n)
	for i, s := range r.ranges {
		code = append(code, "||("+r.start(i)...)
		if s.step != 0 {
			code = append(code, "|("+r.start(i)+"+"+n+"*"+strconv.FormatUint(uint64(s.step), 10)+"ul)"...)
		}
		code = append(code, ")>=RESERVED"...)
	}
	return append(code, ")goto "+second+";\n"...)
}

// appendRoundTest writes the test of one round.
func (r *rounds) appendRoundTest(code []byte, second string) []byte {
	for i, s := range r.ranges {
		code = append(code, [2]string{"if(", "||"}[min(i, 1)]+r.values.text(s.least)+">=bound"...)
	}
	return append(r.appendWraps(code, ""), ")goto "+second+";\n"...)
}

// appendWraps writes conditions, behind others, that hold where an extended value may wrap round: in this round, or in
// as many as a variable says. It is all of the loop's, though they may not be seen any more in what they have become:
// the difference of two is a constant only where none wraps round.
func (r *rounds) appendWraps(code []byte, rounds string) []byte {
	for i := range r.values {
		step := int64(0)
		if rounds != "" {
			step = r.values.extendedStep(firstExtended+atom(i), r.steps)
		}
		code = r.values.appendWraps(code, firstExtended+atom(i), step, rounds)
	}
	return code
}

// start is the variable that holds where a range begins.
func (r *rounds) start(span int) string { return "b" + strconv.Itoa(span) + "_" + r.name }

// address is the index of an access in the first form.
func (r *rounds) address(p position) string {
	s := &r.ranges[p.span]
	text := "(" + r.start(p.span)
	if s.step != 0 {
		text += "+k" + r.name + "*" + strconv.FormatUint(uint64(s.step), 10) + "ul"
	}
	return text + "+" + strconv.FormatUint(p.plus-s.least.plus, 10) + "ul)"
}
