package mpi

import "strings"

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
	{"Abi_get_version", "ii", "", always, abiGetVersion},
	{"Abi_get_info", "i", "", always, abiGetInfo},
	{"Abi_get_fortran_info", "i", "", always, abiGetFortranInfo},
	{"Get_hw_resource_info", "i", "", always, getHwResourceInfo},
	{"Get_processor_name", "ii", "", whileRunning, getProcessorName},
	{"Pcontrol", "ii", "", always, pcontrol},
	{"Alloc_mem", "iii", "", whileRunning, allocMem},
	{"Free_mem", "i", "", whileRunning, freeMem},

	// Errors
	{"Error_string", "iii", "", always, errorString},
	{"Error_class", "ii", "", always, errorClass},
	{"Add_error_class", "i", "", always, addErrorClass},
	{"Add_error_code", "ii", "", always, addErrorCode},
	{"Add_error_string", "ii", "", always, addErrorString},
	{"Remove_error_class", "i", "", always, removeError},
	{"Remove_error_code", "i", "", always, removeError},
	{"Remove_error_string", "i", "", always, removeErrorString},
	{"Comm_create_errhandler", "ii", "", always, commCreateErrhandler},
	{"Comm_set_errhandler", "ii", "", whileRunning, commSetErrhandler},
	{"Comm_get_errhandler", "ii", "", whileRunning, commGetErrhandler},
	{"Comm_call_errhandler", "ii", "", whileRunning, commCallErrhandler},
	{"Errhandler_free", "i", "", always, errhandlerFree},
	{"Errhandler_create", "ii", "", always, commCreateErrhandler},
	{"Errhandler_set", "ii", "", whileRunning, commSetErrhandler},
	{"Errhandler_get", "ii", "", whileRunning, commGetErrhandler},

	// Communicators
	{"Comm_rank", "ii", "", whileRunning, commRank},
	{"Comm_size", "ii", "", whileRunning, commSize},
	{"Comm_remote_size", "ii", "", whileRunning, commRemoteSize},
	{"Comm_test_inter", "ii", "", whileRunning, commTestInter},
	{"Comm_compare", "iii", "", whileRunning, commCompare},
	{"Comm_group", "ii", "", whileRunning, commGroup},
	{"Comm_remote_group", "ii", "", whileRunning, commRemoteGroup},
	{"Comm_get_name", "iii", "", whileRunning, commGetName},
	{"Comm_set_name", "ii", "", whileRunning, commSetName},
	{"Comm_get_info", "ii", "", whileRunning, commGetInfo},
	{"Comm_set_info", "ii", "", whileRunning, commSetInfo},
	{"Comm_dup", "ii", "", whileRunning, commDup(0)},
	{"Comm_dup_with_info", "iii", "", whileRunning, commDup(1)},
	{"Comm_idup", "iii", "", whileRunning, commIdup(0)},
	{"Comm_idup_with_info", "iiii", "", whileRunning, commIdup(1)},
	{"Comm_split", "iiii", "", whileRunning, commSplit},
	{"Comm_split_type", "iiiii", "", whileRunning, commSplitType},
	{"Comm_create", "iii", "", whileRunning, commCreate},
	{"Comm_create_group", "iiii", "", whileRunning, commCreateGroup},
	{"Comm_free", "i", "", whileRunning, commFree},
	{"Comm_disconnect", "i", "", whileRunning, commDisconnect},
	{"Comm_get_parent", "i", "", whileRunning, commGetParent},
	{"Intercomm_create", "iiiiii", "", whileRunning, intercommCreate},
	{"Intercomm_merge", "iii", "", whileRunning, intercommMerge},

	// Groups
	{"Group_size", "ii", "", whileRunning, groupSize},
	{"Group_rank", "ii", "", whileRunning, groupRank},
	{"Group_free", "i", "", whileRunning, groupFree},
	{"Group_compare", "iii", "", whileRunning, groupCompare},
	{"Group_translate_ranks", "iiiii", "", whileRunning, groupTranslateRanks},
	{"Group_incl", "iiii", "", whileRunning, groupChoose((*group).included)},
	{"Group_excl", "iiii", "", whileRunning, groupChoose((*group).excluded)},
	{"Group_range_incl", "iiii", "", whileRunning, groupRange((*group).included)},
	{"Group_range_excl", "iiii", "", whileRunning, groupRange((*group).excluded)},
	{"Group_union", "iii", "", whileRunning, groupCombine(union)},
	{"Group_intersection", "iii", "", whileRunning, groupCombine(intersection)},
	{"Group_difference", "iii", "", whileRunning, groupCombine(difference)},

	// Attributes
	{"Comm_create_keyval", "iiii", "", whileRunning, createKeyval(keyvalComm)},
	{"Comm_free_keyval", "i", "", whileRunning, freeKeyval(keyvalComm)},
	{"Comm_set_attr", "iii", "", whileRunning, setAttribute(keyvalComm)},
	{"Comm_get_attr", "iiii", "", whileRunning, getAttribute(keyvalComm)},
	{"Comm_delete_attr", "ii", "", whileRunning, deleteAttribute(keyvalComm)},
	{"Keyval_create", "iiii", "", whileRunning, createKeyval(keyvalComm)},
	{"Keyval_free", "i", "", whileRunning, freeKeyval(keyvalComm)},
	{"Attr_put", "iii", "", whileRunning, setAttribute(keyvalComm)},
	{"Attr_get", "iiii", "", whileRunning, getAttribute(keyvalComm)},
	{"Attr_delete", "ii", "", whileRunning, deleteAttribute(keyvalComm)},
	{"Type_create_keyval", "iiii", "", whileRunning, createKeyval(keyvalType)},
	{"Type_free_keyval", "i", "", whileRunning, freeKeyval(keyvalType)},
	{"Type_set_attr", "iii", "", whileRunning, setAttribute(keyvalType)},
	{"Type_get_attr", "iiii", "", whileRunning, getAttribute(keyvalType)},
	{"Type_delete_attr", "ii", "", whileRunning, deleteAttribute(keyvalType)},

	// Info
	{"Info_create", "i", "", always, infoCreate},
	{"Info_create_env", "iii", "", always, infoCreateEnv},
	{"Info_dup", "ii", "", always, infoDup},
	{"Info_free", "i", "", always, infoFree},
	{"Info_set", "iii", "", always, infoSet},
	{"Info_get", "iiiii", "", always, infoGet},
	{"Info_get_string", "iiiii", "", always, infoGetString},
	{"Info_get_valuelen", "iiii", "", always, infoGetValuelen},
	{"Info_get_nkeys", "ii", "", always, infoGetNkeys},
	{"Info_get_nthkey", "iii", "", always, infoGetNthkey},
	{"Info_delete", "ii", "", always, infoDelete},

	// Topologies
	{"Topo_test", "ii", "", whileRunning, topoTest},
	{"Cart_create", "iiiiii", "", whileRunning, cartCreate},
	{"Cartdim_get", "ii", "", whileRunning, cartdimGet},
	{"Cart_get", "iiiii", "", whileRunning, cartGet},
	{"Cart_coords", "iiii", "", whileRunning, cartCoords},
	{"Cart_rank", "iii", "", whileRunning, cartRank},
	{"Cart_shift", "iiiii", "", whileRunning, cartShift},
	{"Cart_sub", "iii", "", whileRunning, cartSub},
	{"Cart_map", "iiiii", "", whileRunning, cartMap},
	{"Dims_create", "iii", "", whileRunning, dimsCreate},
	{"Graph_create", "iiiiii", "", whileRunning, graphCreate},
	{"Graph_map", "iiiii", "", whileRunning, graphMap},
	{"Graphdims_get", "iii", "", whileRunning, graphdimsGet},
	{"Graph_get", "iiiii", "", whileRunning, graphGet},
	{"Graph_neighbors_count", "iii", "", whileRunning, graphNeighborsCount},
	{"Graph_neighbors", "iiii", "", whileRunning, graphNeighbors},
	{"Dist_graph_create", "iiiiiiiii", "", whileRunning, distGraphCreate},
	{"Dist_graph_create_adjacent", "iiiiiiiiii", "", whileRunning, distGraphCreateAdjacent},
	{"Dist_graph_neighbors_count", "iiii", "", whileRunning, distGraphNeighborsCount},
	{"Dist_graph_neighbors", "iiiiiii", "", whileRunning, distGraphNeighbors},

	// Point to point
	{"Send", "iiiiii", "iliiii", whileRunning, sendBlocking(modeStandard)},
	{"Ssend", "iiiiii", "iliiii", whileRunning, sendBlocking(modeSynchronous)},
	{"Rsend", "iiiiii", "iliiii", whileRunning, sendBlocking(modeStandard)},
	{"Bsend", "iiiiii", "iliiii", whileRunning, sendBlocking(modeBuffered)},
	{"Isend", "iiiiiii", "iliiiii", whileRunning, sendNonblocking(modeStandard)},
	{"Issend", "iiiiiii", "iliiiii", whileRunning, sendNonblocking(modeSynchronous)},
	{"Irsend", "iiiiiii", "iliiiii", whileRunning, sendNonblocking(modeStandard)},
	{"Ibsend", "iiiiiii", "iliiiii", whileRunning, sendNonblocking(modeBuffered)},
	{"Send_init", "iiiiiii", "iliiiii", whileRunning, sendInit(modeStandard)},
	{"Ssend_init", "iiiiiii", "iliiiii", whileRunning, sendInit(modeSynchronous)},
	{"Rsend_init", "iiiiiii", "iliiiii", whileRunning, sendInit(modeStandard)},
	{"Bsend_init", "iiiiiii", "iliiiii", whileRunning, sendInit(modeBuffered)},
	{"Recv", "iiiiiii", "iliiiii", whileRunning, recv},
	{"Irecv", "iiiiiii", "iliiiii", whileRunning, irecv},
	{"Recv_init", "iiiiiii", "iliiiii", whileRunning, recvInit},
	{"Sendrecv", "iiiiiiiiiiii", "iliiiiliiiii", whileRunning, sendrecv},
	{"Isendrecv", "iiiiiiiiiiii", "iliiiiliiiii", whileRunning, isendrecv},
	{"Isendrecv_replace", "iiiiiiiii", "iliiiiiii", whileRunning, isendrecvReplace},
	{"Sendrecv_replace", "iiiiiiiii", "iliiiiiii", whileRunning, sendrecvReplace},
	{"Buffer_attach", "ii", "il", whileRunning, bufferAttach(own, 0)},
	{"Buffer_detach", "ii", "ii", whileRunning, bufferDetach(own, 0)},
	{"Buffer_flush", "", "", whileRunning, bufferFlush(own)},
	{"Buffer_iflush", "i", "", whileRunning, bufferIflush(own, 0)},
	{"Comm_attach_buffer", "iii", "iil", whileRunning, bufferAttach(ofComm, 1)},
	{"Comm_detach_buffer", "iii", "iii", whileRunning, bufferDetach(ofComm, 1)},
	{"Comm_flush_buffer", "i", "", whileRunning, bufferFlush(ofComm)},
	{"Comm_iflush_buffer", "ii", "", whileRunning, bufferIflush(ofComm, 1)},
	{"Probe", "iiii", "", whileRunning, probe},
	{"Iprobe", "iiiii", "", whileRunning, iprobe},
	{"Mprobe", "iiiii", "", whileRunning, mprobe},
	{"Improbe", "iiiiii", "", whileRunning, improbe},
	{"Mrecv", "iiiii", "iliii", whileRunning, mrecv},
	{"Imrecv", "iiiii", "iliii", whileRunning, imrecv},
	{"Cancel", "i", "", whileRunning, cancel},
	{"Start", "i", "", whileRunning, start},
	{"Startall", "ii", "", whileRunning, startall},

	// Requests and statuses
	{"Wait", "ii", "", whileRunning, wait},
	{"Waitall", "iii", "", whileRunning, waitall},
	{"Waitany", "iiii", "", whileRunning, waitany},
	{"Waitsome", "iiiii", "", whileRunning, some(true)},
	{"Test", "iii", "", whileRunning, test},
	{"Testall", "iiii", "", whileRunning, testall},
	{"Testany", "iiiii", "", whileRunning, testany},
	{"Testsome", "iiiii", "", whileRunning, some(false)},
	{"Request_free", "i", "", whileRunning, requestFree},
	{"Request_get_status", "iii", "", whileRunning, requestGetStatus},
	{"Request_get_status_all", "iiii", "", whileRunning, requestGetStatusAll},
	{"Request_get_status_any", "iiiii", "", whileRunning, requestGetStatusAny},
	{"Request_get_status_some", "iiiii", "", whileRunning, requestGetStatusSome},
	{"Grequest_start", "iiiii", "", whileRunning, grequestStart},
	{"Grequest_complete", "i", "", whileRunning, grequestComplete},
	{"Get_count", "iii", "iii", whileRunning, getCount},
	{"Get_elements", "iii", "iii", whileRunning, getElements},
	{"Get_elements_x", "iii", "", whileRunning, wide(getElements)},
	{"Test_cancelled", "ii", "", whileRunning, testCancelled},
	{"Status_set_cancelled", "ii", "", whileRunning, statusSetCancelled},
	{"Status_set_elements", "iii", "iil", whileRunning, statusSetElements},
	{"Status_set_elements_x", "iil", "", whileRunning, wide(statusSetElements)},
	{"Status_set_source", "ii", "", whileRunning, statusSetSource},
	{"Status_set_tag", "ii", "", whileRunning, statusSetTag},
	{"Status_set_error", "ii", "", whileRunning, statusSetError},
	{"Status_get_source", "ii", "", whileRunning, statusGet(func(s status) int32 { return s.source })},
	{"Status_get_tag", "ii", "", whileRunning, statusGet(func(s status) int32 { return s.tag })},
	{"Status_get_error", "ii", "", whileRunning, statusGet(func(s status) int32 { return s.class })},
	{"Status_c2f", "ii", "", whileRunning, statusCopy},
	{"Status_f2c", "ii", "", whileRunning, statusCopy},

	// Datatypes
	{"Type_contiguous", "iii", "lii", whileRunning, typeContiguous},
	{"Type_vector", "iiiii", "lllii", whileRunning, typeVector(combinerVector)},
	{"Type_create_hvector", "iiiii", "lllii", whileRunning, typeVector(combinerHvector)},
	{"Type_hvector", "iiiii", "", whileRunning, typeVector(combinerHvector)},
	{"Type_indexed", "iiiii", "liiii", whileRunning, typeIndexed(combinerIndexed)},
	{"Type_create_hindexed", "iiiii", "liiii", whileRunning, typeIndexed(combinerHindexed)},
	{"Type_hindexed", "iiiii", "", whileRunning, typeIndexed(combinerHindexed)},
	{"Type_create_indexed_block", "iiiii", "lliii", whileRunning, typeIndexedBlock(combinerIndexedBlock)},
	{"Type_create_hindexed_block", "iiiii", "lliii", whileRunning, typeIndexedBlock(combinerHindexedBlock)},
	{"Type_create_struct", "iiiii", "liiii", whileRunning, typeStruct},
	{"Type_struct", "iiiii", "", whileRunning, typeStruct},
	{"Type_create_subarray", "iiiiiii", "iiiiiii", whileRunning, typeSubarray},
	{"Type_create_darray", "iiiiiiiiii", "iiiiiiiiii", whileRunning, typeDarray},
	{"Type_create_resized", "iiii", "illi", whileRunning, typeResized},
	{"Type_dup", "ii", "", whileRunning, typeDup},
	{"Type_commit", "i", "", whileRunning, typeCommit},
	{"Type_free", "i", "", whileRunning, typeFree},
	{"Type_size", "ii", "ii", whileRunning, typeSize},
	{"Type_size_x", "ii", "", whileRunning, wide(typeSize)},
	{"Type_get_extent", "iii", "iii", whileRunning, typeGetExtent},
	{"Type_get_extent_x", "iii", "", whileRunning, wide(typeGetExtent)},
	{"Type_get_true_extent", "iii", "iii", whileRunning, typeGetTrueExtent},
	{"Type_get_true_extent_x", "iii", "", whileRunning, wide(typeGetTrueExtent)},
	{"Type_extent", "ii", "", whileRunning, typeBound((*datatype).extent)},
	{"Type_lb", "ii", "", whileRunning, typeBound(func(t *datatype) int64 { return t.lb })},
	{"Type_ub", "ii", "", whileRunning, typeBound(func(t *datatype) int64 { return t.ub })},
	{"Type_get_envelope", "iiiii", "iiiiii", whileRunning, typeGetEnvelope},
	{"Type_get_contents", "iiiiiii", "illlliiii", whileRunning, typeGetContents},
	{"Type_get_name", "iii", "", whileRunning, typeGetName},
	{"Type_set_name", "ii", "", whileRunning, typeSetName},
	{"Type_match_size", "iii", "", whileRunning, typeMatchSize},
	{"Type_get_value_index", "iii", "", whileRunning, typeGetValueIndex},
	{"Type_create_f90_real", "iii", "", whileRunning, typeF90Real(f90Reals, combinerF90Real)},
	{"Type_create_f90_complex", "iii", "", whileRunning, typeF90Real(f90Complexes, combinerF90Complex)},
	{"Type_create_f90_integer", "ii", "", whileRunning, typeF90Integer},
	{"Get_address", "ii", "", always, getAddress},
	{"Address", "ii", "", always, getAddress},
	{"Pack", "iiiiiii", "iliilii", whileRunning, pack},
	{"Unpack", "iiiiiii", "iliilii", whileRunning, unpack},
	{"Pack_external", "iiiiiii", "iiliili", whileRunning, packExternal},
	{"Unpack_external", "iiiiiii", "iiliili", whileRunning, unpackExternal},
	{"Pack_external_size", "iiii", "ilii", whileRunning, packExternalSize},
	{"Pack_size", "iiii", "liii", whileRunning, packSize},

	// Operations
	{"Op_create", "iii", "iii", whileRunning, opCreate},
	{"Op_free", "i", "", whileRunning, opFree},
	{"Op_commutative", "ii", "", whileRunning, opCommutative},
	{"Reduce_local", "iiiii", "iilii", whileRunning, reduceLocal},
}

