package core

import (
	"container/heap"
	"slices"
	"sort"
)

// queue holds one tenant's jobs that are ready to run, best score first, then by id.
type queue []queueEntry

// queueEntry is a job in a queue. What a pass needs of most jobs is copied here: in a deep queue a look at each job
// itself would be a miss of the processor's cache.
type queueEntry struct {
	job   *Job
	score int64 // the job's
	want  shape // what it asks for
	plain bool  // and that is all
}

func newQueueEntry(j *Job) queueEntry {
	want, plain := shapeOf(j)
	return queueEntry{j, j.score, want, plain && j.Array.Throttle == 0}
}

func (t *queueEntry) ahead(j *Job) bool {
	return t.score > j.score || t.score == j.score && t.job.ID < j.ID
}

func (q queue) find(j *Job) int {
	return sort.Search(len(q), func(i int) bool { return !q[i].ahead(j) })
}

func (q *queue) add(j *Job) {
	i := q.find(j)
	*q = append(*q, queueEntry{})
	copy((*q)[i+1:], (*q)[i:])
	(*q)[i] = newQueueEntry(j)
}

// remove closes the gap from the shorter side: mostly it is the best that goes.
func (q *queue) remove(j *Job) {
	i := q.find(j)
	switch {
	case i == len(*q) || (*q)[i].job != j:
	case i < len(*q)/2:
		copy((*q)[1:i+1], (*q)[:i])
		(*q)[0] = queueEntry{}
		*q = (*q)[1:]
	default:
		*q = append((*q)[:i], (*q)[i+1:]...)
	}
}

// SetPolicy has everything decided from now on by another policy; what was decided stays. The queue is in the new one's
// order, and the next pass looks at all of it. It is no transition: what follows from it is journalled as it is
// decided.
func (s *State) SetPolicy(p Policy) {
	s.Policy = p
	for _, a := range s.accounts {
		a.queue.score(&p)
	}
	for id := s.oldest; id <= s.lastJob; id++ {
		if j := s.jobs[id]; j != nil && j.parked && j.score != p.score(j) {
			s.arrayOf(j).parked.score(&p) // all of the array's at once: they differ in nothing that counts
		}
	}
	s.version++
	s.opened, s.arrivals = s.version, nil
}

// score ranks the jobs of a queue anew.
func (q queue) score(p *Policy) {
	for i := range q {
		j := q[i].job
		j.score = p.score(j)
		q[i] = newQueueEntry(j)
	}
	slices.SortFunc(q, func(a, b queueEntry) int {
		if a.ahead(b.job) {
			return -1
		}
		return 1 // no two jobs have one id
	})
}

// updateQueue puts a job into its tenant's queue or takes it out, as it is ready or not.
func (s *State) updateQueue(j *Job) {
	switch ready := s.notReady(j) == ""; {
	case ready && !j.queued && !j.parked:
		j.score = s.Policy.score(j)
		s.enqueue(j)
	case !ready && (j.queued || j.parked):
		s.dequeue(j)
	}
}

func (s *State) enqueue(j *Job) {
	a := s.arrayOf(j)
	switch {
	case a != nil && a.full():
		a.parked.add(j)
		j.parked = true
		return
	case a != nil:
		a.queued++
	}
	s.account(j.Tenant).queue.add(j)
	j.queued = true
	if s.version == s.last.version {
		s.arrivals = nil
	}
	if len(s.arrivals) <= maxArrivals {
		s.arrivals = append(s.arrivals, j)
	}
	s.version++
}

func (s *State) dequeue(j *Job) {
	a := s.arrayOf(j)
	if j.parked {
		a.parked.remove(j)
		j.parked = false
		return
	}
	s.account(j.Tenant).queue.remove(j)
	j.queued = false
	if a != nil {
		a.queued--
		s.unpark(a)
	}
}

