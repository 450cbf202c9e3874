package worker

import (
	"cmp"
	"strconv"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// app describes a program of the job to the executor, with the job's numbers in its arguments and Slurm's variables in
// its environment. What differs between ranks the executor adds.
func (j *job) app(a *schedpb.App, module string) control.App {
	app := control.App{Module: module, Program: a.GetProgram(), Dir: a.GetDir(), Ranks: a.GetRanks(),
		CPUs: a.GetCpusPerRank()}
	for _, arg := range a.GetArgs() {
		app.Args = append(app.Args, j.argument(arg))
	}
	own := append(j.variables(), variable{name: "SLURM_CPUS_PER_TASK", value: strconv.FormatUint(j.cpusPerRank(a), 10)})
	ours := map[string]bool{}
	for _, v := range own {
		ours[v.name] = true
	}
	for _, v := range a.GetEnv() {
		if !ours[v.GetName()] {
			app.Env = append(app.Env, v.GetName()+"="+v.GetValue())
		}
	}
	for _, v := range own {
		if !v.absent {
			app.Env = append(app.Env, v.name+"="+v.value)
		}
	}
	for _, m := range a.GetMounts() {
		app.Mounts = append(app.Mounts, control.Mount{HostDir: m.GetHostDir(), GuestDir: m.GetGuestDir(),
			ReadOnly: m.GetReadOnly()})
	}
	return app
}

// variable is one of the job's. An absent one is removed from what the user gave: it would describe another job, in
// whose script the launcher was called.
type variable struct {
	name, value string
	absent      bool
}

// slots is how many the job holds here. Schedulers of 0.1.0 don't say: one for each rank.
func (j *job) slots() uint64 { return uint64(cmp.Or(j.order.GetSlots(), j.order.GetRanks())) }

// cpusPerRank is how many processors each rank of a program has: what it was asked for, else its part of the slots.
func (j *job) cpusPerRank(a *schedpb.App) uint64 {
	if n := a.GetCpusPerRank(); n > 0 {
		return uint64(n)
	}
	if len(j.spec.GetApps()) > 1 {
		return 1
	}
	return max(1, j.slots()/uint64(max(1, j.order.GetRanks())))
}

// stepVariables are those of a step, which has its job's from the script's environment.
func (j *job) stepVariables() []variable {
	ranks := strconv.FormatUint(uint64(j.order.GetRanks()), 10)
	step := strconv.FormatUint(j.key.id-1, 10)
	list := []variable{
		{name: "SLURM_JOBID", value: strconv.FormatUint(j.w.Within.Job, 10)},
		{name: "SLURM_STEP_ID", value: step},
		{name: "SLURM_STEPID", value: step},
		{name: "SLURM_STEP_NUM_TASKS", value: ranks},
		{name: "SLURM_STEP_TASKS_PER_NODE", value: ranks},
		{name: "SLURM_STEP_NUM_NODES", value: "1"},
		{name: "SLURM_STEP_NODELIST", value: j.w.Name},
		{name: "SLURM_NPROCS", value: ranks},
		{name: "SLURM_TASKS_PER_NODE", value: ranks},
	}
	return list
}

// variables are the job's, the same for all of its ranks.
func (j *job) variables() []variable {
	if j.w.Within != nil {
		return j.stepVariables()
	}
	o := j.order
	ranks := strconv.FormatUint(uint64(o.GetRanks()), 10)
	slots := strconv.FormatUint(j.slots(), 10) // each is a processor
	list := []variable{
		{name: "SLURM_JOBID", value: strconv.FormatUint(j.key.id, 10)},
		{name: "SLURM_JOB_NAME", value: o.GetName()},
		{name: "SLURM_JOB_USER", value: j.userName()},
		{name: "SLURM_JOB_QOS", value: j.spec.GetQos(), absent: j.spec.GetQos() == ""},
		{name: "SLURM_NNODES", value: "1"},
		{name: "SLURM_JOB_NUM_NODES", value: "1"},
		{name: "SLURM_NODEID", value: "0"},
		{name: "SLURM_JOB_NODELIST", value: j.w.Name},
		{name: "SLURM_NODELIST", value: j.w.Name},
		{name: "SLURMD_NODENAME", value: j.w.Name},
		{name: "SLURM_NPROCS", value: strconv.FormatUint(uint64(o.GetWorldSize()), 10)},
		{name: "SLURM_TASKS_PER_NODE", value: ranks},
		{name: "SLURM_JOB_CPUS_PER_NODE", value: slots},
		{name: "SLURM_CPUS_ON_NODE", value: slots},
	}
	inArray, shape := o.GetArrayId() != 0, j.spec.GetArrayShape()
	number := func(name string, n uint64, known bool) {
		list = append(list, variable{name, strconv.FormatUint(n, 10), !known})
	}
	number("SLURM_ARRAY_JOB_ID", o.GetArrayId(), inArray)
	number("SLURM_ARRAY_TASK_ID", uint64(o.GetArrayIndex()), inArray)
	number("SLURM_ARRAY_TASK_COUNT", uint64(shape.GetCount()), inArray && shape != nil)
	number("SLURM_ARRAY_TASK_MIN", uint64(shape.GetFirst()), inArray && shape != nil)
	number("SLURM_ARRAY_TASK_MAX", uint64(shape.GetLast()), inArray && shape != nil)
	number("SLURM_ARRAY_TASK_STEP", uint64(shape.GetStep()), inArray && shape != nil)
	return list
}
