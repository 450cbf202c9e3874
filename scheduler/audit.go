package scheduler

import (
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// What is logged for an administrator: who asked for what and what came of it, and what becomes of jobs and workers. Of
// a job only numbers, names and codes are logged: its arguments, its environment and what its ranks say of their end
// are its tenant's.

// audit logs a call that changes something.
func (s *Server) audit(who core.Tenant, what string, err error, details ...any) {
	args := append([]any{"what", what, "who", string(who)}, details...)
	if err != nil {
		s.cfg.Logger.Warn("request", append(args, "result", "refused: "+status.Convert(err).Message())...)
		return
	}
	s.cfg.Logger.Info("request", append(args, "result", "done")...)
}

// submission is what is logged of one.
func submission(req *schedpb.SubmitRequest, id core.JobID) []any {
	ranks := uint64(0)
	for _, app := range req.GetSpec().GetApps() {
		ranks += uint64(app.GetRanks())
	}
	ranks += uint64(req.GetSpec().GetScript().GetTasks())
	details := []any{"job", id, "name", req.GetSpec().GetName(), "ranks", ranks}
	if n := len(req.GetSpec().GetArray()); n > 0 {
		details = append(details, "tasks", n)
	}
	return details
}

var actionNames = map[schedpb.Action]string{schedpb.Action_ACTION_CANCEL: "cancel", schedpb.Action_ACTION_HOLD: "hold",
	schedpb.Action_ACTION_RELEASE: "release", schedpb.Action_ACTION_REQUEUE: "requeue"}

// logTransition logs what is on disk by now.
func (r *reactor) logTransition(t core.Transition) {
	switch t := t.(type) {
	case *core.JobPlaced:
		r.log.Info("job placed", "job", t.Ref.Job, "epoch", t.Ref.Epoch, "on", t.Placement[0].Worker, "ranks",
			t.Placement[0].Ranks)
	case *core.JobStarted:
		r.log.Info("job started", "job", t.Ref.Job, "epoch", t.Ref.Epoch)
	case *core.JobEnding:
		r.log.Info("job is told to end", "job", t.Ref.Job, "epoch", t.Ref.Epoch, "as", t.Ending.State, "kill", t.Ending.Kill)
	case *core.JobRequeued:
		r.log.Info("job requeued", "job", t.Ref.Job, "epoch", t.Ref.Epoch)
	case *core.JobFinished:
		r.log.Info("job ended", "job", t.Job, "state", t.End.State, "exit", t.End.ExitCode)
	case *core.WorkerJoined:
		r.log.Info("worker joined", "worker", t.Name, "slots", t.Slots, "mem", t.Mem)
	case *core.WorkerLost:
		if !t.Stopped { // goodbye has said so
			r.log.Warn("worker lost", "worker", t.Name)
		}
	case *core.WorkerForgotten:
		r.log.Info("worker forgotten", "worker", t.Name)
	case *core.WorkerDrained:
		if t.Reason == "" {
			r.log.Info("worker resumed", "worker", t.Name)
			return
		}
		r.log.Info("worker drained", "worker", t.Name, "reason", t.Reason)
	case *core.ReservationOver:
		r.log.Info("reservation over", "reservation", t.Name)
	}
}
