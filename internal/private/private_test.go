package private

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestDir(t *testing.T) {
	top := t.TempDir()
	fresh, open := filepath.Join(top, "a", "fresh"), filepath.Join(top, "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	above := mode(t, top)
	for _, path := range []string{fresh, open} {
		if err := Dir(path); err != nil {
			t.Error(err)
		}
		if m := mode(t, path); m != 0o700 {
			t.Errorf("%s has mode %o", path, m)
		}
	}
	if m := mode(t, top); m != above {
		t.Errorf("the directory above had mode %o and has %o", above, m)
	}
	link := filepath.Join(top, "link")
	if err := os.Symlink(open, link); err != nil {
		t.Fatal(err)
	}
	if Dir(link) == nil {
		t.Error("a link, which may have been planted, was followed")
	}
	file := filepath.Join(top, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if Dir(file) == nil {
		t.Error("a file was taken for a directory")
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(open, 4711, 4711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Dir(open); err == nil || !strings.Contains(err.Error(), "belongs to user 4711") {
		t.Errorf("another user's directory: %v", err)
	}
	if m := mode(t, open); m != 0o755 {
		t.Errorf("another user's directory was changed to %o", m)
	}
}
