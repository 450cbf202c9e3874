package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A full disk: the record that does not fit is refused with the reason, nothing before it is lost, and once there is
// space again, the next start goes on.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	ballast := filepath.Join(dir, "ballast")
	ok(t, os.WriteFile(ballast, make([]byte, 16<<20), 0o600))
	journal := filepath.Join(dir, "journal")
	s := open(t, journal)
	expect(t, s)
	var written []string
	record := strings.Repeat("r", 50_000)
	var full error
	for full == nil && len(written) < 1000 {
		r := fmt.Sprint(len(written), record)
		if full = s.Append([]byte(r)); full == nil {
			written = append(written, "record "+r)
		}
	}
	if full == nil || !strings.Contains(full.Error(), "no space left") {
		t.Fatalf("after %d records: %v", len(written), full)
	}
	if err := s.Append([]byte("more")); err == nil {
		t.Error("appended after a failure")
	}
	s.Close()
	t.Logf("%d records, then %v", len(written), full)

	// Still full: it says so, and damages nothing.
	if _, err := Open(journal, Options{}); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Fatalf("opened while full: %v", err)
	}
	ok(t, os.Remove(ballast))
	s = open(t, journal)
	got, err := read(s)
	ok(t, err)
	// The record that was refused may be there or not.
	if len(got) < len(written) || len(got) > len(written)+1 ||
		strings.Join(got[:len(written)], "") != strings.Join(written, "") {
		t.Errorf("%d records are there of %d that were acknowledged", len(got), len(written))
	}
	ok(t, s.Append([]byte("goes on")))
	ok(t, s.Close())
}
