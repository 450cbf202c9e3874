package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// A job with a script has a supervisor in place of an executor: a process of the tenant's user that runs the script and
// the steps in it. To this worker it is the same: it is told to start, makes the log and the exit record, and is
// adopted by the next worker.

// scriptEngine is what a worker announces about scripts.
func (w *Worker) scriptEngine() []*schedpb.Engine {
	if w.Ephemeral {
		return nil
	}
	e := &schedpb.Engine{Name: schedpb.EngineScript, MaxRankMemBytes: maxScriptMemory}
	if w.NoScripts {
		e.Missing = "it was started with --no-scripts"
	}
	return []*schedpb.Engine{e}
}

// maxScriptMemory is more than any machine has: a script's memory is bounded by its job's.
const maxScriptMemory = 1 << 50

// mayRunScript refuses what is not to run here as anybody but the tenant. It is called once it is known as whom the job
// would run.
func (j *job) mayRunScript() error {
	if j.w.NoScripts || j.w.Ephemeral {
		return fmt.Errorf("the worker %s runs no scripts (--no-scripts)", j.w.Name)
	}
	if j.as != nil {
		return nil
	}
	tenant := j.order.GetTenant()
	if number, local := strings.CutPrefix(tenant, localTenant); local && number == strconv.Itoa(os.Geteuid()) {
		return nil
	}
	own := ""
	if me, err := user.Current(); err == nil {
		own = me.Username
	}
	name, mapped := j.w.Users[tenant]
	if !mapped {
		name = tenant
	}
	if own != "" && name == own {
		return nil
	}
	return fmt.Errorf("a script runs natively, as its tenant's own user, and the worker %s could only run that of %s as "+
		"its own user, %s: it has to run as root for that, or, where %s is that user, with --user %s=%s", j.w.Name,
		tenant, own, tenant, tenant, own)
}

// supervisor starts a process for the job's script.
func (j *job) supervisor() (p *process, err error) {
	if j.as == nil {
		p, err = j.w.spawner.spawn(supervisorVerb, nil)
	} else {
		p, err = j.w.spawnAs(supervisorVerb, j.as)
	}
	if err == nil {
		p.tenant, p.supervises = j.order.GetTenant(), true
	}
	return p, err
}

// prepareScript says what the supervisor needs to know.
func (j *job) prepareScript(start *control.Start, x *schedpb.Script) {
	s := &control.Script{Text: x.GetText(), Name: x.GetName(), Args: x.GetArgs(), Dir: x.GetDir(),
		Mark: j.mark(), Slots: uint32(j.slots()), MemBytes: j.memoryLimit(), Engine: "auto"}
	if x.GetStdin() != "" {
		s.Stdin = expand(x.GetStdin(), j.patternValue(0))
	}
	if j.w.Native != nil {
		s.Lax = j.w.Native.Lax
	}
	if len(j.w.Engines) == 1 {
		s.Engine = j.w.Engines[0].GetName()
	}
	if j.as == nil {
		s.CacheDir = j.w.CacheDir // another user must not write what the worker believes
	}
	if warn := x.GetWarning(); warn != nil && j.spec.GetTimeLimitMs() > 0 {
		limit, before := time.Duration(j.spec.TimeLimitMs)*time.Millisecond, time.Duration(warn.BeforeMs)*time.Millisecond
		s.Signal, s.SignalAt, s.SignalScript = warn.Number, max(0, limit-before), warn.Script
	}
	s.Env = j.scriptEnvironment(x)
	start.Script = s
	kept := "its control group, and its supervisor"
	if !j.w.Groups.Kills() {
		kept = "its supervisor: there is no control group"
	}
	j.w.Logger.Info("a job has a script", "job", j.key.id, "what it leaves is ended by", kept)
	start.IdleTimeout = 0
}

