// Package session follows a job: one attach client for run, attach, logs and top, with the job's output on its way to
// terminal and files, standard input, signals, and the exit status.
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/scheduler/jobstate"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// options are what a user wants to see of a job.
type Options struct {
	Quiet, Verbose             bool
	DisplayMap, ReportBindings bool
	Bind                       string // as asked for with --bind-to
	JobName                    string
	Output                     OutputOptions
	Stats                      bool   // --mpi-stats
	StatsFile                  string // --mpi-stats=FILE
	OpenMPStats                bool   // --omp-stats
	OpenMPStatsFile            string // --omp-stats=FILE
}

// Session is a launcher's conversation about one job: from its attach stream to the exit status. One goroutine (run)
// owns it; others only feed its channels.
type Session struct {
	Options     Options
	Job         uint64
	Within      string // the job whose step this is; "": it is no step
	Ranks       int
	Programs    []string // by rank, as typed
	Jobs        schedpb.JobsClient
	Display     *display
	Files       *outputFiles // nil: none
	stats       *os.File     // for --mpi-stats=FILE; nil: none
	openMPStats *os.File     // for --omp-stats=FILE; nil: none
	Notes       io.Writer    // the launcher's own words, on stderr
	Maps        io.Writer    // --display map, on stdout
	Stdin       *os.File     // nil: nobody reads it
	Signals     <-chan os.Signal
	Embedded    bool
	attached    bool        // looks at a job that is not this launcher's: signals are for the one who looks
	Live        bool        // stdout is a terminal
	Typed       func() bool // reports whether an interrupt that comes now was typed at a terminal; nil: it was
	// stopSelf stops the launcher's own process once the ranks are stopped, and returns when it goes on.
	StopSelf func()

	Session []byte // this launcher's, under which it comes back after a loss; nil: it doesn't
	channel *channel
	pump    *stdinPump
	sent    uint64 // bytes of standard input
	taken   uint64

	interrupts  int
	interrupted time.Time        // when the last one came
	failure     *writeError      // output that could not be written: the job is being ended for it
	asked       bool             // for rank states, by a signal
	waiting     string           // why the job waits, as the scheduler said last
	standing    string           // its state then
	placedAt    uint64           // the epoch of the placement that was told last
	tellWaiting <-chan time.Time // when to tell the user
	askStarting <-chan time.Time // when to ask what keeps the ranks from starting
	starting    bool             // it has been asked, and they still have not
	end         *schedpb.JobEnd
}

// name is what the job is called: a step by its job's number and its own, from 0 on.
func (s *Session) name() string {
	if s.Within != "" {
		return fmt.Sprintf("step %s.%d", s.Within, s.Job-1)
	}
	return fmt.Sprintf("job %d", s.Job)
}

// showAfter is how long nothing may come before a terminal gets the lines that are unfinished: a row of dots that grows
// is there to be seen. Elsewhere lines wait to be whole.
const showAfter = 150 * time.Millisecond

// waitUntold is how long a job waits before its user is told: most start at once, when another's slots have been freed.
const waitUntold = 300 * time.Millisecond

// startUntold is how long the ranks of a job with slots may take to start before its user is told why: some programs
// are compiled for a minute.
const startUntold = time.Second

// together is how close to each other signals count as one.
const together = 500 * time.Millisecond

// Run follows the job to its end and gives the exit status.
func (s *Session) Run(ctx context.Context) (exit int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.channel = newChannel(s.Jobs, &schedpb.AttachOpen{JobId: s.Job, Output: true, Onlooker: s.attached,
		Session: s.Session})
	go s.channel.run(ctx)
	gone := s.follow()
	if s.pump != nil {
		s.pump.stop()
	}
	go func() { // what is still said is for nobody
		for range s.channel.events {
		}
	}()
	if gone {
		s.channel.leave()
	}
	if gone || s.end != nil {
		select {
		case <-s.channel.done:
		case <-time.After(leavePatience):
		}
		cancel()
	}
	<-s.channel.done
	return s.finish(s.channel.err, gone)
}

