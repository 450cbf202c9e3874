package executor

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/faasmrun/faasmrun/internal/openmp"
	"github.com/faasmrun/faasmrun/mpi"
	ompprofile "github.com/faasmrun/faasmrun/omp/profile"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/worker/child"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/joblog"
	"github.com/faasmrun/faasmrun/worker/rank"
)

// exitTimeout is how long ranks may take to notice that they are to end. Those that don't end with the process.
const exitTimeout = 200 * time.Millisecond

// sigtermGrace is how long ranks that have a handler for SIGTERM may run on when the job is ended. The agent waits
// twice as long.
const sigtermGrace = time.Second

// job is a job's ranks on this node.
type job struct {
	start *control.Start
	out   *child.Reporter
	log   *joblog.Writer
	files *child.Outfiles
	world *mpi.World
	stdin stdin
	input uint64 // the last numbered item that has come; used by handleMessage alone
	lease *child.Lease
	apps  []*app
	ranks []*rank.Rank
	locks rank.Locks // of files, the ranks'

	done       chan struct{}        // closed when the ranks are being ended
	exits      chan rank.Exit       // as they end
	inits      chan struct{}        // a rank has called MPI_Init; holds one
	orders     chan control.Message // Terminate and Signal
	fence      chan struct{}        // closed when the lease is over
	over       chan struct{}        // closed when run has returned: orders come too late
	background sync.WaitGroup       // goroutines that end with over

	// The job's progress; used by run alone.
	ends       []rank.Exit
	running    int
	closing    bool // the ranks are being ended
	terminated bool
	excess     bool             // since more input came than the ranks take
	graceOver  <-chan time.Time // fires when ranks that got SIGTERM have had their time
	fenced     bool
	states     []control.RankState // of the ranks, at that time
	anyInit    bool
	deadlock   error

	findings   atomic.Int64          // of Start.Check
	lostOutput atomic.Pointer[error] // the first failure to write output
}

// app is a program of the job, loaded.
type app struct {
	control.App
	module    engine.Module
	firstRank int
	mounts    mounts
}

// newJob loads the programs and gives every rank its memory. After an error the process is not fit for another job.
func newJob(start *control.Start, out *child.Reporter, loaded *programs) (*job, error) {
	n := int(start.Ranks)
	if start.FirstRank != 0 || start.Ranks != start.WorldSize || n == 0 {
		return nil, fmt.Errorf("ranks from %d on, %d of a world of %d: this version runs a world in one process",
			start.FirstRank, start.Ranks, start.WorldSize)
	}
	j := &job{start: start, out: out, done: make(chan struct{}),
		exits: make(chan rank.Exit, n),
		inits: make(chan struct{}, 1), orders: make(chan control.Message, 16), fence: make(chan struct{}),
		over: make(chan struct{}), lease: child.NewLease(start.LeaseUntil), ranks: make([]*rank.Rank, n)}
	j.stdin.taken = out.StdinTaken
	err := loaded.open(start) // before the log, without which a job has never begun
	if err != nil {
		return nil, err
	}
	if j.log, err = joblog.Create(start.LogPath, start.LogWindow, out.LogGrew); err != nil {
		return nil, err
	}
	if j.files, err = child.OpenOutfiles(start); err != nil {
		return nil, err
	}
	if err := j.load(loaded); err != nil {
		return nil, err
	}
	tuneRuntime(n, j.threadsPerRank())
	config := mpi.WorldConfig{Size: n, Node: start.Node, Cores: usableCores(), Stats: start.MPIStats}
	if start.Check {
		config.Check = j.reportFinding
	}
	if config.ResumeEvery, err = mpi.ParseResumeEvery(os.Getenv(control.ResumeVariable)); err != nil {
		return nil, fmt.Errorf("%s: %w", control.ResumeVariable, err)
	}
	if config.ByMessages, err = control.CollectivesByMessages(); err != nil {
		return nil, err
	}
	j.world = mpi.NewWorld(config)
	return j, j.populate()
}

