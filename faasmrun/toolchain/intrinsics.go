package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/internal/filetype"
)

// x86's intrinsics are translated by SIMDe's headers, which say them in terms of WebAssembly's vectors. Their names
// come from headers of ours that are called as x86's (overlay/x86) and stand beside mpi.h. Programs get them when they
// include one; the macros by which programs choose them (__SSE2__, …) are there when a flag asks.

// simdeSource is Debian's package of the headers.
var simdeSource = source{
	Package: "simde", Version: "0.7.4~rc2", Suffix: ".orig.tar.xz", Binary: "libsimde-dev_0.7.4~rc2-2_all.deb",
	SHA256: "471b66fdc79e0a479c4d11dc85c2b6313df1704b737ea2f7266753335c5d062b",
}

// simdePatches give the vectors the types that they have on x86: programs calculate with their operators, and overload
// on them. SIMDe takes one type of integers for all three where there is SIMD of WebAssembly's.
var simdePatches = []patch{
	{file: "sse.h", old: "typedef v128_t simde__m128;",
		new: "typedef simde_float32 simde__m128 SIMDE_ALIGN_TO_16 SIMDE_VECTOR(16) SIMDE_MAY_ALIAS;"},
	{file: "sse2.h", old: "typedef v128_t simde__m128i;",
		new: "typedef long long simde__m128i SIMDE_ALIGN_TO_16 SIMDE_VECTOR(16) SIMDE_MAY_ALIAS;"},
	{file: "sse2.h", old: "typedef v128_t simde__m128d;",
		new: "typedef simde_float64 simde__m128d SIMDE_ALIGN_TO_16 SIMDE_VECTOR(16) SIMDE_MAY_ALIAS;"},
}

// intrinsicsDir holds SIMDe's headers.
func intrinsicsDir(root string) string {
	return filepath.Join(root, "simde-"+digest(fmt.Sprintf("%+v\n%v", simdeSource, simdePatches)))
}

// buildIntrinsics brings SIMDe's headers to dir.
func (b *builder) buildIntrinsics(ctx context.Context, dir string) error {
	file := filepath.Join(b.root, "download", simdeSource.Binary)
	if err := b.fetchWhole(ctx, &simdeSource, file); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(b.root, ".build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := unpackPackage(ctx, file, tmp, []string{"include/simde"}); err != nil {
		return err
	}
	headers := filepath.Join(tmp, "include")
	for _, other := range []string{"arm", "mips", "wasm"} {
		if err := os.RemoveAll(filepath.Join(headers, "simde", other)); err != nil {
			return err
		}
	}
	for _, p := range simdePatches {
		if err := p.apply(filepath.Join(headers, "simde/x86")); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(headers, manifestName), []byte("{}\n"), 0o644); err != nil {
		return err
	}
	b.progress("", 0, 0)
	if err := os.Rename(headers, dir); err != nil && !complete(dir) { // a copy of the same may have been put there by hand
		return err
	}
	return nil
}

// unpackPackage writes the wanted paths below usr of a binary package to dir.
func unpackPackage(ctx context.Context, file, dir string, wanted []string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := packageData(f)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return unpack(ctx, data, 0, dir, wanted)
}

const archiveMagic = filetype.ArchiveMagic

// packageData finds the files' tarball in a binary package, which is an archive of ar's.
func packageData(in io.ReaderAt) (io.Reader, error) {
	header := make([]byte, 60)
	magic := header[:len(archiveMagic)]
	if _, err := in.ReadAt(magic, 0); err != nil || string(magic) != archiveMagic {
		return nil, errors.New("this is no package")
	}
	for at := int64(len(archiveMagic)); ; {
		if _, err := in.ReadAt(header, at); err != nil {
			return nil, errors.New("the package has no data.tar.xz")
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(header[48:58])), 10, 64)
		if err != nil || size < 0 || !bytes.HasSuffix(header, []byte("`\n")) {
			return nil, errors.New("the package is damaged")
		}
		at += int64(len(header))
		if name := strings.TrimRight(string(header[:16]), " /"); name == "data.tar.xz" {
			return io.NewSectionReader(in, at, size), nil
		}
		at += size + size%2
	}
}

// vectorMacros are the macros by which programs learn which of x86's instructions there are, by the flag that asks for
// them; a flag asks for those that it implies, too. Flags for what is not there (AVX-512, AES) define nothing, nor does
// -march: a program then takes its other way. So it does for -mfma, because a fused multiply-add takes many
// instructions.
var vectorMacros = map[string][]string{
	"-mmmx":    {"MMX"},
	"-msse":    {"-mmmx", "SSE"},
	"-msse2":   {"-msse", "SSE2"},
	"-msse3":   {"-msse2", "SSE3"},
	"-mssse3":  {"-msse3", "SSSE3"},
	"-msse4.1": {"-mssse3", "SSE4_1"},
	"-msse4.2": {"-msse4.1", "-mpopcnt", "SSE4_2"},
	"-msse4":   {"-msse4.2"},
	"-mavx":    {"-msse4.2", "AVX"},
	"-mavx2":   {"-mavx", "AVX2"},
	"-mfma":    {"-mavx"},
	"-mf16c":   {"-mavx", "F16C"},
	"-mpclmul": {"-msse2", "PCLMUL"},
	"-mpopcnt": {"POPCNT"},
	"-mbmi":    {"BMI"},
	"-mbmi2":   {"BMI2"},
	"-mlzcnt":  {"LZCNT"},
}

// vectorDefines are the options for clang in place of a flag for x86's vectors.
func vectorDefines(flag string) []string {
	var options []string
	for _, word := range vectorMacros[flag] {
		if strings.HasPrefix(word, "-") {
			options = append(options, vectorDefines(word)...)
		} else {
			options = append(options, "-D__"+word+"__=1")
		}
	}
	return options
}
