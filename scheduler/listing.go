package scheduler

import (
	"context"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Bounds of a listing.
const (
	pageDefault = 1000
	pageMax     = 10_000
	maxIDs      = 10_000 // named in one request
	maxPage     = 3 << 20
)

// jobInfo is a job as the tenant may see it.
func (r *reactor) jobInfo(j *core.Job, viewer core.Tenant) *schedpb.JobInfo {
	info := &schedpb.JobInfo{Id: uint64(j.ID), Tenant: string(j.Tenant), State: j.State.String(), Ranks: j.Ranks,
		MemPerRankBytes: j.MemPerRank, TimeLimitMs: int64(j.TimeLimit / core.Millisecond), Qos: j.QOS,
		ArrayId: uint64(j.Array.Job), ArrayIndex: j.Array.Index, SubmittedUnixNs: int64(j.Submitted),
		PlacedUnixNs:  int64(j.Placed),
		StartedUnixNs: int64(j.Started), EndedUnixNs: int64(j.Ended), ExitCode: j.End.ExitCode, Epoch: uint64(j.Epoch),
		Restarts: j.Restarts, CpuNs: uint64(j.End.CPU), MaxRssBytes: j.End.MaxRSS, Interactive: j.Interactive, Held: j.Held,
		Reservation: j.Reservation, DataModels: j.Needs.Models.Names(), LeastRankMemBytes: j.Needs.LeastMem,
		Engine: j.Needs.Engine, Slots: j.TakenSlots(), Units: unitInfo(j.Units)}
	own := j.Tenant == viewer || r.s.admin(viewer)
	if own {
		info.Name = j.Name
		info.Reason = j.End.Reason
	}
	info.MpiBytes = mpiBytes(j)
	switch {
	case j.State == core.Pending:
		info.Reason = r.state.Waiting(j)
		info.PromisedNode, info.PromisedUnixNs = string(j.Promised.Worker), int64(j.Promised.At)
	case j.State == core.Completing && own:
		info.Reason = j.Ending.Reason // in words of its tenant's
	case j.State == core.Requeued:
		info.Reason = j.Orphaned
	}
	if j.State != core.Pending && j.State != core.Requeued {
		info.Nodes = nodeRanks(j)
	}
	return info
}

// mpiBytes is in the worker's account of a job's end.
func mpiBytes(j *core.Job) uint64 {
	if len(j.End.Detail) == 0 {
		return 0
	}
	end := &schedpb.JobEnd{}
	if proto.Unmarshal(j.End.Detail, end) != nil {
		return 0
	}
	return end.MpiBytes
}

func nodeRanks(j *core.Job) []*schedpb.NodeRanks {
	var nodes []*schedpb.NodeRanks
	for _, span := range j.Placement {
		nodes = append(nodes, &schedpb.NodeRanks{Node: string(span.Worker), FirstRank: uint32(span.First), Ranks: span.Ranks})
	}
	return nodes
}

func nodeInfo(w *core.Worker) *schedpb.NodeInfo {
	info := &schedpb.NodeInfo{Name: string(w.Name), Stopped: w.Stopped, Slots: w.Slots, UsedSlots: w.UsedSlots,
		MemBytes: w.Mem, UsedMemBytes: w.UsedMem,
		Connected: w.Connected, SinceUnixNs: int64(w.Since), Draining: w.Draining, Unfit: w.Unfit, Exclusive: w.Exclusive,
		Engines: engineInfo(w.Engines), Resources: resourceInfo(w.Resources), Held: unitInfo(w.HeldUnits())}
	for _, l := range w.Labels {
		info.Labels = append(info.Labels, &schedpb.EnvVar{Name: l.Name, Value: l.Value})
	}
	for _, id := range w.Jobs {
		info.Jobs = append(info.Jobs, uint64(id))
	}
	return info
}

// ask has the reactor read its state for a caller. What is read is on disk when ask returns.
func (s *Server) ask(ctx context.Context, f func(r *reactor, viewer core.Tenant) error) error {
	leave := s.tasks.Start()
	if leave == nil {
		return s.unavailable()
	}
	defer leave()
	tenant, err := s.tenant(ctx)
	if err != nil {
		return err
	}
	var refused error
	if err := s.do(func(r *reactor) { refused = f(r, tenant) }); err != nil {
		return err
	}
	return refused
}

// List implements schedpb.JobsServer.
func (s *Server) List(ctx context.Context, req *schedpb.ListRequest) (*schedpb.ListResponse, error) {
	wanted, err := newSelection(req)
	if err != nil {
		return nil, err
	}
	resp := &schedpb.ListResponse{}
	err = s.ask(ctx, func(r *reactor, viewer core.Tenant) error {
		size := 0
		r.each(req, func(j *core.Job) bool {
			if !wanted.has(j, viewer) {
				return true
			}
			info := r.jobInfo(j, viewer)
			if size += proto.Size(info) + len(j.Spec); !req.Spec {
				size -= len(j.Spec)
			}
			if len(resp.Jobs) == wanted.limit || size > maxPage && len(resp.Jobs) > 0 {
				resp.More = true
				return false
			}
			resp.Jobs = append(resp.Jobs, info)
			if req.Spec {
				resp.Specs = append(resp.Specs, specFor(j, viewer))
			}
			return true
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if req.Newest {
		slices.Reverse(resp.Jobs)
		slices.Reverse(resp.Specs)
	}
	return resp, nil
}

// each walks the jobs that a request names, or all, by id.
func (r *reactor) each(req *schedpb.ListRequest, f func(*core.Job) bool) {
	visit := func(id core.JobID) bool {
		j := r.state.Job(id)
		return j == nil || uint64(id) <= req.AboveId || f(j)
	}
	if len(req.Ids) > 0 {
		for _, id := range r.expand(req.Ids) {
			if !visit(id) {
				return
			}
		}
		return
	}
	oldest := max(r.state.Oldest(), core.JobID(req.AboveId)+1)
	if req.Newest {
		for id := r.state.LastJob(); id >= oldest && visit(id); id-- {
		}
		return
	}
	for id := oldest; id <= r.state.LastJob() && visit(id); id++ {
	}
}

// expand sorts ids and adds the tasks of arrays that are named by their first, unless that is meant alone.
func (r *reactor) expand(ids []uint64) []core.JobID {
	var all []core.JobID
	for _, id := range ids {
		alone := id&schedpb.JobAlone != 0
		id &^= schedpb.JobAlone
		all = append(all, core.JobID(id))
		first := r.state.Job(core.JobID(id))
		if alone || first == nil || first.Array.Job != first.ID {
			continue
		}
		for next := first.ID + 1; ; next++ {
			if j := r.state.Job(next); j != nil && j.Array.Job == first.ID {
				all = append(all, next)
			} else if j != nil || next > r.state.LastJob() {
				break
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// selection is what a ListRequest asks for.
type selection struct {
	states   map[core.JobState]bool
	ended    bool
	any      bool
	everyone bool
	limit    int
}

func newSelection(req *schedpb.ListRequest) (*selection, error) {
	sel := &selection{ended: req.Ended, any: req.Any || len(req.Ids) > 0 || len(req.States) > 0, everyone: req.Everyone,
		limit: int(min(req.Limit, pageMax))}
	if sel.limit == 0 {
		sel.limit = pageDefault
	}
	if len(req.Ids) > maxIDs {
		return nil, status.Errorf(codes.InvalidArgument, "%d jobs are named; at most %d", len(req.Ids), maxIDs)
	}
	for _, code := range req.States {
		state, ok := core.ParseState(code)
		if !ok {
			return nil, status.Errorf(codes.InvalidArgument, "there is no job state %.20q", code)
		}
		if sel.states == nil {
			sel.states = map[core.JobState]bool{}
		}
		sel.states[state] = true
	}
	return sel, nil
}

func (sel *selection) has(j *core.Job, viewer core.Tenant) bool {
	return (sel.everyone || j.Tenant == viewer) && (sel.any || j.State.Terminal() == sel.ended) &&
		(sel.states == nil || sel.states[j.State])
}

func specFor(j *core.Job, viewer core.Tenant) *schedpb.JobSpec {
	spec := &schedpb.JobSpec{}
	if j.Tenant != viewer {
		return spec
	}
	if err := proto.Unmarshal(j.Spec, spec); err != nil {
		panic("scheduler: a job's own spec can't be read back: " + err.Error())
	}
	return spec
}

// Explain implements schedpb.JobsServer.
func (s *Server) Explain(ctx context.Context, req *schedpb.ExplainRequest) (*schedpb.ExplainResponse, error) {
	resp := &schedpb.ExplainResponse{}
	err := s.ask(ctx, func(r *reactor, viewer core.Tenant) error {
		j, err := r.find(req.JobId, viewer)
		if err != nil {
			return err
		}
		x := r.state.Explain(j, r.now())
		resp.Job, resp.Why, resp.Priority, resp.Ahead = r.jobInfo(j, viewer), x.Why, x.Priority, uint32(x.Ahead)
		resp.StartUnixNs, resp.StartNode, resp.StartWhyUnknown = int64(x.Start), string(x.Worker), x.Unknown
		for _, p := range x.Parts {
			resp.Parts = append(resp.Parts, &schedpb.PriorityPart{Name: p.Name, Points: p.Points, Because: p.Because})
		}
		return nil
	})
	return resp, err
}

// Steps implements schedpb.JobsServer.
func (s *Server) Steps(ctx context.Context, req *schedpb.StepsRequest) (*schedpb.StepsResponse, error) {
	resp := &schedpb.StepsResponse{}
	err := s.ask(ctx, func(r *reactor, viewer core.Tenant) error {
		j, err := r.find(req.JobId, viewer)
		if err != nil {
			return err
		}
		resp.Job = r.jobInfo(j, viewer)
		for _, p := range j.Steps {
			info := &schedpb.StepInfo{Number: p.Number, Name: p.Name, Ranks: p.Ranks, Slots: p.Slots,
				StartedUnixNs: int64(p.Started), EndedUnixNs: int64(p.Ended), State: p.State.String(), ExitCode: p.ExitCode}
			if p.Ended == 0 && j.State.Terminal() { // nobody has told its end: it ended with the job
				info.EndedUnixNs, info.State, info.ExitCode = int64(j.Ended), j.End.State.String(), j.End.ExitCode
			}
			resp.Steps = append(resp.Steps, info)
		}
		return nil
	})
	return resp, err
}

// find is a job of the tenant's, or any for an administrator. Another's job is no job.
func (r *reactor) find(id uint64, viewer core.Tenant) (*core.Job, error) {
	j := r.state.Job(core.JobID(id))
	if j == nil || j.Tenant != viewer && !r.s.admin(viewer) {
		return nil, status.Errorf(codes.NotFound, "there is no job %d", id)
	}
	return j, nil
}

// Change implements schedpb.JobsServer.
func (s *Server) Change(ctx context.Context, req *schedpb.ChangeRequest) (*schedpb.ChangeResponse, error) {
	if len(req.Ids) > maxIDs {
		return nil, status.Errorf(codes.InvalidArgument, "%d jobs are named; at most %d", len(req.Ids), maxIDs)
	}
	if len(req.Reason) > maxReason {
		return nil, status.Errorf(codes.InvalidArgument, "the reason has %d bytes; at most %d", len(req.Reason), maxReason)
	}
	resp := &schedpb.ChangeResponse{}
	err := s.ask(ctx, func(r *reactor, viewer core.Tenant) error {
		for _, id := range r.expand(req.Ids) {
			changed := &schedpb.Changed{Id: uint64(id)}
			err := r.change(id, viewer, req)
			if err != nil {
				changed.Error = status.Convert(err).Message()
			}
			s.audit(viewer, actionNames[req.Action], err, "job", id, "kill", req.Kill)
			resp.Jobs = append(resp.Jobs, changed)
		}
		return nil
	})
	return resp, err
}

func (r *reactor) change(id core.JobID, viewer core.Tenant, req *schedpb.ChangeRequest) error {
	j, err := r.find(uint64(id), viewer)
	if err != nil {
		return err
	}
	var event core.Event
	switch req.Action {
	case schedpb.Action_ACTION_CANCEL:
		if j.State.Terminal() {
			return status.Errorf(codes.FailedPrecondition, "job %d has ended: %s", id, j.State.Row().Name)
		}
		reason := req.Reason
		if reason == "" {
			reason = "cancelled by " + string(viewer)
		}
		event = core.Cancel{Job: id, Kill: req.Kill, Reason: reason}
	case schedpb.Action_ACTION_HOLD:
		event = core.Hold{Job: id}
	case schedpb.Action_ACTION_RELEASE:
		event = core.Release{Job: id}
	case schedpb.Action_ACTION_REQUEUE:
		event = core.Requeue{Job: id}
	default:
		return status.Errorf(codes.InvalidArgument, "unknown action %d", req.Action)
	}
	if _, err := r.decide(event); err != nil {
		return refusal(err)
	}
	return nil
}

// Nodes implements schedpb.ClusterServer.
func (s *Server) Nodes(ctx context.Context, _ *schedpb.NodesRequest) (*schedpb.NodesResponse, error) {
	resp := &schedpb.NodesResponse{}
	err := s.ask(ctx, func(r *reactor, _ core.Tenant) error {
		for _, w := range r.state.Workers() {
			resp.Nodes = append(resp.Nodes, nodeInfo(w))
		}
		return nil
	})
	return resp, err
}

// Drain implements schedpb.ClusterServer.
func (s *Server) Drain(ctx context.Context, req *schedpb.DrainRequest) (*schedpb.DrainResponse, error) {
	if len(req.Reason) > maxReason {
		return nil, status.Errorf(codes.InvalidArgument, "the reason has %d bytes; at most %d", len(req.Reason), maxReason)
	}
	what := "drain"
	if req.Resume {
		what = "resume"
	}
	err := s.ask(ctx, func(r *reactor, viewer core.Tenant) (err error) {
		defer func() { s.audit(viewer, what, err, "worker", req.Node, "reason", req.Reason) }()
		if err := s.adminOnly(viewer); err != nil {
			return err
		}
		reason := req.Reason
		if req.Resume {
			reason = ""
		} else if reason == "" {
			reason = "drained by " + string(viewer)
		}
		if _, err := r.decide(core.Drain{Worker: core.WorkerName(req.Node), Reason: reason}); err != nil {
			return refusal(err)
		}
		return nil
	})
	return &schedpb.DrainResponse{}, err
}

// Usage implements schedpb.ClusterServer.
func (s *Server) Usage(ctx context.Context, _ *schedpb.UsageRequest) (*schedpb.UsageResponse, error) {
	resp := &schedpb.UsageResponse{}
	err := s.ask(ctx, func(r *reactor, _ core.Tenant) error {
		now := r.now()
		for _, a := range r.state.Accounts() {
			used, points := r.state.ShareUsed(a, now)
			resp.Tenants = append(resp.Tenants, &schedpb.TenantUsage{Tenant: string(a.Name), Jobs: a.Jobs, SlotMs: a.SlotMS,
				CpuNs: uint64(a.CPU), ShareUsedSlotMs: used, FairSharePoints: points, Slots: a.Slots, Running: uint32(a.Running),
				Pending: uint32(a.Pending)})
		}
		return nil
	})
	return resp, err
}