// load loads the programs.
func (j *job) load(loaded *programs) error {
	tmp := filepath.Join(filepath.Dir(j.start.LogPath), control.TemporaryDir)
	if err := os.Mkdir(tmp, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the job's directory for temporary files: %w", err)
	}
	first := 0
	for _, a := range j.start.Apps {
		m, err := loaded.load(a)
		if err != nil {
			return err
		}
		mounts, err := openMounts(a, rank.NamesFiles(m), tmp)
		if err != nil {
			return fmt.Errorf("%s: %w", a.Program, err)
		}
		a.Env = mounts.withTemporary(a.Env)
		j.apps = append(j.apps, &app{App: a, module: m, firstRank: first, mounts: mounts})
		first += int(a.Ranks)
	}
	if first != len(j.ranks) {
		return fmt.Errorf("the programs have %d ranks together, the job has %d", first, len(j.ranks))
	}
	return nil
}

// populate makes the ranks, as many at a time as there are real processors.
func (j *job) populate() error {
	var next atomic.Int32
	errs := make([]error, len(j.ranks))
	var makers sync.WaitGroup
	for range min(runtime.NumCPU(), len(j.ranks)) {
		makers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(j.ranks); i = int(next.Add(1)) - 1 {
				j.ranks[i], errs[i] = j.newRank(i)
			}
		})
	}
	makers.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("rank %d of %s: %w", i, j.appOf(i).Program, err)
		}
	}
	return nil
}

func (j *job) appOf(rank int) *app {
	for _, a := range j.apps {
		if rank < a.firstRank+int(a.Ranks) {
			return a
		}
	}
	return j.apps[len(j.apps)-1]
}

func (j *job) newRank(i int) (*rank.Rank, error) {
	a := j.appOf(i)
	c := rank.Config{Rank: i, Module: a.module, World: j.world, MaxBytes: j.start.MemPerRank,
		Processors: usableCores() / len(j.ranks), Cores: usableCores() / len(j.ranks)}
	if a.CPUs > 0 {
		c.Processors = int(min(a.CPUs, openmp.MostThreads))
	}
	c.Initialized = j.initialized
	c.Killed = func(signal int) { j.enqueue(&killed{rank: i, signal: signal}) }
	c.OpenMPStats = j.start.OpenMPStats
	c.WASI.Args = append([]string{a.Program}, a.Args...)
	c.WASI.Env = environment(j.start, a.Env, i)
	c.WASI.Mounts = a.mounts
	c.WASI.Locks = &j.locks
	c.WASI.Stdout = &output{j, uint32(i), joblog.Stdout}
	c.WASI.Stderr = &output{j, uint32(i), joblog.Stderr}
	c.WASI.TTY = true // so that a libc hands lines over as they are printed, wherever they go in the end
	if readsStdin(j.start, uint32(i)) {
		c.WASI.Stdin = j.stdin.reader(func() { j.log.AwaitsInput(uint32(i), j.done) })
	}
	return rank.New(c)
}

// output is one of a rank's output streams.
type output struct {
	j      *job
	rank   uint32
	stream joblog.Stream
}

// TryWrite implements wasi.Output.
func (o *output) TryWrite(p []byte) (n int, room <-chan struct{}, err error) {
	n, room, err = o.j.log.TryWrite(o.rank, o.stream, p)
	if fault := o.j.files.Write(o.rank, o.stream, p[:n]); fault != nil && err == nil {
		err = fault
	}
	if err != nil {
		o.j.lostOutput.CompareAndSwap(nil, &err)
	}
	return n, room, err
}

// reportFinding logs what a rank does wrong. The rank's own goroutine may call it, or another's.
func (j *job) reportFinding(rank int, text string) {
	j.findings.Add(1)
	j.note(rank, text)
}

// noteAbsent logs for each program what it has that will fail.
func (j *job) noteAbsent() {
	for _, a := range j.apps {
		if names := a.module.Absent(); len(names) > 0 {
			j.note(a.firstRank, fmt.Sprintf("%s has functions that this version of faasmrun has not, and that fail when they "+
				"are called: %s", result.OneLine(a.Program), strings.Join(names, ", ")))
		}
	}
}

// noteOpenMP logs for each program that uses OpenMP which variables for it make no sense.
func (j *job) noteOpenMP() {
	told := map[string]bool{}
	for _, a := range j.apps {
		if !rank.UsesOpenMP(a.module.Program()) {
			continue
		}
		for _, warning := range rank.OpenMPWarnings(a.Env) {
			if !told[warning] {
				told[warning] = true
				j.note(a.firstRank, warning)
			}
		}
	}
}

