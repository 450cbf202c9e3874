package scheduler

import (
	"context"
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Bounds of a reservation.
const maxReservedNodes = 10_000

// Reserve implements schedpb.ClusterServer.
func (s *Server) Reserve(ctx context.Context, req *schedpb.ReserveRequest) (*schedpb.ReserveResponse, error) {
	switch {
	case !nameable(req.Name):
		return nil, status.Errorf(codes.InvalidArgument, "%.80q is no name for a reservation", req.Name)
	case len(req.Nodes) > maxReservedNodes || len(req.Tenants) > maxHosts:
		return nil, status.Errorf(codes.InvalidArgument, "the reservation names %d nodes and %d tenants; at most %d and %d",
			len(req.Nodes), len(req.Tenants), maxReservedNodes, maxHosts)
	case req.DurationMs <= 0 || req.DurationMs > int64(math.MaxInt64/time.Millisecond) || req.FromUnixNs < 0:
		return nil, status.Errorf(codes.InvalidArgument, "a reservation from %d on for %d ms", req.FromUnixNs, req.DurationMs)
	}
	resp := &schedpb.ReserveResponse{}
	err := s.ask(ctx, func(r *reactor, viewer core.Tenant) (err error) {
		defer func() { s.audit(viewer, "reserve", err, "reservation", req.Name) }()
		if err := s.adminOnly(viewer); err != nil {
			return err
		}
		event := core.Reserve{Slots: req.Slots, IgnoreJobs: req.IgnoreJobs,
			For: core.Duration(time.Duration(req.DurationMs) * time.Millisecond)}
		event.Name, event.From = req.Name, core.Time(req.FromUnixNs)
		for _, name := range req.Nodes {
			event.Workers = append(event.Workers, core.WorkerName(name))
		}
		for _, name := range req.Tenants {
			event.Tenants = append(event.Tenants, core.Tenant(name))
		}
		ts, err := r.decide(event)
		if err != nil {
			return refusal(err)
		}
		made := ts[0].(*core.ReservationMade)
		resp.Reservation = wireReservation(made.Name, made.From, made.To, made.Tenants, made.Parts, made.Begun)
		return nil
	})
	return resp, err
}

// Unreserve implements schedpb.ClusterServer.
func (s *Server) Unreserve(ctx context.Context, req *schedpb.UnreserveRequest) (*schedpb.UnreserveResponse, error) {
	err := s.ask(ctx, func(r *reactor, viewer core.Tenant) (err error) {
		defer func() { s.audit(viewer, "unreserve", err, "reservation", req.Name) }()
		if err := s.adminOnly(viewer); err != nil {
			return err
		}
		if _, err := r.decide(core.Unreserve{Name: req.Name}); err != nil {
			return refusal(err)
		}
		return nil
	})
	return &schedpb.UnreserveResponse{}, err
}

// Reservations implements schedpb.ClusterServer.
func (s *Server) Reservations(ctx context.Context, _ *schedpb.ReservationsRequest) (*schedpb.ReservationsResponse,
	error) {
	resp := &schedpb.ReservationsResponse{}
	err := s.ask(ctx, func(r *reactor, _ core.Tenant) error {
		for _, v := range r.state.Reservations() {
			resp.Reservations = append(resp.Reservations, wireReservation(v.Name, v.From, v.To, v.Tenants, v.Parts, v.Begun))
		}
		return nil
	})
	return resp, err
}

func wireReservation(name string, from, to core.Time, tenants []core.Tenant, parts []core.ReservedPart,
	begun bool) *schedpb.Reservation {
	v := &schedpb.Reservation{Name: name, FromUnixNs: int64(from), ToUnixNs: int64(to), Begun: begun}
	for _, t := range tenants {
		v.Tenants = append(v.Tenants, string(t))
	}
	for _, p := range parts {
		v.Parts = append(v.Parts, &schedpb.ReservedPart{Node: string(p.Worker), Slots: p.Slots})
	}
	return v
}

// snapshotBytes bounds one message of a snapshot, but for a piece that is larger by itself.
const snapshotBytes = 1 << 20

// Snapshot implements schedpb.ClusterServer. The state is written down at once, by the reactor, and sent at the
// caller's pace.
func (s *Server) Snapshot(_ *schedpb.SnapshotRequest, stream grpc.ServerStreamingServer[schedpb.SnapshotPiece]) error {
	return s.untilHalt(func() error {
		var messages []*schedpb.SnapshotPiece
		err := s.ask(stream.Context(), func(r *reactor, _ core.Tenant) error {
			policy, err := EncodePolicy(r.state.Policy)
			if err != nil {
				return err
			}
			m := &schedpb.SnapshotPiece{AtUnixNs: int64(r.now()), Policy: policy}
			size := 0
			for p := range r.state.Outline() {
				if m.Pieces = append(m.Pieces, p); len(p)+size < snapshotBytes {
					size += len(p)
					continue
				}
				messages = append(messages, m)
				m, size = &schedpb.SnapshotPiece{}, 0
			}
			messages = append(messages, m)
			return nil
		})
		if err != nil {
			return err
		}
		for _, m := range messages {
			if err := stream.Send(m); err != nil {
				return err
			}
		}
		return nil
	})
}