// leavePatience is how long a launcher waits until it has said that it goes.
const leavePatience = time.Second

// follow handles events, signals and input, until the job's end, the stream's, or the user's third interrupt. It
// reports whether it was the last: the user waits no longer.
func (s *Session) follow() (gone bool) {
	events := s.channel.events
	for s.end == nil {
		if len(events) == 0 {
			s.flush()
		}
		var idle <-chan time.Time
		if s.Live && s.Display.held > 0 {
			idle = time.After(showAfter)
		}
		var input <-chan []byte
		if s.pump != nil && s.sent-s.taken+stdinChunk <= stdinWindow && s.channel.takesStdin() {
			input = s.pump.chunks
		}
		select {
		case m, ok := <-events:
			if !ok {
				return false
			}
			s.event(m)
		case text := <-s.channel.notes:
			s.note("%s", text)
		case data, more := <-input:
			s.forward(data, more)
		case sig := <-s.Signals:
			if s.signal(sig) {
				return true
			}
		case <-s.tellWaiting:
			s.tellWaiting = nil
			s.note("%s waits: %s", s.name(), s.waiting)
		case <-s.askStarting:
			s.askStarting, s.starting = nil, true
			s.query()
		case <-idle:
			s.Display.showUnfinished()
		}
	}
	return false
}

func (s *Session) event(m *schedpb.AttachResponse) {
	switch m := m.Msg.(type) {
	case *schedpb.AttachResponse_Output:
		s.output(m.Output)
	case *schedpb.AttachResponse_Batch:
		for _, out := range m.Batch.Output {
			s.output(out)
		}
	case *schedpb.AttachResponse_OutputLost:
		s.note("%s", m.OutputLost.Why)
	case *schedpb.AttachResponse_StdinTaken:
		s.taken = max(s.taken, m.StdinTaken.Bytes)
	case *schedpb.AttachResponse_InputTaken:
		s.taken = max(s.taken, m.InputTaken.StdinBytes)
	case *schedpb.AttachResponse_State:
		s.state(m.State)
	case *schedpb.AttachResponse_Placement:
		s.placed(m.Placement)
	case *schedpb.AttachResponse_RankStates:
		switch {
		case s.asked:
			s.answer(m.RankStates)
		case s.starting && len(m.RankStates.Ranks) > 0:
			s.note("%s", m.RankStates.Ranks[0].Where)
		}
		s.asked, s.starting = false, false
	case *schedpb.AttachResponse_End:
		s.end = m.End
	}
}

func (s *Session) output(out *schedpb.Output) {
	if s.failure == nil {
		s.Display.Output(out)
	}
	if out.AwaitsInput {
		s.startStdin()
	}
}

// answer shows where the ranks stand to someone who asked.
func (s *Session) answer(states *schedpb.RankStates) {
	switch {
	case len(states.Ranks) > 0:
		s.note("where the ranks stand:")
		s.showRanks(states)
	case s.waiting != "":
		s.note("%s has not begun: %s", s.name(), s.waiting)
	default:
		s.note("no rank of %s is running", s.name())
	}
}

// state says why a job waits, once a reason. An embedded scheduler's job waits only until its worker has said hello.
func (s *Session) state(c *schedpb.StateChange) {
	if c.State == s.standing && c.Reason == s.waiting && s.standing != "" {
		return // said again on another stream
	}
	s.standing = c.State
	s.askStarting, s.starting = nil, false
	if c.State == jobstate.Configuring && !s.Options.Quiet {
		s.askStarting = time.After(startUntold)
	}
	switch {
	case s.Options.Verbose && c.Reason != "":
		s.note("%s: %s (%s)", s.name(), c.State, c.Reason)
	case s.Options.Verbose:
		s.note("%s: %s", s.name(), c.State)
	case c.State != jobstate.Pending:
		s.tellWaiting = nil
	case c.Reason != "" && c.Reason != s.waiting && !s.Embedded && !s.Options.Quiet:
		s.tellWaiting = time.After(waitUntold)
	}
	s.waiting = c.Reason
}

