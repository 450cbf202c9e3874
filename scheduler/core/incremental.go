package core

import (
	"cmp"
	"slices"
)

// lastPass is what the last pass over the whole queue found. Nothing here is saved: whoever has no such memory goes
// over the whole queue.
type lastPass struct {
	version      uint64
	head         *Job
	shadowWorker *Worker
	shadowTime   Time
}

// maxArrivals bounds how many jobs are looked at beside the queue before all of it is due again.
const maxArrivals = 64

// remember keeps what an incremental pass needs to know of the last one over the whole queue.
func (p *pass) remember() { p.s.last = lastPass{p.s.version, p.head, p.shadowWorker, p.shadowTime} }

// incremental looks only at the jobs that have come since the last pass, if that is all that has happened: what did not
// fit then does not fit now. It reports whether that was enough; else the whole queue is due.
func (p *pass) incremental() bool {
	s, last := p.s, &p.s.last
	switch {
	case last.head == nil || !last.head.queued || last.version < s.opened || last.version == s.version:
		return false
	case len(s.arrivals) > maxArrivals || len(s.doomed) > 0 || len(s.reservations) > 0 || p.preemption:
		return false
	}
	arrivals := s.rankArrivals(s.arrivals, p.now)
	head := s.rankArrivals([]*Job{last.head}, p.now)[0]
	for _, c := range arrivals {
		if c.order(head) < 0 {
			return false
		}
	}
	if !s.Policy.Backfill {
		return true
	}
	slices.SortFunc(arrivals, arrival.order)
	p.head, p.shadowWorker, p.shadowTime = last.head, last.shadowWorker, max(last.shadowTime, p.now)
	for _, c := range arrivals {
		if p.consider(c.job, c.cursor) == overNow {
			break
		}
	}
	return true
}

// arrival is a job that is looked at outside of its tenant's queue.
type arrival struct {
	job *Job
	*cursor
}

func (c arrival) order(o arrival) int {
	if c.priority != o.priority {
		return cmp.Compare(o.priority, c.priority)
	}
	return cmp.Compare(c.job.ID, o.job.ID)
}

// rankArrivals finds the priorities of those jobs that are still queued.
func (s *State) rankArrivals(jobs []*Job, now Time) []arrival {
	points := s.fairness(now)
	var found []arrival
	for _, j := range jobs {
		if !j.queued {
			continue
		}
		a := s.account(j.Tenant)
		i, _ := slices.BinarySearchFunc(s.accounts, a.Name, func(a *Account, t Tenant) int { return cmp.Compare(a.Name, t) })
		found = append(found, arrival{j, &cursor{account: a, quota: s.Policy.Quota(a.Name), points: points[i],
			priority: j.score + points[i]}})
	}
	return found
}
