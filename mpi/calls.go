package mpi

import (
	"strings"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
)

// Call is one function of the import module "mpi". Params and Results have a letter a value: i, l for integers of 32
// and 64 bits, d for a double. Fn has the form of engine.HostFunc: it reads its arguments from the stack and
// writes its result there. It panics with *AbortError or *Ended to end the rank.
type Call struct {
	Name, Params, Results string
	Absent                bool // it fails when it is called, for it is not in this version
	Fn                    func(t *Thread, stack []uint64)
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
	fn    function
}

// bindings are the functions that return an error code. docs/mpi-support.md and the header are compared with it.
var bindings = []binding{
	{"Init", false, always, takes2(initialize)},
	{"Init_thread", false, always, takes4(initThread)},
	{"Initialized", false, always, takes1(isInitialized)},
	{"Finalize", false, whileRunning, takes0(finalize)},
	{"Finalized", false, always, takes1(isFinalized)},
	{"Query_thread", false, whileRunning, takes1(queryThread)},
	{"Is_thread_main", false, whileRunning, takes1(isThreadMain)},
	{"Abort", false, always, takes2(abort)},
	{"Get_version", false, always, takes2(getVersion)},
	{"Get_library_version", false, always, takes2(getLibraryVersion)},
	{"Abi_get_version", false, always, takes2(abiGetVersion)},
	{"Abi_get_info", false, always, takes1(abiGetInfo)},
	{"Abi_get_fortran_info", false, always, takes1(abiGetFortranInfo)},
	{"Get_hw_resource_info", false, always, takes1(getHwResourceInfo)},
	{"Get_processor_name", false, whileRunning, takes2(getProcessorName)},
	{"Pcontrol", false, always, takes2(pcontrol)},
	{"Alloc_mem", false, whileRunning, takes3(allocMem)},
	{"Free_mem", false, whileRunning, takes1(freeMem)},

	// Errors
	{"Error_string", false, always, takes3(errorString)},
	{"Error_class", false, always, takes2(errorClass)},
	{"Add_error_class", false, always, takes1(addErrorClass)},
	{"Add_error_code", false, always, takes2(addErrorCode)},
	{"Add_error_string", false, always, takes2(addErrorString)},
	{"Remove_error_class", false, always, takes1(removeError)},
	{"Remove_error_code", false, always, takes1(removeError)},
	{"Remove_error_string", false, always, takes1(removeErrorString)},
	{"Comm_create_errhandler", false, always, takes2(createErrhandler(raiserComm))},
	{"Comm_set_errhandler", false, whileRunning, takes2(setErrhandler[commArg])},
	{"Comm_get_errhandler", false, whileRunning, takes2(getErrhandler[commArg])},
	{"Comm_call_errhandler", false, whileRunning, takes2(callErrhandler[commArg])},
	{"Win_create_errhandler", false, always, takes2(createErrhandler(raiserWin))},
	{"File_create_errhandler", false, always, takes2(createErrhandler(raiserFile))},
	{"Session_create_errhandler", false, always, takes2(createErrhandler(raiserSession))},
	{"Errhandler_free", false, always, takes1(errhandlerFree)},
	{"Errhandler_create", false, always, takes2(createErrhandler(raiserComm))},
	{"Errhandler_set", false, whileRunning, takes2(setErrhandler[commArg])},
	{"Errhandler_get", false, whileRunning, takes2(getErrhandler[commArg])},

	// Communicators
	{"Comm_rank", false, whileRunning, takes2(commRank)},
	{"Comm_size", false, whileRunning, takes2(commSize)},
	{"Comm_remote_size", false, whileRunning, takes2(commRemoteSize)},
	{"Comm_test_inter", false, whileRunning, takes2(commTestInter)},
	{"Comm_compare", false, whileRunning, takes3(commCompare)},
	{"Comm_group", false, whileRunning, takes2(commGroup)},
	{"Comm_remote_group", false, whileRunning, takes2(commRemoteGroup)},
	{"Comm_get_name", false, whileRunning, takes3(commGetName)},
	{"Comm_set_name", false, whileRunning, takes2(commSetName)},
	{"Comm_get_info", false, whileRunning, takes2(commGetInfo)},
	{"Comm_set_info", false, whileRunning, takes2(commSetInfo)},
	{"Comm_dup", false, whileRunning, takes2(commDup)},
	{"Comm_dup_with_info", false, whileRunning, takes3(commDupWithInfo)},
	{"Comm_idup", false, whileRunning, takes3(commIdup)},
	{"Comm_idup_with_info", false, whileRunning, takes4(commIdupWithInfo)},
	{"Comm_split", false, whileRunning, takes4(commSplit)},
	{"Comm_split_type", false, whileRunning, takes5(commSplitType)},
	{"Comm_create", false, whileRunning, takes3(commCreate)},
	{"Comm_create_group", false, whileRunning, takes4(commCreateGroup)},
	{"Comm_free", false, whileRunning, takes1(commFree)},
	{"Comm_disconnect", false, whileRunning, takes1(commDisconnect)},
	{"Comm_get_parent", false, whileRunning, takes1(commGetParent)},
	{"Intercomm_create", false, whileRunning, takes6(intercommCreate)},
	{"Intercomm_merge", false, whileRunning, takes3(intercommMerge)},

	// Groups
	{"Group_size", false, whileRunning, takes2(groupSize)},
	{"Group_rank", false, whileRunning, takes2(groupRank)},
	{"Group_free", false, whileRunning, takes1(groupFree)},
	{"Group_compare", false, whileRunning, takes3(groupCompare)},
	{"Group_translate_ranks", false, whileRunning, takes5(groupTranslateRanks)},
	{"Group_incl", false, whileRunning, takes4(groupChoose((*group.Group).Included))},
	{"Group_excl", false, whileRunning, takes4(groupChoose((*group.Group).Excluded))},
	{"Group_range_incl", false, whileRunning, takes4(groupRange((*group.Group).Included))},
	{"Group_range_excl", false, whileRunning, takes4(groupRange((*group.Group).Excluded))},
	{"Group_union", false, whileRunning, takes3(groupCombine(group.Union))},
	{"Group_intersection", false, whileRunning, takes3(groupCombine(group.Intersection))},
	{"Group_difference", false, whileRunning, takes3(groupCombine(group.Difference))},

	// Attributes
	{"Comm_create_keyval", false, whileRunning, takes4(createKeyval(keyvalComm))},
	{"Comm_free_keyval", false, whileRunning, takes1(freeKeyval(keyvalComm))},
	{"Comm_set_attr", false, whileRunning, takes3(setAttribute[commArg])},
	{"Comm_get_attr", false, whileRunning, takes4(getAttribute[commArg])},
	{"Comm_delete_attr", false, whileRunning, takes2(deleteAttribute[commArg])},
	{"Keyval_create", false, whileRunning, takes4(createKeyval(keyvalComm))},
	{"Keyval_free", false, whileRunning, takes1(freeKeyval(keyvalComm))},
	{"Attr_put", false, whileRunning, takes3(setAttribute[commArg])},
	{"Attr_get", false, whileRunning, takes4(getAttribute[commArg])},
	{"Attr_delete", false, whileRunning, takes2(deleteAttribute[commArg])},
	{"Type_create_keyval", false, whileRunning, takes4(createKeyval(keyvalType))},
	{"Type_free_keyval", false, whileRunning, takes1(freeKeyval(keyvalType))},
	{"Type_set_attr", false, whileRunning, takes3(setAttribute[typeArg])},
	{"Type_get_attr", false, whileRunning, takes4(getAttribute[typeArg])},
	{"Type_delete_attr", false, whileRunning, takes2(deleteAttribute[typeArg])},

	// Info
	{"Info_create", false, always, takes1(infoCreate)},
	{"Info_create_env", false, always, takes3(infoCreateEnv)},
	{"Info_dup", false, always, takes2(infoDup)},
	{"Info_free", false, always, takes1(infoFree)},
	{"Info_set", false, always, takes3(infoSet)},
	{"Info_get", false, always, takes5(infoGet)},
	{"Info_get_string", false, always, takes5(infoGetString)},
	{"Info_get_valuelen", false, always, takes4(infoGetValuelen)},
	{"Info_get_nkeys", false, always, takes2(infoGetNkeys)},
	{"Info_get_nthkey", false, always, takes3(infoGetNthkey)},
	{"Info_delete", false, always, takes2(infoDelete)},

	// Topologies
	{"Topo_test", false, whileRunning, takes2(topoTest)},
	{"Cart_create", false, whileRunning, takes6(cartCreate)},
	{"Cartdim_get", false, whileRunning, takes2(cartdimGet)},
	{"Cart_get", false, whileRunning, takes5(cartGet)},
	{"Cart_coords", false, whileRunning, takes4(cartCoords)},
	{"Cart_rank", false, whileRunning, takes3(cartRank)},
	{"Cart_shift", false, whileRunning, takes5(cartShift)},
	{"Cart_sub", false, whileRunning, takes3(cartSub)},
	{"Cart_map", false, whileRunning, takes5(cartMap)},
	{"Dims_create", false, whileRunning, takes3(dimsCreate)},
	{"Graph_create", false, whileRunning, takes6(graphCreate)},
	{"Graph_map", false, whileRunning, takes5(graphMap)},
	{"Graphdims_get", false, whileRunning, takes3(graphdimsGet)},
	{"Graph_get", false, whileRunning, takes5(graphGet)},
	{"Graph_neighbors_count", false, whileRunning, takes3(graphNeighborsCount)},
	{"Graph_neighbors", false, whileRunning, takes4(graphNeighbors)},
	{"Dist_graph_create", false, whileRunning, takes9(distGraphCreate)},
	{"Dist_graph_create_adjacent", false, whileRunning, takes10(distGraphCreateAdjacent)},
	{"Dist_graph_neighbors_count", false, whileRunning, takes4(distGraphNeighborsCount)},
	{"Dist_graph_neighbors", false, whileRunning, takes7(distGraphNeighbors)},

	// Point to point
	{"Send", true, whileRunning, takes6(sendBlocking(modeStandard)).trying(sendAtOnce)},
	{"Ssend", true, whileRunning, takes6(sendBlocking(modeSynchronous))},
	{"Rsend", true, whileRunning, takes6(sendBlocking(modeStandard)).trying(sendAtOnce)},
	{"Bsend", true, whileRunning, takes6(bsend)},
	{"Isend", true, whileRunning, takes7(sendNonblocking(modeStandard))},
	{"Issend", true, whileRunning, takes7(sendNonblocking(modeSynchronous))},
	{"Irsend", true, whileRunning, takes7(sendNonblocking(modeStandard))},
	{"Ibsend", true, whileRunning, takes7(sendNonblocking(modeBuffered))},
	{"Send_init", true, whileRunning, takes7(sendInit(modeStandard))},
	{"Ssend_init", true, whileRunning, takes7(sendInit(modeSynchronous))},
	{"Rsend_init", true, whileRunning, takes7(sendInit(modeStandard))},
	{"Bsend_init", true, whileRunning, takes7(sendInit(modeBuffered))},
	{"Recv", true, whileRunning, takes7(recv).trying(receiveAtOnce)},
	{"Irecv", true, whileRunning, takes7(irecv)},
	{"Recv_init", true, whileRunning, takes7(recvInit)},
	{"Sendrecv", true, whileRunning, takes12(sendrecv).trying(exchangeAtOnce)},
	{"Isendrecv", true, whileRunning, takes12(isendrecv)},
	{"Isendrecv_replace", true, whileRunning, takes9(isendrecvReplace)},
	{"Sendrecv_replace", true, whileRunning, takes9(sendrecvReplace)},
	{"Buffer_attach", true, whileRunning, takes2(bufferAttach)},
	{"Buffer_detach", true, whileRunning, takes2(bufferDetach)},
	{"Buffer_flush", false, whileRunning, takes0(bufferFlush)},
	{"Buffer_iflush", false, whileRunning, takes1(bufferIflush)},
	{"Comm_attach_buffer", true, whileRunning, takes3(commAttachBuffer)},
	{"Comm_detach_buffer", true, whileRunning, takes3(commDetachBuffer)},
	{"Comm_flush_buffer", false, whileRunning, takes1(commFlushBuffer)},
	{"Comm_iflush_buffer", false, whileRunning, takes2(commIflushBuffer)},
	{"Probe", false, whileRunning, takes4(probe)},
	{"Iprobe", false, whileRunning, takes5(iprobe)},
	{"Mprobe", false, whileRunning, takes5(mprobe)},
	{"Improbe", false, whileRunning, takes6(improbe)},
	{"Mrecv", true, whileRunning, takes5(mrecv)},
	{"Imrecv", true, whileRunning, takes5(imrecv)},
	{"Cancel", false, whileRunning, takes1(cancel)},
	{"Start", false, whileRunning, takes1(start)},
	{"Startall", false, whileRunning, takes2(startall)},

	// Requests and statuses
	{"Wait", false, whileRunning, takes2(wait)},
	{"Waitall", false, whileRunning, takes3(waitall)},
	{"Waitany", false, whileRunning, takes4(waitany)},
	{"Waitsome", false, whileRunning, takes5(some(true))},
	{"Test", false, whileRunning, takes3(test)},
	{"Testall", false, whileRunning, takes4(testall)},
	{"Testany", false, whileRunning, takes5(testany)},
	{"Testsome", false, whileRunning, takes5(some(false))},
	{"Request_free", false, whileRunning, takes1(requestFree)},
	{"Request_get_status", false, whileRunning, takes3(requestGetStatus)},
	{"Request_get_status_all", false, whileRunning, takes4(requestGetStatusAll)},
	{"Request_get_status_any", false, whileRunning, takes5(requestGetStatusAny)},
	{"Request_get_status_some", false, whileRunning, takes5(requestGetStatusSome)},
	{"Grequest_start", false, whileRunning, takes5(grequestStart)},
	{"Grequest_complete", false, whileRunning, takes1(grequestComplete)},
	{"Get_count", true, whileRunning, takes3(getCount)},
	{"Get_elements", true, whileRunning, takes3(getElements)},
	{"Get_elements_x", false, whileRunning, asLarge(takes3(getElements))},
	{"Test_cancelled", false, whileRunning, takes2(testCancelled)},
	{"Status_set_cancelled", false, whileRunning, takes2(statusSetCancelled)},
	{"Status_set_elements", true, whileRunning, takes3(statusSetElements)},
	{"Status_set_elements_x", false, whileRunning, asLarge(takes3(statusSetElements))},
	{"Status_set_source", false, whileRunning, takes2(statusSetSource)},
	{"Status_set_tag", false, whileRunning, takes2(statusSetTag)},
	{"Status_set_error", false, whileRunning, takes2(statusSetError)},
	{"Status_get_source", false, whileRunning, takes2(statusGet(func(s status) int32 { return int32(s.source) }))},
	{"Status_get_tag", false, whileRunning, takes2(statusGet(func(s status) int32 { return s.tag }))},
	{"Status_get_error", false, whileRunning, takes2(statusGet(func(s status) int32 { return s.class }))},
	{"Status_c2f", false, whileRunning, takes2(statusCopy)},
	{"Status_f2c", false, whileRunning, takes2(statusCopy)},

	// Datatypes
	{"Type_contiguous", true, whileRunning, takes3(typeContiguous)},
	{"Type_vector", true, whileRunning, takes5(typeVector)},
	{"Type_create_hvector", true, whileRunning, takes5(typeHvector)},
	{"Type_hvector", false, whileRunning, takes5(typeHvector)},
	{"Type_indexed", true, whileRunning, takes5(typeIndexed)},
	{"Type_create_hindexed", true, whileRunning, takes5(typeHindexed)},
	{"Type_hindexed", false, whileRunning, takes5(typeHindexed)},
	{"Type_create_indexed_block", true, whileRunning, takes5(typeIndexedBlock)},
	{"Type_create_hindexed_block", true, whileRunning, takes5(typeHindexedBlock)},
	{"Type_create_struct", true, whileRunning, takes5(typeStruct)},
	{"Type_struct", false, whileRunning, takes5(typeStruct)},
	{"Type_create_subarray", true, whileRunning, takes7(typeSubarray)},
	{"Type_create_darray", true, whileRunning, takes10(typeDarray)},
	{"Type_create_resized", true, whileRunning, takes4(typeResized)},
	{"Type_dup", false, whileRunning, takes2(typeDup)},
	{"Type_commit", false, whileRunning, takes1(typeCommit)},
	{"Type_free", false, whileRunning, takes1(typeFree)},
	{"Type_size", true, whileRunning, takes2(typeSize)},
	{"Type_size_x", false, whileRunning, asLarge(takes2(typeSize))},
	{"Type_get_extent", true, whileRunning, takes3(typeGetExtent)},
	{"Type_get_extent_x", false, whileRunning, asLarge(takes3(typeGetExtent))},
	{"Type_get_true_extent", true, whileRunning, takes3(typeGetTrueExtent)},
	{"Type_get_true_extent_x", false, whileRunning, asLarge(takes3(typeGetTrueExtent))},
	{"Type_extent", false, whileRunning, takes2(typeBound((*datatype.Type).Extent))},
	{"Type_lb", false, whileRunning, takes2(typeBound((*datatype.Type).LB))},
	{"Type_ub", false, whileRunning, takes2(typeBound((*datatype.Type).UB))},
	{"Type_get_envelope", false, whileRunning, takes5(typeGetEnvelope)},
	{"Type_get_envelope_c", false, whileRunning, asLarge(takes6(typeGetEnvelopeLarge))},
	{"Type_get_contents", false, whileRunning, takes7(typeGetContents)},
	{"Type_get_contents_c", false, whileRunning, asLarge(takes9(typeGetContentsLarge))},
	{"Type_get_name", false, whileRunning, takes3(typeGetName)},
	{"Type_set_name", false, whileRunning, takes2(typeSetName)},
	{"Type_match_size", false, whileRunning, takes3(typeMatchSize)},
	{"Type_get_value_index", false, whileRunning, takes3(typeGetValueIndex)},
	{"Type_create_f90_real", false, whileRunning, takes3(typeF90Real(datatype.CombinerF90Real))},
	{"Type_create_f90_complex", false, whileRunning, takes3(typeF90Real(datatype.CombinerF90Complex))},
	{"Type_create_f90_integer", false, whileRunning, takes2(typeF90Integer)},
	{"Get_address", false, always, takes2(getAddress)},
	{"Address", false, always, takes2(getAddress)},
	{"Pack", true, whileRunning, takes7(pack)},
	{"Unpack", true, whileRunning, takes7(unpack)},
	{"Pack_external", true, whileRunning, takes7(packExternal)},
	{"Unpack_external", true, whileRunning, takes7(unpackExternal)},
	{"Pack_external_size", true, whileRunning, takes4(packExternalSize)},
	{"Pack_size", true, whileRunning, takes4(packSize)},

	// Operations
	{"Op_create", true, whileRunning, takes3(opCreate)},
	{"Op_free", false, whileRunning, takes1(opFree)},
	{"Op_commutative", false, whileRunning, takes2(opCommutative)},
	{"Reduce_local", true, whileRunning, takes5(reduceLocal)},
}

