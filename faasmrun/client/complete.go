package client

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// completionPatience is how long a shell waits for the scheduler after the Tab key.
const completionPatience = time.Second

// completed is one word that a shell offers, and what it stands for.
func completed(word, about string) string { return word + "\t" + about }

// ask asks the scheduler that is configured; a shell is told nothing where there is none.
func (f *ClusterFlags) ask(about func(ctx context.Context, jobs schedpb.JobsClient,
	nodes schedpb.ClusterClient) []string) ([]string, cobra.ShellCompDirective) {
	address := f.Scheduler
	if address == "" {
		address = os.Getenv("FAASMRUN_SCHEDULER")
	}
	if address == "" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	conn, err := Dial(address)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), completionPatience)
	defer cancel()
	return about(ctx, schedpb.NewJobsClient(conn), schedpb.NewClusterClient(conn)), cobra.ShellCompDirectiveNoFileComp
}

// CompleteJobs offers the tenant's own jobs, newest first: those that have not ended, or any.
func (f *ClusterFlags) CompleteJobs(any bool) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return f.ask(func(ctx context.Context, jobs schedpb.JobsClient, _ schedpb.ClusterClient) []string {
			const many = 100
			answer, err := jobs.List(ctx, &schedpb.ListRequest{Any: any, Newest: true, Limit: many})
			if err != nil {
				return nil
			}
			words := []string{completed("last", "your newest job"), completed("all", "your jobs that have not ended")}
			for i := len(answer.Jobs) - 1; i >= 0; i-- {
				j := answer.Jobs[i]
				words = append(words, completed(fmt.Sprint(j.Id), j.State+" "+j.Name))
			}
			return words
		})
	}
}

// CompleteNodes offers the workers.
func (f *ClusterFlags) CompleteNodes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return f.ask(func(ctx context.Context, _ schedpb.JobsClient, nodes schedpb.ClusterClient) (words []string) {
		answer, err := nodes.Nodes(ctx, &schedpb.NodesRequest{})
		for _, n := range answer.GetNodes() {
			words = append(words, completed(n.Name, fmt.Sprintf("%d of %d slots used", n.UsedSlots, n.Slots)))
		}
		if err != nil {
			return nil
		}
		return words
	})
}

// Label is how a job is named in lists: 12, or 14 (12_3) for a task of an array.
func Label(j *schedpb.JobInfo) string {
	if j.ArrayId != 0 {
		return fmt.Sprintf("%d (%d_%d)", j.Id, j.ArrayId, j.ArrayIndex)
	}
	return strconv.FormatUint(j.Id, 10)
}
