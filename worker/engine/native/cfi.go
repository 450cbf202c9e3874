package native

import (
	"encoding/binary"
	"slices"

	"github.com/faasmrun/faasmrun/worker/machinecode"
)

// callFrames is how to find the frame of a function's caller from any of its instructions: DWARF's call frame
// information (its section 6.4), as clang writes it into .debug_frame. It costs running code nothing, and is right
// between any two instructions, in the middle of a function's prologue too, where a full stack is noticed.
type callFrames struct{ functions []unwinding }

// unwinding is an entry of it: of one function.
type unwinding struct {
	low, end uint64
	common   *common
	program  []byte
}

// common is what several functions' entries share.
type common struct {
	codeUnit uint64
	dataUnit int64
	program  []byte
}

// rule says what an instruction's frame is: the canonical frame address (CFA, where the stack pointer of the caller was
// before the call) as a register and an offset, and where callers' registers are stored, as offsets from that.
type rule struct {
	register uint64
	offset   int64
	stored   [len(machinecode.Registers{})]int64 // 0: the register is as it was
}

// readCallFrames reads .debug_frame. What it does not know it leaves out: then a backtrace ends there.
func readCallFrames(section []byte) *callFrames {
	f := &callFrames{}
	commons := map[uint64]*common{}
	for at := uint64(0); at+8 <= uint64(len(section)); {
		size := uint64(binary.LittleEndian.Uint32(section[at:]))
		next := at + 4 + size
		if size < 4 || next > uint64(len(section)) { // also the form of 64 bits, which nobody writes for so little
			break
		}
		d := cfiReader{b: section[at+8 : next]}
		if id := binary.LittleEndian.Uint32(section[at+4:]); id == 1<<32-1 {
			commons[at] = d.common()
		} else if c := commons[uint64(id)]; c != nil && len(d.b) >= 16 {
			low := d.word()
			f.functions = append(f.functions, unwinding{low, low + d.word(), c, d.b})
		}
		at = next
	}
	slices.SortFunc(f.functions, func(a, b unwinding) int {
		switch {
		case a.low < b.low:
			return -1
		case a.low > b.low:
			return 1
		}
		return 0
	})
	return f
}

// rule is that of an instruction, by its address in the object.
func (f *callFrames) rule(pc uint64) (r rule, ok bool) {
	i, _ := slices.BinarySearchFunc(f.functions, pc, func(u unwinding, pc uint64) int {
		if u.end <= pc {
			return -1
		}
		if u.low > pc {
			return 1
		}
		return 0
	})
	if i == len(f.functions) || f.functions[i].low > pc || f.functions[i].end <= pc {
		return rule{}, false
	}
	u := &f.functions[i]
	m := cfiMachine{common: u.common, at: u.low}
	if !m.run(u.common.program, pc) {
		return rule{}, false
	}
	m.initial = m.rule
	return m.rule, m.run(u.program, pc)
}

// cfiMachine interprets call frame instructions.
type cfiMachine struct {
	common        *common
	at            uint64 // where the code is that rule is of
	rule, initial rule
	kept          []rule
}

// Call frame instructions. The first three have an operand in their lower six bits.
const (
	cfaAdvance        = 1
	cfaOffset         = 2
	cfaRestore        = 3
	cfaNop            = 0x00
	cfaAdvance1       = 0x02
	cfaAdvance2       = 0x03
	cfaAdvance4       = 0x04
	cfaRestoreLong    = 0x06
	cfaUndefined      = 0x07
	cfaSame           = 0x08
	cfaRemember       = 0x0a
	cfaRestoreAll     = 0x0b
	cfaDefine         = 0x0c
	cfaDefineRegister = 0x0d
	cfaDefineOffset   = 0x0e
	cfaArguments      = 0x2e
)

