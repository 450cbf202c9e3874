package scheduler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Everything that can be said to a scheduler, and what becomes of it when the wrong one says it. Whoever adds a call or
// a message adds a line here: TestAuthority counts them.

// guarded is a cluster where each caller is what it shows: alice's job runs on worker n1, alice follows it, and bob and
// the worker n2 try what they can.
type guarded struct {
	*world
	id           uint64
	ref          *schedpb.JobRef
	alice        *launcher
	n1           *fakeWorker
	order        *schedpb.StreamOutput
	n2           *fakeWorker
	bob, asN2    context.Context
	asN1, nobody context.Context
}

// asWorker is a call with a worker's certificate.
func asWorker(ctx context.Context, name string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "worker", name)
}

func newGuarded(t *testing.T) *guarded {
	showing := func(ctx context.Context, key string) string {
		md, _ := metadata.FromIncomingContext(ctx)
		return strings.Join(md.Get(key), "")
	}
	w := newWorld(t, Config{
		Admins: []string{"root"},
		Identity: func(ctx context.Context) (string, error) {
			if name := showing(ctx, "tenant"); name != "" {
				return name, nil
			}
			return "", errors.New("the certificate is no tenant's")
		},
		Worker: func(ctx context.Context, name string) error {
			if shown := showing(ctx, "worker"); shown == "" || name != "" && name != shown {
				return fmt.Errorf("the certificate is of worker %q, not of %q", shown, name)
			}
			return nil
		},
	})
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second) // what is refused by silence fails then
	t.Cleanup(cancel)
	w.ctx = ctx
	g := &guarded{world: w, bob: as(w.ctx, "bob"), asN1: asWorker(w.ctx, "n1"), asN2: asWorker(w.ctx, "n2"), nobody: w.ctx}
	connect := func(ctx context.Context, name string) *fakeWorker {
		w.ctx = ctx
		h := hello(name, 1)
		h.Protocol = protocolHighest
		return w.connect(h)
	}
	g.n1 = connect(g.asN1, "n1")
	w.ctx = as(g.nobody, "alice")
	spec := w.spec(1)
	spec.Hosts = []string{"n1"}
	g.id = w.submit(spec)
	g.ref = g.n1.start().Job
	g.n1.started(g.ref)
	g.alice = w.attach(g.id)
	g.order = g.n1.streamOrder()
	g.alice.until("R")
	g.n2 = connect(g.asN2, "n2")
	w.ctx = as(g.nobody, "alice")
	return g
}

// refused checks that a call came to nothing for a reason of that kind.
func (g *guarded) refused(err error, code codes.Code) {
	g.t.Helper()
	if status.Code(err) != code {
		g.t.Errorf("got %v, want %v", err, code)
	}
}

// processed waits until the scheduler has taken all that n2 has said.
func (g *guarded) processed() {
	g.t.Helper()
	g.n2.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Heartbeat{Heartbeat: &schedpb.Heartbeat{Stamp: 7}}})
	for {
		if m, err := g.n2.stream.Recv(); err != nil || m.GetHeartbeatAck().GetStamp() == 7 {
			break // or it was cut off for what it said
		}
	}
	g.state()
}

// state is what the scheduler says of alice's job.
func (g *guarded) state() string {
	g.t.Helper()
	return g.list(&schedpb.ListRequest{Ids: []uint64{g.id}})
}

func (g *guarded) running() {
	g.t.Helper()
	equal(g.t, "alice's job", g.state(), fmt.Sprintf("%d:R", g.id))
}

// bobAttaches says something on an attach stream of bob's to alice's job, and without one.
func (g *guarded) bobAttaches(m *schedpb.AttachRequest) {
	g.t.Helper()
	for _, open := range []bool{true, false} {
		stream, err := g.jobs.Attach(g.bob)
		ok(g.t, err)
		want := codes.InvalidArgument
		if open {
			want = codes.NotFound
			stream.Send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Open{Open: &schedpb.AttachOpen{JobId: g.id,
				Output: true}}})
		}
		stream.Send(m) // the answer says why not
		_, err = stream.Recv()
		g.refused(err, want)
	}
	g.running()
}

