package wasi

import "strings"

// Module is what guests import these calls from.
const Module = "wasi_snapshot_preview1"

// Call is one function that a guest can import. Params and Results have a letter a value, i for i32 and l for i64;
// stack has a word for each, arguments first, and takes the result. Fn has the form of engine.HostFunc. It panics with
// Exit or Ended to end the rank, and with nothing else.
//
// Each function is there twice, for the two data models of guests: where pointers and sizes have 32 bits, as WASI's
// standard has it, and Wide, where both have 64 bits as arguments and in memory.
type Call struct {
	Name, Params, Results string
	Wide                  bool
	Fn                    func(p *Process, stack []uint64)
	// Resumable is Fn where the call may be broken off, and reports whether it was: then it is to be made again with the
	// same arguments and the same Pending. nil: it never is.
	Resumable func(p *Process, q *Pending, stack []uint64) (broken bool)
}

// table has a letter more: p is a pointer or a size.
var table = []struct {
	name, params, results string
	fn                    func(*Process, args) errno
}{
	{"args_get", "pp", "i", argsGet},
	{"args_sizes_get", "pp", "i", argsSizesGet},
	{"environ_get", "pp", "i", environGet},
	{"environ_sizes_get", "pp", "i", environSizesGet},
	{"clock_res_get", "ip", "i", clockResGet},
	{"clock_time_get", "ilp", "i", clockTimeGet},
	{"fd_advise", "illi", "i", fdAdvise},
	{"fd_allocate", "ill", "i", fdAllocate},
	{"fd_close", "i", "i", fdClose},
	{"fd_datasync", "i", "i", fdDatasync},
	{"fd_fdstat_get", "ip", "i", fdFdstatGet},
	{"fd_fdstat_set_flags", "ii", "i", fdFdstatSetFlags},
	{"fd_fdstat_set_rights", "ill", "i", fdFdstatSetRights},
	{"fd_filestat_get", "ip", "i", fdFilestatGet},
	{"fd_filestat_set_size", "il", "i", fdFilestatSetSize},
	{"fd_filestat_set_times", "illi", "i", fdFilestatSetTimes},
	{"fd_pread", "ipplp", "i", fdPread},
	{"fd_prestat_get", "ip", "i", fdPrestatGet},
	{"fd_prestat_dir_name", "ipp", "i", fdPrestatDirName},
	{"fd_pwrite", "ipplp", "i", fdPwrite},
	{"fd_read", "ippp", "i", fdRead},
	{"fd_readdir", "ipplp", "i", fdReaddir},
	{"fd_renumber", "ii", "i", fdRenumber},
	{"fd_seek", "ilip", "i", fdSeek},
	{"fd_sync", "i", "i", fdSync},
	{"fd_tell", "ip", "i", fdTell},
	{"fd_write", "ippp", "i", fdWrite},
	{"path_create_directory", "ipp", "i", pathCreateDirectory},
	{"path_filestat_get", "iippp", "i", pathFilestatGet},
	{"path_filestat_set_times", "iipplli", "i", pathFilestatSetTimes},
	{"path_link", "iippipp", "i", pathLink},
	{"path_open", "iippillip", "i", pathOpen},
	{"path_readlink", "ippppp", "i", pathReadlink},
	{"path_remove_directory", "ipp", "i", pathRemoveDirectory},
	{"path_rename", "ippipp", "i", pathRename},
	{"path_symlink", "ppipp", "i", pathSymlink},
	{"path_unlink_file", "ipp", "i", pathUnlinkFile},
	{"poll_oneoff", "pppp", "i", pollOneoff},
	{"proc_exit", "i", "", procExit},
	{"proc_raise", "i", "i", procRaise},
	{"random_get", "pp", "i", randomGet},
	{"sched_yield", "", "i", schedYield},
	{"sock_accept", "iip", "i", notASocket},
	{"sock_recv", "ippipp", "i", notASocket},
	{"sock_send", "ippip", "i", notASocket},
	{"sock_shutdown", "ii", "i", notASocket},
}

// Calls returns the module's 46 functions for each data model.
func Calls() []Call {
	var calls []Call
	for _, wide := range []bool{false, true} {
		pointer := "i"
		if wide {
			pointer = "l"
		}
		for _, c := range table {
			call := Call{Name: c.name, Params: strings.ReplaceAll(c.params, "p", pointer), Results: c.results, Wide: wide,
				Fn: func(p *Process, stack []uint64) {
					p.enter()
					stack[0] = uint64(c.fn(p, args{stack: stack, wide: wide}))
				}}
			if c.name == "poll_oneoff" || c.name == "fd_write" {
				call.Resumable = resumable(c.fn, wide)
			}
			calls = append(calls, call)
		}
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

// notASocket serves the sock_ calls. There is no way to a socket: ranks have MPI. EBADF, ENOTSOCK.
func notASocket(p *Process, a args) errno {
	f, e := p.get(a.u32(0), 0)
	if e != success {
		return e
	}
	p.put(f)
	return eNOTSOCK
}
