package home

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindHome(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name         string
		env          map[string]string
		cache, state string
	}{
		{"our own variable", map[string]string{"FAASMRUN_HOME": "/f", "XDG_CACHE_HOME": "/c"}, "/f/cache", "/f"},
		{"XDG", map[string]string{"XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "/s"}, "/c/faasmrun", "/s/faasmrun"},
		{"home", map[string]string{"HOME": "/h"}, "/h/.cache/faasmrun", "/h/.local/state/faasmrun"},
		{"relative XDG is no XDG", map[string]string{"HOME": "/h", "XDG_CACHE_HOME": "c"}, "/h/.cache/faasmrun",
			"/h/.local/state/faasmrun"},
	} {
		for _, name := range []string{"FAASMRUN_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME"} {
			t.Setenv(name, c.env[name])
		}
		if h, err := Find(); err != nil || h.Cache != c.cache || h.State != c.state {
			t.Errorf("%s: %+v, %v", c.name, h, err)
		}
	}
	t.Setenv("HOME", "")
	t.Setenv("TMPDIR", dir)
	h, err := Find()
	if err != nil || filepath.Dir(h.State) != dir {
		t.Errorf("without a home: %+v, %v", h, err)
	}
	if err := os.Chmod(h.State, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(); err == nil || !strings.Contains(err.Error(), "open to others") {
		t.Errorf("a directory open to others: %v", err)
	}
}

// TestRunDirs: each run has its own; the dead ones' go, the living ones' stay.
func TestRunDirs(t *testing.T) {
	h := Home{State: t.TempDir()}
	one, err := NewRunDir(h)
	if err != nil {
		t.Fatal(err)
	}
	two, err := NewRunDir(h)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(one.Path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the first run's directory: %v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(two.Path, "journal"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	two.lock.Close() // as when its process dies
	three, err := NewRunDir(h)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{one.Path: true, two.Path: false, three.Path: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: there %v, want %v", path, err == nil, want)
		}
	}
	one.Remove()
	three.Remove()
	left, err := os.ReadDir(filepath.Join(h.State, "run"))
	if err != nil || len(left) != 1 || left[0].Name() != ".gate" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestUnusableHome(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := NewRunDir(Home{State: file})
	if want := file + "/run cannot be used for this run's state: not a directory; set FAASMRUN_HOME to a directory that " +
		"you can write"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
