package toolchain

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// keepPhis mends LLVM's text of a module where clang 19's back end would lose a variable, and returns nil where it
// would not. A value that depends on which call threw is a phi in front of a catch; the back end moves each of these to
// a slot on the stack, but forgets those uses that are themselves phis of another catch or cleanup, as in
//
//	try { x += f(); x += g(); } catch (int) { try { h(); x += f(); i(); } catch (int) { return x; } }
//
// Where h throws, the inner phi has the outer as its value, and reads whatever the stack holds. A copy made before the
// call to h is a use like others, and the inner phi's value then. (The fault lies in demotePHIsOnFunclets of
// WinEHPrepare.)
func keepPhis(module []byte) []byte {
	if !bytes.Contains(module, []byte(catchswitch)) {
		return nil
	}
	lines := strings.Split(string(module), "\n")
	var out []string
	kept := 0 // lines that out has
	for i := 0; i < len(lines); i++ {
		if !strings.HasPrefix(lines[i], "define ") {
			continue
		}
		end := i + slices.Index(lines[i:], "}")
		if end < i {
			return nil
		}
		if body := lines[i:end]; slices.ContainsFunc(body, isCatchswitch) {
			if f := parseFunclets(body); f.copyPhis() {
				out = append(append(out, lines[kept:i]...), f.text()...)
				kept = end
			}
		}
		i = end
	}
	if out == nil {
		return nil
	}
	return []byte(strings.Join(append(out, lines[kept:]...), "\n"))
}

const catchswitch = " = catchswitch within "

func isCatchswitch(line string) bool { return strings.Contains(line, catchswitch) }

// funclets are the blocks of a function, with what matters of its exceptions.
type funclets struct {
	blocks []*block
	named  map[string]*block
	phis   map[string]*phi // those in front of a catchswitch, by the value's name
	copies int
}

type block struct {
	name       string // with its %
	lines      []string
	pad        string   // the kind of pad it begins with: catchswitch, catchpad, cleanuppad; or ""
	phis       []*phi   // if it begins with a pad
	throws     int      // line of the invoke or other instruction that ends it and has an unwind edge, or -1
	throwers   []*block // those whose unwind edge leads here
	copied     map[string]string
	insertions []string // copies that stand before the line throws
}

type phi struct {
	value, typ string
	block      *block
	line       int // of block.lines; -1: not yet there
	incoming   []incoming
}

type incoming struct{ value, from string }

const (
	irName = `%(?:[-\w$.]+|"[^"]*")`
	// phiFlags may stand before the type of a phi of floating point numbers.
	phiFlags = `(?:(?:nnan|ninf|nsz|arcp|contract|afn|reassoc|fast) )*`
)

var (
	blockLabel  = regexp.MustCompile(`^([-\w$.]+|"[^"]*"):`)
	padLine     = regexp.MustCompile(`^  ` + irName + ` = (catchswitch|catchpad|cleanuppad) within `)
	phiLine     = regexp.MustCompile(`^  (` + irName + `) = phi ` + phiFlags + `(\S.*?) \[ `)
	phiIncoming = regexp.MustCompile(`\[ (` + irName + `), (` + irName + `) \]`)
	throwLine   = regexp.MustCompile(`^  (?:` + irName + ` = )?(?:invoke|cleanupret|catchswitch) `)
	unwindEdge  = regexp.MustCompile(` unwind label (` + irName + `)`)
)

func parseFunclets(lines []string) *funclets {
	f := &funclets{named: map[string]*block{}, phis: map[string]*phi{}}
	b := &block{throws: -1} // the entry may lack a name, but no copy is ever made there: a catch comes before it
	f.blocks = append(f.blocks, b)
	for _, line := range lines {
		if label := blockLabel.FindStringSubmatch(line); label != nil {
			b = &block{name: "%" + label[1], throws: -1}
			f.blocks = append(f.blocks, b)
			f.named[b.name] = b
		}
		if throwLine.MatchString(line) {
			b.throws = len(b.lines)
		}
		b.lines = append(b.lines, line)
	}
	for _, b := range f.blocks {
		b.parsePad()
		for _, p := range b.phis {
			if b.pad == "catchswitch" {
				f.phis[p.value] = p
			}
		}
		if b.throws < 0 {
			continue
		}
		for _, line := range b.lines[b.throws:] {
			if edge := unwindEdge.FindStringSubmatch(line); edge != nil && f.named[edge[1]] != nil {
				f.named[edge[1]].throwers = append(f.named[edge[1]].throwers, b)
			}
		}
	}
	return f
}

