package core

import (
	"cmp"
	"slices"
)

// lastPass is what the last pass over the whole queue found. Nothing here is saved: whoever has no such memory goes over the
// whole queue.
type lastPass struct {
	version uint64
	head    *Job
	room    *Worker
	at      Time
}

// maxNewcomers bounds how many jobs are looked at beside the queue before all of it is due again.
const maxNewcomers = 64

// remember keeps what newcomers need to know of a pass over the whole queue.
func (p *pass) remember() { p.s.last = lastPass{p.s.version, p.head, p.room, p.at} }

// newcomers looks only at the jobs that have come since the last pass, if that is all that has happened: for those whom it
// refused there is no more room now than there was then. False: the whole queue is due.
func (p *pass) newcomers() bool {
	s, last := p.s, &p.s.last
	switch {
	case last.head == nil || !last.head.queued || last.version < s.opened || last.version == s.version:
		return false
	case len(s.fresh) > maxNewcomers || len(s.doomed) > 0 || len(s.reservations) > 0 || p.preemption:
		return false
	}
	fresh := s.places(s.fresh, p.now)
	head := s.places([]*Job{last.head}, p.now)[0]
	for _, c := range fresh {
		if c.order(head) < 0 {
			return false
		}
	}
	if !s.Policy.Backfill {
		return true
	}
	slices.SortFunc(fresh, newcomer.order)
	p.head, p.room, p.at = last.head, last.room, max(last.at, p.now)
	for _, c := range fresh {
		if p.consider(c.job, c.place) == overNow {
			break
		}
	}
	return true
}

// newcomer is a job that is looked at outside of its tenant's queue.
type newcomer struct {
	job *Job
	*place
}

func (c newcomer) order(o newcomer) int {
	if c.priority != o.priority {
		return cmp.Compare(o.priority, c.priority)
	}
	return cmp.Compare(c.job.ID, o.job.ID)
}

// places finds the priorities of those jobs that are still queued.
func (s *State) places(jobs []*Job, now Time) []newcomer {
	points := s.fairness(now)
	var found []newcomer
	for _, j := range jobs {
		if !j.queued {
			continue
		}
		a := s.account(j.Tenant)
		i, _ := slices.BinarySearchFunc(s.accounts, a.Name, func(a *Account, t Tenant) int { return cmp.Compare(a.Name, t) })
		found = append(found, newcomer{j, &place{account: a, quota: s.Policy.Quota(a.Name), points: points[i], priority: j.score + points[i]}})
	}
	return found
}
