package omp

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/omp/task"
)

// taskOf is a task: an implicit one of a region's member, or an explicit one, which is what a task construct makes.
type taskOf struct {
	team   *team
	parent *taskOf // that has generated it; an implicit one is its own
	depth  int     // of generated tasks in each other
	icvs   icvs
	group  *group // the innermost taskgroup that it is in

	children atomic.Int32 // tasks that it has generated and that are not complete
	users    atomic.Int32 // itself until it is complete, and those tasks until they are: who knows it

	graph struct { // of the dependences among the tasks that it generates
		sync.Mutex // guards what follows, and each node of it
		task.Graph[*taskOf]
		used bool // read by the task alone without the lock
	}

	// Of an explicit task:
	address  uint64 // where its kmp_task_t is
	size     uint64 // of that; behind it stand, shareds bytes long, variables' addresses
	shareds  uint64
	block    *block // the memory in which that is
	entry    uint32 // its function
	flags    taskFlags
	priority int32
	final    bool
	parts    atomic.Int32 // of an untied one: times that it is to be run, or runs
	started  bool
	node     *task.Node[*taskOf] // in the graph of its parent; nil: it depends on nothing
	held     atomic.Int32        // 1: a thread waits until it may begin, and runs it itself
	outer    *taskOf             // of an undeferred one: that the thread goes back to
	event    event
	queued   *taskOf // the next one in a list of those that are free
}

// taskFlags are clang's of a task (kmp.h: kmp_tasking_flags).
type taskFlags uint32

const (
	taskTied        taskFlags = 1 << 0
	taskFinal       taskFlags = 1 << 1
	taskDestructors taskFlags = 1 << 3
	taskPriority    taskFlags = 1 << 5
	taskDetachable  taskFlags = 1 << 6
)

// Parent and Depth implement task.Descent.
func (k *taskOf) Parent() *taskOf { return k.parent }
func (k *taskOf) Depth() int      { return k.depth }

func (k *taskOf) explicit() bool { return k.parent != k }
func (k *taskOf) tied() bool     { return k.flags&taskTied != 0 }

// What stands at the head of a kmp_task_t. Behind it stand a taskloop's bounds, and the task's private variables.
const (
	atShareds    = 0
	atRoutine    = 8
	atPart       = 16
	atDestructor = 24
	atPriority   = 32
	taskHead     = 40
)

// Tasks' memory comes in blocks of some sizes, a page's worth at a time; a block and what is known of its task stay
// together. Larger ones are taken from the arena one by one.
const (
	leastBlock  = 128
	mostBlock   = 8 << 10
	blockSizes  = 7 // from leastBlock to mostBlock, each twice the one before
	mostTasks   = 1 << 20
	mostTaskOwn = 1 << 40 // bytes that a task may ask for: more can be in no memory
	keptBlocks  = 64      // of a size, that a thread keeps
)

// block is memory for a task, and the task.
type block struct {
	task taskOf
	size int // the class; blockSizes: one of its own, of
	own  uint64
}

// blocks are those of a rank.
type blocks struct {
	mu    sync.Mutex // guards all below
	free  [blockSizes]freeBlocks
	made  int
	pages atomic.Pointer[[]atomic.Pointer[page]] // by address/pageSize; replaced by a longer one, when it is too short
}

// page is where blocks are in one of the memory's pages.
type page struct {
	size   uint64 // of a block
	blocks []*block
}

// freeBlocks are blocks that no task is in.
type freeBlocks struct {
	first *taskOf
	count int
}

func (f *freeBlocks) push(k *taskOf) {
	k.queued, f.first = f.first, k
	f.count++
}

func (f *freeBlocks) pop() *taskOf {
	k := f.first
	if k != nil {
		f.first, k.queued = k.queued, nil
		f.count--
	}
	return k
}

// newTask gives a task with room for size bytes of the program's, or nil if there is no room.
func (t *Thread) newTask(size uint64) *taskOf {
	class, room := 0, uint64(leastBlock)
	for class < blockSizes && room < size {
		class, room = class+1, 2*room
	}
	if class == blockSizes {
		return t.newLargeTask(size)
	}
	if k := t.blocks[class].pop(); k != nil {
		return k
	}
	b := &t.runtime.blocks
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free[class].count == 0 && !t.makeBlocks(class, room) {
		return nil
	}
	for range keptBlocks / 2 {
		if k := b.free[class].pop(); k != nil {
			t.blocks[class].push(k)
		}
	}
	return t.blocks[class].pop()
}

// makeBlocks makes a page's worth of blocks, and reports whether there is room for them. The lock is held.
func (t *Thread) makeBlocks(class int, size uint64) bool {
	b := &t.runtime.blocks
	n := int(pageSize / size)
	if b.made+n > mostTasks {
		return false
	}
	at, ok := t.allocate(pageSize, pageSize)
	if !ok {
		return false
	}
	b.made += n
	made := make([]block, n)
	p := &page{size: size}
	for i := range made {
		k := &made[i]
		k.size = class
		k.task.block, k.task.address = k, at+uint64(i)*size
		p.blocks = append(p.blocks, k)
		b.free[class].push(&k.task)
	}
	b.register(at, p)
	return true
}

