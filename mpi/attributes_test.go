package mpi

import "testing"

// TestKeyvalInUse frees a key more than once: that is fine while attributes have it, as in a delete function, and an
// error when none has.
func TestKeyvalInUse(t *testing.T) {
	play(t, 1, func(g *guest) {
		key := g.alloc(4)
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		g.must("Comm_set_errhandler", tSelf, errorsReturn)
		g.must("Comm_create_keyval", dupFunction, nullFunction, key, 0)
		k := g.int(key, 0)
		g.must("Comm_set_attr", tSelf, k, 42)
		g.must("Comm_free_keyval", key)
		want(g, "key", g.int(key, 0), keyvalInvalid)
		d := g.newcomm("Comm_dup", tSelf)
		value, flag := g.alloc(4), g.alloc(4)
		g.must("Comm_get_attr", d, k, value, flag)
		want(g, "flag", g.int(flag, 0), 1)
		want(g, "value", g.int(value, 0), 42)
		g.must("Comm_delete_attr", tSelf, k)
		g.setInt(key, 0, k)
		g.must("Comm_free_keyval", key) // the duplicate has it still
		g.must("Comm_delete_attr", d, k)
		g.setInt(key, 0, k)
		want(g, "class", g.call("Comm_free_keyval", key), errKeyval)
	})
}

// TestDuplicateOfPredefinedKeepsAttributes: a rank's attributes of MPI_INT go to the duplicate as any other's do.
func TestDuplicateOfPredefinedKeepsAttributes(t *testing.T) {
	play(t, 1, func(g *guest) {
		key, value, flag := g.alloc(4), g.alloc(4), g.alloc(4)
		g.must("Type_create_keyval", dupFunction, nullFunction, key, 0)
		g.must("Type_set_attr", tInt, g.int(key, 0), 42)
		g.must("Type_get_attr", g.newtype("Type_dup", tInt), g.int(key, 0), value, flag)
		want(g, "flag", g.int(flag, 0), 1)
		want(g, "value", g.int(value, 0), 42)
	})
}

// TestFailedCopyLeavesNoDuplicate: where a copy function fails, the duplicate's handle is null and nothing is left of
// it.
func TestFailedCopyLeavesNoDuplicate(t *testing.T) {
	said := findings(t, 1, func(g *guest) {
		const copies, code = 7, 99
		g.results[copies] = func(...uint64) int32 { return code }
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		g.must("Comm_set_errhandler", tSelf, errorsReturn)
		key, out, request := g.alloc(4), g.alloc(4), g.alloc(4)
		g.must("Comm_create_keyval", copies, nullFunction, key, 0)
		g.must("Comm_set_attr", tSelf, g.int(key, 0), 42)
		want(g, "code", g.call("Comm_dup", tSelf, out), code)
		want(g, "newcomm", g.int(out, 0), commNull)
		g.setInt(out, 0, 7)
		want(g, "code", g.call("Comm_idup", tSelf, out, request), code)
		want(g, "newcomm of idup", g.int(out, 0), commNull)
		g.must("Comm_delete_attr", tSelf, g.int(key, 0))
		g.must("Type_create_keyval", copies, nullFunction, key, 0)
		g.must("Type_set_attr", tInt, g.int(key, 0), 42)
		want(g, "code", g.call("Type_dup", tInt, out), code)
		want(g, "newtype", g.int(out, 0), datatypeNull)
	})
	if len(said) > 0 {
		t.Errorf("left behind: %q", said)
	}
}
