package toolchain

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// source is a pinned source package. Its original tarball is fetched whole, or of a big one only the parts that are
// needed: an xz file of several blocks can be read from any block on.
type source struct {
	Package, Version string
	Suffix           string // of the tarball's address
	Binary           string // the binary package beside it that is fetched instead, if any
	SHA256           string // of the whole file
	Parts            []part
}

// part is a byte range of the tarball: one or more xz blocks, in which lies the beginning of a directory of the tar.
type part struct {
	From, To int64    // in the tarball
	SHA256   string   // of these bytes
	Skip     int64    // from the first block's uncompressed begin to a tar header
	Wanted   []string // paths below the tarball's one top directory
}

var libcSource = source{
	Package: "wasi-libc", Version: "0.0~git20220510.9886d3d", Suffix: ".orig.tar.xz",
	SHA256: "8f9b802736a856942839d32966937c389f46e9f156415a549a6675b7535e5f74",
}

var llvmSource = source{
	Package: "llvm-toolchain-19", Version: "19.1.7", Suffix: ".orig.tar.xz",
	SHA256: "ae498f3bc58ae2d9f64ef5f0c035c4240152bf015a5b7738b15c22e93bdc97ce",
	Parts: []part{
		{3553968, 6278308, "b5617c6374f8581a78324826b93f1bb175bc052c293b08f0d99c22b76bcdc8fd", 54854144 - 50331648,
			[]string{"libcxx/include", "libcxx/src", "libcxx/vendor", "libcxx/LICENSE.TXT"}},
		{8681056, 10453036, "4c581898446c921dbee7c99186ecdb936efce656603aef08c80802ebe5909133", 123736576 - 113246208,
			[]string{"libunwind/include", "libunwind/src"}},
		{24737028, 25680376, "122741516799c6ca3e9159d1606eb400e6e7beb1475f8fa5ec323a3736a40d9c", 216766976 - 213909504,
			[]string{"libcxxabi/include", "libcxxabi/src"}},
	},
}

// xzHeader is the beginning of every xz file with CRC64 checks, which makes blocks from its middle readable.
var xzHeader = []byte{0xfd, '7', 'z', 'X', 'Z', 0, 0, 4, 0xe6, 0xd6, 0xb4, 0x46}

func (b *builder) fetch(ctx context.Context) error {
	if err := b.fetchLibc(ctx); err != nil {
		return err
	}
	return b.fetchLLVM(ctx)
}

func (b *builder) fetchLibc(ctx context.Context) error {
	file := filepath.Join(b.root, "download", libcSource.Package+libcSource.Suffix)
	if err := b.fetchWhole(ctx, &libcSource, file); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return unpack(ctx, f, 0, filepath.Join(b.work, "libc"), nil)
}

// fetchLLVM gets the three parts, or where the server gives no ranges, the whole.
func (b *builder) fetchLLVM(ctx context.Context) error {
	to := filepath.Join(b.work, "llvm")
	if err := b.fetchParts(ctx, to); !errors.Is(err, errNoRanges) {
		return err
	}
	b.progress("no byte ranges from this mirror: downloading all of "+llvmSource.Package, 0, 0)
	file := filepath.Join(b.root, "download", llvmSource.Package+llvmSource.Suffix)
	if err := b.fetchWhole(ctx, &llvmSource, file); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var wanted []string
	for _, p := range llvmSource.Parts {
		wanted = append(wanted, p.Wanted...)
	}
	return unpack(ctx, f, 0, to, wanted)
}

