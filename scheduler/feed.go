package scheduler

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// follower is one Watch stream. The reactor marks what has changed; the handler asks for it when it can send, so that a
// slow reader holds up nobody and finds each job once, as it is then.
type follower struct {
	viewer   core.Tenant
	ids      map[core.JobID]bool // these jobs only; nil: all
	everyone bool

	wake chan struct{}

	// The reactor's own.
	jobs  []core.JobID
	seen  map[core.JobID]bool // in jobs
	nodes map[core.WorkerName]bool
	left  int // of ids: those that have not ended
}

// watchPage bounds one message of a Watch stream.
const watchPage = 500

// Watch implements schedpb.JobsServer.
func (s *Server) Watch(req *schedpb.WatchRequest, stream grpc.ServerStreamingServer[schedpb.WatchResponse]) error {
	if len(req.Ids) > maxIDs {
		return status.Errorf(codes.InvalidArgument, "%d jobs are named; at most %d", len(req.Ids), maxIDs)
	}
	return s.untilHalt(func() error { return s.feed(req, stream) })
}

func (s *Server) feed(req *schedpb.WatchRequest, stream grpc.ServerStreamingServer[schedpb.WatchResponse]) error {
	tenant, err := s.tenant(stream.Context())
	if err != nil {
		return err
	}
	f := &follower{viewer: tenant, everyone: req.Everyone, wake: make(chan struct{}, 1), seen: map[core.JobID]bool{},
		nodes: map[core.WorkerName]bool{}}
	var refused error
	if err := s.do(func(r *reactor) { refused = r.follow(f, req.Ids) }); err != nil || refused != nil {
		return firstError(err, refused)
	}
	defer s.post(func(r *reactor) { delete(r.followers, f) })
	for complete := false; ; {
		var m *schedpb.WatchResponse
		var more, over bool
		if err := s.do(func(r *reactor) { m, more, over = r.nextPage(f) }); err != nil {
			return err
		}
		m.Complete = !complete && !more
		complete = complete || m.Complete
		if len(m.Jobs)+len(m.Nodes)+len(m.ForgottenJobs)+len(m.ForgottenNodes) > 0 || m.Complete {
			if err := stream.Send(m); err != nil {
				return err
			}
		}
		if over {
			return nil
		}
		if more {
			continue
		}
		select {
		case <-f.wake:
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		case <-s.halt:
			return s.unavailable()
		}
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// follow starts a stream with all that it may see marked as changed.
func (r *reactor) follow(f *follower, ids []uint64) error {
	if len(ids) == 0 {
		for id := r.state.Oldest(); id <= r.state.LastJob(); id++ {
			r.mark(f, id)
		}
		for _, w := range r.state.Workers() {
			f.nodes[w.Name] = true
		}
		r.followers[f] = true
		return nil
	}
	for _, id := range ids {
		if _, err := r.find(id&^schedpb.JobAlone, f.viewer); err != nil {
			return err
		}
	}
	f.ids = map[core.JobID]bool{}
	for _, id := range r.expand(ids) {
		f.ids[id] = true
		r.mark(f, id)
	}
	f.left = len(f.ids)
	r.followers[f] = true
	return nil
}

func (r *reactor) mark(f *follower, id core.JobID) {
	if j := r.state.Job(id); j != nil && !f.everyone && j.Tenant != f.viewer || f.ids != nil && !f.ids[id] || f.seen[id] {
		return
	}
	f.seen[id] = true
	f.jobs = append(f.jobs, id)
}

// nextPage takes a page of what is marked as changed.
func (r *reactor) nextPage(f *follower) (m *schedpb.WatchResponse, more, over bool) {
	m = &schedpb.WatchResponse{}
	n := min(len(f.jobs), watchPage)
	for _, id := range f.jobs[:n] {
		delete(f.seen, id)
		j := r.state.Job(id)
		if j == nil {
			m.ForgottenJobs = append(m.ForgottenJobs, uint64(id))
		} else {
			m.Jobs = append(m.Jobs, r.jobInfo(j, f.viewer))
		}
		if f.ids[id] && (j == nil || j.State.Terminal()) {
			delete(f.ids, id)
			f.left--
		}
	}
	f.jobs = f.jobs[n:]
	if f.ids == nil {
		for name := range f.nodes {
			if w := r.state.Worker(name); w != nil {
				m.Nodes = append(m.Nodes, nodeInfo(w))
			} else {
				m.ForgottenNodes = append(m.ForgottenNodes, string(name))
			}
		}
	}
	clear(f.nodes)
	return m, len(f.jobs) > 0, f.ids != nil && f.left == 0
}

// markFollowers marks what a transition changed, for all followers.
func (r *reactor) markFollowers(t core.Transition) {
	if len(r.followers) == 0 {
		return
	}
	jobs, nodes := touched(t)
	for f := range r.followers {
		for _, id := range jobs {
			r.mark(f, id)
			if j := r.state.Job(id); j != nil && len(j.Placement) > 0 {
				f.nodes[j.Placement[0].Worker] = true
			}
		}
		for _, name := range nodes {
			f.nodes[name] = true
		}
		wake(f.wake)
	}
}

// touched says which job or worker a transition is about.
func touched(t core.Transition) (jobs []core.JobID, nodes []core.WorkerName) {
	switch t := t.(type) {
	case *core.JobAccepted:
		jobs = append(jobs, t.Job)
	case *core.JobDetached:
		jobs = append(jobs, t.Job)
	case *core.JobPlaced:
		jobs = append(jobs, t.Ref.Job)
	case *core.JobStarted:
		jobs = append(jobs, t.Ref.Job)
	case *core.JobEnding:
		jobs = append(jobs, t.Ref.Job)
	case *core.JobRequeued:
		jobs = append(jobs, t.Ref.Job)
	case *core.JobOrphaned:
		jobs = append(jobs, t.Ref.Job)
	case *core.JobReady:
		jobs = append(jobs, t.Job)
	case *core.JobHeld:
		jobs = append(jobs, t.Job)
	case *core.JobReleased:
		jobs = append(jobs, t.Job)
	case *core.JobClaimed:
		jobs = append(jobs, t.Job)
	case *core.JobPromised:
		jobs = append(jobs, t.Job)
	case *core.JobFinished:
		jobs = append(jobs, t.Job)
	case *core.JobForgotten:
		jobs = append(jobs, t.Job)
	case *core.WorkerJoined:
		nodes = append(nodes, t.Name)
	case *core.WorkerLost:
		nodes = append(nodes, t.Name)
	case *core.WorkerDrained:
		nodes = append(nodes, t.Name)
	case *core.WorkerUnfit:
		nodes = append(nodes, t.Name)
	case *core.WorkerForgotten:
		nodes = append(nodes, t.Name)
	}
	return jobs, nodes
}