func (s *Session) placed(p *schedpb.Placement) {
	if p.Epoch > 0 && p.Epoch <= s.placedAt {
		return
	}
	s.placedAt = p.Epoch
	if s.Options.DisplayMap {
		WriteMap(s.Maps, s.Programs, p)
	}
	if s.Options.ReportBindings {
		writeBindings(s.Notes, s.Options.Bind, p)
	}
}

// flush writes what has been printed, and ends the job when that fails: what a rank prints must not be lost unnoticed.
func (s *Session) flush() {
	if s.failure != nil {
		return
	}
	s.Display.Flush()
	failure := s.Display.failure()
	if failure == nil && s.Files != nil {
		failure = s.Files.flush()
	}
	if failure != nil {
		s.failure = failure
		s.channel.say(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Terminate{
			Terminate: &schedpb.Terminate{Kill: true, Reason: failure.Error()}}})
	}
}

// startStdin begins to read standard input, when a rank wants it for the first time.
func (s *Session) startStdin() {
	if s.pump != nil || s.Stdin == nil {
		return
	}
	pump, err := startStdin(s.Stdin)
	if err != nil {
		s.note("standard input cannot be read: %v", err)
		s.Stdin = nil
		s.forward(nil, false)
		return
	}
	s.pump = pump
}

func (s *Session) forward(data []byte, more bool) {
	s.sent += uint64(len(data))
	s.channel.put(&schedpb.Input{Item: &schedpb.Input_Stdin{Stdin: &schedpb.Stdin{Data: data, Eof: !more}}})
	if !more && s.pump != nil {
		s.pump.stop()
		s.pump, s.Stdin = nil, nil
	}
}

// query asks where the ranks stand.
func (s *Session) query() {
	if s.attached {
		s.channel.say(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_QueryRanks{QueryRanks: &schedpb.QueryRanks{}}})
		return
	}
	s.channel.put(&schedpb.Input{Item: &schedpb.Input_QueryRanks{QueryRanks: &schedpb.QueryRanks{}}})
}

// signal acts on a signal that the launcher got, and reports whether the launcher is to go at once.
func (s *Session) signal(sig os.Signal) (gone bool) {
	if s.attached && sig != syscall.SIGQUIT {
		return s.signalWhileAttached(sig)
	}
	switch sig {
	case syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP:
		return s.interrupt(sig.(syscall.Signal))
	case syscall.SIGQUIT:
		s.asked = true
		s.query()
	case syscall.SIGTSTP:
		s.sendSignal(syscall.SIGTSTP)
		s.channel.suspend()
		s.channel.flush(client.StopTimeout)
		s.StopSelf()
		s.sendSignal(syscall.SIGCONT)
	case syscall.SIGCONT, syscall.SIGUSR1, syscall.SIGUSR2:
		s.sendSignal(sig.(syscall.Signal))
	}
	return false
}

func (s *Session) signalWhileAttached(sig os.Signal) (gone bool) {
	switch sig {
	case syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP:
		s.note("left job %d, which goes on", s.Job)
		return true
	case syscall.SIGTSTP:
		s.StopSelf()
	}
	return false
}

func (s *Session) sendSignal(sig syscall.Signal) {
	s.channel.put(&schedpb.Input{Item: &schedpb.Input_Signal{Signal: &schedpb.Signal{Number: int32(sig)}}})
}

