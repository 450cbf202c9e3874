package sim

import "github.com/faasmrun/faasmrun/scheduler/core"

// Faults are what goes wrong, as mean times between; 0: never.
type Faults struct {
	WorkerCrash    core.Duration // a machine goes off, and comes back empty
	WorkerRestart  core.Duration // a daemon restarts; its executors live on
	WorkerStop     core.Duration // a daemon says goodbye; its executors live on, or end with it
	StateLost      core.Duration // a daemon restarts without its state; its executors live on, and nobody knows of them
	LaunchFailures uint64        // one start in so many fails by the worker's fault; 0: none
	Partition      core.Duration // a worker is cut off for a while, longer than its grace or not
	SchedulerCrash core.Duration
	FullDisk       core.Duration // a worker takes no new jobs for a while
	Drain          core.Duration // an administrator keeps jobs off a worker for a while
	// FailPoints crashes the scheduler at a named point once in so many decisions; 0: never.
	FailPoints uint64
	Delay      core.Duration // of a message, at most
}

// failPoint names a point at which the scheduler's process can end.
type failPoint string

const (
	beforeJournal failPoint = "before the journal"
	beforeActs    failPoint = "between journal and acts"
)

// HeavyFaults has everything happen all the time.
func HeavyFaults() Faults {
	return Faults{WorkerCrash: 5 * core.Minute, WorkerRestart: 3 * core.Minute, WorkerStop: 4 * core.Minute,
		StateLost: 6 * core.Minute, LaunchFailures: 50, Partition: 4 * core.Minute,
		SchedulerCrash: 4 * core.Minute, FullDisk: 6 * core.Minute, Drain: 10 * core.Minute, FailPoints: 200,
		Delay: 2 * core.Second}
}

func (f Faults) crashAt(s *Sim, _ failPoint) bool {
	return f.FailPoints > 0 && !s.finished() && s.rnd.Uint64N(f.FailPoints) == 0
}

func (f Faults) delay(s *Sim) core.Duration {
	if f.Delay == 0 {
		return 0
	}
	return core.Duration(s.rnd.Int64N(int64(f.Delay)))
}

func (f Faults) arm(s *Sim) {
	s.every(f.WorkerCrash, func() {
		w := s.anyWorker()
		if w.dead {
			return
		}
		w.dead = true
		w.abandon() // what ran there is gone with the machine, and so is what had not been acknowledged
		clear(w.ended)
		for r := range w.strays {
			w.stop(r)
		}
		w.cutBoth()
		s.after(core.Duration(s.rnd.Int64N(int64(5*core.Minute))), func() { w.dead = false; w.connect() })
	})
	s.every(f.WorkerRestart, func() { s.anyWorker().cutBoth() })
	s.every(f.WorkerStop, func() {
		if w := s.anyWorker(); w.up && !w.parting {
			w.sayGoodbye(s.rnd.IntN(2) == 0)
		}
	})
	s.every(f.StateLost, func() {
		if w := s.anyWorker(); !w.dead {
			w.cutBoth()
			w.loseState()
		}
	})
	s.every(f.Partition, func() {
		w := s.anyWorker()
		if w.away {
			return
		}
		w.away = true
		w.cutBoth()
		s.after(core.Duration(s.rnd.Int64N(int64(3*workerGrace))), func() { w.away = false; w.connect() })
	})
	s.every(f.FullDisk, func() {
		w := s.anyWorker()
		w.setUnfit("its disk is full")
		s.after(core.Duration(s.rnd.Int64N(int64(2*core.Minute))), func() { w.setUnfit("") })
	})
	s.every(f.Drain, func() {
		w := s.anyWorker()
		s.drain(w, "repairs")
		s.after(core.Duration(s.rnd.Int64N(int64(2*core.Minute))), func() { s.drain(w, "") })
	})
	s.every(f.SchedulerCrash, func() {
		if !s.down {
			s.crash()
		}
	})
}

// every has f happen at random moments.
func (s *Sim) every(mean core.Duration, f func()) {
	if mean == 0 {
		return
	}
	s.after(core.Duration(s.rnd.Int64N(int64(2*mean))), func() {
		if !s.finished() {
			f()
			s.every(mean, f)
		}
	})
}

// setUnfit has a worker say with its next heartbeat that it takes no new jobs, or that it does again.
func (w *worker) setUnfit(why string) {
	w.unfit = why
	w.send(core.Unfit{Worker: w.name, Reason: why}, nil)
}

// drain is an administrator's call. It is lost on a scheduler that is down, but for one that undoes another.
func (s *Sim) drain(w *worker, why string) {
	switch known := s.state.Worker(w.name) != nil; {
	case s.down && why == "":
		s.after(core.Second, func() { s.drain(w, why) })
	case !s.down && known:
		s.decide(core.Drain{Worker: w.name, Reason: why}, nil)
	}
}

func (s *Sim) anyWorker() *worker { return s.workers[s.names[s.rnd.IntN(len(s.names))]] }

// cutBoth breaks a connection at both ends; the scheduler may notice later, but before the worker is back.
func (w *worker) cutBoth() {
	if w.up {
		w.cut()
		w.disconnected()
	}
}
