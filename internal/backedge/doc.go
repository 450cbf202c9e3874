// Package backedge makes an engine compile the conditional branch back to a loop's start as one compare and jump. Where
// values go along a branch and both of its ends have other branches, a compiler puts a block of its own on the way (it
// splits the critical edge), and wazero no longer sees then that a comparison decides: it makes a number of the
// comparison, and compares that with zero, four instructions in place of two, once for each round of every loop. With
// the block written into the program the edge is not critical.
//
// Branches forward stay as they are: a block on their way would have to be jumped over where they are not taken.
//
// A module without such a branch stays as it is, byte for byte.
package backedge
