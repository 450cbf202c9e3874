package control

import (
	"math"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/jobstate"
)

type kind uint8

// The numbers are on the wire and in exit records: they are never reused.
const (
	kindStart      kind = 1
	kindStdin      kind = 2
	kindSignal     kind = 3
	kindTerminate  kind = 4
	kindQueryRanks kind = 5
	kindDelivered  kind = 6
	kindResume     kind = 7
	kindLease      kind = 8
	kindLend       kind = 9
	kindInput      kind = 10
	kindStarted    kind = 16
	kindLogGrew    kind = 17
	kindStdinTaken kind = 18
	kindRankStates kind = 19
	kindMade       kind = 20 // an end with its result, of release 0.1.0
	kindInputTaken kind = 21
	kindEnded      kind = 22
	kindStep       kind = 23
	kindPrepared   kind = 32
)

var readers = map[kind]func(*decoder) Message{
	kindStart:      readStart,
	kindStdin:      func(d *decoder) Message { return &Stdin{Data: d.bytes(), EOF: d.bool()} },
	kindSignal:     func(d *decoder) Message { return &Signal{Number: d.int()} },
	kindTerminate:  func(d *decoder) Message { return &Terminate{} },
	kindQueryRanks: func(d *decoder) Message { return &QueryRanks{} },
	kindDelivered:  func(d *decoder) Message { return &Delivered{Offset: d.uint()} },
	kindResume:     func(d *decoder) Message { return &Resume{} },
	kindLease:      func(d *decoder) Message { return &Lease{Until: Instant(d.uint())} },
	kindLend:       func(d *decoder) Message { return &Lend{Descriptor: d.uint32()} },
	kindInput: func(d *decoder) Message {
		return &Input{Seq: d.uint(), Data: d.bytes(), EOF: d.bool(), Signal: d.int()}
	},
	kindStarted:    func(d *decoder) Message { return &Started{} },
	kindLogGrew:    func(d *decoder) Message { return &LogGrew{End: d.uint()} },
	kindStdinTaken: func(d *decoder) Message { return &StdinTaken{Bytes: d.uint()} },
	kindRankStates: func(d *decoder) Message { return &RankStates{Ranks: decodeList(d, readRankState)} },
	kindInputTaken: func(d *decoder) Message { return &InputTaken{Received: d.uint(), Stdin: d.uint()} },
	kindMade:       readMade,
	kindEnded:      readEnded,
	kindStep:       readStep,
	kindPrepared:   readPrepared,
}

// From the agent.

// Lend comes with an open directory, which the executor is to have as that descriptor: the next Start names files
// in it.
type Lend struct{ Descriptor uint32 }

// Start is the agent's first message of a job: everything the executor needs to know.
type Start struct {
	Job, Epoch  uint64
	Restarts    uint32 // how often the job was put back into the queue
	Node        string
	FirstRank   uint32
	Ranks       uint32 // on this node
	WorldSize   uint32
	Interactive bool   // the executor ends with its agent
	MemPerRank  uint64 // ceiling of a rank's linear memory in bytes; 0: the module's own maximum
	Stdin       StdinTo
	StdinRanks  []uint32 // for StdinList
	LogPath     string   // the output log, made by the executor
	LogWindow   uint64   // how many undelivered bytes the log may hold; 0: any number
	ExitPath    string   // where the exit record goes
	AgentUID    uint32   // the user that a later agent runs as
	Stdout      []string // files for the ranks' output beside the log: none, one for all ranks here, or one for each
	Stderr      []string
	Append      bool // to those files; otherwise they are emptied
	SharedOut   bool // other tasks of an array write to the same files: they are appended to, by whole lines
	SharedErr   bool
	LeaseUntil  Instant // when the ranks must have ended, unless a Lease comes; 0: never
	CacheDir    string  // the engine's native code
	Apps        []App   // all of the job, in the order of their ranks
	Native      bool    // the engine that runs them is the native one
	Check       bool    // find what the programs do wrong in MPI, and say it in the log; the Apps are checked ones
	OpenMPStats bool    // the same for OpenMP
	MPIStats    bool    // count and time what the ranks do in MPI, and leave the figures in the log
	// IdleTimeout is how long the process may wait for another job of the same tenant when this one has ended well; 0: it
	// ends too.
	IdleTimeout time.Duration
	Script      *Script // in place of Apps; nil: there is none
}