// run interprets instructions as far as they are of code up to pc. It reports whether it knew them all.
func (m *cfiMachine) run(program []byte, pc uint64) bool {
	d := cfiReader{b: program}
	for len(d.b) > 0 && !d.bad {
		op := d.byte()
		advance := uint64(0)
		switch op >> 6 {
		case cfaAdvance:
			advance = uint64(op & 0x3f)
		case cfaOffset:
			m.store(uint64(op&0x3f), int64(d.unsigned())*m.common.dataUnit)
			continue
		case cfaRestore:
			m.restore(uint64(op & 0x3f))
			continue
		}
		switch {
		case op>>6 == cfaAdvance:
		case op == cfaNop:
			continue
		case op == cfaAdvance1:
			advance = uint64(d.byte())
		case op == cfaAdvance2:
			advance = d.fixed(2)
		case op == cfaAdvance4:
			advance = d.fixed(4)
		default:
			if !m.other(op, &d) {
				return false
			}
			continue
		}
		if m.at += advance * m.common.codeUnit; m.at > pc {
			return true
		}
	}
	return !d.bad
}

// other interprets an instruction that does not advance. It reports whether it knew it.
func (m *cfiMachine) other(op byte, d *cfiReader) bool {
	switch op {
	case cfaRestoreLong:
		m.restore(d.unsigned())
	case cfaUndefined, cfaSame:
		m.store(d.unsigned(), 0)
	case cfaRemember:
		m.kept = append(m.kept, m.rule)
	case cfaRestoreAll:
		if len(m.kept) == 0 {
			return false
		}
		m.rule = m.kept[len(m.kept)-1]
		m.kept = m.kept[:len(m.kept)-1]
	case cfaDefine:
		m.rule.register, m.rule.offset = d.unsigned(), int64(d.unsigned())
	case cfaDefineRegister:
		m.rule.register = d.unsigned()
	case cfaDefineOffset:
		m.rule.offset = int64(d.unsigned())
	case cfaArguments:
		d.unsigned()
	default:
		return false
	}
	return true
}

func (m *cfiMachine) store(register uint64, offset int64) {
	if register < uint64(len(m.rule.stored)) {
		m.rule.stored[register] = offset
	}
}

func (m *cfiMachine) restore(register uint64) {
	if register < uint64(len(m.rule.stored)) {
		m.rule.stored[register] = m.initial.stored[register]
	}
}

// cfiReader reads numbers. After a fault it reads zeros.
type cfiReader struct {
	b   []byte
	bad bool
}

func (d *cfiReader) fixed(n int) uint64 {
	if n > len(d.b) {
		d.b, d.bad = nil, true
		return 0
	}
	var word [8]byte
	copy(word[:], d.b[:n])
	d.b = d.b[n:]
	return binary.LittleEndian.Uint64(word[:])
}

func (d *cfiReader) byte() byte   { return byte(d.fixed(1)) }
func (d *cfiReader) word() uint64 { return d.fixed(8) }

func (d *cfiReader) unsigned() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.b, d.bad = nil, true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *cfiReader) signed() int64 {
	v, shift := int64(0), uint(0)
	for {
		b := d.byte()
		if shift < 64 {
			v |= int64(b&0x7f) << shift
			shift += 7
		}
		if b&0x80 == 0 || d.bad {
			if b&0x40 != 0 && shift < 64 {
				v |= -1 << shift
			}
			return v
		}
	}
}

// common reads a common entry; nil where it is of an unknown form.
func (d *cfiReader) common() *common {
	version, augmentation := d.byte(), d.byte()
	if augmentation != 0 {
		return nil
	}
	switch version {
	case 1, 3:
	case 4:
		d.fixed(2) // sizes of addresses and of segments' selectors
	default:
		return nil
	}
	c := &common{codeUnit: d.unsigned(), dataUnit: d.signed()}
	d.unsigned() // the column of the return address, which is RIP
	c.program = d.b
	if d.bad {
		return nil
	}
	return c
}
