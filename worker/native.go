package worker

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
	"github.com/faasmrun/faasmrun/worker/engine/native/maker"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
)

// Which engine runs a job. The native one needs machine code that the C compiler takes seconds to minutes to make;
// wazero is ready at once. So a job whose machine code is there gets the native engine, another one wazero, and when
// it has run for a while machine code is made for those that come after it. Only a job that asks for the native
// engine, or that wazero can't run, waits for it.

// Native is how machine code for the native engine is made.
type Native struct {
	Compiler *clang.Compiler
	Path     string // where it was found: a PATH
	Lax      bool   // compile on a kernel without Landlock
	// Limits are each compiler's; what is zero is as in clang.DefaultLimits. How many run at once the machine says.
	Limits clang.Limits
	Time   time.Duration // for a program, all in all; 0: an hour
}

// limits are each compiler's.
func (n *Native) limits() clang.Limits {
	d := clang.DefaultLimits
	return clang.Limits{Memory: cmp.Or(n.Limits.Memory, d.Memory), Processor: cmp.Or(n.Limits.Processor, d.Processor),
		Output: cmp.Or(n.Limits.Output, d.Output)}
}

// notNative is why a program has no machine code, though another engine may run it.
type notNative struct{ program, why string }

func (e notNative) Error() string { return e.program + ": the native engine can't run it: " + e.why }

// tierAfter is how long a job runs before machine code of its programs is made: one that ends before would not have
// gained by it.
const tierAfter = time.Second

// maxNativeRanks is how many ranks of a job run here on the native engine: each has 100 GiB of addresses, and a process
// has 128 TiB.
const maxNativeRanks = 1200

// prepared is a program that can be run: on the native engine if it has an object.
type prepared struct {
	*control.Prepared
	object *object.Ref
}

// variantOf is what a job's programs are prepared for.
func variantOf(start *control.Start) control.Variant {
	switch {
	case start.Native:
		return control.ForNative
	case start.Check:
		return control.ForChecked
	}
	return control.ForWazero
}

// preparePrograms chooses the job's engine and makes its programs ready for it.
func (j *job) preparePrograms(start *control.Start) ([]prepared, error) {
	asked := j.spec.GetEngine()
	native := j.w.Native != nil && asked != schedpb.EngineWazero
	must := asked == schedpb.EngineNative || !j.w.wazeroGives(start.MemPerRank)
	if must && !native {
		return nil, asWorkerFault(errors.New("the job needs the native engine, which this worker has not"))
	}
	if start.Ranks > maxNativeRanks {
		if must {
			return nil, fmt.Errorf("the job has %d ranks here, and the native engine has addresses for %d of them: run fewer "+
				"on a node, or on wazero (--engine wazero)", start.Ranks, maxNativeRanks)
		}
		native = false
	}
	if native && !must && !start.Check { // what --check finds it says of addresses, too, which are wazero's
		if all := j.nativePrograms(); all != nil {
			start.Native = true
			return all, nil
		}
	}
	if must {
		start.Native = true
		all, err := j.makeNative()
		if errors.As(err, new(notNative)) && j.w.wazeroGives(start.MemPerRank) {
			err = fmt.Errorf("%w; --engine auto runs it on wazero", err)
		}
		return all, err
	}
	all, err := j.wazeroPrograms(start)
	if err == nil && native && !start.Check {
		j.tellWhyNot()
	}
	if err == nil || !native || j.prepare.Err() != nil {
		return all, err
	}
	if other, otherErr := j.makeNative(); otherErr == nil { // one that begins with more memory than wazero gives
		start.Native = true
		return other, nil
	}
	return nil, err
}

// tellWhyNot has it told, once a program, that a job runs on wazero because no machine code can be made of it: makers
// work when nobody is there any more who could be told.
func (j *job) tellWhyNot() {
	if j.w.Notice == nil {
		return
	}
	for _, app := range j.spec.GetApps() {
		key, ok := j.w.modules.nativeKey(app.GetModuleSha256(), j.w.Native.Compiler)
		if !ok {
			continue
		}
		if why := j.w.modules.objects.Tell(key); why != "" {
			j.w.Notice(notNative{app.GetProgram(), why}.Error() + "; it goes on with wazero")
		}
	}
}

