package mpi

import "strings"

// Call is one function of the import module "mpi". Params and Results have a letter a value: i, l for integers of 32
// and 64 bits, d for a double. Fn has the form of engine.HostFunc: it reads its arguments from the stack and
// writes its result there. It panics with *AbortError or *Ended to end the rank.
type Call struct {
	Name, Params, Results string
	Absent                bool // it fails when it is called, for it is not in this version
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
	name  string // without MPI_
	large bool   // there is a _c function, too
	when  when
	fn    func(*Rank, args) *failure
}

// bindings are the functions that return an error code. docs/mpi-support.md and the header are compared with it.
var bindings = []binding{
	{"Init", false, always, initialize},
	{"Init_thread", false, always, initThread},
	{"Initialized", false, always, isInitialized},
	{"Finalize", false, whileRunning, finalize},
	{"Finalized", false, always, isFinalized},
	{"Query_thread", false, whileRunning, queryThread},
	{"Is_thread_main", false, whileRunning, isThreadMain},
	{"Abort", false, always, abort},
	{"Get_version", false, always, getVersion},
	{"Get_library_version", false, always, getLibraryVersion},
	{"Abi_get_version", false, always, abiGetVersion},
	{"Abi_get_info", false, always, abiGetInfo},
	{"Abi_get_fortran_info", false, always, abiGetFortranInfo},
	{"Get_hw_resource_info", false, always, getHwResourceInfo},
	{"Get_processor_name", false, whileRunning, getProcessorName},
	{"Pcontrol", false, always, pcontrol},
	{"Alloc_mem", false, whileRunning, allocMem},
	{"Free_mem", false, whileRunning, freeMem},

	// Errors
	{"Error_string", false, always, errorString},
	{"Error_class", false, always, errorClass},
	{"Add_error_class", false, always, addErrorClass},
	{"Add_error_code", false, always, addErrorCode},
	{"Add_error_string", false, always, addErrorString},
	{"Remove_error_class", false, always, removeError},
	{"Remove_error_code", false, always, removeError},
	{"Remove_error_string", false, always, removeErrorString},
	{"Comm_create_errhandler", false, always, commCreateErrhandler},
	{"Comm_set_errhandler", false, whileRunning, commSetErrhandler},
	{"Comm_get_errhandler", false, whileRunning, commGetErrhandler},
	{"Comm_call_errhandler", false, whileRunning, commCallErrhandler},
	{"Errhandler_free", false, always, errhandlerFree},
	{"Errhandler_create", false, always, commCreateErrhandler},
	{"Errhandler_set", false, whileRunning, commSetErrhandler},
	{"Errhandler_get", false, whileRunning, commGetErrhandler},

	// Communicators
	{"Comm_rank", false, whileRunning, commRank},
	{"Comm_size", false, whileRunning, commSize},
	{"Comm_remote_size", false, whileRunning, commRemoteSize},
	{"Comm_test_inter", false, whileRunning, commTestInter},
	{"Comm_compare", false, whileRunning, commCompare},
	{"Comm_group", false, whileRunning, commGroup},
	{"Comm_remote_group", false, whileRunning, commRemoteGroup},
	{"Comm_get_name", false, whileRunning, commGetName},
	{"Comm_set_name", false, whileRunning, commSetName},
	{"Comm_get_info", false, whileRunning, commGetInfo},
	{"Comm_set_info", false, whileRunning, commSetInfo},
	{"Comm_dup", false, whileRunning, commDup(0)},
	{"Comm_dup_with_info", false, whileRunning, commDup(1)},
	{"Comm_idup", false, whileRunning, commIdup(0)},
	{"Comm_idup_with_info", false, whileRunning, commIdup(1)},
	{"Comm_split", false, whileRunning, commSplit},
	{"Comm_split_type", false, whileRunning, commSplitType},
	{"Comm_create", false, whileRunning, commCreate},
	{"Comm_create_group", false, whileRunning, commCreateGroup},
	{"Comm_free", false, whileRunning, commFree},
	{"Comm_disconnect", false, whileRunning, commDisconnect},
	{"Comm_get_parent", false, whileRunning, commGetParent},
	{"Intercomm_create", false, whileRunning, intercommCreate},
	{"Intercomm_merge", false, whileRunning, intercommMerge},

	// Groups
	{"Group_size", false, whileRunning, groupSize},
	{"Group_rank", false, whileRunning, groupRank},
	{"Group_free", false, whileRunning, groupFree},
	{"Group_compare", false, whileRunning, groupCompare},
	{"Group_translate_ranks", false, whileRunning, groupTranslateRanks},
	{"Group_incl", false, whileRunning, groupChoose((*group).included)},
	{"Group_excl", false, whileRunning, groupChoose((*group).excluded)},
	{"Group_range_incl", false, whileRunning, groupRange((*group).included)},
	{"Group_range_excl", false, whileRunning, groupRange((*group).excluded)},
	{"Group_union", false, whileRunning, groupCombine(union)},
	{"Group_intersection", false, whileRunning, groupCombine(intersection)},
	{"Group_difference", false, whileRunning, groupCombine(difference)},

	// Attributes
	{"Comm_create_keyval", false, whileRunning, createKeyval(keyvalComm)},
	{"Comm_free_keyval", false, whileRunning, freeKeyval(keyvalComm)},
	{"Comm_set_attr", false, whileRunning, setAttribute(keyvalComm)},
	{"Comm_get_attr", false, whileRunning, getAttribute(keyvalComm)},
	{"Comm_delete_attr", false, whileRunning, deleteAttribute(keyvalComm)},
	{"Keyval_create", false, whileRunning, createKeyval(keyvalComm)},
	{"Keyval_free", false, whileRunning, freeKeyval(keyvalComm)},
	{"Attr_put", false, whileRunning, setAttribute(keyvalComm)},
	{"Attr_get", false, whileRunning, getAttribute(keyvalComm)},
	{"Attr_delete", false, whileRunning, deleteAttribute(keyvalComm)},
	{"Type_create_keyval", false, whileRunning, createKeyval(keyvalType)},
	{"Type_free_keyval", false, whileRunning, freeKeyval(keyvalType)},
	{"Type_set_attr", false, whileRunning, setAttribute(keyvalType)},
	{"Type_get_attr", false, whileRunning, getAttribute(keyvalType)},
	{"Type_delete_attr", false, whileRunning, deleteAttribute(keyvalType)},

	// Info
	{"Info_create", false, always, infoCreate},
	{"Info_create_env", false, always, infoCreateEnv},
	{"Info_dup", false, always, infoDup},
	{"Info_free", false, always, infoFree},
	{"Info_set", false, always, infoSet},
	{"Info_get", false, always, infoGet},
	{"Info_get_string", false, always, infoGetString},
	{"Info_get_valuelen", false, always, infoGetValuelen},
	{"Info_get_nkeys", false, always, infoGetNkeys},
	{"Info_get_nthkey", false, always, infoGetNthkey},
	{"Info_delete", false, always, infoDelete},

	// Topologies
	{"Topo_test", false, whileRunning, topoTest},
	{"Cart_create", false, whileRunning, cartCreate},
	{"Cartdim_get", false, whileRunning, cartdimGet},
	{"Cart_get", false, whileRunning, cartGet},
	{"Cart_coords", false, whileRunning, cartCoords},
	{"Cart_rank", false, whileRunning, cartRank},
	{"Cart_shift", false, whileRunning, cartShift},
	{"Cart_sub", false, whileRunning, cartSub},
	{"Cart_map", false, whileRunning, cartMap},
	{"Dims_create", false, whileRunning, dimsCreate},
	{"Graph_create", false, whileRunning, graphCreate},
	{"Graph_map", false, whileRunning, graphMap},
	{"Graphdims_get", false, whileRunning, graphdimsGet},
	{"Graph_get", false, whileRunning, graphGet},
	{"Graph_neighbors_count", false, whileRunning, graphNeighborsCount},
	{"Graph_neighbors", false, whileRunning, graphNeighbors},
	{"Dist_graph_create", false, whileRunning, distGraphCreate},
	{"Dist_graph_create_adjacent", false, whileRunning, distGraphCreateAdjacent},
	{"Dist_graph_neighbors_count", false, whileRunning, distGraphNeighborsCount},
	{"Dist_graph_neighbors", false, whileRunning, distGraphNeighbors},

	// Point to point
	{"Send", true, whileRunning, sendBlocking(modeStandard)},
	{"Ssend", true, whileRunning, sendBlocking(modeSynchronous)},
	{"Rsend", true, whileRunning, sendBlocking(modeStandard)},
	{"Bsend", true, whileRunning, sendBlocking(modeBuffered)},
	{"Isend", true, whileRunning, sendNonblocking(modeStandard)},
	{"Issend", true, whileRunning, sendNonblocking(modeSynchronous)},
	{"Irsend", true, whileRunning, sendNonblocking(modeStandard)},
	{"Ibsend", true, whileRunning, sendNonblocking(modeBuffered)},
	{"Send_init", true, whileRunning, sendInit(modeStandard)},
	{"Ssend_init", true, whileRunning, sendInit(modeSynchronous)},
	{"Rsend_init", true, whileRunning, sendInit(modeStandard)},
	{"Bsend_init", true, whileRunning, sendInit(modeBuffered)},
	{"Recv", true, whileRunning, recv},
	{"Irecv", true, whileRunning, irecv},
	{"Recv_init", true, whileRunning, recvInit},
	{"Sendrecv", true, whileRunning, sendrecv},
	{"Isendrecv", true, whileRunning, isendrecv},
	{"Isendrecv_replace", true, whileRunning, isendrecvReplace},
	{"Sendrecv_replace", true, whileRunning, sendrecvReplace},
	{"Buffer_attach", true, whileRunning, bufferAttach(own, 0)},
	{"Buffer_detach", true, whileRunning, bufferDetach(own, 0)},
	{"Buffer_flush", false, whileRunning, bufferFlush(own)},
	{"Buffer_iflush", false, whileRunning, bufferIflush(own, 0)},
	{"Comm_attach_buffer", true, whileRunning, bufferAttach(ofComm, 1)},
	{"Comm_detach_buffer", true, whileRunning, bufferDetach(ofComm, 1)},
	{"Comm_flush_buffer", false, whileRunning, bufferFlush(ofComm)},
	{"Comm_iflush_buffer", false, whileRunning, bufferIflush(ofComm, 1)},
	{"Probe", false, whileRunning, probe},
	{"Iprobe", false, whileRunning, iprobe},
	{"Mprobe", false, whileRunning, mprobe},
	{"Improbe", false, whileRunning, improbe},
	{"Mrecv", true, whileRunning, mrecv},
	{"Imrecv", true, whileRunning, imrecv},
	{"Cancel", false, whileRunning, cancel},
	{"Start", false, whileRunning, start},
	{"Startall", false, whileRunning, startall},

	// Requests and statuses
	{"Wait", false, whileRunning, wait},
	{"Waitall", false, whileRunning, waitall},
	{"Waitany", false, whileRunning, waitany},
	{"Waitsome", false, whileRunning, some(true)},
	{"Test", false, whileRunning, test},
	{"Testall", false, whileRunning, testall},
	{"Testany", false, whileRunning, testany},
	{"Testsome", false, whileRunning, some(false)},
	{"Request_free", false, whileRunning, requestFree},
	{"Request_get_status", false, whileRunning, requestGetStatus},
	{"Request_get_status_all", false, whileRunning, requestGetStatusAll},
	{"Request_get_status_any", false, whileRunning, requestGetStatusAny},
	{"Request_get_status_some", false, whileRunning, requestGetStatusSome},
	{"Grequest_start", false, whileRunning, grequestStart},
	{"Grequest_complete", false, whileRunning, grequestComplete},
	{"Get_count", true, whileRunning, getCount},
	{"Get_elements", true, whileRunning, getElements},
	{"Get_elements_x", false, whileRunning, wide(getElements)},
	{"Test_cancelled", false, whileRunning, testCancelled},
	{"Status_set_cancelled", false, whileRunning, statusSetCancelled},
	{"Status_set_elements", true, whileRunning, statusSetElements},
	{"Status_set_elements_x", false, whileRunning, wide(statusSetElements)},
	{"Status_set_source", false, whileRunning, statusSetSource},
	{"Status_set_tag", false, whileRunning, statusSetTag},
	{"Status_set_error", false, whileRunning, statusSetError},
	{"Status_get_source", false, whileRunning, statusGet(func(s status) int32 { return int32(s.source) })},
	{"Status_get_tag", false, whileRunning, statusGet(func(s status) int32 { return s.tag })},
	{"Status_get_error", false, whileRunning, statusGet(func(s status) int32 { return s.class })},
	{"Status_c2f", false, whileRunning, statusCopy},
	{"Status_f2c", false, whileRunning, statusCopy},

	// Datatypes
	{"Type_contiguous", true, whileRunning, typeContiguous},
	{"Type_vector", true, whileRunning, typeVector(combinerVector)},
	{"Type_create_hvector", true, whileRunning, typeVector(combinerHvector)},
	{"Type_hvector", false, whileRunning, typeVector(combinerHvector)},
	{"Type_indexed", true, whileRunning, typeIndexed(combinerIndexed)},
	{"Type_create_hindexed", true, whileRunning, typeIndexed(combinerHindexed)},
	{"Type_hindexed", false, whileRunning, typeIndexed(combinerHindexed)},
	{"Type_create_indexed_block", true, whileRunning, typeIndexedBlock(combinerIndexedBlock)},
	{"Type_create_hindexed_block", true, whileRunning, typeIndexedBlock(combinerHindexedBlock)},
	{"Type_create_struct", true, whileRunning, typeStruct},
	{"Type_struct", false, whileRunning, typeStruct},
	{"Type_create_subarray", true, whileRunning, typeSubarray},
	{"Type_create_darray", true, whileRunning, typeDarray},
	{"Type_create_resized", true, whileRunning, typeResized},
	{"Type_dup", false, whileRunning, typeDup},
	{"Type_commit", false, whileRunning, typeCommit},
	{"Type_free", false, whileRunning, typeFree},
	{"Type_size", true, whileRunning, typeSize},
	{"Type_size_x", false, whileRunning, wide(typeSize)},
	{"Type_get_extent", true, whileRunning, typeGetExtent},
	{"Type_get_extent_x", false, whileRunning, wide(typeGetExtent)},
	{"Type_get_true_extent", true, whileRunning, typeGetTrueExtent},
	{"Type_get_true_extent_x", false, whileRunning, wide(typeGetTrueExtent)},
	{"Type_extent", false, whileRunning, typeBound((*datatype).extent)},
	{"Type_lb", false, whileRunning, typeBound(func(t *datatype) int64 { return t.lb })},
	{"Type_ub", false, whileRunning, typeBound(func(t *datatype) int64 { return t.ub })},
	{"Type_get_envelope", true, whileRunning, typeGetEnvelope},
	{"Type_get_contents", true, whileRunning, typeGetContents},
	{"Type_get_name", false, whileRunning, typeGetName},
	{"Type_set_name", false, whileRunning, typeSetName},
	{"Type_match_size", false, whileRunning, typeMatchSize},
	{"Type_get_value_index", false, whileRunning, typeGetValueIndex},
	{"Type_create_f90_real", false, whileRunning, typeF90Real(f90Reals, combinerF90Real)},
	{"Type_create_f90_complex", false, whileRunning, typeF90Real(f90Complexes, combinerF90Complex)},
	{"Type_create_f90_integer", false, whileRunning, typeF90Integer},
	{"Get_address", false, always, getAddress},
	{"Address", false, always, getAddress},
	{"Pack", true, whileRunning, pack},
	{"Unpack", true, whileRunning, unpack},
	{"Pack_external", true, whileRunning, packExternal},
	{"Unpack_external", true, whileRunning, unpackExternal},
	{"Pack_external_size", true, whileRunning, packExternalSize},
	{"Pack_size", true, whileRunning, packSize},

	// Operations
	{"Op_create", true, whileRunning, opCreate},
	{"Op_free", false, whileRunning, opFree},
	{"Op_commutative", false, whileRunning, opCommutative},
	{"Reduce_local", true, whileRunning, reduceLocal},
}

