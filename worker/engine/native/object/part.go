package object

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A part is what the compiler made of one file of a program's C. Parts are kept so that a program of which a function
// has changed is not compiled as a whole again. A part's file is what the compiler made and a trailer as an object's.
//
//	CACHE/native/parts1/<key>.o
//
// To the worker's cache the directory is machine code of no module, of which it removes all or nothing; PruneParts
// bounds it.
const (
	partsDir   = "parts1"
	partSuffix = ".o"
)

// Part is all that a part depends on.
type Part struct {
	Text      [sha256.Size]byte // of the C
	Flags     []string
	Compiler  [sha256.Size]byte
	Processor string
}

func (p Part) sum() [sha256.Size]byte {
	return Key{Module: p.Text, Translator: "part", Flags: p.Flags, Compiler: p.Compiler, Processor: p.Processor}.Sum()
}

func (s *Store) partPath(sum [sha256.Size]byte) string {
	return filepath.Join(s.dir, partsDir, hex.EncodeToString(sum[:])+partSuffix)
}

// Part reads a part, and notes that it was used. ErrNone: there is none. One that is not as its owner wrote it is an
// error of its own.
func (s *Store) Part(p Part) ([]byte, error) {
	sum := p.sum()
	path := s.partPath(sum)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	digest, size, err := s.verify(f, sum)
	if err != nil {
		return nil, err
	}
	part := make([]byte, size)
	if _, err := io.ReadFull(f, part); err != nil {
		return nil, err
	}
	if sha256.Sum256(part) != digest {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	now := time.Now()
	os.Chtimes(path, now, now)
	return part, nil
}

// verify reads the trailer of an open file: the digest and the size of what is in front of it.
func (s *Store) verify(f *os.File, key [sha256.Size]byte) (digest [sha256.Size]byte, size int64, err error) {
	whole, err := owned(f, 0o022)
	if err != nil {
		return digest, 0, err
	}
	secret, err := readSecret(s.secret)
	if err != nil {
		return digest, 0, err
	}
	size = whole - int64(trailerSize)
	if size < 0 || size > maxFile {
		return digest, 0, fmt.Errorf("%s: %w", f.Name(), errDamaged)
	}
	trailer := make([]byte, trailerSize)
	if _, err := f.ReadAt(trailer, size); err != nil {
		return digest, 0, err
	}
	copy(digest[:], trailer[tagAt-sha256.Size:])
	if !hmac.Equal(newTrailer(uint64(size), key, digest, secret), trailer) {
		return digest, 0, fmt.Errorf("%s: %w", f.Name(), errDamaged)
	}
	return digest, size, nil
}

// PutPart keeps a part.
func (s *Store) PutPart(p Part, file []byte) error {
	secret, err := makeSecret(s.secret)
	if err != nil {
		return err
	}
	sum := p.sum()
	trailer := newTrailer(uint64(len(file)), sum, sha256.Sum256(file), secret)
	return writeWhole(s.partPath(sum), 0o600, file, trailer)
}

// PruneParts removes the parts that were not used for the longest time until all together are within a bound in bytes.
// A part that some maker is about to read is compiled by it then.
func (s *Store) PruneParts(bound int64) {
	entries, _ := os.ReadDir(filepath.Join(s.dir, partsDir))
	var all []fs.FileInfo
	total := int64(0)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			all = append(all, info)
			total += info.Size()
		}
	}
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range all {
		if total <= bound {
			return
		}
		if os.Remove(filepath.Join(s.dir, partsDir, info.Name())) == nil {
			total -= info.Size()
		}
	}
}
