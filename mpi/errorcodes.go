package mpi

// userErrors are the error classes and codes that the program has added: each code's class and text. The first has the
// number after MPI_ERR_LASTCODE; a class is a code of its own class.
type userErrors struct {
	codes []userError
}

type userError struct {
	class   int32
	text    string
	removed bool
}

func (u *userErrors) get(code int32) *userError {
	i := int(code) - errLastCode - 1
	if i < 0 || i >= len(u.codes) || u.codes[i].removed {
		return nil
	}
	return &u.codes[i]
}

// last is MPI_LASTUSEDCODE.
func (u *userErrors) last() int32 { return int32(errLastCode + len(u.codes)) }

// MPI_Add_error_class(*errorclass)
func addErrorClass(r *Rank, a args) *failure {
	class := r.errors.last() + 1
	if f := a.putInt(0, "errorclass", class); f != nil {
		return f
	}
	r.errors.codes = append(r.errors.codes, userError{class: class})
	return nil
}

// MPI_Add_error_code(errorclass, *errorcode)
func addErrorCode(r *Rank, a args) *failure {
	class, ok := r.classOf(a.int(0))
	if !ok {
		return failf(errArg, "invalid error class %d", a.int(0))
	}
	if f := a.putInt(1, "errorcode", r.errors.last()+1); f != nil {
		return f
	}
	r.errors.codes = append(r.errors.codes, userError{class: class})
	return nil
}

// MPI_Add_error_string(errorcode, string)
func addErrorString(r *Rank, a args) *failure {
	u := r.errors.get(a.int(0))
	if u == nil {
		return failf(errArg, "%d is not an error code of the program", a.int(0))
	}
	text, f := a.getString(1, "string", maxErrorString)
	if f == nil {
		u.text = text
	}
	return f
}

// removeError makes MPI_Remove_error_class and MPI_Remove_error_code: (code).
func removeError(r *Rank, a args) *failure {
	u := r.errors.get(a.int(0))
	if u == nil {
		return failf(errArg, "%d is not an error code of the program", a.int(0))
	}
	u.removed, u.text = true, ""
	for n := len(r.errors.codes); n > 0 && r.errors.codes[n-1].removed; n-- { // the last ones may be given again
		r.errors.codes = r.errors.codes[:n-1]
	}
	return nil
}

// MPI_Remove_error_string(errorcode)
func removeErrorString(r *Rank, a args) *failure {
	u := r.errors.get(a.int(0))
	if u == nil {
		return failf(errArg, "%d is not an error code of the program", a.int(0))
	}
	u.text = ""
	return nil
}

// classOf gives the class of a code.
func (r *Rank) classOf(code int32) (int32, bool) {
	if code >= 0 && int(code) < len(classes) {
		return code, true
	}
	if u := r.errors.get(code); u != nil {
		return u.class, true
	}
	return 0, false
}

// MPI_Error_class(errorcode, *errorclass)
func errorClass(r *Rank, a args) *failure {
	class, ok := r.classOf(a.int(0))
	if !ok {
		return failf(errArg, "invalid error code %d", a.int(0))
	}
	return a.putInt(1, "errorclass", class)
}

// MPI_Error_string(errorcode, *string, *resultlen)
func errorString(r *Rank, a args) *failure {
	code := a.int(0)
	if u := r.errors.get(code); u != nil {
		return a.putString(1, "string", u.text, maxErrorString, 2)
	}
	if code < 0 || int(code) >= len(classes) {
		return failf(errArg, "invalid error code %d", code)
	}
	return a.putString(1, "string", classes[code].name+": "+classes[code].text, maxErrorString, 2)
}
