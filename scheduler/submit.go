package scheduler

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Bounds of a submission.
const (
	maxSpecBytes = 2 << 20
	maxApps      = 4096
	maxArgs      = 65536
	maxEnv       = 16384
	maxMounts    = 256
	maxName      = 256
	maxKey       = 256
	maxHosts     = 1024
	maxNice      = 1 << 30
	maxDelay     = 366 * 24 * time.Hour // of "after:ID+minutes"
	maxSignal    = 64                   // Linux's
	maxWarningMs = 65535000             // as sbatch's --signal
)

// Submit implements schedpb.JobsServer.
func (s *Server) Submit(ctx context.Context, req *schedpb.SubmitRequest) (resp *schedpb.SubmitResponse, err error) {
	leave := s.tasks.Start()
	if leave == nil {
		return nil, s.unavailable()
	}
	defer leave()
	tenant, err := s.tenant(ctx)
	if err != nil {
		return nil, err
	}
	var id core.JobID
	defer func() { s.audit(tenant, "submit", err, submission(req, id)...) }()
	request, err := s.request(tenant, req)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	request.Tenant = tenant
	var refused error
	var warning string
	err = s.do(func(r *reactor) {
		if req.Spec.Oversubscribe {
			r.state.Share(&request)
		}
		e := core.Submit{Key: req.IdempotencyKey, Request: request, Array: req.Spec.Array,
			Throttle: req.Spec.ArrayThrottle}
		if req.TestOnly {
			if _, err := core.Decide(r.state, e, r.now()); err != nil {
				refused = refusal(err)
			}
			warning = r.state.Unfitting(&request)
			return
		}
		ts, err := r.decide(e)
		switch {
		case err != nil:
			refused = refusal(err)
		case len(ts) == 0:
			id = r.state.JobByKey(tenant, req.IdempotencyKey).Whole()
		default:
			id = ts[0].(*core.JobAccepted).Job
			warning = r.state.Unfitting(&request)
		}
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, err
	}
	return &schedpb.SubmitResponse{JobId: uint64(id), Warning: warning}, nil
}

// request checks what outsiders sent and makes core's request of it. Its errors are for the person who submits.
func (s *Server) request(tenant core.Tenant, req *schedpb.SubmitRequest) (core.Request, error) {
	none := core.Request{}
	spec := req.Spec
	if spec == nil {
		return none, fmt.Errorf("the submission has no job in it")
	}
	if n := proto.Size(spec); n > maxSpecBytes {
		return none, fmt.Errorf("the job's description takes %d KiB (its arguments and environment mostly); "+
			"at most %d KiB are taken",
			n>>10, maxSpecBytes>>10)
	}
	if err := checkSpec(spec, req.IdempotencyKey); err != nil {
		return none, err
	}
	ranks := uint64(0)
	for i, app := range spec.Apps {
		if err := s.checkApp(tenant, app); err != nil {
			return none, fmt.Errorf("program %d of the job, %.80q: %w", i+1, app.GetProgram(), err)
		}
		ranks += uint64(app.Ranks)
	}
	if x := spec.Script; x != nil {
		if err := checkScript(x); err != nil {
			return none, fmt.Errorf("the job's script %.80q: %w", x.Name, err)
		}
		ranks = uint64(x.Tasks)
	}
	if ranks > math.MaxUint32 {
		return none, fmt.Errorf("%d ranks are more than a world can have", ranks)
	}
	for _, rank := range spec.StdinRanks {
		if uint64(rank) >= ranks {
			return none, fmt.Errorf("standard input for rank %d of a job with %d ranks", rank, ranks)
		}
	}
	name := spec.Name
	switch {
	case name != "":
	case spec.Script != nil:
		name = spec.Script.Name
	default:
		name = path.Base(spec.Apps[0].Program)
	}
	kept := proto.CloneOf(spec)
	kept.Array, kept.ArrayShape = nil, shapeOf(spec.Array) // each task holds the spec: without the list of the others
	bytes, err := proto.Marshal(kept)
	if err != nil {
		return none, err
	}
	needs, slots := s.needsOf(spec)
	switch {
	case slots == ranks:
		slots = 0
	case slots > core.MaxSlots && !spec.Oversubscribe:
		return none, fmt.Errorf("%d slots for %d ranks (--cpus-per-rank, OMP_NUM_THREADS); a worker has at most %d", slots,
			ranks, core.MaxSlots)
	}
	r := core.Request{Name: name, Ranks: uint32(ranks), Slots: uint32(min(slots, core.MaxSlots)),
		MemPerRank: spec.MemPerRankBytes, Interactive: spec.Interactive,
		TimeLimit: core.Duration(time.Duration(spec.TimeLimitMs) * time.Millisecond), Spec: bytes,
		QOS: spec.Qos, Held: spec.Hold, Requeue: spec.Requeue, Exclusive: spec.Exclusive, Singleton: spec.Singleton,
		Reservation: spec.Reservation, Needs: needs, AnyOf: spec.AnyDependency, Begin: core.Time(spec.BeginUnixNs),
		EndBy: core.Time(spec.EndByUnixNs), Nice: spec.Nice, Resources: coreResources(spec.Resources)}
	for _, h := range spec.Hosts {
		r.Hosts = append(r.Hosts, core.WorkerName(h))
	}
	for _, h := range spec.ExcludedHosts {
		r.Excluded = append(r.Excluded, core.WorkerName(h))
	}
	for _, set := range spec.Constraint {
		r.Constraint = append(r.Constraint, coreLabels(set.GetAll()))
	}
	for _, d := range spec.After {
		kind := slices.Index(core.DependencyNames, d.GetKind())
		if kind < 1 {
			return none, fmt.Errorf("unknown kind %.40q of dependency", d.GetKind())
		}
		if d.DelayMs < 0 || d.DelayMs > maxDelay.Milliseconds() || d.DelayMs > 0 && core.DependencyKind(kind) != core.After {
			return none, fmt.Errorf("a delay of %d ms for %s; after takes one of at most %d days", d.DelayMs, d.GetKind(),
				maxDelay/(24*time.Hour))
		}
		on := core.Dependency{Kind: core.DependencyKind(kind), Job: core.JobID(d.JobId &^ schedpb.JobAlone),
			Delay: core.Duration(time.Duration(d.DelayMs) * time.Millisecond)}
		if d.JobId&schedpb.JobAlone != 0 {
			on.Kind |= core.Alone
		}
		r.After = append(r.After, on)
	}
	return r, nil
}

// shapeOf is what an array's tasks are told of it; nil where there is none.
func shapeOf(indices []uint32) *schedpb.ArrayShape {
	if len(indices) == 0 {
		return nil
	}
	shape := &schedpb.ArrayShape{Count: uint32(len(indices)), First: indices[0], Last: indices[len(indices)-1], Step: 1}
	for i := 1; i < len(indices); i++ {
		step := indices[i] - indices[i-1]
		if i > 1 && step != shape.Step {
			shape.Step = 1
			break
		}
		shape.Step = step
	}
	return shape
}

func checkSpec(spec *schedpb.JobSpec, key string) error {
	switch {
	case len(key) > maxKey:
		return fmt.Errorf("the idempotency key has %d bytes; at most %d", len(key), maxKey)
	case len(spec.Name) > maxName:
		return fmt.Errorf("the job's name has %d bytes; at most %d", len(spec.Name), maxName)
	case !printable(spec.Name):
		return fmt.Errorf("the job's name %q has characters that can't be shown", spec.Name)
	case len(spec.Reservation) > maxName:
		return fmt.Errorf("the reservation's name has %d bytes; at most %d", len(spec.Reservation), maxName)
	case spec.Engine != "" && !nameable(spec.Engine):
		return fmt.Errorf("%.80q is no name for an engine", spec.Engine)
	case len(spec.Apps) == 0 && spec.Script == nil:
		return fmt.Errorf("the job has no program")
	case len(spec.Apps) > 0 && spec.Script != nil:
		return fmt.Errorf("the job has a script and programs beside it; it runs the one or the others")
	case spec.Script != nil && spec.Interactive:
		return fmt.Errorf("a job with a script is a batch job")
	case spec.Script != nil && spec.Oversubscribe:
		return fmt.Errorf("a job with a script has its slots to itself")
	case spec.Engine == schedpb.EngineScript:
		return fmt.Errorf("the engine %s runs scripts, not programs", spec.Engine)
	case len(spec.Apps) > maxApps:
		return fmt.Errorf("the job has %d programs; at most %d", len(spec.Apps), maxApps)
	case spec.TimeLimitMs < 0:
		return fmt.Errorf("a time limit of %d ms", spec.TimeLimitMs)
	case spec.TimeLimitMs > int64(math.MaxInt64/time.Millisecond):
		return fmt.Errorf("a time limit of %d ms is beyond the end of time; leave it out for none", spec.TimeLimitMs)
	case schedpb.StdinTo_name[int32(spec.Stdin)] == "":
		return fmt.Errorf("unknown choice %d for standard input", spec.Stdin)
	case len(spec.Hosts) > maxHosts || len(spec.ExcludedHosts) > maxHosts || len(spec.After) > maxHosts:
		return fmt.Errorf("the job has %d hosts, %d that it excludes, and %d dependencies; at most %d of each",
			len(spec.Hosts), len(spec.ExcludedHosts), len(spec.After), maxHosts)
	case slices.ContainsFunc(slices.Concat(spec.Hosts, spec.ExcludedHosts),
		func(host string) bool { return !nameable(host) }):
		return fmt.Errorf("one of the job's hosts has no name that a worker can have")
	case spec.Nice > maxNice:
		return fmt.Errorf("--nice %d; at most %d", spec.Nice, maxNice)
	case !ascending(spec.Array):
		return fmt.Errorf("the indices of the array don't ascend")
	case len(spec.StdinRanks) > 0 && spec.Stdin != schedpb.StdinTo_STDIN_LIST:
		return fmt.Errorf("ranks are listed for standard input, but it does not go to a list")
	}
	if err := checkResources(spec.Resources); err != nil {
		return err
	}
	return checkConstraint(spec.Constraint)
}

func (s *Server) checkApp(tenant core.Tenant, app *schedpb.App) error {
	switch {
	case app.GetRanks() == 0:
		return fmt.Errorf("it has no ranks; a program has at least one")
	case app.Program == "":
		return fmt.Errorf("it has no name")
	case len(app.Args) > maxArgs:
		return fmt.Errorf("it has %d arguments; at most %d", len(app.Args), maxArgs)
	case len(app.Env) > maxEnv:
		return fmt.Errorf("it has %d environment variables; at most %d", len(app.Env), maxEnv)
	case len(app.Mounts) > maxMounts:
		return fmt.Errorf("it has %d mounts; at most %d", len(app.Mounts), maxMounts)
	case !validHash(app.ModuleSha256):
		return fmt.Errorf("its module %.80q is not named by a SHA-256 in lower-case hex", app.ModuleSha256)
	case !s.modules.owned(tenant, app.ModuleSha256):
		return fmt.Errorf("its module %s is not here; send it first (PutModule)", app.ModuleSha256)
	}
	if err := checkStrings(app.Program, app.Args, app.Env); err != nil {
		return err
	}
	if err := checkDir("directory", app.Dir); err != nil {
		return err
	}
	for _, m := range app.Mounts {
		if err := checkDir("mount", m.GetHostDir()); err != nil {
			return err
		}
		if err := checkDir("mount point", m.GetGuestDir()); err != nil {
			return err
		}
	}
	return nil
}

func checkScript(x *schedpb.Script) error {
	switch {
	case x.Tasks == 0:
		return fmt.Errorf("it has no tasks; a job has at least one")
	case x.Name == "" || strings.Contains(x.Name, "/") || x.Name == "." || x.Name == "..":
		return fmt.Errorf("its name is none for a file")
	case !bytes.HasPrefix(x.Text, []byte("#!")):
		return fmt.Errorf("it does not begin with #!")
	case len(x.Text) > schedpb.MaxScript:
		return fmt.Errorf("it has %d KiB; at most %d", len(x.Text)>>10, schedpb.MaxScript>>10)
	case len(x.Args) > maxArgs:
		return fmt.Errorf("it has %d arguments; at most %d", len(x.Args), maxArgs)
	case len(x.Env) > maxEnv:
		return fmt.Errorf("it has %d environment variables; at most %d", len(x.Env), maxEnv)
	case x.Warning != nil && (x.Warning.Number < 1 || x.Warning.Number > maxSignal):
		return fmt.Errorf("there is no signal %d that it could be warned by", x.Warning.Number)
	case x.Warning != nil && (x.Warning.BeforeMs < 0 || x.Warning.BeforeMs > maxWarningMs):
		return fmt.Errorf("a warning %d ms before its end; from 0 to %d are taken", x.Warning.BeforeMs, maxWarningMs)
	}
	if err := checkStrings(x.Name, x.Args, x.Env); err != nil {
		return err
	}
	return checkDir("directory", x.Dir)
}

// checkStrings finds what can't be handed to a program: C strings end at their first NUL.
func checkStrings(name string, args []string, env []*schedpb.EnvVar) error {
	if hasNUL(name) {
		return fmt.Errorf("its name holds a NUL byte")
	}
	for i, arg := range args {
		if hasNUL(arg) {
			return fmt.Errorf("argument %d holds a NUL byte", i+1)
		}
	}
	for _, v := range env {
		switch name := v.GetName(); {
		case name == "":
			return fmt.Errorf("an environment variable has no name")
		case strings.ContainsAny(name, "=\x00"):
			return fmt.Errorf("the name of environment variable %.80q holds %q or a NUL byte", name, "=")
		case hasNUL(v.Value):
			return fmt.Errorf("environment variable %.80s holds a NUL byte", name)
		}
	}
	return nil
}

func checkDir(what, dir string) error {
	switch {
	case hasNUL(dir):
		return fmt.Errorf("its %s holds a NUL byte", what)
	case !path.IsAbs(dir):
		return fmt.Errorf("its %s %.200q is not absolute", what, dir)
	}
	return nil
}

func hasNUL(s string) bool { return strings.IndexByte(s, 0) >= 0 }

func printable(s string) bool {
	for _, c := range s {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	return true
}

func ascending(indices []uint32) bool {
	for i := 1; i < len(indices); i++ {
		if indices[i] <= indices[i-1] {
			return false
		}
	}
	return true
}
