package mpi

import "encoding/binary"

// ask calls a function of the program that gives back an error code. What ends the program there ends this call too.
//
// params has a letter an argument: i is an int, l a pointer or a handle.
func (t *Thread) ask(what string, index uint32, params string, arguments ...uint64) *failure {
	defer t.ascend(t.descend())
	code, err := t.host.CallTableResult(index, params, arguments...)
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
func (t *Thread) callBack(index uint32, params string, arguments ...uint64) {
	defer t.ascend(t.descend())
	if err := t.host.CallTable(index, params, arguments...); err != nil {
		panic(err)
	}
}

// maxNested bounds functions of the program that MPI calls while another such function is in a call of MPI: natively an
// error handler that fails in itself ends in a full stack, and here it would be the host's.
const maxNested = 100

// descend begins with a function of the program within a call, of which it gives what is pending: calls from there have
// nothing to do with it.
func (t *Thread) descend() (outer pending) {
	if t.nested++; t.nested > maxNested {
		name := callName(t.call.Load())
		t.abort(errOther, name,
			"functions that MPI calls have called MPI, which called them again, more than %d deep [MPI_ERR_OTHER]", maxNested)
	}
	if t.pending.used {
		outer, t.pending = t.pending, pending{}
	}
	if t.holds { // the function may wait for another thread of the rank
		t.endTurn()
	}
	return outer
}

// ascend is the end of what descend began, also where an exception or a longjmp leaves the function.
func (t *Thread) ascend(outer pending) {
	t.nested--
	if t.locked() && !t.holds {
		t.takeTurn()
	}
	if outer.used {
		t.pending = outer
	}
}

// words puts values into memory of the program, for as long as a callback runs.
func (t *Thread) words(values ...uint64) (address uint64, f *failure) {
	if address, f = t.allocate(int64(wordSize * len(values))); f != nil {
		return 0, f
	}
	for i, v := range values {
		binary.LittleEndian.PutUint64(t.piece(address+uint64(wordSize*i), wordSize), v)
	}
	return address, nil
}

// word reads back what a callback wrote there: a pointer.
func (r *Rank) word(address uint64) uint64 {
	return binary.LittleEndian.Uint64(r.piece(address, wordSize))
}
