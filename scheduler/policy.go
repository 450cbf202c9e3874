package scheduler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/scheduler/core"
)

// Policy is core's, for those who read one, keep it and hand it on.
type Policy = core.Policy

// A policy's file is JSON. What it leaves out stays as it was; what it misspells is an error.

type policyFile struct {
	TimeLimit   *policyDuration      `json:"time_limit,omitempty"`
	KillAfter   *policyDuration      `json:"kill_after,omitempty"`
	Backfill    *bool                `json:"backfill,omitempty"`
	Depth       *int                 `json:"depth,omitempty"`
	AgePerHour  *int64               `json:"age_per_hour,omitempty"`
	PerRank     *int64               `json:"per_rank,omitempty"`
	FairShare   *int64               `json:"fair_share,omitempty"`
	HalfLife    *policyDuration      `json:"half_life,omitempty"`
	MaxRanks    *uint32              `json:"max_ranks,omitempty"`
	MaxPending  *int                 `json:"max_pending,omitempty"`
	MaxArray    *int                 `json:"max_array,omitempty"`
	MaxRestarts *uint32              `json:"max_restarts,omitempty"`
	KeepEnded   *int                 `json:"keep_ended,omitempty"`
	QOS         map[string]qosFile   `json:"qos,omitempty"`
	Tenants     map[string]quotaFile `json:"tenants,omitempty"`
	Others      *quotaFile           `json:"others,omitempty"`
}

type qosFile struct {
	Points    int64    `json:"points"`
	Preempts  []string `json:"preempts,omitempty"`
	Preempted string   `json:"preempted,omitempty"`
}

type quotaFile struct {
	Shares       uint32      `json:"shares,omitempty"`
	Slots        uint32      `json:"slots,omitempty"`
	Mem          policyBytes `json:"mem,omitempty"`
	Running      int         `json:"running,omitempty"`
	Pending      int         `json:"pending,omitempty"`
	Output       policyBytes `json:"output,omitempty"`
	Descriptions policyBytes `json:"descriptions,omitempty"`
}

// policyDuration is "90s", "24h" or "7d".
type policyDuration core.Duration

func (d policyDuration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *policyDuration) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is no duration; 90s, 24h and 7d are", s)
		}
		*d = policyDuration(24 * time.Hour * time.Duration(n))
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is no duration; 90s, 24h and 7d are", s)
	}
	*d = policyDuration(v)
	return nil
}

// policyBytes is "512M", "64G" or a plain number in quotes.
type policyBytes uint64

func (b policyBytes) MarshalText() ([]byte, error) {
	return strconv.AppendUint(nil, uint64(b), 10), nil
}

func (b *policyBytes) UnmarshalText(text []byte) error {
	size, ok := bytesize.Parse(string(text))
	if !ok {
		return fmt.Errorf("%q is no size; 512M, 64G and 1048576 are", text)
	}
	*b = policyBytes(size)
	return nil
}

// defaultTimeLimit is what a job on a cluster gets that names no limit: without one nothing could be planned behind it.
const defaultTimeLimit = 24 * core.Hour

// DefaultPolicy is what holds where nothing is said.
func DefaultPolicy() Policy { return core.DefaultPolicy() }

// ClusterPolicy is what a file says on top of what holds on every cluster.
func ClusterPolicy(data []byte) (core.Policy, error) {
	p := core.DefaultPolicy()
	p.TimeLimit = defaultTimeLimit
	return ParsePolicy(data, p)
}