// direct are the functions that return something else than an error code, and cannot fail.
var direct = []struct {
	name, params, results string
	fn                    func(*Rank, []uint64)
}{
	{"Wtime", "", "d", wtime},
	{"Wtick", "", "d", wtick},
	{"Aint_add", "ii", "i", func(_ *Rank, stack []uint64) { stack[0] = uint64(uint32(stack[0]) + uint32(stack[1])) }},
	{"Aint_diff", "ii", "i", func(_ *Rank, stack []uint64) { stack[0] = uint64(uint32(stack[0]) - uint32(stack[1])) }},
}

// numbered are the objects whose handles can be had as integers: they are integers.
var numbered = []string{"Comm", "Errhandler", "Group", "Info", "Message", "Op", "Request", "Type"}

// all is the table with the collectives in their three forms.
var all = func() []binding {
	list := bindings
	for k := collBarrier; int(k) < len(collectives); k++ {
		c := collectives[k]
		list = append(list, binding{c.name, c.params, c.large, whileRunning, blocking(k)})
		large := func(more string) string {
			if c.large == "" {
				return ""
			}
			return c.large + more
		}
		list = append(list, binding{"I" + strings.ToLower(c.name), c.params + "i", large("i"), whileRunning, nonblocking(k)})
		list = append(list, binding{c.name + "_init", c.params + "ii", large("ii"), whileRunning, collectiveInit(k)})
	}
	return list
}()

// Calls lists every function that is there, by its MPI_ and its PMPI_ name.
func Calls() []Call {
	var calls []Call
	for i, b := range all {
		calls = appendBoth(calls, b.name, b.params, "i", serve(uint32(i+1), b, false))
		if b.large != "" {
			calls = appendBoth(calls, b.name+"_c", b.large, "i", serve(uint32(i+1), b, true))
		}
	}
	for _, d := range direct {
		calls = appendBoth(calls, d.name, d.params, d.results, d.fn)
	}
	same := func(*Rank, []uint64) {}
	for _, n := range numbered {
		for _, form := range []string{"_toint", "_fromint", "_c2f", "_f2c"} {
			calls = appendBoth(calls, n+form, "i", "i", same)
		}
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
}

func callName(index uint32) string { return names[index] }
