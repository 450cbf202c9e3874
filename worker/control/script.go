package control

import (
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
)

// Script is what the supervisor of a job's script needs to know, beside what an executor is told.
type Script struct {
	Text []byte // begins with "#!"
	Name string // of its file
	Args []string
	Env  []string // "NAME=value", the job's variables among them
	Dir  string   // where it begins
	// Stdin is the path of the file that is its standard input; "": it has none
	Stdin string
	// Mark is in the environment of everything that the script starts, and of nothing else on this machine
	Mark     string
	Slots    uint32        // that its steps share
	MemBytes uint64        // that they have together
	CacheDir string        // of modules; "": that of the user's own
	Engine   string        // what the worker runs programs with: auto, or the one engine's name
	Lax      bool          // compile without Landlock
	Signal   int32         // that warns of the end of the time limit; 0: none
	SignalAt time.Duration // after the start
	// SignalScript has the script's own process get it, not its steps
	SignalScript bool
}

// ScriptGrace is how long a script may take to end after SIGTERM, before it is killed; as Slurm's KillWait.
const ScriptGrace = 30 * time.Second

// MarkVariable is the name of the variable that holds a script's mark.
const MarkVariable = "FAASMRUN_JOB_MARK"

// StepsVariable is the name of the variable that holds the path of the socket at which a job's steps are asked for.
const StepsVariable = "FAASMRUN_STEPS"

// A script's supervisor makes a directory of its own for what the script's processes have to reach by name, with
// PrivatePrefix, and names it in PrivateFile beside the log, for the case that it can't remove it.
const PrivatePrefix, PrivateFile = "faasmrun-job-", "private"

func writeScript(e *encoder, s *Script) {
	e.bool(s != nil)
	if s == nil {
		return
	}
	e.bytes(s.Text)
	e.string(s.Name)
	list(e, s.Args, (*encoder).string)
	list(e, s.Env, (*encoder).string)
	e.string(s.Dir)
	e.string(s.Stdin)
	e.string(s.Mark)
	e.uint(uint64(s.Slots))
	e.uint(s.MemBytes)
	e.string(s.CacheDir)
	e.string(s.Engine)
	e.bool(s.Lax)
	e.int(s.Signal)
	e.uint(uint64(s.SignalAt))
	e.bool(s.SignalScript)
}

func readScript(d *decoder) *Script {
	if !d.bool() {
		return nil
	}
	return &Script{
		Text:         d.bytes(),
		Name:         d.string(),
		Args:         decodeList(d, (*decoder).string),
		Env:          decodeList(d, (*decoder).string),
		Dir:          d.string(),
		Stdin:        d.string(),
		Mark:         d.string(),
		Slots:        d.uint32(),
		MemBytes:     d.uint(),
		CacheDir:     d.string(),
		Engine:       d.string(),
		Lax:          d.bool(),
		Signal:       d.int(),
		SignalAt:     time.Duration(d.uint()),
		SignalScript: d.bool(),
	}
}

func writeScriptEnd(e *encoder, s *result.ScriptEnd) {
	e.bool(s != nil)
	if s != nil {
		e.string(s.Name)
		e.int(s.Status)
		e.int(s.Signal)
		e.string(s.SignalName)
	}
}

func readScriptEnd(d *decoder) *result.ScriptEnd {
	if !d.bool() {
		return nil
	}
	return &result.ScriptEnd{Name: d.string(), Status: d.int(), Signal: d.int(), SignalName: d.string()}
}

// Step is what a supervisor says of a step of its script: that it has begun, or how it has ended. A later agent is told
// again.
type Step struct {
	Number         uint32 // from 0 on
	Name           string
	Ranks, Slots   uint32
	Started, Ended time.Duration // since 1970; Ended 0: it runs
	State          string        // two-letter code
	ExitCode       int32
}

func (*Step) kind() kind { return kindStep }

func (m *Step) encode(e *encoder) {
	e.uint(uint64(m.Number))
	e.string(m.Name)
	e.uint(uint64(m.Ranks))
	e.uint(uint64(m.Slots))
	e.uint(uint64(m.Started))
	e.uint(uint64(m.Ended))
	e.string(m.State)
	e.int(m.ExitCode)
}

func readStep(d *decoder) Message {
	return &Step{Number: d.uint32(), Name: d.string(), Ranks: d.uint32(), Slots: d.uint32(),
		Started: time.Duration(d.uint()), Ended: time.Duration(d.uint()), State: d.string(), ExitCode: d.int()}
}
