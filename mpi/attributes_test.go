package mpi

import "testing"

// TestKeyvalInUse frees a key more than once: that is fine while attributes have it, as in a delete function, and an error
// when none has.
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
