package control

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ExitOwnFault is the exit status of a compile child that failed at what is not the module's fault: a disk, a kernel.
const ExitOwnFault = 3

// ExitNotNative is the exit status of a maker that can make no machine code of a program. Another engine may run it.
const ExitNotNative = 4

// WriteRecord leaves an executor's exit record at path, whole and on the disk, or not at all.
func WriteRecord(path string, m *Ended) error {
	if err := writeFile(path, m); err != nil {
		return fmt.Errorf("write the exit record: %w", err)
	}
	return nil
}

// ReadRecord reads what WriteRecord left. An executor that died before leaves no record: errors.Is(err,
// fs.ErrNotExist).
func ReadRecord(path string) (*Ended, error) {
	m, err := readFile[*Ended](path)
	if err != nil {
		return nil, fmt.Errorf("read the exit record: %w", err)
	}
	return m, nil
}

// Variant is what a module is prepared for. Each has files of its own.
type Variant string

const (
	ForWazero  Variant = ""
	ForChecked Variant = "checked" // wazero, with addresses checked
	ForNative  Variant = "native"
)

// PreparedPath is where the compile child says what it found about the module with that hash.
func PreparedPath(dir, sha string, v Variant) string {
	if v != ForWazero {
		sha += "." + string(v)
	}
	return filepath.Join(dir, sha+PreparedSuffix)
}

// PreparedSuffix ends the names of such files.
const PreparedSuffix = ".prepared"

// WritePrepared leaves what a compile child found, whole or not at all.
func WritePrepared(path string, m *Prepared) error {
	if err := writeFile(path, m); err != nil {
		return fmt.Errorf("write down what is known of the module: %w", err)
	}
	return nil
}

// ReadPrepared reads what WritePrepared left.
func ReadPrepared(path string) (*Prepared, error) { return readFile[*Prepared](path) }

// writeFile makes a file of one frame.
func writeFile(path string, m Message) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".frame-*") // made with mode 0600
	if err != nil {
		return err
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
	}
	return err
}

// readFile reads one back. Its directory may be another user's, who must not lead us elsewhere nor hold us up.
func readFile[M Message](path string) (M, error) {
	var none M
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return none, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxFrame+headerSize+1))
	if err != nil {
		return none, err
	}
	r := bytes.NewReader(b)
	m, err := Read(r)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, noEOF(err))
	}
	found, ok := m.(M)
	if _, err := r.ReadByte(); !ok || err != io.EOF {
		return none, fmt.Errorf("%s holds something else than a %T", path, none)
	}
	return found, nil
}