// TemporaryDir is the name, beside the log, of the directory that the job's programs see as /tmp. The executor makes it
// and the worker removes it, when nothing of the job runs any more.
const TemporaryDir = "tmp"

// StdinTo says who reads the job's standard input; the others find its end at once.
type StdinTo uint8

const (
	StdinRankZero StdinTo = iota
	StdinAll
	StdinNone
	StdinList
)

// App is one program of a job.
type App struct {
	Module  string // path of the module, ready to be loaded
	Program string // argv[0], and its name in messages
	Args    []string
	Env     []string // "NAME=value"
	Dir     string   // host path of the guest's "/"
	Mounts  []Mount
	Ranks   uint32
	CPUs    uint32 // that each rank was asked for; 0: it was not said
	// Object is the path of its machine code, for the native engine, and Digest the SHA-256 that it must have, in
	// hexadecimal; else "".
	Object string
	Digest string
}

// Mount is one more directory that an app sees.
type Mount struct {
	HostDir, GuestDir string
	ReadOnly          bool
}

// Stdin is a piece of the job's standard input; EOF comes after Data.
type Stdin struct {
	Data []byte
	EOF  bool
}

// Input is one numbered item from the job's launcher: a piece of standard input, a signal for the ranks, or neither,
// where the agent itself has done what was to do. One that is not the next is ignored: it has come before, or it comes
// again.
type Input struct {
	Seq    uint64
	Data   []byte // standard input
	EOF    bool   // behind Data
	Signal int32  // 0: none
}

// Signal is for the ranks: USR1 or USR2. (TSTP and CONT stop and continue the process instead.)
type Signal struct{ Number int32 }

// Terminate asks for the end of the job: the executor notes each rank's state, ends them and answers with Ended.
type Terminate struct{}

// QueryRanks asks for RankStates.
type QueryRanks struct{}

// Delivered acknowledges that the log up to Offset has reached its reader, where the log is bounded.
type Delivered struct{ Offset uint64 }

// Resume is the first message of a later agent. The executor repeats what it has sent to the earlier one.
type Resume struct{}

// Lease moves the instant at which the ranks must have ended: from then on the scheduler may start them elsewhere.
type Lease struct{ Until Instant }

// From the executor.

// Started says that every rank has been given its memory and is about to run.
type Started struct{}

// LogGrew says that the log now reaches to End.
type LogGrew struct{ End uint64 }

// StdinTaken counts the bytes of standard input that every reading rank has taken.
type StdinTaken struct{ Bytes uint64 }

// InputTaken says which Input has come last, and counts the bytes of standard input that every reading rank has taken.
// A later agent receives it even if there was none.
type InputTaken struct{ Received, Stdin uint64 }

// RankStates says where each rank stands.
type RankStates struct{ Ranks []RankState }

type RankState struct {
	Rank  uint32
	Where string
}

