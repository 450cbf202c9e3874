package supervisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/faasmrun/daemon"
	"github.com/faasmrun/faasmrun/faasmrun/home"
	"github.com/faasmrun/faasmrun/scheduler/jobstate"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/child"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/joblog"
)

// steps is what runs the job's steps: a scheduler and a worker with the job's slots, begun when somebody calls for the
// first time. A launcher in the script is to them what any other is to a cluster's.
type steps struct {
	j      *job
	path   string
	socket *net.UnixListener
	done   chan struct{} // closed when nobody is let in any more

	mu     sync.Mutex // guards all below
	closed bool
	link   *client.Link
	live   map[uint64]*schedpb.JobInfo // that run or wait
	told   []*control.Step             // the newest, by number, as the agent was told
	watch  sync.WaitGroup              // of the steps' changes
}

// listenForSteps makes the job's socket.
func listenForSteps(j *job) (*steps, error) {
	s := &steps{j: j, path: filepath.Join(j.private, "steps"), done: make(chan struct{}),
		live: map[uint64]*schedpb.JobInfo{}}
	defer unix.Umask(unix.Umask(0o177))
	var err error
	if s.socket, err = net.ListenUnix("unix", &net.UnixAddr{Name: s.path, Net: "unix"}); err != nil {
		return nil, fmt.Errorf("make the socket for the job's steps: %w", err)
	}
	go s.serve()
	return s, nil
}

// serve waits for the first caller, and starts what answers.
func (s *steps) serve() {
	defer close(s.done)
	first, err := s.socket.AcceptUnix()
	if err != nil {
		return // closed: the script had no steps
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		first.Close()
		return
	}
	if s.link, err = s.open(first); err != nil {
		first.Close()
		s.socket.Close()
		s.j.note(fmt.Sprintf("steps of this job can't be run: %v", err))
	}
}

func (s *steps) open(first net.Conn) (*client.Link, error) {
	x := s.j.start.Script
	cache := x.CacheDir
	if cache == "" {
		cache = s.ownCache()
	}
	link, err := daemon.ServeSteps(daemon.StepsConfig{Job: s.j.start.Job, Restarts: s.j.start.Restarts,
		Node: s.j.start.Node, Slots: x.Slots, MemBytes: x.MemBytes, Dir: s.j.private, Cache: cache, Engine: x.Engine,
		Lax: x.Lax, Idle: min(int(x.Slots)+1, maxIdle), Listener: &callers{UnixListener: s.socket, first: first},
		Member: isMember, Notice: s.j.note})
	if err != nil {
		return nil, err
	}
	s.watch.Go(func() { s.follow(link) })
	return link, nil
}

// maxIdle bounds the executors that wait for another step: each is some 30 MB.
const maxIdle = 16

// ownCache is the cache of this process's user, where the worker's is not theirs to write; the job's own if they have
// none.
func (s *steps) ownCache() string {
	if me, err := user.Current(); err == nil {
		os.Setenv("HOME", me.HomeDir)
		if h, err := home.Find(); err == nil && os.MkdirAll(h.Cache, 0o700) == nil && unix.Access(h.Cache, unix.W_OK) == nil {
			return h.Cache
		}
	}
	return filepath.Join(s.j.private, "cache")
}

// follow keeps what is known of the steps.
func (s *steps) follow(link *client.Link) {
	stream, err := schedpb.NewJobsClient(link.Conn).Watch(context.Background(), &schedpb.WatchRequest{})
	for err == nil {
		var m *schedpb.WatchResponse
		if m, err = stream.Recv(); err == nil {
			s.note(m.Jobs)
		}
	}
}

// note keeps what has changed, and tells the agent of steps that have begun or ended.
func (s *steps) note(changed []*schedpb.JobInfo) {
	var news []*control.Step
	s.mu.Lock()
	for _, info := range changed {
		if info.EndedUnixNs != 0 {
			delete(s.live, info.Id)
		} else {
			s.live[info.Id] = info
		}
		if m := stepOf(info); m != nil && s.tell(m) {
			news = append(news, m)
		}
	}
	s.mu.Unlock()
	for _, m := range news {
		s.j.out.Send(m)
	}
}