// ParsePolicy reads what a policy's file says on top of another policy.
func ParsePolicy(data []byte, p core.Policy) (core.Policy, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var f policyFile
	if err := d.Decode(&f); err != nil {
		return p, fmt.Errorf("the policy can't be read: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return p, fmt.Errorf("the policy can't be read: there is more behind its end")
	}
	f.fields(&p, true)
	if f.QOS != nil {
		p.QOS = map[string]core.QOS{"": {}}
	}
	for name, q := range f.QOS {
		mode := max(0, slices.Index(core.PreemptModes, q.Preempted))
		if q.Preempted != "" && core.PreemptModes[mode] != q.Preempted {
			return p, fmt.Errorf("the policy's qos %q: preempted is one of %s, not %q", name,
				strings.Join(core.PreemptModes, ", "), q.Preempted)
		}
		p.QOS[name] = core.QOS{Points: q.Points, Preempts: q.Preempts, Preempted: core.PreemptMode(mode)}
	}
	if f.Tenants != nil {
		p.Tenants = map[core.Tenant]core.Quota{}
	}
	for name, q := range f.Tenants {
		p.Tenants[core.Tenant(name)] = q.quota()
	}
	if f.Others != nil {
		p.Others = f.Others.quota()
	}
	return p, checkPolicy(&p)
}

// EncodePolicy writes a whole policy as ParsePolicy reads it.
func EncodePolicy(p core.Policy) ([]byte, error) {
	f := policyFile{QOS: map[string]qosFile{}, Tenants: map[string]quotaFile{}}
	f.fields(&p, false)
	for name, q := range p.QOS {
		f.QOS[name] = qosFile{q.Points, q.Preempts, core.PreemptModes[q.Preempted]}
	}
	for name, q := range p.Tenants {
		f.Tenants[string(name)] = newQuotaFile(q)
	}
	others := newQuotaFile(p.Others)
	f.Others = &others
	return json.Marshal(f)
}

func (q quotaFile) quota() core.Quota {
	return core.Quota{Shares: q.Shares, Slots: q.Slots, Mem: uint64(q.Mem), Running: q.Running, Pending: q.Pending,
		Output:       uint64(q.Output),
		Descriptions: uint64(q.Descriptions)}
}

func newQuotaFile(q core.Quota) quotaFile {
	return quotaFile{q.Shares, q.Slots, policyBytes(q.Mem), q.Running, q.Pending, policyBytes(q.Output),
		policyBytes(q.Descriptions)}
}

// fields walks what file and policy have alike, so that reading and writing can't drift apart.
func (f *policyFile) fields(p *core.Policy, reading bool) {
	copyField(reading, &f.TimeLimit, (*policyDuration)(&p.TimeLimit))
	copyField(reading, &f.KillAfter, (*policyDuration)(&p.KillAfter))
	copyField(reading, &f.HalfLife, (*policyDuration)(&p.HalfLife))
	copyField(reading, &f.Backfill, &p.Backfill)
	copyField(reading, &f.Depth, &p.Depth)
	copyField(reading, &f.AgePerHour, &p.AgePerHour)
	copyField(reading, &f.PerRank, &p.PerRank)
	copyField(reading, &f.FairShare, &p.FairShare)
	copyField(reading, &f.MaxRanks, &p.MaxRanks)
	copyField(reading, &f.MaxPending, &p.MaxPending)
	copyField(reading, &f.MaxArray, &p.MaxArray)
	copyField(reading, &f.MaxRestarts, &p.MaxRestarts)
	copyField(reading, &f.KeepEnded, &p.KeepEnded)
}

func copyField[T any](reading bool, file **T, policy *T) {
	if !reading {
		*file = policy
	} else if *file != nil {
		*policy = **file
	}
}

// checkPolicy refuses what would not make sense, or would let sums overflow.
func checkPolicy(p *core.Policy) error {
	const points = 1_000_000_000
	within := func(what string, v, low, high int64) error {
		if v < low || v > high {
			return fmt.Errorf("the policy's %s is %d; it must be from %d to %d", what, v, low, high)
		}
		return nil
	}
	err := firstError(within("depth", int64(p.Depth), 1, 1_000_000),
		within("age_per_hour", p.AgePerHour, 0, 1_000_000), within("per_rank", p.PerRank, 0, 1_000_000),
		within("fair_share", p.FairShare, 0, points), within("max_ranks", int64(p.MaxRanks), 1, 1<<20),
		within("max_pending", int64(p.MaxPending), 1, 10_000_000), within("max_array", int64(p.MaxArray), 1, 1_000_000),
		within("keep_ended", int64(p.KeepEnded), 0, 10_000_000),
		within("half_life in seconds", int64(p.HalfLife/core.Second), 1, 1<<32))
	for _, name := range slices.Sorted(maps.Keys(p.QOS)) {
		q := p.QOS[name]
		err = firstError(err, within(fmt.Sprintf("points of qos %q", name), q.Points, -points, points))
		for _, other := range q.Preempts {
			if _, known := p.QOS[other]; !known {
				err = firstError(err, fmt.Errorf("the policy's qos %q preempts %q, which does not exist", name, other))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Tenants)) {
		err = firstError(err, checkQuota("tenant "+string(name), p.Tenants[name]))
	}
	return firstError(err, checkQuota("others", p.Others))
}

func checkQuota(whose string, q core.Quota) error {
	if q.Shares > 10_000 || q.Running < 0 || q.Pending < 0 {
		return fmt.Errorf("the policy's quota of %s: at most 10000 shares, and no number below 0", whose)
	}
	return nil
}