// noteMissed logs which file of the machine's a program has asked for and does not see. It may be why the job failed,
// and why one that did not did nothing; only a system's own files programs look for and do without.
func (j *job) noteMissed() {
	failed := slices.ContainsFunc(j.ends, func(x rank.Exit) bool { return x.Failed() })
	for i, r := range j.ranks {
		name := r.Missed()
		if name == "" || !failed && ofSystem.MatchString(name) {
			continue
		}
		if dir := existing(name); dir != "" {
			j.note(i, fmt.Sprintf("%s is not in a directory that the program sees; --dir %s shows it that one",
				result.OneLine(name), result.OneLine(dir)))
			return
		}
	}
}

var ofSystem = regexp.MustCompile(`^/(bin|boot|dev|etc|lib|lib64|proc|run|sbin|sys|usr|var)(/|$)`)

// existing returns the directory of a name that the machine has, or whose directory it has, "" if it has neither or
// does not answer: a server of files may be away.
func existing(name string) string {
	found := make(chan string, 1)
	go func() {
		dir := filepath.Dir(name)
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			dir = name
		} else if _, err := os.Stat(dir); err != nil || (dir == "/" || dir == temporary) && !exists(name) {
			dir = ""
		}
		found <- dir
	}()
	select {
	case dir := <-found:
		return dir
	case <-time.After(exitTimeout):
		return ""
	}
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// note logs a line about a rank for a person.
func (j *job) note(rank int, text string) {
	if _, err := j.log.Write(uint32(rank), joblog.Note, []byte(text+"\n"), j.done); err != nil &&
		!errors.Is(err, joblog.ErrEnded) {
		j.lostOutput.CompareAndSwap(nil, &err)
	}
}

// initialized is called by a rank that comes out of MPI_Init.
func (j *job) initialized() {
	select {
	case j.inits <- struct{}{}:
	default:
	}
}

// HandleMessage handles one message of the agent. It is called on a goroutine of its own.
func (j *job) HandleMessage(m control.Message) {
	switch m := m.(type) {
	case *control.Stdin:
		if !j.stdin.put(m.Data, m.EOF) {
			j.enqueue(&excessInput{})
		}
	case *control.Input:
		j.takeInput(m)
	case *control.Delivered:
		if m.Offset == math.MaxUint64 {
			j.log.Unbind()
		} else {
			j.log.Delivered(m.Offset)
		}
	case *control.Lease:
		j.lease.Renew(m.Until)
	case *control.QueryRanks:
		j.out.Send(&control.RankStates{Ranks: j.rankStates()})
	case *control.Terminate, *control.Signal:
		j.enqueue(m)
	}
}

// Resume implements child.Job.
func (j *job) Resume() *control.InputTaken { return j.out.Input() }

// ResendAll implements child.Job.
func (j *job) ResendAll() { j.out.ResendAll() }

// takeInput takes the next numbered item. Any other one has come before, or an item before it was lost on its way and
// both come again.
func (j *job) takeInput(m *control.Input) {
	if m.Seq != j.input+1 {
		return
	}
	j.input = m.Seq
	if (len(m.Data) > 0 || m.EOF) && !j.stdin.put(m.Data, m.EOF) {
		j.enqueue(&excessInput{})
	}
	if m.Signal != 0 {
		j.enqueue(&control.Signal{Number: m.Signal})
	}
	j.out.InputReceived(m.Seq)
}

// enqueue passes an order to run, which may have returned.
func (j *job) enqueue(m control.Message) {
	select {
	case j.orders <- m:
	case <-j.over:
	}
}

func (j *job) rankStates() []control.RankState {
	states := make([]control.RankState, len(j.ranks))
	for i, r := range j.ranks {
		states[i] = control.RankState{Rank: uint32(i), Where: r.Where()}
	}
	return states
}