// scriptEnvironment is what the user gave, and the job's variables, by the names that scripts know.
func (j *job) scriptEnvironment(x *schedpb.Script) (env []string) {
	number := strconv.FormatUint(j.key.id, 10)
	tasks := strconv.FormatUint(uint64(x.GetTasks()), 10)
	own := append(j.variables(),
		variable{name: "SLURM_JOB_ID", value: number},
		variable{name: "SLURM_NTASKS", value: tasks},
		variable{name: "SLURM_CPUS_PER_TASK", value: strconv.FormatUint(uint64(x.GetCpusPerTask()), 10),
			absent: x.GetCpusPerTask() == 0},
		variable{name: "SLURM_PROCID", value: "0"},
		variable{name: "SLURM_LOCALID", value: "0"},
		variable{name: "SLURM_RESTART_COUNT", value: strconv.FormatUint(uint64(j.order.GetRestarts()), 10)},
		variable{name: "SLURM_STEP_ID", absent: true}, variable{name: "SLURM_STEPID", absent: true},
		variable{name: "FAASMRUN_JOB_ID", value: number},
		variable{name: "FAASMRUN_SLOTS", value: strconv.FormatUint(j.slots(), 10)},
		variable{name: "SLURM_JOB_GPUS", value: j.gpus(), absent: j.gpus() == ""},
		variable{name: "CUDA_VISIBLE_DEVICES", value: j.gpus(), absent: j.gpus() == ""},
		variable{name: "PWD", value: x.GetDir()})
	ours := map[string]bool{control.MarkVariable: true, control.StepsVariable: true}
	for _, v := range own {
		ours[v.name] = true
	}
	for _, v := range x.GetEnv() {
		if !ours[v.GetName()] {
			env = append(env, v.GetName()+"="+v.GetValue())
		}
	}
	for _, v := range own {
		if !v.absent {
			env = append(env, v.name+"="+v.value)
		}
	}
	return env
}

// gpus are the numbers of the job's processors of graphics.
func (j *job) gpus() string {
	var numbers []string
	for _, u := range j.order.GetUnits() {
		if u.GetName() == "gpu" {
			numbers = append(numbers, strconv.FormatUint(uint64(u.GetNumber()), 10))
		}
	}
	return strings.Join(numbers, ",")
}

// mark is in the environment of whatever the job's script starts, and of nothing else on this machine.
func (j *job) mark() string { return j.w.state.ID() + "/" + j.key.String() }

// killMarked kills what is left of a script where there is no control group to kill: all that has its mark. A process
// that has emptied its environment, and whose supervisor was killed, is not found.
func (j *job) killMarked() {
	entry := []byte(control.MarkVariable + "=" + j.mark())
	for found := true; found; {
		found = false
		environs, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, file := range environs {
			env, err := os.ReadFile(file)
			if err != nil || !hasEntry(env, entry) {
				continue
			}
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
				found = true
			}
		}
		if found {
			time.Sleep(killPause)
		}
	}
}

// killPause is left to what was killed, before a look at what it has started meanwhile.
const killPause = 2 * time.Millisecond

// hasEntry reports whether an environment, as /proc shows it, has a variable with its value.
func hasEntry(env, entry []byte) bool {
	for part := range bytes.SplitSeq(env, []byte{0}) {
		if bytes.Equal(part, entry) {
			return true
		}
	}
	return false
}

// cleanUpScript removes what a script's supervisor leaves when it is killed.
func (j *job) cleanUpScript(p *process) {
	if j.spec.GetScript() == nil {
		return
	}
	if p.group == nil || !j.w.Groups.Kills() {
		j.killMarked()
	}
	who, err := j.w.identityOf(j.order.GetTenant())
	if err != nil {
		return
	}
	err = as(who, func() error {
		dir, err := os.ReadFile(j.file(control.PrivateFile))
		if err != nil { // it was removed, and the file with it
			return nil
		}
		if path := string(dir); filepath.IsAbs(path) && strings.HasPrefix(filepath.Base(path), control.PrivatePrefix) {
			err = os.RemoveAll(path)
		}
		return errors.Join(err, os.Remove(j.file(control.PrivateFile)))
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		j.w.Logger.Warn("removing what a script has left", "job", j.key.id, "err", err)
	}
}

// maxSteps is how many steps are told again after a lost connection: as many as a scheduler keeps.
const maxSteps = 256

// stepChanged passes on what the supervisor says of a step. It is the tenant's process: the scheduler believes it about
// this job alone.
func (j *job) stepChanged(m *control.Step) {
	m.Name, m.State = result.Text(m.Name, maxWhere), result.Text(m.State, maxWhere)
	j.mu.Lock()
	at := slices.IndexFunc(j.steps, func(p *control.Step) bool { return p.Number == m.Number })
	switch {
	case at >= 0:
		j.steps[at] = m
	case len(j.steps) == maxSteps:
		j.steps = append(slices.Delete(j.steps, 0, 1), m)
	default:
		j.steps = append(j.steps, m)
	}
	j.mu.Unlock()
	j.w.report(j.step(m))
}

func (j *job) step(m *control.Step) *schedpb.WorkerMessage {
	return &schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Step{Step: &schedpb.JobStep{Job: j.key.ref(),
		Step: &schedpb.StepInfo{Number: m.Number, Name: m.Name, Ranks: m.Ranks, Slots: m.Slots,
			StartedUnixNs: int64(m.Started), EndedUnixNs: int64(m.Ended), State: m.State, ExitCode: m.ExitCode}}}}
}
