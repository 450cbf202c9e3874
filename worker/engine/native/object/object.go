// Package object is the file of a program's machine code for this machine: how it is kept in the cache, how it is
// known to be ours, and what it must be before anything of it is mapped. Making objects it leaves to clang, mapping
// and running them to the engine, removing old ones to the worker's cache, which counts them by their module.
package object

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// An object's file is what the linker made, and behind it a trailer, which linkers and debuggers don't look at:
//
//	magic     16 bytes
//	version   8 bytes
//	size      8 bytes, of what the linker made
//	key       32 bytes: Key.Sum
//	digest    32 bytes: SHA-256 of what the linker made
//	tag       32 bytes: HMAC-SHA-256 of all the trailer before, with the secret of the cache's owner
//
// So it takes one look at a few bytes to know that a file is ours and what it must be, and one pass over all of it, by
// who maps it, to know that it is that. Executors of other users than the worker's can't read the secret: the worker
// tells them the digest.
//
//	CACHE/object.secret                         32 bytes that only the worker's user can read
//	CACHE/native/<module>-object1/lock          held by whoever makes one
//	CACHE/native/<module>-object1/<key>.so      the object
//	CACHE/native/<module>-object1/<key>.failed  why there is none
//	CACHE/native/<module>-object1/<key>.told    somebody was told that
//	CACHE/native/parts1/                        see Part
//
// <module> is the hash of the prepared program, by which the cache knows whose it is.
const (
	magic   = "faasmrun object\n"
	version = 1

	trailerSize = len(magic) + 8 + 8 + 3*sha256.Size
	tagAt       = trailerSize - sha256.Size
	secretSize  = 32

	secretName   = "object.secret"
	nativeDir    = "native"
	dirSuffix    = "-object1"
	lockName     = "lock" // the cache looks at it
	objectSuffix = ".so"
	failedSuffix = ".failed"
	toldSuffix   = ".told"

	// maxFile bounds what is read of an object's file.
	maxFile = 1 << 30
	// maxWords bounds what is kept of why there is none.
	maxWords = 1 << 10
)

// Key is all that an object depends on. An object is for the processor that it was made on, and no other.
type Key struct {
	Module     [sha256.Size]byte // the prepared program's hash
	Translator string            // its version
	Flags      []string          // of compiler and linker
	Compiler   [sha256.Size]byte // what it consists of
	Processor  string            // as the compiler names it, with its features
}