// interrupt ends the job: the first one in order, the second at once, and with the third the launcher waits no longer.
// It reports whether it was the third.
//
// A person's repeated Ctrl-C counts each time. Other signals come from programs, and so does SIGINT where this process
// is not in a terminal's foreground. Programs often send them twice at once (timeout does, to the process and to its
// group): those that come together are one.
func (s *Session) interrupt(sig syscall.Signal) (gone bool) {
	now := time.Now()
	typed := sig == syscall.SIGINT && (s.Typed == nil || s.Typed())
	if !typed && now.Sub(s.interrupted) < together {
		return false
	}
	s.interrupted = now
	s.interrupts++
	switch s.interrupts {
	case 1:
		if !s.Options.Quiet {
			if s.Live {
				io.WriteString(s.Notes, "\n") // the terminal has echoed ^C
			}
			s.note("%s: ending the job; once more kills it at once", unix.SignalName(sig))
		}
		s.channel.say(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Terminate{
			Terminate: &schedpb.Terminate{Reason: "interrupted by " + unix.SignalName(sig)}}})
	case 2:
		s.note("%s: killing the job; once more leaves without waiting", unix.SignalName(sig))
		s.channel.say(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Terminate{
			Terminate: &schedpb.Terminate{Kill: true, Reason: "killed by a second " + unix.SignalName(sig)}}})
	default:
		if s.Embedded {
			s.note("leaving %s; its ranks end with this launcher", s.name())
		} else {
			s.note("left %s; its scheduler is still ending it", s.name())
		}
		return true
	}
	return false
}

// finish writes what is left of the output, tells how the job ended, and gives the exit status.
func (s *Session) finish(lost error, gone bool) int {
	if s.failure == nil {
		s.Display.Finish()
		s.failure = s.Display.failure()
	}
	if s.Files != nil {
		if failure := s.Files.close(); s.failure == nil {
			s.failure = failure
		}
	}
	if s.failure != nil {
		if errors.Is(s.failure, unix.EPIPE) {
			return cli.StatusBrokenPipe
		}
		s.note("%v; the job was ended", s.failure)
		return cli.StatusFailed
	}
	switch {
	case gone:
		return cli.StatusInterrupted
	case s.end == nil:
		s.note("the connection to the scheduler was lost, and %s can't be followed any more: %s", s.name(),
			cli.Explain(lost))
		return cli.StatusFailed
	}
	s.showStats()
	s.showOpenMPStats()
	s.showEnd()
	return ExitStatus(s.end)
}

// ExitStatus is the job's status, as a process can give it. A job that did not complete never has 0.
func ExitStatus(end *schedpb.JobEnd) int {
	code := int(end.ExitCode) & 0xff
	if code == 0 && (end.ExitCode != 0 || end.State != jobstate.Completed) {
		return cli.StatusFailed
	}
	return code
}

// showEnd says on stderr what went wrong, if anything did.
func (s *Session) showEnd() {
	end := s.end
	// Where ranks stood is news when they were ended from outside; when one failed, the reason says it all.
	show := end.RankStates != nil &&
		(end.State == jobstate.TimedOut || end.State == jobstate.Cancelled || s.Options.Verbose)
	text := end.Reason
	if text == "" && end.State != jobstate.Completed {
		text = fmt.Sprintf("%s ended in state %s with status %d", s.name(), end.State, end.ExitCode)
	}
	if show {
		text += "; where the ranks stood:"
	}
	if text != "" {
		s.note("%s", text)
	}
	if show {
		s.showRanks(end.RankStates)
	}
}

// note says something of the launcher's own, on lines that begin with its name. What is printed goes out first.
func (s *Session) note(format string, args ...any) {
	s.Display.Flush()
	cli.Say(s.Notes, format, args...)
}

// showRanks prints where ranks stand.
func (s *Session) showRanks(states *schedpb.RankStates) {
	s.Display.Flush()
	for _, line := range cli.AllVisible(states.FirstLines()) {
		fmt.Fprintf(s.Notes, "  %s\n", line)
	}
}

// CancelUnseen ends a job that nobody is going to follow.
func (s *Session) CancelUnseen(ctx context.Context) {
	stream, err := s.Jobs.Attach(ctx)
	if err != nil {
		return
	}
	for _, m := range []*schedpb.AttachRequest{
		{Msg: &schedpb.AttachRequest_Open{Open: &schedpb.AttachOpen{JobId: s.Job}}},
		{Msg: &schedpb.AttachRequest_Terminate{Terminate: &schedpb.Terminate{Kill: true,
			Reason: "its output files cannot be made"}}},
	} {
		if stream.Send(m) != nil {
			break
		}
	}
	for err == nil {
		_, err = stream.Recv()
	}
}
