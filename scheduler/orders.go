package scheduler

import (
	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Orders to workers. Each follows from the state alone, so that it can be given again when a worker comes back.

func wireRef(ref core.JobRef) *schedpb.JobRef {
	return &schedpb.JobRef{JobId: uint64(ref.Job), Epoch: uint64(ref.Epoch)}
}

func coreRef(ref *schedpb.JobRef) core.JobRef {
	return core.JobRef{Job: core.JobID(ref.GetJobId()), Epoch: core.Epoch(ref.GetEpoch())}
}

// workerOf is the connection of the worker that holds the job now, nil when there is none.
func (r *reactor) workerOf(j *core.Job) *workerConn {
	if j == nil || !j.State.Holds() || len(j.Placement) == 0 {
		return nil
	}
	return r.workers[j.Placement[0].Worker]
}

// sendOrders passes core's orders on to those workers that are connected; the others get them when they come back.
func (r *reactor) sendOrders(orders []core.Order) {
	for _, o := range orders {
		w := r.workers[o.Worker]
		switch {
		case w == nil:
		case o.End == nil:
			if j := r.state.Job(o.Ref.Job); j != nil && j.Ref() == o.Ref {
				r.orderStart(w, j)
			}
		default:
			w.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_Terminate{Terminate: &schedpb.TerminateJob{
				Job: wireRef(o.Ref), Kill: o.End.Kill, State: o.End.State.String(), Reason: o.End.Reason}}})
		}
	}
}

// spec is a job's description. The tasks of an array have one in common, however many orders to start them wait to be
// sent.
func (r *reactor) spec(j *core.Job) *schedpb.JobSpec {
	if r.lastSpec != nil && len(j.Spec) == len(r.lastBytes) && len(j.Spec) > 0 && &j.Spec[0] == &r.lastBytes[0] {
		return r.lastSpec
	}
	spec := new(schedpb.JobSpec)
	if err := proto.Unmarshal(j.Spec, spec); err != nil {
		panic("scheduler: a job's own spec can't be read back: " + err.Error())
	}
	r.lastSpec, r.lastBytes = spec, j.Spec
	return spec
}

// orderStart tells a worker to start a job, and asks for its output where someone wants it.
func (r *reactor) orderStart(w *workerConn, j *core.Job) {
	spec := r.spec(j)
	span := j.Placement[0]
	limit := r.state.Policy.Quota(j.Tenant).Output
	if j.Interactive {
		limit = 0 // its launcher takes the output away as it comes
	}
	w.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_Start{Start: &schedpb.StartJob{
		Job: wireRef(j.Ref()), Spec: spec, FirstRank: uint32(span.First), Ranks: span.Ranks, WorldSize: j.Ranks,
		ArrayId: uint64(j.Array.Job), ArrayIndex: j.Array.Index, Tenant: string(j.Tenant), Restarts: j.Restarts, Name: j.Name,
		OutputLimitBytes: limit, Slots: j.TakenSlots(), Units: unitInfo(j.Units)}}})
	watch := r.watches[j.ID]
	if watch == nil {
		return
	}
	watch.flushStdin(w, j)
	for _, a := range watch.attached {
		r.openStream(a, j, w)
	}
}