// direct are the functions that give something else than an error code, and cannot fail.
var direct = func() []directBinding {
	list := []directBinding{
		{"Wtime", gives0(wtime)},
		{"Wtick", gives0(wtick)},
		{"Aint_add", gives2(func(_ *Rank, base, displacement aintArg) uint64 { return uint64(base + displacement) })},
		{"Aint_diff", gives2(func(_ *Rank, address, base aintArg) uint64 { return uint64(address - base) })},
	}
	for _, n := range numbered {
		for _, form := range numberForms {
			list = append(list, directBinding{n + "_" + form, gives1(sameNumber)})
		}
	}
	return list
}()

type directBinding struct {
	name string
	fn   valued
}

// sameNumber serves the conversions between handles and integers, which are their numbers.
func sameNumber(_ *Rank, v numberArg) uint64 { return uint64(uint32(v)) }

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
		list = append(list, binding{c.name, c.large, whileRunning, blocking(k).trying(fastCollectives[k])})
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
		calls = appendForms(calls, d.name, d.fn.call)
	}
	return calls
}

// letterComm stands for a communicator in signatures.
const letterComm = 'c'

func appendForms(calls []Call, name string, fn func(*Thread, []uint64)) []Call {
	params, results, _ := strings.Cut(strings.ReplaceAll(signatures[name], string(letterComm), "l"), ":")
	for _, prefix := range []string{"MPI_", "PMPI_"} {
		calls = append(calls, Call{Name: prefix + name, Params: params, Results: results, Fn: fn})
	}
	return calls
}

