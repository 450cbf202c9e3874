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
func addErrorClass(r call, errorclass intOut) *failure {
	class := r.errors.last() + 1
	if f := errorclass.put(r, "errorclass", class); f != nil {
		return f
	}
	r.errors.codes = append(r.errors.codes, userError{class: class})
	return nil
}

// MPI_Add_error_code(errorclass, *errorcode)
func addErrorCode(r call, errorclass intArg, errorcode intOut) *failure {
	class, ok := r.classOf(errorclass.int())
	if !ok {
		return failf(errArg, "invalid error class %d", errorclass.int())
	}
	if f := errorcode.put(r, "errorcode", r.errors.last()+1); f != nil {
		return f
	}
	r.errors.codes = append(r.errors.codes, userError{class: class})
	return nil
}

// MPI_Add_error_string(errorcode, string)
func addErrorString(r call, errorcode intArg, text stringIn) *failure {
	u := r.errors.get(errorcode.int())
	if u == nil {
		return failf(errArg, "%d is not an error code of the program", errorcode.int())
	}
	said, f := text.get(r, "string", maxErrorString)
	if f == nil {
		u.text = said
	}
	return f
}

// removeError makes MPI_Remove_error_class and MPI_Remove_error_code: (code).
func removeError(r call, errorclass intArg) *failure {
	u := r.errors.get(errorclass.int())
	if u == nil {
		return failf(errArg, "%d is not an error code of the program", errorclass.int())
	}
	u.removed, u.text = true, ""
	for n := len(r.errors.codes); n > 0 && r.errors.codes[n-1].removed; n-- { // the last ones may be given again
		r.errors.codes = r.errors.codes[:n-1]
	}
	return nil
}

// MPI_Remove_error_string(errorcode)
func removeErrorString(r call, errorcode intArg) *failure {
	u := r.errors.get(errorcode.int())
	if u == nil {
		return failf(errArg, "%d is not an error code of the program", errorcode.int())
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
func errorClass(r call, errorcode intArg, errorclass intOut) *failure {
	class, ok := r.classOf(errorcode.int())
	if !ok {
		return failf(errArg, "invalid error code %d", errorcode.int())
	}
	return errorclass.put(r, "errorclass", class)
}

// MPI_Error_string(errorcode, *string, *resultlen)
func errorString(r call, errorcode intArg, text stringOut, resultlen intOut) *failure {
	code := errorcode.int()
	if u := r.errors.get(code); u != nil {
		return text.put(r, "string", u.text, maxErrorString, resultlen)
	}
	if code < 0 || int(code) >= len(classes) {
		return failf(errArg, "invalid error code %d", code)
	}
	return text.put(r, "string", classes[code].name+": "+classes[code].text, maxErrorString, resultlen)
}
