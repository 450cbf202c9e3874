package wasi

import (
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Links that a program makes are followed by other programs of the host, without a Root: none may lead out of its
// mount. A target leads in if it is relative and its ".." come first and are no more than the directories between the
// mount and the link. From there names lead downwards, or through another link, for which the same holds. A ".." behind
// a name is refused: what is a directory today can be a link tomorrow. A link that is moved, or a directory with links
// in it that comes nearer to the mount, is looked at again. Links that somebody else has made are theirs.

// linksMu keeps what was looked at as it was until it is done, for the ranks of this process. It is held over system
// calls, which are few: of links and directories that are made and moved.
var linksMu sync.Mutex

// Bounds of a look: directories above a path, and entries below it.
const (
	maxDepth  = 256
	maxLooked = 10_000
)

// leadsOut reports whether a link with that target would lead out, depth directories below its mount.
func leadsOut(target string, depth int) bool {
	if path.IsAbs(target) {
		return true
	}
	named := false
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; depth < 0 || named {
				return true
			}
		default:
			named = true
		}
	}
	return false
}

// depth is how many directories lie between a mount and a directory. EXDEV when the directory is not below the mount,
// or no more.
func (m *mount) depth(dir int) (int, error) {
	var here unix.Stat_t
	at := dir
	defer func() {
		if at != dir {
			unix.Close(at)
		}
	}()
	for depth := range maxDepth {
		if err := unix.Fstat(at, &here); err != nil {
			return 0, err
		}
		if here.Dev == m.dev && here.Ino == m.ino {
			return depth, nil
		}
		up, err := unix.Openat(at, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return 0, err
		}
		if at != dir {
			unix.Close(at)
		}
		at = up
	}
	return 0, unix.EXDEV
}

// symlink makes a link.
func (m *mount) symlink(target string, l *location) error {
	linksMu.Lock()
	defer linksMu.Unlock()
	depth, err := m.depth(l.dir)
	if err != nil {
		return err
	}
	if leadsOut(target, depth) {
		return unix.EPERM
	}
	return unix.Symlinkat(target, l.dir, l.base)
}

// move runs call, which gives what from is another path, or one more. A link must not lead out there that did not
// here.
func (m *mount) move(from, to *location, call func() error) error {
	st, err := from.stat()
	if err != nil {
		return err
	}
	kind := st.Mode & unix.S_IFMT
	if kind != unix.S_IFLNK && kind != unix.S_IFDIR {
		return call()
	}
	linksMu.Lock()
	defer linksMu.Unlock()
	before, err := m.depth(from.dir)
	if err != nil {
		return err
	}
	after, err := m.depth(to.dir)
	if err != nil {
		return err
	}
	if after != before {
		looked := look{up: before - after}
		if err := looked.at(from.dir, from.base, after); err != nil {
			return err
		}
	}
	return call()
}

// look goes through what is moved.
type look struct {
	up      int // how many directories nearer to the mount
	entries int
}

// at looks at an entry of a directory that will lie depth below the mount. EPERM for a link that would lead out; EXDEV,
// which says that it has to be copied, when there is too much to look at.
func (l *look) at(dir int, name string, depth int) error {
	if l.entries++; l.entries > maxLooked || depth > maxDepth {
		return unix.EXDEV
	}
	target := make([]byte, maxPath+1)
	n, err := unix.Readlinkat(dir, name, target)
	switch {
	case err == nil:
		// An absolute one leads where it did; it is somebody else's.
		if text := string(target[:n]); !path.IsAbs(text) && leadsOut(text, depth) {
			return unix.EPERM
		}
		return nil
	case err != unix.EINVAL: // it is no link
		return err
	case l.up < 0: // what leads in from nearer leads in from farther
		return nil
	}
	return l.within(dir, name, depth+1)
}

// within looks at all entries of what may be a directory.
func (l *look) within(dir int, name string, depth int) error {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err == unix.ENOTDIR {
		return nil
	}
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	for {
		entries, err := f.ReadDir(256)
		for _, e := range entries {
			if l.entries++; l.entries > maxLooked {
				return unix.EXDEV
			}
			if e.Type()&(fs.ModeSymlink|fs.ModeDir) == 0 && e.Type() != fs.ModeIrregular {
				continue
			}
			if err := l.at(fd, e.Name(), depth); err != nil {
				return err
			}
		}
		if err != nil || len(entries) == 0 {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}
