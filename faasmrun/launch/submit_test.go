package launch

import (
	"context"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// brokenJobs is a scheduler whose answers to the first submissions are lost.
type brokenJobs struct {
	schedpb.JobsClient
	lost int
	keys []string
}

func (b *brokenJobs) Submit(_ context.Context, r *schedpb.SubmitRequest, _ ...grpc.CallOption) (*schedpb.SubmitResponse,
	error) {
	if b.keys = append(b.keys, r.IdempotencyKey); len(b.keys) <= b.lost {
		return nil, status.Error(codes.Unavailable, "the connection broke")
	}
	return &schedpb.SubmitResponse{JobId: 7}, nil
}

func TestSubmitIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &brokenJobs{lost: submitTries - 1}
		answer, err := Submit(t.Context(), jobs, &schedpb.JobSpec{}, false)
		if err != nil || answer.JobId != 7 || len(jobs.keys) != submitTries {
			t.Fatalf("%v after %d tries: %v", answer, len(jobs.keys), err)
		}
		for _, key := range jobs.keys {
			if key == "" || key != jobs.keys[0] {
				t.Fatalf("keys %q: all tries are the same submission", jobs.keys)
			}
		}
		jobs = &brokenJobs{lost: submitTries}
		if _, err := Submit(t.Context(), jobs, &schedpb.JobSpec{}, false); status.Code(err) != codes.Unavailable ||
			len(jobs.keys) != submitTries {
			t.Fatalf("%d tries: %v", len(jobs.keys), err)
		}
	})
}