// Ended is the executor's last message about a job, and its exit record: how the ranks ended. What that makes of the
// job is decided elsewhere (scheduler/core/result).
type Ended struct {
	Ranks      []result.RankEnd // in the order in which they ended; those that exited with 0 may be left out
	Deadlock   string           // the diagnosis that ended them; empty: none
	Findings   uint64           // mistakes that Start.Check found
	LostOutput string           // why some of the output is lost; empty: none is
	NotBegun   string           // why the ranks never began; empty: they did
	// Unprepared says, with NotBegun, that what was prepared of a program is of no use.
	Unprepared bool
	// ExcessInput says that the ranks were ended since more standard input came than they take.
	ExcessInput bool
	// Made is the result that an executor of release 0.1.0 made itself; nil: it reports. One made so is written so.
	Made   *result.Result
	LogEnd uint64
	// Terminated says that the job ended because of a Terminate, and not by itself.
	Terminated bool
	Script     *result.ScriptEnd // of a job with a script: how that ended by itself; nil: it did not
	// Fenced says that the lease ran out: nobody renewed it in time.
	Fenced    bool
	States    []RankState // where the ranks stood when they were ended, if they were
	MaxMemory uint64      // the largest linear memory of any rank, in bytes that it really occupied
	CPUNs     uint64      // of the process since the end of its last job, user and system
	MaxRSS    uint64      // of the process in this job, in bytes
	MPIBytes  uint64      // what the ranks have sent each other
	// Idle says that the process has given back all that it had for the job, and waits for another Start. A record never
	// says it.
	Idle bool
}

// From the compile child, in a file beside the module.

// Prepared says that a module can run, and what its user needs to know beforehand.
type Prepared struct {
	Key       string // of the program that prepared it
	Module    string // name of the file to run, in the same directory
	MinMemory uint64 // linear memory that it begins with, in bytes
	MaxMemory uint64
}

func (*Start) kind() kind      { return kindStart }
func (*Stdin) kind() kind      { return kindStdin }
func (*Signal) kind() kind     { return kindSignal }
func (*Terminate) kind() kind  { return kindTerminate }
func (*QueryRanks) kind() kind { return kindQueryRanks }
func (*Delivered) kind() kind  { return kindDelivered }
func (*Resume) kind() kind     { return kindResume }
func (*Lease) kind() kind      { return kindLease }
func (*Lend) kind() kind       { return kindLend }
func (*Input) kind() kind      { return kindInput }
func (*InputTaken) kind() kind { return kindInputTaken }
func (*Started) kind() kind    { return kindStarted }
func (*LogGrew) kind() kind    { return kindLogGrew }
func (*StdinTaken) kind() kind { return kindStdinTaken }
func (*RankStates) kind() kind { return kindRankStates }
func (m *Ended) kind() kind {
	if m.Made != nil {
		return kindMade
	}
	return kindEnded
}
func (*Prepared) kind() kind { return kindPrepared }

func (m *Stdin) encode(e *encoder)      { e.bytes(m.Data); e.bool(m.EOF) }
func (m *Signal) encode(e *encoder)     { e.int(m.Number) }
func (m *Terminate) encode(*encoder)    {}
func (m *QueryRanks) encode(*encoder)   {}
func (m *Delivered) encode(e *encoder)  { e.uint(m.Offset) }
func (m *Resume) encode(*encoder)       {}
func (m *Lease) encode(e *encoder)      { e.uint(uint64(m.Until)) }
func (m *Lend) encode(e *encoder)       { e.uint(uint64(m.Descriptor)) }
func (m *InputTaken) encode(e *encoder) { e.uint(m.Received); e.uint(m.Stdin) }
func (m *Started) encode(*encoder)      {}
func (m *LogGrew) encode(e *encoder)    { e.uint(m.End) }
func (m *StdinTaken) encode(e *encoder) { e.uint(m.Bytes) }
func (m *RankStates) encode(e *encoder) { list(e, m.Ranks, writeRankState) }

func (m *Input) encode(e *encoder) {
	e.uint(m.Seq)
	e.bytes(m.Data)
	e.bool(m.EOF)
	e.int(m.Signal)
}

