package control

import "os"

// ResumeVariable names the environment variable by which a test says how often calls of MPI are broken off and made
// again. A worker hands it on to its executors.
const ResumeVariable = "FAASMRUN_RESUME_EVERY"

// ResumeForChild is the environment of an executor that says so: empty but in tests.
func ResumeForChild() []string {
	if every := os.Getenv(ResumeVariable); every != "" {
		return []string{ResumeVariable + "=" + every}
	}
	return nil
}
