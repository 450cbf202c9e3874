// Package state is a rank's MPI state as bytes: sections, each with a name, a version and a checksum, and in them what
// the pure packages know (datatypes, groups). It is pure, and it trusts no byte that it reads. The payloads are
// messages of mpi/state/statepb. Package mpi gathers the state of a rank and makes a rank of it; what an image holds
// besides, and where it lies, is not known here.
//
// An encoding is
//
//	"mpistate"                       what it is
//	sections, each
//	  u8     length of the name
//	  name   letters
//	  u32    version
//	  u64    length of the payload
//	  u32    CRC-32C of the payload
//	  u32    CRC-32C of this header so far
//	  payload
//	u8  0                            the end, so that a cut is noticed
//	u32 number of sections
//	u32 CRC-32C of those five bytes
//
// with numbers in little-endian order.
package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"google.golang.org/protobuf/proto"
)

// What is wrong with an encoding, or with one of its sections, which the error names around it.
var (
	ErrDamaged = errors.New("is damaged")
	ErrCut     = errors.New("is cut off")
	ErrUnknown = errors.New("is not known to this release")
	ErrNewer   = errors.New("is of a newer version than this release knows")
	ErrTwice   = errors.New("is there twice")
	ErrMissing = errors.New("is missing")
)

// Version is a section's: it goes up when its payload means something else.
type Version uint32

// Versions are the sections that a release knows and the latest version of each, which it writes. It reads all up to
// it.
type Versions map[string]Version

const (
	magic      = "mpistate"
	maxName    = 32
	afterName  = 4 + 8 + 4 // version, length, checksum of the payload
	headerSums = 4
	endSize    = 1 + 4 + 4
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

func sum(b []byte) uint32 { return crc32.Checksum(b, crcTable) }

// Writer makes an encoding. The zero value, with Versions, is ready to use.
type Writer struct {
	Versions Versions
	out      []byte
	sections uint32
}

// Add adds a section, of the latest version. A section that is not in Versions, and a message that cannot be encoded,
// are mistakes of the caller: it panics.
func (w *Writer) Add(name string, payload proto.Message) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(payload)
	if err != nil {
		panic(fmt.Sprintf("state: section %s: %v", name, err))
	}
	w.addBytes(name, data)
}

func (w *Writer) addBytes(name string, data []byte) {
	version, known := w.Versions[name]
	if !known || len(name) > maxName {
		panic("state: no section is called " + name)
	}
	if w.sections == 0 {
		w.out = append(w.out, magic...)
	}
	w.sections++
	header := len(w.out)
	w.out = append(append(w.out, byte(len(name))), name...)
	w.out = binary.LittleEndian.AppendUint32(w.out, uint32(version))
	w.out = binary.LittleEndian.AppendUint64(w.out, uint64(len(data)))
	w.out = binary.LittleEndian.AppendUint32(w.out, sum(data))
	w.out = binary.LittleEndian.AppendUint32(w.out, sum(w.out[header:]))
	w.out = append(w.out, data...)
}

// Bytes ends the encoding, which has a section at least, and gives it.
func (w *Writer) Bytes() []byte {
	end := len(w.out)
	w.out = binary.LittleEndian.AppendUint32(append(w.out, 0), w.sections)
	return binary.LittleEndian.AppendUint32(w.out, sum(w.out[end:]))
}

// Sections are those of an encoding whose bytes are as they were written.
type Sections struct {
	byName map[string]section
}

type section struct {
	version Version
	payload []byte
}

// Read takes an encoding apart. The sections are part of b. Which sections there are is the caller's to ask: here each
// must be known, whole, and there once.
func Read(b []byte, known Versions) (*Sections, error) {
	rest, ok := cut(b, []byte(magic))
	if !ok {
		return nil, fmt.Errorf("this is no encoding of MPI state")
	}
	s := &Sections{byName: map[string]section{}}
	last := "the beginning"
	for {
		if len(rest) == 0 {
			return nil, fmt.Errorf("the encoding of MPI state %w behind %s", ErrCut, last)
		}
		if rest[0] == 0 {
			return s, s.checkEnd(rest, last)
		}
		name, next, err := s.read(rest, known, last)
		if err != nil {
			return nil, err
		}
		rest, last = next, "section "+name
	}
}

