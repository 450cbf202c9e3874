package mpi

import "encoding/binary"

// ask calls a function of the program that gives back an error code. What ends the program there ends this call too.
//
// params has a letter an argument: i is an int, l a pointer or a handle.
func (r *Rank) ask(what string, index uint32, params string, arguments ...uint64) *failure {
	r.descend()
	defer r.ascend()
	code, err := r.calling().host.CallTableResult(index, params, arguments...)
	if err != nil {
		panic(err)
	}
	if code != success {
		return failf(code, "%s returned error code %d", what, code)
	}
	return nil
}

// callBack calls a function of the program that gives back nothing, with parameters as ask has them. What ends the
// program there ends this call too.
func (r *Rank) callBack(index uint32, params string, arguments ...uint64) {
	r.descend()
	defer r.ascend()
	if err := r.calling().host.CallTable(index, params, arguments...); err != nil {
		panic(err)
	}
}

// maxNested bounds functions of the program that MPI calls while another such function is in a call of MPI: natively an
// error handler that fails in itself ends in a full stack, and here it would be the host's.
const maxNested = 100

func (r *Rank) descend() {
	if r.nested++; r.nested > maxNested {
		name := callName(r.call.Load())
		r.abort(errOther, name,
			"functions that MPI calls have called MPI, which called them again, more than %d deep [MPI_ERR_OTHER]", maxNested)
	}
}

// ascend is the end of what descend began, also where an exception or a longjmp leaves the function.
func (r *Rank) ascend() { r.nested-- }

// words puts values into memory of the program, for as long as a callback runs.
func (r *Rank) words(values ...uint64) (address uint64, f *failure) {
	if address, f = r.allocate(int64(wordSize * len(values))); f != nil {
		return 0, f
	}
	for i, v := range values {
		binary.LittleEndian.PutUint64(r.piece(address+uint64(wordSize*i), wordSize), v)
	}
	return address, nil
}

// word reads back what a callback wrote there: a pointer.
func (r *Rank) word(address uint64) uint64 {
	return binary.LittleEndian.Uint64(r.piece(address, wordSize))
}