// run starts the ranks and waits for their end.
func (j *job) run() *control.Ended {
	defer j.background.Wait()
	defer close(j.over)
	if j.start.LeaseUntil != 0 {
		j.background.Go(func() { j.lease.Watch(j.fence, j.over) })
	}
	j.noteAbsent()
	j.noteOpenMP()
	j.running = len(j.ranks)
	for _, r := range j.ranks {
		go func() { j.exits <- r.Run() }()
	}
	var enough <-chan time.Time
	fence := j.fence
	for j.running > 0 {
		select {
		case e := <-j.exits:
			j.ended(e)
		case <-j.inits:
			j.anyInit = true
			j.checkInits()
		case m := <-j.orders:
			j.handleOrder(m)
		case <-fence:
			fence = nil
			j.fenced = !j.closing
			j.endRanks(errors.New("the worker has lost its right to run the job"))
		case <-j.graceOver:
			j.graceOver = nil
			j.endRanks(errTerminated)
		case <-enough:
			j.countRunningAsKilled()
		}
		if j.closing && enough == nil {
			enough = time.After(exitTimeout)
		}
	}
	return j.endedMessage()
}

// ended handles a rank's end.
func (j *job) ended(x rank.Exit) {
	j.running--
	switch {
	case !x.Failed() && x.Initialized && !x.Finalized:
		x.Cause = result.NotFinalized
	case errors.As(x.EndedWith, new(*mpi.DeadlockError)) && j.deadlock == nil && !j.closing:
		j.deadlock = x.EndedWith
	}
	j.ends = append(j.ends, x)
	if x.Initialized {
		j.anyInit = true
	}
	if x.Failed() && j.graceOver == nil { // else each has its time, however the others end
		j.endRanks(fmt.Errorf("rank %d ended with status %d", x.Rank, x.Status()))
	}
	j.checkInits()
	if !j.closing {
		j.ranks[x.Rank].Retire()
	}
}

// checkInits ends the job when some ranks have called MPI_Init and others have ended without: by MPI's rules all call
// it or none, and those that did would wait for ever.
func (j *job) checkInits() {
	if !j.anyInit || j.closing {
		return
	}
	for i := range j.ends {
		if x := &j.ends[i]; !x.Failed() && !x.Initialized {
			x.Cause = result.NotInitialized
			j.endRanks(fmt.Errorf("rank %d never called MPI_Init", x.Rank))
			return
		}
	}
}

func (j *job) handleOrder(m control.Message) {
	switch m := m.(type) {
	case *control.Terminate:
		j.terminate(false)
	case *excessInput:
		j.terminate(true)
	case *control.Signal:
		if m.Number > 0 && m.Number <= maxSignal {
			j.signal(int(m.Number))
		}
	case *killed:
		j.kill(m.signal, m.rank)
	}
}

// terminate ends the ranks, those that handle SIGTERM a little later. excess: more standard input came than they take.
func (j *job) terminate(excess bool) {
	if j.closing || j.terminated {
		return
	}
	j.terminated, j.excess = true, excess
	if j.warn() {
		j.graceOver = time.After(sigtermGrace)
	} else {
		j.endRanks(errTerminated)
	}
}

// errTerminated is the cause that ranks are ended with when the job was ended.
var errTerminated = errors.New("the job was ended")

// maxSignal is Linux's.
const maxSignal = 64

// warn sends SIGTERM to the ranks that have a handler for it, and reports whether there are any: they get time to end
// by themselves.
func (j *job) warn() (any bool) {
	for _, r := range j.ranks {
		if !r.Ended() && r.Catches(int(syscall.SIGTERM)) {
			any = true
			r.Signal(int(syscall.SIGTERM))
		}
	}
	if any {
		j.states = j.rankStates()
	}
	return any
}

// signal sends the ranks a signal, and ends those for which that is its default action.
func (j *job) signal(number int) {
	var fatal []int
	for i, r := range j.ranks {
		if !r.Ended() && r.Signal(number) {
			fatal = append(fatal, i)
		}
	}
	j.kill(number, fatal...)
}

// kill ends ranks by a signal, and with them the others. They may be computing, so their end is noted here, and not
// when they notice it.
func (j *job) kill(number int, ranks ...int) {
	if len(ranks) == 0 || j.closing {
		return
	}
	for _, i := range ranks {
		if !j.ranks[i].Ended() {
			j.ends = append(j.ends, rank.Exit{RankEnd: result.RankEnd{Rank: uint32(i), Cause: result.Signalled,
				Number: int32(number), Text: syscall.Signal(number).String()}})
		}
	}
	j.endRanks(fmt.Errorf("signal %d", number))
}