// direct are the functions that return something else than an error code, and cannot fail.
var direct = []struct {
	name string
	fn   func(*Rank, []uint64)
}{
	{"Wtime", wtime},
	{"Wtick", wtick},
	{"Aint_add", func(r *Rank, stack []uint64) { stack[0] += stack[1] }},
	{"Aint_diff", func(r *Rank, stack []uint64) { stack[0] -= stack[1] }},
}

// numbered are the objects whose handles can be had as integers: they are integers.
var (
	numbered    = []string{"Comm", "Errhandler", "Group", "Info", "Message", "Op", "Request", "Type"}
	numberForms = []string{"toint", "fromint", "c2f", "f2c"}
)

// all is the table with the collectives in their three forms.
var all = func() []binding {
	list := bindings
	for k := collBarrier; int(k) < len(collectives); k++ {
		c := collectives[k]
		list = append(list, binding{c.name, c.large, whileRunning, blocking(k)})
		list = append(list, binding{"I" + strings.ToLower(c.name), c.large, whileRunning, nonblocking(k)})
		list = append(list, binding{c.name + "_init", c.large, whileRunning, collectiveInit(k)})
	}
	return list
}()

// Calls lists every function that mpi.h declares, by its MPI_ and its PMPI_ name.
func Calls() []Call {
	calls := presentCalls()
	for i, name := range absentNames {
		from := len(calls)
		calls = appendForms(calls, name, absent(uint32(1+len(all)+i), name))
		for ; from < len(calls); from++ {
			calls[from].Absent = true
		}
	}
	return calls
}