func (g *guarded) change(ctx context.Context, a schedpb.Action) string {
	resp, err := g.jobs.Change(ctx, &schedpb.ChangeRequest{Ids: []uint64{g.id}, Action: a, Kill: true})
	if err != nil {
		return err.Error()
	}
	return resp.Jobs[0].Error
}

// tenantsOnly tries a call that any tenant may make as somebody who is none.
func tenantsOnly[Req, Resp any](g *guarded, call func(context.Context, *Req) (Resp, error)) {
	g.t.Helper()
	for _, ctx := range []context.Context{g.asN2, g.nobody} {
		_, err := call(ctx, new(Req))
		g.refused(err, codes.Unauthenticated)
	}
}

func call[Req, Resp, Opt any](f func(context.Context, *Req, ...Opt) (Resp, error)) func(context.Context,
	*Req) (Resp, error) {
	return func(ctx context.Context, req *Req) (Resp, error) { return f(ctx, req) }
}

// received makes a call of one that answers with a stream.
func received[Req, M, Opt any, S interface{ Recv() (M, error) }](
	f func(context.Context, *Req, ...Opt) (S, error)) func(context.Context, *Req) (M, error) {
	return func(ctx context.Context, req *Req) (none M, err error) {
		stream, err := f(ctx, req)
		if err != nil {
			return none, err
		}
		return stream.Recv()
	}
}

func input(in *schedpb.Input) *schedpb.AttachRequest {
	return &schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Input{Input: in}}
}