// wazeroGives reports whether there is wazero, and a rank can have so much memory there.
func (w *Worker) wazeroGives(memory uint64) bool {
	for _, e := range w.Engines {
		if e.GetName() == schedpb.EngineWazero {
			return e.GetMissing() == "" && memory <= e.GetMaxRankMemBytes()
		}
	}
	return len(w.Engines) == 0
}

func (j *job) wazeroPrograms(start *control.Start) (all []prepared, err error) {
	for _, app := range j.spec.GetApps() {
		p, err := j.w.modules.prepare(j.prepare, app.GetModuleSha256(), app.GetProgram(), variantOf(start), j.setActivity)
		if err != nil {
			return nil, err
		}
		all = append(all, prepared{p, nil})
	}
	return all, nil
}

// nativePrograms are the job's, if machine code of all of them is there.
func (j *job) nativePrograms() (all []prepared) {
	for _, app := range j.spec.GetApps() {
		p, err := j.w.modules.findObject(app.GetModuleSha256(), j.w.Native.Compiler)
		if err != nil {
			if !errors.Is(err, object.ErrNone) {
				j.w.Logger.Warn("machine code is made anew", "job", j.key.id, "err", err)
			}
			return nil
		}
		all = append(all, *p)
	}
	return all
}

// makeNative waits for machine code of the job's programs.
func (j *job) makeNative() (all []prepared, err error) {
	for _, app := range j.spec.GetApps() {
		p, err := j.w.makeObject(j.prepare, app.GetModuleSha256(), app.GetProgram(), j.setActivity)
		if err != nil {
			return nil, err
		}
		all = append(all, *p)
	}
	return all, nil
}

// objectKey is the key of a module's machine code; the module has been prepared for the native engine.
func (m *modules) objectKey(p *control.Prepared, c *clang.Compiler) (object.Key, error) {
	hash, err := maker.HashOf(p.Module)
	return maker.KeyOf(hash, c), err
}

// findObject finds a module's machine code; object.ErrNone where it has not been made.
func (m *modules) findObject(sha string, c *clang.Compiler) (*prepared, error) {
	p := m.ready(sha, control.ForNative)
	if p == nil {
		return nil, object.ErrNone
	}
	key, err := m.objectKey(p, c)
	if err != nil {
		return nil, err
	}
	found, err := m.objects.Find(key)
	if err != nil {
		return nil, err
	}
	return &prepared{p, &found}, nil
}

// noObject says why a module can have no machine code, as far as somebody has tried.
func (m *modules) noObject(sha string, c *clang.Compiler) string {
	key, ok := m.nativeKey(sha, c)
	if !ok {
		return ""
	}
	return m.objects.Failed(key)
}

// nativeKey is the key of a module's machine code. It reports whether the module was prepared for that.
func (m *modules) nativeKey(sha string, c *clang.Compiler) (key object.Key, ok bool) {
	p := m.ready(sha, control.ForNative)
	if p == nil {
		return key, false
	}
	key, err := m.objectKey(p, c)
	return key, err == nil
}

// makeObject waits until a module has machine code. An error is for the user, and so is what report is called with.
func (w *Worker) makeObject(ctx context.Context, sha, program string, report func(string)) (*prepared, error) {
	m := w.modules
	if err := checkSHA(sha, program); err != nil {
		return nil, err
	}
	if p, err := m.findObject(sha, w.Native.Compiler); err == nil {
		return p, nil
	}
	if why := m.noObject(sha, w.Native.Compiler); why != "" {
		return nil, notNative{program, why}
	}
	said := "making machine code of " + program + ", once"
	report(said)
	done, err := m.take(ctx, sha)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := m.get(ctx, sha, program, report); err != nil {
		return nil, err
	}
	if err := w.runMaker(ctx, sha, program, func(how string) { report(said + ": " + how) }); err != nil {
		return nil, err
	}
	p, err := m.findObject(sha, w.Native.Compiler)
	if err != nil {
		return nil, asWorkerFault(fmt.Errorf("%s: %w", program, err))
	}
	return p, nil
}

