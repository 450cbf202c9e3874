package mpi

// Error classes, MPI 5.0 chapter 9.4. The codes we return are the classes themselves; user-defined codes follow
// errLastCode.
const (
	success                 = 0
	errBuffer               = 1
	errCount                = 2
	errType                 = 3
	errTag                  = 4
	errComm                 = 5
	errRank                 = 6
	errRequest              = 7
	errRoot                 = 8
	errGroup                = 9
	errOp                   = 10
	errTopology             = 11
	errDims                 = 12
	errArg                  = 13
	errUnknown              = 14
	errTruncate             = 15
	errOther                = 16
	errIntern               = 17
	errPending              = 18
	errInStatus             = 19
	errAccess               = 20
	errAmode                = 21
	errAssert               = 22
	errBadFile              = 23
	errBase                 = 24
	errConversion           = 25
	errDisp                 = 26
	errDupDatarep           = 27
	errFileExists           = 28
	errFileInUse            = 29
	errFile                 = 30
	errInfoKey              = 31
	errInfoNokey            = 32
	errInfoValue            = 33
	errInfo                 = 34
	errIo                   = 35
	errKeyval               = 36
	errLocktype             = 37
	errName                 = 38
	errNoMem                = 39
	errNotSame              = 40
	errNoSpace              = 41
	errNoSuchFile           = 42
	errPort                 = 43
	errQuota                = 44
	errReadOnly             = 45
	errRmaAttach            = 46
	errRmaConflict          = 47
	errRmaRange             = 48
	errRmaShared            = 49
	errRmaSync              = 50
	errService              = 51
	errSize                 = 52
	errSpawn                = 53
	errUnsupportedDatarep   = 54
	errUnsupportedOperation = 55
	errWin                  = 56
	errRmaFlavor            = 57
	errProcAborted          = 58
	errValueTooLarge        = 59
	errSession              = 60
	errErrhandler           = 61
	errAbi                  = 62
	errLastCode             = 16383
)

// classes gives the name and the text of every class.
var classes = [...]struct{ name, text string }{
	success:                 {"MPI_SUCCESS", "no error"},
	errBuffer:               {"MPI_ERR_BUFFER", "invalid buffer pointer"},
	errCount:                {"MPI_ERR_COUNT", "invalid count"},
	errType:                 {"MPI_ERR_TYPE", "invalid datatype"},
	errTag:                  {"MPI_ERR_TAG", "invalid tag"},
	errComm:                 {"MPI_ERR_COMM", "invalid communicator"},
	errRank:                 {"MPI_ERR_RANK", "invalid rank"},
	errRequest:              {"MPI_ERR_REQUEST", "invalid request"},
	errRoot:                 {"MPI_ERR_ROOT", "invalid root"},
	errGroup:                {"MPI_ERR_GROUP", "invalid group"},
	errOp:                   {"MPI_ERR_OP", "invalid operation"},
	errTopology:             {"MPI_ERR_TOPOLOGY", "invalid topology"},
	errDims:                 {"MPI_ERR_DIMS", "invalid dimensions"},
	errArg:                  {"MPI_ERR_ARG", "invalid argument"},
	errUnknown:              {"MPI_ERR_UNKNOWN", "unknown error"},
	errTruncate:             {"MPI_ERR_TRUNCATE", "message truncated on receive"},
	errOther:                {"MPI_ERR_OTHER", "known error not in this list"},
	errIntern:               {"MPI_ERR_INTERN", "internal error"},
	errPending:              {"MPI_ERR_PENDING", "pending request"},
	errInStatus:             {"MPI_ERR_IN_STATUS", "error code is in the status"},
	errAccess:               {"MPI_ERR_ACCESS", "permission denied"},
	errAmode:                {"MPI_ERR_AMODE", "invalid access mode"},
	errAssert:               {"MPI_ERR_ASSERT", "invalid assertion"},
	errBadFile:              {"MPI_ERR_BAD_FILE", "invalid file name"},
	errBase:                 {"MPI_ERR_BASE", "invalid base address"},
	errConversion:           {"MPI_ERR_CONVERSION", "error in a data conversion function"},
	errDisp:                 {"MPI_ERR_DISP", "invalid displacement"},
	errDupDatarep:           {"MPI_ERR_DUP_DATAREP", "data representation already defined"},
	errFileExists:           {"MPI_ERR_FILE_EXISTS", "file exists"},
	errFileInUse:            {"MPI_ERR_FILE_IN_USE", "file is in use"},
	errFile:                 {"MPI_ERR_FILE", "invalid file handle"},
	errInfoKey:              {"MPI_ERR_INFO_KEY", "info key is too long or empty"},
	errInfoNokey:            {"MPI_ERR_INFO_NOKEY", "no such info key"},
	errInfoValue:            {"MPI_ERR_INFO_VALUE", "info value is too long"},
	errInfo:                 {"MPI_ERR_INFO", "invalid info"},
	errIo:                   {"MPI_ERR_IO", "input or output error"},
	errKeyval:               {"MPI_ERR_KEYVAL", "invalid attribute key"},
	errLocktype:             {"MPI_ERR_LOCKTYPE", "invalid lock type"},
	errName:                 {"MPI_ERR_NAME", "unknown service name"},
	errNoMem:                {"MPI_ERR_NO_MEM", "out of memory"},
	errNotSame:              {"MPI_ERR_NOT_SAME", "collective argument differs between processes"},
	errNoSpace:              {"MPI_ERR_NO_SPACE", "not enough space"},
	errNoSuchFile:           {"MPI_ERR_NO_SUCH_FILE", "no such file"},
	errPort:                 {"MPI_ERR_PORT", "invalid port name"},
	errQuota:                {"MPI_ERR_QUOTA", "quota exceeded"},
	errReadOnly:             {"MPI_ERR_READ_ONLY", "read-only file or file system"},
	errRmaAttach:            {"MPI_ERR_RMA_ATTACH", "memory cannot be attached"},
	errRmaConflict:          {"MPI_ERR_RMA_CONFLICT", "conflicting accesses to a window"},
	errRmaRange:             {"MPI_ERR_RMA_RANGE", "target memory is not part of the window"},
	errRmaShared:            {"MPI_ERR_RMA_SHARED", "memory cannot be shared"},
	errRmaSync:              {"MPI_ERR_RMA_SYNC", "wrong synchronization of a window"},
	errService:              {"MPI_ERR_SERVICE", "invalid service name"},
	errSize:                 {"MPI_ERR_SIZE", "invalid size"},
	errSpawn:                {"MPI_ERR_SPAWN", "could not spawn"},
	errUnsupportedDatarep:   {"MPI_ERR_UNSUPPORTED_DATAREP", "unsupported data representation"},
	errUnsupportedOperation: {"MPI_ERR_UNSUPPORTED_OPERATION", "unsupported operation"},
	errWin:                  {"MPI_ERR_WIN", "invalid window"},
	errRmaFlavor:            {"MPI_ERR_RMA_FLAVOR", "wrong flavor of window"},
	errProcAborted:          {"MPI_ERR_PROC_ABORTED", "a process has aborted"},
	errValueTooLarge:        {"MPI_ERR_VALUE_TOO_LARGE", "value is too large for its argument"},
	errSession:              {"MPI_ERR_SESSION", "invalid session"},
	errErrhandler:           {"MPI_ERR_ERRHANDLER", "invalid error handler"},
	errAbi:                  {"MPI_ERR_ABI", "mismatch of the binary interface"},
}
