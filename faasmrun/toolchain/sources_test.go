package toolchain

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mirror serves one file and notes the ranges that were asked for.
type mirror struct {
	data   []byte
	ranges bool
	cut    int // how many bytes come before the connection breaks; 0: all
	asked  []string
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.asked = append(m.asked, r.Header.Get("Range"))
	if !m.ranges {
		r.Header.Del("Range")
	}
	if m.cut > 0 {
		w.Header().Set("Content-Length", "1000000")
		w.Write(m.data[:m.cut])
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(m.data))
}

// TestDownloadGoesOn: what came before an interruption is not fetched again, wherever it happened.
func TestDownloadGoesOn(t *testing.T) {
	data := []byte(strings.Repeat("0123456789", 1000))
	for _, c := range []struct {
		name     string
		ranges   bool
		have     int
		from, to int64
		asked    string
		err      error
	}{
		{"whole", true, 0, 0, -1, "", nil},
		{"rest", true, 4321, 0, -1, "bytes=4321-", nil},
		{"rest without ranges", false, 4321, 0, -1, "bytes=4321-", nil},
		{"all there, not yet renamed", true, len(data), 0, -1, "bytes=10000-", nil},
		{"part", true, 0, 100, 1100, "bytes=100-1099", nil},
		{"rest of a part", true, 400, 100, 1100, "bytes=500-1099", nil},
		{"all of a part there", true, 1000, 100, 1100, "none", nil},
		{"part without ranges", false, 0, 100, 1100, "bytes=100-1099", errNoRanges},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &mirror{data: data, ranges: c.ranges}
			server := httptest.NewServer(m)
			defer server.Close()
			file := filepath.Join(t.TempDir(), "x.part")
			want := data[c.from:]
			if c.to >= 0 {
				want = data[c.from:c.to]
			}
			if err := os.WriteFile(file, want[:c.have], 0o644); err != nil {
				t.Fatal(err)
			}
			b := &builder{env: System()}
			err := b.continueDownload(t.Context(), server.URL, file, c.from, c.to)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v", err)
			}
			if asked := append(m.asked, "none")[0]; asked != c.asked {
				t.Errorf("asked for %q", asked)
			}
			if got, _ := os.ReadFile(file); err == nil && !bytes.Equal(got, want) {
				t.Errorf("%d bytes of %d", len(got), len(want))
			}
		})
	}
}

// TestDownloadBreaks: a connection that breaks is an error, and what came stays for the next time.
func TestDownloadBreaks(t *testing.T) {
	m := &mirror{data: []byte(strings.Repeat("x", 5000)), ranges: true, cut: 3000}
	server := httptest.NewServer(m)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "x.part")
	b := &builder{env: System()}
	if err := b.continueDownload(t.Context(), server.URL, file, 0, -1); err == nil {
		t.Error("no error")
	}
	if got, err := os.ReadFile(file); err != nil || len(got) != 3000 {
		t.Errorf("%d bytes are there, %v", len(got), err)
	}
	m.cut = 0
	if err := b.continueDownload(t.Context(), server.URL, file, 0, -1); err != nil || m.asked[1] != "bytes=3000-" {
		t.Errorf("%v, asked for %q", err, m.asked)
	}
}
