package task

// Loop is a taskloop's iterations, as clang gives them: both bounds belong to it. Arithmetic is modulo 2^64.
type Loop struct {
	Lower, Upper uint64
	Step         int64 // not 0
}

// Trips is how many iterations the loop has. Clang generates no taskloop for a loop without any.
func (l Loop) Trips() uint64 {
	if l.Step < 0 {
		return (l.Lower-l.Upper)/-uint64(l.Step) + 1
	}
	return (l.Upper-l.Lower)/uint64(l.Step) + 1
}

// Division says how many tasks become of a loop, by clang's numbers for the clauses.
type Division int32

// The clauses; with Unsaid the runtime chooses.
const (
	Unsaid Division = iota
	GrainSize
	NumTasks
)

// tasksPerThread is how many tasks a loop becomes for each thread of the team, where nothing says so.
const tasksPerThread = 10

// Chunks is a loop cut into tasks: the first Longer of them have an iteration more than Size, and the last may have
// fewer.
type Chunks struct {
	Count, Size, Longer uint64
	trips               uint64
}

// Cut cuts a loop of at least one iteration (OpenMP 5.1, 2.12.2). n is the clause's number; with strict each task but
// the last has exactly as many iterations as grainsize says. What num_tasks gives is what strict asks of it anyway.
func Cut(trips uint64, by Division, n uint64, strict bool, threads int) Chunks {
	if by == Unsaid {
		by, n = NumTasks, tasksPerThread*uint64(threads)
	}
	n = min(max(n, 1), trips)
	switch {
	case by == GrainSize && strict:
		return Chunks{Count: (trips-1)/n + 1, Size: n, trips: trips}
	case by == GrainSize:
		n = trips / n
	}
	return Chunks{Count: n, Size: trips / n, Longer: trips % n, trips: trips}
}

// At is the i-th task's part of the iterations.
func (c Chunks) At(i uint64) (first, count uint64) {
	first = i*c.Size + min(i, c.Longer)
	count = c.Size
	if i < c.Longer {
		count++
	}
	return first, min(count, c.trips-first)
}
