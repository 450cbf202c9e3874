package core

import (
	"crypto/sha256"
	"fmt"
)

// details are the parts of a request that may be long: what it waits for, where it may run, and Spec. The jobs of a
// tenant that have them alike, as the tasks of an array do, share them. They stand once in the state, in a record and
// in a snapshot, and count once for the tenant's quota.
type details struct {
	key  detailsKey
	from Request // whose After, Hosts, Constraint and Spec they are
	size uint64

	jobs int // that are remembered and have them
	live int // of those, that have not ended
}

type detailsKey struct {
	tenant Tenant
	sum    [sha256.Size]byte
}

// detailFields walks the fields that are shared.
func (r *Request) detailFields(c *codec) {
	list(c, &r.After, func(d *Dependency) { d.fields(c) })
	list(c, &r.Hosts, c.worker)
	if c.version >= 9 {
		list(c, &r.Excluded, c.worker)
	}
	resourceFields(c, &r.Resources)
	r.Constraint.fields(c)
	c.bytes(&r.Spec)
}

// copyDetails has r share the details of another request.
func (r *Request) copyDetails(from *Request) {
	r.After, r.Hosts, r.Excluded = from.After, from.Hosts, from.Excluded
	r.Resources = from.Resources
	r.Constraint, r.Spec = from.Constraint, from.Spec
}

// sameDetails reports whether two requests share their details already: the same memory, not only what is alike.
func (r *Request) sameDetails(o *Request) bool {
	return len(r.Spec) > 0 && same(r.Spec, o.Spec) && same(r.After, o.After) && same(r.Hosts, o.Hosts) &&
		same(r.Excluded, o.Excluded) && same(r.Resources, o.Resources) && same(r.Constraint, o.Constraint)
}

func same[T any](a, b []T) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// detailsOf names the details of a request and says how many bytes they take.
func detailsOf(r *Request) (key detailsKey, size uint64) {
	c := &codec{version: recordVersion}
	r.detailFields(c)
	return detailsKey{r.Tenant, sha256.Sum256(c.buf)}, uint64(len(c.buf))
}

// share gives a new job its details: those of another, if there are the same. The tasks of an array come one behind the
// other and share their memory: only the first is looked at.
func (s *State) share(j *Job) {
	if len(j.Spec)+len(j.After)+len(j.Hosts)+len(j.Excluded)+len(j.Resources)+len(j.Constraint) == 0 {
		return
	}
	if j.Tenant != s.shared.key.tenant || !j.sameDetails(&s.sharedAs) {
		s.sharedAs = j.Request
		key, size := detailsOf(&j.Request)
		if s.shared = s.details[key]; s.shared == nil {
			s.shared = &details{key: key, from: j.Request, size: size}
		}
	}
	d := s.shared
	j.details = d
	j.copyDetails(&d.from)
	if d.jobs++; d.jobs == 1 {
		s.details[d.key] = d
		s.account(j.Tenant).Kept += d.size
	}
	if !j.State.Terminal() {
		if d.live++; d.live == 1 {
			s.account(j.Tenant).Live += d.size
		}
	}
}

// unlive is the end of a job: its details may be dropped from now on.
func (s *State) unlive(j *Job) {
	if j.details == nil {
		return
	}
	if j.details.live--; j.details.live == 0 {
		s.account(j.Tenant).Live -= j.details.size
	}
}

// unshare takes the details from a job that has ended.
func (s *State) unshare(j *Job) {
	a, d := s.account(j.Tenant), j.details
	a.Kept -= j.kept()
	j.End.Detail, j.Steps = nil, nil
	if d == nil {
		return
	}
	j.details = nil
	j.copyDetails(&Request{})
	if d.jobs--; d.jobs == 0 {
		delete(s.details, d.key)
		a.Kept -= d.size
	}
	if s.shared == d { // what it was made from need not stay either
		s.shared, s.sharedAs = &details{}, Request{}
	}
}

// maxWaits bounds what the tasks of an array wait for, all together.
const maxWaits = 1 << 20

// newDetails is how much more a submission would have the tenant's live jobs take, beside what they take.
func (s *State) newDetails(r *Request) (more, live uint64) {
	if a := s.byTenant[r.Tenant]; a != nil {
		live = a.Live
	}
	key, size := detailsOf(r)
	if d := s.details[key]; d != nil && d.live > 0 {
		return 0, live
	}
	return size, live
}

