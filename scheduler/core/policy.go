package core

// Policy is what an administrator sets. It is no part of what is journalled: a transition carries whatever the policy
// said when it was decided, so another policy never rewrites history.
type Policy struct {
	TimeLimit     Duration // of a job that names none; 0: none
	Grace         Duration // how long a lost worker's jobs are waited for
	AttachWithin  Duration // how long an interactive job waits for its launcher
	KillAfter     Duration // how long a job may take to end politely
	Fixed         bool     // no other worker will ever come: what fits none is refused, not queued
	KeepEnded     int      // how many ended jobs the state remembers
	MaxRanks      uint32
	MaxMemPerRank uint64
	MaxPending    int // jobs waiting in the queue
}

// DefaultPolicy is what is used where nothing is said.
func DefaultPolicy() Policy {
	return Policy{
		Grace:        5*Minute + 30*Second, // the worker's own grace of 5 minutes, plus a margin
		AttachWithin: Minute,
		KillAfter:    10 * Second,
		KeepEnded:    10_000,
		MaxRanks:     1 << 20,
		// A linear memory of wasm32 ends at 4 GiB.
		MaxMemPerRank: 1 << 32,
		MaxPending:    1_000_000,
	}
}
