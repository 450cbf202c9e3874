package core

import "sort"

// queue holds the waiting jobs in the order in which they are tried: first come, first served. Ids rise with time, so
// the order is theirs, and a job that comes back takes its old place.
type queue []*Job

func (q *queue) add(j *Job) {
	i := q.find(j)
	*q = append(*q, nil)
	copy((*q)[i+1:], (*q)[i:])
	(*q)[i] = j
}

func (q *queue) remove(j *Job) {
	if i := q.find(j); i < len(*q) && (*q)[i] == j {
		*q = append((*q)[:i], (*q)[i+1:]...)
	}
}

func (q *queue) find(j *Job) int {
	return sort.Search(len(*q), func(i int) bool { return (*q)[i].ID >= j.ID })
}
