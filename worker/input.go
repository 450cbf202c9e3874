package worker

import (
	"syscall"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// input is how far a job's numbered input has come. The job's mu guards it.
type input struct {
	seq      uint64 // the last item that was handed to the executor
	plain    bool   // the executor is of an earlier release and knows no numbers: what was handed on counts as received
	unknown  bool   // seq is: an earlier worker's executor has not said yet what it has
	halt     uint64 // the last item that stopped or continued the executor
	received uint64 // as the executor says
	taken    uint64 // bytes of standard input
}

// input hands the next item on. Items that were handed on before, or that follow one that was lost, come again when the
// launcher is told so (JobStarted). Stopping and continuing is this worker's to do, and can't wait for an executor that
// is stopped.
func (j *job) input(in *schedpb.Input) {
	number := syscall.Signal(in.GetSignal().GetNumber())
	halts := number == syscall.SIGTSTP || number == syscall.SIGCONT
	j.mu.Lock()
	halt := halts && in.GetSeq() > j.in.halt
	if halt {
		j.in.halt = in.GetSeq()
	}
	if j.in.plain && j.in.unknown { // nobody has handed on any before
		j.in.seq, j.in.unknown = in.GetSeq()-1, false
	}
	next := !j.in.unknown && in.GetSeq() == j.in.seq+1
	if next {
		j.in.seq++
	}
	plain := j.in.plain
	j.mu.Unlock()
	if halt {
		j.signal(int32(number))
	}
	if !next {
		return
	}
	m := &control.Input{Seq: in.GetSeq(), Data: in.GetStdin().GetData(), EOF: in.GetStdin().GetEof()}
	if !halts {
		m.Signal = int32(number)
	}
	if in.GetQueryRanks() != nil {
		j.query() // asking twice does no harm
	}
	if plain {
		j.plainly(m)
		return
	}
	if !j.orders.put(m) {
		j.endRanks(&termination{excessInput: true})
	}
}

// inputTaken handles the executor's InputTaken. The first one of an executor that an earlier worker started says where
// to go on.
func (j *job) inputTaken(m *control.InputTaken) {
	j.mu.Lock()
	if j.in.unknown {
		j.in.seq, j.in.unknown = m.Received, false
	}
	j.in.received, j.in.taken = m.Received, m.Stdin
	in := j.in
	j.mu.Unlock()
	j.w.report(j.received(in))
}

func (j *job) received(in input) *schedpb.WorkerMessage {
	return &schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_InputTaken{InputTaken: &schedpb.JobInputTaken{
		Job: j.key.ref(), Taken: &schedpb.InputTaken{Received: in.received, StdinBytes: in.taken}}}}
}

// plainly hands an item to an executor of release 0.1.0, in the messages of that. Its jobs are batch jobs, which nobody
// feeds.
func (j *job) plainly(m *control.Input) {
	if len(m.Data) > 0 || m.EOF {
		j.orders.put(&control.Stdin{Data: m.Data, EOF: m.EOF})
	}
	if m.Signal != 0 {
		j.orders.put(&control.Signal{Number: m.Signal})
	}
	j.mu.Lock()
	taken := j.taken
	j.mu.Unlock()
	j.inputTaken(&control.InputTaken{Received: m.Seq, Stdin: taken})
}