// lookPatience is how long the last look at a job's steps may take.
const lookPatience = time.Second

// look finds out what the steps have come to by now: of the last ones the changes may not have arrived.
func (s *steps) look(link *client.Link) {
	ctx, cancel := context.WithTimeout(context.Background(), lookPatience)
	defer cancel()
	page, err := schedpb.NewJobsClient(link.Conn).List(ctx, &schedpb.ListRequest{Any: true, Newest: true, Limit: maxTold})
	if err == nil {
		s.note(page.Jobs)
	}
}

// stepOf is what is told of a step; nil while it waits.
func stepOf(info *schedpb.JobInfo) *control.Step {
	m := &control.Step{Number: uint32(info.Id - 1), Name: info.Name, Ranks: info.Ranks, Slots: info.TakenSlots(),
		Started: time.Duration(info.StartedUnixNs), Ended: time.Duration(info.EndedUnixNs), State: jobstate.Running}
	switch {
	case info.EndedUnixNs != 0:
		m.State, m.ExitCode = info.State, info.ExitCode
		m.Started = cmp.Or(m.Started, m.Ended) // it never began
	case info.StartedUnixNs == 0:
		return nil
	}
	return m
}

// maxTold bounds the steps that a later agent is told of.
const maxTold = 256

// tell remembers what the agent is told, and reports whether it is news. It is called with mu held.
func (s *steps) tell(m *control.Step) bool {
	at := slices.IndexFunc(s.told, func(p *control.Step) bool { return p.Number == m.Number })
	switch {
	case at >= 0 && *s.told[at] == *m:
		return false
	case at >= 0:
		s.told[at] = m
	default:
		if len(s.told) == maxTold {
			s.told = slices.Delete(s.told, 0, 1)
		}
		s.told = append(s.told, m)
	}
	return true
}

// resend tells a later agent what the earlier one was told.
func (s *steps) resend() {
	s.mu.Lock()
	told := slices.Clone(s.told)
	s.mu.Unlock()
	for _, m := range told {
		s.j.out.Send(m)
	}
}

// text says which steps there are.
func (s *steps) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.live) == 0 {
		return ""
	}
	return fmt.Sprintf(", with %d of its steps", len(s.live))
}

// launchers are the processes that run the script's steps: those of this program below the script.
func (s *steps) launchers() (pids []int) {
	for _, p := range processes().below(os.Getpid()) {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid))
		own, err2 := os.Readlink("/proc/self/exe")
		if err == nil && err2 == nil && strings.TrimSuffix(exe, " (deleted)") == strings.TrimSuffix(own, " (deleted)") &&
			p.session != p.pid {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

// close ends the steps. It may be repeated.
func (s *steps) close() {
	s.socket.Close()
	<-s.done // serve opens nothing any more
	s.mu.Lock()
	link := s.link
	s.closed, s.link = true, nil
	s.mu.Unlock()
	if link != nil {
		s.look(link)
		link.Close()
		s.watch.Wait()
	}
}

// callers is the socket, with the caller that has come first.
type callers struct {
	*net.UnixListener
	mu    sync.Mutex // guards first
	first net.Conn
}

// Accept implements net.Listener.
func (c *callers) Accept() (net.Conn, error) {
	c.mu.Lock()
	first := c.first
	c.first = nil
	c.mu.Unlock()
	if first != nil {
		return first, nil
	}
	return c.UnixListener.Accept()
}

// note says something for a person in the job's log.
func (j *job) note(text string) {
	if _, err := j.log.Write(0, joblog.Note, []byte(text+"\n"), j.over); err != nil && !errors.Is(err, joblog.ErrEnded) {
		j.lost(err)
	}
}

var _ child.Job = (*job)(nil)
