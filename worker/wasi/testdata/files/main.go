// What a Go program does with files, input and time. Its runtime polls in other ways than a libc.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

func main() {
	files()
	log()
	names()
	waiting()
	os.Exit(3)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check(what string, ok bool) {
	if !ok {
		fmt.Println("not so:", what)
	}
}

func files() {
	must(os.WriteFile("a.txt", []byte("hello"), 0o644))
	b, err := os.ReadFile(filepath.Join(os.Getenv("HERE"), "a.txt"))
	check("content", err == nil && string(b) == "hello")
	must(os.MkdirAll("x/y/z", 0o755))
	for i := range 200 {
		must(os.WriteFile(fmt.Sprintf("x/f%d", i), nil, 0o600))
	}
	entries, err := os.ReadDir("x")
	check("entries", err == nil && len(entries) == 201 && !entries[0].IsDir() && entries[200].IsDir())
	walked := 0
	must(filepath.WalkDir("x", func(_ string, _ fs.DirEntry, err error) error {
		walked++
		return err
	}))
	check("walk", walked == 203)
	must(os.Rename("a.txt", "x/b.txt"))
	must(os.RemoveAll("x"))
	_, err = os.Stat("x")
	check("removed", errors.Is(err, fs.ErrNotExist))
}

func log() {
	f, err := os.OpenFile("log", os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o644)
	must(err)
	fmt.Fprint(f, "one\n")
	fmt.Fprint(f, "two\n")
	_, err = f.Seek(0, io.SeekStart)
	must(err)
	b, err := io.ReadAll(f)
	check("appended", err == nil && string(b) == "one\ntwo\n")
	must(f.Truncate(2))
	info, err := f.Stat()
	check("truncated", err == nil && info.Size() == 2)
	must(f.Close())
	must(os.Chtimes("log", time.Unix(5, 0), time.Unix(6, 7)))
	info, err = os.Stat("log")
	check("times", err == nil && info.ModTime().Equal(time.Unix(6, 7)))
}

func names() {
	must(os.Symlink("log", "link"))
	target, err := os.Readlink("link")
	check("link", err == nil && target == "log")
	must(os.Remove("link"))
	must(os.Remove("log"))
	_, err = os.Open("../outside")
	check("escape", err != nil)
	_, err = os.Open("/etc/passwd")
	check("absolute", err != nil)
}

// waiting sleeps and ticks while another goroutine reads standard input.
func waiting() {
	start := time.Now()
	time.Sleep(2 * time.Millisecond)
	check("slept", time.Since(start) >= 2*time.Millisecond)
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			lines <- in.Text()
		}
	}()
	fmt.Print("name? ")
	for line := range lines {
		fmt.Println(line)
	}
	<-time.NewTicker(time.Millisecond).C
}
