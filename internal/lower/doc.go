// Package lower is the pass that makes a program with memories and tables of 64 bits run on an engine that has those of
// 32 bits only. Values stay what they were, so that pointers and sizes in memory, in globals and in the calls of
// imports have 64 bits as compiled; only where an instruction takes an address is that cut to 32 bits. It is the last
// of the passes: the others see, and write, the program as it was compiled, whatever the engine.
//
// What a program sees is the same as on an engine with memories of 64 bits, but for this:
//
//   - A memory ends one page below 4 GiB and does not grow beyond. So the address 2^32-1 is never there, and stands for
//     all those that an address of 32 bits can't hold, where that must trap.
//   - An address of 2^32 or more of a load, a store or an indirect call means its lower half. Lengths of fills and
//     copies, growth and what tables take are exact. With Options.Check every address is: such a one traps.
//
// Cutting costs an instruction an access, and most of that is saved by going into the arithmetic that makes the
// address: constants, extensions from 32 bits, shifts by constants, sums and products are made with 32 bits at once
// where that gives the same lower half. A local that only addresses are made of becomes one of 32 bits, and one that is
// cut often has its lower half in a second local. Saturating (a number too large becomes 2^32-1) takes eight
// instructions.
package lower
