package sim

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/faasmrun/faasmrun/scheduler/core"
)

// Lublin generates jobs as Lublin and Feitelson found them on real machines ("The workload on parallel supercomputers",
// 2003, model for batch jobs): sizes from a two-stage uniform distribution with a liking for powers of two, running
// times from a hyper-gamma that grows with size, arrivals with a daily cycle. What users ask for as a limit is beyond
// what they need, by a factor, as in the traces.
type Lublin struct {
	Seed    uint64
	Jobs    int
	Width   uint32  // ranks of the largest job
	Slots   uint64  // of the machine
	Load    float64 // of the machine, roughly: arrivals are scaled to it
	Tenants int
	MaxRun  core.Duration
}

// Policy changes one to what is compared, by name: easy, fcfs, or nofair (easy without fair share).
func Policy(name string, p core.Policy) (core.Policy, error) {
	switch name {
	case "easy":
		p.Backfill = true
	case "fcfs":
		p.Backfill, p.FairShare, p.PerRank = false, 0, 0
	case "nofair":
		p.FairShare = 0
	default:
		return p, fmt.Errorf("there is no policy %q; easy, fcfs, nofair and FILE.json are", name)
	}
	return p, nil
}

// Workload starts the stream of jobs.
func (l Lublin) Workload() Workload {
	rnd := rand.New(rand.NewPCG(l.Seed, 2))
	gap := l.meanArea() / (float64(l.Slots) * l.Load)
	at, n := 0.0, 0
	return func() (Job, bool) {
		if n == l.Jobs {
			return Job{}, false
		}
		n++
		at += rnd.ExpFloat64() * gap / daily(at)
		ranks := l.size(rnd)
		run := l.runtime(rnd, ranks)
		limit := run * (1 + 4*rnd.Float64()*rnd.Float64())
		return Job{At: start.After(duration(at)), Ranks: ranks, Run: duration(run), Limit: duration(math.Ceil(limit/60) * 60),
			Tenant: tenant(rnd.IntN(max(1, l.Tenants)))}, true
	}
}

func duration(seconds float64) core.Duration { return core.Duration(seconds * float64(core.Second)) }

func tenant(n int) core.Tenant {
	return core.Tenant([]byte{'u', byte('a' + n/26%26), byte('a' + n%26)})
}

// meanArea is how many slot-seconds a job takes, from a sample.
func (l Lublin) meanArea() float64 {
	rnd := rand.New(rand.NewPCG(l.Seed, 3))
	sum := 0.0
	const sample = 20_000
	for range sample {
		ranks := l.size(rnd)
		sum += float64(ranks) * l.runtime(rnd, ranks)
	}
	return sum / sample
}

// size: a quarter of the jobs are serial, more than half of the others powers of two.
func (l Lublin) size(rnd *rand.Rand) uint32 {
	const serial, pow2, low, prob = 0.244, 0.576, 0.8, 0.86
	if rnd.Float64() < serial {
		return 1
	}
	high := math.Log2(float64(l.Width))
	mid := max(low, high-2.5)
	from, to := low, mid
	if rnd.Float64() >= prob {
		from, to = mid, high
	}
	bits := from + (to-from)*rnd.Float64()
	size := math.Pow(2, bits)
	if rnd.Float64() < pow2 {
		size = math.Pow(2, math.Round(bits))
	}
	return min(max(2, uint32(math.Round(size))), l.Width)
}

// runtime in seconds.
func (l Lublin) runtime(rnd *rand.Rand, ranks uint32) float64 {
	p := min(0.95, max(0.05, -0.0054*float64(ranks)+0.78))
	log := 0.0
	if rnd.Float64() < p {
		log = gamma(rnd, 4.2, 0.94)
	} else {
		log = gamma(rnd, 312, 0.03)
	}
	longest := float64(l.MaxRun) / float64(core.Second)
	if longest == 0 {
		longest = 2 * 24 * 3600
	}
	return max(1, min(math.Exp(log), longest))
}

// daily is how busy users are at a time of day, 1 on average: a bell from 8 to 20 hours on a base.
func daily(at float64) float64 {
	hour := math.Mod(at/3600, 24)
	return 0.4 + 1.44*math.Exp(-(hour-14)*(hour-14)/(2*4*4))
}

// gamma draws from a gamma distribution (Marsaglia and Tsang, 2000).
func gamma(rnd *rand.Rand, shape, scale float64) float64 {
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := rnd.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-rnd.Float64()) < 0.5*x*x+d-d*v+d*math.Log(v) {
			return d * v * scale
		}
	}
}
