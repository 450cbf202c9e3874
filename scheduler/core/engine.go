package core

import (
	"fmt"
	"strings"

	"github.com/faasmrun/faasmrun/internal/bytesize"
)

// DataModels is a set of data models: the sizes of long and of pointers in programs. Never renumber.
type DataModels uint64

const (
	ILP32 DataModels = 1 << iota // 32 bits
	LP64                         // 64 bits, as on 64-bit Linux
)

// DataModelNames are the names of the data models, by bit.
var DataModelNames = []string{"ILP32", "LP64"}

// Names lists the models of a set.
func (m DataModels) Names() []string {
	var names []string
	for i, name := range DataModelNames {
		if m&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func (m DataModels) String() string { return strings.Join(m.Names(), " and ") }

// Engine is what a worker runs WebAssembly with.
type Engine struct {
	Name       string
	Models     DataModels // of programs that it runs
	MaxRankMem uint64     // bytes of linear memory that a rank can have; whole
	Missing    string     // why the worker has it not, for a person; "": it has
}

// UnannouncedEngine is that of workers that announce none: those of 0.1.0.
var UnannouncedEngine = Engine{Name: "wazero", Models: ILP32, MaxRankMem: 4 << 30}

func (e *Engine) fields(c *codec) {
	c.string(&e.Name)
	c.uint64((*uint64)(&e.Models))
	c.uint64(&e.MaxRankMem)
	if c.version >= 8 {
		c.string(&e.Missing)
	}
}

// engineFields walks a worker's engines; before version 7 nobody announced any.
func engineFields(c *codec, engines *[]Engine) {
	switch {
	case c.version >= 7:
		list(c, engines, func(e *Engine) { e.fields(c) })
	case c.reading:
		*engines = []Engine{UnannouncedEngine}
	}
}

// Needs is what the programs of a job need of an engine.
type Needs struct {
	Models   DataModels // all of them; 0: any engine will do
	LeastMem uint64     // bytes: the largest memory that one of them begins with
	Engine   string     // its name; "": the worker's choice
}

func (n *Needs) fields(c *codec) {
	if c.version >= 7 {
		c.uint64((*uint64)(&n.Models))
		c.uint64(&n.LeastMem)
	}
	if c.version >= 8 {
		c.string(&n.Engine)
	}
}

// rankMem is the linear memory that an engine must be able to give each rank.
func (r *Request) rankMem() uint64 { return max(r.MemPerRank, r.Needs.LeastMem) }

// runs reports whether one of the worker's engines is what a job needs and gives each rank so much memory.
func (w *Worker) runs(n *Needs, rankMem uint64) bool {
	for i := range w.Engines {
		if e := &w.Engines[i]; e.suits(n) && rankMem <= e.MaxRankMem {
			return true
		}
	}
	return false
}

// suits reports whether the engine is there, is the one asked for, and runs programs of all data models.
func (e *Engine) suits(n *Needs) bool {
	return e.Missing == "" && n.Models&^e.Models == 0 && e.meant(n)
}

// ScriptEngine is the name of what runs scripts, which is an engine to a worker's jobs like any other, but no program's
// unless it is asked for.
const ScriptEngine = "script"

// scriptKillAfter is how long a script may take to end politely: its worker kills it after half a minute.
const scriptKillAfter = 35 * Second

// killAfter is how long a job may take to end politely.
func (s *State) killAfter(j *Job) Duration {
	if j.Needs.Engine == ScriptEngine {
		return max(s.Policy.KillAfter, scriptKillAfter)
	}
	return s.Policy.KillAfter
}

// meant reports whether the engine is the one asked for, or one of those that may be chosen from.
func (e *Engine) meant(n *Needs) bool {
	return n.Engine == e.Name || n.Engine == "" && e.Name != ScriptEngine
}

// unrunnable says what the request needs of an engine that none of the workers has that it may run on; "" if one has
// it, or there is no such worker.
func (s *State) unrunnable(r *Request) string {
	found, suited := false, false
	var most uint64
	missing := ""
	for _, w := range s.workers {
		if !w.chosen(r) {
			continue
		}
		if w.runs(&r.Needs, r.rankMem()) {
			return ""
		}
		found = true
		for i := range w.Engines {
			e := &w.Engines[i]
			if e.suits(&r.Needs) {
				suited, most = true, max(most, e.MaxRankMem)
			} else if e.Missing != "" && e.meant(&r.Needs) && missing == "" {
				missing = fmt.Sprintf(" (%s is without the engine %s: %s)", w.Name, e.Name, e.Missing)
				if e.Name == ScriptEngine {
					missing = fmt.Sprintf(" (%s runs none: %s)", w.Name, e.Missing)
				}
			}
		}
	}
	of := "no worker"
	if len(r.Hosts) > 0 || len(r.Constraint) > 0 {
		of = "no worker of its choice"
	}
	switch {
	case !found:
		return ""
	case !suited && r.Needs.Engine == ScriptEngine:
		return fmt.Sprintf("has a script, and %s runs scripts%s", of, missing)
	case !suited && r.Needs.Engine != "":
		return fmt.Sprintf("asks for the engine %s%s, which %s has%s", r.Needs.Engine, forModels(r.Needs.Models), of, missing)
	case !suited:
		return fmt.Sprintf("needs an engine for programs with the data model %s, which %s has%s%s", r.Needs.Models, of,
			olderRelease(r.Needs.Models), missing)
	case r.Needs.LeastMem > most:
		return fmt.Sprintf("its program begins with %s of memory per rank; %s has an engine that gives a rank more "+
			"than %s%s: link it with less static data, or spread the data over more ranks",
			bytesize.String(r.Needs.LeastMem), of, bytesize.String(most), missing)
	}
	return fmt.Sprintf("needs %s of memory per rank; %s has an engine that gives a rank more than %s%s: "+
		"ask for at most that (--mem-per-rank), and spread the data over more ranks", bytesize.String(r.MemPerRank), of,
		bytesize.String(most), missing)
}

// forModels says for which programs an engine is looked for.
func forModels(models DataModels) string {
	if models == 0 {
		return ""
	}
	return " for programs with the data model " + models.String()
}

// olderRelease says which workers are without a model.
func olderRelease(models DataModels) string {
	if models&LP64 != 0 {
		return " (those of release 0.1.0 run only programs of " + ILP32.String() + ")"
	}
	return ""
}
