package mpi

import (
	"math"
	"time"
)

// Levels of thread support.
const (
	threadSingle     = 0
	threadFunneled   = 1024
	threadSerialized = 2048
	threadMultiple   = 4096
)

// MPI_Init(*argc, *argv): the arguments are the program's own and stay as they are.
func initialize(r call, argc, argv ignored) *failure {
	r.initialize("MPI_Init", threadSingle)
	return nil
}

// MPI_Init_thread(*argc, *argv, required, *provided)
func initThread(r call, argc, argv ignored, required intArg, provided intOut) *failure {
	r.initialize("MPI_Init_thread", min(max(required.int(), threadSingle), threadMultiple))
	return provided.put(r, "provided", r.threadLevel)
}

func (t *Thread) initialize(function string, level int32) {
	switch t.phase() {
	case running:
		t.abort(errOther, function, "MPI is initialized already [MPI_ERR_OTHER]")
	case finalized:
		t.abort(errOther, function, "MPI was finalized and cannot be initialized again [MPI_ERR_OTHER]")
	}
	t.threadLevel, t.initThread = level, t
	t.multiple.Store(level == threadMultiple)
	t.state.Store(uint32(running))
	if t.stats != nil {
		t.stats.began.Store(t.world.now())
	}
}

// MPI_Initialized(*flag)
func isInitialized(r call, flag flagOut) *failure { return flag.put(r, "flag", r.Initialized()) }

// MPI_Finalized(*flag)
func isFinalized(r call, flag flagOut) *failure { return flag.put(r, "flag", r.Finalized()) }

// MPI_Query_thread(*provided)
func queryThread(r call, provided intOut) *failure { return provided.put(r, "provided", r.threadLevel) }

// MPI_Is_thread_main(*flag)
func isThreadMain(r call, flag flagOut) *failure {
	return flag.put(r, "flag", r.Thread == r.initThread)
}

// MPI_Finalize: calls the delete functions of MPI_COMM_SELF's attributes, then waits for everybody, so that nobody's
// memory goes away while a message is still to be read from it.
func finalize(r call) *failure {
	if f := r.deleteAttributes(keyvalComm, commSelf, &r.self.attributes); f != nil {
		return f.on(r.self)
	}
	if f := r.deleteAttributes(keyvalComm, commWorld, &r.worldComm.attributes); f != nil {
		return f.on(r.worldComm)
	}
	if r.phase() != running { // a delete function has done it
		r.outOfPhase("MPI_Finalize")
	}
	r.drainBuffers()
	p := &r.draft
	p.reset(collBarrier)
	f := r.enter(r.worldComm, p)
	if r.check != nil {
		r.check.leaks(r.call.Load())
	}
	r.state.Store(uint32(finalized))
	if r.stats != nil {
		r.stats.ended.Store(r.world.now())
	}
	r.endpoint.Count()
	if !r.several.Load() { // else the thread may still wake others of its rank, and counts until it ends
		r.uncount()
	}
	return f
}

// MPI_Abort(comm, errorcode): ends the whole job, whatever the communicator.
func abort(r call, comm commArg, errorcode intArg) *failure {
	name := "an invalid communicator"
	if c, f := comm.of(r); f == nil {
		name = c.title()
	}
	r.abort(int(errorcode.int()), "MPI_Abort", "called with %s and code %d", name, errorcode.int())
	return nil
}

// MPI_Wtime() in seconds, from the same origin in all ranks of the process
func wtime(r *Rank) uint64 { return math.Float64bits(time.Since(r.world.started).Seconds()) }

// MPI_Wtick()
func wtick(*Rank) uint64 { return math.Float64bits(1e-9) }

const (
	maxProcessorName  = 256
	maxErrorString    = 512
	maxLibraryVersion = 8192
)

// MPI_Get_processor_name(*name, *resultlen)
func getProcessorName(r call, name stringOut, resultlen intOut) *failure {
	return name.put(r, "name", r.world.config.Node, maxProcessorName, resultlen)
}

// MPI_Get_version(*version, *subversion)
func getVersion(r call, version, subversion intOut) *failure {
	if f := version.put(r, "version", 5); f != nil {
		return f
	}
	return subversion.put(r, "subversion", 0)
}

// MPI_Get_library_version(*version, *resultlen)
func getLibraryVersion(r call, version stringOut, resultlen intOut) *failure {
	return version.put(r, "version", "faasmrun: MPI 5.0, ABI 1.0", maxLibraryVersion, resultlen)
}

// MPI_Pcontrol(level, ...): level 0 stops the counting that WorldConfig.Stats asks for, any other goes on with it.
func pcontrol(r call, level intArg, more ignored) *failure {
	r.pause(level.int() == 0)
	return nil
}

// MPI_Abi_get_version(*major, *minor)
func abiGetVersion(r call, major, minor intOut) *failure {
	if f := major.put(r, "abi_major", 1); f != nil {
		return f
	}
	return minor.put(r, "abi_minor", 0)
}

// MPI_Abi_get_info(*info): the sizes of the types that MPI's functions take.
func abiGetInfo(r call, out infoOut) *failure {
	return r.newInfo(out, &info{keys: []string{"mpi_aint_size", "mpi_count_size", "mpi_offset_size"},
		values: []string{"8", "8", "8"}})
}

// MPI_Abi_get_fortran_info(*info): there is no Fortran, which is MPI_INFO_NULL.
func abiGetFortranInfo(r call, info infoOut) *failure { return info.put(r, "info", infoNull) }

// MPI_Get_hw_resource_info(*info): nothing is known of what a rank is bound to.
func getHwResourceInfo(r call, out infoOut) *failure { return r.newInfo(out, &info{}) }