// cut removes a prefix.
func cut(b, prefix []byte) (rest []byte, ok bool) {
	if len(b) < len(prefix) || string(b[:len(prefix)]) != string(prefix) {
		return nil, false
	}
	return b[len(prefix):], true
}

// checkEnd checks the mark of the end, behind which is nothing.
func (s *Sections) checkEnd(mark []byte, last string) error {
	if len(mark) < endSize {
		return fmt.Errorf("the encoding of MPI state %w behind %s", ErrCut, last)
	}
	if binary.LittleEndian.Uint32(mark[5:]) != sum(mark[:5]) ||
		binary.LittleEndian.Uint32(mark[1:]) != uint32(len(s.byName)) || len(mark) > endSize {
		return fmt.Errorf("the end of the encoding of MPI state, behind %s, %w", last, ErrDamaged)
	}
	return nil
}

// read takes the first section off, and gives its name and what follows it.
func (s *Sections) read(b []byte, known Versions, last string) (name string, rest []byte, err error) {
	size := 1 + int(b[0]) + afterName
	switch {
	case int(b[0]) > maxName:
		return "", nil, fmt.Errorf("the header behind %s %w", last, ErrDamaged)
	case len(b) < size+headerSums:
		return "", nil, fmt.Errorf("the encoding of MPI state %w in the header behind %s", ErrCut, last)
	case binary.LittleEndian.Uint32(b[size:]) != sum(b[:size]):
		return "", nil, fmt.Errorf("the header behind %s %w", last, ErrDamaged)
	}
	name = string(b[1 : 1+b[0]])
	fields := b[1+b[0]:]
	found := section{version: Version(binary.LittleEndian.Uint32(fields))}
	length := binary.LittleEndian.Uint64(fields[4:])
	rest = b[size+headerSums:]
	latest, isKnown := known[name]
	_, twice := s.byName[name]
	switch {
	case !isKnown:
		err = ErrUnknown
	case found.version > latest:
		err = fmt.Errorf("%w: %d, not up to %d", ErrNewer, found.version, latest)
	case found.version == 0 || twice:
		err = ErrTwice
		if !twice {
			err = ErrDamaged
		}
	case length > uint64(len(rest)):
		err = fmt.Errorf("%w: %d bytes of %d are there", ErrCut, len(rest), length)
	case binary.LittleEndian.Uint32(fields[12:]) != sum(rest[:length]):
		err = ErrDamaged
	}
	if err != nil {
		return "", nil, failed(name, err)
	}
	found.payload, rest = rest[:length], rest[length:]
	s.byName[name] = found
	return name, rest, nil
}

// failed names the section in an error.
func failed(name string, err error) error {
	return fmt.Errorf("section %q of the MPI state %w", name, err)
}

// Versions are those in which the sections were written.
func (s *Sections) Versions() Versions {
	versions := Versions{}
	for name, found := range s.byName {
		versions[name] = found.version
	}
	return versions
}

// Get decodes a section into a message, which is of its latest version, and gives the version that was written. A field
// that the message does not have is that of a version that was not raised, and is refused.
func (s *Sections) Get(name string, into proto.Message) (Version, error) {
	found, ok := s.byName[name]
	if !ok {
		return 0, failed(name, ErrMissing)
	}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(found.payload, into); err != nil {
		return 0, failed(name, fmt.Errorf("%w: %v", ErrDamaged, err))
	}
	if proto.Size(into) != len(found.payload) {
		return 0, failed(name, fmt.Errorf("%w: it has fields that version %d does not have", ErrDamaged, found.version))
	}
	return found.version, nil
}

// Invalid is an error of what a section says, which its checksum cannot know of.
func Invalid(name, format string, arguments ...any) error {
	return failed(name, fmt.Errorf("is invalid: "+format, arguments...))
}
