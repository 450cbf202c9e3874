package core

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
)

// The newest steps of the newest placement are kept, whatever is told twice, late or of others.
func TestSteps(t *testing.T) {
	h := newTestCluster(t)
	h.do(WorkerConnected{Name: "n1", Slots: 4, Mem: 1 << 40, Engines: []Engine{{Name: ScriptEngine, MaxRankMem: 1 << 50}}})
	id := h.submit(Request{Ranks: 2, Requeue: true, Needs: Needs{Engine: ScriptEngine}, Spec: []byte("script")}).ID
	tell := func(number uint32, ended Time, state JobState) {
		h.do(StepReported{"n1", h.job(id).Ref(),
			Step{Number: number, Name: "a.wasm", Ranks: 2, Slots: 2, Started: 5, Ended: ended, State: state}})
	}
	tell(0, 0, Running)
	h.do(RanksStarted{"n1", h.job(id).Ref()})
	tell(1, 0, Running)
	tell(0, 9, Completed)
	tell(0, 0, Running) // late
	tell(0, 10, Failed) // once more
	tell(2, 7, Failed)
	h.do(StepReported{"n2", h.job(id).Ref(), Step{Number: 3, State: Running}})
	h.do(StepReported{"n1", JobRef{id, 77}, Step{Number: 3, State: Running}})
	numbers := func() (all []uint32) {
		for _, p := range h.job(id).Steps {
			all = append(all, p.Number)
		}
		return all
	}
	if steps := h.job(id).Steps; !slices.Equal(numbers(), []uint32{0, 1, 2}) || steps[0].Ended != 9 ||
		steps[0].State != Completed || steps[1].Ended != 0 {
		t.Fatalf("%+v", steps)
	}
	for _, wrong := range []Step{{Number: 9, State: Completed}, {Number: 9, Ended: 3, State: Running}} {
		if _, err := Decide(h.s, StepReported{"n1", h.job(id).Ref(), wrong}, h.now); err == nil {
			t.Errorf("%+v was taken", wrong)
		}
	}
	for n := range uint32(maxSteps) {
		tell(n+1, 20, Completed)
	}
	tell(0, 0, Running)
	h.do(StepReported{"n1", h.job(id).Ref(),
		Step{Number: 1000, Name: strings.Repeat("a", 999), Started: 5, State: Running}})
	if got := numbers(); len(got) != maxSteps || got[0] != 2 || got[maxSteps-1] != 1000 ||
		len(h.job(id).Steps[maxSteps-1].Name) != maxStepName {
		t.Errorf("%d steps from %d to %d are kept", len(got), got[0], got[len(got)-1])
	}
	var saved [][]byte
	for piece := range h.s.Pieces() {
		saved = append(saved, piece)
	}
	back := NewState(h.s.Policy)
	for _, piece := range saved {
		if err := back.LoadPiece(piece); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(back.Job(id).Steps, h.job(id).Steps) {
		t.Error("the steps are not in a snapshot")
	}
	for piece := range h.s.Outline() {
		if bytes.Contains(piece, []byte("a.wasm")) {
			t.Error("an outline names a step")
		}
	}
	h.do(Requeue{Job: id})
	h.do(RanksEnded{Worker: "n1", Ref: h.job(id).Ref(), Report: result.Report{Terminated: true}})
	if len(numbers()) != 0 || h.job(id).Epoch != 2 {
		t.Errorf("the steps %v of an earlier placement are kept", numbers())
	}
	if err := h.s.Check(); err != nil {
		t.Error(err)
	}
}