// killed is an order that a rank gives itself: an alarm for which its program has no handler.
type killed struct {
	control.Message
	rank, signal int
}

// excessInput is an order that the job gives itself: more standard input has come than was agreed on.
type excessInput struct{ control.Message }

// endRanks ends the ranks that still run, once.
func (j *job) endRanks(cause error) {
	if j.closing {
		return
	}
	j.closing = true
	if j.states == nil {
		j.states = j.rankStates()
	}
	close(j.done)
	j.world.End(cause)
	for _, r := range j.ranks {
		r.Stop(cause)
	}
}

// countRunningAsKilled counts the ranks that still run as ended: the end of the process ends them.
func (j *job) countRunningAsKilled() {
	seen := make([]bool, len(j.ranks))
	for _, e := range j.ends {
		seen[e.Rank] = true
	}
	for i := range j.ranks {
		if !seen[i] {
			j.ends = append(j.ends, rank.Exit{RankEnd: result.RankEnd{Rank: uint32(i), Cause: result.Killed}})
		}
	}
	j.running = 0
}

// endedMessage is the executor's last message: how the ranks ended.
func (j *job) endedMessage() *control.Ended {
	j.noteMissed()
	j.writeProfile()
	j.writeOpenMPProfile()
	if err := j.files.Flush(); err != nil {
		j.lostOutput.CompareAndSwap(nil, &err)
	}
	m := &control.Ended{Ranks: j.rankEnds(), Findings: uint64(j.findings.Load()), ExcessInput: j.excess,
		LogEnd: j.log.End(), Terminated: j.terminated, Fenced: j.fenced, States: j.states, MPIBytes: j.world.Sent()}
	if j.deadlock != nil {
		m.Deadlock = j.deadlock.Error()
	}
	if lost := j.lostOutput.Load(); lost != nil {
		m.LostOutput = (*lost).Error()
	}
	for _, r := range j.ranks {
		m.MaxMemory = max(m.MaxMemory, r.Resident())
	}
	return m
}

// rankEnds is how those ranks ended that did not exit with 0, in the order in which they ended.
func (j *job) rankEnds() (ends []result.RankEnd) {
	for _, x := range j.ends {
		if !x.Failed() {
			continue
		}
		if !x.Consequence() {
			x.Program = j.appOf(int(x.Rank)).Program
		}
		ends = append(ends, x.RankEnd)
	}
	return ends
}

// close frees what the ranks had. Each has ended.
func (j *job) close() error {
	for _, r := range j.ranks {
		r.Close()
	}
	j.world.Close()
	errs := []error{j.log.Close(), j.files.Close()}
	for _, a := range j.apps {
		errs = append(errs, a.mounts.close())
	}
	return errors.Join(errs...)
}

// writeProfile logs MPI's figures after everything the ranks have printed. Ranks that still compute don't count any
// more.
func (j *job) writeProfile() {
	p := j.world.Profile()
	if p == nil {
		return
	}
	for i := range p.Ranks {
		p.Ranks[i].Program = j.appOf(p.Ranks[i].Rank).Program
	}
	j.logFigures(joblog.Profile, p.Encode())
}

// writeOpenMPProfile logs OpenMP's figures likewise.
func (j *job) writeOpenMPProfile() {
	if !j.start.OpenMPStats {
		return
	}
	p := &ompprofile.Job{Version: ompprofile.Version}
	for i, r := range j.ranks {
		if of := r.OpenMPProfile(); of != nil {
			of.Program = j.appOf(i).Program
			p.Ranks = append(p.Ranks, *of)
		}
	}
	j.logFigures(joblog.OpenMPProfile, p.Encode())
}

func (j *job) logFigures(stream joblog.Stream, figures []byte) {
	late := make(chan struct{})
	if j.closing { // whoever reads may be gone, and the agent waits for terminationGrace only
		defer time.AfterFunc(exitTimeout, func() { close(late) }).Stop()
	}
	if _, err := j.log.Write(j.start.FirstRank, stream, figures, late); err != nil && !errors.Is(err, joblog.ErrEnded) {
		j.lostOutput.CompareAndSwap(nil, &err)
	}
}
