package launch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// SendModules sends the modules that the scheduler lacks.
func SendModules(ctx context.Context, jobs schedpb.JobsClient, modules map[string]*Module) error {
	var question schedpb.MissingModulesRequest
	for sum := range modules {
		question.Sha256 = append(question.Sha256, sum)
	}
	missing, err := jobs.MissingModules(ctx, &question)
	if err != nil {
		return err
	}
	for _, sum := range missing.Sha256 {
		m := modules[sum]
		if m == nil {
			return fmt.Errorf("the scheduler asks for module %q, which is not of this job", sum)
		}
		if err := sendModule(ctx, jobs, m); err != nil {
			return err
		}
	}
	return nil
}

func sendModule(ctx context.Context, jobs schedpb.JobsClient, m *Module) error {
	stream, err := jobs.PutModule(ctx)
	if err != nil {
		return err
	}
	for rest := m.Bytes; ; {
		chunk := &schedpb.ModuleChunk{Data: rest[:min(len(rest), moduleChunk)]}
		if len(rest) == len(m.Bytes) {
			chunk.Sha256 = m.Sha256
		}
		if rest = rest[len(chunk.Data):]; stream.Send(chunk) != nil || len(rest) == 0 {
			break // an error of Send is told by CloseAndRecv
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}

// moduleChunk is what one message of PutModule carries at most.
const moduleChunk = 1 << 20

func randomKey() string {
	var key [16]byte
	rand.Read(key[:])
	return hex.EncodeToString(key[:])
}

const (
	submitTries   = 5
	submitTimeout = time.Minute
	submitPause   = 200 * time.Millisecond // times the number of tries
)

// Submit hands a job to the scheduler, which has its modules already. It asks again under the same key when the
// connection breaks before the answer: the scheduler knows by it whether it has the job already.
func Submit(ctx context.Context, jobs schedpb.JobsClient, spec *schedpb.JobSpec,
	testOnly bool) (*schedpb.SubmitResponse, error) {
	req := &schedpb.SubmitRequest{Spec: spec.Encoded(), IdempotencyKey: randomKey(), TestOnly: testOnly}
	for tried := 1; ; tried++ {
		attempt, cancel := context.WithTimeout(ctx, submitTimeout)
		answer, err := jobs.Submit(attempt, req)
		cancel()
		if err == nil || tried == submitTries || !client.Unavailable(err) || ctx.Err() != nil {
			return answer, err
		}
		select {
		case <-time.After(time.Duration(tried) * submitPause):
		case <-ctx.Done():
		}
	}
}