// checkDetails: each is counted as often as it is had, and once for its tenant.
func (s *State) checkDetails() error {
	type count struct{ jobs, live int }
	had := map[*details]*count{}
	kept, live := map[Tenant]uint64{}, map[Tenant]uint64{}
	for id := s.oldest; id <= s.lastJob; id++ {
		j := s.jobs[id]
		if j == nil {
			continue
		}
		kept[j.Tenant] += j.kept()
		d := j.details
		if d == nil {
			continue
		}
		if had[d] == nil {
			had[d] = &count{}
			kept[j.Tenant] += d.size
		}
		had[d].jobs++
		if !j.State.Terminal() {
			if had[d].live++; had[d].live == 1 {
				live[j.Tenant] += d.size
			}
		}
		if s.details[d.key] != d || len(j.Spec) > 0 && !j.sameDetails(&d.from) {
			return fmt.Errorf("job %d has details of its own", id)
		}
	}
	if len(had) != len(s.details) {
		return fmt.Errorf("%d details are kept, jobs have %d", len(s.details), len(had))
	}
	for id := s.oldest; id <= s.lastJob; id++ {
		if j := s.jobs[id]; j != nil && j.details != nil && *had[j.details] != (count{j.details.jobs, j.details.live}) {
			return fmt.Errorf("the details of job %d are had %v times, %d and %d are counted", id, *had[j.details],
				j.details.jobs, j.details.live)
		}
	}
	for _, a := range s.accounts {
		if kept[a.Name] != a.Kept || live[a.Name] != a.Live {
			return fmt.Errorf("tenant %s is booked with %d and %d bytes of descriptions, its jobs have %d and %d", a.Name,
				a.Kept, a.Live, kept[a.Name], live[a.Name])
		}
	}
	return nil
}

// trim drops what is long of jobs that have ended, oldest first, where a tenant's jobs take more than its quota. It
// goes well below the quota, so as not to look again at once.
func (s *State) trim() []Transition {
	var ts []Transition
	for _, a := range s.accounts {
		quota := s.Policy.Quota(a.Name).Descriptions
		if a.Kept <= quota {
			continue
		}
		left := map[*details]int{}
		kept := a.Kept
		for _, id := range s.ended {
			j := s.jobs[id]
			if kept <= quota-quota/8 {
				break
			}
			if j.Tenant != a.Name || j.details == nil && j.kept() == 0 {
				continue
			}
			kept -= j.kept()
			if d := j.details; d != nil {
				if _, seen := left[d]; !seen {
					left[d] = d.jobs
				}
				if left[d]--; left[d] == 0 {
					kept -= d.size
				}
			}
			ts = append(ts, &JobTrimmed{id})
		}
	}
	return ts
}

// JobTrimmed drops what is long of a job that has ended: what it asked for in detail, and the worker's account of its
// end.
type JobTrimmed struct{ Job JobID }

func (*JobTrimmed) kind() kind        { return kindJobTrimmed }
func (t *JobTrimmed) fields(c *codec) { c.job(&t.Job) }

func (t *JobTrimmed) apply(s *State) error {
	j, err := s.job(t.Job, 0)
	if err != nil {
		return err
	}
	if !j.State.Terminal() {
		return fmt.Errorf("job %d is trimmed before its end", t.Job)
	}
	s.unshare(j)
	return nil
}

// shares are the details that stand once in what is written or read.
type shares struct {
	numbers map[*byte]uint64 // by where their Spec begins, from 1 on
	list    []Request
	open    bool // takes more as they come: a record. A snapshot has a piece for each
}

// of is the number of details, 0 if they don't stand there yet.
func (s *shares) of(r *Request) uint64 {
	if len(r.Spec) == 0 {
		return 0
	}
	if n := s.numbers[&r.Spec[0]]; n > 0 && r.sameDetails(&s.list[n-1]) {
		return n
	}
	return 0
}

func (s *shares) add(r *Request) {
	s.list = append(s.list, *r)
	if len(r.Spec) > 0 {
		if s.numbers == nil {
			s.numbers = map[*byte]uint64{}
		}
		s.numbers[&r.Spec[0]] = uint64(len(s.list))
	}
}

// details walks a request's details: themselves where they are new, else their number.
func (c *codec) details(r *Request) {
	n := uint64(0)
	if !c.reading {
		n = c.shares.of(r)
	}
	switch c.uint64(&n); {
	case c.err != nil:
	case n == 0:
		if r.detailFields(c); c.shares.open && c.err == nil {
			c.shares.add(r)
		}
	case n > uint64(len(c.shares.list)):
		c.fail("details %d of %d", n, len(c.shares.list))
	case c.reading:
		r.copyDetails(&c.shares.list[n-1])
	}
}