func (b *builder) fetchParts(ctx context.Context, to string) error {
	for i, p := range llvmSource.Parts {
		file := filepath.Join(b.root, "download", fmt.Sprintf("%s.%d", llvmSource.Package, i))
		if err := b.download(ctx, &llvmSource, file, p.From, p.To, p.SHA256); err != nil {
			return err
		}
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		err = unpack(ctx, io.MultiReader(bytes.NewReader(xzHeader), f), p.Skip, to, p.Wanted)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) fetchWhole(ctx context.Context, s *source, file string) error {
	return b.download(ctx, s, file, 0, -1, s.SHA256)
}

// hashError says that a download is not what was pinned.
type hashError struct{ file, got, want string }

func (e *hashError) Error() string {
	return fmt.Sprintf("%s has SHA-256 %s instead of %s: the mirror has something else, or the download is damaged",
		e.file, e.got, e.want)
}

// download brings the bytes [from, to) of a package's tarball to file, whole when to is negative. A file that is there
// and right stays; a partial one is continued.
func (b *builder) download(ctx context.Context, s *source, file string, from, to int64, want string) error {
	if got, err := fileHash(file); err == nil && got == want {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	b.progress("downloading the source of "+s.Package, 0, 0)
	uri, err := b.address(ctx, s)
	if err != nil {
		return err
	}
	partial := file + ".part"
	if err := b.continueDownload(ctx, uri, partial, from, to); err != nil {
		return fmt.Errorf("downloading the source of %s: %w", s.Package, err)
	}
	got, err := fileHash(partial)
	if err != nil {
		return err
	}
	if got != want {
		os.Remove(partial)
		return &hashError{uri, got, want}
	}
	return os.Rename(partial, file)
}

var errNoRanges = errors.New("the server gives no byte ranges")

func (b *builder) continueDownload(ctx context.Context, uri, partial string, from, to int64) error {
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	have := info.Size()
	if to >= 0 && from+have == to {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return err
	}
	ranged := from+have > 0 || to >= 0
	if ranged {
		end := ""
		if to >= 0 {
			end = fmt.Sprint(to - 1)
		}
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%s", from+have, end))
	}
	res, err := b.client(ctx).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusPartialContent && ranged:
	case res.StatusCode == http.StatusOK && to < 0:
		if err := f.Truncate(0); err != nil { // the server starts over
			return err
		}
	case res.StatusCode == http.StatusOK:
		return fmt.Errorf("%s: %w", uri, errNoRanges)
	case res.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		return nil // all of it is there, or more than that: the hash will tell
	default:
		return fmt.Errorf("%s: %s", uri, res.Status)
	}
	n, err := io.Copy(f, res.Body)
	b.downloaded += n
	return err
}

// client uses the proxy of the environment or, like apt itself, apt's.
func (b *builder) client(ctx context.Context) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if proxy := b.aptConfig(ctx, "Acquire::http::Proxy"); proxy != "" && proxy != "DIRECT" {
		if req, err := http.NewRequest(http.MethodGet, proxy, nil); err == nil {
			transport.Proxy = http.ProxyURL(req.URL)
		}
	}
	return &http.Client{Transport: transport}
}

func (b *builder) aptConfig(ctx context.Context, key string) string {
	cmd := exec.CommandContext(ctx, "apt-config", "shell", "VALUE", key)
	cmd.Env = b.env.toolEnviron()
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.Trim(strings.TrimPrefix(strings.TrimSpace(string(out)), "VALUE="), "'")
}

// address asks apt where a package's tarball lies, by a private configuration: the machine's own mirrors with source
// packages added, lists and cache in our directory. The machine's configuration stays as it is, and root is not needed.
func (b *builder) address(ctx context.Context, s *source) (string, error) {
	apt, err := b.privateApt(ctx)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "apt-get", append(apt, "--print-uris", "--only-source", "source", s.Package)...)
	cmd.Env = append(b.env.toolEnviron(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("apt-get source %s: %w%s", s.Package, err, lastLine(err))
	}
	for _, line := range strings.Split(string(out), "\n") {
		uri, _, _ := strings.Cut(strings.TrimPrefix(line, "'"), "'")
		if strings.HasPrefix(line, "'") && strings.HasSuffix(uri, s.Suffix) &&
			strings.Contains(strings.ReplaceAll(uri, "%7e", "~"), "_"+s.Version) {
			if s.Binary != "" {
				uri = uri[:strings.LastIndex(uri, "/")+1] + strings.ReplaceAll(s.Binary, "~", "%7e")
			}
			return uri, nil
		}
	}
	return "", fmt.Errorf("the mirror has no source of %s %s: it comes with Debian 12 (bookworm)", s.Package, s.Version)
}

func lastLine(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
	return ": " + lines[len(lines)-1]
}

// privateApt returns the options for apt-get. It updates the private lists the first time.
func (b *builder) privateApt(ctx context.Context) ([]string, error) {
	dir := filepath.Join(b.root, "apt")
	options := []string{"-q", "-o", "Dir::Etc::sourcelist=" + filepath.Join(dir, "sources.list"), "-o",
		"Dir::Etc::sourceparts=/dev/null",
		"-o", "Dir::State::lists=" + filepath.Join(dir, "lists"), "-o", "Dir::Cache=" + filepath.Join(dir, "cache"), "-o",
		"APT::Sandbox::User=",
		"-o", "Acquire::Languages=none", "-o", "Acquire::GzipIndexes=true"}
	if isFile(filepath.Join(dir, "updated")) {
		return options, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, errors.New("apt-get is missing: the sources come from a Debian mirror, so the libraries are built on " +
			"Debian 12 or in a " +
			"container of it; elsewhere copy the directory cache/sysroot that FAASMRUN_HOME has there")
	}
	lines := sourceLines("/etc/apt")
	if len(lines) == 0 {
		return nil, errors.New("no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d: this needs apt and a " +
			"Debian mirror")
	}
	for _, sub := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "sources.list"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return nil, err
	}
	b.progress("asking the Debian mirror for its source packages", 0, 0)
	if err := b.run(ctx, dir, "apt-get", append(options, "-qq", "-o", "APT::Update::Error-Mode=any",
		"update")...); err != nil {
		return nil, fmt.Errorf("no source packages (is there a network?): %w", err)
	}
	return options, os.WriteFile(filepath.Join(dir, "updated"), nil, 0o644)
}

