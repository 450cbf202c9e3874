// Package home finds the user's directories, the cache and the state, and makes a directory for each run.
package home

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/internal/private"
)

// Home is where faasmrun keeps what outlives a command: the cache (compiled modules, the sysroot), shared by all, and
// the state, in which every run has a directory of its own.
type Home struct {
	Cache, State string
}

// Find reads FAASMRUN_HOME or the XDG variables. Without a home directory (a bare container) both are in the
// directory for temporary files, under the user's number.
func Find() (Home, error) {
	if dir := os.Getenv("FAASMRUN_HOME"); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return Home{}, fmt.Errorf("FAASMRUN_HOME=%s: %w", dir, err)
		}
		return Home{filepath.Join(abs, "cache"), abs}, nil
	}
	cache, state := os.Getenv("XDG_CACHE_HOME"), os.Getenv("XDG_STATE_HOME")
	user := os.Getenv("HOME")
	if !filepath.IsAbs(cache) && filepath.IsAbs(user) {
		cache = filepath.Join(user, ".cache")
	}
	if !filepath.IsAbs(state) && filepath.IsAbs(user) {
		state = filepath.Join(user, ".local", "state")
	}
	if filepath.IsAbs(cache) && filepath.IsAbs(state) {
		return Home{filepath.Join(cache, "faasmrun"), filepath.Join(state, "faasmrun")}, nil
	}
	own := filepath.Join(os.TempDir(), "faasmrun-"+strconv.Itoa(os.Getuid()))
	if err := ownDirectory(own); err != nil {
		return Home{}, err
	}
	return Home{filepath.Join(own, "cache"), own}, nil
}

// ownDirectory makes a directory where others may write, too, and refuses one that another user has put there.
func ownDirectory(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return HomeError(dir, err)
	}
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return HomeError(dir, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Uid != uint32(os.Getuid()) || st.Mode&0o077 != 0 {
		return fmt.Errorf("%s belongs to someone else or is open to others; set FAASMRUN_HOME to a directory of your own",
			dir)
	}
	return nil
}

// HomeError says that a directory cannot be used, and what to do.
func HomeError(dir string, err error) error { return StateError(dir, "FAASMRUN_HOME", err) }

// StateError says that a directory for a command's own state cannot be used, and what to do: which depends on what is
// used up. option is what names another directory.
func StateError(dir, option string, err error) error {
	advice := fmt.Sprintf("set %s to a directory that you can write", option)
	switch {
	case errors.Is(err, unix.EAGAIN): // of its lock
		return fmt.Errorf("%s is in use by another process: each scheduler and each worker needs a --state of its own", dir)
	case errors.Is(err, unix.EMFILE):
		advice = "more files have to be open than this process may have: raise ulimit -n"
	case errors.Is(err, unix.ENFILE):
		advice = "the machine has as many files open as it can"
	case errors.Is(err, unix.EFBIG):
		advice = "a file has to be larger than this process may write: raise ulimit -f"
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		advice = fmt.Sprintf("make room, or set %s to a directory with more", option)
	}
	return fmt.Errorf("%s cannot be used for this run's state: %s; %s", dir, cli.Reason(err), advice)
}

// runDir is the directory of one run. It is locked while its launcher lives, and removed at the end; a launcher that
// was killed leaves it to the next one.
type runDir struct {
	Path string
	lock *os.File
}

// NewRunDir makes a directory for this run and removes those of dead launchers.
func NewRunDir(h Home) (*runDir, error) {
	runs := filepath.Join(h.State, "run")
	if err := private.Dir(runs); err != nil {
		return nil, HomeError(runs, err)
	}
	// This lock is held while a directory is made and not yet locked, so that nobody takes it for a dead one.
	making, err := lockFile(filepath.Join(runs, ".gate"), unix.LOCK_EX)
	if err != nil {
		return nil, HomeError(runs, err)
	}
	defer making.Close()
	for _, dead := range deadRuns(runs) {
		defer dead.Remove()
	}
	var random [6]byte
	rand.Read(random[:])
	r := &runDir{Path: filepath.Join(runs, strconv.Itoa(os.Getpid())+"-"+hex.EncodeToString(random[:]))}
	if err := os.Mkdir(r.Path, 0o700); err != nil {
		return nil, HomeError(r.Path, err)
	}
	if r.lock, err = lockFile(filepath.Join(r.Path, "lock"), unix.LOCK_EX); err != nil {
		os.RemoveAll(r.Path)
		return nil, HomeError(r.Path, err)
	}
	return r, nil
}

// deadRuns finds the directories whose launchers are gone, and locks them.
func deadRuns(runs string) []*runDir {
	entries, err := os.ReadDir(runs)
	if err != nil {
		return nil
	}
	var dead []*runDir
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		path := filepath.Join(runs, e.Name())
		if lock, err := lockFile(filepath.Join(path, "lock"), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			dead = append(dead, &runDir{path, lock})
		}
	}
	return dead
}

func lockFile(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Remove deletes the directory; the lock goes last, so that what can't be deleted now is found dead by the next
// launcher.
func (r *runDir) Remove() {
	os.RemoveAll(r.Path)
	r.lock.Close()
}
