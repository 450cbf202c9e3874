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
	if j == nil || !j.State.Holds() || len(j.Place) == 0 {
		return nil
	}
	return r.workers[j.Place[0].Worker]
}

// orderStart tells the job's worker to start it, and asks for its output where someone wants it.
func (r *reactor) orderStart(j *core.Job) {
	w := r.workerOf(j)
	if w == nil || j.State != core.Configuring {
		return
	}
	spec := new(schedpb.JobSpec)
	if err := proto.Unmarshal(j.Spec, spec); err != nil {
		panic("scheduler: a job's own spec can't be read back: " + err.Error())
	}
	span := j.Place[0]
	w.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_Start{Start: &schedpb.StartJob{
		Job: wireRef(j.Ref()), Spec: spec, FirstRank: uint32(span.First), Ranks: span.Ranks, WorldSize: j.Ranks,
		ArrayId: uint64(j.Array.Job), ArrayIndex: j.Array.Index, Tenant: string(j.Tenant), Restarts: j.Restarts, Name: j.Name}}})
	watch := r.watches[j.ID]
	if watch == nil {
		return
	}
	watch.flushStdin(w, j)
	for _, a := range watch.attached {
		r.openStream(a, j, w)
	}
}

func (r *reactor) orderTerminate(j *core.Job) {
	if w := r.workerOf(j); w != nil && j.State == core.Completing {
		w.order(terminate(j.Ref(), j.Ending))
	}
}

func terminate(ref core.JobRef, e core.Ending) *schedpb.SchedulerMessage {
	return &schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_Terminate{Terminate: &schedpb.TerminateJob{
		Job: wireRef(ref), Kill: e.Kill, State: e.State.String(), Reason: e.Reason}}}
}