// sourceLines turns the binary package sources of an apt configuration into deb-src lines, for those mirrors that are
// Debian's: third parties' often have no source packages.
func sourceLines(etc string) []string {
	var lines []string
	files, _ := filepath.Glob(filepath.Join(etc, "sources.list.d", "*.list"))
	for _, file := range append([]string{filepath.Join(etc, "sources.list")}, files...) {
		text, err := os.ReadFile(file)
		if err == nil {
			lines = append(lines, oneLineSources(string(text))...)
		}
	}
	files, _ = filepath.Glob(filepath.Join(etc, "sources.list.d", "*.sources"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			lines = append(lines, stanzaSources(string(text))...)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// debianMirror reports whether it is Debian's own archive, by the customary path.
func debianMirror(uri string) bool {
	return strings.HasPrefix(path.Base(strings.TrimSuffix(uri, "/")), "debian")
}

// oneLineSources reads the traditional format: deb [options] uri suite component…
func oneLineSources(text string) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[0] != "deb" {
			continue
		}
		options := ""
		if strings.HasPrefix(fields[1], "[") {
			end := slices.IndexFunc(fields, func(f string) bool { return strings.HasSuffix(f, "]") })
			if end < 0 || len(fields) < end+4 {
				continue
			}
			for _, option := range fields[1 : end+1] {
				if option = strings.Trim(option, "[]"); strings.HasPrefix(option, "signed-by=") {
					options = "[" + option + "] "
				}
			}
			fields = fields[end:]
		}
		if debianMirror(fields[1]) && slices.Contains(fields[3:], "main") {
			out = append(out, "deb-src "+options+fields[1]+" "+fields[2]+" main")
		}
	}
	return out
}

// stanzaSources reads the deb822 format.
func stanzaSources(text string) []string {
	var out []string
	for _, stanza := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		field := map[string][]string{}
		scanner := bufio.NewScanner(strings.NewReader(stanza))
		for scanner.Scan() {
			if key, value, ok := strings.Cut(scanner.Text(), ":"); ok && !strings.HasPrefix(key, "#") &&
				!strings.HasPrefix(key, " ") {
				field[strings.ToLower(key)] = strings.Fields(value)
			}
		}
		if !slices.Contains(field["types"], "deb") || !slices.Contains(field["components"], "main") ||
			slices.Contains(field["enabled"], "no") {
			continue
		}
		options := ""
		if key := field["signed-by"]; len(key) == 1 && strings.HasPrefix(key[0], "/") {
			options = "[signed-by=" + key[0] + "] "
		}
		for _, uri := range field["uris"] {
			for _, suite := range field["suites"] {
				if debianMirror(uri) {
					out = append(out, "deb-src "+options+uri+" "+suite+" main")
				}
			}
		}
	}
	return out
}

func fileHash(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// unpack reads an xz-compressed tar from skip bytes on and writes the wanted paths (nil: all) below the top directory
// to dir. Input that ends in the middle is no error when something was wanted and found: a part of a tarball does.
func unpack(ctx context.Context, in io.Reader, skip int64, dir string, wanted []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	xz := exec.CommandContext(ctx, "xz", "-dc")
	xz.Stdin = in
	out, err := xz.StdoutPipe()
	if err != nil {
		return err
	}
	if err := xz.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return &missingError{what: "xz"}
		}
		return err
	}
	defer xz.Wait()
	defer cancel() // before Wait: xz may still have much to say
	if _, err := io.CopyN(io.Discard, out, skip); err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	found := map[string]bool{}
	t := tar.NewReader(out)
	for {
		header, err := t.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && wanted != nil {
			break
		}
		if err != nil {
			return fmt.Errorf("unpacking: %w", err)
		}
		_, name, _ := strings.Cut(path.Clean(header.Name), "/")
		want := matchPath(name, wanted)
		if want == "" {
			if len(found) == len(wanted) && wanted != nil {
				break
			}
			continue
		}
		found[want] = true
		if err := unpackEntry(t, header, dir, name); err != nil {
			return fmt.Errorf("unpacking %s: %w", name, err)
		}
	}
	if len(found) < len(wanted) {
		return fmt.Errorf("unpacking: found %d of the %d directories %v", len(found), len(wanted), wanted)
	}
	return nil
}

// matchPath returns which of wanted name lies in, or "." when everything is wanted.
func matchPath(name string, wanted []string) string {
	if wanted == nil {
		return "."
	}
	for _, w := range wanted {
		if name == w || strings.HasPrefix(name, w+"/") {
			return w
		}
	}
	return ""
}

func unpackEntry(t *tar.Reader, header *tar.Header, dir, name string) error {
	if name == "" || !filepath.IsLocal(name) {
		return nil
	}
	to := filepath.Join(dir, filepath.FromSlash(name))
	switch header.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(to, 0o755)
	case tar.TypeReg:
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644|os.FileMode(header.Mode)&0o111)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, t)
		return errors.Join(err, f.Close())
	}
	return nil // links: none of ours is one
}