// notReady says why a job is not to be looked at by a pass; "" when it is. Nothing in it depends on time, workers or
// other tenants.
func (s *State) notReady(j *Job) string {
	switch {
	case j.State != Pending:
		return "is " + j.State.Row().Name
	case j.Doomed != "":
		return j.Doomed
	case j.Held:
		return "is held; release it"
	case j.NotBefore > 0:
		return "waits for the time at which it is to begin"
	case j.Interactive && !j.Attached:
		return "waits for its launcher to attach"
	case len(j.Waits) > 0:
		d := j.Waits[0]
		return "waits for job " + d.Job.String() + " (" + d.Kind.String() + ")"
	case j.Singleton && s.named(j).first() != j.ID:
		return "waits for job " + s.named(j).first().String() + " of the same name (singleton)"
	case j.Reservation != "" && !s.begun(j.Reservation):
		return "waits for reservation " + j.Reservation + " to begin"
	}
	return ""
}

// queueWalk walks the queues of all tenants in the order of priority. It reads the state and is good for one pass.
type queueWalk struct {
	tenants []*cursor
}

// cursor is how far the walk has come in one tenant's queue.
type cursor struct {
	account  *Account
	quota    Quota
	points   int64
	next     int
	passed   int // jobs passed over for reasons of the tenant's own
	priority int64
}

func (p *cursor) entry() *queueEntry { return &p.account.queue[p.next] }
func (p *cursor) job() *Job          { return p.entry().job }

func (l *queueWalk) Len() int { return len(l.tenants) }
func (l *queueWalk) Less(i, j int) bool {
	a, b := l.tenants[i], l.tenants[j]
	if a.priority != b.priority {
		return a.priority > b.priority
	}
	return a.job().ID < b.job().ID
}
func (l *queueWalk) Swap(i, j int) { l.tenants[i], l.tenants[j] = l.tenants[j], l.tenants[i] }
func (l *queueWalk) Push(x any)    { l.tenants = append(l.tenants, x.(*cursor)) }
func (l *queueWalk) Pop() any {
	last := l.tenants[len(l.tenants)-1]
	l.tenants = l.tenants[:len(l.tenants)-1]
	return last
}

func (s *State) walk(now Time) *queueWalk {
	l := &queueWalk{}
	points := s.fairness(now)
	for i, a := range s.accounts {
		if len(a.queue) > 0 {
			l.tenants = append(l.tenants, &cursor{account: a, quota: s.Policy.Quota(a.Name), points: points[i],
				priority: a.queue[0].score + points[i]})
		}
	}
	heap.Init(l)
	return l
}

// top is the cursor whose job's turn it is, nil at the end.
func (l *queueWalk) top() *cursor {
	if len(l.tenants) == 0 {
		return nil
	}
	return l.tenants[0]
}

// advance goes on behind the top's job.
func (l *queueWalk) advance() {
	p := l.tenants[0]
	if p.next++; p.next == len(p.account.queue) {
		heap.Pop(l)
		return
	}
	p.priority = p.entry().score + p.points
	heap.Fix(l, 0)
}

// skipTenant passes over all jobs of the top's tenant that are left.
func (l *queueWalk) skipTenant() { heap.Pop(l) }

// names are the jobs of one tenant and name that have not ended, ascending.
type names []JobID

func (n names) first() JobID {
	if len(n) == 0 {
		return 0
	}
	return n[0]
}

type nameKey struct {
	tenant Tenant
	name   string
}

func (s *State) named(j *Job) names { return s.names[nameKey{j.Tenant, j.Name}] }

// enlist and delist keep the jobs of a name; the one that becomes first may be a singleton that waited for it.
func (s *State) enlist(j *Job) {
	if !in(s.qos, j.QOS) {
		s.qos = append(s.qos, j.QOS)
	}
	k := nameKey{j.Tenant, j.Name}
	s.names[k] = append(s.names[k], j.ID)
}

func (s *State) delist(j *Job) {
	k := nameKey{j.Tenant, j.Name}
	n := s.names[k]
	i := sort.Search(len(n), func(i int) bool { return n[i] >= j.ID })
	if i == len(n) || n[i] != j.ID {
		return
	}
	if i == 0 { // as a rule, and there may be very many
		n = n[1:]
	} else {
		n = append(n[:i], n[i+1:]...)
	}
	if len(n) == 0 {
		delete(s.names, k)
		return
	}
	s.names[k] = n
	if next := s.jobs[n[0]]; i == 0 && next.Singleton {
		s.updateQueue(next)
	}
}
