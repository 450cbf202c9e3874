//go:build race

package worker

// raceDetector: this test binary, and the processes that it starts as executors and compile children, carry the race
// detector, whose own memory is hundreds of MiB.
const raceDetector = true
