// Package waits is the pass that makes calls of the host of the instructions with which threads wait on memory that
// they share: memory.atomic.wait32 and wait64, and memory.atomic.notify with them. So a thread that waits is in a host
// call like one that waits in MPI: garbage can be collected, its rank can be ended, and a rank all of whose threads
// wait counts as waiting. An engine's own wait is none of that.
//
// Each instruction becomes a call of an import, with its offset as one argument more: the host sees addresses beyond
// all bounds. A module whose memory is not shared stays as it is, byte for byte, though every libc has such
// instructions: there a wait traps and a notify finds nobody, for which no host is needed.
package waits