func (m *Start) encode(e *encoder) {
	e.uint(m.Job)
	e.uint(m.Epoch)
	e.uint(uint64(m.Restarts))
	e.string(m.Node)
	e.uint(uint64(m.FirstRank))
	e.uint(uint64(m.Ranks))
	e.uint(uint64(m.WorldSize))
	e.bool(m.Interactive)
	e.uint(m.MemPerRank)
	e.uint(uint64(m.Stdin))
	list(e, m.StdinRanks, func(e *encoder, r uint32) { e.uint(uint64(r)) })
	e.string(m.LogPath)
	e.uint(m.LogWindow)
	e.string(m.ExitPath)
	e.uint(uint64(m.AgentUID))
	list(e, m.Stdout, (*encoder).string)
	list(e, m.Stderr, (*encoder).string)
	e.bool(m.Append)
	e.uint(uint64(m.LeaseUntil))
	e.string(m.CacheDir)
	list(e, m.Apps, writeApp)
	e.bool(m.Check)
	e.bool(m.MPIStats)
	e.uint(uint64(m.IdleTimeout))
	e.bool(m.SharedOut)
	e.bool(m.SharedErr)
	e.bool(m.Native)
	e.bool(m.OpenMPStats)
	writeScript(e, m.Script)
}

func readStart(d *decoder) Message {
	return &Start{
		Job:         d.uint(),
		Epoch:       d.uint(),
		Restarts:    d.uint32(),
		Node:        d.string(),
		FirstRank:   d.uint32(),
		Ranks:       d.uint32(),
		WorldSize:   d.uint32(),
		Interactive: d.bool(),
		MemPerRank:  d.uint(),
		Stdin:       StdinTo(d.uint()),
		StdinRanks:  decodeList(d, (*decoder).uint32),
		LogPath:     d.string(),
		LogWindow:   d.uint(),
		ExitPath:    d.string(),
		AgentUID:    d.uint32(),
		Stdout:      decodeList(d, (*decoder).string),
		Stderr:      decodeList(d, (*decoder).string),
		Append:      d.bool(),
		LeaseUntil:  Instant(d.uint()),
		CacheDir:    d.string(),
		Apps:        decodeList(d, readApp),
		Check:       d.bool(),
		MPIStats:    d.bool(),
		IdleTimeout: time.Duration(d.uint()),
		SharedOut:   d.bool(),
		SharedErr:   d.bool(),
		Native:      d.bool(),
		OpenMPStats: d.bool(),
		Script:      readScript(d),
	}
}

func writeApp(e *encoder, a App) {
	e.string(a.Module)
	e.string(a.Program)
	list(e, a.Args, (*encoder).string)
	list(e, a.Env, (*encoder).string)
	e.string(a.Dir)
	list(e, a.Mounts, func(e *encoder, m Mount) { e.string(m.HostDir); e.string(m.GuestDir); e.bool(m.ReadOnly) })
	e.uint(uint64(a.Ranks))
	e.string(a.Object)
	e.string(a.Digest)
	e.uint(uint64(a.CPUs))
}

func readApp(d *decoder) App {
	return App{
		Module:  d.string(),
		Program: d.string(),
		Args:    decodeList(d, (*decoder).string),
		Env:     decodeList(d, (*decoder).string),
		Dir:     d.string(),
		Mounts: decodeList(d, func(d *decoder) Mount {
			return Mount{HostDir: d.string(), GuestDir: d.string(), ReadOnly: d.bool()}
		}),
		Ranks:  d.uint32(),
		Object: d.string(),
		Digest: d.string(),
		CPUs:   d.uint32(),
	}
}

func writeRankState(e *encoder, s RankState) { e.uint(uint64(s.Rank)); e.string(s.Where) }
func readRankState(d *decoder) RankState     { return RankState{Rank: d.uint32(), Where: d.string()} }

