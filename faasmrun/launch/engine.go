package launch

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// engineAuto leaves the choice to the worker that gets the job.
const engineAuto = "auto"

func checkEngine(name string) error {
	if name != engineAuto && !slices.Contains(schedpb.EngineNames, name) {
		return fmt.Errorf("is %s, %s; %q is neither", engineAuto, strings.Join(schedpb.EngineNames, " or "), name)
	}
	return nil
}

// engineAsked is the name of the engine that the job asks its scheduler for: --engine's, or FAASMRUN_ENGINE's; "" for
// none.
func (r *Request) engineAsked() (string, error) {
	name := r.engine
	if name == "" {
		if name = os.Getenv("FAASMRUN_ENGINE"); name == "" {
			return "", nil
		}
		if err := checkEngine(name); err != nil {
			return "", cli.Usagef("FAASMRUN_ENGINE %v", err)
		}
	}
	if name == engineAuto {
		return "", nil
	}
	return name, nil
}