// served is a function as it is called.
type served struct {
	binding
	index uint32
	name  string // with MPI_
	large bool   // it is the _c function
	turn  bool   // threads take turns in it
	waits bool   // it may wait, and can be broken off there
}

// serve wraps a function: it checks that the thread may call it, notes it, and turns a failure into an error code.
func serve(index uint32, b binding, large bool) func(*Thread, []uint64) {
	s := &served{binding: b, index: index, name: "MPI_" + b.name, large: large, turn: !outOfTurn[b.name],
		waits: mayWait[b.name]}
	if large {
		s.name += "_c"
	}
	return s.call
}

func (s *served) call(t *Thread, stack []uint64) {
	r := t.Rank
	if r.several.Load() && s.turn && r.inside.Load() != t {
		s.inTurn(t, stack)
		return
	}
	r.checkEnded()
	if s.when == whileRunning && r.phase() != running {
		t.outOfPhase(s.name)
	}
	if p := &t.pending; p.call != 0 && (p.call != s.index || p.large != s.large) {
		t.abort(errOther, s.name, "called while %s is to be made again, which was broken off [MPI_ERR_OTHER]", p.name())
	}
	if s.turn && t.call.Load() != s.index { // a store waits until all lines that were written before are this processor's
		t.call.Store(s.index)
	}
	var f *failure
	if c := (call{t, s.large}); r.stats == nil {
		f = s.run(c, stack)
	} else {
		f = c.timed(s, stack)
	}
	if f != nil {
		stack[0] = uint64(uint32(s.raise(t, f)))
		return
	}
	stack[0] = success
}

