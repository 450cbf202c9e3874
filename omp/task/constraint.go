package task

// Descent is a task's place among others: which task has generated it, and how many have generated each other above.
type Descent[T any] interface {
	comparable
	Parent() T
	Depth() int
}

// May reports whether a thread may begin a task within another, which waits: one that descends from it (OpenMP 5.1,
// 2.12.6, the task scheduling constraint). The standard lets untied tasks begin anywhere. But one that waits within a
// task that is not its forebear could keep the thread from every task that it waits for.
func May[T Descent[T]](begin, suspended T) bool {
	p := begin.Parent()
	for p != suspended && p.Depth() > suspended.Depth() {
		p = p.Parent()
	}
	return p == suspended
}
