package schedpb

// Names of engines, as jobs ask for them and workers announce them.
const (
	EngineWazero = "wazero"
	EngineNative = "native"
)

// EngineScript is announced as an engine by workers that run scripts, and asked for by jobs that have one: interpreters
// of the worker's own machine, which run natively.
const EngineScript = "script"

// MaxScript bounds a script's text, in bytes: a job's description holds it.
const MaxScript = 1 << 20

// EngineNames are all that run programs, in the order in which people are told of them.
var EngineNames = []string{EngineWazero, EngineNative}