// attempts are all calls, and the messages of streams that go to the scheduler.
var attempts = map[string]func(g *guarded){
	"Jobs.MissingModules": func(g *guarded) {
		tenantsOnly(g, call(g.jobs.MissingModules))
		resp, err := g.jobs.MissingModules(g.bob,
			&schedpb.MissingModulesRequest{Sha256: []string{hashOf(moduleBytes), hashOf(nil)}})
		ok(g.t, err)
		equal(g.t, "what bob has still to send", len(resp.Sha256), 2)
	},
	"Jobs.PutModule": func(g *guarded) {
		g.refused(g.putModuleAs(g.asN2, hashOf(moduleBytes), moduleBytes), codes.Unauthenticated)
		g.refused(g.putModuleAs(g.bob, hashOf(moduleBytes), []byte("other bytes")), codes.InvalidArgument)
		_, err := g.jobs.Submit(g.bob, &schedpb.SubmitRequest{Spec: g.spec(1)})
		g.refused(err, codes.InvalidArgument)
	},
	"Jobs.Submit": func(g *guarded) {
		tenantsOnly(g, call(g.jobs.Submit))
		_, err := g.jobs.Submit(g.bob, &schedpb.SubmitRequest{Spec: g.spec(1)}) // alice's module, by its hash
		g.refused(err, codes.InvalidArgument)
		g.restart()
		if _, err := g.jobs.Submit(as(g.nobody, "alice"), &schedpb.SubmitRequest{Spec: g.spec(1)}); err != nil {
			g.t.Error("alice's module is not alice's any more: ", err)
		}
	},
	"Jobs.Attach": func(g *guarded) {
		stream, err := g.jobs.Attach(g.asN2)
		ok(g.t, err)
		_, err = stream.Recv()
		g.refused(err, codes.Unauthenticated)
	},
	"Jobs.List": func(g *guarded) {
		tenantsOnly(g, call(g.jobs.List))
		resp, err := g.jobs.List(g.bob, &schedpb.ListRequest{Ids: []uint64{g.id}, Spec: true})
		ok(g.t, err)
		equal(g.t, "alice's jobs that bob sees", len(resp.Jobs), 0)
		g.jobs.Change(g.ctx, &schedpb.ChangeRequest{Ids: []uint64{g.id}, Action: schedpb.Action_ACTION_CANCEL,
			Reason: "a secret"})
		resp, err = g.jobs.List(g.bob, &schedpb.ListRequest{Ids: []uint64{g.id}, Spec: true, Everyone: true})
		ok(g.t, err)
		equal(g.t, "what bob sees of it", resp.Jobs[0].Name+resp.Jobs[0].Reason+resp.Specs[0].String(), "")
	},
	"Jobs.Explain": func(g *guarded) {
		tenantsOnly(g, call(g.jobs.Explain))
		_, err := g.jobs.Explain(g.bob, &schedpb.ExplainRequest{JobId: g.id})
		g.refused(err, codes.NotFound)
	},
	"Jobs.Steps": func(g *guarded) {
		tenantsOnly(g, call(g.jobs.Steps))
		_, err := g.jobs.Steps(g.bob, &schedpb.StepsRequest{JobId: g.id})
		g.refused(err, codes.NotFound)
	},
	"Jobs.Change": func(g *guarded) {
		tenantsOnly(g, call(g.jobs.Change))
		for action := range schedpb.Action_name {
			equal(g.t, "bob", g.change(g.bob, schedpb.Action(action)), fmt.Sprintf("there is no job %d", g.id))
		}
		g.running()
	},
	"Jobs.Watch": func(g *guarded) {
		tenantsOnly(g, received(g.jobs.Watch))
		_, err := received(g.jobs.Watch)(g.bob, &schedpb.WatchRequest{Ids: []uint64{g.id}})
		g.refused(err, codes.NotFound)
		m, err := received(g.jobs.Watch)(g.bob, &schedpb.WatchRequest{})
		ok(g.t, err)
		equal(g.t, "alice's jobs that bob sees", len(m.Jobs), 0)
		m, err = received(g.jobs.Watch)(g.bob, &schedpb.WatchRequest{Everyone: true})
		ok(g.t, err)
		equal(g.t, "the name that bob sees", m.Jobs[0].Name, "")
	},

	"AttachRequest.open": func(g *guarded) { g.bobAttaches(&schedpb.AttachRequest{}) },
	"AttachRequest.detach": func(g *guarded) {
		g.bobAttaches(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Detach{}})
	},
	"AttachRequest.stdin": func(g *guarded) {
		g.bobAttaches(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Stdin{Stdin: &schedpb.Stdin{Data: []byte("x")}}})
	},
	"AttachRequest.signal": func(g *guarded) {
		g.bobAttaches(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Signal{Signal: &schedpb.Signal{Number: 10}}})
	},
	"AttachRequest.terminate": func(g *guarded) {
		g.bobAttaches(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Terminate{
			Terminate: &schedpb.Terminate{Kill: true}}})
	},
	"AttachRequest.query_ranks": func(g *guarded) {
		g.bobAttaches(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_QueryRanks{QueryRanks: &schedpb.QueryRanks{}}})
	},
	"AttachRequest.input": func(g *guarded) { g.bobAttaches(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Input{}}) },
	"AttachRequest.output_taken": func(g *guarded) {
		g.bobAttaches(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_OutputTaken{
			OutputTaken: &schedpb.OutputTaken{Epoch: 1, Offset: 1 << 20}}})
	},
	"AttachRequest.ping":  func(g *guarded) { g.bobAttaches(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Ping{}}) },
	"AttachRequest.leave": func(g *guarded) { g.bobAttaches(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Leave{}}) },
	"Input.stdin": func(g *guarded) {
		g.bobAttaches(input(&schedpb.Input{Seq: 1, Item: &schedpb.Input_Stdin{Stdin: &schedpb.Stdin{Data: []byte("x")}}}))
	},
	"Input.signal": func(g *guarded) {
		g.bobAttaches(input(&schedpb.Input{Seq: 1, Item: &schedpb.Input_Signal{Signal: &schedpb.Signal{Number: 10}}}))
	},
	"Input.query_ranks": func(g *guarded) {
		g.bobAttaches(input(&schedpb.Input{Seq: 1, Item: &schedpb.Input_QueryRanks{QueryRanks: &schedpb.QueryRanks{}}}))
	},

	"Cluster.Nodes":        func(g *guarded) { tenantsOnly(g, call(g.cluster.Nodes)) },
	"Cluster.Usage":        func(g *guarded) { tenantsOnly(g, call(g.cluster.Usage)) },
	"Cluster.Reservations": func(g *guarded) { tenantsOnly(g, call(g.cluster.Reservations)) },
	"Cluster.Snapshot": func(g *guarded) {
		tenantsOnly(g, received(g.cluster.Snapshot))
		m, err := received(g.cluster.Snapshot)(g.bob, &schedpb.SnapshotRequest{})
		ok(g.t, err)
		for _, p := range m.Pieces {
			if strings.Contains(string(p), "hello.wasm") {
				g.t.Errorf("the outline names a program: %q", p)
			}
		}
	},
	"Cluster.Drain": func(g *guarded) {
		tenantsOnly(g, call(g.cluster.Drain))
		_, err := g.cluster.Drain(g.bob, &schedpb.DrainRequest{Node: "n1"})
		g.refused(err, codes.PermissionDenied)
	},
	"Cluster.Reserve": func(g *guarded) {
		_, err := g.cluster.Reserve(g.bob, &schedpb.ReserveRequest{Name: "r", DurationMs: 1000, Nodes: []string{"n1"},
			Tenants: []string{"bob"}})
		g.refused(err, codes.PermissionDenied)
		_, err = g.cluster.Reserve(g.asN2, &schedpb.ReserveRequest{Name: "r", DurationMs: 1000, Nodes: []string{"n1"}})
		g.refused(err, codes.Unauthenticated)
	},
	"Cluster.Unreserve": func(g *guarded) {
		tenantsOnly(g, call(g.cluster.Unreserve))
		_, err := g.cluster.Unreserve(g.bob, &schedpb.UnreserveRequest{Name: "r"})
		g.refused(err, codes.PermissionDenied)
	},

	"Workers.Connect": func(g *guarded) {
		for _, ctx := range []context.Context{g.bob, g.nobody, g.asN2} {
			w := *g.world
			w.ctx = ctx
			g.refused(w.dial(hello("n3", 1)).gone(), codes.PermissionDenied)
			g.refused(w.dial(hello("n1", 1)).gone(), codes.PermissionDenied)
		}
		g.running()
	},
	"Workers.Output": func(g *guarded) {
		claim := func(ctx context.Context, id uint64, rank uint32, eof bool) error {
			stream, err := g.workers.Output(ctx)
			ok(g.t, err)
			stream.Send(&schedpb.OutputFrame{StreamId: id, Eof: eof,
				Output: []*schedpb.Output{{Rank: rank, Data: []byte("forged\n")}}})
			_, err = stream.CloseAndRecv()
			return err
		}
		g.refused(claim(g.bob, g.order.StreamId, 0, true), codes.PermissionDenied)
		g.refused(claim(g.asN2, g.order.StreamId, 0, true), codes.NotFound)
		for id := range uint64(1000) {
			g.refused(claim(g.asN1, id, 0, true), codes.NotFound)
		}
		g.refused(claim(g.asN1, g.order.StreamId, 1, true), codes.InvalidArgument) // a rank that is not its
		again := g.n1.streamOrder()
		stream, err := g.workers.Output(g.asN1)
		ok(g.t, err)
		ok(g.t, stream.Send(&schedpb.OutputFrame{StreamId: again.StreamId, Eof: true,
			Output: []*schedpb.Output{{Data: []byte("true\n")}}}))
		_, err = stream.CloseAndRecv()
		ok(g.t, err)
		g.n1.ended(g.ref, done())
		g.alice.end()
		equal(g.t, "what alice reads", g.alice.out.String(), "true\n")
	},
	"Workers.GetModule": func(g *guarded) {
		for _, ctx := range []context.Context{g.bob, g.nobody} {
			_, err := g.getModule(ctx, "", hashOf(moduleBytes))
			g.refused(err, codes.PermissionDenied)
		}
		_, err := g.getModule(g.asN2, "n1", hashOf(moduleBytes))
		g.refused(err, codes.PermissionDenied)
		for _, name := range []string{"n2", ""} {
			_, err = g.getModule(g.asN2, name, hashOf(moduleBytes))
			g.refused(err, codes.NotFound)
		}
		for _, name := range []string{"n1", ""} {
			got, err := g.getModule(g.asN1, name, hashOf(moduleBytes))
			ok(g.t, err)
			equal(g.t, "module", got, string(moduleBytes))
		}
	},

	"WorkerMessage.hello": func(g *guarded) { // that n2 holds alice's job
		g.n2.die()
		w := *g.world
		w.ctx = g.asN2
		h := hello("n2", 1, g.ref)
		for {
			f := w.dial(h)
			if m, err := f.stream.Recv(); status.Code(err) == codes.AlreadyExists {
				continue // its end has not been noticed yet
			} else if m.GetWelcome() == nil {
				g.t.Fatalf("welcomed with %v, %v", m, err)
			}
			equal(g.t, "n2 is told to end", f.terminate().Job.JobId, g.id)
			break
		}
		g.running()
	},
	"WorkerMessage.heartbeat": func(g *guarded) {
		g.n2.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Heartbeat{
			Heartbeat: &schedpb.Heartbeat{Unfit: "no disk"}}})
		g.processed()
		nodes, err := g.cluster.Nodes(g.ctx, &schedpb.NodesRequest{})
		ok(g.t, err)
		equal(g.t, "n1", nodes.Nodes[0].Unfit, "")
	},
	"WorkerMessage.started": func(g *guarded) {
		equal(g.t, "requeue", g.change(g.ctx, schedpb.Action_ACTION_REQUEUE), "")
		g.n1.terminate()
		g.n1.reported(g.ref, &schedpb.JobReport{Terminated: true})
		second := g.n1.start().Job
		g.n2.started(second)
		g.processed()
		equal(g.t, "alice's job", g.state(), fmt.Sprintf("%d:CF", g.id))
	},
	"WorkerMessage.step": func(g *guarded) { // of a job that n2 does not hold, or that has no script; and nonsense
		for _, w := range []*fakeWorker{g.n2, g.n1} {
			for _, step := range []*schedpb.StepInfo{nil, {}, {State: "R", Name: "forged", StartedUnixNs: 1},
				{State: "R", StartedUnixNs: -1}, {State: "CD", EndedUnixNs: 5}} {
				w.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Step{Step: &schedpb.JobStep{Job: g.ref, Step: step}}})
			}
		}
		g.processed()
		resp, err := g.jobs.Steps(g.ctx, &schedpb.StepsRequest{JobId: g.id})
		ok(g.t, err)
		equal(g.t, "steps", len(resp.Steps), 0)
		g.running()
	},
	"WorkerMessage.rank_states": func(g *guarded) {
		answer := func(f *fakeWorker, rank uint32, where string) {
			f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_RankStates{RankStates: &schedpb.JobRankStates{Job: g.ref,
				States: &schedpb.RankStates{Ranks: []*schedpb.RankState{{Rank: rank + 1, Where: "nowhere"},
					{Rank: rank, Node: "n9", Where: where}}}}}})
		}
		g.alice.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_QueryRanks{QueryRanks: &schedpb.QueryRanks{}}})
		if m := g.n1.recv(); m.GetQueryRanks() == nil {
			g.t.Fatalf("got %v", m)
		}
		answer(g.n2, 0, "forged")
		g.processed()
		answer(g.n1, 0, "true")
		for {
			if m := g.alice.recv().GetRankStates(); m != nil {
				equal(g.t, "ranks", len(m.Ranks), 1) // it has no second
				equal(g.t, "where", m.Ranks[0].Where+" on "+m.Ranks[0].Node, "true on n1")
				return
			}
		}
	},
	"WorkerMessage.goodbye": func(g *guarded) { // of what is another's, it neither ends nor keeps anything
		g.n2.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Goodbye{
			Goodbye: &schedpb.Goodbye{Staying: []*schedpb.JobRef{g.ref}}}})
		g.n2.gone()
		g.running()
		equal(g.t, "n1 has stopped", g.node("n1").Stopped, false)
	},
	"WorkerMessage.ended": func(g *guarded) {
		g.n2.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Ended{Ended: &schedpb.JobEnded{Job: g.ref,
			LaunchFailed: true}}})
		g.processed()
		g.running()
		g.n2.ended(g.ref, &schedpb.JobEnd{State: "F", ExitCode: 3, Reason: "forged"})
		g.n2.reported(g.ref, &schedpb.JobReport{NotBegun: "forged"})
		g.processed()
		g.running()
		g.n1.reported(g.ref, &schedpb.JobReport{Ranks: []*schedpb.RankEnd{{Rank: 7, Number: 9}, {Rank: 0, Number: 2}}})
		g.n1.ack()
		stream, err := g.workers.Output(g.asN1)
		ok(g.t, err)
		ok(g.t, stream.Send(&schedpb.OutputFrame{StreamId: g.order.StreamId, Eof: true}))
		end := g.alice.end()
		equal(g.t, "ranks that ended", len(end.Exits), 1)
		equal(g.t, "status", end.ExitCode, 2)
	},
	"WorkerMessage.stdin_taken": func(g *guarded) {
		g.alice.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Stdin{Stdin: &schedpb.Stdin{Data: []byte("four")}}})
		if m := g.n1.recv(); m.GetStdin() == nil {
			g.t.Fatalf("got %v", m)
		}
		taken := func(f *fakeWorker, n uint64) {
			f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_StdinTaken{StdinTaken: &schedpb.JobStdinTaken{Job: g.ref,
				Bytes: n}}})
		}
		taken(g.n2, 3)
		g.processed()
		taken(g.n1, 4)
		for {
			if m := g.alice.recv().GetStdinTaken(); m != nil {
				equal(g.t, "taken", m.Bytes, 4)
				return
			}
		}
	},
	"WorkerMessage.input_taken": func(g *guarded) {
		g.n2.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_InputTaken{InputTaken: &schedpb.JobInputTaken{Job: g.ref,
			Taken: &schedpb.InputTaken{Received: 9, StdinBytes: 9}}}})
		g.processed()
		g.change(g.ctx, schedpb.Action_ACTION_CANCEL)
		g.n1.ended(g.ref, done())
		stream, err := g.workers.Output(g.asN1)
		ok(g.t, err)
		ok(g.t, stream.Send(&schedpb.OutputFrame{StreamId: g.order.StreamId, Eof: true}))
		for {
			m := g.alice.recv()
			if m.GetInputTaken() != nil {
				g.t.Errorf("alice was told %v", m)
			}
			if m.GetEnd() != nil {
				return
			}
		}
	},
}

