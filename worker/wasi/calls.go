package wasi

// Module is what guests import these calls from.
const Module = "wasi_snapshot_preview1"

// Call is one function that a guest can import. Params and Results have a letter a value, i for i32 and l for i64; stack has a
// word for each, arguments first, and takes the result. Fn panics with Exit or Ended to end the rank, and with nothing else.
type Call struct {
	Name, Params, Results string
	Fn                    func(p *Process, stack []uint64)
}

var table = []struct {
	name, params, results string
	fn                    func(*Process, args) errno
}{
	{"args_get", "ii", "i", argsGet},
	{"args_sizes_get", "ii", "i", argsSizesGet},
	{"environ_get", "ii", "i", environGet},
	{"environ_sizes_get", "ii", "i", environSizesGet},
	{"clock_res_get", "ii", "i", clockResGet},
	{"clock_time_get", "ili", "i", clockTimeGet},
	{"fd_advise", "illi", "i", fdAdvise},
	{"fd_allocate", "ill", "i", fdAllocate},
	{"fd_close", "i", "i", fdClose},
	{"fd_datasync", "i", "i", fdDatasync},
	{"fd_fdstat_get", "ii", "i", fdFdstatGet},
	{"fd_fdstat_set_flags", "ii", "i", fdFdstatSetFlags},
	{"fd_fdstat_set_rights", "ill", "i", fdFdstatSetRights},
	{"fd_filestat_get", "ii", "i", fdFilestatGet},
	{"fd_filestat_set_size", "il", "i", fdFilestatSetSize},
	{"fd_filestat_set_times", "illi", "i", fdFilestatSetTimes},
	{"fd_pread", "iiili", "i", fdPread},
	{"fd_prestat_get", "ii", "i", fdPrestatGet},
	{"fd_prestat_dir_name", "iii", "i", fdPrestatDirName},
	{"fd_pwrite", "iiili", "i", fdPwrite},
	{"fd_read", "iiii", "i", fdRead},
	{"fd_readdir", "iiili", "i", fdReaddir},
	{"fd_renumber", "ii", "i", fdRenumber},
	{"fd_seek", "ilii", "i", fdSeek},
	{"fd_sync", "i", "i", fdSync},
	{"fd_tell", "ii", "i", fdTell},
	{"fd_write", "iiii", "i", fdWrite},
	{"path_create_directory", "iii", "i", pathCreateDirectory},
	{"path_filestat_get", "iiiii", "i", pathFilestatGet},
	{"path_filestat_set_times", "iiiilli", "i", pathFilestatSetTimes},
	{"path_link", "iiiiiii", "i", pathLink},
	{"path_open", "iiiiillii", "i", pathOpen},
	{"path_readlink", "iiiiii", "i", pathReadlink},
	{"path_remove_directory", "iii", "i", pathRemoveDirectory},
	{"path_rename", "iiiiii", "i", pathRename},
	{"path_symlink", "iiiii", "i", pathSymlink},
	{"path_unlink_file", "iii", "i", pathUnlinkFile},
	{"poll_oneoff", "iiii", "i", pollOneoff},
	{"proc_exit", "i", "", procExit},
	{"proc_raise", "i", "i", procRaise},
	{"random_get", "ii", "i", randomGet},
	{"sched_yield", "", "i", schedYield},
	{"sock_accept", "iii", "i", notASocket},
	{"sock_recv", "iiiiii", "i", notASocket},
	{"sock_send", "iiiii", "i", notASocket},
	{"sock_shutdown", "ii", "i", notASocket},
}

// Calls returns all 46 functions of the module.
func Calls() []Call {
	calls := make([]Call, len(table))
	for i, c := range table {
		calls[i] = Call{c.name, c.params, c.results, func(p *Process, stack []uint64) {
			p.enter()
			stack[0] = uint64(c.fn(p, args(stack)))
		}}
	}
	return calls
}

// enter ends the rank when that was asked for: a guest can't be stopped between calls.
func (p *Process) enter() {
	select {
	case <-p.done:
		panic(Ended{})
	default:
	}
}

// notASocket serves the sock_ calls. There is no way to a socket: a rank speaks MPI. EBADF, ENOTSOCK.
func notASocket(p *Process, a args) errno {
	f, e := p.get(a.u32(0), 0)
	if e != success {
		return e
	}
	p.put(f)
	return eNOTSOCK
}
