package core

import (
	"fmt"
	"strings"
)

// A job's script runs steps on the job's slots, which nobody decides about here: what is known of them is kept for
// those who ask. The newest are, of the placement that runs or ran last.

// Step is a step of a job's script.
type Step struct {
	Number         uint32 // from 0 on
	Name           string
	Ranks          uint32
	Slots          uint32
	Started, Ended Time     // by the worker's clock; Ended 0: it runs
	State          JobState // Running, or how it ended
	ExitCode       int32
}

// Bounds of what is kept of a job's steps.
const (
	maxSteps     = 256
	stepOverhead = 64  // bytes that one takes beside its name
	maxStepName  = 256 // bytes
)

// StepReported: a step has begun or ended.
type StepReported struct {
	Worker WorkerName
	Ref    JobRef
	Step   Step
}

// StepNoted keeps what is known of a step, in place of what was known before.
type StepNoted struct {
	Ref  JobRef
	Step Step
}

func (*StepNoted) kind() kind        { return kindStepNoted }
func (t *StepNoted) fields(c *codec) { c.ref(&t.Ref); t.Step.fields(c) }

func (p *Step) fields(c *codec) {
	c.uint32(&p.Number)
	c.string(&p.Name)
	c.uint32(&p.Ranks)
	c.uint32(&p.Slots)
	c.time(&p.Started)
	c.time(&p.Ended)
	c.state(&p.State)
	c.int32(&p.ExitCode)
}

// step is where a step of a number is, or would be, and whether it is there.
func (j *Job) step(number uint32) (at int, found bool) {
	at = len(j.Steps)
	for at > 0 && j.Steps[at-1].Number >= number { // it is one of the newest
		at--
	}
	return at, at < len(j.Steps) && j.Steps[at].Number == number
}

func (e StepReported) decide(s *State, _ Time) ([]Transition, error) {
	j := s.jobs[e.Ref.Job]
	if !j.on(e.Worker, e.Ref) || j.Needs.Engine != ScriptEngine {
		return nil, nil
	}
	step := e.Step
	step.Name = strings.ToValidUTF8(step.Name[:min(len(step.Name), maxStepName)], "")
	at, known := j.step(step.Number)
	switch {
	case known && (j.Steps[at].Ended != 0 || step.Ended == 0): // it was known, and is told again
		return nil, nil
	case !known && at == 0 && len(j.Steps) == maxSteps: // it was forgotten
		return nil, nil
	case step.Ended == 0 && step.State != Running, step.Ended != 0 && !step.State.Terminal():
		return nil, fmt.Errorf("%w: step %d of job %d can't be %s", ErrInvalid, step.Number, j.ID, step.State)
	}
	return []Transition{&StepNoted{e.Ref, step}}, nil
}

func (t *StepNoted) apply(s *State) error {
	j := s.jobs[t.Ref.Job]
	if j == nil || j.Epoch != t.Ref.Epoch || !j.State.Holds() {
		return fmt.Errorf("step %d of job %d is out of turn", t.Step.Number, t.Ref.Job)
	}
	at, known := j.step(t.Step.Number)
	switch {
	case known:
		j.Steps[at] = t.Step
		return nil
	case len(j.Steps) == maxSteps && at == 0:
		return nil
	case len(j.Steps) == maxSteps:
		copy(j.Steps, j.Steps[1:at])
		j.Steps[at-1] = t.Step
		return nil
	}
	j.Steps = append(j.Steps, Step{})
	copy(j.Steps[at+1:], j.Steps[at:])
	j.Steps[at] = t.Step
	return nil
}

// kept is how many bytes of what is long a job that has ended keeps, beside what it shares with others.
func (j *Job) kept() uint64 {
	if !j.State.Terminal() {
		return 0
	}
	n := uint64(len(j.End.Detail))
	for i := range j.Steps {
		n += stepOverhead + uint64(len(j.Steps[i].Name))
	}
	return n
}
