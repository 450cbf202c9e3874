package wasi

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// errno is what a WASI function returns. The order is that of the specification.
type errno uint32

const (
	success errno = iota
	e2BIG
	eACCES
	eADDRINUSE
	eADDRNOTAVAIL
	eAFNOSUPPORT
	eAGAIN
	eALREADY
	eBADF
	eBADMSG
	eBUSY
	eCANCELED
	eCHILD
	eCONNABORTED
	eCONNREFUSED
	eCONNRESET
	eDEADLK
	eDESTADDRREQ
	eDOM
	eDQUOT
	eEXIST
	eFAULT
	eFBIG
	eHOSTUNREACH
	eIDRM
	eILSEQ
	eINPROGRESS
	eINTR
	eINVAL
	eIO
	eISCONN
	eISDIR
	eLOOP
	eMFILE
	eMLINK
	eMSGSIZE
	eMULTIHOP
	eNAMETOOLONG
	eNETDOWN
	eNETRESET
	eNETUNREACH
	eNFILE
	eNOBUFS
	eNODEV
	eNOENT
	eNOEXEC
	eNOLCK
	eNOLINK
	eNOMEM
	eNOMSG
	eNOPROTOOPT
	eNOSPC
	eNOSYS
	eNOTCONN
	eNOTDIR
	eNOTEMPTY
	eNOTRECOVERABLE
	eNOTSOCK
	eNOTSUP
	eNOTTY
	eNXIO
	eOVERFLOW
	eOWNERDEAD
	ePERM
	ePIPE
	ePROTO
	ePROTONOSUPPORT
	ePROTOTYPE
	eRANGE
	eROFS
	eSPIPE
	eSRCH
	eSTALE
	eTIMEDOUT
	eTXTBSY
	eXDEV
	eNOTCAPABLE
)

// hostErrno turns Linux's numbers into WASI's. What a file system can't answer is not in it and becomes EIO.
var hostErrno = [...]errno{
	syscall.E2BIG: e2BIG, syscall.EACCES: eACCES, syscall.EAGAIN: eAGAIN, syscall.EBADF: eBADF, syscall.EBADMSG: eBADMSG,
	syscall.EBUSY: eBUSY, syscall.ECANCELED: eCANCELED, syscall.ECONNABORTED: eCONNABORTED,
	syscall.ECONNREFUSED: eCONNREFUSED,
	syscall.ECONNRESET:   eCONNRESET, syscall.EDEADLK: eDEADLK, syscall.EDESTADDRREQ: eDESTADDRREQ, syscall.EDOM: eDOM,
	syscall.EDQUOT: eDQUOT, syscall.EEXIST: eEXIST, syscall.EFAULT: eFAULT, syscall.EFBIG: eFBIG,
	syscall.EHOSTUNREACH: eHOSTUNREACH, syscall.EIDRM: eIDRM, syscall.EILSEQ: eILSEQ, syscall.EINPROGRESS: eINPROGRESS,
	syscall.EINTR: eINTR, syscall.EINVAL: eINVAL, syscall.EIO: eIO, syscall.EISDIR: eISDIR, syscall.ELOOP: eLOOP,
	syscall.EMFILE: eMFILE, syscall.EMLINK: eMLINK, syscall.EMSGSIZE: eMSGSIZE, syscall.EMULTIHOP: eMULTIHOP,
	syscall.ENAMETOOLONG: eNAMETOOLONG, syscall.ENETDOWN: eNETDOWN, syscall.ENETUNREACH: eNETUNREACH,
	syscall.ENFILE:  eNFILE,
	syscall.ENOBUFS: eNOBUFS, syscall.ENODEV: eNODEV, syscall.ENOENT: eNOENT, syscall.ENOLCK: eNOLCK,
	syscall.ENOLINK: eNOLINK, syscall.ENOMEM: eNOMEM, syscall.ENOSPC: eNOSPC, syscall.ENOSYS: eNOSYS,
	syscall.ENOTCONN: eNOTCONN, syscall.ENOTDIR: eNOTDIR, syscall.ENOTEMPTY: eNOTEMPTY, syscall.ENOTSOCK: eNOTSOCK,
	syscall.ENOTSUP: eNOTSUP, syscall.ENOTTY: eNOTTY, syscall.ENXIO: eNXIO, syscall.EOVERFLOW: eOVERFLOW,
	syscall.EPERM: ePERM,
	syscall.EPIPE: ePIPE, syscall.EPROTO: ePROTO, syscall.ERANGE: eRANGE, syscall.EROFS: eROFS, syscall.ESPIPE: eSPIPE,
	syscall.ESRCH: eSRCH, syscall.ESTALE: eSTALE, syscall.ETIMEDOUT: eTIMEDOUT, syscall.ETXTBSY: eTXTBSY,
	syscall.EXDEV: eXDEV,
}

// errnoOf turns an error of the host into the guest's number.
//
// A path that leads out of its mount is EPERM. The specification's ENOTCAPABLE would be the other choice, but no POSIX
// program knows it, C++'s std::errc has no name for it, and Wasmtime answers EPERM too.
func (p *Process) errnoOf(err error) errno {
	if err == nil {
		return success
	}
	if host, ok := errors.AsType[syscall.Errno](err); ok {
		if int(host) < len(hostErrno) && hostErrno[host] != success {
			return hostErrno[host]
		}
		return eIO
	}
	switch {
	case p.escapes != nil && errors.Is(err, p.escapes):
		return ePERM
	case errors.Is(err, fs.ErrClosed):
		return eBADF
	case errors.Is(err, io.ErrClosedPipe):
		return ePIPE
	case errors.Is(err, os.ErrDeadlineExceeded):
		return eTIMEDOUT
	}
	return eIO
}

// escapeError asks root for the error that it gives to a path which leads out. Package os keeps it to itself, and its
// text is no promise.
func escapeError(root *os.Root) error {
	_, err := root.Lstat("..")
	return errors.Unwrap(err)
}
