package client

import "google.golang.org/grpc"

// Link is a way to a scheduler: a daemon's, or one that this launcher embeds.
type Link struct {
	Conn *grpc.ClientConn
	// stopSelf stops this process as Ctrl-Z does, once the ranks are stopped, and returns when it goes on.
	StopSelf func()
	Closers  []func() // run last to first
}

func (l *Link) Close() {
	for i := len(l.Closers) - 1; i >= 0; i-- {
		l.Closers[i]()
	}
	l.Closers = nil
}