func (t *Thread) newLargeTask(size uint64) *taskOf {
	b := &t.runtime.blocks
	b.mu.Lock()
	defer b.mu.Unlock()
	size = (size + pageSize - 1) &^ (pageSize - 1)
	if b.made == mostTasks {
		return nil
	}
	at, ok := t.allocate(size, pageSize)
	if !ok {
		return nil
	}
	b.made++
	k := &block{size: blockSizes, own: size}
	k.task.block, k.task.address = k, at
	b.register(at, &page{size: pageSize, blocks: []*block{k}})
	return &k.task
}

// register notes what is in a page: nil for nothing. The lock is held.
func (b *blocks) register(at uint64, p *page) {
	var pages []atomic.Pointer[page]
	if old := b.pages.Load(); old != nil {
		pages = *old
	}
	n := int(at / pageSize)
	if n >= len(pages) {
		longer := make([]atomic.Pointer[page], max(n+1, len(pages)+len(pages)/4))
		for i := range pages {
			longer[i].Store(pages[i].Load())
		}
		pages = longer
		b.pages.Store(&pages)
	}
	pages[n].Store(p)
}

// freeTask gives a task's memory back. Nobody knows it any more.
func (t *Thread) freeTask(k *taskOf) {
	b := &t.runtime.blocks
	if class := k.block.size; class < blockSizes {
		own := &t.blocks[class]
		own.push(k)
		if own.count < keptBlocks {
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		for range keptBlocks / 2 {
			b.free[class].push(own.pop())
		}
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made--
	b.register(k.address, nil)
	t.deallocate(k.address, k.block.own)
}

// taskAt is the task at an address that the program has named.
func (t *Thread) taskAt(address uint64) *taskOf {
	if pages := t.runtime.blocks.pages.Load(); pages != nil && address/pageSize < uint64(len(*pages)) {
		if p := (*pages)[address/pageSize].Load(); p != nil {
			at := address % pageSize
			if at%p.size == 0 && at/p.size < uint64(len(p.blocks)) {
				if k := &p.blocks[at/p.size].task; k.users.Load() > 0 {
					return k
				}
			}
		}
	}
	fail("there is no task at address %#x", address)
	return nil
}

// ptr __kmpc_omp_task_alloc(loc, gtid, flags i32, size, shareds, entry) -> its kmp_task_t, of size bytes, and behind
// it as many as shareds says for the addresses of variables.
func taskAlloc(t *Thread, s []uint64) {
	s[0] = t.makeTask(taskFlags(uint32(s[2])), s[3], s[4], uint32(s[5])).address
}

// ptr __kmpc_omp_target_task_alloc(…, device): a target region's, with nowait or depend. It is untied.
func targetTaskAlloc(t *Thread, s []uint64) {
	s[0] = t.makeTask(taskFlags(uint32(s[2]))&^taskTied, s[3], s[4], uint32(s[5])).address
}

func (t *Thread) makeTask(flags taskFlags, size, shareds uint64, entry uint32) *taskOf {
	if size > mostTaskOwn || shareds > mostTaskOwn {
		fail("a task of %d bytes, with %d of variables' addresses", size, shareds)
	}
	size = (max(size, taskHead) + 15) &^ 15
	k := t.newTask(size + shareds)
	for k == nil {
		// Those that are there first.
		if !t.runOne(t.region, t.task) {
			fail("a task: there is no room for more (at most %d at once, and they take of the rank's memory, --mem-per-rank)",
				mostTasks)
		}
		k = t.newTask(size + shareds)
	}
	parent := t.task
	k.team, k.parent, k.depth, k.icvs, k.group = t.region.team, parent, parent.depth+1, parent.icvs, parent.group
	k.size, k.shareds, k.entry, k.flags, k.priority = size, shareds, entry, flags, 0
	k.final = flags&taskFinal != 0 || parent.final
	k.started, k.node, k.outer = false, nil, nil
	k.held.Store(0)
	k.event.reset()
	k.parts.Store(0)
	k.users.Store(1)
	parent.users.Add(1)
	head := t.host.Bytes(k.address, taskHead)
	clear(head)
	if shareds > 0 {
		binary.LittleEndian.PutUint64(head[atShareds:], k.address+size)
	}
	binary.LittleEndian.PutUint64(head[atRoutine:], uint64(entry))
	return k
}

// leave is the end of one who knows a task. The last one frees it.
func (t *Thread) leave(k *taskOf) {
	for k.users.Add(-1) == 0 && k.explicit() {
		parent := k.parent
		if k.graph.used {
			k.graph.Clear()
			k.graph.used = false
		}
		t.freeTask(k)
		k = parent
	}
}
