package wasi

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestLeadsOut(t *testing.T) {
	for _, c := range []struct {
		target string
		depth  int
		want   bool
	}{
		{"f", 0, false}, {"./f", 0, false}, {"a//b/", 0, false}, {"/f", 5, true}, {"..", 0, true}, {"..", 1, false},
		{"../..", 1, true},
		{".././..//x", 2, false}, {".././..//x", 1, true}, {"a/..", 3, true}, {"../a/../b", 3, true}, {"...", 0, false},
		{"..a", 0, false},
	} {
		if got := leadsOut(c.target, c.depth); got != c.want {
			t.Errorf("%s, %d below: %v", c.target, c.depth, got)
		}
	}
}

// TestPlantedLinks looks at the tree as the host's tools do, after each thing that a program may try.
func TestPlantedLinks(t *testing.T) {
	outer := t.TempDir()
	inside := filepath.Join(outer, "inside")
	if err := os.MkdirAll(filepath.Join(inside, "a/b/c"), 0o755); err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, Config{Mounts: []Mount{{Guest: "/", Root: openRoot(t, inside)}}})
	g.dir = inside
	for i, c := range []struct {
		name     string
		from, to string // a link's target and path, or two paths
		want     errno
	}{
		{"symlink", "../x", "l", ePERM},
		{"symlink", "../x", "a/in", success},
		{"path_rename", "a/in", "in", ePERM},
		{"path_link", "a/in", "in", ePERM},
		{"path_rename", "a/in", "a/b/in", success}, // it leads elsewhere, in the mount
		{"symlink", "../../..", "a/b/c/top", success},
		{"path_rename", "a/b", "b", ePERM},
		{"path_rename", "a/b/c", "c", ePERM},
		{"path_rename", "a/b/c", "a/c", ePERM},
		{"path_rename", "a/b/c", "a/b/d", success},
		{"path_rename", "a/b/d", "a/b/c", success},
		{"path_rename", "a", "z", success},
		{"path_rename", "z", "a", success},
		{"symlink", "nothing/../../x", "a/l", ePERM},
		{"symlink", "b/c", "a/down", success},
		{"path_rename", "a/down", "down", success},
		{"path_link", "down", "a/b/again", success},
	} {
		var got errno
		if c.name == "symlink" {
			got = g.symlink(c.from, c.to)
		} else {
			got = g.between(c.name, root, c.from, root, c.to)
		}
		if got != c.want {
			t.Errorf("%d: %s %s %s: errno %d, want %d", i, c.name, c.from, c.to, got, c.want)
		}
		noneLeadsOut(t, inside)
	}
}

func noneLeadsOut(t *testing.T, top string) {
	t.Helper()
	filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Type()&os.ModeSymlink == 0 {
			return err
		}
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		full := filepath.Join(filepath.Dir(path), target)
		if rel, err := filepath.Rel(top, full); err != nil || !filepath.IsLocal(rel) {
			t.Errorf("%s leads to %s", path, target)
		}
		return nil
	})
}

// TestForeignLinks: links that the user has made are moved with what they are in.
func TestForeignLinks(t *testing.T) {
	g := newGuest(t, Config{})
	for _, dir := range []string{"a/b", "many"} {
		if err := os.MkdirAll(filepath.Join(g.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/scratch", filepath.Join(g.dir, "a/b/data")); err != nil {
		t.Fatal(err)
	}
	if e := g.between("path_rename", root, "a/b", root, "b"); e != success {
		t.Errorf("a directory with an absolute link: %d", e)
	}
	for i := range maxLooked + 1 {
		g.hostFile(fmt.Sprintf("many/%d", i), "")
	}
	if e := g.between("path_rename", root, "many", root, "a/many"); e != success {
		t.Errorf("a large directory moves down: %d", e)
	}
	if e := g.between("path_rename", root, "a/many", root, "many"); e != eXDEV {
		t.Errorf("a large directory moves up: %d", e)
	}
	g.ok("fd_close", root) // the mount's own descriptor is not needed
}