// maker is the process that makes a module's machine code.
func (w *Worker) maker(ctx context.Context, sha string, more ...string) *exec.Cmd {
	limits := w.Native.limits()
	args := append([]string{"object", "--cache", w.CacheDir, "--module", filepath.Join(w.modules.dir, sha+".wasm"),
		"--sha256", sha, "--key", w.modules.key, "--path", w.Native.Path,
		"--memory", strconv.FormatUint(limits.Memory, 10), "--processor", limits.Processor.String(),
		"--output", strconv.FormatUint(limits.Output, 10),
		"--compilers", strconv.Itoa(compilers(runtime.NumCPU(), available(os.DirFS("/")), limits.Memory))}, more...)
	if w.Native.Lax {
		args = append(args, "--lax")
	}
	if w.Native.Time > 0 {
		args = append(args, "--time", w.Native.Time.String())
	}
	cmd := exec.CommandContext(ctx, w.Executable, args...)
	cmd.Args[0] = "faasmrun"
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// compilers is how many compilers run at once: one for each processor, as far as the memory that is free would do if
// each took all that it may. At least one does; if that is too much, the kernel ends it before anything else.
func compilers(processors int, free, each uint64) int {
	return int(max(1, min(uint64(processors), free/each)))
}

// makerPatience is how long a maker that is told to end may take to end its compilers and to remove what is unfinished.
const makerPatience = 5 * time.Second

// runMaker makes a module's machine code by a process that ends with this one. Its words come from the module, too.
func (w *Worker) runMaker(ctx context.Context, sha, program string, report func(string), more ...string) error {
	cmd := w.maker(ctx, sha, append(more, "--watched")...)
	agentWatch, end, err := os.Pipe()
	if err != nil {
		return asWorkerFault(fmt.Errorf("start the maker of machine code: %w", err))
	}
	defer end.Close()
	defer agentWatch.Close()
	cmd.Stdin = agentWatch
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = makerPatience
	var stderr head
	cmd.Stderr = &stderr
	lines, err := cmd.StdoutPipe()
	if err == nil {
		keepDescriptors()
		err = cmd.Start()
	}
	if err != nil {
		return asWorkerFault(fmt.Errorf("start the maker of machine code: %w", err))
	}
	for s := bufio.NewScanner(lines); s.Scan(); {
		report(s.Text())
	}
	err = cmd.Wait()
	words := strings.TrimSpace(string(stderr.b))
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.ExitCode() == 1 && words != "":
		return fmt.Errorf("%s: %s", program, words)
	case errors.As(err, &exit) && exit.ExitCode() == control.ExitNotNative && words != "":
		return notNative{program, words}
	case errors.As(err, &exit) && exit.ExitCode() == control.ExitOwnFault && words != "":
		return asWorkerFault(fmt.Errorf("%s: making machine code failed: %s", program, words))
	}
	return asWorkerFault(fmt.Errorf("%s: making machine code failed: %w: %s", program, err, crash([]byte(words))))
}

// tierUp has machine code made of a job's programs when it has run for a while without. The caller calls stop when the
// job has ended.
func (j *job) tierUp(start *control.Start) (stop func()) {
	if start.Native || j.w.Native == nil || j.spec.GetEngine() == schedpb.EngineWazero {
		return func() {}
	}
	later := time.AfterFunc(tierAfter, func() {
		for _, app := range j.spec.GetApps() {
			j.w.makeLater(app.GetModuleSha256(), app.GetProgram())
		}
	})
	return func() { later.Stop() }
}

// makeLater has a module's machine code made when nobody else wants the processors. A maker, which may take minutes, is
// ended when its worker begins to stop; only one of a launcher's, which most jobs are done before, goes on alone.
func (w *Worker) makeLater(sha, program string) {
	c := w.Native.Compiler
	if _, err := w.modules.findObject(sha, c); err == nil || w.modules.noObject(sha, c) != "" {
		return
	}
	if w.Ephemeral {
		if cmd := w.maker(context.Background(), sha, "--idle"); cmd.Start() == nil {
			cmd.Process.Release()
		}
		return
	}
	w.tasks.Go(func() {
		err := w.runMaker(w.aside, sha, program, func(string) {}, "--idle")
		if err != nil && w.aside.Err() == nil {
			w.Logger.Warn("jobs go on with wazero: no machine code was made", "program", program, "err", err)
		}
	})
}
