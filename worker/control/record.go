package control

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteRecord leaves an executor's exit record at path: whole and on the disk, or not there at all. The record is the
// frame of its Ended message.
func WriteRecord(path string, m *Ended) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".exit-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("write the exit record: %w", err)
	}
	_, err = tmp.Write(Append(nil, m))
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("write the exit record: %w", err)
	}
	return nil
}

// ReadRecord reads what WriteRecord left. An executor that died before leaves no record: errors.Is(err, fs.ErrNotExist).
func ReadRecord(path string) (*Ended, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the exit record: %w", err)
	}
	r := bytes.NewReader(b)
	m, err := Read(r)
	if err != nil {
		return nil, fmt.Errorf("read the exit record %s: %w", path, noEOF(err))
	}
	ended, ok := m.(*Ended)
	if _, err := r.ReadByte(); !ok || err != io.EOF {
		return nil, fmt.Errorf("read the exit record %s: it holds something else", path)
	}
	return ended, nil
}