// outOfTurn are the functions that any thread may call at any time.
var outOfTurn = map[string]bool{"Initialized": true, "Finalized": true, "Query_thread": true, "Is_thread_main": true,
	"Get_version": true, "Get_library_version": true, "Abi_get_version": true, "Get_address": true, "Address": true,
	"Abort": true}

// mayWait are the functions that may wait, or that programs poll with: calls of these can be broken off.
var mayWait = func() map[string]bool {
	names := map[string]bool{}
	for _, name := range []string{"Send", "Ssend", "Rsend", "Recv", "Sendrecv", "Sendrecv_replace", "Probe", "Iprobe",
		"Mprobe", "Improbe", "Mrecv", "Wait", "Waitall", "Waitany", "Waitsome", "Test", "Testall", "Testany", "Testsome",
		"Request_get_status", "Request_get_status_all", "Request_get_status_any", "Request_get_status_some",
		"Buffer_detach", "Buffer_flush", "Comm_detach_buffer", "Comm_flush_buffer", "Comm_dup", "Comm_dup_with_info",
		"Comm_split", "Comm_split_type", "Comm_create", "Comm_create_group", "Comm_free", "Comm_disconnect",
		"Intercomm_create", "Intercomm_merge", "Cart_create", "Cart_sub", "Graph_create", "Dist_graph_create",
		"Dist_graph_create_adjacent", "Finalize"} {
		names[name] = true
	}
	for k := collBarrier; int(k) < len(collectives); k++ {
		names[collectives[k].name] = true
	}
	return names
}()

func (t *Thread) outOfPhase(name string) {
	if t.phase() == finalized {
		t.abort(errOther, name, "called after MPI_Finalize [MPI_ERR_OTHER]")
	}
	t.abort(errOther, name, "called before MPI_Init [MPI_ERR_OTHER]")
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