// Sum is the key as a hash.
func (k Key) Sum() (sum [sha256.Size]byte) {
	h := sha256.New()
	text := func(s string) {
		binary.Write(h, binary.LittleEndian, uint64(len(s)))
		io.WriteString(h, s)
	}
	binary.Write(h, binary.LittleEndian, []uint64{version, ABI, uint64(len(k.Flags))})
	h.Write(k.Module[:])
	h.Write(k.Compiler[:])
	text(k.Translator)
	text(k.Processor)
	for _, f := range k.Flags {
		text(f)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Ref is an object in the cache: where it is, and what it must be.
type Ref struct {
	Path   string
	Digest [sha256.Size]byte // of the file without its trailer
}

// Store is the objects of a cache. Only the user who owns the cache has one.
type Store struct{ dir, secret string }

// ErrNone is of an object that is not in the cache.
var ErrNone = errors.New("there is no machine code of it for this machine")

// Open opens a cache's objects. A secret is made when an object is.
func Open(cache string) *Store {
	return &Store{dir: filepath.Join(cache, nativeDir), secret: filepath.Join(cache, secretName)}
}

func (s *Store) entry(k Key) string {
	return filepath.Join(s.dir, hex.EncodeToString(k.Module[:])+dirSuffix)
}

func (s *Store) path(k Key, suffix string) string {
	sum := k.Sum()
	return filepath.Join(s.entry(k), hex.EncodeToString(sum[:])+suffix)
}

// Find looks an object up. One that is there and not as its owner wrote it is an error of its own, and is to be made
// anew. It reads the trailer alone: Load sees to the rest.
func (s *Store) Find(k Key) (Ref, error) {
	path := s.path(k, objectSuffix)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Ref{}, ErrNone
	}
	if err != nil {
		return Ref{}, err
	}
	defer f.Close()
	digest, _, err := s.verify(f, k.Sum())
	return Ref{Path: path, Digest: digest}, err
}

var errDamaged = errors.New("was not written by the cache's owner for this program, or was damaged")

// newTrailer is the trailer of an object.
func newTrailer(size uint64, key, digest [sha256.Size]byte, secret []byte) []byte {
	b := append(make([]byte, 0, trailerSize), magic...)
	b = binary.LittleEndian.AppendUint64(b, version)
	b = binary.LittleEndian.AppendUint64(b, size)
	b = append(append(b, key[:]...), digest[:]...)
	mac := hmac.New(sha256.New, secret)
	mac.Write(b)
	return mac.Sum(b)
}

// Put checks an object and keeps it: whole or not at all, and as good as one that was there.
func (s *Store) Put(k Key, file []byte) (Ref, error) {
	if _, err := Check(file); err != nil {
		return Ref{}, err
	}
	secret, err := makeSecret(s.secret)
	if err != nil {
		return Ref{}, err
	}
	r := Ref{Path: s.path(k, objectSuffix), Digest: sha256.Sum256(file)}
	trailer := newTrailer(uint64(len(file)), k.Sum(), r.Digest, secret)
	if err := writeWhole(r.Path, 0o644, file, trailer); err != nil { // who may read, the cache's directory says
		return Ref{}, fmt.Errorf("keep machine code: %w", err)
	}
	s.Forget(k)
	return r, nil
}

// Fail notes that no object can be made, and why, so that it is not tried for every job.
func (s *Store) Fail(k Key, why string) error {
	s.Forget(k)
	return writeWhole(s.path(k, failedSuffix), 0o644, []byte(why[:min(len(why), maxWords)]))
}

// Forget has it tried again.
func (s *Store) Forget(k Key) {
	os.Remove(s.path(k, failedSuffix))
	os.Remove(s.path(k, toldSuffix))
}

// Tell gives what Failed does, to the first who asks; "" to all others.
func (s *Store) Tell(k Key) string {
	why := s.Failed(k)
	if why == "" {
		return ""
	}
	f, err := os.OpenFile(s.path(k, toldSuffix), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return ""
	}
	f.Close()
	return why
}

// Failed gives why no object could be made; "" where nobody has tried, or has made one.
func (s *Store) Failed(k Key) string {
	why, _ := os.ReadFile(s.path(k, failedSuffix))
	return string(why[:min(len(why), maxWords)])
}

// Remove takes an object away that can't be used.
func (s *Store) Remove(k Key) error { return os.Remove(s.path(k, objectSuffix)) }

// Lock waits for whoever else makes objects of the same module. The lock ends with its process, however that ends.
func (s *Store) Lock(k Key) (unlock func(), err error) {
	if err := os.MkdirAll(s.entry(k), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.entry(k), lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// Object is an object that was loaded and checked. What of it is to be mapped is in memory, as it was checked: nobody
// who could write the file has to be trusted any more.
type Object struct {
	Image *Image      // whoever has mapped it can forget it
	File  io.ReaderAt // all that the linker made: its debug information is read when a backtrace wants it
	Size  int64
	file  *os.File
}

// Close gives back the file.
func (o *Object) Close() error {
	if o.file == nil { // it is not of a file
		return nil
	}
	return o.file.Close()
}

// Load reads an object that Find or Put has named and checks it.
func Load(r Ref) (*Object, error) {
	f, err := os.Open(r.Path)
	if err != nil {
		return nil, err
	}
	o, err := load(f, r.Digest)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", r.Path, err)
	}
	return o, nil
}

func load(f *os.File, digest [sha256.Size]byte) (*Object, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := st.Size() - int64(trailerSize)
	if size < 0 || size > maxFile {
		return nil, errDamaged
	}
	file := make([]byte, size)
	if _, err := io.ReadFull(f, file); err != nil {
		return nil, err
	}
	if sha256.Sum256(file) != digest {
		return nil, errDamaged
	}
	im, err := Check(file)
	return &Object{Image: im, File: io.NewSectionReader(f, 0, size), Size: size, file: f}, err
}

// owned gives the size of an open file that is this user's, with none of some permissions to others.
func owned(f *os.File, none fs.FileMode) (size int64, err error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	owner := st.Sys().(*syscall.Stat_t).Uid
	if !st.Mode().IsRegular() || st.Mode().Perm()&none != 0 || int(owner) != os.Geteuid() {
		return 0, fmt.Errorf("%s is not this user's alone: it is of user %d, with mode %v", f.Name(), owner, st.Mode())
	}
	return st.Size(), nil
}

// readSecret reads the secret, which nobody else can.
func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := owned(f, 0o077); err != nil {
		return nil, err
	}
	secret := make([]byte, secretSize)
	if _, err := io.ReadFull(f, secret); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return secret, nil
}

// makeSecret reads the secret, and makes one where there is none. Of several who do so at once one wins. One that can't
// be used is replaced: what was written with it is made anew.
func makeSecret(path string) ([]byte, error) {
	secret, err := readSecret(path)
	if err == nil {
		return secret, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	secret = make([]byte, secretSize)
	rand.Read(secret)
	tmp, err := writeTemporary(filepath.Dir(path), 0o600, secret)
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readSecret(path)
}

// writeWhole writes a file that appears whole or not at all.
func writeWhole(path string, mode fs.FileMode, parts ...[]byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := writeTemporary(filepath.Dir(path), mode, parts...)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return err
	}
	return nil
}

func writeTemporary(dir string, mode fs.FileMode, parts ...[]byte) (path string, err error) {
	tmp, err := os.CreateTemp(dir, ".object-*")
	if err != nil {
		return "", err
	}
	for _, part := range parts {
		if err == nil {
			_, err = tmp.Write(part)
		}
	}
	if err := errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		os.Remove(tmp.Name())
		return "", err
	}
	return tmp.Name(), nil
}