// presentCalls lists the functions that are there.
func presentCalls() []Call {
	var calls []Call
	for i, b := range all {
		calls = appendForms(calls, b.name, serve(uint32(i+1), b, false))
		if b.large {
			calls = appendForms(calls, b.name+"_c", serve(uint32(i+1), b, true))
		}
	}
	for _, d := range direct {
		calls = appendForms(calls, d.name, d.fn)
	}
	same := func(_ *Rank, stack []uint64) { stack[0] = uint64(uint32(stack[0])) }
	for _, n := range numbered {
		for _, form := range numberForms {
			calls = appendForms(calls, n+"_"+form, same)
		}
	}
	return calls
}

// letterComm stands for a communicator in signatures.
const letterComm = 'c'

func appendForms(calls []Call, name string, fn func(*Rank, []uint64)) []Call {
	params, results, _ := strings.Cut(strings.ReplaceAll(signatures[name], string(letterComm), "l"), ":")
	for _, prefix := range []string{"MPI_", "PMPI_"} {
		calls = append(calls, Call{Name: prefix + name, Params: params, Results: results, Fn: fn})
	}
	return calls
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
		var f *failure
		if r.stats == nil {
			f = b.fn(r, args{r, stack, wide})
		} else {
			f = r.timed(index, b.fn, args{r, stack, wide})
		}
		if f != nil {
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
	for _, b := range all {
		names = append(names, "MPI_"+b.name)
	}
	for _, name := range absentNames {
		names = append(names, "MPI_"+name)
	}
}

func callName(index uint32) string { return names[index] }
