package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Pebble ends the replay of its newest log at the first chunk that it can't read, and takes damage for a torn tail
// unless a chunk in a later block of 32 KiB promises otherwise. We can know better: a record is written after the one
// before it has been synced, so a whole record anywhere behind the end of the replay means that the end is damage, and
// that acknowledged records would be lost.

// tail is the newest log as it was before pebble opened the directory, and with that replaced it.
type tail struct {
	dir, path string
	bytes     []byte
}

// readTail also refuses a directory whose damage has been found before: pebble has opened it since, and would find
// nothing wrong any more.
func readTail(dir string) (*tail, error) {
	if _, err := os.Stat(filepath.Join(dir, damageFile)); err == nil {
		return nil, fmt.Errorf("%w: %s was found damaged; see %s there, and remove it to go on with what can be read",
			ErrCorrupt, dir, damageFile)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(logs) == 0 {
		return &tail{dir: dir}, err
	}
	newest := slices.Max(logs)
	b, err := os.ReadFile(newest)
	if err != nil {
		return nil, fmt.Errorf("reading the journal's log: %w", err)
	}
	return &tail{dir, newest, b}, nil
}

// newestWhole is the highest number among the records that stand whole in the log, 0 for none.
func (t *tail) newestWhole() Seq {
	var newest Seq
	for b := t.bytes; ; {
		i := bytes.Index(b, recordStart)
		if i < 0 {
			return newest
		}
		b = b[i+1:]
		if seq, ok := wholeRecord(b[1:]); ok {
			newest = max(newest, seq)
		}
	}
}

// check complains when a whole record stands behind the first one that could not be read, and keeps the evidence.
func (t *tail) check(next Seq) error {
	whole := t.newestWhole()
	if whole < next {
		return nil
	}
	damage := fmt.Errorf("%w: record %d can't be read, and record %d behind it is whole: "+
		"the disk has changed what was written; restore %s\n"+
		"from a copy, or remove %s in it to go on with the records before %d", ErrCorrupt, next, whole, t.dir, damageFile,
		next)
	kept := t.path + ".damaged"
	note := fmt.Sprintf("%v.\nThe log as it was found is %s.\n", damage, filepath.Base(kept))
	return errors.Join(damage, os.WriteFile(kept, t.bytes, 0o600),
		os.WriteFile(filepath.Join(t.dir, damageFile), []byte(note), 0o600))
}

const damageFile = "DAMAGED"

// recordStart is how pebble's log writes the setting of a key of ours: the operation, the key's length, the key.
var recordStart = []byte{1, 9, 'j'}

// wholeRecord reads key, length and frame. A record that crosses a block has a header within it and is not seen; there
// pebble's own check works.
func wholeRecord(b []byte) (Seq, bool) {
	if len(b) < 9 {
		return 0, false
	}
	key := b[:9]
	n, used := binary.Uvarint(b[9:])
	if used <= 0 || n > uint64(len(b)-9-used) {
		return 0, false
	}
	if _, err := unseal(key, b[9+used:][:n]); err != nil {
		return 0, false
	}
	return Seq(binary.BigEndian.Uint64(key[1:])), true
}
