package launch

import (
	"context"

	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/faasmrun/daemon"
	"github.com/faasmrun/faasmrun/faasmrun/machine"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// connect finds the scheduler: the one at an address, or one of our own for a job that asks for
// an engine.
func connect(address string, here machine.Machine, slots int, engine string) (*client.Link, error) {
	if address == "" {
		return daemon.Embed(here, slots, engine)
	}
	conn, err := client.Dial(address)
	if err != nil {
		return nil, err
	}
	l := &client.Link{Conn: conn, Closers: []func(){func() { conn.Close() }}}
	l.StopSelf = func() {
		// The answer to any question says that the signal, which was sent before it, has arrived.
		ctx, cancel := context.WithTimeout(context.Background(), client.StopTimeout)
		defer cancel()
		schedpb.NewJobsClient(conn).MissingModules(ctx, &schedpb.MissingModulesRequest{})
		client.StopProcess()
	}
	return l, nil
}