func (m *Ended) encode(e *encoder) {
	if m.Made != nil {
		m.encodeMade(e)
		return
	}
	list(e, m.Ranks, func(e *encoder, r result.RankEnd) {
		e.uint(uint64(r.Rank))
		e.uint(uint64(r.Cause))
		e.int(r.Number)
		e.string(r.Text)
		e.string(r.Program)
	})
	e.string(m.Deadlock)
	e.uint(m.Findings)
	e.string(m.LostOutput)
	e.string(m.NotBegun)
	e.bool(m.Unprepared)
	e.bool(m.ExcessInput)
	e.uint(m.LogEnd)
	e.bool(m.Terminated)
	e.bool(m.Fenced)
	list(e, m.States, writeRankState)
	e.uint(m.MaxMemory)
	e.uint(m.CPUNs)
	e.uint(m.MaxRSS)
	e.uint(m.MPIBytes)
	e.bool(m.Idle)
	writeScriptEnd(e, m.Script)
}

func readEnded(d *decoder) Message {
	return &Ended{
		Ranks: decodeList(d, func(d *decoder) result.RankEnd {
			return result.RankEnd{Rank: d.uint32(), Cause: result.Cause(min(d.uint(), math.MaxUint8)), Number: d.int(),
				Text: d.string(), Program: d.string()}
		}),
		Deadlock:    d.string(),
		Findings:    d.uint(),
		LostOutput:  d.string(),
		NotBegun:    d.string(),
		Unprepared:  d.bool(),
		ExcessInput: d.bool(),
		LogEnd:      d.uint(),
		Terminated:  d.bool(),
		Fenced:      d.bool(),
		States:      decodeList(d, readRankState),
		MaxMemory:   d.uint(),
		CPUNs:       d.uint(),
		MaxRSS:      d.uint(),
		MPIBytes:    d.uint(),
		Idle:        d.bool(),
		Script:      readScriptEnd(d),
	}
}

// encodeMade writes an end as release 0.1.0 did.
func (m *Ended) encodeMade(e *encoder) {
	e.int(m.Made.ExitCode)
	e.string(m.Made.Reason)
	e.uint(m.LogEnd)
	e.bool(m.Terminated)
	e.bool(m.Fenced)
	list(e, m.States, writeRankState)
	list(e, m.Ranks, func(e *encoder, r result.RankEnd) {
		e.uint(uint64(r.Rank))
		e.int(r.Number)
		e.string(r.Text)
		e.bool(r.Consequence())
	})
	e.uint(m.MaxMemory)
	e.uint(m.CPUNs)
	e.uint(m.MaxRSS)
	e.uint(m.MPIBytes)
	e.bool(m.Idle)
}

func readMade(d *decoder) Message {
	m := &Ended{Made: &result.Result{State: jobstate.Completed, ExitCode: d.int(), Reason: d.string()}}
	if m.Made.ExitCode != 0 {
		m.Made.State = jobstate.Failed
	}
	m.LogEnd = d.uint()
	m.Terminated = d.bool()
	m.Fenced = d.bool()
	m.States = decodeList(d, readRankState)
	m.Ranks = decodeList(d, readMadeRank)
	m.MaxMemory = d.uint()
	m.CPUNs = d.uint()
	m.MaxRSS = d.uint()
	m.MPIBytes = d.uint()
	m.Idle = d.bool()
	return m
}

// readMadeRank reads a rank's end as release 0.1.0 wrote it: its status, a message, and whether it was a consequence.
func readMadeRank(d *decoder) result.RankEnd {
	r := result.RankEnd{Rank: d.uint32(), Cause: result.Exited, Number: d.int(), Text: d.string()}
	if consequence := d.bool(); consequence {
		if r.Cause = result.Ended; r.Number == killedStatus {
			r.Cause = result.Killed
		}
	}
	return r
}

// killedStatus is what release 0.1.0 said of ranks that were ended while they computed.
const killedStatus = jobstate.ExitSignalled + 9

func (m *Prepared) encode(e *encoder) {
	e.string(m.Key)
	e.string(m.Module)
	e.uint(m.MinMemory)
	e.uint(m.MaxMemory)
}

func readPrepared(d *decoder) Message {
	return &Prepared{Key: d.string(), Module: d.string(), MinMemory: d.uint(), MaxMemory: d.uint()}
}
