package wasm

import "slices"

// Liveness says which locals of a function still matter behind each of its calls: a pass that saves a frame at a call
// needs to save those alone.
type Liveness struct {
	calls []liveCall
	words int
	bits  []uint64
}

type liveCall struct {
	at  int // offset of the call in the body
	row int // of its set in bits
}

// liveStep is an instruction that liveness is about.
type liveStep struct {
	kind  liveKind
	at    int
	local uint32
	to    []int // steps that control goes to, where that is not only the next one
}

type liveKind uint8

const (
	liveJump  liveKind = iota // goes to each of `to`
	liveRead                  // of local, then on
	liveWrite                 // of local, then on
	liveCallSite
)

// Liveness finds for each call of a function that the module defines, direct or indirect, the locals that may be read
// before they are written after the call returns. The function must be valid. It is an error if it has exceptions, as a
// throw goes where liveness does not follow, and if it is beyond measure; taking all locals as live is then right.
func (s *Spaces) Liveness(function uint32) (*Liveness, error) {
	b := &livenessBuilder{cursor: s.Cursor()}
	if err := b.build(function); err != nil {
		return nil, err
	}
	return b.solve()
}

// Bounds of a function whose liveness is found: words of sets that are kept, and rounds until nothing changes, of which
// a function needs about as many as its loops are nested.
const (
	maxLivenessWords  = 1 << 24
	maxLivenessRounds = 100
)

// After lists the locals, in order, that are live after the call at an offset of the body; false if no call is there.
func (l *Liveness) After(offset int) ([]uint32, bool) {
	i, found := slices.BinarySearchFunc(l.calls, offset, func(c liveCall, at int) int { return c.at - at })
	if !found {
		return nil, false
	}
	var live []uint32
	row := l.bits[l.calls[i].row*l.words : (l.calls[i].row+1)*l.words]
	for w, bits := range row {
		for k := range uint32(64) {
			if bits>>k&1 != 0 {
				live = append(live, uint32(w)*64+k)
			}
		}
	}
	return live, true
}

type livenessBuilder struct {
	cursor *Cursor
	steps  []liveStep
	// blocks holds for each open block the steps that jump to its end, or, for a loop, its first step.
	blocks []liveBlock
}

type liveBlock struct {
	loop    int   // first step of a loop, -1 for other blocks
	pending []int // steps whose `to` lacks the block's end
	skip    int   // of an if, the step that jumps to its else; -1
}

func (b *livenessBuilder) build(function uint32) error {
	c := b.cursor
	if err := c.Open(function); err != nil {
		return err
	}
	b.blocks = []liveBlock{{loop: -1, skip: -1}}
	for c.Next() {
		in := &c.Instr
		switch in.Op {
		case OpTry, OpTryTable, OpThrow, OpThrowRef:
			return errorAt(in.Start, "liveness of a function with exceptions")
		case OpBlock:
			b.blocks = append(b.blocks, liveBlock{loop: -1, skip: -1})
		case OpLoop:
			b.blocks = append(b.blocks, liveBlock{loop: len(b.steps), skip: -1})
		case OpIf:
			b.blocks = append(b.blocks, liveBlock{loop: -1, skip: b.jump(len(b.steps) + 1)})
		case OpElse:
			block := &b.blocks[len(b.blocks)-1]
			block.pending = append(block.pending, b.jump())
			b.land(block.skip)
			block.skip = -1
		case OpEnd:
			b.close()
		case OpBr:
			b.branch(in.Index, b.jump())
		case OpBrIf:
			b.branch(in.Index, b.jump(len(b.steps)+1))
		case OpBrTable:
			step := b.jump()
			for _, l := range in.Labels {
				b.branch(l, step)
			}
		case OpReturn, OpUnreachable, OpReturnCall, OpReturnCallIndirect:
			b.jump()
		case OpLocalGet:
			b.steps = append(b.steps, liveStep{kind: liveRead, local: in.Index})
		case OpLocalSet, OpLocalTee:
			b.steps = append(b.steps, liveStep{kind: liveWrite, local: in.Index})
		case OpCall, OpCallIndirect:
			b.steps = append(b.steps, liveStep{kind: liveCallSite, at: in.Start})
		}
	}
	return c.Err()
}

// jump adds a step that goes nowhere but to the given ones, yet.
func (b *livenessBuilder) jump(to ...int) int {
	b.steps = append(b.steps, liveStep{kind: liveJump, to: to})
	return len(b.steps) - 1
}

// land makes a step go to the next one to come.
func (b *livenessBuilder) land(step int) {
	b.steps[step].to = append(b.steps[step].to, len(b.steps))
}

func (b *livenessBuilder) branch(depth uint32, step int) {
	if uint64(depth) >= uint64(len(b.blocks)) {
		return // invalid; the cursor will say so
	}
	block := &b.blocks[len(b.blocks)-1-int(depth)]
	if block.loop >= 0 {
		b.steps[step].to = append(b.steps[step].to, block.loop)
		return
	}
	block.pending = append(block.pending, step)
}

func (b *livenessBuilder) close() {
	block := b.blocks[len(b.blocks)-1]
	if block.skip >= 0 {
		b.land(block.skip)
	}
	for _, step := range block.pending {
		b.land(step)
	}
	if len(b.blocks) > 1 {
		b.blocks = b.blocks[:len(b.blocks)-1]
	}
}

// solve runs over the steps backwards until nothing changes. Between jumps only the state at hand is needed; at steps
// that something jumps to, and at calls, it is kept.
func (b *livenessBuilder) solve() (*Liveness, error) {
	words := (len(b.cursor.Locals()) + 63) / 64
	l := &Liveness{words: words}
	row := make([]int, len(b.steps)+1) // of steps that are jumped to, and of calls; 0 is none
	rows := 1
	keep := func(step int) {
		if row[step] == 0 {
			row[step] = rows
			rows++
		}
	}
	for i := range b.steps {
		for _, to := range b.steps[i].to {
			keep(to)
		}
		if b.steps[i].kind == liveCallSite {
			keep(i)
		}
	}
	if rows*words > maxLivenessWords {
		return nil, errorAt(0, "the function has too many calls and locals for liveness")
	}
	bits := make([]uint64, rows*words)
	at := func(step int) []uint64 { return bits[row[step]*words : (row[step]+1)*words] }
	afterCall := make([]uint64, rows*words)
	live := make([]uint64, words)
	for round, changed := 0, true; changed; round++ {
		if changed = false; round == maxLivenessRounds {
			return nil, errorAt(0, "the function's loops are nested too deeply for liveness")
		}
		clear(live)
		for i := len(b.steps) - 1; i >= 0; i-- {
			switch s := &b.steps[i]; s.kind {
			case liveJump:
				clear(live)
				for _, to := range s.to {
					for w, v := range at(to) {
						live[w] |= v
					}
				}
			case liveRead:
				live[s.local/64] |= 1 << (s.local % 64)
			case liveWrite:
				live[s.local/64] &^= 1 << (s.local % 64)
			case liveCallSite:
				copy(afterCall[row[i]*words:], live)
			}
			if row[i] != 0 && !slices.Equal(at(i), live) {
				copy(at(i), live)
				changed = true
			}
		}
	}
	for i := range b.steps {
		if b.steps[i].kind == liveCallSite {
			l.calls = append(l.calls, liveCall{at: b.steps[i].at, row: row[i]})
		}
	}
	l.bits = afterCall
	return l, nil
}