// answers are the messages that come from the scheduler. Who takes them has seen the scheduler's certificate, or its
// socket, whose directory is its user's; there is nothing to try.
var answers = []protoreflect.FullName{"faasmrun.v1.SchedulerMessage", "faasmrun.v1.AttachResponse"}

// TestAuthority: nobody else's word counts for a job. All calls of all services are tried, and all messages of streams.
func TestAuthority(t *testing.T) {
	var names []string
	file := schedpb.File_scheduler_schedpb_faasmrun_proto
	for i := range file.Services().Len() {
		methods := file.Services().Get(i).Methods()
		for k := range methods.Len() {
			names = append(names, string(file.Services().Get(i).Name())+"."+string(methods.Get(k).Name()))
		}
	}
	for i := range file.Messages().Len() {
		message := file.Messages().Get(i)
		for k := range message.Oneofs().Len() {
			if slices.Contains(answers, message.FullName()) {
				continue
			}
			fields := message.Oneofs().Get(k).Fields()
			for f := range fields.Len() {
				names = append(names, string(message.Name())+"."+string(fields.Get(f).Name()))
			}
		}
	}
	slices.Sort(names)
	listed := slices.Sorted(maps.Keys(attempts))
	if !slices.Equal(names, listed) {
		t.Errorf("the wire has\n%v\nand there are attempts of\n%v", names, listed)
	}
	for _, name := range listed {
		t.Run(name, func(t *testing.T) { attempts[name](newGuarded(t)) })
	}
}
