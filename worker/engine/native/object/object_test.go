package object

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// whole is C that exports what an object is to export. The array makes relocations.
const whole = `typedef unsigned long u64; static u64 twice(u64 n) { return 2 * n; }
	static const u64 entries[] = {0}; static u64 (*const enter[])(u64) = {twice};
	__attribute__((visibility("default"))) const struct {
		u64 abi, functions; const void *entries; u64 exports; const void *enter;
	} native_object = {1, 1, entries, 1, enter};`

// build compiles and links C, with more flags of the linker.
func build(t testing.TB, text string, link ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	compile := exec.Command("clang-19", "-O1", "-fPIC", "-ffreestanding", "-fvisibility=hidden", "-w", "-x", "c", "-c",
		"-", "-fno-asynchronous-unwind-tables", "-o", filepath.Join(dir, "f.o"))
	compile.Stdin = strings.NewReader(text)
	if errors.Is(compile.Err, exec.ErrNotFound) {
		t.Skip(compile.Err)
	}
	args := append([]string{"-shared", "-Bsymbolic", "--hash-style=sysv", "-z", "noseparate-code", "-z", "relro",
		"-z", "now", "-o", filepath.Join(dir, "f.so"), filepath.Join(dir, "f.o")}, link...)
	for _, cmd := range []*exec.Cmd{compile, exec.Command("ld.lld-19", args...)} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	file, err := os.ReadFile(filepath.Join(dir, "f.so"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCheck(t *testing.T) {
	im, err := Check(build(t, whole))
	if err != nil {
		t.Fatal(err)
	}
	check(t, im)
	if len(im.Relocations) != 3 {
		t.Errorf("relocations: %v", im.Relocations)
	}
	if !slices.ContainsFunc(im.Segments, func(s Segment) bool { return s.Execute }) {
		t.Errorf("segments: %+v", im.Segments)
	}
}

// check holds an image to what Check promises.
func check(t *testing.T, im *Image) {
	t.Helper()
	last := uint64(0)
	for _, s := range im.Segments {
		if s.Address&^(pageSize-1) < last || uint64(len(s.Data)) > s.Size || s.Write && s.Execute ||
			s.Address+s.Size > im.Size {
			t.Errorf("segments %+v", im.Segments)
		}
		last = s.Address + s.Size
	}
	for _, r := range im.Relocations {
		if r.To >= im.Size || !slices.ContainsFunc(im.Segments, func(s Segment) bool {
			return s.Write && r.At >= s.Address && r.At+8 <= s.Address+s.Size
		}) {
			t.Errorf("relocation %+v", r)
		}
	}
	if im.bytes(im.Object, symbolSize) == nil {
		t.Errorf("the symbol is at %#x of %#x", im.Object, im.Size)
	}
}

// What our objects never have is refused.
func TestCheckRefuses(t *testing.T) {
	const visible = `__attribute__((visibility("default"))) `
	for name, c := range map[string]struct {
		text string
		link []string
		says string
	}{
		"a constructor": {whole + `volatile int n; __attribute__((constructor)) void f(void) { n = 1; }`, nil,
			"runs by itself"},
		"a destructor":       {whole + `__attribute__((destructor)) void f(void) {}`, nil, "runs by itself"},
		"an initial call":    {whole + `void f(void) {}`, []string{"-init=f"}, "DT_INIT"},
		"another's function": {whole + `extern int g(void); int f(void) { return g(); }`, nil, "DT_"},
		"another's variable": {whole + `extern int g; int *f(void) { return &g; }`, nil, "type 0x"},
		"a second symbol":    {whole + visible + `int f(void) { return 0; }`, nil, "2 symbols"},
		"no symbol":          {`int f(void) { return 0; }`, nil, "0 symbols"},
		"another symbol":     {strings.ReplaceAll(whole, "native_object", "foreign"), nil, `"foreign"`},
		"a function for it":  {visible + `int native_object(void) { return 0; }`, nil, "to export"},
		"a shorter one":      {visible + `const unsigned long native_object = 1;`, nil, "to export"},
		"another version":    {strings.ReplaceAll(whole, "{1, 1,", "{2, 1,"), nil, "version 2"},
		"a thread's own":     {whole + `_Thread_local int n = 1; int *f(void) { return &n; }`, nil, "threads"},
		"all in one segment": {whole, []string{"-N"}, "written and executed"},
		"an executed stack":  {whole, []string{"-z", "execstack"}, "stack"},
		"a filter":           {whole, []string{"--auxiliary=libother.so"}, "DT_AUXILIARY"},
		"a path":             {whole, []string{"-rpath=/tmp"}, "DT_RUNPATH"},
		"packed relocations": {whole, []string{"--pack-dyn-relocs=relr"}, ""},
	} {
		_, err := Check(build(t, c.text, c.link...))
		if !errors.Is(err, ErrBad) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every truncated object is refused, and every one with a wrong byte is refused or keeps what Check promises.
func TestCheckOfDamaged(t *testing.T) {
	file := build(t, whole, "--strip-all")
	for n := range file {
		if _, err := Check(file[:n]); !errors.Is(err, ErrBad) {
			t.Fatalf("%d of %d bytes: %v", n, len(file), err)
		}
	}
	refused := 0
	for i := range file {
		for _, flip := range []byte{1, 0x80, 0xff} {
			damaged := bytes.Clone(file)
			damaged[i] ^= flip
			if im, err := Check(damaged); err != nil {
				refused++
			} else {
				check(t, im)
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d of %d were refused", refused, 3*len(file))
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(build(f, whole))
	f.Add(build(f, whole, "--strip-all"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if im, err := Check(file); err == nil {
			check(t, im)
		}
	})
}

func testKey() Key {
	return Key{Module: [32]byte{1}, Translator: "1", Flags: []string{"-O1"}, Compiler: [32]byte{2}, Processor: "znver5"}
}

func TestStore(t *testing.T) {
	file, s, k := build(t, whole), Open(t.TempDir()), testKey()
	if _, err := s.Find(k); !errors.Is(err, ErrNone) {
		t.Errorf("of an empty cache: %v", err)
	}
	put, err := s.Put(k, file)
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Find(k)
	if err != nil || found != put {
		t.Fatalf("%v, %v; want %v", found, err, put)
	}
	o, err := Load(found)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	check(t, o.Image)
	got := make([]byte, o.Size)
	if _, err := o.File.ReadAt(got, 0); err != nil || !bytes.Equal(got, file) {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(file))
	}
	if _, err := s.Put(k, file[:100]); !errors.Is(err, ErrBad) {
		t.Errorf("what is no object is kept: %v", err)
	}
}

// An object is for what it was made of and for, and nothing else.
func TestKeys(t *testing.T) {
	file, s := build(t, whole), Open(t.TempDir())
	if _, err := s.Put(testKey(), file); err != nil {
		t.Fatal(err)
	}
	path, _ := s.Find(testKey())
	for name, change := range map[string]func(*Key){
		"module":     func(k *Key) { k.Module[31]++ },
		"translator": func(k *Key) { k.Translator = "2" },
		"flags":      func(k *Key) { k.Flags = []string{"-O2"} },
		"more flags": func(k *Key) { k.Flags = []string{"-O1", ""} },
		"compiler":   func(k *Key) { k.Compiler[0]++ },
		"processor":  func(k *Key) { k.Processor += " -avx512f" },
		"both texts": func(k *Key) { k.Translator, k.Processor = "1z", "nver5" },
	} {
		k := testKey()
		change(&k)
		if _, err := s.Find(k); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
		// not even where somebody has copied it
		if err := os.MkdirAll(s.entry(k), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(path.Path, s.path(k, objectSuffix)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Find(k); !errors.Is(err, errDamaged) {
			t.Errorf("%s, copied: %v", name, err)
		}
	}
}

// Each truncated file and each with a wrong bit is found out, before or when it is loaded, and is made anew.
func TestDamagedFiles(t *testing.T) {
	file, s, k := build(t, whole, "--strip-all"), Open(t.TempDir()), testKey()
	put, err := s.Put(k, file)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(put.Path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name string, damaged []byte) {
		if err := os.WriteFile(put.Path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		if found, err := s.Find(k); err == nil {
			if o, err := Load(found); err == nil {
				o.Close()
				t.Errorf("%s: it was loaded", name)
			}
		}
		if o, err := Load(put); err == nil && !bytes.Equal(damaged[:len(file)], file) {
			o.Close()
			t.Errorf("%s: it was loaded by a digest", name)
		}
	}
	for n := range whole {
		refused(fmt.Sprint(n, " bytes"), whole[:n])
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1 << rand.IntN(8)
		refused(fmt.Sprint("byte ", i), damaged)
	}
	refused("longer", append(bytes.Clone(whole), 0))
	if _, err := s.Put(k, file); err != nil {
		t.Fatal(err)
	}
	if o, err := Load(put); err != nil {
		t.Error(err)
	} else {
		o.Close()
	}
}

// An object that another secret vouches for, or that others can write, is none.
func TestForeignFiles(t *testing.T) {
	file, s, k := build(t, whole), Open(t.TempDir()), testKey()
	put, err := s.Put(k, file)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(s.secret); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the secret: %v, %v", st.Mode(), err)
	}
	if err := os.Chmod(put.Path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(k); err == nil {
		t.Error("a file that everybody can write is believed")
	}
	if err := errors.Join(os.Chmod(put.Path, 0o644), os.Chmod(s.secret, 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(k); err == nil {
		t.Error("a secret that everybody can read is believed")
	}
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chmod(s.secret, 0o600), os.Chown(put.Path, 1000, -1)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Find(k); err == nil {
			t.Error("another user's file is believed")
		}
		if err := os.Chown(put.Path, 0, -1); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(s.secret); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(k); err == nil {
		t.Error("an object is believed without a secret")
	}
	if _, err := makeSecret(s.secret); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(k); !errors.Is(err, errDamaged) {
		t.Errorf("another secret vouches for it: %v", err)
	}
}

// Several put the same object, with the secret not made yet: all that find one find a whole one.
func TestMakersAtOnce(t *testing.T) {
	file, dir, k := build(t, whole), t.TempDir(), testKey()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s := Open(dir)
			for range 10 {
				if _, err := s.Put(k, file); err != nil {
					t.Error(err)
				}
				found, err := s.Find(k)
				if err != nil {
					t.Error(err)
					continue
				}
				o, err := Load(found)
				if err != nil {
					t.Error(err)
					continue
				}
				o.Close()
			}
		})
	}
	wg.Wait()
	left, err := filepath.Glob(filepath.Join(dir, "native/*/.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Why there is no object is kept until there is one.
func TestFailed(t *testing.T) {
	s, k := Open(t.TempDir()), testKey()
	if why := s.Failed(k); why != "" {
		t.Errorf("%q", why)
	}
	if err := s.Fail(k, strings.Repeat("too large ", 1000)); err != nil {
		t.Fatal(err)
	}
	if why := s.Failed(k); len(why) != maxWords || !strings.HasPrefix(why, "too large") {
		t.Errorf("%q", why)
	}
	if _, err := s.Put(k, build(t, whole)); err != nil {
		t.Fatal(err)
	}
	if why := s.Failed(k); why != "" {
		t.Errorf("%q", why)
	}
}

// One maker at a time holds a module's lock.
func TestLock(t *testing.T) {
	s, k := Open(t.TempDir()), testKey()
	unlock, err := s.Lock(k)
	if err != nil {
		t.Fatal(err)
	}
	order := make(chan string, 2)
	go func() {
		second, err := s.Lock(k)
		if err != nil {
			t.Error(err)
			return
		}
		order <- "second"
		second()
	}()
	order <- "first"
	unlock()
	if first, second := <-order, <-order; first != "first" || second != "second" {
		t.Errorf("%s before %s", first, second)
	}
}
