package mpi

import "fmt"

// Checks that WorldConfig.Warn asks for: what a program does wrong without breaking, said once a rank is done.

// warn says something about the rank's program.
func (r *Rank) warn(format string, args ...any) {
	r.world.config.Warn(int(r.rank), fmt.Sprintf(format, args...))
}

// checkLeaks names what a rank has not freed when it finalizes.
func (r *Rank) checkLeaks() {
	if r.world.config.Warn == nil {
		return
	}
	for _, q := range r.requests.table.objects {
		if q == nil {
			continue
		}
		if q.persistent {
			r.warn("MPI_Finalize: a persistent request of %s was not freed", callName(q.call))
		} else {
			w := q.where()
			w.call = q.call
			r.warn("MPI_Finalize: a request was never completed: %s", w)
		}
	}
	for _, c := range r.comms.objects {
		if c != nil {
			r.warn("MPI_Finalize: %s with %d ranks was not freed", c.name, c.group.size())
		}
	}
	leaked := []struct {
		what string
		n    int
	}{
		{"datatypes", count(r.types.objects)}, {"groups", count(r.groups.objects)}, {"operations", count(r.ops.objects)},
		{"info objects", count(r.infos.objects)}, {"error handlers", count(r.errhandlers.objects)},
		{"matched messages", count(r.messages.objects)},
	}
	for _, l := range leaked {
		if l.n > 0 {
			r.warn("MPI_Finalize: %d %s were not freed", l.n, l.what)
		}
	}
	if _, unexpected := r.queue.Len(); unexpected > 0 {
		r.warn("MPI_Finalize: %d messages were never received", unexpected)
	}
}

func count[T any](objects []*T) (n int) {
	for _, o := range objects {
		if o != nil {
			n++
		}
	}
	return n
}

// checkBlock names a block of a collective that is longer where it arrives than where it comes from.
func (h *hand) checkBlock(to, from *part, received, sent int64) {
	if h.r.world.config.Warn != nil && received > sent {
		to.rank.warn("%s on %s: receives a block of %d bytes from rank %d, which sends %d", callName(to.call), to.comm.name,
			received, from.comm.rank, sent)
	}
}
