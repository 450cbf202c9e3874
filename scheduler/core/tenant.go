package core

import (
	"math/bits"
	"sort"
)

// Account is what the scheduler knows about one tenant.
type Account struct {
	Name Tenant

	// Usage is slot-milliseconds of ended placements, as they had decayed by UsageAt. What still runs comes on top.
	Usage   uint64
	UsageAt Time
	// Totals never decay.
	Jobs   uint64 // ended
	SlotMS uint64 // of ended placements
	CPU    Duration

	// Derived from the jobs.
	Slots   uint32 // held now
	Mem     uint64
	Running int
	Pending int
	Kept    uint64 // bytes of what is long of its jobs, each once
	Live    uint64 // of it, of jobs that have not ended
	began   int64  // the sum of slots times the moment they were taken, in milliseconds of scoreBase
	queue   queue
}

// exp2 holds 2^(-i/256) in 32 bits behind the point. Each entry is the one before times 2^(-1/256), rounded.
var exp2 = func() (t [257]uint64) {
	const step = 4283353945 // 2^(-1/256) * 2^32
	t[0] = 1 << 32
	for i := 1; i < len(t); i++ {
		hi, lo := bits.Mul64(t[i-1], step)
		sum, carry := bits.Add64(lo, 1<<31, 0)
		t[i] = (hi+carry)<<32 | sum>>32
	}
	return t
}()

// decayed is what is left of u after so many half-lives, given in 1/256.
func decayed(u uint64, parts uint64) uint64 {
	halves := parts / 256
	if halves >= 64 {
		return 0
	}
	hi, lo := bits.Mul64(u>>halves, exp2[parts%256])
	return hi<<32 | lo>>32
}

// parts is how many 1/256 half-lives lie between two moments.
func parts(from, to Time, half Duration) uint64 {
	if to <= from || half <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(to-from), 256)
	if hi >= uint64(half) {
		return 1 << 32
	}
	q, _ := bits.Div64(hi, lo, uint64(half))
	return q
}

// used is the tenant's usage now, running jobs included.
func (a *Account) used(now Time, half Duration) uint64 {
	running := int64(a.Slots)*millis(now) - a.began
	return decayed(a.Usage, parts(a.UsageAt, now, half)) + uint64(max(running, 0))
}

func millis(t Time) int64 { return int64(t)/int64(Millisecond) - scoreBase }

// shareFactor is 2^-(use/share) in 16 bits behind the point: 65536 for a tenant that has used nothing, half of it for
// one that has used just its share.
func shareFactor(used, total uint64, share, shares uint32) int64 {
	if total == 0 || used == 0 {
		return 1 << 16
	}
	hi, lo := bits.Mul64(min(used, total-1), 1<<16)
	part, _ := bits.Div64(hi, lo, total) // below 2^16
	halves := part * uint64(shares) * 256 / uint64(share)
	return int64(decayed(1<<16, halves>>16))
}

// account finds or opens a tenant's.
func (s *State) account(t Tenant) *Account {
	if a := s.byTenant[t]; a != nil {
		return a
	}
	a := &Account{Name: t}
	s.byTenant[t] = a
	i := sort.Search(len(s.accounts), func(i int) bool { return s.accounts[i].Name >= t })
	s.accounts = append(s.accounts, nil)
	copy(s.accounts[i+1:], s.accounts[i:])
	s.accounts[i] = a
	return a
}

// Accounts are all tenants ever seen, by name. The slice is the state's own.
func (s *State) Accounts() []*Account { return s.accounts }

// fairness is the points that each tenant gets, in thousandths, in the order of Accounts.
func (s *State) fairness(now Time) []int64 {
	points := make([]int64, len(s.accounts))
	used := make([]uint64, len(s.accounts))
	total, shares := uint64(0), uint32(0)
	for i, a := range s.accounts {
		used[i] = a.used(now, s.Policy.HalfLife)
		total += used[i]
		shares += s.Policy.Quota(a.Name).Shares
	}
	for i, a := range s.accounts {
		points[i] = s.Policy.FairShare * 1000 * shareFactor(used[i], total, s.Policy.Quota(a.Name).Shares, shares) >> 16
	}
	return points
}

// ShareUsed is a tenant's use now in slot-milliseconds, decayed, and the points that follow from it.
func (s *State) ShareUsed(a *Account, now Time) (used uint64, points int64) {
	for i, p := range s.fairness(now) {
		if s.accounts[i] == a {
			return a.used(now, s.Policy.HalfLife), p / 1000
		}
	}
	return 0, 0
}

// exhausted reports whether a quota keeps all of the tenant's jobs from starting now.
func (a *Account) exhausted(q *Quota) bool {
	return q.Running > 0 && a.Running >= q.Running || q.Slots > 0 && a.Slots >= q.Slots
}

// overQuota says what the tenant would exceed by running the job; "" for nothing.
func (a *Account) overQuota(q *Quota, j *Job) string { return a.over(q, j.slots(), j.mem()) }

func (a *Account) over(q *Quota, ranks uint32, mem uint64) string {
	switch {
	case q.Running > 0 && a.Running >= q.Running:
		return "its tenant's quota of running jobs"
	case q.Slots > 0 && a.Slots+ranks > q.Slots:
		return "its tenant's quota of slots"
	case q.Mem > 0 && a.Mem+mem > q.Mem:
		return "its tenant's quota of memory"
	}
	return ""
}
