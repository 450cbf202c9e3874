package schedpb

// Names of engines, as jobs ask for them and workers announce them.
const (
	EngineWazero = "wazero"
	EngineNative = "native"
)

// EngineNames are all, in the order in which people are told of them.
var EngineNames = []string{EngineWazero, EngineNative}
