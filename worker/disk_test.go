package worker

import (
	"errors"
	"strings"
	"testing"
)

func TestDisks(t *testing.T) {
	free := map[string]uint64{"state": diskReserve, "cache": diskReserve}
	d := disks{dirs: []string{"state", "cache", "unknown"}, free: func(dir string) (uint64, error) {
		n, known := free[dir]
		if !known {
			return 0, errors.New("no such directory")
		}
		return n, nil
	}}
	for _, c := range []struct {
		state, cache uint64
		words        string
	}{
		{diskReserve, diskReserve, ""},
		{diskReserve, diskReserve - 1, "less than 64 MiB are free in cache"},
		{diskReserve, diskReserve, "less than 128 MiB are free in state"},
		{diskRegain, diskRegain - 1, "in cache"},
		{diskRegain, diskRegain, ""},
		{0, diskRegain, "in state"},
	} {
		free["state"], free["cache"] = c.state, c.cache
		if got := d.trouble(); (got == "") != (c.words == "") || !strings.Contains(got, c.words) {
			t.Errorf("%d and %d bytes are free: %q, want %q", c.state, c.cache, got, c.words)
		}
	}
	if n, err := freeSpace(t.TempDir()); err != nil || n == 0 {
		t.Errorf("%d bytes are free, %v", n, err)
	}
}