// parsePad reads the phis of a block and the pad behind them, which may only be divided by records for the debugger.
func (b *block) parsePad() {
	var phis []*phi
	for i, line := range b.lines {
		if head := phiLine.FindStringSubmatch(line); head != nil {
			p := &phi{value: head[1], typ: head[2], block: b, line: i}
			for _, in := range phiIncoming.FindAllStringSubmatch(line, -1) {
				p.incoming = append(p.incoming, incoming{in[1], in[2]})
			}
			phis = append(phis, p)
		} else if pad := padLine.FindStringSubmatch(line); pad != nil {
			b.pad, b.phis = pad[1], phis
			return
		} else if strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "    #dbg_") {
			return
		}
	}
}

// copyPhis makes the copies and reports whether there are any.
func (f *funclets) copyPhis() bool {
	for _, b := range f.blocks {
		for i := 0; i < len(b.phis); i++ { // more may come
			f.copyInto(b.phis[i])
		}
	}
	return f.copies > 0
}

// copyInto gives a phi of a pad copies of those of its values that are phis of another catch. (What comes along the
// edge from that catch itself the back end knows.)
func (f *funclets) copyInto(to *phi) {
	for i, in := range to.incoming {
		lost, from := f.phis[in.value], f.named[in.from]
		if lost == nil || from == nil || lost.block == from || from.throws < 0 {
			continue
		}
		to.incoming[i].value = f.copyOf(lost, from)
		if to.line >= 0 {
			line := &to.block.lines[to.line]
			*line = strings.Replace(*line, "[ "+in.value+", "+in.from+" ]", "[ "+to.incoming[i].value+", "+in.from+" ]", 1)
		}
	}
}

// copyOf is a copy of a phi at the end of a block: an instruction before the call that may throw or, as nothing can
// stand before a catchswitch, a phi, which in its turn gets copies.
func (f *funclets) copyOf(lost *phi, at *block) string {
	if name, made := at.copied[lost.value]; made {
		return name
	}
	if at.copied == nil {
		at.copied = map[string]string{}
	}
	f.copies++
	name := fmt.Sprintf("%%kept.phi.%d", f.copies)
	at.copied[lost.value] = name
	if at.pad != "catchswitch" {
		at.insertions = append(at.insertions, "  "+name+" = freeze "+lost.typ+" "+lost.value)
		return name
	}
	p := &phi{value: name, typ: lost.typ, block: at, line: -1}
	for _, from := range at.throwers {
		p.incoming = append(p.incoming, incoming{lost.value, from.name})
	}
	f.phis[name] = p
	at.phis = append(at.phis, p)
	f.copyInto(p)
	return name
}

// text is the function with its copies.
func (f *funclets) text() []string {
	var out []string
	for _, b := range f.blocks {
		for i, line := range b.lines {
			if i == b.throws {
				out = append(out, b.insertions...)
			}
			out = append(out, line)
			if i == 0 {
				out = append(out, b.newPhis()...)
			}
		}
	}
	return out
}

// newPhis are the lines, behind the block's label, of those phis that copyOf added.
func (b *block) newPhis() []string {
	var out []string
	for _, p := range b.phis {
		if p.line >= 0 {
			continue
		}
		var values []string
		for _, in := range p.incoming {
			values = append(values, "[ "+in.value+", "+in.from+" ]")
		}
		out = append(out, "  "+p.value+" = phi "+p.typ+" "+strings.Join(values, ", "))
	}
	return out
}
