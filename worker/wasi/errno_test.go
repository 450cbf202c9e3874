package wasi

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func renameExchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// TestErrnoNumbers holds the constants to the specification, at the ends and in between.
func TestErrnoNumbers(t *testing.T) {
	for e, want := range map[errno]int{eACCES: 2, eAGAIN: 6, eBADF: 8, eDQUOT: 19, eEXIST: 20, eFAULT: 21, eINVAL: 28,
		eIO: 29, eISDIR: 31,
		eLOOP: 32, eMFILE: 33, eMLINK: 34, eNAMETOOLONG: 37, eNFILE: 41, eNOENT: 44, eNOSPC: 51, eNOTDIR: 54, eNOTEMPTY: 55,
		eNOTSOCK: 57,
		eNOTSUP:  58, eOVERFLOW: 61, ePERM: 63, ePIPE: 64, eROFS: 69, eSPIPE: 70, eTXTBSY: 74, eXDEV: 75, eNOTCAPABLE: 76} {
		if int(e) != want {
			t.Errorf("%d, the specification says %d", e, want)
		}
	}
}

func TestErrnoOf(t *testing.T) {
	g := newGuest(t, Config{})
	for _, c := range []struct {
		err  error
		want errno
	}{
		{nil, success},
		{syscall.ENOSPC, eNOSPC},
		{&fs.PathError{Op: "openat", Path: "x", Err: syscall.EDQUOT}, eDQUOT},
		{fmt.Errorf("tried: %w", &os.LinkError{Op: "rename", Err: syscall.EXDEV}), eXDEV},
		{syscall.EOPNOTSUPP, eNOTSUP},
		{syscall.ENFILE, eNFILE},
		{syscall.EMLINK, eMLINK},
		{syscall.EROFS, eROFS},
		{syscall.ELOOP, eLOOP},
		{syscall.ETXTBSY, eTXTBSY},
		{syscall.Errno(5000), eIO},
		{syscall.EKEYEXPIRED, eIO},
		{os.ErrClosed, eBADF},
		{os.ErrDeadlineExceeded, eTIMEDOUT},
		{io.ErrClosedPipe, ePIPE},
		{errors.New("anything else"), eIO},
	} {
		if got := g.p.errnoOf(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}

// TestEscapeErrorIsKnown: os.Root's error for a path that leads out has no name, so it is asked for. Should a new Go
// wrap it otherwise, this fails rather than EPERM turning into EIO.
func TestEscapeErrorIsKnown(t *testing.T) {
	r := openRoot(t, t.TempDir())
	escape := escapeError(r)
	if _, err := r.Open("../x"); escape == nil || !errors.Is(err, escape) {
		t.Errorf("%v is not %v", err, escape)
	}
	if _, err := r.Open("x"); errors.Is(err, escape) {
		t.Errorf("%v is %v", err, escape)
	}
}
