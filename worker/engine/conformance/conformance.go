// Package conformance is what every engine has to do alike, as tests of an engine's own package: what a guest and its
// host see of each other, traps and their texts, callbacks and their nesting, exceptions, growth, closing; and which
// files are no programs. It leaves to the engines' packages what is theirs alone, such as their caches.
package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/worker/engine"
)

// Make makes an engine.
type Make func(engine.Options) (engine.Engine, error)

// underTest makes the engine that a test binary is for: it has one.
var underTest Make

// Run runs all tests.
func Run(t *testing.T, make Make) {
	underTest = make
	for _, test := range tests {
		t.Run(test.name, test.run)
	}
}

// Benchmark runs all benchmarks.
func Benchmark(b *testing.B, make Make) {
	underTest = make
	for _, bench := range benchmarks {
		b.Run(bench.name, bench.run)
	}
}

var tests = []struct {
	name string
	run  func(t *testing.T)
}{
	{"CallsAllocateNothing", testCallsAllocateNothing},
	{"RefusedFiles", testRefusedFiles},
	{"ExceptionsInTheDeclarations", testExceptionsInTheDeclarations},
	{"CutFiles", testCutFiles},
	{"CountsAreNotTrusted", testCountsAreNotTrusted},
	{"BrokenNames", testBrokenNames},
	{"LocalsOfAllFunctions", testLocalsOfAllFunctions},
	{"HostCalls", testHostCalls},
	{"StartSectionFindsItsHost", testStartSectionFindsItsHost},
	{"StartSectionOfTheHost", testStartSectionOfTheHost},
	{"StartSectionTraps", testStartSectionTraps},
	{"MemoryGrowsInPlace", testMemoryGrowsInPlace},
	{"ModuleSays", testModuleSays},
	{"MoreMemoryThanAllowed", testMoreMemoryThanAllowed},
	{"NoMemoryToBeginWith", testNoMemoryToBeginWith},
	{"Unbound", testUnbound},
	{"Link", testLink},
	{"ManyInstances", testManyInstances},
	{"Close", testClose},
	{"TailCalls", testTailCalls},
	{"Grow", testGrow},
	{"DataModels", testDataModels},
	{"ExceptionThroughAHostCall", testExceptionThroughAHostCall},
	{"CallTableResult", testCallTableResult},
	{"UncaughtException", testUncaughtException},
	{"PanicsBesideExceptions", testPanicsBesideExceptions},
	{"CallTable", testCallTable},
	{"CallTableRefuses", testCallTableRefuses},
	{"CallExport", testCallExport},
	{"ManyArguments", testManyArguments},
	{"TrapBelowAHostCall", testTrapBelowAHostCall},
	{"ExitBelowAHostCall", testExitBelowAHostCall},
	{"EndlessNesting", testEndlessNesting},
	{"DeepNesting", testDeepNesting},
	{"Reentry", testReentry},
	{"PanicsOfHostFunctionsInTheTable", testPanicsOfHostFunctionsInTheTable},
	{"Traps", testTraps},
	{"TrapText", testTrapText},
	{"StrippedModule", testStrippedModule},
	{"HostErrors", testHostErrors},
	{"ForgedNames", testForgedNames},
	{"NullPointers", testNullPointers},
	{"NullPointersAndTheStack", testNullPointersAndTheStack},
	{"NullPointersInCalls", testNullPointersInCalls},
	{"NullPointersOfThreads", testNullPointersOfThreads},
	{"NullPointersOfC", testNullPointersOfC},
	{"NullPointersAtOnce", testNullPointersAtOnce},
	{"MachineWithoutMemory", testMachineWithoutMemory},
	{"Caller", testCaller},
	{"StackOfC", testStackOfC},
	{"WildPointerOfC", testWildPointerOfC},
	{"SourceLines", testSourceLines},
	{"LinesOfMovedCode", testLinesOfMovedCode},
	{"Garbage", testGarbage},
	{"Stop", testStop},
	{"Interrupted", testInterrupted},
	{"Waits", testWaits},
	{"WaitsTrap", testWaitsTrap},
	{"WaitsOfMemoryThatIsNotShared", testWaitsOfMemoryThatIsNotShared},
	{"WaitBrokenOff", testWaitBrokenOff},
	{"Threads", testThreads},
	{"ThreadsAtOnce", testThreadsAtOnce},
	{"ThreadTraps", testThreadTraps},
	{"ThreadsWait", testThreadsWait},
	{"ThreadStops", testThreadStops},
	{"NoThreads", testNoThreads},
	{"SharedMemoriesRefused", testSharedMemoriesRefused},
}

var benchmarks = []struct {
	name string
	run  func(b *testing.B)
}{
	{"HostCall", benchmarkHostCall},
	{"CallTable", benchmarkCallTable},
	{"CallBack", benchmarkCallBack},
	{"Instantiate", benchmarkInstantiate},
	{"HeapPerInstance", benchmarkHeapPerInstance},
	{"Compile", benchmarkCompile},
}

// Programs are modules that run, in one way or another.
func Programs() [][]byte {
	var files [][]byte
	for _, p := range []guestModule{trivial(), called(1), inner("f", opUnreachable), loopOf("nothing")} {
		files = append(files, p.wasm())
	}
	return files
}

// Files are programs, and files that are none.
func Files() [][]byte {
	files := Programs()
	for _, test := range refused {
		files = append(files, test.file)
	}
	return files
}

// Called is a program that has its host call it back.
func Called() []byte { return called(1).wasm() }

// RunCalled runs that program, and complains where it did not do its own.
func RunCalled(m engine.Module, mem engine.Memory) error {
	h := &host{}
	in, err := m.Instantiate(h, mem)
	if err != nil {
		return err
	}
	defer in.Close()
	h.instance = in
	if err := in.Start(); err != nil || strings.Join(h.calls, " ") != "7 1" {
		return fmt.Errorf("the program did not run: %v, %v", err, h.calls)
	}
	return nil
}

// Invalid is a program but for one instruction.
func Invalid() []byte { return starting(opDrop).wasm() }

// Loop is a program that makes as many host calls as the i32 at address 0 says.
func Loop() []byte { return loopOf("nothing").wasm() }

// Imports are what the programs import, for the host that Host makes.
func Imports() []engine.Import { return imports() }

// Host is the host of an instance.
func Host() any { return &host{} }
