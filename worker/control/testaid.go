package control

import (
	"fmt"
	"os"
)

// ResumeVariable names the environment variable by which a test says how often calls of MPI are broken off and made
// again. A worker hands it on to its executors.
const ResumeVariable = "FAASMRUN_RESUME_EVERY"

// MessagesVariable names the one by which a test has collectives go by messages where they need not.
const MessagesVariable = "FAASMRUN_BY_MESSAGES"

// TestAidsForChild is the environment of an executor that says so: empty but in tests.
func TestAidsForChild() (environment []string) {
	for _, name := range []string{ResumeVariable, MessagesVariable} {
		if value := os.Getenv(name); value != "" {
			environment = append(environment, name+"="+value)
		}
	}
	return environment
}

// CollectivesByMessages reports whether a test asks for that, by 1.
func CollectivesByMessages() (bool, error) {
	switch value := os.Getenv(MessagesVariable); value {
	case "":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, fmt.Errorf("%s: %q is not 1", MessagesVariable, value)
	}
}
