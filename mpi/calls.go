package mpi

// Call is one function of the import module "mpi". Params and Results have a letter a value: i, l for integers of 32 and
// 64 bits, d for a double. Fn reads its arguments from the stack and writes its result there; it panics with
// *AbortError or *Ended to end the rank.
type Call struct {
	Name, Params, Results string
	Fn                    func(r *Rank, stack []uint64)
}

// when says in which phases of a rank a function may be called.
type when uint8

const (
	whileRunning when = iota // between MPI_Init and MPI_Finalize
	always
)

// binding is one line of the table of functions.
type binding struct {
	name   string // without MPI_
	params string
	large  string // params of the _c function, where there is one
	when   when
	fn     func(*Rank, args) *failure
}

// bindings are the functions that return an error code. docs/mpi-support.md and the header are compared with it.
var bindings = []binding{
	{"Init", "ii", "", always, initialize},
	{"Init_thread", "iiii", "", always, initThread},
	{"Initialized", "i", "", always, isInitialized},
	{"Finalize", "", "", whileRunning, finalize},
	{"Finalized", "i", "", always, isFinalized},
	{"Query_thread", "i", "", whileRunning, queryThread},
	{"Is_thread_main", "i", "", whileRunning, isThreadMain},
	{"Abort", "ii", "", always, abort},
	{"Get_version", "ii", "", always, getVersion},
	{"Get_library_version", "ii", "", always, getLibraryVersion},
	{"Get_processor_name", "ii", "", whileRunning, getProcessorName},
	{"Error_string", "iii", "", always, errorString},
	{"Error_class", "ii", "", always, errorClass},
	{"Comm_set_errhandler", "ii", "", whileRunning, commSetErrhandler},

	{"Comm_rank", "ii", "", whileRunning, commRank},
	{"Comm_size", "ii", "", whileRunning, commSize},

	{"Send", "iiiiii", "iliiii", whileRunning, sendBlocking(modeStandard)},
	{"Ssend", "iiiiii", "iliiii", whileRunning, sendBlocking(modeSynchronous)},
	{"Isend", "iiiiiii", "iliiiii", whileRunning, sendNonblocking(modeStandard)},
	{"Issend", "iiiiiii", "iliiiii", whileRunning, sendNonblocking(modeSynchronous)},
	{"Recv", "iiiiiii", "iliiiii", whileRunning, recv},
	{"Irecv", "iiiiiii", "iliiiii", whileRunning, irecv},
	{"Sendrecv", "iiiiiiiiiiii", "iliiiiliiiii", whileRunning, sendrecv},
	{"Probe", "iiii", "", whileRunning, probe},
	{"Iprobe", "iiiii", "", whileRunning, iprobe},
	{"Get_count", "iii", "iii", whileRunning, getCount},
	{"Wait", "ii", "", whileRunning, wait},
	{"Waitall", "iii", "", whileRunning, waitall},
	{"Test", "iii", "", whileRunning, test},

	{"Barrier", "i", "", whileRunning, blocking(collBarrier)},
	{"Bcast", "iiiii", "iliii", whileRunning, blocking(collBcast)},
	{"Gather", "iiiiiiii", "iliiliii", whileRunning, blocking(collGather)},
	{"Scatter", "iiiiiiii", "iliiliii", whileRunning, blocking(collScatter)},
	{"Allgather", "iiiiiii", "iliilii", whileRunning, blocking(collAllgather)},
	{"Alltoall", "iiiiiii", "iliilii", whileRunning, blocking(collAlltoall)},
	{"Reduce", "iiiiiii", "iiliiii", whileRunning, blocking(collReduce)},
	{"Allreduce", "iiiiii", "iiliii", whileRunning, blocking(collAllreduce)},
}

// direct are the functions that return something else than an error code, and cannot fail.
var direct = []struct {
	name, params, results string
	fn                    func(*Rank, []uint64)
}{
	{"Wtime", "", "d", wtime},
	{"Wtick", "", "d", wtick},
}

// Calls lists every function that is there, by its MPI_ and its PMPI_ name.
func Calls() []Call {
	var calls []Call
	for i, b := range bindings {
		calls = appendBoth(calls, b.name, b.params, "i", serve(uint32(i+1), b, false))
		if b.large != "" {
			calls = appendBoth(calls, b.name+"_c", b.large, "i", serve(uint32(i+1), b, true))
		}
	}
	for _, d := range direct {
		calls = appendBoth(calls, d.name, d.params, d.results, d.fn)
	}
	return calls
}

func appendBoth(calls []Call, name, params, results string, fn func(*Rank, []uint64)) []Call {
	return append(calls, Call{"MPI_" + name, params, results, fn}, Call{"PMPI_" + name, params, results, fn})
}

// serve wraps a function: it checks that the rank may call it, notes it, and turns a failure into an error code.
func serve(index uint32, b binding, wide bool) func(*Rank, []uint64) {
	name := "MPI_" + b.name
	if wide {
		name += "_c"
	}
	return func(r *Rank, stack []uint64) {
		r.checkEnded()
		if b.when == whileRunning && r.state != running {
			r.outOfPhase(name)
		}
		r.call.Store(index)
		if f := b.fn(r, args{r, stack, wide}); f != nil {
			stack[0] = uint64(uint32(r.raise(name, f)))
			return
		}
		stack[0] = success
	}
}

func (r *Rank) outOfPhase(name string) {
	if r.state == finalized {
		r.abort(errOther, name, "called after MPI_Finalize [MPI_ERR_OTHER]")
	}
	r.abort(errOther, name, "called before MPI_Init [MPI_ERR_OTHER]")
}

// names are the functions' names by index; 0 is no function. It is filled in init, because functions mention it.
var names []string

func init() {
	names = append(names, "")
	for _, b := range bindings {
		names = append(names, "MPI_"+b.name)
	}
}

func callName(index uint32) string { return names[index] }
